//! Sockets as every engine with a kernel opens them: non-blocking, close-on-exec, without delay.
//!
//! One rule: nothing here waits, and nothing here keeps state but [`SocketFile`], which removes a
//! local socket's path when it is dropped.

use super::{Adopted, ListenOptions};
use crate::address::Address;
use rustix::fs::{FileType, Mode};
use rustix::io::Errno;
use rustix::net::{self, SocketAddrAny, SocketAddrUnix, SocketType, sockopt};
use std::ffi::OsStr;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// A socket that was bound, and what goes with it.
pub(crate) struct Bound {
    pub(crate) descriptor: OwnedFd,
    /// With the real port.
    pub(crate) address: Address,
    /// The path of a local socket.
    pub(crate) file: Option<SocketFile>,
}

/// Open a listening stream socket.
pub(crate) fn listen(address: &Address, options: &ListenOptions) -> io::Result<Bound> {
    let bound = bind(address, options, SocketType::STREAM)?;
    // Accepted sockets inherit it, which saves a system call for each.
    set_no_delay(bound.descriptor.as_fd());
    net::listen(&bound.descriptor, options.backlog)?;
    Ok(bound)
}

/// How often a peer that does not answer is asked whether it is there.
const KEEP_ALIVE_QUESTIONS: u32 = 3;

/// Ask peers that have been silent for so long whether they are there. What a listener accepts inherits it.
pub(crate) fn keep_alive(descriptor: impl AsFd, idle: Option<Duration>) -> io::Result<()> {
    sockopt::set_socket_keepalive(&descriptor, idle.is_some())?;
    if let Some(idle) = idle {
        let second = Duration::from_secs(1);
        sockopt::set_tcp_keepidle(&descriptor, idle.max(second))?;
        sockopt::set_tcp_keepintvl(&descriptor, (idle / KEEP_ALIVE_QUESTIONS).max(second))?;
        sockopt::set_tcp_keepcnt(&descriptor, KEEP_ALIVE_QUESTIONS)?;
    }
    Ok(())
}

/// Open a datagram socket.
pub(crate) fn bind_datagram(address: &Address, options: &ListenOptions) -> io::Result<Bound> {
    bind(address, options, SocketType::DGRAM)
}

fn bind(address: &Address, options: &ListenOptions, kind: SocketType) -> io::Result<Bound> {
    let to = kernel_address(address)?;
    let descriptor = open(&to, kind)?;
    if let Address::Internet(address) = address {
        // A datagram socket with SO_REUSEADDR would take over a port that is in use.
        sockopt::set_socket_reuseaddr(&descriptor, kind == SocketType::STREAM)?;
        if options.reuse_port {
            sockopt::set_socket_reuseport(&descriptor, true)?;
        }
        if let IpAddr::V6(ip) = address.ip() {
            sockopt::set_ipv6_v6only(&descriptor, options.ipv6_only || !ip.is_unspecified())?;
        }
    }
    let file = match address {
        Address::Unix(Some(path)) => Some(bind_path(&descriptor, &to, path, kind, options)?),
        _ => {
            net::bind(&descriptor, &to)?;
            None
        }
    };
    let address = local_address(descriptor.as_fd())?;
    Ok(Bound { descriptor, address, file })
}

/// Bind a local socket to its path, replacing one whose server is dead.
fn bind_path(
    descriptor: &OwnedFd,
    to: &SocketAddrAny,
    path: &Arc<Path>,
    kind: SocketType,
    options: &ListenOptions,
) -> io::Result<SocketFile> {
    match net::bind(descriptor, to) {
        Err(Errno::ADDRINUSE) if is_dead(to, path, kind) => {
            rustix::fs::unlink(&**path)?;
            net::bind(descriptor, to)?;
        }
        outcome => outcome?,
    }
    let file = SocketFile::of(path)?;
    if let Some(mode) = options.mode {
        // Nobody can have connected yet: it does not listen.
        rustix::fs::chmod(&**path, Mode::from_raw_mode(mode))?;
    }
    Ok(file)
}

