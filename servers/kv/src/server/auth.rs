//! Who a client is. The one rule: a client is somebody from its first byte on, the default user, who may or may not
//! need a password.

use super::Server;
use super::client::{Client, State};
use crate::acl::log::{Context, Entry, Reason};
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

    /// Make a client this user, if the password is right.
    ///
    /// # Errors
    /// If it is not, or there is no such user, or it may not be used; which of these is not said.
    pub(crate) fn authenticate(
        &mut self,
        client: &Rc<Client>,
        name: &[u8],
        password: &[u8],
    ) -> Result<(), Error> {
        let Some(user) = self.acl.authenticate(name, password).cloned() else {
            self.note_refused_authentication(client, name);
            return Err(Error::text("WRONGPASS invalid username-password pair or user is disabled."));
        };
        client.user.replace(user);
        client.set(State::AUTHENTICATED, true);
        Ok(())
    }

    fn note_refused_authentication(&mut self, client: &Client, name: &[u8]) {
        let in_transaction = client.is(State::EXECUTING);
        let command = client.last_command.get().map(|command| self.registry.name(command));
        let mut line = Vec::new();
        self.describe(client, None, &mut line);
        let entry = Entry {
            count: 1,
            reason: Reason::Auth,
            context: if in_transaction { Context::Multi } else { Context::TopLevel },
            object: command.unwrap_or("auth").as_bytes().to_vec(),
            user: name.to_vec(),
            at_ms: self.clock.wall_ms(),
            client: String::from_utf8_lossy(line.trim_ascii_end()).into_owned(),
        };
        self.acl.log.add(entry, self.config.acllog_max_len);
    }
}
