//! A node of a list: a listpack, that listpack compressed, or one element by itself. The one rule: a node knows
//! how many elements it has without touching its allocation, so that walking to an index stays in the chain.

use super::{End, Part};
use crate::store::limits::Limits;
use crate::store::listpack::{EMPTY_BYTES, Full, Item, Listpack, Needle};
use crate::store::lzf;
use crate::store::thin::Thin;
use std::borrow::Cow;
use std::ops::{ControlFlow, Range};

/// The least bytes of a listpack that are worth compressing.
const COMPRESSED_MIN: usize = 48;
/// The least bytes that compressing has to save.
const SAVED_MIN: usize = 8;
/// What the length of the listpack takes, in front of the compressed bytes.
const LENGTH_SIZE: usize = size_of::<u32>();
/// The most bytes of a node that is bounded by its number of elements.
const COUNTED_BYTES_MAX: usize = 8192;
/// What an element takes beside its text, about.
const ELEMENT_OVERHEAD: usize = 8;
/// What an element takes beside its text, at most.
const ELEMENT_OVERHEAD_MAX: usize = 16;
/// The largest number of elements that can be configured.
const COUNT_MAX: usize = (1 << 15) - 1;

/// From which end to which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// From the first to the last.
    Forward,
    /// From the last to the first.
    Backward,
}

/// A few elements of a list.
#[derive(Clone, Debug)]
pub(super) enum Node {
    /// A listpack, and how many elements it has.
    Packed(u32, Listpack),
    /// The same, compressed: its length in bytes, and then LZF.
    Compressed(u32, Thin),
    /// One element, too long for a listpack.
    Plain(Thin),
}

/// Whether an element of this length gets a node of its own.
pub(super) fn is_plain(length: usize, limits: &Limits) -> bool {
    const LONGEST: usize = crate::store::listpack::BYTES_MAX - EMPTY_BYTES - ELEMENT_OVERHEAD_MAX;
    length >= limits.list_plain_bytes.min(LONGEST)
}

/// Whether a node may have this many bytes and this many elements.
fn is_within(bytes: usize, count: usize, limits: &Limits) -> bool {
    const SIZES: [usize; 5] = [4096, 8192, 16_384, 32_768, 65_536];
    match usize::try_from(limits.list_listpack_size) {
        Ok(most) => bytes <= COUNTED_BYTES_MAX && count <= most.min(COUNT_MAX),
        Err(_) => {
            let class = limits.list_listpack_size.unsigned_abs() as usize;
            SIZES.get(class.saturating_sub(1)).or(SIZES.last()).is_some_and(|most| bytes <= *most)
        }
    }
}

impl Node {
    /// A node without elements.
    pub(super) fn new() -> Self {
        Self::Packed(0, Listpack::new())
    }

    /// A node of one element.
    pub(super) fn of(text: &[u8], limits: &Limits) -> Self {
        if !is_plain(text.len(), limits) {
            let mut pack = Listpack::new();
            if pack.push_back(text).is_ok() {
                return Self::Packed(1, pack);
            }
        }
        Self::Plain(Thin::concat(0, &[text]))
    }

    /// A node of these elements.
    pub(super) fn packed(pack: Listpack) -> Self {
        Self::Packed(u32::try_from(pack.len()).unwrap_or(u32::MAX), pack)
    }

    /// How many elements it has.
    pub(super) fn len(&self) -> usize {
        match self {
            Self::Packed(count, _) | Self::Compressed(count, _) => *count as usize,
            Self::Plain(_) => 1,
        }
    }

    /// What it takes, in bytes.
    pub(super) fn heap_bytes(&self) -> usize {
        match self {
            Self::Packed(_, pack) => pack.heap_bytes(),
            Self::Compressed(_, bytes) | Self::Plain(bytes) => bytes.heap_bytes(),
        }
    }

    /// May an element of this length be added?
    pub(super) fn admits(&self, length: usize, limits: &Limits) -> bool {
        match self {
            _ if is_plain(length, limits) => false,
            // The first element has to stand somewhere.
            Self::Packed(0, _) => true,
            Self::Packed(count, pack) => {
                let bytes = pack.byte_len().saturating_add(length).saturating_add(ELEMENT_OVERHEAD);
                is_within(bytes, (*count as usize).saturating_add(1), limits)
            }
            // Its length in bytes stands at its front.
            Self::Compressed(count, bytes) => {
                let bytes = unpacked_length(bytes).saturating_add(length).saturating_add(ELEMENT_OVERHEAD);
                is_within(bytes, (*count as usize).saturating_add(1), limits)
            }
            Self::Plain(_) => false,
        }
    }

