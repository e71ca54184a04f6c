//! The simulated engine: virtual time, a seeded network, and a disk that breaks when asked to.
//!
//! A whole world lives in one engine: both ends of each connection are tokens of it, so a server and
//! its clients run in one reactor, in one thread, without a socket. The same seed and the same calls
//! give the same world, to the byte and the nanosecond; [`World::trace_hash`] shows it.
//!
//! ```text
//!            Sim ── the Engine, moved into a reactor
//!   seed ──▶  │
//!            World ── a handle for the test: cut a link, kill a peer, read the trace
//!             │
//!            SimDisk ── outlives the engine: crash it, and start the next world on it
//! ```
//!
//! Time stands still but for a microsecond a turn; a `wait` with nothing to do jumps to the next
//! event. Two hours of idle timeouts take no time at all. A `wait` that would never end is an error
//! that lists what is open.
//!
//! The network is one host that owns every address: who listens on `0.0.0.0:80` is reached at
//! `10.1.2.3:80`. [`Faults`] says what goes wrong by chance, [`World`] makes it go wrong on purpose. Whatever
//! happens, what arrives on a connection is what was sent, in order, up to some point; an end is seen
//! only after everything before it, and what was cut off never looks complete. Timeouts and the
//! errors that they end in are Linux's.
//!
//! ```
//! use ropewalk_reactor::Address;
//! use ropewalk_reactor::buffer::Output;
//! use ropewalk_reactor::engine::sim::{Faults, Sim};
//! use ropewalk_reactor::engine::{Engine, ListenOptions};
//! use bytes::BytesMut;
//!
//! # fn main() -> std::io::Result<()> {
//! let (mut engine, world) = Sim::new(42, Faults::rough());
//! let anywhere = Address::Internet(([0, 0, 0, 0], 80).into());
//! let (listener, _) = engine.listen(&anywhere, &ListenOptions::default())?;
//! let client = engine.connect(&Address::Internet(([10, 1, 2, 3], 80).into()), None)?;
//! let mut hello = Output::default();
//! hello.push_slice(b"hello");
//!
//! let (mut server, mut input, mut news) = (None, BytesMut::new(), Vec::new());
//! while input.len() < 5 {
//!     engine.wait(None, &mut news)?;
//!     news.clear();
//!     if server.is_none() {
//!         server = engine.accept(listener).ok().map(|(token, _peer)| token);
//!     }
//!     if engine.connected(client).is_ok() {
//!         let _ = engine.send(client, &mut hello);
//!     }
//!     if let Some(server) = server {
//!         input.reserve(100);
//!         let _ = engine.receive(server, &mut input);
//!     }
//! }
//! assert_eq!(input, "hello");
//! assert!(world.elapsed() < std::time::Duration::from_secs(1));
//! # Ok(())
//! # }
//! ```

mod addresses;
mod calls;
mod datagram;
mod digest;
pub mod disk;
mod faults;
mod network;
mod stream;
mod trace;
mod wire;
mod world;

pub use disk::{Crashed, DiskCall, DiskFaults, SimDisk};
pub use faults::Faults;
pub use network::IdleForEver;
pub use world::World;

use super::{Adopted, Close, Engine, ListenOptions, News, Received, Token, Wake};
use crate::address::Address;
use crate::buffer::Output;
use crate::disk::Storage;
use bytes::BytesMut;
use digest::Digest;
use network::Network;
use std::cell::{RefCell, RefMut};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// What the calendar says at the beginning of each simulation: 2026-01-01 00:00 UTC, in Unix time.
const EPOCH: Duration = Duration::from_secs(1_767_225_600);

/// The simulated engine; the tour is at the top of [`this module`](self).
pub struct Sim {
    network: Rc<RefCell<Network>>,
    disk: SimDisk,
    seed: u64,
    start: Instant,
}

impl Sim {
    /// A new world on an empty disk, and the handle to meddle with it.
    pub fn new(seed: u64, faults: Faults) -> (Self, World) {
        Self::on_disk(seed, faults, SimDisk::new(seed))
    }

    /// A new world on a disk that is there already: the machine starts again.
    #[expect(
        clippy::disallowed_methods,
        reason = "an Instant can't be made otherwise; only what is added to it counts"
    )]
    pub fn on_disk(seed: u64, faults: Faults, disk: SimDisk) -> (Self, World) {
        // Reactor::random is seeded with the seed itself, and must not draw the network's numbers.
        let network = Network::new(crate::random::mix(seed ^ Digest::of_bytes(b"network")), faults);
        let network = Rc::new(RefCell::new(network));
        let world = World::new(network.clone(), disk.clone(), seed);
        (Self { network, disk, seed, start: Instant::now() }, world)
    }

    /// Make a call and put it into the trace, with what `value` makes of its result.
    fn call<T>(
        &self,
        name: &'static str,
        token: impl Into<Option<Token>>,
        act: impl FnOnce(&mut Network) -> io::Result<T>,
        value: impl FnOnce(&T) -> u64,
    ) -> io::Result<T> {
        let mut network = self.network.borrow_mut();
        let outcome = act(&mut network);
        let clock = network.clock;
        network.trace.call(clock, name, token.into(), outcome.as_ref().map(value));
        outcome
    }

    fn network(&self) -> RefMut<'_, Network> {
        self.network.borrow_mut()
    }
}

