//! Replies, as a server writes them. The one rule: a handler says what it means, and the version of
//! the protocol decides what that looks like.
//!
//! ```text
//!                        RESP2                     RESP3
//! null                   $-1                       _
//! null_array             *-1                       _
//! map(1)                 *2                        %1
//! set(3), push(3)        *3                        ~3, >3
//! double(1.5)            $3 1.5                    ,1.5
//! boolean(true)          :1                        #t
//! big_number, verbatim   $…                        (…   =… txt:…
//! attributes             nothing                   |…
//! ```

use super::Version;
use super::number;
use super::request::RequestError;
use super::value::Value;
use bytes::BytesMut;
use memchr::memchr2;

/// Writes replies behind what is in the output.
///
/// What an aggregate was announced to hold has to follow: `array(2)`, and then two values.
///
/// ```
/// use bytes::BytesMut;
/// use ropewalk_protocols::resp::{ReplyWriter, Version};
///
/// fn describe(reply: &mut ReplyWriter<'_>) {
///     reply.map(2);
///     reply.bulk("name");
///     reply.bulk("rope");
///     reply.bulk("length");
///     reply.double(1.5);
/// }
///
/// let mut out = BytesMut::new();
/// describe(&mut ReplyWriter::new(&mut out, Version::Resp3));
/// assert_eq!(out, "%2\r\n$4\r\nname\r\n$4\r\nrope\r\n$6\r\nlength\r\n,1.5\r\n");
/// out.clear();
/// describe(&mut ReplyWriter::new(&mut out, Version::Resp2));
/// assert_eq!(out, "*4\r\n$4\r\nname\r\n$4\r\nrope\r\n$6\r\nlength\r\n$3\r\n1.5\r\n");
/// ```
#[derive(Debug)]
pub struct ReplyWriter<'a> {
    out: &'a mut BytesMut,
    version: Version,
    /// How many bytes the output had before.
    begin: usize,
    /// How many bytes the output may have; looked at where it needs more memory.
    bytes_max: usize,
    is_over: bool,
}

/// An aggregate whose length is not known yet; give it to [`ReplyWriter::close`].
#[derive(Debug)]
#[must_use = "until it is closed, its header is missing"]
pub struct Open {
    /// Where its header belongs.
    at: usize,
    kind: Aggregate,
}

/// What holds other values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aggregate {
    Array,
    Map,
    Set,
    Push,
}

impl Aggregate {
    /// The first byte of its header, and the number behind it.
    fn header(self, version: Version, length: usize) -> (u8, usize) {
        match (self, version) {
            (Self::Map, Version::Resp2) => (b'*', length.saturating_mul(2)),
            (_, Version::Resp2) | (Self::Array, _) => (b'*', length),
            (Self::Map, _) => (b'%', length),
            (Self::Set, _) => (b'~', length),
            (Self::Push, _) => (b'>', length),
        }
    }
}

/// The header that a place is kept for until its aggregate is closed: that of nearly all.
const SHORT_HEADER: usize = 4;

impl<'a> ReplyWriter<'a> {
    /// Write to `out`, for a client that speaks `version`.
    pub fn new(out: &'a mut BytesMut, version: Version) -> Self {
        Self::bounded(out, version, usize::MAX)
    }

    /// The same, where the output may have `bytes_max` bytes, about: what would need memory for more is
    /// dropped, and with it all that this writer has written. The client can't be answered then, see
    /// [`is_over`](Self::is_over).
    pub fn bounded(out: &'a mut BytesMut, version: Version, bytes_max: usize) -> Self {
        Self { begin: out.len(), out, version, bytes_max, is_over: false }
    }

    /// Whether more was written than may be. Whoever writes many values can stop then: the connection is to be
    /// closed.
    #[inline]
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Go on in another version: what is written from here on is for a client that has just asked for it.
    pub fn set_version(&mut self, version: Version) {
        self.version = version;
    }

