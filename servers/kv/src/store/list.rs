//! Lists: a chain of listpacks.

use super::value::Encoding;

/// A list.
#[derive(Clone, Debug)]
pub(crate) struct List;

impl List {
    pub(crate) fn new() -> Self {
        Self
    }

    pub(crate) fn is_empty(&self) -> bool {
        true
    }

    pub(crate) fn encoding(&self) -> Encoding {
        Encoding::Quicklist
    }

    pub(crate) fn free_effort(&self) -> usize {
        1
    }

    pub(crate) fn heap_bytes(&self) -> usize {
        0
    }
}
