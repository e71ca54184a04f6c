//! Strings behind a length of 8, 16 or 32 bits: Twisted's Int8StringReceiver and its brothers. The
//! one rule: a declared length is a claim, and reserves nothing.
//!
//! ```text
//! ┌──────────────┬───────────────────┐
//! │    length    │      content      │     the length counts the content alone,
//! └──────────────┴───────────────────┘     its most significant byte comes first
//!   1, 2, 4 bytes    length bytes
//! ```

use crate::adaptor::{connection_callbacks, pass_callbacks_to, take_messages};
use crate::wire::Reader;
pub use crate::wire::{TooLong, Width};
use bytes::BytesMut;
use ropewalk_reactor::{Protocol, Transport};

/// The longest content unless it was said otherwise: 99,999 bytes, as Twisted's.
pub const MAX_LENGTH: usize = 99_999;

/// Finds strings behind length prefixes in a stream of bytes.
#[derive(Clone, Debug)]
pub struct IntNDecoder {
    width: Width,
    max_length: usize,
    /// How many bytes of a refused string are still to come.
    skip: usize,
}

impl IntNDecoder {
    /// Strings of up to [`MAX_LENGTH`] bytes behind lengths of this width.
    pub fn new(width: Width) -> Self {
        Self { width, max_length: MAX_LENGTH, skip: 0 }
    }

    /// Strings have up to `bytes` bytes, not counting the length.
    #[must_use]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.max_length = bytes;
        self
    }

    /// Take one string off the front of `input`; `None` if it has not come whole. What is left in
    /// `input` must be there again in the next call, with more behind it; it is bounded by the
    /// longest string and its length.
    ///
    /// # Errors
    /// If a string longer than the limit was announced. That is said once; the calls that follow
    /// drop the string as it comes and go on with the next one.
    pub fn decode<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, TooLong> {
        self.drop_refused(input);
        let mut reader = Reader::stream(input);
        let Ok(length) = self.width.read(&mut reader) else {
            return Ok(None);
        };
        if length > self.max_length {
            *input = reader.rest();
            self.skip = length;
            return Err(TooLong { length, limit: self.max_length });
        }
        let Ok(content) = reader.take(length) else {
            return Ok(None);
        };
        *input = reader.rest();
        Ok(Some(content))
    }

    /// Drop what is there of a refused string.
    fn drop_refused(&mut self, input: &mut &[u8]) {
        let dropped = self.skip.min(input.len());
        self.skip = self.skip.saturating_sub(dropped);
        *input = input.get(dropped..).unwrap_or_default();
    }
}

/// Append `content` behind its length.
///
/// # Errors
/// If it is too long for the width; then `out` is as it was.
pub fn encode(width: Width, content: &[u8], out: &mut BytesMut) -> Result<(), TooLong> {
    width.check(content.len())?;
    width.prefix(out, |out| out.extend_from_slice(content))
}

/// What you write to be given strings; [`IntNStrings`] makes a protocol of it.
pub trait IntNReceiver {
    /// A string has come.
    fn string_received(&mut self, transport: &Transport, content: &[u8]);

    /// A string longer than the limit was announced. Unless said otherwise, the connection is closed;
    /// if it is left open, that string is dropped as it comes and the next one received.
    fn length_limit_exceeded(&mut self, transport: &Transport, error: TooLong) {
        let _ = error;
        transport.close();
    }

    connection_callbacks!();
}

/// A protocol that receives strings behind lengths: Twisted's Int8StringReceiver,
/// Int16StringReceiver and Int32StringReceiver.
///
/// ```
/// use ropewalk_protocols::intn::{IntNReceiver, IntNStrings, Width, send_string};
/// use ropewalk_reactor::{Transport, testing::StringTransport};
///
/// struct Echo;
/// impl IntNReceiver for Echo {
///     fn string_received(&mut self, transport: &Transport, content: &[u8]) {
///         send_string(transport, Width::Bits16, content).expect("it came behind such a length");
///     }
/// }
///
/// let mut echo = StringTransport::new(IntNStrings::new(Width::Bits16, Echo));
/// echo.feed(b"\x00\x05hello");
/// assert_eq!(echo.output(), b"\x00\x05hello");
/// ```
#[derive(Clone, Debug)]
pub struct IntNStrings<I> {
    receiver: I,
    decoder: IntNDecoder,
}

