//! Protocols for Ropewalk: pure codecs, and the protocols and clients built on them.
//!
//! Each file here is two things, and keeps them apart. A *codec* takes bytes and returns what they
//! mean, or the reverse; it knows no socket, no clock and no file, so that it can be tested with a
//! table and fuzzed with a string. An *adaptor* is a [`Protocol`](ropewalk_reactor::Protocol) that
//! feeds the codec from a connection and calls a receiver, a trait of yours, for each message:
//!
//! | framing | codec | adaptor | your trait |
//! | --- | --- | --- | --- |
//! | lines | [`line::LineDecoder`] | [`line::Lines`] | [`line::LineReceiver`] |
//! | netstrings | [`netstring::NetstringDecoder`] | [`netstring::Netstrings`] | [`netstring::NetstringReceiver`] |
//! | 8, 16 or 32 bit length prefixes | [`intn::IntNDecoder`] | [`intn::IntNStrings`] | [`intn::IntNReceiver`] |
//! | HTTP/1.1 | [`http::RequestDecoder`], [`http::Response`] | [`http::HttpServer`] | [`http::Handler`] |
//! | RESP, of Redis | [`resp::RequestParser`], [`resp::ReplyWriter`] | [`resp::Commands`] | [`resp::CommandReceiver`] |
//!
//! Clients, which ask a server and give its answers as deferreds: [`resp::Client`], [`resp::Pool`],
//! [`resp::Subscriber`].
//!
//! The rules that all keep:
//!
//! - What a peer can make us hold is bounded, by a limit with a name and a default.
//! - No input panics: there is no indexing and no unchecked arithmetic on a peer's bytes.
//! - An adaptor stops at once when a callback pauses reading, closes, or changes the protocol; what
//!   is left stays in the connection's input, and comes back after
//!   [`resume_reading`](ropewalk_reactor::Transport::resume_reading).
//! - Messages are handed over borrowed, and the input is advanced once for all of them.

// Tests index into what they have made themselves.
#![cfg_attr(not(test), warn(clippy::indexing_slicing, clippy::arithmetic_side_effects))]

mod adaptor;
pub mod http;
pub mod intn;
pub mod line;
pub mod netstring;
pub mod resp;
pub mod wire;

#[cfg(test)]
mod testing;

/// The page for those who come from Twisted: the programs on it compile.
#[cfg(doctest)]
#[doc = include_str!("../../docs/from-twisted.md")]
struct FromTwisted;
