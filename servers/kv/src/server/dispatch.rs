//! From arguments to a reply: what is checked before a command runs, and what follows when it has. The one
//! rule: the checks stand in Redis's order, for that decides which error is answered.

use super::Server;
use super::blocking::Wait;
use super::client::{Client, Queued, State};
use super::timing::Ran;
use crate::command::call::{Call, Effects};
use crate::command::error::{self, Error};
use crate::command::keys;
use crate::command::registry::CommandId;
use crate::command::row::{Command, Flags};
use crate::store::database::Key;
use bytes::{Bytes, BytesMut};
use ropewalk_protocols::resp::{ReplyWriter, Version};
use std::rc::Rc;

/// What the session does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    /// The next command.
    Next,
    /// Nothing, before the client has been answered.
    Stop,
    /// This command again, later.
    Postpone,
}

impl Server {
    /// Run a command of a client, and write its reply behind `out`. `found` is the command's row, where it is known
    /// already, and `key` its first key.
    pub(crate) fn execute(
        &mut self,
        client: &Rc<Client>,
        args: &[&[u8]],
        found: Option<CommandId>,
        key: Option<Key<'_>>,
        out: &mut BytesMut,
    ) -> Flow {
        let before = out.len();
        let mut reply = ReplyWriter::bounded(out, client.version.get(), self.reply_bytes_max(client));
        let flow = match self.admit(client, args, found) {
            Ok(Admitted::Run(command)) => {
                match self.run_keyed(client, command, args, None, key, &mut reply) {
                    Some(wait) => {
                        self.block(client, command, args, wait);
                        Flow::Stop
                    }
                    None => Flow::Next,
                }
            }
            Ok(Admitted::Queue(command)) => {
                queue(client, command, args);
                reply.simple("QUEUED");
                Flow::Next
            }
            Ok(Admitted::Postpone) => {
                self.postpone(client);
                client.place_pushes(out, before);
                return Flow::Postpone;
            }
            Err(refused) => {
                self.refuse(client, &refused, &mut reply);
                Flow::Next
            }
        };
        if reply.is_over() {
            self.drop_client(client);
        }
        self.finish_reply(client, out, before);
        self.after_command();
        if client.is(State::CLOSING) { Flow::Stop } else { flow }
    }

    /// Run a command that may run, and count it. Returns what it has to wait for, if it does.
    pub(crate) fn run(
        &mut self,
        client: &Rc<Client>,
        command: CommandId,
        args: &[&[u8]],
        ready: Option<&[u8]>,
        reply: &mut ReplyWriter<'_>,
    ) -> Option<Wait> {
        self.run_keyed(client, command, args, ready, None, reply)
    }

    fn run_keyed(
        &mut self,
        client: &Rc<Client>,
        command: CommandId,
        args: &[&[u8]],
        ready: Option<&[u8]>,
        first_key: Option<Key<'_>>,
        reply: &mut ReplyWriter<'_>,
    ) -> Option<Wait> {
        let row = self.registry.entry(command).row;
        let nested = client.is(State::EXECUTING);
        let began = self.begin_timing(row, nested, ready.is_some());
        let dirty = self.dirty;
        let db = client.db.get() as usize;
        let before = reply.written();
        let mut call = Call {
            server: self,
            client,
            args,
            command,
            row,
            ready,
            wait: None,
            effects: Effects::AsCalled,
            secrets: Vec::new(),
            first_key,
        };
        call.server.is_executing = true;
        let done = (row.handler)(&mut call, reply);
        let Call { wait, effects, secrets, .. } = call;
        if ready.is_none() {
            self.show_monitors(client, command, args, &secrets);
        }
        if wait.is_some() {
            self.is_executing = nested;
            return wait;
        }
        if let Err(failure) = &done {
            let words = failure.reply();
            reply.error(&words);
            self.stats.count_error(&words);
            self.registry.entry_mut(command).stats.failed += 1;
        }
        self.settle_late();
        if client.is(State::TRACKING) {
            self.note_reads(client, row, args);
        }
        self.is_executing = nested;
        self.note_effects(db, args, effects, self.dirty != dirty);
        let moved = reply.written().saturating_sub(before).max(args.last().map_or(0, |last| last.len()));
        self.end_timing(&Ran { client, command, args, secrets: &secrets }, began, nested, moved);
        None
    }

