//! The body of a message: so many bytes, or chunks, or all there is. The one rule: bytes are taken as
//! they come, none is reserved in advance, and what is taken never exceeds the limit.
//!
//! ```text
//! chunked = { size-in-hexadecimal [ ";" extension ] CRLF  data CRLF }  "0" CRLF  { trailer CRLF }  CRLF
//! ```
//!
//! Chunks are read strictly (RFC 9112, 7.1): where a lenient reader takes a bare LF for the end of a
//! line and a strict one does not, a second request can be smuggled in between.

use super::HttpError;
use super::head::BodyLength;
use bytes::{BufMut, BytesMut};
use memchr::memchr;

/// The longest line of a chunk's size with its extensions, or of a trailer, in bytes.
const LINE_MAX: usize = 1024;

/// How many bytes of extensions and trailers a body may have: they are dropped, and cost time.
const OVERHEAD_MAX: usize = 16 * 1024;

/// Takes a body off a stream of bytes.
#[derive(Clone, Debug)]
pub(super) enum BodyDecoder {
    /// So many bytes are still to come.
    Length(u64),
    /// Chunks are.
    Chunked(Chunks),
    /// All that comes until the end belongs to it.
    UntilEnd,
}

/// Where in a chunked body we are.
#[derive(Clone, Debug)]
pub(super) struct Chunks {
    state: ChunkState,
    overhead: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum ChunkState {
    Size,
    Data(u64),
    DataEnd,
    Trailer,
    Done,
}

impl BodyDecoder {
    /// For the body of a request that is framed like this: where nothing is said, it has none.
    pub(super) fn for_request(length: BodyLength) -> Self {
        match length {
            BodyLength::Unsaid => Self::Length(0),
            BodyLength::Known(length) => Self::Length(length),
            BodyLength::Chunked => Self::chunked(),
        }
    }

    pub(super) fn chunked() -> Self {
        Self::Chunked(Chunks { state: ChunkState::Size, overhead: 0 })
    }

    /// Whether its announced length is beyond `limit` bytes.
    pub(super) fn exceeds(&self, limit: usize) -> bool {
        matches!(self, Self::Length(length) if *length > limit as u64)
    }

    /// Take what is there of the body off the front of `input`, and append its content to `content`,
    /// which may grow to `limit` bytes. Whether the body is complete.
    pub(super) fn decode(
        &mut self,
        input: &mut &[u8],
        content: &mut BytesMut,
        limit: usize,
    ) -> Result<bool, HttpError> {
        match self {
            Self::Length(left) => {
                take(left, input, content, limit)?;
                Ok(*left == 0)
            }
            Self::Chunked(chunks) => chunks.decode(input, content, limit),
            Self::UntilEnd => {
                let mut endless = u64::MAX;
                take(&mut endless, input, content, limit)?;
                Ok(false)
            }
        }
    }
}

/// Move up to `left` bytes from `input` to `content`.
fn take(left: &mut u64, input: &mut &[u8], content: &mut BytesMut, limit: usize) -> Result<(), HttpError> {
    let here = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
    let (taken, rest) = input.split_at_checked(here).unwrap_or_default();
    if content.len().saturating_add(here) > limit {
        return Err(HttpError::BodyTooLarge);
    }
    content.put_slice(taken);
    *input = rest;
    *left = left.saturating_sub(here as u64);
    Ok(())
}

impl Chunks {
    fn decode(&mut self, input: &mut &[u8], content: &mut BytesMut, limit: usize) -> Result<bool, HttpError> {
        loop {
            let next = match self.state {
                ChunkState::Size => self.size(input, content, limit)?,
                ChunkState::Data(mut left) => {
                    take(&mut left, input, content, limit)?;
                    self.state = ChunkState::Data(left);
                    (left == 0).then_some(ChunkState::DataEnd)
                }
                ChunkState::DataEnd => data_end(input)?,
                ChunkState::Trailer => self.trailer(input)?,
                ChunkState::Done => return Ok(true),
            };
            match next {
                Some(next) => self.state = next,
                None => return Ok(false),
            }
        }
    }

