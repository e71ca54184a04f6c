//! Commands that wait for the disk. The one rule: a client whose errand is under way is read no more until
//! it is answered, and nothing but the errand's end, or the client's, ends it.

use super::Server;
use super::blocking::{Otherwise, Wait};
use super::client::{Client, State};
use crate::command::call::Call;
use crate::command::error::Error;
use crate::store::value::Kind;
use ropewalk_reactor::{Deferred, Result};
use std::rc::Rc;

impl Call<'_> {
    /// Have the client wait for `work`; what `finish` makes of its outcome is answered then, `OK` if it is well.
    /// Within a transaction nothing can wait.
    ///
    /// # Errors
    /// Within a transaction.
    pub(crate) fn wait_for<T: 'static>(
        &mut self,
        work: Deferred<T>,
        finish: impl FnOnce(&mut Server, &Rc<Client>, Result<T>) -> std::result::Result<(), Error> + 'static,
    ) -> std::result::Result<(), Error> {
        if self.in_transaction() {
            return Err(Error::text("ERR Command not allowed inside a transaction"));
        }
        let (me, client) = (self.server.me.clone(), self.client.clone());
        work.finally(move |outcome| {
            let Some(server) = me.upgrade() else { return };
            let server = &mut *server.borrow_mut();
            server.clock.advance(server.reactor.now());
            let done = finish(server, &client, outcome);
            server.end_errand(&client, &done);
        });
        self.wait = Some(Wait {
            keys: Vec::new(),
            kind: Kind::String,
            timeout: None,
            otherwise: Otherwise::Null,
            again: None,
            even_if_gone: false,
        });
        Ok(())
    }
}

impl Server {
    fn end_errand(&mut self, client: &Rc<Client>, done: &std::result::Result<(), Error>) {
        if let Err(error) = done {
            self.stats.count_error(&error.reply());
        }
        let is_waiting = client.extras(|extras| extras.waiter.is_some()) == Some(true);
        if is_waiting {
            self.account_waiting(client);
            client.answer(|reply| match done {
                Ok(()) => reply.ok(),
                Err(error) => reply.error(error.reply()),
            });
            self.unblock(client);
            if client.is(State::CLOSING) {
                client.close_after_reply();
            }
        }
    }
}
