//! A large sorted set: a table by member and a tree by score. The one rule: the table owns the members, the
//! tree points at them; a member enters the table first and leaves it last.
//!
//! ```text
//!   table   [ * | * |   | * ]          tree    [ 1.5 * | 2 * | 2 * ]
//!             |   |       |                          |     |     |
//!             ▼   ▼       ▼                          ▼     ▼     ▼
//!           [1.5 "b"] [2 "c"] [2 "a"]              the same three
//! ```
//!
//! Each member is one allocation with its score. The tree has a copy of the score beside the pointer, so that
//! a search looks at a member only where scores tie.

use super::Change;
use super::tree::{self, Tree};
use crate::store::listpack::Item;
use crate::store::table::{Element, Table, hash_of};
use crate::store::thin::{Alias, Thin};
use std::cmp::Ordering;
use std::ops::Range;

/// A member with its score.
#[derive(Debug)]
pub(super) struct Member(Thin);

const SCORE_BYTES: usize = size_of::<f64>();

impl Member {
    pub(super) fn new(score: f64, name: &[u8]) -> Self {
        Self(Thin::concat(0, &[&score.to_le_bytes(), name]))
    }

    pub(super) fn score(&self) -> f64 {
        self.0.bytes().first_chunk().map_or(0.0, |score| f64::from_le_bytes(*score))
    }

    pub(super) fn set_score(&mut self, score: f64) {
        if let Some(place) = self.0.bytes_mut().first_chunk_mut() {
            *place = score.to_le_bytes();
        }
    }

    fn entry(&self) -> Entry {
        Entry { score: self.score(), member: self.0.alias() }
    }
}

impl Element for Member {
    fn key(&self) -> &[u8] {
        name_of(self.0.bytes())
    }

    fn address(&self) -> *const u8 {
        self.0.address()
    }
}

/// What stands behind the score.
fn name_of(bytes: &[u8]) -> &[u8] {
    bytes.get(SCORE_BYTES..).unwrap_or_default()
}

/// A member of the table, as the tree knows it.
#[derive(Clone, Copy, Debug)]
struct Entry {
    score: f64,
    member: Alias,
}

impl Entry {
    /// The member's name, in the table that owns it: that of the same sorted set.
    fn name(self, owner: &Table<Member>) -> &[u8] {
        debug_assert!(!owner.is_empty());
        // SAFETY: an entry stands in a tree from after its member entered the table to before it leaves;
        // while the table is lent, nobody can take members out or write to them.
        name_of(unsafe { self.member.bytes() })
    }

    /// Whether it stands before a member with this score and name.
    fn is_before(self, owner: &Table<Member>, score: f64, name: &[u8]) -> bool {
        self.score < score || (self.score == score && self.name(owner) < name)
    }
}

/// A sorted set of many members.
#[derive(Debug)]
pub(super) struct Large {
    members: Table<Member>,
    order: Tree<Entry>,
}

