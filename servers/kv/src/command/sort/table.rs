//! The rows of SORT.

use crate::command::row::{Command, Flags};

/// The rows.
pub(crate) const COMMANDS: &[Command] = &[
    Command {
        name: "sort",
        arity: -2,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        handler: super::sort,
        subcommands: &[],
    },
    Command { name: "sort_ro", arity: -2, flags: Flags::empty(), handler: super::sort_ro, subcommands: &[] },
];
