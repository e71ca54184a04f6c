//! The IDs of entries: milliseconds and a sequence number, written `1526919030474-55`. The one rule: IDs
//! are ordered as 128-bit numbers, and arithmetic on them says when it leaves that range.

use std::fmt::{self, Write};
use std::ops::Deref;

/// When an entry was added, in milliseconds, and which of that millisecond's it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct StreamId {
    /// Milliseconds since 1970, if the server chose it.
    pub(crate) ms: u64,
    /// Its number within that millisecond, from 0.
    pub(crate) seq: u64,
}

/// The longest text with which anyone may name an ID, in bytes, leading zeros included.
const TEXT_MAX: usize = 127;

impl StreamId {
    /// The smallest ID, which no entry has.
    pub(crate) const MIN: Self = Self { ms: 0, seq: 0 };
    /// The largest ID. An entry may have it, and is then the stream's last for ever.
    pub(crate) const MAX: Self = Self { ms: u64::MAX, seq: u64::MAX };

    /// The ID that this text names, with this sequence number where it names none.
    pub(crate) fn parse(text: &[u8], missing_seq: u64) -> Option<Self> {
        if text.len() > TEXT_MAX {
            return None;
        }
        let (ms, seq) = match text.iter().position(|byte| *byte == b'-') {
            Some(dash) => {
                let (ms, dash_seq) = text.split_at_checked(dash)?;
                (ms, number(dash_seq.get(1..)?)?)
            }
            None => (text, missing_seq),
        };
        Some(Self { ms: number(ms)?, seq })
    }

    /// As [`parse`](Self::parse), but `-` is the smallest ID and `+` the largest.
    pub(crate) fn parse_bound(text: &[u8], missing_seq: u64) -> Option<Self> {
        match text {
            b"-" => Some(Self::MIN),
            b"+" => Some(Self::MAX),
            _ => Self::parse(text, missing_seq),
        }
    }

    /// The ID after this one, unless this is the last.
    pub(crate) fn next(self) -> Option<Self> {
        self.to_number().checked_add(1).map(Self::from_number)
    }

    /// The ID before this one, unless this is the first.
    pub(crate) fn previous(self) -> Option<Self> {
        self.to_number().checked_sub(1).map(Self::from_number)
    }

    /// Both parts as one number, in the same order.
    pub(crate) fn to_number(self) -> u128 {
        u128::from(self.ms) << 64 | u128::from(self.seq)
    }

    /// The ID with this number.
    pub(crate) fn from_number(number: u128) -> Self {
        Self { ms: (number >> 64) as u64, seq: number as u64 }
    }

    /// `ms-seq`, without an allocation.
    pub(crate) fn text(self) -> IdText {
        let mut text = IdText { bytes: [0; IdText::LENGTH_MAX], length: 0 };
        write!(text, "{self}").expect("an ID's text fits");
        text
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(itoa::Buffer::new().format(self.ms))?;
        f.write_str("-")?;
        f.write_str(itoa::Buffer::new().format(self.seq))
    }
}

/// An unsigned number as strtoull reads it: blanks, a plus sign and zeros may lead. No minus sign, though
/// strtoull would wrap it around.
fn number(text: &[u8]) -> Option<u64> {
    let start = text.iter().position(|byte| !matches!(byte, b' ' | b'\t'..=b'\r'))?;
    let text = text.get(start..)?;
    let digits = text.strip_prefix(b"+").unwrap_or(text);
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0u64, |value, byte| match byte {
        b'0'..=b'9' => value.checked_mul(10)?.checked_add(u64::from(byte & 0x0f)),
        _ => None,
    })
}

/// An ID's text, in place.
#[derive(Clone, Copy)]
pub(crate) struct IdText {
    bytes: [u8; Self::LENGTH_MAX],
    length: usize,
}

impl IdText {
    /// Two numbers of 20 digits, and what stands between them.
    const LENGTH_MAX: usize = 41;
}

impl Deref for IdText {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or_default()
    }
}

impl Write for IdText {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let end = self.length.saturating_add(text.len());
        let place = self.bytes.get_mut(self.length..end).ok_or(fmt::Error)?;
        place.copy_from_slice(text.as_bytes());
        self.length = end;
        Ok(())
    }
}

/// What a client asks a new entry's ID to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewId {
    /// `*`: the time, or what follows the last ID if that is not before it.
    Automatic,
    /// `ms-*`: the first that is free in this millisecond.
    InMillisecond(u64),
    /// `ms-seq`, or `ms`, whose sequence number is 0.
    Exactly(StreamId),
}

impl NewId {
    /// What this text asks for.
    pub(crate) fn parse(text: &[u8]) -> Option<Self> {
        if text == b"*" {
            return Some(Self::Automatic);
        }
        match text.strip_suffix(b"-*") {
            // Without a sequence number nothing else has a dash.
            Some(ms) if ms.len() <= TEXT_MAX => number(ms).map(Self::InMillisecond),
            Some(_) => None,
            None => StreamId::parse(text, 0).map(Self::Exactly),
        }
    }

