//! Engines: where bytes and time come from. This page is their contract.
//!
//! An engine owns the descriptors and knows nothing of protocols. The reactor asks it to [`wait`],
//! is told who has news, and then *pulls*: [`accept`], [`receive`], [`send`]. Because pulling comes
//! after notification in every engine, fairness, budgets and the order of callbacks live in one
//! place, the reactor, for readiness (`epoll`, `poll`, `select`), completion (`io_uring`) and
//! simulation alike.
//!
//! The rules that all engines keep, and that [`crate::testing::conformance`] checks:
//!
//! 1. **News once.** After a direction was reported it may stay silent until the reactor was told
//!    that nothing is left: `WouldBlock`, or a [`Received`] that is `drained`. Only then does the
//!    engine promise to report that direction again. A fresh token is armed in both directions,
//!    and counts as writable until a send says otherwise.
//! 2. **Stale tokens are harmless.** A [`Token`] is an index and a generation. Any call with a token
//!    that was closed fails with `NotConnected`; its news are never reported.
//! 3. **No call blocks** but `wait`. `EINTR` is never seen by the reactor. Spurious news are legal.
//! 4. **`connect` reports by news, always**: writable, and then [`Engine::connected`] tells.
//! 5. **End of stream is `receive` returning zero bytes.** News of a hang-up are reported as
//!    readable, and such a socket is never `drained` by a short read, because no edge will follow.
//! 6. **An engine may own bytes that it was given** to send; [`Engine::unsent`] says how many of them
//!    the kernel has not taken yet. While an engine still owns bytes it answers `send` with
//!    `WouldBlock`. News of writability follow when that falls to zero, if anyone waits for it:
//!    if since the bytes were taken a `send` was refused, or `unsent` answered more than zero.
//!    So ask only where the answer matters; most sends then cost no news. A send that fails after
//!    its bytes were taken is told by news of writability and by every later `send`.
//!
//! [`wait`]: Engine::wait
//! [`accept`]: Engine::accept
//! [`receive`]: Engine::receive
//! [`send`]: Engine::send

pub mod backend;
pub mod readiness;
pub mod sim;
pub(crate) mod sockets;
mod spin;
mod table;
#[cfg(target_os = "linux")]
pub mod uring;

use crate::address::Address;
use crate::buffer::Output;
use crate::disk::Storage;
use bytes::BytesMut;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// A descriptor of the engine: an index that is reused, and a generation that is not.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, PartialOrd, Ord)]
pub struct Token {
    /// Small and dense: the reactor keeps its own table by it.
    pub index: u32,
    /// Different for each use of the index.
    pub generation: u32,
}

/// What `wait` tells of one token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct News {
    /// Who has news.
    pub token: Token,
    /// There is something to receive or accept, or the end, or an error.
    pub readable: bool,
    /// There is room to send, or a connection attempt is decided, or an error.
    pub writable: bool,
}

/// What `receive` brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// How many bytes were appended; zero is the end of the stream.
    pub bytes: usize,
    /// Nothing more is there now: the engine reports when there is.
    pub drained: bool,
}

/// How `close` treats the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Close {
    /// An ordinary end (FIN).
    Graceful,
    /// A reset (RST), where the transport knows one.
    Abort,
}

/// What a listening socket is opened with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListenOptions {
    /// How many connections the kernel keeps for us; 1,024 unless said.
    pub backlog: i32,
    /// SO_REUSEPORT: several listeners, usually one a thread, share the address.
    pub reuse_port: bool,
    /// The file mode of a local socket's path.
    pub mode: Option<u32>,
    /// The address `[::]` is every IPv6 address, and no IPv4 one.
    pub ipv6_only: bool,
}

impl Default for ListenOptions {
    fn default() -> Self {
        Self { backlog: 1024, reuse_port: false, mode: None, ipv6_only: false }
    }
}

/// Wakes an engine out of `wait` from any thread; cheap when it is already awake.
pub trait Wake: Send + Sync {
    /// Make the current or the next `wait` return soon.
    fn wake(&self);
}

/// What an adopted descriptor is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopted {
    /// A connected stream socket.
    Stream,
    /// A listening stream socket.
    Listener,
    /// A datagram socket.
    Datagram,
}

/// Where bytes and time come from; the contract is at the top of this module.
pub trait Engine {
    /// The backend's name, as `--backend` takes it.
    fn name(&self) -> &'static str;

    /// Monotonic time.
    fn now(&self) -> Instant;

    /// The calendar's time.
    fn wall_clock(&self) -> SystemTime;

