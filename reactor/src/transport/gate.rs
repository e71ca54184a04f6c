//! Gates: what policies set up at a connection, to see its bytes go by and to hold them up.
//!
//! ```text
//!   wire ──▶ layer ──▶ arrived ▶ protocol ▶ delivered
//!   wire ◀── layer ◀── flush ◀── leaving ◀── output
//!                        └─────▶ left
//! ```
//!
//! One rule: gates stand at the connection, not around its protocol. So they see what others write
//! to it, and whoever [`Transport::set_protocol`] names comes under them too.

use super::{Connection, Flag, Transport};
use crate::buffer::Output;
use crate::protocol::Reason;
use std::rc::Rc;

/// Stands at a connection. The loop calls it, never while the engine is borrowed, one call at a time.
pub(crate) trait Gate {
    /// Something new has come, and the protocol is about to get it.
    fn arrived(&self, transport: &Transport, fresh: &[u8]) {
        let _ = (transport, fresh);
    }

    /// The protocol was given its input: it took `taken` bytes and left `left` of them.
    fn delivered(&self, transport: &Transport, taken: usize, left: usize) {
        let _ = (transport, taken, left);
    }

    /// The peer has finished sending, and the protocol is about to hear of it.
    fn ended(&self, transport: &Transport) {
        let _ = transport;
    }

    /// `output` would leave now: how many bytes of it may? A gate that keeps some back queues the
    /// connection when more may leave.
    fn leaving(&self, transport: &Transport, output: &Output) -> usize {
        let _ = transport;
        output.len()
    }

    /// The first `count` bytes of what was written have left.
    fn left(&self, transport: &Transport, count: usize) {
        let _ = (transport, count);
    }

    /// The connection is gone.
    fn closed(&self, transport: &Transport, why: &Reason) {
        let _ = (transport, why);
    }
}

/// The gates of one connection.
pub(crate) struct Gates {
    /// Behind an `Rc` so that nothing is borrowed while they are called.
    list: Rc<[Rc<dyn Gate>]>,
    /// How many bytes of the input they have seen already.
    seen: usize,
    /// How many of them hold up reading.
    holds: u32,
}

/// What leaves in this turn, and what was kept back from it.
pub(crate) struct Passage {
    /// `None` where there is no room anyway, and nobody was asked.
    gates: Option<Rc<[Rc<dyn Gate>]>>,
    passing: usize,
    kept: Output,
}

impl Passage {
    /// How many bytes were kept back.
    pub(crate) fn kept(&self) -> usize {
        self.kept.len()
    }
}

impl Connection {
    /// Set up another gate.
    pub(crate) fn add_gate(&self, gate: Rc<dyn Gate>) {
        self.flags.set(Flag::Gated);
        self.with_extras(|extras| match &mut extras.gates {
            Some(gates) => gates.list = gates.list.iter().cloned().chain([gate]).collect(),
            none => *none = Some(Box::new(Gates { list: Rc::new([gate]), seen: 0, holds: 0 })),
        });
    }

    /// Pause reading until [`release_hold`](Self::release_hold) was called as often as this.
    pub(crate) fn hold(&self) {
        self.with_gates(|gates| gates.holds += 1);
        self.flags.set(Flag::Held);
    }

    /// Undo one [`hold`](Self::hold).
    pub(crate) fn release_hold(self: &Rc<Self>) {
        let last = self.with_gates(|gates| {
            gates.holds -= 1;
            gates.holds == 0
        });
        if last == Some(true) && self.flags.clear(Flag::Held) {
            self.redeliver();
        }
    }

    /// Call [`Protocol::timed_out`](crate::Protocol::timed_out) in the next turn, whatever deadline the
    /// protocol has set itself.
    pub(crate) fn time_out(self: &Rc<Self>) {
        self.flags.set(Flag::TimedOut);
        self.queue();
    }

    /// What the protocol left of its input is going to be taken from it.
    pub(crate) fn forget_seen_input(&self) {
        if self.flags.has(Flag::Gated) {
            self.with_gates(|gates| gates.seen = 0);
        }
    }

    fn with_gates<R>(&self, f: impl FnOnce(&mut Gates) -> R) -> Option<R> {
        self.take_extra(|extras| extras.gates.as_mut().map(|gates| f(gates)))
    }