    /// May the elements of both be in one node?
    pub(super) fn admits_all_of(&self, other: &Self, limits: &Limits) -> bool {
        let (Some(bytes), Some(more)) = (self.pack_bytes(), other.pack_bytes()) else { return false };
        is_within(bytes.saturating_add(more), self.len().saturating_add(other.len()), limits)
    }

    /// The length of its listpack, in bytes.
    fn pack_bytes(&self) -> Option<usize> {
        match self {
            Self::Packed(_, pack) => Some(pack.byte_len()),
            Self::Compressed(_, bytes) => Some(unpacked_length(bytes)),
            Self::Plain(_) => None,
        }
    }

    /// What it holds, to write out.
    pub(super) fn part(&self) -> Part<'_> {
        match self {
            Self::Packed(_, pack) => Part::Packed(Cow::Borrowed(pack)),
            Self::Compressed(_, bytes) => Part::Packed(Cow::Owned(unpacked(bytes))),
            Self::Plain(bytes) => Part::Plain(bytes.bytes()),
        }
    }

    /// Its listpack, to change: not compressed any more. The number of elements is to be kept up to date.
    pub(super) fn pack_mut(&mut self) -> Option<(&mut u32, &mut Listpack)> {
        self.decompress();
        match self {
            Self::Packed(count, pack) => Some((count, pack)),
            _ => None,
        }
    }

    /// Compress it, if that saves anything.
    pub(super) fn compress(&mut self) {
        let Self::Packed(count, pack) = self else { return };
        let (length, bytes) = (pack.byte_len(), pack.as_bytes());
        if length < COMPRESSED_MIN {
            return;
        }
        if let Some(packed) = lzf::compress(bytes, length.saturating_sub(SAVED_MIN)) {
            let head = u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes();
            *self = Self::Compressed(*count, Thin::concat(0, &[&head, &packed]));
        }
    }

    /// Undo [`compress`](Self::compress).
    pub(super) fn decompress(&mut self) {
        if let Self::Compressed(count, bytes) = self {
            *self = Self::Packed(*count, unpacked(bytes));
        }
    }

    /// Put an element before the one with this index, or behind the last.
    pub(super) fn insert(&mut self, index: usize, text: &[u8]) -> Result<(), Full> {
        let (count, pack) = self.pack_mut().ok_or(Full)?;
        let place =
            if index == 0 { None } else { isize::try_from(index).ok().and_then(|index| pack.seek(index)) };
        match place {
            None if index == 0 => pack.push_front(text)?,
            Some(at) => pack.insert_before(at, text).map(drop)?,
            None => pack.push_back(text)?,
        }
        *count = count.saturating_add(1);
        Ok(())
    }

    /// Remove elements by their indices; the node may be left empty.
    pub(super) fn remove(&mut self, range: Range<usize>) {
        if let Self::Plain(_) = self {
            if !range.is_empty() {
                *self = Self::new();
            }
            return;
        }
        let Some((count, pack)) = self.pack_mut() else { return };
        let removed = range.end.min(*count as usize).saturating_sub(range.start);
        if removed == 0 {
            return;
        }
        if let Some(at) = isize::try_from(range.start).ok().and_then(|index| pack.seek(index)) {
            pack.remove_range(at, removed);
            *count = count.saturating_sub(u32::try_from(removed).unwrap_or(u32::MAX));
        }
    }

    /// Keep the elements before this index; those from it on are the result.
    pub(super) fn split_off(&mut self, index: usize) -> Self {
        let Some((count, pack)) = self.pack_mut() else { return Self::new() };
        match isize::try_from(index).ok().and_then(|index| pack.seek(index)) {
            Some(at) => {
                let rest = Self::packed(pack.split_off(at));
                *count = count.saturating_sub(u32::try_from(rest.len()).unwrap_or(u32::MAX));
                rest
            }
            None => Self::new(),
        }
    }

    /// Append the elements of another node, if both are listpacks; else give it back.
    pub(super) fn append(&mut self, mut other: Self) -> Result<(), Self> {
        if let (Some((count, pack)), Some((more, tail))) = (self.pack_mut(), other.pack_mut())
            && pack.append(tail).is_ok()
        {
            *count = count.saturating_add(*more);
            return Ok(());
        }
        Err(other)
    }

    /// Replace an element, if the node has room for that.
    pub(super) fn replace(&mut self, index: usize, text: &[u8], limits: &Limits) -> bool {
        let Some((count, pack)) = self.pack_mut() else { return false };
        let Some(at) = isize::try_from(index).ok().and_then(|index| pack.seek(index)) else { return false };
        let old = pack.get(at).text_length();
        let bytes = pack.byte_len().saturating_sub(old).saturating_add(text.len());
        let fits = *count == 1 || text.len() <= old || is_within(bytes, *count as usize, limits);
        fits && !is_plain(text.len(), limits) && pack.replace(at, text).is_ok()
    }

    /// Take the element at an end, and return what `take` makes of it.
    pub(super) fn pop<T>(&mut self, end: End, take: impl FnOnce(Item<'_>) -> T) -> Option<T> {
        if let Self::Plain(bytes) = self {
            let taken = take(Item::Bytes(bytes.bytes()));
            *self = Self::new();
            return Some(taken);
        }
        let (count, pack) = self.pack_mut()?;
        let at = if end == End::Front { pack.first() } else { pack.last() }?;
        let taken = take(pack.get(at));
        pack.remove(at);
        *count = count.saturating_sub(1);
        Some(taken)
    }

    /// Remove up to `most` elements that the needle is equal to, the first ones in this direction. Returns how
    /// many.
    pub(super) fn remove_equal(&mut self, needle: Needle<'_>, most: usize, direction: Direction) -> usize {
        let mut equal = 0usize;
        let _ = self.visit(0..self.len(), Direction::Forward, &mut |item| {
            equal = equal.saturating_add(usize::from(needle.is(item)));
            ControlFlow::Continue(())
        });
        let removed = equal.min(most);
        if removed == 0 {
            // A compressed node stays so.
            return 0;
        }
        let Some((count, pack)) = self.pack_mut() else {
            *self = Self::new();
            return removed;
        };
        let mut spared = if direction == Direction::Forward { 0 } else { equal.saturating_sub(removed) };
        let mut left = removed;
        pack.retain(|item| {
            if left == 0 || !needle.is(item) {
                return true;
            }
            if spared > 0 {
                spared = spared.saturating_sub(1);
                return true;
            }
            left = left.saturating_sub(1);
            false
        });
        *count = count.saturating_sub(u32::try_from(removed).unwrap_or(u32::MAX));
        removed
    }

    /// Visit the elements with these indices, of which there are so many.
    pub(super) fn visit(
        &self,
        range: Range<usize>,
        direction: Direction,
        visit: &mut impl FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        if range.is_empty() {
            return ControlFlow::Continue(());
        }
        let pack = match self {
            Self::Plain(bytes) => return visit(Item::Bytes(bytes.bytes())),
            Self::Packed(_, pack) => Cow::Borrowed(pack),
            Self::Compressed(_, bytes) => Cow::Owned(unpacked(bytes)),
        };
        let index = |index: usize| isize::try_from(index).unwrap_or(isize::MAX);
        match direction {
            Direction::Forward => {
                let Some(at) = pack.seek(index(range.start)) else { return ControlFlow::Continue(()) };
                pack.iter_from(at).take(range.len()).try_for_each(visit)
            }
            Direction::Backward => {
                let iter = match pack.seek(index(range.end)) {
                    Some(at) => pack.iter_to(at),
                    None => pack.iter(),
                };
                iter.rev().take(range.len()).try_for_each(visit)
            }
        }
    }
}

/// The length of the listpack that was compressed.
fn unpacked_length(bytes: &Thin) -> usize {
    bytes.bytes().first_chunk::<LENGTH_SIZE>().map_or(0, |length| u32::from_le_bytes(*length) as usize)
}

fn unpacked(bytes: &Thin) -> Listpack {
    let packed = bytes.bytes().get(LENGTH_SIZE..).unwrap_or_default();
    let unpacked = lzf::decompress(packed, unpacked_length(bytes));
    debug_assert!(unpacked.is_some(), "we compressed it");
    Listpack::from_own_bytes(&unpacked.unwrap_or_default())
}
