//! Replies, as a client reads them: both versions of the protocol at once, for each says by itself
//! what it is. The one rule: nothing is read twice, and nothing is believed that has not come. A
//! length that a server announces reserves no memory.
//!
//! ```text
//! *2␍␊ $3␍␊abc␍␊ %1␍␊ +key␍␊ :1␍␊        frames, the innermost last:
//!                          ╵             array, 1 left: [ "abc" ]
//!                          here          map,   1 left: [ key ]
//! ```
//!
//! The specification is <https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md>. Streamed
//! strings and aggregates, which no server sends, are refused.

use super::number::parse_integer;
use super::value::{Attributed, Value, pairs};
use bytes::Bytes;
use memchr::memchr;
use thiserror::Error;

/// How many bytes a line may have: a status, an error, a number.
pub const REPLY_LINE_BYTES_MAX: usize = 64 * 1024;

/// What a server may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReplyLimits {
    /// The longest string, in bytes; 512 MiB unless said.
    pub bulk_bytes_max: usize,
    /// What a reply may take of our memory, in bytes; 1 GiB unless said. Each value in it counts its own
    /// size beside its content, so that an array of a million nulls is not for nothing.
    pub reply_bytes_max: usize,
    /// How deep aggregates may be nested; 128 unless said.
    pub depth_max: usize,
}

impl Default for ReplyLimits {
    fn default() -> Self {
        Self { bulk_bytes_max: super::BULK_BYTES_MAX, reply_bytes_max: 1024 * 1024 * 1024, depth_max: 128 }
    }
}

/// What is wrong with a reply. The stream cannot be understood any further.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum ReplyError {
    /// No type of value begins with this byte.
    #[error("the byte {0:#04x} begins no reply")]
    UnknownType(u8),
    /// What stands behind the type of a value is none of its kind.
    #[error("malformed: {0}")]
    Malformed(&'static str),
    /// A string or an aggregate whose length is told at its end.
    #[error("streamed replies are not supported")]
    Streamed,
    /// A push stands within another value.
    #[error("a push within a reply")]
    NestedPush,
    /// A line is longer than [`REPLY_LINE_BYTES_MAX`].
    #[error("a line of a reply is longer than {REPLY_LINE_BYTES_MAX} bytes")]
    LineTooLong,
    /// A string is longer than [`ReplyLimits::bulk_bytes_max`].
    #[error("a string is longer than {limit} bytes")]
    BulkTooLong {
        /// How long a string may be, in bytes.
        limit: usize,
    },
    /// The reply takes more memory than [`ReplyLimits::reply_bytes_max`].
    #[error("a reply takes more than {limit} bytes")]
    TooLarge {
        /// What a reply may take, in bytes.
        limit: usize,
    },
    /// Aggregates are nested deeper than [`ReplyLimits::depth_max`].
    #[error("a reply is nested more than {limit} deep")]
    TooDeep {
        /// How deep they may be nested.
        limit: usize,
    },
}

use ReplyError::Malformed;

/// Finds replies in what a server sends.
///
/// ```
/// use ropewalk_protocols::resp::{ReplyDecoder, Value};
///
/// let mut decoder = ReplyDecoder::default();
/// let mut input = &b"*2\r\n:1\r\n$2\r\nhi\r\n+OK\r\n$100\r\nbeg"[..];
/// assert_eq!(decoder.decode(&mut input), Ok(Some(Value::Array(vec![
///     Value::Integer(1),
///     Value::Bulk("hi".into()),
/// ]))));
/// assert_eq!(decoder.decode(&mut input), Ok(Some(Value::Simple("OK".into()))));
/// assert_eq!(decoder.decode(&mut input), Ok(None));
/// assert_eq!((input, decoder.missing()), (&b"beg"[..], 99));
/// ```
#[derive(Debug, Default)]
pub struct ReplyDecoder {
    limits: ReplyLimits,
    keeps_attributes: bool,
    /// How many bytes of the line at the front hold no end of it.
    searched: usize,
    /// The string that is under way: its line is taken.
    bulk: Option<(BulkKind, usize)>,
    /// The aggregates that are under way, the innermost last.
    frames: Vec<Frame>,
    /// What is to be known about the value that comes next.
    attributes: Vec<(Value, Value)>,
    /// What the reply under way takes, in bytes.
    held: usize,
    missing: usize,
}

