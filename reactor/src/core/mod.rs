//! The loop: one turn after the other, and in each the same phases.
//!
//! ```text
//!  wait        the engine says who has news, or the next timer is due
//!  calls       what other threads left: calls, results of jobs, woken tasks
//!  timers      those that are due, in the order of (time, birth)
//!  ask         listeners for new connections, at most 64 each; attempts to connect
//!  receive     from all that are readable, at most 64 KiB each         ┐ in batches that
//!  run         all their protocols, one callback at a time             ┘ stay in the cache
//!  send        everything that was written in this turn, once a connection
//! ```
//!
//! Every queue is taken as it stands at the beginning of its phase; what is added meanwhile is for
//! the next turn. The one exception is output: whatever was written to whomever leaves in this turn.
//!
//! [`Core`] is the loop's own state. It is never reachable from a handle: what handles want arrives
//! as [`Effect`]s, between callbacks.

use crate::engine::{Close, News, Token};
use crate::listener::ListenerSlot;
use crate::protocol::{Protocol, Reason};
use crate::shared::{Attachment, Effect, Job, Phase, Shared, Trigger};
use crate::task::Tasks;
use crate::timer::{Due, Look, TimerEntry, Timers};
use crate::transport::{Connection, Flag, Transport, layer::Layer};
use crate::{Resolver, panics};
use bytes::BytesMut;
use std::collections::VecDeque;
use std::io;
use std::rc::Rc;
use std::time::Instant;

mod accept;
mod datagram;
mod shutdown;
mod stages;

pub(crate) use datagram::DatagramSlot;
pub(crate) use stages::run;

/// The loop's own state.
#[derive(Default)]
pub(crate) struct Core {
    /// What lives at each token, by its index.
    slots: Vec<Slot>,
    /// Connections that are there, and those that are being made.
    connections: usize,
    /// What is left of closed connections.
    remnants: usize,
    news: Vec<News>,
    /// Connections to look at in this turn.
    work: VecDeque<Rc<Connection>>,
    /// What is not a connection and may have something: listeners, attempts to connect, remnants.
    asking: VecDeque<Token>,
    /// Datagram sockets to look at in this turn.
    datagrams: VecDeque<Token>,
    /// What datagrams are received in; nothing of it is kept from one to the next.
    datagram_buffer: BytesMut,
    /// Datagram sockets that were served in this turn.
    datagrams_to_send: VecDeque<Token>,
    soon: VecDeque<Job>,
    timers: Timers,
    tasks: Tasks,
    on_shutdown: Vec<Trigger>,
    after_shutdown: Vec<Trigger>,
}

/// What lives at a token.
#[derive(Default)]
enum Slot {
    #[default]
    Free,
    Connection(Entry),
    Dial(u32, Resolver<()>),
    Listener(Box<ListenerSlot>),
    Datagram(Box<DatagramSlot>),
    /// A closed connection whose peer has not finished: its input is read and dropped, because
    /// closing with unread input resets the connection and can destroy what was sent last.
    Remnant(u32),
}

/// The half of a connection that only the loop reaches.
struct Entry {
    shared: Rc<Connection>,
    /// `None` only while it is being called.
    protocol: Option<Box<dyn Protocol>>,
    /// Received, and not yet taken by the protocol.
    input: BytesMut,
    /// What few connections have.
    rare: Option<Box<Rare>>,
}

#[derive(Default)]
struct Rare {
    layer: Option<Layered>,
    /// Told when the protocol is connected.
    made: Option<Resolver<Transport>>,
    /// The error that ends the connection, once what came before it was delivered.
    lost: Option<io::Error>,
    /// Why nothing can be sent any more, while what came before is being delivered.
    broken: Option<io::Error>,
}

struct Layered {
    layer: Box<dyn Layer>,
    wire_in: BytesMut,
    wire_out: crate::buffer::Output,
    finished: bool,
}

impl Core {
    #[cfg(test)]
    pub(crate) fn timers_len(&self) -> usize {
        self.timers.len()
    }