    /// The line in front of a chunk.
    fn size(
        &mut self,
        input: &mut &[u8],
        content: &BytesMut,
        limit: usize,
    ) -> Result<Option<ChunkState>, HttpError> {
        let Some(line) = self.line(input)? else {
            return Ok(None);
        };
        let digits = line.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
        let (digits, extension) = line.split_at_checked(digits).unwrap_or_default();
        // Blanks before the extension are bad form, and tolerated (RFC 9112, 7.1.1).
        if !matches!(extension.trim_ascii_start().first(), None | Some(b';')) {
            return Err(HttpError::Malformed("the size of a chunk"));
        }
        let size = str::from_utf8(digits).ok().and_then(|digits| u64::from_str_radix(digits, 16).ok());
        let Some(size) = size else {
            return Err(HttpError::Malformed("the size of a chunk"));
        };
        self.spend(extension.len())?;
        if size > limit.saturating_sub(content.len()) as u64 {
            return Err(HttpError::BodyTooLarge);
        }
        Ok(Some(if size == 0 { ChunkState::Trailer } else { ChunkState::Data(size) }))
    }

    /// A trailer, which is dropped, or the empty line that ends the body.
    fn trailer(&mut self, input: &mut &[u8]) -> Result<Option<ChunkState>, HttpError> {
        let Some(line) = self.line(input)? else {
            return Ok(None);
        };
        self.spend(line.len())?;
        Ok(Some(if line.is_empty() { ChunkState::Done } else { ChunkState::Trailer }))
    }

    /// A line that ends in CRLF, and holds no other control characters.
    fn line<'a>(&self, input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, HttpError> {
        let Some(newline) = memchr(b'\n', input) else {
            let too_long = input.len() > LINE_MAX;
            return if too_long {
                Err(HttpError::Malformed("a line between chunks is too long"))
            } else {
                Ok(None)
            };
        };
        let (line, rest) = input.split_at_checked(newline).unwrap_or_default();
        let line = line
            .strip_suffix(b"\r")
            .ok_or(HttpError::Malformed("a line between chunks ends in a bare LF"))?;
        if line.len() >= LINE_MAX {
            return Err(HttpError::Malformed("a line between chunks is too long"));
        }
        if line.iter().any(|byte| byte.is_ascii_control() && *byte != b'\t') {
            return Err(HttpError::Malformed("a control character between chunks"));
        }
        *input = rest.strip_prefix(b"\n").unwrap_or(rest);
        Ok(Some(line))
    }

    fn spend(&mut self, bytes: usize) -> Result<(), HttpError> {
        self.overhead = self.overhead.saturating_add(bytes);
        if self.overhead > OVERHEAD_MAX {
            return Err(HttpError::Malformed("too many chunk extensions or trailers"));
        }
        Ok(())
    }
}

