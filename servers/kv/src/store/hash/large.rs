//! A large hash: fields in a table. The one rule: whatever expires stands in the index by time as well, so
//! the next to expire is known, and found, without looking at any other.

use super::stored::Stored;
use super::{Expires, Field};
use crate::store::listpack::Item;
use crate::store::table::{Table, Text};
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

/// Of how many fields the sizes are looked at to estimate those of all.
const SAMPLED_FIELDS: usize = 5;
/// What a tree takes for an entry: the entry, and its share of nodes that are two thirds full.
const DUE_BYTES: usize = 2 * size_of::<Due>();

/// Fields, values and expiries, by name and by time.
#[derive(Clone, Default)]
pub(super) struct Large {
    fields: Table<Stored>,
    due: BTreeSet<Due>,
}

/// A field of this name expires.
#[derive(Clone, Debug)]
struct Due {
    when: i64,
    name: Text,
}

impl Due {
    fn new(when: i64, name: &[u8]) -> Self {
        Self { when, name: Text::new(name) }
    }
}

impl Ord for Due {
    fn cmp(&self, other: &Self) -> Ordering {
        self.when.cmp(&other.when).then_with(|| self.name.cmp(&other.name))
    }
}

impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Due {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Due {}

/// A field that is told from others by its name alone.
#[derive(Clone, Copy)]
pub(super) struct Named<'a>(&'a Stored);

impl<'a> Named<'a> {
    pub(super) fn field(self) -> Field<'a> {
        field(self.0)
    }
}

impl Hash for Named<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.name().hash(state);
    }
}

impl PartialEq for Named<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.0.name() == other.0.name()
    }
}

impl Eq for Named<'_> {}

impl Large {
    /// Nothing yet, with room for so many fields.
    pub(super) fn with_room(fields: usize) -> Self {
        let mut large = Self::default();
        large.fields.reserve(fields);
        large
    }

    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// How many allocations there are.
    pub(super) fn allocations(&self) -> usize {
        self.fields.len().saturating_add(self.due.len())
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let sampled = self.len().min(SAMPLED_FIELDS);
        let bytes: usize = self.fields.iter().take(sampled).map(Stored::heap_bytes).sum();
        let fields = bytes.saturating_mul(self.len()).checked_div(sampled).unwrap_or(0);
        let names: usize = self.due.iter().take(SAMPLED_FIELDS).map(|due| due.name.heap_bytes()).sum();
        let names = names.saturating_mul(self.due.len()) / self.due.len().clamp(1, SAMPLED_FIELDS);
        let due = self.due.len().saturating_mul(DUE_BYTES).saturating_add(names);
        [self.fields.heap_bytes(), fields, due].into_iter().fold(size_of::<Self>(), usize::saturating_add)
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<Field<'_>> {
        self.fields.find(name).map(field)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        self.fields.iter().map(field)
    }

    pub(super) fn scan(&self, cursor: u64, mut visit: impl FnMut(Field<'_>)) -> u64 {
        self.fields.scan(cursor, |stored| visit(field(stored)))
    }

    /// Any field; all are equally likely.
    pub(super) fn random(&self, random: &mut ropewalk_reactor::random::Random) -> Option<Named<'_>> {
        self.fields.random(random).map(Named)
    }

    /// When the first field expires.
    pub(super) fn next_expiry(&self) -> Option<i64> {
        self.due.first().map(|due| due.when)
    }

    /// When the last field expires, if all do.
    pub(super) fn end(&self) -> Option<i64> {
        if self.due.len() == self.fields.len() { self.due.last().map(|due| due.when) } else { None }
    }

    /// The fields that have expired by now.
    pub(super) fn due(&self, now_ms: i64) -> impl Iterator<Item = &[u8]> {
        self.due.iter().take_while(move |due| due.when <= now_ms).map(|due| &*due.name)
    }

    /// Give a field a value, and say whether the field is new.
    pub(super) fn set(&mut self, name: &[u8], value: &[u8], expires: Expires) -> bool {
        let (stored, new) = self.fields.get_or_insert_with(name, || Stored::new(name, value, None));
        if !new {
            stored.set_value(value);
            if expires == Expires::Never
                && let Some(when) = stored.expires_at()
            {
                stored.set_expiry(None);
                self.due.remove(&Due::new(when, name));
            }
        }
        new
    }

    /// Say when a field expires, or that it does not, and whether there is one.
    pub(super) fn set_expiry(&mut self, name: &[u8], expires_at: Option<i64>) -> bool {
        let Some(stored) = self.fields.find_mut(name) else { return false };
        let before = stored.expires_at();
        if before != expires_at {
            stored.set_expiry(expires_at);
            before.map(|when| self.due.remove(&Due::new(when, name)));
            expires_at.map(|when| self.due.insert(Due::new(when, name)));
        }
        true
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> bool {
        let Some(stored) = self.fields.remove(name) else { return false };
        if let Some(when) = stored.expires_at() {
            self.due.remove(&Due::new(when, name));
        }
        true
    }
}

/// What is stored, to look at.
fn field(stored: &Stored) -> Field<'_> {
    let (name, value) = stored.parts();
    Field { name: Item::Bytes(name), value: Item::Bytes(value), expires_at: stored.expires_at() }
}