    /// The command has read keys that the client may keep copies of.
    fn note_reads(&mut self, client: &Client, row: &Command, args: &[&[u8]]) {
        if row.flags.contains(Flags::READONLY) && !row.flags.contains(Flags::PUBSUB) {
            let mut found = Vec::new();
            keys::find(row, args, &mut found);
            self.remember_reads(client, found.iter().filter_map(|key| args.get(key.index).copied()));
        }
    }

    fn note_effects(&mut self, db: usize, args: &[&[u8]], effects: Effects, changed: bool) {
        if !self.journal.is_read() {
            return;
        }
        match effects {
            Effects::AsCalled if changed => self.journal.note(db, args),
            Effects::AsCalled => {}
            Effects::Instead(commands) => {
                for command in commands {
                    self.journal.note_owned(db, command);
                }
            }
        }
    }

    /// What follows a command before the next one of any client.
    #[inline]
    pub(crate) fn after_command(&mut self) {
        self.settle();
        self.serve_ready();
    }

    /// What a command has found out and done is complete.
    #[inline]
    pub(super) fn settle(&mut self) {
        self.settle_late();
        self.journal.commit();
    }

    /// The reply of a command stands behind `before`: leave it out if the client wants none, and append what was sent
    /// to the client meanwhile.
    pub(crate) fn finish_reply(&mut self, client: &Rc<Client>, out: &mut BytesMut, before: usize) {
        const RARE: State = State::REPLY_OFF
            .union(State::REPLY_SKIP)
            .union(State::REPLY_SKIP_NEXT)
            .union(State::TRACKING)
            .union(State::PUSHED);
        if !client.is(RARE) {
            return;
        }
        if client.is(State::REPLY_OFF | State::REPLY_SKIP) {
            out.truncate(before);
        }
        let skip_next = client.is(State::REPLY_SKIP_NEXT);
        client.set(State::REPLY_SKIP_NEXT, false);
        client.set(State::REPLY_SKIP, skip_next);
        if client.is(State::TRACKING) {
            self.forget_caching(client);
        }
        if client.is(State::PUSHED) {
            client.place_pushes(out, before);
        }
    }

    /// CLIENT CACHING holds for one command, or for one transaction.
    fn forget_caching(&self, client: &Client) {
        let last = client.last_command.get().map(|command| self.registry.entry(command));
        let is_client =
            last.and_then(|entry| entry.parent).map(|parent| self.registry.name(parent)) == Some("client");
        if !is_client && !client.is(State::MULTI) {
            client.set_caching(false);
        }
    }

    /// A command was refused before it ran: a transaction that it was meant for will fail.
    fn refuse(&mut self, client: &Rc<Client>, refused: &Refused, reply: &mut ReplyWriter<'_>) {
        if client.is(State::MULTI) {
            client.set(State::DIRTY_EXEC, true);
        }
        let mut words = refused.error.reply();
        if let Some(command) = refused.command {
            let entry = self.registry.entry_mut(command);
            entry.stats.rejected += 1;
            if entry.row.name == "exec" && entry.parent.is_none() {
                self.discard(client);
                let reason = words.strip_prefix(b"ERR ").unwrap_or(&words);
                words = [b"EXECABORT Transaction discarded because of: ", reason].concat().into();
            }
        }
        self.stats.count_error(&words);
        reply.error(&words);
    }

    /// Forget what MULTI has queued, and what WATCH watches.
    pub(crate) fn discard(&mut self, client: &Rc<Client>) {
        client.extras_if_any(|extras| {
            extras.transaction = None;
        });
        client.set(State::MULTI | State::DIRTY_EXEC | State::DIRTY_CAS, false);
        self.unwatch(client);
        client.trim_extras();
    }
}

/// What becomes of a command that may run.
enum Admitted {
    Run(CommandId),
    Queue(CommandId),
    Postpone,
}

/// Why a command may not run, and which it was, if that is known.
struct Refused {
    error: Error,
    command: Option<CommandId>,
}

/// The commands that run though MULTI has begun.
const NEVER_QUEUED: [&str; 6] = ["exec", "discard", "multi", "watch", "quit", "reset"];

