//! Datagrams: a protocol that is told of each, and a handle that sends them.
//!
//! Datagrams may be lost, doubled and reordered on the way; and when the kernel has no room and
//! [`QUEUE_BYTES_MAX`] wait already, they are lost here, as they would be a moment later.

use crate::address::Address;
use crate::core::DatagramSlot;
use crate::engine::Token;
use crate::failure::Result;
use crate::reactor::Reactor;
use crate::shared::{Effect, Shared};
use bytes::Bytes;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::rc::{Rc, Weak};

/// How many bytes of datagrams may wait for room in the kernel.
pub const QUEUE_BYTES_MAX: usize = 1024 * 1024;

/// What happens on a datagram socket: Twisted's DatagramProtocol.
pub trait DatagramProtocol {
    /// The socket is open. Called once, first.
    fn started(&mut self, transport: &DatagramTransport) {
        let _ = transport;
    }

    /// A datagram has come from `peer`, whole.
    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], peer: &Address);

    /// The socket is closed. Called once, last.
    fn stopped(&mut self) {}
}

/// A handle to a datagram socket: cheap to clone, and silent once the socket is closed.
#[derive(Clone)]
pub struct DatagramTransport(pub(crate) Rc<Socket>);

/// The half of a datagram socket that handles reach.
pub(crate) struct Socket {
    pub(crate) token: Token,
    address: Address,
    home: Weak<Shared>,
    pub(crate) open: Cell<bool>,
    pub(crate) outgoing: RefCell<VecDeque<(Bytes, Address)>>,
    pub(crate) outgoing_bytes: Cell<usize>,
}

impl DatagramTransport {
    /// Send `data` as one datagram. Returns false where it is lost at once: the socket is closed,
    /// or too much waits already.
    pub fn send_to(&self, data: impl Into<Bytes>, peer: &Address) -> bool {
        let data = data.into();
        let waiting = self.0.outgoing_bytes.get() + data.len();
        let Some(home) = self.0.home.upgrade() else { return false };
        if !self.0.open.get() || waiting > QUEUE_BYTES_MAX {
            return false;
        }
        self.0.outgoing_bytes.set(waiting);
        let mut outgoing = self.0.outgoing.borrow_mut();
        if outgoing.is_empty() {
            home.push(Effect::DatagramWork(self.0.token));
        }
        outgoing.push_back((data, peer.clone()));
        true
    }

    /// Close the socket; what waits is lost.
    pub fn close(&self) {
        if self.0.open.replace(false)
            && let Some(home) = self.0.home.upgrade()
        {
            home.push(Effect::Forget(self.0.token));
        }
    }

    /// Where it receives; the port is the real one.
    pub fn address(&self) -> &Address {
        &self.0.address
    }
}

impl std::fmt::Debug for DatagramTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DatagramTransport({})", self.0.address)
    }
}

impl Reactor {
    /// Open a datagram socket: `udp:5300:interface=127.0.0.1`, `unixgram:/run/log`.
    ///
    /// # Errors
    /// If the endpoint is wrong or of another kind, or the address can't be had.
    pub fn listen_datagram(
        &self,
        endpoint: &str,
        protocol: impl DatagramProtocol + 'static,
    ) -> Result<DatagramTransport> {
        let (address, options) = crate::endpoint::Endpoint::listen(endpoint)?.datagram_address()?;
        let bound = self.0.engine.borrow_mut().bind_datagram(&address, &options);
        let (token, address) = bound.map_err(|error| crate::listener::explain(error, &address))?;
        let socket = Rc::new(Socket {
            token,
            address,
            home: Rc::downgrade(&self.0),
            open: Cell::new(true),
            outgoing: RefCell::default(),
            outgoing_bytes: Cell::new(0),
        });
        let transport = DatagramTransport(socket);
        let slot = DatagramSlot::new(transport.clone(), Box::new(protocol));
        self.0.push(Effect::Datagram(token, slot));
        Ok(transport)
    }
}
