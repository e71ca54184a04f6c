//! COMMAND: what the server tells about its own commands. The one rule: all of it is read from the table.

use crate::command::call::{Call, Done};
use crate::command::error::Error;
use crate::command::keys::{self, KeyAt};
use crate::command::registry::{CommandId, Registry};
use crate::command::row::argument::{Argument, Kind};
use crate::command::row::key_spec::{BeginSearch, FindKeys, KeySpec};
use crate::command::row::{Categories, Command, Flags};
use crate::glob::{self, Case};
use ropewalk_protocols::resp::ReplyWriter;

/// `COMMAND`
pub(crate) fn command(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let registry = &call.server.registry;
    reply.array(registry.commands().count());
    registry.commands().for_each(|command| info(registry, command, reply));
    Ok(())
}

/// `COMMAND COUNT`
pub(crate) fn command_count(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    reply.integer(call.server.registry.commands().count() as i64);
    Ok(())
}

/// `COMMAND INFO [name ...]`
pub(crate) fn command_info(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    if call.args.len() == 2 {
        return command(call, reply);
    }
    let registry = &call.server.registry;
    let names = call.rest(2);
    reply.array(names.len());
    for name in names {
        match registry.find_full(name) {
            Some(command) => info(registry, command, reply),
            None => reply.null(),
        }
    }
    Ok(())
}

/// `COMMAND DOCS [name ...]`
pub(crate) fn command_docs(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let registry = &call.server.registry;
    let commands: Vec<CommandId> = if call.args.len() == 2 {
        registry.commands().collect()
    } else {
        call.rest(2).iter().filter_map(|name| registry.find_full(name)).collect()
    };
    docs_of(registry, &commands, reply);
    Ok(())
}

/// `COMMAND LIST [FILTERBY MODULE name|ACLCAT category|PATTERN glob]`
pub(crate) fn command_list(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let filter = Filter::parse(call.rest(2))?;
    let registry = &call.server.registry;
    let listed = registry
        .commands()
        .flat_map(|command| std::iter::once(command).chain(registry.subcommands(command).iter().copied()));
    let open = reply.open_array();
    let mut count = 0;
    for command in listed {
        let entry = registry.entry(command);
        if filter.admits(&entry.name, entry.row) {
            reply.bulk(&entry.name);
            count += 1;
        }
    }
    reply.close(open, count);
    Ok(())
}

/// `COMMAND GETKEYS command [argument ...]`
pub(crate) fn command_getkeys(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (args, found) = find_keys(call)?;
    reply.array(found.len());
    found.iter().for_each(|key| reply.bulk(args.get(key.index).copied().unwrap_or_default()));
    Ok(())
}

/// `COMMAND GETKEYSANDFLAGS command [argument ...]`
pub(crate) fn command_getkeysandflags(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (args, found) = find_keys(call)?;
    reply.array(found.len());
    for key in &found {
        reply.array(2);
        reply.bulk(args.get(key.index).copied().unwrap_or_default());
        words(reply, key.flags.names());
    }
    Ok(())
}

/// `COMMAND HELP`
pub(crate) fn command_help(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.help(
        reply,
        &[
            "(no subcommand)",
            "    Return details about all Redis commands.",
            "COUNT",
            "    Return the total number of commands in this Redis server.",
            "LIST",
            "    Return a list of all commands in this Redis server.",
            "INFO [<command-name> ...]",
            "    Return details about multiple Redis commands.",
            "    If no command names are given, documentation details for all",
            "    commands are returned.",
            "DOCS [<command-name> ...]",
            "    Return documentation details about multiple Redis commands.",
            "    If no command names are given, documentation details for all",
            "    commands are returned.",
            "GETKEYS <full-command>",
            "    Return the keys from a full Redis command.",
            "GETKEYSANDFLAGS <full-command>",
            "    Return the keys and the access flags from a full Redis command.",
        ],
    );
    Ok(())
}

/// Which commands are listed.
enum Filter<'a> {
    All,
    /// None: there are no modules.
    Module,
    /// Those of this category; none, if there is no such category.
    Category(Option<Categories>),
    Pattern(&'a [u8]),
}

