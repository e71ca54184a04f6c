//! A selector: commands, keys and channels, all of which a call has to agree with. The one rule: rules are
//! applied in the order in which they are given, so that the last one counts.

use super::catalog::{COMMANDS_MAX, Catalog};
use super::rule::RuleError;
use crate::command::keys::KeyAt;
use crate::command::row::Categories;
use crate::command::row::key_spec::KeyFlags;
use crate::glob;
use bitflags::bitflags;
use std::collections::BTreeMap;

bitflags! {
    /// What a command does with a key, or a rule allows to be done.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Access: u8 {
        /// Values are read.
        const READ = 1;
        /// Values are changed.
        const WRITE = 2;
    }
}

/// A set of commands, by their numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Commands {
    words: [u64; COMMANDS_MAX / 64],
    /// Commands that are not there yet.
    future: bool,
}

impl Commands {
    const NONE: Self = Self { words: [0; COMMANDS_MAX / 64], future: false };
    const ALL: Self = Self { words: [u64::MAX; COMMANDS_MAX / 64], future: true };

    fn has(&self, command: usize) -> bool {
        self.words.get(command / 64).is_some_and(|word| word >> (command % 64) & 1 == 1)
    }

    fn set(&mut self, command: usize, on: bool) {
        if let Some(word) = self.words.get_mut(command / 64) {
            let bit = 1 << (command % 64);
            *word = if on { *word | bit } else { *word & !bit };
        }
    }

    /// A command and its subcommands.
    fn set_all_of(&mut self, catalog: &Catalog, command: usize, on: bool) {
        self.set(command, on);
        let subcommands = catalog.entry(command).map(|entry| entry.subcommands.clone());
        subcommands.into_iter().flatten().for_each(|command| self.set(command, on));
    }

    /// The commands of a category, and the subcommands of those.
    fn set_category(&mut self, catalog: &Catalog, categories: Categories, on: bool) {
        catalog.of(categories).for_each(|(command, _)| self.set_all_of(catalog, command, on));
    }
}

/// A pattern of keys, and what may be done with them.
#[derive(Clone, Debug, PartialEq, Eq)]
struct KeyPattern {
    access: Access,
    pattern: Vec<u8>,
}

impl KeyPattern {
    fn text(&self) -> Vec<u8> {
        let begin: &[u8] = match (self.access.contains(Access::READ), self.access.contains(Access::WRITE)) {
            (true, false) => b"%R~",
            (false, true) => b"%W~",
            _ => b"~",
        };
        [begin, &self.pattern].concat()
    }
}

/// Why a call does not agree with a selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Denial {
    /// The command.
    Command,
    /// A key, which is the argument of this number.
    Key(usize),
    /// A channel, which is the argument of this number.
    Channel(usize),
}

impl From<KeyFlags> for Access {
    /// What is to be allowed for a key of these flags to be used.
    fn from(flags: KeyFlags) -> Self {
        let mut access = Self::empty();
        access.set(Self::READ, flags.contains(KeyFlags::ACCESS));
        access.set(Self::WRITE, flags.intersects(KeyFlags::INSERT | KeyFlags::DELETE | KeyFlags::UPDATE));
        access
    }
}

/// The channels that a call names: arguments from the first on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChannelUse {
    /// None that need a right.
    None,
    /// The first one.
    Publish,
    /// All.
    Subscribe,
    /// All, and they are patterns.
    SubscribePatterns,
}

impl ChannelUse {
    /// Of a command, by its full name.
    pub(crate) fn of(command: &str) -> Self {
        match command {
            "publish" | "spublish" => Self::Publish,
            "subscribe" | "ssubscribe" => Self::Subscribe,
            "psubscribe" => Self::SubscribePatterns,
            _ => Self::None,
        }
    }
}

/// A call to be checked.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The command's number.
    pub(crate) command: usize,
    /// Everybody may run it.
    pub(crate) is_open: bool,
    /// Its name, and its arguments.
    pub(crate) args: &'a [&'a [u8]],
    /// The keys among them.
    pub(crate) keys: &'a [KeyAt],
    /// The channels among them.
    pub(crate) channels: ChannelUse,
}