    /// Run until stopped, then shut down in order.
    pub(crate) fn run(&mut self, home: &Rc<Shared>) -> io::Result<()> {
        while home.phase.get() == Phase::Running {
            self.turn(home)?;
        }
        let outcome = self.shut_down(home);
        home.phase.set(Phase::Running);
        outcome
    }

    /// One turn: wait, then each phase once.
    pub(crate) fn turn(&mut self, home: &Rc<Shared>) -> io::Result<()> {
        self.absorb(home);
        self.wait(home)?;
        self.calls(home);
        self.fire_timers(home);
        self.absorb(home);
        self.ask_all(home);
        self.serve_datagrams(home);
        let served = self.receive_and_run(home);
        self.absorb(home);
        self.send_all(served, home);
        self.send_datagrams(home);
        Ok(())
    }

    fn wait(&mut self, home: &Rc<Shared>) -> io::Result<()> {
        let busy = !self.work.is_empty()
            || !self.soon.is_empty()
            || !self.asking.is_empty()
            || !self.datagrams.is_empty()
            || !home.mailbox.is_empty();
        let mut engine = home.engine.borrow_mut();
        let until = if busy { Some(engine.now()) } else { self.timers.next(home) };
        engine.wait(until, &mut self.news)?;
        drop(engine);
        for index in 0..self.news.len() {
            self.note(self.news[index]);
        }
        self.news.clear();
        Ok(())
    }

    /// Remember who has news.
    fn note(&mut self, news: News) {
        let token = news.token;
        match self.slots.get_mut(token.index as usize) {
            Some(Slot::Connection(entry)) if entry.shared.token.get() == token => {
                let flags = &entry.shared.flags;
                if news.readable {
                    flags.set(Flag::Readable);
                }
                if news.writable {
                    flags.set(Flag::Writable);
                }
                if flags.set(Flag::Queued) {
                    self.work.push_back(entry.shared.clone());
                }
            }
            Some(Slot::Listener(listener)) if listener.token() == token => self.asking.push_back(token),
            Some(Slot::Datagram(socket)) if socket.token() == token => {
                socket.note(news);
                self.datagrams.push_back(token);
            }
            Some(Slot::Dial(generation, _) | Slot::Remnant(generation))
                if *generation == token.generation =>
            {
                self.asking.push_back(token);
            }
            _ => {}
        }
    }

    /// What other threads left, what was deferred to this turn, and the tasks that were woken.
    fn calls(&mut self, home: &Rc<Shared>) {
        let letters = home.mailbox.take();
        for call in letters.calls {
            let reactor = crate::Reactor(home.clone());
            guard("a call from another thread", || call(&reactor));
        }
        for ticket in letters.completed {
            if let Some(complete) = home.completions.take(ticket) {
                guard("a job's completion", complete);
            }
        }
        for job in std::mem::take(&mut self.soon) {
            guard("a callback", job);
        }
        for task in letters.woken {
            self.tasks.poll(task);
        }
    }

    fn fire_timers(&mut self, home: &Rc<Shared>) {
        let now = home.now();
        // A timer born here arrives as an effect, after this phase: it waits for the next turn.
        while let Some(due) = self.timers.pop(now, home) {
            match due {
                Due::Call(job) => guard("a timer", job),
                Due::Look(Look::Deadline(connection)) => self.look_at_deadline(&connection, now, home),
                Due::Look(Look::Linger(connection)) => self.look_at_linger(&connection, now, home),
                Due::Look(Look::Remnant(token)) => self.forget_remnant(token, home),
                Due::Look(Look::Handshake(token)) => self.look_at_handshake(token, home),
            }
        }
    }

    /// A connection's deadline is up, or was moved.
    fn look_at_deadline(&mut self, connection: &Rc<Connection>, now: Instant, home: &Rc<Shared>) {
        if connection.flags.has(Flag::Dead) {
            return;
        }
        let deadline = connection.take_extra(|extras| {
            extras.alarm = None;
            if extras.deadline.is_some_and(|deadline| deadline <= now) {
                extras.deadline = None;
                connection.flags.set(Flag::TimedOut);
            }
            extras.alarm = extras.deadline;
            extras.deadline
        });
        match deadline {
            Some(at) => self.timers.look_at(at, Look::Deadline(connection.clone()), home),
            None if connection.flags.has(Flag::TimedOut) => connection.queue(),
            None => {}
        }
    }

