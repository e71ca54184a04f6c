//! The completion engine: io_uring, where the kernel receives before it is asked.
//!
//! ```text
//!            methods note        prepare          enter            reap
//! reactor ──────────────▶ lists ────────▶ ring ──────────▶ kernel ──────▶ held, news ──▶ reactor
//!                                                                         pulls
//! ```
//!
//! One rule: **pull after notification, although the kernel pushes.** Accepting and receiving are
//! operations that go on by themselves (multishot): what they bring is kept here until the reactor
//! pulls it, and [`News`] are made of it as if the socket had become readable.
//!
//! - **Receiving** fills buffers that all connections share. Who holds some over a wait gets no more
//!   until those were pulled: its receiving is cancelled, and begins again when it is drained. Who
//!   has pulled nothing since the last wait, because the reactor has paused it, does not even keep
//!   them: what they hold moves to memory of its own. So a connection that is not read costs what
//!   one run of the kernel's deferred work brings: usually 32 buffers, 128 KiB, or less, and never
//!   more than all of them, 4 MiB.
//! - **Sending** takes up to 256 KiB of what the reactor has and tells it later. Nearly always the
//!   socket has room, so the first attempt asks to be told of failure only, and silence after the next
//!   submission means that all was sent; no completion wakes anybody. What did not fit is sent by
//!   operations that wait for room. One is under way at a time, which keeps the order.
//! - **Accepting** goes on while fewer than `ACCEPTED_MAX` connections wait to be pulled; beyond
//!   that only what is in the kernel's backlog at that moment is taken.
//! - **Datagrams** and attempts to connect are polled for readiness and done by system calls.
//! - **Closing** leaves nothing in the kernel: an operation under way holds its socket open, so it
//!   is cancelled and the deferred work run, and the peer sees the end when `close` returns.
//!
//! It needs Linux 6.1 (DEFER_TASKRUN) and belongs to the thread that made it.

#![expect(clippy::disallowed_methods, reason = "this is where the reactor's time comes from")]

use super::readiness::{entropy, reserve};
use super::sockets::{self, Bound, SocketFile};
use super::spin::Spin;
use super::table::Table;
use super::{Adopted, Close, Engine, ListenOptions, News, Received, Token, Wake};
use crate::address::Address;
use crate::buffer::Output;
use crate::disk::Storage;
use crate::sys::receive;
use bell::Bell;
use bytes::BytesMut;
use rustix::io::{Errno, retry_on_intr};
use rustix::net::{SendFlags, Shutdown};
use slot::{End, Input, Kind, Slot};
use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use sys::{Operation, Ring, Sizes};

mod bell;
mod slot;
mod sys;
mod turn;

/// The backend's name.
pub(super) const NAME: &str = "io_uring";

/// With this many accepted connections waiting to be pulled, a listener stops accepting.
const ACCEPTED_MAX: usize = 256;

/// How often the kernel is entered so that cancelled operations end, before that is left to the
/// next wait. It runs about twenty of them each time.
const SETTLE_MAX: usize = 64;

/// How often the kernel is entered before what is under way is left to its own end of the ring.
const DROP_MAX: usize = 10_000;

/// The completion backend, whose disk is `storage`.
///
/// # Errors
/// What this kernel lacks or forbids, in words; or that no descriptor is left.
pub fn uring(storage: Arc<dyn Storage>) -> io::Result<Box<dyn Engine>> {
    Ok(Box::new(Uring::new(Sizes::USUAL, storage)?))
}

/// The engine; see the top of this module.
struct Uring {
    ring: Ring,
    /// The paths of local sockets. Dropped before the sockets, see [`SocketFile`].
    files: Vec<(Token, SocketFile)>,
    table: Table<Slot>,
    bell: Arc<Bell>,
    /// The bell is to be watched (again).
    rearms_bell: bool,
    /// News from outside of `wait`.
    early: Vec<News>,
    /// Whose input is [`Input::Queued`].
    arming: Vec<Token>,
    /// Whose input is [`Input::Starved`], the longest first.
    starved: VecDeque<Token>,
    /// Who waits for a poll to be submitted that tells of room.
    polling: Vec<Token>,
    /// Who was given something since the last wait that may still be here at the next.
    holding: Vec<Token>,
    /// Who has something to send that is not under way.
    outgoing: Vec<Token>,
    /// A descriptor to give up for the one connection that [`Engine::shed`] takes.
    reserve: Option<OwnedFd>,
    storage: Arc<dyn Storage>,
    seed: u64,
    spin: Spin,
    #[cfg(test)]
    counts: tests::Counts,
}

