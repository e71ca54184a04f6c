//! The rows of the commands about transactions.

use crate::command::row::argument::key;
use crate::command::row::key_spec::KeySpec;
use crate::command::row::{Command, Group, categories, flags, key_flags};

/// What they share.
const ROW: Command =
    Command { group: Group::Transactions, categories: categories!(TRANSACTION), ..Command::DEFAULT };

/// The rows.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "discard",
        arity: 1,
        handler: super::discard,
        flags: flags!(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY),
        summary: "Discard all commands issued after MULTI",
        since: "2.0.0",
        complexity: "O(N), when N is the number of queued commands",
        ..ROW
    },
    Command {
        name: "exec",
        arity: 1,
        handler: super::exec,
        flags: flags!(NOSCRIPT | LOADING | STALE | SKIP_SLOWLOG),
        summary: "Execute all commands issued after MULTI",
        since: "1.2.0",
        complexity: "Depends on commands in the transaction",
        ..ROW
    },
    Command {
        name: "multi",
        arity: 1,
        handler: super::multi,
        flags: flags!(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY),
        summary: "Mark the start of a transaction block",
        since: "1.2.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "unwatch",
        arity: 1,
        handler: super::unwatch,
        flags: flags!(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY),
        summary: "Forget about all watched keys",
        since: "2.2.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "watch",
        arity: -2,
        handler: super::watch,
        flags: flags!(NOSCRIPT | LOADING | STALE | FAST | ALLOW_BUSY),
        keys: &[KeySpec::range(1, -1, key_flags!(RO))],
        summary: "Watch the given keys to determine execution of the MULTI/EXEC block",
        since: "2.2.0",
        complexity: "O(1) for every key.",
        arguments: &[key("key", 0).multiple()],
        ..ROW
    },
];
