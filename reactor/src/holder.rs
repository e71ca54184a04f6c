//! Who holds a listening socket: for the error when a port is in use (Linux, from /proc).
#![expect(clippy::disallowed_methods, reason = "reads /proc, once, to explain an error")]

use crate::address::Address;
use std::fs;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::path::Path;

/// The process that listens on the address, such as `redis-server (process 1234)`; `None` where it
/// can't be known, as with other users' processes.
pub(crate) fn of(address: &Address) -> Option<String> {
    let inode = match address {
        Address::Internet(address) => listening_inode(*address)?,
        Address::Unix(path) => unix_inode(path.as_deref()?)?,
    };
    let wanted = format!("socket:[{inode}]");
    let mut processes = fs::read_dir("/proc").ok()?.flatten().map(|process| process.path());
    processes.find(|process| is_numbered(process) && holds(process, &wanted)).map(|process| name(&process))
}

/// Beside the processes there are `self`, `thread-self` and much else.
fn is_numbered(process: &Path) -> bool {
    process.file_name().is_some_and(|name| name.as_encoded_bytes().iter().all(u8::is_ascii_digit))
}

fn holds(process: &Path, wanted: &str) -> bool {
    let Ok(descriptors) = fs::read_dir(process.join("fd")) else { return false };
    descriptors
        .flatten()
        .any(|link| fs::read_link(link.path()).is_ok_and(|target| target.as_os_str() == wanted))
}

fn name(process: &Path) -> String {
    let command = fs::read_to_string(process.join("comm")).unwrap_or_default();
    let number = process.file_name().unwrap_or_default().to_string_lossy();
    format!("{} (process {number})", command.trim())
}

/// The inode of the socket that listens where `address` wants to.
fn listening_inode(address: SocketAddr) -> Option<String> {
    ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().find_map(|table| {
        let table = fs::read_to_string(table).ok()?;
        table.lines().skip(1).find_map(|line| listener_in_the_way(line, address))
    })
}

/// A line of /proc/net/tcp: `sl local_address rem_address st … inode`; state 0A is LISTEN.
fn listener_in_the_way(line: &str, wanted: SocketAddr) -> Option<String> {
    const LISTEN: &str = "0A";
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let (local, state, inode) = (fields.get(1)?, fields.get(3)?, fields.get(9)?);
    let (host, port) = local.split_once(':')?;
    let clashes = *state == LISTEN
        && u16::from_str_radix(port, 16).ok()? == wanted.port()
        && overlap(kernel_address(host)?, wanted.ip());
    clashes.then(|| (*inode).to_owned())
}

fn overlap(one: IpAddr, other: IpAddr) -> bool {
    one.is_unspecified() || other.is_unspecified() || one.to_canonical() == other.to_canonical()
}

/// The kernel prints addresses as words of 32 bits in the machine's byte order.
fn kernel_address(text: &str) -> Option<IpAddr> {
    let words =
        text.as_bytes().chunks(8).map(|word| u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok());
    let words: Option<Vec<u32>> = words.collect();
    let bytes: Vec<u8> = words?.into_iter().flat_map(u32::to_ne_bytes).collect();
    match <[u8; 4]>::try_from(&bytes[..]) {
        Ok(four) => Some(IpAddr::from(four)),
        Err(_) => <[u8; 16]>::try_from(bytes).ok().map(|sixteen| Ipv6Addr::from(sixteen).into()),
    }
}

/// A line of /proc/net/unix: `Num RefCount Protocol Flags Type St Inode Path`.
fn unix_inode(path: &Path) -> Option<String> {
    let table = fs::read_to_string("/proc/net/unix").ok()?;
    table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_ascii_whitespace().collect();
        let (inode, bound) = (fields.get(6)?, fields.get(7)?);
        (Path::new(bound) == path).then(|| (*inode).to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_holder_of_a_port_is_found() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let holder = of(&address.into()).unwrap();
        assert!(holder.contains(&format!("process {}", std::process::id())), "{holder}");
    }

    #[test]
    fn a_free_port_has_no_holder() {
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        assert_eq!(of(&address.into()), None);
    }
}