impl Uring {
    fn new(sizes: Sizes, storage: Arc<dyn Storage>) -> io::Result<Self> {
        Ok(Self {
            ring: Ring::new(sizes)?,
            files: Vec::new(),
            table: Table::new(),
            bell: Arc::new(Bell::new()?),
            rearms_bell: true,
            early: Vec::new(),
            arming: Vec::new(),
            starved: VecDeque::new(),
            polling: Vec::new(),
            holding: Vec::new(),
            outgoing: Vec::new(),
            reserve: Some(reserve()?),
            storage,
            seed: entropy()?,
            spin: Spin::default(),
            #[cfg(test)]
            counts: tests::Counts::default(),
        })
    }

    /// Give a descriptor a token, and see that its input comes from the next wait on.
    fn insert(&mut self, descriptor: OwnedFd, kind: Kind) -> Token {
        let token = self.table.insert(descriptor, Slot::new(kind, Input::Queued));
        self.arming.push(token);
        token
    }

    fn insert_bound(&mut self, bound: Bound, kind: Kind) -> (Token, Address) {
        let token = self.insert(bound.descriptor, kind);
        self.files.extend(bound.file.map(|file| (token, file)));
        (token, bound.address)
    }

    /// A listener, which accepting is for.
    fn listener(&mut self, token: Token) -> io::Result<(&OwnedFd, &mut Slot)> {
        let (descriptor, slot) = self.table.get(token)?;
        match slot.kind {
            Kind::Listener => Ok((descriptor, slot)),
            _ => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    /// The reactor was told that nothing is left: report again when there is, and see that it comes.
    fn note_drained(&mut self, token: Token) {
        if let Ok((_, slot)) = self.table.get(token) {
            slot.is_reported = false;
            if slot.input == Input::Idle && slot.kind != Kind::Connecting {
                slot.input = Input::Queued;
                self.arming.push(token);
            }
        }
    }

    /// Cancel what is under way for a token. Whether anything is.
    fn cancel(&mut self, token: Token) -> io::Result<bool> {
        let (_, slot) = self.table.get(token)?;
        let mut under_way = false;
        if matches!(slot.input, Input::Armed | Input::Cancelling) {
            let operation = match slot.kind {
                Kind::Stream | Kind::Connecting => Operation::Receive,
                Kind::Listener => Operation::Accept,
                Kind::Datagram => Operation::PollRead,
            };
            self.ring.cancel(operation, token)?;
            under_way = true;
        }
        if slot.is_polled {
            self.ring.cancel(Operation::PollWrite, token)?;
            under_way = true;
        }
        if let Some(key) = slot.sending.filter(|key| self.ring.sends.is_under_way(*key)) {
            self.ring.cancel(Operation::Send, key.into())?;
            under_way = true;
        }
        Ok(under_way)
    }

    /// Submit what was pushed, and run the kernel's deferred work until none is left.
    fn settle(&mut self) -> io::Result<()> {
        for _ in 0..SETTLE_MAX {
            self.ring.enter(0, None)?;
            if !self.ring.has_deferred() {
                break;
            }
        }
        Ok(())
    }

    /// Forget a token and what is kept for it.
    fn forget(&mut self, token: Token) -> io::Result<(OwnedFd, Option<SocketFile>)> {
        let (_, slot) = self.table.get(token)?;
        let mut slot = std::mem::replace(slot, Slot::new(Kind::Stream, Input::Idle));
        self.ring.buffers.discard(&mut slot.held);
        if slot.accepted() > 0 {
            slot.extra_mut().accepted.iter().for_each(turn_away);
        }
        if let Some(key) = slot.sending.filter(|key| !self.ring.sends.is_under_way(*key)) {
            self.ring.sends.remove(key);
        }
        self.early.retain(|news| news.token != token);
        let file = self.files.iter().position(|(owner, _)| *owner == token);
        let file = file.map(|at| self.files.swap_remove(at).1);
        Ok((self.table.remove(token)?, file))
    }
}

impl Engine for Uring {
    fn name(&self) -> &'static str {
        NAME
    }

    fn now(&self) -> Instant {
        Instant::now()
    }

    fn wall_clock(&self) -> SystemTime {
        SystemTime::now()
    }

    fn wait(&mut self, until: Option<Instant>, news: &mut Vec<News>) -> io::Result<()> {
        self.turn(until, news)
    }

    fn waker(&self) -> Arc<dyn Wake> {
        self.bell.clone()
    }

    fn listen(&mut self, address: &Address, options: &ListenOptions) -> io::Result<(Token, Address)> {
        Ok(self.insert_bound(sockets::listen(address, options)?, Kind::Listener))
    }

    fn accept(&mut self, listener: Token) -> io::Result<(Token, Address)> {
        let (descriptor, slot) = self.listener(listener)?;
        while let Some(connection) = slot.extra_mut().accepted.pop_front() {
            // The peer may be gone again by now, and then it has no name.
            if let Ok(peer) = rustix::net::getpeername(&connection) {
                return Ok((self.insert(connection, Kind::Stream), sockets::known_address(peer)));
            }
        }
        if let Some(error) = slot.extra_mut().accept_error.take() {
            return Err(io::Error::from_raw_os_error(error));
        }
        // After an error nothing is under way: the kernel is asked whether there still is one.
        if slot.input == Input::Idle {
            match sockets::accept(descriptor.as_fd()) {
                Ok((connection, peer)) => return Ok((self.insert(connection, Kind::Stream), peer)),
                Err(Errno::AGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        }
        self.note_drained(listener);
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn shed(&mut self, listener: Token) -> io::Result<()> {
        let (_, slot) = self.listener(listener)?;
        if let Some(connection) = slot.extra_mut().accepted.pop_front() {
            turn_away(&connection);
            return Ok(());
        }
        self.reserve = None;
        let accepted = sockets::accept(self.table.descriptor(listener)?.as_fd());
        let outcome = accepted.map(|(connection, _)| turn_away(&connection));
        // If another thread was faster, the next attempt does without and may fail.
        self.reserve = reserve().ok();
        if outcome == Err(Errno::AGAIN) {
            self.note_drained(listener);
        }
        Ok(outcome?)
    }

    fn connect(&mut self, address: &Address, source: Option<SocketAddr>) -> io::Result<Token> {
        let (descriptor, failure) = sockets::connect(address, source)?;
        let mut slot = Slot::new(Kind::Connecting, Input::Idle);
        slot.end = failure.map(|failure| End::Failed(failure.raw_os_error()));
        let token = self.table.insert(descriptor, slot);
        match failure {
            None => self.polling.push(token),
            Some(_) => self.early.push(News { token, readable: false, writable: true }),
        }
        Ok(token)
    }

    fn connected(&mut self, token: Token) -> io::Result<()> {
        let (_, slot) = self.table.get(token)?;
        match (slot.kind, slot.end) {
            (Kind::Connecting, Some(End::Failed(error))) => Err(io::Error::from_raw_os_error(error)),
            (Kind::Connecting, _) => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(()),
        }
    }

    #[inline]
    fn receive(&mut self, token: Token, into: &mut BytesMut) -> io::Result<Received> {
        let (_, slot) = self.table.get(token)?;
        debug_assert!(into.capacity() > into.len(), "without room nothing received looks like the end");
        let bytes = slot.pull(&mut self.ring.buffers, into);
        if slot.has_input() {
            return Ok(Received { bytes, drained: false });
        }
        match slot.end {
            Some(End::Failed(error)) if bytes == 0 => Err(io::Error::from_raw_os_error(error)),
            Some(_) => Ok(Received { bytes, drained: false }),
            None => {
                self.note_drained(token);
                if bytes == 0 {
                    Err(io::ErrorKind::WouldBlock.into())
                } else {
                    Ok(Received { bytes, drained: true })
                }
            }
        }
    }

    #[inline]
    fn send(&mut self, token: Token, output: &mut Output) -> io::Result<usize> {
        let (_, slot) = self.table.get(token)?;
        if let Some(error) = slot.extra().and_then(|extra| extra.send_error) {
            return Err(io::Error::from_raw_os_error(error));
        }
        match slot.kind {
            Kind::Stream if slot.sending.is_none() => {}
            // News of the outcome come anyway.
            Kind::Connecting => return Err(io::ErrorKind::WouldBlock.into()),
            Kind::Stream => {
                slot.is_awaited.set(true);
                return Err(io::ErrorKind::WouldBlock.into());
            }
            Kind::Listener | Kind::Datagram => return Err(io::ErrorKind::InvalidInput.into()),
        }
        if output.is_empty() {
            return Ok(0);
        }
        let key = self.ring.sends.insert(token, output);
        slot.sending = Some(key);
        self.outgoing.push(token);
        Ok(self.ring.sends.unsent(key))
    }

    fn unsent(&self, token: Token) -> usize {
        let Some((slot, key)) = self.table.state(token).ok().and_then(|slot| Some((slot, slot.sending?)))
        else {
            return 0;
        };
        slot.is_awaited.set(true);
        self.ring.sends.unsent(key)
    }

    fn shutdown_write(&mut self, token: Token) -> io::Result<()> {
        let (descriptor, slot) = self.table.get(token)?;
        if slot.sending.is_some() {
            slot.is_awaited.set(true);
            return Err(io::ErrorKind::WouldBlock.into());
        }
        Ok(rustix::net::shutdown(descriptor, Shutdown::Write)?)
    }

    fn keep_alive(&mut self, listener: Token, idle: Option<Duration>) -> io::Result<()> {
        sockets::keep_alive(self.listener(listener)?.0, idle)
    }

    fn close(&mut self, token: Token, how: Close) {
        let Ok((descriptor, slot)) = self.table.get(token) else { return };
        if how == Close::Abort {
            sockets::reset_on_close(descriptor.as_fd());
        }
        // What was taken has its one attempt before, as if `send` had made it.
        if let Some(key) = slot.sending.filter(|key| !self.ring.sends.is_under_way(*key)) {
            let _ = self.ring.send(key, descriptor.as_fd(), false);
        }
        let under_way = self.cancel(token).unwrap_or(false);
        let Ok((descriptor, file)) = self.forget(token) else { return };
        drop(file);
        // What is under way holds the socket open: the descriptor alone would close nothing.
        if under_way && self.ring.close(descriptor).is_ok() {
            // If it fails, the next wait submits it.
            let _ = self.settle();
        }
    }

    fn local_address(&self, token: Token) -> io::Result<Address> {
        sockets::local_address(self.table.descriptor(token)?.as_fd())
    }

    fn bind_datagram(&mut self, address: &Address, options: &ListenOptions) -> io::Result<(Token, Address)> {
        Ok(self.insert_bound(sockets::bind_datagram(address, options)?, Kind::Datagram))
    }

    fn receive_from(&mut self, token: Token, into: &mut BytesMut) -> io::Result<(usize, Address)> {
        match receive::receive_from(self.table.descriptor(token)?.as_fd(), into) {
            Ok((count, from)) => Ok((count, sockets::known_address(from))),
            Err(error) => {
                if error == Errno::AGAIN {
                    self.note_drained(token);
                }
                Err(error.into())
            }
        }
    }

    fn send_to(&mut self, token: Token, data: &[u8], to: &Address) -> io::Result<()> {
        let descriptor = self.table.descriptor(token)?;
        let to = sockets::kernel_address(to)?;
        let sent = retry_on_intr(|| rustix::net::sendto(descriptor, data, SendFlags::NOSIGNAL, &to));
        if sent == Err(Errno::AGAIN) {
            self.polling.push(token);
        }
        Ok(sent.map(drop)?)
    }

    fn adopt(&mut self, descriptor: OwnedFd, what: Adopted) -> io::Result<Token> {
        sockets::prepare(descriptor.as_fd(), what)?;
        let kind = match what {
            Adopted::Stream => Kind::Stream,
            Adopted::Listener => Kind::Listener,
            Adopted::Datagram => Kind::Datagram,
        };
        Ok(self.insert(descriptor, kind))
    }

    /// Fails with `InvalidInput` where something was taken from the socket already, which the next
    /// owner would miss.
    fn release(&mut self, token: Token) -> io::Result<OwnedFd> {
        if self.cancel(token)? {
            self.settle()?;
            let mut early = std::mem::take(&mut self.early);
            let reaped = self.reap(&mut early);
            self.early = early;
            reaped?;
        }
        let (_, slot) = self.table.get(token)?;
        if slot.has_input() || slot.accepted() > 0 || slot.sending.is_some() {
            return Err(io::ErrorKind::InvalidInput.into());
        }
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

/// Have a connection that nobody takes end with a reset, so that its peer does not take the end for
/// an empty answer.
fn turn_away(connection: &OwnedFd) {
    sockets::reset_on_close(connection.as_fd());
}

/// Sockets are to be closed, and ports free, when the engine is gone, and not when the kernel gets
/// round to what was under way.
impl Drop for Uring {
    fn drop(&mut self) {
        if self.ring.cancel_all().is_err() {
            return;
        }
        for _ in 0..DROP_MAX {
            let entered = self.ring.enter(0, None);
            while self.ring.next().is_some() {}
            if entered.is_err() || !self.ring.has_work() {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests;
