//! The commands, as access control knows them: by their original names, whatever `rename-command` makes of
//! them. The one rule: a command's number here is its number in the registry.
//!
//! Commands of Redis 7.0.15 that this server does not have are known too, behind all others: rules that speak
//! of them, and there are many such in the world, make sense here.

use crate::command::registry::Registry;
use crate::command::row::Categories;

/// How many commands rules can tell apart, subcommands included; any more would be denied to all that may not
/// run everything.
pub(super) const COMMANDS_MAX: usize = 512;

/// Every command of Redis 7.0.15 and its categories, as COMMAND INFO shows them: `get @read @string @fast`.
const REFERENCE: &str = include_str!("commands.txt");

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
    pub(crate) subcommands: Vec<usize>,
}

/// All commands: a container stands before its subcommands.
#[derive(Debug, Default)]
pub(crate) struct Catalog {
    entries: Vec<Entry>,
    /// How many of them this server has, which come first.
    present: usize,
}

impl Catalog {
    /// The commands of a registry, and those that it does not have.
    pub(crate) fn of_all(registry: &Registry) -> Self {
        let mut catalog = Self::default();
        for (_, entry) in registry.all() {
            catalog.add(&entry.name, entry.row.categories());
        }
        catalog.present = catalog.entries.len();
        catalog.add_absent();
        catalog
    }

    /// All commands of Redis 7.0.15.
    #[cfg(test)]
    pub(super) fn of_redis() -> Self {
        let mut catalog = Self::default();
        catalog.add_absent();
        catalog.present = catalog.entries.len();
        catalog
    }

    fn add_absent(&mut self) {
        for line in REFERENCE.lines() {
            let (name, categories) = line.split_once(' ').unwrap_or((line, ""));
            let categories = categories.split(' ').filter_map(|word| word.strip_prefix('@'));
            if self.find(name.as_bytes()).is_none() {
                self.add(name, categories.filter_map(|name| Categories::named(name.as_bytes())).collect());
            }
        }
        debug_assert!(self.entries.len() <= COMMANDS_MAX, "rules have room for {COMMANDS_MAX} commands");
    }

    fn add(&mut self, name: &str, categories: Categories) {
        let number = self.entries.len();
        let container = name.split_once('|').and_then(|(container, _)| self.find(container.as_bytes()));
        let is_subcommand = container.is_some();
        if let Some(container) = container.and_then(|container| self.entries.get_mut(container)) {
            container.subcommands.push(number);
        }
        self.entries.push(Entry {
            name: name.to_owned(),
            categories,
            is_subcommand,
            subcommands: Vec::new(),
        });
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
        self.all().filter(move |(_, entry)| entry.categories.intersects(categories))
    }

    /// All.
    pub(crate) fn all(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.entries.iter().enumerate()
    }

    /// The commands that this server has.
    pub(crate) fn present(&self) -> &[Entry] {
        self.entries.get(..self.present).unwrap_or_default()
    }
}
