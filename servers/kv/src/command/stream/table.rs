//! The rows of the commands about streams.

use super::{add, claim, group, info, range, read};
use crate::command::row::argument::{block, integer, key, one_of, string, token, unix_time};
use crate::command::row::key_spec::KeySpec;
use crate::command::row::{Categories, Command, Group, categories, flags, key_flags};

/// What they share.
const ROW: Command = Command { group: Group::Stream, categories: categories!(STREAM), ..Command::DEFAULT };

/// The rows.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "xack",
        arity: -4,
        handler: group::xack,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))],
        summary: "Marks a pending message as correctly processed, effectively removing it from the \
            pending entries list of the consumer group. Return value of the command is the \
            number of messages successfully acknowledged, that is, the IDs we were actually able \
            to resolve in the PEL.",
        since: "5.0.0",
        complexity: "O(1) for each message ID processed.",
        arguments: &[key("key", 0), string("group"), string("id").multiple()],
        ..ROW
    },
    Command {
        name: "xadd",
        arity: -5,
        handler: add::xadd,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))
            .notes("UPDATE instead of INSERT because of the optional trimming feature")],
        tips: &["nondeterministic_output"],
        summary: "Appends a new entry to a stream",
        since: "5.0.0",
        complexity: "O(1) when adding a new entry, O(N) when trimming where N being the number of \
            entries evicted.",
        history: &[
            ("6.2.0", "Added the `NOMKSTREAM` option, `MINID` trimming strategy and the `LIMIT` option."),
            ("7.0.0", "Added support for the `<ms>-*` explicit ID form."),
        ],
        arguments: &[
            key("key", 0),
            token("nomkstream", "NOMKSTREAM").optional().since("6.2.0"),
            block(
                "trim",
                &[
                    one_of("strategy", &[token("maxlen", "MAXLEN"), token("minid", "MINID").since("6.2.0")]),
                    one_of("operator", &[token("equal", "="), token("approximately", "~")]).optional(),
                    string("threshold"),
                    integer("count").after("LIMIT").optional().since("6.2.0"),
                ],
            )
            .optional(),
            one_of("id_or_auto", &[token("auto_id", "*"), string("id")]),
            block("field_value", &[string("field"), string("value")]).multiple(),
        ],
        ..ROW
    },
    Command {
        name: "xautoclaim",
        arity: -6,
        handler: claim::xautoclaim,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | DELETE))],
        tips: &["nondeterministic_output"],
        summary: "Changes (or acquires) ownership of messages in a consumer group, as if the messages \
            were delivered to the specified consumer.",
        since: "6.2.0",
        complexity: "O(1) if COUNT is small.",
        history: &[(
            "7.0.0",
            "Added an element to the reply array, containing deleted entries the command \
                cleared from the PEL",
        )],
        arguments: &[
            key("key", 0),
            string("group"),
            string("consumer"),
            string("min-idle-time"),
            string("start"),
            integer("count").after("COUNT").optional(),
            token("justid", "JUSTID").optional(),
        ],
        ..ROW
    },
    Command {
        name: "xclaim",
        arity: -6,
        handler: claim::xclaim,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))],
        tips: &["nondeterministic_output"],
        summary: "Changes (or acquires) ownership of a message in a consumer group, as if the message \
            was delivered to the specified consumer.",
        since: "5.0.0",
        complexity: "O(log N) with N being the number of messages in the PEL of the consumer group.",
        arguments: &[
            key("key", 0),
            string("group"),
            string("consumer"),
            string("min-idle-time"),
            string("id").multiple(),
            integer("ms").after("IDLE").optional(),
            unix_time("unix-time-milliseconds").after("TIME").optional(),
            integer("count").after("RETRYCOUNT").optional(),
            token("force", "FORCE").optional(),
            token("justid", "JUSTID").optional(),
            string("id").after("LASTID").optional(),
        ],
        ..ROW
    },
    Command {
        name: "xdel",
        arity: -3,
        handler: add::xdel,
        flags: flags!(WRITE | FAST),
        keys: &[KeySpec::first(key_flags!(RW | DELETE))],
        summary: "Removes the specified entries from the stream. Returns the number of items actually \
            deleted, that may be different from the number of IDs passed in case certain IDs do \
            not exist.",
        since: "5.0.0",
        complexity: "O(1) for each single item to delete in the stream, regardless of the stream size.",
        arguments: &[key("key", 0), string("id").multiple()],
        ..ROW
    },
    Command {
        name: "xgroup",
        categories: Categories::empty(),
        summary: "A container for consumer groups commands",
        since: "5.0.0",
        complexity: "Depends on subcommand.",
        subcommands: XGROUP,
        ..ROW
    },
    Command {
        name: "xinfo",
        categories: Categories::empty(),
        summary: "A container for stream introspection commands",
        since: "5.0.0",
        complexity: "Depends on subcommand.",
        subcommands: XINFO,
        ..ROW
    },
    Command {
        name: "xlen",
        arity: 2,
        handler: add::xlen,
        flags: flags!(READONLY | FAST),
        keys: &[KeySpec::first(key_flags!(RO))],
        summary: "Return the number of entries in a stream",
        since: "5.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "xpending",
        arity: -3,
        handler: group::xpending,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output"],
        summary: "Return information and entries from a stream consumer group pending entries list, \
            that are messages fetched but never acknowledged.",
        since: "5.0.0",
        complexity: "O(N) with N being the number of elements returned, so asking for a small fixed \
            number of entries per call is O(1). O(M), where M is the total number of entries \
            scanned when used with the IDLE filter. When the command returns just the summary \
            and the list of consumers is small, it runs in O(1) time; otherwise, an additional \
            O(N) time for iterating every consumer.",
        history: &[("6.2.0", "Added the `IDLE` option and exclusive range intervals.")],
        arguments: &[
            key("key", 0),
            string("group"),
            block(
                "filters",
                &[
                    integer("min-idle-time").after("IDLE").optional().since("6.2.0"),
                    string("start"),
                    string("end"),
                    integer("count"),
                    string("consumer").optional(),
                ],
            )
            .optional(),
        ],
        ..ROW
    },
    Command {
        name: "xrange",
        arity: -4,
        handler: range::xrange,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Return a range of elements in a stream, with IDs matching the specified IDs interval",
        since: "5.0.0",
        complexity: "O(N) with N being the number of elements being returned. If N is constant (e.g. \
            always asking for the first 10 elements with COUNT), you can consider it O(1).",
        history: &[("6.2.0", "Added exclusive ranges.")],
        arguments: &[
            key("key", 0),
            string("start"),
            string("end"),
            integer("count").after("COUNT").optional(),
        ],
        ..ROW
    },
    Command {
        name: "xread",
        arity: -4,
        handler: read::xread,
        flags: flags!(READONLY | BLOCKING),
        keys: &[KeySpec::half_behind("STREAMS", 1, key_flags!(RO | ACCESS))],
        summary: "Return never seen elements in multiple streams, with IDs greater than the ones \
            reported by the caller for each stream. Can block.",
        since: "5.0.0",
        complexity: "For each stream mentioned: O(N) with N being the number of elements being returned, \
            it means that XREAD-ing with a fixed COUNT is O(1). Note that when the BLOCK option \
            is used, XADD will pay O(M) time in order to serve the M clients blocked on the \
            stream getting new data.",
        arguments: &[
            integer("count").after("COUNT").optional(),
            integer("milliseconds").after("BLOCK").optional(),
            block("streams", &[key("key", 0).multiple(), string("id").multiple()]).after("STREAMS"),
        ],
        ..ROW
    },
    Command {
        name: "xreadgroup",
        arity: -7,
        handler: read::xreadgroup,
        flags: flags!(WRITE | BLOCKING),
        keys: &[KeySpec::half_behind("STREAMS", 4, key_flags!(RO | ACCESS))],
        summary: "Return new entries from a stream using a consumer group, or access the history of \
            the pending entries for a given consumer. Can block.",
        since: "5.0.0",
        complexity: "For each stream mentioned: O(M) with M being the number of elements returned. If M \
            is constant (e.g. always asking for the first 10 elements with COUNT), you can \
            consider it O(1). On the other side when XREADGROUP blocks, XADD will pay the O(N) \
            time in order to serve the N clients blocked on the stream getting new data.",
        arguments: &[
            block("group_consumer", &[string("group"), string("consumer")]).after("GROUP"),
            integer("count").after("COUNT").optional(),
            integer("milliseconds").after("BLOCK").optional(),
            token("noack", "NOACK").optional(),
            block("streams", &[key("key", 0).multiple(), string("id").multiple()]).after("STREAMS"),
        ],
        ..ROW
    },
    Command {
        name: "xrevrange",
        arity: -4,
        handler: range::xrevrange,
        flags: flags!(READONLY),
        keys: &[KeySpec::first(key_flags!(RO | ACCESS))],
        summary: "Return a range of elements in a stream, with IDs matching the specified IDs \
            interval, in reverse order (from greater to smaller IDs) compared to XRANGE",
        since: "5.0.0",
        complexity: "O(N) with N being the number of elements returned. If N is constant (e.g. always \
            asking for the first 10 elements with COUNT), you can consider it O(1).",
        history: &[("6.2.0", "Added exclusive ranges.")],
        arguments: &[
            key("key", 0),
            string("end"),
            string("start"),
            integer("count").after("COUNT").optional(),
        ],
        ..ROW
    },
    Command {
        name: "xsetid",
        arity: -3,
        handler: add::xsetid,
        flags: flags!(WRITE | DENYOOM | FAST),
        keys: &[KeySpec::first(key_flags!(RW | UPDATE))],
        summary: "An internal command for replicating stream values",
        since: "5.0.0",
        complexity: "O(1)",
        history: &[("7.0.0", "Added the `entries_added` and `max_deleted_entry_id` arguments.")],
        arguments: &[
            key("key", 0),
            string("last-id"),
            integer("entries_added").after("ENTRIESADDED").optional().since("7.0.0"),
            string("max_deleted_entry_id").after("MAXDELETEDID").optional().since("7.0.0"),
        ],
        ..ROW
    },
    Command {
        name: "xtrim",
        arity: -4,
        handler: add::xtrim,
        flags: flags!(WRITE),
        keys: &[KeySpec::first(key_flags!(RW | DELETE))],
        tips: &["nondeterministic_output"],
        summary: "Trims the stream to (approximately if '~' is passed) a certain size",
        since: "5.0.0",
        complexity: "O(N), with N being the number of evicted entries. Constant times are very small \
            however, since entries are organized in macro nodes containing multiple entries that \
            can be released with a single deallocation.",
        history: &[("6.2.0", "Added the `MINID` trimming strategy and the `LIMIT` option.")],
        arguments: &[
            key("key", 0),
            block(
                "trim",
                &[
                    one_of("strategy", &[token("maxlen", "MAXLEN"), token("minid", "MINID").since("6.2.0")]),
                    one_of("operator", &[token("equal", "="), token("approximately", "~")]).optional(),
                    string("threshold"),
                    integer("count").after("LIMIT").optional().since("6.2.0"),
                ],
            ),
        ],
        ..ROW
    },
];