#[derive(Clone, Copy, Debug)]
enum BulkKind {
    Bytes,
    Verbatim,
    Error,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FrameKind {
    Array,
    Set,
    Push,
    Map,
    Attributes,
}

#[derive(Debug)]
struct Frame {
    kind: FrameKind,
    /// How many values are still to come.
    left: usize,
    values: Vec<Value>,
    /// What is to be known about this aggregate, or what was before these attributes.
    attributes: Vec<(Value, Value)>,
}

/// What stands at the front of the input.
enum Token {
    Value(Value),
    Open(FrameKind, usize),
}

impl ReplyDecoder {
    /// A decoder that refuses what exceeds `limits`.
    pub fn new(limits: ReplyLimits) -> Self {
        Self { limits, ..Self::default() }
    }

    /// Keep attributes, as [`Value::Attributed`]. Unless said, they are dropped.
    #[must_use]
    pub fn keep_attributes(mut self) -> Self {
        self.keeps_attributes = true;
        self
    }

    /// Take one reply off the front of `input`, or what has come of it; `None` if there is not all of it.
    /// What is left in `input` must be there again in the next call, with more behind it; it is a line
    /// or a string that has not come whole.
    ///
    /// # Errors
    /// If it is no reply, or beyond the limits. Close the connection then.
    pub fn decode(&mut self, input: &mut &[u8]) -> Result<Option<Value>, ReplyError> {
        while let Some(token) = self.token(input)? {
            let finished = match token {
                Token::Value(value) => {
                    let attributes = std::mem::take(&mut self.attributes);
                    self.place(value, attributes)
                }
                Token::Open(kind, length) => self.open(kind, length)?,
            };
            if finished.is_some() {
                self.held = 0;
                return Ok(finished);
            }
        }
        Ok(None)
    }

    /// How many bytes are missing of what is under way, at the least: all but one of them, if it is a
    /// string whose length is known, so that room can be made at once. It tells of the last time that
    /// [`decode`](Self::decode) returned `None`.
    pub fn missing(&self) -> usize {
        self.missing
    }

    /// Count what is going to be held.
    fn hold(&mut self, bytes: usize) -> Result<(), ReplyError> {
        self.held = self.held.saturating_add(bytes);
        let limit = self.limits.reply_bytes_max;
        if self.held > limit { Err(ReplyError::TooLarge { limit }) } else { Ok(()) }
    }

    fn token(&mut self, input: &mut &[u8]) -> Result<Option<Token>, ReplyError> {
        if self.bulk.is_none() {
            let Some(line) = self.line(input)? else {
                self.missing = 1;
                return Ok(None);
            };
            if let Some(token) = self.understand(line)? {
                return Ok(Some(token));
            }
        }
        let value = self.string(input)?;
        Ok(value.map(Token::Value))
    }

