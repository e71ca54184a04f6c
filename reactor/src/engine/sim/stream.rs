//! A connection: its two ends and what is on the way between them.
//!
//! ```text
//!        dialer                                       acceptor
//!   owned ─▶ way ═══ segment ═ segment ═ FIN ═══▶  inbox ─▶ receive
//!   unacked: on the way, or unread there
//! ```
//!
//! The rule: this file is TCP without time. It says what an event does to a connection; when events
//! happen, and which, is decided in `wire`.

use crate::address::Address;
use crate::engine::Token;
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::io::ErrorKind;
use std::time::Duration;

pub(super) type ConnectionId = u64;

/// One of a connection's two sides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    Dialer,
    Acceptor,
}

impl Side {
    pub(super) const BOTH: [Self; 2] = [Self::Dialer, Self::Acceptor];

    pub(super) fn other(self) -> Self {
        match self {
            Self::Dialer => Self::Acceptor,
            Self::Acceptor => Self::Dialer,
        }
    }
}

/// How far a connection is, as its dialer sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Dialing,
    Open,
    Failed(ErrorKind),
}

pub(super) struct Connection {
    ends: [End; 2],
    pub(super) phase: Phase,
    /// How often the dialer has asked.
    pub(super) attempts: u32,
    /// What the network has in mind for the attempt.
    pub(super) doom: Option<Doom>,
    /// Grows each time that a silence ends: what was planned in an earlier one is void.
    pub(super) silences: u32,
}

/// How an attempt to connect fails, whoever listens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Doom {
    Refused,
    Unanswered,
}

/// Who holds an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// Nobody: not born yet, or closed.
    Nobody,
    /// A listener, until it is accepted.
    Listener(Token),
    Token(Token),
}

/// That a side has vanished, and what answers for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Vanished {
    Silent,
    /// What is sent to it brings a reset.
    Resets,
}

pub(super) struct End {
    pub(super) local: Address,
    pub(super) owner: Owner,
    pub(super) vanished: Option<Vanished>,
    /// How much may be unread here or on the way here, in bytes.
    pub(super) window: usize,
    /// What has come and was not read.
    inbox: BytesMut,
    /// The other side's FIN has come.
    ended: bool,
    /// To be told once.
    error: Option<ErrorKind>,
    /// Reset or timed out: nothing is sent or received any more.
    pub(super) dead: bool,

    /// Our user sends no more.
    shut: bool,
    /// Our FIN is on its way.
    finished: bool,
    /// What the engine took beyond what the network takes; `None` for an end that doesn't do so.
    owned: Option<BytesMut>,
    /// What we sent and the other side has not read.
    pub(super) unacked: usize,
    pub(super) way: VecDeque<Segment>,
    /// When the last thing that we sent arrives: the next one is not earlier.
    pub(super) way_until: Duration,
    /// Acknowledgements that a silence keeps from us, in bytes.
    pub(super) held_acks: usize,
    /// The silence in which it is decided already when to give up.
    pub(super) gives_up_in: Option<u32>,
}

pub(super) struct Segment {
    pub(super) at: Duration,
    pub(super) carries: Carries,
}

pub(super) enum Carries {
    Data(BytesMut),
    End,
}

/// What an arriving segment does to the end that it reaches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrival {
    Taken,
    /// Nobody is there to read it: a reset is the answer.
    Unwanted,
}

/// What is there for a user who receives.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Incoming {
    Bytes(BytesMut),
    End,
    Error(ErrorKind),
    Nothing,
}

/// What stands in a sender's way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outgoing {
    /// This many bytes may go.
    Room(usize),
    /// The engine takes it all.
    Everything,
    Full,
    Error(ErrorKind),
}

impl Connection {
    pub(super) fn new(dialer: End, acceptor: End) -> Self {
        Self { ends: [dialer, acceptor], phase: Phase::Dialing, attempts: 0, doom: None, silences: 0 }
    }

    pub(super) fn end(&self, side: Side) -> &End {
        &self.ends[side as usize]
    }

    pub(super) fn end_mut(&mut self, side: Side) -> &mut End {
        &mut self.ends[side as usize]
    }

    /// Whether `side` is a dialer whose attempt is not decided.
    pub(super) fn outcome_is_open(&self, side: Side) -> bool {
        self.phase == Phase::Dialing && side == Side::Dialer
    }

    /// How many bytes `side` may send now.
    pub(super) fn room(&self, side: Side) -> usize {
        self.end(side.other()).window.saturating_sub(self.end(side).unacked)
    }

