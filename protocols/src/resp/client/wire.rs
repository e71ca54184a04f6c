//! What all clients' connections share: the conversation that begins one, and the decoding. The one
//! rule: nobody else's command is sent before the server has accepted all of that conversation, so
//! that none is executed in the wrong database, or by the wrong user.
//!
//! ```text
//! SettingUp ── HELLO, AUTH, SELECT accepted ──▶ Ready ── lost ──▶ over
//!     └─────── refused, or too late ─────────────────────────────▶
//! ```

use super::{ClientError, ClientOptions};
use crate::resp::decoder::{REPLY_LINE_BYTES_MAX, ReplyDecoder};
use crate::resp::value::{ServerError, Value};
use crate::resp::{Version, encode_command};
use bytes::{Buf, BytesMut};
use ropewalk_reactor::{Deferred, Eof, Protocol, Reactor, Reason, Resolver, Transport};
use std::collections::VecDeque;
use std::rc::Rc;

/// For a string that is under way, room for so many bytes at the most is made at once.
const ROOM_MAX: usize = 1024 * 1024;

/// What a client does with its connection.
pub(super) trait Session {
    /// The server has accepted the connection.
    fn ready(&self, transport: &Transport);

    /// A reply, or a push.
    fn received(&self, transport: &Transport, value: Value) -> Result<(), ClientError>;

    /// The connection is gone, or was never accepted.
    fn lost(&self, error: &ClientError);
}

/// A connection to a server.
pub(super) struct Wire<S> {
    session: Rc<S>,
    options: Rc<ClientOptions>,
    decoder: ReplyDecoder,
    /// The commands whose acceptance is awaited.
    setting_up: VecDeque<&'static str>,
    /// Told when the server has accepted the connection.
    accepted: Option<Resolver<()>>,
    /// Why we gave it up.
    trouble: Option<ClientError>,
}

/// Connect, and have the server accept the connection. Cancelling gives that up.
pub(super) fn connect<S: Session + 'static>(
    reactor: &Reactor,
    endpoint: &str,
    session: Rc<S>,
    options: Rc<ClientOptions>,
) -> Deferred<()> {
    let (resolver, accepted) = reactor.deferred();
    let mut wire = Wire::new(session, options);
    wire.accepted = Some(resolver);
    reactor.connect(endpoint, wire).chain(move |_| accepted)
}

impl<S: Session> Wire<S> {
    pub(super) fn new(session: Rc<S>, options: Rc<ClientOptions>) -> Self {
        let decoder = ReplyDecoder::new(options.limits);
        Self { session, options, decoder, setting_up: VecDeque::new(), accepted: None, trouble: None }
    }

    fn take(&mut self, transport: &Transport, value: Value) -> Result<(), ClientError> {
        let Some(command) = self.setting_up.front().copied() else {
            return self.session.received(transport, value);
        };
        match value {
            Value::Push(_) => return Ok(()),
            Value::Error(text) => return Err(ClientError::Refused { command, error: ServerError(text) }),
            _ => drop(self.setting_up.pop_front()),
        }
        if self.setting_up.is_empty() {
            self.become_ready(transport);
        }
        Ok(())
    }

    fn become_ready(&mut self, transport: &Transport) {
        transport.set_timeout(None);
        if let Some(accepted) = self.accepted.take() {
            accepted.resolve(Ok(()));
        }
        self.session.ready(transport);
    }

    fn give_up(&mut self, transport: &Transport, error: ClientError) {
        self.trouble.get_or_insert(error);
        transport.abort();
    }
}

impl<S: Session> Protocol for Wire<S> {
    fn connection_made(&mut self, transport: &Transport) {
        transport.set_input_max(self.options.limits.bulk_bytes_max.saturating_add(REPLY_LINE_BYTES_MAX));
        if let Some(accepted) = &self.accepted {
            let transport = transport.clone();
            accepted.on_cancel(move || transport.abort());
        }
        for (name, command) in beginning(&self.options) {
            transport.write_with(|out| encode_command(&command, out));
            self.setting_up.push_back(name);
        }
        if self.setting_up.is_empty() {
            return self.become_ready(transport);
        }
        transport.set_timeout(Some(self.options.set_up_timeout));
    }

    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        let mut rest = &input[..];
        while transport.is_reading() {
            let outcome = match self.decoder.decode(&mut rest) {
                Ok(Some(value)) => self.take(transport, value),
                Ok(None) => break,
                Err(error) => Err(error.into()),
            };
            if let Err(error) = outcome {
                self.give_up(transport, error);
            }
        }
        let taken = input.len().saturating_sub(rest.len());
        input.advance(taken);
        if !input.is_empty() {
            input.reserve(self.decoder.missing().min(ROOM_MAX));
        }
    }

    fn eof_received(&mut self, _: &Transport) -> Eof {
        self.trouble.get_or_insert_with(|| ClientError::Lost("the server closed it".to_owned()));
        Eof::Close
    }

    fn timed_out(&mut self, transport: &Transport) {
        let error = match self.options.reply_timeout {
            Some(limit) if self.setting_up.is_empty() => ClientError::ReplyTimedOut(limit),
            _ => ClientError::SetUpTimedOut(self.options.set_up_timeout),
        };
        self.give_up(transport, error);
    }

    fn connection_lost(&mut self, _: &Transport, why: &Reason) {
        let error = self.trouble.take().unwrap_or_else(|| {
            ClientError::Lost(match why {
                Reason::Lost(error) => error.to_string(),
                why => why.to_string(),
            })
        });
        if let Some(accepted) = self.accepted.take() {
            accepted.resolve(Err(error.clone().into()));
        }
        self.session.lost(&error);
    }

    fn name(&self) -> &'static str {
        std::any::type_name::<S>()
    }
}

/// What a connection begins with, and what to call it.
fn beginning(options: &ClientOptions) -> Vec<(&'static str, Vec<String>)> {
    let words = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    let mut commands = Vec::new();
    match options.version {
        Version::Resp3 => {
            let mut hello = words(&["HELLO", "3"]);
            if let Some(password) = &options.password {
                let username = options.username.as_deref().unwrap_or("default");
                hello.extend(words(&["AUTH", username, password]));
            }
            if let Some(name) = &options.name {
                hello.extend(words(&["SETNAME", name]));
            }
            commands.push(("HELLO", hello));
        }
        Version::Resp2 => {
            if let Some(password) = &options.password {
                let username = options.username.iter().cloned();
                let auth = std::iter::once("AUTH".to_owned()).chain(username).chain([password.clone()]);
                commands.push(("AUTH", auth.collect()));
            }
            if let Some(name) = &options.name {
                commands.push(("CLIENT SETNAME", words(&["CLIENT", "SETNAME", name])));
            }
        }
    }
    if options.database != 0 {
        commands.push(("SELECT", words(&["SELECT", &options.database.to_string()])));
    }
    commands
}
