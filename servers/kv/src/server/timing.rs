//! How long commands take. The one rule: the clock is read as rarely as the figures allow, for reading it takes as long
//! as a GET.
//!
//! Commands that take constant or logarithmic time (`fast` in the table) and follow one another in a batch are timed
//! together, and share the time evenly. Any other is timed by itself, and so is each where the slow log is to see what
//! takes less than a millisecond, and one that has moved many bytes.

use super::Server;
use super::client::Client;
use crate::command::registry::CommandId;
use crate::command::row::{Command, Flags};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How many commands are timed together at most.
const SHARED_MAX: usize = 32;

/// A command that has moved more bytes is not timed together with others.
const SHARED_BYTES_MAX: usize = 4096;

/// If the slow log notes what takes less than so many microseconds, each command is timed.
const SLOW_ENOUGH_US: i64 = 1000;

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
        if row.flags.contains(Flags::FAST) && !ready && !(0..SLOW_ENOUGH_US).contains(&threshold) {
            return None;
        }
        self.share_time();
        Some(self.clock.now())
    }

    /// After a command has run that began then; it has moved so many bytes.
    #[inline]
    pub(super) fn end_timing(
        &mut self,
        (client, command, args): (&Rc<Client>, CommandId, &[&[u8]]),
        began: Option<Instant>,
        nested: bool,
        moved_bytes: usize,
    ) {
        let Some(began) = began else {
            self.timing.shared.push(command);
            if self.timing.shared.len() >= SHARED_MAX || moved_bytes > SHARED_BYTES_MAX {
                self.share_time();
            }
            return;
        };
        let ended = self.reactor.now();
        self.account(client, command, args, ended.saturating_duration_since(began));
        if !nested {
            self.clock.advance(ended);
        }
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
        for command in shared.drain(..) {
            self.count(command, share);
        }
        self.timing.shared = shared;
        self.clock.advance(now);
    }

    /// A command was run, and took so long.
    fn account(&mut self, client: &Rc<Client>, command: CommandId, args: &[&[u8]], took: Duration) {
        self.count(command, took);
        let _ = (client, args);
    }

    #[inline]
    fn count(&mut self, command: CommandId, took: Duration) {
        self.stats.commands += 1;
        let stats = &mut self.registry.entry_mut(command).stats;
        stats.calls += 1;
        stats.nanos += took.as_nanos() as u64;
    }
}