/// The CRLF behind a chunk's data.
fn data_end(input: &mut &[u8]) -> Result<Option<ChunkState>, HttpError> {
    if let Some(rest) = input.strip_prefix(b"\r\n") {
        *input = rest;
        return Ok(Some(ChunkState::Size));
    }
    if matches!(input, [] | [b'\r']) {
        return Ok(None);
    }
    Err(HttpError::Malformed("no CRLF behind a chunk"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{cut, sizes};
    use HttpError::Malformed;
    use proptest::prelude::*;

    const LIMIT: usize = 1000;

    /// What comes of a body: its content and what stands behind it, or `None` where it isn't complete.
    type Outcome = Result<Option<(Vec<u8>, Vec<u8>)>, HttpError>;

    fn feed<'a>(mut body: BodyDecoder, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
        let (mut input, mut content, mut done) = (Vec::new(), BytesMut::new(), false);
        for piece in pieces {
            input.extend_from_slice(piece);
            if !done {
                let mut rest = &input[..];
                done = body.decode(&mut rest, &mut content, LIMIT)?;
                input = rest.to_vec();
                assert!(content.len() <= LIMIT);
                assert!(done || input.len() <= LINE_MAX, "{} bytes are left", input.len());
            }
        }
        Ok(done.then(|| (content.to_vec(), input)))
    }

    fn check(body: &BodyDecoder, input: &[u8], expected: Result<Option<(&str, &str)>, HttpError>) {
        let expected =
            expected.map(|outcome| outcome.map(|(content, left)| (content.into(), left.as_bytes().to_vec())));
        assert_eq!(feed(body.clone(), [input]), expected, "whole: {}", input.escape_ascii());
        assert_eq!(feed(body.clone(), input.chunks(1)), expected, "byte by byte: {}", input.escape_ascii());
    }

    #[test]
    fn a_body_of_known_length_ends_there() {
        check(&BodyDecoder::Length(5), b"hello, next", Ok(Some(("hello", ", next"))));
        check(&BodyDecoder::Length(5), b"hell", Ok(None));
        check(&BodyDecoder::UntilEnd, b"all of it", Ok(None));
    }

    #[test]
    fn chunks_are_joined() {
        let chunked = BodyDecoder::chunked();
        check(&chunked, b"5\r\nhello\r\n0\r\n\r\nnext", Ok(Some(("hello", "next"))));
        check(&chunked, b"5\r\nhello\r\n00A\r\n, world!!!\r\n0\r\n\r\n", Ok(Some(("hello, world!!!", ""))));
        check(&chunked, b"2;a=b;c=\"d\"\r\n\r\n\r\n1 ;x\r\n.\r\n0;y\r\n\r\n", Ok(Some(("\r\n.", ""))));
        check(&chunked, b"0\r\nX-Sum: 1\r\nY: 2\r\n\r\nnext", Ok(Some(("", "next"))));
        check(&chunked, b"0\r\nX-Sum: 1\r\n", Ok(None));
        check(&chunked, b"5\r\nhel", Ok(None));
    }

    #[test]
    fn bad_chunks_are_refused() {
        let chunked = BodyDecoder::chunked();
        let size = Malformed("the size of a chunk");
        let end = Malformed("no CRLF behind a chunk");
        let bare = Malformed("a line between chunks ends in a bare LF");
        let control = Malformed("a control character between chunks");
        for (input, error) in [
            (&b"\r\n"[..], size),
            (b";a\r\n", size),
            (b"x\r\n", size),
            (b"0x5\r\n", size),
            (b"-5\r\n", size),
            (b"+5\r\n", size),
            (b" 5\r\n", size),
            (b"5 5\r\n", size),
            (b"5_0\r\n", size),
            (b"10000000000000000\r\n", size),
            (b"5\nhello\r\n", bare),
            (b"0\r\n\nGET", bare),
            (b"0\r\na: b\n\r\n", bare),
            (b"5\r\nhello!\r\n", end),
            (b"5\r\nhello\n0\r\n", end),
            (b"5\r\nhello\r0\r\n", end),
            (b"5;a\rb\r\n", control),
            (b"5;a\0b\r\n", control),
            (b"0\r\na: \rb\r\n", control),
            (b"3e9\r\n", HttpError::BodyTooLarge),
            (b"ffffffffffffffff\r\n", HttpError::BodyTooLarge),
        ] {
            check(&chunked, input, Err(error));
        }
    }

    #[test]
    fn what_is_taken_never_exceeds_the_limit() {
        let content = "x".repeat(600);
        let chunk = format!("258\r\n{content}\r\n");
        check(&BodyDecoder::chunked(), chunk.repeat(2).as_bytes(), Err(HttpError::BodyTooLarge));
        check(&BodyDecoder::UntilEnd, content.repeat(2).as_bytes(), Err(HttpError::BodyTooLarge));
        assert!(BodyDecoder::Length(LIMIT as u64 + 1).exceeds(LIMIT));
        assert!(!BodyDecoder::Length(LIMIT as u64).exceeds(LIMIT));
    }

    #[test]
    fn extensions_and_trailers_are_bounded() {
        let too_long = Malformed("a line between chunks is too long");
        let too_many = Malformed("too many chunk extensions or trailers");
        check(&BodyDecoder::chunked(), &[b'1'; LINE_MAX + 2], Err(too_long));
        check(&BodyDecoder::chunked(), format!("1;{}\r\n", "x".repeat(LINE_MAX)).as_bytes(), Err(too_long));
        let extensions = format!("1;{}\r\n.\r\n", "x".repeat(999)).repeat(17);
        check(&BodyDecoder::chunked(), extensions.as_bytes(), Err(too_many));
        let trailers = format!("0\r\n{}", "a: b\r\n".repeat(OVERHEAD_MAX));
        check(&BodyDecoder::chunked(), trailers.as_bytes(), Err(too_many));
    }

    proptest! {
        #[test]
        fn how_it_is_cut_makes_no_difference(text in "([0-3a;]|\r\n|\n|\r|2\r\nxy\r\n){0,20}", sizes in sizes()) {
            let whole = feed(BodyDecoder::chunked(), [text.as_bytes()]);
            prop_assert_eq!(feed(BodyDecoder::chunked(), cut(text.as_bytes(), &sizes)), whole);
        }
    }
}
