//! A pool: connections to one server, each for one user at a time. The one rule: a connection that
//! comes back with replies still on their way is closed, for they would delay the next user.
//!
//! ```text
//! lease ──▶ an idle connection ────────────────────────────▶ Lease ──dropped──▶ idle, or the first
//!     ├───▶ a new one, if there are fewer than may be ─────────▲                 of those who wait
//!     └───▶ the queue, if it has room; for so long at the most ─┘
//! ```
//!
//! A client by itself answers any number of commands at a time, so that a pool is for what needs a
//! connection alone: commands that block, transactions with `WATCH`.

use super::connection::Client;
use super::{ClientError, ClientOptions};
use crate::resp::Value;
use ropewalk_reactor::{Deferred, Reactor, Resolver, Result};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::ops::Deref;
use std::rc::Rc;
use std::time::Duration;

/// How large a pool may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PoolOptions {
    /// How many connections there may be; 16 unless said.
    pub connections_max: usize,
    /// How many users may wait for one; 1,024 unless said.
    pub waiting_max: usize,
    /// How long a user waits, connecting included; 5 seconds unless said.
    pub wait_timeout: Duration,
}

impl Default for PoolOptions {
    fn default() -> Self {
        Self { connections_max: 16, waiting_max: 1024, wait_timeout: Duration::from_secs(5) }
    }
}

/// Connections to one server, to be leased. Cheap to clone; all clones are the same pool.
#[derive(Clone)]
pub struct Pool(Rc<Shared>);

struct Shared {
    reactor: Reactor,
    endpoint: String,
    client_options: ClientOptions,
    options: PoolOptions,
    state: RefCell<State>,
}

#[derive(Default)]
struct State {
    /// Connections nobody has; the last one came back last, and is given first.
    idle: Vec<Client>,
    /// How many there are in all: idle, leased, being made.
    open: usize,
    /// How many are being made.
    dialling: usize,
    waiting: VecDeque<Resolver<Lease>>,
    closed: bool,
}

/// A connection that is yours until you drop this. Leave it as you found it: out of transactions, in the
/// same database.
pub struct Lease {
    /// `None` only while it is dropped.
    client: Option<Client>,
    pool: Rc<Shared>,
}

impl Deref for Lease {
    type Target = Client;

    fn deref(&self) -> &Client {
        self.client.as_ref().expect("it is there until the lease is dropped")
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            Shared::take_back(&self.pool, client);
        }
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Lease").field(&self.client).finish()
    }
}

impl Pool {
    /// A pool of connections to `tcp:host:port`, `tls:host:port` or `unix:path`. They are made as they are needed.
    pub fn new(
        reactor: &Reactor,
        endpoint: &str,
        client_options: ClientOptions,
        options: PoolOptions,
    ) -> Self {
        Self(Rc::new(Shared {
            reactor: reactor.clone(),
            endpoint: endpoint.to_owned(),
            client_options,
            options,
            state: RefCell::default(),
        }))
    }

    /// A connection for you alone. If none is idle and no more may be made, you wait in a queue; after
    /// [`PoolOptions::wait_timeout`] the deferred fails with
    /// [`Failure::TimedOut`](ropewalk_reactor::Failure::TimedOut), and at once with
    /// [`ClientError::PoolExhausted`] if the queue is full. If a connection can't be made, the first in the
    /// queue is told why.
    pub fn lease(&self) -> Deferred<Lease> {
        let (resolver, deferred) = self.0.reactor.deferred();
        Shared::lease(&self.0, resolver);
        deferred.timeout(self.0.options.wait_timeout)
    }

    /// Send one command by a connection that nobody else uses meanwhile.
    pub fn command<A: AsRef<[u8]>>(&self, arguments: &[A]) -> Deferred<Value> {
        let arguments: Vec<_> = arguments.iter().map(|argument| argument.as_ref().to_vec()).collect();
        self.lease().chain(move |lease| {
            lease.command(&arguments).then(move |outcome| {
                drop(lease);
                outcome
            })
        })
    }

