//! Bytes in one allocation behind one pointer. The one rule: the allocation is exactly what its header
//! says, rounded up to the allocator's step, so that neither capacity nor slack needs room.
//!
//! ```text
//!  start ─► ┌──────────────┬──────────┬───────────────────────┐
//!           │ length: 48   │ mark: 16 │ bytes                 │
//!           └──────────────┴──────────┴───────────────────────┘
//! ```
//!
//! The mark is its owner's: the width of a set's integers, the length of a hash's field. A `Box<[u8]>`
//! takes 16 bytes where this takes 8 (and 8 in the allocation, which hold the mark as well): with it a
//! collection and its kind fit into 16 bytes.

use std::alloc::{self, Layout};
use std::fmt;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

const HEADER_BYTES: usize = size_of::<u64>();
/// Allocators hand out multiples of this: what is between belongs to nobody.
const STEP_BYTES: usize = 16;
const LENGTH_BITS: u32 = 48;
const LENGTH_MAX: usize = (1 << LENGTH_BITS) - 1;

/// What an empty one points to; nothing is ever written here.
static EMPTY: u64 = 0;

/// Bytes and a mark, in one allocation; no allocation at all while it is new.
pub(crate) struct Thin {
    /// The header: `EMPTY`, or the start of an allocation of ours of `layout(length)`.
    start: NonNull<u64>,
}

// SAFETY: the allocation belongs to this value alone, and `EMPTY` is never written.
unsafe impl Send for Thin {}
// SAFETY: a shared reference only reads.
unsafe impl Sync for Thin {}

impl Thin {
    /// No bytes, mark 0.
    pub(crate) fn new() -> Self {
        Self { start: NonNull::from(&EMPTY) }
    }

    /// Zeros, as many as `length`.
    ///
    /// # Panics
    /// If there are more than 2^48 - 1: memory would have run out before.
    pub(crate) fn zeroed(mark: u16, length: usize) -> Self {
        if mark == 0 && length == 0 {
            return Self::new();
        }
        let layout = layout(length);
        // SAFETY: the layout holds at least the header, so it is not empty.
        let start = unsafe { alloc::alloc_zeroed(layout) };
        let start = NonNull::new(start.cast()).unwrap_or_else(|| alloc::handle_alloc_error(layout));
        let mut thin = Self { start };
        thin.set_header(mark, length);
        thin
    }

    /// The parts, one behind the other.
    pub(crate) fn concat(mark: u16, parts: &[&[u8]]) -> Self {
        let length = parts.iter().fold(0usize, |sum, part| sum.saturating_add(part.len()));
        let mut thin = Self::zeroed(mark, length);
        let mut rest = thin.bytes_mut();
        for part in parts {
            let (place, behind) = rest.split_at_mut(part.len());
            place.copy_from_slice(part);
            rest = behind;
        }
        thin
    }

    fn header(&self) -> u64 {
        // SAFETY: `start` points to `EMPTY` or to an allocation of ours, which begins with the header.
        unsafe { self.start.read() }
    }

    /// The caller has seen that there is an allocation of `layout(length)`.
    fn set_header(&mut self, mark: u16, length: usize) {
        debug_assert!(length <= LENGTH_MAX && !self.is_static());
        // SAFETY: an allocation begins with the header, and `&mut self` has it alone.
        unsafe { self.start.write(length as u64 | u64::from(mark) << LENGTH_BITS) };
    }

    fn is_static(&self) -> bool {
        self.start == NonNull::from(&EMPTY)
    }

    /// How many bytes there are.
    pub(crate) fn len(&self) -> usize {
        (self.header() & LENGTH_MAX as u64) as usize
    }

    /// What the owner noted.
    pub(crate) fn mark(&self) -> u16 {
        (self.header() >> LENGTH_BITS) as u16
    }

    /// Note something else.
    #[cfg(test)]
    pub(crate) fn set_mark(&mut self, mark: u16) {
        if self.is_static() {
            *self = Self::zeroed(mark, 0);
        } else {
            self.set_header(mark, self.len());
        }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: an allocation has `length` bytes behind its header, all of them initialised; behind
        // `EMPTY` there are none, and its end is still a place to point to.
        unsafe { std::slice::from_raw_parts(self.start.add(1).cast::<u8>().as_ptr(), self.len()) }
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        // SAFETY: as in `bytes`; `&mut self` has them alone, and of `EMPTY` it is an empty slice.
        unsafe { std::slice::from_raw_parts_mut(self.start.add(1).cast::<u8>().as_ptr(), self.len()) }
    }

    /// Cut the end off, or add zeros to it.
    ///
    /// # Panics
    /// As [`Thin::zeroed`] does.
    pub(crate) fn resize(&mut self, length: usize) {
        let (before, mark) = (self.len(), self.mark());
        if self.is_static() {
            *self = Self::zeroed(mark, length);
            return;
        }
        let (old, new) = (layout(before), layout(length));
        if old.size() != new.size() {
            // SAFETY: this is an allocation of ours with the layout `old`; the new size is not zero and
            // was checked by `layout`.
            let start = unsafe { alloc::realloc(self.start.as_ptr().cast(), old, new.size()) };
            self.start = NonNull::new(start.cast()).unwrap_or_else(|| alloc::handle_alloc_error(new));
        }
        if let Some(more) = length.checked_sub(before) {
            // SAFETY: from `before` on there are `more` bytes in the allocation, written before anyone
            // can read them.
            unsafe { self.start.add(1).cast::<u8>().add(before).write_bytes(0, more) };
        }
        self.set_header(mark, length);
    }

