//! WATCH: whose transaction depends on which key. The one rule: whatever changes a watched key marks its
//! watchers before the next command runs.

use super::Server;
use super::client::{Client, State};
use crate::store::database::Key;
use std::collections::HashMap;
use std::rc::Rc;

/// A key that is watched, and whether it was gone already.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// In which database.
    db: usize,
    /// Its name.
    key: Rc<[u8]>,
    /// It had expired when WATCH came, and so may go without failing the transaction.
    was_expired: bool,
}

impl Watched {
    /// What it takes, in bytes, about.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.key.len() + size_of::<Self>() + size_of::<Rc<Client>>()
    }
}

/// The clients that watch a key.
type Watchers = Vec<Rc<Client>>;

/// Who watches which key of which database.
#[derive(Debug, Default)]
pub(crate) struct Watches {
    by_database: HashMap<usize, HashMap<Rc<[u8]>, Watchers>>,
}

impl Watches {
    /// Whether nobody watches anything.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.by_database.is_empty()
    }

    /// The key was changed.
    pub(crate) fn touch(&self, db: usize, key: &[u8]) {
        let watchers = self.by_database.get(&db).and_then(|keys| keys.get(key));
        for client in watchers.into_iter().flatten() {
            client.set(State::DIRTY_CAS, true);
        }
    }

    fn add(&mut self, db: usize, key: &Rc<[u8]>, client: &Rc<Client>) {
        let keys = self.by_database.entry(db).or_default();
        keys.entry(key.clone()).or_default().push(client.clone());
    }

    fn remove(&mut self, watched: &Watched, client: &Rc<Client>) {
        let Some(keys) = self.by_database.get_mut(&watched.db) else { return };
        if let Some(watchers) = keys.get_mut(&watched.key) {
            watchers.retain(|other| !Rc::ptr_eq(other, client));
            if watchers.is_empty() {
                keys.remove(&watched.key);
            }
        }
        if keys.is_empty() {
            self.by_database.remove(&watched.db);
        }
    }

    /// The watched keys of a database.
    fn keys(&self, db: usize) -> impl Iterator<Item = (&Rc<[u8]>, &Watchers)> {
        self.by_database.get(&db).into_iter().flatten()
    }
}

impl Server {
    /// Watch a key for a client, which does not watch it yet.
    pub(crate) fn watch(&mut self, db: usize, key: &[u8], client: &Rc<Client>) {
        let is_known = |watched: &Watched| watched.db == db && *watched.key == *key;
        if client.extras(|extras| extras.watched.iter().any(is_known)).unwrap_or(false) {
            return;
        }
        let key: Rc<[u8]> = key.into();
        let now_ms = self.clock.wall_ms();
        let was_expired =
            self.database(db).find(Key::new(&key)).is_some_and(|found| found.is_expired(now_ms));
        self.watches.add(db, &key, client);
        client.extras_mut(|extras| extras.watched.push(Watched { db, key, was_expired }));
    }

    /// Watch nothing any more.
    pub(crate) fn unwatch(&mut self, client: &Rc<Client>) {
        client.set(State::DIRTY_CAS, false);
        let watched = client.extras_if_any(|extras| std::mem::take(&mut extras.watched)).unwrap_or_default();
        for watched in &watched {
            self.watches.remove(watched, client);
        }
    }

    /// Whether a key that the client watches has expired since, though nobody has noticed.
    pub(crate) fn watched_has_expired(&self, client: &Client) -> bool {
        let now_ms = self.clock.wall_ms();
        let expired = |watched: &Watched| {
            let found = self.database(watched.db).find(Key::new(&watched.key));
            !watched.was_expired && found.is_some_and(|found| found.is_expired(now_ms))
        };
        client.extras(|extras| extras.watched.iter().any(expired)).unwrap_or(false)
    }

    /// A database is about to be emptied, or exchanged for another: mark who watches a key that is there, or will be.
    pub(crate) fn touch_all_watched(&self, emptied: usize, replaced_with: Option<usize>) {
        for (key, watchers) in self.watches.keys(emptied) {
            let is_there = |db: usize| self.database(db).find(Key::new(key)).is_some();
            let there = is_there(emptied) || replaced_with.is_some_and(is_there);
            for client in watchers.iter().filter(|_| there) {
                let knew_gone =
                    |watched: &Watched| watched.was_expired && watched.db == emptied && watched.key == *key;
                let forgiven = replaced_with.is_none()
                    && client.extras(|extras| extras.watched.iter().any(knew_gone)).unwrap_or(false);
                if !forgiven {
                    client.set(State::DIRTY_CAS, true);
                }
            }
        }
    }
}
