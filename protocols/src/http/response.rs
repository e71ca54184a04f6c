//! Responses: what they say, and how they are encoded. The one rule: nothing that is put into a
//! response, wherever it came from, can change where the response ends.

use super::{HttpError, Status, Version, date};
use bytes::{BufMut, Bytes, BytesMut};
use std::fmt::Write;

/// What a response has to regard of the request that it answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The version that the request was sent in.
    pub version: Version,
    /// The body is to be left out.
    pub is_head: bool,
    /// The connection stays open afterwards.
    pub keep_alive: bool,
}

impl Recipient {
    /// Someone whose request could not be understood: answered once, and closed.
    pub(super) const UNKNOWN: Self = Self { version: Version::Http11, is_head: false, keep_alive: false };
}

/// How the end of a response's body is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// It has so many bytes.
    Length(u64),
    /// It comes in chunks: [`encode_chunk`], and [`LAST_CHUNK`] at the end.
    Chunked,
    /// It ends with the connection.
    UntilClose,
}

/// What follows the last chunk of a body.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// Append `data` as a chunk. No data is no chunk, for an empty one would be the last.
pub fn encode_chunk(data: &[u8], out: &mut BytesMut) {
    if !data.is_empty() {
        encode_chunk_size(data.len(), out);
        out.put_slice(data);
        out.put_slice(b"\r\n");
    }
}

/// Append what stands before a chunk of so many bytes.
pub(super) fn encode_chunk_size(bytes: usize, out: &mut BytesMut) {
    write!(out, "{bytes:x}\r\n").expect("a BytesMut takes all that is written");
}

/// A response: a status, header fields, a body.
#[derive(Clone, Debug)]
pub struct Response {
    status: Status,
    /// Encoded as they will be sent.
    fields: String,
    body: Bytes,
}

impl Response {
    /// An empty response.
    pub fn new(status: Status) -> Self {
        Self { status, fields: String::new(), body: Bytes::new() }
    }

    /// 200 OK
    pub fn ok() -> Self {
        Self::new(Status::OK)
    }

    /// A page that says what went wrong.
    pub fn error(status: Status) -> Self {
        Self::explain(status, "")
    }

    /// A page that says what went wrong, and `detail`, as text.
    pub fn explain(status: Status, detail: &str) -> Self {
        let mut page = format!(
            "<!doctype html>\n<meta charset=\"utf-8\">\n<title>{status}</title>\n<h1>{status}</h1>\n"
        );
        if !detail.is_empty() {
            page.push_str(&format!("<p>{}</p>\n", escape_html(detail)));
        }
        Self::new(status).html(page)
    }

    /// 405, which has to say what would be allowed: `"GET, PUT"`.
    pub fn method_not_allowed(allowed: &str) -> Self {
        Self::error(Status::METHOD_NOT_ALLOWED).header("Allow", allowed)
    }

    /// 401, which has to say how to authenticate: by name and password for `realm`.
    pub fn unauthorized(realm: &str) -> Self {
        let realm = realm.replace(['"', '\\'], "'");
        Self::error(Status::UNAUTHORIZED)
            .header("WWW-Authenticate", &format!("Basic realm=\"{realm}\", charset=\"UTF-8\""))
    }

    /// What is answered to a request that cannot be understood.
    pub fn refusal(error: HttpError) -> Self {
        Self::explain(error.status(), &error.to_string())
    }

