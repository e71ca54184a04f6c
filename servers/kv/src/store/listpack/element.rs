//! One element of a listpack: how it is written, read, and stepped over backwards. The one rule: reading
//! believes nothing, so that bytes from a stranger are as safe as our own.
//!
//! ```text
//!   [head][data][size of both, read from its end]
//!
//!   0vvvvvvv                     an integer from 0 to 127
//!   10llllll text                up to 63 bytes
//!   110vvvvv vvvvvvvv            an integer of 13 bits, its high bits first
//!   1110llll llllllll text       up to 4095 bytes
//!   11110000 llll text           any length: 32 bits, little-endian, as are those below
//!   11110001 vv                  an integer of 16 bits; 24, 32 and 64 follow, up to 11110100
//!   11111111                     the end of the listpack
//! ```

use ropewalk_protocols::resp::number::{self, parse_integer};
use std::ops::Deref;

/// The longest head, or integer with it.
const HEAD_MAX: usize = 9;
/// The longest size at the end.
const BACK_MAX: usize = 5;
/// The longest text of an integer: `-9223372036854775808`.
const INTEGER_TEXT_MAX: usize = 20;

/// An element as it is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    /// An integer, where the text was one in its canonical form.
    Integer(i64),
    /// Anything else.
    Bytes(&'a [u8]),
}

impl<'a> Item<'a> {
    /// What was put in, as text.
    pub(crate) fn text(&self) -> ItemText<'a> {
        match *self {
            Item::Integer(value) => ItemText::Integer(number::integer(value)),
            Item::Bytes(bytes) => ItemText::Bytes(bytes),
        }
    }

    /// Is this its text?
    pub(crate) fn equals(&self, text: &[u8]) -> bool {
        match *self {
            Item::Integer(value) => integer_of(text) == Some(value),
            Item::Bytes(bytes) => bytes == text,
        }
    }

    /// Its value, if its text is an integer in canonical form.
    pub(crate) fn integer(&self) -> Option<i64> {
        match *self {
            Item::Integer(value) => Some(value),
            Item::Bytes(bytes) => integer_of(bytes),
        }
    }

    /// The length of its text, in bytes.
    pub(crate) fn text_length(&self) -> usize {
        match self {
            Item::Integer(_) => self.text().len(),
            Item::Bytes(bytes) => bytes.len(),
        }
    }
}

/// A text to look for, with the integer that it may be stored as.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needle<'a> {
    text: &'a [u8],
    integer: Option<i64>,
}

impl<'a> Needle<'a> {
    /// To look for this text.
    pub(crate) fn new(text: &'a [u8]) -> Self {
        Self { text, integer: integer_of(text) }
    }

    /// Is this it?
    pub(crate) fn is(&self, item: Item<'_>) -> bool {
        match item {
            Item::Integer(value) => self.integer == Some(value),
            Item::Bytes(bytes) => bytes == self.text,
        }
    }
}

/// The text of an item, which is borrowed where it was stored as such.
#[derive(Clone, Copy, Debug)]
pub(crate) enum ItemText<'a> {
    /// That of an integer.
    Integer(number::Text),
    /// As it was stored.
    Bytes(&'a [u8]),
}

impl Deref for ItemText<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            ItemText::Integer(text) => text,
            ItemText::Bytes(bytes) => bytes,
        }
    }
}

/// The integer that this text is stored as, if it is one.
pub(super) fn integer_of(text: &[u8]) -> Option<i64> {
    // Most texts are told from integers by their first byte.
    match text.first() {
        Some(b'-' | b'0'..=b'9') if text.len() <= INTEGER_TEXT_MAX => parse_integer(text),
        _ => None,
    }
}

/// The element at the start of `bytes`, and its size without the size at its end.
pub(super) fn read(bytes: &[u8]) -> Option<(Item<'_>, usize)> {
    let integer = |value: i64, size: usize| Some((Item::Integer(value), size));
    match bytes {
        [value @ 0..=0x7f, ..] => integer(i64::from(*value), 1),
        [head @ 0x80..=0xbf, rest @ ..] => text(rest, 1, u32::from(head & 0x3f)),
        [head @ 0xc0..=0xdf, low, ..] => {
            // The sign is bit 12: move it to the top and back.
            let value = i16::from_be_bytes([head & 0x1f, *low]);
            integer(i64::from(value << 3 >> 3), 2)
        }
        [head @ 0xe0..=0xef, low, rest @ ..] => {
            text(rest, 2, u32::from(u16::from_be_bytes([head & 0x0f, *low])))
        }
        [0xf0, a, b, c, d, rest @ ..] => text(rest, 5, u32::from_le_bytes([*a, *b, *c, *d])),
        [0xf1, a, b, ..] => integer(i64::from(i16::from_le_bytes([*a, *b])), 3),
        [0xf2, a, b, c, ..] => integer(i64::from(i32::from_le_bytes([0, *a, *b, *c]) >> 8), 4),
        [0xf3, a, b, c, d, ..] => integer(i64::from(i32::from_le_bytes([*a, *b, *c, *d])), 5),
        [0xf4, rest @ ..] => integer(i64::from_le_bytes(*rest.first_chunk()?), 9),
        _ => None,
    }
}

