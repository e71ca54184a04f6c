//! One row of the command table. The one rule: what can be known about a command before it runs stands in
//! its row, once; whatever follows from it is worked out here and written down nowhere.
//!
//! A family's table says in one row what its commands share, and each row then says what differs:
//!
//! ```text
//! const ROW: Command = Command { group: Group::Hash, categories: categories!(HASH), ..Command::DEFAULT };
//!
//! Command {
//!     name: "hget",
//!     arity: 3,
//!     handler: super::hget,
//!     flags: flags!(READONLY | FAST),
//!     keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
//!     summary: "Get the value of a hash field",
//!     since: "2.0.0",
//!     complexity: "O(1)",
//!     arguments: &[key("key", 0), string("field")],
//!     ..ROW
//! }
//! ```
//!
//! What the rows say is what `COMMAND INFO` and `COMMAND DOCS` of Redis 7.0.15 say, word for word: clients
//! choose nodes, and redis-cli completes lines, by it.

pub(crate) mod argument;
pub(crate) mod key_spec;

use super::call::Handler;
use super::help::container;
use super::keys::KeyAt;
use argument::Argument;
use bitflags::bitflags;
use key_spec::{BeginSearch, FindKeys, KeyFlags, KeySpec};

bitflags! {
    /// What there is to know about a command before it runs.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Flags: u32 {
        /// Changes data.
        const WRITE = 1;
        /// Reads data.
        const READONLY = 1 << 1;
        /// Refused when the memory that was allowed is used up.
        const DENYOOM = 1 << 2;
        /// For administrators.
        const ADMIN = 1 << 3;
        /// About publishing and subscribing.
        const PUBSUB = 1 << 4;
        /// Not from a script.
        const NOSCRIPT = 1 << 5;
        /// May wait for somebody else.
        const BLOCKING = 1 << 6;
        /// While data is being loaded, too.
        const LOADING = 1 << 7;
        /// On a replica that has lost its master, too.
        const STALE = 1 << 8;
        /// Not shown to who listens with MONITOR.
        const SKIP_MONITOR = 1 << 9;
        /// Not noted in the slow log: it may hold secrets.
        const SKIP_SLOWLOG = 1 << 10;
        /// For a slot that is being imported.
        const ASKING = 1 << 11;
        /// Takes constant or logarithmic time.
        const FAST = 1 << 12;
        /// For clients that have not authenticated, too.
        const NO_AUTH = 1 << 13;
        /// May be passed on to replicas though it is no write.
        const MAY_REPLICATE = 1 << 14;
        /// Names keys, but need not.
        const NO_MANDATORY_KEYS = 1 << 15;
        /// Allowed or not by configuration: `enable-debug-command`.
        const PROTECTED = 1 << 16;
        /// Not while a replica loads in the background.
        const NO_ASYNC_LOADING = 1 << 17;
        /// Not within a transaction.
        const NO_MULTI = 1 << 18;
        /// While a script is being slow, too.
        const ALLOW_BUSY = 1 << 19;
        /// A range can't tell all of its keys. No row says so: it follows from [`Command::keys`].
        const MOVABLE_KEYS = 1 << 20;
    }
}

bitflags! {
    /// By what access to a command is granted: the categories of `ACL CAT`.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Categories: u32 {
        /// About keys, whatever they hold.
        const KEYSPACE = 1;
        /// Reads data.
        const READ = 1 << 1;
        /// Changes data.
        const WRITE = 1 << 2;
        /// About sets.
        const SET = 1 << 3;
        /// About sorted sets.
        const SORTEDSET = 1 << 4;
        /// About lists.
        const LIST = 1 << 5;
        /// About hashes.
        const HASH = 1 << 6;
        /// About strings.
        const STRING = 1 << 7;
        /// About bitmaps.
        const BITMAP = 1 << 8;
        /// About HyperLogLogs.
        const HYPERLOGLOG = 1 << 9;
        /// About places on earth.
        const GEO = 1 << 10;
        /// About streams.
        const STREAM = 1 << 11;
        /// About publishing and subscribing.
        const PUBSUB = 1 << 12;
        /// For administrators.
        const ADMIN = 1 << 13;
        /// Takes constant or logarithmic time.
        const FAST = 1 << 14;
        /// All others.
        const SLOW = 1 << 15;
        /// May wait for somebody else.
        const BLOCKING = 1 << 16;
        /// To be used with care.
        const DANGEROUS = 1 << 17;
        /// About the connection itself.
        const CONNECTION = 1 << 18;
        /// About transactions.
        const TRANSACTION = 1 << 19;
        /// About scripts.
        const SCRIPTING = 1 << 20;
    }
}

