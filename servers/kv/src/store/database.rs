//! One of the numbered databases: keys, what they hold, and when they expire. The one rule: every change
//! of a value goes through [`Database`], so that whoever writes values out while they are being changed
//! has one place to stand in.

use super::value::{Collection, Encoding, Kind, Value, View};
use ropewalk_reactor::random::Random;
use std::cell::Cell;
use std::collections::HashMap;

/// The name of a key, with its hash, which is computed once a command.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key<'a> {
    /// Its bytes.
    pub(crate) name: &'a [u8],
    hash: u64,
}

impl<'a> Key<'a> {
    /// A key by name.
    pub(crate) fn new(name: &'a [u8]) -> Self {
        Self { name, hash: 0 }
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

/// When a key was used last, or how often: 24 bits that eviction goes by.
pub(crate) type Access = u32;

#[derive(Debug)]
struct Slot {
    value: Value,
    expires_at: Option<i64>,
    access: Cell<Access>,
}

/// A key that is there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Found<'a> {
    name: &'a [u8],
    slot: &'a Slot,
}

impl<'a> Found<'a> {
    /// The key's name.
    pub(crate) fn name(&self) -> &'a [u8] {
        self.name
    }

    /// What it holds.
    pub(crate) fn view(&self) -> View<'a> {
        self.slot.value.view()
    }

    /// What TYPE answers.
    pub(crate) fn kind(&self) -> Kind {
        self.view().kind()
    }

    /// What OBJECT ENCODING answers.
    pub(crate) fn encoding(&self) -> Encoding {
        self.slot.value.encoding()
    }

    /// When it expires, in milliseconds since 1970.
    pub(crate) fn expires_at(&self) -> Option<i64> {
        self.slot.expires_at
    }

    /// Whether its time is up.
    pub(crate) fn is_expired(&self, now_ms: i64) -> bool {
        self.slot.expires_at.is_some_and(|at| at <= now_ms)
    }

    /// What eviction goes by.
    pub(crate) fn access(&self) -> Access {
        self.slot.access.get()
    }

    /// Note a use.
    pub(crate) fn set_access(&self, access: Access) {
        self.slot.access.set(access);
    }

    /// A copy of the value.
    pub(crate) fn value(&self) -> Value {
        self.slot.value.clone()
    }

    /// What the key and its value take, in bytes, its places in the tables included.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.name.len() + size_of::<Slot>() + self.slot.value.heap_bytes()
    }

    /// How many allocations dropping the value gives back.
    pub(crate) fn free_effort(&self) -> usize {
        self.slot.value.free_effort()
    }
}

/// Keys, what they hold, and when they expire.
#[derive(Debug, Default)]
pub(crate) struct Database {
    slots: HashMap<Box<[u8]>, Slot>,
}

impl Database {
    /// How many keys there are, expired ones that nobody has asked for included.
    pub(crate) fn len(&self) -> usize {
        self.slots.len()
    }

    /// Whether there are no keys.
    pub(crate) fn is_empty(&self) -> bool {
        self.slots.is_empty()
    }

    /// How many keys have an expiry.
    pub(crate) fn expiring_len(&self) -> usize {
        self.slots.values().filter(|slot| slot.expires_at.is_some()).count()
    }

