//! Access control: users, passwords, rules, and the log of what was refused. The one rule: it knows names and
//! numbers of commands, keys and channels, but no client and no connection; whoever asks says what a call uses.
//!
//! ```text
//! user ann on #… (~a +get)      Acl ─┬─ User ── Rights ─┬─ passwords
//!      ╰── rules: ACL SETUSER,       │                  ╰─ Selector: commands, keys, channels
//!          redis.conf, aclfile       ├─ User …             a call has to agree with all of one
//!                                    ╰─ Log
//! ```

pub(crate) mod catalog;
mod file;
pub(crate) mod log;
mod password;
pub(crate) mod rule;
pub(crate) mod selector;
#[cfg(test)]
mod tests;
pub(crate) mod user;

pub(crate) use user::User;

use crate::command::error::as_c_string;
use catalog::Catalog;
use log::Log;
use rule::merge_selectors;
use selector::has_blanks;
use std::collections::BTreeMap;
use std::rc::Rc;
use user::Rights;

/// The user that a client is before it says who it is.
const DEFAULT: &[u8] = b"default";

/// What ACL SETUSER has done.
#[derive(Debug)]
pub(crate) struct Changed {
    /// Whom it has changed, or made.
    pub(crate) user: Rc<User>,
    /// If rights to channels were taken away: the patterns that are left. Clients that subscribe to others have
    /// to go.
    pub(crate) channels_left: Option<Vec<Vec<u8>>>,
}

/// Users, and what they may do.
#[derive(Debug)]
pub(crate) struct Acl {
    catalog: Rc<Catalog>,
    default: Rc<User>,
    users: BTreeMap<Box<[u8]>, Rc<User>>,
    /// Whether new users and selectors have all channels: `acl-pubsub-default`.
    pub(crate) all_channels: bool,
    /// What was refused.
    pub(crate) log: Log,
}

impl Acl {
    /// The default user alone, who may do everything without a password.
    pub(crate) fn new(catalog: Rc<Catalog>) -> Self {
        let default = Rc::new(User::new(DEFAULT, default_rights(&catalog)));
        let users = BTreeMap::from([(DEFAULT.into(), default.clone())]);
        Self { catalog, default, users, all_channels: false, log: Log::default() }
    }

    /// The commands that rules are about.
    pub(crate) fn catalog(&self) -> &Rc<Catalog> {
        &self.catalog
    }

    /// The user that a client is before it says who it is.
    pub(crate) fn default_user(&self) -> Rc<User> {
        self.default.clone()
    }

    /// The user of this name.
    pub(crate) fn find(&self, name: &[u8]) -> Option<&Rc<User>> {
        self.users.get(name)
    }

    /// All users, by their names.
    pub(crate) fn users(&self) -> impl ExactSizeIterator<Item = &Rc<User>> {
        self.users.values()
    }

    /// The user of this name, if the password is right.
    pub(crate) fn authenticate(&self, name: &[u8], password: &[u8]) -> Option<&Rc<User>> {
        self.find(name).filter(|user| user.rights().accept(password))
    }

    /// Give the default user this password alone, or have it need none.
    pub(crate) fn require_password(&mut self, password: &[u8]) {
        let mut rights = self.default.rights().clone();
        let rules = match password {
            [] => [b"resetpass".to_vec(), b"nopass".to_vec()],
            _ => [b"resetpass".to_vec(), [b">", password].concat()],
        };
        for rule in rules {
            rights.apply(&self.catalog, &rule, self.all_channels).expect("these rules always apply");
        }
        self.default.replace_rights(rights);
    }

    /// Make a user, or change one, by all of these rules or none.
    ///
    /// # Errors
    /// If one of them can't be: what is to be answered, without a code.
    pub(crate) fn set_user(&mut self, name: &[u8], rules: &[&[u8]]) -> Result<Changed, Vec<u8>> {
        if has_blanks(name) {
            return Err(b"Usernames can't contain spaces or null characters".to_vec());
        }
        let rules = merge_selectors(rules).map_err(|open| {
            let begun = as_c_string(rules.get(open).copied().unwrap_or_default());
            [b"Unmatched parenthesis in acl selector starting at '", begun, b"'."].concat()
        })?;
        let known = self.users.get(name).cloned();
        let mut rights = match &known {
            Some(user) => user.rights().clone(),
            None => Rights::new(self.all_channels),
        };
        for rule in &rules {
            rights.apply(&self.catalog, rule, self.all_channels).map_err(|error| {
                let why = error.to_string();
                let rule = as_c_string(rule);
                [b"Error in ACL SETUSER modifier '", rule, b"': ", why.as_bytes()].concat()
            })?;
        }
        let Some(user) = known else {
            let user = Rc::new(User::new(name, rights));
            self.users.insert(name.into(), user.clone());
            return Ok(Changed { user, channels_left: None });
        };
        let channels_left = rights.channels_left(&user.rights());
        user.replace_rights(rights);
        Ok(Changed { user, channels_left })
    }

    /// Remove a user, who is not the default one. Its clients have to go.
    pub(crate) fn delete(&mut self, name: &[u8]) -> Option<Rc<User>> {
        if name == DEFAULT { None } else { self.users.remove(name) }
    }

    /// The rules of a user, with its name before them.
    pub(crate) fn line(&self, user: &User) -> Vec<u8> {
        [user.name(), b" ", &user.describe(&self.catalog)].concat()
    }
}

/// The default user's, before anything is configured.
fn default_rights(catalog: &Catalog) -> Rights {
    let mut rights = Rights::new(false);
    for rule in ["+@all", "~*", "&*", "on", "nopass"] {
        rights.apply(catalog, rule.as_bytes(), false).expect("these rules always apply");
    }
    rights
}