/// A new token and an address, as the trace has it.
fn token_value((token, address): &(Token, Address)) -> u64 {
    let mut digest = Digest::default();
    digest.number(Digest::of_text(address));
    digest.number(u64::from(token.index) << 32 | u64::from(token.generation));
    digest.value()
}

impl Engine for Sim {
    fn name(&self) -> &'static str {
        "sim"
    }

    fn now(&self) -> Instant {
        self.start + self.network().clock
    }

    fn wall_clock(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + EPOCH + self.network().clock
    }

    /// Never blocks: time jumps instead. With nothing to come ever, and no `until`, it fails with
    /// [`IdleForEver`].
    fn wait(&mut self, until: Option<Instant>, news: &mut Vec<News>) -> io::Result<()> {
        let until = until.map(|until| until.saturating_duration_since(self.start));
        let first = news.len();
        let waited = |network: &mut Network| network.wait(until, news).map_err(io::Error::other);
        self.call("wait", None, waited, |_| 0)?;
        for item in &news[first..] {
            let directions = u64::from(item.readable) | u64::from(item.writable) << 1;
            self.call("news", item.token, |_| Ok(directions), |directions| *directions)?;
        }
        Ok(())
    }

    fn waker(&self) -> Arc<dyn Wake> {
        self.network().waker.clone()
    }

    /// The mode of a local socket means nothing here: everybody may connect.
    fn listen(&mut self, address: &Address, options: &ListenOptions) -> io::Result<(Token, Address)> {
        self.call("listen", None, |network| network.listen(address, options), token_value)
    }

    fn accept(&mut self, listener: Token) -> io::Result<(Token, Address)> {
        self.call("accept", listener, |network| network.accept(listener), token_value)
    }

    fn shed(&mut self, listener: Token) -> io::Result<()> {
        self.call("shed", listener, |network| network.shed(listener), |_| 0)
    }

    fn connect(&mut self, address: &Address, source: Option<SocketAddr>) -> io::Result<Token> {
        let value = |token: &Token| token_value(&(*token, address.clone()));
        self.call("connect", None, |network| network.connect(address, source), value)
    }

    fn connected(&mut self, token: Token) -> io::Result<()> {
        self.call("connected", token, |network| network.connected(token), |_| 0)
    }

    fn receive(&mut self, token: Token, into: &mut BytesMut) -> io::Result<Received> {
        let value = |received: &Received| (received.bytes as u64) << 1 | u64::from(received.drained);
        self.call("receive", token, |network| network.receive(token, into), value)
    }

    fn send(&mut self, token: Token, output: &mut Output) -> io::Result<usize> {
        self.call("send", token, |network| network.send(token, output), |count| *count as u64)
    }

    fn unsent(&self, token: Token) -> usize {
        self.network().unsent(token)
    }

    fn shutdown_write(&mut self, token: Token) -> io::Result<()> {
        self.call("shutdown_write", token, |network| network.shutdown_write(token), |_| 0)
    }

    fn close(&mut self, token: Token, how: Close) {
        let close = |network: &mut Network| {
            network.close(token, how);
            Ok(how)
        };
        // It can't fail.
        let _ = self.call("close", token, close, |how| *how as u64);
    }

    fn local_address(&self, token: Token) -> io::Result<Address> {
        self.network().local_address(token)
    }

    fn bind_datagram(&mut self, address: &Address, options: &ListenOptions) -> io::Result<(Token, Address)> {
        self.call("bind_datagram", None, |network| network.bind_datagram(address, options), token_value)
    }

    fn receive_from(&mut self, token: Token, into: &mut BytesMut) -> io::Result<(usize, Address)> {
        let value = |(count, from): &(usize, Address)| *count as u64 ^ Digest::of_text(from);
        self.call("receive_from", token, |network| network.receive_from(token, into), value)
    }

    fn send_to(&mut self, token: Token, data: &[u8], to: &Address) -> io::Result<()> {
        let value = |_: &()| Digest::of_text(to);
        self.call("send_to", token, |network| network.send_to(token, data, to), value)
    }

    /// There are no descriptors in a simulation: always `Unsupported`.
    fn adopt(&mut self, _descriptor: OwnedFd, _what: Adopted) -> io::Result<Token> {
        Err(io::ErrorKind::Unsupported.into())
    }

    /// There are no descriptors in a simulation: always `Unsupported`.
    fn release(&mut self, token: Token) -> io::Result<OwnedFd> {
        self.network().socket(token)?;
        Err(io::ErrorKind::Unsupported.into())
    }

    fn storage(&self) -> Arc<dyn Storage> {
        self.disk.storage()
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    /// `localhost` is 127.0.0.1, and other hosts have an address in 10.0.0.0/8 that follows from
    /// their name, unless [`World::set_host`] says otherwise.
    fn resolve(&mut self, host: &str) -> Option<io::Result<Vec<IpAddr>>> {
        Some(self.network().names.resolve(host))
    }

    fn job_delay(&mut self) -> Option<Duration> {
        let mut network = self.network();
        let longest = network.faults.job_delay;
        Some(network.up_to(longest))
    }
}

#[cfg(test)]
mod tests;
