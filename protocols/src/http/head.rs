//! The head of a message: its first line and its header fields, kept as one piece of memory and the
//! places of the fields in it. Parsing is httparse's; what the fields mean for the framing of the
//! body is decided here.
//!
//! ```text
//! GET /queues?page=2 HTTP/1.1\r\n       ─┐
//! Host: localhost\r\n                    │ bytes; a Span says where a part of it lies
//! Content-Length: 5\r\n                  │
//! \r\n                                  ─┘
//! ```

use super::{HEADERS_MAX, HttpError, Limits};
use bytes::Bytes;
use memchr::memchr;
use std::mem::MaybeUninit;

/// The longest method, in bytes. The longest one registered has 17.
pub(super) const METHOD_BYTES_MAX: usize = 32;

/// The versions that are spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0: no chunks, no interim responses, and the connection ends after each response unless
    /// both sides ask that it stay.
    Http10,
    /// HTTP/1.1
    Http11,
}

/// Where a part of the head lies in its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Span {
    start: usize,
    end: usize,
}

impl Span {
    /// Where `part` lies in `whole`, of which it is a slice.
    fn of(part: &[u8], whole: &[u8]) -> Self {
        let start = (part.as_ptr() as usize).saturating_sub(whole.as_ptr() as usize);
        debug_assert!(whole.get(start..).is_some_and(|whole| whole.starts_with(part)));
        Self { start, end: start.saturating_add(part.len()) }
    }

    pub(super) fn bytes(self, whole: &[u8]) -> &[u8] {
        whole.get(self.start..self.end).unwrap_or_default()
    }

    pub(super) fn text(self, whole: &[u8]) -> &str {
        str::from_utf8(self.bytes(whole)).unwrap_or_default()
    }
}

/// The header fields of a message, in order. Names are compared without regard to case.
#[derive(Clone, Debug, Default)]
pub struct Headers {
    pub(super) head: Bytes,
    fields: Vec<(Span, Span)>,
}

impl Headers {
    /// The value of the first field of this name, if it has one and it is UTF-8.
    pub fn find(&self, name: &str) -> Option<&str> {
        self.find_all(name).next().and_then(|value| str::from_utf8(value).ok())
    }

    /// The values of all fields of this name.
    pub fn find_all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        self.iter().filter(move |(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All fields, names as they were sent.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.fields.iter().map(|(name, value)| (name.text(&self.head), value.bytes(&self.head)))
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.fields.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.fields.is_empty()
    }

    fn new(head: &[u8], fields: &[httparse::Header<'_>]) -> Self {
        let spans = |field: &httparse::Header<'_>| {
            (Span::of(field.name.as_bytes(), head), Span::of(field.value, head))
        };
        Self { head: Bytes::copy_from_slice(head), fields: fields.iter().map(spans).collect() }
    }
}

/// The head of a request. The framing that it asks for has been checked.
#[derive(Clone, Debug)]
pub(super) struct RequestHead {
    pub(super) headers: Headers,
    pub(super) method: Span,
    pub(super) target: Span,
    pub(super) version: Version,
    pub(super) body: BodyLength,
    pub(super) keep_alive: bool,
    pub(super) expects_continue: bool,
}

/// The head of a response.
#[derive(Clone, Debug)]
pub(super) struct ResponseHead {
    pub(super) headers: Headers,
    pub(super) code: u16,
    pub(super) body: BodyLength,
    pub(super) keep_alive: bool,
}

/// How the length of a body is known (RFC 9112, 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum BodyLength {
    /// It has so many bytes.
    Known(u64),
    /// It comes in chunks.
    Chunked,
    /// No field tells: a request has no body then, and a response ends with its connection.
    Unsaid,
}

type FieldStore<'a> = [MaybeUninit<httparse::Header<'a>>; HEADERS_MAX];

