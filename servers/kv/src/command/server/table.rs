//! The rows of the commands about the server.

use super::{acl, commands, config, info, latency, lolwut, memory, slowlog, time};
use crate::command::row::argument::{block, integer, key, one_of, pattern, string, token};
use crate::command::row::key_spec::KeySpec;
use crate::command::row::{Command, Group, categories, flags, key_flags};

/// What they share.
const ROW: Command = Command { group: Group::Server, ..Command::DEFAULT };

/// The rows.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "acl",
        summary: "A container for Access List Control commands ",
        since: "6.0.0",
        complexity: "Depends on subcommand.",
        subcommands: ACL,
        ..ROW
    },
    Command {
        name: "command",
        arity: -1,
        handler: commands::command,
        flags: flags!(LOADING | STALE),
        categories: categories!(CONNECTION),
        tips: &["nondeterministic_output_order"],
        summary: "Get array of Redis command details",
        since: "2.8.13",
        complexity: "O(N) where N is the total number of Redis commands",
        subcommands: COMMAND,
        ..ROW
    },
    Command {
        name: "config",
        summary: "A container for server configuration commands",
        since: "2.0.0",
        complexity: "Depends on subcommand.",
        subcommands: CONFIG,
        ..ROW
    },
    Command {
        name: "dbsize",
        arity: 1,
        handler: super::dbsize,
        flags: flags!(READONLY | FAST),
        categories: categories!(KEYSPACE),
        tips: &["request_policy:all_shards", "response_policy:agg_sum"],
        summary: "Return the number of keys in the selected database",
        since: "1.0.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "debug",
        arity: -2,
        handler: super::debug,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE | PROTECTED),
        summary: "A container for debugging commands",
        since: "1.0.0",
        complexity: "Depends on subcommand.",
        is_internal: true,
        ..ROW
    },
    Command {
        name: "flushall",
        arity: -1,
        handler: super::flushall,
        flags: flags!(WRITE),
        categories: categories!(KEYSPACE | DANGEROUS),
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        summary: "Remove all keys from all databases",
        since: "1.0.0",
        complexity: "O(N) where N is the total number of keys in all databases",
        history: &[
            ("4.0.0", "Added the `ASYNC` flushing mode modifier."),
            ("6.2.0", "Added the `SYNC` flushing mode modifier."),
        ],
        arguments: &[one_of(
            "async",
            &[token("async", "ASYNC").since("4.0.0"), token("sync", "SYNC").since("6.2.0")],
        )
        .optional()],
        ..ROW
    },
    Command {
        name: "flushdb",
        arity: -1,
        handler: super::flushdb,
        flags: flags!(WRITE),
        categories: categories!(KEYSPACE | DANGEROUS),
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        summary: "Remove all keys from the current database",
        since: "1.0.0",
        complexity: "O(N) where N is the number of keys in the selected database",
        history: &[
            ("4.0.0", "Added the `ASYNC` flushing mode modifier."),
            ("6.2.0", "Added the `SYNC` flushing mode modifier."),
        ],
        arguments: &[one_of(
            "async",
            &[token("async", "ASYNC").since("4.0.0"), token("sync", "SYNC").since("6.2.0")],
        )
        .optional()],
        ..ROW
    },
    Command {
        name: "info",
        arity: -1,
        handler: info::info,
        flags: flags!(LOADING | STALE),
        categories: categories!(DANGEROUS),
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        summary: "Get information and statistics about the server",
        since: "1.0.0",
        complexity: "O(1)",
        history: &[("7.0.0", "Added support for taking multiple section arguments.")],
        arguments: &[string("section").optional().multiple()],
        ..ROW
    },
    Command {
        name: "latency",
        summary: "A container for latency diagnostics commands",
        since: "2.8.13",
        complexity: "Depends on subcommand.",
        subcommands: LATENCY,
        ..ROW
    },
    Command {
        name: "lolwut",
        arity: -1,
        handler: lolwut::lolwut,
        flags: flags!(READONLY | FAST),
        summary: "Display some computer art and the Redis version",
        since: "5.0.0",
        arguments: &[integer("version").after("VERSION").optional()],
        ..ROW
    },
    Command {
        name: "memory",
        summary: "A container for memory diagnostics commands",
        since: "4.0.0",
        complexity: "Depends on subcommand.",
        subcommands: MEMORY,
        ..ROW
    },
    Command {
        name: "monitor",
        arity: 1,
        handler: super::monitor,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        summary: "Listen for all requests received by the server in real time",
        since: "1.0.0",
        ..ROW
    },
    Command {
        name: "shutdown",
        arity: -1,
        handler: super::shutdown,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE | NO_MULTI | ALLOW_BUSY),
        summary: "Synchronously save the dataset to disk and then shut down the server",
        since: "1.0.0",
        complexity: "O(N) when saving, where N is the total number of keys in all databases when saving \
            data, otherwise O(1)",
        history: &[("7.0.0", "Added the `NOW`, `FORCE` and `ABORT` modifiers.")],
        arguments: &[
            one_of("nosave_save", &[token("nosave", "NOSAVE"), token("save", "SAVE")]).optional(),
            token("now", "NOW").optional().since("7.0.0"),
            token("force", "FORCE").optional().since("7.0.0"),
            token("abort", "ABORT").optional().since("7.0.0"),
        ],
        ..ROW
    },
    Command {
        name: "slowlog",
        summary: "A container for slow log commands",
        since: "2.2.12",
        complexity: "Depends on subcommand.",
        subcommands: SLOWLOG,
        ..ROW
    },
    Command {
        name: "swapdb",
        arity: 3,
        handler: super::swapdb,
        flags: flags!(WRITE | FAST),
        categories: categories!(KEYSPACE | DANGEROUS),
        summary: "Swaps two Redis databases",
        since: "4.0.0",
        complexity: "O(N) where N is the count of clients watching or blocking on keys from both databases.",
        arguments: &[integer("index1"), integer("index2")],
        ..ROW
    },
    Command {
        name: "time",
        arity: 1,
        handler: time::time,
        flags: flags!(LOADING | STALE | FAST),
        tips: &["nondeterministic_output"],
        summary: "Return the current server time",
        since: "2.6.0",
        complexity: "O(1)",
        ..ROW
    },
];

