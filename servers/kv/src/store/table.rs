//! The hash table of the keyspace and of large collections, made for the cache line and growing step by
//! step. The one rule: no call touches more than one segment, so none waits for a rehash.
//!
//! Extendible hashing (Fagin et al., 1979), with segments that are small open-addressed tables:
//!
//! ```text
//! hash    63 ........ 32 31 ........ 8 7 .. 0
//!         directory      home bucket   tag
//!
//! directory  [ 0 | 0 | 1 | 2 ]                by the top `depth` bits; several places may name one segment
//!              |       |   |
//! segments   [ 0, depth 1 ][ 1, depth 2 ]...  buckets, count, and the prefix all its hashes share
//!                  |
//! buckets    [ 64 bytes ] x 64                4 KiB; a young table has one segment of 1, 2, 4 ... buckets
//!
//! bucket     | tag x 7 | passed |  slot  |  slot  |  slot  |  slot  |  slot  |  slot  |  slot  |
//!            0         7        8       16       24       32       40       48       56       64
//! ```
//!
//! A lookup reads the directory (small, so near), one line of tags and slots, and the element. An element that
//! finds its home bucket full goes on to the next with room, round the segment's end; each bucket that it passes
//! counts it in `passed`, so a search ends at the first bucket that nobody has passed, and removing an element
//! needs no tombstone.
//!
//! At seven eighths full, a segment splits by the next bit of the hash; two that together fill less than two fifths of
//! one merge again. The directory doubles when a segment is as deep as the directory itself, and copies only
//! its own 4-byte places. If ever hashes share so long a prefix that the directory would grow out of proportion, the
//! segment gets more buckets instead: a broken hash costs time, never memory.

mod keyed;
mod prefetch;
mod text;

pub(crate) use keyed::{Keyed, hash_of, seed_hashes};
pub(crate) use text::Text;

use ropewalk_reactor::random::Random;
use std::fmt;

/// Elements of a bucket.
const SLOTS: usize = 7;
/// Buckets of a segment that is not the only one.
const SEGMENT_BUCKETS: usize = 64;
/// The longest prefix of the hash that the directory goes by, in bits; the rest chooses bucket and tag.
const DEPTH_MAX: u8 = 32;
/// The directory doubles only while it has at most this many places a segment. A good hash needs two to four.
const PLACES_A_SEGMENT_MAX: usize = 16;

/// What a small element takes: as much of it is fetched ahead.
const SMALL_BYTES: usize = 48;

/// What a table can hold: an owning pointer to something that has a key.
///
/// It is eight bytes, and `Option` of it too: a `Box`, or one of the thin types here.
pub(crate) trait Element {
    /// What the element is found by. It never changes while the element is in a table.
    fn key(&self) -> &[u8];

    /// What is read first when the key is compared; must be known without reading it.
    fn address(&self) -> *const u8;
}

/// A hash table of elements, found by their keys.
///
/// Where a method takes a hash, it is [`hash_of`] the key: whoever asks several tables, or one twice, computes it once.
#[derive(Clone)]
pub(crate) struct Table<T> {
    /// By the top `depth` bits of the hash: which segment. Empty as long as nothing was ever inserted.
    directory: Vec<u32>,
    segments: Vec<Segment<T>>,
    len: usize,
    /// The directory has 1 << depth places.
    depth: u8,
    /// Segments that only one place of the directory names: as long as there are any, it cannot be halved.
    deepest: u32,
    /// The most buckets that any segment ever had.
    widest: usize,
}

/// The elements whose hashes begin with the `depth` bits `prefix`.
#[derive(Clone)]
struct Segment<T> {
    /// A power of two of them: [`SEGMENT_BUCKETS`], fewer in a young table, more under a broken hash.
    buckets: Box<[Bucket<T>]>,
    count: u32,
    prefix: u32,
    depth: u8,
}

/// One cache line.
#[derive(Clone)]
#[repr(C, align(64))]
struct Bucket<T> {
    /// Bytes 0 to 6: the slots' tags, 0 where a slot is empty. Byte 7: how many elements went past this bucket because
    /// it was full; 255 stays 255, which is never too few.
    word: u64,
    slots: [Option<T>; SLOTS],
}

