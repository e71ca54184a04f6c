//! WATCH: whose transaction depends on which key. The one rule: whatever changes a watched key marks its
//! watchers before the next command runs.
//!
//! A key that had expired when it was watched may go without marking anybody: for whoever watches, nothing has
//! changed. From then on it is a key that is not there, and whatever appears in its place is a change.

use super::Server;
use super::client::{Client, State};
use crate::store::database::Key;
use crate::store::table::Keyed;
use std::cell::Cell;
use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

/// A key that a client watches.
#[derive(Debug)]
pub(crate) struct Watch {
    client: Rc<Client>,
    db: usize,
    key: Rc<[u8]>,
    /// It had expired when it was watched, and has been there since.
    was_expired: Cell<bool>,
}

impl Watch {
    /// What it takes, in bytes, about.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.key.len() + size_of::<Self>() + 2 * size_of::<Rc<Self>>()
    }
}

/// Who watches a key, by the numbers of the clients.
type Watchers = Vec<Rc<Watch>>;

/// Who watches which key of which database.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    by_database: BTreeMap<usize, HashMap<Rc<[u8]>, Watchers, Keyed>>,
}

impl Watches {
    /// Whether nobody watches anything.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.by_database.is_empty()
    }

    /// Returns what is watched, unless the client has watched it before.
    fn add(&mut self, db: usize, key: &[u8], client: &Rc<Client>, was_expired: bool) -> Option<Rc<Watch>> {
        let keys = self.by_database.entry(db).or_default();
        let key = keys.get_key_value(key).map_or_else(|| Rc::from(key), |(known, _)| known.clone());
        let watchers = keys.entry(key.clone()).or_default();
        let at = watchers.binary_search_by_key(&client.id, |other| other.client.id).err()?;
        let watch = Rc::new(Watch { client: client.clone(), db, key, was_expired: Cell::new(was_expired) });
        watchers.insert(at, watch.clone());
        Some(watch)
    }

    fn remove(&mut self, watch: &Watch) {
        let Some(keys) = self.by_database.get_mut(&watch.db) else { return };
        if let Some(watchers) = keys.get_mut(&watch.key) {
            if let Ok(at) = watchers.binary_search_by_key(&watch.client.id, |other| other.client.id) {
                watchers.remove(at);
            }
            if watchers.is_empty() {
                keys.remove(&watch.key);
            }
        }
        if keys.is_empty() {
            self.by_database.remove(&watch.db);
        }
    }

    fn watchers(&self, db: usize, key: &[u8]) -> &[Rc<Watch>] {
        self.by_database.get(&db).and_then(|keys| keys.get(key)).map_or(&[], Vec::as_slice)
    }

    /// The watched keys of a database.
    fn keys(&self, db: usize) -> impl Iterator<Item = (&Rc<[u8]>, &Watchers)> {
        self.by_database.get(&db).into_iter().flatten()
    }
}

/// A key, as it is in a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Presence {
    Absent,
    Expired,
    Present,
}

impl Server {
    /// Watch a key for a client.
    pub(crate) fn watch(&mut self, db: usize, key: &[u8], client: &Rc<Client>) {
        let was_expired = self.presence(db, key) == Presence::Expired;
        if let Some(watch) = self.watches.add(db, key, client, was_expired) {
            client.extras_mut(|extras| extras.watched.push(watch));
        }
    }

    /// Watch nothing any more.
    pub(crate) fn unwatch(&mut self, client: &Rc<Client>) {
        client.set(State::DIRTY_CAS, false);
        let watched = client.extras_if_any(|extras| std::mem::take(&mut extras.watched)).unwrap_or_default();
        watched.iter().for_each(|watch| self.watches.remove(watch));
    }

    fn presence(&self, db: usize, key: &[u8]) -> Presence {
        match self.database(db).find(Key::new(key)) {
            None => Presence::Absent,
            Some(found) if found.is_expired(self.clock.wall_ms()) => Presence::Expired,
            Some(_) => Presence::Present,
        }
    }

    /// The key was changed, created or removed.
    pub(crate) fn touch_watched(&self, db: usize, key: &[u8]) {
        let watchers = self.watches.watchers(db, key);
        if watchers.is_empty() {
            return;
        }
        let is_gone = self.presence(db, key) == Presence::Absent;
        for watch in watchers {
            if !(is_gone && watch.was_expired.replace(false)) {
                watch.client.set(State::DIRTY_CAS, true);
            }
        }
    }

    /// Whether a key that the client watches has expired since, though nobody has noticed.
    pub(crate) fn watched_has_expired(&self, client: &Client) -> bool {
        let has_expired = |watch: &Rc<Watch>| {
            !watch.was_expired.get() && self.presence(watch.db, &watch.key) == Presence::Expired
        };
        client.extras(|extras| extras.watched.iter().any(has_expired)).unwrap_or(false)
    }

    /// A database is about to be emptied, or exchanged for another: mark who watches a key that is there, or will be.
    pub(crate) fn touch_all_watched(&self, emptied: usize, replaced_with: Option<usize>) {
        for (key, watchers) in self.watches.keys(emptied) {
            let before = self.presence(emptied, key);
            let after = replaced_with.map_or(Presence::Absent, |db| self.presence(db, key));
            for watch in watchers {
                match (before, after) {
                    (Presence::Absent, Presence::Absent) => {}
                    (_, Presence::Absent) if watch.was_expired.get() => watch.was_expired.set(false),
                    (_, Presence::Expired) if watch.was_expired.get() => {}
                    (Presence::Absent, Presence::Expired) => watch.was_expired.set(true),
                    _ => watch.client.set(State::DIRTY_CAS, true),
                }
            }
        }
    }
}