    /// Append the news to `news`; block until there are some, or `until` (`None`: for ever; a time
    /// that has passed: not at all). Waits are never shorter than asked because of rounding.
    fn wait(&mut self, until: Option<Instant>, news: &mut Vec<News>) -> io::Result<()>;

    /// Something that other threads can wake this engine with.
    fn waker(&self) -> Arc<dyn Wake>;

    /// Open a listening stream socket; the address that comes back has the real port.
    fn listen(&mut self, address: &Address, options: &ListenOptions) -> io::Result<(Token, Address)>;

    /// Take one connection off a listener. After an error other than `WouldBlock` the listener
    /// stays silent: ask again.
    fn accept(&mut self, listener: Token) -> io::Result<(Token, Address)>;

    /// Out of descriptors: take one connection off the listener by means of the reserve descriptor
    /// and reset it at once: its peer is not left waiting, and takes nothing for an empty answer.
    fn shed(&mut self, listener: Token) -> io::Result<()>;

    /// Begin to connect; the outcome comes by news (rule 4), even when it is known at once.
    /// `source` is the local address to come from.
    ///
    /// # Errors
    /// That no attempt could begin: no descriptor is left, or `source` is not an address of ours.
    fn connect(&mut self, address: &Address, source: Option<SocketAddr>) -> io::Result<Token>;

    /// After writable news of a connecting token: connected, or why not; `WouldBlock` while undecided.
    fn connected(&mut self, token: Token) -> io::Result<()>;

    /// Append what has come to `into`'s spare capacity (the caller reserved it, at least one byte).
    fn receive(&mut self, token: Token, into: &mut BytesMut) -> io::Result<Received>;

    /// Send the front of `output`, advancing it by the count that comes back.
    fn send(&mut self, token: Token, output: &mut Output) -> io::Result<usize>;

    /// How many bytes the engine took by `send` and the kernel has not yet.
    fn unsent(&self, _token: Token) -> usize {
        0
    }

    /// No more will be sent: the peer sees the end of the stream. Call it with nothing unsent.
    fn shutdown_write(&mut self, token: Token) -> io::Result<()>;

    /// Ask the peers of connections that a listener accepts from here on whether they are there still, once they
    /// have been silent for `idle`; `None` never asks. Engines without a network of the kernel's need not.
    fn keep_alive(&mut self, listener: Token, idle: Option<Duration>) -> io::Result<()> {
        let _ = (listener, idle);
        Ok(())
    }

    /// Forget the token and close its descriptor.
    fn close(&mut self, token: Token, how: Close);

    /// The local end's address.
    fn local_address(&self, token: Token) -> io::Result<Address>;

    /// Open a datagram socket.
    fn bind_datagram(&mut self, address: &Address, options: &ListenOptions) -> io::Result<(Token, Address)>;

    /// One datagram, appended to `into`'s spare capacity; what does not fit is lost. Returns its
    /// length and where it came from.
    fn receive_from(&mut self, token: Token, into: &mut BytesMut) -> io::Result<(usize, Address)>;

    /// Send one datagram; `WouldBlock` where the kernel has no room now.
    fn send_to(&mut self, token: Token, data: &[u8], to: &Address) -> io::Result<()>;

    /// Take over a descriptor from elsewhere: handed over by another reactor or by systemd, a pair
    /// to a child process.
    fn adopt(&mut self, descriptor: OwnedFd, what: Adopted) -> io::Result<Token>;

    /// Hand the descriptor out, forgetting the token without closing. Call it before anything was
    /// received.
    fn release(&mut self, token: Token) -> io::Result<OwnedFd>;

    /// Where `Reactor::disk` keeps its files.
    fn storage(&self) -> Arc<dyn Storage>;

    /// The seed of `Reactor::random`: from the system's entropy, or the simulation's.
    fn seed(&self) -> u64;

    /// The addresses of a host, where the engine knows them itself (the simulation does); `None`
    /// has the reactor ask the system's resolver on its thread pool.
    fn resolve(&mut self, _host: &str) -> Option<io::Result<Vec<IpAddr>>> {
        None
    }

    /// In a simulation there are no other threads: a blocking job runs on the loop, and its answer
    /// comes after this much virtual time. `None` is the real world.
    fn job_delay(&mut self) -> Option<Duration> {
        None
    }

    /// Poll this long before blocking, while traffic flows. Engines without a kernel ignore it.
    fn set_spin(&mut self, _spin: Duration) {}
}

/// The error of rule 2.
pub(crate) fn stale() -> io::Error {
    io::ErrorKind::NotConnected.into()
}
