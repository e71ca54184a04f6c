//! The rows of the commands about scripts and functions.

use crate::command::row::argument::{one_of, token};
use crate::command::row::{Categories, Command, Group, categories, flags};

/// What they share.
const ROW: Command =
    Command { group: Group::Scripting, categories: categories!(SCRIPTING), ..Command::DEFAULT };

/// The rows.
pub(crate) static COMMANDS: &[Command] = &[Command {
    name: "function",
    categories: Categories::empty(),
    summary: "A container for function commands",
    since: "7.0.0",
    complexity: "Depends on subcommand.",
    subcommands: FUNCTION,
    ..ROW
}];

/// The subcommands of FUNCTION.
static FUNCTION: &[Command] = &[Command {
    name: "flush",
    arity: -2,
    handler: super::function_flush,
    flags: flags!(WRITE | NOSCRIPT),
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    summary: "Deleting all functions",
    since: "7.0.0",
    complexity: "O(N) where N is the number of functions deleted",
    arguments: &[one_of("async", &[token("async", "ASYNC"), token("sync", "SYNC")]).optional()],
    ..ROW
}];
