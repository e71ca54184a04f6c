//! The rows of the commands about the connection.

use crate::command::row::argument::{block, integer, one_of, string, token};
use crate::command::row::{Categories, Command, Group, categories, flags};

/// What they share.
const ROW: Command =
    Command { group: Group::Connection, categories: categories!(CONNECTION), ..Command::DEFAULT };

/// The rows.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "auth",
        arity: -2,
        handler: super::auth,
        flags: flags!(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY),
        summary: "Authenticate to the server",
        since: "1.0.0",
        complexity: "O(N) where N is the number of passwords defined for the user",
        history: &[("6.0.0", "Added ACL style (username and password).")],
        arguments: &[string("username").optional().since("6.0.0"), string("password")],
        ..ROW
    },
    Command {
        name: "client",
        categories: Categories::empty(),
        summary: "A container for client connection commands",
        since: "2.4.0",
        complexity: "Depends on subcommand.",
        subcommands: CLIENT,
        ..ROW
    },
    Command {
        name: "echo",
        arity: 2,
        handler: super::echo,
        flags: flags!(LOADING | STALE | FAST),
        summary: "Echo the given string",
        since: "1.0.0",
        complexity: "O(1)",
        arguments: &[string("message")],
        ..ROW
    },
    Command {
        name: "hello",
        arity: -1,
        handler: super::hello,
        flags: flags!(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY),
        summary: "Handshake with Redis",
        since: "6.0.0",
        complexity: "O(1)",
        history: &[(
            "6.2.0",
            "`protover` made optional; when called without arguments the command reports the \
                current connection's context.",
        )],
        arguments: &[block(
            "arguments",
            &[
                integer("protover"),
                block("username_password", &[string("username"), string("password")])
                    .after("AUTH")
                    .optional(),
                string("clientname").after("SETNAME").optional(),
            ],
        )
        .optional()],
        ..ROW
    },
    Command {
        name: "ping",
        arity: -1,
        handler: super::ping,
        flags: flags!(FAST),
        tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
        summary: "Ping the server",
        since: "1.0.0",
        complexity: "O(1)",
        arguments: &[string("message").optional()],
        ..ROW
    },
    Command {
        name: "quit",
        arity: -1,
        handler: super::quit,
        flags: flags!(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY),
        summary: "Close the connection",
        since: "1.0.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "reset",
        arity: 1,
        handler: super::reset,
        flags: flags!(NOSCRIPT | LOADING | STALE | FAST | NO_AUTH | ALLOW_BUSY),
        summary: "Reset the connection",
        since: "6.2.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "select",
        arity: 2,
        handler: super::select,
        flags: flags!(LOADING | STALE | FAST),
        summary: "Change the selected database for the current connection",
        since: "1.0.0",
        complexity: "O(1)",
        arguments: &[integer("index")],
        ..ROW
    },
];

