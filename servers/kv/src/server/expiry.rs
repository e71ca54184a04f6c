//! Active expiry: keys whose time is up go though nobody asks for them. The one rule: it takes a share of the time,
//! never more, and goes on where it stopped.
//!
//! As in Redis, a cycle walks over the keys that have an expiry, some at a time, in each database as long as more than
//! a tenth of those it looks at have expired. The slow cycle runs `hz` times a second and takes a quarter of the time at
//! most; where it could not finish, fast ones of a millisecond follow between turns. Then come the fields of hashes, of
//! which it is known which are due.

use super::Server;
use crate::store::database::Key;
use std::time::{Duration, Instant};

/// How many keys are looked at before the share of expired ones is looked at.
const KEYS_PER_LOOP: u32 = 20;

/// The percentage of time that a slow cycle may take.
const SLOW_TIME_PERCENT: u32 = 25;

/// The percentage of expired keys that is left alone.
const ACCEPTABLE_PERCENT: u32 = 10;

/// How long a fast cycle may take.
const FAST_TIME: Duration = Duration::from_micros(1000);

/// How long it is until the next fast cycle.
const FAST_PAUSE: Duration = Duration::from_millis(2);

/// Where the cycles are.
#[derive(Debug, Default)]
pub(crate) struct Expiring {
    /// Turned off by DEBUG SET-ACTIVE-EXPIRE.
    pub(crate) is_off: bool,
    /// Which database is next.
    next_db: usize,
    /// How far each database has been walked.
    cursors: Vec<u64>,
    /// How long the keys of each database that expire have still to go, on average, in milliseconds.
    mean_ttls: Vec<i64>,
    /// A fast cycle is going to run.
    fast_is_due: bool,
    /// The last cycle ran out of time.
    pub(crate) timed_out: bool,
    /// Which share of the keys with an expiry has expired, as far as is known.
    pub(crate) stale_percent: f64,
    /// How long all cycles took.
    pub(crate) took: Duration,
    /// How often a cycle ran out of time.
    pub(crate) time_cap_reached: u64,
}

impl Expiring {
    /// How long the keys of a database that expire have still to go, on average, as far as is known: in
    /// milliseconds.
    pub(crate) fn mean_ttl_ms(&self, db: usize) -> i64 {
        self.mean_ttls.get(db).copied().unwrap_or(0)
    }

    /// So many keys of a database have so long to go together.
    fn note_ttls(&mut self, db: usize, count: i64, sum_ms: i64) {
        let Some(mean) = sum_ms.checked_div(count) else { return };
        if self.mean_ttls.len() <= db {
            self.mean_ttls.resize(db + 1, 0);
        }
        if let Some(known) = self.mean_ttls.get_mut(db) {
            // One sample says little: it counts for a fiftieth.
            *known = if *known == 0 { mean } else { *known / 50 * 49 + mean / 50 };
        }
    }
}

impl Server {
    /// A slow cycle, of which there are `hz` a second.
    pub(crate) fn expire_slowly(&mut self) {
        let effort = self.config.active_expire_effort.saturating_sub(1);
        let share = SLOW_TIME_PERCENT + 2 * effort;
        let limit = Duration::from_secs(1) * share / 100 / self.config.hz.max(1);
        self.expire_for(limit);
        self.expire_fast();
    }

    /// A fast cycle between turns, and others behind it as long as they can't finish either.
    fn expire_fast(&mut self) {
        if !self.expiring.timed_out || std::mem::replace(&mut self.expiring.fast_is_due, true) {
            return;
        }
        let me = self.me.clone();
        self.reactor.call_later(FAST_PAUSE, move || {
            if let Some(server) = me.upgrade() {
                let server = &mut *server.borrow_mut();
                let effort = server.config.active_expire_effort.saturating_sub(1);
                server.clock.advance(server.reactor.now());
                server.expiring.fast_is_due = false;
                server.expire_for(FAST_TIME + FAST_TIME / 4 * effort);
                server.expire_fast();
            }
        });
    }

    fn expire_for(&mut self, limit: Duration) {
        if self.expiring.is_off || self.is_paused() {
            return;
        }
        let deadline = self.clock.now() + limit;
        let count = self.database_count();
        self.expiring.cursors.resize(count, 0);
        self.expiring.timed_out = false;
        for _ in 0..count {
            let db = self.expiring.next_db % count;
            // Even if time runs out in this one, the next cycle begins with another.
            self.expiring.next_db = db + 1;
            self.expire_in(db, deadline);
            self.expiring.timed_out |= !self.expire_fields_until(db, deadline);
            if self.expiring.timed_out {
                self.expiring.time_cap_reached += 1;
                break;
            }
        }
        let took = self.reactor.now().saturating_duration_since(self.clock.now());
        self.expiring.took += took;
        self.note_latency("expire-cycle", took);
        self.journal.commit();
        self.serve_ready();
    }

    /// Walk over a database as long as it pays.
    fn expire_in(&mut self, db: usize, deadline: Instant) {
        let effort = self.config.active_expire_effort.saturating_sub(1);
        let acceptable = ACCEPTABLE_PERCENT.saturating_sub(effort);
        let keys_per_loop = KEYS_PER_LOOP + KEYS_PER_LOOP / 4 * effort;
        let mut due: Vec<Box<[u8]>> = Vec::new();
        let mut to_visit = self.database(db).expiring_len();
        while to_visit > 0 {
            let now_ms = self.clock.wall_ms();
            let (mut cursor, mut visited) = (self.expiring.cursors[db], 0u32);
            let (mut alive, mut ttls) = (0, 0i64);
            // Nearly empty tables have many empty places, which are no keys but take time too.
            for _ in 0..keys_per_loop * 20 {
                cursor = self.database(db).scan_expiring(cursor, |found| {
                    visited += 1;
                    if found.is_expired(now_ms) {
                        due.push(found.name().into());
                    } else if let Some(at) = found.expires_at() {
                        alive += 1;
                        ttls = ttls.saturating_add(at.saturating_sub(now_ms));
                    }
                });
                if cursor == 0 || visited >= keys_per_loop {
                    break;
                }
            }
            self.expiring.cursors[db] = cursor;
            self.expiring.note_ttls(db, alive, ttls);
            let expired = due.len() as u32;
            for key in due.drain(..) {
                self.expire_if_due(db, Key::new(&key));
            }
            if visited > 0 {
                let sample = f64::from(expired) / f64::from(visited) * 100.0;
                self.expiring.stale_percent = self.expiring.stale_percent * 0.95 + sample * 0.05;
            }
            to_visit = to_visit.saturating_sub(visited.max(1) as usize);
            if self.reactor.now() > deadline {
                self.expiring.timed_out = true;
                return;
            }
            if expired * 100 <= visited * acceptable {
                return;
            }
        }
    }
}
