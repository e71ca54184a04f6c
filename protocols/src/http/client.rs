//! Responses as a client reads them: enough to ask our own servers, in tests and tools.

use super::body::BodyDecoder;
use super::head::{self, BodyLength, Headers, ResponseHead};
use super::{HttpError, Limits};
use bytes::{Bytes, BytesMut};

/// A response that came from a server.
#[derive(Clone, Debug)]
pub struct IncomingResponse {
    /// The status code.
    pub code: u16,
    /// The header fields.
    pub headers: Headers,
    /// The body, chunks joined.
    pub body: Bytes,
    /// Whether the connection can be used again.
    pub keep_alive: bool,
}

/// Finds responses in a stream of bytes. Interim ones (100 to 199, except 101) are dropped.
#[derive(Clone, Debug, Default)]
pub struct ResponseDecoder {
    limits: Limits,
    parsed: usize,
    to_head: bool,
    under_way: Option<Box<UnderWay>>,
}

#[derive(Clone, Debug)]
struct UnderWay {
    head: ResponseHead,
    decoder: BodyDecoder,
    content: BytesMut,
}

impl ResponseDecoder {
    /// A decoder that refuses what exceeds `limits`.
    pub fn new(limits: Limits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Say before decoding a response whether it answers a HEAD: then it has no body.
    pub fn expect_answer_to_head(&mut self, to_head: bool) {
        self.to_head = to_head;
    }

    /// Take a response, or a part of its body, off the front of `input`. What is left in `input` must
    /// be there again in the next call, with more behind it.
    ///
    /// # Errors
    /// If the response is malformed or beyond the limits.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<IncomingResponse>, HttpError> {
        let mut under_way = match self.under_way.take() {
            Some(under_way) => under_way,
            None => match self.begin(input)? {
                Some(under_way) => under_way,
                None => return Ok(None),
            },
        };
        let UnderWay { decoder, content, .. } = &mut *under_way;
        if decoder.decode(input, content, self.limits.body_bytes_max)? {
            return Ok(Some(finish(*under_way)));
        }
        self.under_way = Some(under_way);
        Ok(None)
    }

    /// The server has closed: the response under way, if that is how its end is told.
    ///
    /// # Errors
    /// If it was cut off.
    pub fn end(&mut self) -> Result<Option<IncomingResponse>, HttpError> {
        match self.under_way.take() {
            None => Ok(None),
            Some(under_way) if matches!(under_way.decoder, BodyDecoder::UntilEnd) => {
                Ok(Some(finish(*under_way)))
            }
            Some(_) => Err(HttpError::Malformed("the response was cut off")),
        }
    }

    fn begin(&mut self, input: &mut &[u8]) -> Result<Option<Box<UnderWay>>, HttpError> {
        loop {
            if !head::has_new_line(input, self.parsed) && input.len() <= self.limits.head_bytes_max {
                return Ok(None);
            }
            let Some((head, length)) = head::parse_response(input, &self.limits)? else {
                self.parsed = input.len();
                return Ok(None);
            };
            self.parsed = 0;
            *input = input.get(length..).unwrap_or_default();
            if matches!(head.code, 100 | 102..=199) {
                continue;
            }
            let decoder = match head.body {
                _ if self.to_head || matches!(head.code, 101 | 204 | 304) => BodyDecoder::Length(0),
                BodyLength::Known(length) => BodyDecoder::Length(length),
                BodyLength::Chunked => BodyDecoder::chunked(),
                BodyLength::Unsaid => BodyDecoder::UntilEnd,
            };
            if decoder.exceeds(self.limits.body_bytes_max) {
                return Err(HttpError::BodyTooLarge);
            }
            return Ok(Some(Box::new(UnderWay { head, decoder, content: BytesMut::new() })));
        }
    }
}

