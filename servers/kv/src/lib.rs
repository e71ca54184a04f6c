//! A key-value server that speaks Redis's protocol, on Ropewalk's reactor.
//!
//! The one rule: a command reaches the data only through its [`Call`](command::Call), so that whatever a
//! write owes to others (watchers, caches of clients, listeners, the journal) is paid in one place.

pub(crate) mod store;
