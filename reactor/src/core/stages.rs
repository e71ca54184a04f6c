//! The three stages of a turn: receive from all, run all, send to all.
//!
//! In stages rather than one connection after the other, because the same code and the same kernel
//! path then run back to back, and that is worth a third of the time at depth sixteen.

use super::{Core, Entry, Layered, Rare, Slot};
use crate::buffer::{self, BUFFER_SIZE};
use crate::engine::{Close, Engine, Token};
use crate::protocol::{Eof, Protocol, Reason};
use crate::shared::Shared;
use crate::timer::Look;
use crate::transport::{Connection, Flag, Transport, gate::Passage};
use crate::{Resolver, panics};
use bytes::BytesMut;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Instant;

/// How many bytes a connection may receive in a turn.
const RECEIVE_BUDGET: usize = 64 * 1024;

/// How many sends a connection may make in a turn.
const SEND_BUDGET: usize = 4;

/// How many connections receive before their protocols run: their buffers fill half a level-two cache.
const BATCH: usize = 64;

/// Input left by the protocol is moved to a buffer of its own size when it is shorter than this.
const SHRINK_BELOW: usize = BUFFER_SIZE / 4;

/// How many remnants may wait for their peers; the next ones are closed at once.
const REMNANTS_MAX: usize = 1024;

impl Core {
    /// Receive from all connections at hand and run their protocols. Returns those connections:
    /// what they wrote is sent in the last stage.
    pub(super) fn receive_and_run(&mut self, home: &Rc<Shared>) -> VecDeque<Rc<Connection>> {
        let mut served = std::mem::take(&mut self.work);
        for batch in served.make_contiguous().chunks(BATCH) {
            {
                let mut engine = home.engine.borrow_mut();
                for connection in batch {
                    if let Some(entry) = self.entry(connection) {
                        entry.receive(&mut **engine);
                    }
                }
            }
            for connection in batch {
                self.run_protocol(connection, home);
            }
        }
        served
    }

    /// Call the protocol with whatever is due to it.
    fn run_protocol(&mut self, connection: &Rc<Connection>, home: &Rc<Shared>) {
        let Some(entry) = self.entry(connection) else { return };
        // The protocol is lifted out: its callbacks must find nothing of the loop's borrowed.
        let Some(mut protocol) = entry.protocol.take() else { return };
        let mut input = std::mem::take(&mut entry.input);
        let mut rare = entry.rare.take();
        let transport = Transport(connection.clone());
        let outcome = panics::catch(|| {
            if let Some(successor) = connection.take_successor() {
                protocol = successor;
            }
            if let Some(made) = rare.as_deref_mut().and_then(Rare::take_made) {
                made.resolve(Ok(transport.clone()));
            }
            if rare.as_ref().is_none_or(|rare| rare.is_established()) {
                run(&mut *protocol, &mut input, &transport);
            }
        });
        let lost = rare.as_mut().and_then(|rare| rare.lost.take());
        let Some(entry) = self.entry(connection) else { return };
        entry.protocol = Some(protocol);
        entry.rare = rare.filter(|rare| rare.is_needed());
        let waiting = input.len();
        entry.input = settle(input);
        if let Err(panic) = outcome {
            let name = entry.protocol.as_ref().map_or("", |protocol| protocol.name());
            tracing::error!(protocol = name, peer = %connection.peer, panic.message, panic.backtrace, "a protocol panicked");
            return self.finish(connection, Reason::Panicked(panic.message), home);
        }
        if let Some(error) = lost {
            entry.last_words(&mut **home.engine.borrow_mut());
            return self.finish(connection, Reason::Lost(error), home);
        }
        if waiting > connection.input_max() {
            self.finish(connection, Reason::InputOverflow(waiting), home);
        }
    }

    /// Send everything that was written in this turn: by the connections served, and to others.
    pub(super) fn send_all(&mut self, served: VecDeque<Rc<Connection>>, home: &Rc<Shared>) {
        let touched = std::mem::take(&mut self.work);
        for connection in served.iter().chain(&touched) {
            self.send(connection, home);
        }
        // Keep the larger allocation for the next turn, behind what is queued for it already.
        let mut spare = if served.capacity() > touched.capacity() { served } else { touched };
        spare.clear();
        spare.append(&mut self.work);
        self.work = spare;
    }