impl Flags {
    /// As `COMMAND INFO` names them, in its order. The others it does not tell.
    const SHOWN: &[(Self, &str)] = &[
        (Self::WRITE, "write"),
        (Self::READONLY, "readonly"),
        (Self::DENYOOM, "denyoom"),
        (Self::ADMIN, "admin"),
        (Self::PUBSUB, "pubsub"),
        (Self::NOSCRIPT, "noscript"),
        (Self::BLOCKING, "blocking"),
        (Self::LOADING, "loading"),
        (Self::STALE, "stale"),
        (Self::SKIP_MONITOR, "skip_monitor"),
        (Self::SKIP_SLOWLOG, "skip_slowlog"),
        (Self::ASKING, "asking"),
        (Self::FAST, "fast"),
        (Self::NO_AUTH, "no_auth"),
        (Self::NO_MANDATORY_KEYS, "no_mandatory_keys"),
        (Self::NO_ASYNC_LOADING, "no_async_loading"),
        (Self::NO_MULTI, "no_multi"),
        (Self::MOVABLE_KEYS, "movablekeys"),
        (Self::ALLOW_BUSY, "allow_busy"),
    ];
}

impl Categories {
    /// Each with its name, in the order of `ACL CAT`.
    pub(crate) const NAMES: &[(Self, &str)] = &[
        (Self::KEYSPACE, "keyspace"),
        (Self::READ, "read"),
        (Self::WRITE, "write"),
        (Self::SET, "set"),
        (Self::SORTEDSET, "sortedset"),
        (Self::LIST, "list"),
        (Self::HASH, "hash"),
        (Self::STRING, "string"),
        (Self::BITMAP, "bitmap"),
        (Self::HYPERLOGLOG, "hyperloglog"),
        (Self::GEO, "geo"),
        (Self::STREAM, "stream"),
        (Self::PUBSUB, "pubsub"),
        (Self::ADMIN, "admin"),
        (Self::FAST, "fast"),
        (Self::SLOW, "slow"),
        (Self::BLOCKING, "blocking"),
        (Self::DANGEROUS, "dangerous"),
        (Self::CONNECTION, "connection"),
        (Self::TRANSACTION, "transaction"),
        (Self::SCRIPTING, "scripting"),
    ];

    /// The category of this name, in letters of any case.
    pub(crate) fn named(name: &[u8]) -> Option<Self> {
        let mut names = Self::NAMES.iter();
        names.find(|(_, known)| known.as_bytes().eq_ignore_ascii_case(name)).map(|(category, _)| *category)
    }

    /// The names of those that are set, in the order of `ACL CAT`.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().filter(move |(category, _)| self.contains(*category)).map(|(_, name)| *name)
    }
}

/// The chapter of the manual that a command stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Group {
    Generic,
    String,
    List,
    Set,
    SortedSet,
    Hash,
    PubSub,
    Transactions,
    Connection,
    Server,
    Scripting,
    HyperLogLog,
    Geo,
    Stream,
    Bitmap,
}

impl Group {
    /// As `COMMAND DOCS` names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Generic => "generic",
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::SortedSet => "sorted-set",
            Self::Hash => "hash",
            Self::PubSub => "pubsub",
            Self::Transactions => "transactions",
            Self::Connection => "connection",
            Self::Server => "server",
            Self::Scripting => "scripting",
            Self::HyperLogLog => "hyperloglog",
            Self::Geo => "geo",
            Self::Stream => "stream",
            Self::Bitmap => "bitmap",
        }
    }
}

/// What to use in place of a command that is still there for who uses it already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Deprecated {
    /// The version in which it was replaced.
    pub(crate) since: &'static str,
    /// By what.
    pub(crate) replaced_by: &'static str,
}

/// One command, or one subcommand.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Command {
    /// Its name, in small letters; a subcommand's without that of its container.
    pub(crate) name: &'static str,
    /// How many arguments, the name included, of a subcommand both names; if negative, at least so many.
    pub(crate) arity: i32,
    /// What runs it. A container with subcommands alone needs none.
    pub(crate) handler: Handler,
    /// What there is to know before it runs.
    pub(crate) flags: Flags,
    /// The categories that don't follow from its flags; see [`Command::categories`].
    pub(crate) categories: Categories,
    /// Which of its arguments are keys.
    pub(crate) keys: &'static [KeySpec],
    /// What finds its keys, and what they are used for, where [`Command::keys`] can't tell all.
    pub(crate) find_keys: Option<FindKeysOf>,
    /// Hints for clients that route commands to many servers.
    pub(crate) tips: &'static [&'static str],
    /// Its subcommands.
    pub(crate) subcommands: &'static [Self],
    /// The chapter of the manual.
    pub(crate) group: Group,
    /// What it does, in a line.
    pub(crate) summary: &'static str,
    /// The version of Redis in which it appeared.
    pub(crate) since: &'static str,
    /// How long it takes; empty if that is not told.
    pub(crate) complexity: &'static str,
    /// Whether there is something better.
    pub(crate) deprecated: Option<Deprecated>,
    /// Whether it is there for the server's own sake, and for its tests.
    pub(crate) is_internal: bool,
    /// What has changed since it appeared: versions, and what came.
    pub(crate) history: &'static [(&'static str, &'static str)],
    /// Its arguments.
    pub(crate) arguments: &'static [Argument],
}

/// What finds the keys among the arguments of a command, and puts them behind those that were found before.
pub(crate) type FindKeysOf = fn(args: &[&[u8]], found: &mut Vec<KeyAt>);

