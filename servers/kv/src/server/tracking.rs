//! Client-side caching: who has read which key, and is told when it changes. The one rule: whoever may hold a
//! copy of a key is told once, behind the reply to the command that changed it.
//!
//! ```text
//! by key     GET a ─▶ readers["a"] = {7, 9};  SET a ─▶ 7 and 9 are told "a", and read by nobody it is forgotten
//! broadcast  prefix "user:" = {12};  SET user:1 ─▶ changed["user:"] = {user:1}; when the turn is over,
//!                                                  12 is told all that has changed, at once
//! ```
//!
//! Of a client that is gone, its number stays among the readers until the key changes, or until there are
//! twice as many of them as there were when the dead were last counted out.

use super::Server;
use super::client::{Client, Place, State};
use super::clients::Clients;
use super::pubsub::Message;
use crate::store::table::{Element, Keyed, Table};
use bitflags::bitflags;
use bytes::{Bytes, BytesMut};
use ropewalk_protocols::resp::{ReplyWriter, Version};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;

/// The channel on which clients that speak RESP2 are told.
const CHANNEL: &str = "__redis__:invalidate";

/// How many keys are forgotten at a time when there are too many, before every command; more each time in a row.
const FORGET_STEP: usize = 100;

/// Fewer readers of a key than these are never looked through for dead ones.
const READERS_MIN: usize = 16;

bitflags! {
    /// What CLIENT TRACKING was told, and what became of it.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Mode: u8 {
        /// Keys by their prefixes, whether they were read or not.
        const BCAST = 1;
        /// Only keys of commands that CLIENT CACHING YES stands before.
        const OPTIN = 1 << 1;
        /// No keys of commands that CLIENT CACHING NO stands before.
        const OPTOUT = 1 << 2;
        /// Not what it has changed itself.
        const NOLOOP = 1 << 3;
        /// CLIENT CACHING was said: it holds for the next command.
        const CACHING = 1 << 4;
        /// Whom it redirects to is gone.
        const BROKEN = 1 << 5;
    }
}

/// How a client's reads are tracked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Options {
    /// What it was told.
    pub(crate) mode: Mode,
    /// Who is told in its place; 0 is nobody.
    pub(crate) redirect: u64,
    /// The prefixes that it wants to hear of.
    pub(crate) prefixes: BTreeSet<Rc<[u8]>>,
}

impl Options {
    /// One of its prefixes that this one overlaps with.
    pub(crate) fn overlapping(&self, prefix: &[u8]) -> Option<Rc<[u8]>> {
        self.prefixes.iter().find(|known| known.starts_with(prefix) || prefix.starts_with(known)).cloned()
    }

    /// What they take, in bytes, about.
    pub(crate) fn heap_bytes(&self) -> usize {
        size_of::<Self>()
            + self.prefixes.iter().map(|prefix| prefix.len() + 4 * size_of::<usize>()).sum::<usize>()
    }
}

/// A key that somebody has read.
#[derive(Debug)]
struct Tracked {
    key: Box<[u8]>,
    /// The numbers of those who have read it, in order.
    readers: Vec<u64>,
    /// How many there may be before the dead are counted out.
    readers_max: usize,
}

impl Element for Box<Tracked> {
    fn key(&self) -> &[u8] {
        &self.key
    }

    fn address(&self) -> *const u8 {
        std::ptr::from_ref::<Tracked>(self).cast()
    }
}

/// Who wants to hear of a prefix, and what has changed since they were told.
#[derive(Debug, Default)]
struct Broadcast {
    clients: BTreeMap<u64, Rc<Client>>,
    /// The keys, and who has changed each last.
    changed: BTreeMap<Box<[u8]>, Option<u64>>,
}

/// Who has read what.
#[derive(Debug, Default)]
pub(crate) struct Tracking {
    keys: Table<Box<Tracked>>,
    /// How many readers all keys have together.
    readers: usize,
    broadcasts: HashMap<Rc<[u8]>, Broadcast, Keyed>,
    /// How many prefixes there are of each length.
    lengths: BTreeMap<usize, usize>,
    /// The prefixes whose keys have changed.
    pending: BTreeSet<Rc<[u8]>>,
    /// Clients that are tracked.
    clients: usize,
    /// How often in a row there were too many keys.
    excess: usize,
}