    pub(super) fn is_vanished(&self) -> bool {
        self.ends.iter().any(|end| end.vanished.is_some())
    }

    /// Whether nobody holds it any more.
    pub(super) fn is_abandoned(&self) -> bool {
        self.ends.iter().all(|end| end.owner == Owner::Nobody)
    }

    /// Whether `side`'s user has something to receive: bytes, the end, or an error.
    pub(super) fn is_readable(&self, side: Side) -> bool {
        let end = self.end(side);
        match (self.phase, side) {
            (Phase::Dialing, Side::Dialer) => false,
            (Phase::Failed(_), Side::Dialer) => true,
            _ => !end.inbox.is_empty() || end.ended || end.dead,
        }
    }

    /// Whether `side`'s user can send, or learn why not.
    pub(super) fn is_writable(&self, side: Side) -> bool {
        let end = self.end(side);
        if self.outcome_is_open(side) {
            return false;
        }
        end.dead
            || end.shut
            || match &end.owned {
                Some(owned) => owned.is_empty(),
                None => self.room(side) > 0,
            }
    }

    /// How the attempt ended: the answer to the dialer.
    pub(super) fn outcome(&mut self) -> Option<Result<(), ErrorKind>> {
        match self.phase {
            Phase::Dialing => None,
            Phase::Failed(kind) => Some(Err(kind)),
            Phase::Open => Some(self.end_mut(Side::Dialer).error.take().map_or(Ok(()), Err)),
        }
    }

    /// What stands in the way of `side`'s user who sends.
    pub(super) fn outgoing(&mut self, side: Side) -> Outgoing {
        match self.phase {
            _ if self.outcome_is_open(side) => return Outgoing::Full,
            Phase::Failed(_) if side == Side::Dialer => return Outgoing::Error(ErrorKind::NotConnected),
            _ => {}
        }
        let room = self.room(side);
        let end = self.end_mut(side);
        if let Some(kind) = end.error.take() {
            return Outgoing::Error(kind);
        }
        match &end.owned {
            _ if end.dead || end.shut => Outgoing::Error(ErrorKind::BrokenPipe),
            Some(owned) if owned.is_empty() => Outgoing::Everything,
            None if room > 0 => Outgoing::Room(room),
            _ => Outgoing::Full,
        }
    }

    /// What `side`'s user receives: at most `limit` bytes.
    pub(super) fn incoming(&mut self, side: Side, limit: usize) -> Incoming {
        match self.phase {
            _ if self.outcome_is_open(side) => return Incoming::Nothing,
            Phase::Failed(_) if side == Side::Dialer => return Incoming::Error(ErrorKind::NotConnected),
            _ => {}
        }
        let end = self.end_mut(side);
        if !end.inbox.is_empty() {
            return Incoming::Bytes(end.take(limit));
        }
        match end.error.take() {
            Some(kind) => Incoming::Error(kind),
            None if end.ended || end.dead => Incoming::End,
            None => Incoming::Nothing,
        }
    }

    /// The next of what the engine owns for `side`, as far as there is room.
    pub(super) fn next_owned(&mut self, side: Side) -> Option<Bytes> {
        let room = self.room(side);
        let owned = self.end_mut(side).owned.as_mut()?;
        let count = room.min(owned.len());
        (count > 0).then(|| owned.split_to(count).freeze())
    }
}

impl End {
    pub(super) fn new(local: Address, owner: Owner, window: usize, owns: bool) -> Self {
        Self {
            local,
            owner,
            vanished: None,
            window,
            inbox: BytesMut::new(),
            ended: false,
            error: None,
            dead: false,
            shut: false,
            finished: false,
            owned: owns.then(BytesMut::new),
            unacked: 0,
            way: VecDeque::new(),
            way_until: Duration::ZERO,
            held_acks: 0,
            gives_up_in: None,
        }
    }

    /// Who is to hear of it when something changes here.
    pub(super) fn listening(&self) -> Option<Token> {
        match self.owner {
            Owner::Token(token) => Some(token),
            Owner::Nobody | Owner::Listener(_) => None,
        }
    }

    pub(super) fn has_unread(&self) -> bool {
        !self.inbox.is_empty()
    }

    /// Whether nothing but bytes can come next: no end or error is known yet.
    pub(super) fn is_quiet(&self) -> bool {
        self.inbox.is_empty() && !self.ended && !self.dead
    }

    pub(super) fn unsent(&self) -> usize {
        self.owned.as_ref().map_or(0, BytesMut::len)
    }

