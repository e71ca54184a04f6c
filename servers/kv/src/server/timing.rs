//! How long commands take. The one rule: the clock is read as rarely as the figures allow, for reading it takes as long
//! as a GET.
//!
//! Commands that take constant or logarithmic time (`fast` in the table) and follow one another in a batch are timed
//! together, and share the time evenly. Any other is timed by itself, and so is each where the slow log is to see what
//! takes less than a millisecond, or latency is monitored, and one that has moved many bytes.

use super::Server;
use super::client::Client;
use crate::command::registry::CommandId;
use crate::command::row::{Command, Flags};
use std::time::{Duration, Instant};

/// How many commands are timed together at most.
const SHARED_MAX: usize = 32;

/// A command that has moved more bytes is not timed together with others.
const SHARED_BYTES_MAX: usize = 4096;

/// If the slow log notes what takes less than so many microseconds, each command is timed.
const SLOW_ENOUGH_US: i64 = 1000;

/// A command that has run.
#[derive(Clone, Copy)]
pub(super) struct Ran<'a> {
    /// Whose it was.
    pub(super) client: &'a Client,
    /// Which it was.
    pub(super) command: CommandId,
    /// Its name and its arguments.
    pub(super) args: &'a [&'a [u8]],
    /// The arguments that are not shown to anybody.
    pub(super) secrets: &'a [usize],
}

/// The commands whose time has not been shared out yet.
#[derive(Debug, Default)]
pub(crate) struct Timing {
    shared: Vec<CommandId>,
}

impl Server {
    /// Before a command runs: none if its time is shared with others, else when it began.
    #[inline]
    pub(super) fn begin_timing(&mut self, row: &Command, nested: bool, ready: bool) -> Option<Instant> {
        if nested {
            return Some(self.reactor.now());
        }
        let threshold = self.config.slowlog_log_slower_than;
        let watched = (0..SLOW_ENOUGH_US).contains(&threshold) || self.config.latency_monitor_threshold > 0;
        if row.flags.contains(Flags::FAST) && !ready && !watched {
            return None;
        }
        self.share_time();
        Some(self.clock.now())
    }

    /// After a command has run that began then; it has moved so many bytes.
    #[inline]
    pub(super) fn end_timing(
        &mut self,
        ran: &Ran<'_>,
        began: Option<Instant>,
        nested: bool,
        moved_bytes: usize,
    ) {
        let Some(began) = began else {
            self.timing.shared.push(ran.command);
            if self.timing.shared.len() >= SHARED_MAX || moved_bytes > SHARED_BYTES_MAX {
                self.share_time();
            }
            return;
        };
        let ended = self.reactor.now();
        if !nested {
            self.clock.advance(ended);
        }
        // One that has waited has taken as long as that.
        let waited = ran.client.extras(|extras| extras.waiter.as_ref().map(|waiter| waiter.since()));
        let began = waited.flatten().map_or(began, |since| since.min(began));
        self.account(ran, ended.saturating_duration_since(began));
    }

    /// A client has waited, and is answered now without its command running again.
    pub(super) fn account_waiting(&mut self, client: &Client) {
        let waiter = client.extras(|extras| extras.waiter.clone()).flatten();
        let Some(waiter) = waiter else { return };
        let args = waiter.args();
        let ran = Ran { client: waiter.client(), command: waiter.command(), args: &args, secrets: &[] };
        self.account(&ran, self.clock.now().saturating_duration_since(waiter.since()));
    }

    /// Read the clock, and share the time since it was read last among the commands that were run.
    pub(crate) fn share_time(&mut self) {
        if self.timing.shared.is_empty() {
            return;
        }
        let now = self.reactor.now();
        let mut shared = std::mem::take(&mut self.timing.shared);
        let took = now.saturating_duration_since(self.clock.now());
        let share = took / u32::try_from(shared.len()).unwrap_or(u32::MAX);
        for alike in shared.chunk_by(|one, other| one == other) {
            if let Some(command) = alike.first() {
                self.count(*command, alike.len() as u64, share);
            }
        }
        shared.clear();
        self.timing.shared = shared;
        self.clock.advance(now);
    }

    /// A command was run, and took so long.
    fn account(&mut self, ran: &Ran<'_>, took: Duration) {
        self.count(ran.command, 1, took);
        let is_fast = self.registry.entry(ran.command).row.flags.contains(Flags::FAST);
        self.note_latency(if is_fast { "fast-command" } else { "command" }, took);
        self.note_if_slow(ran, took);
    }

    /// A command was run so often, and took so long each time.
    #[inline]
    fn count(&mut self, command: CommandId, times: u64, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        let tracks = self.config.latency_tracking;
        self.stats.commands += times;
        let stats = &mut self.registry.entry_mut(command).stats;
        stats.calls += times;
        stats.nanos += nanos.saturating_mul(times);
        if tracks {
            stats.latency.record(nanos, times);
        }
    }
}