    /// A peer that never finishes its handshake may not stay, and no protocol could see to that yet.
    fn limit_handshake(&mut self, token: Token, home: &Rc<Shared>) {
        if let Some(at) = home.now().checked_add(home.settings.handshake) {
            self.timers.look_at(at, Look::Handshake(token), home);
        }
    }

    fn look_at_handshake(&mut self, token: Token, home: &Rc<Shared>) {
        let Some(Slot::Connection(entry)) = self.slots.get(token.index as usize) else { return };
        let done = entry.rare.as_ref().is_none_or(|rare| rare.is_established());
        if entry.shared.token.get() != token || done {
            return;
        }
        let connection = entry.shared.clone();
        let text = format!("the TLS handshake took longer than {:?}", home.settings.handshake);
        self.finish(&connection, Reason::Lost(io::Error::new(io::ErrorKind::TimedOut, text)), home);
    }

    /// Take over what handles have asked for.
    fn absorb(&mut self, home: &Rc<Shared>) {
        loop {
            let Some(effect) = home.effects.borrow_mut().pop_front() else { return };
            match effect {
                Effect::Work(connection) => self.work.push_back(connection),
                Effect::Soon(job) => self.soon.push_back(job),
                Effect::Timer(entry) => self.timers.insert(entry, home),
                Effect::Alarm(at, connection) => self.timers.look_at(at, Look::Deadline(connection), home),
                Effect::Handshake(token) => self.limit_handshake(token, home),
                Effect::Spawn(id, task) => {
                    self.tasks.insert(id, task, home);
                    home.mailbox.post(|letters| letters.woken.push(id));
                }
                Effect::CancelTask(id) => self.tasks.remove(id),
                Effect::Dial(token, resolver) => self.put(token, Slot::Dial(token.generation, resolver)),
                Effect::Forget(token) => self.forget(token, home),
                Effect::Attach(attachment) => self.attach(*attachment, home),
                Effect::Listen(token, mut listener) => {
                    guard("a factory's start", || listener.start());
                    self.put(token, Slot::Listener(listener));
                }
                Effect::RetryAccept(token) => self.retry_accept(token),
                Effect::Datagram(token, socket) => {
                    self.put(token, Slot::Datagram(socket));
                    self.datagrams.push_back(token);
                }
                Effect::DatagramWork(token) => self.datagrams.push_back(token),
                Effect::OnShutdown(trigger) => self.on_shutdown.push(trigger),
                Effect::AfterShutdown(trigger) => self.after_shutdown.push(trigger),
            }
        }
    }

    fn put(&mut self, token: Token, slot: Slot) {
        let index = token.index as usize;
        if index >= self.slots.len() {
            self.slots.resize_with(index + 1, Slot::default);
        }
        debug_assert!(matches!(self.slots[index], Slot::Free), "the engine reuses an index only after close");
        self.slots[index] = slot;
    }

    fn take(&mut self, token: Token) -> Slot {
        self.slots.get_mut(token.index as usize).map(std::mem::take).unwrap_or_default()
    }

    fn entry(&mut self, connection: &Connection) -> Option<&mut Entry> {
        let token = connection.token.get();
        match self.slots.get_mut(token.index as usize) {
            Some(Slot::Connection(entry)) if entry.shared.token.get() == token => Some(entry),
            _ => None,
        }
    }

