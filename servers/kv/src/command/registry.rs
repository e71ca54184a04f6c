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
    slots: Box<[Slot]>,
}

impl Registry {
    /// All commands, by their own names.
    pub(crate) fn new() -> Self {
        let slots = vec![Slot::empty(); SLOTS].into();
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
        let mut slot = slot_of(head_of(name.as_bytes()), name.len());
        while self.slots[slot].id != NONE {
            slot = (slot + 1) % SLOTS;
        }
        self.slots[slot] = Slot::new(id, name);
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
        let head = head_of(name);
        let mut slot = slot_of(head, name.len());
        loop {
            let known = &self.slots[slot % SLOTS];
            if known.id == NONE {
                return None;
            }
            if known.is(head, name) {
                return Some(CommandId(known.id));
            }
            slot += 1;
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
        let mut named: Vec<u16> = self.slots.iter().map(|slot| slot.id).filter(|id| *id != NONE).collect();
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
        let mut named: Vec<Slot> = self.slots.iter().filter(|slot| slot.id != NONE).cloned().collect();
        named.retain(|slot| !slot.name.eq_ignore_ascii_case(from));
        self.slots.fill(Slot::empty());
        for Slot { id, name, .. } in named {
            self.name_it(&name, CommandId(id));
        }
        if !to.is_empty() {
            self.name_it(to, id);
        }
        Ok(())
    }
}

/// A name that a command goes by, prepared to be compared.
#[derive(Clone, Debug)]
struct Slot {
    id: u16,
    /// The name's first bytes, as [`head_of`] has them.
    head: u64,
    /// The head and the length say all.
    is_short: bool,
    name: Box<str>,
}

impl Slot {
    fn empty() -> Self {
        Self { id: NONE, head: 0, is_short: false, name: "".into() }
    }

    fn new(id: CommandId, name: &str) -> Self {
        let is_short = name.len() <= HEAD && name.bytes().all(|byte| byte.is_ascii_alphabetic());
        Self { id: id.0, head: head_of(name.as_bytes()), is_short, name: name.into() }
    }

    #[inline]
    fn is(&self, head: u64, name: &[u8]) -> bool {
        self.head == head
            && self.name.len() == name.len()
            && (self.is_short || self.name.as_bytes().eq_ignore_ascii_case(name))
    }
}

/// How many bytes of a name are compared at once.
const HEAD: usize = 8;

/// The first bytes of a name as a number, letters of either case alike. Two names of the same length that are of
/// letters alone and no longer are the same if these are.
#[inline]
fn head_of(name: &[u8]) -> u64 {
    let word = match *name {
        [a, b, c, d, e, f, g, h, ..] => u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        [a, b, c, d, ref rest @ ..] => {
            let ahead = u64::from(u32::from_le_bytes([a, b, c, d]));
            rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)) << 32 | ahead
        }
        ref short => short.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    word | 0x2020_2020_2020_2020
}

/// Where to look for a name with this head first. The table is of the server's own names, so that no client can fill
/// one chain.
#[inline]
fn slot_of(head: u64, length: usize) -> usize {
    ((head ^ (length as u64) << 56).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 54) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_found_in_letters_of_any_case() {
        let registry = Registry::new();
        for row in crate::command::all() {
            let id = registry.find(row.name.as_bytes()).unwrap();
            assert_eq!(registry.entry(id).row.name, row.name);
            assert_eq!(registry.find(row.name.to_uppercase().as_bytes()), Some(id));
            for other in [format!("{}x", row.name), row.name[1..].to_owned(), format!("{}\0", row.name)] {
                let found = registry.find(other.as_bytes()).map(|id| registry.entry(id).row.name);
                assert!(found.is_none_or(|found| found == other), "{other:?}");
            }
        }
        for nothing in [&b""[..], b"ge\x14", b"g\x45\x54t", b"sort\x7fro", b"nosuchcommand"] {
            assert_eq!(registry.find(nothing), None, "{}", nothing.escape_ascii());
        }
    }

    #[test]
    fn a_renamed_command_goes_by_its_new_name_alone() {
        let mut registry = Registry::new();
        let ping = registry.find(b"ping");
        registry.rename("PING", "pong").unwrap();
        assert_eq!((registry.find(b"ping"), registry.find(b"PONG")), (None, ping));
        registry.rename("echo", "").unwrap();
        assert_eq!(registry.find(b"echo"), None);
        assert!(registry.rename("nosuch", "x").is_err());
        assert!(registry.rename("select", "pong").is_err());
    }
}