/// What may be done.
#[derive(Clone, Debug)]
pub(crate) struct Selector {
    commands: Commands,
    /// All commands, future ones too, and none was taken away again.
    all_commands: bool,
    /// First arguments with which a command may be run that may not be run otherwise.
    first_arguments: BTreeMap<usize, Vec<Vec<u8>>>,
    all_keys: bool,
    keys: Vec<KeyPattern>,
    all_channels: bool,
    channels: Vec<Vec<u8>>,
}

impl Selector {
    /// Nothing may be done, but with channels perhaps.
    pub(super) fn new(all_channels: bool) -> Self {
        Self {
            commands: Commands::NONE,
            all_commands: false,
            first_arguments: BTreeMap::new(),
            all_keys: false,
            keys: Vec::new(),
            all_channels,
            channels: Vec::new(),
        }
    }

    /// Whether there is nothing that may not be done.
    pub(super) fn is_unrestricted(&self) -> bool {
        self.all_commands && self.all_keys && self.all_channels
    }

    /// The patterns of channels; none if all channels are allowed.
    pub(super) fn channels(&self) -> Option<&[Vec<u8>]> {
        (!self.all_channels).then_some(&self.channels)
    }

    /// Apply a rule, such as `+get`, `-@all` or `~object:*`.
    pub(super) fn apply(&mut self, catalog: &Catalog, rule: &[u8]) -> Result<(), RuleError> {
        match rule.to_ascii_lowercase().as_slice() {
            b"allkeys" | b"~*" => self.set_all_keys(true),
            b"resetkeys" => self.set_all_keys(false),
            b"allchannels" | b"&*" => self.set_all_channels(true),
            b"resetchannels" => self.set_all_channels(false),
            b"allcommands" | b"+@all" => self.set_all_commands(true),
            b"nocommands" | b"-@all" => self.set_all_commands(false),
            _ => return self.apply_one(catalog, rule),
        }
        Ok(())
    }

    fn apply_one(&mut self, catalog: &Catalog, rule: &[u8]) -> Result<(), RuleError> {
        match rule {
            [b'~', ..] | [b'%', ..] if self.all_keys => Err(RuleError::KeysAfterAll),
            [b'~', pattern @ ..] => self.add_keys(Access::all(), pattern),
            [b'%', rest @ ..] => {
                let (access, pattern) = key_access(rest).ok_or(RuleError::Syntax)?;
                self.add_keys(access, pattern)
            }
            [b'&', pattern @ ..] => self.add_channels(pattern),
            [b'+', b'@', name @ ..] => self.change_category(catalog, name, true),
            [b'-', b'@', name @ ..] => self.change_category(catalog, name, false),
            [b'+', name @ ..] => self.allow(catalog, name),
            [b'-', name @ ..] => {
                let command = catalog.find(name).ok_or(RuleError::Unknown)?;
                self.change(catalog, command, false);
                Ok(())
            }
            _ => Err(RuleError::Syntax),
        }
    }

    fn set_all_keys(&mut self, all: bool) {
        self.all_keys = all;
        self.keys.clear();
    }

    fn set_all_channels(&mut self, all: bool) {
        self.all_channels = all;
        self.channels.clear();
    }

    fn set_all_commands(&mut self, all: bool) {
        self.commands = if all { Commands::ALL } else { Commands::NONE };
        self.all_commands = all;
        self.first_arguments.clear();
    }

    fn add_keys(&mut self, access: Access, pattern: &[u8]) -> Result<(), RuleError> {
        if has_blanks(pattern) {
            return Err(RuleError::Syntax);
        }
        match self.keys.iter_mut().find(|known| known.pattern == pattern) {
            Some(known) => known.access |= access,
            None => self.keys.push(KeyPattern { access, pattern: pattern.to_vec() }),
        }
        Ok(())
    }

    fn add_channels(&mut self, pattern: &[u8]) -> Result<(), RuleError> {
        if self.all_channels {
            return Err(RuleError::ChannelsAfterAll);
        }
        if has_blanks(pattern) {
            return Err(RuleError::Syntax);
        }
        if !self.channels.iter().any(|known| known == pattern) {
            self.channels.push(pattern.to_vec());
        }
        Ok(())
    }

    fn change_category(&mut self, catalog: &Catalog, name: &[u8], on: bool) -> Result<(), RuleError> {
        let category = Categories::named(name).ok_or(RuleError::Unknown)?;
        catalog.of(category).for_each(|(command, _)| self.change(catalog, command, on));
        Ok(())
    }

