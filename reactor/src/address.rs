//! Where a connection comes from or goes to: an internet or a local socket address.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

/// One end of a connection, a listener or a datagram.
///
/// An address is cheap to clone and may cross threads.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Address {
    /// IPv4 or IPv6 with a port; TCP or UDP is known from where the address was found.
    Internet(SocketAddr),
    /// A local (Unix domain) socket; `None` is a peer that never bound a name, as clients don't.
    Unix(Option<Arc<Path>>),
}

impl Address {
    /// The internet socket address, if it is one.
    pub fn socket_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Internet(address) => Some(*address),
            Self::Unix(_) => None,
        }
    }

    /// The port of an internet address, if it is one.
    pub fn port(&self) -> Option<u16> {
        self.socket_address().map(|address| address.port())
    }

    /// The host of an internet address, if it is one: what per-peer limits count by.
    pub fn ip(&self) -> Option<IpAddr> {
        self.socket_address().map(|address| address.ip())
    }

    /// Whether the peer is on this machine: a loopback address or a local socket.
    pub fn is_local(&self) -> bool {
        self.ip().is_none_or(|ip| ip.to_canonical().is_loopback())
    }

    /// A local socket at `path`.
    pub fn unix(path: impl AsRef<Path>) -> Self {
        Self::Unix(Some(path.as_ref().into()))
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        Self::Internet(address)
    }
}

/// `127.0.0.1:6379`, `[::1]:6379`, the path of a local socket, or `unix` for an unnamed one.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Internet(address) => address.fmt(f),
            Self::Unix(Some(path)) => path.display().fmt(f),
            Self::Unix(None) => f.write_str("unix"),
        }
    }
}