    fn send(&mut self, connection: &Rc<Connection>, home: &Rc<Shared>) {
        let flags = &connection.flags;
        flags.clear(Flag::Queued);
        if flags.has(Flag::Dead) {
            return;
        }
        if flags.has(Flag::Aborting) {
            return self.finish(connection, Reason::Aborted, home);
        }
        if flags.has(Flag::Broken) {
            return self.end_broken(connection, home);
        }
        let Some(entry) = self.entry(connection) else { return };
        let passage = connection.begin_passage();
        let kept = passage.as_ref().map_or(0, Passage::kept);
        let left = {
            let mut engine = home.engine.borrow_mut();
            match entry.flush(&mut **engine, kept) {
                Ok(left) => left,
                Err(error) => {
                    drop(engine);
                    return self.break_off(connection, error, home);
                }
            }
        };
        if let Some(passage) = passage {
            connection.end_passage(passage);
        }
        connection.output_shrank(left);
        if left == 0 {
            self.after_last_byte(connection, home);
        } else if flags.any(&[Flag::Closing, Flag::HalfClosing]) {
            self.linger(connection, home);
        }
        if connection.has_callbacks_due() && flags.set(Flag::Queued) {
            self.work.push_back(connection.clone());
        }
    }

    /// Sending failed. If that is because the peer is gone, what it sent before is still to be had,
    /// and comes first: the refusal of what we were sending, a program's last output.
    fn break_off(&mut self, connection: &Rc<Connection>, error: io::Error, home: &Rc<Shared>) {
        let flags = &connection.flags;
        let is_gone = matches!(error.kind(), ErrorKind::BrokenPipe | ErrorKind::ConnectionReset);
        let nobody_listens = flags.any(&[Flag::EofSeen, Flag::Paused, Flag::Closing]);
        let Some(entry) = self.entry(connection).filter(|_| is_gone && !nobody_listens) else {
            return self.finish(connection, Reason::Lost(error), home);
        };
        entry.rare.get_or_insert_default().broken = Some(error);
        flags.set(Flag::Broken);
        flags.set(Flag::Readable);
        connection.output.borrow_mut().clear();
        connection.queue();
    }

    /// A connection on which nothing can be sent any more: has all been received?
    fn end_broken(&mut self, connection: &Rc<Connection>, home: &Rc<Shared>) {
        let flags = &connection.flags;
        let more = flags.has(Flag::Readable) && !flags.has(Flag::EofSeen);
        if more && connection.is_reading() {
            return connection.queue();
        }
        // Its consumer, or a policy, is going to let it read on.
        let waits =
            flags.any(&[Flag::ProducerPaused, Flag::Held]) && !flags.any(&[Flag::Paused, Flag::Closing]);
        if more && waits {
            return;
        }
        let broken = self.entry(connection).and_then(|entry| entry.rare.as_mut()?.broken.take());
        let why = broken.unwrap_or_else(|| ErrorKind::BrokenPipe.into());
        self.finish(connection, Reason::Lost(why), home);
    }

    /// Nothing waits to leave: the time for a close that was asked for.
    fn after_last_byte(&mut self, connection: &Rc<Connection>, home: &Rc<Shared>) {
        let flags = &connection.flags;
        if flags.has(Flag::Closing) {
            let why = if flags.has(Flag::Stopping) { Reason::Stopped } else { Reason::Done };
            return self.finish(connection, why, home);
        }
        if flags.has(Flag::HalfClosing) && flags.set(Flag::HalfClosed) {
            let shut = home.engine.borrow_mut().shutdown_write(connection.token.get());
            // A peer that is gone already is for the next receive to tell.
            if let Err(error) = shut.or_else(|error| match error.kind() {
                ErrorKind::NotConnected => Ok(()),
                _ => Err(error),
            }) {
                return self.finish(connection, Reason::Lost(error), home);
            }
        }
        if flags.has(Flag::HalfClosed) && flags.has(Flag::EofTold) {
            self.finish(connection, Reason::Done, home);
        }
    }

    /// Output is left although the connection is to close: give the peer time as long as it takes any.
    fn linger(&mut self, connection: &Rc<Connection>, home: &Rc<Shared>) {
        if connection.flags.has(Flag::Closing) && connection.flags.set(Flag::Lingering) {
            connection.flags.clear(Flag::Progress);
            if let Some(at) = home.now().checked_add(home.settings.linger) {
                self.timers.look_at(at, Look::Linger(connection.clone()), home);
            }
        }
    }

