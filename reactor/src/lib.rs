//! Ropewalk's reactor: an event loop in the spirit of Twisted.

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
pub mod poller;
pub mod random;

pub use address::Address;
pub use bytes::{Buf, BufMut, Bytes, BytesMut};
pub use connector::{Backoff, HEAD_START, Reconnector};
pub use deferred::{Deferred, Resolver, all};
pub use failure::{Failure, Result};
pub use file::{APPENDS_MAX, Disk, File};
pub use listener::{Inlet, Listener};
pub use protocol::{Eof, Factory, Protocol, Reason};
pub use reactor::{Builder, Reactor};
pub use task::LoopingCall;
pub use threads::{JOBS_MAX, Remote};
pub use timer::Timer;
pub use transport::Transport;
