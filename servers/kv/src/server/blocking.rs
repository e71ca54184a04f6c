//! Clients that wait for a key. The one rule: who has waited longest is served first, and the command of who is
//! served runs again, from its beginning, as if it came now.
//!
//! ```text
//! BLPOP a b 0 ─▶ nothing there ─▶ Waiter in the queues of a and of b; the client is read no more
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
use std::cell::Cell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::rc::Rc;
use std::time::Duration;

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
    is_served: Cell<bool>,
}

/// A key of a database.
type Place = (usize, Box<[u8]>);

/// Who waits for which key.
#[derive(Debug, Default)]
pub(crate) struct Blocked {
    queues: HashMap<Place, VecDeque<Rc<Waiter>>>,
    ready: VecDeque<Place>,
    is_ready: HashSet<Place>,
    clients: usize,
}

impl Blocked {
    /// Whether nobody waits.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    /// How many clients wait.
    pub(crate) fn clients(&self) -> usize {
        self.clients
    }

    /// A key was changed: its waiters are looked at when the command is over.
    pub(crate) fn key_changed(&mut self, db: usize, key: &[u8]) {
        let place = (db, Box::from(key));
        if self.queues.contains_key(&place) && self.is_ready.insert(place.clone()) {
            self.ready.push_back(place);
        }
    }

    /// The keys of a database that somebody waits for.
    pub(crate) fn keys(&self, db: usize) -> Vec<Box<[u8]>> {
        self.queues.keys().filter(|(other, _)| *other == db).map(|(_, key)| key.clone()).collect()
    }

    fn next_ready(&mut self) -> Option<Place> {
        let place = self.ready.pop_front()?;
        self.is_ready.remove(&place);
        Some(place)
    }

    fn waiters(&self, place: &Place) -> Vec<Rc<Waiter>> {
        self.queues.get(place).into_iter().flatten().cloned().collect()
    }

    fn add(&mut self, waiter: &Rc<Waiter>) {
        self.clients += 1;
        for key in &waiter.wait.keys {
            let queue = self.queues.entry((waiter.db, key.clone())).or_default();
            // The same key may be named more than once.
            if !queue.back().is_some_and(|last| Rc::ptr_eq(last, waiter)) {
                queue.push_back(waiter.clone());
            }
        }
    }

    fn remove(&mut self, waiter: &Rc<Waiter>) {
        self.clients -= 1;
        for key in &waiter.wait.keys {
            let place = (waiter.db, key.clone());
            let Some(queue) = self.queues.get_mut(&place) else { continue };
            queue.retain(|other| !Rc::ptr_eq(other, waiter));
            if queue.is_empty() {
                self.queues.remove(&place);
            }
        }
    }
}

impl Server {
    /// Have a client wait. Its further commands stay where they are, unread.
    pub(super) fn block(&mut self, client: &Rc<Client>, command: CommandId, args: &[&[u8]], mut wait: Wait) {
        let as_called = || args.iter().map(|argument| Bytes::copy_from_slice(argument)).collect();
        let args = wait.again.take().unwrap_or_else(as_called);
        let (db, timeout) = (client.db.get() as usize, wait.timeout);
        let waiter =
            Rc::new(Waiter { client: client.clone(), command, args, db, wait, is_served: Cell::new(false) });
        self.blocked.add(&waiter);
        client.extras_mut(|extras| extras.waiter = Some(waiter));
        client.set(State::BLOCKED, true);
        client.transport.pause_reading();
        client.transport.set_timeout(timeout);
    }

    /// Serve whoever waited for what has changed, and whoever waited for what that changes.
    #[inline]
    pub(crate) fn serve_ready(&mut self) {
        if !self.blocked.ready.is_empty() {
            self.serve_each();
        }
    }

    #[cold]
    fn serve_each(&mut self) {
        while let Some(place) = self.blocked.next_ready() {
            for waiter in self.blocked.waiters(&place) {
                if !waiter.is_served.get() && self.is_for(&waiter, &place) {
                    self.run_again(&waiter, &place.1);
                }
            }
        }
    }

    /// Whether the key now holds what the client waits for.
    fn is_for(&mut self, waiter: &Waiter, (db, key): &Place) -> bool {
        let key = Key::new(key);
        self.expire_if_due(*db, key);
        let kind = self.database(*db).find(key).map(|found| found.kind());
        kind == Some(waiter.wait.kind) || waiter.wait.even_if_gone
    }

    fn run_again(&mut self, waiter: &Rc<Waiter>, key: &[u8]) {
        let client = waiter.client.clone();
        let args: Vec<&[u8]> = waiter.args.iter().map(|argument| &argument[..]).collect();
        client.transport.write_with(|out| {
            let before = out.len();
            let mut reply = ReplyWriter::new(out, client.version.get());
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
        self.after_command();
    }

    /// A client waits no more. Its further commands are read again.
    pub(crate) fn unblock(&mut self, client: &Rc<Client>) {
        let waiter = client.extras_if_any(|extras| extras.waiter.take()).flatten();
        if let Some(waiter) = waiter {
            waiter.is_served.set(true);
            self.blocked.remove(&waiter);
        }
        client.trim_extras();
        client.set(State::BLOCKED, false);
        client.transport.set_timeout(None);
        client.transport.resume_reading();
    }

    /// Answer a client that waits, and let it go on. Returns whether it waited.
    pub(crate) fn unblock_with(
        &mut self,
        client: &Rc<Client>,
        answer: impl FnOnce(Otherwise, &mut ReplyWriter<'_>),
    ) -> bool {
        let otherwise = client.extras(|extras| extras.waiter.as_ref().map(|waiter| waiter.wait.otherwise));
        let Some(otherwise) = otherwise.flatten() else { return false };
        client.send(|reply| answer(otherwise, reply));
        self.unblock(client);
        true
    }

    /// A client has waited as long as it wanted to.
    pub(crate) fn time_out(&mut self, client: &Rc<Client>) {
        self.unblock_with(client, Otherwise::write);
    }
}
