//! What a [`Deferred`](crate::Deferred) fails with.

use std::io;

/// Why no good result came.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Failure {
    /// Somebody called `cancel`.
    #[error("cancelled")]
    Cancelled,
    /// Nothing came within the time given.
    #[error("timed out")]
    TimedOut,
    /// Whatever would have produced the result was dropped.
    #[error("abandoned: whatever would have answered is gone")]
    Dropped,
    /// The thread pool's queue is full.
    #[error("overloaded: too many blocking jobs wait")]
    Overloaded,
    /// A task or a job panicked with this message.
    #[error("panicked: {0}")]
    Panicked(String),
    /// The endpoint string is wrong.
    #[error(transparent)]
    Endpoint(#[from] crate::endpoint::EndpointError),
    /// The operating system or the peer.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Anything else.
    #[error("{0}")]
    Other(Box<dyn std::error::Error + Send + Sync>),
}

impl Failure {
    /// A failure with this text.
    pub fn other(text: impl Into<String>) -> Self {
        Self::Other(text.into().into())
    }
}

/// A result that fails with a [`Failure`] unless said otherwise.
pub type Result<T, E = Failure> = std::result::Result<T, E>;
