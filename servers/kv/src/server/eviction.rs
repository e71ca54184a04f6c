//! Eviction: which keys go when memory is used up. The one rule: it samples as Redis does, so that a hit ratio
//! measured there holds here.
//!
//! Each key carries 24 bits ([`Access`]): the second of its last use (LRU), or the minute of its last decay and a
//! logarithmic counter of its uses (LFU). From each database a few keys are sampled, and the best candidates of all
//! samples so far are kept in a small pool; what scores highest there goes first.
//!
//! ```text
//! LRU   24 bits: second of the last use, which wraps after 194 days
//! LFU   16 bits: minute of the last decay │ 8 bits: counter
//! ```

use super::Server;
use super::client::Client;
use super::notify::Notify;
use crate::command::error::Error;
use crate::command::registry::CommandId;
use crate::command::row::Flags;
use crate::config::MaxmemoryPolicy as Policy;
use crate::store::database::{Access, Key};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// The bits of an access.
const ACCESS_MASK: u32 = 0x00ff_ffff;

/// What the counter of a new key begins with, so that it is not evicted at once.
const COUNTER_FIRST: u32 = 5;

/// How many candidates are kept.
const POOL: usize = 16;

/// A key that may go.
#[derive(Debug)]
struct Candidate {
    /// The higher, the sooner.
    score: u64,
    db: usize,
    key: Box<[u8]>,
}

/// The candidates so far, the best last.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    candidates: Vec<Candidate>,
    next_db: usize,
}

impl Pool {
    fn offer(&mut self, score: u64, db: usize, key: &[u8]) {
        let mut at = self.candidates.partition_point(|other| other.score < score);
        if self.candidates.iter().any(|other| other.db == db && *other.key == *key) {
            return;
        }
        if self.candidates.len() >= POOL {
            if at == 0 {
                return;
            }
            self.candidates.remove(0);
            at -= 1;
        }
        self.candidates.insert(at, Candidate { score, db, key: key.into() });
    }
}

/// What came of making room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    /// There is room.
    Made,
    /// There will be: more goes when there is time for it.
    UnderWay,
    /// Nothing may go that would make any.
    None,
}

fn is_lfu(policy: Policy) -> bool {
    matches!(policy, Policy::AllKeysLfu | Policy::VolatileLfu)
}

fn is_lru(policy: Policy) -> bool {
    matches!(policy, Policy::AllKeysLru | Policy::VolatileLru)
}

/// Whether keys without an expiry may go.
fn takes_all(policy: Policy) -> bool {
    matches!(policy, Policy::AllKeysLru | Policy::AllKeysLfu | Policy::AllKeysRandom)
}

/// How often a key is used.
/// For how long more memory was used than may be.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Exceeded {
    before: Duration,
    since: Option<Instant>,
}

impl Exceeded {
    /// For how long it has been so just now.
    pub(crate) fn current(&self, now: Instant) -> Duration {
        self.since.map_or(Duration::ZERO, |since| now.saturating_duration_since(since))
    }

    /// For how long it was so altogether.
    pub(crate) fn total(&self, now: Instant) -> Duration {
        self.before + self.current(now)
    }

    fn note(&mut self, is_exceeded: bool, now: Instant) {
        match (is_exceeded, self.since) {
            (true, None) => self.since = Some(now),
            (false, Some(_)) => *self = Self { before: self.total(now), since: None },
            _ => {}
        }
    }
}

impl Server {
    /// Whether the policy goes by uses, so that each key needs a record of its own.
    pub(crate) fn accesses_matter(&self) -> bool {
        let policy = self.config.maxmemory_policy;
        self.config.maxmemory > 0 && (is_lru(policy) || is_lfu(policy))
    }

    /// What a key that is used for the first time is marked with.
    #[inline]
    pub(crate) fn first_access(&self) -> Access {
        if is_lfu(self.config.maxmemory_policy) { self.minute() << 8 | COUNTER_FIRST } else { self.second() }
    }

    /// What a key that was marked like this is marked with when it is used again.
    #[inline]
    pub(super) fn next_access(&self, before: Access) -> Access {
        if is_lfu(self.config.maxmemory_policy) {
            self.minute() << 8 | self.count_up(self.decayed(before))
        } else {
            self.second()
        }
    }

    /// What a key is marked with when it is given another value: how often it was used is not forgotten. Whether
    /// that is a use by itself, or was noted before, `is_use` says.
    #[inline]
    pub(super) fn access_when_set(&self, db: usize, key: Key<'_>, is_use: bool) -> Access {
        if !is_lfu(self.config.maxmemory_policy) {
            return self.second();
        }
        match self.database(db).find(key).map(|found| found.access()) {
            Some(before) if is_use => self.next_access(before),
            Some(before) => before,
            None => self.first_access(),
        }
    }