    /// What the client speaks.
    pub fn version(&self) -> Version {
        self.version
    }

    /// How many bytes the output has, those from before included.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether the output has no bytes.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// Take back what was written behind these many bytes.
    pub fn truncate(&mut self, len: usize) {
        self.out.truncate(len);
    }

    /// How many bytes stand in the output, those of earlier replies included.
    #[inline]
    pub fn written(&self) -> usize {
        self.out.len()
    }

    /// What was encoded before, in the version that this client speaks: a message for many, for one.
    pub fn encoded(&mut self, replies: &[u8]) {
        self.put(replies);
    }

    /// `OK`.
    #[inline]
    pub fn ok(&mut self) {
        self.put(b"+OK\r\n");
    }

    /// A simple string: a status, not data. Line breaks in it are written as blanks.
    pub fn simple(&mut self, text: impl AsRef<[u8]>) {
        self.line(b'+', text.as_ref());
    }

    /// An error, its code first: `ERR no such key`. Line breaks in it are written as blanks, but for
    /// those at its ends, which are dropped.
    pub fn error(&mut self, text: impl AsRef<[u8]>) {
        self.line(b'-', trim_line_breaks(text.as_ref()));
    }

    /// What to say to a client whose request was refused, before its connection is closed.
    pub fn protocol_error(&mut self, error: RequestError) {
        match error {
            // The byte as it is, which a string may not hold.
            RequestError::ExpectedBulk(byte) => {
                self.error([&b"ERR Protocol error: expected '$', got '"[..], &[byte], b"'"].concat());
            }
            error => self.error(format!("ERR {error}")),
        }
    }

    /// An integer.
    #[inline]
    pub fn integer(&mut self, value: i64) {
        match u8::try_from(value) {
            Ok(digit @ 0..=9) => self.put(&[b':', b'0' | digit, b'\r', b'\n']),
            _ => self.text(b':', itoa::Buffer::new().format(value).as_bytes()),
        }
    }

    /// A string of bytes.
    #[inline]
    pub fn bulk(&mut self, data: impl AsRef<[u8]>) {
        let data = data.as_ref();
        // Room for all of it at once: the lengths of a header and two line ends included.
        self.reserve(data.len().saturating_add(32));
        self.header(b'$', data.len());
        self.put(data);
        self.put(b"\r\n");
    }

    /// An integer as a string of bytes.
    pub fn bulk_integer(&mut self, value: i64) {
        self.bulk(&*number::integer(value));
    }

    /// The header of a string of `length` bytes, which are for the caller to send, with a line end
    /// (`\r\n`) behind them: the way for large values, which the transport takes without a copy.
    pub fn bulk_header(&mut self, length: usize) {
        self.header(b'$', length);
    }

    /// Nothing, where a value could be.
    #[inline]
    pub fn null(&mut self) {
        self.put(match self.version {
            Version::Resp2 => b"$-1\r\n",
            Version::Resp3 => b"_\r\n",
        });
    }

    /// Nothing, where an array could be.
    pub fn null_array(&mut self) {
        self.put(match self.version {
            Version::Resp2 => b"*-1\r\n",
            Version::Resp3 => b"_\r\n",
        });
    }

    /// A truth; one and zero in RESP2.
    pub fn boolean(&mut self, value: bool) {
        self.put(match (self.version, value) {
            (Version::Resp2, false) => b":0\r\n",
            (Version::Resp2, true) => b":1\r\n",
            (Version::Resp3, false) => b"#f\r\n",
            (Version::Resp3, true) => b"#t\r\n",
        });
    }

    /// A double, as [`number::double`] prints it; its text as a string of bytes in RESP2.
    pub fn double(&mut self, value: f64) {
        self.double_text(&*number::double(value));
    }

    /// A double whose text is known, which must be one: `13.361389338970184`.
    pub fn double_text(&mut self, text: impl AsRef<[u8]>) {
        self.typed_text(b',', text.as_ref());
    }