    fn gates(&self) -> Option<Rc<[Rc<dyn Gate>]>> {
        if !self.flags.has(Flag::Gated) {
            return None;
        }
        self.with_gates(|gates| gates.list.clone())
    }

    /// See what may leave in this turn: the rest is taken out of the output until
    /// [`end_passage`](Self::end_passage).
    pub(crate) fn begin_passage(self: &Rc<Self>) -> Option<Passage> {
        let gates = self.gates()?;
        let mut output = self.output.borrow_mut();
        let passage = if self.flags.has(Flag::Writable) {
            let transport = Transport(self.clone());
            let allowed = gates.iter().map(|gate| gate.leaving(&transport, &output)).min();
            let kept = output.split_off(allowed.unwrap_or(usize::MAX));
            Passage { gates: Some(gates), passing: output.len(), kept }
        } else {
            Passage { gates: None, passing: 0, kept: std::mem::take(&mut *output) }
        };
        if passage.gates.is_some() && passage.passing == 0 && passage.kept() > 0 {
            self.flags.set(Flag::Withheld);
        } else {
            self.flags.clear(Flag::Withheld);
        }
        Some(passage)
    }

    /// Put back what was kept, and tell how much has left.
    pub(crate) fn end_passage(self: &Rc<Self>, passage: Passage) {
        let mut output = self.output.borrow_mut();
        let left = passage.passing.saturating_sub(output.len());
        output.append(passage.kept);
        drop(output);
        if let Some(gates) = passage.gates.filter(|_| left > 0) {
            let transport = Transport(self.clone());
            gates.iter().for_each(|gate| gate.left(&transport, left));
        }
    }

    /// All of `output` leaves ahead of a layer, unasked.
    pub(crate) fn pass_unasked(self: &Rc<Self>, output: &Output) {
        let Some(gates) = self.gates().filter(|_| !output.is_empty()) else { return };
        let transport = Transport(self.clone());
        for gate in gates.iter() {
            gate.leaving(&transport, output);
            gate.left(&transport, output.len());
        }
    }

    /// The connection is gone: tell the gates.
    pub(crate) fn close_gates(self: &Rc<Self>, why: &Reason) {
        if let Some(gates) = self.gates() {
            let transport = Transport(self.clone());
            gates.iter().for_each(|gate| gate.closed(&transport, why));
        }
    }
}

impl Transport {
    /// Give the protocol its input, by way of the gates: `deliver` is the protocol's callback.
    pub(crate) fn through_gates(
        &self,
        input: &mut bytes::BytesMut,
        deliver: impl FnOnce(&mut bytes::BytesMut),
    ) {
        let Some(gates) = self.0.gates() else { return deliver(input) };
        let had = input.len();
        let seen = self.0.with_gates(|gates| std::mem::replace(&mut gates.seen, had)).unwrap_or(had);
        if let Some(fresh) = input.get(seen..).filter(|fresh| !fresh.is_empty()) {
            gates.iter().for_each(|gate| gate.arrived(self, fresh));
        }
        deliver(input);
        let left = input.len();
        self.0.with_gates(|gates| gates.seen = left);
        gates.iter().for_each(|gate| gate.delivered(self, had.saturating_sub(left), left));
    }

