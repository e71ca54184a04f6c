//! Publish and subscribe: who is told what. The one rule: a message is encoded for each version of the
//! protocol once, however many get it.
//!
//! ```text
//! PUBLISH news.rope hi ─▶ channels   "news.rope" ─▶ clients, in the order of their numbers
//!                         patterns   prefix ""      ─▶ "*rope"
//!                                    prefix "news." ─▶ "news.*", "news.r?pe"    only these are matched
//! ```

use super::Server;
use super::client::{Client, Place, State};
use super::notify::Notify;
use crate::glob;
use crate::store::table::Keyed;
use bytes::{Bytes, BytesMut};
use ropewalk_protocols::resp::{ReplyWriter, Version};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// The name of a channel, or a pattern; who subscribes shares it with the index.
pub(crate) type Name = Rc<[u8]>;

/// What can be subscribed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A channel by its name.
    Channel,
    /// All channels that match a pattern.
    Pattern,
    /// A shard channel, which has nothing to do with the others.
    Shard,
}

impl Kind {
    /// What stands before the words of its messages: `psubscribe`, `smessage`.
    fn prefix(self) -> &'static str {
        match self {
            Self::Channel => "",
            Self::Pattern => "p",
            Self::Shard => "s",
        }
    }
}

/// What a client subscribes to.
#[derive(Debug, Default)]
pub(crate) struct Subscriptions {
    channels: BTreeSet<Name>,
    patterns: BTreeSet<Name>,
    shards: BTreeSet<Name>,
}

impl Subscriptions {
    fn of(&self, kind: Kind) -> &BTreeSet<Name> {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::Shard => &self.shards,
        }
    }

    fn of_mut(&mut self, kind: Kind) -> &mut BTreeSet<Name> {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shards,
        }
    }

    fn len(&self) -> usize {
        self.channels.len() + self.patterns.len() + self.shards.len()
    }

    /// What they take on the heap, in bytes, about.
    pub(crate) fn heap_bytes(&self) -> usize {
        let names = [&self.channels, &self.patterns, &self.shards].into_iter().flatten();
        names.map(|name| name.len() + 3 * size_of::<Name>()).sum()
    }
}

impl Client {
    /// How many of a kind it subscribes to.
    pub(crate) fn subscriptions(&self, kind: Kind) -> usize {
        self.subscribed(|subscriptions| subscriptions.of(kind).len()).unwrap_or(0)
    }

    /// What is counted in the answers to SUBSCRIBE and the like: shard channels count apart.
    fn counted_subscriptions(&self, kind: Kind) -> usize {
        match kind {
            Kind::Shard => self.subscriptions(Kind::Shard),
            _ => self.subscriptions(Kind::Channel) + self.subscriptions(Kind::Pattern),
        }
    }

    fn subscribed<R>(&self, look: impl FnOnce(&Subscriptions) -> R) -> Option<R> {
        self.extras(|extras| extras.subscriptions.as_deref().map(look)).flatten()
    }

    /// The names of a kind that it subscribes to, in their order.
    pub(crate) fn subscribed_names(&self, kind: Kind) -> Vec<Name> {
        self.subscribed(|subscriptions| subscriptions.of(kind).iter().cloned().collect()).unwrap_or_default()
    }
}

/// Clients in the order of their numbers: whoever came last is last, so that a new one mostly goes to the end.
#[derive(Debug, Default)]
pub(crate) struct Subscribers(Vec<Rc<Client>>);

impl Subscribers {
    fn insert(&mut self, client: &Rc<Client>) {
        if let Err(at) = self.0.binary_search_by_key(&client.id, |other| other.id) {
            self.0.insert(at, client.clone());
        }
    }

    fn remove(&mut self, client: &Client) {
        if let Ok(at) = self.0.binary_search_by_key(&client.id, |other| other.id) {
            self.0.remove(at);
        }
    }
}

/// Who subscribes to names of one kind.
#[derive(Debug, Default)]
pub(crate) struct Topics(HashMap<Name, Subscribers, Keyed>);

impl Topics {
    /// Returns the name that all share, and whether it is new.
    fn subscribe(&mut self, name: &[u8], client: &Rc<Client>) -> (Name, bool) {
        if let Some((name, _)) = self.0.get_key_value(name) {
            let name = name.clone();
            self.0.entry(name.clone()).or_default().insert(client);
            return (name, false);
        }
        let name: Name = name.into();
        self.0.entry(name.clone()).or_default().insert(client);
        (name, true)
    }

