//! Fields of hashes whose time is up. The one rule: none is shown from that moment on; it goes, with its event and
//! its note in the journal, when its hash is used next or when the server has time, a few at a time.

use super::Server;
use super::keyspace::Late;
use super::notify::Notify;
use crate::store::database::Key;
use crate::store::hash::Hash;
use std::time::Instant;

/// How many fields of a hash go at a time.
const FIELDS_AT_ONCE: usize = 64;

impl Server {
    /// Reading has found that fields of the hash under this key have expired: they go when the command is over.
    pub(crate) fn fields_have_expired(&self, db: usize, key: Key<'_>) {
        self.late.borrow_mut().push(Late::Fields(db, key.name.into()));
    }

    /// Whether nothing of the hash under this key is left, though the key's own time is not up.
    pub(super) fn have_all_fields_expired(&self, db: usize, key: Key<'_>) -> bool {
        let now_ms = self.clock.wall_ms();
        self.database(db).find(key).is_some_and(|found| {
            found.expires_at().is_none_or(|at| at > now_ms)
                && found.hash().is_some_and(|hash| hash.is_expired(now_ms))
        })
    }

    /// Remove a hash of which all fields have expired.
    pub(super) fn expire_hash(&mut self, db: usize, key: Key<'_>) {
        let fields = self.database(db).find(key).and_then(|found| found.hash()).map_or(0, Hash::len);
        let lazily = self.config.lazyfree_lazy_expire;
        self.remove_dropping(db, key, lazily);
        self.stats.expired_fields += fields as u64;
        self.journal_removal(db, key.name, lazily);
        self.notify(db, Notify::HASH, "hexpired", key.name);
        self.notify(db, Notify::GENERIC, "del", key.name);
        self.touched(db, key, None);
    }

    /// Take some of the expired fields out of the hash under this key, or remove the key if none would be left.
    pub(super) fn expire_fields(&mut self, db: usize, key: Key<'_>) {
        if self.expire_if_due(db, key) {
            return;
        }
        let (now_ms, journaled) = (self.clock.wall_ms(), self.journal.is_read());
        let Ok(Some(hash)) = self.database_mut(db).collection_mut::<Hash>(key) else {
            // Whatever it was, it is none of ours any more.
            return self.database_mut(db).note_fields(key);
        };
        let mut names = Vec::new();
        let expired = hash.expire(now_ms, FIELDS_AT_ONCE, |name| {
            if journaled {
                names.push(name.to_vec());
            }
        });
        self.database_mut(db).note_fields(key);
        if expired == 0 {
            return;
        }
        let names = names.iter().map(Vec::as_slice);
        self.journal.note(db, &[&b"HDEL"[..], key.name].into_iter().chain(names).collect::<Vec<_>>());
        self.stats.expired_fields += expired as u64;
        self.notify(db, Notify::HASH, "hexpired", key.name);
        self.touched(db, key, None);
    }

    /// Take expired fields out of the hashes of a database, the earliest first, until the deadline. Returns whether all
    /// are out.
    pub(super) fn expire_fields_until(&mut self, db: usize, deadline: Instant) -> bool {
        loop {
            let now_ms = self.clock.wall_ms();
            let due = self.database(db).next_field().filter(|(at, _)| *at <= now_ms);
            let Some((_, name)) = due else { return true };
            let name: Box<[u8]> = name.into();
            self.expire_fields(db, Key::new(&name));
            if self.reactor.now() > deadline {
                return false;
            }
        }
    }
}
