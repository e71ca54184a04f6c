//! All entries of a database, by name, and those that expire once more. The one rule: whatever changes an entry does so
//! here, so that the second table always points where the entry is.

use super::Entry;
use crate::store::table::{Element, Table};
use crate::store::value::Value;
use ropewalk_reactor::random::Random;
use std::mem::ManuallyDrop;
use std::ptr::NonNull;

/// Entries by name; those with an expiry can be asked for by themselves.
#[derive(Debug, Default)]
pub(crate) struct Entries {
    all: Table<Entry>,
    /// The entries of `all` that have an expiry, each exactly once.
    expiring: Table<Alias>,
}

impl Element for Entry {
    fn key(&self) -> &[u8] {
        self.name()
    }

    fn address(&self) -> *const u8 {
        self.address()
    }
}

/// An entry of `all`, once more; it owns nothing.
///
/// What makes it sound to look at: [`Entries`] takes it out of its table before the entry goes, and lets it point at the new
/// place as soon as the entry has moved. Comparing where it points needs no entry there.
struct Alias(ManuallyDrop<Entry>);

impl Alias {
    /// To an entry at this place, in `all`, that has an expiry.
    fn to(start: NonNull<u64>) -> Self {
        Self(ManuallyDrop::new(Entry { start }))
    }

    fn is_to(&self, start: NonNull<u64>) -> bool {
        self.0.start == start
    }
}

impl Element for Alias {
    fn key(&self) -> &[u8] {
        self.0.name()
    }

    fn address(&self) -> *const u8 {
        self.0.address()
    }
}

impl Entries {
    /// All entries, to look at.
    pub(crate) fn all(&self) -> &Table<Entry> {
        &self.all
    }

    /// How many places the tables have: of all, and of those that expire.
    pub(crate) fn slots(&self) -> (usize, usize) {
        (self.all.slots(), self.expiring.slots())
    }

    /// How many have an expiry.
    pub(crate) fn expiring_len(&self) -> usize {
        self.expiring.len()
    }

    /// Visit the entries with an expiry at the cursor; see [`Table::scan`].
    pub(crate) fn scan_expiring(&self, cursor: u64, mut visit: impl FnMut(&Entry)) -> u64 {
        self.expiring.scan(cursor, |alias| visit(&alias.0))
    }

    /// Any entry with an expiry; all are equally likely.
    pub(crate) fn random_expiring(&self, random: &mut Random) -> Option<&Entry> {
        self.expiring.random(random).map(|alias| &*alias.0)
    }

    /// Put in an entry of which there is none with the name.
    pub(crate) fn insert_new(&mut self, hash: u64, entry: Entry) {
        let entry = self.all.insert_new(hash, entry);
        if entry.expires_at().is_some() {
            self.expiring.insert_new(hash, Alias::to(entry.start));
        }
    }

    /// Change an entry, but not its name, if there is one.
    pub(crate) fn change<R>(
        &mut self,
        hash: u64,
        name: &[u8],
        how: impl FnOnce(&mut Entry) -> R,
    ) -> Option<R> {
        let entry = self.all.find_hashed_mut(hash, name)?;
        let (before, expired) = (entry.start, entry.expires_at().is_some());
        let result = how(entry);
        let (after, expires) = (entry.start, entry.expires_at().is_some());
        let is_it = |alias: &Alias| alias.is_to(before);
        if expired && !expires {
            self.expiring.remove_where(hash, is_it);
        } else if expires && !expired {
            self.expiring.insert_new(hash, Alias::to(after));
        } else if expires
            && after != before
            && let Some(alias) = self.expiring.find_where_mut(hash, is_it)
        {
            *alias = Alias::to(after);
        }
        Some(result)
    }

    /// The value of an entry, to change, if there is the entry, and if the value has an allocation of its own.
    pub(crate) fn value_mut(&mut self, hash: u64, name: &[u8]) -> Option<Option<&mut Value>> {
        self.all.find_hashed_mut(hash, name).map(Entry::value_mut)
    }

    /// Take an entry out.
    pub(crate) fn remove(&mut self, hash: u64, name: &[u8]) -> Option<Entry> {
        let entry = self.all.find_hashed(hash, name)?;
        if entry.expires_at().is_some() {
            let start = entry.start;
            self.expiring.remove_where(hash, |alias| alias.is_to(start));
        }
        self.all.remove_hashed(hash, name)
    }
}