/// The commands for a client that speaks RESP2 and is subscribed.
const WHILE_SUBSCRIBED: [&str; 9] = [
    "ping",
    "subscribe",
    "ssubscribe",
    "unsubscribe",
    "sunsubscribe",
    "psubscribe",
    "punsubscribe",
    "quit",
    "reset",
];

/// Checks, in Redis's order.
impl Server {
    fn admit(
        &mut self,
        client: &Rc<Client>,
        args: &[&[u8]],
        found: Option<CommandId>,
    ) -> Result<Admitted, Refused> {
        let command = self.resolve(args, found)?;
        client.last_command.set(Some(command));
        let refused = |error| Refused { error, command: Some(command) };
        let row = self.registry.entry(command).row;
        if !row.admits(args.len()) {
            return Err(refused(Error::Arity(self.registry.name(command).to_owned())));
        }
        if row.flags.contains(Flags::PROTECTED) {
            self.check_protected(client, row.name).map_err(refused)?;
        }
        let open = row.flags.contains(Flags::NO_AUTH);
        if !client.is(State::AUTHENTICATED) && !open && self.needs_authentication() {
            return Err(refused(Error::NoAuth));
        }
        if client.is(State::MULTI) && row.flags.contains(Flags::NO_MULTI) {
            return Err(refused(Error::text("ERR Command not allowed inside a transaction")));
        }
        if let Err(denial) = self.check_access(client, command, args) {
            return Err(refused(denial.error(self.registry.name(command))));
        }
        if self.config.maxmemory > 0 {
            self.make_room(client, command).map_err(refused)?;
        }
        if self.tracking.clients() > 0 {
            self.limit_tracked_keys();
        }
        if self.config.min_replicas_to_write > 0 && self.lacks_replicas(client, command) {
            return Err(refused(Error::text("NOREPLICAS Not enough good replicas to write.")));
        }
        let name = self.registry.entry(command).parent.map_or(row.name, |_| "");
        if client.is(State::SUBSCRIBED)
            && client.version.get() == Version::Resp2
            && !WHILE_SUBSCRIBED.contains(&name)
        {
            let name = self.registry.name(command);
            return Err(refused(Error::said(format!(
                "ERR Can't execute '{name}': only (P|S)SUBSCRIBE / (P|S)UNSUBSCRIBE / PING / QUIT / RESET are \
                 allowed in this context"
            ))));
        }
        if self.is_paused() && self.is_held_back(client, command) {
            return Ok(Admitted::Postpone);
        }
        if client.is(State::MULTI) && !NEVER_QUEUED.contains(&name) {
            return Ok(Admitted::Queue(command));
        }
        Ok(Admitted::Run(command))
    }

    /// Whether the command writes, and there are fewer replicas than that needs: there are none.
    fn lacks_replicas(&self, client: &Client, command: CommandId) -> bool {
        self.config.min_replicas_max_lag > 0 && self.runs_any(client, command, Flags::WRITE)
    }

    /// Which command it is, and which subcommand.
    fn resolve(&self, args: &[&[u8]], found: Option<CommandId>) -> Result<CommandId, Refused> {
        let name = args.first().copied().unwrap_or_default();
        let unknown = || Refused { error: error::unknown_command(args), command: None };
        let command = found.or_else(|| self.registry.find(name)).ok_or_else(unknown)?;
        let entry = self.registry.entry(command);
        if entry.row.subcommands.is_empty() {
            return Ok(command);
        }
        let Some(name) = args.get(1) else { return Ok(command) };
        self.registry
            .find_subcommand(command, name)
            .ok_or_else(|| Refused { error: error::unknown_subcommand(&entry.name, name), command: None })
    }
}

fn queue(client: &Client, command: CommandId, args: &[&[u8]]) {
    let args = detach(args);
    client.last_command.set(Some(command));
    client.extras_mut(|extras| {
        let transaction = extras.transaction.get_or_insert_default();
        transaction.bytes += args.iter().map(|argument| argument.len() + size_of::<Bytes>()).sum::<usize>();
        transaction.commands.push(Queued { command, args });
    });
}

/// Arguments to keep: all share one allocation.
fn detach(args: &[&[u8]]) -> Vec<Bytes> {
    let mut all = Bytes::from(args.concat());
    args.iter().map(|argument| all.split_to(argument.len())).collect()
}
