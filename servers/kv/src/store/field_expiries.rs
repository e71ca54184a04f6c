//! Which hashes have fields that expire, and when the next of each does. The one rule: a key is here once, if
//! at all, so that keys which come and go leave nothing behind.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Hashes by the time at which a field of theirs expires next.
///
/// Names are counted by `Arc` because a database that is emptied is dropped on another thread.
///
/// That time may have passed without consequence, because the field was deleted or expires later by now: whoever acts on
/// it asks the hash. It is never too late.
#[derive(Debug, Default)]
pub(crate) struct FieldExpiries {
    by_name: BTreeMap<Arc<[u8]>, i64>,
    by_time: BTreeSet<(i64, Arc<[u8]>)>,
}

impl FieldExpiries {
    /// How many hashes there are.
    pub(crate) fn len(&self) -> usize {
        self.by_name.len()
    }

    /// The next field to expire is of the hash under this key.
    pub(crate) fn first(&self) -> Option<(i64, &[u8])> {
        self.by_time.first().map(|(at, name)| (*at, &**name))
    }

    /// A field of the hash under this key expires at this time, or none does, or there is no such hash.
    pub(crate) fn set(&mut self, name: &[u8], next: Option<i64>) {
        let Some((name, before)) = self.by_name.get_key_value(name).map(|(name, at)| (name.clone(), *at))
        else {
            if let Some(at) = next {
                let name: Arc<[u8]> = name.into();
                self.by_name.insert(name.clone(), at);
                self.by_time.insert((at, name));
            }
            return;
        };
        if next == Some(before) {
            return;
        }
        self.by_time.remove(&(before, name.clone()));
        match next {
            Some(at) => {
                self.by_name.insert(name.clone(), at);
                self.by_time.insert((at, name));
            }
            None => drop(self.by_name.remove(&name)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_first_is_the_earliest_of_those_that_are_there(
            steps in prop::collection::vec(("[a-e]", prop::option::of(0..20i64)), 0..60),
        ) {
            let (mut expiries, mut model) = (FieldExpiries::default(), BTreeMap::new());
            for (name, next) in steps {
                expiries.set(name.as_bytes(), next);
                match next {
                    Some(at) => drop(model.insert(name, at)),
                    None => drop(model.remove(&name)),
                }
                let first = model.iter().map(|(name, at)| (*at, name.as_bytes())).min();
                prop_assert_eq!(expiries.first(), first);
                prop_assert_eq!(expiries.len(), model.len());
                prop_assert_eq!(expiries.by_time.len(), model.len());
            }
        }
    }
}