/// Where the keys are, in the words of Redis before version 7: from the first to the last, each so many
/// arguments. A negative last one counts from the end. All 0 if there are none that can be told so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LegacyRange {
    pub(crate) first: i32,
    pub(crate) last: i32,
    pub(crate) step: i32,
}

impl Command {
    /// A row that says nothing yet.
    pub(crate) const DEFAULT: Self = Self {
        name: "",
        arity: -2,
        handler: container,
        flags: Flags::empty(),
        categories: Categories::empty(),
        keys: &[],
        find_keys: None,
        tips: &[],
        subcommands: &[],
        group: Group::Generic,
        summary: "",
        since: "",
        complexity: "",
        deprecated: None,
        is_internal: false,
        history: &[],
        arguments: &[],
    };

    /// Whether it takes so many arguments, its name included.
    #[inline]
    pub(crate) fn admits(&self, arguments: usize) -> bool {
        let arguments = i32::try_from(arguments).unwrap_or(i32::MAX);
        arguments == self.arity || (self.arity < 0 && arguments >= -self.arity)
    }

    /// Whether its first argument names a key.
    #[inline]
    pub(crate) fn has_key_first(&self) -> bool {
        self.keys.first().is_some_and(|spec| {
            matches!(spec.begin, BeginSearch::Index(1)) && !spec.flags.contains(KeyFlags::NOT_KEY)
        })
    }

    /// Whether any of its arguments may name a key.
    pub(crate) fn has_keys(&self) -> bool {
        self.find_keys.is_some() || self.keys.iter().any(|spec| !spec.flags.contains(KeyFlags::NOT_KEY))
    }

    /// All categories that it is in: those of its row, and those that follow from its flags.
    pub(crate) fn categories(&self) -> Categories {
        let mut all = self.categories;
        let implied = [
            (Flags::WRITE, Categories::WRITE),
            (Flags::READONLY, Categories::READ),
            (Flags::ADMIN, Categories::ADMIN.union(Categories::DANGEROUS)),
            (Flags::PUBSUB, Categories::PUBSUB),
            (Flags::FAST, Categories::FAST),
            (Flags::BLOCKING, Categories::BLOCKING),
        ];
        for (flag, categories) in implied {
            if self.flags.contains(flag) {
                all |= categories;
            }
        }
        if !all.contains(Categories::FAST) {
            all |= Categories::SLOW;
        }
        all
    }

    /// The names of its flags as `COMMAND INFO` tells them.
    pub(crate) fn shown_flags(&self) -> impl Iterator<Item = &'static str> {
        let mut flags = self.flags;
        flags.set(Flags::MOVABLE_KEYS, self.has_movable_keys());
        Flags::SHOWN.iter().filter(move |(flag, _)| flags.contains(*flag)).map(|(_, name)| *name)
    }

    /// Whether [`legacy_range`](Self::legacy_range) does not tell all of its keys.
    pub(crate) fn has_movable_keys(&self) -> bool {
        let mut previous_last = None;
        let plain = match self.keys {
            [only] => matches!((only.begin, only.find), (BeginSearch::Index(_), FindKeys::Range { .. })),
            specs => specs.iter().all(|spec| spec.plain_range(&mut previous_last).is_some()),
        };
        !plain || self.keys.iter().any(|spec| spec.flags.contains(KeyFlags::INCOMPLETE))
    }

    /// Where its keys are, as far as a range can tell.
    pub(crate) fn legacy_range(&self) -> LegacyRange {
        if let [KeySpec { begin: BeginSearch::Index(first), find: FindKeys::Range { last, step, .. }, .. }] =
            self.keys
        {
            let last = if *last >= 0 { first + last } else { *last };
            return LegacyRange { first: *first, last, step: *step };
        }
        let mut last = None;
        let ranges: Vec<_> = self.keys.iter().filter_map(|spec| spec.plain_range(&mut last)).collect();
        let first = ranges.iter().map(|(first, _)| *first).min();
        // A last key that is counted from the end lies behind all others.
        let last = ranges.iter().map(|(_, last)| *last).max_by_key(|last| last.cast_unsigned());
        match (first, last) {
            (Some(first), Some(last)) => LegacyRange { first, last, step: 1 },
            _ => LegacyRange::default(),
        }
    }
}

/// Makes a constant of flags, where `|` can't: `flags!(WRITE | FAST)`.
macro_rules! flags {
    ($($flag:ident)|+) => { $crate::command::row::Flags::empty()$(.union($crate::command::row::Flags::$flag))+ };
}

/// Makes a constant of categories: `categories!(SET | DANGEROUS)`.
macro_rules! categories {
    ($($category:ident)|+) => {
        $crate::command::row::Categories::empty()$(.union($crate::command::row::Categories::$category))+
    };
}

/// Makes a constant of what a key is used for: `key_flags!(RW | UPDATE)`.
macro_rules! key_flags {
    ($($flag:ident)|+) => {
        $crate::command::row::key_spec::KeyFlags::empty()
            $(.union($crate::command::row::key_spec::KeyFlags::$flag))+
    };
}

pub(crate) use {categories, flags, key_flags};

#[cfg(test)]
mod tests;
