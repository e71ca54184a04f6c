//! A subscriber: channels in, messages out, on a connection of its own. The one rule: a message is
//! read when there is room for it, so that a slow subscriber slows its connection, not its memory.

use super::wire::{self, Session, Wire};
use super::{ClientError, ClientOptions};
use crate::resp::encode_command;
use crate::resp::value::{ServerError, Value};
use bytes::Bytes;
use ropewalk_reactor::{Address, Backoff, Deferred, Reactor, Reconnector, Resolver, Result, Transport};
use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::rc::Rc;

/// How many messages wait to be taken before no more are read.
pub const MESSAGES_MAX: usize = 1024;

/// What a subscription is to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Topic {
    /// A channel, by its name.
    Channel,
    /// All channels whose names match a glob pattern.
    Pattern,
    /// A channel that belongs to a shard of a cluster.
    Shard,
}

impl Topic {
    const ALL: [Self; 3] = [Self::Channel, Self::Pattern, Self::Shard];

    /// The command that subscribes, whose name in small letters is the word that confirms it.
    fn subscribe(self) -> &'static str {
        match self {
            Self::Channel => "SUBSCRIBE",
            Self::Pattern => "PSUBSCRIBE",
            Self::Shard => "SSUBSCRIBE",
        }
    }

    /// The command that undoes that.
    fn unsubscribe(self) -> &'static str {
        match self {
            Self::Channel => "UNSUBSCRIBE",
            Self::Pattern => "PUNSUBSCRIBE",
            Self::Shard => "SUNSUBSCRIBE",
        }
    }
}

/// What somebody has published.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What subscription it came by.
    pub topic: Topic,
    /// The pattern, if it came by one.
    pub pattern: Option<Bytes>,
    /// The channel it was published to.
    pub channel: Bytes,
    /// What was published.
    pub payload: Bytes,
}

/// A connection that receives what is published. Cheap to clone; all clones are the same connection,
/// and when the last is dropped it is closed.
///
/// Messages are taken one by one, `while let Ok(message) = subscriber.next().await`, or handed to a
/// [callback](Self::on_message). While [`MESSAGES_MAX`] wait to be taken nothing is read, and soon the
/// server can send no more: subscriptions that are made then are confirmed when messages are taken.
#[derive(Clone)]
pub struct Subscriber(Rc<Handle>);

/// Closes the connection when the last clone of a subscriber is dropped.
struct Handle(Rc<Link>);

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.end(&ClientError::Closed, true);
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
    /// What is subscribed to, as far as the server has confirmed it.
    topics: BTreeSet<(Topic, Bytes)>,
    /// Commands that were sent, in order, and those to be sent when there is a connection.
    asked: VecDeque<Asked>,
    messages: VecDeque<Message>,
    readers: VecDeque<Resolver<Message>>,
    callback: Option<Box<dyn FnMut(Message)>>,
    reconnector: Option<Reconnector>,
}

enum Stage {
    Connecting,
    Ready(Transport),
    Over(ClientError),
}

/// A command, and who waits for the server to confirm it, name by name.
struct Asked {
    command: &'static str,
    names: Vec<Bytes>,
    unconfirmed: usize,
    resolver: Option<Resolver<()>>,
}

impl Asked {
    fn send(&self, transport: &Transport) {
        let name = Bytes::from_static(self.command.as_bytes());
        let command: Vec<_> = std::iter::once(name).chain(self.names.iter().cloned()).collect();
        transport.write_with(|out| encode_command(&command, out));
    }

    fn finish(self, outcome: Result<()>) {
        if let Some(resolver) = self.resolver {
            resolver.resolve(outcome);
        }
    }
}

impl Subscriber {
    /// Connect to `tcp:host:port`, `tls:host:port` or `unix:path`. The deferred fires when the server has
    /// accepted what `options` ask for; cancelling it gives up the attempt.
    pub fn connect(reactor: &Reactor, endpoint: &str, options: ClientOptions) -> Deferred<Self> {
        let (subscriber, link) = Self::detached(reactor, options);
        let options = link.options.clone();
        wire::connect(reactor, endpoint, link, options).then(move |outcome| outcome.map(|()| subscriber))
    }

    /// A subscriber that connects, and connects again whenever the connection is lost or refused. What it
    /// is subscribed to it subscribes to again; what was published meanwhile is lost, as always with
    /// Redis's pub/sub.
    ///
    /// # Errors
    /// If the endpoint is wrong.
    pub fn keep_connected(
        reactor: &Reactor,
        endpoint: &str,
        options: ClientOptions,
        backoff: Backoff,
    ) -> Result<Self> {
        let (subscriber, link) = Self::detached(reactor, options);
        let next = link.clone();
        let factory = move |_: &Address| Wire::new(next.clone(), next.options.clone());
        let reconnector = reactor.keep_connected(endpoint, backoff, factory)?;
        link.state.borrow_mut().reconnector = Some(reconnector);
        Ok(subscriber)
    }

