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

    /// 32 bytes at a time, because whatever is sent and received comes through here.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        let (blocks, rest) = bytes.as_chunks::<32>();
        for block in blocks {
            let ([a, b, c, d], _) = block.as_chunks::<8>() else { continue };
            let low = fold(u64::from_le_bytes(*a) ^ 0xa076_1d64_78bd_642f, u64::from_le_bytes(*b) ^ self.0);
            let high = fold(u64::from_le_bytes(*c) ^ 0xe703_7ed1_a0b4_28db, u64::from_le_bytes(*d) ^ !self.0);
            self.0 = fold(low ^ 0x8ebc_6af0_9c88_c6e3, high ^ 0x5899_65cc_7537_4cc3);
        }
        for piece in rest.chunks(8) {
            let mut number = [0; 8];
            number[..piece.len()].copy_from_slice(piece);
            self.number(u64::from_le_bytes(number));
        }
        self.number(bytes.len() as u64);
    }

    pub(super) fn value(self) -> u64 {
        self.0
    }
}

/// Both halves of a product: wyhash's step.
fn fold(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    product as u64 ^ (product >> 64) as u64
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
        let long = [b'x'; 70];
        let mut changed = long;
        changed[40] = b'y';
        let short = [&b"ab"[..], b"ba", b"ab\0", b"", b"\0", b"abcdefgh", b"abcdefghi"];
        let all: Vec<&[u8]> = short.into_iter().chain([&long[..32], &long[..64], &long, &changed]).collect();
        let hashes: std::collections::BTreeSet<u64> =
            all.iter().map(|bytes| Digest::of_bytes(bytes)).collect();
        assert_eq!(hashes.len(), all.len());
    }

    #[test]
    fn the_value_is_the_same_everywhere() {
        assert_eq!(Digest::of_bytes(&[b'x'; 70]), 7_902_597_799_145_279_070);
        assert_eq!(Digest::of_bytes(b"ropewalk"), 4_343_242_919_971_991_799);
        // FNV-1a's published test value.
        assert_eq!(Digest::of_text(&"foobar"), 0x8594_4171_f739_67e8);
    }
}
