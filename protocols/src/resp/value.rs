//! A reply, as a client has it: one enum for all that the two versions of the protocol can say.

use bytes::Bytes;
use std::fmt;
use thiserror::Error;

/// What a server answers.
#[derive(Clone, PartialEq)]
pub enum Value {
    /// Nothing: RESP3's null, and RESP2's null string and null array.
    Null,
    /// A status: `OK`.
    Simple(Bytes),
    /// An error, its code first: `ERR no such key`.
    Error(Bytes),
    /// An integer.
    Integer(i64),
    /// A string of bytes.
    Bulk(Bytes),
    /// Values in order.
    Array(Vec<Self>),
    /// A double.
    Double(f64),
    /// A truth.
    Boolean(bool),
    /// An integer of any size, by its digits.
    BigNumber(Bytes),
    /// A text for people.
    Verbatim {
        /// What it is written in: `txt`, or `mkd` for Markdown.
        format: [u8; 3],
        /// The text.
        text: Bytes,
    },
    /// Keys with their values, in the order they came.
    Map(Vec<(Self, Self)>),
    /// Values that are all different, as the server says.
    Set(Vec<Self>),
    /// A message that answers no command; the first value says what it is.
    Push(Vec<Self>),
    /// A value with something beside it.
    Attributed(Box<Attributed>),
}

/// A value, and what is to be known about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Attributed {
    /// What is to be known.
    pub attributes: Vec<(Value, Value)>,
    /// The value itself.
    pub value: Value,
}

/// A server's answer that is an error.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{}", String::from_utf8_lossy(.0))]
pub struct ServerError(
    /// The error's text, its code first.
    pub Bytes,
);

impl ServerError {
    /// The first word, which programs go by: `ERR`, `WRONGTYPE`, `NOAUTH`.
    pub fn code(&self) -> &[u8] {
        self.0.split(|byte| *byte == b' ').next().unwrap_or_default()
    }
}

impl Value {
    /// The value, or the error that it is.
    ///
    /// # Errors
    /// If it is [`Value::Error`]. Errors within an aggregate stay where they are.
    pub fn into_result(self) -> Result<Self, ServerError> {
        match self {
            Self::Error(text) => Err(ServerError(text)),
            value => Ok(value),
        }
    }

    /// Whether it is nothing.
    pub fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// The bytes of whatever has bytes: strings of all kinds, big numbers and errors.
    pub fn as_bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Simple(bytes)
            | Self::Error(bytes)
            | Self::Bulk(bytes)
            | Self::BigNumber(bytes)
            | Self::Verbatim { text: bytes, .. } => Some(bytes),
            Self::Attributed(attributed) => attributed.value.as_bytes(),
            _ => None,
        }
    }

    /// Its [bytes](Self::as_bytes), if they are UTF-8.
    pub fn as_str(&self) -> Option<&str> {
        self.as_bytes().and_then(|bytes| str::from_utf8(bytes).ok())
    }

    /// An integer, or a truth, or bytes that are the text of an integer.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            Self::Boolean(value) => Some(i64::from(*value)),
            Self::Attributed(attributed) => attributed.value.as_integer(),
            value => super::number::parse_integer(value.as_bytes()?),
        }
    }

    /// A double, or an integer, or bytes that are the text of a number: what RESP2 makes of a double.
    pub fn as_double(&self) -> Option<f64> {
        match self {
            Self::Double(value) => Some(*value),
            Self::Integer(value) => Some(*value as f64),
            Self::Attributed(attributed) => attributed.value.as_double(),
            value => value.as_str()?.parse().ok(),
        }
    }

    /// The values of an array, a set or a push; keys and values of a map by turns, as RESP2 has them.
    pub fn into_values(self) -> Option<Vec<Self>> {
        match self {
            Self::Array(values) | Self::Set(values) | Self::Push(values) => Some(values),
            Self::Map(pairs) => Some(pairs.into_iter().flat_map(|(key, value)| [key, value]).collect()),
            Self::Attributed(attributed) => attributed.value.into_values(),
            _ => None,
        }
    }

    /// The pairs of a map, or of an array of keys and values by turns, as RESP2 has it; a last key
    /// without a value is left out.
    pub fn into_pairs(self) -> Option<Vec<(Self, Self)>> {
        match self {
            Self::Map(pairs) => Some(pairs),
            Self::Array(values) => Some(pairs(values)),
            Self::Attributed(attributed) => attributed.value.into_pairs(),
            _ => None,
        }
    }
}

/// Keys and values by turns, as pairs.
pub(super) fn pairs(values: Vec<Value>) -> Vec<(Value, Value)> {
    let mut pairs = Vec::with_capacity(values.len() / 2);
    let mut values = values.into_iter();
    while let (Some(key), Some(value)) = (values.next(), values.next()) {
        pairs.push((key, value));
    }
    pairs
}

/// As `redis-cli` would have it, on one line: `["name", 3, nil]`.
impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("nil"),
            Self::Simple(text) => write!(f, "{}", text.escape_ascii()),
            Self::Error(text) => write!(f, "(error) {}", text.escape_ascii()),
            Self::Integer(value) => write!(f, "{value}"),
            Self::Bulk(data) => write!(f, "\"{}\"", data.escape_ascii()),
            Self::Double(value) => write!(f, "{value:?}"),
            Self::Boolean(value) => write!(f, "{value}"),
            Self::BigNumber(digits) => write!(f, "({}", digits.escape_ascii()),
            Self::Verbatim { format, text } => {
                write!(f, "{}:\"{}\"", format.escape_ascii(), text.escape_ascii())
            }
            Self::Array(values) => f.debug_list().entries(values).finish(),
            Self::Set(values) => f.debug_set().entries(values).finish(),
            Self::Push(values) => {
                f.write_str("push ")?;
                f.debug_list().entries(values).finish()
            }
            Self::Map(pairs) => f.debug_map().entries(pairs.iter().map(|(key, value)| (key, value))).finish(),
            Self::Attributed(attributed) => {
                f.write_str("attributed ")?;
                f.debug_map()
                    .entries(attributed.attributes.iter().map(|(key, value)| (key, value)))
                    .finish()?;
                write!(f, " {:?}", attributed.value)
            }
        }
    }
}
