//! The commands, as access control knows them: by their original names, whatever `rename-command` makes of
//! them. The one rule: a command's number here is its number in the registry.

use crate::command::registry::Registry;
use crate::command::row::Categories;
use std::ops::Range;

/// How many commands rules can tell apart, subcommands included; any more would be denied to all that may not
/// run everything.
pub(super) const COMMANDS_MAX: usize = 512;

/// One command or subcommand.
#[derive(Debug)]
pub(crate) struct Entry {
    /// `get`, or `config|get`.
    pub(crate) name: String,
    /// What kind it is.
    pub(crate) categories: Categories,
    /// Whether it is a subcommand.
    pub(crate) is_subcommand: bool,
    /// Its subcommands.
    pub(crate) subcommands: Range<usize>,
}

/// All commands: a container stands right before its subcommands.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    entries: Vec<Entry>,
}

impl Catalog {
    /// The commands of a registry.
    pub(crate) fn of_all(registry: &Registry) -> Self {
        Self::new(registry.all().map(|(_, entry)| (entry.name.as_str(), entry.row.categories())))
    }

    /// A catalog of these: full names and kinds, each subcommand behind its container.
    pub(crate) fn new<'a>(commands: impl IntoIterator<Item = (&'a str, Categories)>) -> Self {
        let mut entries: Vec<Entry> = Vec::new();
        let mut container = 0;
        for (name, categories) in commands {
            let number = entries.len();
            let is_subcommand = name.contains('|');
            let subcommands = number.saturating_add(1)..number.saturating_add(1);
            entries.push(Entry { name: name.to_owned(), categories, is_subcommand, subcommands });
            if !is_subcommand {
                container = number;
            } else if let Some(container) = entries.get_mut(container) {
                container.subcommands.end = number.saturating_add(1);
            }
        }
        debug_assert!(entries.len() <= COMMANDS_MAX, "rules have room for {COMMANDS_MAX} commands");
        Self { entries }
    }

    /// The command of this full name, in any case.
    pub(crate) fn find(&self, name: &[u8]) -> Option<usize> {
        self.entries.iter().position(|entry| entry.name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// What is known of a command.
    pub(crate) fn entry(&self, command: usize) -> Option<&Entry> {
        self.entries.get(command)
    }

    /// The commands of these categories.
    pub(crate) fn of(&self, categories: Categories) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate().filter(move |(_, entry)| entry.categories.intersects(categories))
    }

    /// All.
    pub(crate) fn all(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate()
    }
}
