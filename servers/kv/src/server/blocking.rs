//! Clients that wait for a key. The one rule: who has waited longest is served first, and the command of who is
//! served runs again, from its beginning, as if it came now.
//!
//! ```text
//! BLPOP a b 0 ─▶ nothing there ─▶ Waiter in the queues of a and of b; what the client sends is left
//! RPUSH b x   ─▶ key b changed ─▶ `ready`; when RPUSH is over, b's waiters are looked at in order:
//!                                 BLPOP runs again with `ready` = b, takes x, leaves both queues
//! ```

use super::Server;
use super::client::{Client, State};
use crate::command::registry::CommandId;
use crate::store::database::Key;
use crate::store::value::Kind;
use bytes::Bytes;
use ropewalk_protocols::resp::ReplyWriter;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// What a command waits for.
#[derive(Debug)]
pub(crate) struct Wait {
    /// Until one of these keys of the client's database changes,
    pub(crate) keys: Vec<Box<[u8]>>,
    /// and holds this kind of value.
    pub(crate) kind: Kind,
    /// For so long; none is for ever.
    pub(crate) timeout: Option<Duration>,
    /// What is answered if the time is up.
    pub(crate) otherwise: Otherwise,
    /// What to run when a key is ready, if not the command as it came: its `$` has been replaced by what it
    /// meant then.
    pub(crate) again: Option<Vec<Bytes>>,
    /// Run it as well if a key vanishes, or becomes another kind of value.
    pub(crate) even_if_gone: bool,
}

/// What is answered if the time is up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Otherwise {
    /// Nothing, where a value could be.
    Null,
    /// Nothing, where an array could be.
    NullArray,
}

impl Otherwise {
    /// Answer it.
    pub(crate) fn write(self, reply: &mut ReplyWriter<'_>) {
        match self {
            Self::Null => reply.null(),
            Self::NullArray => reply.null_array(),
        }
    }
}

/// A client that waits.
#[derive(Debug)]
pub(crate) struct Waiter {
    client: Rc<Client>,
    command: CommandId,
    args: Vec<Bytes>,
    db: usize,
    wait: Wait,
    /// When it began to wait.
    since: Instant,
    /// Who came later has a larger one.
    number: u64,
}

/// Who waits for a key, in order of waiting, and so of their numbers.
#[derive(Debug, Default)]
struct Queue {
    waiters: VecDeque<Rc<Waiter>>,
    /// The key is among those that have changed.
    is_ready: bool,
    /// How many want to know as well if the key vanishes.
    even_if_gone: usize,
}

impl Waiter {
    /// Who waits.
    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    /// In which command.
    pub(super) fn command(&self) -> CommandId {
        self.command
    }

    /// Its name and its arguments.
    pub(super) fn args(&self) -> Vec<&[u8]> {
        self.args.iter().map(|argument| &argument[..]).collect()
    }

    /// Whether it waits for so long only.
    pub(super) fn has_timeout(&self) -> bool {
        self.wait.timeout.is_some()
    }

    /// Since when.
    pub(super) fn since(&self) -> Instant {
        self.since
    }

    /// How many bytes the arguments of its command have.
    pub(super) fn argument_bytes(&self) -> usize {
        self.args.iter().map(Bytes::len).sum()
    }
}

/// A key of a database.
type Place = (usize, Box<[u8]>);

/// Who waits for which key.
#[derive(Debug, Default)]
pub(crate) struct Blocked {
    /// By database, and by key.
    queues: Vec<HashMap<Box<[u8]>, Queue>>,
    /// Keys that have changed, in that order.
    ready: VecDeque<Place>,
    clients: usize,
    next_number: u64,
}

impl Blocked {
    /// Whether nobody waits.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.clients == 0
    }

    /// How many clients wait.
    pub(crate) fn clients(&self) -> usize {
        self.clients
    }

    /// A key was changed: its waiters are looked at when the command is over.
    pub(crate) fn key_changed(&mut self, db: usize, key: &[u8]) {
        let queue = self.queues.get_mut(db).and_then(|queues| queues.get_mut(key));
        if let Some(queue) = queue.filter(|queue| !queue.is_ready) {
            queue.is_ready = true;
            self.ready.push_back((db, key.into()));
        }
    }

    /// The keys of a database that somebody waits for.
    pub(crate) fn keys(&self, db: usize) -> Vec<Box<[u8]>> {
        let queues = self.queues.get(db);
        let mut keys: Vec<_> = queues.into_iter().flat_map(HashMap::keys).cloned().collect();
        // The table's order would be another each time.
        keys.sort_unstable();
        keys
    }

    fn queue(&self, (db, key): &Place) -> Option<&Queue> {
        self.queues.get(*db).and_then(|queues| queues.get(key))
    }

    fn next_ready(&mut self) -> Option<Place> {
        let place = self.ready.pop_front()?;
        if let Some(queue) = self.queues.get_mut(place.0).and_then(|queues| queues.get_mut(&place.1)) {
            queue.is_ready = false;
        }
        Some(place)
    }

    /// Who comes next behind the number `after`.
    fn next_waiter(&self, place: &Place, after: u64) -> Option<Rc<Waiter>> {
        let waiters = &self.queue(place)?.waiters;
        waiters.get(waiters.partition_point(|waiter| waiter.number <= after)).cloned()
    }

    /// Number a waiter, and put it behind the others who wait for its keys.
    fn add(&mut self, mut waiter: Waiter) -> Rc<Waiter> {
        self.clients += 1;
        self.next_number += 1;
        waiter.number = self.next_number;
        if self.queues.len() <= waiter.db {
            self.queues.resize_with(waiter.db + 1, HashMap::new);
        }
        let waiter = Rc::new(waiter);
        for key in &waiter.wait.keys {
            let Some(queues) = self.queues.get_mut(waiter.db) else { break };
            let queue = queues.entry(key.clone()).or_default();
            // The same key may be named more than once.
            if queue.waiters.back().is_none_or(|last| last.number != waiter.number) {
                queue.even_if_gone += usize::from(waiter.wait.even_if_gone);
                queue.waiters.push_back(waiter.clone());
            }
        }
        waiter
    }

    fn remove(&mut self, waiter: &Waiter) {
        self.clients -= 1;
        let Some(queues) = self.queues.get_mut(waiter.db) else { return };
        for key in &waiter.wait.keys {
            let Some(queue) = queues.get_mut(key) else { continue };
            if let Ok(index) = queue.waiters.binary_search_by_key(&waiter.number, |other| other.number) {
                queue.waiters.remove(index);
                queue.even_if_gone -= usize::from(waiter.wait.even_if_gone);
            }
            if queue.waiters.is_empty() {
                queues.remove(key);
            }
        }
    }
}

