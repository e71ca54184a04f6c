//! What was refused, for ACL LOG. The one rule: the same refusal again within a minute counts up the entry
//! that is there.

use std::collections::VecDeque;

/// How long an entry counts what is alike, in milliseconds.
const ALIKE_MS: i64 = 60_000;

/// How many of the latest entries are looked through for one alike.
const LOOKED_THROUGH: usize = 10;

/// Why something was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reason {
    /// The command.
    Command,
    /// A key.
    Key,
    /// A channel.
    Channel,
    /// The name or the password.
    Auth,
}

impl Reason {
    /// The word in the log.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Command => "command",
            Self::Key => "key",
            Self::Channel => "channel",
            Self::Auth => "auth",
        }
    }
}

/// Where it was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Context {
    /// A command by itself.
    TopLevel,
    /// Within a transaction.
    Multi,
}

impl Context {
    /// The word in the log.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::TopLevel => "toplevel",
            Self::Multi => "multi",
        }
    }
}

/// One refusal, or several that are alike.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// How many.
    pub(crate) count: u64,
    /// Why.
    pub(crate) reason: Reason,
    /// Where.
    pub(crate) context: Context,
    /// Which command, key or channel; for a password, the command.
    pub(crate) object: Vec<u8>,
    /// To whom.
    pub(crate) user: Vec<u8>,
    /// When, for the last time, in milliseconds since 1970.
    pub(crate) at_ms: i64,
    /// The client, as CLIENT LIST shows it, the last time.
    pub(crate) client: String,
}

impl Entry {
    fn is_alike(&self, other: &Self) -> bool {
        self.reason == other.reason
            && self.context == other.context
            && self.at_ms.abs_diff(other.at_ms) <= ALIKE_MS.unsigned_abs()
            && self.object == other.object
            && self.user == other.user
    }
}

/// The latest refusals, newest first.
#[derive(Debug, Default)]
pub(crate) struct Log {
    entries: VecDeque<Entry>,
}

impl Log {
    /// Note a refusal; beyond `max` entries the oldest ones go.
    pub(crate) fn add(&mut self, entry: Entry, max: usize) {
        let alike = self.entries.iter().take(LOOKED_THROUGH).position(|known| known.is_alike(&entry));
        let entry = match alike.and_then(|place| self.entries.remove(place)) {
            Some(known) => Entry { count: known.count.saturating_add(1), ..entry },
            None => entry,
        };
        self.entries.push_front(entry);
        self.entries.truncate(max);
    }

    /// The entries, newest first.
    pub(crate) fn entries(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Forget all.
    pub(crate) fn clear(&mut self) {
        self.entries.clear();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;

    fn entry(object: &str, at_ms: i64) -> Entry {
        Entry {
            count: 1,
            reason: Reason::Key,
            context: Context::TopLevel,
            object: object.into(),
            user: b"ann".to_vec(),
            at_ms,
            client: format!("at={at_ms}"),
        }
    }

    #[test]
    fn what_is_alike_within_a_minute_is_counted() {
        let mut log = Log::default();
        log.add(entry("a", 0), 10);
        log.add(entry("b", 1), 10);
        log.add(entry("a", 60_000), 10);
        let shown: Vec<_> =
            log.entries().map(|entry| (entry.object.clone(), entry.count, entry.at_ms)).collect();
        assert_eq!(shown, [(b"a".to_vec(), 2, 60_000), (b"b".to_vec(), 1, 1)]);
        assert_eq!(log.entries().next().unwrap().client, "at=60000");
        log.add(entry("a", 120_001), 10);
        assert_eq!(log.entries().len(), 3);
        log.add(Entry { reason: Reason::Auth, ..entry("a", 120_001) }, 10);
        log.add(Entry { context: Context::Multi, ..entry("a", 120_001) }, 10);
        assert_eq!(log.entries().len(), 5);
    }

    #[test]
    fn the_oldest_entries_go_and_none_may_be_kept() {
        let mut log = Log::default();
        (0..20).for_each(|number| log.add(entry(&number.to_string(), 0), 5));
        assert_eq!(log.entries().len(), 5);
        assert_eq!(log.entries().next().unwrap().object, b"19");
        log.add(entry("x", 0), 0);
        assert_eq!(log.entries().len(), 0);
    }
}
