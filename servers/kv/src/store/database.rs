//! One of the numbered databases: keys, what they hold, and when they expire. The one rule: every change
//! of a value goes through [`Database`], so that whoever writes values out while they are being changed
//! has one place to stand in.

use super::entry::{Entries, Entry};
use super::field_expiries::FieldExpiries;
use super::hash::Hash;
use super::table::hash_of;
use super::value::{Collection, Encoding, Kind, Value, View};
use ropewalk_reactor::random::Random;

pub(crate) use super::entry::Access;

/// The name of a key, with its hash, which is computed once a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'a> {
    /// Its bytes.
    pub(crate) name: &'a [u8],
    hash: u64,
}

impl<'a> Key<'a> {
    /// A key by name.
    #[inline]
    pub(crate) fn new(name: &'a [u8]) -> Self {
        Self { name, hash: hash_of(name) }
    }
}

/// The value is of another kind than the command works on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct WrongKind;

/// What becomes of a key's expiry when its value is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expiry {
    /// It stays as it is.
    Keep,
    /// It expires no more.
    Never,
    /// It expires at this time, in milliseconds since 1970.
    At(i64),
}

impl Expiry {
    /// When a key expires that did so at `before`.
    fn after(self, before: Option<i64>) -> Option<i64> {
        match self {
            Self::Keep => before,
            Self::Never => None,
            Self::At(at) => Some(at),
        }
    }
}

/// What a key held before it was given another value.
#[derive(Debug)]
pub(crate) enum Replaced {
    /// There was no such key.
    Nothing,
    /// A short string or an integer, which is gone.
    String,
    /// This.
    Value(Value),
}

/// A key that is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    entry: &'a Entry,
}

impl<'a> Found<'a> {
    /// The key's name.
    pub(crate) fn name(&self) -> &'a [u8] {
        self.entry.name()
    }

    /// What it holds.
    #[inline]
    pub(crate) fn view(&self) -> View<'a> {
        self.entry.view()
    }

    /// The hash that it holds, if it is one.
    pub(crate) fn hash(&self) -> Option<&'a Hash> {
        self.entry.hash()
    }

    /// What TYPE answers.
    pub(crate) fn kind(&self) -> Kind {
        self.view().kind()
    }

    /// What OBJECT ENCODING answers.
    pub(crate) fn encoding(&self) -> Encoding {
        self.entry.encoding()
    }

    /// When it expires, in milliseconds since 1970.
    pub(crate) fn expires_at(&self) -> Option<i64> {
        self.entry.expires_at()
    }

    /// Whether its time is up, or that of all its fields.
    #[inline]
    pub(crate) fn is_expired(&self, now_ms: i64) -> bool {
        let own = self.entry.expires_at().is_some_and(|at| at <= now_ms);
        own || self.entry.hash().is_some_and(|hash| hash.is_expired(now_ms))
    }

    /// What eviction goes by.
    pub(crate) fn access(&self) -> Access {
        self.entry.access()
    }

    /// Note a use.
    #[inline]
    pub(crate) fn set_access(&self, access: Access) {
        self.entry.set_access(access);
    }

    /// A copy of the value.
    pub(crate) fn value(&self) -> Value {
        self.entry.to_value()
    }

    /// What the key and its value take, in bytes, its places in the tables included.
    pub(crate) fn heap_bytes(&self) -> usize {
        /// A slot, at the load that tables have on average, and the tags beside it.
        const PLACE_BYTES: usize = 14;
        let places = if self.expires_at().is_some() { 2 } else { 1 };
        self.entry.heap_bytes() + places * PLACE_BYTES
    }
}

/// Keys, what they hold, and when they expire.
#[derive(Debug, Default)]
pub(crate) struct Database {
    entries: Entries,
    /// The hashes with fields that expire.
    fields: FieldExpiries,
}

impl Database {
    /// How many keys there are, expired ones that nobody has asked for included.
    pub(crate) fn len(&self) -> usize {
        self.entries.all().len()
    }

    /// Whether there are no keys.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many keys have an expiry.
    pub(crate) fn expiring_len(&self) -> usize {
        self.entries.expiring_len()
    }

    /// Whether there is any key that expires, or any field.
    #[inline]
    pub(crate) fn may_expire(&self) -> bool {
        self.expiring_len() > 0 || self.fields.len() > 0
    }

    /// How many places the tables have: of all keys, and of those that expire.
    pub(crate) fn slots(&self) -> (usize, usize) {
        self.entries.slots()
    }

