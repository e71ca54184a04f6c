//! What a client's user may run. The one rule: whatever is refused is answered in Redis's words, and noted
//! for ACL LOG.

use super::Server;
use super::client::{Client, State};
use super::pubsub::Kind;
use crate::acl::log::{Context, Entry, Reason};
use crate::acl::selector::{ChannelUse, Denial, Request, matches_any};
use crate::acl::{Changed, User};
use crate::command::error::Error;
use crate::command::keys;
use crate::command::registry::CommandId;
use crate::command::row::Flags;
use crate::config::Config;
use std::rc::Rc;

/// Running commands.
impl Server {
    /// Whether a client's user may make this call; if not, that is noted.
    #[inline]
    pub(crate) fn check_access(
        &mut self,
        client: &Rc<Client>,
        command: CommandId,
        args: &[&[u8]],
    ) -> Result<(), Denial> {
        if client.user.borrow().is_unrestricted() {
            return Ok(());
        }
        self.check_restricted(client, command, args)
    }

    #[cold]
    fn check_restricted(
        &mut self,
        client: &Rc<Client>,
        command: CommandId,
        args: &[&[u8]],
    ) -> Result<(), Denial> {
        let user = client.user.borrow().clone();
        let checked = self.may(&user, command, args);
        if let Err(denial) = checked {
            let (reason, object) = match denial {
                Denial::Command => (Reason::Command, self.registry.name(command).as_bytes()),
                Denial::Key(at) => (Reason::Key, args.get(at).copied().unwrap_or_default()),
                Denial::Channel(at) => (Reason::Channel, args.get(at).copied().unwrap_or_default()),
            };
            let object = object.to_vec();
            self.note_refusal(client, reason, &object, user.name());
        }
        checked
    }

    /// Whether a user may make this call.
    pub(crate) fn may(&self, user: &User, command: CommandId, args: &[&[u8]]) -> Result<(), Denial> {
        self.with_request(command, args, |request| user.check(request))
    }

    /// Describe a call for access control.
    pub(crate) fn with_request<R>(
        &self,
        command: CommandId,
        args: &[&[u8]],
        ask: impl FnOnce(&Request<'_>) -> R,
    ) -> R {
        let row = self.registry.entry(command).row;
        let mut keys = Vec::new();
        keys::find(row, args, &mut keys);
        ask(&Request {
            command: command.index(),
            is_open: row.flags.contains(Flags::NO_AUTH),
            args,
            keys: &keys,
            channels: ChannelUse::of(self.registry.name(command)),
        })
    }

    /// Whether what needs to be allowed by the configuration is.
    pub(crate) fn check_protected(&self, client: &Client, command: &str) -> Result<(), Error> {
        let (shown, directive, action) = match command {
            "debug" => ("DEBUG", "enable-debug-command", self.config.enable_debug_command),
            _ => ("MODULE", "enable-module-command", self.config.enable_module_command),
        };
        if Config::allows(action, client.transport.peer().is_local()) {
            return Ok(());
        }
        Err(Error::said(format!(
            "ERR {shown} command not allowed. If the {directive} option is set to \"local\", you can run it from a \
             local connection, otherwise you need to set this option in the configuration file, and then restart \
             the server."
        )))
    }

    /// Note for ACL LOG what was refused to whom.
    pub(super) fn note_refusal(&mut self, client: &Client, reason: Reason, object: &[u8], user: &[u8]) {
        let mut line = Vec::new();
        self.describe(client, None, &mut line);
        let within = client.is(State::MULTI | State::EXECUTING);
        let entry = Entry {
            count: 1,
            reason,
            context: if within { Context::Multi } else { Context::TopLevel },
            object: object.to_vec(),
            user: user.to_vec(),
            at_ms: self.clock.wall_ms(),
            client: String::from_utf8_lossy(line.trim_ascii_end()).into_owned(),
        };
        self.acl.log.add(entry, self.config.acllog_max_len);
    }
}

impl Denial {
    /// What is answered in place of running the command of this name.
    pub(crate) fn error(self, command: &str) -> Error {
        match self {
            Self::Command => {
                Error::said(format!("NOPERM this user has no permissions to run the '{command}' command"))
            }
            Self::Key(_) => {
                Error::text("NOPERM this user has no permissions to access one of the keys used as arguments")
            }
            Self::Channel(_) => Error::text(
                "NOPERM this user has no permissions to access one of the channels used as arguments",
            ),
        }
    }

    /// What ACL DRYRUN answers.
    pub(crate) fn explained(self, command: &str, args: &[&[u8]]) -> Vec<u8> {
        let begin = b"This user has no permissions to ";
        let argument = |at: usize| args.get(at).copied().unwrap_or_default();
        match self {
            Self::Command => [begin, b"run the '".as_slice(), command.as_bytes(), b"' command"].concat(),
            Self::Key(at) => [begin, b"access the '".as_slice(), argument(at), b"' key"].concat(),
            Self::Channel(at) => [begin, b"access the '".as_slice(), argument(at), b"' channel"].concat(),
        }
    }

    /// What is answered for a command that was queued while it was allowed still.
    pub(crate) fn error_in_exec(self) -> Error {
        let reason = match self {
            Self::Command => "no permission to execute the command or subcommand",
            Self::Key(_) => "no permission to touch the specified keys",
            Self::Channel(_) => "no permission to access one of the channels used as arguments",
        };
        Error::said(format!(
            "NOPERM ACLs rules changed between the moment the transaction was accumulated and the EXEC call. This \
             command is no longer allowed for the following reason: {reason}"
        ))
    }
}

/// Users that change while clients are they.
impl Server {
    /// A user is gone: whoever is it, goes too. `current` is answered first.
    pub(crate) fn dismiss(&mut self, user: &Rc<User>, current: &Rc<Client>) {
        let clients: Vec<Rc<Client>> = self.clients.iter().cloned().collect();
        for client in clients.iter().filter(|client| Rc::ptr_eq(&client.user.borrow(), user)) {
            *client.user.borrow_mut() = self.acl.default_user();
            client.set(State::AUTHENTICATED, false);
            // On an errand, it is answered at its end.
            if Rc::ptr_eq(client, current) && client.is(State::BLOCKED) {
                client.set(State::CLOSING, true);
            } else {
                self.close_client(client);
            }
        }
    }

    /// A user has changed: whoever subscribes as it to what it has no right to any more, goes.
    pub(crate) fn dismiss_subscribers(&mut self, changed: &Changed) {
        let Some(left) = &changed.channels_left else { return };
        let clients: Vec<Rc<Client>> = self.clients.iter().cloned().collect();
        for client in clients.iter().filter(|client| Rc::ptr_eq(&client.user.borrow(), &changed.user)) {
            let has_lost = [Kind::Pattern, Kind::Channel, Kind::Shard].into_iter().any(|kind| {
                let names = client.subscribed_names(kind);
                names.iter().any(|name| !matches_any(left, name, kind == Kind::Pattern))
            });
            if has_lost {
                self.close_client(client);
            }
        }
    }
}
