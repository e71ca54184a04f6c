//! Commands, as a server reads them: in place, many at once. The one rule: what has been understood
//! of a command that is not there in whole is not looked at again before its last byte has come.
//!
//! ```text
//! input:   *2␍␊$3␍␊GET␍␊$1␍␊a␍␊ *2␍␊$3␍␊GET␍␊$1␍␊b␍␊ *3␍␊$3␍␊SET␍␊$1␍␊c␍␊$900␍␊…
//!                  └┬┘     ╵             └┬┘     ╵    └────── position ──────┘└ awaited: 902
//! batch:         [ GET,   a ]          [ GET,   b ]    progress, kept for the next time
//! ```
//!
//! A command that is there in whole is read by [`whole`], which knows nothing else: no state, no
//! errors. Whatever it can't take, because it is incomplete, inline, empty or wrong, is looked at by
//! [`Progress`], which finds out which and remembers how far it came. It keeps no arguments, so that
//! a peer that never finishes its command holds the bytes that it sent, and nothing beside them;
//! when the last byte comes, the arguments are read by [`whole`] again.
//!
//! What is accepted, what is refused, and with which words, is what Redis 7.0.15 does, oddities
//! included: whatever stands in place of a line feed behind a carriage return is skipped unread, and
//! a NUL hides the end of the line that it stands in. One thing is stricter, because it would
//! otherwise hang on how the network cuts the bytes: a line that is longer than [`LINE_BYTES_MAX`]
//! is refused even if its end has come with it.

use super::inline;
use super::number::parse_integer;
use memchr::memchr2;
use thiserror::Error;

/// How many bytes a line may have: an inline command, or the line that a length stands in.
pub const LINE_BYTES_MAX: usize = 64 * 1024;

/// How many arguments a command may have.
pub const ARGUMENTS_MAX: usize = i32::MAX as usize;

/// The longest argument unless it was said otherwise, in bytes: Redis's `proto-max-bulk-len`.
pub const BULK_BYTES_MAX: usize = 512 * 1024 * 1024;

/// How many arguments a command may have before its client has authenticated.
pub const UNAUTHENTICATED_ARGUMENTS_MAX: usize = 10;

/// The longest argument before a client has authenticated, in bytes.
pub const UNAUTHENTICATED_BULK_BYTES_MAX: usize = 16 * 1024;

/// Memory for more arguments than these is given back when a batch is finished: 64 KiB are kept.
const ARGUMENTS_KEPT: usize = 4096;

/// What a client may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest argument, in bytes; [`BULK_BYTES_MAX`] unless said.
    pub bulk_bytes_max: usize,
    /// Whether the client may do more than authenticate. One that may not is held to
    /// [`UNAUTHENTICATED_ARGUMENTS_MAX`] and [`UNAUTHENTICATED_BULK_BYTES_MAX`].
    pub authenticated: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self { bulk_bytes_max: BULK_BYTES_MAX, authenticated: true }
    }
}

impl Limits {
    fn arguments_max(&self) -> usize {
        if self.authenticated { ARGUMENTS_MAX } else { UNAUTHENTICATED_ARGUMENTS_MAX }
    }

    fn argument_bytes_max(&self) -> usize {
        let unauthenticated = if self.authenticated { usize::MAX } else { UNAUTHENTICATED_BULK_BYTES_MAX };
        self.bulk_bytes_max.min(unauthenticated)
    }

    fn check_arguments(&self, count: i64) -> Result<usize, RequestError> {
        match usize::try_from(count).unwrap_or(0) {
            count if count > ARGUMENTS_MAX => Err(RequestError::MultibulkLength),
            count if count > self.arguments_max() => Err(RequestError::UnauthenticatedMultibulkLength),
            count => Ok(count),
        }
    }

    fn check_bulk(&self, length: i64) -> Result<usize, RequestError> {
        match usize::try_from(length) {
            Ok(length) if length <= self.argument_bytes_max() => Ok(length),
            Ok(length) if length <= self.bulk_bytes_max => Err(RequestError::UnauthenticatedBulkLength),
            _ => Err(RequestError::BulkLength),
        }
    }
}

