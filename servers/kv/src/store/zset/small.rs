//! A small sorted set: one listpack, a member and its score in turn, in order. The one rule: its bytes are
//! what Redis would have, so that it can be written out as it is.
//!
//! A score is stored as text, and so as an integer where it is one. Whatever else a stranger's bytes hold
//! where a score should be counts as 0.

use super::Change;
use crate::store::listpack::{At, Full, Item, Listpack};
use ropewalk_protocols::resp::number;
use std::ops::Range;

/// A sorted set of a few members.
#[derive(Clone, Debug)]
pub(super) struct Small {
    pack: Listpack,
}

/// The text that a score is stored as: that of an integer if it is one, so that there is no -0, and no
/// exponent below some 10^18.
pub(super) fn score_text(score: f64) -> number::Text {
    /// Up to here Redis looks for integers.
    const INTEGER_MAX: f64 = (i64::MAX / 2) as f64;
    if score.abs() <= INTEGER_MAX && score.trunc() == score {
        number::integer(score as i64)
    } else {
        number::double(score)
    }
}

/// The longest text of a score.
const SCORE_TEXT_MAX: usize = 32;

fn score_of(item: Item<'_>) -> f64 {
    parsed_score(item).unwrap_or(0.0)
}

/// The score that an item is, unless it is none.
fn parsed_score(item: Item<'_>) -> Option<f64> {
    match item {
        Item::Integer(integer) => Some(integer as f64),
        Item::Bytes(text) => {
            let score: f64 = str::from_utf8(text).ok()?.parse().ok()?;
            (!score.is_nan()).then_some(score)
        }
    }
}

impl Small {
    pub(super) fn new() -> Self {
        Self { pack: Listpack::new() }
    }

    /// A stranger's listpack, if it is a sorted set: pairs in order, none twice.
    pub(super) fn from_listpack(pack: Listpack) -> Option<Self> {
        let mut items = pack.iter();
        let mut pairs = Vec::new();
        while let Some(name) = items.next() {
            pairs.push((name.text(), parsed_score(items.next()?)?));
        }
        let is_sorted = pairs.windows(2).all(|pair| match pair {
            [(a, first), (b, second)] => first < second || (first == second && **a < **b),
            _ => false,
        });
        let mut names: Vec<&[u8]> = pairs.iter().map(|(name, _)| &**name).collect();
        names.sort_unstable();
        let is_unique = names.windows(2).all(|pair| pair.first() != pair.last());
        (is_sorted && is_unique).then_some(Self { pack })
    }

    pub(super) fn listpack(&self) -> &Listpack {
        &self.pack
    }

    pub(super) fn len(&self) -> usize {
        self.pack.len() / 2
    }

    /// Where a member stands, and its score.
    fn find(&self, name: &[u8]) -> Option<(At, f64)> {
        let at = self.pack.find(self.pack.first()?, name, 1)?;
        Some((at, self.score_behind(at)?))
    }

    fn score_behind(&self, at: At) -> Option<f64> {
        self.pack.next(at).map(|at| score_of(self.pack.get(at)))
    }

    /// The member that stands here, and its score.
    fn pair(&self, at: At) -> Option<(Item<'_>, f64)> {
        Some((self.pack.get(at), self.score_behind(at)?))
    }

    pub(super) fn score(&self, name: &[u8]) -> Option<f64> {
        self.find(name).map(|(_, score)| score)
    }

    pub(super) fn rank(&self, name: &[u8]) -> Option<(usize, f64)> {
        let (at, score) = self.find(name)?;
        let mut rank = 0;
        let mut other = self.pack.first()?;
        while other < at {
            other = self.pack.next(self.pack.next(other)?)?;
            rank += 1;
        }
        Some((rank, score))
    }

