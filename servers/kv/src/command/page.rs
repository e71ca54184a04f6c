//! The page about the commands, made from the table. The one rule: it can't say anything else.

use super::row::{Command, Group};
use std::fmt::Write;

const HEAD: &str = "\
# Commands of `ropewalk kv`

Made from the table that the server itself reads (`servers/kv/src/command/*/table.rs`). Arity counts the name; a negative
one is a minimum. Options are what `COMMAND DOCS` tells, and `redis-cli` helps to type.
";

const GROUPS: [Group; 15] = [
    Group::String,
    Group::Hash,
    Group::List,
    Group::Set,
    Group::SortedSet,
    Group::Stream,
    Group::Bitmap,
    Group::HyperLogLog,
    Group::Geo,
    Group::Generic,
    Group::PubSub,
    Group::Transactions,
    Group::Connection,
    Group::Server,
    Group::Scripting,
];

/// `docs/commands.md`.
fn page() -> String {
    let mut page = String::from(HEAD);
    for group in GROUPS {
        let mut rows: Vec<_> = super::all().filter(|row| row.group == group).collect();
        if rows.is_empty() {
            continue;
        }
        rows.sort_by_key(|row| row.name);
        let _ = writeln!(page, "\n## {}\n\n| Command | Arity | Since | What it does | Time |", group.name());
        page += "| --- | --- | --- | --- | --- |\n";
        rows.into_iter().for_each(|row| command(&mut page, row, ""));
    }
    page
}

fn command(page: &mut String, row: &Command, container: &str) {
    let name = format!("{container}{}", row.name.to_ascii_uppercase());
    let Command { arity, since, summary, complexity, .. } = row;
    let (summary, complexity) = (summary.trim().replace('|', "\\|"), complexity.replace('|', "\\|"));
    let _ = writeln!(page, "| `{name}` | {arity} | {since} | {summary} | {complexity} |");
    let mut subcommands: Vec<_> = row.subcommands.iter().collect();
    subcommands.sort_by_key(|row| row.name);
    subcommands.into_iter().for_each(|row| command(page, row, &format!("{name} ")));
}

#[expect(clippy::disallowed_methods, reason = "a page of ours")]
#[test]
fn the_page_about_the_commands_is_what_the_table_says() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/commands.md");
    if std::env::var_os("ROPEWALK_WRITE_DOCS").is_some() {
        std::fs::write(path, page()).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap();
    assert!(written == page(), "run this test with ROPEWALK_WRITE_DOCS=1, and look at what has changed");
}