    /// Take `count` bytes out from `at` on; what lies behind moves up.
    ///
    /// # Panics
    /// If there are not that many.
    pub(crate) fn remove(&mut self, at: usize, count: usize) {
        let left = self.len().checked_sub(count).expect("there are as many bytes");
        self.bytes_mut().copy_within(at + count.., at);
        self.resize(left);
    }

    /// Move what is from `at` on `count` bytes back; what the gap holds is to be written by the caller.
    ///
    /// # Panics
    /// If `at` is behind the end.
    pub(crate) fn insert_gap(&mut self, at: usize, count: usize) {
        let before = self.len();
        self.resize(before.saturating_add(count));
        self.bytes_mut().copy_within(at..before, at + count);
    }

    /// Where the header is: what is read first, known without reading it.
    pub(crate) fn address(&self) -> *const u8 {
        self.start.as_ptr().cast()
    }

    /// What the allocation takes.
    pub(crate) fn heap_bytes(&self) -> usize {
        if self.is_static() { 0 } else { layout(self.len()).size() }
    }
}

/// The allocation for so many bytes.
fn layout(length: usize) -> Layout {
    assert!(length <= LENGTH_MAX, "more bytes than there is memory");
    let size = (HEADER_BYTES + length).next_multiple_of(STEP_BYTES);
    Layout::from_size_align(size, align_of::<u64>()).expect("far below the largest size")
}

/// Where the bytes of a [`Thin`] are, for a second structure beside the one that owns it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Alias {
    start: NonNull<u64>,
}

// SAFETY: it is only an address; whoever reads there has to see to it that the owner is still there.
unsafe impl Send for Alias {}
// SAFETY: as above.
unsafe impl Sync for Alias {}

impl Thin {
    /// Where its bytes are.
    pub(crate) fn alias(&self) -> Alias {
        Alias { start: self.start }
    }
}

impl Alias {
    /// The bytes.
    ///
    /// # Safety
    /// As long as `'a` lasts, the [`Thin`] must be owned by someone, who neither resizes it nor writes to it.
    pub(crate) unsafe fn bytes<'a>(self) -> &'a [u8] {
        let thin = ManuallyDrop::new(Thin { start: self.start });
        let bytes: *const [u8] = thin.bytes();
        // SAFETY: the caller vouches for the owner, and `thin` above was not dropped.
        unsafe { &*bytes }
    }
}

impl Drop for Thin {
    fn drop(&mut self) {
        if !self.is_static() {
            // SAFETY: an allocation of ours, made or last resized with this layout.
            unsafe { alloc::dealloc(self.start.as_ptr().cast(), layout(self.len())) };
        }
    }
}

impl Clone for Thin {
    fn clone(&self) -> Self {
        Self::concat(self.mark(), &[self.bytes()])
    }
}

impl PartialEq for Thin {
    fn eq(&self, other: &Self) -> bool {
        self.mark() == other.mark() && self.bytes() == other.bytes()
    }
}

impl fmt::Debug for Thin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:\"{}\"", self.mark(), self.bytes().escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn it_takes_one_pointer_and_a_new_one_no_allocation() {
        assert_eq!(size_of::<Thin>(), 8);
        assert_eq!(size_of::<Option<Thin>>(), 8);
        assert_eq!(Thin::new().heap_bytes(), 0);
        assert_eq!(Thin::concat(0, &[b"12345678"]).heap_bytes(), 16);
        assert_eq!(Thin::concat(0, &[b"123456789"]).heap_bytes(), 32);
    }

    #[test]
    fn a_mark_is_kept_without_bytes() {
        let mut thin = Thin::new();
        thin.set_mark(7);
        assert_eq!((thin.mark(), thin.len()), (7, 0));
        thin.resize(100);
        thin.resize(0);
        assert_eq!((thin.mark(), thin.bytes()), (7, &[][..]));
        thin.set_mark(0);
        assert_eq!(thin, Thin::new());
    }

    #[derive(Clone, Debug)]
    enum Step {
        Resize(usize),
        Remove(usize, usize),
        Insert(usize, Vec<u8>),
        Mark(u16),
        Clone,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (0..100usize).prop_map(Step::Resize),
            any::<(usize, usize)>().prop_map(|(at, count)| Step::Remove(at, count)),
            (any::<usize>(), prop::collection::vec(any::<u8>(), 0..40))
                .prop_map(|(at, bytes)| Step::Insert(at, bytes)),
            any::<u16>().prop_map(Step::Mark),
            Just(Step::Clone),
        ]
    }

    proptest! {
        #[test]
        fn it_does_as_a_vector_does(steps in prop::collection::vec(step(), 0..40)) {
            let (mut thin, mut vector, mut mark) = (Thin::new(), Vec::new(), 0);
            for step in steps {
                match step {
                    Step::Resize(length) => {
                        thin.resize(length);
                        vector.resize(length, 0);
                    }
                    Step::Remove(at, count) => {
                        let at = at % (vector.len() + 1);
                        let count = count % (vector.len() - at + 1);
                        thin.remove(at, count);
                        vector.drain(at..at + count);
                    }
                    Step::Insert(at, bytes) => {
                        let at = at % (vector.len() + 1);
                        thin.insert_gap(at, bytes.len());
                        thin.bytes_mut()[at..at + bytes.len()].copy_from_slice(&bytes);
                        vector.splice(at..at, bytes);
                    }
                    Step::Mark(new) => {
                        thin.set_mark(new);
                        mark = new;
                    }
                    Step::Clone => thin = thin.clone(),
                }
                prop_assert_eq!(thin.bytes(), &vector[..]);
                prop_assert_eq!(thin.mark(), mark);
            }
        }
    }
}