    /// The ID it comes to after `last`, at `now_ms`; none if none is left after `last` that would do.
    pub(crate) fn after(self, last: StreamId, now_ms: i64) -> Option<StreamId> {
        let now_ms = u64::try_from(now_ms).unwrap_or_default();
        let id = match self {
            Self::Automatic if now_ms > last.ms => StreamId { ms: now_ms, seq: 0 },
            Self::Automatic => last.next()?,
            Self::InMillisecond(ms) if ms == last.ms => StreamId { ms, seq: last.seq.checked_add(1)? },
            Self::InMillisecond(ms) => StreamId { ms, seq: 0 },
            Self::Exactly(id) => id,
        };
        (id > last).then_some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(ms: u64, seq: u64) -> StreamId {
        StreamId { ms, seq }
    }

    #[test]
    fn texts_name_ids() {
        let cases: &[(&[u8], Option<StreamId>)] = &[
            (b"0-0", Some(StreamId::MIN)),
            (b"5", Some(id(5, 9))),
            (b"5-0", Some(id(5, 0))),
            (b"18446744073709551615-18446744073709551615", Some(StreamId::MAX)),
            (b"007-+3", Some(id(7, 3))),
            (b" 1- 2", Some(id(1, 2))),
            (b"18446744073709551616", None),
            (b"", None),
            (b"-", None),
            (b"+", None),
            (b"-5", None),
            (b"5-", None),
            (b"5--1", None),
            (b"5- -1", None),
            (b"5-1-1", None),
            (b"5-*", None),
            (b"*", None),
            (b"5\0", None),
            (b"5 ", None),
        ];
        for (text, named) in cases {
            assert_eq!(StreamId::parse(text, 9), *named, "{}", text.escape_ascii());
        }
        assert_eq!(StreamId::parse(&[b'0'; 127], 1), Some(id(0, 1)));
        assert_eq!(StreamId::parse(&[b'0'; 128], 1), None);
    }

    #[test]
    fn bounds_have_names_of_their_own() {
        assert_eq!(StreamId::parse_bound(b"-", 3), Some(StreamId::MIN));
        assert_eq!(StreamId::parse_bound(b"+", 3), Some(StreamId::MAX));
        assert_eq!(StreamId::parse_bound(b"4", 3), Some(id(4, 3)));
        assert_eq!(StreamId::parse_bound(b"+-", 3), None);
    }

    #[test]
    fn neighbours_cross_milliseconds_and_end_at_the_ends() {
        assert_eq!(id(1, u64::MAX).next(), Some(id(2, 0)));
        assert_eq!(id(2, 0).previous(), Some(id(1, u64::MAX)));
        assert_eq!(StreamId::MAX.next(), None);
        assert_eq!(StreamId::MIN.previous(), None);
    }

    #[test]
    fn the_longest_text_fits() {
        assert_eq!(&*StreamId::MAX.text(), b"18446744073709551615-18446744073709551615");
        assert_eq!(&*id(12, 3).text(), b"12-3");
    }

    #[test]
    fn numbers_order_as_ids_do() {
        assert!(id(1, u64::MAX).to_number() < id(2, 0).to_number());
        assert_eq!(StreamId::from_number(id(7, 8).to_number()), id(7, 8));
    }

    #[test]
    fn a_new_id_follows_the_last() {
        let last = id(100, 7);
        let cases: &[(&[u8], i64, Option<StreamId>)] = &[
            (b"*", 101, Some(id(101, 0))),
            (b"*", 100, Some(id(100, 8))),
            (b"*", 5, Some(id(100, 8))),
            (b"*", -5, Some(id(100, 8))),
            (b"100-*", 0, Some(id(100, 8))),
            (b"101-*", 0, Some(id(101, 0))),
            (b"99-*", 0, None),
            (b"100-8", 0, Some(id(100, 8))),
            (b"100-7", 0, None),
            (b"100", 0, None),
            (b"101", 0, Some(id(101, 0))),
        ];
        for (text, now_ms, expected) in cases {
            let new = NewId::parse(text).unwrap();
            assert_eq!(new.after(last, *now_ms), *expected, "{} at {now_ms}", text.escape_ascii());
        }
        assert_eq!(NewId::parse(b"0-*").unwrap().after(StreamId::MIN, 0), Some(id(0, 1)));
        assert_eq!(NewId::parse(b"1-*").unwrap().after(id(1, u64::MAX), 0), None);
        assert_eq!(NewId::Automatic.after(id(1, u64::MAX), 0), Some(id(2, 0)));
        assert_eq!(NewId::Automatic.after(StreamId::MAX, 0), None);
        assert_eq!(NewId::parse(b"-*"), None);
        assert_eq!(NewId::parse(b"1-2-*"), None);
        assert_eq!(NewId::parse(b"-"), None);
    }
}