/// Where an element is.
#[derive(Clone, Copy)]
struct Place {
    segment: usize,
    bucket: usize,
    slot: usize,
}

impl<T: Element> Table<T> {
    /// A table without elements, which takes no memory yet.
    pub(crate) const fn new() -> Self {
        const { assert!(size_of::<Bucket<T>>() == 64, "an element is a pointer, and never null") };
        Self { directory: Vec::new(), segments: Vec::new(), len: 0, depth: 0, deepest: 0, widest: 1 }
    }

    /// How many elements there are.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The element with this key.
    pub(crate) fn find(&self, key: &[u8]) -> Option<&T> {
        self.find_hashed(hash_of(key), key)
    }

    /// As [`find`](Self::find), with the key's hash.
    pub(crate) fn find_hashed(&self, hash: u64, key: &[u8]) -> Option<&T> {
        let place = self.place_of(hash, has_key(key))?;
        self.segments[place.segment].buckets[place.bucket].slots[place.slot].as_ref()
    }

    /// The element with this key, to change or to put another with the same key in its place.
    pub(crate) fn find_mut(&mut self, key: &[u8]) -> Option<&mut T> {
        self.find_hashed_mut(hash_of(key), key)
    }

    /// As [`find_mut`](Self::find_mut), with the key's hash.
    pub(crate) fn find_hashed_mut(&mut self, hash: u64, key: &[u8]) -> Option<&mut T> {
        self.find_where_mut(hash, has_key(key))
    }

