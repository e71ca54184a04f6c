//! A client: commands out, replies in, matched by their order. The one rule: who waits is told from
//! the loop, and never while anything of the client's is borrowed.

use super::wire::{self, Session, Wire};
use super::{ClientError, ClientOptions};
use crate::resp::encode_command;
use crate::resp::value::Value;
use bytes::BytesMut;
use ropewalk_reactor::{Address, Backoff, Deferred, Reactor, Reconnector, Resolver, Result, Transport};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::rc::Rc;

/// A connection to a server that speaks RESP. Cheap to clone; all clones are the same connection, and
/// when the last is dropped it is closed, after what is awaited has come.
///
/// ```
/// use ropewalk_protocols::resp::{Client, CommandReceiver, Commands, Version, send_reply};
/// use ropewalk_reactor::{Address, Reactor, Transport};
///
/// # struct Counter(i64);
/// # impl CommandReceiver for Counter {
/// #     fn command_received(&mut self, transport: &Transport, command: &[&[u8]]) {
/// #         send_reply(transport, Version::Resp3, |reply| match command {
/// #             [b"INCRBY", ..] => { self.0 += 3; reply.integer(self.0) }
/// #             _ => reply.ok(),
/// #         });
/// #     }
/// # }
/// # fn main() -> ropewalk_reactor::Result<()> {
/// let reactor = Reactor::new()?;
/// # let listener = reactor.listen("tcp:0:interface=127.0.0.1", |_: &Address| Commands::new(Counter(0)))?;
/// # let endpoint = format!("tcp:{}", listener.address());
/// # let asking = reactor.clone();
/// let total = reactor.block_on(async move {
///     let client = Client::connect(&asking, &endpoint).await?;
///     // Both leave in one write; the replies come in the order of the commands.
///     let first = client.command(&["INCRBY", "visits", "3"]);
///     let second = client.command(&["INCRBY", "visits", "3"]);
///     Ok([first.await?.as_integer(), second.await?.as_integer()])
/// })?;
/// assert_eq!(total, [Some(3), Some(6)]);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Client(Rc<Handle>);

/// Closes the connection when the last clone of a client is dropped.
struct Handle(Rc<Link>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.retire();
    }
}

/// What the handles share with the connection.
pub(super) struct Link {
    reactor: Reactor,
    pub(super) options: Rc<ClientOptions>,
    state: RefCell<State>,
}

struct State {
    stage: Stage,
    /// Who waits for a reply, in the order of the commands.
    waiting: VecDeque<Resolver<Value>>,
    /// Commands that were given while there was no connection.
    unsent: BytesMut,
    on_push: Option<PushCallback>,
    /// No more commands will come.
    retired: bool,
    reconnector: Option<Reconnector>,
}

type PushCallback = Box<dyn FnMut(Vec<Value>)>;

enum Stage {
    /// There is no connection, and there will be one.
    Connecting,
    Ready(Transport),
    /// There will be no other connection.
    Over(ClientError),
}

impl Client {
    /// Connect to `tcp:host:port`, `tls:host:port` or `unix:path`, with [`ClientOptions::default`].
    pub fn connect(reactor: &Reactor, endpoint: &str) -> Deferred<Self> {
        Self::connect_with(reactor, endpoint, ClientOptions::default())
    }

    /// Connect. The deferred fires when the server has accepted what `options` ask for; cancelling it
    /// gives up the attempt.
    pub fn connect_with(reactor: &Reactor, endpoint: &str, options: ClientOptions) -> Deferred<Self> {
        let (client, link) = Self::detached(reactor, options);
        let options = link.options.clone();
        wire::connect(reactor, endpoint, link, options).then(move |outcome| outcome.map(|()| client))
    }

    /// A client that connects, and connects again whenever the connection is lost or refused. What is
    /// given to it while there is no connection waits for the next one, within the bounds; give such
    /// commands a [`timeout`](Deferred::timeout). What was sent when the connection was lost fails.
    ///
    /// # Errors
    /// If the endpoint is wrong.
    pub fn keep_connected(
        reactor: &Reactor,
        endpoint: &str,
        options: ClientOptions,
        backoff: Backoff,
    ) -> Result<Self> {
        let (client, link) = Self::detached(reactor, options);
        let next = link.clone();
        let factory = move |_: &Address| Wire::new(next.clone(), next.options.clone());
        let reconnector = reactor.keep_connected(endpoint, backoff, factory)?;
        link.state.borrow_mut().reconnector = Some(reconnector);
        Ok(client)
    }

