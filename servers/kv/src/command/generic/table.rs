//! The rows of the commands about keys, whatever they hold.

use crate::command::row::argument::{integer, key, one_of, pattern, string, token, unix_time};
use crate::command::row::key_spec::KeySpec;
use crate::command::row::{Categories, Command, Group, categories, flags, key_flags};
use crate::command::scan;

/// What they share.
const ROW: Command = Command { group: Group::Generic, categories: categories!(KEYSPACE), ..Command::DEFAULT };

/// The rows.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "copy",
        arity: -3,
        handler: super::copy,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS)), KeySpec::at(2, key_flags!(OW | UPDATE))],
        summary: "Copy a key",
        since: "6.2.0",
        complexity: "O(N) worst case for collections, where N is the number of nested items. O(1) for \
            string values.",
        arguments: &[
            key("source", 0),
            key("destination", 1),
            integer("destination-db").after("DB").optional(),
            token("replace", "REPLACE").optional(),
        ],
        ..ROW
    },
    Command {
        name: "del",
        arity: -2,
        handler: super::del,
        flags: flags!(WRITE),
        keys: &[KeySpec::range(1, -1, key_flags!(RM | DELETE))],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        summary: "Delete a key",
        since: "1.0.0",
        complexity: "O(N) where N is the number of keys that will be removed. When a key to remove holds \
            a value other than a string, the individual complexity for this key is O(M) where M \
            is the number of elements in the list, set, sorted set or hash. Removing a single \
            key that holds a string value is O(1).",
        arguments: &[key("key", 0).multiple()],
        ..ROW
    },
    Command {
        name: "dump",
        arity: 2,
        handler: super::dump,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output"],
        summary: "Return a serialized version of the value stored at the specified key.",
        since: "2.6.0",
        complexity: "O(1) to access the key and additional O(N*M) to serialize it, where N is the number \
            of Redis objects composing the value and M their average size. For small string \
            values the time complexity is thus O(1)+O(1*M) where M is small, so simply O(1).",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "exists",
        arity: -2,
        handler: super::exists,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::range(1, -1, key_flags!(RO))],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        summary: "Determine if a key exists",
        since: "1.0.0",
        complexity: "O(N) where N is the number of keys to check.",
        history: &[("3.0.3", "Accepts multiple `key` arguments.")],
        arguments: &[key("key", 0).multiple()],
        ..ROW
    },
    Command {
        name: "expire",
        arity: -3,
        handler: super::expire,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))],
        summary: "Set a key's time to live in seconds",
        since: "1.0.0",
        complexity: "O(1)",
        history: &[("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")],
        arguments: &[
            key("key", 0),
            integer("seconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .optional()
            .since("7.0.0"),
        ],
        ..ROW
    },
    Command {
        name: "expireat",
        arity: -3,
        handler: super::expireat,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))],
        summary: "Set the expiration for a key as a UNIX timestamp",
        since: "1.2.0",
        complexity: "O(1)",
        history: &[("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")],
        arguments: &[
            key("key", 0),
            unix_time("unix-time-seconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .optional()
            .since("7.0.0"),
        ],
        ..ROW
    },
    Command {
        name: "expiretime",
        arity: 2,
        handler: super::expiretime,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Get the expiration Unix timestamp for a key",
        since: "7.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "keys",
        arity: 2,
        handler: super::keys,
        flags: flags!(READONLY),
        categories: categories!(KEYSPACE | DANGEROUS),
        tips: &["request_policy:all_shards", "nondeterministic_output_order"],
        summary: "Find all keys matching the given pattern",
        since: "1.0.0",
        complexity: "O(N) with N being the number of keys in the database, under the assumption that the \
            key names in the database and the given pattern have limited length.",
        arguments: &[pattern("pattern")],
        ..ROW
    },
    Command {
        name: "move",
        arity: 3,
        handler: super::r#move,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | UPDATE))],
        summary: "Move a key to another database",
        since: "1.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), integer("db")],
        ..ROW
    },
    Command {
        name: "object",
        categories: Categories::empty(),
        summary: "A container for object introspection commands",
        since: "2.2.3",
        complexity: "Depends on subcommand.",
        subcommands: OBJECT,
        ..ROW
    },
    Command {
        name: "persist",
        arity: 2,
        handler: super::persist,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))],
        summary: "Remove the expiration from a key",
        since: "2.2.0",
        complexity: "O(1)",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "pexpire",
        arity: -3,
        handler: super::pexpire,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))],
        summary: "Set a key's time to live in milliseconds",
        since: "2.6.0",
        complexity: "O(1)",
        history: &[("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")],
        arguments: &[
            key("key", 0),
            integer("milliseconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .optional()
            .since("7.0.0"),
        ],
        ..ROW
    },
    Command {
        name: "pexpireat",
        arity: -3,
        handler: super::pexpireat,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))],
        summary: "Set the expiration for a key as a UNIX timestamp specified in milliseconds",
        since: "2.6.0",
        complexity: "O(1)",
        history: &[("7.0.0", "Added options: `NX`, `XX`, `GT` and `LT`.")],
        arguments: &[
            key("key", 0),
            unix_time("unix-time-milliseconds"),
            one_of(
                "condition",
                &[token("nx", "NX"), token("xx", "XX"), token("gt", "GT"), token("lt", "LT")],
            )
            .optional()
            .since("7.0.0"),
        ],
        ..ROW
    },
    Command {
        name: "pexpiretime",
        arity: 2,
        handler: super::pexpiretime,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Get the expiration Unix timestamp for a key in milliseconds",
        since: "7.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "pttl",
        arity: 2,
        handler: super::pttl,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output"],
        summary: "Get the time to live for a key in milliseconds",
        since: "2.6.0",
        complexity: "O(1)",
        history: &[("2.8.0", "Added the -2 reply.")],
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "randomkey",
        arity: 1,
        handler: super::randomkey,
        flags: flags!(READONLY),
        tips: &["request_policy:all_shards", "nondeterministic_output"],
        summary: "Return a random key from the keyspace",
        since: "1.0.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "rename",
        arity: 3,
        handler: super::rename,
        flags: flags!(WRITE),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | DELETE)), KeySpec::at(2, key_flags!(OW | UPDATE))],
        summary: "Rename a key",
        since: "1.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), key("newkey", 1)],
        ..ROW
    },
    Command {
        name: "renamenx",
        arity: 3,
        handler: super::renamenx,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | ACCESS | DELETE)), KeySpec::at(2, key_flags!(OW | INSERT))],
        summary: "Rename a key, only if the new key does not exist",
        since: "1.0.0",
        complexity: "O(1)",
        history: &[(
            "3.2.0",
            "The command no longer returns an error when source and destination names are \
                the same.",
        )],
        arguments: &[key("key", 0), key("newkey", 1)],
        ..ROW
    },
    Command {
        name: "restore",
        arity: -4,
        handler: super::restore,
        flags: flags!(WRITE | DENYOOM),
        categories: categories!(KEYSPACE | DANGEROUS),
        keys: &[KeySpec::first(key_flags!(OW | UPDATE))],
        summary: "Create a key using the provided serialized value, previously obtained using DUMP.",
        since: "2.6.0",
        complexity: "O(1) to create the new key and additional O(N*M) to reconstruct the serialized \
            value, where N is the number of Redis objects composing the value and M their \
            average size. For small string values the time complexity is thus O(1)+O(1*M) where \
            M is small, so simply O(1). However for sorted set values the complexity is \
            O(N*M*log(N)) because inserting values into sorted sets is O(log(N)).",
        history: &[
            ("3.0.0", "Added the `REPLACE` modifier."),
            ("5.0.0", "Added the `ABSTTL` modifier."),
            ("5.0.0", "Added the `IDLETIME` and `FREQ` options."),
        ],
        arguments: &[
            key("key", 0),
            integer("ttl"),
            string("serialized-value"),
            token("replace", "REPLACE").optional().since("3.0.0"),
            token("absttl", "ABSTTL").optional().since("5.0.0"),
            integer("seconds").after("IDLETIME").optional().since("5.0.0"),
            integer("frequency").after("FREQ").optional().since("5.0.0"),
        ],
        ..ROW
    },
    Command {
        name: "scan",
        arity: -2,
        handler: scan::scan,
        flags: flags!(READONLY),
        tips: &["nondeterministic_output", "request_policy:special"],
        summary: "Incrementally iterate the keys space",
        since: "2.8.0",
        complexity: "O(1) for every call. O(N) for a complete iteration, including enough command calls \
            for the cursor to return back to 0. N is the number of elements inside the \
            collection.",
        history: &[("6.0.0", "Added the `TYPE` subcommand.")],
        arguments: &[
            integer("cursor"),
            pattern("pattern").after("MATCH").optional(),
            integer("count").after("COUNT").optional(),
            string("type").after("TYPE").optional().since("6.0.0"),
        ],
        ..ROW
    },
    Command {
        name: "touch",
        arity: -2,
        handler: super::touch,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::range(1, -1, key_flags!(RO))],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        summary: "Alters the last access time of a key(s). Returns the number of existing keys \
            specified.",
        since: "3.2.1",
        complexity: "O(N) where N is the number of keys that will be touched.",
        arguments: &[key("key", 0).multiple()],
        ..ROW
    },
    Command {
        name: "ttl",
        arity: 2,
        handler: super::ttl,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output"],
        summary: "Get the time to live for a key in seconds",
        since: "1.0.0",
        complexity: "O(1)",
        history: &[("2.8.0", "Added the -2 reply.")],
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "type",
        arity: 2,
        handler: super::r#type,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO))],
        summary: "Determine the type stored at key",
        since: "1.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "unlink",
        arity: -2,
        handler: super::unlink,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::range(1, -1, key_flags!(RM | DELETE))],
        tips: &["request_policy:multi_shard", "response_policy:agg_sum"],
        summary: "Delete a key asynchronously in another thread. Otherwise it is just as DEL, but non \
            blocking.",
        since: "4.0.0",
        complexity: "O(1) for each key removed regardless of its size. Then the command does O(N) work \
            in a different thread in order to reclaim memory, where N is the number of \
            allocations the deleted objects where composed of.",
        arguments: &[key("key", 0).multiple()],
        ..ROW
    },
];