/// The subcommands of CLIENT.
static CLIENT: &[Command] = &[
    Command {
        name: "caching",
        arity: 3,
        handler: super::client_caching,
        flags: flags!(NOSCRIPT | LOADING | STALE),
        summary: "Instruct the server about tracking or not keys in the next request",
        since: "6.0.0",
        complexity: "O(1)",
        arguments: &[one_of("mode", &[token("yes", "YES"), token("no", "NO")])],
        ..ROW
    },
    Command {
        name: "getname",
        arity: 2,
        handler: super::client_getname,
        flags: flags!(NOSCRIPT | LOADING | STALE),
        summary: "Get the current connection name",
        since: "2.6.9",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "getredir",
        arity: 2,
        handler: super::client_getredir,
        flags: flags!(NOSCRIPT | LOADING | STALE),
        summary: "Get tracking notifications redirection client ID if any",
        since: "6.0.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "help",
        arity: 2,
        handler: super::client_help,
        flags: flags!(LOADING | STALE),
        summary: "Show helpful text about the different subcommands",
        since: "5.0.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "id",
        arity: 2,
        handler: super::client_id,
        flags: flags!(NOSCRIPT | LOADING | STALE),
        summary: "Returns the client ID for the current connection",
        since: "5.0.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "info",
        arity: 2,
        handler: super::client_info,
        flags: flags!(NOSCRIPT | LOADING | STALE),
        tips: &["nondeterministic_output"],
        summary: "Returns information about the current client connection.",
        since: "6.2.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "kill",
        arity: -3,
        handler: super::client_kill,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        summary: "Kill the connection of a client",
        since: "2.4.0",
        complexity: "O(N) where N is the number of client connections",
        history: &[
            ("2.8.12", "Added new filter format."),
            ("2.8.12", "`ID` option."),
            ("3.2.0", "Added `master` type in for `TYPE` option."),
            (
                "5.0.0",
                "Replaced `slave` `TYPE` with `replica`. `slave` still supported for backward \
                compatibility.",
            ),
            ("6.2.0", "`LADDR` option."),
        ],
        arguments: &[one_of(
            "filter",
            &[
                string("ip:port").deprecated("2.8.12"),
                one_of(
                    "new-format",
                    &[
                        integer("client-id").after("ID").optional().since("2.8.12"),
                        one_of(
                            "normal_master_slave_pubsub",
                            &[
                                token("normal", "NORMAL"),
                                token("master", "MASTER").since("3.2.0"),
                                token("slave", "SLAVE"),
                                token("replica", "REPLICA").since("5.0.0"),
                                token("pubsub", "PUBSUB"),
                            ],
                        )
                        .after("TYPE")
                        .optional()
                        .since("2.8.12"),
                        string("username").after("USER").optional(),
                        string("ip:port").after("ADDR").optional(),
                        string("ip:port").after("LADDR").optional().since("6.2.0"),
                        string("yes/no").after("SKIPME").optional(),
                    ],
                )
                .multiple(),
            ],
        )],
        ..ROW
    },
    Command {
        name: "list",
        arity: -2,
        handler: super::client_list,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        tips: &["nondeterministic_output"],
        summary: "Get the list of client connections",
        since: "2.4.0",
        complexity: "O(N) where N is the number of client connections",
        history: &[
            ("2.8.12", "Added unique client `id` field."),
            ("5.0.0", "Added optional `TYPE` filter."),
            ("6.0.0", "Added `user` field."),
            (
                "6.2.0",
                "Added `argv-mem`, `tot-mem`, `laddr` and `redir` fields and the optional `ID` \
                filter.",
            ),
            ("7.0.0", "Added `resp`, `multi-mem`, `rbs` and `rbp` fields."),
            ("7.0.3", "Added `ssub` field."),
        ],
        arguments: &[
            one_of(
                "normal_master_replica_pubsub",
                &[
                    token("normal", "NORMAL"),
                    token("master", "MASTER"),
                    token("replica", "REPLICA"),
                    token("pubsub", "PUBSUB"),
                ],
            )
            .after("TYPE")
            .optional()
            .since("5.0.0"),
            block("id", &[integer("client-id").multiple()]).after("ID").optional().since("6.2.0"),
        ],
        ..ROW
    },
    Command {
        name: "no-evict",
        arity: 3,
        handler: super::client_no_evict,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        summary: "Set client eviction mode for the current connection",
        since: "7.0.0",
        complexity: "O(1)",
        arguments: &[one_of("enabled", &[token("on", "ON"), token("off", "OFF")])],
        ..ROW
    },
    Command {
        name: "no-touch",
        arity: 3,
        handler: super::client_no_touch,
        flags: flags!(NOSCRIPT | LOADING | STALE),
        summary: "Controls whether commands sent by the client affect the LRU/LFU of accessed keys.",
        since: "7.2.0",
        complexity: "O(1)",
        arguments: &[one_of("enabled", &[token("on", "ON"), token("off", "OFF")])],
        ..ROW
    },
    Command {
        name: "pause",
        arity: -3,
        handler: super::client_pause,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        summary: "Stop processing commands from clients for some time",
        since: "2.9.50",
        complexity: "O(1)",
        history: &[("6.2.0", "`CLIENT PAUSE WRITE` mode added along with the `mode` option.")],
        arguments: &[
            integer("timeout"),
            one_of("mode", &[token("write", "WRITE"), token("all", "ALL")]).optional().since("6.2.0"),
        ],
        ..ROW
    },
    Command {
        name: "reply",
        arity: 3,
        handler: super::client_reply,
        flags: flags!(NOSCRIPT | LOADING | STALE),
        summary: "Instruct the server whether to reply to commands",
        since: "3.2.0",
        complexity: "O(1)",
        arguments: &[one_of("on_off_skip", &[token("on", "ON"), token("off", "OFF"), token("skip", "SKIP")])],
        ..ROW
    },
    Command {
        name: "setinfo",
        arity: 4,
        handler: super::client_setinfo,
        flags: flags!(NOSCRIPT | LOADING | STALE),
        tips: &["request_policy:all_nodes", "response_policy:all_succeeded"],
        summary: "Sets information specific to the client or connection.",
        since: "7.2.0",
        complexity: "O(1)",
        arguments: &[one_of(
            "attr",
            &[string("libname").after("LIB-NAME"), string("libver").after("LIB-VER")],
        )],
        ..ROW
    },
    Command {
        name: "setname",
        arity: 3,
        handler: super::client_setname,
        flags: flags!(NOSCRIPT | LOADING | STALE),
        summary: "Set the current connection name",
        since: "2.6.9",
        complexity: "O(1)",
        arguments: &[string("connection-name")],
        ..ROW
    },
    Command {
        name: "tracking",
        arity: -3,
        handler: super::client_tracking,
        flags: flags!(NOSCRIPT | LOADING | STALE),
        summary: "Enable or disable server assisted client side caching support",
        since: "6.0.0",
        complexity: "O(1). Some options may introduce additional complexity.",
        arguments: &[
            one_of("status", &[token("on", "ON"), token("off", "OFF")]),
            integer("client-id").after("REDIRECT").optional(),
            string("prefix").after("PREFIX").optional().multiple_with_token(),
            token("bcast", "BCAST").optional(),
            token("optin", "OPTIN").optional(),
            token("optout", "OPTOUT").optional(),
            token("noloop", "NOLOOP").optional(),
        ],
        ..ROW
    },
    Command {
        name: "trackinginfo",
        arity: 2,
        handler: super::client_trackinginfo,
        flags: flags!(NOSCRIPT | LOADING | STALE),
        summary: "Return information about server assisted client side caching for the current \
            connection",
        since: "6.2.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "unblock",
        arity: -3,
        handler: super::client_unblock,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        summary: "Unblock a client blocked in a blocking command from a different connection",
        since: "5.0.0",
        complexity: "O(log N) where N is the number of client connections",
        arguments: &[
            integer("client-id"),
            one_of("timeout_error", &[token("timeout", "TIMEOUT"), token("error", "ERROR")]).optional(),
        ],
        ..ROW
    },
    Command {
        name: "unpause",
        arity: 2,
        handler: super::client_unpause,
        flags: flags!(ADMIN | NOSCRIPT | LOADING | STALE),
        summary: "Resume processing of clients that were paused",
        since: "6.2.0",
        complexity: "O(N) Where N is the number of paused clients",
        ..ROW
    },
];