    /// A client that has no connection yet, and what its connection needs.
    pub(super) fn detached(reactor: &Reactor, options: ClientOptions) -> (Self, Rc<Link>) {
        let link = Link::new(reactor, options);
        (Self(Rc::new(Handle(link.clone()))), link)
    }

    /// Send a command: its name, and its arguments. Commands that are given in one turn leave in one
    /// write. The deferred fires with the reply; an error that the server answers is a failure with a
    /// [`ServerError`](crate::resp::ServerError), and why else there is no reply, one with a
    /// [`ClientError`]. Cancelling it does not take the command back.
    pub fn command<A: AsRef<[u8]>>(&self, arguments: &[A]) -> Deferred<Value> {
        let (resolver, deferred) = self.0.0.reactor.deferred();
        if let Err((resolver, error)) = self.0.0.send(arguments, resolver) {
            resolver.resolve(Err(error.into()));
        }
        deferred
    }

    /// Call this with each push that comes: what it is, and what it says. `CLIENT TRACKING` sends
    /// such, for one. Without a callback they are dropped. It replaces the one before.
    pub fn on_push(&self, callback: impl FnMut(Vec<Value>) + 'static) {
        let before = self.0.0.state.borrow_mut().on_push.replace(Box::new(callback));
        drop(before);
    }

    /// How many replies are awaited.
    pub fn awaited(&self) -> usize {
        self.0.0.state.borrow().waiting.len()
    }

    /// Whether there is a connection that the server has accepted.
    pub fn is_connected(&self) -> bool {
        matches!(&self.0.0.state.borrow().stage, Stage::Ready(transport) if !transport.is_closing())
    }

    /// Take no more commands, and close when what is awaited has come.
    pub fn close(&self) {
        self.0.0.retire();
    }

    /// Close at once: what is awaited fails.
    pub fn abort(&self) {
        let link = &self.0.0;
        link.retire();
        link.end(&ClientError::Closed);
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("is_connected", &self.is_connected())
            .field("awaited", &self.awaited())
            .finish()
    }
}

impl Link {
    fn new(reactor: &Reactor, options: ClientOptions) -> Rc<Self> {
        let state = State {
            stage: Stage::Connecting,
            waiting: VecDeque::new(),
            unsent: BytesMut::new(),
            on_push: None,
            retired: false,
            reconnector: None,
        };
        Rc::new(Self { reactor: reactor.clone(), options: Rc::new(options), state: RefCell::new(state) })
    }

    fn send<A: AsRef<[u8]>>(
        &self,
        arguments: &[A],
        resolver: Resolver<Value>,
    ) -> Result<(), (Resolver<Value>, ClientError)> {
        if let Some(error) = not_a_command(arguments) {
            return Err((resolver, error));
        }
        let mut state = self.state.borrow_mut();
        let state = &mut *state;
        if state.retired {
            return Err((resolver, ClientError::Closed));
        }
        let unsent = match &state.stage {
            Stage::Connecting => state.unsent.len(),
            Stage::Ready(transport) => transport.buffered(),
            Stage::Over(error) => return Err((resolver, error.clone())),
        };
        let length =
            arguments.iter().fold(0usize, |sum, argument| sum.saturating_add(argument.as_ref().len()));
        let too_long = unsent > 0 && unsent.saturating_add(length) > self.options.unsent_bytes_max;
        if too_long || state.waiting.len() >= self.options.awaited_max {
            return Err((resolver, ClientError::Full));
        }
        match &state.stage {
            Stage::Ready(transport) => {
                if state.waiting.is_empty() {
                    self.expect_reply(transport, true);
                }
                transport.write_with(|out| encode_command(arguments, out));
            }
            _ => encode_command(arguments, &mut state.unsent),
        }
        state.waiting.push_back(resolver);
        Ok(())
    }

