//! The readiness engine: non-blocking sockets, and a poller that says which are ready.
//!
//! One rule: a direction is *armed* from the moment the reactor learns that nothing is left there
//! until it is told that something is. News of a direction that is not armed are not reported,
//! because the reactor has not forgotten the last ones. So every poller, edge- or level-triggered,
//! looks the same from outside, and a busy peer of a paused connection wakes nobody.
//!
//! ```text
//!           WouldBlock, or drained
//!          ┌──────────────────────┐
//!          ▼                      │
//!       armed ──── an event ──▶ reported
//! ```

#![expect(clippy::disallowed_methods, reason = "this is where the reactor's time comes from")]

use super::sockets::{self, Bound, SocketFile};
use super::spin::Spin;
use super::table::{Entry, Table};
use super::{Adopted, Close, Engine, ListenOptions, News, Received, Token, Wake};
use crate::address::Address;
use crate::buffer::{Output, PIECES_MAX};
use crate::disk::Storage;
use crate::poller::{Direction, Event, Poller, WAKE, epoll, poll, select};
use crate::sys::receive;
use bytes::BytesMut;
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{SendAncillaryBuffer, SendFlags, Shutdown};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixDatagram;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// A send to a peer that is gone is an error and not a signal. Where the flag is missing the socket
/// has the property.
#[cfg(not(target_vendor = "apple"))]
pub(crate) const SEND_FLAGS: SendFlags = SendFlags::NOSIGNAL;
#[cfg(target_vendor = "apple")]
pub(crate) const SEND_FLAGS: SendFlags = SendFlags::empty();

/// The readiness backend called `name`: `epoll` (`kqueue` where that is the kernel's), `poll`, or
/// `select`. Its disk is `storage`.
///
/// # Errors
/// An unknown name, or that no descriptor is left.
pub fn readiness(name: &str, storage: Arc<dyn Storage>) -> io::Result<Box<dyn Engine>> {
    match name {
        epoll::NAME => Ok(Box::new(Readiness::new(epoll::Epoll::new()?, storage)?)),
        "poll" => Ok(Box::new(Readiness::new(poll::Poll::new()?, storage)?)),
        "select" => Ok(Box::new(Readiness::new(select::Select::new()?, storage)?)),
        _ => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("no readiness backend is called {name}: there are {}, poll and select", epoll::NAME),
        )),
    }
}

/// An engine over any poller.
pub struct Readiness<P> {
    poller: P,
    /// The paths of local sockets. Dropped before the sockets, see [`SocketFile`].
    files: Vec<(Token, SocketFile)>,
    table: Table<State>,
    /// Attempts to connect that failed at once, and why.
    failed: Vec<(Token, Errno)>,
    /// News that no poller brings: of the attempts that failed at once.
    early: Vec<News>,
    events: Vec<Event>,
    /// A descriptor to give up for the one connection that [`Engine::shed`] takes.
    reserve: Option<OwnedFd>,
    storage: Arc<dyn Storage>,
    seed: u64,
    spin: Spin,
}

/// What is known of an open descriptor.
#[derive(Clone, Copy)]
struct State {
    read_armed: bool,
    write_armed: bool,
    /// The end or an error is in sight: no further edge will come, so a short read drains nothing.
    hung_up: bool,
}

const FRESH: State = State { read_armed: true, write_armed: true, hung_up: false };

const _: () = assert!(size_of::<Entry<State>>() <= 16, "ten thousand idle connections pay for this");

impl<P: Poller> Readiness<P> {
    /// An engine that watches nothing yet.
    ///
    /// # Errors
    /// That no descriptor is left, or the system has no entropy.
    pub fn new(poller: P, storage: Arc<dyn Storage>) -> io::Result<Self> {
        Ok(Self {
            poller,
            files: Vec::new(),
            table: Table::new(),
            failed: Vec::new(),
            early: Vec::new(),
            events: Vec::new(),
            reserve: Some(reserve()?),
            storage,
            seed: entropy()?,
            spin: Spin::default(),
        })
    }

    /// Give a descriptor a token and watch it.
    fn watch(&mut self, descriptor: OwnedFd) -> io::Result<Token> {
        let raw = descriptor.as_raw_fd();
        let token = self.table.insert(descriptor, FRESH);
        match self.poller.add(raw, token) {
            Ok(()) => Ok(token),
            Err(error) => self.table.remove(token).and(Err(error)),
        }
    }

    fn watch_bound(&mut self, bound: Bound) -> io::Result<(Token, Address)> {
        let token = self.watch(bound.descriptor)?;
        self.files.extend(bound.file.map(|file| (token, file)));
        Ok((token, bound.address))
    }

    /// Forget a token; its descriptor and the path it is bound to.
    fn forget(&mut self, token: Token) -> io::Result<(OwnedFd, Option<SocketFile>)> {
        let raw = self.table.get(token)?.0.as_raw_fd();
        self.poller.remove(raw);
        let descriptor = self.table.remove(token).expect("the token was just found");
        self.failed.retain(|(failed, _)| *failed != token);
        self.early.retain(|news| news.token != token);
        let file = self.files.iter().position(|(owner, _)| *owner == token);
        Ok((descriptor, file.map(|at| self.files.swap_remove(at).1)))
    }
}

