//! The rows of the commands about HyperLogLogs.

use crate::command::row::argument::{key, string};
use crate::command::row::key_spec::KeySpec;
use crate::command::row::{Command, Group, categories, flags, key_flags};

/// What they share.
const ROW: Command =
    Command { group: Group::HyperLogLog, categories: categories!(HYPERLOGLOG), ..Command::DEFAULT };

/// The rows.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "pfadd",
        arity: -2,
        handler: super::pfadd,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | INSERT))],
        summary: "Adds the specified elements to the specified HyperLogLog.",
        since: "2.8.9",
        complexity: "O(1) to add every element.",
        arguments: &[key("key", 0), string("element").optional().multiple()],
        ..ROW
    },
    Command {
        name: "pfcount",
        arity: -2,
        handler: super::pfcount,
        flags: flags!(READONLY | MAY_REPLICATE),
        keys: &[KeySpec::range(1, -1, key_flags!(RW | ACCESS)).notes(
            "RW because it may change the internal representation of the key, and \
                propagate to replicas",
        )],
        summary: "Return the approximated cardinality of the set(s) observed by the HyperLogLog at \
            key(s).",
        since: "2.8.9",
        complexity: "O(1) with a very small average constant time when called with a single key. O(N) \
            with N being the number of keys, and much bigger constant times, when called with \
            multiple keys.",
        arguments: &[key("key", 0).multiple()],
        ..ROW
    },
    Command {
        name: "pfdebug",
        arity: 3,
        handler: super::pfdebug,
        flags: flags!(WRITE | DENYOOM | ADMIN),
        keys: &[KeySpec::at(2, key_flags!(RW | ACCESS))],
        summary: "Internal commands for debugging HyperLogLog values",
        since: "2.8.9",
        complexity: "N/A",
        is_internal: true,
        arguments: &[string("subcommand"), key("key", 0)],
        ..ROW
    },
    Command {
        name: "pfmerge",
        arity: -2,
        handler: super::pfmerge,
        flags: flags!(WRITE | DENYOOM),
        keys: &[
            KeySpec::first(key_flags!(RW | ACCESS | INSERT)),
            KeySpec::range(2, -1, key_flags!(RO | ACCESS)),
        ],
        summary: "Merge N different HyperLogLogs into a single one.",
        since: "2.8.9",
        complexity: "O(N) to merge N HyperLogLogs, but with high constant times.",
        arguments: &[key("destkey", 0), key("sourcekey", 1).multiple()],
        ..ROW
    },
    Command {
        name: "pfselftest",
        arity: 1,
        handler: super::pfselftest,
        flags: flags!(ADMIN),
        summary: "An internal command for testing HyperLogLog values",
        since: "2.8.9",
        complexity: "N/A",
        is_internal: true,
        ..ROW
    },
];
