//! What the handles share with the loop: the engine, and the effects they ask for.
//!
//! The engine is borrowed for single calls only, never while user code runs, and effects are only
//! queued here: so no method of a handle can find anything borrowed, whatever callback it is
//! called from.

use crate::address::Address;
use crate::core::{Core, DatagramSlot};
use crate::engine::{Engine, Token};
use crate::listener::ListenerSlot;
use crate::protocol::Protocol;
use crate::random::Random;
use crate::signal::SignalTable;
use crate::task::BoxedTask;
use crate::threads::{Completions, Mailbox, Pool};
use crate::timer::TimerEntry;
use crate::transport::{Connection, Transport, layer::Layer};
use crate::{Resolver, Result};
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Something to call from the loop.
pub(crate) type Job = Box<dyn FnOnce()>;

/// What a handle's method leaves for the loop to do.
pub(crate) enum Effect {
    /// Look at this connection.
    Work(Rc<Connection>),
    /// Call this in the next turn.
    Soon(Job),
    /// Call this when its time has come.
    Timer(TimerEntry),
    /// Look at a connection's deadline at this time.
    Alarm(Instant, Rc<Connection>),
    /// Give this connection's handshake so much time and no more.
    Handshake(Token),
    /// Poll this future until it is done.
    Spawn(usize, BoxedTask),
    /// Drop a future.
    CancelTask(usize),
    /// Tell when this connecting token is decided.
    Dial(Token, Resolver<()>),
    /// Forget a token, whatever it is.
    Forget(Token),
    /// Make a connection of this token.
    Attach(Box<Attachment>),
    /// Accept from this token.
    Listen(Token, Box<ListenerSlot>),
    /// Try to accept again.
    RetryAccept(Token),
    /// Serve this datagram socket.
    Datagram(Token, Box<DatagramSlot>),
    /// This datagram socket has something to send.
    DatagramWork(Token),
    /// Run when the reactor stops, before connections are closed.
    OnShutdown(Trigger),
    /// Run after everything is closed.
    AfterShutdown(Trigger),
}

/// A shutdown trigger; what it returns is waited for.
pub(crate) type Trigger = Box<dyn FnOnce() -> Option<crate::Deferred<()>>>;

/// What becomes a connection.
pub(crate) struct Attachment {
    pub(crate) token: Token,
    pub(crate) peer: Address,
    pub(crate) protocol: Box<dyn Protocol>,
    pub(crate) layer: Option<Box<dyn Layer>>,
    /// Told once the protocol is connected (after the layer's handshake), or why it never was.
    pub(crate) made: Option<Resolver<Transport>>,
}

/// How far the reactor is in stopping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// At work.
    Running,
    /// `stop` was called.
    StopAsked,
    /// `stop_now` was called: no more waiting.
    StopNow,
}

/// What every handle holds weakly, and every [`Reactor`](crate::Reactor) strongly.
pub(crate) struct Shared {
    pub(crate) engine: RefCell<Box<dyn Engine>>,
    pub(crate) effects: RefCell<VecDeque<Effect>>,
    pub(crate) phase: Cell<Phase>,
    /// The loop's own state; `run` takes it out and puts it back.
    pub(crate) core: Cell<Option<Box<Core>>>,
    pub(crate) random: RefCell<Random>,
    pub(crate) mailbox: Arc<Mailbox>,
    pub(crate) completions: Completions,
    pub(crate) pool: Pool,
    pub(crate) signals: SignalTable,
    pub(crate) settings: Settings,
    /// How many timer entries in the heap were cancelled or moved.
    pub(crate) stale_timers: Cell<usize>,
    next_id: Cell<u64>,
    next_task: Cell<usize>,
}

/// What a reactor is built with.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// How long a closing connection may go without its peer taking anything.
    pub(crate) linger: Duration,
    /// How long a closed connection's remnant waits for its peer to finish.
    pub(crate) drain: Duration,
    /// How long a layer's handshake may take.
    pub(crate) handshake: Duration,
    /// How long services may take to stop.
    pub(crate) shutdown: Duration,
}

impl Shared {
    pub(crate) fn new(engine: Box<dyn Engine>, settings: Settings, threads: usize) -> Rc<Self> {
        let mailbox = Arc::new(Mailbox::new(engine.waker()));
        Rc::new(Self {
            random: RefCell::new(Random::new(engine.seed())),
            pool: Pool::new(threads, mailbox.clone()),
            mailbox,
            engine: RefCell::new(engine),
            effects: RefCell::default(),
            phase: Cell::new(Phase::Running),
            core: Cell::new(Some(Box::default())),
            completions: Completions::default(),
            settings,
            signals: SignalTable::default(),
            stale_timers: Cell::new(0),
            next_id: Cell::new(1),
            next_task: Cell::new(0),
        })
    }

    /// Leave something for the loop.
    pub(crate) fn push(&self, effect: Effect) {
        self.effects.borrow_mut().push_back(effect);
    }

    /// Call `job` from the loop, in the next turn.
    pub(crate) fn soon(&self, job: impl FnOnce() + 'static) {
        self.push(Effect::Soon(Box::new(job)));
    }

    pub(crate) fn now(&self) -> Instant {
        self.engine.borrow().now()
    }

    pub(crate) fn wall_clock(&self) -> std::time::SystemTime {
        self.engine.borrow().wall_clock()
    }

    /// A number that was never given out before.
    pub(crate) fn next_id(&self) -> u64 {
        let id = self.next_id.get();
        self.next_id.set(id + 1);
        id
    }

    pub(crate) fn next_task(&self) -> usize {
        let id = self.next_task.get();
        self.next_task.set(id + 1);
        id
    }

    /// A deferred, and what resolves it.
    pub(crate) fn deferred<T: 'static>(self: &Rc<Self>) -> (Resolver<T>, crate::Deferred<T>) {
        crate::deferred::pair(Rc::downgrade(self))
    }

    /// A deferred that is resolved already.
    pub(crate) fn resolved<T: 'static>(self: &Rc<Self>, outcome: Result<T>) -> crate::Deferred<T> {
        let (resolver, deferred) = self.deferred();
        resolver.resolve(outcome);
        deferred
    }
}