/// The subcommands of ACL.
static ACL: &[Command] = &[
    Command {
        name: "cat",
        arity: -2,
        handler: acl::acl_cat,
        flags: flags!(NOSCRIPT | LOADING | STALE),
        summary: "List the ACL categories or the commands inside a category",
        since: "6.0.0",
        complexity: "O(1) since the categories and commands are a fixed set.",
        arguments: &[string("categoryname").optional()],
        ..ROW
    },
    Command {
        name: "deluser",
        arity: -3,
        handler: acl::acl_deluser,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        summary: "Remove the specified ACL users and the associated rules",
        since: "6.0.0",
        complexity: "O(1) amortized time considering the typical user.",
        arguments: &[string("username").multiple()],
        ..ROW
    },
    Command {
        name: "dryrun",
        arity: -4,
        handler: acl::acl_dryrun,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        summary: "Returns whether the user can execute the given command without executing the command.",
        since: "7.0.0",
        complexity: "O(1).",
        arguments: &[string("username"), string("command"), string("arg").optional().multiple()],
        ..ROW
    },
    Command {
        name: "genpass",
        arity: -2,
        handler: acl::acl_genpass,
        flags: flags!(NOSCRIPT | LOADING | STALE),
        summary: "Generate a pseudorandom secure password to use for ACL users",
        since: "6.0.0",
        complexity: "O(1)",
        arguments: &[integer("bits").optional()],
        ..ROW
    },
    Command {
        name: "getuser",
        arity: 3,
        handler: acl::acl_getuser,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        summary: "Get the rules for a specific ACL user",
        since: "6.0.0",
        complexity: "O(N). Where N is the number of password, command and pattern rules that the user has.",
        history: &[
            ("6.2.0", "Added Pub/Sub channel patterns."),
            (
                "7.0.0",
                "Added selectors and changed the format of key and channel patterns from a list \
                to their rule representation.",
            ),
        ],
        arguments: &[string("username")],
        ..ROW
    },
    Command {
        name: "help",
        arity: 2,
        handler: acl::acl_help,
        flags: flags!(LOADING | STALE),
        summary: "Show helpful text about the different subcommands",
        since: "6.0.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "list",
        arity: 2,
        handler: acl::acl_list,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        summary: "List the current ACL rules in ACL config file format",
        since: "6.0.0",
        complexity: "O(N). Where N is the number of configured users.",
        ..ROW
    },
    Command {
        name: "load",
        arity: 2,
        handler: acl::acl_load,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        summary: "Reload the ACLs from the configured ACL file",
        since: "6.0.0",
        complexity: "O(N). Where N is the number of configured users.",
        ..ROW
    },
    Command {
        name: "log",
        arity: -2,
        handler: acl::acl_log,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        summary: "List latest events denied because of ACLs in place",
        since: "6.0.0",
        complexity: "O(N) with N being the number of entries shown.",
        arguments: &[one_of("operation", &[integer("count"), token("reset", "RESET")]).optional()],
        ..ROW
    },
    Command {
        name: "save",
        arity: 2,
        handler: acl::acl_save,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        summary: "Save the current ACL rules in the configured ACL file",
        since: "6.0.0",
        complexity: "O(N). Where N is the number of configured users.",
        ..ROW
    },
    Command {
        name: "setuser",
        arity: -3,
        handler: acl::acl_setuser,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        summary: "Modify or create the rules for a specific ACL user",
        since: "6.0.0",
        complexity: "O(N). Where N is the number of rules provided.",
        history: &[
            ("6.2.0", "Added Pub/Sub channel patterns."),
            ("7.0.0", "Added selectors and key based permissions."),
        ],
        arguments: &[string("username"), string("rule").optional().multiple()],
        ..ROW
    },
    Command {
        name: "users",
        arity: 2,
        handler: acl::acl_users,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        summary: "List the username of all the configured ACL rules",
        since: "6.0.0",
        complexity: "O(N). Where N is the number of configured users.",
        ..ROW
    },
    Command {
        name: "whoami",
        arity: 2,
        handler: acl::acl_whoami,
        flags: flags!(NOSCRIPT | LOADING | STALE),
        summary: "Return the name of the user associated to the current connection",
        since: "6.0.0",
        complexity: "O(1)",
        ..ROW
    },
];

