//! A client, as the server knows it. The one rule: what most clients never use lies in a box of its own,
//! so that an idle one stays small.

use super::blocking::Waiter;
use super::describe::Figures;
use super::pubsub::Subscriptions;
use super::{tracking, watch::Watch};
use crate::acl::User;
use crate::command::registry::CommandId;
use bitflags::bitflags;
use bytes::{Bytes, BytesMut};
use ropewalk_protocols::resp::{ReplyWriter, Version};
use ropewalk_reactor::Transport;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

bitflags! {
    /// What a client is, and what it is doing.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct State: u32 {
        /// Its commands run right now: what is sent to it waits for its reply to be written.
        const RUNNING = 1;
        /// Between MULTI and EXEC.
        const MULTI = 1 << 1;
        /// A command was refused while queueing: EXEC will refuse all.
        const DIRTY_EXEC = 1 << 2;
        /// A watched key has changed: EXEC will do nothing.
        const DIRTY_CAS = 1 << 3;
        /// Waits in a blocking command.
        const BLOCKED = 1 << 4;
        /// Its command waits for CLIENT PAUSE to end.
        const POSTPONED = 1 << 5;
        /// Sees all commands.
        const MONITOR = 1 << 6;
        /// CLIENT REPLY OFF.
        const REPLY_OFF = 1 << 7;
        /// CLIENT REPLY SKIP: the next command's reply is not sent.
        const REPLY_SKIP_NEXT = 1 << 8;
        /// The reply of the command under way is not sent.
        const REPLY_SKIP = 1 << 9;
        /// CLIENT NO-EVICT.
        const NO_EVICT = 1 << 10;
        /// CLIENT NO-TOUCH.
        const NO_TOUCH = 1 << 11;
        /// CLIENT TRACKING is on.
        const TRACKING = 1 << 12;
        /// Has authenticated, or need not.
        const AUTHENTICATED = 1 << 13;
        /// Closes when its reply has been sent.
        const CLOSING = 1 << 14;
        /// Came by a Unix socket.
        const UNIX = 1 << 15;
        /// Is gone.
        const GONE = 1 << 16;
        /// EXEC is running its commands.
        const EXECUTING = 1 << 17;
        /// Has its messages pushed: subscribed to something.
        const SUBSCRIBED = 1 << 18;
        /// The command under way has left a large reply, or was long: the batch ends behind it.
        const YIELD = 1 << 19;
        /// Something was sent to it while its commands ran, and waits for its place among the replies.
        const PUSHED = 1 << 20;
    }
}

/// A command that MULTI has queued.
#[derive(Clone, Debug)]
pub(crate) struct Queued {
    /// Which it is.
    pub(crate) command: CommandId,
    /// Its name and its arguments.
    pub(crate) args: Vec<Bytes>,
}

/// What MULTI has queued.
#[derive(Debug, Default)]
pub(crate) struct Transaction {
    /// The commands.
    pub(crate) commands: Vec<Queued>,
    /// What their arguments take, in bytes.
    pub(crate) bytes: usize,
}

/// What few clients have.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// CLIENT SETNAME.
    pub(crate) name: Option<Box<[u8]>>,
    /// CLIENT SETINFO LIB-NAME.
    pub(crate) library: Option<Box<[u8]>>,
    /// CLIENT SETINFO LIB-VER.
    pub(crate) library_version: Option<Box<[u8]>>,
    /// What MULTI has queued.
    pub(crate) transaction: Option<Box<Transaction>>,
    /// What WATCH watches.
    pub(crate) watched: Vec<Rc<Watch>>,
    /// What it subscribes to.
    pub(crate) subscriptions: Option<Box<Subscriptions>>,
    /// How its reads are tracked.
    pub(crate) tracking: Option<Box<tracking::Options>>,
    /// What it waits for.
    pub(crate) waiter: Option<Rc<Waiter>>,
    /// When its output first was above the soft limit, in milliseconds since 1970.
    pub(crate) soft_limit_since: Option<i64>,
    /// What was sent to it while its commands run.
    meanwhile: Option<Box<Meanwhile>>,
}

/// What was sent to a client while its commands run, which is written to where it belongs when the reply is.
#[derive(Debug, Default)]
struct Meanwhile {
    ahead: Vec<Bytes>,
    behind: Vec<Bytes>,
}

/// Where a message goes that is sent to a client while it is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Before the reply of the command that runs; behind that of a transaction, which must not be torn apart.
    Ahead,
    /// Behind the reply.
    Behind,
}

/// One connection.
pub(crate) struct Client {
    /// A number that no other client of this server has, ever.
    pub(crate) id: u64,
    /// The way to it.
    pub(crate) transport: Transport,
    /// When it came, in milliseconds since 1970.
    pub(crate) since_ms: i64,
    /// When it was last heard of, in milliseconds since 1970.
    pub(crate) heard_ms: Cell<i64>,
    /// What it is and does.
    state: Cell<State>,
    /// Which database it has selected.
    pub(crate) db: Cell<u32>,
    /// Which version of the protocol it speaks.
    pub(crate) version: Cell<Version>,
    /// What it ran last.
    pub(crate) last_command: Cell<Option<CommandId>>,
    /// As whom.
    pub(crate) user: RefCell<Rc<User>>,
    /// What was last seen of its buffers.
    pub(super) figures: Cell<Figures>,
    extras: RefCell<Option<Box<Extras>>>,
}

impl Client {
    /// A client that has just connected, as this user.
    pub(crate) fn new(id: u64, transport: Transport, user: Rc<User>, now_ms: i64) -> Self {
        Self {
            id,
            transport,
            since_ms: now_ms,
            heard_ms: Cell::new(now_ms),
            state: Cell::default(),
            db: Cell::new(0),
            version: Cell::default(),
            last_command: Cell::new(None),
            user: RefCell::new(user),
            figures: Cell::default(),
            extras: RefCell::new(None),
        }
    }