/// Why a request is refused. Where the next one begins is not known then: answer with
/// [`ReplyWriter::protocol_error`](super::ReplyWriter::protocol_error), and close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum RequestError {
    /// The number of arguments is none, or beyond [`ARGUMENTS_MAX`].
    #[error("Protocol error: invalid multibulk length")]
    MultibulkLength,
    /// There are more arguments than a client may send that has not authenticated.
    #[error("Protocol error: unauthenticated multibulk length")]
    UnauthenticatedMultibulkLength,
    /// The length of an argument is none, or beyond [`Limits::bulk_bytes_max`].
    #[error("Protocol error: invalid bulk length")]
    BulkLength,
    /// An argument is longer than a client may send that has not authenticated.
    #[error("Protocol error: unauthenticated bulk length")]
    UnauthenticatedBulkLength,
    /// This byte stands where an argument has to begin.
    #[error("Protocol error: expected '$', got '{}'", .0.escape_ascii())]
    ExpectedBulk(u8),
    /// An inline command is longer than [`LINE_BYTES_MAX`].
    #[error("Protocol error: too big inline request")]
    InlineTooBig,
    /// The line with the number of arguments is longer than [`LINE_BYTES_MAX`].
    #[error("Protocol error: too big mbulk count string")]
    MultibulkCountTooBig,
    /// The line with the length of an argument is longer than [`LINE_BYTES_MAX`].
    #[error("Protocol error: too big bulk count string")]
    BulkCountTooBig,
    /// A quotation in an inline command does not end, or something stands right behind its end.
    #[error("Protocol error: unbalanced quotes in request")]
    UnbalancedQuotes,
}

/// Memory that parsing needs, to be used again and again: one is enough for all connections of a
/// thread.
#[derive(Debug, Default)]
pub struct Scratch {
    /// Empty but for its capacity.
    arguments: Vec<&'static [u8]>,
    bounds: Vec<Bounds>,
    /// What the quoted arguments of an inline command mean.
    text: Vec<u8>,
}

impl Scratch {
    /// Memory of which nothing has been allocated yet.
    pub const fn new() -> Self {
        Self { arguments: Vec::new(), bounds: Vec::new(), text: Vec::new() }
    }
}

/// Where a command of a batch ends.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    /// How many arguments it has.
    arguments: usize,
    /// How many bytes of the input it and all before it take.
    end: usize,
}

/// Finds commands in what a client sends. One for each connection; it is a few words large, and
/// never allocates.
///
/// ```
/// use bytes::{Buf, BytesMut};
/// use ropewalk_protocols::resp::{Limits, RequestParser, Scratch, Stop};
///
/// let (mut parser, mut scratch) = (RequestParser::new(), Scratch::new());
/// let mut input = BytesMut::from("*2\r\n$4\r\nECHO\r\n$2\r\nhi\r\nPING \"a b\"\r\n*1\r\n$4\r\nQU");
///
/// let batch = parser.parse(&input, &Limits::default(), &mut scratch, 32);
/// let commands: Vec<_> = batch.iter().map(|arguments| arguments.to_vec()).collect();
/// assert_eq!(commands, [[&b"ECHO"[..], b"hi"], [b"PING", b"a b"]]);
/// let taken = parser.finish(batch, 2);
/// input.advance(taken);
///
/// let batch = parser.parse(&input, &Limits::default(), &mut scratch, 32);
/// assert_eq!((batch.len(), batch.stop()), (0, Stop::Incomplete { missing: 4 }));
/// parser.finish(batch, 0);
/// ```
#[derive(Clone, Debug, Default)]
pub struct RequestParser {
    progress: Progress,
}

impl RequestParser {
    /// A parser for a new connection.
    pub fn new() -> Self {
        Self::default()
    }