    /// Allow or forbid a command and its subcommands.
    fn change(&mut self, catalog: &Catalog, command: usize, on: bool) {
        self.commands.set_all_of(catalog, command, on);
        self.all_commands &= on;
        self.first_arguments.remove(&command);
    }

    /// `+get`, `+config|get`, or a command with a first argument: `+select|0`.
    fn allow(&mut self, catalog: &Catalog, name: &[u8]) -> Result<(), RuleError> {
        let Some(bar) = name.iter().rposition(|byte| *byte == b'|') else {
            let command = catalog.find(name).ok_or(RuleError::Unknown)?;
            self.change(catalog, command, true);
            return Ok(());
        };
        let (container, argument) = name.split_at_checked(bar).unwrap_or_default();
        let argument = argument.get(1..).unwrap_or_default();
        let command = catalog.find(container).ok_or(RuleError::Unknown)?;
        let entry = catalog.entry(command).ok_or(RuleError::Unknown)?;
        if entry.is_subcommand {
            return Err(RuleError::ArgumentOfSubcommand);
        }
        if argument.is_empty() {
            return Err(RuleError::Syntax);
        }
        if entry.subcommands.is_empty() {
            tracing::warn!(
                "Deprecation warning: Allowing a first arg of an otherwise blocked command is a misuse of ACL \
                 and may get disabled in the future (offender: +{})",
                String::from_utf8_lossy(name)
            );
            let known = self.first_arguments.entry(command).or_default();
            if !known.iter().any(|known| known.eq_ignore_ascii_case(argument)) {
                known.push(argument.to_vec());
            }
            return Ok(());
        }
        let subcommand = catalog.find(name).ok_or(RuleError::Unknown)?;
        self.change(catalog, subcommand, true);
        Ok(())
    }

    /// Whether a call agrees with all that is said here.
    pub(super) fn check(&self, request: &Request<'_>) -> Result<(), Denial> {
        let arguments = request.args.get(1..).unwrap_or_default();
        if !self.all_commands && !request.is_open && !self.allows(request.command, arguments.first()) {
            return Err(Denial::Command);
        }
        if !self.all_keys {
            let denied = request.keys.iter().find(|key| {
                let name = request.args.get(key.index).copied().unwrap_or_default();
                !self.allows_key(name, key.flags.into())
            });
            if let Some(key) = denied {
                return Err(Denial::Key(key.index));
            }
        }
        if self.all_channels {
            return Ok(());
        }
        let (channels, is_pattern) = match request.channels {
            ChannelUse::None => return Ok(()),
            ChannelUse::Publish => (arguments.get(..1).unwrap_or_default(), false),
            ChannelUse::Subscribe => (arguments, false),
            ChannelUse::SubscribePatterns => (arguments, true),
        };
        match channels.iter().position(|channel| !matches_any(&self.channels, channel, is_pattern)) {
            Some(denied) => Err(Denial::Channel(denied.saturating_add(1))),
            None => Ok(()),
        }
    }

    fn allows(&self, command: usize, first_argument: Option<&&[u8]>) -> bool {
        self.commands.has(command)
            || first_argument.is_some_and(|argument| {
                let known = self.first_arguments.get(&command).into_iter().flatten();
                known.into_iter().any(|known| known.eq_ignore_ascii_case(argument))
            })
    }

    fn allows_key(&self, name: &[u8], access: Access) -> bool {
        let mut fitting = self.keys.iter().filter(|known| known.access.contains(access));
        self.all_keys || fitting.any(|known| glob::matches(&known.pattern, name))
    }

    /// Whether every key may be used so.
    pub(super) fn allows_all_keys(&self, access: Access) -> bool {
        let mut fitting = self.keys.iter().filter(|known| known.access.contains(access));
        self.all_keys || fitting.any(|known| known.pattern == b"*")
    }

    /// What it says, as rules that make the same again.
    pub(super) fn describe(&self, catalog: &Catalog) -> Vec<u8> {
        let mut rules = self.key_rules();
        if self.all_channels {
            rules.push(b"&*".to_vec());
        } else {
            rules.push(b"resetchannels".to_vec());
            rules.extend(self.channel_rules());
        }
        rules.push(self.describe_commands(catalog));
        rules.join(&b' ')
    }

