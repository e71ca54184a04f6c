//! What is on the way: when segments, resets and answers arrive, and what the network does to them.
//!
//! The rule: within a direction of a connection nothing overtakes. Through a *silence* (a cut link, or
//! a side that has vanished) nothing passes: segments are sent again when it ends, resets are lost.

use super::addresses::{self, Fit};
use super::network::{Event, Network};
use super::stream::{Arrival, Carries, ConnectionId, Doom, Owner, Phase, Segment, Side, Vanished};
use crate::address::Address;
use crate::engine::Token;
use bytes::{Bytes, BytesMut};
use std::io::ErrorKind;
use std::time::Duration;

/// How often a dialer asks: after 1, 2, 4 … 64 s it has waited 127 s in all, as Linux does.
const ATTEMPTS_MAX: u32 = 7;

/// How long a sender repeats itself without an answer, in ms: Linux's `tcp_retries2` of 15 comes to this.
const GIVE_UP_AFTER: Duration = Duration::from_millis(924_600);

// ------------------------------------------------------------------------------- connecting

impl Network {
    /// A dialer's question arrives, or is lost on the way.
    pub(super) fn ask(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get(&id) else { return };
        if connection.phase != Phase::Dialing || connection.end(Side::Dialer).owner == Owner::Nobody {
            return;
        }
        let doom = connection.doom;
        if doom == Some(Doom::Unanswered) || self.is_silent(id) {
            return self.ask_again(id);
        }
        let target = connection.end(Side::Acceptor).local.clone();
        let Some(token) = self.listener_for(&target).filter(|_| doom.is_none()) else {
            let reason = match target {
                Address::Unix(_) if doom.is_none() => ErrorKind::NotFound,
                _ => ErrorKind::ConnectionRefused,
            };
            return self.reply(id, Err(reason));
        };
        match self.listener(token) {
            Ok(listener) if listener.pending.len() < listener.backlog => listener.pending.push_back(id),
            _ => return self.ask_again(id),
        }
        self.mark(token);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.end_mut(Side::Acceptor).owner = Owner::Listener(token);
        }
        self.reply(id, Ok(()));
    }

    fn ask_again(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let pause = Duration::from_secs(1 << connection.attempts);
        connection.attempts += 1;
        let event = match connection.attempts {
            ATTEMPTS_MAX.. => Event::Answer(id, Err(ErrorKind::TimedOut)),
            _ => Event::Ask(id),
        };
        self.schedule(self.clock + pause, event);
    }

    fn reply(&mut self, id: ConnectionId, answer: Result<(), ErrorKind>) {
        let at = self.arrival(id, Side::Dialer);
        self.schedule(at, Event::Answer(id, answer));
    }

    /// The dialer learns what came of it.
    pub(super) fn answer(&mut self, id: ConnectionId, answer: Result<(), ErrorKind>) {
        let silent = self.is_silent(id);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.phase != Phase::Dialing {
            return;
        }
        connection.phase = match answer {
            Ok(()) if !silent => Phase::Open,
            Err(reason) if !silent || reason == ErrorKind::TimedOut => Phase::Failed(reason),
            lost => return self.answer_again(id, lost),
        };
        if let Phase::Failed(reason) = connection.phase {
            connection.end_mut(Side::Dialer).die(reason, true);
        }
        self.mark_end(id, Side::Dialer);
    }

    /// The answer was lost: the dialer asks again, and gets the same one.
    fn answer_again(&mut self, id: ConnectionId, answer: Result<(), ErrorKind>) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let pause = Duration::from_secs(1 << connection.attempts.min(ATTEMPTS_MAX - 1));
        connection.attempts += 1;
        let answer = if connection.attempts < ATTEMPTS_MAX { answer } else { Err(ErrorKind::TimedOut) };
        self.schedule(self.clock + pause, Event::Answer(id, answer));
    }

    /// Who listens there: the closest fit, and of those that share the address any.
    fn listener_for(&mut self, target: &Address) -> Option<Token> {
        let mut best: Vec<Token> = Vec::new();
        let mut best_fit = Fit::OtherFamily;
        for index in 0..self.listeners.len() {
            let token = self.listeners[index];
            let Ok(listener) = self.listener(token) else { continue };
            let Some(fit) = addresses::fit(&listener.address, target) else { continue };
            if fit > best_fit {
                best.clear();
            }
            if fit >= best_fit {
                best_fit = fit;
                best.push(token);
            }
        }
        match best.len() {
            0 | 1 => best.pop(),
            several => Some(best[self.random.index(several)]),
        }
    }
}