    /// Give a member a score. If it is new and `may_grow` is not set, or if there is no room, nothing is
    /// changed.
    pub(super) fn set(&mut self, name: &[u8], score: f64, may_grow: bool) -> Result<Change, Full> {
        let found = self.find(name);
        if found.is_some_and(|(_, before)| before == score) {
            return Ok(Change::None);
        }
        if !self.pack.has_room(name.len().saturating_add(SCORE_TEXT_MAX)) || (found.is_none() && !may_grow) {
            return Err(Full);
        }
        if let Some((at, _)) = found {
            self.pack.remove_range(at, 2);
        }
        self.insert(name, score)?;
        Ok(if found.is_some() { Change::Updated } else { Change::Added })
    }

    /// Append a member that belongs at the end.
    pub(super) fn push(&mut self, name: &[u8], score: f64) -> Result<(), Full> {
        self.pack.push_back(name)?;
        self.pack.push_back(&score_text(score))
    }

    fn insert(&mut self, name: &[u8], score: f64) -> Result<(), Full> {
        match self.place(name, score) {
            Some(at) => {
                let at = self.pack.insert_before(at, name)?;
                self.pack.insert_after(at, &score_text(score)).map(drop)
            }
            None => self.push(name, score),
        }
    }

    /// The first member that stands behind one with this name and score.
    fn place(&self, name: &[u8], score: f64) -> Option<At> {
        let is_behind = |at| {
            let (item, other) = self.pair(at)?;
            Some(other > score || (other == score && *item.text() > *name))
        };
        // What comes in order belongs at the end.
        let last = self.pack.seek(-2)?;
        if !is_behind(last)? {
            return None;
        }
        let mut at = self.pack.first()?;
        while !is_behind(at)? {
            at = self.pack.next(self.pack.next(at)?)?;
        }
        Some(at)
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> Option<f64> {
        let (at, score) = self.find(name)?;
        self.pack.remove_range(at, 2);
        Some(score)
    }

    /// Remove the members at these ranks.
    pub(super) fn remove_range(&mut self, ranks: Range<usize>) {
        if let Some(at) = self.at(ranks.start) {
            self.pack.remove_range(at, ranks.len().saturating_mul(2));
        }
    }

    /// Where the member of this rank stands.
    fn at(&self, rank: usize) -> Option<At> {
        self.pack.seek(isize::try_from(rank.checked_mul(2)?).ok()?)
    }

    pub(super) fn get(&self, rank: usize) -> Option<(Item<'_>, f64)> {
        self.pair(self.at(rank)?)
    }

    /// All members in order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Item<'_>, f64)> {
        let mut items = self.pack.iter();
        std::iter::from_fn(move || Some((items.next()?, score_of(items.next()?))))
    }

    /// The members at these ranks.
    pub(super) fn range(&self, ranks: Range<usize>) -> Iter<'_> {
        Iter { small: self, ranks: ranks.start..ranks.end.min(self.len()), front: None, back: None }
    }
}

/// Members in order, from either end.
#[derive(Clone, Debug)]
pub(super) struct Iter<'a> {
    small: &'a Small,
    /// What is still to come.
    ranks: Range<usize>,
    /// Where the first of these stands, once that is known.
    front: Option<At>,
    /// Where the last of these stands, once that is known.
    back: Option<At>,
}

impl<'a> Iterator for Iter<'a> {
    type Item = (Item<'a>, f64);

    fn next(&mut self) -> Option<Self::Item> {
        let rank = self.ranks.next()?;
        let pack = &self.small.pack;
        let at = self.front.or_else(|| self.small.at(rank))?;
        let score = pack.next(at)?;
        self.front = pack.next(score);
        Some((pack.get(at), score_of(pack.get(score))))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.ranks.size_hint()
    }
}

impl DoubleEndedIterator for Iter<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let rank = self.ranks.next_back()?;
        let pack = &self.small.pack;
        let at = self.back.or_else(|| self.small.at(rank))?;
        self.back = pack.prev(at).and_then(|score| pack.prev(score));
        self.small.pair(at)
    }
}

impl ExactSizeIterator for Iter<'_> {}
