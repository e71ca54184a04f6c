//! Clients: programs that ask a server. The one rule: a command that was accepted is answered, once,
//! by its reply or by the reason why there will be none.
//!
//! ```text
//! Client ── command ──▶ output, one write a turn ──▶  server
//!    │                                                   │
//!    └ waiting: [ 1st, 2nd, 3rd ] ◀── replies, in order ─┘     pushes ──▶ on_push
//!
//! Pool ── lease ──▶ a Client for you alone, until you drop it
//! Subscriber ──▶ a connection of its own: channels in, messages out
//! ```
//!
//! Nothing grows without a bound: how many replies may be awaited and how many bytes may wait to
//! leave are said in [`ClientOptions`], how large a reply may be in [`ReplyLimits`]. What is beyond
//! fails at once with [`ClientError::Full`]; wait for earlier replies before asking more.

mod connection;
mod pool;
mod subscriber;
mod wire;

pub use connection::Client;
pub use pool::{Lease, Pool, PoolOptions};
pub use subscriber::{MESSAGES_MAX, Message, Subscriber, Topic};

use super::Version;
use super::decoder::{ReplyError, ReplyLimits};
use super::value::ServerError;
use ropewalk_reactor::Failure;
use std::fmt;
use std::time::Duration;
use thiserror::Error;

/// How a client presents itself, and what it allows.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientOptions {
    /// Which version to speak; RESP3 unless said, which Redis has had since 6.0.
    pub version: Version,
    /// Who to authenticate as, where there is a password; `default` unless said.
    pub username: Option<String>,
    /// What to authenticate with.
    pub password: Option<String>,
    /// Which database to select; 0 unless said.
    pub database: u32,
    /// The connection's name, for `CLIENT LIST`.
    pub name: Option<String>,
    /// How long the server may take to accept all of that; 10 seconds unless said.
    pub set_up_timeout: Duration,
    /// How long a [`Client`] may wait for its next reply before it takes the connection for dead; for
    /// ever unless said, as commands that block do.
    pub reply_timeout: Option<Duration>,
    /// How many replies may be awaited; 65,536 unless said.
    pub awaited_max: usize,
    /// How many bytes of commands may wait to leave; 16 MiB unless said. A single command may be
    /// longer, if nothing waits.
    pub unsent_bytes_max: usize,
    /// How large a reply may be.
    pub limits: ReplyLimits,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            version: Version::Resp3,
            username: None,
            password: None,
            database: 0,
            name: None,
            set_up_timeout: Duration::from_secs(10),
            reply_timeout: None,
            awaited_max: 65_536,
            unsent_bytes_max: 16 * 1024 * 1024,
            limits: ReplyLimits::default(),
        }
    }
}

/// All but the password.
impl fmt::Debug for ClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientOptions")
            .field("version", &self.version)
            .field("username", &self.username)
            .field("has_password", &self.password.is_some())
            .field("database", &self.database)
            .field("name", &self.name)
            .field("set_up_timeout", &self.set_up_timeout)
            .field("reply_timeout", &self.reply_timeout)
            .field("awaited_max", &self.awaited_max)
            .field("unsent_bytes_max", &self.unsent_bytes_max)
            .field("limits", &self.limits)
            .finish()
    }
}

/// Why there will be no reply. It comes as [`Failure::Other`]; [`of`](Self::of) finds it there. An error
/// that the server answers comes as a [`ServerError`] in the same way.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum ClientError {
    /// So many replies are awaited, or so many bytes unsent, that no more is accepted.
    #[error("the client is full: too many replies are awaited, or too many bytes unsent")]
    Full,
    /// The connection was lost before the reply came. Whether the server has executed the command is not
    /// known.
    #[error("the connection was lost: {0}")]
    Lost(String),
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
    /// The server refused what a connection begins with: this command.
    #[error("the server refused {command}: {error}")]
    Refused {
        /// The command's name.
        command: &'static str,
        /// What the server said.
        error: ServerError,
    },
    /// The server took too long over what a connection begins with.
    #[error("the server did not accept the connection within {0:?}")]
    SetUpTimedOut(Duration),
    /// No reply came for [`ClientOptions::reply_timeout`].
    #[error("the server did not reply within {0:?}")]
    ReplyTimedOut(Duration),
    /// The server sent what is no reply, or is beyond the limits.
    #[error("the server's reply can't be understood: {0}")]
    Reply(#[from] ReplyError),
    /// The server sent a reply that no command has asked for.
    #[error("the server sent a reply that nobody asked for")]
    Unasked,
    /// After this command replies could not be told from one another, so a client does not send it.
    #[error("{0} can't be sent by a client that matches replies with commands; a Subscriber subscribes")]
    NotACommand(String),
    /// Too many wait for a connection of the pool.
    #[error("too many wait for a connection of the pool")]
    PoolExhausted,
}

impl ClientError {
    /// The client's error in a failure, if that is what it is.
    pub fn of(failure: &Failure) -> Option<&Self> {
        match failure {
            Failure::Other(error) => error.downcast_ref(),
            _ => None,
        }
    }
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::Other(Box::new(error))
    }
}

impl ServerError {
    /// The server's error in a failure, if that is what it is.
    pub fn of(failure: &Failure) -> Option<&Self> {
        match failure {
            Failure::Other(error) => error.downcast_ref(),
            _ => None,
        }
    }
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        Self::Other(Box::new(error))
    }
}

#[cfg(test)]
mod tests;
