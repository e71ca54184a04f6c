//! A user: who may authenticate as it, and with which rights. The one rule: rights are replaced as a whole,
//! so that no call ever sees half of a change.

use super::catalog::Catalog;
use super::password::Hash;
use super::rule::{RuleError, inside};
use super::selector::{Access, Denial, Request, Selector};
use bitflags::bitflags;
use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;

bitflags! {
    /// What a user is.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub(crate) struct Flags: u8 {
        /// Anybody may authenticate as it.
        const ON = 1;
        /// Nobody may.
        const OFF = 2;
        /// Any password is right.
        const NOPASS = 4;
        /// What it restores need not be checked in depth.
        const SKIP_SANITIZE = 8;
        /// What it restores is checked in depth.
        const SANITIZE = 16;
    }
}

/// The name of each, in the order in which they are shown.
const FLAG_NAMES: [(&str, Flags); 5] = [
    ("on", Flags::ON),
    ("off", Flags::OFF),
    ("nopass", Flags::NOPASS),
    ("skip-sanitize-payload", Flags::SKIP_SANITIZE),
    ("sanitize-payload", Flags::SANITIZE),
];

impl Flags {
    /// The names of those that are set.
    pub(crate) fn names(self) -> impl Iterator<Item = &'static str> {
        FLAG_NAMES.iter().filter(move |(_, flag)| self.contains(*flag)).map(|(name, _)| *name)
    }
}

/// What a user may do, and how one becomes it.
#[derive(Clone, Debug)]
pub(crate) struct Rights {
    /// What it is.
    pub(crate) flags: Flags,
    /// Its passwords.
    pub(crate) passwords: Vec<Hash>,
    /// What may be done: the root selector, then others; a call has to agree with one of them.
    root: Selector,
    more: Vec<Selector>,
}

impl Rights {
    /// Those of a new user: none, but to channels perhaps.
    pub(super) fn new(all_channels: bool) -> Self {
        Self { flags: Flags::OFF, passwords: Vec::new(), root: Selector::new(all_channels), more: Vec::new() }
    }

    /// Apply a rule. New selectors have all channels, if `all_channels`.
    pub(super) fn apply(
        &mut self,
        catalog: &Catalog,
        rule: &[u8],
        all_channels: bool,
    ) -> Result<(), RuleError> {
        match rule.to_ascii_lowercase().as_slice() {
            b"" => {}
            b"on" => self.choose(Flags::ON, Flags::OFF),
            b"off" => self.choose(Flags::OFF, Flags::ON),
            b"skip-sanitize-payload" => self.choose(Flags::SKIP_SANITIZE, Flags::SANITIZE),
            b"sanitize-payload" => self.choose(Flags::SANITIZE, Flags::SKIP_SANITIZE),
            b"nopass" => self.reset_passwords(true),
            b"resetpass" => self.reset_passwords(false),
            b"clearselectors" => self.more.clear(),
            b"reset" => {
                *self = Self::new(all_channels);
                self.flags |= Flags::SANITIZE;
            }
            _ => return self.apply_one(catalog, rule, all_channels),
        }
        Ok(())
    }

    fn apply_one(&mut self, catalog: &Catalog, rule: &[u8], all_channels: bool) -> Result<(), RuleError> {
        let hash = |text| Hash::parse(text).ok_or(RuleError::BadHash);
        match rule {
            [b'>', password @ ..] => self.add_password(Hash::of(password)),
            [b'#', text @ ..] => self.add_password(hash(text)?),
            [b'<', password @ ..] => return self.remove_password(Hash::of(password)),
            [b'!', text @ ..] => return self.remove_password(hash(text)?),
            _ => match inside(rule) {
                Some(rules) => {
                    let mut selector = Selector::new(all_channels);
                    rules?.iter().try_for_each(|rule| selector.apply(catalog, rule))?;
                    self.more.push(selector);
                }
                None => return self.root.apply(catalog, rule),
            },
        }
        Ok(())
    }

    fn choose(&mut self, on: Flags, off: Flags) {
        self.flags.insert(on);
        self.flags.remove(off);
    }

    fn reset_passwords(&mut self, nopass: bool) {
        self.flags.set(Flags::NOPASS, nopass);
        self.passwords.clear();
    }

    fn add_password(&mut self, hash: Hash) {
        if !self.passwords.contains(&hash) {
            self.passwords.push(hash);
        }
        self.flags.remove(Flags::NOPASS);
    }

    fn remove_password(&mut self, hash: Hash) -> Result<(), RuleError> {
        let position = self.passwords.iter().position(|known| *known == hash);
        self.passwords.remove(position.ok_or(RuleError::NoSuchPassword)?);
        Ok(())
    }

    /// The root selector, and then the others.
    pub(crate) fn selectors(&self) -> impl Iterator<Item = &Selector> {
        std::iter::once(&self.root).chain(&self.more)
    }

