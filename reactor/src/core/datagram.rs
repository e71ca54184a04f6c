//! The loop's half of datagram sockets.

use super::{Core, Slot, guard};
use crate::engine::{News, Token};
use crate::shared::Shared;
use crate::transport::udp::{DatagramProtocol, DatagramTransport};
use bytes::BytesMut;
use std::io::ErrorKind;
use std::rc::Rc;

/// How many datagrams a socket may receive in a turn, and how many it may send.
const BUDGET: usize = 64;

/// No datagram is larger: 65,535 bytes less the smallest headers.
const DATAGRAM_MAX: usize = 65_507;

/// The loop's half of a datagram socket.
pub(crate) struct DatagramSlot {
    transport: DatagramTransport,
    /// `None` only while it is being called.
    protocol: Option<Box<dyn DatagramProtocol>>,
    started: bool,
    readable: bool,
    writable: bool,
}

impl DatagramSlot {
    pub(crate) fn new(transport: DatagramTransport, protocol: Box<dyn DatagramProtocol>) -> Box<Self> {
        Box::new(Self {
            transport,
            protocol: Some(protocol),
            started: false,
            readable: false,
            writable: true,
        })
    }

    pub(crate) fn token(&self) -> Token {
        self.transport.0.token
    }

    pub(super) fn note(&mut self, news: News) {
        self.readable |= news.readable;
        self.writable |= news.writable;
    }

    pub(crate) fn stop(self) {
        self.transport.0.open.set(false);
        if let Some(mut protocol) = self.protocol {
            protocol.stopped();
        }
    }
}

impl Core {
    fn datagram_slot(&mut self, token: Token) -> Option<&mut DatagramSlot> {
        match self.slots.get_mut(token.index as usize) {
            Some(Slot::Datagram(slot)) if slot.token() == token => Some(slot),
            _ => None,
        }
    }

    /// Receive on every socket with news, and tell their protocols.
    pub(super) fn serve_datagrams(&mut self, home: &Rc<Shared>) {
        for token in std::mem::take(&mut self.datagrams) {
            self.serve_datagram_socket(token, home);
            // What it wrote, or has left to write, goes in the last stage.
            self.datagrams_to_send.push_back(token);
        }
    }

    fn serve_datagram_socket(&mut self, token: Token, home: &Rc<Shared>) {
        let Some(slot) = self.datagram_slot(token) else { return };
        let Some(mut protocol) = slot.protocol.take() else { return };
        let transport = slot.transport.clone();
        if !std::mem::replace(&mut slot.started, true) {
            guard("a datagram protocol's start", || protocol.started(&transport));
        }
        let readable = self.datagram_slot(token).is_some_and(|slot| slot.readable);
        let mut buffer = std::mem::take(&mut self.datagram_buffer);
        let more = readable && receive(token, &mut *protocol, &transport, &mut buffer, home);
        self.datagram_buffer = buffer;
        let Some(slot) = self.datagram_slot(token) else { return };
        slot.protocol = Some(protocol);
        slot.readable = more;
        if more {
            self.datagrams.push_back(token);
        }
    }

    /// Send what waits on every socket that was served or written to in this turn.
    pub(super) fn send_datagrams(&mut self, home: &Rc<Shared>) {
        let mut touched = std::mem::take(&mut self.datagrams_to_send);
        touched.extend(self.datagrams.iter());
        for token in touched {
            let Some(slot) = self.datagram_slot(token) else { continue };
            if slot.writable {
                slot.writable = send(token, &slot.transport, home);
            }
        }
    }
}

/// Receive and tell until nothing is left; whether the budget was spent first.
fn receive(
    token: Token,
    protocol: &mut dyn DatagramProtocol,
    transport: &DatagramTransport,
    buffer: &mut BytesMut,
    home: &Rc<Shared>,
) -> bool {
    for _ in 0..BUDGET {
        buffer.clear();
        buffer.reserve(DATAGRAM_MAX);
        let received = home.engine.borrow_mut().receive_from(token, buffer);
        match received {
            Ok((length, peer)) => {
                let data = &buffer[..length];
                guard("a datagram protocol", || protocol.datagram_received(transport, data, &peer));
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            // A peer's refusal of an earlier datagram comes back this way; the socket is fine.
            Err(error) => tracing::debug!(%error, "a datagram socket reported an error"),
        }
        if !transport.0.open.get() {
            return false;
        }
    }
    true
}

/// Send until nothing is left or there is no room; whether there is still room.
fn send(token: Token, transport: &DatagramTransport, home: &Rc<Shared>) -> bool {
    let socket = &transport.0;
    loop {
        let next = socket.outgoing.borrow_mut().pop_front();
        let Some((data, peer)) = next else { return true };
        let sent = home.engine.borrow_mut().send_to(token, &data, &peer);
        match sent {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                socket.outgoing.borrow_mut().push_front((data, peer));
                return false;
            }
            Err(error) => tracing::debug!(%error, %peer, "a datagram could not be sent"),
            Ok(()) => {}
        }
        socket.outgoing_bytes.set(socket.outgoing_bytes.get() - data.len());
    }
}