/// The subcommands of XGROUP.
static XGROUP: &[Command] = &[
    Command {
        name: "create",
        arity: -5,
        handler: group::xgroup_create,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::at(2, key_flags!(RW | INSERT))],
        summary: "Create a consumer group.",
        since: "5.0.0",
        complexity: "O(1)",
        history: &[("7.0.0", "Added the `entries_read` named argument.")],
        arguments: &[
            key("key", 0),
            string("groupname"),
            one_of("id", &[string("id"), token("new_id", "$")]),
            token("mkstream", "MKSTREAM").optional(),
            integer("entries_read").after("ENTRIESREAD").optional(),
        ],
        ..ROW
    },
    Command {
        name: "createconsumer",
        arity: 5,
        handler: group::xgroup_createconsumer,
        flags: flags!(WRITE | DENYOOM),
        keys: &[KeySpec::at(2, key_flags!(RW | INSERT))],
        summary: "Create a consumer in a consumer group.",
        since: "6.2.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), string("groupname"), string("consumername")],
        ..ROW
    },
    Command {
        name: "delconsumer",
        arity: 5,
        handler: group::xgroup_delconsumer,
        flags: flags!(WRITE),
        keys: &[KeySpec::at(2, key_flags!(RW | DELETE))],
        summary: "Delete a consumer from a consumer group.",
        since: "5.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), string("groupname"), string("consumername")],
        ..ROW
    },
    Command {
        name: "destroy",
        arity: 4,
        handler: group::xgroup_destroy,
        flags: flags!(WRITE),
        keys: &[KeySpec::at(2, key_flags!(RW | DELETE))],
        summary: "Destroy a consumer group.",
        since: "5.0.0",
        complexity: "O(N) where N is the number of entries in the group's pending entries list (PEL).",
        arguments: &[key("key", 0), string("groupname")],
        ..ROW
    },
    Command {
        name: "help",
        arity: 2,
        handler: group::xgroup_help,
        flags: flags!(LOADING | STALE),
        summary: "Show helpful text about the different subcommands",
        since: "5.0.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "setid",
        arity: -5,
        handler: group::xgroup_setid,
        flags: flags!(WRITE),
        keys: &[KeySpec::at(2, key_flags!(RW | UPDATE))],
        summary: "Set a consumer group to an arbitrary last delivered ID value.",
        since: "5.0.0",
        complexity: "O(1)",
        history: &[("7.0.0", "Added the optional `entries_read` argument.")],
        arguments: &[
            key("key", 0),
            string("groupname"),
            one_of("id", &[string("id"), token("new_id", "$")]),
            integer("entries_read").after("ENTRIESREAD").optional(),
        ],
        ..ROW
    },
];

