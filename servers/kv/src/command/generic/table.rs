//! The rows of the commands on keys, whatever they hold.

use crate::command::help::container;
use crate::command::row::{Command, Flags};

/// The rows.
pub(crate) const COMMANDS: &[Command] = &[
    Command {
        name: "copy",
        arity: -3,
        flags: Flags::WRITE.union(Flags::DENYOOM),
        handler: super::copy,
        subcommands: &[],
    },
    Command { name: "del", arity: -2, flags: Flags::WRITE, handler: super::del, subcommands: &[] },
    Command { name: "exists", arity: -2, flags: Flags::empty(), handler: super::exists, subcommands: &[] },
    Command { name: "expire", arity: -3, flags: Flags::WRITE, handler: super::expire, subcommands: &[] },
    Command { name: "expireat", arity: -3, flags: Flags::WRITE, handler: super::expireat, subcommands: &[] },
    Command {
        name: "expiretime",
        arity: 2,
        flags: Flags::empty(),
        handler: super::expiretime,
        subcommands: &[],
    },
    Command { name: "keys", arity: 2, flags: Flags::empty(), handler: super::keys, subcommands: &[] },
    Command { name: "move", arity: 3, flags: Flags::WRITE, handler: super::r#move, subcommands: &[] },
    Command {
        name: "object",
        arity: -2,
        flags: Flags::empty(),
        handler: container,
        subcommands: &[
            Command {
                name: "encoding",
                arity: 3,
                flags: Flags::empty(),
                handler: super::object_encoding,
                subcommands: &[],
            },
            Command {
                name: "freq",
                arity: 3,
                flags: Flags::empty(),
                handler: super::object_freq,
                subcommands: &[],
            },
            Command {
                name: "help",
                arity: 2,
                flags: Flags::empty(),
                handler: super::object_help,
                subcommands: &[],
            },
            Command {
                name: "idletime",
                arity: 3,
                flags: Flags::empty(),
                handler: super::object_idletime,
                subcommands: &[],
            },
            Command {
                name: "refcount",
                arity: 3,
                flags: Flags::empty(),
                handler: super::object_refcount,
                subcommands: &[],
            },
        ],
    },
    Command { name: "persist", arity: 2, flags: Flags::WRITE, handler: super::persist, subcommands: &[] },
    Command { name: "pexpire", arity: -3, flags: Flags::WRITE, handler: super::pexpire, subcommands: &[] },
    Command {
        name: "pexpireat",
        arity: -3,
        flags: Flags::WRITE,
        handler: super::pexpireat,
        subcommands: &[],
    },
    Command {
        name: "pexpiretime",
        arity: 2,
        flags: Flags::empty(),
        handler: super::pexpiretime,
        subcommands: &[],
    },
    Command { name: "pttl", arity: 2, flags: Flags::empty(), handler: super::pttl, subcommands: &[] },
    Command {
        name: "randomkey",
        arity: 1,
        flags: Flags::empty(),
        handler: super::randomkey,
        subcommands: &[],
    },
    Command { name: "rename", arity: 3, flags: Flags::WRITE, handler: super::rename, subcommands: &[] },
    Command { name: "renamenx", arity: 3, flags: Flags::WRITE, handler: super::renamenx, subcommands: &[] },
    Command { name: "touch", arity: -2, flags: Flags::empty(), handler: super::touch, subcommands: &[] },
    Command { name: "ttl", arity: 2, flags: Flags::empty(), handler: super::ttl, subcommands: &[] },
    Command { name: "type", arity: 2, flags: Flags::empty(), handler: super::r#type, subcommands: &[] },
    Command { name: "unlink", arity: -2, flags: Flags::WRITE, handler: super::unlink, subcommands: &[] },
];
