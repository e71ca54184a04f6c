//! What a user writes: a [`Protocol`] for each connection, and a [`Factory`] that makes them.
//!
//! A protocol is a plain struct with callbacks. The loop calls one at a time, never from inside
//! another, and never after [`Protocol::connection_lost`]:
//!
//! ```text
//! connection_made ─▶ data_received* ─▶ eof_received? ─▶ connection_lost
//!                    timed_out*  write_paused / write_resumed
//! ```

use crate::address::Address;
use crate::transport::Transport;
use bytes::BytesMut;
use std::{fmt, io};

/// One connection's behaviour: Twisted's Protocol.
pub trait Protocol {
    /// The connection is up. Called once, first.
    fn connection_made(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// Bytes have come. Take whole messages off the front of `input`; what you leave comes back
    /// with more behind it, or at once after [`Transport::resume_reading`].
    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut);

    /// The peer will send no more. What it sent before has been delivered, and what you left of it
    /// is lost unless you kept it. Answer [`Eof::KeepOpen`] to go on writing.
    fn eof_received(&mut self, transport: &Transport) -> Eof {
        let _ = transport;
        Eof::Close
    }

    /// The connection is gone. Called exactly once if `connection_made` was, and last.
    fn connection_lost(&mut self, transport: &Transport, why: &Reason) {
        let _ = (transport, why);
    }

    /// The time set by [`Transport::set_timeout`] has passed.
    fn timed_out(&mut self, transport: &Transport) {
        transport.close();
    }

    /// More waits to leave than the high watermark: stop producing.
    fn write_paused(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// Less waits to leave than the low watermark: go on.
    fn write_resumed(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// What logs call this protocol.
    fn name(&self) -> &'static str {
        std::any::type_name::<Self>()
    }
}

impl Protocol for Box<dyn Protocol> {
    fn connection_made(&mut self, transport: &Transport) {
        (**self).connection_made(transport);
    }
    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        (**self).data_received(transport, input);
    }
    fn eof_received(&mut self, transport: &Transport) -> Eof {
        (**self).eof_received(transport)
    }
    fn connection_lost(&mut self, transport: &Transport, why: &Reason) {
        (**self).connection_lost(transport, why);
    }
    fn timed_out(&mut self, transport: &Transport) {
        (**self).timed_out(transport);
    }
    fn write_paused(&mut self, transport: &Transport) {
        (**self).write_paused(transport);
    }
    fn write_resumed(&mut self, transport: &Transport) {
        (**self).write_resumed(transport);
    }
    fn name(&self) -> &'static str {
        (**self).name()
    }
}

/// What to do when the peer has finished sending.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Eof {
    /// Send what waits, then close.
    Close,
    /// Stay: the peer may still read.
    KeepOpen,
}

/// Why a connection is gone.
#[derive(Debug)]
pub enum Reason {
    /// Both sides finished, or we closed it and everything was sent.
    Done,
    /// The network or the peer broke it.
    Lost(io::Error),
    /// We called [`Transport::abort`], or what was left could not be sent in time after a close.
    Aborted,
    /// A callback panicked with this message.
    Panicked(String),
    /// The reactor stopped while it was open.
    Stopped,
    /// The peer sent more than the protocol would take: this many bytes were waiting.
    InputOverflow(usize),
}

impl Reason {
    /// Whether it ended as it should.
    pub fn is_clean(&self) -> bool {
        matches!(self, Self::Done)
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done => f.write_str("closed cleanly"),
            Self::Lost(error) => write!(f, "lost: {error}"),
            Self::Aborted => f.write_str("aborted"),
            Self::Panicked(message) => write!(f, "the protocol panicked: {message}"),
            Self::Stopped => f.write_str("the reactor stopped"),
            Self::InputOverflow(bytes) => write!(f, "{bytes} bytes of input were left untaken"),
        }
    }
}

/// Makes a protocol for each connection: Twisted's Factory.
///
/// Any `FnMut(&Address) -> impl Protocol` is one.
pub trait Factory {
    /// A protocol for a connection from `peer`; `None` closes the connection at once.
    fn build_protocol(&mut self, peer: &Address) -> Option<Box<dyn Protocol>>;

    /// The listener is up.
    fn start(&mut self) {}

    /// The listener is down: no more connections will come. Those there stay.
    fn stop(&mut self) {}
}

impl<F, P> Factory for F
where
    F: FnMut(&Address) -> P,
    P: Protocol + 'static,
{
    fn build_protocol(&mut self, peer: &Address) -> Option<Box<dyn Protocol>> {
        Some(Box::new(self(peer)))
    }
}
