//! The rows of the commands about strings.

use crate::command::keys;
use crate::command::row::argument::{block, double, integer, key, one_of, string, token, unix_time};
use crate::command::row::key_spec::KeySpec;
use crate::command::row::{Command, Deprecated, Group, categories, flags, key_flags};

/// What they share.
const ROW: Command = Command { group: Group::String, categories: categories!(STRING), ..Command::DEFAULT };

/// The rows.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "append",
        arity: 3,
        handler: super::append,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | INSERT))],
        summary: "Append a value to a key",
        since: "2.0.0",
        complexity: "O(1). The amortized time complexity is O(1) assuming the appended value is small \
            and the already present value is of any size, since the dynamic string library used \
            by Redis will double the free space available on every reallocation.",
        arguments: &[key("key", 0), string("value")],
        ..ROW
    },
    Command {
        name: "decr",
        arity: 2,
        handler: super::decr,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | UPDATE))],
        summary: "Decrement the integer value of a key by one",
        since: "1.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "decrby",
        arity: 3,
        handler: super::decrby,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | UPDATE))],
        summary: "Decrement the integer value of a key by the given number",
        since: "1.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), integer("decrement")],
        ..ROW
    },
    Command {
        name: "get",
        arity: 2,
        handler: super::get,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Get the value of a key",
        since: "1.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "getdel",
        arity: 2,
        handler: super::getdel,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | DELETE))],
        summary: "Get the value of a key and delete the key",
        since: "6.2.0",
        complexity: "O(1)",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "getex",
        arity: -2,
        handler: super::getex,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | UPDATE))
            .notes("RW and UPDATE because it changes the TTL")],
        summary: "Get the value of a key and optionally set its expiration",
        since: "6.2.0",
        complexity: "O(1)",
        arguments: &[
            key("key", 0),
            one_of(
                "expiration",
                &[
                    integer("seconds").after("EX"),
                    integer("milliseconds").after("PX"),
                    unix_time("unix-time-seconds").after("EXAT"),
                    unix_time("unix-time-milliseconds").after("PXAT"),
                    token("persist", "PERSIST"),
                ],
            )
            .optional(),
        ],
        ..ROW
    },
    Command {
        name: "getrange",
        arity: 4,
        handler: super::getrange,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Get a substring of the string stored at a key",
        since: "2.4.0",
        complexity: "O(N) where N is the length of the returned string. The complexity is ultimately \
            determined by the returned length, but because creating a substring from an existing \
            string is very cheap, it can be considered O(1) for small strings.",
        arguments: &[key("key", 0), integer("start"), integer("end")],
        ..ROW
    },
    Command {
        name: "getset",
        arity: 3,
        handler: super::getset,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | UPDATE))],
        summary: "Set the string value of a key and return its old value",
        since: "1.0.0",
        complexity: "O(1)",
        deprecated: Some(Deprecated { since: "6.2.0", replaced_by: "`SET` with the `!GET` argument" }),
        arguments: &[key("key", 0), string("value")],
        ..ROW
    },
    Command {
        name: "incr",
        arity: 2,
        handler: super::incr,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | UPDATE))],
        summary: "Increment the integer value of a key by one",
        since: "1.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "incrby",
        arity: 3,
        handler: super::incrby,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | UPDATE))],
        summary: "Increment the integer value of a key by the given amount",
        since: "1.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), integer("increment")],
        ..ROW
    },
    Command {
        name: "incrbyfloat",
        arity: 3,
        handler: super::incrbyfloat,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | UPDATE))],
        summary: "Increment the float value of a key by the given amount",
        since: "2.6.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), double("increment")],
        ..ROW
    },
    Command {
        name: "lcs",
        arity: -3,
        handler: super::lcs,
        flags: flags!(READONLY),
        keys: &[KeySpec::range(1, 1, key_flags!(RO | ACCESS))],
        summary: "Find longest common substring",
        since: "7.0.0",
        complexity: "O(N*M) where N and M are the lengths of s1 and s2, respectively",
        arguments: &[
            key("key1", 0),
            key("key2", 0),
            token("len", "LEN").optional(),
            token("idx", "IDX").optional(),
            integer("len").after("MINMATCHLEN").optional(),
            token("withmatchlen", "WITHMATCHLEN").optional(),
        ],
        ..ROW
    },
    Command {
        name: "mget",
        arity: -2,
        handler: super::mget,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::range(1, -1, key_flags!(RO | ACCESS))],
        tips: &["request_policy:multi_shard"],
        summary: "Get the values of all the given keys",
        since: "1.0.0",
        complexity: "O(N) where N is the number of keys to retrieve.",
        arguments: &[key("key", 0).multiple()],
        ..ROW
    },
    Command {
        name: "mset",
        arity: -3,
        handler: super::mset,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::pairs(key_flags!(OW | UPDATE))],
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
        summary: "Set multiple keys to multiple values",
        since: "1.0.1",
        complexity: "O(N) where N is the number of keys to set.",
        arguments: &[block("key_value", &[key("key", 0), string("value")]).multiple()],
        ..ROW
    },
    Command {
        name: "msetnx",
        arity: -3,
        handler: super::msetnx,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::pairs(key_flags!(OW | INSERT))],
        tips: &["request_policy:multi_shard", "response_policy:agg_min"],
        summary: "Set multiple keys to multiple values, only if none of the keys exist",
        since: "1.0.1",
        complexity: "O(N) where N is the number of keys to set.",
        arguments: &[block("key_value", &[key("key", 0), string("value")]).multiple()],
        ..ROW
    },
    Command {
        name: "psetex",
        arity: 4,
        handler: super::psetex,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(OW | UPDATE))],
        summary: "Set the value and expiration in milliseconds of a key",
        since: "2.6.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), integer("milliseconds"), string("value")],
        ..ROW
    },
    Command {
        name: "set",
        arity: -3,
        handler: super::set,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | UPDATE | VARIABLE_FLAGS))
            .notes("RW and ACCESS due to the optional `GET` argument")],
        find_keys: Some(keys::set),
        summary: "Set the string value of a key",
        since: "1.0.0",
        complexity: "O(1)",
        history: &[
            ("2.6.12", "Added the `EX`, `PX`, `NX` and `XX` options."),
            ("6.0.0", "Added the `KEEPTTL` option."),
            ("6.2.0", "Added the `GET`, `EXAT` and `PXAT` option."),
            ("7.0.0", "Allowed the `NX` and `GET` options to be used together."),
        ],
        arguments: &[
            key("key", 0),
            string("value"),
            one_of("condition", &[token("nx", "NX"), token("xx", "XX")]).optional().since("2.6.12"),
            token("get", "GET").optional().since("6.2.0"),
            one_of(
                "expiration",
                &[
                    integer("seconds").after("EX").since("2.6.12"),
                    integer("milliseconds").after("PX").since("2.6.12"),
                    unix_time("unix-time-seconds").after("EXAT").since("6.2.0"),
                    unix_time("unix-time-milliseconds").after("PXAT").since("6.2.0"),
                    token("keepttl", "KEEPTTL").since("6.0.0"),
                ],
            )
            .optional(),
        ],
        ..ROW
    },
    Command {
        name: "setex",
        arity: 4,
        handler: super::setex,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(OW | UPDATE))],
        summary: "Set the value and expiration of a key",
        since: "2.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), integer("seconds"), string("value")],
        ..ROW
    },
    Command {
        name: "setnx",
        arity: 3,
        handler: super::setnx,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(OW | INSERT))],
        summary: "Set the value of a key, only if the key does not exist",
        since: "1.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), string("value")],
        ..ROW
    },
    Command {
        name: "setrange",
        arity: 4,
        handler: super::setrange,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))],
        summary: "Overwrite part of a string at key starting at the specified offset",
        since: "2.2.0",
        complexity: "O(1), not counting the time taken to copy the new string in place. Usually, this \
            string is very small so the amortized complexity is O(1). Otherwise, complexity is \
            O(M) with M being the length of the value argument.",
        arguments: &[key("key", 0), integer("offset"), string("value")],
        ..ROW
    },
    Command {
        name: "strlen",
        arity: 2,
        handler: super::strlen,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO))],
        summary: "Get the length of the value stored in a key",
        since: "2.2.0",
        complexity: "O(1)",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "substr",
        arity: 4,
        handler: super::substr,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Get a substring of the string stored at a key",
        since: "1.0.0",
        complexity: "O(N) where N is the length of the returned string. The complexity is ultimately \
            determined by the returned length, but because creating a substring from an existing \
            string is very cheap, it can be considered O(1) for small strings.",
        deprecated: Some(Deprecated { since: "2.0.0", replaced_by: "`GETRANGE`" }),
        arguments: &[key("key", 0), integer("start"), integer("end")],
        ..ROW
    },
];
