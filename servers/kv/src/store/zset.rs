//! Sorted sets: members by score, with ranks. The one rule: members stand by score, and by their bytes where
//! scores tie; whatever asks for a part of them is answered in ranks.
//!
//! A few members are a listpack, many are a table by member beside a tree by rank. A score is never NaN.

pub(crate) mod algebra;
mod collector;
mod large;
mod small;
#[cfg(test)]
mod tests;
mod tree;

pub(crate) use collector::Collector;

use super::limits::Limits;
use super::listpack::{Item, Listpack};
use super::sample::{self, Passing};
use super::value::Encoding;
use large::Large;
use ropewalk_protocols::resp::number;
use ropewalk_reactor::random::Random;
use small::Small;
use std::ops::Range;

/// A sorted set.
#[derive(Clone, Debug)]
pub(crate) struct Zset(Form);

#[derive(Clone, Debug)]
enum Form {
    Small(Small),
    Large(Box<Large>),
}

/// What giving a member a score has changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Nothing: it had that score.
    None,
    /// The member is new.
    Added,
    /// The member had another score.
    Updated,
}

/// One end of a range of scores.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum ScoreBound {
    /// Up to this score, and it too.
    Inclusive(f64),
    /// Up to this score, without it.
    Exclusive(f64),
}

/// One end of a range of members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LexBound<'a> {
    /// Before all members.
    Least,
    /// Behind all members.
    Greatest,
    /// Up to this member, and it too.
    Inclusive(&'a [u8]),
    /// Up to this member, without it.
    Exclusive(&'a [u8]),
}

impl ScoreBound {
    /// Whether a score lies below a range that begins here.
    fn is_above(self, score: f64) -> bool {
        match self {
            Self::Inclusive(min) => score < min,
            Self::Exclusive(min) => score <= min,
        }
    }

    /// Whether a score lies in a range that ends here.
    fn admits(self, score: f64) -> bool {
        match self {
            Self::Inclusive(max) => score <= max,
            Self::Exclusive(max) => score < max,
        }
    }
}

impl LexBound<'_> {
    /// Whether a member lies below a range that begins here.
    fn is_above(self, member: &[u8]) -> bool {
        match self {
            Self::Least => false,
            Self::Greatest => true,
            Self::Inclusive(min) => member < min,
            Self::Exclusive(min) => member <= min,
        }
    }

    /// Whether a member lies in a range that ends here.
    fn admits(self, member: &[u8]) -> bool {
        match self {
            Self::Least => false,
            Self::Greatest => true,
            Self::Inclusive(max) => member <= max,
            Self::Exclusive(max) => member < max,
        }
    }
}

impl Zset {
    /// One without members.
    pub(crate) fn new() -> Self {
        Self(Form::Small(Small::new()))
    }

    /// The sorted set that a listpack of members and scores is: a stranger's, so it is looked at closely.
    pub(crate) fn from_listpack(pack: Listpack, limits: &Limits) -> Option<Self> {
        let small = Small::from_listpack(pack)?;
        let is_small = small.len() <= limits.zset_listpack_entries;
        let mut zset = Self(Form::Small(small));
        if !is_small {
            zset.enlarge();
        }
        Some(zset)
    }

    /// A sorted set of these members, which come in order, none twice.
    pub(crate) fn from_sorted<'a>(
        members: impl ExactSizeIterator<Item = (Item<'a>, f64)> + Clone,
        limits: &Limits,
    ) -> Self {
        let is_small = members.len() <= limits.zset_listpack_entries
            && members.clone().all(|(member, _)| member.text_length() <= limits.zset_listpack_value);
        if is_small {
            let mut small = Small::new();
            let pushed: Result<(), _> =
                members.clone().try_for_each(|(member, score)| small.push(&member.text(), score));
            if pushed.is_ok() {
                return Self(Form::Small(small));
            }
        }
        Self::large(members)
    }