/// The head at the front of `input` and its length in bytes; `None` if it has not come whole.
pub(super) fn parse_request(
    input: &[u8],
    limits: &Limits,
) -> Result<Option<(RequestHead, usize)>, HttpError> {
    let mut store: FieldStore<'_> = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut parsed = httparse::Request::new(&mut []);
    let status =
        parsed.parse_with_uninit_headers(input, &mut store).map_err(|error| request_refusal(error, input))?;
    check_lengths(&parsed, input, limits)?;
    let Some(head) = complete(status, input, limits)? else {
        return Ok(None);
    };
    let (Some(method), Some(target), Some(version)) = (parsed.method, parsed.path, parsed.version) else {
        return Err(HttpError::Malformed("the request line"));
    };
    let version = if version == 0 { Version::Http10 } else { Version::Http11 };
    let facts = Facts::gather(parsed.headers)?;
    let head = RequestHead {
        method: Span::of(method.as_bytes(), head),
        target: Span::of(target.as_bytes(), head),
        body: facts.request_body(version)?,
        keep_alive: facts.keep_alive(version),
        expects_continue: facts.expects_continue(version)?,
        version,
        headers: Headers::new(head, parsed.headers),
    };
    let length = head.headers.head.len();
    Ok(Some((head, length)))
}

/// The head of a response at the front of `input` and its length in bytes.
pub(super) fn parse_response(
    input: &[u8],
    limits: &Limits,
) -> Result<Option<(ResponseHead, usize)>, HttpError> {
    let mut store: FieldStore<'_> = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut parsed = httparse::Response::new(&mut []);
    let status = httparse::ParserConfig::default()
        .parse_response_with_uninit_headers(&mut parsed, input, &mut store)
        .map_err(|error| field_refusal(error).unwrap_or(HttpError::Malformed("the status line")))?;
    let Some(head) = complete(status, input, limits)? else {
        return Ok(None);
    };
    let (Some(code), Some(version)) = (parsed.code, parsed.version) else {
        return Err(HttpError::Malformed("the status line"));
    };
    let version = if version == 0 { Version::Http10 } else { Version::Http11 };
    let facts = Facts::gather(parsed.headers)?;
    let headers = Headers::new(head, parsed.headers);
    let length = head.len();
    Ok(Some((
        ResponseHead { headers, code, body: facts.body()?, keep_alive: facts.keep_alive(version) },
        length,
    )))
}

/// The bytes of a head that has come whole and is not too large.
fn complete<'a>(
    status: httparse::Status<usize>,
    input: &'a [u8],
    limits: &Limits,
) -> Result<Option<&'a [u8]>, HttpError> {
    let length = match status {
        httparse::Status::Complete(length) => length,
        httparse::Status::Partial => input.len(),
    };
    if length > limits.head_bytes_max {
        return Err(HttpError::HeadTooLarge);
    }
    Ok(input.get(..length).filter(|_| status.is_complete()))
}

/// The method and the target, or what has come of them, must not be too long.
fn check_lengths(parsed: &httparse::Request<'_, '_>, input: &[u8], limits: &Limits) -> Result<(), HttpError> {
    let method = parsed.method.map_or(input.len(), str::len);
    if method > METHOD_BYTES_MAX {
        return Err(HttpError::NotImplemented("the method"));
    }
    let come = input.len().saturating_sub(method).saturating_sub(1);
    let target = parsed.path.map_or(come, str::len);
    if target > limits.target_bytes_max { Err(HttpError::TargetTooLong) } else { Ok(()) }
}

fn request_refusal(error: httparse::Error, input: &[u8]) -> HttpError {
    match field_refusal(error) {
        Some(refusal) => refusal,
        None if names_another_version(error, input) => HttpError::UnsupportedVersion,
        None => HttpError::Malformed("the request line"),
    }
}