    pub(super) fn own(&mut self, bytes: &[u8]) {
        self.owned.get_or_insert_default().extend_from_slice(bytes);
    }

    /// The user sends no more. Whether that is news.
    pub(super) fn shut(&mut self) -> bool {
        !std::mem::replace(&mut self.shut, true)
    }

    /// Whether it is time for the FIN. It is asked for once.
    pub(super) fn finish(&mut self) -> bool {
        let due = self.shut && !self.finished && !self.dead && self.unsent() == 0;
        self.finished |= due;
        due
    }

    /// Whether the other side still owes us something: an acknowledgement or its answer to our FIN.
    pub(super) fn waits_for_answer(&self) -> bool {
        !self.dead && (self.unacked > 0 || !self.way.is_empty())
    }

    fn take(&mut self, limit: usize) -> BytesMut {
        if limit < self.inbox.len() {
            self.inbox.split_to(limit)
        } else {
            // Whole, so that an idle connection holds no buffer.
            std::mem::take(&mut self.inbox)
        }
    }

    pub(super) fn arrive(&mut self, carries: Carries) -> Arrival {
        let gone = self.owner == Owner::Nobody || self.dead;
        match carries {
            Carries::Data(_) if gone => return Arrival::Unwanted,
            Carries::Data(bytes) => {
                debug_assert!(!self.ended, "nothing comes after the end");
                self.inbox.unsplit(bytes);
            }
            Carries::End => self.ended = true,
        }
        Arrival::Taken
    }

