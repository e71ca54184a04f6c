//! Counters of the server. The one rule: what INFO shows is counted where it happens.

use super::histogram::Histogram;
use std::cell::Cell;
use std::collections::BTreeMap;

/// Counters since the start, or since CONFIG RESETSTAT.
#[derive(Debug, Default)]
pub(crate) struct Stats {
    /// Keys that were asked for and there.
    pub(crate) hits: Cell<u64>,
    /// Keys that were asked for and not there.
    pub(crate) misses: Cell<u64>,
    /// Commands that were run.
    pub(crate) commands: u64,
    /// Connections that were accepted.
    pub(crate) connections: u64,
    /// Connections that were refused because there were too many.
    pub(crate) rejected_connections: u64,
    /// Keys whose time was up.
    pub(crate) expired_keys: u64,
    /// Fields of hashes whose time was up.
    pub(crate) expired_fields: u64,
    /// Keys that were evicted.
    pub(crate) evicted_keys: u64,
    /// Clients that were closed because all took too much memory.
    pub(crate) evicted_clients: u64,
    /// Values that wait to be dropped.
    pub(crate) lazyfree_pending: u64,
    /// Values that were dropped after waiting.
    pub(crate) lazyfreed_objects: u64,
    /// How often input was read, and replies were written.
    pub(crate) reads: u64,
    pub(crate) writes: u64,
    /// Bytes of input.
    pub(crate) input_bytes: u64,
    /// Bytes of replies.
    pub(crate) output_bytes: u64,
    /// Errors that were answered.
    pub(crate) error_replies: u64,
    /// Errors by their code.
    pub(crate) errors: BTreeMap<Box<[u8]>, u64>,
}

/// How many different error codes are counted; clients can make up codes of their own.
const ERROR_CODES_MAX: usize = 128;

impl Stats {
    /// Forget what was counted, but for what is still to be done.
    pub(crate) fn reset(&mut self) {
        *self = Self { lazyfree_pending: self.lazyfree_pending, ..Self::default() };
    }

    /// An error was answered: its words, the code first.
    pub(crate) fn count_error(&mut self, words: &[u8]) {
        self.error_replies += 1;
        let code = words.split(|byte| *byte == b' ').next().unwrap_or_default();
        if let Some(count) = self.errors.get_mut(code) {
            *count += 1;
        } else if self.errors.len() < ERROR_CODES_MAX {
            self.errors.insert(code.into(), 1);
        }
    }
}

/// Counters of one command.
#[derive(Clone, Debug, Default)]
pub(crate) struct CommandStats {
    /// How often it was run.
    pub(crate) calls: u64,
    /// How long that took, in nanoseconds.
    pub(crate) nanos: u64,
    /// How often it was refused before it was run.
    pub(crate) rejected: u64,
    /// How often it failed.
    pub(crate) failed: u64,
    /// How long it took, each time, where that is tracked.
    pub(crate) latency: Histogram,
}