impl Tracking {
    /// Whether nobody is to be told anything.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.broadcasts.is_empty()
    }

    /// How many clients are tracked.
    pub(crate) fn clients(&self) -> usize {
        self.clients
    }

    /// How many keys are remembered.
    pub(crate) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// How many times a key was remembered for a client.
    pub(crate) fn items(&self) -> usize {
        self.readers
    }

    /// How many prefixes somebody wants to hear of.
    pub(crate) fn prefixes(&self) -> usize {
        self.broadcasts.len()
    }

    fn remember(&mut self, key: &[u8], reader: u64, clients: &Clients) {
        let fresh = || Box::new(Tracked { key: key.into(), readers: Vec::new(), readers_max: READERS_MIN });
        let (tracked, _) = self.keys.get_or_insert_with(key, fresh);
        let Err(at) = tracked.readers.binary_search(&reader) else { return };
        tracked.readers.insert(at, reader);
        self.readers += 1;
        if tracked.readers.len() > tracked.readers_max {
            let before = tracked.readers.len();
            tracked.readers.retain(|reader| clients.find(*reader).is_some());
            self.readers -= before - tracked.readers.len();
            tracked.readers_max = (2 * tracked.readers.len()).max(READERS_MIN);
        }
    }

    /// Forget a key. Returns who has read it.
    fn forget(&mut self, key: &[u8]) -> Vec<u64> {
        let readers = self.keys.remove(key).map(|tracked| tracked.readers).unwrap_or_default();
        self.readers -= readers.len();
        readers
    }

    fn add_prefix(&mut self, prefix: &Rc<[u8]>, client: &Rc<Client>) {
        if !self.broadcasts.contains_key(prefix) {
            *self.lengths.entry(prefix.len()).or_default() += 1;
        }
        let broadcast = self.broadcasts.entry(prefix.clone()).or_default();
        broadcast.clients.insert(client.id, client.clone());
    }

    fn remove_prefix(&mut self, prefix: &Rc<[u8]>, client: &Client) {
        let Some(broadcast) = self.broadcasts.get_mut(prefix) else { return };
        broadcast.clients.remove(&client.id);
        if !broadcast.clients.is_empty() {
            return;
        }
        self.broadcasts.remove(prefix);
        self.pending.remove(prefix);
        let count = self.lengths.entry(prefix.len()).or_default();
        *count -= 1;
        if *count == 0 {
            self.lengths.remove(&prefix.len());
        }
    }

    /// Note that the key has changed for all whose prefix it begins with.
    fn note_change(&mut self, key: &[u8], by: Option<u64>) {
        for length in self.lengths.keys() {
            let Some(prefix) = key.get(..*length) else { break };
            let Some((shared, _)) = self.broadcasts.get_key_value(prefix) else { continue };
            let shared = shared.clone();
            if let Some(broadcast) = self.broadcasts.get_mut(prefix) {
                broadcast.changed.insert(key.into(), by);
                self.pending.insert(shared);
            }
        }
    }
}

/// Turning it on and off.
impl Server {
    /// Track a client's reads from now on, or in another way. Prefixes are added to those it has; `BCAST`
    /// without any is all keys.
    pub(crate) fn track(&mut self, client: &Rc<Client>, mode: Mode, redirect: u64, prefixes: &[&[u8]]) {
        if !client.is(State::TRACKING) {
            client.set(State::TRACKING, true);
            self.tracking.clients += 1;
        }
        let everything: [&[u8]; 1] = [b""];
        let added = match prefixes {
            [] if mode.contains(Mode::BCAST) => &everything[..],
            prefixes => prefixes,
        };
        let added: Vec<Rc<[u8]>> = added.iter().map(|prefix| Rc::from(*prefix)).collect();
        added.iter().for_each(|prefix| self.tracking.add_prefix(prefix, client));
        client.extras_mut(|extras| {
            let options = extras.tracking.get_or_insert_default();
            options.mode = mode;
            options.redirect = redirect;
            options.prefixes.extend(added);
        });
    }

