//! Datagrams: on the internet they may be lost, doubled and overtaken; on one host they are reliable.
//!
//! The rule: as on Linux. An internet datagram that nobody wants, or that finds the receiver's buffer
//! full, is gone without a word; a local one is refused or waits.

use super::addresses;
use super::network::{Event, Network, Socket};
use crate::address::Address;
use crate::engine::{ListenOptions, Token};
use bytes::{Bytes, BytesMut};
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::time::Duration;

/// How many bytes wait at a socket at the most: Linux's `rmem_default`.
const INBOX_MAX: usize = 208 * 1024;

/// What a datagram carries at the most: 64 KiB less the headers of IP and UDP.
const PAYLOAD_MAX: usize = 65_507;

/// How late a datagram comes that is overtaken, at the most.
const LATE_MAX: Duration = Duration::from_millis(10);

pub(super) struct DatagramSocket {
    pub(super) address: Address,
    pub(super) reuse_port: bool,
    inbox: VecDeque<(Bytes, Address)>,
    inbox_bytes: usize,
    /// The receiver that had no room for our last datagram.
    waits_for: Option<Token>,
}

/// A datagram on its way.
pub(super) struct Datagram {
    from: Address,
    to: Address,
    data: Bytes,
}

impl DatagramSocket {
    pub(super) fn is_readable(&self) -> bool {
        !self.inbox.is_empty()
    }

    fn has_room(&self) -> bool {
        self.inbox_bytes < INBOX_MAX
    }

    fn push(&mut self, data: Bytes, from: Address) {
        // An empty datagram takes room as well.
        self.inbox_bytes += data.len() + 1;
        self.inbox.push_back((data, from));
    }

    fn pop(&mut self) -> Option<(Bytes, Address)> {
        let (data, from) = self.inbox.pop_front()?;
        self.inbox_bytes -= data.len() + 1;
        Some((data, from))
    }
}

impl Network {
    pub(super) fn bind_datagram(
        &mut self,
        address: &Address,
        options: &ListenOptions,
    ) -> io::Result<(Token, Address)> {
        self.check_descriptors()?;
        let reuse_port = options.reuse_port;
        let address = self.choose_bound(&self.datagram_sockets, address, reuse_port)?;
        let socket = DatagramSocket {
            address: address.clone(),
            reuse_port,
            inbox: VecDeque::new(),
            inbox_bytes: 0,
            waits_for: None,
        };
        let token = self.open(Socket::Datagram(socket));
        self.datagram_sockets.push(token);
        Ok((token, address))
    }

    fn datagram_socket(&mut self, token: Token) -> io::Result<&mut DatagramSocket> {
        match self.socket_mut(token)? {
            Socket::Datagram(socket) => Ok(socket),
            _ => Err(ErrorKind::InvalidInput.into()),
        }
    }

    pub(super) fn receive_from(&mut self, token: Token, into: &mut BytesMut) -> io::Result<(usize, Address)> {
        self.datagram_socket(token)?;
        if self.balks() {
            return self.nothing_to_read(token);
        }
        let Some((data, from)) = self.datagram_socket(token)?.pop() else {
            return self.nothing_to_read(token);
        };
        let count = data.len().min(into.capacity() - into.len());
        into.extend_from_slice(&data[..count]);
        self.tell_waiting_for(token);
        Ok((count, from))
    }

    pub(super) fn send_to(&mut self, token: Token, data: &[u8], to: &Address) -> io::Result<()> {
        let bound = self.datagram_socket(token)?.address.clone();
        if self.balks() {
            return self.no_room(token);
        }
        if data.len() > PAYLOAD_MAX {
            return Err(io::Error::from_raw_os_error(libc::EMSGSIZE));
        }
        self.trace.content(data);
        let data = Bytes::copy_from_slice(data);
        match (&bound, to) {
            (Address::Unix(_), Address::Unix(_)) => self.hand_over(token, bound, to, data),
            (Address::Internet(source), Address::Internet(target)) => {
                let target = addresses::reachable(*target);
                let mut source = *source;
                if source.ip().is_unspecified() {
                    source.set_ip(addresses::source_for(target));
                }
                self.throw(Datagram { from: source.into(), to: target.into(), data });
                Ok(())
            }
            _ => Err(ErrorKind::InvalidInput.into()),
        }
    }

    /// On one host a datagram is in its receiver's hands at once.
    fn hand_over(&mut self, sender: Token, from: Address, to: &Address, data: Bytes) -> io::Result<()> {
        let receiver = self.receiver_of(to).ok_or(ErrorKind::NotFound)?;
        let socket = self.datagram_socket(receiver)?;
        if !socket.has_room() {
            self.datagram_socket(sender)?.waits_for = Some(receiver);
            return self.no_room(sender);
        }
        socket.push(data, from);
        self.mark(receiver);
        self.datagram_socket(sender)?.waits_for = None;
        Ok(())
    }

    /// On the internet it is on its way, or lost, or there are two of it.
    fn throw(&mut self, datagram: Datagram) {
        if self.random.chance(self.faults.datagram_loss) {
            return;
        }
        if self.random.chance(self.faults.datagram_duplicate) {
            let Datagram { from, to, data } = &datagram;
            self.throw_one(Datagram { from: from.clone(), to: to.clone(), data: data.clone() });
        }
        self.throw_one(datagram);
    }

    fn throw_one(&mut self, datagram: Datagram) {
        let late = self.random.chance(self.faults.datagram_reorder);
        let late = if late { self.up_to(LATE_MAX) } else { Duration::ZERO };
        let at = self.clock + self.faults.latency + late;
        self.schedule(at, Event::Datagram(Box::new(datagram)));
    }

    pub(super) fn deliver(&mut self, datagram: Datagram) {
        let Datagram { from, to, data } = datagram;
        if self.cuts.iter().any(|cut| addresses::is_meant(cut, &from) || addresses::is_meant(cut, &to)) {
            return;
        }
        let Some(receiver) = self.receiver_of(&to) else { return };
        let Ok(socket) = self.datagram_socket(receiver) else { return };
        if socket.has_room() {
            let from = addresses::as_seen_from(&socket.address, &from);
            socket.push(data, from);
            self.mark(receiver);
        }
    }

    /// Who gets what is sent there: the closest fit, and of several the one that was bound last, as
    /// there is no order in which they would take turns.
    fn receiver_of(&self, to: &Address) -> Option<Token> {
        let fit = |token: &Token| match self.socket(*token) {
            Ok(Socket::Datagram(socket)) => addresses::fit(&socket.address, to),
            _ => None,
        };
        self.datagram_sockets
            .iter()
            .filter_map(|token| Some((fit(token)?, *token)))
            .max_by_key(|(fit, _)| *fit)
            .map(|(_, token)| token)
    }

    pub(super) fn has_room_for(&self, sender: &DatagramSocket) -> bool {
        let Some(receiver) = sender.waits_for else { return true };
        match self.socket(receiver) {
            Ok(Socket::Datagram(socket)) => socket.has_room(),
            _ => true,
        }
    }

    pub(super) fn close_datagrams(&mut self, token: Token) {
        self.datagram_sockets.retain(|other| *other != token);
        self.tell_waiting_for(token);
    }

    /// Something changed at `receiver`: those who wait for room there may have it.
    fn tell_waiting_for(&mut self, receiver: Token) {
        for index in 0..self.datagram_sockets.len() {
            let token = self.datagram_sockets[index];
            if let Ok(socket) = self.datagram_socket(token)
                && socket.waits_for == Some(receiver)
            {
                self.mark(token);
            }
        }
    }
}