    /// Read up to `commands_max` commands off the front of `input`. Execute them, in order, then call
    /// [`finish`](Self::finish).
    ///
    /// `limits` hold for the whole batch, so take one command at a time from a client that has not
    /// authenticated: the next may be allowed more.
    pub fn parse<'a>(
        &self,
        input: &'a [u8],
        limits: &Limits,
        scratch: &'a mut Scratch,
        commands_max: usize,
    ) -> Batch<'a> {
        let Scratch { arguments: home, bounds, text } = scratch;
        bounds.clear();
        let mut arguments: Vec<&'a [u8]> = std::mem::take(home);
        let mut text = Some(text);
        let ceiling = Ceiling { arguments: limits.arguments_max(), bulk: limits.argument_bytes_max() };
        let mut progress = self.progress;
        let mut rest = input;
        let stop = loop {
            if rest.is_empty() {
                break Stop::Incomplete { missing: 1 };
            }
            if bounds.len() >= commands_max {
                break Stop::Full;
            }
            let before = arguments.len();
            let fresh = progress == Progress::default();
            let after = match fresh.then(|| whole(rest, ceiling, &mut arguments)).flatten() {
                Some(after) => after,
                None => {
                    arguments.truncate(before);
                    match careful(rest, limits, &mut progress, &mut arguments, &mut text) {
                        Ok(Step::Command(after)) => after,
                        Ok(Step::Nothing(after)) => {
                            rest = after;
                            continue;
                        }
                        Ok(Step::Incomplete(missing)) => break Stop::Incomplete { missing },
                        Err(error) => {
                            // Whoever asks again is told again.
                            progress = Progress::default();
                            break Stop::Refused(error);
                        }
                    }
                }
            };
            let count = arguments.len().saturating_sub(before);
            bounds.push(Bounds { arguments: count, end: input.len().saturating_sub(after.len()) });
            rest = after;
            if text.is_none() {
                break Stop::Full;
            }
        };
        let consumed = input.len().saturating_sub(rest.len());
        Batch { arguments, home, bounds, consumed, progress, stop }
    }

    /// The first `executed` commands of the batch are done with: how many bytes to take off the front
    /// of the input. Where not all were executed, because the client has to wait, the others are found
    /// again next time.
    #[must_use = "the input is to be advanced by this"]
    pub fn finish(&mut self, batch: Batch<'_>, executed: usize) -> usize {
        let Batch { arguments, home, bounds, consumed, progress, .. } = batch;
        if arguments.capacity() <= ARGUMENTS_KEPT {
            *home = recycled(arguments);
        }
        if executed >= bounds.len() {
            self.progress = progress;
            return consumed;
        }
        self.progress = Progress::default();
        let last = executed.checked_sub(1).and_then(|last| bounds.get(last));
        last.map_or(0, |bounds| bounds.end)
    }
}

/// The memory of a vector, for slices of any life. `collect` builds in place where it can, which it
/// can here; if it did not, all would be as well but for the speed.
fn recycled(mut slices: Vec<&[u8]>) -> Vec<&'static [u8]> {
    slices.clear();
    slices.into_iter().map(|_| -> &'static [u8] { &[] }).collect()
}

/// Commands that were found, in order; they borrow from the input.
#[derive(Debug)]
pub struct Batch<'a> {
    arguments: Vec<&'a [u8]>,
    home: &'a mut Vec<&'static [u8]>,
    bounds: &'a mut Vec<Bounds>,
    consumed: usize,
    progress: Progress,
    stop: Stop,
}

/// Why a batch has no more commands than it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It has as many as were asked for, or there was no room for the next: parse again.
    Full,
    /// There are no more. The next one needs so many bytes more, or more than those; of an argument
    /// that is under way they are all but the arguments behind it, so that room can be made at once.
    Incomplete {
        /// How many bytes, at the least.
        missing: usize,
    },
    /// What comes next is no command. Execute those of the batch, answer with the error, and close.
    Refused(RequestError),
}

impl<'a> Batch<'a> {
    /// How many commands there are.
    pub fn len(&self) -> usize {
        self.bounds.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.bounds.is_empty()
    }

    /// Why there are no more.
    pub fn stop(&self) -> Stop {
        self.stop
    }

    /// The commands: of each the name and the arguments, one of which there always is.
    pub fn iter(&self) -> BatchCommands<'_, 'a> {
        BatchCommands { arguments: &self.arguments, bounds: self.bounds.iter() }
    }
}

impl<'b, 'a> IntoIterator for &'b Batch<'a> {
    type Item = &'b [&'a [u8]];
    type IntoIter = BatchCommands<'b, 'a>;

    fn into_iter(self) -> BatchCommands<'b, 'a> {
        self.iter()
    }
}

/// The commands of a [`Batch`].
#[derive(Clone, Debug)]
pub struct BatchCommands<'b, 'a> {
    arguments: &'b [&'a [u8]],
    bounds: std::slice::Iter<'b, Bounds>,
}