    /// Add a header field. Control characters in the value become blanks, so that nobody can end the
    /// field early. A name that isn't one is left out, as are the fields that the encoder itself
    /// writes: `Connection`, `Content-Length`, `Date`, `Transfer-Encoding`.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        let own = ["Connection", "Content-Length", "Date", "Transfer-Encoding"];
        let valid = is_token(name) && !own.iter().any(|own| own.eq_ignore_ascii_case(name));
        if valid {
            self.fields.push_str(name);
            self.fields.push_str(": ");
            self.fields.extend(value.chars().map(|char| if char.is_control() { ' ' } else { char }));
            self.fields.push_str("\r\n");
        }
        self
    }

    /// Set the body, of this media type.
    #[must_use]
    pub fn content(mut self, media_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.header("Content-Type", media_type)
    }

    /// Set the body: plain text, UTF-8.
    #[must_use]
    pub fn text(self, body: impl Into<Bytes>) -> Self {
        self.content("text/plain; charset=utf-8", body)
    }

    /// Set the body: a page, UTF-8.
    #[must_use]
    pub fn html(self, body: impl Into<Bytes>) -> Self {
        self.content("text/html; charset=utf-8", body)
    }

    /// Set the body: JSON.
    #[must_use]
    pub fn json(self, body: impl Into<Bytes>) -> Self {
        self.content("application/json", body)
    }

    /// The status.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The body.
    pub fn body(&self) -> &Bytes {
        &self.body
    }

    /// Append the status line and the header fields. The date is written if the time is known, in
    /// seconds since 1970 began.
    pub fn encode_head(
        &self,
        to: Recipient,
        framing: Framing,
        unix_seconds: Option<u64>,
        out: &mut BytesMut,
    ) {
        let status = self.status;
        out.reserve(self.fields.len().saturating_add(128));
        let mut line = |text: std::fmt::Arguments<'_>| {
            out.write_fmt(text).expect("a BytesMut takes all that is written");
        };
        line(format_args!("HTTP/1.1 {status}\r\n"));
        if let Some(seconds) = unix_seconds {
            let date = date::format(seconds);
            line(format_args!("Date: {}\r\n", str::from_utf8(&date).unwrap_or_default()));
        }
        line(format_args!("{}", self.fields));
        match framing {
            _ if status.has_no_body() => {}
            Framing::Length(bytes) => line(format_args!("Content-Length: {bytes}\r\n")),
            Framing::Chunked => line(format_args!("Transfer-Encoding: chunked\r\n")),
            Framing::UntilClose => {}
        }
        if !to.keep_alive || framing == Framing::UntilClose {
            line(format_args!("Connection: close\r\n"));
        } else if to.version == Version::Http10 {
            line(format_args!("Connection: keep-alive\r\n"));
        }
        line(format_args!("\r\n"));
    }

    /// Append the whole response. Returns its body, for the caller to send behind, where that is to
    /// be sent.
    pub fn encode(&self, to: Recipient, unix_seconds: Option<u64>, out: &mut BytesMut) -> Option<&Bytes> {
        self.encode_head(to, Framing::Length(self.body.len() as u64), unix_seconds, out);
        Some(&self.body).filter(|body| !to.is_head && !self.status.has_no_body() && !body.is_empty())
    }
}

/// Make text safe to stand in a page: between tags, or in a quoted attribute.
pub fn escape_html(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for char in text.chars() {
        match char {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            char => escaped.push(char),
        }
    }
    escaped
}