impl<'a> Filter<'a> {
    fn parse(args: &[&'a [u8]]) -> Result<Self, Error> {
        let [by, kind, filter] = args else {
            return if args.is_empty() { Ok(Self::All) } else { Err(Error::Syntax) };
        };
        let is = |name: &[u8]| kind.eq_ignore_ascii_case(name);
        match () {
            () if !by.eq_ignore_ascii_case(b"filterby") => Err(Error::Syntax),
            () if is(b"module") => Ok(Self::Module),
            () if is(b"aclcat") => Ok(Self::Category(Categories::named(filter))),
            () if is(b"pattern") => Ok(Self::Pattern(filter)),
            () => Err(Error::Syntax),
        }
    }

    fn admits(&self, name: &str, row: &Command) -> bool {
        match self {
            Self::All => true,
            Self::Module => false,
            Self::Category(category) => category.is_some_and(|category| row.categories().contains(category)),
            Self::Pattern(pattern) => glob::matches_case(pattern, name.as_bytes(), Case::Insensitive),
        }
    }
}

/// The command that is asked about, its name first, and its keys.
fn find_keys<'a>(call: &Call<'a>) -> Result<(&'a [&'a [u8]], Vec<KeyAt>), Error> {
    let args = call.rest(2);
    let registry = &call.server.registry;
    let unknown = Error::text("ERR Invalid command specified");
    let mut command = registry.find(call.arg(2)).ok_or(unknown.clone())?;
    if let (false, Some(name)) = (registry.subcommands(command).is_empty(), args.get(1)) {
        command = registry.find_subcommand(command, name).ok_or(unknown)?;
    }
    let row = registry.entry(command).row;
    if !row.has_keys() {
        return Err(Error::text("ERR The command has no key arguments"));
    }
    if !row.admits(args.len()) {
        return Err(Error::text("ERR Invalid number of arguments specified for command"));
    }
    let mut found = Vec::new();
    keys::find(row, args, &mut found);
    if found.is_empty() && !row.flags.contains(Flags::NO_MANDATORY_KEYS) {
        return Err(Error::text("ERR Invalid arguments specified for command"));
    }
    Ok((args, found))
}

/// What COMMAND INFO tells about a command.
fn info(registry: &Registry, command: CommandId, reply: &mut ReplyWriter<'_>) {
    let entry = registry.entry(command);
    let row = entry.row;
    let range = row.legacy_range();
    reply.array(10);
    reply.bulk(&entry.name);
    reply.integer(row.arity.into());
    words(reply, row.shown_flags());
    reply.integer(range.first.into());
    reply.integer(range.last.into());
    reply.integer(range.step.into());
    let categories: Vec<_> = row.categories().names().collect();
    reply.set(categories.len());
    categories.iter().for_each(|category| reply.simple(format!("@{category}")));
    reply.set(row.tips.len());
    row.tips.iter().for_each(|tip| reply.bulk(tip));
    reply.set(row.keys.len());
    row.keys.iter().for_each(|spec| key_spec(spec, reply));
    let subcommands = registry.subcommands(command);
    if subcommands.is_empty() {
        reply.set(0);
    } else {
        reply.array(subcommands.len());
        subcommands.iter().for_each(|subcommand| info(registry, *subcommand, reply));
    }
}

fn key_spec(spec: &KeySpec, reply: &mut ReplyWriter<'_>) {
    reply.map(if spec.notes.is_empty() { 3 } else { 4 });
    pair_unless_empty("notes", spec.notes, reply);
    reply.bulk("flags");
    words(reply, spec.flags.names());
    reply.bulk("begin_search");
    match spec.begin {
        BeginSearch::Index(index) => {
            step("index", 1, reply);
            number("index", index, reply);
        }
        BeginSearch::Keyword { keyword, start_from } => {
            step("keyword", 2, reply);
            pair("keyword", keyword, reply);
            number("startfrom", start_from, reply);
        }
        BeginSearch::Unknown => step("unknown", 0, reply),
    }
    reply.bulk("find_keys");
    match spec.find {
        FindKeys::Range { last, step: every, limit } => {
            step("range", 3, reply);
            number("lastkey", last, reply);
            number("keystep", every, reply);
            number("limit", limit, reply);
        }
        FindKeys::Counted => {
            step("keynum", 3, reply);
            number("keynumidx", 0, reply);
            number("firstkey", 1, reply);
            number("keystep", 1, reply);
        }
        FindKeys::Unknown => step("unknown", 0, reply),
    }
}