    /// The element with a key of this hash that is the one, to change; no key is looked at.
    pub(crate) fn find_where_mut(&mut self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<&mut T> {
        let place = self.place_of(hash, is_it)?;
        Some(self.at_mut(place))
    }

    /// Put an element in. Returns the one with the same key that was there before.
    pub(crate) fn insert(&mut self, element: T) -> Option<T> {
        self.insert_hashed(hash_of(element.key()), element)
    }

    /// As [`insert`](Self::insert), with the hash of the element's key.
    pub(crate) fn insert_hashed(&mut self, hash: u64, element: T) -> Option<T> {
        if let Some(place) = self.place_of(hash, has_key(element.key())) {
            return Some(std::mem::replace(self.at_mut(place), element));
        }
        self.insert_new(hash, element);
        None
    }

    /// The element with this key, made now if there is none, and whether it was.
    pub(crate) fn get_or_insert_with(&mut self, key: &[u8], make: impl FnOnce() -> T) -> (&mut T, bool) {
        let hash = hash_of(key);
        match self.place_of(hash, has_key(key)) {
            Some(place) => (self.at_mut(place), false),
            None => (self.insert_new(hash, make()), true),
        }
    }

    /// Put in an element whose key is not in the table.
    pub(crate) fn insert_new(&mut self, hash: u64, element: T) -> &mut T {
        debug_assert!(self.place_of(hash, has_key(element.key())).is_none(), "the key is not there yet");
        self.make_room(hash);
        self.len += 1;
        let segment = self.directory[self.directory_index(hash)] as usize;
        self.segments[segment].place(hash, element)
    }

    /// Take the element with this key out.
    pub(crate) fn remove(&mut self, key: &[u8]) -> Option<T> {
        self.remove_hashed(hash_of(key), key)
    }

    /// As [`remove`](Self::remove), with the key's hash.
    pub(crate) fn remove_hashed(&mut self, hash: u64, key: &[u8]) -> Option<T> {
        self.remove_where(hash, has_key(key))
    }

    /// Take out the element with a key of this hash that is the one; its key is not looked at.
    pub(crate) fn remove_where(&mut self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<T> {
        let place = self.place_of(hash, is_it)?;
        let element = self.segments[place.segment].take(hash, place)?;
        self.len -= 1;
        self.shrink(place.segment);
        Some(element)
    }

    /// Take everything out, and give the memory back.
    pub(crate) fn clear(&mut self) {
        *self = Self::new();
    }

    /// All elements, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.segments
            .iter()
            .flat_map(|segment| &*segment.buckets)
            .flat_map(|bucket| bucket.slots.iter().flatten())
    }

    /// Visit the elements at the cursor, a bucket's, and return the next cursor. 0 is the first, and comes back at the end.
    ///
    /// An element that is there from the call with 0 to the one that returns 0 is visited, however the table grows and
    /// shrinks meanwhile; if it does, elements may be visited twice. Any number will do for a cursor.
    pub(crate) fn scan(&self, cursor: u64, mut visit: impl FnMut(&T)) -> u64 {
        let at = Cursor::from_number(cursor);
        let Some(&segment) = self.directory.get(self.directory_index(at.first_hash())) else { return 0 };
        let segment = &self.segments[segment as usize];
        // Of a segment that has merged since, part was not visited: begin again. In one that has split, the
        // same bucket comes next in each half.
        let fraction = if segment.depth < at.depth { 0 } else { at.fraction };
        let buckets = segment.buckets.len();
        let bucket = ((u64::from(fraction) * buckets as u64) >> Cursor::FRACTION_BITS) as usize;
        segment.visit_home(bucket, &mut visit);
        let next = bucket + 1;
        if next < buckets {
            let fraction = ((next << Cursor::FRACTION_BITS) / buckets) as u32;
            Cursor { prefix: segment.prefix, depth: segment.depth, fraction }.number()
        } else if (u64::from(segment.prefix) + 1) >> segment.depth == 0 {
            Cursor { prefix: segment.prefix + 1, depth: segment.depth, fraction: 0 }.number()
        } else {
            0
        }
    }

    /// Any element; all are equally likely.
    pub(crate) fn random(&self, random: &mut Random) -> Option<&T> {
        if self.len == 0 {
            return None;
        }
        // A table is at least a fifth full, so this takes a few draws.
        loop {
            let segment = &self.segments[random.index(self.segments.len())];
            let place = random.index(self.widest * SLOTS);
            let bucket = segment.buckets.get(place / SLOTS);
            if let Some(element) = bucket.and_then(|bucket| bucket.slots[place % SLOTS].as_ref()) {
                return Some(element);
            }
        }
    }

    /// Make room for this many elements in all, if there are none yet.
    pub(crate) fn reserve(&mut self, elements: usize) {
        if self.len > 0 {
            return;
        }
        self.clear();
        let full = count_max(SEGMENT_BUCKETS);
        if elements <= full {
            let buckets = (0..).map(|log| 1 << log).find(|&buckets| elements <= count_max(buckets));
            self.begin(buckets.unwrap_or(SEGMENT_BUCKETS), 0);
        } else {
            // Chance fills some segments more than others: leave an eighth more room.
            let segments = elements.div_ceil(full - full / 8).next_power_of_two();
            self.begin(SEGMENT_BUCKETS, (segments.trailing_zeros() as u8).min(DEPTH_MAX));
        }
    }

    /// What the table itself takes, in bytes, without its elements.
    pub(crate) fn heap_bytes(&self) -> usize {
        let buckets: usize = self.segments.iter().map(|segment| segment.buckets.len()).sum();
        buckets * size_of::<Bucket<T>>()
            + self.segments.capacity() * size_of::<Segment<T>>()
            + self.directory.capacity() * size_of::<u32>()
    }

    /// How many slots there are, full or empty.
    pub(crate) fn slots(&self) -> usize {
        self.segments.iter().map(|segment| segment.buckets.len() * SLOTS).sum()
    }

    /// Fetch what looking up a key of this hash reads first: its bucket.
    pub(crate) fn prefetch_bucket(&self, hash: u64) {
        if let Some(bucket) = self.home_bucket(hash) {
            prefetch::read(std::ptr::from_ref(bucket));
        }
    }

    /// Fetch what looking up a key of this hash reads next, once its bucket is near: the element.
    pub(crate) fn prefetch_element(&self, hash: u64) {
        if let Some(bucket) = self.home_bucket(hash)
            && let Some(slot) = bucket.tagged(tag(hash)).next()
            && let Some(element) = &bucket.slots[slot]
        {
            // A small one stands across two lines as often as not.
            prefetch::read(element.address());
            prefetch::read(element.address().wrapping_add(SMALL_BYTES - 1));
        }
    }

    fn directory_index(&self, hash: u64) -> usize {
        // In two steps, because a shift by 64 is none.
        (hash >> 1 >> (63 - self.depth)) as usize
    }

    fn home_bucket(&self, hash: u64) -> Option<&Bucket<T>> {
        let segment = &self.segments[*self.directory.get(self.directory_index(hash))? as usize];
        segment.buckets.get(home(hash, segment.buckets.len()))
    }

    fn place_of(&self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<Place> {
        let segment = *self.directory.get(self.directory_index(hash))? as usize;
        let (bucket, slot) = self.segments[segment].find(hash, is_it)?;
        Some(Place { segment, bucket, slot })
    }

    fn at_mut(&mut self, place: Place) -> &mut T {
        let slot = &mut self.segments[place.segment].buckets[place.bucket].slots[place.slot];
        slot.as_mut().expect("a place is where an element was found")
    }

    /// Segments of this many buckets, one for each prefix of `depth` bits.
    fn begin(&mut self, buckets: usize, depth: u8) {
        let prefixes = 0..(1u64 << depth) as u32;
        self.segments = prefixes.clone().map(|prefix| Segment::new(buckets, prefix, depth)).collect();
        self.directory = prefixes.collect();
        self.depth = depth;
        self.deepest = self.segments.len() as u32;
        self.widest = buckets;
    }

    /// See to it that the segment for this hash takes another element.
    fn make_room(&mut self, hash: u64) {
        if self.directory.is_empty() {
            self.begin(1, 0);
        }
        loop {
            let id = self.directory[self.directory_index(hash)] as usize;
            let Segment { buckets, count, depth, .. } = &self.segments[id];
            let buckets = buckets.len();
            if (*count as usize) < count_max(buckets) {
                return;
            }
            if (*depth > 0 || buckets >= SEGMENT_BUCKETS) && (*depth < self.depth || self.may_deepen()) {
                self.split(id);
            } else {
                self.segments[id].rebuild(buckets * 2);
                self.widest = self.widest.max(buckets * 2);
            }
        }
    }

    fn may_deepen(&self) -> bool {
        self.depth < DEPTH_MAX && self.directory.len() * 2 <= self.segments.len() * PLACES_A_SEGMENT_MAX
    }

    /// Double the directory.
    fn deepen(&mut self) {
        self.directory = self.directory.iter().flat_map(|&id| [id, id]).collect();
        self.depth += 1;
        self.deepest = 0;
    }

    /// Divide a segment by the next bit of its hashes.
    fn split(&mut self, id: usize) {
        if self.segments[id].depth == self.depth {
            self.deepen();
        }
        let left = &mut self.segments[id];
        let buckets = left.buckets.len();
        left.depth += 1;
        left.prefix *= 2;
        left.count = 0;
        let mut right = Segment::new(buckets, left.prefix + 1, left.depth);
        let all = std::mem::replace(&mut left.buckets, empty_buckets(buckets));
        fetch_all(&all);
        for element in elements_of(all) {
            let hash = hash_of(element.key());
            let goes_right = hash >> (64 - left.depth) & 1 == 1;
            if goes_right { &mut right } else { &mut *left }.place(hash, element);
        }
        if left.depth == self.depth {
            self.deepest += 2;
        }
        self.segments.push(right);
        self.point_at(self.segments.len() - 1);
    }

    /// Let the directory's places for a segment name it.
    fn point_at(&mut self, id: usize) {
        let Segment { prefix, depth, .. } = self.segments[id];
        let spare = self.depth - depth;
        let first = (prefix as usize) << spare;
        self.directory[first..first + (1 << spare)].fill(id as u32);
    }

    /// Give memory back, if the segment has become sparse.
    fn shrink(&mut self, id: usize) {
        let Segment { buckets, count, prefix, depth } = &self.segments[id];
        let (buckets, count, prefix, depth) = (buckets.len(), *count as usize, *prefix, *depth);
        let least = if depth == 0 { 1 } else { SEGMENT_BUCKETS };
        if buckets > least {
            if is_sparse(count, buckets / 2) {
                self.segments[id].rebuild(buckets / 2);
            }
        } else if depth > 0 && is_sparse(count, buckets) {
            let buddy = self.directory[((prefix ^ 1) as usize) << (self.depth - depth)] as usize;
            let Segment { buckets, count: more, depth: theirs, .. } = &self.segments[buddy];
            if *theirs == depth && buckets.len() == least && is_sparse(count + *more as usize, least) {
                self.merge(id, buddy);
            }
        }
    }

    /// Put all of `buddy` into the segment that it was once divided from.
    fn merge(&mut self, id: usize, buddy: usize) {
        let Segment { buckets, .. } = self.segments.swap_remove(buddy);
        // The last segment has moved into the gap.
        let id = if id == self.segments.len() { buddy } else { id };
        if buddy < self.segments.len() {
            self.point_at(buddy);
        }
        let segment = &mut self.segments[id];
        fetch_all(&buckets);
        for element in elements_of(buckets) {
            segment.place(hash_of(element.key()), element);
        }
        if segment.depth == self.depth {
            self.deepest -= 2;
        }
        segment.depth -= 1;
        segment.prefix /= 2;
        self.point_at(id);
        self.flatten();
        if self.segments.len() < self.segments.capacity() / 4 {
            self.segments.shrink_to(self.segments.len() * 2);
        }
    }

    /// Halve the directory while it is far too large.
    fn flatten(&mut self) {
        while self.deepest == 0 && self.directory.len() > 4 * self.segments.len() {
            self.directory = self.directory.iter().copied().step_by(2).collect();
            self.depth -= 1;
            let deepest = self.segments.iter().filter(|segment| segment.depth == self.depth);
            self.deepest = deepest.count() as u32;
        }
    }
}

impl<T: Element> Segment<T> {
    fn new(buckets: usize, prefix: u32, depth: u8) -> Self {
        Self { buckets: empty_buckets(buckets), count: 0, prefix, depth }
    }

    fn after(&self, bucket: usize) -> usize {
        (bucket + 1) & (self.buckets.len() - 1)
    }

    fn find(&self, hash: u64, is_it: impl Fn(&T) -> bool) -> Option<(usize, usize)> {
        let mut at = home(hash, self.buckets.len());
        for _ in 0..self.buckets.len() {
            let bucket = &self.buckets[at];
            for slot in bucket.tagged(tag(hash)) {
                if bucket.slots[slot].as_ref().is_some_and(&is_it) {
                    return Some((at, slot));
                }
            }
            if !bucket.is_passed() {
                return None;
            }
            at = self.after(at);
        }
        None
    }

    /// Put an element into the first bucket from its home on that has room; one has.
    fn place(&mut self, hash: u64, element: T) -> &mut T {
        self.count += 1;
        let mut at = home(hash, self.buckets.len());
        let slot = loop {
            if let Some(slot) = self.buckets[at].tagged(0).next() {
                break slot;
            }
            self.buckets[at].pass();
            at = self.after(at);
        };
        let bucket = &mut self.buckets[at];
        bucket.word |= u64::from(tag(hash)) << (8 * slot);
        bucket.slots[slot].insert(element)
    }

    fn take(&mut self, hash: u64, place: Place) -> Option<T> {
        let mut at = home(hash, self.buckets.len());
        while at != place.bucket {
            self.buckets[at].unpass();
            at = self.after(at);
        }
        self.count -= 1;
        let bucket = &mut self.buckets[at];
        bucket.word &= !(0xff << (8 * place.slot));
        bucket.slots[place.slot].take()
    }

    /// Visit the elements whose home is this bucket.
    fn visit_home(&self, wanted: usize, visit: &mut impl FnMut(&T)) {
        let mut at = wanted;
        for _ in 0..self.buckets.len() {
            let bucket = &self.buckets[at];
            for element in bucket.slots.iter().flatten() {
                if home(hash_of(element.key()), self.buckets.len()) == wanted {
                    visit(element);
                }
            }
            if !bucket.is_passed() {
                return;
            }
            at = self.after(at);
        }
    }

    /// Have this many buckets from now on.
    fn rebuild(&mut self, buckets: usize) {
        let all = std::mem::replace(&mut self.buckets, empty_buckets(buckets));
        self.count = 0;
        fetch_all(&all);
        for element in elements_of(all) {
            self.place(hash_of(element.key()), element);
        }
    }
}

impl<T> Bucket<T> {
    const EMPTY: Self = Self { word: 0, slots: [const { None }; SLOTS] };

    /// The slots that have this tag; all seven are compared at once.
    fn tagged(&self, tag: u8) -> impl Iterator<Item = usize> {
        const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
        const SLOT_TAGS: u64 = 0x00ff_ffff_ffff_ffff;
        let differences = self.word ^ u64::from_ne_bytes([tag; 8]);
        // The highest bit of each byte that is zero: adding 0x7f carries into it unless the low bits are.
        let mut same = !(((differences & LOW) + LOW) | differences | LOW) & SLOT_TAGS;
        std::iter::from_fn(move || {
            let slot = (same != 0).then(|| (same.trailing_zeros() / 8) as usize);
            same &= same.wrapping_sub(1);
            slot
        })
    }

    fn is_passed(&self) -> bool {
        self.word >> 56 != 0
    }

    fn pass(&mut self) {
        if self.word >> 56 < 255 {
            self.word += 1 << 56;
        }
    }

    fn unpass(&mut self) {
        if self.word >> 56 < 255 {
            self.word -= 1 << 56;
        }
    }
}

impl<T: Element> Default for Table<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> fmt::Debug for Table<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({} elements in {} segments)", self.len, self.segments.len())
    }
}

