//! What a submission carries so that its completion finds home: an operation and whom it serves.
//!
//! ```text
//! 63  61 60                     32 31                     0
//! ┌─────┬─────────────────────────┬────────────────────────┐
//! │ what│ index                   │ generation             │
//! └─────┴─────────────────────────┴────────────────────────┘
//! ```
//!
//! One rule: a completion whose generation is not that of its index today belongs to the past. So
//! an index may be used again while operations of its past are still completing.

use crate::engine::Token;

/// How many bits there are for an index: more than a process can have descriptors.
const INDEX_BITS: u32 = 29;

/// What a submission asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operation {
    /// Nobody waits for the outcome: a cancellation or closing that could not fail.
    Ignored = 0,
    /// A stream's receiving.
    Receive = 1,
    /// A sending; the index is its record's number.
    Send = 2,
    /// A listener's accepting.
    Accept = 3,
    /// Waiting for something to read.
    PollRead = 4,
    /// Waiting for room, or for a connection.
    PollWrite = 5,
    /// Another thread's call.
    Wake = 6,
}

const NOBODY: Token = Token { index: 0, generation: 0 };

/// The number that a submission and its completions carry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tag(pub(crate) u64);

impl Tag {
    pub(crate) const IGNORED: Self = Self::of(Operation::Ignored, NOBODY);
    pub(crate) const WAKE: Self = Self::of(Operation::Wake, NOBODY);

    pub(crate) const fn of(operation: Operation, token: Token) -> Self {
        assert!(token.index < 1 << INDEX_BITS, "descriptors are fewer");
        let whom = (token.index as u64) << 32 | token.generation as u64;
        Self((operation as u64) << (32 + INDEX_BITS) | whom)
    }

    pub(crate) const fn operation(self) -> Operation {
        match self.0 >> (32 + INDEX_BITS) {
            1 => Operation::Receive,
            2 => Operation::Send,
            3 => Operation::Accept,
            4 => Operation::PollRead,
            5 => Operation::PollWrite,
            6 => Operation::Wake,
            _ => Operation::Ignored,
        }
    }

    pub(crate) const fn token(self) -> Token {
        let index = (self.0 >> 32) as u32 & ((1 << INDEX_BITS) - 1);
        Token { index, generation: self.0 as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_gives_back_what_it_was_made_of() {
        use Operation::*;
        for operation in [Ignored, Receive, Send, Accept, PollRead, PollWrite, Wake] {
            for (index, generation) in [(0, 0), ((1 << INDEX_BITS) - 1, u32::MAX), (7, 9)] {
                let token = Token { index, generation };
                let tag = Tag::of(operation, token);
                assert_eq!((tag.operation(), tag.token()), (operation, token));
            }
        }
    }
}