/// What is wrong with a header field; `None` if the first line is what is wrong.
fn field_refusal(error: httparse::Error) -> Option<HttpError> {
    use httparse::Error;
    match error {
        Error::TooManyHeaders => Some(HttpError::HeadTooLarge),
        Error::HeaderName => Some(HttpError::Malformed("the name of a header field")),
        Error::HeaderValue => Some(HttpError::Malformed("the value of a header field")),
        Error::NewLine => Some(HttpError::Malformed("the end of a line")),
        Error::Status | Error::Token | Error::Version => None,
    }
}

/// Whether the request line ends in a version that could be one, as `HTTP/2.0` does.
fn names_another_version(error: httparse::Error, input: &[u8]) -> bool {
    let line = input.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let version = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    let version = version.strip_prefix(b"HTTP/");
    error == httparse::Error::Version && matches!(version, Some([b'0'..=b'9', b'.', b'0'..=b'9']))
}

/// What the header fields say about framing and persistence.
#[derive(Default)]
struct Facts<'a> {
    hosts: usize,
    content_length: Option<u64>,
    transfer_coding: Option<&'a [u8]>,
    expectation: Option<&'a [u8]>,
    close: bool,
    keep_alive: bool,
}

impl<'a> Facts<'a> {
    fn gather(fields: &[httparse::Header<'a>]) -> Result<Self, HttpError> {
        let mut facts = Self::default();
        for httparse::Header { name, value } in fields {
            // Most fields are none of ours: their lengths tell them apart at once.
            match name.len() {
                4 if name.eq_ignore_ascii_case("host") => facts.host(value)?,
                6 if name.eq_ignore_ascii_case("expect") => facts.expectation = Some(value),
                10 if name.eq_ignore_ascii_case("connection") => facts.connection(value),
                14 if name.eq_ignore_ascii_case("content-length") => facts.content_length(value)?,
                17 if name.eq_ignore_ascii_case("transfer-encoding") => facts.transfer_coding(value)?,
                _ => {}
            }
        }
        Ok(facts)
    }

    /// A client that names no host, or two, is confused or malicious (RFC 9112, 3.2).
    fn host(&mut self, value: &[u8]) -> Result<(), HttpError> {
        self.hosts = self.hosts.saturating_add(1);
        let valid = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~%!$&'()*+,;=:[]".contains(byte);
        if value.iter().all(valid) { Ok(()) } else { Err(HttpError::Malformed("the host")) }
    }

    fn connection(&mut self, value: &[u8]) {
        for option in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
        }
    }

    /// Digits and nothing else: no sign, no list. The same again is tolerated (RFC 9112, 6.3).
    fn content_length(&mut self, value: &[u8]) -> Result<(), HttpError> {
        let digits = Some(value).filter(|value| !value.is_empty() && value.iter().all(u8::is_ascii_digit));
        let length =
            digits.and_then(|digits| str::from_utf8(digits).ok()).and_then(|digits| digits.parse().ok());
        let Some(length) = length else {
            return Err(HttpError::Malformed("the value of Content-Length"));
        };
        match self.content_length.replace(length) {
            Some(before) if before != length => {
                Err(HttpError::Malformed("two different values of Content-Length"))
            }
            _ => Ok(()),
        }
    }

    fn transfer_coding(&mut self, value: &'a [u8]) -> Result<(), HttpError> {
        match self.transfer_coding.replace(value) {
            Some(_) => Err(HttpError::Malformed("two fields of Transfer-Encoding")),
            None => Ok(()),
        }
    }

    fn body(&self) -> Result<BodyLength, HttpError> {
        match (self.transfer_coding, self.content_length) {
            (None, None) => Ok(BodyLength::Unsaid),
            (None, Some(length)) => Ok(BodyLength::Known(length)),
            (Some(coding), None) => chunked(coding).map(|()| BodyLength::Chunked),
            (Some(_), Some(_)) => Err(HttpError::Malformed("both Content-Length and Transfer-Encoding")),
        }
    }

