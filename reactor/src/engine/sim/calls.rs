//! What a user asks of listeners and connections; each call answers at once.
//!
//! The rule: whoever is told that there is nothing, or that nothing is left, is armed for news; nobody
//! else is.

use super::addresses;
use super::network::{Event, Listener, Network, Socket};
use super::stream::{Connection, ConnectionId, Doom, End, Incoming, Outgoing, Owner, Side};
use crate::address::Address;
use crate::buffer::{Output, PIECES_MAX};
use crate::engine::{Close, ListenOptions, Received, Token, stale};
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::net::SocketAddr;

/// How many bytes an engine owns of a connection at the most.
const OWNED_MAX: usize = 256 * 1024;

// ------------------------------------------------------------------------------- listening

impl Network {
    pub(super) fn listen(
        &mut self,
        address: &Address,
        options: &ListenOptions,
    ) -> io::Result<(Token, Address)> {
        self.check_descriptors()?;
        let reuse_port = options.reuse_port;
        if *address == Address::Unix(None) {
            return Err(ErrorKind::InvalidInput.into());
        }
        let address = self.choose_bound(&self.listeners, address, reuse_port)?;
        let backlog = usize::try_from(options.backlog).unwrap_or(0).max(1);
        let listener = Listener { address: address.clone(), backlog, reuse_port, pending: VecDeque::new() };
        let token = self.open(Socket::Listener(listener));
        self.listeners.push(token);
        Ok((token, address))
    }

    /// The address that a socket asks to be bound to, with a port, if none of `others` has it.
    pub(super) fn choose_bound(
        &self,
        others: &[Token],
        wanted: &Address,
        reuse_port: bool,
    ) -> io::Result<Address> {
        let taken = |wanted: &Address| self.is_bound(others, wanted, reuse_port);
        match wanted {
            Address::Unix(_) if taken(wanted) => Err(ErrorKind::AddrInUse.into()),
            Address::Unix(_) => Ok(wanted.clone()),
            Address::Internet(address) => {
                let dialers =
                    |port| address.port() == 0 && self.dialers.iter().any(|dialer| dialer.port() == port);
                let chosen = self.ports.choose(*address, |it| dialers(it.port()) || taken(&it.into()))?;
                Ok(chosen.into())
            }
        }
    }

    /// Whether one of these sockets keeps others off this address.
    fn is_bound(&self, sockets: &[Token], address: &Address, reuse_port: bool) -> bool {
        sockets
            .iter()
            .filter_map(|token| self.socket(*token).ok()?.bound())
            .any(|(bound, shares)| addresses::clash(bound, address) && !(reuse_port && shares))
    }

    pub(super) fn accept(&mut self, listener: Token) -> io::Result<(Token, Address)> {
        let waiting = !self.listener(listener)?.pending.is_empty();
        self.check_descriptors()?;
        let exhausted = self.clock < self.accept_exhausted_until;
        if !exhausted && waiting && self.random.chance(self.faults.descriptor_exhaustion) {
            self.accept_exhausted_until = self.clock + self.faults.exhaustion_lasts;
        }
        if self.clock < self.accept_exhausted_until {
            return Err(io::Error::from_raw_os_error(libc::EMFILE));
        }
        if self.balks() {
            return self.nothing_to_read(listener);
        }
        let id = self.take_pending(listener)?;
        if self.random.chance(self.faults.accept_abort) {
            self.leave(id, Side::Acceptor, Close::Abort);
            return Err(ErrorKind::ConnectionAborted.into());
        }
        let token = self.open(Socket::Stream(id, Side::Acceptor));
        let bound = self.listener(listener)?.address.clone();
        let connection = self.connections.get_mut(&id).ok_or_else(stale)?;
        connection.end_mut(Side::Acceptor).owner = Owner::Token(token);
        let peer = addresses::as_seen_from(&bound, &connection.end(Side::Dialer).local);
        Ok((token, peer))
    }

    fn take_pending(&mut self, listener: Token) -> io::Result<ConnectionId> {
        match self.listener(listener)?.pending.pop_front() {
            Some(id) => Ok(id),
            None => self.nothing_to_read(listener),
        }
    }

    /// Take a connection and close it at once.
    pub(super) fn shed(&mut self, listener: Token) -> io::Result<()> {
        let id = self.take_pending(listener)?;
        self.leave(id, Side::Acceptor, Close::Abort);
        Ok(())
    }
}