    /// Track a client's reads no more. What it has read is remembered until it changes, and told to nobody.
    pub(crate) fn untrack(&mut self, client: &Rc<Client>) {
        if !client.is(State::TRACKING) {
            return;
        }
        client.set(State::TRACKING, false);
        self.tracking.clients -= 1;
        let options = client.extras_if_any(|extras| extras.tracking.take()).flatten();
        for prefix in options.iter().flat_map(|options| &options.prefixes) {
            self.tracking.remove_prefix(prefix, client);
        }
        client.trim_extras();
    }
}

/// Noting what is read.
impl Server {
    /// The client has read these keys.
    pub(crate) fn remember_reads<'k>(&mut self, client: &Client, keys: impl Iterator<Item = &'k [u8]>) {
        let wanted = |mode: Mode| match mode.contains(Mode::CACHING) {
            caching if mode.contains(Mode::OPTIN) => caching,
            caching if mode.contains(Mode::OPTOUT) => !caching,
            _ => !mode.contains(Mode::BCAST),
        };
        if client.tracking(|options| wanted(options.mode)) == Some(true) {
            keys.for_each(|key| self.tracking.remember(key, client.id, &self.clients));
        }
    }

    /// Where more keys are remembered than may be, forget some, and tell those who have read them.
    pub(crate) fn limit_tracked_keys(&mut self) {
        let max = self.config.tracking_table_max_keys;
        if max == 0 || self.tracking.keys.len() <= max {
            self.tracking.excess = 0;
            return;
        }
        for _ in 0..FORGET_STEP * (self.tracking.excess + 1) {
            let key =
                self.tracking.keys.random(&mut self.random.borrow_mut()).map(|tracked| tracked.key.clone());
            let Some(key) = key else { break };
            self.invalidate_readers(&key, None);
            if self.tracking.keys.len() <= max {
                self.tracking.excess = 0;
                return;
            }
        }
        self.tracking.excess += 1;
    }
}

/// Telling what has changed.
impl Server {
    /// A key was changed, by this client or by nobody.
    pub(crate) fn invalidate(&mut self, key: &[u8], by: Option<&Rc<Client>>) {
        self.tracking.note_change(key, by.map(|client| client.id));
        self.invalidate_readers(key, by);
    }

    fn invalidate_readers(&mut self, key: &[u8], by: Option<&Rc<Client>>) {
        let readers = self.tracking.forget(key);
        if readers.is_empty() {
            return;
        }
        let mut message = Invalidation::of([key]);
        for reader in readers {
            let Some(client) = self.clients.find(reader).cloned() else { continue };
            let is_own = by.is_some_and(|by| by.id == reader);
            let spared = if is_own { Mode::BCAST | Mode::NOLOOP } else { Mode::BCAST };
            let told = |mode: Mode| !mode.intersects(spared);
            if client.tracking(|options| told(options.mode)) == Some(true) {
                self.tell(&client, &mut message);
            }
        }
    }

    /// All keys are gone: databases were emptied. Whoever is tracked forgets all.
    pub(crate) fn invalidate_all(&mut self) {
        self.tracking.keys.clear();
        self.tracking.readers = 0;
        if self.tracking.clients == 0 {
            return;
        }
        let tracked: Vec<_> =
            self.clients.iter().filter(|client| client.is(State::TRACKING)).cloned().collect();
        let mut message = Invalidation::of_everything();
        for client in tracked {
            self.tell(&client, &mut message);
        }
    }

    /// Tell those who want to hear of prefixes what has changed; once a turn.
    pub(crate) fn broadcast_changes(&mut self) {
        for prefix in std::mem::take(&mut self.tracking.pending) {
            let Some(broadcast) = self.tracking.broadcasts.get_mut(&prefix) else { continue };
            let changed = std::mem::take(&mut broadcast.changed);
            let clients: Vec<_> = broadcast.clients.values().cloned().collect();
            let mut of_all = Invalidation::of(changed.keys().map(|key| &**key));
            for client in clients {
                let is_own = |by: &Option<u64>| *by == Some(client.id);
                let spared = client.tracking(|options| options.mode.contains(Mode::NOLOOP)) == Some(true);
                if !spared || !changed.values().any(is_own) {
                    self.tell(&client, &mut of_all);
                } else if !changed.values().all(is_own) {
                    let of_others = changed.iter().filter(|(_, by)| !is_own(by)).map(|(key, _)| &**key);
                    self.tell(&client, &mut Invalidation::of(of_others));
                }
            }
        }
    }