// ------------------------------------------------------------------------------- sending

impl Network {
    /// When something that is sent now reaches `towards`: not before what was sent earlier.
    fn arrival(&mut self, id: ConnectionId, towards: Side) -> Duration {
        let at = self.clock + self.delay();
        let Some(connection) = self.connections.get_mut(&id) else { return at };
        let sender = connection.end_mut(towards.other());
        sender.way_until = sender.way_until.max(at);
        sender.way_until
    }

    /// Bytes that `from` sends leave, in one segment or more.
    pub(super) fn transmit(&mut self, id: ConnectionId, from: Side, bytes: Bytes) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.end_mut(from).unacked += bytes.len();
        }
        let mut rest = bytes;
        let split = self.random.chance(self.faults.split);
        while !rest.is_empty() {
            let count = if split { 1 + self.random.index(rest.len()) } else { rest.len() };
            self.transmit_segment(id, from, &rest.split_to(count));
        }
    }

    fn transmit_segment(&mut self, id: ConnectionId, from: Side, bytes: &[u8]) {
        let joins = self.random.chance(self.faults.coalesce);
        if !(joins && self.join_last(id, from, bytes)) {
            self.depart(id, from, Carries::Data(BytesMut::from(bytes)));
        }
        if self.random.chance(self.faults.reset) {
            for side in Side::BOTH {
                self.send_reset(id, side);
            }
        }
        if self.random.chance(self.faults.half_open) {
            let side = Side::BOTH[self.random.index(2)];
            let resets = self.random.chance(self.faults.half_open_reset);
            self.vanish(id, side, if resets { Vanished::Resets } else { Vanished::Silent });
        }
        self.answer_for_the_vanished(id, from);
    }

    /// Add to the segment that was sent last, if it has not arrived.
    fn join_last(&mut self, id: ConnectionId, from: Side, bytes: &[u8]) -> bool {
        let Some(connection) = self.connections.get_mut(&id) else { return false };
        match connection.end_mut(from).way.back_mut() {
            Some(Segment { carries: Carries::Data(data), .. }) => data.extend_from_slice(bytes),
            _ => return false,
        }
        true
    }

    fn depart(&mut self, id: ConnectionId, from: Side, carries: Carries) {
        let at = self.arrival(id, from.other());
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.end_mut(from).way.push_back(Segment { at, carries });
        }
        self.schedule(at, Event::Arrive(id, from.other()));
        self.expect_an_answer(id);
    }

    /// Send the FIN of `from` if it is time for it.
    pub(super) fn finish_if_due(&mut self, id: ConnectionId, from: Side) {
        if self.connections.get_mut(&id).is_some_and(|connection| connection.end_mut(from).finish()) {
            self.depart(id, from, Carries::End);
        }
    }

    pub(super) fn send_reset(&mut self, id: ConnectionId, towards: Side) {
        let at = self.arrival(id, towards);
        self.schedule(at, Event::Reset(id, towards));
    }

    /// What `from` has sent meets nobody: perhaps a reset comes back.
    fn answer_for_the_vanished(&mut self, id: ConnectionId, from: Side) {
        let Some(connection) = self.connections.get(&id) else { return };
        if connection.end(from.other()).vanished == Some(Vanished::Resets) {
            let at = self.clock + self.delay() + self.delay();
            self.schedule(at, Event::Rebuff(id, from));
        }
    }

    /// The engine goes on with what it owns for `from`.
    pub(super) fn pump(&mut self, id: ConnectionId, from: Side) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if let Some(bytes) = connection.next_owned(from) {
            self.transmit(id, from, bytes);
        }
        self.finish_if_due(id, from);
        self.mark_end(id, from);
    }
}

// ------------------------------------------------------------------------------- arriving

impl Network {
    /// All segments that should be there by now arrive at `towards`.
    pub(super) fn arrive(&mut self, id: ConnectionId, towards: Side) {
        if self.is_silent(id) {
            return;
        }
        let clock = self.clock;
        let Some(connection) = self.connections.get_mut(&id) else { return };
        while let Some(segment) =
            connection.end_mut(towards.other()).way.pop_front_if(|segment| segment.at <= clock)
        {
            if connection.outcome_is_open(towards) {
                // Data is as good as an answer.
                connection.phase = Phase::Open;
            }
            if connection.end_mut(towards).arrive(segment.carries) == Arrival::Unwanted {
                connection.end_mut(towards.other()).way.clear();
                self.send_reset(id, towards.other());
                break;
            }
        }
        self.mark_end(id, towards);
    }