impl<'b, 'a> Iterator for BatchCommands<'b, 'a> {
    type Item = &'b [&'a [u8]];

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let bounds = self.bounds.next()?;
        let (command, rest) = self.arguments.split_at_checked(bounds.arguments)?;
        self.arguments = rest;
        Some(command)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.bounds.size_hint()
    }
}

impl ExactSizeIterator for BatchCommands<'_, '_> {}

/// The limits, worked out for the hot path.
#[derive(Clone, Copy)]
struct Ceiling {
    arguments: usize,
    bulk: usize,
}

/// Read a command that is there in whole, and return what is behind it; `None` if that is not so, or
/// anything is out of the ordinary. Then some arguments may have been pushed.
#[inline]
fn whole<'a>(input: &'a [u8], ceiling: Ceiling, arguments: &mut Vec<&'a [u8]>) -> Option<&'a [u8]> {
    let (count, mut rest) = header(input, b'*')?;
    if count == 0 || count > ceiling.arguments {
        return None;
    }
    for _ in 0..count {
        let (length, after) = header(rest, b'$')?;
        if length > ceiling.bulk {
            return None;
        }
        let (argument, after) = after.split_at_checked(length)?;
        let [_, _, after @ ..] = after else { return None };
        arguments.push(argument);
        rest = after;
    }
    Some(rest)
}

/// A line with a number: what the number is, and what is behind the line. Numbers of one and two
/// digits are nearly all that there are.
#[inline]
fn header(input: &[u8], marker: u8) -> Option<(usize, &[u8])> {
    match input {
        [first, one @ b'0'..=b'9', b'\r', _, rest @ ..] if *first == marker => Some((digit(*one), rest)),
        [first, ten @ b'1'..=b'9', one @ b'0'..=b'9', b'\r', _, rest @ ..] if *first == marker => {
            Some((digit(*ten).wrapping_mul(10).wrapping_add(digit(*one)), rest))
        }
        [first, rest @ ..] if *first == marker => long_header(rest),
        _ => None,
    }
}

/// The same, behind the marker, for any number of digits.
fn long_header(mut rest: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0usize;
    if !matches!(rest, [b'1'..=b'9', ..]) {
        return None;
    }
    loop {
        match rest {
            [byte @ b'0'..=b'9', after @ ..] => {
                value = value.checked_mul(10)?.checked_add(digit(*byte))?;
                rest = after;
            }
            [b'\r', _, after @ ..] => return Some((value, after)),
            _ => return None,
        }
    }
}

/// What a byte is worth that is a digit.
#[inline]
fn digit(byte: u8) -> usize {
    usize::from(byte & 0x0f)
}

/// What a careful look found.
enum Step<'a> {
    /// A command, whose arguments were pushed; this is behind it.
    Command(&'a [u8]),
    /// Something to skip, as an empty line is; this is behind it.
    Nothing(&'a [u8]),
    /// So many bytes are missing, at the least.
    Incomplete(usize),
}

/// Look at whatever [`whole`] does not take.
#[cold]
fn careful<'a>(
    input: &'a [u8],
    limits: &Limits,
    progress: &mut Progress,
    arguments: &mut Vec<&'a [u8]>,
    text: &mut Option<&'a mut Vec<u8>>,
) -> Result<Step<'a>, RequestError> {
    let behind = |end: usize| input.get(end..).unwrap_or_default();
    if input.first() != Some(&b'*') {
        let Some((line, end)) = progress.inline_line(input)? else { return Ok(Step::Incomplete(1)) };
        *progress = Progress::default();
        let before = arguments.len();
        inline::split(line, arguments, text)?;
        let found = arguments.len() > before;
        return Ok(if found { Step::Command(behind(end)) } else { Step::Nothing(behind(end)) });
    }
    match progress.advance(input, limits)? {
        Advance::Incomplete(missing) => Ok(Step::Incomplete(missing)),
        Advance::Nothing(end) => {
            *progress = Progress::default();
            Ok(Step::Nothing(behind(end)))
        }
        Advance::Whole => {
            *progress = Progress::default();
            let ceiling = Ceiling { arguments: limits.arguments_max(), bulk: limits.argument_bytes_max() };
            match whole(input, ceiling, arguments) {
                Some(after) => Ok(Step::Command(after)),
                // The limits were lowered while its last bytes were on their way.
                None => Err(Progress::default()
                    .advance(input, limits)
                    .err()
                    .unwrap_or(RequestError::MultibulkLength)),
            }
        }
    }
}

