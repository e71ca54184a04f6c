//! Sorted sets: members by score, with ranks.

use super::value::Encoding;

/// A sorted set.
#[derive(Clone, Debug)]
pub(crate) struct Zset;

impl Zset {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn is_empty(&self) -> bool {
        true
    }

    pub(crate) fn encoding(&self) -> Encoding {
        Encoding::Skiplist
    }

    pub(crate) fn free_effort(&self) -> usize {
        1
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        0
    }
}
