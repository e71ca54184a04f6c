//! Every error that a command can answer, in Redis's words. The one rule: the words stand here, and a
//! handler says which it means.

use crate::store::database::WrongKind;
use std::borrow::Cow;
use thiserror::Error;

/// Why a command was refused, or failed. What it prints is the reply, its code first.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub(crate) enum Error {
    /// The key holds another kind of value than the command works on.
    #[error("WRONGTYPE Operation against a key holding the wrong kind of value")]
    WrongType,
    /// The options make no sense.
    #[error("ERR syntax error")]
    Syntax,
    /// An argument is no integer, or none that fits.
    #[error("ERR value is not an integer or out of range")]
    NotInteger,
    /// An argument is no integer of this range.
    #[error("ERR value is out of range, value must between {0} and {1}")]
    Between(i64, i64),
    /// An argument is out of its range.
    #[error("ERR value is out of range")]
    OutOfRange,
    /// An argument is below one.
    #[error("ERR value is out of range, must be positive")]
    NotPositive,
    /// An argument is no double.
    #[error("ERR value is not a valid float")]
    NotFloat,
    /// The key has to exist, and does not.
    #[error("ERR no such key")]
    NoSuchKey,
    /// There are more elements, or fewer, than the index reaches.
    #[error("ERR index out of range")]
    IndexOutOfRange,
    /// The command has too few arguments, or too many.
    #[error("ERR wrong number of arguments for '{0}' command")]
    Arity(String),
    /// An expiry that no clock will show.
    #[error("ERR invalid expire time in '{0}' command")]
    InvalidExpire(&'static str),
    /// A string would become longer than `proto-max-bulk-len` allows.
    #[error("ERR string exceeds maximum allowed size (proto-max-bulk-len)")]
    StringTooLong,
    /// The memory that was allowed is used up.
    #[error("OOM command not allowed when used memory > 'maxmemory'.")]
    OutOfMemory,
    /// The client has to authenticate first.
    #[error("NOAUTH Authentication required.")]
    NoAuth,
    /// What was queued was refused in part.
    #[error("EXECABORT Transaction discarded because of previous errors.")]
    ExecAbort,
    /// Any other: the code, and what it says.
    #[error("{0}")]
    Text(Cow<'static, str>),
    /// One whose words hold bytes of the client's, which need be no text.
    #[error("{}", String::from_utf8_lossy(.0))]
    Bytes(Vec<u8>),
}

impl Error {
    /// An error with these words, its code first.
    pub(crate) const fn text(words: &'static str) -> Self {
        Self::Text(Cow::Borrowed(words))
    }

    /// An error with words that were put together.
    pub(crate) fn said(words: String) -> Self {
        Self::Text(Cow::Owned(words))
    }

    /// What is answered.
    pub(crate) fn reply(&self) -> Cow<'_, [u8]> {
        match self {
            Self::Text(words) => Cow::Borrowed(words.as_bytes()),
            Self::Bytes(words) => Cow::Borrowed(words),
            other => Cow::Owned(other.to_string().into_bytes()),
        }
    }
}

impl From<WrongKind> for Error {
    fn from(_: WrongKind) -> Self {
        Self::WrongType
    }
}

/// The command is not known: its name, and what came behind it, both cut to 128 bytes.
pub(crate) fn unknown_command(args: &[&[u8]]) -> Error {
    const SHOWN_MAX: usize = 128;
    let (name, rest) = args.split_first().map_or((&b""[..], args), |(name, rest)| (*name, rest));
    let mut words = b"ERR unknown command '".to_vec();
    words.extend_from_slice(shown(name, SHOWN_MAX));
    words.extend_from_slice(b"', with args beginning with: ");
    let begin = words.len();
    for argument in rest {
        let used = words.len() - begin;
        if used >= SHOWN_MAX {
            break;
        }
        words.push(b'\'');
        words.extend_from_slice(shown(argument, SHOWN_MAX - used));
        words.extend_from_slice(b"' ");
    }
    Error::Bytes(words)
}

/// The container has no such subcommand. `container` is its name as the table has it.
pub(crate) fn unknown_subcommand(container: &str, name: &[u8]) -> Error {
    let mut words = b"ERR unknown subcommand '".to_vec();
    words.extend_from_slice(shown(name, 128));
    words.extend_from_slice(b"'. Try ");
    words.extend_from_slice(container.to_ascii_uppercase().as_bytes());
    words.extend_from_slice(b" HELP.");
    Error::Bytes(words)
}

/// A subcommand, which is behind its container in `args`, does not take these arguments.
pub(crate) fn wrong_subcommand(args: &[&[u8]]) -> Error {
    let name = |index: usize| args.get(index).copied().unwrap_or_default();
    let mut words = b"ERR unknown subcommand or wrong number of arguments for '".to_vec();
    words.extend_from_slice(shown(name(1), 128));
    words.extend_from_slice(b"'. Try ");
    words.extend_from_slice(&name(0).to_ascii_uppercase());
    words.extend_from_slice(b" HELP.");
    Error::Bytes(words)
}

/// What a client named, in the words of an error: as much of it as C's `%s` prints, up to a NUL.
pub(crate) fn named(bytes: &[u8]) -> &[u8] {
    shown(bytes, usize::MAX)
}

/// As much of it as C's `%s` prints: up to a NUL.
pub(crate) fn as_c_string(bytes: &[u8]) -> &[u8] {
    shown(bytes, usize::MAX)
}

/// As much of it as C's `%.*s` prints: up to `max` bytes, or to a NUL.
pub(crate) fn shown(bytes: &[u8], max: usize) -> &[u8] {
    let end = memchr::memchr(0, bytes).unwrap_or(bytes.len()).min(max);
    bytes.get(..end).unwrap_or_default()
}