    /// A subscriber that has no connection yet, and what its connection needs.
    pub(super) fn detached(reactor: &Reactor, options: ClientOptions) -> (Self, Rc<Link>) {
        let link = Link::new(reactor, options);
        (Self(Rc::new(Handle(link.clone()))), link)
    }

    /// Subscribe to channels, or to what matches patterns. The deferred fires when the server has
    /// confirmed all of them; from then on their messages come.
    pub fn subscribe<A: AsRef<[u8]>>(&self, topic: Topic, names: &[A]) -> Deferred<()> {
        self.0.0.ask(topic.subscribe(), names)
    }

    /// Undo [`subscribe`](Self::subscribe), by the same names. The deferred fires when the server has
    /// confirmed that; messages that came before may still be taken.
    pub fn unsubscribe<A: AsRef<[u8]>>(&self, topic: Topic, names: &[A]) -> Deferred<()> {
        self.0.0.ask(topic.unsubscribe(), names)
    }

    /// The next message. It fails when the connection is lost, but for one that is kept connected, and
    /// after what came before has been taken.
    pub fn next(&self) -> Deferred<Message> {
        self.0.0.next()
    }

    /// Call this with each message, beginning with those that wait. It replaces the callback before;
    /// no message waits any more, and so nothing slows the server but the callback.
    pub fn on_message(&self, callback: impl FnMut(Message) + 'static) {
        let link = self.0.0.clone();
        let before = link.state.borrow_mut().callback.replace(Box::new(callback));
        drop(before);
        let reactor = link.reactor.clone();
        reactor.call_soon(move || link.deliver());
    }

    /// Whether there is a connection that the server has accepted.
    pub fn is_connected(&self) -> bool {
        matches!(&self.0.0.state.borrow().stage, Stage::Ready(transport) if !transport.is_closing())
    }

    /// Close at once: what is awaited fails.
    pub fn close(&self) {
        self.0.0.end(&ClientError::Closed, true);
    }
}

impl fmt::Debug for Subscriber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.0.0.state.borrow();
        f.debug_struct("Subscriber")
            .field("topics", &state.topics)
            .field("messages", &state.messages.len())
            .finish_non_exhaustive()
    }
}

impl Link {
    fn new(reactor: &Reactor, options: ClientOptions) -> Rc<Self> {
        let state = State {
            stage: Stage::Connecting,
            topics: BTreeSet::new(),
            asked: VecDeque::new(),
            messages: VecDeque::new(),
            readers: VecDeque::new(),
            callback: None,
            reconnector: None,
        };
        Rc::new(Self { reactor: reactor.clone(), options: Rc::new(options), state: RefCell::new(state) })
    }

    fn ask<A: AsRef<[u8]>>(&self, command: &'static str, names: &[A]) -> Deferred<()> {
        let (resolver, deferred) = self.reactor.deferred();
        let names: Vec<_> = names.iter().map(|name| Bytes::copy_from_slice(name.as_ref())).collect();
        let mut state = self.state.borrow_mut();
        let refusal = match &state.stage {
            Stage::Over(error) => Some(error.clone()),
            _ if state.asked.len() >= self.options.awaited_max => Some(ClientError::Full),
            _ => None,
        };
        if names.is_empty() || refusal.is_some() {
            drop(state);
            resolver.resolve(refusal.map_or(Ok(()), |error| Err(error.into())));
            return deferred;
        }
        let asked = Asked { command, unconfirmed: names.len(), names, resolver: Some(resolver) };
        if let Stage::Ready(transport) = &state.stage {
            asked.send(transport);
        }
        state.asked.push_back(asked);
        deferred
    }

    fn next(&self) -> Deferred<Message> {
        let (resolver, deferred) = self.reactor.deferred();
        let mut state = self.state.borrow_mut();
        let outcome = match (state.messages.pop_front(), &state.stage) {
            (Some(message), _) => Ok(message),
            (None, Stage::Over(error)) => Err(error.clone()),
            (None, _) => {
                state.readers.push_back(resolver);
                return deferred;
            }
        };
        if state.messages.len() < MESSAGES_MAX / 2
            && let Stage::Ready(transport) = &state.stage
        {
            transport.resume_reading();
        }
        drop(state);
        resolver.resolve(outcome.map_err(Into::into));
        deferred
    }

    /// A message has come: to who waits for one, or to those that wait.
    fn arrived(&self, transport: &Transport, message: Message) {
        let mut state = self.state.borrow_mut();
        if state.callback.is_none() {
            while let Some(reader) = state.readers.pop_front() {
                if !reader.is_abandoned() {
                    drop(state);
                    return reader.resolve(Ok(message));
                }
            }
        }
        state.messages.push_back(message);
        if state.callback.is_none() && state.messages.len() >= MESSAGES_MAX {
            transport.pause_reading();
        }
        drop(state);
        self.deliver();
    }