    fn request_body(&self, version: Version) -> Result<BodyLength, HttpError> {
        if self.hosts > 1 || (self.hosts == 0 && version == Version::Http11) {
            return Err(HttpError::Malformed("not exactly one Host"));
        }
        if version == Version::Http10 && self.transfer_coding.is_some() {
            return Err(HttpError::Malformed("Transfer-Encoding in HTTP/1.0"));
        }
        self.body()
    }

    fn keep_alive(&self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }

    /// HTTP/1.0 knows no expectations: they are ignored there (RFC 9110, 10.1.1).
    fn expects_continue(&self, version: Version) -> Result<bool, HttpError> {
        match self.expectation {
            Some(value) if version == Version::Http11 => {
                if value.eq_ignore_ascii_case(b"100-continue") {
                    Ok(true)
                } else {
                    Err(HttpError::ExpectationFailed)
                }
            }
            _ => Ok(false),
        }
    }
}

/// `chunked` must be the only coding. Another one before it is lawful, and not built; if it isn't the
/// last, or comes twice, nobody knows where the body ends.
fn chunked(codings: &[u8]) -> Result<(), HttpError> {
    let is_chunked = |coding: &[u8]| coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
    let Some(comma) = codings.iter().rposition(|byte| *byte == b',') else {
        return if is_chunked(codings) {
            Ok(())
        } else {
            Err(HttpError::NotImplemented("the transfer coding"))
        };
    };
    let (before, last) = codings.split_at_checked(comma).unwrap_or_default();
    let last = last.strip_prefix(b",").unwrap_or(last);
    if is_chunked(last) && !before.split(|byte| *byte == b',').any(is_chunked) {
        Err(HttpError::NotImplemented("the transfer coding"))
    } else {
        Err(HttpError::Malformed("the value of Transfer-Encoding"))
    }
}