    /// For how many seconds a key was not used; none if the policy counts uses instead.
    pub(crate) fn idle_seconds(&self, access: Access) -> Option<i64> {
        let idle = self.second().wrapping_sub(access) & ACCESS_MASK;
        (!is_lfu(self.config.maxmemory_policy)).then_some(i64::from(idle))
    }

    /// How often a key was used, by its counter; none if the policy does not count.
    pub(crate) fn frequency(&self, access: Access) -> Option<u32> {
        is_lfu(self.config.maxmemory_policy).then(|| self.decayed(access))
    }

    /// What a key is marked with that was not used for so many seconds, or so often: what RESTORE is told.
    pub(crate) fn access_of(&self, idle_seconds: Option<u32>, frequency: Option<u8>) -> Access {
        match (idle_seconds, frequency) {
            (_, Some(frequency)) if is_lfu(self.config.maxmemory_policy) => {
                self.minute() << 8 | u32::from(frequency)
            }
            (Some(idle), _) if !is_lfu(self.config.maxmemory_policy) => {
                self.second().wrapping_sub(idle) & ACCESS_MASK
            }
            _ => self.first_access(),
        }
    }

    fn second(&self) -> u32 {
        self.clock.wall_seconds() as u32 & ACCESS_MASK
    }

    fn minute(&self) -> u32 {
        (self.clock.wall_seconds() / 60) as u32 & 0xffff
    }

    /// The counter, less what it lost since it was last used.
    fn decayed(&self, access: Access) -> u32 {
        let (then, counter) = (access >> 8 & 0xffff, access & 0xff);
        let minutes = self.minute().wrapping_sub(then) & 0xffff;
        let periods = minutes.checked_div(self.config.lfu_decay_time).unwrap_or(0);
        counter.saturating_sub(periods)
    }

    /// The counter after one more use, by chance: the higher it is, the rarer it grows.
    fn count_up(&self, counter: u32) -> u32 {
        if counter >= 255 {
            return 255;
        }
        let above = f64::from(counter.saturating_sub(COUNTER_FIRST));
        let chance = 1.0 / (above * f64::from(self.config.lfu_log_factor) + 1.0);
        counter + u32::from(self.random.borrow_mut().chance(chance))
    }
}

/// Making room.
impl Server {
    /// Before a command runs: evict if memory is used up, and refuse what would need more where that does not help.
    pub(super) fn make_room(&mut self, client: &Rc<Client>, command: CommandId) -> Result<(), Error> {
        if !self.is_over_memory() || self.evict() != Room::None {
            return Ok(());
        }
        if self.may_need_memory(client, command) { Err(Error::OutOfMemory) } else { Ok(()) }
    }

    /// Whether more memory is used than the data may take.
    pub(crate) fn is_over_memory(&self) -> bool {
        self.config.maxmemory > 0 && self.memory.used() as u64 > self.config.maxmemory
    }

    fn may_need_memory(&self, client: &Rc<Client>, command: CommandId) -> bool {
        use super::client::State;
        let row = self.registry.entry(command).row;
        let denied = |id: CommandId| self.registry.entry(id).row.flags.contains(Flags::DENYOOM);
        if client.is(State::MULTI) {
            let ends = ["exec", "discard", "multi", "quit", "watch", "reset"].contains(&row.name);
            let queued = client.extras(|extras| {
                extras
                    .transaction
                    .as_ref()
                    .is_some_and(|all| all.commands.iter().any(|queued| denied(queued.command)))
            });
            return if row.name == "exec" { queued.unwrap_or(false) } else { !ends };
        }
        denied(command)
    }

    /// Evict until there is room, or the time for it is over; then the rest goes in the next turns.
    fn evict(&mut self) -> Room {
        if self.config.maxmemory_policy == Policy::NoEviction || self.is_paused() {
            return Room::None;
        }
        let started = self.reactor.now();
        let room = self.evict_until(started, tenacity(self.config.maxmemory_eviction_tenacity));
        let took = self.reactor.now().saturating_duration_since(started);
        self.note_latency("eviction-cycle", took);
        let now = self.reactor.now();
        self.exceeded.note(self.is_over_memory(), now);
        room
    }

    fn evict_until(&mut self, started: Instant, limit: Option<Duration>) -> Room {
        let mut evicted = 0u32;
        while self.is_over_memory() {
            let Some((db, key)) = self.choose_victim() else {
                return if self.stats.lazyfree_pending > 0 { Room::UnderWay } else { Room::None };
            };
            self.evict_key(db, Key::new(&key));
            evicted = evicted.wrapping_add(1);
            if evicted.is_multiple_of(16) && limit.is_some_and(|limit| self.reactor.now() - started > limit) {
                self.evict_later();
                return Room::UnderWay;
            }
        }
        Room::Made
    }