    /// Hand what waits to the callback, if there is one.
    fn deliver(&self) {
        loop {
            let mut state = self.state.borrow_mut();
            if state.callback.is_none() {
                return;
            }
            let Some(message) = state.messages.pop_front() else {
                if let Stage::Ready(transport) = &state.stage {
                    transport.resume_reading();
                }
                return;
            };
            let callback = state.callback.take();
            drop(state);
            let Some(mut callback) = callback else { return };
            callback(message);
            let mut state = self.state.borrow_mut();
            let replaced = match state.callback {
                Some(_) => Some(callback),
                None => state.callback.replace(callback),
            };
            // What a closure owns may be a subscriber, not to be dropped while this is borrowed.
            drop(state);
            drop(replaced);
        }
    }

    /// The server has confirmed a name, or taken back a subscription by itself.
    fn confirmed(&self, word: &[u8], name: Bytes) {
        let is = |command: &str| word.eq_ignore_ascii_case(command.as_bytes());
        let mut state = self.state.borrow_mut();
        for topic in Topic::ALL {
            if is(topic.subscribe()) {
                state.topics.insert((topic, name.clone()));
            } else if is(topic.unsubscribe()) {
                state.topics.remove(&(topic, name.clone()));
            }
        }
        let Some(asked) = state.asked.front_mut().filter(|asked| is(asked.command)) else { return };
        asked.unconfirmed = asked.unconfirmed.saturating_sub(1);
        let complete = state.asked.pop_front_if(|asked| asked.unconfirmed == 0);
        drop(state);
        if let Some(asked) = complete {
            asked.finish(Ok(()));
        }
    }

    /// All that is awaited fails. There will be another connection if that is wanted, unless it is
    /// `closed` for good.
    fn end(&self, error: &ClientError, closed: bool) {
        let mut state = self.state.borrow_mut();
        let reconnector = if closed { state.reconnector.take() } else { None };
        let again = state.reconnector.is_some();
        let next = if again { Stage::Connecting } else { Stage::Over(error.clone()) };
        let before = std::mem::replace(&mut state.stage, next);
        let asked = std::mem::take(&mut state.asked);
        let readers = if again { VecDeque::new() } else { std::mem::take(&mut state.readers) };
        let callback = if again { None } else { state.callback.take() };
        drop(state);
        drop(callback);
        if let Some(reconnector) = reconnector {
            reconnector.stop();
        }
        if let Stage::Ready(transport) = before {
            transport.close();
        }
        asked.into_iter().for_each(|asked| asked.finish(Err(error.clone().into())));
        readers.into_iter().for_each(|reader| reader.resolve(Err(error.clone().into())));
    }
}

impl Session for Link {
    fn ready(&self, transport: &Transport) {
        let mut state = self.state.borrow_mut();
        if matches!(state.stage, Stage::Over(_)) {
            return transport.close();
        }
        state.stage = Stage::Ready(transport.clone());
        // First what was there before, then what was asked for meanwhile.
        for topic in Topic::ALL.into_iter().rev() {
            let names: Vec<_> =
                state.topics.iter().filter(|(of, _)| *of == topic).map(|(_, name)| name.clone()).collect();
            if !names.is_empty() {
                let command = topic.subscribe();
                state.asked.push_front(Asked { command, unconfirmed: names.len(), names, resolver: None });
            }
        }
        state.asked.iter().for_each(|asked| asked.send(transport));
        if state.messages.len() >= MESSAGES_MAX {
            transport.pause_reading();
        }
    }

    fn received(&self, transport: &Transport, value: Value) -> Result<(), ClientError> {
        let values = match value {
            Value::Push(values) | Value::Array(values) => values,
            Value::Error(text) => {
                let asked = self.state.borrow_mut().asked.pop_front().ok_or(ClientError::Unasked)?;
                asked.finish(Err(ServerError(text).into()));
                return Ok(());
            }
            _ => return Err(ClientError::Unasked),
        };
        let mut values = values.into_iter();
        let mut next =
            || values.next().and_then(|value| value.as_bytes().cloned()).ok_or(ClientError::Unasked);
        let word = next()?;
        let topic = match &word[..] {
            b"message" => Topic::Channel,
            b"pmessage" => Topic::Pattern,
            b"smessage" => Topic::Shard,
            _ => {
                // A push of another kind has no name there, and is none of ours.
                next().into_iter().for_each(|name| self.confirmed(&word, name));
                return Ok(());
            }
        };
        let pattern = if topic == Topic::Pattern { Some(next()?) } else { None };
        self.arrived(transport, Message { topic, pattern, channel: next()?, payload: next()? });
        Ok(())
    }

    fn lost(&self, error: &ClientError) {
        self.end(error, false);
    }
}