impl Server {
    /// Have a client wait. Its further commands stay in its input.
    pub(super) fn block(&mut self, client: &Rc<Client>, command: CommandId, args: &[&[u8]], mut wait: Wait) {
        let as_called = || args.iter().map(|argument| Bytes::copy_from_slice(argument)).collect();
        let args = wait.again.take().unwrap_or_else(as_called);
        let (db, timeout) = (client.db.get() as usize, wait.timeout);
        let waiter =
            Waiter { client: client.clone(), command, args, db, wait, since: self.clock.now(), number: 0 };
        let waiter = self.blocked.add(waiter);
        client.extras_mut(|extras| extras.waiter = Some(waiter));
        client.set(State::BLOCKED, true);
        client.transport.set_timeout(timeout);
    }

    /// Serve whoever waited for what has changed, and whoever waited for what that changes.
    #[inline]
    pub(crate) fn serve_ready(&mut self) {
        if !self.blocked.ready.is_empty() && !self.is_paused() {
            self.serve_each();
        }
    }

    /// What is changed on the way is served in its turn, not from within: a chain of clients, each of which
    /// moves an element to where the next waits, may be as long as there are clients.
    #[cold]
    fn serve_each(&mut self) {
        while let Some(place) = self.blocked.next_ready() {
            // Who begins to wait while this goes on has seen the key as it is.
            let newest = self.blocked.next_number;
            let (mut number, mut kind) = (0, self.kind_at(&place));
            while let Some(waiter) = self.blocked.next_waiter(&place, number) {
                number = waiter.number;
                if number > newest {
                    break;
                }
                if kind == Some(waiter.wait.kind) || waiter.wait.even_if_gone {
                    self.run_again(&waiter, &place.1);
                    kind = self.kind_at(&place);
                }
                if kind.is_none() && self.blocked.queue(&place).is_none_or(|queue| queue.even_if_gone == 0) {
                    break;
                }
            }
            // That a key has expired may have been noted, and nobody was served.
            self.settle();
        }
    }

    /// What the key now holds.
    fn kind_at(&mut self, (db, key): &Place) -> Option<Kind> {
        let key = Key::new(key);
        self.expire_if_due(*db, key);
        self.database(*db).find(key).map(|found| found.kind())
    }

    fn run_again(&mut self, waiter: &Rc<Waiter>, key: &[u8]) {
        let client = waiter.client.clone();
        let args = waiter.args();
        client.transport.write_with(|out| {
            let before = out.len();
            let bytes_max = self.reply_bytes_max(&client);
            let mut reply = ReplyWriter::bounded(out, client.version.get(), bytes_max);
            client.set(State::RUNNING, true);
            let wait = self.run(&client, waiter.command, &args, Some(key), &mut reply);
            client.set(State::RUNNING, false);
            if wait.is_some() {
                // Somebody else was faster. Whoever has waited longest waits on, where it stands.
                return;
            }
            self.finish_reply(&client, out, before);
            self.unblock(&client);
        });
        self.settle();
    }

    /// A client waits no more. Its further commands are executed, beginning with what it has sent meanwhile.
    pub(crate) fn unblock(&mut self, client: &Rc<Client>) {
        let waiter = client.extras_if_any(|extras| extras.waiter.take()).flatten();
        if let Some(waiter) = waiter {
            self.blocked.remove(&waiter);
        }
        client.trim_extras();
        client.set(State::BLOCKED, false);
        client.transport.set_timeout(None);
        // Whether it was paused or not: what is resumed is delivered what was left.
        client.transport.pause_reading();
        client.transport.resume_reading();
    }

    /// Answer a client that waits, and let it go on. Returns whether it waited.
    pub(crate) fn unblock_with(
        &mut self,
        client: &Rc<Client>,
        answer: impl FnOnce(Otherwise, &mut ReplyWriter<'_>),
    ) -> bool {
        // Whoever waits for no key is on an errand, which nothing but its own end cuts short.
        let waits = |waiter: &&Rc<Waiter>| !waiter.wait.keys.is_empty();
        let otherwise =
            client.extras(|extras| extras.waiter.as_ref().filter(waits).map(|waiter| waiter.wait.otherwise));
        let Some(otherwise) = otherwise.flatten() else { return false };
        self.account_waiting(client);
        client.answer(|reply| answer(otherwise, reply));
        self.unblock(client);
        true
    }

    /// A client has waited as long as it wanted to.
    pub(crate) fn time_out(&mut self, client: &Rc<Client>) {
        self.unblock_with(client, Otherwise::write);
    }
}
