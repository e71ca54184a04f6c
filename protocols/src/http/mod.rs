//! HTTP/1.1, the server's side: enough to serve pages, JSON interfaces, metrics and event streams,
//! and no more. The one rule: where a request could be read in two ways, it is refused, for the way
//! that we read it may not be the way that the proxy before us did.
//!
//! ```text
//! bytes ─▶ RequestDecoder ─▶ Request ─▶ Handler ─▶ Reply ─▶ Response ─▶ bytes      pure: no sockets,
//!          head (httparse)                         │                               no clock
//!          body (length, chunks)                   ├─▶ BodyWriter    a body in pieces
//!                                                  └─▶ EventStream   server-sent events
//! ```
//!
//! [`HttpServer`] is the adaptor. A [`Handler`] gets the [`Request`] and a [`Reply`], and owns both:
//! it may answer at once, or keep the reply and answer when it can. Requests that were pipelined
//! behind wait in the connection's input, so responses leave in order by construction.
//!
//! ```
//! use ropewalk_protocols::http::{HttpServer, Reply, Request, Response, Status};
//!
//! let hello = |request: Request, reply: Reply| match (request.method(), request.path()) {
//!     ("GET", "/") => reply.send(Response::ok().text("Hello, world!\n")),
//!     _ => reply.send(Response::error(Status::NOT_FOUND)),
//! };
//! let factory = move |_: &ropewalk_reactor::Address| HttpServer::new(hello);
//! # let _ = factory;
//! ```
//!
//! Absent on purpose: HTTP/2, upgrades, compression, multipart forms, request bodies in pieces. The
//! sections named in this folder are those of RFC 9110 (semantics) and RFC 9112 (HTTP/1.1).

mod auth;
mod body;
mod client;
pub mod date;
mod events;
mod head;
mod reply;
mod request;
mod response;
mod server;
mod status;
pub mod target;

pub use auth::Credentials;
pub use client::{IncomingResponse, ResponseDecoder};
pub use events::EventStream;
pub use head::{Headers, Version};
pub use reply::{BodyWriter, Reply};
pub use request::{Decoded, Request, RequestDecoder};
pub use response::{Framing, LAST_CHUNK, Recipient, Response, encode_chunk, escape_html};
pub use server::{Config, Handler, HttpServer};
pub use status::Status;

use thiserror::Error;

/// How many header fields a head may have.
pub const HEADERS_MAX: usize = 100;

/// How large a message may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The first line and the header fields together, in bytes; 16 KiB unless said.
    pub head_bytes_max: usize,
    /// The target of a request alone, in bytes; 8 KiB unless said.
    pub target_bytes_max: usize,
    /// The body, in bytes, chunks joined; 1 MiB unless said.
    pub body_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { head_bytes_max: 16 * 1024, target_bytes_max: 8 * 1024, body_bytes_max: 1024 * 1024 }
    }
}

/// Why a message is refused. Where the next one begins is not known then: answer with
/// [`status`](Self::status), and close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HttpError {
    /// It is no HTTP, or can be read in two ways.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// The target is longer than [`Limits::target_bytes_max`].
    #[error("the target is too long")]
    TargetTooLong,
    /// The head is larger than [`Limits::head_bytes_max`], or has over [`HEADERS_MAX`] fields.
    #[error("the header is too large")]
    HeadTooLarge,
    /// The body is larger than [`Limits::body_bytes_max`].
    #[error("the body is too large")]
    BodyTooLarge,
    /// It expects something other than `100-continue`.
    #[error("the expectation is not known")]
    ExpectationFailed,
    /// It needs something that is not built.
    #[error("not implemented: {0}")]
    NotImplemented(&'static str),
    /// It is neither HTTP/1.0 nor HTTP/1.1.
    #[error("the version is not supported")]
    UnsupportedVersion,
}

impl HttpError {
    /// What to answer.
    pub fn status(self) -> Status {
        match self {
            Self::Malformed(_) => Status::BAD_REQUEST,
            Self::TargetTooLong => Status::URI_TOO_LONG,
            Self::HeadTooLarge => Status::REQUEST_HEADER_FIELDS_TOO_LARGE,
            Self::BodyTooLarge => Status::CONTENT_TOO_LARGE,
            Self::ExpectationFailed => Status::EXPECTATION_FAILED,
            Self::NotImplemented(_) => Status::NOT_IMPLEMENTED,
            Self::UnsupportedVersion => Status::HTTP_VERSION_NOT_SUPPORTED,
        }
    }
}
