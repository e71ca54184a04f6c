//! A client, as the server knows it. The one rule: what most clients never use lies in a box of its own,
//! so that an idle one stays small.

use crate::acl::User;
use crate::command::registry::CommandId;
use bitflags::bitflags;
use bytes::{Bytes, BytesMut};
use ropewalk_protocols::resp::{ReplyWriter, Version};
use ropewalk_reactor::Transport;
use std::cell::{Cell, RefCell};
use std::collections::{BTreeSet, VecDeque};
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

/// A key that is watched, and whether it was gone already.
#[derive(Clone, Debug)]
pub(crate) struct Watched {
    /// In which database.
    pub(crate) db: usize,
    /// Its name.
    pub(crate) key: Rc<[u8]>,
    /// It had expired when WATCH came, and so may go without failing the transaction.
    pub(crate) was_expired: bool,
}

/// What few clients have.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// CLIENT SETNAME.
    pub(crate) name: Option<Bytes>,
    /// CLIENT SETINFO LIB-NAME.
    pub(crate) library: Option<Bytes>,
    /// CLIENT SETINFO LIB-VER.
    pub(crate) library_version: Option<Bytes>,
    /// What MULTI has queued.
    pub(crate) queued: Vec<Queued>,
    /// The bytes of what MULTI has queued.
    pub(crate) queued_bytes: usize,
    /// What WATCH watches.
    pub(crate) watched: Vec<Watched>,
    /// Channels subscribed to.
    pub(crate) channels: BTreeSet<Bytes>,
    /// Patterns subscribed to.
    pub(crate) patterns: BTreeSet<Bytes>,
    /// Shard channels subscribed to.
    pub(crate) shard_channels: BTreeSet<Bytes>,
    /// How its reads are tracked.
    pub(crate) tracking: Option<Box<super::tracking::Options>>,
    /// What it waits for.
    pub(crate) waiter: Option<Rc<super::blocking::Waiter>>,
    /// When its output first was above the soft limit, in milliseconds since 1970.
    pub(crate) soft_limit_since: Option<i64>,
    /// Pushes that came while its own commands ran.
    pub(crate) deferred: VecDeque<Bytes>,
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
            extras: RefCell::new(None),
        }
    }

    /// Whether any of these is set.
    pub(crate) fn is(&self, state: State) -> bool {
        self.state.get().intersects(state)
    }

    /// All that is set.
    pub(crate) fn state(&self) -> State {
        self.state.get()
    }

    /// Set these, or clear them.
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

    /// Give back the memory of what few clients have, if nothing is in use any more.
    pub(crate) fn trim_extras(&self) {
        let mut extras = self.extras.borrow_mut();
        if extras.as_ref().is_some_and(|extras| extras.is_unused()) {
            *extras = None;
        }
    }

    /// To how many channels and patterns it is subscribed; shard channels are counted apart.
    pub(crate) fn subscriptions(&self) -> usize {
        self.extras(|extras| extras.channels.len() + extras.patterns.len()).unwrap_or(0)
    }

    /// To how many shard channels it is subscribed.
    pub(crate) fn shard_subscriptions(&self) -> usize {
        self.extras(|extras| extras.shard_channels.len()).unwrap_or(0)
    }

    /// Send it a message that answers no command, or the late answer to one that waited. If its own commands
    /// are being run, the message goes behind the reply that is being written.
    pub(crate) fn send(&self, write: impl FnOnce(&mut ReplyWriter<'_>)) {
        if self.is(State::RUNNING) {
            let mut message = BytesMut::new();
            write(&mut ReplyWriter::new(&mut message, self.version.get()));
            self.extras_mut(|extras| extras.deferred.push_back(message.freeze()));
        } else {
            self.transport.write_with(|out| write(&mut ReplyWriter::new(out, self.version.get())));
        }
    }

    /// Append what was sent to it while its commands were run.
    pub(crate) fn flush_deferred(&self, out: &mut BytesMut) {
        self.extras_if_any(|extras| {
            extras.deferred.drain(..).for_each(|message| out.extend_from_slice(&message));
        });
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
    fn is_unused(&self) -> bool {
        let Self { name, library, library_version, queued, watched, .. } = self;
        let anonymous = name.is_none() && library.is_none() && library_version.is_none();
        let quiet = self.channels.is_empty() && self.patterns.is_empty() && self.shard_channels.is_empty();
        let idle = queued.is_empty() && watched.is_empty() && self.waiter.is_none();
        anonymous
            && quiet
            && idle
            && self.tracking.is_none()
            && self.deferred.is_empty()
            && self.soft_limit_since.is_none()
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
