//! A part of a string's bits. The one rule: both ends are bits, and inside the string.

use crate::command::error::Error;
use crate::command::string::clamped;
use std::ops::Range;

/// What indexes count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Byte,
    Bit,
}

impl Unit {
    /// `BYTE` or `BIT`.
    pub(super) fn parse(name: &[u8]) -> Result<Self, Error> {
        match name.to_ascii_lowercase().as_slice() {
            b"byte" => Ok(Self::Byte),
            b"bit" => Ok(Self::Bit),
            _ => Err(Error::Syntax),
        }
    }
}

/// Bits of a string: some of its first byte, whole bytes, some of its last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Span<'a> {
    /// The bytes that have any of the bits; at least one.
    bytes: &'a [u8],
    /// The first byte's number in the string.
    first: usize,
    /// Which bits of the first byte.
    of_first: u8,
    /// Which bits of the last.
    of_last: u8,
}

impl<'a> Span<'a> {
    /// All bits; none if there are none.
    pub(super) fn whole(string: &'a [u8]) -> Option<Self> {
        Self::of_bits(string, 0..string.len() * 8)
    }

    /// From one index to another, both included, negative ones from the end; none if there is nothing between.
    pub(super) fn new(string: &'a [u8], start: i64, end: i64, unit: Unit) -> Option<Self> {
        match unit {
            Unit::Byte => {
                let bytes = clamped(start, end, string.len())?;
                Self::of_bits(string, bytes.start * 8..bytes.end * 8)
            }
            Unit::Bit => Self::of_bits(string, clamped(start, end, string.len() * 8)?),
        }
    }

    fn of_bits(string: &'a [u8], bits: Range<usize>) -> Option<Self> {
        let last = bits.end.checked_sub(1)?;
        let bytes = string.get(bits.start / 8..=last / 8).filter(|bytes| !bytes.is_empty())?;
        let (of_first, of_last) = (0xff >> (bits.start % 8), 0xffu8 << (7 - last % 8));
        let of_first = if bytes.len() == 1 { of_first & of_last } else { of_first };
        Some(Self { bytes, first: bits.start / 8, of_first, of_last })
    }

    /// How many are set.
    pub(super) fn count(&self) -> u64 {
        let outside = |byte: Option<&u8>, inside: u8| byte.map_or(0, |byte| (byte & !inside).count_ones());
        let mut excess = outside(self.bytes.first(), self.of_first);
        if self.bytes.len() > 1 {
            excess += outside(self.bytes.last(), self.of_last);
        }
        let (words, rest) = self.bytes.as_chunks::<8>();
        let in_words: u64 = words.iter().map(|word| u64::from(u64::from_ne_bytes(*word).count_ones())).sum();
        let in_rest: u64 = rest.iter().map(|byte| u64::from(byte.count_ones())).sum();
        in_words + in_rest - u64::from(excess)
    }

    /// The first bit that is set, or that is not; its number in the string.
    pub(super) fn find(&self, wanted: bool) -> Option<usize> {
        // As if ones were wanted.
        let flip = if wanted { 0 } else { 0xff };
        let (first, others) = self.bytes.split_first()?;
        let place = |index: usize, byte: u8| (self.first + index) * 8 + byte.leading_zeros() as usize;
        let byte = (first ^ flip) & self.of_first;
        if byte != 0 {
            return Some(place(0, byte));
        }
        let (last, between) = others.split_last()?;
        if let Some(index) = first_other(between, flip) {
            return Some(place(index + 1, between.get(index)? ^ flip));
        }
        let byte = (last ^ flip) & self.of_last;
        (byte != 0).then(|| place(others.len(), byte))
    }
}

/// The first byte that is not this one; eight at a time.
fn first_other(bytes: &[u8], byte: u8) -> Option<usize> {
    let (words, _) = bytes.as_chunks::<8>();
    let same = words.iter().take_while(|word| **word == [byte; 8]).count() * 8;
    let rest = bytes.get(same..)?.iter().position(|other| *other != byte)?;
    Some(same + rest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bit(string: &[u8], index: usize) -> bool {
        string[index / 8] << (index % 8) & 0x80 != 0
    }

    proptest! {
        #[test]
        fn a_span_is_its_bits(
            string in prop::collection::vec(prop_oneof![Just(0u8), Just(0xff), any::<u8>()], 0..40),
            start in -330..330i64,
            end in -330..330i64,
            unit in prop_oneof![Just(Unit::Byte), Just(Unit::Bit)],
            wanted in any::<bool>(),
        ) {
            let width = if unit == Unit::Byte { 8 } else { 1 };
            let length = string.len() as i64 * 8 / width;
            let from_front = |index: i64| if index < 0 { (index + length).max(0) } else { index };
            let (first, last) = (from_front(start), from_front(end).min(length - 1));
            let bits = (first * width) as usize..((last + 1).max(first) * width) as usize;
            let span = Span::new(&string, start, end, unit);
            let ones = bits.clone().filter(|index| bit(&string, *index)).count();
            prop_assert_eq!(span.map_or(0, |span| span.count()), ones as u64);
            let found = bits.clone().find(|index| bit(&string, *index) == wanted);
            prop_assert_eq!(span.and_then(|span| span.find(wanted)), found);
        }
    }

    #[test]
    fn nothing_has_no_bits() {
        assert!(Span::whole(b"").is_none());
        assert!(Span::new(b"", 0, -1, Unit::Bit).is_none());
        assert_eq!(Span::whole(b"\xf0\x01").map(|span| span.count()), Some(5));
    }
}