    /// Tell a client, or whom it redirects to.
    fn tell(&mut self, client: &Rc<Client>, message: &mut Invalidation) {
        let redirect = client.tracking(|options| options.redirect).unwrap_or(0);
        let place = if self.is_executing { Place::Behind } else { Place::Ahead };
        let target = match redirect {
            0 => client.clone(),
            other => match self.clients.find(other) {
                Some(target) => target.clone(),
                None => return tell_broken(client, redirect, place),
            },
        };
        if message.send(&target, redirect != 0, place) {
            self.close_if_overfull(&target);
        }
    }
}

/// Whom the client redirects to is gone: it is told, if there is a way to.
fn tell_broken(client: &Client, redirect: u64, place: Place) {
    client.extras_if_any(|extras| {
        if let Some(options) = &mut extras.tracking {
            options.mode |= Mode::BROKEN;
        }
    });
    if client.version.get() == Version::Resp3 {
        client.send(place, |reply| {
            reply.push(2);
            reply.bulk("tracking-redir-broken");
            reply.integer(i64::try_from(redirect).unwrap_or(i64::MAX));
        });
    }
}

impl Client {
    /// Look at how its reads are tracked, if they are.
    pub(crate) fn tracking<R>(&self, look: impl FnOnce(&Options) -> R) -> Option<R> {
        self.extras(|extras| extras.tracking.as_deref().map(look)).flatten()
    }
}

impl Client {
    /// CLIENT CACHING was said, or the command is over that it was said for.
    pub(crate) fn set_caching(&self, on: bool) {
        self.extras_if_any(|extras| {
            if let Some(options) = &mut extras.tracking {
                options.mode.set(Mode::CACHING, on);
            }
        });
    }

    /// What CLIENT GETREDIR answers.
    pub(crate) fn redirection(&self) -> i64 {
        self.tracking(|options| i64::try_from(options.redirect).unwrap_or(i64::MAX)).unwrap_or(-1)
    }
}

/// What clients are told, in each way there is of telling them.
struct Invalidation {
    /// The keys, encoded; none is all keys.
    keys: Option<Bytes>,
    push: Message,
    published: Message,
}

impl Invalidation {
    fn of<'k>(keys: impl IntoIterator<Item = &'k [u8]>) -> Self {
        let mut encoded = BytesMut::new();
        let mut reply = ReplyWriter::new(&mut encoded, Version::Resp3);
        let array = reply.open_array();
        let mut count = 0;
        for key in keys {
            reply.bulk(key);
            count += 1;
        }
        reply.close(array, count);
        Self { keys: Some(encoded.freeze()), ..Self::of_everything() }
    }

    fn of_everything() -> Self {
        Self { keys: None, push: Message::default(), published: Message::default() }
    }

    /// Send it, if there is a way: RESP3 has pushes, RESP2 a channel for clients that others redirect to.
    fn send(&mut self, target: &Client, redirected: bool, place: Place) -> bool {
        let keys = &self.keys;
        let write_keys = |reply: &mut ReplyWriter<'_>| match keys {
            Some(keys) => reply.encoded(keys),
            None => reply.null(),
        };
        if target.version.get() == Version::Resp3 {
            self.push.send(target, place, |reply| {
                reply.push(2);
                reply.bulk("invalidate");
                write_keys(reply);
            });
        } else if redirected && target.is(State::SUBSCRIBED) {
            self.published.send(target, place, |reply| {
                reply.push(3);
                reply.bulk("message");
                reply.bulk(CHANNEL);
                write_keys(reply);
            });
        } else {
            return false;
        }
        true
    }
}
