//! A running 64-bit hash of whatever happened, in the order in which it happened.
//!
//! Its one rule: the same on every machine and with every compiler, so that a trace's hash can be
//! written into a test. It is not made to withstand anybody who looks for collisions.

use crate::random::mix;
use std::{fmt, io};

/// A hash that is fed as things happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Digest(u64);

impl Default for Digest {
    fn default() -> Self {
        Self(0x6c62_272e_07bb_0142)
    }
}

impl Digest {
    /// The hash of bytes alone.
    pub(super) fn of_bytes(bytes: &[u8]) -> u64 {
        let mut digest = Self::default();
        digest.bytes(bytes);
        digest.value()
    }

    /// The hash of what is displayed, without building the text.
    pub(super) fn of_text(text: &impl fmt::Display) -> u64 {
        let mut hash = TextHash(0xcbf2_9ce4_8422_2325);
        // The hash takes anything; an error could only be the text's own, and then ends it.
        let _ = fmt::write(&mut hash, format_args!("{text}"));
        hash.0
    }

    /// The hash of an error: its number where the system has one, else its kind.
    pub(super) fn of_error(error: &io::Error) -> u64 {
        match error.raw_os_error() {
            Some(number) => mix(number as u64),
            None => Self::of_text(&format_args!("{:?}", error.kind())),
        }
    }

    pub(super) fn number(&mut self, number: u64) {
        self.0 = mix(self.0.rotate_left(5) ^ number);
    }

    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        for piece in bytes.chunks(8) {
            let mut number = [0; 8];
            number[..piece.len()].copy_from_slice(piece);
            self.number(u64::from_le_bytes(number));
        }
    }

    pub(super) fn value(self) -> u64 {
        self.0
    }
}

/// FNV-1a: byte by byte, so that it doesn't matter in how many pieces a text is displayed.
struct TextHash(u64);

impl fmt::Write for TextHash {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0 =
            text.bytes().fold(self.0, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_length_and_content_all_count() {
        let all = [&b"ab"[..], b"ba", b"ab\0", b"", b"\0", b"abcdefgh", b"abcdefghi"];
        let hashes: std::collections::BTreeSet<u64> =
            all.iter().map(|bytes| Digest::of_bytes(bytes)).collect();
        assert_eq!(hashes.len(), all.len());
    }

    #[test]
    fn the_value_is_the_same_everywhere() {
        assert_eq!(Digest::of_bytes(b"ropewalk"), 8_072_606_706_215_891_450);
        // FNV-1a's published test value.
        assert_eq!(Digest::of_text(&"foobar"), 0x8594_4171_f739_67e8);
    }
}