    /// The time for the next reply begins, if there is to be one.
    fn expect_reply(&self, transport: &Transport, is_awaited: bool) {
        if let Some(limit) = self.options.reply_timeout {
            transport.set_timeout(is_awaited.then_some(limit));
        }
    }

    /// No more commands will come.
    fn retire(&self) {
        let mut state = self.state.borrow_mut();
        state.retired = true;
        let reconnector = state.reconnector.take();
        let idle = state.waiting.is_empty();
        let transport = match &state.stage {
            Stage::Ready(transport) => Some(transport.clone()),
            _ => None,
        };
        drop(state);
        if let Some(reconnector) = reconnector {
            reconnector.stop();
        }
        match transport {
            Some(transport) if idle => transport.close(),
            Some(_) => {}
            // Nobody will connect it any more.
            None => self.end(&ClientError::Closed),
        }
    }

    /// All that is awaited fails, and there is no connection, or will be another.
    fn end(&self, error: &ClientError) {
        let mut state = self.state.borrow_mut();
        let next = if state.reconnector.is_some() { Stage::Connecting } else { Stage::Over(error.clone()) };
        let before = std::mem::replace(&mut state.stage, next);
        let waiting = std::mem::take(&mut state.waiting);
        state.unsent.clear();
        drop(state);
        if let Stage::Ready(transport) = before {
            transport.abort();
        }
        for resolver in waiting {
            resolver.resolve(Err(error.clone().into()));
        }
    }

    /// Hand a push to the callback, which may replace itself.
    fn push(&self, values: Vec<Value>) {
        let callback = self.state.borrow_mut().on_push.take();
        let Some(mut callback) = callback else { return };
        callback(values);
        let mut state = self.state.borrow_mut();
        let replaced = match state.on_push {
            Some(_) => Some(callback),
            None => state.on_push.replace(callback),
        };
        // What a closure owns may be a client, which is not to be dropped while this is borrowed.
        drop(state);
        drop(replaced);
    }
}

impl Session for Link {
    fn ready(&self, transport: &Transport) {
        let mut state = self.state.borrow_mut();
        if state.retired {
            return transport.close();
        }
        transport.write_bytes(state.unsent.split());
        self.expect_reply(transport, !state.waiting.is_empty());
        state.stage = Stage::Ready(transport.clone());
    }

    fn received(&self, transport: &Transport, value: Value) -> Result<(), ClientError> {
        if let Value::Push(values) = value {
            self.push(values);
            return Ok(());
        }
        let mut state = self.state.borrow_mut();
        let resolver = state.waiting.pop_front().ok_or(ClientError::Unasked)?;
        let all_came = state.waiting.is_empty();
        self.expect_reply(transport, !all_came);
        if state.retired && all_came {
            transport.close();
        }
        drop(state);
        resolver.resolve(value.into_result().map_err(Into::into));
        Ok(())
    }

    fn lost(&self, error: &ClientError) {
        self.end(error);
    }
}

/// A command after which replies can't be told from one another any more.
fn not_a_command<A: AsRef<[u8]>>(arguments: &[A]) -> Option<ClientError> {
    const NAMES: [&[u8]; 9] = [
        b"SUBSCRIBE",
        b"UNSUBSCRIBE",
        b"PSUBSCRIBE",
        b"PUNSUBSCRIBE",
        b"SSUBSCRIBE",
        b"SUNSUBSCRIBE",
        b"MONITOR",
        b"SYNC",
        b"PSYNC",
    ];
    let Some(name) = arguments.first().map(AsRef::as_ref) else {
        return Some(ClientError::NotACommand("nothing".to_owned()));
    };
    let second = arguments.get(1).map(AsRef::as_ref);
    let is_reply = name.eq_ignore_ascii_case(b"CLIENT")
        && second.is_some_and(|second: &[u8]| second.eq_ignore_ascii_case(b"REPLY"));
    (is_reply || NAMES.iter().any(|other| name.eq_ignore_ascii_case(other)))
        .then(|| ClientError::NotACommand(String::from_utf8_lossy(name).to_ascii_uppercase()))
}
