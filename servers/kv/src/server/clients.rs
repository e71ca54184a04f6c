//! Who is connected. The one rule: a client is here from `connection_made` until it is closed, from either side, and
//! what the server knows of it goes with it.

use super::Server;
use super::client::{Client, State};
use ropewalk_reactor::{Address, Transport};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// The clients, by number, which is the order in which they came.
#[derive(Debug)]
pub(crate) struct Clients {
    by_id: BTreeMap<u64, Rc<Client>>,
    last_id: u64,
    /// The last one that was looked after.
    looked_after: u64,
    weighed: Weighed,
}

/// What the clients take, kept where `maxmemory-clients` limits it.
#[derive(Debug, Default)]
struct Weighed {
    bytes: BTreeMap<u64, usize>,
    by_bytes: BTreeSet<(usize, u64)>,
    total: usize,
}

impl Weighed {
    fn set(&mut self, id: u64, bytes: usize) {
        self.forget(id);
        self.bytes.insert(id, bytes);
        self.by_bytes.insert((bytes, id));
        self.total += bytes;
    }

    fn forget(&mut self, id: u64) {
        if let Some(bytes) = self.bytes.remove(&id) {
            self.by_bytes.remove(&(bytes, id));
            self.total -= bytes;
        }
    }
}

impl Default for Clients {
    /// Nobody. The first to come is number 3, as in Redis, which has two of its own.
    fn default() -> Self {
        Self { by_id: BTreeMap::new(), last_id: 2, looked_after: 0, weighed: Weighed::default() }
    }
}

impl Clients {
    /// The number of the next client.
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    /// A client came.
    pub(crate) fn add(&mut self, client: Rc<Client>) {
        self.by_id.insert(client.id, client);
    }

    /// A client is gone.
    fn remove(&mut self, id: u64) {
        self.by_id.remove(&id);
        self.weighed.forget(id);
    }

    /// The client of this number.
    pub(crate) fn find(&self, id: u64) -> Option<&Rc<Client>> {
        self.by_id.get(&id)
    }

    /// All, by age.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = &Rc<Client>> {
        self.by_id.values()
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// So many clients, beginning behind those of the last time.
    fn next_to_look_after(&mut self, count: usize) -> Vec<Rc<Client>> {
        let behind = self.by_id.range(self.looked_after + 1..).map(|(_, client)| client);
        let some: Vec<_> = behind.take(count).cloned().collect();
        self.looked_after = if some.len() < count { 0 } else { some.last().map_or(0, |client| client.id) };
        some
    }
}

/// Told to whoever connects from elsewhere to a server that nobody has secured.
const PROTECTED: &str = "DENIED Redis is running in protected mode because protected mode is enabled and no password \
    is set for the default user. In this mode connections are only accepted from the loopback interface. If you \
    want to connect from external computers to Redis you may adopt one of the following solutions: 1) Just disable \
    protected mode sending the command 'CONFIG SET protected-mode no' from the loopback interface by connecting to \
    Redis from the same host the server is running, however MAKE SURE Redis is not publicly accessible from \
    internet if you do so. Use CONFIG REWRITE to make this change permanent. 2) Alternatively you can just disable \
    the protected mode by editing the Redis configuration file, and setting the protected mode option to 'no', and \
    then restarting the server. 3) If you started the server manually just for testing, restart it with the \
    '--protected-mode no' option. 4) Setup a an authentication password for the default user. NOTE: You only need \
    to do one of the above things in order for the server to start accepting connections from the outside.";

/// Coming and going.
impl Server {
    /// Somebody has connected. Returns the client, unless it was turned away.
    pub(super) fn client_came(&mut self, transport: &Transport) -> Option<Rc<Client>> {
        if let Some(refusal) = self.refusal(transport.peer()) {
            self.stats.rejected_connections += 1;
            transport.write(format!("-{refusal}\r\n").as_bytes());
            transport.close();
            return None;
        }
        self.stats.connections += 1;
        let id = self.clients.next_id();
        let user = self.acl.default_user();
        let client = Rc::new(Client::new(id, transport.clone(), user, self.clock.wall_ms()));
        self.sign_out(&client);
        client.set(State::UNIX, matches!(transport.peer(), Address::Unix(_)));
        self.clients.add(client.clone());
        Some(client)
    }