fn finish(under_way: UnderWay) -> IncomingResponse {
    let UnderWay { head: ResponseHead { headers, code, keep_alive, .. }, decoder, content } = under_way;
    let keep_alive = keep_alive && !matches!(decoder, BodyDecoder::UntilEnd);
    IncomingResponse { code, headers, body: content.freeze(), keep_alive }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{cut, sizes};
    use proptest::prelude::*;

    type Outcome = Result<Vec<(u16, Vec<u8>, bool)>, HttpError>;

    fn feed<'a>(mut decoder: ResponseDecoder, pieces: impl IntoIterator<Item = &'a [u8]>) -> Outcome {
        let (mut input, mut seen) = (Vec::new(), Vec::new());
        let keep = |response: IncomingResponse| (response.code, response.body.to_vec(), response.keep_alive);
        for piece in pieces {
            input.extend_from_slice(piece);
            let mut rest = &input[..];
            while let Some(response) = decoder.decode(&mut rest)? {
                seen.push(keep(response));
            }
            input = rest.to_vec();
        }
        seen.extend(decoder.end()?.map(keep));
        Ok(seen)
    }

    fn check(to_head: bool, input: &[u8], expected: Result<&[(u16, &str, bool)], HttpError>) {
        let mut decoder = ResponseDecoder::default();
        decoder.expect_answer_to_head(to_head);
        let own = |(code, body, keep): &(u16, &str, bool)| (*code, body.as_bytes().to_vec(), *keep);
        let expected: Outcome = expected.map(|expected| expected.iter().map(own).collect());
        assert_eq!(feed(decoder.clone(), [input]), expected, "whole: {}", input.escape_ascii());
        assert_eq!(feed(decoder, input.chunks(1)), expected, "byte by byte: {}", input.escape_ascii());
    }

    #[test]
    fn a_body_ends_by_length_by_chunks_or_by_closing() {
        check(false, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi", Ok(&[(200, "hi", true)]));
        check(
            false,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n\
              HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            Ok(&[(200, "hi", true), (404, "", false)]),
        );
        check(
            false,
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX: a long head\r\n\r\nHTTP/1.1 204 \r\n\r\n",
            Ok(&[(200, "", true), (204, "", true)]),
        );
        check(false, b"HTTP/1.0 200 OK\r\n\r\nHello, world!", Ok(&[(200, "Hello, world!", false)]));
    }

    #[test]
    fn some_responses_have_no_body_whatever_they_say() {
        check(true, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n", Ok(&[(200, "", true)]));
        check(false, b"HTTP/1.1 304 \r\nContent-Length: 2\r\n\r\n", Ok(&[(304, "", true)]));
        check(false, b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n", Ok(&[(204, "", true)]));
    }

    #[test]
    fn a_response_that_is_cut_off_is_no_response() {
        let cut_off = Err(HttpError::Malformed("the response was cut off"));
        check(false, b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi", cut_off.map(|()| &[][..]));
        check(false, b"HTTP/1.1 200 OK\r\nConte", Ok(&[]));
    }

    #[test]
    fn a_head_or_a_body_beyond_the_limits_is_refused() {
        let long = format!("HTTP/1.1 200 {}", "x".repeat(20_000));
        check(false, long.as_bytes(), Err(HttpError::HeadTooLarge));
        check(false, b"HTTP/1.1 200 OK\r\nContent-Length: 2000000\r\n\r\n", Err(HttpError::BodyTooLarge));
    }

    proptest! {
        #[test]
        fn how_it_is_cut_makes_no_difference(
            text in "(HTTP/1.1 200 OK\r\n|\r\n|Content-Length: [0-5]\r\n|Transfer-Encoding: chunked\r\n|[0-3]\r\n|x){0,12}",
            sizes in sizes(),
        ) {
            // A head is parsed at the end of its lines, so the last one has one.
            let text = text + "\r\n";
            let whole = feed(ResponseDecoder::default(), [text.as_bytes()]);
            let pieces = feed(ResponseDecoder::default(), cut(text.as_bytes(), &sizes));
            prop_assert_eq!(pieces, whole);
        }
    }
}