    /// The linger time is up: did the peer take anything meanwhile?
    pub(super) fn look_at_linger(&mut self, connection: &Rc<Connection>, now: Instant, home: &Rc<Shared>) {
        if connection.flags.has(Flag::Dead) {
            return;
        }
        // What a policy withholds is not the peer's fault; ask again whether it still does.
        let waits_for_us = connection.flags.has(Flag::Withheld);
        connection.queue();
        if (connection.flags.clear(Flag::Progress) || waits_for_us)
            && let Some(at) = now.checked_add(home.settings.linger)
        {
            return self.timers.look_at(at, Look::Linger(connection.clone()), home);
        }
        self.finish(connection, Reason::Aborted, home);
    }

    /// The connection is over for its protocol, but not for its peer: shut it for writing and drop
    /// what still comes, so that the end arrives as an end and not as a reset.
    pub(super) fn leave_remnant(&mut self, token: Token, home: &Rc<Shared>) {
        let mut engine = home.engine.borrow_mut();
        if self.remnants >= REMNANTS_MAX || engine.shutdown_write(token).is_err() {
            return engine.close(token, Close::Graceful);
        }
        let drained = drain(&mut **engine, token);
        if drained == Drained::Ended {
            return engine.close(token, Close::Graceful);
        }
        drop(engine);
        self.remnants += 1;
        self.put(token, Slot::Remnant(token.generation));
        if drained == Drained::MayHaveMore {
            self.asking.push_back(token);
        }
        if let Some(at) = home.now().checked_add(home.settings.drain) {
            self.timers.look_at(at, Look::Remnant(token), home);
        }
    }

    /// A remnant has news.
    pub(super) fn drain_remnant(&mut self, token: Token, home: &Rc<Shared>) {
        let drained = drain(&mut **home.engine.borrow_mut(), token);
        match drained {
            Drained::Ended => self.forget_remnant(token, home),
            Drained::ForNow => {}
            Drained::MayHaveMore => self.asking.push_back(token),
        }
    }

    pub(super) fn forget_remnant(&mut self, token: Token, home: &Rc<Shared>) {
        let is_there = matches!(self.slots.get(token.index as usize), Some(Slot::Remnant(generation)) if *generation == token.generation);
        if is_there {
            self.remnants -= 1;
            self.forget(token, home);
        }
    }
}

/// What draining a remnant found.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Drained {
    /// The peer has finished, or is gone.
    Ended,
    /// News will tell when more has come.
    ForNow,
    /// The budget was spent first.
    MayHaveMore,
}

/// Read what has come, and drop it.
fn drain(engine: &mut dyn Engine, token: Token) -> Drained {
    let mut sink = buffer::take();
    let mut budget = RECEIVE_BUDGET;
    let found = loop {
        sink.clear();
        match engine.receive(token, &mut sink) {
            Ok(received) if received.bytes == 0 => break Drained::Ended,
            Ok(received) if received.drained => break Drained::ForNow,
            Ok(received) => budget = budget.saturating_sub(received.bytes),
            Err(error) if error.kind() == ErrorKind::WouldBlock => break Drained::ForNow,
            Err(_) => break Drained::Ended,
        }
        if budget == 0 {
            break Drained::MayHaveMore;
        }
    };
    buffer::give(sink);
    found
}

/// Call the protocol with whatever is due: the one place where that happens while it is connected.
pub(crate) fn run(protocol: &mut dyn Protocol, input: &mut BytesMut, transport: &Transport) {
    let flags = &transport.0.flags;
    let fresh = flags.clear(Flag::Fresh);
    let again = flags.clear(Flag::Redeliver);
    if flags.any(&[Flag::Aborting, Flag::Dead]) {
        return;
    }
    if flags.set(Flag::Made) {
        protocol.connection_made(transport);
    }
    if flags.clear(Flag::TimedOut) && !transport.is_closing() {
        protocol.timed_out(transport);
    }
    if flags.has(Flag::Full) != flags.has(Flag::FullTold) {
        tell_watermark(protocol, transport);
    }
    if !transport.is_reading() {
        // What is here waits for resume_reading, which asks for it to be delivered again.
        return;
    }
    if (fresh || again) && !input.is_empty() {
        transport.through_gates(input, |input| protocol.data_received(transport, input));
    }
    // Behind a send that failed, an end may be where the connection was cut.
    let is_next = !flags.any(&[Flag::Redeliver, Flag::Broken]) && transport.is_reading();
    let ended = flags.has(Flag::EofSeen) && is_next;
    if ended && flags.set(Flag::EofTold) {
        transport.end_at_gates();
        if protocol.eof_received(transport) == Eof::Close {
            transport.close();
        }
        transport.0.queue();
    }
}