/// A name of RFC 9110, 5.6.2.
fn is_token(name: &str) -> bool {
    let valid = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(valid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::{Limits, ResponseDecoder};
    use proptest::prelude::*;

    const TO: Recipient = Recipient { version: Version::Http11, is_head: false, keep_alive: true };

    fn encoded(response: &Response, to: Recipient) -> String {
        let mut out = BytesMut::new();
        let body = response.encode(to, Some(784_111_777), &mut out).cloned();
        out.extend_from_slice(&body.unwrap_or_default());
        String::from_utf8(out.to_vec()).unwrap()
    }

    #[test]
    fn a_response_is_encoded_for_whom_it_is() {
        let response = Response::ok().header("X-Test", "1").text("hello");
        let head = "HTTP/1.1 200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\nX-Test: 1\r\n\
                    Content-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n";
        assert_eq!(encoded(&response, TO), format!("{head}\r\nhello"));
        assert_eq!(encoded(&response, Recipient { is_head: true, ..TO }), format!("{head}\r\n"));
        let closing = Recipient { keep_alive: false, ..TO };
        assert_eq!(encoded(&response, closing), format!("{head}Connection: close\r\n\r\nhello"));
        let old = Recipient { version: Version::Http10, ..TO };
        assert_eq!(encoded(&response, old), format!("{head}Connection: keep-alive\r\n\r\nhello"));
    }

    #[test]
    fn without_a_clock_there_is_no_date() {
        let mut out = BytesMut::new();
        Response::new(Status::NO_CONTENT).encode(TO, None, &mut out);
        assert_eq!(out, "HTTP/1.1 204 No Content\r\n\r\n");
    }

    #[test]
    fn the_framing_is_said_once() {
        let head = |framing, to| {
            let mut out = BytesMut::new();
            Response::ok().encode_head(to, framing, None, &mut out);
            String::from_utf8(out.to_vec()).unwrap()
        };
        assert_eq!(head(Framing::Chunked, TO), "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        assert_eq!(head(Framing::UntilClose, TO), "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n");
    }

    #[test]
    fn nobody_can_end_a_field_early() {
        let sly = Response::ok().header("Location", "/\r\nContent-Length: 0\r\n\r\n<html>");
        assert!(encoded(&sly, TO).contains("Location: /  Content-Length: 0    <html>\r\n"));
        for name in
            ["", "A B", "A:", "A\r\nB", "content-length", "Transfer-Encoding", "connection", "Date", "é"]
        {
            let response = Response::ok().header(name, "x");
            assert_eq!(response.fields, "", "{name:?} is left out");
        }
    }

    #[test]
    fn error_pages_escape_what_they_repeat() {
        let page = Response::explain(Status::NOT_FOUND, "<script>alert('x')</script> & \"more\"");
        let body = String::from_utf8(page.body().to_vec()).unwrap();
        assert!(body.contains("<h1>404 Not Found</h1>"));
        assert!(body.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &quot;more&quot;"));
        assert!(encoded(&Response::method_not_allowed("GET, PUT"), TO).contains("\r\nAllow: GET, PUT\r\n"));
        let challenge = "WWW-Authenticate: Basic realm=\"a'b\", charset=\"UTF-8\"";
        assert!(encoded(&Response::unauthorized("a\"b"), TO).contains(challenge));
        let refusal = Response::refusal(HttpError::BodyTooLarge);
        assert_eq!(refusal.status(), Status::CONTENT_TOO_LARGE);
    }

    #[test]
    fn an_empty_chunk_is_none_and_so_ends_nothing() {
        let mut out = BytesMut::new();
        encode_chunk(b"", &mut out);
        encode_chunk(b"0123456789abcdef", &mut out);
        assert_eq!(out, "10\r\n0123456789abcdef\r\n");
    }

    proptest! {
        #[test]
        fn what_was_encoded_is_decoded(
            values in proptest::collection::vec(".{0,20}", 0..5),
            body in proptest::collection::vec(any::<u8>(), 0..50),
            chunks in any::<bool>(),
        ) {
            let mut response = Response::new(Status::CREATED).content("application/x", body.clone());
            for value in &values {
                response = response.header("X-Any", value);
            }
            let mut out = BytesMut::new();
            if chunks {
                response.encode_head(TO, Framing::Chunked, Some(0), &mut out);
                body.chunks(7).for_each(|chunk| encode_chunk(chunk, &mut out));
                out.put_slice(LAST_CHUNK);
            } else {
                let body = response.encode(TO, Some(0), &mut out).cloned().unwrap_or_default();
                out.put_slice(&body);
            }
            out.put_slice(b"next");
            let mut rest = &out[..];
            let decoded = ResponseDecoder::new(Limits::default()).decode(&mut rest).unwrap().unwrap();
            prop_assert_eq!(rest, b"next");
            prop_assert_eq!((decoded.code, &decoded.body[..]), (201, &body[..]));
            prop_assert_eq!(decoded.headers.find_all("x-any").count(), values.len());
            prop_assert!(decoded.keep_alive);
        }
    }
}
