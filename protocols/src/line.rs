//! Lines: Twisted's LineReceiver. The one rule: what is left of the input is never longer than one
//! line may be, and is not searched again from its start.
//!
//! ```text
//! "GET a\r\nGET b\nGE"   ─▶   line "GET a", line "GET b"; "GE" stays in the input
//!                  └┘
//!                  searched: the next search begins behind it
//! ```

use memchr::{memchr, memmem};
use thiserror::Error;

/// The longest line, without its delimiter, unless it was said otherwise: 16,384 bytes, as Twisted's.
pub const MAX_LENGTH: usize = 16_384;

/// What ends a line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delimiter {
    /// `\r\n` or `\n`, whichever comes: a `\r` before the `\n` is no part of the line.
    #[default]
    Newline,
    /// Exactly these bytes, of which there must be one at least.
    Bytes(&'static [u8]),
}

/// A line is longer than it may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("a line is longer than {limit} bytes")]
pub struct LineTooLong {
    /// How long a line may be, without its delimiter, in bytes.
    pub limit: usize,
}

/// Finds lines in a stream of bytes.
#[derive(Clone, Debug)]
pub struct LineDecoder {
    delimiter: Delimiter,
    max_length: usize,
    /// How much of the incomplete line at the front of the input holds no delimiter.
    searched: usize,
    /// The line under way was refused: drop what comes of it.
    skipping: bool,
}

impl Default for LineDecoder {
    fn default() -> Self {
        Self { delimiter: Delimiter::Newline, max_length: MAX_LENGTH, searched: 0, skipping: false }
    }
}

impl LineDecoder {
    /// Lines of up to [`MAX_LENGTH`] bytes that end in `\r\n` or `\n`.
    pub fn new() -> Self {
        Self::default()
    }

    /// Lines end in `delimiter`.
    ///
    /// # Panics
    /// If it is empty.
    #[must_use]
    pub fn delimiter(mut self, delimiter: Delimiter) -> Self {
        assert!(delimiter != Delimiter::Bytes(&[]), "an empty delimiter ends every line at once");
        self.delimiter = delimiter;
        self
    }

    /// Lines have up to `bytes` bytes, not counting the delimiter.
    #[must_use]
    pub fn max_length(mut self, bytes: usize) -> Self {
        self.max_length = bytes;
        self
    }

    /// Take one line off the front of `input`; `None` if its end has not come yet.
    ///
    /// What is left in `input` must be there again in the next call, with more behind it, unless
    /// [`restart`](Self::restart) was called. It is bounded by the longest line and its delimiter.
    ///
    /// # Errors
    /// If the line is too long. That is said once, as soon as it is certain; the calls that follow
    /// drop the rest of that line and go on with the next one.
    pub fn decode<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, LineTooLong> {
        if self.skipping && !self.skip(input) {
            return Ok(None);
        }
        let Some(line) = self.split(input) else {
            return self.keep(input);
        };
        if line.len() > self.max_length {
            return Err(LineTooLong { limit: self.max_length });
        }
        Ok(Some(line))
    }

    /// Forget the line under way: the next input begins a new one.
    pub fn restart(&mut self) {
        self.searched = 0;
        self.skipping = false;
    }

