//! Provided buffers: where the kernel puts what it receives.
//!
//! Its rule: **a buffer is the kernel's or ours, never both.** The kernel takes buffers off a ring in
//! the order they were put there, fills one and names it in a completion; from then on it is ours,
//! a link in the [`Chain`] of its connection, until its last byte was consumed.
//!
//! ```text
//!         ┌──────── ring, in order ────────┐      completion        consumed
//! ours ──▶│ buffer 7 │ buffer 2 │ buffer 9 │──▶ filled ──▶ chain ──────────▶ ours, back to the ring
//!         └────────────────────────────────┘
//! ```
//!
//! Few buffers circulate at first, so that a quiet server touches little memory and a busy one
//! finds them in its cache. When many connections are starved at once, more are brought into
//! circulation, up to [`COUNT_MAX`].

use super::memory::Mapping;
use io_uring::IoUring;
use io_uring::types::BufRingEntry;
use std::io;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU16, Ordering};

/// How many bytes one buffer holds.
const SIZE: usize = 4 * 1024;

/// How many buffers there may be: 2 MiB of them. Twice that, once as buffers and once as what a paused
/// connection was left with, is what a single flood can cost.
const COUNT_MAX: u16 = 512;

/// How many circulate at first.
const COUNT_FIRST: usize = 64;

/// There are too few if one connection is starved for so many buffers.
const STARVED_MIN: usize = 4;

/// From one buffer's start to the next's: a cache line more than its size, or all short messages
/// would compete for the same few sets of the cache.
const STRIDE: usize = SIZE + 64;

/// No buffer.
const NONE: u16 = u16::MAX;

/// All buffers, and who has which.
pub(crate) struct Buffers {
    ring: Mapping,
    memory: Mapping,
    /// What is in each buffer that is ours.
    contents: Box<[Content]>,
    /// Where in the ring the next buffer goes; counted up for ever.
    tail: u16,
    /// How many are in circulation: those with smaller numbers.
    count: u16,
    /// How many of them are ours now.
    ours: u16,
}

/// The bytes `start..end` of a buffer are received and not yet consumed; none are in one that is
/// the kernel's.
#[derive(Clone, Copy, Default)]
struct Content {
    start: u16,
    end: u16,
    /// The next buffer of the same chain.
    next: u16,
}

/// A buffer that a completion has brought: to be appended to a chain, or refused.
#[derive(Debug)]
#[must_use]
pub(crate) struct Filled {
    id: u16,
    length: u16,
}

/// Filled buffers of one connection, oldest first.
#[derive(Debug)]
pub(crate) struct Chain {
    first: u16,
    last: u16,
}

impl Chain {
    pub(crate) const EMPTY: Self = Self { first: NONE, last: NONE };

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.first == NONE
    }
}

impl Buffers {
    /// What receiving operations name these buffers by.
    pub(super) const GROUP: u16 = 0;

    pub(super) fn new(uring: &IoUring) -> io::Result<Self> {
        let ring = Mapping::new(usize::from(COUNT_MAX) * size_of::<BufRingEntry>())?;
        let memory = Mapping::new(usize::from(COUNT_MAX) * STRIDE)?;
        // SAFETY: the mapping is page-aligned, has room for that many entries, and outlives the ring:
        // `Ring` drops its fields in order, and this is a later one.
        unsafe {
            let start = ring.start() as u64;
            uring.submitter().register_buf_ring_with_flags(start, COUNT_MAX, Self::GROUP, 0)?;
        }
        let contents = vec![Content::default(); COUNT_MAX.into()].into();
        let mut buffers = Self { ring, memory, contents, tail: 0, count: 0, ours: 0 };
        buffers.circulate(COUNT_FIRST);
        buffers.publish();
        Ok(buffers)
    }

    /// So many connections are starved: bring more buffers into circulation, if it is not just a few
    /// of them that take much, which could use up any number.
    pub(crate) fn grow(&mut self, starved: usize) {
        let count = usize::from(self.count);
        if starved >= count / STARVED_MIN {
            self.circulate(count + starved);
        }
    }

    fn circulate(&mut self, count: usize) {
        for id in self.count..count.min(COUNT_MAX.into()) as u16 {
            self.provide(id);
            self.count = id + 1;
        }
    }