    /// Whether this password is right.
    pub(super) fn accept(&self, password: &[u8]) -> bool {
        let hash = Hash::of(password);
        let known = hash.is_among(&self.passwords);
        !self.flags.contains(Flags::OFF) && (self.flags.contains(Flags::NOPASS) || known)
    }

    /// Whether a call is allowed: if not, by how far it came with the selector that it came furthest with.
    fn check(&self, request: &Request<'_>) -> Result<(), Denial> {
        let mut furthest = Denial::Command;
        for selector in self.selectors() {
            match selector.check(request) {
                Ok(()) => return Ok(()),
                Err(denial) => furthest = furthest.max(denial),
            }
        }
        Err(furthest)
    }

    /// The patterns of channels of all selectors; none if one of them has all channels.
    fn channels(&self) -> Option<Vec<Vec<u8>>> {
        let lists: Option<Vec<&[Vec<u8>]>> = self.selectors().map(Selector::channels).collect();
        lists.map(|lists| lists.concat())
    }

    /// The patterns of channels that are left, if these are other rights and lack what `before` had.
    pub(super) fn channels_left(&self, before: &Self) -> Option<Vec<Vec<u8>>> {
        let left = self.channels()?;
        match before.channels() {
            Some(had) if had.iter().all(|pattern| left.contains(pattern)) => None,
            _ => Some(left),
        }
    }

    fn describe(&self, catalog: &Catalog) -> Vec<u8> {
        let mut rules: Vec<Vec<u8>> = self.flags.names().map(|name| name.as_bytes().to_vec()).collect();
        rules.extend(self.passwords.iter().map(|hash| format!("#{}", hash.text()).into_bytes()));
        rules.push(self.root.describe(catalog));
        rules.extend(self.more.iter().map(|more| [b"(", more.describe(catalog).as_slice(), b")"].concat()));
        rules.join(&b' ')
    }
}

/// What ACL GETUSER shows of a selector: rules about commands, keys and channels.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    /// `-@all +get`.
    pub(crate) commands: Vec<u8>,
    /// `~a %R~b`.
    pub(crate) keys: Vec<u8>,
    /// `&c`.
    pub(crate) channels: Vec<u8>,
}

impl Shown {
    /// Of a selector.
    pub(crate) fn of(selector: &Selector, catalog: &Catalog) -> Self {
        Self {
            commands: selector.describe_commands(catalog),
            keys: selector.key_rules().join(&b' '),
            channels: selector.channel_rules().join(&b' '),
        }
    }
}

/// Somebody that clients can be.
#[derive(Debug)]
pub(crate) struct User {
    name: Box<[u8]>,
    rights: RefCell<Rights>,
    /// All may be done: what the rights say too, at hand for each command.
    unrestricted: Cell<bool>,
    /// The rights as rules, as long as they have not changed.
    description: RefCell<Option<Rc<[u8]>>>,
}

impl User {
    pub(super) fn new(name: &[u8], rights: Rights) -> Self {
        let user = Self {
            name: name.into(),
            rights: RefCell::new(rights),
            unrestricted: Cell::new(false),
            description: RefCell::default(),
        };
        user.settle();
        user
    }

    fn settle(&self) {
        let unrestricted = self.rights.borrow().selectors().any(Selector::is_unrestricted);
        self.unrestricted.set(unrestricted);
        self.description.take();
    }

    /// Its name.
    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    /// What it may do.
    pub(crate) fn rights(&self) -> Ref<'_, Rights> {
        self.rights.borrow()
    }

    pub(super) fn replace_rights(&self, rights: Rights) -> Rights {
        let before = self.rights.replace(rights);
        self.settle();
        before
    }

    /// Whether there is nothing that it may not do: then nothing need be checked.
    #[inline]
    pub(crate) fn is_unrestricted(&self) -> bool {
        self.unrestricted.get()
    }

    /// Whether a client is this user without having authenticated.
    pub(crate) fn is_free(&self) -> bool {
        let flags = self.rights.borrow().flags;
        flags.contains(Flags::NOPASS) && !flags.contains(Flags::OFF)
    }

    /// Whether any password is right.
    pub(crate) fn accepts_anything(&self) -> bool {
        self.rights.borrow().flags.contains(Flags::NOPASS)
    }

    /// Whether it may make this call.
    pub(crate) fn check(&self, request: &Request<'_>) -> Result<(), Denial> {
        if self.is_unrestricted() { Ok(()) } else { self.rights.borrow().check(request) }
    }

    /// Whether a selector allows this call and every key as well, as SORT needs for keys that it computes.
    pub(crate) fn allows_with_all_keys(&self, request: &Request<'_>, access: Access) -> bool {
        let rights = self.rights.borrow();
        rights.selectors().any(|selector| selector.check(request).is_ok() && selector.allows_all_keys(access))
    }

    /// Its rights as rules that make the same again, passwords by their hashes.
    pub(crate) fn describe(&self, catalog: &Catalog) -> Rc<[u8]> {
        let mut description = self.description.borrow_mut();
        description.get_or_insert_with(|| self.rights.borrow().describe(catalog).into()).clone()
    }
}