    /// Take one line of any length off the front, if its end is there.
    fn split<'a>(&mut self, input: &mut &'a [u8]) -> Option<&'a [u8]> {
        let (end, next) = self.find(input)?;
        self.searched = 0;
        let line = input.get(..end)?;
        *input = input.get(next..)?;
        Some(line)
    }

    /// Where the first line ends, and where the next one begins.
    fn find(&self, input: &[u8]) -> Option<(usize, usize)> {
        let unsearched = input.get(self.searched..)?;
        match self.delimiter {
            Delimiter::Newline => {
                let newline = self.searched.checked_add(memchr(b'\n', unsearched)?)?;
                let line = input.get(..newline)?;
                let line = line.strip_suffix(b"\r").unwrap_or(line);
                Some((line.len(), newline.checked_add(1)?))
            }
            Delimiter::Bytes(delimiter) => {
                let end = self.searched.checked_add(memmem::find(unsearched, delimiter)?)?;
                Some((end, end.checked_add(delimiter.len())?))
            }
        }
    }

    /// There is no end of a line in `input`: remember that, or refuse it if it is too long already.
    fn keep<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, LineTooLong> {
        // A delimiter may have come in part, so its last byte alone is certain to be missing.
        self.searched = input.len().saturating_sub(self.delimiter_tail());
        if self.searched <= self.max_length {
            return Ok(None);
        }
        self.skipping = true;
        self.skip(input);
        Err(LineTooLong { limit: self.max_length })
    }

    /// Drop what is there of the refused line; whether its end was.
    fn skip(&mut self, input: &mut &[u8]) -> bool {
        if self.split(input).is_some() {
            self.skipping = false;
            return true;
        }
        let undecided = input.len().min(self.delimiter_tail());
        let dropped = input.len().saturating_sub(undecided);
        *input = input.get(dropped..).unwrap_or_default();
        self.searched = 0;
        false
    }

    /// How many of the last bytes may belong to a delimiter that has not come whole.
    fn delimiter_tail(&self) -> usize {
        match self.delimiter {
            Delimiter::Newline => 1,
            Delimiter::Bytes(delimiter) => delimiter.len().saturating_sub(1),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{self, Found, cut, feed, sizes};
    use proptest::prelude::*;

    fn lines() -> LineDecoder {
        LineDecoder::new()
    }

    fn check(decoder: &LineDecoder, input: &[u8], expected: &[Option<&[u8]>], left: usize) {
        let too_long = LineTooLong { limit: decoder.max_length };
        let expected: Vec<_> = expected.iter().map(|line| line.ok_or(too_long)).collect();
        testing::check(decoder, LineDecoder::decode, input, &expected, left);
    }

    fn feed_lines<'a>(
        mut decoder: LineDecoder,
        pieces: impl IntoIterator<Item = &'a [u8]>,
    ) -> (Found<LineTooLong>, usize) {
        let bound = decoder.max_length + decoder.delimiter_tail();
        feed(pieces, bound, |input| decoder.decode(input))
    }

    #[test]
    fn lines_end_in_either_newline() {
        check(&lines(), b"", &[], 0);
        check(&lines(), b"one\r\ntwo\nthree", &[Some(b"one"), Some(b"two")], 5);
        check(&lines(), b"\r\n\n\r\n", &[Some(b""), Some(b""), Some(b"")], 0);
        check(&lines(), b"a\rb\r\r\n", &[Some(b"a\rb\r")], 0);
        check(&lines(), b"\x00\xff\n", &[Some(b"\x00\xff")], 0);
    }

    #[test]
    fn a_custom_delimiter_may_have_several_bytes() {
        let custom = lines().delimiter(Delimiter::Bytes(b"--="));
        check(&custom, b"one--=\r\n--=---=-", &[Some(b"one"), Some(b"\r\n"), Some(b"-")], 1);
        let strict = lines().delimiter(Delimiter::Bytes(b"\r\n"));
        check(&strict, b"one\ntwo\r\n", &[Some(b"one\ntwo")], 0);
    }

    #[test]
    fn a_line_of_exactly_the_maximum_passes_and_one_byte_more_does_not() {
        let short = lines().max_length(4);
        check(&short, b"1234\n1234\r\n", &[Some(b"1234"), Some(b"1234")], 0);
        check(&short, b"12345\nab\n", &[None, Some(b"ab")], 0);
        check(&short, b"12345\r\nab\n", &[None, Some(b"ab")], 0);
        check(&short, b"1234\rx\nab\n", &[None, Some(b"ab")], 0);
        let custom = lines().max_length(4).delimiter(Delimiter::Bytes(b"##"));
        check(&custom, b"1234##12345##ab##", &[Some(b"1234"), None, Some(b"ab")], 0);
        check(&custom, b"1234#5#6#7##ab##", &[None, Some(b"ab")], 0);
    }

    #[test]
    fn a_line_without_an_end_is_refused_once_and_dropped_as_it_comes() {
        let endless = vec![b'x'; 100_000];
        let (found, left) = feed_lines(lines(), endless.chunks(1000));
        assert_eq!(found, [Err(LineTooLong { limit: MAX_LENGTH })]);
        assert!(left <= 1);
    }

    #[test]
    fn a_restart_forgets_what_was_searched() {
        let mut lines = lines();
        assert_eq!(lines.decode(&mut &b"a long beginning"[..]), Ok(None));
        lines.restart();
        assert_eq!(lines.decode(&mut &b"a\n"[..]), Ok(Some(&b"a"[..])));
    }

    #[test]
    fn a_search_goes_on_where_the_last_one_ended() {
        for delimiter in [Delimiter::Newline, Delimiter::Bytes(b"####")] {
            let mut lines = lines().max_length(1 << 20).delimiter(delimiter);
            let input = vec![b'x'; 1 << 20];
            let mut searched = 0;
            for end in (0..input.len()).step_by(1024) {
                searched += end.saturating_sub(lines.searched);
                assert_eq!(lines.decode(&mut &input[..end]), Ok(None));
            }
            assert!(searched < input.len() + input.len() / 256, "{searched} bytes were searched");
        }
    }

    #[test]
    #[should_panic(expected = "empty delimiter")]
    fn an_empty_delimiter_is_refused_at_once() {
        let _ = lines().delimiter(Delimiter::Bytes(b""));
    }

    /// Text with many delimiters, near misses and lines around a maximum of eight bytes.
    fn texts() -> impl Strategy<Value = Vec<u8>> {
        let byte = prop_oneof![Just(b'\n'), Just(b'\r'), Just(b'#'), Just(b'x'), any::<u8>()];
        proptest::collection::vec(byte, 0..200)
    }

    fn decoders() -> impl Strategy<Value = LineDecoder> {
        let delimiters: [Option<&[u8]>; 4] = [None, Some(b"\r\n"), Some(b"#"), Some(b"##x")];
        (proptest::sample::select(delimiters.to_vec()), 0..12usize).prop_map(|(delimiter, max)| {
            lines().delimiter(delimiter.map_or(Delimiter::Newline, Delimiter::Bytes)).max_length(max)
        })
    }

    proptest! {
        #[test]
        fn how_it_is_cut_makes_no_difference(decoder in decoders(), text in texts(), sizes in sizes()) {
            let (whole, _) = feed_lines(decoder.clone(), [&text[..]]);
            let (pieces, _) = feed_lines(decoder, cut(&text, &sizes));
            prop_assert_eq!(pieces, whole);
        }

        #[test]
        fn it_agrees_with_a_plain_split(decoder in decoders(), text in texts()) {
            let mut expected: Vec<&[u8]> = match decoder.delimiter {
                Delimiter::Newline => text
                    .split(|byte| *byte == b'\n')
                    .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
                    .collect(),
                Delimiter::Bytes(delimiter) => plain_split(&text, delimiter),
            };
            let unfinished = expected.pop().unwrap_or_default();
            let (found, _) = feed_lines(decoder.clone(), [&text[..]]);
            for (found, expected) in found.iter().zip(&expected) {
                let fits = expected.len() <= decoder.max_length;
                prop_assert_eq!(found.as_deref().ok(), fits.then_some(*expected));
            }
            let refused_early = found.len() == expected.len() + 1
                && found.last().is_some_and(Result::is_err)
                && unfinished.len() >= decoder.max_length;
            prop_assert!(found.len() == expected.len() || refused_early);
        }
    }

    fn plain_split<'a>(mut text: &'a [u8], delimiter: &[u8]) -> Vec<&'a [u8]> {
        let mut lines = Vec::new();
        while let Some(at) = text.windows(delimiter.len()).position(|window| window == delimiter) {
            lines.push(&text[..at]);
            text = &text[at + delimiter.len()..];
        }
        lines.push(text);
        lines
    }
}