impl<P: Poller> Engine for Readiness<P> {
    fn name(&self) -> &'static str {
        self.poller.name()
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall_clock(&self) -> SystemTime {
        SystemTime::now()
    }

    fn wait(&mut self, until: Option<Instant>, news: &mut Vec<News>) -> io::Result<()> {
        let before = news.len();
        loop {
            self.events.clear();
            if self.early.is_empty() {
                self.collect(until)?;
            } else {
                self.poller.wait(Some(Duration::ZERO), &mut self.events)?;
                news.append(&mut self.early);
            }
            let mut woken = false;
            for event in &self.events {
                woken |= event.token == WAKE;
                news.extend(news_of(&mut self.table, event));
            }
            // Without events the time is up, or a signal came. With events that are no news, of
            // directions that are not armed, the wait goes on.
            if news.len() > before || woken || self.events.is_empty() {
                return Ok(());
            }
        }
    }

    fn waker(&self) -> Arc<dyn Wake> {
        self.poller.waker()
    }

    fn listen(&mut self, address: &Address, options: &ListenOptions) -> io::Result<(Token, Address)> {
        self.watch_bound(sockets::listen(address, options)?)
    }

    fn accept(&mut self, listener: Token) -> io::Result<(Token, Address)> {
        let (descriptor, state) = self.table.get(listener)?;
        match sockets::accept(descriptor.as_fd()) {
            Ok((descriptor, peer)) => Ok((self.watch(descriptor)?, peer)),
            Err(error) => Err(nothing_left(&mut self.poller, Direction::Read, descriptor, state, error)),
        }
    }

    fn shed(&mut self, listener: Token) -> io::Result<()> {
        let (descriptor, state) = self.table.get(listener)?;
        self.reserve = None;
        let accepted = sockets::accept(descriptor.as_fd());
        let outcome = accepted
            // A reset, so that nobody takes it for an answer that was empty.
            .map(|(connection, _)| sockets::reset_on_close(connection.as_fd()))
            .map_err(|error| nothing_left(&mut self.poller, Direction::Read, descriptor, state, error));
        // If another thread was faster, the next attempt does without and may fail.
        self.reserve = reserve().ok();
        outcome
    }

    fn connect(&mut self, address: &Address, source: Option<SocketAddr>) -> io::Result<Token> {
        let (descriptor, failure) = sockets::connect(address, source)?;
        let token = self.watch(descriptor)?;
        if let Some(failure) = failure {
            self.failed.push((token, failure));
            self.early.push(News { token, readable: false, writable: true });
        }
        Ok(token)
    }

    fn connected(&mut self, token: Token) -> io::Result<()> {
        let (descriptor, state) = self.table.get(token)?;
        if let Some((_, failure)) = self.failed.iter().find(|(failed, _)| *failed == token) {
            return Err((*failure).into());
        }
        sockets::outcome(descriptor.as_fd())
            .map_err(|error| nothing_left(&mut self.poller, Direction::Write, descriptor, state, error))
    }

    fn receive(&mut self, token: Token, into: &mut BytesMut) -> io::Result<Received> {
        let (descriptor, state) = self.table.get(token)?;
        let room = into.capacity() - into.len();
        debug_assert!(room > 0, "without room nothing received looks like the end");
        match receive::receive(descriptor.as_fd(), into) {
            Ok(bytes) => {
                let drained = 0 < bytes && bytes < room && !state.hung_up;
                if drained {
                    state.read_armed = true;
                    self.poller.rearm(descriptor.as_raw_fd(), Direction::Read);
                }
                Ok(Received { bytes, drained })
            }
            Err(error) => Err(nothing_left(&mut self.poller, Direction::Read, descriptor, state, error)),
        }
    }

    fn send(&mut self, token: Token, output: &mut Output) -> io::Result<usize> {
        let (descriptor, state) = self.table.get(token)?;
        match send(descriptor, output) {
            Ok(count) => {
                output.advance(count);
                Ok(count)
            }
            Err(error) => Err(nothing_left(&mut self.poller, Direction::Write, descriptor, state, error)),
        }
    }

    fn shutdown_write(&mut self, token: Token) -> io::Result<()> {
        Ok(rustix::net::shutdown(self.table.descriptor(token)?, Shutdown::Write)?)
    }

    fn keep_alive(&mut self, listener: Token, idle: Option<Duration>) -> io::Result<()> {
        sockets::keep_alive(self.table.descriptor(listener)?, idle)
    }

    fn close(&mut self, token: Token, how: Close) {
        if let Ok((descriptor, file)) = self.forget(token) {
            if how == Close::Abort {
                sockets::reset_on_close(descriptor.as_fd());
            }
            drop(file);
            drop(descriptor);
        }
    }

    fn local_address(&self, token: Token) -> io::Result<Address> {
        sockets::local_address(self.table.descriptor(token)?.as_fd())
    }