// ------------------------------------------------------------------------------- connecting

impl Network {
    pub(super) fn connect(&mut self, address: &Address, source: Option<SocketAddr>) -> io::Result<Token> {
        self.check_descriptors()?;
        let (local, target) = match (address, source) {
            (Address::Unix(None), _) | (Address::Unix(_), Some(_)) => {
                return Err(ErrorKind::InvalidInput.into());
            }
            (Address::Unix(_), None) => (Address::Unix(None), address.clone()),
            (Address::Internet(target), source) => {
                let target = addresses::reachable(*target);
                (self.dial_from(target, source)?.into(), target.into())
            }
        };
        let id = self.next_connection;
        self.next_connection += 1;
        let token = self.open(Socket::Stream(id, Side::Dialer));
        let dialer = self.new_end(local, Owner::Token(token));
        let acceptor = self.new_end(target, Owner::Nobody);
        let mut connection = Connection::new(dialer, acceptor);
        connection.doom = if self.random.chance(self.faults.connect_timeout) {
            Some(Doom::Unanswered)
        } else {
            self.random.chance(self.faults.refuse).then_some(Doom::Refused)
        };
        self.connections.insert(id, connection);
        let at = self.clock + self.delay();
        self.schedule(at, Event::Ask(id));
        Ok(token)
    }

    /// The address that a connection to `target` comes from; it is taken from now on.
    fn dial_from(&mut self, target: SocketAddr, source: Option<SocketAddr>) -> io::Result<SocketAddr> {
        let mut wanted = source.unwrap_or_else(|| SocketAddr::new(addresses::source_for(target), 0));
        if wanted.ip().is_unspecified() {
            wanted.set_ip(addresses::source_for(target));
        }
        if wanted.ip().to_canonical().is_ipv4() != target.ip().is_ipv4() {
            return Err(ErrorKind::InvalidInput.into());
        }
        let listens = |address: SocketAddr| self.is_bound(&self.listeners, &address.into(), false);
        let chosen = self.ports.choose(wanted, |it| self.dialers.contains(&it) || listens(it))?;
        self.dialers.insert(chosen);
        Ok(chosen)
    }

    fn new_end(&mut self, local: Address, owner: Owner) -> End {
        let small = self.random.chance(self.faults.small_window);
        let window = if small { 32 + self.random.index(993) } else { self.faults.window };
        let owns = self.random.chance(self.faults.owned_sends);
        End::new(local, owner, window, owns)
    }

    pub(super) fn connected(&mut self, token: Token) -> io::Result<()> {
        let (id, side) = self.stream(token)?;
        let connection = self.connections.get_mut(&id).ok_or_else(stale)?;
        match connection.outcome() {
            _ if side == Side::Acceptor => Ok(()),
            None => self.no_room(token),
            Some(outcome) => outcome.map_err(io::Error::from),
        }
    }
}

// ------------------------------------------------------------------------------- bytes

impl Network {
    fn stream(&self, token: Token) -> io::Result<(ConnectionId, Side)> {
        match self.socket(token)? {
            Socket::Stream(id, side) => Ok((*id, *side)),
            _ => Err(ErrorKind::InvalidInput.into()),
        }
    }

    pub(super) fn receive(&mut self, token: Token, into: &mut BytesMut) -> io::Result<Received> {
        let (id, side) = self.stream(token)?;
        if self.balks() {
            return self.nothing_to_read(token);
        }
        let spare = into.capacity() - into.len();
        debug_assert!(spare > 0, "the caller reserves at least one byte");
        let limit = if self.random.chance(self.faults.short_receive) {
            1 + self.random.index(spare.max(1))
        } else {
            spare
        };
        let connection = self.connections.get_mut(&id).ok_or_else(stale)?;
        match connection.incoming(side, limit) {
            Incoming::Nothing => self.nothing_to_read(token),
            Incoming::Error(kind) => Err(kind.into()),
            Incoming::End => Ok(Received { bytes: 0, drained: false }),
            Incoming::Bytes(bytes) => {
                let quiet = connection.end(side).is_quiet();
                into.extend_from_slice(&bytes);
                self.acknowledge(id, side, bytes.len());
                // As a kernel's user knows it: only a short read tells that nothing is left.
                let drained = quiet && bytes.len() < spare && !self.balks();
                if drained {
                    self.arm_readable(token);
                }
                Ok(Received { bytes: bytes.len(), drained })
            }
        }
    }

