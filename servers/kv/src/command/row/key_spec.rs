//! Which arguments of a command are keys, as data: where to begin, and how to go on from there. The one
//! rule: positions count from the command's name, which is number 0.
//!
//! ```text
//! MSET  a 1 b 2 c 3              begin at 1,                to the last, every second
//!       ▲   ▲   ▲
//! XREAD COUNT 2 STREAMS a b 0 0  begin behind `STREAMS`,    the first half of the rest
//!                       ▲ ▲
//! ZUNION 2 a b WEIGHTS 1 1       begin at 1, where stands   how many follow
//!          ▲ ▲
//! ```

use bitflags::bitflags;

bitflags! {
    /// What a command does with a key.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct KeyFlags: u16 {
        /// Reads the value, and changes nothing.
        const RO = 1;
        /// Reads and changes the value.
        const RW = 1 << 1;
        /// Replaces the value without having looked at it.
        const OW = 1 << 2;
        /// Removes the key.
        const RM = 1 << 3;
        /// Tells the client something of what the value holds.
        const ACCESS = 1 << 4;
        /// Changes what was there.
        const UPDATE = 1 << 5;
        /// Adds to what was there.
        const INSERT = 1 << 6;
        /// Removes some of what was there.
        const DELETE = 1 << 7;
        /// It is no key, but is routed like one: a sharded channel.
        const NOT_KEY = 1 << 8;
        /// There may be more keys than these.
        const INCOMPLETE = 1 << 9;
        /// What is done with the key depends on other arguments.
        const VARIABLE_FLAGS = 1 << 10;
    }
}

impl KeyFlags {
    /// As COMMAND names them, in its order.
    const NAMES: &[(Self, &str)] = &[
        (Self::RO, "RO"),
        (Self::RW, "RW"),
        (Self::OW, "OW"),
        (Self::RM, "RM"),
        (Self::ACCESS, "access"),
        (Self::UPDATE, "update"),
        (Self::INSERT, "insert"),
        (Self::DELETE, "delete"),
        (Self::NOT_KEY, "not_key"),
        (Self::INCOMPLETE, "incomplete"),
        (Self::VARIABLE_FLAGS, "variable_flags"),
    ];

    /// The names of those that are set.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        Self::NAMES.iter().filter(move |(flag, _)| self.contains(*flag)).map(|(_, name)| *name)
    }
}

/// Where the search for keys begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BeginSearch {
    /// Here.
    Index(i32),
    /// Behind this word, which is looked for from here on; from a negative position, counted from the end,
    /// it is looked for backwards.
    Keyword { keyword: &'static str, start_from: i32 },
    /// Data can't tell.
    Unknown,
}

/// Which arguments from there on are keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FindKeys {
    /// As far as the last, which is counted from the first or, if negative, from the end; every `step`th.
    /// With a limit, only the first part of what follows is looked at: 2 stands for one half.
    Range { last: i32, step: i32, limit: i32 },
    /// The argument there says how many follow it.
    Counted,
    /// Data can't tell.
    Unknown,
}

/// One or several keys that are used alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeySpec {
    /// What they are used for.
    pub(crate) flags: KeyFlags,
    /// Where the search begins.
    pub(crate) begin: BeginSearch,
    /// How it goes on.
    pub(crate) find: FindKeys,
    /// What else there is to say; empty if nothing is.
    pub(crate) notes: &'static str,
}

impl KeySpec {
    const fn new(flags: KeyFlags, begin: BeginSearch, find: FindKeys) -> Self {
        Self { flags, begin, find, notes: "" }
    }

    /// The argument at this position.
    pub(crate) const fn at(position: i32, flags: KeyFlags) -> Self {
        Self::new(flags, BeginSearch::Index(position), FindKeys::Range { last: 0, step: 1, limit: 0 })
    }

    /// The first argument.
    pub(crate) const fn first(flags: KeyFlags) -> Self {
        Self::at(1, flags)
    }

    /// The arguments from this position to the last, which is counted from it or, if negative, from the end.
    pub(crate) const fn range(position: i32, last: i32, flags: KeyFlags) -> Self {
        Self::new(flags, BeginSearch::Index(position), FindKeys::Range { last, step: 1, limit: 0 })
    }

    /// The first argument and every second one from there on.
    pub(crate) const fn pairs(flags: KeyFlags) -> Self {
        Self::new(flags, BeginSearch::Index(1), FindKeys::Range { last: -1, step: 2, limit: 0 })
    }

    /// As many arguments as that at this position says, from the next one on.
    pub(crate) const fn counted(position: i32, flags: KeyFlags) -> Self {
        Self::new(flags, BeginSearch::Index(position), FindKeys::Counted)
    }

    /// The argument behind a word, which is looked for from this position on.
    pub(crate) const fn behind(keyword: &'static str, start_from: i32, flags: KeyFlags) -> Self {
        let begin = BeginSearch::Keyword { keyword, start_from };
        Self::new(flags, begin, FindKeys::Range { last: 0, step: 1, limit: 0 })
    }

    /// The first half of what follows a word, which is looked for from this position on.
    pub(crate) const fn half_behind(keyword: &'static str, start_from: i32, flags: KeyFlags) -> Self {
        let begin = BeginSearch::Keyword { keyword, start_from };
        Self::new(flags, begin, FindKeys::Range { last: -1, step: 1, limit: 2 })
    }

    /// Keys that data can't tell.
    pub(crate) const fn unknown(flags: KeyFlags) -> Self {
        Self::new(flags, BeginSearch::Unknown, FindKeys::Unknown)
    }

    /// The same, with this to say about it.
    pub(crate) const fn notes(self, notes: &'static str) -> Self {
        Self { notes, ..self }
    }

    /// The first and the last position, if it can follow the last one of the specification before it in a
    /// [`LegacyRange`](super::LegacyRange). A last position that is counted from the end stays negative.
    pub(super) fn plain_range(&self, previous_last: &mut Option<i32>) -> Option<(i32, i32)> {
        let (BeginSearch::Index(first), FindKeys::Range { last, step: 1, .. }) = (self.begin, self.find)
        else {
            return None;
        };
        if previous_last.is_some_and(|previous| previous != first - 1) {
            return None;
        }
        let last = if last >= 0 { first + last } else { last };
        *previous_last = Some(last);
        Some((first, last))
    }
}