/// How far a scan has come: all hashes with a lower prefix are done, and of those with this prefix the ones whose home is
/// before this fraction of the segment.
#[derive(Clone, Copy)]
struct Cursor {
    /// The first `depth` bits of the hash.
    prefix: u32,
    depth: u8,
    /// In 2^24ths: so it means the same to a segment of any number of buckets.
    fraction: u32,
}

impl Cursor {
    const FRACTION_BITS: u32 = 24;
    const DEPTH_BITS: u32 = 6;

    /// `| 0 0 | prefix: 32 | depth: 6 | fraction: 24 |`
    fn number(self) -> u64 {
        let depth_and_prefix = u64::from(self.prefix) << Self::DEPTH_BITS | u64::from(self.depth);
        depth_and_prefix << Self::FRACTION_BITS | u64::from(self.fraction)
    }

    fn from_number(number: u64) -> Self {
        let low = |number: u64, bits: u32| (number & ((1 << bits) - 1)) as u32;
        let rest = number >> Self::FRACTION_BITS;
        let depth = low(rest, Self::DEPTH_BITS).min(u32::from(DEPTH_MAX));
        Self {
            prefix: low(rest >> Self::DEPTH_BITS, depth),
            depth: depth as u8,
            fraction: low(number, Self::FRACTION_BITS),
        }
    }