impl Large {
    /// A sorted set of these, which come in order, none twice.
    pub(super) fn from_sorted<'a>(sorted: impl ExactSizeIterator<Item = (Item<'a>, f64)>) -> Self {
        let mut large = Self { members: Table::new(), order: Tree::new() };
        large.members.reserve(sorted.len());
        for (item, score) in sorted {
            let name = item.text();
            let member = large.members.insert_new(hash_of(&name), Member::new(score, &name));
            large.order.insert(large.order.len(), member.entry());
        }
        large
    }

    /// A sorted set of these, which are in no order.
    pub(super) fn from_table(members: Table<Member>) -> Self {
        let mut entries: Vec<Entry> = members.iter().map(Member::entry).collect();
        entries.sort_unstable_by(|a, b| {
            let by_score = a.score.partial_cmp(&b.score).unwrap_or(Ordering::Equal);
            by_score.then_with(|| a.name(&members).cmp(b.name(&members)))
        });
        let mut order = Tree::new();
        entries.into_iter().for_each(|entry| order.insert(order.len(), entry));
        Self { members, order }
    }

    pub(super) fn len(&self) -> usize {
        self.order.len()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        /// As many members are looked at.
        const SAMPLES: usize = 16;
        let sampled = self.members.iter().take(SAMPLES);
        let (count, bytes) = sampled
            .fold((0usize, 0usize), |(count, bytes), member| (count + 1, bytes + member.0.heap_bytes()));
        let members = bytes as u128 * self.len() as u128 / count.max(1) as u128;
        size_of::<Self>() + self.members.heap_bytes() + self.order.heap_bytes() + members as usize
    }

    pub(super) fn score(&self, name: &[u8]) -> Option<f64> {
        self.members.find(name).map(Member::score)
    }

    /// How many members stand before one with this score and name.
    fn place(&self, score: f64, name: &[u8]) -> usize {
        self.order.partition_point(|entry| entry.is_before(&self.members, score, name))
    }

    pub(super) fn rank(&self, name: &[u8]) -> Option<(usize, f64)> {
        let score = self.score(name)?;
        Some((self.place(score, name), score))
    }

    pub(super) fn set(&mut self, name: &[u8], score: f64) -> Change {
        let hash = hash_of(name);
        let Some(member) = self.members.find_hashed(hash, name) else {
            let place = self.place(score, name);
            let member = self.members.insert_new(hash, Member::new(score, name));
            self.order.insert(place, member.entry());
            return Change::Added;
        };
        let before = member.score();
        if before == score {
            return Change::None;
        }
        let rank = self.place(before, name);
        let stays = self.stays(rank, before, score, name);
        let Some(member) = self.members.find_hashed_mut(hash, name) else { return Change::None };
        member.set_score(score);
        let entry = member.entry();
        if stays {
            self.order.replace(rank, entry);
        } else {
            self.order.remove(rank);
            self.order.insert(self.place(score, name), entry);
        }
        Change::Updated
    }

    /// Whether the member at this rank keeps it with another score: only one neighbour is in its way.
    fn stays(&self, rank: usize, before: f64, score: f64, name: &[u8]) -> bool {
        if score > before {
            self.order.get(rank + 1).is_none_or(|next| !next.is_before(&self.members, score, name))
        } else {
            let previous = rank.checked_sub(1).and_then(|rank| self.order.get(rank));
            previous.is_none_or(|previous| previous.is_before(&self.members, score, name))
        }
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> Option<f64> {
        let hash = hash_of(name);
        let score = self.members.find_hashed(hash, name)?.score();
        self.order.remove(self.place(score, name));
        self.members.remove_hashed(hash, name);
        Some(score)
    }

    /// Remove the members at these ranks.
    pub(super) fn remove_range(&mut self, mut ranks: Range<usize>) {
        /// So many at a time: the list of what leaves is bounded.
        const BATCH: usize = 1024;
        ranks.end = ranks.end.min(self.len());
        while !ranks.is_empty() {
            let batch = ranks.len().min(BATCH);
            ranks.end -= batch;
            for entry in self.order.drain(ranks.start..ranks.start + batch) {
                // SAFETY: the table owns the member until it hands it out, to be dropped here, and looks at
                // the name only before.
                let name = name_of(unsafe { entry.member.bytes() });
                self.members.remove(name);
            }
        }
    }

    /// How many members at the start `is_before` takes.
    pub(super) fn partition_point(&self, is_before: impl Fn(&[u8], f64) -> bool) -> usize {
        self.order.partition_point(|entry| is_before(entry.name(&self.members), entry.score))
    }

    /// The member at this rank.
    pub(super) fn get(&self, rank: usize) -> Option<(Item<'_>, f64)> {
        self.order.get(rank).map(|entry| (Item::Bytes(entry.name(&self.members)), entry.score))
    }

    /// The members at these ranks.
    pub(super) fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        Iter { order: self.order.range(ranks), members: &self.members }
    }

    /// Visit some members; see [`Table::scan`].
    pub(super) fn scan(&self, cursor: u64, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        self.members.scan(cursor, |member| visit(member.key(), member.score()))
    }
}

impl Clone for Large {
    fn clone(&self) -> Self {
        Self::from_sorted(self.range(0..self.len()))
    }
}

/// Members in order, from either end.
#[derive(Clone, Debug)]
pub(super) struct Iter<'a> {
    order: tree::Iter<'a, Entry>,
    members: &'a Table<Member>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Item<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        self.order.next().map(|entry| (Item::Bytes(entry.name(self.members)), entry.score))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.order.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.order.next_back().map(|entry| (Item::Bytes(entry.name(self.members)), entry.score))
    }
}

impl ExactSizeIterator for Iter<'_> {}