/// How far a command is understood whose last byte has not come. All is counted from its first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Progress {
    /// Where the line or the argument begins that is under way.
    position: usize,
    /// How many bytes the argument and its line end take, once that is known; it is 2 at the least.
    awaited: usize,
    /// How many bytes of the line that is under way hold no end of it.
    searched: u32,
    /// How many arguments are still to come, once that is known.
    remaining: u32,
}

/// Every connection has one: idle clients are to cost next to nothing.
const _: () = assert!(size_of::<RequestParser>() <= 24);

/// How far [`Progress::advance`] came.
enum Advance {
    /// The command is there in whole.
    Whole,
    /// It has no arguments, and ends there.
    Nothing(usize),
    /// So many bytes are missing, at the least.
    Incomplete(usize),
}

impl Progress {
    /// Go on as far as the input goes.
    fn advance(&mut self, input: &[u8], limits: &Limits) -> Result<Advance, RequestError> {
        if self.remaining == 0 {
            let Some(line) = self.line(input, RequestError::MultibulkCountTooBig)? else {
                return Ok(Advance::Incomplete(1));
            };
            let count = line.get(1..).and_then(parse_integer).ok_or(RequestError::MultibulkLength)?;
            match limits.check_arguments(count)? {
                0 => return Ok(Advance::Nothing(self.position)),
                count => self.remaining = u32::try_from(count).unwrap_or(u32::MAX),
            }
        }
        while self.remaining > 0 {
            if self.awaited == 0 {
                let begin = self.position;
                let Some(line) = self.line(input, RequestError::BulkCountTooBig)? else {
                    return Ok(Advance::Incomplete(1));
                };
                let [b'$', length @ ..] = line else {
                    return Err(RequestError::ExpectedBulk(input.get(begin).copied().unwrap_or_default()));
                };
                let length = parse_integer(length).ok_or(RequestError::BulkLength)?;
                self.awaited = limits.check_bulk(length)?.saturating_add(2);
            }
            let end = self.position.saturating_add(self.awaited);
            if end > input.len() {
                return Ok(Advance::Incomplete(end.saturating_sub(input.len())));
            }
            self.position = end;
            self.awaited = 0;
            self.remaining = self.remaining.saturating_sub(1);
        }
        Ok(Advance::Whole)
    }

    /// The line at the position, which moves behind it and its end: a carriage return, and whatever
    /// byte comes then.
    fn line<'a>(&mut self, input: &'a [u8], too_big: RequestError) -> Result<Option<&'a [u8]>, RequestError> {
        let Some(length) = self.find(input, b'\r', too_big)? else { return Ok(None) };
        let begin = self.position;
        let end = begin.saturating_add(length);
        let next = end.saturating_add(2);
        if next > input.len() {
            return Ok(None);
        }
        self.position = next;
        self.searched = 0;
        Ok(input.get(begin..end))
    }

    /// The inline command at the front, without its newline, and where the next command begins.
    fn inline_line<'a>(&mut self, input: &'a [u8]) -> Result<Option<(&'a [u8], usize)>, RequestError> {
        let Some(length) = self.find(input, b'\n', RequestError::InlineTooBig)? else { return Ok(None) };
        let line = input.get(..length).unwrap_or_default();
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        Ok(Some((line, length.saturating_add(1))))
    }

    /// How many bytes there are before the `end` of the line at the position, if it has come.
    fn find(&mut self, input: &[u8], end: u8, too_big: RequestError) -> Result<Option<usize>, RequestError> {
        let line = input.get(self.position..).unwrap_or_default();
        let window = line.get(..=LINE_BYTES_MAX).unwrap_or(line);
        let searched = self.searched as usize;
        let found = window.get(searched..).and_then(|unsearched| memchr2(end, 0, unsearched));
        let stop = found.map_or(window.len(), |found| searched.saturating_add(found));
        self.searched = u32::try_from(stop).unwrap_or(u32::MAX);
        if window.get(stop) == Some(&end) {
            return Ok(Some(stop));
        }
        if line.len() > LINE_BYTES_MAX { Err(too_big) } else { Ok(None) }
    }
}

#[cfg(test)]
#[path = "request/tests.rs"]
mod tests;
