//! Strings as elements: a table of them is a set. The one rule: one allocation each, behind one pointer.

use super::Element;
use crate::store::thin::Thin;
use std::fmt;

/// An owned string of bytes in eight bytes, for a table of nothing but keys.
#[derive(Clone, PartialEq)]
pub(crate) struct Text(Thin);

impl Text {
    /// A copy of these bytes.
    pub(crate) fn new(bytes: &[u8]) -> Self {
        Self(Thin::concat(0, &[bytes]))
    }

    /// What it takes on the heap, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }
}

impl std::ops::Deref for Text {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl Element for Text {
    fn key(&self) -> &[u8] {
        self
    }

    fn address(&self) -> *const u8 {
        self.0.address()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Text(\"{}\")", self.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_what_it_was_made_of() {
        for bytes in [b"".as_slice(), b"a", b"\0\xff", &[7; 1000]] {
            let text = Text::new(bytes);
            assert_eq!((&*text, text.key(), &*text.clone()), (bytes, bytes, bytes));
        }
        assert_eq!(Text::new(b"12345678").heap_bytes(), 16);
    }
}
