//! The trace: every call on the engine, when it was made and what came of it.
//!
//! Its rule: all that a reactor can see of the engine goes in, so that two runs with the same hash
//! are the same run. The hash covers everything since the beginning; the last lines are kept to be
//! read when a test fails.

use super::digest::Digest;
use crate::engine::Token;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::time::Duration;

/// How many lines are kept.
const TAIL_MAX: usize = 256;

#[derive(Default)]
pub(super) struct Trace {
    digest: Digest,
    tail: VecDeque<Line>,
}

/// One call. It costs no allocation: most are never read.
struct Line {
    at: Duration,
    call: &'static str,
    token: Option<Token>,
    outcome: Result<u64, (io::ErrorKind, Option<i32>)>,
}

impl Trace {
    /// A call on `token` at `at`, and what came of it: a count or a hash, or an error.
    pub(super) fn call(
        &mut self,
        at: Duration,
        call: &'static str,
        token: Option<Token>,
        outcome: Result<u64, &io::Error>,
    ) {
        self.digest.number(at.as_nanos() as u64);
        self.digest.bytes(call.as_bytes());
        if let Some(token) = token {
            self.digest.number(u64::from(token.index) << 32 | u64::from(token.generation));
        }
        match outcome {
            Ok(value) => self.digest.number(value),
            Err(error) => self.digest.number(Digest::of_error(error)),
        }
        let outcome = outcome.map_err(|error| (error.kind(), error.raw_os_error()));
        if self.tail.len() == TAIL_MAX {
            self.tail.pop_front();
        }
        self.tail.push_back(Line { at, call, token, outcome });
    }

    /// Bytes that the engine was given in the call that is recorded next. What it gives out it was
    /// given before: its length is enough.
    pub(super) fn content(&mut self, bytes: &[u8]) {
        self.digest.bytes(bytes);
    }

    pub(super) fn hash(&self) -> u64 {
        self.digest.value()
    }

    pub(super) fn tail(&self) -> Vec<String> {
        self.tail.iter().map(Line::to_string).collect()
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>16.9}s  {:<14}", self.at.as_secs_f64(), self.call)?;
        match self.token {
            Some(token) => write!(f, " {:>5}.{:<5}", token.index, token.generation)?,
            None => write!(f, " {:11}", "")?,
        }
        match self.outcome {
            Ok(value) => write!(f, " {value}"),
            Err((_, Some(number))) => write!(f, " {}", io::Error::from_raw_os_error(number)),
            Err((kind, None)) => write!(f, " {kind}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_is_bounded_and_readable() {
        let mut trace = Trace::default();
        for count in 0..300 {
            let token = Token { index: 3, generation: 1 };
            trace.call(Duration::from_micros(count), "send", Some(token), Ok(count));
        }
        let error = io::Error::from(io::ErrorKind::WouldBlock);
        trace.call(Duration::from_secs(1), "wait", None, Err(&error));
        let tail = trace.tail();
        assert_eq!(tail.len(), TAIL_MAX);
        assert_eq!(tail[0], "     0.000045000s  send               3.1     45");
        assert!(tail[255].contains("wait") && tail[255].contains("block"), "{}", tail[255]);
    }
}
