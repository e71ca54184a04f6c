//! Keys, as commands see them. The one rule: a key that has expired is not there, whoever asks, and goes
//! with its event and its note in the journal exactly once.

use super::Server;
use super::client::Client;
use super::notify::Notify;
use crate::store::database::{Expiry, Found, Key, Replaced};
use crate::store::value::Value;
use std::rc::Rc;

/// What takes more allocations than this to drop is dropped on another thread, if lazily.
const LARGE: usize = 64;

/// How a key is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// To use its value: the use is noted, and counted as a hit or a miss.
    Use,
    /// To use its value, by a client whose uses are not noted: counted.
    Count,
    /// To change its value: the use is noted.
    Touch,
    /// To look at the key: nothing is noted.
    Peek,
}

/// What reading has found out and cannot act on: reading changes nothing.
#[derive(Clone, Debug)]
pub(super) enum Late {
    /// This key has expired.
    Expired(usize, Box<[u8]>),
    /// This key was asked for and is not there.
    Missed(usize, Box<[u8]>),
    /// Fields of the hash under this key have expired.
    Fields(usize, Box<[u8]>),
}

impl Server {
    /// Look for a key. One that has expired is not found, and removed when the command is over.
    #[inline]
    pub(crate) fn look_up(&self, db: usize, key: Key<'_>, lookup: Lookup) -> Option<Found<'_>> {
        let counted = matches!(lookup, Lookup::Use | Lookup::Count);
        let found = match self.database(db).find(key) {
            Some(found) if !found.is_expired(self.clock.wall_ms()) => found,
            found => {
                if found.is_some() {
                    self.late.borrow_mut().push(Late::Expired(db, key.name.into()));
                }
                if counted {
                    self.stats.misses.set(self.stats.misses.get() + 1);
                    if self.config.notify.wants(Notify::KEY_MISS) {
                        self.late.borrow_mut().push(Late::Missed(db, key.name.into()));
                    }
                }
                return None;
            }
        };
        if counted {
            self.stats.hits.set(self.stats.hits.get() + 1);
        }
        if matches!(lookup, Lookup::Use | Lookup::Touch) {
            found.set_access(self.next_access(found.access()));
        }
        Some(found)
    }

    /// Act on what reading has found out.
    #[inline]
    pub(crate) fn settle_late(&mut self) {
        if !self.late.get_mut().is_empty() {
            self.settle_each();
        }
    }

    #[cold]
    fn settle_each(&mut self) {
        let paused = self.is_paused();
        for late in std::mem::take(self.late.get_mut()) {
            match late {
                Late::Expired(..) | Late::Fields(..) if paused => {}
                Late::Expired(db, name) => {
                    self.expire_if_due(db, Key::new(&name));
                }
                Late::Missed(db, name) => self.notify(db, Notify::KEY_MISS, "keymiss", &name),
                Late::Fields(db, name) => {
                    self.expire_fields(db, Key::new(&name));
                }
            }
        }
    }

    /// Remove the key if its time is up. Returns whether it was.
    #[inline]
    pub(crate) fn expire_if_due(&mut self, db: usize, key: Key<'_>) -> bool {
        if !self.database(db).may_expire() {
            return false;
        }
        let now_ms = self.clock.wall_ms();
        let due = self.database(db).find(key).is_some_and(|found| found.is_expired(now_ms));
        if due {
            self.expire(db, key);
        }
        due
    }

    /// Remove a key whose time is up.
    pub(crate) fn expire(&mut self, db: usize, key: Key<'_>) {
        if self.have_all_fields_expired(db, key) {
            return self.expire_hash(db, key);
        }
        let lazily = self.config.lazyfree_lazy_expire;
        self.remove_dropping(db, key, lazily);
        self.stats.expired_keys += 1;
        self.journal_removal(db, key.name, lazily);
        self.notify(db, Notify::EXPIRED, "expired", key.name);
        self.touched(db, key, None);
    }

    /// Note in the journal that a key went without a command that says so.
    pub(crate) fn journal_removal(&mut self, db: usize, name: &[u8], lazily: bool) {
        let command: &[u8] = if lazily { b"UNLINK" } else { b"DEL" };
        self.journal.note(db, &[command, name]);
    }

    /// Remove a key, and drop its value as configured for DEL. Returns whether it was there. Telling others is
    /// the caller's.
    pub(crate) fn delete(&mut self, db: usize, key: Key<'_>) -> bool {
        self.remove_dropping(db, key, self.config.lazyfree_lazy_user_del)
    }

    /// Remove a key; its value is dropped on another thread if `lazily` and it is large.
    pub(crate) fn remove_dropping(&mut self, db: usize, key: Key<'_>, lazily: bool) -> bool {
        let Some(entry) = self.database_mut(db).take(key) else { return false };
        if lazily && entry.free_effort() > LARGE {
            self.drop_elsewhere(entry, 1);
        }
        true
    }

    /// Drop a value; if `lazily` and it is large, on another thread.
    pub(crate) fn drop_value(&mut self, value: Value, lazily: bool) {
        if lazily && value.free_effort() > LARGE {
            self.drop_elsewhere(value, 1);
        }
    }

    /// Drop what takes long, so many objects, on another thread: nobody waits for it.
    pub(crate) fn drop_elsewhere(&mut self, dropped: impl Send + 'static, objects: u64) {
        self.stats.lazyfree_pending += objects;
        let me = self.me.clone();
        // Even if there are too many jobs, and this one is dropped with what it holds, it is dropped.
        self.reactor.defer_to_thread(move || drop(dropped)).finally(move |_| {
            if let Some(server) = me.upgrade() {
                let mut server = server.borrow_mut();
                server.stats.lazyfree_pending -= objects;
                server.stats.lazyfreed_objects += objects;
            }
        });
    }

    /// Put a value under a key; what it held is dropped. A key that was not there is announced.
    pub(crate) fn insert(&mut self, db: usize, key: Key<'_>, value: Value, expiry: Expiry) {
        let access = self.access_when_set(db, key, false);
        let before = self.database_mut(db).insert(key, value, expiry, access);
        match before {
            Replaced::Nothing => self.notify(db, Notify::NEW, "new", key.name),
            Replaced::String => {}
            Replaced::Value(before) => self.drop_value(before, self.config.lazyfree_lazy_server_del),
        }
    }

    /// Set a key to a string; what it held is dropped. A key that was not there is announced.
    #[inline]
    pub(crate) fn set_string(&mut self, db: usize, key: Key<'_>, bytes: &[u8], expiry: Expiry) {
        self.expire_if_due(db, key);
        let access = self.access_when_set(db, key, true);
        let is_new = self.database_mut(db).set_string(key, bytes, expiry, access);
        if is_new && self.config.notify.wants(Notify::NEW) {
            self.notify(db, Notify::NEW, "new", key.name);
        }
    }

    /// A key was changed, created or removed, by this client or by nobody: watchers fail their transactions, caches
    /// forget it, whoever waits for it is looked at when the command is over.
    #[inline]
    pub(crate) fn touched(&mut self, db: usize, key: Key<'_>, by: Option<&Rc<Client>>) {
        if !self.watches.is_empty() {
            self.touch_watched(db, key.name);
        }
        if !self.tracking.is_empty() {
            self.invalidate(key.name, by);
        }
        if !self.blocked.is_empty() {
            self.blocked.key_changed(db, key.name);
        }
    }
}