    /// Why whoever comes from there is turned away.
    fn refusal(&self, peer: &Address) -> Option<&'static str> {
        if self.clients.len() >= self.config.maxclients as usize {
            return Some("ERR max number of clients reached");
        }
        let open = self.config.protected_mode && !self.default_user_has_password();
        (open && !peer.is_local()).then_some(PROTECTED)
    }

    /// A client is gone, and with it all that it waited for, watched and subscribed to. To be told twice does no harm.
    pub(super) fn client_left(&mut self, client: &Rc<Client>) {
        if client.is(State::GONE) {
            return;
        }
        client.set(State::GONE, true);
        self.clients.remove(client.id);
        if client.is(State::BLOCKED) {
            self.unblock(client);
        }
        self.forget_postponed(client);
        self.stop_monitoring(client);
        self.untrack(client);
        self.unsubscribe_all(client);
        self.discard(client);
    }

    /// Close a client: at once, but for the one whose command this is, which is answered first.
    pub(crate) fn close_client(&mut self, client: &Rc<Client>) {
        if client.is(State::RUNNING) {
            return client.close_after_reply();
        }
        client.set(State::CLOSING, true);
        // A reset can overtake what was sent before: it is for those who do not read.
        match client.transport.buffered() {
            0 => client.transport.close(),
            _ => client.transport.abort(),
        }
        self.client_left(client);
    }

    /// Close a client that may not be sent any more; what was not sent is dropped.
    pub(crate) fn drop_client(&mut self, client: &Rc<Client>) {
        client.kill();
        if !client.is(State::RUNNING) {
            self.client_left(client);
        }
    }
}

/// Looking after them.
impl Server {
    /// Now and then, each client is looked at: whether it has been silent too long, or leaves too much unread.
    pub(super) fn look_after_clients(&mut self) {
        // All of them in a second, but no more than these at a time.
        const AT_A_TIME: std::ops::RangeInclusive<usize> = 5..=1000;
        let share = self.clients.len() / self.config.hz.max(1) as usize;
        for client in self.clients.next_to_look_after(share.clamp(*AT_A_TIME.start(), *AT_A_TIME.end())) {
            self.look_after(&client);
        }
    }

    fn look_after(&mut self, client: &Rc<Client>) {
        /// After so long without a command, a client's input has no buffer.
        const ROOM_MS: i64 = 2000;
        let silent_ms = self.clock.wall_ms().saturating_sub(client.heard_ms.get());
        let patience_ms = i64::from(self.config.timeout) * 1000;
        let waits = client.is(State::BLOCKED | State::SUBSCRIBED | State::MONITOR | State::POSTPONED);
        if patience_ms > 0 && silent_ms > patience_ms && !waits {
            tracing::debug!(client = client.id, "an idle client is closed");
            return self.close_client(client);
        }
        let input = client.figures.get().input;
        if silent_ms > ROOM_MS && input == 0 {
            client.saw_input(0, 0);
        }
        if !self.close_if_overfull(client) {
            self.weigh(client);
        }
    }
}

/// `maxmemory-clients`.
impl Server {
    /// How much memory all clients may take together; none is any.
    fn clients_bytes_max(&self) -> Option<usize> {
        let configured = self.config.maxmemory_clients;
        let percentage =
            || (self.config.maxmemory as u128 * u128::from(configured.unsigned_abs()) / 100) as usize;
        match configured {
            0 => None,
            1.. => usize::try_from(configured).ok(),
            _ => Some(percentage()).filter(|bytes| *bytes > 0),
        }
    }

    /// Something has changed about what a client takes.
    #[inline]
    pub(crate) fn weigh(&mut self, client: &Rc<Client>) {
        if self.config.maxmemory_clients != 0 && !client.is(State::GONE | State::CLOSING) {
            match client.is(State::NO_EVICT) {
                true => self.clients.weighed.forget(client.id),
                false => self.clients.weighed.set(client.id, client.memory()),
            }
        }
    }

    /// Close clients while all take more together than they may, the largest first.
    pub(crate) fn evict_clients(&mut self) {
        let Some(bytes_max) = self.clients_bytes_max() else { return };
        while self.clients.weighed.total > bytes_max {
            let Some((bytes, id)) = self.clients.weighed.by_bytes.pop_last() else { break };
            self.clients.weighed.forget(id);
            let Some(client) = self.clients.find(id).cloned() else { continue };
            tracing::warn!(client = id, bytes, "a client is closed: all take more memory than they may");
            self.stats.evicted_clients += 1;
            self.drop_client(&client);
        }
    }

    /// `maxmemory-clients` was changed: weigh everybody.
    pub(crate) fn limit_clients_memory(&mut self) {
        self.clients.weighed = Weighed::default();
        for client in self.clients.iter().cloned().collect::<Vec<_>>() {
            self.weigh(&client);
        }
        self.evict_clients();
    }
}
