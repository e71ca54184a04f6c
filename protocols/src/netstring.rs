//! Netstrings: `12:hello world!,`. The one rule: a mistake is seen at the first byte that makes it
//! one, and nothing behind it is believed.
//!
//! ```text
//! netstring = length ":" content ","        length in ASCII digits, without leading zeros
//! ```
//!
//! The source is <https://cr.yp.to/proto/netstrings.txt>; the limit is that of Twisted's
//! NetstringReceiver.

use crate::adaptor::{connection_callbacks, pass_callbacks_to, take_messages};
use bytes::BytesMut;
use ropewalk_reactor::{Protocol, Transport};
use std::fmt::Write;
use thiserror::Error;

/// The longest content unless it was said otherwise: 99,999 bytes, as Twisted's.
pub const MAX_LENGTH: usize = 99_999;

/// What is wrong with a netstring. The stream cannot be understood any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NetstringError {
    /// This byte stands where a digit, or the colon behind the digits, has to be.
    #[error("the byte {0:#04x} in the length of a netstring")]
    NotALength(u8),
    /// The length begins with a zero and goes on.
    #[error("a netstring's length has a leading zero")]
    LeadingZero,
    /// The length, or as much of it as was read, is beyond the limit.
    #[error("a netstring is longer than {limit} bytes")]
    TooLong {
        /// How long a content may be, in bytes.
        limit: usize,
    },
    /// This byte stands where the comma behind the content has to be.
    #[error("the byte {0:#04x} in place of the comma behind a netstring")]
    NoComma(u8),
}

/// Finds netstrings in a stream of bytes.
#[derive(Clone, Debug)]
pub struct NetstringDecoder {
    max_length: usize,
}

impl Default for NetstringDecoder {
    fn default() -> Self {
        Self { max_length: MAX_LENGTH }
    }
}

impl NetstringDecoder {
    /// Netstrings of up to [`MAX_LENGTH`] bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Contents have up to `bytes` bytes.
    #[must_use]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.max_length = bytes;
        self
    }

    /// Take one netstring off the front of `input` and return its content; `None` if it has not come
    /// whole. What is left in `input` must be there again in the next call, with more behind it; it
    /// is bounded by the longest content, its length and its comma.
    ///
    /// # Errors
    /// At the first byte that cannot belong to a netstring. Close the connection then.
    pub fn decode<'a>(&self, input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, NetstringError> {
        let Some((length, rest)) = self.length(input)? else {
            return Ok(None);
        };
        let Some((content, rest)) = rest.split_at_checked(length) else {
            return Ok(None);
        };
        match rest.split_first() {
            Some((b',', rest)) => {
                *input = rest;
                Ok(Some(content))
            }
            Some((byte, _)) => Err(NetstringError::NoComma(*byte)),
            None => Ok(None),
        }
    }

    /// The length at the front, and what stands behind its colon.
    fn length<'a>(&self, input: &'a [u8]) -> Result<Option<(usize, &'a [u8])>, NetstringError> {
        let mut rest = input;
        let mut length: Option<usize> = None;
        while let Some((byte, after)) = rest.split_first() {
            rest = after;
            length = match (byte, length) {
                (b':', Some(length)) => return Ok(Some((length, rest))),
                (b'0'..=b'9', Some(0)) => return Err(NetstringError::LeadingZero),
                (b'0'..=b'9', before) => {
                    let digit = usize::from(byte.saturating_sub(b'0'));
                    Some(before.unwrap_or(0).saturating_mul(10).saturating_add(digit))
                }
                _ => return Err(NetstringError::NotALength(*byte)),
            };
            if length > Some(self.max_length) {
                return Err(NetstringError::TooLong { limit: self.max_length });
            }
        }
        Ok(None)
    }
}

/// Append `content` as a netstring.
pub fn encode(content: &[u8], out: &mut BytesMut) {
    write!(out, "{}:", content.len()).expect("a BytesMut takes all that is written");
    out.extend_from_slice(content);
    out.extend_from_slice(b",");
}

