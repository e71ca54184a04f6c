//! Policies: idle timeouts, throttling, limits, a log of the traffic. They wrap protocols and
//! factories, and each other:
//!
//! ```
//! use ropewalk_reactor::policy::{Idle, Limited, Logged};
//! use ropewalk_reactor::prelude::*;
//!
//! # struct Echo;
//! # impl Protocol for Echo {
//! #     fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
//! #         transport.write_bytes(input.split().freeze());
//! #     }
//! # }
//! # fn main() -> ropewalk_reactor::Result<()> {
//! # let reactor = Reactor::new()?;
//! let echo = |_: &Address| Echo;
//! let factory = Limited::new(100, Idle::new(Duration::from_secs(30), Logged::new(echo)));
//! reactor.listen("tcp:0:interface=127.0.0.1", factory)?;
//! # Ok(())
//! # }
//! ```
//!
//! One rule: a policy is attached to the connection when its protocol is told of it, and stays for
//! the connection's life, whoever [`Transport::set_protocol`] puts there. So the order of wrapping
//! does not matter, except that what is outside a [`Limited`] costs something for each connection
//! that is refused. A TLS connection is told to its protocol after the handshake: only a limit counts
//! it before.

mod idle;
mod limit;
mod throttle;
mod traffic;

pub use idle::{Idle, IdleTimeout, MessageDeadline, Prompt};
pub use limit::{Limited, Occupancy, Refusal};
pub use throttle::{Rate, Throttle, Throttled};
pub use traffic::{Logged, TrafficLog};

use crate::address::Address;
use crate::protocol::{Eof, Factory, Protocol, Reason};
use crate::transport::Transport;
use bytes::BytesMut;

/// What can be attached to a connection.
///
/// Yours may do whatever a [`Transport`] can be told: `transport.set_watermarks(…)`.
pub trait Policy {
    /// A connection was made: see to it from now on.
    fn attach(&self, transport: &Transport);
}

/// A protocol, or a factory's protocols, under a policy.
///
/// It is a [`Protocol`] if `T` is one, a [`Factory`] if `T` is one, and passes everything on.
#[derive(Clone, Debug)]
pub struct Under<T, R> {
    policy: R,
    inner: T,
}

impl<T, R: Policy> Under<T, R> {
    /// Put a protocol or a factory under a policy. A factory's connections each get a clone of it.
    pub fn with(policy: R, inner: T) -> Self {
        Self { policy, inner }
    }
}

impl<P: Protocol, R: Policy> Protocol for Under<P, R> {
    fn connection_made(&mut self, transport: &Transport) {
        self.policy.attach(transport);
        self.inner.connection_made(transport);
    }

    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        self.inner.data_received(transport, input);
    }

    fn eof_received(&mut self, transport: &Transport) -> Eof {
        self.inner.eof_received(transport)
    }

    fn connection_lost(&mut self, transport: &Transport, why: &Reason) {
        self.inner.connection_lost(transport, why);
    }

    fn timed_out(&mut self, transport: &Transport) {
        self.inner.timed_out(transport);
    }

    fn write_paused(&mut self, transport: &Transport) {
        self.inner.write_paused(transport);
    }

    fn write_resumed(&mut self, transport: &Transport) {
        self.inner.write_resumed(transport);
    }

    fn name(&self) -> &'static str {
        self.inner.name()
    }
}

impl<F: Factory, R: Policy + Clone + 'static> Factory for Under<F, R> {
    fn build_protocol(&mut self, peer: &Address) -> Option<Box<dyn Protocol>> {
        let inner = self.inner.build_protocol(peer)?;
        Some(Box::new(Under { policy: self.policy.clone(), inner }))
    }

    fn start(&mut self) {
        self.inner.start();
    }

    fn stop(&mut self) {
        self.inner.stop();
    }
}