fn tell_watermark(protocol: &mut dyn Protocol, transport: &Transport) {
    if transport.0.flags.has(Flag::Full) {
        transport.0.flags.set(Flag::FullTold);
        protocol.write_paused(transport);
    } else {
        transport.0.flags.clear(Flag::FullTold);
        protocol.write_resumed(transport);
    }
}

/// What becomes of the input that the protocol left: an idle connection owns no buffer, and one with
/// the beginning of a message owns a small one.
fn settle(input: BytesMut) -> BytesMut {
    if input.len() >= SHRINK_BELOW || (!input.is_empty() && input.capacity() < 2 * SHRINK_BELOW) {
        return input;
    }
    let rest = BytesMut::from(&input[..]);
    buffer::give(input);
    rest
}

impl Connection {
    /// Whether the protocol has something coming that needs no news from the engine.
    pub(crate) fn has_callbacks_due(&self) -> bool {
        let flags = &self.flags;
        !flags.has(Flag::Dead)
            && (flags.any(&[Flag::Redeliver, Flag::TimedOut])
                || flags.has(Flag::Full) != flags.has(Flag::FullTold)
                || (flags.has(Flag::Readable) && self.is_reading() && !flags.has(Flag::EofSeen))
                || (flags.has(Flag::EofSeen) && !flags.has(Flag::EofTold) && self.is_reading()))
    }
}

impl Rare {
    /// Who waits for the connection to be made, once it is.
    fn take_made(&mut self) -> Option<Resolver<Transport>> {
        self.made.take_if(|_| self.layer.as_ref().is_none_or(|layered| layered.layer.is_established()))
    }

    fn is_needed(&self) -> bool {
        self.layer.is_some() || self.made.is_some() || self.broken.is_some()
    }

    pub(super) fn is_established(&self) -> bool {
        self.layer.as_ref().is_none_or(|layered| layered.layer.is_established())
    }
}

impl Entry {
    /// First stage: what has come, as far as the budget goes.
    fn receive(&mut self, engine: &mut dyn Engine) {
        self.adopt_layer();
        let flags = &self.shared.flags;
        if !flags.has(Flag::Readable) || flags.has(Flag::EofSeen) || !self.shared.is_reading() {
            return;
        }
        let token = self.shared.token.get();
        let layered = self.rare.as_mut().and_then(|rare| rare.layer.as_mut());
        let into = match layered {
            Some(layered) => &mut layered.wire_in,
            None => &mut self.input,
        };
        let more = receive(engine, token, into);
        if !more.readable {
            flags.clear(Flag::Readable);
        }
        if more.fresh {
            flags.set(Flag::Fresh);
        }
        if more.ended {
            flags.set(Flag::EofSeen);
        }
        if more.error.is_some() {
            self.rare.get_or_insert_default().lost = more.error;
        }
        self.decode();
    }

    /// A layer was asked for since the last turn: what is at hand is its input, and what was
    /// written before leaves ahead of it.
    fn adopt_layer(&mut self) {
        let Some((layer, prefix)) = self.shared.take_layer() else { return };
        let mut layered = Layered::new(layer);
        layered.wire_out = prefix;
        layered.wire_in = std::mem::take(&mut self.input);
        self.shared.forget_seen_input();
        self.rare.get_or_insert_default().layer = Some(layered);
        self.decode();
    }

    /// Pass what came off the wire through the layer, if there is one.
    fn decode(&mut self) {
        let Some(rare) = self.rare.as_deref_mut() else { return };
        let Some(layered) = rare.layer.as_mut() else { return };
        let flags = &self.shared.flags;
        let before = (self.input.len(), layered.layer.is_established());
        if !layered.wire_in.is_empty()
            && let Err(error) = layered.layer.receive(&mut layered.wire_in, &mut self.input)
        {
            // The layer may have a last word for the peer, which is worth one attempt.
            rare.lost.get_or_insert(error);
        }
        layered.wire_in = settle(std::mem::take(&mut layered.wire_in));
        if self.input.len() > before.0 {
            flags.set(Flag::Fresh);
        }
        if layered.layer.is_established() && !before.1 {
            let session = layered.layer.session().map(Rc::new);
            self.shared.with_extras(|extras| extras.session = session);
        }
        if layered.layer.ended() {
            flags.set(Flag::EofSeen);
        } else if flags.has(Flag::EofSeen) && rare.lost.is_none() && !flags.has(Flag::EofTold) {
            // Where the end is missing somebody may have cut it, so the protocol hears of no end.
            if let Err(error) = layered.layer.end_of_wire() {
                flags.clear(Flag::EofSeen);
                rare.lost = Some(error);
            }
        }
    }

