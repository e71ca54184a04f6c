//! The rows of the commands about hashes.

use super::{expiry, random};
use crate::command::row::argument::{block, double, integer, key, one_of, pattern, string, token, unix_time};
use crate::command::row::key_spec::KeySpec;
use crate::command::row::{Command, Deprecated, Group, categories, flags, key_flags};
use crate::command::scan;

/// What they share.
const ROW: Command = Command { group: Group::Hash, categories: categories!(HASH), ..Command::DEFAULT };

/// The rows.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "hdel",
        arity: -3,
        handler: super::hdel,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | DELETE))],
        summary: "Delete one or more hash fields",
        since: "2.0.0",
        complexity: "O(N) where N is the number of fields to be removed.",
        history: &[("2.4.0", "Accepts multiple `field` arguments.")],
        arguments: &[key("key", 0), string("field").multiple()],
        ..ROW
    },
    Command {
        name: "hexists",
        arity: 3,
        handler: super::hexists,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO))],
        summary: "Determine if a hash field exists",
        since: "2.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), string("field")],
        ..ROW
    },
    Command {
        name: "hexpire",
        arity: -6,
        handler: expiry::hexpire,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))],
        summary: "Set expiry for hash field using relative time to expire (seconds)",
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        arguments: &[
            key("key", 0),
            integer("seconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .optional(),
            block("fields", &[integer("numfields"), string("field").multiple()]).after("FIELDS"),
        ],
        ..ROW
    },
    Command {
        name: "hexpireat",
        arity: -6,
        handler: expiry::hexpireat,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))],
        summary: "Set expiry for hash field using an absolute Unix timestamp (seconds)",
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        arguments: &[
            key("key", 0),
            unix_time("unix-time-seconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .optional(),
            block("fields", &[integer("numfields"), string("field").multiple()]).after("FIELDS"),
        ],
        ..ROW
    },
    Command {
        name: "hexpiretime",
        arity: -5,
        handler: expiry::hexpiretime,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Returns the expiration time of a hash field as a Unix timestamp, in seconds.",
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        arguments: &[
            key("key", 0),
            block("fields", &[integer("numfields"), string("field").multiple()]).after("FIELDS"),
        ],
        ..ROW
    },
    Command {
        name: "hget",
        arity: 3,
        handler: super::hget,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Get the value of a hash field",
        since: "2.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), string("field")],
        ..ROW
    },
    Command {
        name: "hgetall",
        arity: 2,
        handler: super::hgetall,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output_order"],
        summary: "Get all the fields and values in a hash",
        since: "2.0.0",
        complexity: "O(N) where N is the size of the hash.",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "hincrby",
        arity: 4,
        handler: super::hincrby,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | UPDATE))],
        summary: "Increment the integer value of a hash field by the given number",
        since: "2.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), string("field"), integer("increment")],
        ..ROW
    },
    Command {
        name: "hincrbyfloat",
        arity: 4,
        handler: super::hincrbyfloat,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | UPDATE))],
        summary: "Increment the float value of a hash field by the given amount",
        since: "2.6.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), string("field"), double("increment")],
        ..ROW
    },
    Command {
        name: "hkeys",
        arity: 2,
        handler: super::hkeys,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output_order"],
        summary: "Get all the fields in a hash",
        since: "2.0.0",
        complexity: "O(N) where N is the size of the hash.",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "hlen",
        arity: 2,
        handler: super::hlen,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO))],
        summary: "Get the number of fields in a hash",
        since: "2.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "hmget",
        arity: -3,
        handler: super::hmget,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Get the values of all the given hash fields",
        since: "2.0.0",
        complexity: "O(N) where N is the number of fields being requested.",
        arguments: &[key("key", 0), string("field").multiple()],
        ..ROW
    },
    Command {
        name: "hmset",
        arity: -4,
        handler: super::hmset,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))],
        summary: "Set multiple hash fields to multiple values",
        since: "2.0.0",
        complexity: "O(N) where N is the number of fields being set.",
        deprecated: Some(Deprecated {
            since: "4.0.0",
            replaced_by: "`HSET` with multiple field-value pairs",
        }),
        arguments: &[key("key", 0), block("field_value", &[string("field"), string("value")]).multiple()],
        ..ROW
    },
    Command {
        name: "hpersist",
        arity: -5,
        handler: expiry::hpersist,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))],
        summary: "Removes the expiration time for each specified field",
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        arguments: &[
            key("key", 0),
            block("fields", &[integer("numfields"), string("field").multiple()]).after("FIELDS"),
        ],
        ..ROW
    },
    Command {
        name: "hpexpire",
        arity: -6,
        handler: expiry::hpexpire,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))],
        summary: "Set expiry for hash field using relative time to expire (milliseconds)",
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        arguments: &[
            key("key", 0),
            integer("milliseconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .optional(),
            block("fields", &[integer("numfields"), string("field").multiple()]).after("FIELDS"),
        ],
        ..ROW
    },
    Command {
        name: "hpexpireat",
        arity: -6,
        handler: expiry::hpexpireat,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))],
        summary: "Set expiry for hash field using an absolute Unix timestamp (milliseconds)",
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        arguments: &[
            key("key", 0),
            unix_time("unix-time-milliseconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .optional(),
            block("fields", &[integer("numfields"), string("field").multiple()]).after("FIELDS"),
        ],
        ..ROW
    },
    Command {
        name: "hpexpiretime",
        arity: -5,
        handler: expiry::hpexpiretime,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Returns the expiration time of a hash field as a Unix timestamp, in msec.",
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        arguments: &[
            key("key", 0),
            block("fields", &[integer("numfields"), string("field").multiple()]).after("FIELDS"),
        ],
        ..ROW
    },
    Command {
        name: "hpttl",
        arity: -5,
        handler: expiry::hpttl,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output"],
        summary: "Returns the TTL in milliseconds of a hash field.",
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        arguments: &[
            key("key", 0),
            block("fields", &[integer("numfields"), string("field").multiple()]).after("FIELDS"),
        ],
        ..ROW
    },
    Command {
        name: "hrandfield",
        arity: -2,
        handler: random::hrandfield,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output"],
        summary: "Get one or multiple random fields from a hash",
        since: "6.2.0",
        complexity: "O(N) where N is the number of fields returned",
        arguments: &[
            key("key", 0),
            block("options", &[integer("count"), token("withvalues", "WITHVALUES").optional()]).optional(),
        ],
        ..ROW
    },
    Command {
        name: "hscan",
        arity: -3,
        handler: scan::hscan,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output"],
        summary: "Incrementally iterate hash fields and associated values",
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
        name: "hset",
        arity: -4,
        handler: super::hset,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))],
        summary: "Set the string value of a hash field",
        since: "2.0.0",
        complexity: "O(1) for each field/value pair added, so O(N) to add N field/value pairs when the \
            command is called with multiple field/value pairs.",
        history: &[("4.0.0", "Accepts multiple `field` and `value` arguments.")],
        arguments: &[key("key", 0), block("field_value", &[string("field"), string("value")]).multiple()],
        ..ROW
    },
    Command {
        name: "hsetnx",
        arity: 4,
        handler: super::hsetnx,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | INSERT))],
        summary: "Set the value of a hash field, only if the field does not exist",
        since: "2.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), string("field"), string("value")],
        ..ROW
    },
    Command {
        name: "hstrlen",
        arity: 3,
        handler: super::hstrlen,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO))],
        summary: "Get the length of the value of a hash field",
        since: "3.2.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), string("field")],
        ..ROW
    },
    Command {
        name: "httl",
        arity: -5,
        handler: expiry::httl,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output"],
        summary: "Returns the TTL in seconds of a hash field.",
        since: "7.4.0",
        complexity: "O(N) where N is the number of specified fields",
        arguments: &[
            key("key", 0),
            block("fields", &[integer("numfields"), string("field").multiple()]).after("FIELDS"),
        ],
        ..ROW
    },
    Command {
        name: "hvals",
        arity: 2,
        handler: super::hvals,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output_order"],
        summary: "Get all the values in a hash",
        since: "2.0.0",
        complexity: "O(N) where N is the size of the hash.",
        arguments: &[key("key", 0)],
        ..ROW
    },
];