    /// Take a line off the front, if its end has come.
    fn line<'a>(&mut self, input: &mut &'a [u8]) -> Result<Option<&'a [u8]>, ReplyError> {
        let found = input.get(self.searched..).and_then(|unsearched| memchr(b'\r', unsearched));
        let end = found.map_or(input.len(), |found| self.searched.saturating_add(found));
        if end > REPLY_LINE_BYTES_MAX {
            return Err(ReplyError::LineTooLong);
        }
        self.searched = end;
        match input.split_at_checked(end) {
            Some((line, [b'\r', b'\n', rest @ ..])) => {
                *input = rest;
                self.searched = 0;
                Ok(Some(line))
            }
            Some((_, [b'\r', _, ..])) => Err(Malformed("a carriage return without a line feed")),
            _ => Ok(None),
        }
    }

    /// What a line says; `None` if it announces a string.
    fn understand(&mut self, line: &[u8]) -> Result<Option<Token>, ReplyError> {
        let Some((marker, text)) = line.split_first() else {
            return Err(Malformed("an empty line"));
        };
        self.hold(size_of::<Value>())?;
        let value = match marker {
            b'$' => return self.announce(BulkKind::Bytes, text),
            b'=' => return self.announce(BulkKind::Verbatim, text),
            b'!' => return self.announce(BulkKind::Error, text),
            b'*' => return self.aggregate(FrameKind::Array, text),
            b'%' => return self.aggregate(FrameKind::Map, text),
            b'~' => return self.aggregate(FrameKind::Set, text),
            b'>' => return self.aggregate(FrameKind::Push, text),
            b'|' => return self.aggregate(FrameKind::Attributes, text),
            b'+' => Value::Simple(self.bytes(text)?),
            b'-' => Value::Error(self.bytes(text)?),
            b':' => Value::Integer(signed_integer(text).ok_or(Malformed("no integer"))?),
            b',' => Value::Double(parse_double(text).ok_or(Malformed("no double"))?),
            b'(' if is_big_number(text) => Value::BigNumber(self.bytes(text)?),
            b'(' => return Err(Malformed("no big number")),
            b'#' => Value::Boolean(match text {
                b"t" => true,
                b"f" => false,
                _ => return Err(Malformed("no boolean")),
            }),
            b'_' if text.is_empty() => Value::Null,
            b'_' => return Err(Malformed("no null")),
            b';' | b'.' => return Err(ReplyError::Streamed),
            byte => return Err(ReplyError::UnknownType(*byte)),
        };
        Ok(Some(Token::Value(value)))
    }

    fn bytes(&mut self, text: &[u8]) -> Result<Bytes, ReplyError> {
        self.hold(text.len())?;
        Ok(Bytes::copy_from_slice(text))
    }

    /// A string is announced, or RESP2's null.
    fn announce(&mut self, kind: BulkKind, length: &[u8]) -> Result<Option<Token>, ReplyError> {
        let Some(length) = announced(length)? else { return Ok(Some(Token::Value(Value::Null))) };
        let limit = self.limits.bulk_bytes_max;
        if length > limit {
            return Err(ReplyError::BulkTooLong { limit });
        }
        self.hold(length)?;
        self.bulk = Some((kind, length));
        Ok(None)
    }

    /// An aggregate is announced, or RESP2's null.
    fn aggregate(&mut self, kind: FrameKind, length: &[u8]) -> Result<Option<Token>, ReplyError> {
        if kind == FrameKind::Push && !self.frames.is_empty() {
            return Err(ReplyError::NestedPush);
        }
        Ok(Some(match announced(length)? {
            Some(length) => Token::Open(kind, length),
            None if kind == FrameKind::Array => Token::Value(Value::Null),
            None => return Err(Malformed("a length below zero")),
        }))
    }

    /// The string that is under way, if it has come whole.
    fn string(&mut self, input: &mut &[u8]) -> Result<Option<Value>, ReplyError> {
        let Some((kind, length)) = self.bulk else { return Ok(None) };
        let whole = length.saturating_add(2);
        let Some((string, rest)) = input.split_at_checked(whole) else {
            self.missing = whole.saturating_sub(input.len());
            return Ok(None);
        };
        let [content @ .., b'\r', b'\n'] = string else {
            return Err(Malformed("a string is longer than it should be"));
        };
        *input = rest;
        self.bulk = None;
        Ok(Some(match kind {
            BulkKind::Bytes => Value::Bulk(Bytes::copy_from_slice(content)),
            BulkKind::Error => Value::Error(Bytes::copy_from_slice(content)),
            BulkKind::Verbatim => {
                let [a, b, c, b':', text @ ..] = content else {
                    return Err(Malformed("a verbatim string without a format"));
                };
                Value::Verbatim { format: [*a, *b, *c], text: Bytes::copy_from_slice(text) }
            }
        }))
    }

    /// Begin an aggregate; an empty one is finished with that.
    fn open(&mut self, kind: FrameKind, length: usize) -> Result<Option<Value>, ReplyError> {
        /// So many values at the most find room made for them.
        const ROOM_MAX: usize = 64;
        let limit = self.limits.depth_max;
        if self.frames.len() >= limit {
            return Err(ReplyError::TooDeep { limit });
        }
        let pairs = matches!(kind, FrameKind::Map | FrameKind::Attributes);
        let left = if pairs { length.saturating_mul(2) } else { length };
        let attributes = std::mem::take(&mut self.attributes);
        if left == 0 {
            return Ok(self.close(kind, Vec::new(), attributes));
        }
        // What could not be held anyway is refused before any of it has come.
        let least = left.saturating_mul(size_of::<Value>()).saturating_add(self.held);
        if least > self.limits.reply_bytes_max {
            return Err(ReplyError::TooLarge { limit: self.limits.reply_bytes_max });
        }
        let values = Vec::with_capacity(left.min(ROOM_MAX));
        self.frames.push(Frame { kind, left, values, attributes });
        Ok(None)
    }

    /// An aggregate is complete. What comes of it has its place; it is returned if that is nowhere.
    fn close(
        &mut self,
        kind: FrameKind,
        values: Vec<Value>,
        attributes: Vec<(Value, Value)>,
    ) -> Option<Value> {
        let value = match kind {
            FrameKind::Array => Value::Array(values),
            FrameKind::Set => Value::Set(values),
            FrameKind::Push => Value::Push(values),
            FrameKind::Map => Value::Map(pairs(values)),
            FrameKind::Attributes => {
                self.attributes = attributes;
                if self.keeps_attributes {
                    self.attributes.extend(pairs(values));
                }
                return None;
            }
        };
        self.place(value, attributes)
    }

    /// Put a value where it belongs: into the innermost aggregate, which may complete that.
    fn place(&mut self, value: Value, attributes: Vec<(Value, Value)>) -> Option<Value> {
        let value = match attributes.is_empty() {
            true => value,
            false => Value::Attributed(Box::new(Attributed { attributes, value })),
        };
        let Some(frame) = self.frames.last_mut() else { return Some(value) };
        frame.values.push(value);
        frame.left = frame.left.saturating_sub(1);
        let complete = self.frames.pop_if(|frame| frame.left == 0)?;
        self.close(complete.kind, complete.values, complete.attributes)
    }
}