    /// A token becomes a connection.
    fn attach(&mut self, attachment: Attachment, home: &Rc<Shared>) {
        let Attachment { token, peer, protocol, layer, made } = attachment;
        let shared = Connection::new(home.next_id(), token, peer, Rc::downgrade(home));
        shared.flags.set(Flag::Queued);
        if made.is_some() {
            // Its news may have come while it was still an attempt to connect: look once.
            shared.flags.set(Flag::Readable);
        }
        if layer.is_some() {
            shared.flags.set(Flag::Layered);
            self.limit_handshake(token, home);
        }
        let layer = layer.map(Layered::new);
        let rare = (layer.is_some() || made.is_some())
            .then(|| Box::new(Rare { layer, made, lost: None, broken: None }));
        self.put(
            token,
            Slot::Connection(Entry {
                shared: shared.clone(),
                protocol: Some(protocol),
                input: BytesMut::new(),
                rare,
            }),
        );
        self.connections += 1;
        self.work.push_back(shared);
    }

    /// A handle wants this token closed: a listener that stops, an attempt that was given up.
    fn forget(&mut self, token: Token, home: &Rc<Shared>) {
        let is_it = match self.slots.get(token.index as usize) {
            Some(Slot::Dial(generation, _) | Slot::Remnant(generation)) => *generation == token.generation,
            Some(Slot::Listener(listener)) => listener.token() == token,
            Some(Slot::Datagram(socket)) => socket.token() == token,
            Some(Slot::Connection(entry)) if entry.shared.token.get() == token => {
                // Given up between being connected and being told so.
                let connection = entry.shared.clone();
                return self.finish(&connection, Reason::Aborted, home);
            }
            _ => false,
        };
        if is_it {
            match self.take(token) {
                Slot::Listener(listener) => guard("a factory's stop", || listener.stop()),
                Slot::Datagram(socket) => guard("a datagram protocol's stop", || socket.stop()),
                _ => {}
            }
        }
        home.engine.borrow_mut().close(token, Close::Graceful);
    }

    /// The end of a connection: the descriptor, the bookkeeping, and last the protocol's word.
    fn finish(&mut self, connection: &Rc<Connection>, why: Reason, home: &Rc<Shared>) {
        let token = connection.token.get();
        if self.entry(connection).is_none() {
            return;
        }
        let Slot::Connection(entry) = self.take(token) else { return };
        self.connections -= 1;
        match &why {
            Reason::Done | Reason::Stopped if !connection.flags.has(Flag::EofSeen) => {
                self.leave_remnant(token, home)
            }
            Reason::Done | Reason::Stopped | Reason::Lost(_) => {
                home.engine.borrow_mut().close(token, Close::Graceful);
            }
            _ => home.engine.borrow_mut().close(token, Close::Abort),
        }
        if connection.has_alarm() {
            // Its deadline may be far away: the heap must not fill with those of the dead.
            home.stale_timers.set(home.stale_timers.get() + 1);
        }
        connection.close_gates(&why);
        connection.bury();
        let Entry { shared, protocol, input, rare } = entry;
        crate::buffer::give(input);
        let made = rare.and_then(|rare| rare.made);
        if let (None, false, Reason::Lost(error)) = (&made, shared.flags.has(Flag::Made), &why) {
            // No protocol has heard of it, and none will.
            tracing::info!(peer = %shared.peer, %error, "a connection failed before it was made");
        }
        if let Some(mut protocol) = protocol.filter(|_| shared.flags.has(Flag::Made)) {
            let transport = Transport(shared);
            let name = protocol.name();
            guard(name, || protocol.connection_lost(&transport, &why));
        }
        if let Some(made) = made {
            made.resolve(Err(match why {
                Reason::Lost(error) => error.into(),
                why => io::Error::new(io::ErrorKind::ConnectionAborted, why.to_string()).into(),
            }));
        }
    }
}

impl Layered {
    fn new(layer: Box<dyn Layer>) -> Self {
        Self { layer, wire_in: BytesMut::new(), wire_out: crate::buffer::Output::default(), finished: false }
    }
}

/// Run user code that belongs to no connection; a panic in it is logged and survived.
fn guard(what: &'static str, f: impl FnOnce()) {
    if let Err(panic) = panics::catch(f) {
        tracing::error!(in = what, panic.message, panic.backtrace, "panicked");
    }
}

/// Entries are what ten thousand idle connections cost most: keep them small.
const _: () = assert!(size_of::<Slot>() <= 72 && size_of::<TimerEntry>() <= 48);
