//! Hashes: fields with values, and when each expires. The one rule: a field whose time is up is shown to
//! nobody who says what time it is, even before it is taken out.
//!
//! | kind | holds | OBJECT ENCODING |
//! | --- | --- | --- |
//! | a listpack | up to `hash-max-listpack-entries` fields of up to `hash-max-listpack-value` bytes | `listpack` |
//! | a table | any | `hashtable` |
//!
//! Expired fields are taken out by [`Hash::expire`], step by step: the time a command takes does not depend
//! on how many fields happen to expire at once.

mod large;
mod pack;
mod stored;
#[cfg(test)]
mod tests;

use super::limits::Limits;
use super::listpack::{Item, Listpack};
use super::sample::{self, Passing};
use super::value::Encoding;
use large::{Large, Named};
use pack::Pack;
use ropewalk_reactor::random::Random;
use std::ops::ControlFlow;

/// Fields and their values.
#[derive(Clone)]
pub(crate) struct Hash {
    fields: Fields,
}

#[derive(Clone)]
enum Fields {
    Small(Pack),
    Large(Box<Large>),
}

/// A field, to look at.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Field<'a> {
    /// What it is found by.
    pub(crate) name: Item<'a>,
    /// What it holds.
    pub(crate) value: Item<'a>,
    /// When it expires, in milliseconds since 1970.
    pub(crate) expires_at: Option<i64>,
}

impl Field<'_> {
    /// Whether its time is not up.
    pub(crate) fn is_live(&self, now_ms: i64) -> bool {
        self.expires_at.is_none_or(|at| at > now_ms)
    }
}

/// What becomes of a field's expiry when it gets another value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expires {
    /// It stays as it is.
    Keep,
    /// It expires no more.
    Never,
}

impl Hash {
    /// No fields.
    pub(crate) fn new() -> Self {
        Self { fields: Fields::Small(Pack::new()) }
    }

    /// The fields of a listpack that Redis wrote, names and values by turns; `None` if a value is missing or
    /// a name is there twice.
    pub(crate) fn from_listpack(list: Listpack, limits: &Limits) -> Option<Self> {
        let mut names: Vec<_> = list.iter().step_by(2).map(identity).collect();
        if !list.len().is_multiple_of(2) {
            return None;
        }
        names.sort_unstable();
        if names.windows(2).any(|pair| matches!(pair, [one, other] if one == other)) {
            return None;
        }
        let fields = names.len();
        let mut hash = Self { fields: Fields::Small(Pack::from_list(list)) };
        if fields > limits.hash_listpack_entries {
            hash.become_large();
        }
        Some(hash)
    }

    /// The names and values as Redis writes them, if this is a small hash in which nothing ever expired.
    pub(crate) fn listpack(&self) -> Option<&Listpack> {
        if let Fields::Small(pack) = &self.fields { pack.list() } else { None }
    }

    /// How many fields there are, expired ones that have not been taken out included.
    pub(crate) fn len(&self) -> usize {
        match &self.fields {
            Fields::Small(pack) => pack.len(),
            Fields::Large(large) => large.len(),
        }
    }

    /// How many fields have not expired: O(1), and one step for each that has and is not taken out yet.
    pub(crate) fn live_len(&self, now_ms: i64) -> usize {
        self.len().saturating_sub(self.due_len(now_ms))
    }

    fn due_len(&self, now_ms: i64) -> usize {
        match &self.fields {
            Fields::Small(pack) if pack.next_expiry().is_none() => 0,
            Fields::Small(pack) => pack.iter().take_while(|field| !field.is_live(now_ms)).count(),
            Fields::Large(large) => large.due(now_ms).count(),
        }
    }

    /// Whether there are no fields.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING answers.
    pub(crate) fn encoding(&self) -> Encoding {
        match self.fields {
            Fields::Small(_) => Encoding::Listpack,
            Fields::Large(_) => Encoding::Hashtable,
        }
    }

    /// How many allocations dropping it gives back.
    pub(crate) fn free_effort(&self) -> usize {
        if let Fields::Large(large) = &self.fields { large.allocations() } else { 1 }
    }

    /// What it takes on the heap, in bytes; of a large one it is an estimate.
    pub(crate) fn heap_bytes(&self) -> usize {
        match &self.fields {
            Fields::Small(pack) => pack.heap_bytes(),
            Fields::Large(large) => large.heap_bytes(),
        }
    }

