//! The rows of the commands on sets.

use crate::command::row::{Command, Flags};
use crate::command::scan;

/// The rows.
pub(crate) const COMMANDS: &[Command] = &[
    Command {
        name: "sadd",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        handler: super::sadd,
        subcommands: &[],
    },
    Command { name: "scard", arity: 2, flags: Flags::empty(), handler: super::scard, subcommands: &[] },
    Command {
        name: "sdiff",
        arity: -2,
        flags: Flags::empty(),
        handler: super::algebra::sdiff,
        subcommands: &[],
    },
    Command {
        name: "sdiffstore",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        handler: super::algebra::sdiffstore,
        subcommands: &[],
    },
    Command {
        name: "sinter",
        arity: -2,
        flags: Flags::empty(),
        handler: super::algebra::sinter,
        subcommands: &[],
    },
    Command {
        name: "sintercard",
        arity: -3,
        flags: Flags::empty(),
        handler: super::algebra::sintercard,
        subcommands: &[],
    },
    Command {
        name: "sinterstore",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        handler: super::algebra::sinterstore,
        subcommands: &[],
    },
    Command {
        name: "sismember",
        arity: 3,
        flags: Flags::empty(),
        handler: super::sismember,
        subcommands: &[],
    },
    Command { name: "smembers", arity: 2, flags: Flags::empty(), handler: super::smembers, subcommands: &[] },
    Command {
        name: "smismember",
        arity: -3,
        flags: Flags::empty(),
        handler: super::smismember,
        subcommands: &[],
    },
    Command { name: "smove", arity: 4, flags: Flags::WRITE, handler: super::smove, subcommands: &[] },
    Command { name: "spop", arity: -2, flags: Flags::WRITE, handler: super::spop, subcommands: &[] },
    Command {
        name: "srandmember",
        arity: -2,
        flags: Flags::empty(),
        handler: super::srandmember,
        subcommands: &[],
    },
    Command { name: "srem", arity: -3, flags: Flags::WRITE, handler: super::srem, subcommands: &[] },
    Command { name: "sscan", arity: -3, flags: Flags::empty(), handler: scan::sscan, subcommands: &[] },
    Command {
        name: "sunion",
        arity: -2,
        flags: Flags::empty(),
        handler: super::algebra::sunion,
        subcommands: &[],
    },
    Command {
        name: "sunionstore",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        handler: super::algebra::sunionstore,
        subcommands: &[],
    },
];
