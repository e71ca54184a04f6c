//! systemd: sockets that it opened for us, and notices to it (sd_listen_fds(3), sd_notify(3)).

use crate::endpoint::SystemdSocket;
use crate::failure::{Failure, Result};
use crate::sys;
use std::io;
use std::os::fd::{OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::UnixDatagram;

/// The number of the first descriptor that is handed over.
const FIRST: RawFd = 3;

/// The socket that was handed over under this number or name.
pub(crate) fn passed_socket(which: &SystemdSocket) -> Result<OwnedFd> {
    let for_us = variable("LISTEN_PID").and_then(|pid| pid.parse().ok()) == Some(std::process::id());
    let count: usize =
        variable("LISTEN_FDS").filter(|_| for_us).and_then(|count| count.parse().ok()).unwrap_or(0);
    if count == 0 {
        return Err(Failure::other("no socket was handed over by systemd (LISTEN_FDS, LISTEN_PID)"));
    }
    let names = variable("LISTEN_FDNAMES").unwrap_or_default();
    let index = match which {
        SystemdSocket::Index(index) => Some(*index),
        SystemdSocket::Name(name) => names.split(':').position(|given| given == name),
    };
    let number = index.filter(|index| *index < count).and_then(|index| RawFd::try_from(index).ok());
    match number.and_then(|number| FIRST.checked_add(number)) {
        Some(number) => passed_descriptor(number),
        None => {
            Err(Failure::other(format!("systemd handed over {count} sockets ({names}), none is {which:?}")))
        }
    }
}

/// A descriptor that whoever started us left open under this number.
pub(crate) fn passed_descriptor(number: RawFd) -> Result<OwnedFd> {
    let taken = sys::descriptor::duplicate(number);
    taken.map_err(|error| {
        io::Error::new(error.kind(), format!("descriptor {number} is not open: {error}")).into()
    })
}

/// Tell systemd how the service is: `READY=1`, `STOPPING=1`, `STATUS=…`. Without systemd, nothing.
///
/// # Errors
/// If systemd asked to be told, and can't be.
pub fn notify(state: &str) -> io::Result<()> {
    let Some(path) = variable("NOTIFY_SOCKET") else { return Ok(()) };
    let socket = UnixDatagram::unbound()?;
    let address = match path.strip_prefix('@') {
        Some(name) => std::os::unix::net::SocketAddr::from_abstract_name(name)?,
        None => std::os::unix::net::SocketAddr::from_pathname(&path)?,
    };
    socket.send_to_addr(state.as_bytes(), &address).map(drop)
}

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