/// The length behind a marker; `None` is RESP2's null.
fn announced(text: &[u8]) -> Result<Option<usize>, ReplyError> {
    match (text, parse_integer(text)) {
        (b"?", _) => Err(ReplyError::Streamed),
        (_, Some(-1)) => Ok(None),
        (_, Some(length)) => length.try_into().map(Some).map_err(|_| Malformed("a length below zero")),
        _ => Err(Malformed("no length")),
    }
}

/// An integer, with a sign of either kind.
fn signed_integer(text: &[u8]) -> Option<i64> {
    str::from_utf8(text).ok()?.parse().ok()
}

/// Digits, with a sign of either kind.
fn is_big_number(text: &[u8]) -> bool {
    let digits = text.strip_prefix(b"-").or_else(|| text.strip_prefix(b"+")).unwrap_or(text);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

fn parse_double(text: &[u8]) -> Option<f64> {
    match text {
        b"inf" | b"+inf" => Some(f64::INFINITY),
        b"-inf" => Some(f64::NEG_INFINITY),
        b"nan" | b"-nan" => Some(f64::NAN),
        // Rust reads more words than these.
        _ if !text.iter().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-')) => None,
        _ => str::from_utf8(text).ok()?.parse().ok(),
    }
}

#[cfg(test)]
#[path = "decoder/tests.rs"]
mod tests;
