//! How many nodes Redis would need for a radix tree of these keys: XINFO STREAM tells, and tests compare.
//! The one rule: the shape of that tree follows from the keys alone, so one number kept up to date will do.
//!
//! Redis's tree has a node for each key at its end, one for each place where keys part, and one for each run of
//! bytes between two such places, the byte right behind a parting not counted: it is stored in the parting.
//!
//! ```text
//!   keys 0011, 0012, 0055:  (00) ─▶ 1|5 ─1▶ 1|2 ─1▶ end          7 nodes
//!                                     │       └2▶ end
//!                                     └5▶ (5) ──▶ end
//! ```

use super::id::StreamId;
use std::collections::BTreeMap;

/// The length of a key, in bytes.
const KEY_LENGTH: i32 = 16;

/// The number of nodes.
#[derive(Clone, Copy, Debug)]
pub(super) struct RadixNodes(u64);

impl Default for RadixNodes {
    /// An empty tree has its root.
    fn default() -> Self {
        Self(1)
    }
}

impl RadixNodes {
    /// How many there are.
    pub(super) fn count(self) -> u64 {
        self.0
    }

    /// A key is about to join these.
    pub(super) fn add<T>(&mut self, keys: &BTreeMap<StreamId, T>, key: StreamId) {
        self.0 = self.0.saturating_add(growth(keys, key));
    }

    /// A key has left these.
    pub(super) fn subtract<T>(&mut self, keys: &BTreeMap<StreamId, T>, key: StreamId) {
        self.0 = self.0.saturating_sub(growth(keys, key)).max(1);
    }
}

/// How many nodes a tree of `keys` gets more by this one.
fn growth<T>(keys: &BTreeMap<StreamId, T>, key: StreamId) -> u64 {
    let before = |id: StreamId| keys.range(..id).next_back().map(|(key, _)| *key);
    let after = |id: StreamId| id.next().and_then(|id| keys.range(id..).next()).map(|(key, _)| *key);
    // How many bytes the key has in common with a neighbour; a tree without keys has no place to part at.
    let common = |a: StreamId, b: Option<StreamId>| b.map_or(-1, |b| common_bytes(a, b));
    let part = common(key, before(key)).max(common(key, after(key)));
    if part < 0 {
        // A run of all bytes, in the root's place, and an end.
        return 1;
    }
    // The keys that share all bytes up to there, and where they part themselves next.
    let rest = u128::MAX.checked_shr((part * 8) as u32).unwrap_or_default();
    let low = StreamId::from_number(key.to_number() & !rest);
    let high = StreamId::from_number(key.to_number() | rest);
    let mut group = keys.range(low..=high).map(|(key, _)| *key);
    let (Some(first), last) = (group.next(), group.next_back()) else { return 0 };
    let below = last.map_or(KEY_LENGTH, |last| common_bytes(first, last));
    // Nodes of the run between two places.
    let run = |from: i32, to: i32| u64::from(to > from + 1);
    let branch = 1 + run(part, KEY_LENGTH);
    if below == part {
        return branch;
    }
    let above = common(key, before(low)).max(common(key, after(high)));
    (branch + 1 + run(above, part) + run(part, below)).saturating_sub(run(above, below))
}

/// How many bytes two keys have in common at their start.
fn common_bytes(a: StreamId, b: StreamId) -> i32 {
    (a.to_number() ^ b.to_number()).leading_zeros() as i32 / 8
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// The nodes of a tree of these keys' bytes from `depth` on, counted by building it.
    fn built(keys: &BTreeSet<[u8; 16]>, depth: usize) -> u64 {
        if depth == 16 {
            return 1;
        }
        let same = (depth..16).take_while(|at| {
            let bytes: BTreeSet<u8> = keys.iter().map(|key| key[*at]).collect();
            bytes.len() == 1
        });
        let part = depth + same.count();
        let run = u64::from(part > depth);
        if part == 16 {
            return run + 1;
        }
        let bytes: BTreeSet<u8> = keys.iter().map(|key| key[part]).collect();
        let children = bytes.into_iter().map(|byte| {
            let child = keys.iter().filter(|key| key[part] == byte).copied().collect();
            built(&child, part + 1)
        });
        run + 1 + children.sum::<u64>()
    }

    fn id() -> impl Strategy<Value = StreamId> {
        let part = || prop_oneof![0..6u64, any::<u64>(), (0..4u64).prop_map(|n| 0x0101_0000 + n * 0x100)];
        (part(), part()).prop_map(|(ms, seq)| StreamId { ms, seq })
    }

    proptest! {
        #[test]
        fn the_number_is_that_of_the_tree(changes in prop::collection::vec((any::<bool>(), id()), 1..60)) {
            let (mut keys, mut nodes) = (BTreeMap::new(), RadixNodes::default());
            for (adds, id) in changes {
                if keys.contains_key(&id) {
                    keys.remove(&id);
                    nodes.subtract(&keys, id);
                } else if adds {
                    nodes.add(&keys, id);
                    keys.insert(id, ());
                } else if let Some((id, ())) = keys.pop_first() {
                    nodes.subtract(&keys, id);
                }
                let bytes: BTreeSet<_> = keys.keys().map(|key| key.to_number().to_be_bytes()).collect();
                let expected = if bytes.is_empty() { 1 } else { built(&bytes, 0) };
                prop_assert_eq!(nodes.count(), expected);
            }
        }
    }
}
