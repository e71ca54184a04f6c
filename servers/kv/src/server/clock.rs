//! What time it is. The one rule: the clock is read between commands, so that within one, and within a
//! transaction, it stands still.

use ropewalk_reactor::Reactor;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// The calendar's time and the monotonic one, read at the same moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    /// A moment by both.
    anchor: (Instant, i64),
    now: Instant,
    wall_us: i64,
}

impl Clock {
    /// The time now.
    pub(crate) fn new(reactor: &Reactor) -> Self {
        let (now, wall_us) = (reactor.now(), wall_us(reactor.wall_clock()));
        Self { anchor: (now, wall_us), now, wall_us }
    }

    /// Ask the calendar: it may have been set.
    pub(crate) fn anchor(&mut self, reactor: &Reactor) {
        *self = Self::new(reactor);
    }

    /// The time is now this.
    #[inline]
    pub(crate) fn advance(&mut self, now: Instant) {
        self.now = now;
        let (then, wall_us) = self.anchor;
        self.wall_us = wall_us.saturating_add(micros(now.saturating_duration_since(then)));
    }

    /// Monotonic time.
    #[inline]
    pub(crate) fn now(&self) -> Instant {
        self.now
    }

    /// Microseconds since 1970.
    #[inline]
    pub(crate) fn wall_us(&self) -> i64 {
        self.wall_us
    }

    /// Milliseconds since 1970.
    #[inline]
    pub(crate) fn wall_ms(&self) -> i64 {
        self.wall_us / 1000
    }

    /// Seconds since 1970.
    pub(crate) fn wall_seconds(&self) -> i64 {
        self.wall_us / 1_000_000
    }
}

fn wall_us(time: SystemTime) -> i64 {
    time.duration_since(UNIX_EPOCH).map_or(0, micros)
}

/// A duration in whole microseconds.
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}
