//! Connecting: names become addresses, addresses are tried side by side, and what was lost is tried
//! again.

use crate::address::Address;
use crate::deferred::Deferred;
use crate::endpoint::{ConnectEndpoint, Endpoint, Host};
use crate::engine::Token;
use crate::failure::{Failure, Result};
use crate::protocol::{Factory, Protocol};
use crate::reactor::Reactor;
use crate::shared::{Attachment, Effect, Shared};
use crate::transport::{Transport, layer::Layer, tls::TlsClient};
use std::cell::{Cell, RefCell};
use std::future::{Future, poll_fn};
use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::Poll;
use std::time::Duration;

/// How long an address is tried alone before the next one is tried beside it (RFC 8305, section 5).
pub const HEAD_START: Duration = Duration::from_millis(250);

impl Reactor {
    /// Connect to `tcp:host:port`, `unix:path`, `tls:host:port`, and speak `protocol` there. The deferred
    /// fires once the protocol is connected, after the TLS handshake if there is one.
    ///
    /// The name is resolved off the loop. Its addresses are tried in the resolver's order, families
    /// alternating, each getting a head start of 250 ms (RFC 8305); the first to answer wins. Cancelling
    /// the deferred gives up the attempt.
    pub fn connect(&self, endpoint: &str, protocol: impl Protocol + 'static) -> Deferred<Transport> {
        match Endpoint::connect(endpoint) {
            Ok(endpoint) => self.connect_to(endpoint, Box::new(protocol)),
            Err(error) => self.0.resolved(Err(error.into())),
        }
    }

    /// As [`connect`](Self::connect), with an endpoint that was read before.
    pub fn connect_to(&self, endpoint: ConnectEndpoint, protocol: Box<dyn Protocol>) -> Deferred<Transport> {
        let limit = endpoint.timeout();
        let reactor = self.clone();
        self.spawn(async move {
            let layer = endpoint.layer(&reactor).await?;
            let (token, peer) = reactor.dial(&endpoint).await?;
            let (made, transport) = reactor.deferred();
            let attachment = Attachment { token, peer, protocol, layer, made: Some(made) };
            reactor.0.push(Effect::Attach(Box::new(attachment)));
            let guard = Unfinished { home: Rc::downgrade(&reactor.0), token: Some(token) };
            let transport = transport.await?;
            guard.defuse();
            Ok(transport)
        })
        .timeout(limit)
    }

    /// Connect, and connect again whenever the connection is lost or the attempt fails, for ever:
    /// Twisted's ReconnectingClientFactory. `factory` makes the protocol of each connection.
    ///
    /// # Errors
    /// If the endpoint is wrong.
    pub fn keep_connected(
        &self,
        endpoint: &str,
        backoff: Backoff,
        factory: impl Factory + 'static,
    ) -> Result<Reconnector> {
        let endpoint = Endpoint::connect(endpoint)?;
        let state = Rc::new(Reconnecting {
            attempts: Cell::new(0),
            task: RefCell::default(),
            current: RefCell::default(),
        });
        let task = self.spawn(reconnect(self.clone(), endpoint, backoff, factory, state.clone()));
        *state.task.borrow_mut() = Some(task);
        Ok(Reconnector(state))
    }

    /// The addresses of a host, from the system's resolver on the thread pool.
    ///
    /// A failure to resolve is an error that names the host.
    pub fn resolve(&self, host: &str) -> Deferred<Vec<IpAddr>> {
        let answer = self.0.engine.borrow_mut().resolve(host);
        if let Some(answer) = answer {
            return self.0.resolved(answer.map_err(Into::into));
        }
        let name = host.to_owned();
        self.defer_to_thread(move || {
            let answer = (name.as_str(), 0).to_socket_addrs();
            let addresses = answer.map(|found| found.map(|address| address.ip()).collect::<Vec<_>>());
            addresses
                .map_err(|error| io::Error::new(error.kind(), format!("{name} can't be resolved: {error}")))
        })
        .then(|outcome| Ok(outcome??))
    }