    /// The rules about keys.
    pub(super) fn key_rules(&self) -> Vec<Vec<u8>> {
        if self.all_keys { vec![b"~*".to_vec()] } else { self.keys.iter().map(KeyPattern::text).collect() }
    }

    /// The rules about channels.
    pub(super) fn channel_rules(&self) -> Vec<Vec<u8>> {
        if self.all_channels {
            return vec![b"&*".to_vec()];
        }
        self.channels.iter().map(|pattern| [b"&", pattern.as_slice()].concat()).collect()
    }

    /// The rules about commands: all or none, then the categories that say most in fewest words, then the
    /// commands that are left.
    pub(super) fn describe_commands(&self, catalog: &Catalog) -> Vec<u8> {
        let additive = !self.commands.future;
        let (mut told, first) = if additive { (Commands::NONE, "-@all") } else { (Commands::ALL, "+@all") };
        let mut rules = vec![first.as_bytes().to_vec()];
        for (name, category) in self.categories(catalog, additive) {
            let sign = if additive { '+' } else { '-' };
            rules.push(format!("{sign}@{name}").into_bytes());
            told.set_category(catalog, category, additive);
        }
        for (command, entry) in catalog.all() {
            let allowed = self.commands.has(command);
            if allowed != told.has(command) {
                let sign = if allowed { '+' } else { '-' };
                rules.push(format!("{sign}{}", entry.name).into_bytes());
                told.set_all_of(catalog, command, allowed);
            }
            let arguments = self.first_arguments.get(&command).filter(|_| !allowed);
            for argument in arguments.into_iter().flatten() {
                rules.push([b"+", entry.name.as_bytes(), b"|", argument].concat());
            }
        }
        debug_assert!(catalog.all().all(|(command, _)| told.has(command) == self.commands.has(command)));
        rules.join(&b' ')
    }

    /// The categories worth naming, best first: of each the larger part has to be told, and the fewest
    /// commands taken back; each one's commands count for those after it as told.
    fn categories(&self, catalog: &Catalog, additive: bool) -> Vec<(&'static str, Categories)> {
        let mut left = self.commands;
        let mut chosen: Vec<(&'static str, Categories)> = Vec::new();
        loop {
            let mut best: Option<(usize, usize, &'static str, Categories)> = None;
            for (category, name) in Categories::NAMES {
                if chosen.iter().any(|(known, _)| known == name) {
                    continue;
                }
                let (on, off): (Vec<_>, Vec<_>) =
                    catalog.of(*category).partition(|(command, _)| left.has(*command));
                let (same, different) = if additive { (on.len(), off.len()) } else { (off.len(), on.len()) };
                let is_better = best
                    .is_none_or(|(least, most, ..)| different < least || (different == least && same > most));
                if same > different && is_better {
                    best = Some((different, same, name, *category));
                }
            }
            let Some((_, _, name, category)) = best else { return chosen };
            left.set_category(catalog, category, !additive);
            chosen.push((name, category));
        }
    }
}

/// Whether one of these patterns allows a channel; a pattern of channels has to be among them as it is.
pub(crate) fn matches_any(patterns: &[Vec<u8>], channel: &[u8], is_pattern: bool) -> bool {
    patterns.iter().any(
        |pattern| {
            if is_pattern { pattern == channel } else { glob::matches(pattern, channel) }
        },
    )
}

/// `R~…`, `W~…` or both letters.
fn key_access(mut rest: &[u8]) -> Option<(Access, &[u8])> {
    let mut access = Access::empty();
    loop {
        let (letter, behind) = rest.split_first()?;
        let more = match letter {
            b'R' | b'r' => Access::READ,
            b'W' | b'w' => Access::WRITE,
            b'~' if !access.is_empty() => return Some((access, behind)),
            _ => return None,
        };
        if access.contains(more) {
            return None;
        }
        access |= more;
        rest = behind;
    }
}

/// Whether there are blanks or NULs in a name or pattern, which could not be written into a line.
pub(super) fn has_blanks(text: &[u8]) -> bool {
    text.iter().any(|byte| matches!(byte, 0 | b' ' | b'\t'..=b'\r'))
}
