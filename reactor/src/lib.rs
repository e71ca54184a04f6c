//! An event loop in the spirit of Twisted: protocols, transports and factories, on epoll, poll,
//! select, io_uring, or in a simulation.
//!
//! # The guided tour
//!
//! You write a [`Protocol`]: what happens on one connection. A [`Factory`], usually a closure, makes one
//! for each connection. The [`Reactor`] listens and connects, and calls your protocol with a
//! [`Transport`], through which it writes.
//!
//! ```
//! use ropewalk_reactor::prelude::*;
//!
//! /// Adds up the numbers it is sent, a line each.
//! #[derive(Default)]
//! struct Sum(u64);
//!
//! impl Protocol for Sum {
//!     fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
//!         // Take whole messages off the front; what is left comes back with more behind it.
//!         while let Some(end) = input.iter().position(|byte| *byte == b'\n') {
//!             let line = input.split_to(end + 1);
//!             match std::str::from_utf8(&line).map(|text| text.trim().parse::<u64>()) {
//!                 Ok(Ok(number)) => self.0 = self.0.saturating_add(number),
//!                 _ => return transport.close(),
//!             }
//!             transport.write(format!("{}\n", self.0).as_bytes());
//!         }
//!     }
//! }
//!
//! # fn main() -> ropewalk_reactor::Result<()> {
//! let reactor = Reactor::new()?;
//! let listener = reactor.listen("tcp:0:interface=127.0.0.1", |_: &Address| Sum::default())?;
//! println!("listening on {}", listener.address());
//! # reactor.stop();
//! reactor.run()?;
//! # Ok(())
//! # }
//! ```
//!
//! **The one law.** No method of a handle ([`Transport`], [`Reactor`], [`Deferred`], [`Timer`]) ever calls you. It
//! records what you want; the loop does it, and calls you from there, one callback at a time. So an
//! `Rc<RefCell<_>>` that your protocols share may stay borrowed while you write to any of them.
//!
//! **What comes later** is a [`Deferred`]: [`Reactor::connect`], [`Reactor::defer_to_thread`], [`Reactor::sleep`], files
//! ([`Reactor::disk`]). Attach callbacks to it, or `await` it in a future that you [`Reactor::spawn`].
//!
//! **Slow peers.** A transport [is full](Transport::is_full) when more waits to leave than its watermark.
//! [`Transport::register_producer`] pauses whoever fills it; [`Transport::pause_reading`] is yours.
//!
//! **Tests.** [`testing::StringTransport`] feeds a protocol strings. [`engine::sim::Sim`] is a whole network and disk in
//! virtual time, with every fault a network has, from a seed.
//!
//! **Backends** by name: [`Builder::backend`], or the environment's `ROPEWALK_BACKEND`. To write one, see
//! [`engine`] and [`poller`], and run [`testing::conformance`] and [`testing::rules`] on it.

pub mod address;
pub mod buffer;
mod connector;
mod core;
mod deferred;
pub mod disk;
pub mod endpoint;
pub mod engine;
mod failure;
mod file;
mod holder;
mod listener;
mod panics;
pub mod policy;
pub mod poller;
pub mod prelude;
pub mod process;
mod protocol;
pub mod random;
mod reactor;
pub mod service;
mod shared;
mod signal;
mod sys;
pub mod systemd;
mod task;
pub mod testing;
mod threads;
mod timer;
pub mod transport;

pub use address::Address;
pub use bytes::{Buf, BufMut, Bytes, BytesMut};
pub use connector::{Backoff, HEAD_START, Reconnector};
pub use deferred::{Deferred, Resolver, all};
pub use failure::{Failure, Result};
pub use file::{APPENDS_MAX, Disk, File};
pub use listener::{Inlet, Listener};
pub use protocol::{Eof, Factory, Protocol, Reason};
pub use reactor::{Builder, Reactor};
pub use signal::Signal;
pub use task::LoopingCall;
pub use threads::{JOBS_MAX, Remote};
pub use timer::Timer;
pub use transport::Transport;

/// The README's programs, compiled by the documentation's tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