    /// An integer of any size by its digits; a string of bytes in RESP2.
    pub fn big_number(&mut self, digits: impl AsRef<[u8]>) {
        self.typed_text(b'(', digits.as_ref());
    }

    /// A text for people, in this format: `txt`, or `mkd` for Markdown. A string of bytes in RESP2.
    pub fn verbatim(&mut self, format: &[u8; 3], text: impl AsRef<[u8]>) {
        let text = text.as_ref();
        if self.version == Version::Resp2 {
            return self.bulk(text);
        }
        self.header(b'=', text.len().saturating_add(4));
        self.put(format);
        self.put(b":");
        self.put(text);
        self.put(b"\r\n");
    }

    /// An array of `length` values, which follow.
    #[inline]
    pub fn array(&mut self, length: usize) {
        self.header(b'*', length);
    }

    /// A map of `length` pairs, which follow, key before value.
    pub fn map(&mut self, length: usize) {
        self.aggregate(Aggregate::Map, length);
    }

    /// A set of `length` values, which follow.
    pub fn set(&mut self, length: usize) {
        self.aggregate(Aggregate::Set, length);
    }

    /// A message of `length` values, which follow, that answers no command.
    pub fn push(&mut self, length: usize) {
        self.aggregate(Aggregate::Push, length);
    }

    /// What is to be known about the value that follows: `length` pairs, which `pairs` writes. RESP2
    /// has no place for them; there `pairs` is not called.
    pub fn attributes(&mut self, length: usize, pairs: impl FnOnce(&mut Self)) {
        if self.version == Version::Resp3 {
            self.header(b'|', length);
            pairs(self);
        }
    }

    /// An array, whose length is known when it is [closed](Self::close).
    pub fn open_array(&mut self) -> Open {
        self.open(Aggregate::Array)
    }

    /// A map, whose number of pairs is known when it is [closed](Self::close).
    pub fn open_map(&mut self) -> Open {
        self.open(Aggregate::Map)
    }

    /// A set, whose length is known when it is [closed](Self::close).
    pub fn open_set(&mut self) -> Open {
        self.open(Aggregate::Set)
    }

    /// A push, whose length is known when it is [closed](Self::close).
    pub fn open_push(&mut self) -> Open {
        self.open(Aggregate::Push)
    }

    /// What was opened has this length, and all of it has been written. A header of more than four
    /// bytes, which one for nine values has, moves what has been written: give the length beforehand
    /// where it is known.
    pub fn close(&mut self, open: Open, length: usize) {
        let mut header = BytesMut::new();
        let (marker, number) = open.kind.header(self.version, length);
        ReplyWriter::new(&mut header, self.version).header(marker, number);
        let written = self.out.len();
        let more = header.len().saturating_sub(SHORT_HEADER);
        if more > 0 {
            self.put(header.get(..more).unwrap_or_default());
        }
        if self.is_over {
            return;
        }
        if more > 0 {
            let content = open.at.saturating_add(SHORT_HEADER);
            self.out.copy_within(content..written, content.saturating_add(more));
        }
        if let Some(place) = self.out.get_mut(open.at..open.at.saturating_add(header.len())) {
            place.copy_from_slice(&header);
        }
    }