    fn large<'a>(members: impl ExactSizeIterator<Item = (Item<'a>, f64)>) -> Self {
        Self(Form::Large(Box::new(Large::from_sorted(members))))
    }

    /// Its listpack, if it is one.
    pub(crate) fn listpack(&self) -> Option<&Listpack> {
        match &self.0 {
            Form::Small(small) => Some(small.listpack()),
            Form::Large(_) => None,
        }
    }

    /// How many members there are.
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Form::Small(small) => small.len(),
            Form::Large(large) => large.len(),
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING answers.
    pub(crate) fn encoding(&self) -> Encoding {
        match &self.0 {
            Form::Small(_) => Encoding::Listpack,
            Form::Large(_) => Encoding::Skiplist,
        }
    }

    /// How many allocations dropping it gives back.
    pub(crate) fn free_effort(&self) -> usize {
        match &self.0 {
            Form::Small(_) => 1,
            Form::Large(large) => large.len(),
        }
    }

    /// What it takes on the heap, in bytes; of a large one it is an estimate.
    pub(crate) fn heap_bytes(&self) -> usize {
        match &self.0 {
            Form::Small(small) => small.listpack().heap_bytes(),
            Form::Large(large) => large.heap_bytes(),
        }
    }

    /// A member's score.
    pub(crate) fn score(&self, member: &[u8]) -> Option<f64> {
        match &self.0 {
            Form::Small(small) => small.score(member),
            Form::Large(large) => large.score(member),
        }
    }

    /// How many members stand before this one, and its score.
    pub(crate) fn rank(&self, member: &[u8]) -> Option<(usize, f64)> {
        match &self.0 {
            Form::Small(small) => small.rank(member),
            Form::Large(large) => large.rank(member),
        }
    }

    /// Give a member a score, which must not be NaN.
    pub(crate) fn set(&mut self, member: &[u8], score: f64, limits: &Limits) -> Change {
        debug_assert!(!score.is_nan());
        if let Form::Small(small) = &mut self.0 {
            let may_grow =
                small.len() < limits.zset_listpack_entries && member.len() <= limits.zset_listpack_value;
            if let Ok(change) = small.set(member, score, may_grow) {
                return change;
            }
        }
        self.enlarge().set(member, score)
    }

    /// Remove a member. Returns its score.
    pub(crate) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        match &mut self.0 {
            Form::Small(small) => small.remove(member),
            Form::Large(large) => large.remove(member),
        }
    }

    /// Remove the members at these ranks.
    pub(crate) fn remove_range(&mut self, ranks: Range<usize>) {
        match &mut self.0 {
            Form::Small(small) => small.remove_range(ranks),
            Form::Large(large) => large.remove_range(ranks),
        }
    }

    /// The member at this rank, and its score.
    pub(crate) fn get(&self, rank: usize) -> Option<(Item<'_>, f64)> {
        match &self.0 {
            Form::Small(small) => small.get(rank),
            Form::Large(large) => large.get(rank),
        }
    }

    /// Any member, all equally likely, and its score.
    pub(crate) fn random(&self, random: &mut Random) -> Option<(Item<'_>, f64)> {
        match self.len() {
            0 => None,
            len => self.get(random.index(len)),
        }
    }

    /// Visit `count` different members, or all if there are fewer; every choice of them is equally likely.
    pub(crate) fn sample(&self, count: usize, random: &mut Random, mut visit: impl FnMut(Item<'_>, f64)) {
        let len = self.len();
        if sample::are_few(count, len) && matches!(self.0, Form::Large(_)) {
            for rank in sample::draw_different(count, random, |random| Some(random.index(len))) {
                self.get(rank).into_iter().for_each(|(member, score)| visit(member, score));
            }
        } else {
            let mut passing = Passing::new(count, len);
            let chosen = self.iter().filter(|_| passing.chooses(random));
            chosen.take(count).for_each(|(member, score)| visit(member, score));
        }
    }

    /// The members at these ranks with their scores, from either end.
    pub(crate) fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        Iter(match &self.0 {
            Form::Small(small) => IterForm::Small(small.range(ranks)),
            Form::Large(large) => IterForm::Large(large.range(ranks)),
        })
    }

    /// All members with their scores.
    pub(crate) fn iter(&self) -> Iter<'_> {
        self.range(0..self.len())
    }

    /// The ranks from `start` to `stop`, both included; negative ones count from the end.
    pub(crate) fn ranks(&self, start: i64, stop: i64) -> Range<usize> {
        let len = i64::try_from(self.len()).unwrap_or(i64::MAX);
        let from_start = |rank: i64| if rank < 0 { rank.saturating_add(len) } else { rank };
        let start = from_start(start).clamp(0, len);
        let end = from_start(stop).saturating_add(1).clamp(start, len);
        // Between 0 and a length.
        start as usize..end as usize
    }

    /// The ranks of the members with scores between these.
    pub(crate) fn ranks_by_score(&self, min: ScoreBound, max: ScoreBound) -> Range<usize> {
        let start = self.partition_point(0, |_, score| min.is_above(score));
        let end = self.partition_point(start, |_, score| max.admits(score));
        start..end.max(start)
    }

    /// The ranks of the members between these, where all have the same score. Where they do not, it is some
    /// part of them, as it is in Redis.
    pub(crate) fn ranks_by_lex(&self, min: LexBound<'_>, max: LexBound<'_>) -> Range<usize> {
        let start = self.partition_point(0, |member, _| min.is_above(member));
        let end = self.partition_point(start, |member, _| max.admits(member));
        start..end.max(start)
    }

    /// The rank of the first member, from `start` on, that `is_before` refuses.
    fn partition_point(&self, start: usize, is_before: impl Fn(&[u8], f64) -> bool) -> usize {
        match &self.0 {
            Form::Small(small) => {
                let before = small
                    .range(start..small.len())
                    .take_while(|(item, score)| is_before(&item.text(), *score));
                start + before.count()
            }
            Form::Large(large) => large.partition_point(is_before),
        }
    }

    /// Visit the members at the cursor with the texts of their scores as they are stored, and return the next
    /// cursor: 0 begins, and 0 ends. A member that is there from the beginning to the end is visited, whatever
    /// happens to others meanwhile.
    pub(crate) fn scan(&self, cursor: u64, mut visit: impl FnMut(&[u8], number::Text)) -> u64 {
        match &self.0 {
            Form::Small(small) => {
                for (item, score) in small.iter() {
                    visit(&item.text(), small::score_text(score));
                }
                0
            }
            Form::Large(large) => large.scan(cursor, |name, score| visit(name, number::double(score))),
        }
    }

    /// Make it a large one, if it is not.
    fn enlarge(&mut self) -> &mut Large {
        if let Form::Small(small) = &self.0 {
            *self = Self::large(small.range(0..small.len()));
        }
        match &mut self.0 {
            Form::Large(large) => large,
            Form::Small(_) => unreachable!("it was made large"),
        }
    }
}

/// Members in order with their scores, from either end.
#[derive(Clone, Debug)]
pub(crate) struct Iter<'a>(IterForm<'a>);

#[derive(Clone, Debug)]
enum IterForm<'a> {
    Small(small::Iter<'a>),
    Large(large::Iter<'a>),
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Item<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            IterForm::Small(iter) => iter.next(),
            IterForm::Large(iter) => iter.next(),
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        match &self.0 {
            IterForm::Small(iter) => iter.size_hint(),
            IterForm::Large(iter) => iter.size_hint(),
        }
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        match &mut self.0 {
            IterForm::Small(iter) => iter.next_back(),
            IterForm::Large(iter) => iter.next_back(),
        }
    }
}

impl ExactSizeIterator for Iter<'_> {}