/// What you write to be given netstrings; [`Netstrings`] makes a protocol of it.
pub trait NetstringReceiver {
    /// A netstring has come: its content.
    fn string_received(&mut self, transport: &Transport, content: &[u8]);

    /// What has come is no netstring. A last word may be written; the connection is closed after
    /// this callback, for what follows cannot be understood.
    fn parse_error(&mut self, transport: &Transport, error: NetstringError) {
        let _ = (transport, error);
    }

    connection_callbacks!();
}

/// A protocol that receives netstrings: Twisted's NetstringReceiver.
///
/// ```
/// use ropewalk_protocols::netstring::{NetstringReceiver, Netstrings, send_string};
/// use ropewalk_reactor::{Transport, testing::StringTransport};
///
/// struct Echo;
/// impl NetstringReceiver for Echo {
///     fn string_received(&mut self, transport: &Transport, content: &[u8]) {
///         send_string(transport, content);
///     }
/// }
///
/// let mut echo = StringTransport::new(Netstrings::new(Echo));
/// echo.feed(b"5:hello,");
/// assert_eq!(echo.output(), b"5:hello,");
/// echo.feed(b"05:hello,");
/// assert!(echo.is_closing());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Netstrings<N> {
    receiver: N,
    decoder: NetstringDecoder,
}

impl<N: NetstringReceiver> Netstrings<N> {
    /// Netstrings of up to [`MAX_LENGTH`] bytes.
    pub fn new(receiver: N) -> Self {
        Self { receiver, decoder: NetstringDecoder::new() }
    }

    /// Contents have up to `bytes` bytes.
    #[must_use]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.decoder = self.decoder.max_length(bytes);
        self
    }
}

impl<N: NetstringReceiver> Protocol for Netstrings<N> {
    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        let Self { receiver, decoder } = self;
        take_messages(transport, input, |input| match decoder.decode(input) {
            Ok(Some(content)) => {
                receiver.string_received(transport, content);
                true
            }
            Ok(None) => false,
            Err(error) => {
                *input = &[];
                receiver.parse_error(transport, error);
                transport.close();
                false
            }
        });
    }

    pass_callbacks_to!(receiver);
}