    fn bind_datagram(&mut self, address: &Address, options: &ListenOptions) -> io::Result<(Token, Address)> {
        self.watch_bound(sockets::bind_datagram(address, options)?)
    }

    fn receive_from(&mut self, token: Token, into: &mut BytesMut) -> io::Result<(usize, Address)> {
        let (descriptor, state) = self.table.get(token)?;
        match receive::receive_from(descriptor.as_fd(), into) {
            Ok((count, from)) => Ok((count, sockets::known_address(from))),
            Err(error) => Err(nothing_left(&mut self.poller, Direction::Read, descriptor, state, error)),
        }
    }

    fn send_to(&mut self, token: Token, data: &[u8], to: &Address) -> io::Result<()> {
        let (descriptor, state) = self.table.get(token)?;
        let to = sockets::kernel_address(to)?;
        retry_on_intr(|| rustix::net::sendto(descriptor, data, SEND_FLAGS, &to))
            .map(drop)
            .map_err(|error| nothing_left(&mut self.poller, Direction::Write, descriptor, state, error))
    }

    fn adopt(&mut self, descriptor: OwnedFd, what: Adopted) -> io::Result<Token> {
        sockets::prepare(descriptor.as_fd(), what)?;
        self.watch(descriptor)
    }

    fn release(&mut self, token: Token) -> io::Result<OwnedFd> {
        let (descriptor, file) = self.forget(token)?;
        if let Some(file) = file {
            file.keep();
        }
        Ok(descriptor)
    }

    fn storage(&self) -> Arc<dyn Storage> {
        self.storage.clone()
    }

    fn seed(&self) -> u64 {
        self.seed
    }

    fn set_spin(&mut self, spin: Duration) {
        self.spin = Spin::new(spin);
    }
}

impl<P: Poller> Readiness<P> {
    /// One wait of the poller, after a spin where that promises to pay.
    fn collect(&mut self, until: Option<Instant>) -> io::Result<()> {
        if !self.spin.is_on() {
            return self.poller.wait(until.map(remaining), &mut self.events);
        }
        let start = Instant::now();
        let spin = self.spin.duration();
        if !spin.is_zero() {
            let end = until.map_or(start + spin, |until| until.min(start + spin));
            loop {
                self.poller.wait(Some(Duration::ZERO), &mut self.events)?;
                if !self.events.is_empty() {
                    self.spin.hit();
                    return Ok(());
                }
                if Instant::now() >= end {
                    break;
                }
            }
        }
        self.poller.wait(until.map(remaining), &mut self.events)?;
        self.spin.blocked(!spin.is_zero(), start.elapsed(), !self.events.is_empty());
        Ok(())
    }
}

fn remaining(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}

/// What an event is to the reactor: the directions that it waits to hear of.
#[inline]
fn news_of(table: &mut Table<State>, event: &Event) -> Option<News> {
    let (_, state) = table.get(event.token).ok()?;
    state.hung_up |= event.hangup;
    let readable = event.readable && std::mem::take(&mut state.read_armed);
    let writable = event.writable && std::mem::take(&mut state.write_armed);
    (readable || writable).then_some(News { token: event.token, readable, writable })
}

/// The error for the reactor; where it says that nothing is left in a direction, arm that.
#[cold]
fn nothing_left<P: Poller>(
    poller: &mut P,
    direction: Direction,
    descriptor: &OwnedFd,
    state: &mut State,
    error: Errno,
) -> io::Error {
    if error == Errno::AGAIN || error == Errno::WOULDBLOCK {
        match direction {
            Direction::Read => state.read_armed = true,
            Direction::Write => state.write_armed = true,
        }
        poller.rearm(descriptor.as_raw_fd(), direction);
    }
    error.into()
}

/// One `send(2)`, or `sendmsg(2)` where there are several pieces.
#[inline]
fn send(socket: &OwnedFd, output: &Output) -> Result<usize, Errno> {
    if let Some(piece) = output.single_piece() {
        return retry_on_intr(|| rustix::net::send(socket, piece, SEND_FLAGS));
    }
    let mut pieces = [IoSlice::new(&[]); PIECES_MAX];
    let count = output.slices(&mut pieces);
    let pieces = &pieces[..count];
    retry_on_intr(|| rustix::net::sendmsg(socket, pieces, &mut SendAncillaryBuffer::default(), SEND_FLAGS))
}

/// A descriptor that can be given up. This kind needs no file system.
pub(super) fn reserve() -> io::Result<OwnedFd> {
    Ok(UnixDatagram::unbound()?.into())
}

#[cfg(target_os = "linux")]
pub(super) fn entropy() -> io::Result<u64> {
    let mut seed = [0; 8];
    retry_on_intr(|| rustix::rand::getrandom(&mut seed, rustix::rand::GetRandomFlags::empty()))?;
    Ok(u64::from_ne_bytes(seed))
}

/// The standard library's hashing keys come from the system's entropy, whatever the system.
#[cfg(not(target_os = "linux"))]
pub(super) fn entropy() -> io::Result<u64> {
    use std::hash::{BuildHasher, RandomState};
    Ok(RandomState::new().hash_one(0))
}

#[cfg(test)]
mod tests;
