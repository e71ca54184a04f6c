//! Pollers: the kernel's readiness interfaces, one facility a file, behind one contract.
//!
//! A poller watches descriptors and says which are ready. Kernels differ in *when* they say it:
//! `epoll` (edge-triggered, as mio sets it up) reports a change once; `poll` and `select`
//! (level-triggered) repeat themselves until the cause is gone. The contract is the common part:
//!
//! > After an event was reported for a direction, the poller may stay silent about that direction
//! > until [`Poller::rearm`] is called, and `rearm` is called only once nothing is left to do there.
//!
//! An edge-triggered poller has nothing to do in `rearm`. A level-triggered one masks what it has
//! reported and unmasks it there. So a paused connection costs no wake-ups on any of them, and a
//! descriptor is registered once and deregistered once in its life, whatever happens between.

use crate::engine::{Token, Wake};
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

pub mod epoll;
pub mod poll;
pub mod select;
mod self_pipe;

/// The token of the waker's own events, which no descriptor has: a wait that a waker ended brings
/// one, so that it can be told from one that has timed out.
pub const WAKE: Token = Token { index: u32::MAX, generation: u32::MAX };

/// What is ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// What the descriptor was added with.
    pub token: Token,
    /// There is something to read, or the end, or an error.
    pub readable: bool,
    /// There is room to write, or an error.
    pub writable: bool,
    /// The peer has hung up or an error is pending: reading must go on until it says so, since no
    /// further event will come.
    pub hangup: bool,
}

/// A direction of a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// Towards us.
    Read,
    /// Away from us.
    Write,
}

/// A source of readiness; the contract is at the top of this module.
pub trait Poller {
    /// The backend's name, as `--backend` takes it.
    fn name(&self) -> &'static str;

    /// Watch a descriptor in both directions. It must be removed before it is closed.
    ///
    /// # Errors
    /// What the kernel says; `select` refuses descriptors of FD_SETSIZE and above.
    fn add(&mut self, descriptor: RawFd, token: Token) -> io::Result<()>;

    /// Nothing is left to do in this direction: report it again when there is.
    fn rearm(&mut self, descriptor: RawFd, direction: Direction);

    /// Stop watching.
    fn remove(&mut self, descriptor: RawFd);

    /// Append what is ready to `events`; block up to `timeout`, rounded up to the facility's unit
    /// (`None`: until there is something). An interrupted call returns with nothing; one that was
    /// woken, with an event of [`WAKE`].
    fn wait(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()>;

    /// Something that other threads can wake this poller with.
    fn waker(&self) -> Arc<dyn Wake>;
}

#[cfg(test)]
mod tests;