    /// How many connections there are: idle, leased, and being made.
    pub fn open(&self) -> usize {
        self.0.state.borrow().open
    }

    /// How many connections nobody uses.
    pub fn idle(&self) -> usize {
        self.0.state.borrow().idle.len()
    }

    /// Lease no more: who waits is told so, idle connections are closed, others when they come back.
    pub fn close(&self) {
        let mut state = self.0.state.borrow_mut();
        state.closed = true;
        let idle = std::mem::take(&mut state.idle);
        state.open = state.open.saturating_sub(idle.len());
        let waiting = std::mem::take(&mut state.waiting);
        drop(state);
        drop(idle);
        for resolver in waiting {
            resolver.resolve(Err(ClientError::Closed.into()));
        }
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.state.borrow();
        f.debug_struct("Pool")
            .field("endpoint", &self.0.endpoint)
            .field("open", &state.open)
            .field("idle", &state.idle.len())
            .field("waiting", &state.waiting.len())
            .finish()
    }
}

impl Shared {
    fn lease(this: &Rc<Self>, resolver: Resolver<Lease>) {
        let mut state = this.state.borrow_mut();
        if state.closed {
            drop(state);
            return resolver.resolve(Err(ClientError::Closed.into()));
        }
        let (alive, dead): (Vec<_>, Vec<_>) =
            std::mem::take(&mut state.idle).into_iter().partition(Client::is_connected);
        state.idle = alive;
        state.open = state.open.saturating_sub(dead.len());
        if let Some(client) = state.idle.pop() {
            drop(state);
            return resolver.resolve(Ok(Lease { client: Some(client), pool: this.clone() }));
        }
        state.waiting.retain(|waiting| !waiting.is_abandoned());
        if state.waiting.len() >= this.options.waiting_max {
            drop(state);
            return resolver.resolve(Err(ClientError::PoolExhausted.into()));
        }
        state.waiting.push_back(resolver);
        drop(state);
        Self::dial(this);
    }

    /// Make connections for those who wait, as far as there may be more.
    fn dial(this: &Rc<Self>) {
        let mut state = this.state.borrow_mut();
        let wanted = state.waiting.len().saturating_sub(state.dialling);
        let count = wanted.min(this.options.connections_max.saturating_sub(state.open));
        state.open = state.open.saturating_add(count);
        state.dialling = state.dialling.saturating_add(count);
        drop(state);
        for _ in 0..count {
            let pool = this.clone();
            let client = Client::connect_with(&this.reactor, &this.endpoint, this.client_options.clone());
            client.finally(move |outcome| Self::dialled(&pool, outcome));
        }
    }

    fn dialled(this: &Rc<Self>, outcome: Result<Client>) {
        let mut state = this.state.borrow_mut();
        state.dialling = state.dialling.saturating_sub(1);
        let failure = match outcome {
            Ok(client) => {
                drop(state);
                return Self::take_back(this, client);
            }
            Err(failure) => failure,
        };
        state.open = state.open.saturating_sub(1);
        let first = Self::first_waiting(&mut state);
        drop(state);
        if let Some(resolver) = first {
            resolver.resolve(Err(failure));
        }
        Self::dial(this);
    }

    /// A connection has come back, or is new: for who waits, or idle, or closed.
    fn take_back(this: &Rc<Self>, client: Client) {
        let mut state = this.state.borrow_mut();
        let usable = client.is_connected() && client.awaited() == 0 && !state.closed;
        if !usable {
            state.open = state.open.saturating_sub(1);
            drop(state);
            client.abort();
            return Self::dial(this);
        }
        match Self::first_waiting(&mut state) {
            Some(resolver) => {
                drop(state);
                resolver.resolve(Ok(Lease { client: Some(client), pool: this.clone() }));
            }
            None => state.idle.push(client),
        }
    }

    fn first_waiting(state: &mut State) -> Option<Resolver<Lease>> {
        while let Some(resolver) = state.waiting.pop_front() {
            if !resolver.is_abandoned() {
                return Some(resolver);
            }
        }
        None
    }
}