/// The subcommands of OBJECT.
static OBJECT: &[Command] = &[
    Command {
        name: "encoding",
        arity: 3,
        handler: super::object_encoding,
        flags: flags!(READONLY),
        keys: &[KeySpec::at(2, key_flags!(RO))],
        tips: &["nondeterministic_output"],
        summary: "Inspect the internal encoding of a Redis object",
        since: "2.2.3",
        complexity: "O(1)",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "freq",
        arity: 3,
        handler: super::object_freq,
        flags: flags!(READONLY),
        keys: &[KeySpec::at(2, key_flags!(RO))],
        tips: &["nondeterministic_output"],
        summary: "Get the logarithmic access frequency counter of a Redis object",
        since: "4.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "help",
        arity: 2,
        handler: super::object_help,
        flags: flags!(LOADING | STALE),
        summary: "Show helpful text about the different subcommands",
        since: "6.2.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "idletime",
        arity: 3,
        handler: super::object_idletime,
        flags: flags!(READONLY),
        keys: &[KeySpec::at(2, key_flags!(RO))],
        tips: &["nondeterministic_output"],
        summary: "Get the time since a Redis object was last accessed",
        since: "2.2.3",
        complexity: "O(1)",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "refcount",
        arity: 3,
        handler: super::object_refcount,
        flags: flags!(READONLY),
        keys: &[KeySpec::at(2, key_flags!(RO))],
        tips: &["nondeterministic_output"],
        summary: "Get the number of references to the value of the key",
        since: "2.2.3",
        complexity: "O(1)",
        arguments: &[key("key", 0)],
        ..ROW
    },
];