/// Where a line may have ended in what has come since `from`: only then is parsing again worth it.
pub(super) fn has_new_line(input: &[u8], from: usize) -> bool {
    memchr(b'\n', input.get(from..).unwrap_or_default()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body_of(head: &str) -> Result<BodyLength, HttpError> {
        let input = format!("POST / HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n");
        parse_request(input.as_bytes(), &Limits::default()).map(|head| head.expect("it is whole").0.body)
    }

    const MALFORMED: fn(&'static str) -> Result<BodyLength, HttpError> =
        |what| Err(HttpError::Malformed(what));

    #[test]
    fn a_body_whose_length_can_be_read_in_two_ways_is_refused() {
        let both = MALFORMED("both Content-Length and Transfer-Encoding");
        let differ = MALFORMED("two different values of Content-Length");
        let value = MALFORMED("the value of Content-Length");
        let codings = MALFORMED("the value of Transfer-Encoding");
        let unknown = Err(HttpError::NotImplemented("the transfer coding"));
        for (head, expected) in [
            ("A: b", Ok(BodyLength::Unsaid)),
            ("Content-Length: 5", Ok(BodyLength::Known(5))),
            ("content-length: 0005", Ok(BodyLength::Known(5))),
            ("Content-Length: 5\r\nContent-Length: 5", Ok(BodyLength::Known(5))),
            ("Content-Length: 5\r\nContent-Length: 6", differ),
            ("Content-Length: 5, 5", value),
            ("Content-Length: +5", value),
            ("Content-Length: -5", value),
            ("Content-Length: 0x5", value),
            ("Content-Length: 5 5", value),
            ("Content-Length:", value),
            ("Content-Length: 18446744073709551615", Ok(BodyLength::Known(u64::MAX))),
            ("Content-Length: 18446744073709551616", value),
            ("Transfer-Encoding: chunked", Ok(BodyLength::Chunked)),
            ("Transfer-Encoding: Chunked ", Ok(BodyLength::Chunked)),
            ("Transfer-Encoding: chunked\r\nContent-Length: 5", both),
            ("Content-Length: 5\r\nTransfer-Encoding: chunked", both),
            ("Content-Length: 0\r\nTransfer-Encoding: identity", both),
            (
                "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                MALFORMED("two fields of Transfer-Encoding"),
            ),
            ("Transfer-Encoding: chunked, chunked", codings),
            ("Transfer-Encoding: chunked, identity", codings),
            ("Transfer-Encoding: gzip, chunked", unknown),
            ("Transfer-Encoding: xchunked", unknown),
            ("Transfer-Encoding: \"chunked\"", unknown),
            ("Transfer-Encoding:", unknown),
            ("Transfer-Encoding : chunked", MALFORMED("the name of a header field")),
            (" Transfer-Encoding: chunked", MALFORMED("the name of a header field")),
            ("A: b\r\n Transfer-Encoding: chunked", MALFORMED("the name of a header field")),
            ("Transfer-Encoding: \x0bchunked", MALFORMED("the value of a header field")),
            ("A: b\rTransfer-Encoding: chunked", MALFORMED("the value of a header field")),
        ] {
            assert_eq!(body_of(head), expected, "{}", head.escape_debug());
        }
    }

    #[test]
    fn exactly_one_sane_host_is_required() {
        let parse = |head: &str| {
            let input = format!("GET / {head}\r\n\r\n");
            parse_request(input.as_bytes(), &Limits::default()).map(|_| ())
        };
        assert_eq!(parse("HTTP/1.1\r\nHost: example.org:8080"), Ok(()));
        assert_eq!(parse("HTTP/1.1\r\nHost: [::1]:80"), Ok(()));
        assert_eq!(parse("HTTP/1.1\r\nHost:"), Ok(()));
        assert_eq!(parse("HTTP/1.0"), Ok(()));
        assert_eq!(parse("HTTP/1.1"), Err(HttpError::Malformed("not exactly one Host")));
        assert_eq!(
            parse("HTTP/1.1\r\nHost: a\r\nHost: a"),
            Err(HttpError::Malformed("not exactly one Host"))
        );
        assert_eq!(parse("HTTP/1.1\r\nHost: a b"), Err(HttpError::Malformed("the host")));
        assert_eq!(parse("HTTP/1.1\r\nHost: a/b@c"), Err(HttpError::Malformed("the host")));
    }

    #[test]
    fn the_connection_persists_as_version_and_options_say() {
        let keep = |version: &str, connection: &str| {
            let input = format!("GET / {version}\r\nHost: x\r\n{connection}\r\n");
            let head = parse_request(input.as_bytes(), &Limits::default()).unwrap().expect("it is whole");
            head.0.keep_alive
        };
        assert!(keep("HTTP/1.1", ""));
        assert!(!keep("HTTP/1.1", "Connection: close\r\n"));
        assert!(!keep("HTTP/1.1", "Connection: upgrade, Close\r\n"));
        assert!(!keep("HTTP/1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
        assert!(!keep("HTTP/1.0", ""));
        assert!(keep("HTTP/1.0", "Connection: Keep-Alive\r\n"));
    }

    #[test]
    fn fields_are_found_without_regard_to_case() {
        let input = b"GET / HTTP/1.1\r\nHost: x\r\nX-One:  a b \r\nx-one:\r\nBin: \xff\r\n\r\nrest";
        let (head, length) = parse_request(input, &Limits::default()).unwrap().expect("it is whole");
        assert_eq!(length, input.len() - 4);
        assert_eq!(head.headers.find("x-oNe"), Some("a b"));
        assert_eq!(head.headers.find_all("X-ONE").collect::<Vec<_>>(), [&b"a b"[..], b""]);
        assert_eq!(head.headers.find("bin"), None, "it isn't UTF-8");
        assert_eq!(head.headers.find_all("bin").next(), Some(&b"\xff"[..]));
        assert_eq!(head.headers.find("absent"), None);
        assert_eq!(
            head.headers.iter().map(|(name, _)| name).collect::<Vec<_>>(),
            ["Host", "X-One", "x-one", "Bin"]
        );
        assert!(head.headers.len() == 4 && !head.headers.is_empty());
    }
}
