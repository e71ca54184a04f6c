//! Sets: of integers, of a few members, of many.

use super::value::Encoding;

/// A set.
#[derive(Clone, Debug)]
pub(crate) struct Set;

impl Set {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn is_empty(&self) -> bool {
        true
    }

    pub(crate) fn encoding(&self) -> Encoding {
        Encoding::Hashtable
    }

    pub(crate) fn free_effort(&self) -> usize {
        1
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        0
    }
}
