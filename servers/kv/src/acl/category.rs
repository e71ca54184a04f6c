//! Categories of commands. The one rule: they stand in Redis's order, in which ACL CAT lists them and
//! rules are described.

use bitflags::bitflags;

bitflags! {
    /// What kind of command one is, for `+@…` and `-@…`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
    pub(crate) struct Categories: u32 {
        /// Keys and databases, whatever they hold.
        const KEYSPACE = 1;
        /// Reads values.
        const READ = 1 << 1;
        /// Writes values.
        const WRITE = 1 << 2;
        /// Sets.
        const SET = 1 << 3;
        /// Sorted sets.
        const SORTEDSET = 1 << 4;
        /// Lists.
        const LIST = 1 << 5;
        /// Hashes.
        const HASH = 1 << 6;
        /// Strings.
        const STRING = 1 << 7;
        /// Bitmaps.
        const BITMAP = 1 << 8;
        /// HyperLogLogs.
        const HYPERLOGLOG = 1 << 9;
        /// Places.
        const GEO = 1 << 10;
        /// Streams.
        const STREAM = 1 << 11;
        /// Channels.
        const PUBSUB = 1 << 12;
        /// For who runs the server, not for applications.
        const ADMIN = 1 << 13;
        /// Quick whatever the size of things.
        const FAST = 1 << 14;
        /// Not quick, or not always.
        const SLOW = 1 << 15;
        /// May have the client wait.
        const BLOCKING = 1 << 16;
        /// To be thought about first.
        const DANGEROUS = 1 << 17;
        /// The connection itself.
        const CONNECTION = 1 << 18;
        /// Transactions.
        const TRANSACTION = 1 << 19;
        /// Scripts.
        const SCRIPTING = 1 << 20;
    }
}

/// The name of each.
pub(crate) const NAMES: [(&str, Categories); 21] = [
    ("keyspace", Categories::KEYSPACE),
    ("read", Categories::READ),
    ("write", Categories::WRITE),
    ("set", Categories::SET),
    ("sortedset", Categories::SORTEDSET),
    ("list", Categories::LIST),
    ("hash", Categories::HASH),
    ("string", Categories::STRING),
    ("bitmap", Categories::BITMAP),
    ("hyperloglog", Categories::HYPERLOGLOG),
    ("geo", Categories::GEO),
    ("stream", Categories::STREAM),
    ("pubsub", Categories::PUBSUB),
    ("admin", Categories::ADMIN),
    ("fast", Categories::FAST),
    ("slow", Categories::SLOW),
    ("blocking", Categories::BLOCKING),
    ("dangerous", Categories::DANGEROUS),
    ("connection", Categories::CONNECTION),
    ("transaction", Categories::TRANSACTION),
    ("scripting", Categories::SCRIPTING),
];

impl Categories {
    /// The category of this name, in any case.
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        let mut names = NAMES.iter();
        names.find(|(known, _)| known.as_bytes().eq_ignore_ascii_case(name)).map(|(_, category)| *category)
    }

    /// The names of those that are set.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        NAMES.iter().filter(move |(_, category)| self.intersects(*category)).map(|(name, _)| *name)
    }
}