/// What a step of a key specification begins with: so many pairs have to follow.
fn step(kind: &str, pairs: usize, reply: &mut ReplyWriter<'_>) {
    reply.map(2);
    pair("type", kind, reply);
    reply.bulk("spec");
    reply.map(pairs);
}

/// What COMMAND DOCS tells about commands: names, and what there is to say.
fn docs_of(registry: &Registry, commands: &[CommandId], reply: &mut ReplyWriter<'_>) {
    reply.map(commands.len());
    for command in commands {
        reply.bulk(registry.name(*command));
        docs(registry, *command, reply);
    }
}

fn docs(registry: &Registry, command: CommandId, reply: &mut ReplyWriter<'_>) {
    let row = registry.entry(command).row;
    let subcommands = registry.subcommands(command);
    let deprecated = row.deprecated.map_or(("", ""), |deprecated| (deprecated.since, deprecated.replaced_by));
    let doc_flag = match (row.deprecated, row.is_internal) {
        (Some(_), _) => "deprecated",
        (None, true) => "syscmd",
        (None, false) => "",
    };
    let open = reply.open_map();
    let mut pairs = 1;
    pairs += pair_unless_empty("summary", row.summary, reply);
    pairs += pair_unless_empty("since", row.since, reply);
    pair("group", row.group.name(), reply);
    pairs += pair_unless_empty("complexity", row.complexity, reply);
    if !doc_flag.is_empty() {
        reply.bulk("doc_flags");
        words(reply, std::iter::once(doc_flag));
        pairs += 1;
    }
    pairs += pair_unless_empty("deprecated_since", deprecated.0, reply);
    pairs += pair_unless_empty("replaced_by", deprecated.1, reply);
    if !row.history.is_empty() {
        reply.bulk("history");
        reply.set(row.history.len());
        for (version, change) in row.history {
            reply.array(2);
            reply.bulk(version);
            reply.bulk(change);
        }
        pairs += 1;
    }
    if !row.arguments.is_empty() {
        reply.bulk("arguments");
        arguments(row.arguments, reply);
        pairs += 1;
    }
    if !subcommands.is_empty() {
        reply.bulk("subcommands");
        docs_of(registry, subcommands, reply);
        pairs += 1;
    }
    reply.close(open, pairs);
}

fn arguments(list: &[Argument], reply: &mut ReplyWriter<'_>) {
    reply.array(list.len());
    for argument in list {
        let open = reply.open_map();
        let mut pairs = 2;
        pair("name", argument.name, reply);
        pair("type", argument.kind.name(), reply);
        if let Some(spec) = argument.key_spec {
            number("key_spec_index", spec.into(), reply);
            pairs += 1;
        }
        if let Some(token) = argument.token {
            // It may be an empty one.
            pair("token", token, reply);
            pairs += 1;
        }
        pairs += pair_unless_empty("since", argument.since, reply);
        pairs += pair_unless_empty("deprecated_since", argument.deprecated_since, reply);
        if argument.flags().next().is_some() {
            reply.bulk("flags");
            words(reply, argument.flags());
            pairs += 1;
        }
        if matches!(argument.kind, Kind::OneOf | Kind::Block) {
            reply.bulk("arguments");
            arguments(argument.arguments, reply);
            pairs += 1;
        }
        reply.close(open, pairs);
    }
}

/// A set of words.
fn words(reply: &mut ReplyWriter<'_>, words: impl Iterator<Item = &'static str>) {
    let open = reply.open_set();
    let mut count = 0;
    for word in words {
        reply.simple(word);
        count += 1;
    }
    reply.close(open, count);
}

/// One entry of a map.
fn pair(name: &str, value: &str, reply: &mut ReplyWriter<'_>) {
    reply.bulk(name);
    reply.bulk(value);
}

/// One entry of a map, which is left out if it says nothing. Returns how many there are: one or none.
fn pair_unless_empty(name: &str, value: &str, reply: &mut ReplyWriter<'_>) -> usize {
    if value.is_empty() {
        return 0;
    }
    pair(name, value, reply);
    1
}

/// One entry of a map: a number.
fn number(name: &str, value: i32, reply: &mut ReplyWriter<'_>) {
    reply.bulk(name);
    reply.integer(value.into());
}
