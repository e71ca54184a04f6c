//! Who a client is. The one rule: a client is somebody from its first byte on, the default user, who may or may not
//! need a password.

use super::Server;
use super::client::{Client, State};
use crate::acl::log::Reason;
use crate::command::error::Error;
use std::rc::Rc;

impl Server {
    /// Whether a client that has not authenticated has to.
    #[inline]
    pub(crate) fn needs_authentication(&self) -> bool {
        !self.acl.default_user().is_free()
    }

    /// Whether the default user has a password to be checked.
    pub(crate) fn default_user_has_password(&self) -> bool {
        !self.acl.default_user().accepts_anything()
    }

    /// Make a client the default user again, as whom it came.
    pub(crate) fn sign_out(&self, client: &Client) {
        let user = self.acl.default_user();
        client.set(State::AUTHENTICATED, user.is_free());
        client.user.replace(user);
    }

    /// Make a client this user, if the password is right. `command` is what it asked with, as it wrote it.
    ///
    /// # Errors
    /// If it is not, or there is no such user, or it may not be used; which of these is not said.
    pub(crate) fn authenticate(
        &mut self,
        client: &Rc<Client>,
        command: &[u8],
        name: &[u8],
        password: &[u8],
    ) -> Result<(), Error> {
        let Some(user) = self.acl.authenticate(name, password).cloned() else {
            self.note_refusal(client, Reason::Auth, command, name);
            return Err(Error::text("WRONGPASS invalid username-password pair or user is disabled."));
        };
        client.user.replace(user);
        client.set(State::AUTHENTICATED, true);
        Ok(())
    }
}