    /// The key, whether it has expired or not.
    #[inline]
    pub(crate) fn find(&self, key: Key<'_>) -> Option<Found<'_>> {
        self.entries.all().find_hashed(key.hash, key.name).map(|entry| Found { entry })
    }

    /// Fetch what looking up this key will touch: its bucket.
    #[inline]
    pub(crate) fn prefetch_bucket(&self, key: Key<'_>) {
        self.entries.all().prefetch_bucket(key.hash);
    }

    /// Fetch what looking up this key will touch next, once its bucket is near: its entry.
    #[inline]
    pub(crate) fn prefetch_entry(&self, key: Key<'_>) {
        self.entries.all().prefetch_element(key.hash);
    }

    /// Set a key to a string, as SET does: what it held is dropped. Returns whether the key is new.
    #[inline]
    pub(crate) fn set_string(&mut self, key: Key<'_>, bytes: &[u8], expiry: Expiry, access: Access) -> bool {
        let set = |entry: &mut Entry| entry.set_string(bytes, expiry.after(entry.expires_at()), access);
        let is_new = self.entries.change(key.hash, key.name, set).is_none();
        if is_new {
            self.entries.insert_new(key.hash, Entry::string(key.name, bytes, expiry.after(None), access));
        } else {
            self.fields_expire(key, None);
        }
        is_new
    }

    /// Put a value under a key. Returns what it held before.
    pub(crate) fn insert(&mut self, key: Key<'_>, value: Value, expiry: Expiry, access: Access) -> Replaced {
        self.fields_expire(key, next_field_of(&value));
        let mut value = Some(value);
        let mut take = || value.take().expect("a key is there or not");
        let set = |entry: &mut Entry| entry.set_value(take(), expiry.after(entry.expires_at()), access);
        match self.entries.change(key.hash, key.name, set) {
            Some(Some(value)) => Replaced::Value(value),
            Some(None) => Replaced::String,
            None => {
                let entry = Entry::new(key.name, take(), expiry.after(None), access);
                self.entries.insert_new(key.hash, entry);
                Replaced::Nothing
            }
        }
    }

    /// Take a key out. Returns what it held.
    pub(crate) fn remove(&mut self, key: Key<'_>) -> Option<Value> {
        self.take(key).map(Entry::into_value)
    }

    /// Take a key out, with all that it has.
    pub(crate) fn take(&mut self, key: Key<'_>) -> Option<Entry> {
        self.fields_expire(key, None);
        self.entries.remove(key.hash, key.name)
    }

    /// The collection under a key, to change.
    ///
    /// # Errors
    /// If the value is of another kind.
    pub(crate) fn collection_mut<C: Collection>(
        &mut self,
        key: Key<'_>,
    ) -> Result<Option<&mut C>, WrongKind> {
        let Some(held) = self.entries.value_mut(key.hash, key.name) else { return Ok(None) };
        held.and_then(C::of_mut).map(Some).ok_or(WrongKind)
    }

    /// The bytes of a string, to change in place; it is `raw` from now on.
    ///
    /// # Errors
    /// If the value is no string.
    pub(crate) fn bytes_mut(&mut self, key: Key<'_>) -> Result<Option<&mut Vec<u8>>, WrongKind> {
        let make_raw = |entry: &mut Entry| entry.bytes_mut().is_some();
        match self.entries.change(key.hash, key.name, make_raw) {
            None => Ok(None),
            Some(false) => Err(WrongKind),
            Some(true) => match self.entries.value_mut(key.hash, key.name) {
                Some(Some(Value::Raw(bytes))) => Ok(Some(bytes)),
                _ => Err(WrongKind),
            },
        }
    }

    /// Say when a key expires, or that it does not. Returns whether the key is there.
    pub(crate) fn set_expiry(&mut self, key: Key<'_>, at: Option<i64>) -> bool {
        self.entries.change(key.hash, key.name, |entry| entry.set_expiry(at)).is_some()
    }

    /// A field of the hash under this key is going to expire at this time, before all others; or none will.
    #[inline]
    fn fields_expire(&mut self, key: Key<'_>, next: Option<i64>) {
        if next.is_some() || self.fields.len() > 0 {
            self.fields.set(key.name, next);
        }
    }

    /// The expiries of a hash's fields have changed: find out when the next of them expires.
    pub(crate) fn note_fields(&mut self, key: Key<'_>) {
        let next = self.find(key).and_then(|found| found.hash()?.next_expiry());
        self.fields_expire(key, next);
    }

    /// The hash of which a field expires next, and when it does; perhaps it does not any more.
    pub(crate) fn next_field(&self) -> Option<(i64, &[u8])> {
        self.fields.first()
    }

    /// Visit the keys at the cursor, and return the next one; 0 is the first, and comes back at the end. A key
    /// that is there from the first call to the last is visited at least once.
    pub(crate) fn scan(&self, cursor: u64, mut visit: impl FnMut(Found<'_>)) -> u64 {
        self.entries.all().scan(cursor, |entry| visit(Found { entry }))
    }

    /// As [`scan`](Self::scan), of the keys that have an expiry.
    pub(crate) fn scan_expiring(&self, cursor: u64, mut visit: impl FnMut(Found<'_>)) -> u64 {
        self.entries.scan_expiring(cursor, |entry| visit(Found { entry }))
    }

    /// Any key; all are equally likely.
    pub(crate) fn random(&self, random: &mut Random) -> Option<Found<'_>> {
        self.entries.all().random(random).map(|entry| Found { entry })
    }

    /// Any key that has an expiry; all are equally likely.
    pub(crate) fn random_expiring(&self, random: &mut Random) -> Option<Found<'_>> {
        self.entries.random_expiring(random).map(|entry| Found { entry })
    }

    /// All keys, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Found<'_>> {
        self.entries.all().iter().map(|entry| Found { entry })
    }
}

/// When the first field of a value expires.
fn next_field_of(value: &Value) -> Option<i64> {
    if let Value::Hash(hash) = value { hash.next_expiry() } else { None }
}

#[cfg(test)]
mod tests;
