//! The rows of the commands about publishing and subscribing.

use crate::command::row::argument::{block, pattern, string};
use crate::command::row::key_spec::KeySpec;
use crate::command::row::{Command, Group, flags, key_flags};

/// What they share.
const ROW: Command = Command { group: Group::PubSub, ..Command::DEFAULT };

/// The rows.
pub(crate) static COMMANDS: &[Command] = &[
    Command {
        name: "psubscribe",
        arity: -2,
        handler: super::psubscribe,
        flags: flags!(PUBSUB | NOSCRIPT | LOADING | STALE),
        summary: "Listen for messages published to channels matching the given patterns",
        since: "2.0.0",
        complexity: "O(N) where N is the number of patterns the client is already subscribed to.",
        arguments: &[block("pattern", &[pattern("pattern")]).multiple()],
        ..ROW
    },
    Command {
        name: "publish",
        arity: 3,
        handler: super::publish,
        flags: flags!(PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE),
        summary: "Post a message to a channel",
        since: "2.0.0",
        complexity: "O(N+M) where N is the number of clients subscribed to the receiving channel and M \
            is the total number of subscribed patterns (by any client).",
        arguments: &[string("channel"), string("message")],
        ..ROW
    },
    Command {
        name: "pubsub",
        summary: "A container for Pub/Sub commands",
        since: "2.8.0",
        complexity: "Depends on subcommand.",
        subcommands: PUBSUB,
        ..ROW
    },
    Command {
        name: "punsubscribe",
        arity: -1,
        handler: super::punsubscribe,
        flags: flags!(PUBSUB | NOSCRIPT | LOADING | STALE),
        summary: "Stop listening for messages posted to channels matching the given patterns",
        since: "2.0.0",
        complexity: "O(N+M) where N is the number of patterns the client is already subscribed and M is \
            the number of total patterns subscribed in the system (by any client).",
        arguments: &[pattern("pattern").optional().multiple()],
        ..ROW
    },
    Command {
        name: "spublish",
        arity: 3,
        handler: super::spublish,
        flags: flags!(PUBSUB | LOADING | STALE | FAST | MAY_REPLICATE),
        keys: &[KeySpec::first(key_flags!(NOT_KEY))],
        summary: "Post a message to a shard channel",
        since: "7.0.0",
        complexity: "O(N) where N is the number of clients subscribed to the receiving shard channel.",
        arguments: &[string("shardchannel"), string("message")],
        ..ROW
    },
    Command {
        name: "ssubscribe",
        arity: -2,
        handler: super::ssubscribe,
        flags: flags!(PUBSUB | NOSCRIPT | LOADING | STALE),
        keys: &[KeySpec::range(1, -1, key_flags!(NOT_KEY))],
        summary: "Listen for messages published to the given shard channels",
        since: "7.0.0",
        complexity: "O(N) where N is the number of shard channels to subscribe to.",
        arguments: &[string("shardchannel").multiple()],
        ..ROW
    },
    Command {
        name: "subscribe",
        arity: -2,
        handler: super::subscribe,
        flags: flags!(PUBSUB | NOSCRIPT | LOADING | STALE),
        summary: "Listen for messages published to the given channels",
        since: "2.0.0",
        complexity: "O(N) where N is the number of channels to subscribe to.",
        arguments: &[string("channel").multiple()],
        ..ROW
    },
    Command {
        name: "sunsubscribe",
        arity: -1,
        handler: super::sunsubscribe,
        flags: flags!(PUBSUB | NOSCRIPT | LOADING | STALE),
        keys: &[KeySpec::range(1, -1, key_flags!(NOT_KEY))],
        summary: "Stop listening for messages posted to the given shard channels",
        since: "7.0.0",
        complexity: "O(N) where N is the number of clients already subscribed to a shard channel.",
        arguments: &[string("shardchannel").optional().multiple()],
        ..ROW
    },
    Command {
        name: "unsubscribe",
        arity: -1,
        handler: super::unsubscribe,
        flags: flags!(PUBSUB | NOSCRIPT | LOADING | STALE),
        summary: "Stop listening for messages posted to the given channels",
        since: "2.0.0",
        complexity: "O(N) where N is the number of clients already subscribed to a channel.",
        arguments: &[string("channel").optional().multiple()],
        ..ROW
    },
];

/// The subcommands of PUBSUB.
static PUBSUB: &[Command] = &[
    Command {
        name: "channels",
        arity: -2,
        handler: super::pubsub_channels,
        flags: flags!(PUBSUB | LOADING | STALE),
        summary: "List active channels",
        since: "2.8.0",
        complexity: "O(N) where N is the number of active channels, and assuming constant time pattern \
            matching (relatively short channels and patterns)",
        arguments: &[pattern("pattern").optional()],
        ..ROW
    },
    Command {
        name: "help",
        arity: 2,
        handler: super::pubsub_help,
        flags: flags!(LOADING | STALE),
        summary: "Show helpful text about the different subcommands",
        since: "6.2.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "numpat",
        arity: 2,
        handler: super::pubsub_numpat,
        flags: flags!(PUBSUB | LOADING | STALE),
        summary: "Get the count of unique patterns pattern subscriptions",
        since: "2.8.0",
        complexity: "O(1)",
        ..ROW
    },
    Command {
        name: "numsub",
        arity: -2,
        handler: super::pubsub_numsub,
        flags: flags!(PUBSUB | LOADING | STALE),
        summary: "Get the count of subscribers for channels",
        since: "2.8.0",
        complexity: "O(N) for the NUMSUB subcommand, where N is the number of requested channels",
        arguments: &[string("channel").optional().multiple()],
        ..ROW
    },
    Command {
        name: "shardchannels",
        arity: -2,
        handler: super::pubsub_shardchannels,
        flags: flags!(PUBSUB | LOADING | STALE),
        summary: "List active shard channels",
        since: "7.0.0",
        complexity: "O(N) where N is the number of active shard channels, and assuming constant time \
            pattern matching (relatively short shard channels).",
        arguments: &[pattern("pattern").optional()],
        ..ROW
    },
    Command {
        name: "shardnumsub",
        arity: -2,
        handler: super::pubsub_shardnumsub,
        flags: flags!(PUBSUB | LOADING | STALE),
        summary: "Get the count of subscribers for shard channels",
        since: "7.0.0",
        complexity: "O(N) for the SHARDNUMSUB subcommand, where N is the number of requested shard channels",
        arguments: &[string("shardchannel").optional().multiple()],
        ..ROW
    },
];