/// A text that fills the first `length` bytes of `rest`, behind a head of this size.
fn text(rest: &[u8], head: usize, length: u32) -> Option<(Item<'_>, usize)> {
    let bytes = rest.get(..length as usize)?;
    // A head and a part of a slice: far from an overflow.
    Some((Item::Bytes(bytes), head.saturating_add(bytes.len())))
}

/// Bytes that an element of this size takes in all.
pub(super) fn whole(size: usize) -> usize {
    size.saturating_add(back_width(size))
}

/// How many bytes the size at the end of an element takes. The bounds are Redis's, which is not the
/// tightest possible: they decide about the bytes of DUMP.
fn back_width(size: usize) -> usize {
    match size {
        0..=127 => 1,
        128..16_383 => 2,
        16_383..2_097_151 => 3,
        2_097_151..268_435_455 => 4,
        _ => BACK_MAX,
    }
}

/// What the last element of `bytes` takes in all, by the size at its end: seven bits a byte, the low ones
/// last, the top bit set where more come before.
pub(super) fn whole_of_last(bytes: &[u8]) -> Option<usize> {
    let mut size = 0usize;
    for (index, byte) in bytes.iter().rev().take(BACK_MAX).enumerate() {
        size |= usize::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some(whole(size));
        }
    }
    None
}

/// An element about to be written.
#[derive(Clone, Copy)]
pub(super) struct Element<'a> {
    head: [u8; HEAD_MAX],
    head_length: usize,
    text: &'a [u8],
    back: [u8; BACK_MAX],
    back_length: usize,
}

impl<'a> Element<'a> {
    /// How this text is stored: as an integer where it is one.
    pub(super) fn of_text(text: &'a [u8]) -> Self {
        if let Some(value) = integer_of(text) {
            return Self::of_integer(value);
        }
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        match length {
            0..64 => Self::new(&[0x80 | length as u8], text),
            64..4096 => Self::new(&[0xe0 | (length >> 8) as u8, length as u8], text),
            _ => {
                let [a, b, c, d] = length.to_le_bytes();
                Self::new(&[0xf0, a, b, c, d], text)
            }
        }
    }

    /// How this integer is stored: as narrow as may be.
    pub(super) fn of_integer(value: i64) -> Element<'static> {
        let [a, b, c, d, ..] = value.to_le_bytes();
        match value {
            0..=127 => Element::new(&[a], &[]),
            -4096..=4095 => Element::new(&[0xc0 | (b & 0x1f), a], &[]),
            -0x8000..=0x7fff => Element::new(&[0xf1, a, b], &[]),
            -0x80_0000..=0x7f_ffff => Element::new(&[0xf2, a, b, c], &[]),
            -0x8000_0000..=0x7fff_ffff => Element::new(&[0xf3, a, b, c, d], &[]),
            _ => {
                let mut head = [0xf4; HEAD_MAX];
                head[1..].copy_from_slice(&value.to_le_bytes());
                Element::new(&head, &[])
            }
        }
    }

    fn new(head: &[u8], text: &'a [u8]) -> Self {
        let mut element =
            Self { head: [0; HEAD_MAX], head_length: head.len(), text, back: [0; BACK_MAX], back_length: 0 };
        element.head[..head.len()].copy_from_slice(head);
        let size = head.len().saturating_add(text.len());
        element.back_length = back_width(size);
        for (index, byte) in element.back[..element.back_length].iter_mut().rev().enumerate() {
            *byte = (size >> (7 * index)) as u8 | 0x80;
        }
        // The first one says that there is none before it.
        element.back[0] &= 0x7f;
        element
    }

    /// What it takes in all.
    pub(super) fn len(&self) -> usize {
        self.head_length.saturating_add(self.text.len()).saturating_add(self.back_length)
    }

    /// Write it behind these bytes.
    pub(super) fn append_to(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.head[..self.head_length]);
        bytes.extend_from_slice(self.text);
        bytes.extend_from_slice(&self.back[..self.back_length]);
    }

    /// Write it into a place of exactly its length.
    pub(super) fn write(&self, mut place: &mut [u8]) {
        for part in [&self.head[..self.head_length], self.text, &self.back[..self.back_length]] {
            let Some((here, rest)) = place.split_at_mut_checked(part.len()) else { return };
            here.copy_from_slice(part);
            place = rest;
        }
    }
}
