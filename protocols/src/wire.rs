//! The checked cursor over untrusted bytes. Its one rule: nothing a peer sends can make it panic,
//! read outside what it was given, or allocate.
//!
//! ```text
//! input:     ┌────────────┬──────────────────────────┐
//!            │    read    │           rest           │
//!            └────────────┴──────────────────────────┘
//!            0        position                    length
//!
//! sub(n):                 ┌───────────┐
//!                         │   whole   │ a frame that was announced to be n bytes long
//!                         └───────────┘
//! ```
//!
//! Running out of bytes means two different things, and the cursor knows which: at the end of a
//! *stream* more may come ([`WireError::Incomplete`], wait for it); inside a *whole* message, one
//! whose length was announced, nothing will ([`WireError::Malformed`], the peer is at fault).

use bytes::{BufMut, BytesMut};
use thiserror::Error;

/// Why bytes could not be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum WireError {
    /// The input ends too early, and is a stream: try again with at least this many bytes more.
    #[error("{0} more bytes are needed")]
    Incomplete(usize),
    /// The bytes break the format, and more of them cannot help; what is broken.
    #[error("malformed: {0}")]
    Malformed(&'static str),
}

/// What reading returns.
pub type Result<T> = std::result::Result<T, WireError>;

/// A cursor over bytes from a peer. A failed read leaves it where it was.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    length: usize,
    whole: bool,
}

impl<'a> Reader<'a> {
    /// Over the start of a stream: past the end lies [`WireError::Incomplete`].
    pub fn stream(input: &'a [u8]) -> Self {
        Self { rest: input, length: input.len(), whole: false }
    }

    /// Over a whole message: past the end lies [`WireError::Malformed`].
    pub fn whole(input: &'a [u8]) -> Self {
        Self { rest: input, length: input.len(), whole: true }
    }

    /// How many bytes have been read.
    pub fn position(&self) -> usize {
        self.length.saturating_sub(self.rest.len())
    }

    /// What has not been read; the cursor stays.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// How many bytes have not been read.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Whether all has been read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next `count` bytes.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn take(&mut self, count: usize) -> Result<&'a [u8]> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.missing(count));
        };
        self.rest = rest;
        Ok(taken)
    }

    /// All that has not been read.
    pub fn take_rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.rest)
    }

    /// The next `N` bytes, for the numbers that have no method here: `i32::from_be_bytes(r.array()?)`.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.missing(N));
        };
        self.rest = rest;
        Ok(*taken)
    }

    /// A cursor over the next `count` bytes as a whole message of their own; this one goes on behind
    /// them.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn sub(&mut self, count: usize) -> Result<Self> {
        self.take(count).map(Self::whole)
    }

    /// The next byte.
    ///
    /// # Errors
    /// If there is none.
    pub fn u8(&mut self) -> Result<u8> {
        self.array().map(|[byte]| byte)
    }

    /// The next two bytes, the most significant first.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_be_bytes)
    }

    /// The next four bytes, the most significant first.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// The next eight bytes, the most significant first.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_be_bytes)
    }

    /// The next two bytes, the least significant first.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn u16_le(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    /// The next four bytes, the least significant first.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn u32_le(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    /// The next eight bytes, the least significant first.
    ///
    /// # Errors
    /// If there are fewer.
    pub fn u64_le(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }

    /// The next byte must be `byte`.
    ///
    /// # Errors
    /// If there is none, or another one: then it is malformed as `what` says, and stays unread.
    pub fn expect(&mut self, byte: u8, what: &'static str) -> Result<()> {
        match self.rest.split_first() {
            Some((first, rest)) if *first == byte => {
                self.rest = rest;
                Ok(())
            }
            Some(_) => Err(WireError::Malformed(what)),
            None => Err(self.missing(1)),
        }
    }

    /// Nothing may be left.
    ///
    /// # Errors
    /// If something is: malformed, as `what` says.
    pub fn finish(&self, what: &'static str) -> Result<()> {
        if self.rest.is_empty() { Ok(()) } else { Err(WireError::Malformed(what)) }
    }

    fn missing(&self, count: usize) -> WireError {
        if self.whole {
            WireError::Malformed("a field reaches beyond the end of its message")
        } else {
            WireError::Incomplete(count.saturating_sub(self.rest.len()))
        }
    }
}