    pub(super) fn send(&mut self, token: Token, output: &mut Output) -> io::Result<usize> {
        let (id, side) = self.stream(token)?;
        if self.balks() {
            return self.no_room(token);
        }
        let connection = self.connections.get_mut(&id).ok_or_else(stale)?;
        match connection.outgoing(side) {
            Outgoing::Error(kind) => Err(kind.into()),
            Outgoing::Full => self.no_room(token),
            _ if output.is_empty() => Ok(0),
            Outgoing::Everything => {
                let bytes = self.take_from(output, OWNED_MAX);
                self.own(token, id, side, &bytes);
                Ok(bytes.len())
            }
            Outgoing::Room(room) => {
                let short = self.random.chance(self.faults.short_send);
                let mut most = room.min(output.len());
                if short {
                    most = 1 + self.random.index(most);
                }
                let bytes = self.take_from(output, most);
                let count = bytes.len();
                self.transmit(id, side, bytes);
                Ok(count)
            }
        }
    }

    /// The first bytes of `output`, at most this many and from so many pieces as a kernel would take.
    fn take_from(&mut self, output: &mut Output, most: usize) -> Bytes {
        let mut slices = [IoSlice::new(&[]); PIECES_MAX];
        let filled = output.slices(&mut slices);
        let mut taken = BytesMut::new();
        for slice in &slices[..filled] {
            let count = slice.len().min(most - taken.len());
            taken.extend_from_slice(&slice[..count]);
        }
        output.advance(taken.len());
        self.trace.content(&taken);
        taken.freeze()
    }

    /// The engine keeps the bytes, and sends them when it comes to it.
    fn own(&mut self, token: Token, id: ConnectionId, side: Side, bytes: &[u8]) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.end_mut(side).own(bytes);
        }
        self.arm_writable(token);
        self.schedule(self.clock, Event::Pump(id, side));
    }

    pub(super) fn unsent(&self, token: Token) -> usize {
        let Ok((id, side)) = self.stream(token) else { return 0 };
        self.connections.get(&id).map_or(0, |connection| connection.end(side).unsent())
    }

    pub(super) fn shutdown_write(&mut self, token: Token) -> io::Result<()> {
        let (id, side) = self.stream(token)?;
        let connection = self.connections.get_mut(&id).ok_or_else(stale)?;
        if connection.end(side).dead || connection.outcome_is_open(side) {
            return Err(ErrorKind::NotConnected.into());
        }
        connection.end_mut(side).shut();
        self.finish_if_due(id, side);
        Ok(())
    }
}

// ------------------------------------------------------------------------------- closing

impl Network {
    pub(super) fn close(&mut self, token: Token, how: Close) {
        match self.forget(token) {
            None => {}
            Some(Socket::Listener(listener)) => {
                self.listeners.retain(|other| *other != token);
                for id in listener.pending {
                    self.leave(id, Side::Acceptor, Close::Abort);
                }
            }
            Some(Socket::Stream(id, side)) => self.leave(id, side, how),
            Some(Socket::Datagram(_)) => self.close_datagrams(token),
        }
    }

    /// Nobody holds this end any more. As on Linux the peer sees a reset where unread input is thrown
    /// away, also later.
    fn leave(&mut self, id: ConnectionId, side: Side, how: Close) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        let undecided = connection.outcome_is_open(side);
        let end = connection.end_mut(side);
        end.owner = Owner::Nobody;
        let resets = how == Close::Abort || end.has_unread() || undecided;
        let dead = end.dead;
        if !dead && resets {
            self.send_reset(id, side.other());
        } else if !dead && end.shut() {
            self.finish_if_due(id, side);
        }
        self.bury(id);
    }

    /// Forget a connection that nobody holds.
    fn bury(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get(&id).filter(|connection| connection.is_abandoned())
        else {
            return;
        };
        if let Some(source) = connection.end(Side::Dialer).local.socket_address() {
            self.dialers.remove(&source);
        }
        self.connections.remove(&id);
    }

    pub(super) fn local_address(&self, token: Token) -> io::Result<Address> {
        Ok(match self.socket(token)? {
            Socket::Listener(listener) => listener.address.clone(),
            Socket::Datagram(socket) => socket.address.clone(),
            Socket::Stream(id, side) => self.connections.get(id).ok_or_else(stale)?.end(*side).local.clone(),
        })
    }
}