    /// `side` has read this many bytes: its peer may send as many more.
    pub(super) fn acknowledge(&mut self, id: ConnectionId, side: Side, bytes: usize) {
        let at = self.clock + self.delay();
        self.schedule(at, Event::Acknowledge(id, side.other(), bytes));
    }

    pub(super) fn acknowledged(&mut self, id: ConnectionId, side: Side, bytes: usize) {
        let silent = self.is_silent(id);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let end = connection.end_mut(side);
        if silent {
            end.held_acks += bytes;
        } else if !end.dead {
            debug_assert!(end.unacked >= bytes, "read more than was sent");
            end.unacked = end.unacked.saturating_sub(bytes);
            self.pump(id, side);
        }
    }

    pub(super) fn reset_arrives(&mut self, id: ConnectionId, side: Side) {
        if !self.is_silent(id) {
            self.die(id, side, ErrorKind::ConnectionReset);
        }
    }

    /// `side` learns that the connection is broken.
    pub(super) fn die(&mut self, id: ConnectionId, side: Side, kind: ErrorKind) {
        let keeps_received =
            kind != ErrorKind::ConnectionReset || self.random.chance(self.faults.reset_keeps_received);
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if side == Side::Dialer && connection.phase == Phase::Dialing {
            connection.phase = Phase::Failed(kind);
        }
        connection.end_mut(side).die(kind, keeps_received);
        self.mark_end(id, side);
    }

    pub(super) fn mark_end(&mut self, id: ConnectionId, side: Side) {
        let listening = self.connections.get(&id).and_then(|connection| connection.end(side).listening());
        if let Some(token) = listening {
            self.mark(token);
        }
    }
}

// ------------------------------------------------------------------------------- silence

impl Network {
    /// Whether nothing passes between the ends of this connection.
    pub(super) fn is_silent(&self, id: ConnectionId) -> bool {
        let Some(connection) = self.connections.get(&id) else { return true };
        let ends = Side::BOTH.map(|side| &connection.end(side).local);
        connection.is_vanished()
            || self.cuts.iter().any(|cut| ends.iter().any(|end| addresses::is_meant(cut, end)))
    }

    /// Through a silence who waits for an answer will give up one day.
    fn expect_an_answer(&mut self, id: ConnectionId) {
        if !self.is_silent(id) {
            return;
        }
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let silence = connection.silences;
        let waiting = Side::BOTH.map(|side| {
            let end = connection.end_mut(side);
            end.waits_for_answer() && end.gives_up_in.replace(silence) != Some(silence)
        });
        for (side, waits) in Side::BOTH.into_iter().zip(waiting) {
            if waits {
                self.schedule(self.clock + GIVE_UP_AFTER, Event::GiveUp(id, side, silence));
            }
        }
    }

    pub(super) fn give_up(&mut self, id: ConnectionId, side: Side, silence: u32) {
        let Some(connection) = self.connections.get(&id) else { return };
        if connection.silences == silence && connection.end(side).waits_for_answer() && self.is_silent(id) {
            self.die(id, side, ErrorKind::TimedOut);
        }
    }

    /// One side is gone without a word, for good.
    pub(super) fn vanish(&mut self, id: ConnectionId, side: Side, how: Vanished) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.end_mut(side).vanished.get_or_insert(how);
        }
        self.expect_an_answer(id);
    }

    /// Nothing passes from or to this address any more.
    pub(super) fn cut(&mut self, address: Address) {
        if !self.cuts.contains(&address) {
            self.cuts.push(address);
        }
        for id in self.connection_ids() {
            self.expect_an_answer(id);
        }
    }

    /// The end of a cut: what was held up is sent again.
    pub(super) fn heal(&mut self, address: &Address) {
        let silent: Vec<ConnectionId> =
            self.connection_ids().into_iter().filter(|id| self.is_silent(*id)).collect();
        self.cuts.retain(|cut| cut != address);
        for id in silent {
            if !self.is_silent(id) {
                self.send_again(id);
            }
        }
    }

    fn send_again(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.silences += 1;
        }
        for side in Side::BOTH {
            let at = self.arrival(id, side);
            let Some(connection) = self.connections.get_mut(&id) else { return };
            let acks = std::mem::take(&mut connection.end_mut(side).held_acks);
            self.schedule(at, Event::Arrive(id, side));
            if acks > 0 {
                self.schedule(at, Event::Acknowledge(id, side, acks));
            }
        }
    }

    pub(super) fn connection_ids(&self) -> Vec<ConnectionId> {
        self.connections.keys().copied().collect()
    }
}
