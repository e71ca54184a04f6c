//! The commands of a server by the names that they go by there, and what was counted about each. The one
//! rule: rows are the same for all servers; what a server changes about them is here.

use super::row::Command;
use crate::server::stats::CommandStats;

/// A command or subcommand of a registry: small, and good to index by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct CommandId(u16);

impl CommandId {
    /// Its number: commands and subcommands are numbered from 0, in the order of the table.
    pub(crate) fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A command, and what is known of it here.
#[derive(Debug)]
pub(crate) struct Entry {
    /// Its row.
    pub(crate) row: &'static Command,
    /// The container, if it is a subcommand.
    pub(crate) parent: Option<CommandId>,
    /// `get`, or `config|get`.
    pub(crate) name: String,
    /// Counters.
    pub(crate) stats: CommandStats,
    subcommands: Vec<CommandId>,
}

/// Slots of the table of names: a power of two, several times as many as there are names.
const SLOTS: usize = 1024;

/// No command.
const NONE: u16 = u16::MAX;

/// The commands of a server.
#[derive(Debug)]
pub(crate) struct Registry {
    entries: Vec<Entry>,
    /// Commands by the hash of their name, linear probing.
    slots: Box<[(u16, Box<str>)]>,
}

impl Registry {
    /// All commands, by their own names.
    pub(crate) fn new() -> Self {
        let slots = vec![(NONE, Box::from("")); SLOTS].into();
        let mut registry = Self { entries: Vec::new(), slots };
        for row in super::all() {
            let id = registry.add(row, None);
            registry.name_it(row.name, id);
        }
        registry
    }

    fn add(&mut self, row: &'static Command, parent: Option<CommandId>) -> CommandId {
        let id = CommandId(u16::try_from(self.entries.len()).expect("there are a few hundred commands"));
        let name = match parent {
            Some(parent) => format!("{}|{}", self.name(parent), row.name),
            None => row.name.to_owned(),
        };
        let stats = CommandStats::default();
        self.entries.push(Entry { row, parent, name, stats, subcommands: Vec::new() });
        for subcommand in row.subcommands {
            let child = self.add(subcommand, Some(id));
            self.entries[id.index()].subcommands.push(child);
        }
        id
    }

    fn name_it(&mut self, name: &str, id: CommandId) {
        let mut slot = slot_of(name.as_bytes());
        while self.slots[slot].0 != NONE {
            slot = (slot + 1) % SLOTS;
        }
        self.slots[slot] = (id.0, name.into());
    }

    /// What is known of a command.
    #[inline]
    pub(crate) fn entry(&self, id: CommandId) -> &Entry {
        &self.entries[id.index()]
    }

    /// The same, to count.
    #[inline]
    pub(crate) fn entry_mut(&mut self, id: CommandId) -> &mut Entry {
        &mut self.entries[id.index()]
    }

    /// `get`, or `config|get`.
    pub(crate) fn name(&self, id: CommandId) -> &str {
        &self.entry(id).name
    }

    /// The command that goes by this name, in letters of any case.
    #[inline]
    pub(crate) fn find(&self, name: &[u8]) -> Option<CommandId> {
        let mut slot = slot_of(name);
        loop {
            let (id, known) = &self.slots[slot];
            if *id == NONE {
                return None;
            }
            if known.as_bytes().eq_ignore_ascii_case(name) {
                return Some(CommandId(*id));
            }
            slot = (slot + 1) % SLOTS;
        }
    }

    /// The subcommand of a container.
    pub(crate) fn find_subcommand(&self, container: CommandId, name: &[u8]) -> Option<CommandId> {
        let mut subcommands = self.entry(container).subcommands.iter();
        subcommands.find(|id| self.entry(**id).row.name.as_bytes().eq_ignore_ascii_case(name)).copied()
    }

    /// The command that is written `config|get`, or `get`.
    pub(crate) fn find_full(&self, name: &[u8]) -> Option<CommandId> {
        match name.iter().position(|byte| *byte == b'|') {
            Some(at) => self.find_subcommand(self.find(name.get(..at)?)?, name.get(at + 1..)?),
            None => self.find(name),
        }
    }

    /// The commands that go by a name, subcommands left out, in the order of the table.
    pub(crate) fn commands(&self) -> impl Iterator<Item = CommandId> {
        let mut named: Vec<u16> = self.slots.iter().map(|(id, _)| *id).filter(|id| *id != NONE).collect();
        named.sort_unstable();
        named.into_iter().map(CommandId)
    }

    /// The subcommands of a container.
    pub(crate) fn subcommands(&self, container: CommandId) -> &[CommandId] {
        &self.entry(container).subcommands
    }

    /// All, subcommands too.
    pub(crate) fn all(&self) -> impl Iterator<Item = (CommandId, &Entry)> {
        (0..).map(CommandId).zip(&self.entries)
    }

    /// Forget what was counted.
    pub(crate) fn reset_stats(&mut self) {
        for entry in &mut self.entries {
            entry.stats = CommandStats::default();
        }
    }

    /// `rename-command`: a command goes by another name from now on, or by none if that is empty.
    ///
    /// # Errors
    /// If there is no such command, or the other name is taken.
    pub(crate) fn rename(&mut self, from: &str, to: &str) -> Result<(), &'static str> {
        let id = self.find(from.as_bytes()).ok_or("No such command in rename-command")?;
        if !to.is_empty() && self.find(to.as_bytes()).is_some() {
            return Err("Target command name already exists");
        }
        let mut names: Vec<(u16, Box<str>)> =
            self.slots.iter().filter(|(id, _)| *id != NONE).cloned().collect();
        names.retain(|(_, name)| !name.eq_ignore_ascii_case(from));
        if !to.is_empty() {
            names.push((id.0, to.into()));
        }
        self.slots.fill((NONE, Box::from("")));
        for (id, name) in names {
            self.name_it(&name, CommandId(id));
        }
        Ok(())
    }
}

/// Where to look for a name first. The table is of the server's own names, so that no client can fill one chain.
#[inline]
fn slot_of(name: &[u8]) -> usize {
    let mut word = [0u8; 8];
    let length = name.len().min(8);
    word[..length].copy_from_slice(&name[..length]);
    let last = name.last().copied().unwrap_or_default();
    // Letters of either case alike.
    let folded = (u64::from_le_bytes(word) | 0x2020_2020_2020_2020)
        ^ (u64::from(last | 0x20) << 29)
        ^ ((name.len() as u64) << 50);
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize
}