/// How wide a length prefix is: an unsigned number, the most significant byte first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Width {
    /// One byte: up to 255.
    Bits8,
    /// Two bytes: up to 65,535.
    Bits16,
    /// Four bytes: up to 4,294,967,295.
    Bits32,
}

/// A content is longer than its length prefix, or a limit, can say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("{length} bytes are more than the {limit} that are allowed")]
pub struct TooLong {
    /// How long it is, in bytes.
    pub length: usize,
    /// How long it may be, in bytes.
    pub limit: usize,
}

impl Width {
    /// How many bytes the prefix has.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Bits8 => 1,
            Self::Bits16 => 2,
            Self::Bits32 => 4,
        }
    }

    /// The largest length that it can say.
    pub const fn max(self) -> usize {
        match self {
            Self::Bits8 => u8::MAX as usize,
            Self::Bits16 => u16::MAX as usize,
            Self::Bits32 => u32::MAX as usize,
        }
    }

    /// Whether the prefix can say this length.
    ///
    /// # Errors
    /// If it cannot.
    pub fn check(self, length: usize) -> std::result::Result<(), TooLong> {
        let limit = self.max();
        if length > limit { Err(TooLong { length, limit }) } else { Ok(()) }
    }

    /// Read a length.
    ///
    /// # Errors
    /// If the input is too short.
    pub fn read(self, reader: &mut Reader<'_>) -> Result<usize> {
        match self {
            Self::Bits8 => reader.u8().map(usize::from),
            Self::Bits16 => reader.u16().map(usize::from),
            // A usize has at least 32 bits wherever there is a reactor.
            Self::Bits32 => reader.u32().map(|length| length as usize),
        }
    }

    /// Append what `encode` appends, with its length in front: the content is written in place, and
    /// the length filled in afterwards. `encode` may only append.
    ///
    /// # Errors
    /// If the content is too long for the prefix; then `out` is as it was.
    pub fn prefix(
        self,
        out: &mut BytesMut,
        encode: impl FnOnce(&mut BytesMut),
    ) -> std::result::Result<(), TooLong> {
        let start = out.len();
        out.put_bytes(0, self.bytes());
        let content = out.len();
        encode(out);
        let length = out.len().saturating_sub(content);
        if let Err(error) = self.check(length) {
            out.truncate(start);
            return Err(error);
        }
        // The low bytes of the length, as many as the prefix has.
        let encoded = length.to_be_bytes();
        let encoded = encoded.iter().skip(encoded.len().saturating_sub(self.bytes()));
        for (slot, byte) in out.iter_mut().skip(start).zip(encoded) {
            *slot = *byte;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const BYTES: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

    #[test]
    fn numbers_are_read_in_both_orders() {
        let read = |f: fn(&mut Reader<'static>) -> Result<u64>| f(&mut Reader::whole(&BYTES)).unwrap();
        assert_eq!(read(|r| r.u8().map(u64::from)), 0x01);
        assert_eq!(read(|r| r.u16().map(u64::from)), 0x0102);
        assert_eq!(read(|r| r.u32().map(u64::from)), 0x0102_0304);
        assert_eq!(read(Reader::u64), 0x0102_0304_0506_0708);
        assert_eq!(read(|r| r.u16_le().map(u64::from)), 0x0201);
        assert_eq!(read(|r| r.u32_le().map(u64::from)), 0x0403_0201);
        assert_eq!(read(Reader::u64_le), 0x0807_0605_0403_0201);
    }

    #[test]
    fn a_stream_that_ends_early_says_how_much_is_missing() {
        let mut reader = Reader::stream(&BYTES[..3]);
        assert_eq!(reader.u64(), Err(WireError::Incomplete(5)));
        assert_eq!(reader.position(), 0, "a failed read moves nothing");
        assert_eq!(reader.u16(), Ok(0x0102));
        assert_eq!(reader.take(usize::MAX), Err(WireError::Incomplete(usize::MAX - 1)));
        assert_eq!(reader.expect(3, "three"), Ok(()));
        assert_eq!(reader.expect(3, "three"), Err(WireError::Incomplete(1)));
    }

    #[test]
    fn a_whole_message_that_ends_early_is_malformed() {
        let mut outer = Reader::stream(&BYTES);
        let mut inner = outer.sub(2).unwrap();
        assert_eq!(outer.position(), 2);
        assert_eq!(outer.rest(), &BYTES[2..]);
        assert!(matches!(inner.u32(), Err(WireError::Malformed(_))));
        assert_eq!(inner.u8(), Ok(1));
        assert!(matches!(inner.finish("a byte is left"), Err(WireError::Malformed("a byte is left"))));
        assert_eq!(inner.take_rest(), [2]);
        assert_eq!(inner.finish("a byte is left"), Ok(()));
        assert!(inner.is_empty() && inner.position() == 2);
    }

    #[test]
    fn an_unexpected_byte_stays_unread() {
        let mut reader = Reader::stream(&BYTES);
        assert_eq!(reader.expect(9, "no nine"), Err(WireError::Malformed("no nine")));
        assert_eq!(reader.position(), 0);
    }

    #[test]
    fn a_length_is_filled_in_behind_its_content() {
        for (width, prefix) in
            [(Width::Bits8, &[3][..]), (Width::Bits16, &[0, 3]), (Width::Bits32, &[0, 0, 0, 3])]
        {
            let mut out = BytesMut::from("before ");
            width.prefix(&mut out, |out| out.extend_from_slice(b"abc")).unwrap();
            assert_eq!(out, [b"before ", prefix, b"abc"].concat());
        }
    }

    #[test]
    fn a_content_too_long_for_its_prefix_leaves_no_trace() {
        for (width, length) in [(Width::Bits8, 256), (Width::Bits16, 65_536)] {
            let mut out = BytesMut::from("before");
            let error = width.prefix(&mut out, |out| out.put_bytes(b'x', length));
            assert_eq!(error, Err(TooLong { length, limit: length - 1 }));
            assert_eq!(out, "before");
            assert_eq!(width.prefix(&mut out, |out| out.put_bytes(b'x', length - 1)), Ok(()));
        }
    }

    proptest! {
        #[test]
        fn what_was_prefixed_is_read_back(content in proptest::collection::vec(any::<u8>(), 0..300)) {
            for width in [Width::Bits8, Width::Bits16, Width::Bits32] {
                let mut out = BytesMut::new();
                let fits = width.prefix(&mut out, |out| out.extend_from_slice(&content)).is_ok();
                prop_assert_eq!(fits, content.len() <= width.max());
                if fits {
                    let mut reader = Reader::whole(&out);
                    let length = width.read(&mut reader).unwrap();
                    prop_assert_eq!(reader.take(length).unwrap(), &content[..]);
                    prop_assert!(reader.is_empty());
                }
            }
        }

        #[test]
        fn no_order_of_reads_goes_astray(
            input in proptest::collection::vec(any::<u8>(), 0..40),
            reads in proptest::collection::vec((0..8u8, 0..50usize), 0..20),
            whole in any::<bool>(),
        ) {
            let mut reader = if whole { Reader::whole(&input) } else { Reader::stream(&input) };
            for (kind, count) in reads {
                let before = reader.position();
                let outcome = match kind {
                    0 => reader.u8().map(|_| 1),
                    1 => reader.u16().map(|_| 2),
                    2 => reader.u32_le().map(|_| 4),
                    3 => reader.u64().map(|_| 8),
                    4 => reader.sub(count).map(|sub| sub.remaining()),
                    5 => reader.array::<3>().map(|_| 3),
                    _ => reader.take(count).map(<[u8]>::len),
                };
                match outcome {
                    Ok(count) => prop_assert_eq!(reader.position(), before + count),
                    Err(error) => {
                        prop_assert_eq!(reader.position(), before);
                        prop_assert_eq!(matches!(error, WireError::Malformed(_)), whole);
                    }
                }
                prop_assert_eq!(reader.rest(), &input[reader.position()..]);
            }
        }
    }
}
