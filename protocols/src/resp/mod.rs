//! RESP, the protocol of Redis, in both its versions: what a server needs, and what a client does.
//! The one rule: bytes in, meaning out, in place; who holds them, and for how long, is the caller's.
//!
//! ```text
//!            ┌─ RequestParser ─▶ Batch of commands ─▶ your handlers ─▶ ReplyWriter ─┐
//!  a server  │  in place, many at once                                  RESP2 or 3  │
//!            │                                                                      ▼
//!          bytes                                                                  bytes
//!            ▲                                                                      │
//!  a client  │                                                                      │
//!            └─ encode_command ◀─ Client::command            Value ◀─ ReplyDecoder ─┘
//! ```
//!
//! What is accepted and what is said is what Redis 7.0.15 accepts and says, which the tests compare
//! byte by byte. [`Commands`] is the adaptor for a server of your own; a large server takes whole
//! batches off its input itself. [`Client`], [`Pool`] and [`Subscriber`] are what programs use.

mod client;
mod decoder;
mod inline;
pub mod number;
mod reply;
mod request;
mod server;
mod value;

pub use client::{
    Client, ClientError, ClientOptions, Lease, MESSAGES_MAX, Message, Pool, PoolOptions, Subscriber, Topic,
};
pub use decoder::{REPLY_LINE_BYTES_MAX, ReplyDecoder, ReplyError, ReplyLimits};
pub use inline::split_words;
pub use reply::{Open, ReplyWriter, encode_command};
pub use request::{
    ARGUMENTS_MAX, BULK_BYTES_MAX, Batch, BatchCommands, LINE_BYTES_MAX, Limits, RequestError, RequestParser,
    Scratch, Stop, UNAUTHENTICATED_ARGUMENTS_MAX, UNAUTHENTICATED_BULK_BYTES_MAX,
};
pub use server::{CommandReceiver, Commands, send_reply};
pub use value::{Attributed, ServerError, Value};

/// Which version of the protocol is spoken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// What every client begins with.
    #[default]
    Resp2,
    /// What `HELLO 3` asks for: more types, and messages that answer no command.
    Resp3,
}
