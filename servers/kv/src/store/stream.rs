//! Streams: entries by time, and groups of consumers.

use super::value::Encoding;

/// A stream.
#[derive(Clone, Debug)]
pub(crate) struct Stream;

impl Stream {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn is_empty(&self) -> bool {
        true
    }

    pub(crate) fn encoding(&self) -> Encoding {
        Encoding::Stream
    }

    pub(crate) fn free_effort(&self) -> usize {
        1
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        0
    }
}
