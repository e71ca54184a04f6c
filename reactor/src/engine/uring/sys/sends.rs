//! Bytes on their way out, owned here from [`send`](crate::engine::Engine::send) until the kernel
//! has them.
//!
//! Its rule: while a record is in the kernel's hands nothing of it is changed, moved or freed.
//!
//! Most sends succeed at once, so the first attempt asks to be told of failure only: silence after
//! it was submitted means that all is sent. What could not be sent at once is sent by an operation
//! that waits for room and always reports.

use crate::buffer::{self, Output, PIECES_MAX};
use crate::engine::Token;
use bytes::{Buf, Bytes, BytesMut};
use io_uring::{opcode, squeue, types};
use slab::Slab;
use std::collections::VecDeque;
use std::num::NonZeroU32;
use std::os::fd::RawFd;
use std::ptr::NonNull;

/// A record has at most this many bytes. More stays with the connection, where it counts as waiting
/// and holds up whoever produces it.
const BYTES_MAX: usize = 256 * 1024;

/// Records are freed once none is in use and there is room for more than this.
const KEPT_MAX: usize = 256;

/// How to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Attempt {
    /// Everything, now, and tell of failure only.
    Silent,
    /// Everything, now, and tell what came of it.
    Told,
    /// Wait for room, send what fits, and tell how much that was.
    Waiting,
}

/// Names a record, until it is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key(NonZeroU32);

impl Key {
    fn new(place: usize) -> Self {
        let number = u32::try_from(place + 1).ok().and_then(NonZeroU32::new);
        Self(number.expect("there are fewer records than that"))
    }

