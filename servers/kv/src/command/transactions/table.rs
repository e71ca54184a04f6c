//! The rows of the commands for transactions.

use crate::command::row::{Command, Flags};

/// The rows.
pub(crate) const COMMANDS: &[Command] = &[
    Command { name: "multi", arity: 1, flags: Flags::empty(), handler: super::multi, subcommands: &[] },
    Command { name: "exec", arity: 1, flags: Flags::empty(), handler: super::exec, subcommands: &[] },
    Command { name: "discard", arity: 1, flags: Flags::empty(), handler: super::discard, subcommands: &[] },
    Command { name: "watch", arity: -2, flags: Flags::empty(), handler: super::watch, subcommands: &[] },
    Command { name: "unwatch", arity: 1, flags: Flags::empty(), handler: super::unwatch, subcommands: &[] },
];