    /// Whether any of these is set.
    #[inline]
    pub(crate) fn is(&self, state: State) -> bool {
        self.state.get().intersects(state)
    }

    /// Set these, or clear them.
    #[inline]
    pub(crate) fn set(&self, state: State, on: bool) {
        let mut all = self.state.get();
        all.set(state, on);
        self.state.set(all);
    }

    /// Look at what few clients have, if this one has any of it.
    pub(crate) fn extras<R>(&self, look: impl FnOnce(&Extras) -> R) -> Option<R> {
        self.extras.borrow().as_ref().map(|extras| look(extras))
    }

    /// Change what few clients have.
    pub(crate) fn extras_mut<R>(&self, change: impl FnOnce(&mut Extras) -> R) -> R {
        change(self.extras.borrow_mut().get_or_insert_default())
    }

    /// Change it if there is any.
    pub(crate) fn extras_if_any<R>(&self, change: impl FnOnce(&mut Extras) -> R) -> Option<R> {
        self.extras.borrow_mut().as_mut().map(|extras| change(extras))
    }

    /// Whether it waits, and not for ever.
    pub(crate) fn waits_with_timeout(&self) -> bool {
        let waits = self.extras(|extras| extras.waiter.as_ref().is_some_and(|waiter| waiter.has_timeout()));
        waits.unwrap_or(false)
    }

    /// Give back the memory of what few clients have, if nothing is in use any more.
    pub(crate) fn trim_extras(&self) {
        let mut extras = self.extras.borrow_mut();
        if extras.as_ref().is_some_and(|extras| extras.is_unused()) {
            *extras = None;
        }
    }
}

/// What is sent to a client beside the replies to its commands.
impl Client {
    /// Send it the late answer to a command that waited, unless it wants no answers.
    pub(crate) fn answer(&self, write: impl FnOnce(&mut ReplyWriter<'_>)) {
        if !self.is(State::REPLY_OFF | State::REPLY_SKIP) {
            self.send(Place::Ahead, write);
        }
    }

    /// Send it a message that answers no command.
    pub(crate) fn send(&self, place: Place, write: impl FnOnce(&mut ReplyWriter<'_>)) {
        let version = self.version.get();
        if self.is(State::RUNNING) {
            let mut message = BytesMut::new();
            write(&mut ReplyWriter::new(&mut message, version));
            self.keep(place, message.freeze());
        } else {
            self.transport.write_with(|out| write(&mut ReplyWriter::new(out, version)));
        }
    }

    /// Send it a message that was encoded for its version of the protocol.
    pub(crate) fn send_encoded(&self, place: Place, message: &Bytes) {
        if self.is(State::RUNNING) {
            self.keep(place, message.clone());
        } else {
            self.transport.write_bytes(message.clone());
        }
    }

    fn keep(&self, place: Place, message: Bytes) {
        self.set(State::PUSHED, true);
        let place = if self.is(State::EXECUTING) { Place::Behind } else { place };
        self.extras_mut(|extras| {
            let meanwhile = extras.meanwhile.get_or_insert_default();
            match place {
                Place::Ahead => meanwhile.ahead.push(message),
                Place::Behind => meanwhile.behind.push(message),
            }
        });
    }

    /// Put what was sent to it while its command ran to its place: the command's reply stands behind `before`.
    pub(crate) fn place_pushes(&self, out: &mut BytesMut, before: usize) {
        self.set(State::PUSHED, false);
        let meanwhile = self.extras_if_any(|extras| extras.meanwhile.take()).flatten();
        let Some(meanwhile) = meanwhile else { return };
        if !meanwhile.ahead.is_empty() {
            let reply = out.split_off(before.min(out.len()));
            meanwhile.ahead.iter().for_each(|message| out.extend_from_slice(message));
            out.extend_from_slice(&reply);
        }
        meanwhile.behind.iter().for_each(|message| out.extend_from_slice(message));
        self.trim_extras();
    }

    /// Close it when what was written has been sent.
    pub(crate) fn close_after_reply(&self) {
        self.set(State::CLOSING, true);
        self.transport.close();
    }

    /// Close it at once; what was not sent is dropped.
    pub(crate) fn kill(&self) {
        self.set(State::CLOSING, true);
        self.transport.abort();
    }
}

impl Extras {
    /// What they take on the heap, in bytes, about.
    pub(super) fn heap_bytes(&self) -> usize {
        let names = [&self.name, &self.library, &self.library_version];
        let names: usize = names.into_iter().flatten().map(|name| name.len()).sum();
        let queued = self.transaction.as_ref().map_or(0, |transaction| transaction.bytes);
        let watched: usize = self.watched.iter().map(|watch| watch.heap_bytes()).sum();
        let subscriptions = self.subscriptions.as_ref().map_or(0, |subscriptions| subscriptions.heap_bytes());
        let tracking = self.tracking.as_ref().map_or(0, |options| options.heap_bytes());
        size_of::<Self>() + names + queued + watched + subscriptions + tracking
    }

    fn is_unused(&self) -> bool {
        let Self { name, library, library_version, transaction, watched, subscriptions, .. } = self;
        let anonymous = name.is_none() && library.is_none() && library_version.is_none();
        let idle = transaction.is_none() && watched.is_empty() && self.waiter.is_none();
        let quiet = subscriptions.is_none() && self.tracking.is_none() && self.meanwhile.is_none();
        anonymous && idle && quiet && self.soft_limit_since.is_none()
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("state", &self.state.get())
            .finish_non_exhaustive()
    }
}
