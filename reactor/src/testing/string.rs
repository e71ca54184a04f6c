//! A protocol, tested with strings: no socket, no loop, no time.

use crate::Address;
use crate::core::run;
use crate::engine::Token;
use crate::protocol::{Protocol, Reason};
use crate::transport::{Connection, Flag, Transport};
use bytes::BytesMut;
use std::io::IoSlice;
use std::rc::Weak;

/// A protocol with a transport that is a string: feed it input, look at what it wrote.
///
/// Callbacks come in the same order and under the same rules as from the loop, because it is the
/// same code that calls them. Timers don't run here; for those, use the simulated engine.
///
/// ```
/// use ropewalk_reactor::prelude::*;
/// use ropewalk_reactor::testing::StringTransport;
///
/// struct Shout;
/// impl Protocol for Shout {
///     fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
///         transport.write(&input.split().to_ascii_uppercase());
///     }
/// }
///
/// let mut shout = StringTransport::new(Shout);
/// shout.feed(b"hello");
/// assert_eq!(shout.output(), b"HELLO");
/// ```
pub struct StringTransport<P: Protocol> {
    protocol: P,
    successor: Option<Box<dyn Protocol>>,
    transport: Transport,
    input: BytesMut,
}

impl<P: Protocol> StringTransport<P> {
    /// A protocol that is not connected yet; the first of the methods below connects it.
    pub fn new(protocol: P) -> Self {
        Self::with_peer(protocol, Address::Unix(None))
    }

    /// As [`new`](Self::new), with a peer's address for protocols that ask for it.
    pub fn with_peer(protocol: P, peer: Address) -> Self {
        let token = Token { index: 0, generation: 0 };
        let transport = Transport(Connection::new(1, token, peer, Weak::new()));
        Self { protocol, successor: None, transport, input: BytesMut::new() }
    }

    /// Connect it: `connection_made`.
    pub fn connect(&mut self) {
        self.run();
    }

    /// Deliver `data`, behind what the protocol left of earlier data.
    pub fn feed(&mut self, data: &[u8]) {
        self.run();
        self.input.extend_from_slice(data);
        self.transport.0.flags.set(Flag::Fresh);
        self.run();
    }

    /// Deliver `data` one byte at a time: what a network may do.
    pub fn feed_bytewise(&mut self, data: &[u8]) {
        for byte in data {
            self.feed(std::slice::from_ref(byte));
        }
    }

    /// The peer has finished sending.
    pub fn eof(&mut self) {
        self.transport.0.flags.set(Flag::EofSeen);
        self.run();
    }

    /// The time set by `set_timeout` has passed.
    pub fn time_out(&mut self) {
        self.transport.0.flags.set(Flag::TimedOut);
        self.run();
    }

    /// The connection is gone: `connection_lost`.
    pub fn lose(&mut self, why: Reason) {
        self.run();
        self.transport.0.close_gates(&why);
        self.transport.0.bury();
        let transport = self.transport.clone();
        self.active().connection_lost(&transport, &why);
    }

    /// What was written since this was last asked. Taking it makes room, as a network does.
    pub fn output(&mut self) -> Vec<u8> {
        let passage = self.transport.0.begin_passage();
        let mut output = self.transport.0.output.take();
        let mut bytes = Vec::with_capacity(output.len());
        while !output.is_empty() {
            let mut slices = [IoSlice::new(&[]); crate::buffer::PIECES_MAX];
            let filled = output.slices(&mut slices);
            slices[..filled].iter().for_each(|slice| bytes.extend_from_slice(slice));
            let count = slices[..filled].iter().map(|slice| slice.len()).sum();
            output.advance(count);
        }
        if let Some(passage) = passage {
            self.transport.0.end_passage(passage);
        }
        let left = self.transport.buffered();
        self.transport.0.output_shrank(left);
        self.run();
        bytes
    }

    /// The input that the protocol has not taken yet.
    pub fn input(&self) -> &[u8] {
        &self.input
    }

    /// Whether the protocol closed or aborted the connection.
    pub fn is_closing(&self) -> bool {
        self.transport.is_closing()
    }

    /// Whether the protocol aborted the connection.
    pub fn is_aborting(&self) -> bool {
        self.transport.0.flags.has(Flag::Aborting)
    }

    /// Whether the protocol will write no more but still reads.
    pub fn is_half_closed(&self) -> bool {
        self.transport.0.flags.has(Flag::HalfClosing)
    }

    /// The transport that the protocol sees.
    pub fn transport(&self) -> &Transport {
        &self.transport
    }

    /// The protocol under test.
    pub fn protocol(&mut self) -> &mut P {
        &mut self.protocol
    }

    fn active(&mut self) -> &mut dyn Protocol {
        match &mut self.successor {
            Some(successor) => &mut **successor,
            None => &mut self.protocol,
        }
    }

    /// Turns of the loop, until nothing is left to do.
    fn run(&mut self) {
        loop {
            if let Some(successor) = self.transport.0.take_successor() {
                self.successor = Some(successor);
            }
            let transport = self.transport.clone();
            let mut input = std::mem::take(&mut self.input);
            run(self.active(), &mut input, &transport);
            self.input = input;
            if !self.transport.0.has_callbacks_due() {
                return;
            }
        }
    }
}