    /// How many buffers there are by now.
    #[cfg(test)]
    pub(crate) fn circulating(&self) -> usize {
        self.count.into()
    }

    /// How many buffers the kernel has.
    pub(crate) fn available(&self) -> usize {
        usize::from(self.count - self.ours)
    }

    /// A completion says that the kernel has put `length` bytes into buffer `id`.
    pub(super) fn filled(&mut self, id: u16, length: i32) -> Option<Filled> {
        self.ours += 1;
        let length = length.clamp(0, SIZE as i32) as u16;
        if length == 0 {
            self.give_back(id);
            return None;
        }
        Some(Filled { id, length })
    }

    /// Put a buffer at the end of a chain.
    pub(crate) fn append(&mut self, chain: &mut Chain, Filled { id, length }: Filled) {
        self.contents[usize::from(id)] = Content { start: 0, end: length, next: NONE };
        match chain.last {
            NONE => chain.first = id,
            last => self.contents[usize::from(last)].next = id,
        }
        chain.last = id;
    }

    /// The oldest bytes of a chain; none if it is empty.
    #[inline]
    pub(crate) fn front(&self, chain: &Chain) -> &[u8] {
        if chain.is_empty() {
            return &[];
        }
        let Content { start, end, .. } = self.contents[usize::from(chain.first)];
        debug_assert!(start < end && usize::from(end) <= SIZE);
        // SAFETY: the buffer lies within the mapping and `end` within the buffer. It is ours, as all
        // in a chain are, so the kernel does not write to it while `self` is borrowed.
        unsafe {
            let buffer = self.memory.start().add(usize::from(chain.first) * STRIDE);
            std::slice::from_raw_parts(buffer.add(start.into()), (end - start).into())
        }
    }

    /// Drop `count` bytes off the front, of which [`front`](Self::front) has at least as many.
    #[inline]
    pub(crate) fn consume(&mut self, chain: &mut Chain, count: usize) {
        let id = chain.first;
        let content = &mut self.contents[usize::from(id)];
        content.start += count as u16;
        assert!(content.start <= content.end, "no more was there");
        if content.start == content.end {
            chain.first = content.next;
            if chain.first == NONE {
                chain.last = NONE;
            }
            self.give_back(id);
        }
    }

    /// Return every buffer of a chain.
    pub(crate) fn discard(&mut self, chain: &mut Chain) {
        while !chain.is_empty() {
            self.consume(chain, self.front(chain).len());
        }
    }

    /// Return a buffer that nobody waits for.
    pub(crate) fn refuse(&mut self, filled: Filled) {
        self.give_back(filled.id);
    }

    /// Let the kernel see what was returned.
    pub(super) fn publish(&mut self) {
        // SAFETY: the first entry of the ring exists, and its last field is the tail, which both
        // sides access atomically.
        let tail = unsafe { &*BufRingEntry::tail(self.entries().as_ptr()).cast::<AtomicU16>() };
        tail.store(self.tail, Ordering::Release);
    }

    fn give_back(&mut self, id: u16) {
        self.contents[usize::from(id)] = Content::default();
        self.ours -= 1;
        self.provide(id);
    }

    /// Put a buffer that is ours at the end of the ring; the kernel sees it once it is published.
    fn provide(&mut self, id: u16) {
        let at = usize::from(self.tail & (COUNT_MAX - 1));
        // SAFETY: the entry lies within the ring. Of the ring's entries only those from the kernel's
        // head to the published tail are the kernel's; with no more buffers than entries this one is
        // beyond them. The tail's bytes in the first entry are not among the fields written.
        unsafe {
            let address = self.memory.start().add(usize::from(id) * STRIDE);
            let entry = self.entries().add(at).as_mut();
            entry.set_addr(address as u64);
            entry.set_len(SIZE as u32);
            entry.set_bid(id);
        }
        self.tail = self.tail.wrapping_add(1);
    }

    fn entries(&self) -> NonNull<BufRingEntry> {
        NonNull::new(self.ring.start()).expect("a mapping is not at zero").cast()
    }
}

const _: () = assert!(COUNT_MAX.is_power_of_two() && COUNT_MAX <= 1 << 15, "what the kernel takes");
const _: () = assert!(SIZE <= u16::MAX as usize, "an offset fits its field");
