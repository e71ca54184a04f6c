//! The rows of the commands about sets.

use super::algebra;
use crate::command::row::argument::{integer, key, pattern, string};
use crate::command::row::key_spec::KeySpec;
use crate::command::row::{Command, Group, categories, flags, key_flags};
use crate::command::scan;

/// What they share.
const ROW: Command = Command { group: Group::Set, categories: categories!(SET), ..Command::DEFAULT };

/// The rows.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "sadd",
        arity: -3,
        handler: super::sadd,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | INSERT))],
        summary: "Add one or more members to a set",
        since: "1.0.0",
        complexity: "O(1) for each element added, so O(N) to add N elements when the command is called \
            with multiple arguments.",
        history: &[("2.4.0", "Accepts multiple `member` arguments.")],
        arguments: &[key("key", 0), string("member").multiple()],
        ..ROW
    },
    Command {
        name: "scard",
        arity: 2,
        handler: super::scard,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO))],
        summary: "Get the number of members in a set",
        since: "1.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "sdiff",
        arity: -2,
        handler: algebra::sdiff,
        flags: flags!(READONLY),
        keys: &[KeySpec::range(1, -1, key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output_order"],
        summary: "Subtract multiple sets",
        since: "1.0.0",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        arguments: &[key("key", 0).multiple()],
        ..ROW
    },
    Command {
        name: "sdiffstore",
        arity: -3,
        handler: algebra::sdiffstore,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(OW | UPDATE)), KeySpec::range(2, -1, key_flags!(RO | ACCESS))],
        summary: "Subtract multiple sets and store the resulting set in a key",
        since: "1.0.0",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        arguments: &[key("destination", 0), key("key", 1).multiple()],
        ..ROW
    },
    Command {
        name: "sinter",
        arity: -2,
        handler: algebra::sinter,
        flags: flags!(READONLY),
        keys: &[KeySpec::range(1, -1, key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output_order"],
        summary: "Intersect multiple sets",
        since: "1.0.0",
        complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the \
            number of sets.",
        arguments: &[key("key", 0).multiple()],
        ..ROW
    },
    Command {
        name: "sintercard",
        arity: -3,
        handler: algebra::sintercard,
        flags: flags!(READONLY),
        keys: &[KeySpec::counted(1, key_flags!(RO | ACCESS))],
        summary: "Intersect multiple sets and return the cardinality of the result",
        since: "7.0.0",
        complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the \
            number of sets.",
        arguments: &[
            integer("numkeys"),
            key("key", 0).multiple(),
            integer("limit").after("LIMIT").optional(),
        ],
        ..ROW
    },
    Command {
        name: "sinterstore",
        arity: -3,
        handler: algebra::sinterstore,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE)), KeySpec::range(2, -1, key_flags!(RO | ACCESS))],
        summary: "Intersect multiple sets and store the resulting set in a key",
        since: "1.0.0",
        complexity: "O(N*M) worst case where N is the cardinality of the smallest set and M is the \
            number of sets.",
        arguments: &[key("destination", 0), key("key", 1).multiple()],
        ..ROW
    },
    Command {
        name: "sismember",
        arity: 3,
        handler: super::sismember,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO))],
        summary: "Determine if a given value is a member of a set",
        since: "1.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), string("member")],
        ..ROW
    },
    Command {
        name: "smembers",
        arity: 2,
        handler: super::smembers,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output_order"],
        summary: "Get all the members in a set",
        since: "1.0.0",
        complexity: "O(N) where N is the set cardinality.",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "smismember",
        arity: -3,
        handler: super::smismember,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Returns the membership associated with the given elements for a set",
        since: "6.2.0",
        complexity: "O(N) where N is the number of elements being checked for membership",
        arguments: &[key("key", 0), string("member").multiple()],
        ..ROW
    },
    Command {
        name: "smove",
        arity: 4,
        handler: super::smove,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | DELETE)), KeySpec::at(2, key_flags!(RW | INSERT))],
        summary: "Move a member from one set to another",
        since: "1.0.0",
        complexity: "O(1)",
        arguments: &[key("source", 0), key("destination", 1), string("member")],
        ..ROW
    },
    Command {
        name: "spop",
        arity: -2,
        handler: super::spop,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | DELETE))],
        tips: &["nondeterministic_output"],
        summary: "Remove and return one or multiple random members from a set",
        since: "1.0.0",
        complexity: "Without the count argument O(1), otherwise O(N) where N is the value of the passed \
            count.",
        history: &[("3.2.0", "Added the `count` argument.")],
        arguments: &[key("key", 0), integer("count").optional().since("3.2.0")],
        ..ROW
    },
    Command {
        name: "srandmember",
        arity: -2,
        handler: super::srandmember,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output"],
        summary: "Get one or multiple random members from a set",
        since: "1.0.0",
        complexity: "Without the count argument O(1), otherwise O(N) where N is the absolute value of \
            the passed count.",
        history: &[("2.6.0", "Added the optional `count` argument.")],
        arguments: &[key("key", 0), integer("count").optional().since("2.6.0")],
        ..ROW
    },
    Command {
        name: "srem",
        arity: -3,
        handler: super::srem,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | DELETE))],
        summary: "Remove one or more members from a set",
        since: "1.0.0",
        complexity: "O(N) where N is the number of members to be removed.",
        history: &[("2.4.0", "Accepts multiple `member` arguments.")],
        arguments: &[key("key", 0), string("member").multiple()],
        ..ROW
    },
    Command {
        name: "sscan",
        arity: -3,
        handler: scan::sscan,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output"],
        summary: "Incrementally iterate Set elements",
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls \
            for the cursor to return back to 0. N is the number of elements inside the \
            collection..",
        arguments: &[
            key("key", 0),
            integer("cursor"),
            pattern("pattern").after("MATCH").optional(),
            integer("count").after("COUNT").optional(),
        ],
        ..ROW
    },
    Command {
        name: "sunion",
        arity: -2,
        handler: algebra::sunion,
        flags: flags!(READONLY),
        keys: &[KeySpec::range(1, -1, key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output_order"],
        summary: "Add multiple sets",
        since: "1.0.0",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        arguments: &[key("key", 0).multiple()],
        ..ROW
    },
    Command {
        name: "sunionstore",
        arity: -3,
        handler: algebra::sunionstore,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(OW | UPDATE)), KeySpec::range(2, -1, key_flags!(RO | ACCESS))],
        summary: "Add multiple sets and store the resulting set in a key",
        since: "1.0.0",
        complexity: "O(N) where N is the total number of elements in all given sets.",
        arguments: &[key("destination", 0), key("key", 1).multiple()],
        ..ROW
    },
];