    /// Returns whether nobody subscribes to it any more.
    fn unsubscribe(&mut self, name: &[u8], client: &Client) -> bool {
        let Some(subscribers) = self.0.get_mut(name) else { return false };
        subscribers.remove(client);
        let is_last = subscribers.0.is_empty();
        if is_last {
            self.0.remove(name);
        }
        is_last
    }

    /// How many there are that somebody subscribes to.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// How many subscribe to this.
    pub(crate) fn subscribers(&self, name: &[u8]) -> usize {
        self.0.get(name).map_or(0, |subscribers| subscribers.0.len())
    }

    /// All names.
    pub(crate) fn names(&self) -> impl Iterator<Item = &Name> {
        self.0.keys()
    }

    fn clients(&self, name: &[u8]) -> &[Rc<Client>] {
        self.0.get(name).map_or(&[], |subscribers| &subscribers.0)
    }
}

/// The patterns, by what a channel has to begin with to match them.
#[derive(Debug, Default)]
struct Prefixes {
    patterns: HashMap<Box<[u8]>, BTreeSet<Name>, Keyed>,
    /// How many prefixes there are of each length.
    lengths: BTreeMap<usize, usize>,
}

impl Prefixes {
    fn of(pattern: &[u8]) -> &[u8] {
        let end = pattern.iter().position(|byte| b"*?[\\".contains(byte)).unwrap_or(pattern.len());
        pattern.get(..end).unwrap_or_default()
    }

    fn add(&mut self, pattern: &Name) {
        let prefix = Self::of(pattern);
        if !self.patterns.contains_key(prefix) {
            *self.lengths.entry(prefix.len()).or_default() += 1;
        }
        self.patterns.entry(prefix.into()).or_default().insert(pattern.clone());
    }

    fn remove(&mut self, pattern: &[u8]) {
        let prefix = Self::of(pattern);
        let Some(patterns) = self.patterns.get_mut(prefix) else { return };
        patterns.remove(pattern);
        if patterns.is_empty() {
            self.patterns.remove(prefix);
            let count = self.lengths.entry(prefix.len()).or_default();
            *count -= 1;
            if *count == 0 {
                self.lengths.remove(&prefix.len());
            }
        }
    }

    /// The patterns that the channel matches.
    fn matching<'a>(&'a self, channel: &'a [u8]) -> impl Iterator<Item = &'a Name> {
        let prefixes = self.lengths.keys().map_while(|length| channel.get(..*length));
        let patterns = prefixes.filter_map(|prefix| self.patterns.get(prefix)).flatten();
        patterns.filter(|pattern| glob::matches(pattern, channel))
    }
}

/// Who subscribes to what.
#[derive(Debug, Default)]
pub(crate) struct PubSub {
    channels: Topics,
    patterns: Topics,
    shards: Topics,
    prefixes: Prefixes,
}

impl PubSub {
    /// Who subscribes to names of this kind.
    pub(crate) fn topics(&self, kind: Kind) -> &Topics {
        match kind {
            Kind::Channel => &self.channels,
            Kind::Pattern => &self.patterns,
            Kind::Shard => &self.shards,
        }
    }

    fn topics_mut(&mut self, kind: Kind) -> &mut Topics {
        match kind {
            Kind::Channel => &mut self.channels,
            Kind::Pattern => &mut self.patterns,
            Kind::Shard => &mut self.shards,
        }
    }

    fn subscribe(&mut self, kind: Kind, name: &[u8], client: &Rc<Client>) -> Name {
        let (name, is_new) = self.topics_mut(kind).subscribe(name, client);
        if is_new && kind == Kind::Pattern {
            self.prefixes.add(&name);
        }
        name
    }

    fn unsubscribe(&mut self, kind: Kind, name: &[u8], client: &Client) {
        if self.topics_mut(kind).unsubscribe(name, client) && kind == Kind::Pattern {
            self.prefixes.remove(name);
        }
    }
}

/// A message for many: encoded when the first of each version gets it.
#[derive(Debug, Default)]
pub(crate) struct Message {
    encoded: [Option<Bytes>; 2],
}

impl Message {
    /// Send it; `write` writes it, the same each time.
    pub(crate) fn send(&mut self, client: &Client, place: Place, write: impl FnOnce(&mut ReplyWriter<'_>)) {
        let version = client.version.get();
        let slot = &mut self.encoded[usize::from(version == Version::Resp3)];
        let message = slot.get_or_insert_with(|| {
            let mut message = BytesMut::new();
            write(&mut ReplyWriter::new(&mut message, version));
            message.freeze()
        });
        client.send_encoded(place, message);
    }
}

/// Subscribing.
impl Server {
    /// Subscribe a client, and tell it so.
    pub(crate) fn subscribe(&mut self, client: &Rc<Client>, kind: Kind, name: &[u8]) {
        let shared = self.pubsub.subscribe(kind, name, client);
        client.extras_mut(|extras| {
            extras.subscriptions.get_or_insert_default().of_mut(kind).insert(shared);
        });
        client.set(State::SUBSCRIBED, true);
    }

