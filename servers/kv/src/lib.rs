//! A key-value server that speaks Redis's protocol, on Ropewalk's reactor.
//!
//! The one rule: a command reaches the data only through its `Call` (`command/call.rs`), so that whatever a
//! write owes to others (watchers, caches of clients, listeners, the journal) is paid in one place.

pub(crate) mod acl;
pub(crate) mod command;
pub(crate) mod config;
pub(crate) mod glob;
mod host;
pub(crate) mod long_double;
pub(crate) mod server;
pub(crate) mod store;
#[cfg(test)]
mod testing;

pub use config::FileError;
pub use host::{Facts, Host, OomScore, ProcessorTime, ProcessorTimes};
pub use server::entry::{Kv, Process, Startup};
pub use server::memory::MemorySource;