/// Whether `path` is a socket at which nobody answers.
fn is_dead(address: &SocketAddrAny, path: &Path, kind: SocketType) -> bool {
    // A file of another kind refuses connections as well.
    let is_socket = rustix::fs::lstat(path)
        .is_ok_and(|status| FileType::from_raw_mode(status.st_mode) == FileType::Socket);
    is_socket
        && open(address, kind).is_ok_and(|probe| net::connect(probe, address) == Err(Errno::CONNREFUSED))
}

/// The path that a local socket is bound to. Dropping it removes the path, unless something else
/// is there by now.
pub(crate) struct SocketFile {
    /// `None` once it is to stay.
    path: Option<Arc<Path>>,
    /// Device and inode. The number is not used again while the socket is open, so drop this first.
    identity: (u64, u64),
}

impl SocketFile {
    fn of(path: &Arc<Path>) -> io::Result<Self> {
        Ok(Self { path: Some(path.clone()), identity: identity(path)? })
    }

    /// Leave the path where it is: the socket goes on elsewhere.
    pub(crate) fn keep(mut self) {
        self.path = None;
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        if let Some(path) = &self.path
            && identity(path).is_ok_and(|identity| identity == self.identity)
        {
            // Whoever removed it in between has done our work.
            let _ = rustix::fs::unlink(&**path);
        }
    }
}

fn identity(path: &Path) -> io::Result<(u64, u64)> {
    let status = rustix::fs::lstat(path)?;
    Ok((status.st_dev as u64, status.st_ino as u64))
}

/// A socket that has begun to connect, from `source` if one is given; with it the reason where the
/// attempt has failed already.
///
/// # Errors
/// That no attempt could begin: no descriptor is left, or the source is not an address of ours.
pub(crate) fn connect(address: &Address, source: Option<SocketAddr>) -> io::Result<(OwnedFd, Option<Errno>)> {
    let to = kernel_address(address)?;
    let descriptor = open(&to, SocketType::STREAM)?;
    match (address, source) {
        (Address::Internet(_), Some(source)) => net::bind(&descriptor, &source)?,
        (Address::Unix(_), Some(_)) => {
            return Err(invalid("a local socket cannot be connected from an internet address"));
        }
        (_, None) => {}
    }
    set_no_delay(descriptor.as_fd());
    let failure = match net::connect(&descriptor, &to) {
        // Interrupted, it goes on in the background as well.
        Ok(()) | Err(Errno::INPROGRESS | Errno::INTR) => None,
        // A local listener whose backlog is full. It is decided: nothing will report that it has room.
        Err(Errno::AGAIN) => Some(Errno::CONNREFUSED),
        Err(failure) => Some(failure),
    };
    Ok((descriptor, failure))
}

/// How an attempt to connect has ended; `AGAIN` while it has not.
pub(crate) fn outcome(socket: BorrowedFd<'_>) -> Result<(), Errno> {
    sockopt::socket_error(socket)??;
    // Without an error it is connected or still undecided, and only its peer's name tells which.
    match net::getpeername(socket) {
        Ok(_) => Ok(()),
        Err(Errno::NOTCONN) => Err(Errno::AGAIN),
        Err(error) => Err(error),
    }
}

/// Take one connection, ready for use, and its peer's address.
pub(crate) fn accept(listener: BorrowedFd<'_>) -> Result<(OwnedFd, Address), Errno> {
    loop {
        match kernel_accept(listener) {
            Err(Errno::INTR) => {}
            outcome => {
                let (descriptor, peer) = outcome?;
                return Ok((descriptor, known_address(peer)));
            }
        }
    }
}

/// Make a descriptor from elsewhere like one of ours.
pub(crate) fn prepare(descriptor: BorrowedFd<'_>, what: Adopted) -> io::Result<()> {
    make_ready(descriptor)?;
    if what != Adopted::Datagram {
        set_no_delay(descriptor);
    }
    Ok(())
}

/// Have the coming close reset the connection, where it has a reset.
pub(crate) fn reset_on_close(socket: BorrowedFd<'_>) {
    // It fails where the connection is gone already.
    let _ = sockopt::set_socket_linger(socket, Some(Duration::ZERO));
}

