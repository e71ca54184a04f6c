//! Users in lines of text: those of redis.conf, and a file of their own. The one rule: a file is loaded whole
//! or not at all, and every line that is wrong is told.

use super::rule::{RuleError, merge_selectors};
use super::selector::has_blanks;
use super::user::{Flags, Rights};
use super::{Acl, DEFAULT, User, default_rights};
use std::collections::BTreeMap;
use std::rc::Rc;

type Users = BTreeMap<Box<[u8]>, Rc<User>>;

impl Acl {
    /// Take over the users that redis.conf has: the name and the rules of each.
    ///
    /// # Errors
    /// If one of the rules can't be.
    pub(crate) fn configure(&mut self, users: &[Vec<Vec<u8>>]) -> Result<(), String> {
        for words in users {
            let Some((name, rules)) = words.split_first() else { continue };
            if has_blanks(name) {
                return Err("Spaces not allowed in ACL usernames".to_owned());
            }
            let rules: Vec<&[u8]> = rules.iter().map(Vec::as_slice).collect();
            let rights = self.configured(name, &rules)?;
            if rights.flags.contains(Flags::OFF) {
                tracing::info!(
                    "The user '{}' is disabled (there is no 'on' modifier in the user description). Make sure \
                     this is not a configuration error.",
                    String::from_utf8_lossy(name)
                );
            }
            match self.find(name) {
                Some(user) => drop(user.replace_rights(rights)),
                None => drop(self.users.insert(name.as_slice().into(), Rc::new(User::new(name, rights)))),
            }
        }
        Ok(())
    }

    fn configured(&self, name: &[u8], rules: &[&[u8]]) -> Result<Rights, String> {
        let mut rights = Rights::new(self.all_channels);
        if name == DEFAULT {
            rights.apply(&self.catalog, b"reset", self.all_channels).expect("this rule always applies");
        }
        let failed = |rule: &[u8], why: RuleError| {
            let [rule, name] = [rule, name].map(String::from_utf8_lossy);
            format!("Error loading ACL rule '{rule}' for the user named '{name}': {why}")
        };
        let merged = merge_selectors(rules)
            .map_err(|open| failed(rules.get(open).copied().unwrap_or_default(), RuleError::Syntax))?;
        for rule in &merged {
            rights.apply(&self.catalog, rule, self.all_channels).map_err(|why| failed(rule, why))?;
        }
        Ok(rights)
    }

    /// Check the rules of a user of redis.conf. Commands that are not known are found out later.
    ///
    /// # Errors
    /// The rule that can't be, and why.
    pub(crate) fn check_rules(&self, rules: &[&[u8]]) -> Result<(), (Vec<u8>, RuleError)> {
        let merged = merge_selectors(rules)
            .map_err(|open| (rules.get(open).copied().unwrap_or_default().to_vec(), RuleError::Syntax))?;
        let mut rights = Rights::new(self.all_channels);
        for rule in merged {
            match rights.apply(&self.catalog, &rule, self.all_channels) {
                Ok(()) | Err(RuleError::Unknown) => {}
                Err(why) => return Err((rule, why)),
            }
        }
        Ok(())
    }

    /// Replace all users by those of a file. Returns those that were there before, the default user left out, whose
    /// clients have to go.
    ///
    /// # Errors
    /// If there is anything wrong: all of it, and nothing is changed.
    pub(crate) fn load(&mut self, text: &[u8], file: &str) -> Result<Vec<Rc<User>>, String> {
        let mut users = Users::new();
        let mut errors = String::new();
        for (index, line) in text.split(|byte| *byte == b'\n').enumerate() {
            let place = Place { file, line: index.saturating_add(1) };
            self.load_line(line.trim_ascii(), place, &mut users, &mut errors);
        }
        if !errors.is_empty() {
            let end =
                "WARNING: ACL errors detected, no change to the previously active ACL rules was performed";
            return Err(errors + end);
        }
        let rights = match users.get(DEFAULT) {
            Some(user) => user.rights().clone(),
            None => default_rights(&self.catalog),
        };
        self.default.replace_rights(rights);
        users.insert(DEFAULT.into(), self.default.clone());
        let before = std::mem::replace(&mut self.users, users);
        Ok(before.into_values().filter(|user| !Rc::ptr_eq(user, &self.default)).collect())
    }

    fn load_line(&self, line: &[u8], place: Place<'_>, users: &mut Users, errors: &mut String) {
        let Place { file, line: number } = place;
        if line.is_empty() {
            return;
        }
        let words: Vec<&[u8]> = line.split(|byte| *byte == b' ').collect();
        let [b"user", name, rules @ ..] = words.as_slice() else {
            *errors += &format!("{file}:{number} should start with user keyword followed by the username. ");
            return;
        };
        let shown = String::from_utf8_lossy(name);
        if has_blanks(name) {
            *errors += &format!("'{file}:{number}: username '{shown}' contains invalid characters. ");
            return;
        }
        if users.contains_key(*name) {
            *errors += &format!("WARNING: Duplicate user '{shown}' found on line {number}. ");
            return;
        }
        let mut rights = Rights::new(self.all_channels);
        match merge_selectors(rules) {
            Ok(rules) => self.load_rules(&rules, place, &mut rights, errors),
            Err(_) => *errors += &format!("{file}:{number}: Unmatched parenthesis in selector definition. "),
        }
        users.insert((*name).into(), Rc::new(User::new(name, rights)));
    }

    fn load_rules(
        &self,
        rules: &[Vec<u8>],
        Place { file, line }: Place<'_>,
        rights: &mut Rights,
        errors: &mut String,
    ) {
        // What else is wrong in a line may only follow from the first fault, and may tell a secret.
        let mut told = false;
        for rule in rules {
            let rule = rule.trim_ascii();
            match rights.apply(&self.catalog, rule, self.all_channels) {
                Ok(()) => {}
                Err(why @ RuleError::Unknown) => {
                    let rule = String::from_utf8_lossy(rule);
                    *errors += &format!("{file}:{line}: Error in applying operation '{rule}': {why}. ");
                }
                Err(why) if !told => {
                    *errors += &format!("{file}:{line}: {why}. ");
                    told = true;
                }
                Err(_) => {}
            }
        }
    }

    /// All users, as a file that makes the same again.
    pub(crate) fn save(&self) -> Vec<u8> {
        self.users().flat_map(|user| [b"user ", self.line(user).as_slice(), b"\n"].concat()).collect()
    }
}

/// Where a line stands.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a str,
    line: usize,
}
