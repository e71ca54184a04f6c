//! Listpacks: small collections in one allocation, byte for byte Redis's. The one rule: every position and
//! every byte is checked where it is used, so that a stale position or a damaged dump gives a wrong answer
//! at worst, never a panic or a byte of someone else's.
//!
//! ```text
//!   *──▶ [bytes in all: u32][elements: u16][element]...[element][0xff]
//! ```
//!
//! Numbers are little-endian; 65535 elements means "count them". How an element looks is in [`element`]; the
//! allocation and its thin pointer are in [`block`]. A listpack takes up to 1 GiB, as in Redis: what would
//! make it larger is refused with [`Full`], and nothing is changed.

pub(crate) mod block;
mod element;
#[cfg(test)]
mod tests;

use block::{Block, LENGTH_SIZE};
use element::Element;
pub(crate) use element::{Item, Needle};

/// The most bytes of a listpack.
pub(crate) const BYTES_MAX: usize = 1 << 30;

/// What the count of elements takes.
const COUNT_SIZE: usize = size_of::<u16>();
/// The count that says nothing.
const COUNT_UNKNOWN: u16 = u16::MAX;
/// What ends the elements.
const END: u8 = 0xff;
/// Bytes of an empty listpack.
pub(crate) const EMPTY_BYTES: usize = LENGTH_SIZE + COUNT_SIZE + 1;

/// A small collection of texts and integers, in order.
#[derive(Clone)]
pub(crate) struct Listpack {
    /// Its body is everything but the length: the count, the elements, the end.
    block: Block,
}

/// Where an element stands. It holds as long as nothing before it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At(u32);

/// There is no room: the listpack would exceed [`BYTES_MAX`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a listpack would become larger than {BYTES_MAX} bytes")]
pub(crate) struct Full;

/// Where the first element would stand.
const FIRST: usize = COUNT_SIZE;

impl Listpack {
    /// An empty one.
    pub(crate) fn new() -> Self {
        let mut block = Block::zeroed(EMPTY_BYTES as u32);
        if let Some(last) = block.body_mut().last_mut() {
            *last = END;
        }
        Self { block }
    }

