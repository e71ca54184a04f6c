//! The rows of the commands for lists.

use crate::command::row::{Command, Flags};

const WRITE: Flags = Flags::WRITE;
const GROW: Flags = Flags::WRITE.union(Flags::DENYOOM);
const READ: Flags = Flags::empty();

/// The rows.
pub(crate) const COMMANDS: &[Command] = &[
    Command { name: "blmove", arity: 6, flags: GROW, handler: super::blocking::blmove, subcommands: &[] },
    Command { name: "blmpop", arity: -5, flags: WRITE, handler: super::blocking::blmpop, subcommands: &[] },
    Command { name: "blpop", arity: -3, flags: WRITE, handler: super::blocking::blpop, subcommands: &[] },
    Command { name: "brpop", arity: -3, flags: WRITE, handler: super::blocking::brpop, subcommands: &[] },
    Command {
        name: "brpoplpush",
        arity: 4,
        flags: GROW,
        handler: super::blocking::brpoplpush,
        subcommands: &[],
    },
    Command { name: "lindex", arity: 3, flags: READ, handler: super::lindex, subcommands: &[] },
    Command { name: "linsert", arity: 5, flags: GROW, handler: super::linsert, subcommands: &[] },
    Command { name: "llen", arity: 2, flags: READ, handler: super::llen, subcommands: &[] },
    Command { name: "lmove", arity: 5, flags: GROW, handler: super::blocking::lmove, subcommands: &[] },
    Command { name: "lmpop", arity: -4, flags: WRITE, handler: super::blocking::lmpop, subcommands: &[] },
    Command { name: "lpop", arity: -2, flags: WRITE, handler: super::lpop, subcommands: &[] },
    Command { name: "lpos", arity: -3, flags: READ, handler: super::lpos, subcommands: &[] },
    Command { name: "lpush", arity: -3, flags: GROW, handler: super::lpush, subcommands: &[] },
    Command { name: "lpushx", arity: -3, flags: GROW, handler: super::lpushx, subcommands: &[] },
    Command { name: "lrange", arity: 4, flags: READ, handler: super::lrange, subcommands: &[] },
    Command { name: "lrem", arity: 4, flags: WRITE, handler: super::lrem, subcommands: &[] },
    Command { name: "lset", arity: 4, flags: GROW, handler: super::lset, subcommands: &[] },
    Command { name: "ltrim", arity: 4, flags: WRITE, handler: super::ltrim, subcommands: &[] },
    Command { name: "rpop", arity: -2, flags: WRITE, handler: super::rpop, subcommands: &[] },
    Command {
        name: "rpoplpush",
        arity: 3,
        flags: GROW,
        handler: super::blocking::rpoplpush,
        subcommands: &[],
    },
    Command { name: "rpush", arity: -3, flags: GROW, handler: super::rpush, subcommands: &[] },
    Command { name: "rpushx", arity: -3, flags: GROW, handler: super::rpushx, subcommands: &[] },
];