    fn place(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// A tag carries a key in place of a token's index.
impl From<Key> for Token {
    fn from(key: Key) -> Self {
        Self { index: key.0.get(), generation: 0 }
    }
}

impl From<Token> for Key {
    fn from(token: Token) -> Self {
        Self(NonZeroU32::new(token.index).expect("the token was made from a key"))
    }
}

/// All records.
#[derive(Default)]
pub(crate) struct Sends {
    records: Slab<Record>,
    /// Those that are, or were, on their way with nothing but failure to be told.
    silent: Vec<Key>,
}

struct Record {
    /// Whose bytes these are, though it may be closed by now.
    owner: Token,
    /// What is to be sent first.
    pieces: VecDeque<Bytes>,
    /// What is to be sent last: a buffer of the thread's pool.
    tail: BytesMut,
    /// How many bytes are in both.
    unsent: usize,
    /// The attempt in the kernel's hands, and with it the bytes.
    under_way: Option<Attempt>,
    /// Not everything could be sent at once.
    is_slow: bool,
    /// What a vectored send points to.
    message: Option<Message>,
}

impl Sends {
    /// Take the front of `output`.
    pub(crate) fn insert(&mut self, owner: Token, output: &mut Output) -> Key {
        let before = output.len();
        let (pieces, tail) = output.take_front(BYTES_MAX);
        let unsent = before - output.len();
        let record = Record { owner, pieces, tail, unsent, under_way: None, is_slow: false, message: None };
        Key::new(self.records.insert(record))
    }

    /// Whether nothing is being sent.
    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    pub(crate) fn owner(&self, key: Key) -> Token {
        self.records[key.place()].owner
    }

    pub(crate) fn unsent(&self, key: Key) -> usize {
        self.records[key.place()].unsent
    }

    /// Whether the kernel has it, so that it must be cancelled and waited for.
    pub(crate) fn is_under_way(&self, key: Key) -> bool {
        self.records[key.place()].under_way.is_some()
    }

    /// Forget a record that is not under way; its buffer goes back to the pool.
    pub(crate) fn remove(&mut self, key: Key) {
        assert!(!self.is_under_way(key), "the kernel may still read it");
        buffer::give(self.records.remove(key.place()).tail);
        if self.records.is_empty() && self.records.capacity() > KEPT_MAX {
            self.records = Slab::new();
        }
    }

    /// How to send the record now.
    pub(super) fn next_attempt(&self, key: Key, told: bool) -> Attempt {
        match self.records[key.place()].is_slow {
            true => Attempt::Waiting,
            false if told => Attempt::Told,
            false => Attempt::Silent,
        }
    }

    /// From here on the record's bytes are in the kernel's hands.
    pub(super) fn begin(&mut self, key: Key, attempt: Attempt) {
        self.records[key.place()].under_way = Some(attempt);
        if attempt == Attempt::Silent {
            self.silent.push(key);
        }
    }

    /// The kernel is done with the record, having sent `count` bytes of it.
    pub(super) fn settle(&mut self, key: Key, count: usize) {
        let record = &mut self.records[key.place()];
        record.under_way = None;
        record.is_slow = true;
        record.advance(count);
    }

    pub(super) fn has_silent(&self) -> bool {
        !self.silent.is_empty()
    }

    /// A record that was sent, if it is true that the kernel has told of every failure.
    pub(super) fn next_silent(&mut self) -> Option<Key> {
        loop {
            let key = self.silent.pop()?;
            let record = self.records.get(key.place());
            // Others have failed, which was told, or have been removed since.
            let silent = record.filter(|record| record.under_way == Some(Attempt::Silent));
            if let Some(unsent) = silent.map(|record| record.unsent) {
                self.settle(key, unsent);
                return Some(key);
            }
        }
    }

    /// The submission that makes this attempt.
    pub(super) fn entry(&mut self, key: Key, to: RawFd, attempt: Attempt) -> squeue::Entry {
        let record = &mut self.records[key.place()];
        assert!(record.under_way.is_none(), "one send at a time");
        let flags = match attempt {
            Attempt::Silent | Attempt::Told => libc::MSG_NOSIGNAL | libc::MSG_WAITALL | libc::MSG_DONTWAIT,
            Attempt::Waiting => libc::MSG_NOSIGNAL,
        };
        let entry = match record.only_piece() {
            Some(piece) => {
                // A record has no more than 32 bits can tell.
                opcode::Send::new(types::Fd(to), piece.as_ptr(), piece.len() as u32).flags(flags).build()
            }
            None => {
                let header = record.fill_message();
                opcode::SendMsg::new(types::Fd(to), header).flags(flags as u32).build()
            }
        };
        match attempt {
            Attempt::Silent => entry.flags(squeue::Flags::SKIP_SUCCESS),
            Attempt::Told | Attempt::Waiting => entry,
        }
    }
}

impl Record {
    /// All there is to send, if it is in one piece.
    fn only_piece(&self) -> Option<&[u8]> {
        match (self.pieces.len(), self.tail.is_empty()) {
            (0, _) => Some(&self.tail),
            (1, true) => Some(&self.pieces[0]),
            _ => None,
        }
    }

    /// Describe the first pieces in a message header, which lives as long as the record.
    fn fill_message(&mut self) -> *const libc::msghdr {
        let message = self.message.get_or_insert_with(Message::new);
        let tail = Some(&self.tail[..]).filter(|tail| !tail.is_empty());
        message.fill(self.pieces.iter().map(|piece| &piece[..]).chain(tail))
    }

    fn advance(&mut self, count: usize) {
        self.unsent -= count;
        let mut left = count;
        while let Some(front) = self.pieces.front_mut().filter(|_| left > 0) {
            let step = left.min(front.len());
            front.advance(step);
            left -= step;
            if front.is_empty() {
                self.pieces.pop_front();
            }
        }
        self.tail.advance(left);
    }
}

/// A message header and its vectors, at an address that does not change.
struct Message(NonNull<Parts>);

struct Parts {
    header: libc::msghdr,
    vectors: [libc::iovec; PIECES_MAX],
}

impl Message {
    fn new() -> Self {
        // SAFETY: for both structures of C all zeroes mean "nothing".
        let parts: Box<Parts> = Box::new(unsafe { std::mem::zeroed() });
        Self(NonNull::from(Box::leak(parts)))
    }

    fn fill<'a>(&mut self, pieces: impl Iterator<Item = &'a [u8]>) -> *const libc::msghdr {
        // SAFETY: `new` made it, only `drop` frees it, and the kernel reads it only while its record
        // is under way, when nobody calls this.
        let parts = unsafe { self.0.as_mut() };
        let mut filled = 0;
        for (vector, piece) in parts.vectors.iter_mut().zip(pieces) {
            // The kernel only reads what a send points to.
            vector.iov_base = piece.as_ptr().cast_mut().cast();
            vector.iov_len = piece.len();
            filled += 1;
        }
        parts.header.msg_iov = parts.vectors.as_mut_ptr();
        parts.header.msg_iovlen = filled;
        &raw const parts.header
    }
}

impl Drop for Message {
    fn drop(&mut self) {
        // SAFETY: it was leaked from a box by `new`, and is freed once.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}
