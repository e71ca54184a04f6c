//! The user that a server goes on as, once it has opened what it needs privileges for.
//!
//! The one rule: the user is looked up first, so that a name that doesn't exist is said before
//! anything was done.

use crate::failed::Failed;
use crate::sys::{self, Account};
use std::ffi::CString;

/// A user that exists.
#[derive(Debug)]
pub(crate) struct User {
    name: CString,
    account: Account,
}

impl User {
    /// The user of this name.
    pub(crate) fn find(name: &str) -> Result<Self, Failed> {
        let unknown = || Failed::Work(format!("there is no user {name:?}"));
        let c_name = CString::new(name).map_err(|_| unknown())?;
        let found = sys::find_user(&c_name);
        let account =
            found.map_err(|error| Failed::doing(format_args!("looking for user {name:?}"), error))?;
        Ok(Self { name: c_name, account: account.ok_or_else(unknown)? })
    }

    /// Become this user, for good. Nothing happens if this process is the user already.
    pub(crate) fn assume(&self) -> Result<(), Failed> {
        let now = rustix::process::geteuid();
        if now.as_raw() == self.account.user && !now.is_root() {
            return Ok(());
        }
        sys::become_user(&self.name, self.account).map_err(|error| {
            let name = self.name.to_string_lossy();
            Failed::doing(format_args!("can't become user {name:?}, which only root can"), error)
        })
    }
}