impl<I: IntNReceiver> IntNStrings<I> {
    /// Strings of up to [`MAX_LENGTH`] bytes behind lengths of this width.
    pub fn new(width: Width, receiver: I) -> Self {
        Self { receiver, decoder: IntNDecoder::new(width) }
    }

    /// Strings have up to `bytes` bytes.
    #[must_use]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.decoder = self.decoder.max_length(bytes);
        self
    }
}

impl<I: IntNReceiver> Protocol for IntNStrings<I> {
    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        let Self { receiver, decoder } = self;
        take_messages(transport, input, |input| {
            match decoder.decode(input) {
                Ok(Some(content)) => receiver.string_received(transport, content),
                Ok(None) => return false,
                Err(error) => receiver.length_limit_exceeded(transport, error),
            }
            true
        });
    }

    pass_callbacks_to!(receiver);
}

/// Send `content` behind its length.
///
/// # Errors
/// If it is too long for the width; then nothing is sent.
pub fn send_string(transport: &Transport, width: Width, content: &[u8]) -> Result<(), TooLong> {
    width.check(content.len())?;
    transport.write_with(|out| encode(width, content, out).is_ok());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, cut, feed, sizes};
    use bytes::BufMut;
    use proptest::prelude::*;
    use ropewalk_reactor::testing::StringTransport;

    fn check(width: Width, max: usize, input: &[u8], expected: &[Result<&[u8], TooLong>], left: usize) {
        let decoder = IntNDecoder::new(width).max_length(max);
        testing::check(&decoder, IntNDecoder::decode, input, expected, left);
    }

    #[test]
    fn strings_come_whole_or_not_at_all() {
        check(Width::Bits8, 99, b"", &[], 0);
        check(Width::Bits8, 99, b"\x03abc\x00\x01d\x02e", &[Ok(b"abc"), Ok(b""), Ok(b"d")], 2);
        check(Width::Bits16, 99, b"\x00\x03abc\x00\x00\x00", &[Ok(b"abc"), Ok(b"")], 1);
        check(Width::Bits32, 99, b"\x00\x00\x00\x03abc\x00\x00\x00\x02d", &[Ok(b"abc")], 5);
    }

    #[test]
    fn a_string_of_exactly_the_maximum_passes_and_one_byte_more_does_not() {
        let too_long = TooLong { length: 4, limit: 3 };
        check(Width::Bits8, 3, b"\x03abc\x04abcd\x01e", &[Ok(b"abc"), Err(too_long), Ok(b"e")], 0);
    }

    #[test]
    fn a_prefix_of_four_gibibytes_is_refused_at_once_and_holds_nothing() {
        let mut decoder = IntNDecoder::new(Width::Bits32);
        let mut input = &b"\xff\xff\xff\xffxyz"[..];
        let error = decoder.decode(&mut input);
        assert_eq!(error, Err(TooLong { length: u32::MAX as usize, limit: MAX_LENGTH }));
        let (found, left) = feed([input, &[0; 10_000]], 0, |input| decoder.decode(input));
        assert_eq!((found, left), (vec![], 0));
        assert_eq!(decoder.skip, u32::MAX as usize - 10_003);
    }

    #[test]
    fn encoding_refuses_what_the_prefix_cannot_say() {
        let mut out = BytesMut::new();
        let long = vec![0; 256];
        assert_eq!(encode(Width::Bits8, &long, &mut out), Err(TooLong { length: 256, limit: 255 }));
        assert!(out.is_empty());
        assert_eq!(encode(Width::Bits8, &long[..255], &mut out), Ok(()));
        assert_eq!(encode(Width::Bits16, b"ab", &mut out), Ok(()));
        assert_eq!(out[254..], *b"\x00\x00\x00\x02ab");
    }

    #[derive(Default)]
    struct Recorder {
        seen: Vec<String>,
        keep_open: bool,
    }

    impl IntNReceiver for Recorder {
        fn string_received(&mut self, transport: &Transport, content: &[u8]) {
            self.seen.push(content.escape_ascii().to_string());
            if content == b"pause" {
                transport.pause_reading();
            }
        }

        fn length_limit_exceeded(&mut self, transport: &Transport, error: TooLong) {
            self.seen.push(error.to_string());
            if !self.keep_open {
                transport.close();
            }
        }
    }

    fn recorder(keep_open: bool) -> StringTransport<IntNStrings<Recorder>> {
        let receiver = Recorder { keep_open, ..Recorder::default() };
        StringTransport::new(IntNStrings::new(Width::Bits8, receiver).max_length(5))
    }

    #[test]
    fn a_pause_between_strings_leaves_the_rest_where_it_is() {
        let mut connection = recorder(false);
        connection.feed(b"\x01a\x05pause\x01b\x01");
        assert_eq!(connection.protocol().receiver.seen, ["a", "pause"]);
        assert_eq!(connection.input(), b"\x01b\x01");
        connection.transport().resume_reading();
        connection.feed(b"c");
        assert_eq!(connection.protocol().receiver.seen, ["a", "pause", "b", "c"]);
    }

    #[test]
    fn a_string_beyond_the_limit_closes_unless_said_otherwise() {
        let mut connection = recorder(false);
        connection.feed_bytewise(b"\x01a\x06sixsix\x01b");
        assert!(connection.is_closing());
        assert_eq!(
            connection.protocol().receiver.seen,
            ["a", "6 bytes are more than the 5 that are allowed"]
        );
        let mut connection = recorder(true);
        connection.feed_bytewise(b"\x06sixsix\x01b");
        assert!(!connection.is_closing());
        assert_eq!(
            connection.protocol().receiver.seen,
            ["6 bytes are more than the 5 that are allowed", "b"]
        );
    }

    #[test]
    fn sending_refuses_what_the_prefix_cannot_say() {
        let mut connection = recorder(false);
        let transport = connection.transport().clone();
        assert!(send_string(&transport, Width::Bits8, &[0; 256]).is_err());
        assert_eq!(send_string(&transport, Width::Bits8, b"ab"), Ok(()));
        assert_eq!(connection.output(), b"\x02ab");
    }

    fn widths() -> impl Strategy<Value = Width> {
        proptest::sample::select(vec![Width::Bits8, Width::Bits16, Width::Bits32])
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded_and_what_is_too_long_is_skipped(
            width in widths(),
            contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20),
            sizes in sizes(),
        ) {
            let mut wire = BytesMut::new();
            for content in &contents {
                encode(width, content, &mut wire).unwrap();
            }
            let mut decoder = IntNDecoder::new(width).max_length(20);
            let (found, left) = feed(cut(&wire, &sizes), 24, |input| decoder.decode(input));
            prop_assert_eq!(left, 0);
            let expected: Vec<_> = contents.into_iter().map(|content| match content.len() {
                length @ 21.. => Err(TooLong { length, limit: 20 }),
                _ => Ok(content),
            }).collect();
            prop_assert_eq!(found, expected);
        }

        #[test]
        fn how_it_is_cut_makes_no_difference(
            width in widths(), text in proptest::collection::vec(0..6u8, 0..100), sizes in sizes()
        ) {
            let mut text = BytesMut::from(&text[..]);
            text.put_bytes(0, 4);
            let mut whole = IntNDecoder::new(width).max_length(4);
            let mut pieces = whole.clone();
            let whole = feed([&text[..]], usize::MAX, |input| whole.decode(input));
            let pieces = feed(cut(&text, &sizes), 8, |input| pieces.decode(input));
            prop_assert_eq!(pieces, whole);
        }
    }
}