    /// A connected token, and its peer.
    async fn dial(&self, endpoint: &ConnectEndpoint) -> Result<(Token, Address)> {
        match endpoint {
            ConnectEndpoint::Unix { path, .. } => {
                let attempt = Attempt::start(&self.0, Address::unix(path), None)?;
                attempt.finish().await
            }
            ConnectEndpoint::Tcp { host, port, bind, .. } | ConnectEndpoint::Tls { host, port, bind, .. } => {
                let addresses = match host {
                    Host::Address(address) => vec![*address],
                    Host::Name(name) => self.resolve(name).await?,
                };
                let usable = alternate(addresses)
                    .into_iter()
                    .filter(|to| bind.is_none_or(|from| from.is_ipv4() == to.is_ipv4()));
                let targets = usable.map(|ip| SocketAddr::new(ip, *port)).collect();
                self.race(targets, bind.map(|from| SocketAddr::new(from, 0))).await
            }
            ConnectEndpoint::Udp { .. } => {
                Err(Failure::other("udp: endpoints have no connections; use Reactor::listen_datagram"))
            }
        }
    }

    /// Try the addresses side by side, each with a head start before the next; the first wins.
    async fn race(&self, targets: Vec<SocketAddr>, source: Option<SocketAddr>) -> Result<(Token, Address)> {
        let mut first_failure = None;
        let mut running: Vec<Attempt> = Vec::new();
        let mut targets = targets.into_iter();
        loop {
            if let Some(target) = targets.next() {
                match Attempt::start(&self.0, target.into(), source) {
                    Ok(attempt) => running.push(attempt),
                    Err(error) => {
                        first_failure.get_or_insert(error.into());
                        continue;
                    }
                }
            } else if running.is_empty() {
                return Err(first_failure.unwrap_or_else(|| Failure::other("no address to connect to")));
            }
            let head_start = (targets.len() > 0).then(|| self.sleep(HEAD_START));
            match next_event(&mut running, head_start).await {
                Event::Decided(index, Ok(())) => return Ok(running.swap_remove(index).win()),
                Event::Decided(index, Err(failure)) => {
                    drop(running.swap_remove(index));
                    first_failure.get_or_insert(failure);
                }
                Event::HeadStartOver => {}
            }
        }
    }
}

/// The resolver's order, but with the families alternating, beginning with the family it put first.
fn alternate(addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    let six_first = addresses.first().is_some_and(IpAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|ip| ip.is_ipv6() == six_first);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut mixed = Vec::new();
    loop {
        let pair = [first.next(), second.next()];
        if pair == [None, None] {
            return mixed;
        }
        mixed.extend(pair.into_iter().flatten());
    }
}

/// An attempt to connect to one address; dropped, it is given up.
struct Attempt {
    decided: Deferred<()>,
    peer: Address,
    unfinished: Unfinished,
}

/// A token that is closed unless it is defused.
struct Unfinished {
    home: Weak<Shared>,
    token: Option<Token>,
}

impl Unfinished {
    fn defuse(mut self) -> Option<Token> {
        self.token.take()
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let (Some(token), Some(home)) = (self.token, self.home.upgrade()) {
            home.push(Effect::Forget(token));
        }
    }
}

impl Attempt {
    fn start(home: &Rc<Shared>, peer: Address, source: Option<SocketAddr>) -> io::Result<Self> {
        let token = home.engine.borrow_mut().connect(&peer, source)?;
        let (resolver, decided) = home.deferred();
        home.push(Effect::Dial(token, resolver));
        Ok(Self { decided, peer, unfinished: Unfinished { home: Rc::downgrade(home), token: Some(token) } })
    }

    fn win(self) -> (Token, Address) {
        let token = self.unfinished.defuse().expect("an attempt is defused once, here");
        (token, self.peer)
    }

    async fn finish(mut self) -> Result<(Token, Address)> {
        (&mut self.decided).await?;
        Ok(self.win())
    }
}

enum Event {
    Decided(usize, Result<()>),
    HeadStartOver,
}

/// The first of the attempts to be decided, unless the head start is over before.
async fn next_event(running: &mut [Attempt], mut head_start: Option<Deferred<()>>) -> Event {
    poll_fn(|context| {
        for (index, attempt) in running.iter_mut().enumerate() {
            if let Poll::Ready(outcome) = Pin::new(&mut attempt.decided).poll(context) {
                return Poll::Ready(Event::Decided(index, outcome));
            }
        }
        let over = head_start.as_mut().map(|head_start| Pin::new(head_start).poll(context));
        match over {
            Some(Poll::Ready(_)) => Poll::Ready(Event::HeadStartOver),
            _ => Poll::Pending,
        }
    })
    .await
}

