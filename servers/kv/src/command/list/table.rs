//! The rows of the commands about lists.

use super::blocking;
use crate::command::row::argument::{double, integer, key, one_of, string, token};
use crate::command::row::key_spec::KeySpec;
use crate::command::row::{Command, Deprecated, Group, categories, flags, key_flags};

/// What they share.
const ROW: Command = Command { group: Group::List, categories: categories!(LIST), ..Command::DEFAULT };

/// The rows.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "blmove",
        arity: 6,
        handler: blocking::blmove,
        flags: flags!(WRITE | DENYOOM | NOSCRIPT | BLOCKING),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | DELETE)), KeySpec::at(2, key_flags!(RW | INSERT))],
        summary: "Pop an element from a list, push it to another list and return it; or block until \
            one is available",
        since: "6.2.0",
        complexity: "O(1)",
        arguments: &[
            key("source", 0),
            key("destination", 1),
            one_of("wherefrom", &[token("left", "LEFT"), token("right", "RIGHT")]),
            one_of("whereto", &[token("left", "LEFT"), token("right", "RIGHT")]),
            double("timeout"),
        ],
        ..ROW
    },
    Command {
        name: "blmpop",
        arity: -5,
        handler: blocking::blmpop,
        flags: flags!(WRITE | BLOCKING),
        keys: &[KeySpec::counted(2, key_flags!(RW | ACCESS | DELETE))],
        summary: "Pop elements from a list, or block until one is available",
        since: "7.0.0",
        complexity: "O(N+M) where N is the number of provided keys and M is the number of elements \
            returned.",
        arguments: &[
            double("timeout"),
            integer("numkeys"),
            key("key", 0).multiple(),
            one_of("where", &[token("left", "LEFT"), token("right", "RIGHT")]),
            integer("count").after("COUNT").optional(),
        ],
        ..ROW
    },
    Command {
        name: "blpop",
        arity: -3,
        handler: blocking::blpop,
        flags: flags!(WRITE | NOSCRIPT | BLOCKING),
        keys: &[KeySpec::range(1, -2, key_flags!(RW | ACCESS | DELETE))],
        summary: "Remove and get the first element in a list, or block until one is available",
        since: "2.0.0",
        complexity: "O(N) where N is the number of provided keys.",
        history: &[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")],
        arguments: &[key("key", 0).multiple(), double("timeout")],
        ..ROW
    },
    Command {
        name: "brpop",
        arity: -3,
        handler: blocking::brpop,
        flags: flags!(WRITE | NOSCRIPT | BLOCKING),
        keys: &[KeySpec::range(1, -2, key_flags!(RW | ACCESS | DELETE))],
        summary: "Remove and get the last element in a list, or block until one is available",
        since: "2.0.0",
        complexity: "O(N) where N is the number of provided keys.",
        history: &[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")],
        arguments: &[key("key", 0).multiple(), double("timeout")],
        ..ROW
    },
    Command {
        name: "brpoplpush",
        arity: 4,
        handler: blocking::brpoplpush,
        flags: flags!(WRITE | DENYOOM | NOSCRIPT | BLOCKING),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | DELETE)), KeySpec::at(2, key_flags!(RW | INSERT))],
        summary: "Pop an element from a list, push it to another list and return it; or block until \
            one is available",
        since: "2.2.0",
        complexity: "O(1)",
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`BLMOVE` with the `RIGHT` and `LEFT` arguments",
        }),
        history: &[("6.0.0", "`timeout` is interpreted as a double instead of an integer.")],
        arguments: &[key("source", 0), key("destination", 1), double("timeout")],
        ..ROW
    },
    Command {
        name: "lindex",
        arity: 3,
        handler: super::lindex,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Get an element from a list by its index",
        since: "1.0.0",
        complexity: "O(N) where N is the number of elements to traverse to get to the element at index. \
            This makes asking for the first or the last element of the list O(1).",
        arguments: &[key("key", 0), integer("index")],
        ..ROW
    },
    Command {
        name: "linsert",
        arity: 5,
        handler: super::linsert,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(RW | INSERT))],
        summary: "Insert an element before or after another element in a list",
        since: "2.2.0",
        complexity: "O(N) where N is the number of elements to traverse before seeing the value pivot. \
            This means that inserting somewhere on the left end on the list (head) can be \
            considered O(1) and inserting somewhere on the right end (tail) is O(N).",
        arguments: &[
            key("key", 0),
            one_of("where", &[token("before", "BEFORE"), token("after", "AFTER")]),
            string("pivot"),
            string("element"),
        ],
        ..ROW
    },
    Command {
        name: "llen",
        arity: 2,
        handler: super::llen,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO))],
        summary: "Get the length of a list",
        since: "1.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "lmove",
        arity: 5,
        handler: blocking::lmove,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | DELETE)), KeySpec::at(2, key_flags!(RW | INSERT))],
        summary: "Pop an element from a list, push it to another list and return it",
        since: "6.2.0",
        complexity: "O(1)",
        arguments: &[
            key("source", 0),
            key("destination", 1),
            one_of("wherefrom", &[token("left", "LEFT"), token("right", "RIGHT")]),
            one_of("whereto", &[token("left", "LEFT"), token("right", "RIGHT")]),
        ],
        ..ROW
    },
    Command {
        name: "lmpop",
        arity: -4,
        handler: blocking::lmpop,
        flags: flags!(WRITE),
        keys: &[KeySpec::counted(1, key_flags!(RW | ACCESS | DELETE))],
        summary: "Pop elements from a list",
        since: "7.0.0",
        complexity: "O(N+M) where N is the number of provided keys and M is the number of elements \
            returned.",
        arguments: &[
            integer("numkeys"),
            key("key", 0).multiple(),
            one_of("where", &[token("left", "LEFT"), token("right", "RIGHT")]),
            integer("count").after("COUNT").optional(),
        ],
        ..ROW
    },
    Command {
        name: "lpop",
        arity: -2,
        handler: super::lpop,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | DELETE))],
        summary: "Remove and get the first elements in a list",
        since: "1.0.0",
        complexity: "O(N) where N is the number of elements returned",
        history: &[("6.2.0", "Added the `count` argument.")],
        arguments: &[key("key", 0), integer("count").optional().since("6.2.0")],
        ..ROW
    },
    Command {
        name: "lpos",
        arity: -3,
        handler: super::lpos,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Return the index of matching elements on a list",
        since: "6.0.6",
        complexity: "O(N) where N is the number of elements in the list, for the average case. When \
            searching for elements near the head or the tail of the list, or when the MAXLEN \
            option is provided, the command may run in constant time.",
        arguments: &[
            key("key", 0),
            string("element"),
            integer("rank").after("RANK").optional(),
            integer("num-matches").after("COUNT").optional(),
            integer("len").after("MAXLEN").optional(),
        ],
        ..ROW
    },
    Command {
        name: "lpush",
        arity: -3,
        handler: super::lpush,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | INSERT))],
        summary: "Prepend one or multiple elements to a list",
        since: "1.0.0",
        complexity: "O(1) for each element added, so O(N) to add N elements when the command is called \
            with multiple arguments.",
        history: &[("2.4.0", "Accepts multiple `element` arguments.")],
        arguments: &[key("key", 0), string("element").multiple()],
        ..ROW
    },
    Command {
        name: "lpushx",
        arity: -3,
        handler: super::lpushx,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | INSERT))],
        summary: "Prepend an element to a list, only if the list exists",
        since: "2.2.0",
        complexity: "O(1) for each element added, so O(N) to add N elements when the command is called \
            with multiple arguments.",
        history: &[("4.0.0", "Accepts multiple `element` arguments.")],
        arguments: &[key("key", 0), string("element").multiple()],
        ..ROW
    },
    Command {
        name: "lrange",
        arity: 4,
        handler: super::lrange,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Get a range of elements from a list",
        since: "1.0.0",
        complexity: "O(S+N) where S is the distance of start offset from HEAD for small lists, from \
            nearest end (HEAD or TAIL) for large lists; and N is the number of elements in the \
            specified range.",
        arguments: &[key("key", 0), integer("start"), integer("stop")],
        ..ROW
    },
    Command {
        name: "lrem",
        arity: 4,
        handler: super::lrem,
        flags: flags!(WRITE),
        keys: &[KeySpec::first(key_flags!(RW | DELETE))],
        summary: "Remove elements from a list",
        since: "1.0.0",
        complexity: "O(N+M) where N is the length of the list and M is the number of elements removed.",
        arguments: &[key("key", 0), integer("count"), string("element")],
        ..ROW
    },
    Command {
        name: "lset",
        arity: 4,
        handler: super::lset,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))],
        summary: "Set the value of an element in a list by its index",
        since: "1.0.0",
        complexity: "O(N) where N is the length of the list. Setting either the first or the last \
            element of the list is O(1).",
        arguments: &[key("key", 0), integer("index"), string("element")],
        ..ROW
    },
    Command {
        name: "ltrim",
        arity: 4,
        handler: super::ltrim,
        flags: flags!(WRITE),
        keys: &[KeySpec::first(key_flags!(RW | DELETE))],
        summary: "Trim a list to the specified range",
        since: "1.0.0",
        complexity: "O(N) where N is the number of elements to be removed by the operation.",
        arguments: &[key("key", 0), integer("start"), integer("stop")],
        ..ROW
    },
    Command {
        name: "rpop",
        arity: -2,
        handler: super::rpop,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | DELETE))],
        summary: "Remove and get the last elements in a list",
        since: "1.0.0",
        complexity: "O(N) where N is the number of elements returned",
        history: &[("6.2.0", "Added the `count` argument.")],
        arguments: &[key("key", 0), integer("count").optional().since("6.2.0")],
        ..ROW
    },
    Command {
        name: "rpoplpush",
        arity: 3,
        handler: blocking::rpoplpush,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | DELETE)), KeySpec::at(2, key_flags!(RW | INSERT))],
        summary: "Remove the last element in a list, prepend it to another list and return it",
        since: "1.2.0",
        complexity: "O(1)",
        deprecated: Some(Deprecated {
            since: "6.2.0",
            replaced_by: "`LMOVE` with the `RIGHT` and `LEFT` arguments",
        }),
        arguments: &[key("source", 0), key("destination", 1)],
        ..ROW
    },
    Command {
        name: "rpush",
        arity: -3,
        handler: super::rpush,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | INSERT))],
        summary: "Append one or multiple elements to a list",
        since: "1.0.0",
        complexity: "O(1) for each element added, so O(N) to add N elements when the command is called \
            with multiple arguments.",
        history: &[("2.4.0", "Accepts multiple `element` arguments.")],
        arguments: &[key("key", 0), string("element").multiple()],
        ..ROW
    },
    Command {
        name: "rpushx",
        arity: -3,
        handler: super::rpushx,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | INSERT))],
        summary: "Append an element to a list, only if the list exists",
        since: "2.2.0",
        complexity: "O(1) for each element added, so O(N) to add N elements when the command is called \
            with multiple arguments.",
        history: &[("4.0.0", "Accepts multiple `element` arguments.")],
        arguments: &[key("key", 0), string("element").multiple()],
        ..ROW
    },
];
