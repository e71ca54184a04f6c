//! What sets have in common, together, and not in common. The one rule: the smallest is walked through,
//! the larger ones are asked.

use super::Set;
use crate::store::limits::Limits;
use crate::store::listpack::Item;
use std::ops::ControlFlow;

/// Visit the members that all of the sets have, until `visit` has enough: O(N*M) with the smallest set's N
/// members and M sets. Without sets there are none.
pub(crate) fn intersection(mut sets: Vec<&Set>, mut visit: impl FnMut(Item<'_>) -> ControlFlow<()>) {
    sets.sort_by_key(|set| set.len());
    let Some((smallest, others)) = sets.split_first() else { return };
    for member in smallest.iter() {
        // With themselves sets have all in common.
        let common = others.iter().all(|set| std::ptr::eq(*set, *smallest) || set.contains_item(member));
        if common && visit(member).is_break() {
            return;
        }
    }
}

/// The members that any of the sets has: O(N) with N members in all.
pub(crate) fn union(sets: &[&Set], limits: &Limits) -> Set {
    let mut union = Set::new();
    for set in sets {
        for member in set.iter() {
            union.insert_item(member, limits);
        }
    }
    union
}

/// Visit the members of the first set that no other has.
///
/// There are two ways, and Redis's estimate tells the better one: to ask all others about each member of
/// the first, which is O(N*M) but often ends early; or to take the members of all others out of a copy of
/// the first, which is O(N) with N members in all.
pub(crate) fn difference(first: &Set, others: &[&Set], limits: &Limits, mut visit: impl FnMut(Item<'_>)) {
    if others.iter().any(|set| std::ptr::eq(*set, first)) {
        return;
    }
    let asking = first.len().saturating_mul(others.len().saturating_add(1)) / 2;
    let taking = others.iter().fold(first.len(), |sum, set| sum.saturating_add(set.len()));
    if asking <= taking {
        // A larger set is likelier to have the member, which ends the asking.
        let mut others = others.to_vec();
        others.sort_by_key(|set| std::cmp::Reverse(set.len()));
        let alone = first.iter().filter(|member| !others.iter().any(|set| set.contains_item(*member)));
        alone.for_each(visit);
    } else {
        let mut left = union(&[first], limits);
        for set in others {
            if left.is_empty() {
                return;
            }
            for member in set.iter() {
                left.remove(&member.text());
            }
        }
        left.iter().for_each(&mut visit);
    }
}