    /// The field of this name, unless it has expired.
    pub(crate) fn get(&self, name: &[u8], now_ms: i64) -> Option<Field<'_>> {
        let field = match &self.fields {
            Fields::Small(pack) => pack.get(name),
            Fields::Large(large) => large.get(name),
        };
        field.filter(|field| field.is_live(now_ms))
    }

    /// All fields, expired ones that have not been taken out included.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        let (small, large) = match &self.fields {
            Fields::Small(pack) => (Some(pack), None),
            Fields::Large(large) => (None, Some(large)),
        };
        let small = small.into_iter().flat_map(Pack::iter);
        small.chain(large.into_iter().flat_map(|large| large.iter()))
    }

    /// The fields that have not expired.
    pub(crate) fn live(&self, now_ms: i64) -> impl Iterator<Item = Field<'_>> {
        self.iter().filter(move |field| field.is_live(now_ms))
    }

    /// Visit the fields at the cursor that have not expired, and return the next cursor; 0 is the first, and
    /// comes back at the end. A field that is there from the first call to the last is visited at least once.
    pub(crate) fn scan(&self, cursor: u64, now_ms: i64, mut visit: impl FnMut(Field<'_>)) -> u64 {
        match &self.fields {
            Fields::Small(_) => {
                self.live(now_ms).for_each(visit);
                0
            }
            Fields::Large(large) => large.scan(cursor, |field| {
                if field.is_live(now_ms) {
                    visit(field);
                }
            }),
        }
    }

    /// Give a field a value. Returns whether it is new; one that had expired is.
    pub(crate) fn set(
        &mut self,
        name: &[u8],
        value: &[u8],
        expires: Expires,
        now_ms: i64,
        limits: &Limits,
    ) -> bool {
        self.take_if_expired(name, now_ms);
        if let Fields::Small(pack) = &mut self.fields {
            let fits = name.len().max(value.len()) <= limits.hash_listpack_value;
            if fits && let Ok(new) = pack.set(name, value, expires) {
                if pack.len() > limits.hash_listpack_entries {
                    self.become_large();
                }
                return new;
            }
        }
        self.become_large().set(name, value, expires)
    }

    /// Say when a field expires, or that it does not; the time is after 1970. Returns whether there is such a
    /// field.
    pub(crate) fn set_expiry(&mut self, name: &[u8], expires_at: Option<i64>) -> bool {
        debug_assert!(expires_at.is_none_or(|at| at > 0), "0 is never");
        if let Fields::Small(pack) = &mut self.fields
            && let Ok(found) = pack.set_expiry(name, expires_at)
        {
            return found;
        }
        self.become_large().set_expiry(name, expires_at)
    }

    /// Take a field out. Returns whether it was there.
    pub(crate) fn remove(&mut self, name: &[u8]) -> bool {
        match &mut self.fields {
            Fields::Small(pack) => pack.remove(name),
            Fields::Large(large) => large.remove(name),
        }
    }

    /// Become a table, if it is none.
    fn become_large(&mut self) -> &mut Large {
        if let Fields::Small(pack) = &self.fields {
            let mut large = Large::with_room(pack.len().saturating_add(1));
            for field in pack.iter() {
                let name = field.name.text();
                large.set(&name, &field.value.text(), Expires::Never);
                large.set_expiry(&name, field.expires_at);
            }
            self.fields = Fields::Large(Box::new(large));
        }
        match &mut self.fields {
            Fields::Large(large) => large,
            Fields::Small(_) => unreachable!("it has just become one"),
        }
    }

    /// When the next field expires, in milliseconds since 1970.
    pub(crate) fn next_expiry(&self) -> Option<i64> {
        match &self.fields {
            Fields::Small(pack) => pack.next_expiry(),
            Fields::Large(large) => large.next_expiry(),
        }
    }

    /// Whether fields have expired that have not been taken out.
    pub(crate) fn is_due(&self, now_ms: i64) -> bool {
        self.next_expiry().is_some_and(|at| at <= now_ms)
    }

    /// Whether all fields have expired: then the key is as good as gone.
    pub(crate) fn is_expired(&self, now_ms: i64) -> bool {
        let end = match &self.fields {
            Fields::Small(pack) => pack.end(),
            Fields::Large(large) => large.end(),
        };
        end.is_some_and(|at| at <= now_ms)
    }

    /// Take the field of this name out if it has expired. Returns whether it was so.
    pub(crate) fn take_if_expired(&mut self, name: &[u8], now_ms: i64) -> bool {
        if !self.is_due(now_ms) {
            return false;
        }
        let field = match &self.fields {
            Fields::Small(pack) => pack.get(name),
            Fields::Large(large) => large.get(name),
        };
        field.is_some_and(|field| !field.is_live(now_ms)) && self.remove(name)
    }

    /// Take expired fields out, the earliest first, up to `count` of them, and visit the name of each.
    /// Returns how many it were.
    pub(crate) fn expire(&mut self, now_ms: i64, count: usize, mut visit: impl FnMut(&[u8])) -> usize {
        (0..count).take_while(|_| self.expire_one(now_ms, &mut visit)).count()
    }

    fn expire_one(&mut self, now_ms: i64, visit: &mut impl FnMut(&[u8])) -> bool {
        let name = match &self.fields {
            Fields::Small(pack) if self.is_due(now_ms) => {
                pack.iter().next().map(|field| field.name.text().to_vec())
            }
            Fields::Small(_) => None,
            Fields::Large(large) => large.due(now_ms).next().map(<[u8]>::to_vec),
        };
        name.is_some_and(|name| {
            visit(&name);
            self.remove(&name)
        })
    }

    /// Any field that has not expired; all are equally likely. O(1), unless some have expired that are not
    /// taken out yet.
    pub(crate) fn random(&self, now_ms: i64, random: &mut Random) -> Option<Field<'_>> {
        if self.is_due(now_ms) {
            let live = self.live_len(now_ms);
            return (live > 0).then(|| random.index(live)).and_then(|index| self.live(now_ms).nth(index));
        }
        match &self.fields {
            Fields::Small(pack) => pack.random(random),
            Fields::Large(large) => large.random(random).map(Named::field),
        }
    }

    /// Visit any fields that have not expired, again and again and so perhaps the same ones, until `visit` has
    /// enough. If there are none, there are none to visit.
    pub(crate) fn draw(
        &self,
        now_ms: i64,
        random: &mut Random,
        mut visit: impl FnMut(Field<'_>) -> ControlFlow<()>,
    ) {
        let large = match &self.fields {
            Fields::Large(large) if !self.is_due(now_ms) => Some(large),
            _ => None,
        };
        // In a listpack each draw would read half of it.
        let all: Vec<_> = if large.is_none() { self.live(now_ms).collect() } else { vec![] };
        loop {
            let drawn = match large {
                Some(large) => large.random(random).map(Named::field),
                None if all.is_empty() => None,
                None => all.get(random.index(all.len())).copied(),
            };
            match drawn.map(&mut visit) {
                Some(ControlFlow::Continue(())) => {}
                Some(ControlFlow::Break(())) | None => return,
            }
        }
    }

    /// Visit `count` different fields that have not expired, or all if there are fewer; every choice of them is
    /// equally likely.
    pub(crate) fn sample(
        &self,
        count: usize,
        now_ms: i64,
        random: &mut Random,
        mut visit: impl FnMut(Field<'_>),
    ) {
        match &self.fields {
            Fields::Large(large) if sample::are_few(count, large.len()) && !self.is_due(now_ms) => {
                let drawn = sample::draw_different(count, random, |random| large.random(random));
                drawn.into_iter().for_each(|named| visit(named.field()));
            }
            _ => {
                let mut passing = Passing::new(count, self.live_len(now_ms));
                let mut fields = self.live(now_ms);
                while !passing.is_done() {
                    let Some(field) = fields.next() else { break };
                    if passing.chooses(random) {
                        visit(field);
                    }
                }
            }
        }
    }
}

/// What is the same for two elements of the same text, whether it is stored as an integer or not.
fn identity(item: Item<'_>) -> (Option<i64>, &[u8]) {
    match (item.integer(), item) {
        (None, Item::Bytes(bytes)) => (None, bytes),
        (integer, _) => (integer, &[]),
    }
}

impl std::fmt::Debug for Hash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}
