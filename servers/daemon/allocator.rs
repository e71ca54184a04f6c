//! The allocator: mimalloc, and how much it has handed out. The one rule: counting costs a thread a few
//! instructions and no shared cache line, but once every 64 KiB.
//! Measured: a vector made and dropped takes 9.0 ns with it and 8.0 ns without (median of ten rounds of 20 million).
//!
//! Its size classes are counted, not what was asked for: those are what memory is used for. They are computed
//! (four to each doubling, as mimalloc divides them) because asking mimalloc would touch the block's page.

use mimalloc::MiMalloc;
use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, AtomicUsize, Ordering::Relaxed};

/// mimalloc, counted.
///
/// Its version 2 is best where each entry is one allocation: a million keys with 16 bytes each take 65 bytes a key
/// with it. Version 3 would take 82: it rounds what is aligned to 8 bytes up to the next power of two.
pub(crate) struct Counting;

/// What a thread may have allocated, or freed, before it tells all.
const UNTOLD_MAX: isize = 64 * 1024;

static TOLD: AtomicIsize = AtomicIsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    static UNTOLD: Cell<isize> = const { Cell::new(0) };
}

/// How many bytes are allocated. Other threads' last 64 KiB may be missing.
pub(crate) fn used() -> usize {
    let used = TOLD.load(Relaxed).saturating_add(UNTOLD.get());
    usize::try_from(used).unwrap_or(0)
}

/// The most that ever were.
pub(crate) fn peak() -> usize {
    PEAK.load(Relaxed).max(used())
}

unsafe extern "C" {
    /// Of mimalloc, which is linked in.
    safe fn mi_collect(force: bool);
}

/// Give what is not in use back to the system.
pub(crate) fn purge() {
    mi_collect(true);
}

#[inline]
fn count(bytes: isize) {
    let untold = UNTOLD.get().wrapping_add(bytes);
    UNTOLD.set(untold);
    if untold.unsigned_abs() > UNTOLD_MAX.unsigned_abs() {
        tell(untold);
    }
}

#[cold]
fn tell(untold: isize) {
    UNTOLD.set(0);
    let used = TOLD.fetch_add(untold, Relaxed).wrapping_add(untold);
    PEAK.fetch_max(usize::try_from(used).unwrap_or(0), Relaxed);
}

/// The bytes that a block of this size takes.
#[inline]
fn class_of(size: usize) -> isize {
    const WORD: usize = size_of::<usize>();
    let words = size.div_ceil(WORD).max(1);
    let words = if words <= 8 {
        // Two words at a time, for alignment.
        words.next_multiple_of(2)
    } else {
        let step = 1 << (words - 1).ilog2().saturating_sub(2);
        words.next_multiple_of(step)
    };
    (words * WORD) as isize
}

// SAFETY: every call is passed on to an allocator that keeps the contract, with the arguments it came with.
// Counting allocates nothing: its thread-local needs neither initialization nor a destructor.
unsafe impl GlobalAlloc for Counting {
    #[inline]
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract.
        let block = unsafe { MiMalloc.alloc(layout) };
        if !block.is_null() {
            count(class_of(layout.size()));
        }
        block
    }

    #[inline]
    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the contract.
        let block = unsafe { MiMalloc.alloc_zeroed(layout) };
        if !block.is_null() {
            count(class_of(layout.size()));
        }
        block
    }

    #[inline]
    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        count(-class_of(layout.size()));
        // SAFETY: the caller keeps the contract.
        unsafe { MiMalloc.dealloc(block, layout) }
    }

    #[inline]
    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller keeps the contract.
        let moved = unsafe { MiMalloc.realloc(block, layout, size) };
        if !moved.is_null() {
            count(class_of(size).wrapping_sub(class_of(layout.size())));
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_rounded_to_their_class() {
        for (size, class) in [
            (0, 16),
            (1, 16),
            (16, 16),
            (17, 32),
            (64, 64),
            (65, 80),
            (96, 96),
            (129, 160),
            (1000, 1024),
            (1025, 1280),
            (100_000, 114_688),
        ] {
            assert_eq!(class_of(size), class, "{size}");
        }
    }

    #[test]
    fn what_is_allocated_is_counted_until_it_is_freed() {
        let before = used();
        let block = vec![0u8; 1 << 20];
        assert!(used() >= before + (1 << 20));
        assert!(peak() >= used());
        drop(block);
        // Other tests allocate meanwhile, but not a megabyte.
        assert!(used() < before + (1 << 20));
    }
}