    /// The listpack that these bytes are, if every one of them is as it must be.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (length, body) = bytes.split_first_chunk::<LENGTH_SIZE>()?;
        let (count, rest) = body.split_first_chunk::<COUNT_SIZE>()?;
        let (end, elements) = rest.split_last()?;
        let (length, count) = (u32::from_le_bytes(*length), u16::from_le_bytes(*count));
        if length as usize != bytes.len() || bytes.len() > BYTES_MAX || *end != END {
            return None;
        }
        let counted = validated_count(elements)?;
        if count != COUNT_UNKNOWN && usize::from(count) != counted {
            return None;
        }
        let mut block = Block::zeroed(length);
        block.body_mut().copy_from_slice(body);
        let mut pack = Self { block };
        pack.write_count(counted);
        Some(pack)
    }

    /// A copy of bytes that [`as_bytes`](Self::as_bytes) gave, which are not looked at again.
    pub(crate) fn from_own_bytes(bytes: &[u8]) -> Self {
        if bytes.len() < EMPTY_BYTES || bytes.len() > BYTES_MAX {
            return Self::new();
        }
        let mut block = Block::zeroed(bytes.len() as u32);
        block.body_mut().copy_from_slice(bytes.get(LENGTH_SIZE..).unwrap_or_default());
        Self { block }
    }

    /// Redis's bytes of it, as DUMP and RDB files hold them.
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.block.bytes()
    }

    /// The length of [`as_bytes`](Self::as_bytes).
    pub(crate) fn byte_len(&self) -> usize {
        self.block.len()
    }

    /// What its allocation takes, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.block.heap_bytes()
    }

    /// How many elements. From 65535 on they are counted each time, as in Redis.
    pub(crate) fn len(&self) -> usize {
        match self.count() {
            COUNT_UNKNOWN => self.iter().count(),
            count => usize::from(count),
        }
    }

    /// Has it no element?
    pub(crate) fn is_empty(&self) -> bool {
        self.byte_len() <= EMPTY_BYTES
    }

    /// May elements whose texts have this many bytes in all be added? (Their heads are allowed for, generously.)
    pub(crate) fn has_room(&self, texts: usize) -> bool {
        const HEADS: usize = 1 << 16;
        self.byte_len().saturating_add(texts).saturating_add(HEADS) <= BYTES_MAX
    }

    /// The first element.
    pub(crate) fn first(&self) -> Option<At> {
        self.at(FIRST)
    }

    /// The last element.
    pub(crate) fn last(&self) -> Option<At> {
        self.before(self.end())
    }

    /// The element behind this one.
    pub(crate) fn next(&self, at: At) -> Option<At> {
        self.at(self.behind(at))
    }

    /// The element before this one.
    pub(crate) fn prev(&self, at: At) -> Option<At> {
        self.before(at.0 as usize)
    }

    /// The element here. A position that is none gives an empty text.
    pub(crate) fn get(&self, at: At) -> Item<'_> {
        let item = self.block.body().get(at.0 as usize..).and_then(element::read);
        debug_assert!(item.is_some(), "no element at {at:?}");
        item.map_or(Item::Bytes(&[]), |(item, _)| item)
    }

    /// The element with this index; -1 is the last one. It is walked to from whichever end is nearer.
    pub(crate) fn seek(&self, index: isize) -> Option<At> {
        let index = match self.count() {
            COUNT_UNKNOWN => index,
            count => {
                let count = count as isize;
                let forward = if index < 0 { index.checked_add(count)? } else { index };
                if !(0..count).contains(&forward) {
                    return None;
                }
                if forward > count / 2 { forward.wrapping_sub(count) } else { forward }
            }
        };
        let mut elements = self.elements();
        match usize::try_from(index) {
            Ok(steps) => {
                for _ in 0..steps {
                    elements = elements.get(whole_of_first(elements)?..)?;
                }
                self.at(self.end().checked_sub(elements.len())?)
            }
            Err(_) => {
                let steps = index.unsigned_abs().wrapping_sub(1);
                for _ in 0..steps {
                    elements =
                        elements.get(..elements.len().checked_sub(element::whole_of_last(elements)?)?)?;
                }
                self.before(FIRST.checked_add(elements.len())?)
            }
        }
    }

    /// The elements, from either end.
    pub(crate) fn iter(&self) -> Iter<'_> {
        Iter { elements: self.elements() }
    }

    /// The elements from this one on, from either end.
    pub(crate) fn iter_from(&self, at: At) -> Iter<'_> {
        Iter { elements: self.block.body().get(at.0 as usize..self.end()).unwrap_or_default() }
    }

    /// The elements before this one, from either end.
    pub(crate) fn iter_to(&self, at: At) -> Iter<'_> {
        Iter { elements: self.block.body().get(FIRST..at.0 as usize).unwrap_or_default() }
    }

    /// The first element equal to `needle`, looking at `from` and then, each time, past `skip` others: with 1,
    /// only the fields of fields and values.
    pub(crate) fn find(&self, from: At, needle: &[u8], skip: usize) -> Option<At> {
        let needle = Needle::new(needle);
        let mut rest = self.block.body().get(from.0 as usize..self.end())?;
        while !rest.is_empty() {
            let (item, size) = element::read(rest)?;
            if needle.is(item) {
                return self.at(self.end().checked_sub(rest.len())?);
            }
            rest = rest.get(element::whole(size)..)?;
            for _ in 0..skip {
                rest = rest.get(whole_of_first(rest)?..)?;
            }
        }
        None
    }

    /// Append this text.
    pub(crate) fn push_back(&mut self, text: &[u8]) -> Result<(), Full> {
        self.splice(self.end(), 0, &Element::of_text(text)).map(drop)
    }

    /// Append this integer.
    pub(crate) fn push_back_integer(&mut self, value: i64) -> Result<(), Full> {
        self.splice(self.end(), 0, &Element::of_integer(value)).map(drop)
    }

    /// Append these elements: all, or, if there is no room for all, none.
    pub(crate) fn push_back_all(&mut self, elements: &Elements) -> Result<(), Full> {
        let length = self.byte_len().saturating_add(elements.bytes.len());
        if length > BYTES_MAX {
            return Err(Full);
        }
        let end = self.end();
        self.block.resize(length as u32);
        let added = self.block.body_mut().get_mut(end..).and_then(<[u8]>::split_last_mut);
        if let Some((last, place)) = added {
            *last = END;
            place.copy_from_slice(&elements.bytes);
        }
        if self.count() != COUNT_UNKNOWN {
            self.write_count(usize::from(self.count()).saturating_add(elements.count));
        }
        Ok(())
    }

    /// Prepend this text.
    pub(crate) fn push_front(&mut self, text: &[u8]) -> Result<(), Full> {
        self.splice(FIRST, 0, &Element::of_text(text)).map(drop)
    }

    /// Put this text before the element here, and say where it stands now.
    pub(crate) fn insert_before(&mut self, at: At, text: &[u8]) -> Result<At, Full> {
        self.splice(at.0 as usize, 0, &Element::of_text(text))
    }

    /// Put this text behind the element here, and say where it stands.
    pub(crate) fn insert_after(&mut self, at: At, text: &[u8]) -> Result<At, Full> {
        self.splice(self.behind(at), 0, &Element::of_text(text))
    }

    /// Put this text in place of the element here, which keeps its position.
    pub(crate) fn replace(&mut self, at: At, text: &[u8]) -> Result<At, Full> {
        let old = self.behind(at).saturating_sub(at.0 as usize);
        self.splice(at.0 as usize, old, &Element::of_text(text))
    }

    /// Put this integer in place of the element here, which keeps its position.
    pub(crate) fn replace_integer(&mut self, at: At, value: i64) -> Result<At, Full> {
        let old = self.behind(at).saturating_sub(at.0 as usize);
        self.splice(at.0 as usize, old, &Element::of_integer(value))
    }

    /// Remove the element here, and say where the one behind it stands now.
    pub(crate) fn remove(&mut self, at: At) -> Option<At> {
        self.remove_range(at, 1)
    }

    /// Remove this many elements from here on, as far as there are so many, and say where the one behind them
    /// stands now.
    pub(crate) fn remove_range(&mut self, at: At, count: usize) -> Option<At> {
        let start = at.0 as usize;
        let mut rest = self.block.body().get(start..self.end())?;
        let before = rest.len();
        let mut removed = 0usize;
        while removed < count && !rest.is_empty() {
            rest = whole_of_first(rest).and_then(|whole| rest.get(whole..)).unwrap_or_default();
            removed = removed.saturating_add(1);
        }
        let behind = start.checked_add(before.checked_sub(rest.len())?)?;
        self.cut(start, behind);
        match self.count() {
            COUNT_UNKNOWN => self.recount(),
            count => self.write_count(usize::from(count).saturating_sub(removed)),
        }
        self.at(start)
    }

    /// Keep the elements that `keep` says so of, which is asked in order. Returns how many are gone.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(Item<'_>) -> bool) -> usize {
        let (mut read, mut written, mut kept, mut removed) = (FIRST, FIRST, 0usize, 0usize);
        while let Some((item, size)) = self.block.body().get(read..self.end()).and_then(element::read) {
            let behind = read.saturating_add(element::whole(size)).min(self.end());
            if keep(item) {
                if read != written {
                    self.block.body_mut().copy_within(read..behind, written);
                }
                written = written.saturating_add(behind.saturating_sub(read));
                kept = kept.saturating_add(1);
            } else {
                removed = removed.saturating_add(1);
            }
            read = behind;
        }
        if removed > 0 {
            self.cut(written, self.end());
            self.write_count(kept);
        }
        removed
    }

    /// Keep the elements before this one; those from it on are the result.
    pub(crate) fn split_off(&mut self, at: At) -> Self {
        let start = (at.0 as usize).min(self.end());
        let tail = self.block.body().get(start..).unwrap_or_default();
        let mut rest = Self::new();
        // A part of a listpack, with a header: it can't be too large.
        rest.block.resize(tail.len().saturating_add(LENGTH_SIZE + COUNT_SIZE) as u32);
        if let Some(place) = rest.block.body_mut().get_mut(FIRST..) {
            place.copy_from_slice(tail);
        }
        let moved = rest.iter().count();
        rest.write_count(moved);
        let left = self.len().saturating_sub(moved);
        self.cut(start, self.end());
        self.write_count(left);
        rest
    }

    /// Append all elements of `other`.
    pub(crate) fn append(&mut self, other: &Self) -> Result<(), Full> {
        let end = self.end();
        let length = self.byte_len().saturating_add(other.elements().len());
        if length > BYTES_MAX {
            return Err(Full);
        }
        let count = self.len().saturating_add(other.len());
        self.block.resize(length as u32);
        if let Some((last, place)) = self.block.body_mut().get_mut(end..).and_then(<[u8]>::split_last_mut) {
            place.copy_from_slice(other.elements());
            *last = END;
        }
        self.write_count(count);
        Ok(())
    }

    /// The offset of the byte that ends the elements, in the body, as all offsets here.
    fn end(&self) -> usize {
        self.block.body().len().saturating_sub(1)
    }

    /// The bytes of all elements.
    fn elements(&self) -> &[u8] {
        self.block.body().get(FIRST..self.end()).unwrap_or_default()
    }

    /// The position at this offset, if it is one of an element.
    fn at(&self, offset: usize) -> Option<At> {
        (offset < self.end()).then_some(At(offset as u32))
    }

    /// The element that ends at this offset.
    fn before(&self, offset: usize) -> Option<At> {
        let elements = self.block.body().get(FIRST..offset)?;
        if elements.is_empty() {
            return None;
        }
        self.at(offset.checked_sub(element::whole_of_last(elements)?)?.max(FIRST))
    }

    /// The offset behind the element here.
    fn behind(&self, at: At) -> usize {
        let start = at.0 as usize;
        let whole = self.block.body().get(start..self.end()).and_then(whole_of_first);
        start.saturating_add(whole.unwrap_or(0)).min(self.end())
    }

    /// The count as it is written.
    fn count(&self) -> u16 {
        self.block.body().first_chunk().map_or(0, |count| u16::from_le_bytes(*count))
    }

    fn write_count(&mut self, count: usize) {
        let count = u16::try_from(count).unwrap_or(COUNT_UNKNOWN);
        if let Some(place) = self.block.body_mut().first_chunk_mut() {
            *place = count.to_le_bytes();
        }
    }

    /// Find the count again once it is unknown: not before so few bytes are left that there is hope.
    fn recount(&mut self) {
        if self.elements().len() <= 2 * usize::from(COUNT_UNKNOWN) {
            self.write_count(self.iter().count());
        }
    }

    /// Put `element` in place of the `old` bytes at this offset: none, or those of one element.
    fn splice(&mut self, offset: usize, old: usize, element: &Element<'_>) -> Result<At, Full> {
        let offset = offset.clamp(FIRST, self.end());
        let behind = offset.saturating_add(old).min(self.end());
        let body = self.block.body().len();
        let (old, new) = (behind.saturating_sub(offset), element.len());
        let length = self.byte_len().saturating_sub(old).saturating_add(new);
        if length > BYTES_MAX {
            return Err(Full);
        }
        if new > old {
            self.block.resize(length as u32);
        }
        let place = offset.saturating_add(new);
        self.block.body_mut().copy_within(behind..body, place);
        if let Some(place) = self.block.body_mut().get_mut(offset..place) {
            element.write(place);
        }
        if new < old {
            self.block.resize(length as u32);
        }
        if old == 0 && self.count() != COUNT_UNKNOWN {
            self.write_count(usize::from(self.count()).saturating_add(1));
        }
        Ok(At(offset as u32))
    }

    /// Cut out the bytes between these offsets, which are those of whole elements. The count is the caller's.
    fn cut(&mut self, start: usize, behind: usize) {
        let removed = behind.saturating_sub(start);
        let length = self.byte_len().saturating_sub(removed);
        self.block.body_mut().copy_within(behind.., start);
        self.block.resize(length as u32);
    }
}

