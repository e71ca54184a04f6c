//! Bytes in one allocation behind a thin pointer. The one rule: the first four bytes are the length of the
//! whole, little-endian, and only [`Block::resize`] writes them; the allocation's size follows from it.
//!
//! ```text
//!   *──▶ [length: u32][body ...][slack, never read]
//! ```
//!
//! A `Vec<u8>` is three words and has slack of its own; a `Box<[u8]>` is two. Among a million small
//! collections each word is 8 MB, which is why this is built by hand.

use std::alloc::{Layout, alloc, dealloc, handle_alloc_error, realloc};
use std::mem::size_of;
use std::ptr::NonNull;

/// What the length takes at the front.
pub(crate) const LENGTH_SIZE: usize = size_of::<u32>();

/// Three bits of the pointer are free for its owner's tags.
const ALIGNMENT: usize = 8;

/// Up to this many bytes an allocation is a multiple of 16, above of a 32nd of its size or so.
const SMALL: usize = 512;

/// Bytes with their length in front of them, in one allocation.
pub(crate) struct Block {
    /// An allocation of `layout(length)`, of which the first `length` bytes are initialized and start with
    /// `length` itself.
    start: NonNull<u8>,
}

// SAFETY: a block owns its allocation alone and has no interior mutability, as a `Vec<u8>`.
unsafe impl Send for Block {}
// SAFETY: as above: what a shared reference gives can only be read.
unsafe impl Sync for Block {}

/// What to ask of the allocator for this many bytes: few distinct sizes, so that growing by a little does
/// mostly not move, but at most 15 bytes or a sixteenth of slack.
const fn capacity(length: usize) -> usize {
    let step = if length <= SMALL { 16 } else { length.next_power_of_two() / 32 };
    length.next_multiple_of(step)
}

fn layout(length: usize) -> Layout {
    Layout::from_size_align(capacity(length), ALIGNMENT).expect("a u32 and a sixteenth is no overflow")
}

impl Block {
    /// A block of this length in all, with a body of zeros. It is never shorter than its own length field.
    pub(crate) fn zeroed(length: u32) -> Self {
        let length = length.max(LENGTH_SIZE as u32);
        let layout = layout(length as usize);
        // SAFETY: the layout is of at least sixteen bytes.
        let Some(start) = NonNull::new(unsafe { alloc(layout) }) else { handle_alloc_error(layout) };
        // SAFETY: the allocation is new, nobody else's, and at least `length` bytes long.
        unsafe { start.write_bytes(0, length as usize) };
        let mut block = Self { start };
        block.write_length(length);
        block
    }

    fn write_length(&mut self, length: u32) {
        // SAFETY: the allocation is longer than four bytes and is borrowed mutably; any alignment will do.
        unsafe { self.start.cast::<[u8; LENGTH_SIZE]>().write_unaligned(length.to_le_bytes()) };
    }

    /// The length in all, in bytes.
    pub(crate) fn len(&self) -> usize {
        // SAFETY: the first four bytes are there and are initialized; any alignment will do.
        let length = unsafe { self.start.cast::<[u8; LENGTH_SIZE]>().read_unaligned() };
        u32::from_le_bytes(length) as usize
    }

    /// What the allocation takes, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        capacity(self.len())
    }

    /// All of it, the length first.
    pub(crate) fn bytes(&self) -> &[u8] {
        // SAFETY: `len` bytes are initialized, and stay unchanged while the block is borrowed.
        unsafe { std::slice::from_raw_parts(self.start.as_ptr(), self.len()) }
    }

    /// What follows the length.
    pub(crate) fn body(&self) -> &[u8] {
        self.bytes().get(LENGTH_SIZE..).unwrap_or_default()
    }

    /// What follows the length, to be written.
    pub(crate) fn body_mut(&mut self) -> &mut [u8] {
        let length = self.len() - LENGTH_SIZE;
        // SAFETY: `zeroed` and `resize` see to it that at least four bytes are there; the rest is initialized
        // and borrowed mutably. The length itself is outside, so safe code can't falsify it.
        unsafe { std::slice::from_raw_parts_mut(self.start.as_ptr().add(LENGTH_SIZE), length) }
    }

    /// Cut off what is too much at the end, or append zeros.
    pub(crate) fn resize(&mut self, length: u32) {
        let length = length.max(LENGTH_SIZE as u32);
        let (old, new) = (self.len(), length as usize);
        let (old_layout, new_layout) = (layout(old), layout(new));
        if old_layout != new_layout {
            // SAFETY: allocated with this very layout; the new size is not zero and no overflow.
            let moved = unsafe { realloc(self.start.as_ptr(), old_layout, new_layout.size()) };
            let Some(moved) = NonNull::new(moved) else { handle_alloc_error(new_layout) };
            self.start = moved;
        }
        if let Some(more) = new.checked_sub(old) {
            // SAFETY: the allocation has at least `new` bytes now, of which the last `more` are written.
            unsafe { self.start.add(old).write_bytes(0, more) };
        }
        self.write_length(length);
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: allocated with the layout of this length, and not used again.
        unsafe { dealloc(self.start.as_ptr(), layout(self.len())) };
    }
}

impl Clone for Block {
    fn clone(&self) -> Self {
        let mut copy = Self::zeroed(self.len() as u32);
        copy.body_mut().copy_from_slice(self.body());
        copy
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_one_word_and_so_is_its_option() {
        assert_eq!(size_of::<Option<Block>>(), 8);
    }

    #[test]
    fn it_keeps_its_bytes_while_it_grows_and_shrinks() {
        let mut block = Block::zeroed(0);
        assert_eq!(block.bytes(), [4, 0, 0, 0]);
        for length in (5..3000u32).step_by(7).chain((5..3000).rev().step_by(11)) {
            block.resize(length);
            assert_eq!(block.len(), length as usize);
            assert!(block.heap_bytes() >= block.len());
            assert!(block.heap_bytes() <= block.len() + 15.max(block.len() / 16));
            if let Some(last) = block.body_mut().last_mut() {
                *last = length as u8;
            }
        }
        let copy = block.clone();
        assert_eq!(copy.bytes(), block.bytes());
        assert_eq!(&block.bytes()[..4], [7, 0, 0, 0]);
    }
}