/// The subcommands of COMMAND.
static COMMAND: &[Command] = &[
    Command {
        name: "count",
        arity: 2,
        handler: commands::command_count,
        flags: flags!(LOADING | STALE),
        categories: categories!(CONNECTION),
        summary: "Get total number of Redis commands",
        since: "2.8.13",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "docs",
        arity: -2,
        handler: commands::command_docs,
        flags: flags!(LOADING | STALE),
        categories: categories!(CONNECTION),
        tips: &["nondeterministic_output_order"],
        summary: "Get array of specific Redis command documentation",
        since: "7.0.0",
        complexity: "O(N) where N is the number of commands to look up",
        arguments: &[string("command-name").optional().multiple()],
        ..ROW
    },
    Command {
        name: "getkeys",
        arity: -4,
        handler: commands::command_getkeys,
        flags: flags!(LOADING | STALE),
        categories: categories!(CONNECTION),
        summary: "Extract keys given a full Redis command",
        since: "2.8.13",
        complexity: "O(N) where N is the number of arguments to the command",
        ..ROW
    },
    Command {
        name: "getkeysandflags",
        arity: -4,
        handler: commands::command_getkeysandflags,
        flags: flags!(LOADING | STALE),
        categories: categories!(CONNECTION),
        summary: "Extract keys and access flags given a full Redis command",
        since: "7.0.0",
        complexity: "O(N) where N is the number of arguments to the command",
        ..ROW
    },
    Command {
        name: "help",
        arity: 2,
        handler: commands::command_help,
        flags: flags!(LOADING | STALE),
        categories: categories!(CONNECTION),
        summary: "Show helpful text about the different subcommands",
        since: "5.0.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "info",
        arity: -2,
        handler: commands::command_info,
        flags: flags!(LOADING | STALE),
        categories: categories!(CONNECTION),
        tips: &["nondeterministic_output_order"],
        summary: "Get array of specific Redis command details, or all when no argument is given.",
        since: "2.8.13",
        complexity: "O(N) where N is the number of commands to look up",
        history: &[("7.0.0", "Allowed to be called with no argument to get info on all commands.")],
        arguments: &[string("command-name").optional().multiple()],
        ..ROW
    },
    Command {
        name: "list",
        arity: -2,
        handler: commands::command_list,
        flags: flags!(LOADING | STALE),
        categories: categories!(CONNECTION),
        tips: &["nondeterministic_output_order"],
        summary: "Get an array of Redis command names",
        since: "7.0.0",
        complexity: "O(N) where N is the total number of Redis commands",
        arguments: &[one_of(
            "filterby",
            &[
                string("module-name").after("MODULE"),
                string("category").after("ACLCAT"),
                pattern("pattern").after("PATTERN"),
            ],
        )
        .after("FILTERBY")
        .optional()],
        ..ROW
    },
];