impl Default for Listpack {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for Listpack {
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl std::fmt::Debug for Listpack {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

/// Elements that are written down first, to be appended at once: a listpack that they are appended to one by one
/// grows for each of them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Elements {
    bytes: Vec<u8>,
    count: usize,
}

impl Elements {
    /// None yet, with room for so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), count: 0 }
    }

    /// Add this text.
    pub(crate) fn push(&mut self, text: &[u8]) {
        Element::of_text(text).append_to(&mut self.bytes);
        self.count = self.count.saturating_add(1);
    }

    /// Add this integer.
    pub(crate) fn push_integer(&mut self, value: i64) {
        match u8::try_from(value) {
            // Most integers of ours are that small, and an element so short is soon written.
            Ok(small @ 0..=127) => self.bytes.extend_from_slice(&[small, 1]),
            _ => Element::of_integer(value).append_to(&mut self.bytes),
        }
        self.count = self.count.saturating_add(1);
    }
}

/// What the first element of these takes in all.
fn whole_of_first(elements: &[u8]) -> Option<usize> {
    element::read(elements).map(|(_, size)| element::whole(size))
}

/// How many elements these bytes are, if they are elements from first to last, each with its true size at
/// its end, no longer than it need be.
fn validated_count(mut elements: &[u8]) -> Option<usize> {
    let mut count = 0usize;
    while !elements.is_empty() {
        let whole = whole_of_first(elements)?;
        let (this, rest) = elements.split_at_checked(whole)?;
        if element::whole_of_last(this) != Some(whole) {
            return None;
        }
        count = count.checked_add(1)?;
        elements = rest;
    }
    Some(count)
}

/// Iterates over the elements, from either end.
#[derive(Clone, Debug)]
pub(crate) struct Iter<'a> {
    /// The bytes of those that are left.
    elements: &'a [u8],
}

impl<'a> Iterator for Iter<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let (item, size) = element::read(self.elements)?;
        self.elements = self.elements.get(element::whole(size)..).unwrap_or_default();
        Some(item)
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let start = self.elements.len().checked_sub(element::whole_of_last(self.elements)?)?;
        let (rest, last) = self.elements.split_at_checked(start)?;
        self.elements = rest;
        element::read(last).map(|(item, _)| item)
    }
}

impl std::iter::FusedIterator for Iter<'_> {}
