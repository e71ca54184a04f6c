//! The rows of the commands on streams.

use super::{add, claim, group, info, range, read};
use crate::command::call::Handler;
use crate::command::help::container;
use crate::command::row::{Command, Flags};

const fn row(name: &'static str, arity: i32, flags: Flags, handler: Handler) -> Command {
    Command { name, arity, flags, handler, subcommands: &[] }
}

const GROWS: Flags = Flags::WRITE.union(Flags::DENYOOM);

/// The rows.
pub(crate) const COMMANDS: &[Command] = &[
    row("xack", -4, Flags::WRITE, group::xack),
    row("xadd", -5, GROWS, add::xadd),
    row("xautoclaim", -6, Flags::WRITE, claim::xautoclaim),
    row("xclaim", -6, Flags::WRITE, claim::xclaim),
    row("xdel", -3, Flags::WRITE, add::xdel),
    Command {
        name: "xgroup",
        arity: -2,
        flags: Flags::empty(),
        handler: container,
        subcommands: &[
            row("create", -5, GROWS, group::xgroup_create),
            row("createconsumer", 5, GROWS, group::xgroup_createconsumer),
            row("delconsumer", 5, Flags::WRITE, group::xgroup_delconsumer),
            row("destroy", 4, Flags::WRITE, group::xgroup_destroy),
            row("help", 2, Flags::empty(), group::xgroup_help),
            row("setid", -5, Flags::WRITE, group::xgroup_setid),
        ],
    },
    Command {
        name: "xinfo",
        arity: -2,
        flags: Flags::empty(),
        handler: container,
        subcommands: &[
            row("consumers", 4, Flags::empty(), info::xinfo_consumers),
            row("groups", 3, Flags::empty(), info::xinfo_groups),
            row("help", 2, Flags::empty(), info::xinfo_help),
            row("stream", -3, Flags::empty(), info::xinfo_stream),
        ],
    },
    row("xlen", 2, Flags::empty(), add::xlen),
    row("xpending", -3, Flags::empty(), group::xpending),
    row("xrange", -4, Flags::empty(), range::xrange),
    row("xread", -4, Flags::empty(), read::xread),
    row("xreadgroup", -7, Flags::WRITE, read::xreadgroup),
    row("xrevrange", -4, Flags::empty(), range::xrevrange),
    row("xsetid", -3, GROWS, add::xsetid),
    row("xtrim", -4, Flags::WRITE, add::xtrim),
];