    /// The smallest hash with the prefix.
    fn first_hash(self) -> u64 {
        u64::from(self.prefix).checked_shl(64 - u32::from(self.depth)).unwrap_or(0)
    }
}

fn has_key<T: Element>(key: &[u8]) -> impl Fn(&T) -> bool {
    move |element| element.key() == key
}

/// What tells elements of a bucket apart without reading them: never 0, which is an empty slot's.
fn tag(hash: u64) -> u8 {
    (hash as u8).max(1)
}

/// The bucket that a hash belongs into: the same fraction of a segment whatever its size, as [`Cursor`] needs it.
fn home(hash: u64, buckets: usize) -> usize {
    ((u64::from(hash as u32) * buckets as u64) >> 32) as usize
}

/// The most elements that so many buckets take.
fn count_max(buckets: usize) -> usize {
    let slots = buckets * SLOTS;
    slots - slots / 8
}

/// Whether so few elements are no more than two fifths of so many buckets.
fn is_sparse(count: usize, buckets: usize) -> bool {
    count * 5 < buckets * SLOTS * 2
}

fn empty_buckets<T>(buckets: usize) -> Box<[Bucket<T>]> {
    std::iter::repeat_with(|| Bucket::EMPTY).take(buckets).collect()
}

fn elements_of<T>(buckets: Box<[Bucket<T>]>) -> impl Iterator<Item = T> {
    buckets.into_iter().flat_map(|bucket| bucket.slots.into_iter().flatten())
}

/// Fetch all elements at once, because all are going to be hashed.
fn fetch_all<T: Element>(buckets: &[Bucket<T>]) {
    for element in buckets.iter().flat_map(|bucket| bucket.slots.iter().flatten()) {
        prefetch::read(element.address());
    }
}

#[cfg(test)]
mod tests;