    fn evict_key(&mut self, db: usize, key: Key<'_>) {
        let lazily = self.config.lazyfree_lazy_eviction;
        if self.remove_dropping(db, key, lazily) {
            self.stats.evicted_keys += 1;
            self.touched(db, key, None);
            self.notify(db, Notify::EVICTED, "evicted", key.name);
            self.journal_removal(db, key.name, lazily);
            self.journal.commit();
        }
    }

    /// Go on evicting in the next turn.
    pub(super) fn evict_later(&mut self) {
        if std::mem::replace(&mut self.evicting, true) {
            return;
        }
        let me = self.me.clone();
        self.reactor.call_soon(move || {
            if let Some(server) = me.upgrade() {
                let server = &mut *server.borrow_mut();
                server.evicting = false;
                server.clock.advance(server.reactor.now());
                if server.is_over_memory() {
                    server.evict();
                }
            }
        });
    }

    fn choose_victim(&mut self) -> Option<(usize, Box<[u8]>)> {
        match self.config.maxmemory_policy {
            Policy::NoEviction => None,
            policy @ (Policy::AllKeysRandom | Policy::VolatileRandom) => self.choose_random(policy),
            policy => self.choose_best(policy),
        }
    }

    fn choose_random(&mut self, policy: Policy) -> Option<(usize, Box<[u8]>)> {
        let count = self.database_count();
        for _ in 0..count {
            let db = self.pool.next_db % count;
            self.pool.next_db = db + 1;
            let random = &mut *self.random.borrow_mut();
            let database = self.database(db);
            let found =
                if takes_all(policy) { database.random(random) } else { database.random_expiring(random) };
            if let Some(found) = found {
                return Some((db, found.name().into()));
            }
        }
        None
    }

    fn choose_best(&mut self, policy: Policy) -> Option<(usize, Box<[u8]>)> {
        loop {
            let mut total = 0;
            for db in 0..self.database_count() {
                total += self.sample(policy, db);
            }
            if total == 0 {
                self.pool.candidates.clear();
                return None;
            }
            while let Some(Candidate { db, key, .. }) = self.pool.candidates.pop() {
                // It may have gone since it was sampled, or have lost its expiry.
                let found = self.database(db).find(Key::new(&key));
                if found.is_some_and(|found| takes_all(policy) || found.expires_at().is_some()) {
                    return Some((db, key));
                }
            }
        }
    }

    /// Offer some keys of a database to the pool. Returns how many keys may go there at all.
    fn sample(&mut self, policy: Policy, db: usize) -> usize {
        let mut pool = std::mem::take(&mut self.pool);
        let database = self.database(db);
        let population = if takes_all(policy) { database.len() } else { database.expiring_len() };
        for _ in 0..population.min(self.config.maxmemory_samples as usize) {
            let random = &mut *self.random.borrow_mut();
            let found =
                if takes_all(policy) { database.random(random) } else { database.random_expiring(random) };
            let Some(found) = found else { break };
            let score = match policy {
                Policy::VolatileTtl => u64::MAX - found.expires_at().map_or(0, i64::unsigned_abs),
                policy if is_lfu(policy) => u64::from(255 - self.decayed(found.access())),
                _ => u64::from(self.second().wrapping_sub(found.access()) & ACCESS_MASK),
            };
            pool.offer(score, db, found.name());
        }
        self.pool = pool;
        population
    }
}

/// How long evicting may hold up a command: `maxmemory-eviction-tenacity`, as Redis scales it.
fn tenacity(tenacity: u32) -> Option<Duration> {
    let us = match tenacity {
        0..=10 => 50 * u64::from(tenacity),
        11..100 => (500.0 * 1.15f64.powi(tenacity as i32 - 10)) as u64,
        _ => return None,
    };
    Some(Duration::from_micros(us))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_keeps_the_best() {
        let mut pool = Pool::default();
        for score in 0..100u64 {
            pool.offer(score * 37 % 100, 0, &score.to_le_bytes());
        }
        let scores: Vec<_> = pool.candidates.iter().map(|candidate| candidate.score).collect();
        assert_eq!(scores, (84..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_candidate_is_kept_once() {
        let mut pool = Pool::default();
        pool.offer(1, 0, b"a");
        pool.offer(2, 0, b"a");
        pool.offer(1, 1, b"a");
        assert_eq!(pool.candidates.len(), 2);
    }

    #[test]
    fn more_tenacity_takes_more_time() {
        assert_eq!(tenacity(0), Some(Duration::ZERO));
        assert_eq!(tenacity(10), Some(Duration::from_micros(500)));
        assert!(tenacity(99) > tenacity(50));
        assert_eq!(tenacity(100), None);
    }
}
