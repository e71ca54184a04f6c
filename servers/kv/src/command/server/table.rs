//! The rows of the commands on the server.

use crate::command::row::{Command, Flags};

/// The rows.
pub(crate) const COMMANDS: &[Command] = &[
    Command { name: "dbsize", arity: 1, flags: Flags::empty(), handler: super::dbsize, subcommands: &[] },
    Command { name: "flushall", arity: -1, flags: Flags::WRITE, handler: super::flushall, subcommands: &[] },
    Command { name: "flushdb", arity: -1, flags: Flags::WRITE, handler: super::flushdb, subcommands: &[] },
    Command { name: "swapdb", arity: 3, flags: Flags::WRITE, handler: super::swapdb, subcommands: &[] },
];