/// Send `content` as a netstring.
pub fn send_string(transport: &Transport, content: &[u8]) {
    transport.write_with(|out| encode(content, out));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, cut, feed, sizes};
    use NetstringError::{LeadingZero, NoComma, NotALength, TooLong};
    use proptest::prelude::*;
    use ropewalk_reactor::testing::StringTransport;

    fn check(max: usize, input: &[u8], expected: &[Result<&[u8], NetstringError>], left: usize) {
        let decoder = NetstringDecoder::new().max_length(max);
        testing::check(&decoder, |decoder, input| decoder.decode(input), input, expected, left);
    }

    #[test]
    fn netstrings_come_whole_or_not_at_all() {
        check(99, b"", &[], 0);
        check(99, b"0:,", &[Ok(b"")], 0);
        check(99, b"12:hello world!,", &[Ok(b"hello world!")], 0);
        check(99, b"1:a,2:b,,3::::,10:abc", &[Ok(b"a"), Ok(b"b,"), Ok(b":::")], 6);
        check(99, b"4:abcd", &[], 6);
    }

    #[test]
    fn a_length_has_no_leading_zero() {
        check(99, b"1:a,01:a,", &[Ok(b"a"), Err(LeadingZero)], 5);
        check(99, b"00:,", &[Err(LeadingZero)], 4);
    }

    #[test]
    fn a_length_is_made_of_digits() {
        check(99, b":,", &[Err(NotALength(b':'))], 2);
        check(99, b"-1:a,", &[Err(NotALength(b'-'))], 5);
        check(99, b" 1:a,", &[Err(NotALength(b' '))], 5);
        check(99, b"1 :a,", &[Err(NotALength(b' '))], 5);
        check(99, b"GET / HTTP/1.1", &[Err(NotALength(b'G'))], 14);
    }

    #[test]
    fn a_content_of_exactly_the_maximum_passes_and_one_byte_more_does_not() {
        check(3, b"3:abc,4:abcd,", &[Ok(b"abc"), Err(TooLong { limit: 3 })], 7);
        check(10, b"10:0123456789,11", &[Ok(b"0123456789"), Err(TooLong { limit: 10 })], 2);
        check(0, b"0:,1", &[Ok(b""), Err(TooLong { limit: 0 })], 1);
    }

    #[test]
    fn a_length_beyond_the_limit_is_refused_before_its_colon() {
        check(MAX_LENGTH, b"100000", &[Err(TooLong { limit: MAX_LENGTH })], 6);
        let digits = [b'9'; 1000];
        let decoder = NetstringDecoder::new().max_length(usize::MAX - 1);
        assert_eq!(decoder.decode(&mut &digits[..]), Err(TooLong { limit: usize::MAX - 1 }));
    }

    #[test]
    fn a_wrong_byte_in_place_of_the_comma_is_refused() {
        check(99, b"3:abcd", &[Err(NoComma(b'd'))], 6);
        check(99, b"3:abc\n", &[Err(NoComma(b'\n'))], 6);
    }

    /// Keeps what it gets, pauses at `pause`, and tells the peer what it did wrong.
    #[derive(Default)]
    struct Recorder(Vec<String>);

    impl NetstringReceiver for Recorder {
        fn string_received(&mut self, transport: &Transport, content: &[u8]) {
            self.0.push(content.escape_ascii().to_string());
            if content == b"pause" {
                transport.pause_reading();
            }
        }

        fn parse_error(&mut self, transport: &Transport, error: NetstringError) {
            self.0.push(error.to_string());
            send_string(transport, b"no");
        }
    }

    fn recorder() -> StringTransport<Netstrings<Recorder>> {
        StringTransport::new(Netstrings::new(Recorder::default()).max_length(9))
    }

    #[test]
    fn a_pause_between_netstrings_leaves_the_rest_where_it_is() {
        let mut connection = recorder();
        connection.feed(b"1:a,5:pause,1:b,1:");
        assert_eq!(connection.protocol().receiver.0, ["a", "pause"]);
        assert_eq!(connection.input(), b"1:b,1:");
        connection.transport().resume_reading();
        connection.feed(b"c,");
        assert_eq!(connection.protocol().receiver.0, ["a", "pause", "b", "c"]);
    }

    #[test]
    fn a_mistake_is_told_once_and_closes() {
        for (input, error) in [
            (&b"1:a,01:b,1:c,"[..], "a netstring's length has a leading zero"),
            (b"1:a,10:", "a netstring is longer than 9 bytes"),
            (b"1:a,1:bb1:c,", "the byte 0x62 in place of the comma behind a netstring"),
        ] {
            let mut connection = recorder();
            connection.feed(input);
            assert!(connection.input().is_empty(), "nothing of it is kept");
            connection.feed(b"1:d,");
            assert!(connection.is_closing() && !connection.is_aborting());
            assert_eq!(connection.output(), b"2:no,");
            assert_eq!(connection.protocol().receiver.0, ["a", error]);
        }
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(
            contents in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..20),
            sizes in sizes(),
        ) {
            let mut wire = BytesMut::new();
            contents.iter().for_each(|content| encode(content, &mut wire));
            let decoder = NetstringDecoder::new();
            let (found, left) = feed(cut(&wire, &sizes), 99, |input| decoder.decode(input));
            prop_assert_eq!(left, 0);
            prop_assert_eq!(found, contents.into_iter().map(Ok).collect::<Vec<_>>());
        }

        #[test]
        fn how_it_is_cut_makes_no_difference(text in "[0-3:,a]{0,60}", sizes in sizes()) {
            let decoder = NetstringDecoder::new().max_length(30);
            let whole = feed([text.as_bytes()], usize::MAX, |input| decoder.decode(input));
            let pieces = feed(cut(text.as_bytes(), &sizes), 34, |input| decoder.decode(input));
            prop_assert_eq!(pieces.0, whole.0);
        }
    }
}