/// The subcommands of XINFO.
static XINFO: &[Command] = &[
    Command {
        name: "consumers",
        arity: 4,
        handler: info::xinfo_consumers,
        flags: flags!(READONLY),
        keys: &[KeySpec::at(2, key_flags!(RO | ACCESS))],
        tips: &["nondeterministic_output"],
        summary: "List the consumers in a consumer group",
        since: "5.0.0",
        complexity: "O(1)",
        arguments: &[key("key", 0), string("groupname")],
        ..ROW
    },
    Command {
        name: "groups",
        arity: 3,
        handler: info::xinfo_groups,
        flags: flags!(READONLY),
        keys: &[KeySpec::at(2, key_flags!(RO | ACCESS))],
        summary: "List the consumer groups of a stream",
        since: "5.0.0",
        complexity: "O(1)",
        history: &[("7.0.0", "Added the `entries-read` and `lag` fields")],
        arguments: &[key("key", 0)],
        ..ROW
    },
    Command {
        name: "help",
        arity: 2,
        handler: info::xinfo_help,
        flags: flags!(LOADING | STALE),
        summary: "Show helpful text about the different subcommands",
        since: "5.0.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "stream",
        arity: -3,
        handler: info::xinfo_stream,
        flags: flags!(READONLY),
        keys: &[KeySpec::at(2, key_flags!(RO | ACCESS))],
        summary: "Get information about a stream",
        since: "5.0.0",
        complexity: "O(1)",
        history: &[
            ("6.0.0", "Added the `FULL` modifier."),
            (
                "7.0.0",
                "Added the `max-deleted-entry-id`, `entries-added`, `recorded-first-entry-id`, \
                `entries-read` and `lag` fields",
            ),
        ],
        arguments: &[
            key("key", 0),
            block("full", &[integer("count").after("COUNT").optional()]).after("FULL").optional(),
        ],
        ..ROW
    },
];
