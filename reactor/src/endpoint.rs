//! Endpoints: where to listen and where to connect, written as Twisted writes it.
//!
//! Pure text and types: nothing here opens a socket or a file. Which form a text is read as depends
//! on its role alone, so `tcp:8080` listens and `tcp:example.org:80` connects. A text that says
//! something we would not do is an [`EndpointError`], never ignored.
//!
//! ```text
//! listen   tcp:PORT           :interface=ADDRESS :backlog=N :reuseport=yes :ipv6only=yes
//!          tls:PORT           :cert=FILE :key=FILE :ca=FILE :alpn=LIST, and those of tcp
//!          unix:PATH          :mode=660 :backlog=N
//!          udp:PORT           :interface=ADDRESS :reuseport=yes
//!          unixgram:PATH      :mode=660
//!          systemd:N, systemd:NAME, fd:N
//! connect  tcp:HOST:PORT      :timeout=SECONDS :bind=ADDRESS
//!          tls:HOST:PORT      :ca=FILE :cert=FILE :key=FILE :name=HOST :verify=no :alpn=LIST,
//!                              and those of tcp
//!          unix:PATH          :timeout=SECONDS
//!          udp:HOST:PORT      :bind=ADDRESS
//! ```
//!
//! A colon parts, an equals sign names, a backslash takes either literally (`unix:C\:/socket`). An
//! IPv6 address is written `[::1]` or, as Twisted has it, `\:\:1`. Parts may be named as well
//! (`tcp:host=example.org:port=80`). Printing an endpoint gives its shortest form, and reading that
//! gives the endpoint again.

use crate::engine::ListenOptions;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::RawFd;
use std::path::PathBuf;
use std::time::Duration;

mod grammar;
mod host;
mod print;
mod read;
#[cfg(test)]
mod tests;

pub use grammar::EndpointError;
pub use host::{Host, NotAHost};

/// How long connecting may take unless the endpoint says otherwise.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

/// Reads endpoint strings, by role.
#[derive(Debug)]
pub enum Endpoint {}

impl Endpoint {
    /// Where to listen: `tcp:8080:interface=127.0.0.1`.
    ///
    /// # Errors
    /// What is wrong with which part, and what is expected there.
    pub fn listen(text: &str) -> Result<ListenEndpoint, EndpointError> {
        text.parse()
    }

    /// Where to connect: `tcp:example.org:80:timeout=5`.
    ///
    /// # Errors
    /// What is wrong with which part, and what is expected there.
    pub fn connect(text: &str) -> Result<ConnectEndpoint, EndpointError> {
        text.parse()
    }
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenEndpoint {
    /// `tcp:PORT`: port 0 has the kernel choose one; every IPv4 address unless `interface` names
    /// one, and `interface=[::]` is every address of both families.
    Tcp {
        /// The interface and the port.
        address: SocketAddr,
        /// Backlog and port sharing.
        options: ListenOptions,
    },
    /// `tls:PORT:cert=FILE`: TCP with TLS on it.
    Tls {
        /// The interface and the port.
        address: SocketAddr,
        /// Backlog and port sharing.
        options: ListenOptions,
        /// What the server shows, and what it asks of clients.
        tls: TlsServerOptions<PathBuf>,
    },
    /// `unix:PATH`: a local stream socket.
    Unix {
        /// Where the socket appears in the file system.
        path: PathBuf,
        /// Backlog and file mode.
        options: ListenOptions,
    },
    /// `udp:PORT`: datagrams.
    Udp {
        /// The interface and the port.
        address: SocketAddr,
        /// Port sharing.
        options: ListenOptions,
    },
    /// `unixgram:PATH`: local datagrams.
    UnixDatagram {
        /// Where the socket appears in the file system.
        path: PathBuf,
        /// File mode.
        options: ListenOptions,
    },
    /// `systemd:N`, `systemd:NAME`: a socket that systemd opened and handed over (`LISTEN_FDS`).
    Systemd(SystemdSocket),
    /// `fd:N`: a listening socket that whoever started the process left open at this number.
    Descriptor(RawFd),
}

/// Which of the sockets that systemd handed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SystemdSocket {
    /// The n-th, from 0 on.
    Index(usize),
    /// By its `FileDescriptorName=`, which is the socket unit's name unless that says otherwise.
    Name(String),
}

/// Where to connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConnectEndpoint {
    /// `tcp:HOST:PORT`.
    Tcp {
        /// The peer.
        host: Host,
        /// The peer's port, not 0.
        port: u16,
        /// How long connecting may take, resolving the name included.
        timeout: Duration,
        /// The local address to come from.
        bind: Option<IpAddr>,
    },
    /// `tls:HOST:PORT`: TCP with TLS on it.
    Tls {
        /// The peer; unless `tls` has another name, its certificate must be for this host.
        host: Host,
        /// The peer's port, not 0.
        port: u16,
        /// How long connecting may take, resolving the name and the TLS handshake included.
        timeout: Duration,
        /// The local address to come from.
        bind: Option<IpAddr>,
        /// Whom the client trusts, and what it shows.
        tls: TlsClientOptions<PathBuf>,
    },
    /// `unix:PATH`.
    Unix {
        /// Where the peer's socket is in the file system.
        path: PathBuf,
        /// How long connecting may take.
        timeout: Duration,
    },
    /// `udp:HOST:PORT`: the peer that datagrams go to.
    Udp {
        /// The peer.
        host: Host,
        /// The peer's port, not 0.
        port: u16,
        /// The local address to come from.
        bind: Option<IpAddr>,
    },
}

/// What a TLS server shows and asks. `P` is where a piece comes from: a path in an endpoint, PEM
/// text in [`TlsServer::new`](crate::transport::tls::TlsServer::new).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsServerOptions<P> {
    /// The server's certificate, followed by those between it and the root.
    pub certificate: P,
    /// The private key of the certificate; in an endpoint the same file, unless `key` names one.
    pub key: P,
    /// If there, clients must show a certificate that one of these authorities has signed.
    pub client_ca: Option<P>,
    /// The application protocols spoken (ALPN), the preferred one first; none: whatever clients ask.
    pub alpn: Vec<String>,
}

/// Whom a TLS client trusts and what it shows. `P` is where a piece comes from: a path in an
/// endpoint, PEM text in [`TlsClient::new`](crate::transport::tls::TlsClient::new).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsClientOptions<P> {
    /// Who may have signed the server's certificate.
    pub trust: Trust<P>,
    /// The client's own certificate and key, for servers that ask for one.
    pub identity: Option<Identity<P>>,
    /// The name that is asked for and that the certificate must be for, instead of the host's.
    pub name: Option<Host>,
    /// The application protocols offered (ALPN), the preferred one first.
    pub alpn: Vec<String>,
}

impl<P> Default for TlsClientOptions<P> {
    fn default() -> Self {
        Self { trust: Trust::System, identity: None, name: None, alpn: Vec::new() }
    }
}

/// A certificate with the private key that proves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity<P> {
    /// The certificate, followed by those between it and the root.
    pub certificate: P,
    /// Its private key.
    pub key: P,
}

/// Who may have signed a server's certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trust<P> {
    /// The authorities that the operating system trusts.
    System,
    /// These authorities and no other.
    Only(P),
    /// `verify=no`: **anyone**. The connection is encrypted, and whoever sits in the middle can read
    /// and change all of it. For experiments, never for a network that others share.
    Anyone,
}