    /// Take a subscription back, if there is one.
    pub(crate) fn unsubscribe(&mut self, client: &Rc<Client>, kind: Kind, name: &[u8]) {
        let removed = client.extras_if_any(|extras| {
            let subscriptions = extras.subscriptions.as_mut();
            subscriptions.is_some_and(|subscriptions| subscriptions.of_mut(kind).remove(name))
        });
        if removed != Some(true) {
            return;
        }
        self.pubsub.unsubscribe(kind, name, client);
        if client.subscribed(Subscriptions::len) == Some(0) {
            client.extras_if_any(|extras| extras.subscriptions = None);
            client.set(State::SUBSCRIBED, false);
            client.trim_extras();
        }
    }

    /// Take all subscriptions back; the client is told nothing.
    pub(crate) fn unsubscribe_all(&mut self, client: &Rc<Client>) {
        for kind in [Kind::Channel, Kind::Pattern, Kind::Shard] {
            for name in client.subscribed_names(kind) {
                self.unsubscribe(client, kind, &name);
            }
        }
    }
}

/// What SUBSCRIBE and the like answer for each name, `word` being `subscribe` or `unsubscribe`.
pub(crate) fn write_subscription(
    reply: &mut ReplyWriter<'_>,
    client: &Client,
    kind: Kind,
    word: &str,
    name: Option<&[u8]>,
) {
    reply.push(3);
    reply.bulk([kind.prefix(), word].concat());
    match name {
        Some(name) => reply.bulk(name),
        None => reply.null(),
    }
    reply.integer(client.counted_subscriptions(kind) as i64);
}

/// Publishing.
impl Server {
    /// Publish an event about a key, if events of this class are published.
    #[inline]
    pub(crate) fn notify(&mut self, db: usize, class: Notify, event: &str, key: &[u8]) {
        if self.config.notify.wants(class) {
            self.publish_event(db, event, key);
        }
    }

    #[cold]
    fn publish_event(&mut self, db: usize, event: &str, key: &[u8]) {
        if self.config.notify.contains(Notify::KEYSPACE) {
            let channel = [format!("__keyspace@{db}__:").as_bytes(), key].concat();
            self.publish(&channel, event.as_bytes());
        }
        if self.config.notify.contains(Notify::KEYEVENT) {
            self.publish(format!("__keyevent@{db}__:{event}").as_bytes(), key);
        }
    }

    /// Publish a message. Returns how many clients it went to; one that subscribes in several ways counts as often.
    pub(crate) fn publish(&mut self, channel: &[u8], message: &[u8]) -> usize {
        let mut count = self.publish_to(Kind::Channel, channel, message);
        let mut overfull = Vec::new();
        for pattern in self.pubsub.prefixes.matching(channel) {
            count += self.send_to_all(self.pubsub.patterns.clients(pattern), &mut overfull, |reply| {
                reply.push(4);
                reply.bulk("pmessage");
                reply.bulk(pattern);
                reply.bulk(channel);
                reply.bulk(message);
            });
        }
        self.close_overfull(overfull);
        count
    }

    /// Publish a message to the subscribers of a shard channel. Returns how many it went to.
    pub(crate) fn publish_to_shard(&mut self, channel: &[u8], message: &[u8]) -> usize {
        self.publish_to(Kind::Shard, channel, message)
    }

    fn publish_to(&mut self, kind: Kind, channel: &[u8], message: &[u8]) -> usize {
        let mut overfull = Vec::new();
        let clients = self.pubsub.topics(kind).clients(channel);
        let count = self.send_to_all(clients, &mut overfull, |reply| {
            reply.push(3);
            reply.bulk([kind.prefix(), "message"].concat());
            reply.bulk(channel);
            reply.bulk(message);
        });
        self.close_overfull(overfull);
        count
    }

    /// Send a message to these, and note who has too much to read now. Returns how many they are.
    fn send_to_all(
        &self,
        clients: &[Rc<Client>],
        overfull: &mut Vec<Rc<Client>>,
        write: impl Fn(&mut ReplyWriter<'_>),
    ) -> usize {
        let mut message = Message::default();
        for client in clients {
            message.send(client, Place::Ahead, &write);
            if self.is_overfull(client) {
                overfull.push(client.clone());
            }
        }
        clients.len()
    }
}