    /// The key, whether it has expired or not.
    pub(crate) fn find(&self, key: Key<'_>) -> Option<Found<'_>> {
        self.slots.get_key_value(key.name).map(|(name, slot)| Found { name, slot })
    }

    /// Fetch what looking up this key will touch: its bucket.
    pub(crate) fn prefetch_bucket(&self, _key: Key<'_>) {}

    /// Fetch what looking up this key will touch next, once its bucket is near: its entry.
    pub(crate) fn prefetch_entry(&self, _key: Key<'_>) {}

    /// Set a key to a string, as SET does: what it held is dropped. Returns whether the key is new.
    pub(crate) fn set_string(&mut self, key: Key<'_>, bytes: &[u8], expiry: Expiry, access: Access) -> bool {
        self.insert(key, Value::string(bytes), expiry, access).is_none()
    }

    /// Put a value under a key. Returns what it held before.
    pub(crate) fn insert(
        &mut self,
        key: Key<'_>,
        value: Value,
        expiry: Expiry,
        access: Access,
    ) -> Option<Value> {
        let at = |before: Option<i64>| match expiry {
            Expiry::Keep => before,
            Expiry::Never => None,
            Expiry::At(at) => Some(at),
        };
        match self.slots.get_mut(key.name) {
            Some(slot) => {
                slot.expires_at = at(slot.expires_at);
                slot.access.set(access);
                Some(std::mem::replace(&mut slot.value, value))
            }
            None => {
                let slot = Slot { value, expires_at: at(None), access: Cell::new(access) };
                self.slots.insert(key.name.into(), slot);
                None
            }
        }
    }

    /// Take a key out.
    pub(crate) fn remove(&mut self, key: Key<'_>) -> Option<Value> {
        self.slots.remove(key.name).map(|slot| slot.value)
    }

    /// The collection under a key, to change.
    ///
    /// # Errors
    /// If the value is of another kind.
    pub(crate) fn collection_mut<C: Collection>(
        &mut self,
        key: Key<'_>,
    ) -> Result<Option<&mut C>, WrongKind> {
        match self.slots.get_mut(key.name) {
            Some(slot) => C::of_mut(&mut slot.value).map(Some).ok_or(WrongKind),
            None => Ok(None),
        }
    }

    /// The bytes of a string, to change in place; it is `raw` from now on.
    ///
    /// # Errors
    /// If the value is no string.
    pub(crate) fn bytes_mut(&mut self, key: Key<'_>) -> Result<Option<&mut Vec<u8>>, WrongKind> {
        let Some(slot) = self.slots.get_mut(key.name) else { return Ok(None) };
        let bytes = match &slot.value {
            Value::Integer(integer) => itoa::Buffer::new().format(*integer).as_bytes().to_vec(),
            Value::Text(bytes) => bytes.to_vec(),
            Value::Raw(_) => Vec::new(),
            _ => return Err(WrongKind),
        };
        if !matches!(slot.value, Value::Raw(_)) {
            slot.value = Value::Raw(Box::new(bytes));
        }
        if let Value::Raw(bytes) = &mut slot.value { Ok(Some(bytes)) } else { Ok(None) }
    }

    /// Say when a key expires, or that it does not. Returns whether the key is there.
    pub(crate) fn set_expiry(&mut self, key: Key<'_>, at: Option<i64>) -> bool {
        self.slots.get_mut(key.name).map(|slot| slot.expires_at = at).is_some()
    }

    /// Visit the keys at the cursor, and return the next one; 0 is the first, and comes back at the end. A key
    /// that is there from the first call to the last is visited at least once.
    pub(crate) fn scan(&self, cursor: u64, mut visit: impl FnMut(Found<'_>)) -> u64 {
        let _ = cursor;
        self.slots.iter().for_each(|(name, slot)| visit(Found { name, slot }));
        0
    }

    /// As [`scan`](Self::scan), of the keys that have an expiry.
    pub(crate) fn scan_expiring(&self, cursor: u64, mut visit: impl FnMut(Found<'_>)) -> u64 {
        self.scan(cursor, |found| {
            if found.expires_at().is_some() {
                visit(found);
            }
        })
    }

    /// Any key; all are equally likely.
    pub(crate) fn random(&self, random: &mut Random) -> Option<Found<'_>> {
        if self.slots.is_empty() {
            return None;
        }
        let index = random.index(self.slots.len());
        self.slots.iter().nth(index).map(|(name, slot)| Found { name, slot })
    }

    /// Any key that has an expiry; all are equally likely.
    pub(crate) fn random_expiring(&self, random: &mut Random) -> Option<Found<'_>> {
        let expiring = self.expiring_len();
        if expiring == 0 {
            return None;
        }
        let index = random.index(expiring);
        let mut all = self.slots.iter().filter(|(_, slot)| slot.expires_at.is_some());
        all.nth(index).map(|(name, slot)| Found { name, slot })
    }

    /// All keys, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Found<'_>> {
        self.slots.iter().map(|(name, slot)| Found { name, slot })
    }

    /// What the tables take beside the entries, in bytes: of all keys, and of those that expire.
    pub(crate) fn table_bytes(&self) -> (usize, usize) {
        (self.slots.capacity() * size_of::<Slot>(), 0)
    }
}