/// The local end's address.
pub(crate) fn local_address(socket: BorrowedFd<'_>) -> io::Result<Address> {
    Ok(known_address(Some(net::getsockname(socket)?)))
}

/// Our address from the kernel's; a nameless one where the family is none that we open.
pub(crate) fn known_address(address: Option<SocketAddrAny>) -> Address {
    let Some(address) = address else { return Address::Unix(None) };
    match SocketAddr::try_from(address.clone()) {
        Ok(address) => Address::Internet(address),
        Err(_) => Address::Unix(SocketAddrUnix::try_from(address).ok().and_then(|unix| {
            let path = unix.path_bytes()?;
            Some(Path::new(OsStr::from_bytes(path)).into())
        })),
    }
}

/// The kernel's address from ours.
///
/// # Errors
/// A local address without a path, or with one that is too long.
pub(crate) fn kernel_address(address: &Address) -> io::Result<SocketAddrAny> {
    match address {
        Address::Internet(address) => Ok((*address).into()),
        Address::Unix(Some(path)) => Ok(SocketAddrUnix::new(&**path)?.into()),
        Address::Unix(None) => Err(invalid("a local socket without a path has no address")),
    }
}

fn invalid(text: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

fn set_no_delay(socket: BorrowedFd<'_>) {
    // It fails on sockets that are not TCP, which have no delay.
    let _ = sockopt::set_tcp_nodelay(socket, true);
}

#[cfg(not(target_vendor = "apple"))]
fn open(address: &SocketAddrAny, kind: SocketType) -> io::Result<OwnedFd> {
    let flags = net::SocketFlags::NONBLOCK | net::SocketFlags::CLOEXEC;
    Ok(net::socket_with(address.address_family(), kind, flags, None)?)
}

#[cfg(not(target_vendor = "apple"))]
fn kernel_accept(listener: BorrowedFd<'_>) -> Result<(OwnedFd, Option<SocketAddrAny>), Errno> {
    net::acceptfrom_with(listener, net::SocketFlags::NONBLOCK | net::SocketFlags::CLOEXEC)
}

#[cfg(target_vendor = "apple")]
fn open(address: &SocketAddrAny, kind: SocketType) -> io::Result<OwnedFd> {
    let descriptor = net::socket(address.address_family(), kind, None)?;
    make_ready(descriptor.as_fd())?;
    Ok(descriptor)
}

#[cfg(target_vendor = "apple")]
fn kernel_accept(listener: BorrowedFd<'_>) -> Result<(OwnedFd, Option<SocketAddrAny>), Errno> {
    let (descriptor, peer) = net::acceptfrom(listener)?;
    make_ready(descriptor.as_fd())?;
    Ok((descriptor, peer))
}

/// Non-blocking, close-on-exec, and without SIGPIPE where that is a property of the socket.
fn make_ready(descriptor: BorrowedFd<'_>) -> Result<(), Errno> {
    rustix::io::ioctl_fionbio(descriptor, true)?;
    rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::CLOEXEC)?;
    #[cfg(target_vendor = "apple")]
    sockopt::set_socket_nosigpipe(descriptor, true)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, TcpStream};

    #[test]
    fn what_a_listener_accepts_is_kept_alive_as_it_says() {
        let anywhere = Address::Internet((Ipv4Addr::LOCALHOST, 0).into());
        let Bound { descriptor, address, .. } = listen(&anywhere, &ListenOptions::default()).unwrap();
        for (idle, expected) in [(Some(Duration::from_secs(300)), Some((300, 100))), (None, None)] {
            keep_alive(&descriptor, idle).unwrap();
            let _peer = TcpStream::connect(address.socket_address().unwrap()).unwrap();
            let (accepted, _) = accept(descriptor.as_fd()).unwrap();
            let asked = sockopt::socket_keepalive(&accepted).unwrap().then(|| {
                let idle = sockopt::tcp_keepidle(&accepted).unwrap();
                (idle.as_secs(), sockopt::tcp_keepintvl(&accepted).unwrap().as_secs())
            });
            assert_eq!(asked, expected);
        }
    }
}