/// The subcommands of CONFIG.
static CONFIG: &[Command] = &[
    Command {
        name: "get",
        arity: -3,
        handler: config::config_get,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        summary: "Get the values of configuration parameters",
        since: "2.0.0",
        complexity: "O(N) when N is the number of configuration parameters provided",
        history: &[("7.0.0", "Added the ability to pass multiple pattern parameters in one call")],
        arguments: &[block("parameter", &[string("parameter")]).multiple()],
        ..ROW
    },
    Command {
        name: "help",
        arity: 2,
        handler: config::config_help,
        flags: flags!(LOADING | STALE),
        summary: "Show helpful text about the different subcommands",
        since: "5.0.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "resetstat",
        arity: 2,
        handler: config::config_resetstat,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        summary: "Reset the stats returned by INFO",
        since: "2.0.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "rewrite",
        arity: 2,
        handler: config::config_rewrite,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        summary: "Rewrite the configuration file with the in memory configuration",
        since: "2.8.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "set",
        arity: -4,
        handler: config::config_set,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        summary: "Set configuration parameters to the given values",
        since: "2.0.0",
        complexity: "O(N) when N is the number of configuration parameters provided",
        history: &[("7.0.0", "Added the ability to set multiple parameters in one call.")],
        arguments: &[block("parameter_value", &[string("parameter"), string("value")]).multiple()],
        ..ROW
    },
];