    /// A reset has come, or it was given up.
    pub(super) fn die(&mut self, kind: ErrorKind, keeps_received: bool) {
        if std::mem::replace(&mut self.dead, true) {
            return;
        }
        let lost = !keeps_received && !self.inbox.is_empty();
        if lost {
            self.inbox = BytesMut::new();
            // What was cut off must not look complete.
            self.ended = false;
        }
        if !self.ended {
            self.error = Some(kind);
        }
        if let Some(owned) = &mut self.owned {
            owned.clear();
        }
        self.way.clear();
        self.unacked = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: Token = Token { index: 0, generation: 1 };

    fn open() -> Connection {
        let end = || End::new(Address::Unix(None), Owner::Token(TOKEN), 10, false);
        let mut connection = Connection::new(end(), end());
        connection.phase = Phase::Open;
        connection
    }

    fn data(bytes: &[u8]) -> Carries {
        Carries::Data(BytesMut::from(bytes))
    }

    fn bytes(bytes: &[u8]) -> Incoming {
        Incoming::Bytes(BytesMut::from(bytes))
    }

    #[test]
    fn the_end_comes_after_the_bytes_and_stays() {
        let mut connection = open();
        let end = connection.end_mut(Side::Acceptor);
        assert_eq!(end.arrive(data(b"abc")), Arrival::Taken);
        end.arrive(Carries::End);
        assert_eq!(connection.incoming(Side::Acceptor, 2), bytes(b"ab"));
        assert_eq!(connection.incoming(Side::Acceptor, 2), bytes(b"c"));
        assert_eq!(connection.incoming(Side::Acceptor, 2), Incoming::End);
        assert_eq!(connection.incoming(Side::Acceptor, 2), Incoming::End);
    }

    #[test]
    fn a_reset_is_told_once_and_then_it_is_over_as_on_linux() {
        let mut connection = open();
        connection.end_mut(Side::Dialer).die(ErrorKind::ConnectionReset, false);
        assert_eq!(connection.incoming(Side::Dialer, 1), Incoming::Error(ErrorKind::ConnectionReset));
        assert_eq!(connection.incoming(Side::Dialer, 1), Incoming::End);
        assert_eq!(connection.outgoing(Side::Dialer), Outgoing::Error(ErrorKind::BrokenPipe));

        connection.end_mut(Side::Acceptor).die(ErrorKind::ConnectionReset, false);
        assert_eq!(connection.outgoing(Side::Acceptor), Outgoing::Error(ErrorKind::ConnectionReset));
        assert_eq!(connection.outgoing(Side::Acceptor), Outgoing::Error(ErrorKind::BrokenPipe));
        assert_eq!(connection.incoming(Side::Acceptor, 1), Incoming::End);
    }

    #[test]
    fn a_reset_that_destroys_bytes_never_looks_like_a_clean_end() {
        let mut connection = open();
        let end = connection.end_mut(Side::Dialer);
        end.arrive(data(b"abc"));
        end.arrive(Carries::End);
        end.die(ErrorKind::ConnectionReset, false);
        assert_eq!(connection.incoming(Side::Dialer, 9), Incoming::Error(ErrorKind::ConnectionReset));
    }

    #[test]
    fn a_reset_after_the_end_leaves_the_end() {
        for keeps_received in [false, true] {
            let mut connection = open();
            let end = connection.end_mut(Side::Dialer);
            end.arrive(Carries::End);
            end.die(ErrorKind::ConnectionReset, keeps_received);
            assert_eq!(connection.incoming(Side::Dialer, 9), Incoming::End);
            assert_eq!(connection.outgoing(Side::Dialer), Outgoing::Error(ErrorKind::BrokenPipe));
        }
    }

    #[test]
    fn a_reset_may_leave_what_was_received() {
        let mut connection = open();
        connection.end_mut(Side::Dialer).arrive(data(b"abc"));
        connection.end_mut(Side::Dialer).die(ErrorKind::ConnectionReset, true);
        assert_eq!(connection.incoming(Side::Dialer, 9), bytes(b"abc"));
        assert_eq!(connection.incoming(Side::Dialer, 9), Incoming::Error(ErrorKind::ConnectionReset));
        assert_eq!(connection.incoming(Side::Dialer, 9), Incoming::End);
    }

    #[test]
    fn data_for_nobody_is_unwanted_but_an_end_is_not() {
        let mut connection = open();
        let end = connection.end_mut(Side::Acceptor);
        end.owner = Owner::Nobody;
        assert_eq!(end.arrive(data(b"abc")), Arrival::Unwanted);
        assert_eq!(end.arrive(Carries::End), Arrival::Taken);
    }

    #[test]
    fn the_window_bounds_what_may_be_sent() {
        let mut connection = open();
        assert_eq!(connection.outgoing(Side::Dialer), Outgoing::Room(10));
        connection.end_mut(Side::Dialer).unacked = 10;
        assert_eq!(connection.outgoing(Side::Dialer), Outgoing::Full);
        assert!(!connection.is_writable(Side::Dialer) && connection.is_writable(Side::Acceptor));
        connection.end_mut(Side::Acceptor).window = 5;
        assert_eq!(connection.outgoing(Side::Dialer), Outgoing::Full);
        connection.end_mut(Side::Dialer).unacked = 4;
        assert_eq!(connection.outgoing(Side::Dialer), Outgoing::Room(1));
    }

    #[test]
    fn an_owning_end_takes_everything_and_then_nothing_until_it_has_left() {
        let mut connection = open();
        connection.ends[0] = End::new(Address::Unix(None), Owner::Token(TOKEN), 10, true);
        assert_eq!(connection.outgoing(Side::Dialer), Outgoing::Everything);
        connection.end_mut(Side::Dialer).own(&[7; 15]);
        assert_eq!(connection.outgoing(Side::Dialer), Outgoing::Full);
        assert!(connection.end_mut(Side::Dialer).shut());
        assert!(!connection.end_mut(Side::Dialer).finish(), "the end waits for the bytes");
        assert_eq!(connection.next_owned(Side::Dialer).map(|bytes| bytes.len()), Some(10));
        connection.end_mut(Side::Dialer).unacked = 10;
        assert_eq!(connection.next_owned(Side::Dialer), None);
        assert_eq!(connection.end(Side::Dialer).unsent(), 5);
        connection.end_mut(Side::Dialer).unacked = 0;
        assert_eq!(connection.next_owned(Side::Dialer).map(|bytes| bytes.len()), Some(5));
        assert!(connection.end_mut(Side::Dialer).finish());
        assert!(!connection.end_mut(Side::Dialer).finish(), "once");
    }

    #[test]
    fn a_failed_attempt_says_why_for_as_long_as_it_is_asked() {
        let mut connection = open();
        connection.phase = Phase::Dialing;
        assert_eq!(connection.outcome(), None);
        assert!(!connection.is_writable(Side::Dialer));
        connection.phase = Phase::Failed(ErrorKind::ConnectionRefused);
        assert!(connection.is_writable(Side::Dialer));
        assert_eq!(connection.outcome(), Some(Err(ErrorKind::ConnectionRefused)));
        assert_eq!(connection.outcome(), Some(Err(ErrorKind::ConnectionRefused)));
        assert_eq!(connection.outgoing(Side::Dialer), Outgoing::Error(ErrorKind::NotConnected));
    }
}
