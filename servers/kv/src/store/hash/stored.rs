//! A field of a large hash. The one rule: name, value and, where it has one, expiry take one allocation.
//!
//! ```text
//! mark of the Thin:  timed: 1 bit, length of the name: 15 bits, all ones if it needs more
//! its bytes:         [when: 8, if timed][length of the name: 8, if it needs more][name][value]
//! ```

use crate::store::table::Element;
use crate::store::thin::Thin;

const TIMED: u16 = 1 << 15;
/// The name's length does not fit into the mark, and stands before the name.
const LONG: u16 = TIMED - 1;
const NUMBER_BYTES: usize = size_of::<u64>();

/// A name, its value, and perhaps when it expires.
#[derive(Clone, Debug)]
pub(super) struct Stored(Thin);

impl Stored {
    pub(super) fn new(name: &[u8], value: &[u8], expires_at: Option<i64>) -> Self {
        let when = expires_at.map(i64::to_le_bytes);
        let short = u16::try_from(name.len()).ok().filter(|length| *length < LONG);
        let length = short.is_none().then(|| (name.len() as u64).to_le_bytes());
        let mark = short.unwrap_or(LONG) | if when.is_some() { TIMED } else { 0 };
        let when = when.as_ref().map_or(&[][..], |bytes| bytes);
        let length = length.as_ref().map_or(&[][..], |bytes| bytes);
        Self(Thin::concat(mark, &[when, length, name, value]))
    }

    /// When it expires, in milliseconds since 1970.
    pub(super) fn expires_at(&self) -> Option<i64> {
        let when = if self.is_timed() { self.0.bytes().first_chunk() } else { None };
        when.map(|bytes| i64::from_le_bytes(*bytes))
    }

    fn is_timed(&self) -> bool {
        self.0.mark() & TIMED != 0
    }

    /// The name, and the value behind it.
    pub(super) fn parts(&self) -> (&[u8], &[u8]) {
        let bytes = self.0.bytes();
        let bytes = bytes.get(if self.is_timed() { NUMBER_BYTES } else { 0 }..).unwrap_or_default();
        let (length, bytes) = match (self.0.mark() & LONG, bytes.split_first_chunk()) {
            (LONG, Some((length, rest))) => (u64::from_le_bytes(*length) as usize, rest),
            (length, _) => (usize::from(length), bytes),
        };
        bytes.split_at_checked(length).unwrap_or_default()
    }

    pub(super) fn name(&self) -> &[u8] {
        self.parts().0
    }

    pub(super) fn value(&self) -> &[u8] {
        self.parts().1
    }

    /// Another value, in the same allocation if it has the room.
    pub(super) fn set_value(&mut self, value: &[u8]) {
        let begin = self.0.len().saturating_sub(self.value().len());
        self.0.resize(begin.saturating_add(value.len()));
        if let Some(place) = self.0.bytes_mut().get_mut(begin..) {
            place.copy_from_slice(value);
        }
    }

    /// Another expiry, or none.
    pub(super) fn set_expiry(&mut self, expires_at: Option<i64>) {
        let (name, value) = self.parts();
        *self = Self::new(name, value, expires_at);
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }
}

impl Element for Stored {
    fn key(&self) -> &[u8] {
        self.name()
    }

    fn address(&self) -> *const u8 {
        self.0.address()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_short_field_takes_its_bytes_and_eight() {
        assert_eq!(size_of::<Option<Stored>>(), 8);
        assert_eq!(Stored::new(b"name", b"val!", None).heap_bytes(), 16);
        assert_eq!(Stored::new(b"name", b"val!", Some(1)).heap_bytes(), 32);
    }

    proptest! {
        #[test]
        fn it_keeps_its_parts_apart(
            lengths in (prop_oneof![0..50usize, 32_760..32_775usize, Just(70_000)], 0..50usize, 0..50usize),
            times: (Option<i64>, Option<i64>),
        ) {
            let (name, value, next) = (vec![b'n'; lengths.0], vec![b'v'; lengths.1], vec![b'w'; lengths.2]);
            let mut field = Stored::new(&name, &value, times.0);
            prop_assert_eq!((field.name(), field.value(), field.expires_at()), (&name[..], &value[..], times.0));
            field.set_value(&next);
            prop_assert_eq!((field.name(), field.value(), field.expires_at()), (&name[..], &next[..], times.0));
            field.set_expiry(times.1);
            prop_assert_eq!((field.key(), field.value(), field.expires_at()), (&name[..], &next[..], times.1));
        }
    }
}