/// The subcommands of LATENCY.
static LATENCY: &[Command] = &[
    Command {
        name: "doctor",
        arity: 2,
        handler: latency::latency_doctor,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        summary: "Return a human readable latency analysis report.",
        since: "2.8.13",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "graph",
        arity: 3,
        handler: latency::latency_graph,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        summary: "Return a latency graph for the event.",
        since: "2.8.13",
        complexity: "O(1)",
        arguments: &[string("event")],
        ..ROW
    },
    Command {
        name: "help",
        arity: 2,
        handler: latency::latency_help,
        flags: flags!(LOADING | STALE),
        summary: "Show helpful text about the different subcommands.",
        since: "2.8.13",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "histogram",
        arity: -2,
        handler: latency::latency_histogram,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        summary: "Return the cumulative distribution of latencies of a subset of commands or all.",
        since: "7.0.0",
        complexity: "O(N) where N is the number of commands with latency information being retrieved.",
        arguments: &[string("command").optional().multiple()],
        ..ROW
    },
    Command {
        name: "history",
        arity: 3,
        handler: latency::latency_history,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        summary: "Return timestamp-latency samples for the event.",
        since: "2.8.13",
        complexity: "O(1)",
        arguments: &[string("event")],
        ..ROW
    },
    Command {
        name: "latest",
        arity: 2,
        handler: latency::latency_latest,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        tips: &["nondeterministic_output", "request_policy:all_nodes", "response_policy:special"],
        summary: "Return the latest latency samples for all events.",
        since: "2.8.13",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "reset",
        arity: -2,
        handler: latency::latency_reset,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        summary: "Reset latency data for one or more events.",
        since: "2.8.13",
        complexity: "O(1)",
        arguments: &[string("event").optional().multiple()],
        ..ROW
    },
];

/// The subcommands of MEMORY.
static MEMORY: &[Command] = &[
    Command {
        name: "doctor",
        arity: 2,
        handler: memory::memory_doctor,
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        summary: "Outputs memory problems report",
        since: "4.0.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "help",
        arity: 2,
        handler: memory::memory_help,
        flags: flags!(LOADING | STALE),
        summary: "Show helpful text about the different subcommands",
        since: "4.0.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "malloc-stats",
        arity: 2,
        handler: memory::memory_malloc_stats,
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        summary: "Show allocator internal stats",
        since: "4.0.0",
        complexity: "Depends on how much memory is allocated, could be slow",
        ..ROW
    },
    Command {
        name: "purge",
        arity: 2,
        handler: memory::memory_purge,
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        summary: "Ask the allocator to release memory",
        since: "4.0.0",
        complexity: "Depends on how much memory is allocated, could be slow",
        ..ROW
    },
    Command {
        name: "stats",
        arity: 2,
        handler: memory::memory_stats,
        tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
        summary: "Show memory usage details",
        since: "4.0.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "usage",
        arity: -3,
        handler: memory::memory_usage,
        flags: flags!(READONLY),
        keys: &[KeySpec::at(2, key_flags!(RO))],
        summary: "Estimate the memory usage of a key",
        since: "4.0.0",
        complexity: "O(N) where N is the number of samples.",
        arguments: &[key("key", 0), integer("count").after("SAMPLES").optional()],
        ..ROW
    },
];

/// The subcommands of SLOWLOG.
static SLOWLOG: &[Command] = &[
    Command {
        name: "get",
        arity: -2,
        handler: slowlog::slowlog_get,
        flags: flags!(ADMIN | LOADING | STALE),
        tips: &["request_policy:all_nodes", "nondeterministic_output"],
        summary: "Get the slow log's entries",
        since: "2.2.12",
        complexity: "O(N) where N is the number of entries returned",
        history: &[("4.0.0", "Added client IP address, port and name to the reply.")],
        arguments: &[integer("count").optional()],
        ..ROW
    },
    Command {
        name: "help",
        arity: 2,
        handler: slowlog::slowlog_help,
        flags: flags!(LOADING | STALE),
        summary: "Show helpful text about the different subcommands",
        since: "6.2.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "len",
        arity: 2,
        handler: slowlog::slowlog_len,
        flags: flags!(ADMIN | LOADING | STALE),
        tips: &["request_policy:all_nodes", "response_policy:agg_sum", "nondeterministic_output"],
        summary: "Get the slow log's length",
        since: "2.2.12",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "reset",
        arity: 2,
        handler: slowlog::slowlog_reset,
        flags: flags!(ADMIN | LOADING | STALE),
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        summary: "Clear all entries from the slow log",
        since: "2.2.12",
        complexity: "O(N) where N is the number of entries in the slowlog",
        ..ROW
    },
];
