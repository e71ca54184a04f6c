//! The rows of the commands about the connection.

use crate::command::row::{Command, Flags};

/// The rows.
pub(crate) const COMMANDS: &[Command] = &[
    Command { name: "ping", arity: -1, flags: Flags::empty(), handler: super::ping, subcommands: &[] },
    Command { name: "echo", arity: 2, flags: Flags::empty(), handler: super::echo, subcommands: &[] },
    Command { name: "select", arity: 2, flags: Flags::empty(), handler: super::select, subcommands: &[] },
    Command { name: "quit", arity: -1, flags: Flags::NO_AUTH, handler: super::quit, subcommands: &[] },
];