    /// A value that came from elsewhere.
    pub fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.null(),
            Value::Simple(text) => self.simple(text),
            Value::Error(text) => self.error(text),
            Value::Integer(value) => self.integer(*value),
            Value::Bulk(data) => self.bulk(data),
            Value::Double(value) => self.double(*value),
            Value::Boolean(value) => self.boolean(*value),
            Value::BigNumber(digits) => self.big_number(digits),
            Value::Verbatim { format, text } => self.verbatim(format, text),
            Value::Array(values) => self.values(Aggregate::Array, values),
            Value::Set(values) => self.values(Aggregate::Set, values),
            Value::Push(values) => self.values(Aggregate::Push, values),
            Value::Map(pairs) => {
                self.map(pairs.len());
                self.pairs(pairs);
            }
            Value::Attributed(attributed) => {
                self.attributes(attributed.attributes.len(), |reply| reply.pairs(&attributed.attributes));
                self.value(&attributed.value);
            }
        }
    }

    fn values(&mut self, kind: Aggregate, values: &[Value]) {
        self.aggregate(kind, values.len());
        values.iter().for_each(|value| self.value(value));
    }

    fn pairs(&mut self, pairs: &[(Value, Value)]) {
        for (key, value) in pairs {
            self.value(key);
            self.value(value);
        }
    }

    fn aggregate(&mut self, kind: Aggregate, length: usize) {
        let (marker, number) = kind.header(self.version, length);
        self.header(marker, number);
    }

    fn open(&mut self, kind: Aggregate) -> Open {
        let at = self.out.len();
        self.put(&[0; SHORT_HEADER]);
        Open { at, kind }
    }

    /// Append these bytes, as they are.
    #[inline]
    fn put(&mut self, bytes: &[u8]) {
        self.reserve(bytes.len());
        self.out.extend_from_slice(bytes);
    }

    /// Have room for so many bytes.
    #[inline]
    fn reserve(&mut self, bytes: usize) {
        if self.out.capacity().saturating_sub(self.out.len()) < bytes {
            self.grow(bytes);
        }
    }

    #[cold]
    fn grow(&mut self, bytes: usize) {
        if self.out.len().saturating_add(bytes) > self.bytes_max {
            self.is_over = true;
            self.out.truncate(self.begin);
        }
        self.out.reserve(bytes);
    }

    /// A number behind a marker, on a line. Those of one and two digits are nearly all that there are.
    #[inline]
    fn header(&mut self, marker: u8, number: usize) {
        match u8::try_from(number) {
            Ok(digit @ 0..=9) => self.put(&[marker, b'0' | digit, b'\r', b'\n']),
            Ok(number @ 10..=99) => {
                let (tens, ones) = (b'0' | (number / 10), b'0' | (number % 10));
                self.put(&[marker, tens, ones, b'\r', b'\n']);
            }
            _ => self.text(marker, itoa::Buffer::new().format(number).as_bytes()),
        }
    }

    /// A text that RESP3 has a marker for, and RESP2 has not.
    fn typed_text(&mut self, marker: u8, text: &[u8]) {
        match self.version {
            Version::Resp2 => self.bulk(text),
            Version::Resp3 => self.text(marker, text),
        }
    }

    /// A line whose text is known to hold no line break.
    fn text(&mut self, marker: u8, text: &[u8]) {
        self.reserve(text.len().saturating_add(3));
        self.put(&[marker]);
        self.put(text);
        self.put(b"\r\n");
    }

    /// A line, with blanks in place of line breaks, which would end it.
    fn line(&mut self, marker: u8, text: &[u8]) {
        let begin = self.out.len().saturating_add(1);
        self.text(marker, text);
        if memchr2(b'\r', b'\n', text).is_some()
            && let Some(written) = self.out.get_mut(begin..begin.saturating_add(text.len()))
        {
            written.iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n')).for_each(|byte| *byte = b' ');
        }
    }
}

fn trim_line_breaks(text: &[u8]) -> &[u8] {
    let is_text = |byte: &u8| !matches!(byte, b'\r' | b'\n');
    match (text.iter().position(is_text), text.iter().rposition(is_text)) {
        (Some(first), Some(last)) => text.get(first..=last).unwrap_or_default(),
        _ => &[],
    }
}

/// Append a command, as a client sends it: `["GET", "key"]`.
pub fn encode_command<A: AsRef<[u8]>>(arguments: &[A], out: &mut BytesMut) {
    let mut writer = ReplyWriter::new(out, Version::Resp2);
    writer.array(arguments.len());
    arguments.iter().for_each(|argument| writer.bulk(argument));
}

#[cfg(test)]
#[path = "reply/tests.rs"]
mod tests;