    /// The peer has finished sending: tell the gates.
    pub(crate) fn end_at_gates(&self) {
        if let Some(gates) = self.0.gates() {
            gates.iter().for_each(|gate| gate.ended(self));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::StringTransport;
    use crate::{BytesMut, Protocol};
    use std::cell::{Cell, RefCell};

    /// Takes what comes by threes, and writes it back.
    struct Triples;
    impl Protocol for Triples {
        fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
            while transport.is_reading() && input.len() >= 3 {
                transport.write(&input.split_to(3));
            }
        }
    }

    /// Writes down what it sees, and lets so many bytes pass at a time.
    struct Witness {
        portion: Cell<usize>,
        arrived: RefCell<Vec<u8>>,
        delivered: RefCell<Vec<(usize, usize)>>,
        left: Cell<usize>,
        events: RefCell<Vec<&'static str>>,
    }

    impl Gate for Witness {
        fn arrived(&self, _: &Transport, fresh: &[u8]) {
            self.arrived.borrow_mut().extend_from_slice(fresh);
        }
        fn delivered(&self, _: &Transport, taken: usize, left: usize) {
            self.delivered.borrow_mut().push((taken, left));
        }
        fn ended(&self, _: &Transport) {
            self.events.borrow_mut().push("ended");
        }
        fn leaving(&self, _: &Transport, _: &Output) -> usize {
            self.portion.get()
        }
        fn left(&self, _: &Transport, count: usize) {
            self.left.set(self.left.get() + count);
        }
        fn closed(&self, _: &Transport, _: &Reason) {
            self.events.borrow_mut().push("closed");
        }
    }

    fn witnessed() -> (StringTransport<Triples>, Rc<Witness>) {
        let mut triples = StringTransport::new(Triples);
        triples.connect();
        let witness = Rc::new(Witness {
            portion: Cell::new(usize::MAX),
            arrived: RefCell::default(),
            delivered: RefCell::default(),
            left: Cell::default(),
            events: RefCell::default(),
        });
        triples.transport().0.add_gate(witness.clone());
        (triples, witness)
    }

    #[test]
    fn each_byte_arrives_once_whatever_the_protocol_leaves() {
        let (mut triples, witness) = witnessed();
        triples.feed(b"ab");
        triples.feed(b"cdefg");
        triples.transport().pause_reading();
        triples.feed(b"h");
        triples.transport().resume_reading();
        triples.feed(b"ij");
        assert_eq!(*witness.arrived.borrow(), b"abcdefghij");
        assert_eq!(*witness.delivered.borrow(), [(0, 2), (6, 1), (0, 2), (3, 1)]);
    }

    #[test]
    fn what_a_gate_keeps_back_leaves_later_in_order() {
        let (mut triples, witness) = witnessed();
        witness.portion.set(4);
        triples.feed(b"abcdefghi");
        assert_eq!(triples.output(), b"abcd");
        assert_eq!(triples.transport().buffered(), 5);
        triples.feed(b"jkl");
        assert_eq!(triples.output(), b"efgh");
        witness.portion.set(100);
        assert_eq!(triples.output(), b"ijkl");
        assert_eq!(witness.left.get(), 12);
    }

    #[test]
    fn the_strictest_gate_decides() {
        let (mut triples, witness) = witnessed();
        witness.portion.set(5);
        triples.transport().0.add_gate(witnessed().1);
        triples.feed(b"abcdef");
        assert_eq!(triples.output(), b"abcde");
    }

    #[test]
    fn a_hold_and_the_protocols_own_pause_are_told_apart() {
        let (mut triples, _) = witnessed();
        let transport = triples.transport().clone();
        transport.pause_reading();
        transport.0.hold();
        transport.0.release_hold();
        triples.feed(b"abc");
        assert_eq!(triples.output(), b"", "the protocol's pause stays");
        transport.0.hold();
        transport.resume_reading();
        triples.feed(b"");
        assert_eq!(triples.output(), b"", "the hold stays");
        transport.0.release_hold();
        triples.feed(b"");
        assert_eq!(triples.output(), b"abc");
    }

    #[test]
    fn reading_goes_on_when_the_last_hold_is_released() {
        let (mut triples, _) = witnessed();
        let transport = triples.transport().clone();
        transport.0.hold();
        transport.0.hold();
        transport.0.release_hold();
        assert!(!transport.is_reading());
        transport.0.release_hold();
        assert!(transport.is_reading());
        triples.feed(b"abc");
        assert_eq!(triples.output(), b"abc");
    }

    #[test]
    fn gates_stay_when_another_protocol_takes_over() {
        let (mut triples, witness) = witnessed();
        triples.feed(b"a");
        triples.transport().set_protocol(Triples);
        triples.feed(b"bc");
        assert_eq!(triples.output(), b"abc");
        assert_eq!(*witness.arrived.borrow(), b"abc");
        assert_eq!(witness.left.get(), 3);
    }

    #[test]
    fn the_end_and_the_loss_are_told_once() {
        let (mut triples, witness) = witnessed();
        triples.eof();
        triples.lose(Reason::Done);
        assert_eq!(*witness.events.borrow(), ["ended", "closed"]);
    }
}