    /// A layer that fails may have an alert for the peer: one attempt to send it.
    fn last_words(&mut self, engine: &mut dyn Engine) {
        if self.rare.as_ref().is_some_and(|rare| rare.layer.is_some())
            && let Err(error) = self.flush(engine, 0)
        {
            tracing::trace!(%error, "the layer's last words were lost");
        }
    }

    /// Last stage: what waits to leave, `kept` bytes aside. Returns how many bytes still do.
    fn flush(&mut self, engine: &mut dyn Engine, kept: usize) -> io::Result<usize> {
        // First: what was written after the layer was asked for must not leave in the clear.
        self.adopt_layer();
        let Self { shared, rare, .. } = self;
        let mut output = shared.output.borrow_mut();
        let layered = rare.as_mut().and_then(|rare| rare.layer.as_mut());
        let Some(layered) = layered else {
            return flush(engine, shared, &mut output).map(|()| output.len() + kept + unsent(engine, shared));
        };
        loop {
            let before = (output.len(), layered.wire_out.len());
            layered.layer.send(&mut output, &mut layered.wire_out)?;
            let ending = kept == 0 && shared.flags.any(&[Flag::Closing, Flag::HalfClosing]);
            if output.is_empty() && ending && layered.layer.is_established() && !layered.finished {
                layered.finished = true;
                layered.layer.finish(&mut layered.wire_out);
            }
            flush(engine, shared, &mut layered.wire_out)?;
            // A layer takes nothing while too much waits on the wire; when that has left, it may again.
            let stuck = !layered.wire_out.is_empty() || before == (output.len(), 0);
            if output.is_empty() || stuck {
                break;
            }
        }
        // A close does not wait for a handshake that the peer may never finish.
        let hopeless = shared.flags.has(Flag::Closing) && !layered.layer.is_established();
        let waiting = if hopeless { 0 } else { output.len() + kept };
        Ok(waiting + layered.wire_out.len() + unsent(engine, shared))
    }
}

/// What the engine still owns, if it matters: asking brings news, and a turn with them (rule 6).
fn unsent(engine: &dyn Engine, connection: &Connection) -> usize {
    let waited_for = [Flag::Full, Flag::Closing, Flag::HalfClosing];
    if connection.flags.any(&waited_for) { engine.unsent(connection.token.get()) } else { 0 }
}

/// What a receiving stage found.
struct More {
    /// Bytes have come.
    fresh: bool,
    /// There may be more.
    readable: bool,
    /// The peer has finished.
    ended: bool,
    /// The connection broke, after what has come.
    error: Option<io::Error>,
}

/// Receive into `into` until nothing is left or the budget is spent.
fn receive(engine: &mut dyn Engine, token: Token, into: &mut BytesMut) -> More {
    if into.is_empty() && into.capacity() < BUFFER_SIZE {
        buffer::give(std::mem::replace(into, buffer::take()));
    }
    let mut more = More { fresh: false, readable: true, ended: false, error: None };
    let mut budget = RECEIVE_BUDGET;
    while budget > 0 {
        if into.capacity() - into.len() < BUFFER_SIZE / 4 {
            into.reserve(if more.fresh { RECEIVE_BUDGET - BUFFER_SIZE } else { BUFFER_SIZE });
        }
        match engine.receive(token, into) {
            Ok(received) if received.bytes > 0 => {
                more.fresh = true;
                budget = budget.saturating_sub(received.bytes);
                more.readable = !received.drained;
            }
            Ok(_) => {
                more.ended = true;
                more.readable = false;
            }
            Err(error) => {
                more.readable = false;
                more.error = Some(error).filter(|error| error.kind() != ErrorKind::WouldBlock);
            }
        }
        if !more.readable {
            break;
        }
    }
    more
}

/// Send from `output` until nothing is left, the kernel has no room, or the budget is spent.
fn flush(
    engine: &mut dyn Engine,
    connection: &Rc<Connection>,
    output: &mut buffer::Output,
) -> io::Result<()> {
    let flags = &connection.flags;
    let mut budget = SEND_BUDGET;
    while !output.is_empty() && flags.has(Flag::Writable) && budget > 0 {
        budget -= 1;
        match engine.send(connection.token.get(), output) {
            Ok(_) => {
                flags.set(Flag::Progress);
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                flags.clear(Flag::Writable);
            }
            Err(error) => return Err(error),
        }
    }
    if !output.is_empty() && flags.has(Flag::Writable) {
        // The budget is spent, the peer still takes: go on in the next turn.
        connection.queue();
    }
    Ok(())
}
