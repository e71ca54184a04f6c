//! Users, and what they may do.

use std::rc::Rc;

/// A user.
#[derive(Debug, Default)]
pub(crate) struct User {}

/// Users, and what they may do.
#[derive(Debug, Default)]
pub(crate) struct Acl {
    default: Rc<User>,
}

impl Acl {
    /// As whom a client comes.
    pub(crate) fn default_user(&self) -> Rc<User> {
        self.default.clone()
    }
}
