//! What sorted sets, and sets, have together, in common, and not in common. The one rule: where scores are
//! combined, they are in the order of Redis, the smallest source first, because sums of doubles depend on it.

use super::{Collector, Zset};
use crate::store::listpack::Item;
use crate::store::set::Set;
use std::ops::ControlFlow;

/// What takes part.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Source<'a> {
    /// A key that does not exist.
    Nothing,
    /// A set, whose members all have the score 1.
    Set(&'a Set),
    /// A sorted set.
    Zset(&'a Zset),
}

/// What becomes of several scores of one member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Aggregate {
    /// They are added; infinities of different sign give 0.
    Sum,
    /// The lowest is taken.
    Min,
    /// The highest is taken.
    Max,
}

impl Aggregate {
    fn combine(self, score: f64, other: f64) -> f64 {
        match self {
            Self::Sum => number_or_zero(score + other),
            Self::Min => {
                if other < score {
                    other
                } else {
                    score
                }
            }
            Self::Max => {
                if other > score {
                    other
                } else {
                    score
                }
            }
        }
    }
}

/// Infinity times zero, and infinity minus infinity, is taken for zero.
fn number_or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

impl Source<'_> {
    /// How many members it has.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Nothing => 0,
            Self::Set(set) => set.len(),
            Self::Zset(zset) => zset.len(),
        }
    }

    fn score(&self, member: Item<'_>) -> Option<f64> {
        match self {
            Self::Nothing => None,
            Self::Set(set) => set.contains_item(member).then_some(1.0),
            Self::Zset(zset) => zset.score(&member.text()),
        }
    }

    fn try_for_each(&self, mut visit: impl FnMut(Item<'_>, f64) -> ControlFlow<()>) {
        // Whether it was broken off makes no difference to the caller.
        let _ = match self {
            Self::Nothing => ControlFlow::Continue(()),
            Self::Set(set) => set.iter().try_for_each(|member| visit(member, 1.0)),
            Self::Zset(zset) => zset.iter().try_for_each(|(member, score)| visit(member, score)),
        };
    }

    fn for_each(&self, mut visit: impl FnMut(Item<'_>, f64)) {
        self.try_for_each(|member, score| {
            visit(member, score);
            ControlFlow::Continue(())
        });
    }

    /// Whether these are one and the same.
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Set(one), Self::Set(other)) => std::ptr::eq(*one, *other),
            (Self::Zset(one), Self::Zset(other)) => std::ptr::eq(*one, *other),
            _ => false,
        }
    }
}

/// A source, and what its scores are multiplied by.
pub(crate) type Weighted<'a> = (Source<'a>, f64);

/// All members that any source has: O(N) with N members in all, and O(M log M) to put the M of them in order.
pub(crate) fn union(mut sources: Vec<Weighted<'_>>, aggregate: Aggregate) -> Collector {
    sources.sort_by_key(|(source, _)| source.len());
    let mut union = Collector::new();
    for (source, weight) in sources {
        source.for_each(|member, score| {
            let score = number_or_zero(score * weight);
            union.add(&member.text(), score, |before| aggregate.combine(before, score));
        });
    }
    union
}

/// The members that all sources have: O(N*K) with the smallest source's N members and K sources, and
/// O(M log M) to put the M that are found in order.
pub(crate) fn intersection(sources: Vec<Weighted<'_>>, aggregate: Aggregate) -> Collector {
    let mut intersection = Collector::new();
    visit_common(sources, aggregate, |member, score| {
        intersection.add(&member.text(), score, |before| before);
        ControlFlow::Continue(())
    });
    intersection
}

/// How many members all sources have, counted up to `limit`.
pub(crate) fn intersection_len(sources: Vec<Source<'_>>, limit: usize) -> usize {
    let mut count = 0;
    let sources = sources.into_iter().map(|source| (source, 1.0)).collect();
    visit_common(sources, Aggregate::Sum, |_, _| {
        count += 1;
        if count < limit { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    });
    count
}

fn visit_common(
    mut sources: Vec<Weighted<'_>>,
    aggregate: Aggregate,
    mut visit: impl FnMut(Item<'_>, f64) -> ControlFlow<()>,
) {
    sources.sort_by_key(|(source, _)| source.len());
    let Some(((smallest, weight), others)) = sources.split_first() else { return };
    smallest.try_for_each(|member, own| {
        let mut score = number_or_zero(own * weight);
        for (source, weight) in others {
            let Some(other) = (if source.is(smallest) { Some(own) } else { source.score(member) }) else {
                return ControlFlow::Continue(());
            };
            score = aggregate.combine(score, other * weight);
        }
        visit(member, score)
    });
}

/// The members of the first source that no other has, with their scores.
///
/// There are two ways, and Redis's estimate tells the better one: to ask all others about each member of
/// the first, which is O(N*K) but often ends early; or to take the members of all others out of a copy of
/// the first, which is O(N) with N members in all. To put the M that are left in order is O(M log M).
pub(crate) fn difference(first: Source<'_>, others: &[Source<'_>]) -> Collector {
    let mut difference = Collector::new();
    if others.iter().any(|source| source.is(&first)) {
        return difference;
    }
    let asking = first.len().saturating_mul(others.len().saturating_add(1)) / 2;
    let taking = others.iter().fold(first.len(), |sum, source| sum.saturating_add(source.len()));
    let asks = asking <= taking;
    first.for_each(|member, score| {
        if !asks || !others.iter().any(|source| source.score(member).is_some()) {
            difference.add(&member.text(), score, |before| before);
        }
    });
    if !asks {
        others.iter().for_each(|source| source.for_each(|member, _| difference.remove(&member.text())));
    }
    difference
}