/// How long to wait before connecting again: `initial`, then longer by `factor` each time, up to
/// `maximum`, and each time off by up to `jitter` of it, so that a thousand clients of a server that
/// restarts don't return together.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The first delay.
    pub initial: Duration,
    /// The longest delay.
    pub maximum: Duration,
    /// By how much each delay is longer than the one before.
    pub factor: f64,
    /// How much of a delay is left to chance, from 0 to 1.
    pub jitter: f64,
}

impl Default for Backoff {
    /// Half a second, doubling, up to 30 seconds, a quarter of it by chance.
    fn default() -> Self {
        Self {
            initial: Duration::from_millis(500),
            maximum: Duration::from_secs(30),
            factor: 2.0,
            jitter: 0.25,
        }
    }
}

impl Backoff {
    /// The delay before attempt number `attempt` (from 0 on); `chance` is from 0 to 1.
    pub fn delay(&self, attempt: u32, chance: f64) -> Duration {
        let exponent = i32::try_from(attempt).unwrap_or(i32::MAX);
        let grown = self.initial.as_secs_f64() * self.factor.powi(exponent);
        let capped = grown.min(self.maximum.as_secs_f64());
        let jittered = capped * (1.0 + self.jitter * (2.0 * chance - 1.0));
        Duration::try_from_secs_f64(jittered.max(0.0)).unwrap_or(self.maximum)
    }
}

/// A client that reconnects. Dropping the handle does not stop it.
#[derive(Clone)]
pub struct Reconnector(Rc<Reconnecting>);

struct Reconnecting {
    attempts: Cell<u32>,
    task: RefCell<Option<Deferred<()>>>,
    current: RefCell<Option<Transport>>,
}

impl Reconnector {
    /// Connect no more. A connection that is there stays.
    pub fn stop(&self) {
        let task = self.0.task.take();
        if let Some(task) = task {
            task.cancel();
        }
    }

    /// The connection at hand, if there is one.
    pub fn transport(&self) -> Option<Transport> {
        self.0.current.borrow().clone()
    }

    /// How many attempts have failed in a row.
    pub fn failures(&self) -> u32 {
        self.0.attempts.get()
    }
}

async fn reconnect(
    reactor: Reactor,
    endpoint: ConnectEndpoint,
    backoff: Backoff,
    mut factory: impl Factory,
    state: Rc<Reconnecting>,
) -> Result<()> {
    // The peer's address is not known before it is connected; what is known is the endpoint's.
    let nominal = endpoint.nominal_address();
    loop {
        let Some(protocol) = factory.build_protocol(&nominal) else { return Ok(()) };
        match reactor.connect_to(endpoint.clone(), protocol).await {
            Ok(transport) => {
                state.attempts.set(0);
                *state.current.borrow_mut() = Some(transport.clone());
                let gone = transport.closed().await;
                state.current.take();
                gone?;
            }
            Err(failure) => {
                state.attempts.set(state.attempts.get().saturating_add(1));
                tracing::debug!(%failure, %endpoint, "connecting failed");
            }
        }
        let chance = reactor.random(|random| random.unit());
        reactor.sleep(backoff.delay(state.attempts.get().saturating_sub(1), chance)).await?;
    }
}

impl ConnectEndpoint {
    /// How long connecting may take in all.
    pub fn timeout(&self) -> Duration {
        match self {
            Self::Tcp { timeout, .. } | Self::Tls { timeout, .. } | Self::Unix { timeout, .. } => *timeout,
            Self::Udp { .. } => crate::endpoint::CONNECT_TIMEOUT,
        }
    }

    /// The address as far as the endpoint itself tells: a name's is unspecified.
    fn nominal_address(&self) -> Address {
        match self {
            Self::Unix { path, .. } => Address::unix(path),
            Self::Tcp { host, port, .. } | Self::Tls { host, port, .. } | Self::Udp { host, port, .. } => {
                let ip = match host {
                    Host::Address(ip) => *ip,
                    Host::Name(_) => IpAddr::from([0, 0, 0, 0]),
                };
                SocketAddr::new(ip, *port).into()
            }
        }
    }

    /// The layer that a connection to this endpoint begins with; its files are read off the loop.
    async fn layer(&self, reactor: &Reactor) -> Result<Option<Box<dyn Layer>>> {
        let Self::Tls { host, tls, .. } = self else { return Ok(None) };
        let (options, now) = (tls.clone(), reactor.wall_clock());
        let loaded = reactor.defer_to_thread(move || TlsClient::load(&options, now)).await?;
        let layer = loaded.and_then(|client| client.layer(Some(host), now)).map_err(io::Error::from)?;
        Ok(Some(layer))
    }
}
