//! Who an address reaches: listeners and sockets on one simulated host that owns every address.
//!
//! The rule: as on Linux. An exact address goes before a wildcard, `[::]` also takes IPv4, a port
//! that is taken by a wildcard is taken for all, `SO_REUSEPORT` shares it.

use super::digest::Digest;
use crate::address::Address;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// The ports that are given to who asks for none.
const EPHEMERAL: std::ops::RangeInclusive<u16> = 32768..=60999;

/// How well an address that somebody is bound to serves a destination; the greatest one gets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    /// `[::]` for an IPv4 destination.
    OtherFamily,
    /// `0.0.0.0` or `[::]`.
    Wildcard,
    Exact,
}

/// Whether somebody bound to `bound` gets what is sent to `destination`.
pub(super) fn fit(bound: &Address, destination: &Address) -> Option<Fit> {
    let (Address::Internet(bound), Address::Internet(destination)) = (bound, destination) else {
        return (bound == destination && *bound != Address::Unix(None)).then_some(Fit::Exact);
    };
    if bound.port() != destination.port() {
        return None;
    }
    let (owner, host) = (bound.ip(), destination.ip().to_canonical());
    if owner.to_canonical() == host {
        Some(Fit::Exact)
    } else if !owner.is_unspecified() {
        None
    } else if owner.is_ipv4() == host.is_ipv4() {
        Some(Fit::Wildcard)
    } else {
        owner.is_ipv6().then_some(Fit::OtherFamily)
    }
}

/// Whether two sockets of one kind can't have these addresses at the same time.
pub(super) fn clash(one: &Address, other: &Address) -> bool {
    fit(one, other).is_some() || fit(other, one).is_some()
}

/// Whether `end`, the address of an end of a connection, is meant by `selected`.
pub(super) fn is_meant(selected: &Address, end: &Address) -> bool {
    selected == end || fit(selected, end).is_some()
}

/// The address that a packet to `destination` comes from if nobody says otherwise: the host owns
/// every address, so it is the destination's.
pub(super) fn source_for(destination: SocketAddr) -> IpAddr {
    reachable(destination).ip()
}

/// Who dials the unspecified address means the loopback.
pub(super) fn reachable(destination: SocketAddr) -> SocketAddr {
    let ip = match destination.ip().to_canonical() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
        IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::LOCALHOST),
    };
    SocketAddr::new(ip, destination.port())
}

/// How `address` looks to a socket bound to `bound`: IPv4 peers of an IPv6 socket appear mapped.
pub(super) fn as_seen_from(bound: &Address, address: &Address) -> Address {
    match (bound.ip(), address) {
        (Some(IpAddr::V6(_)), Address::Internet(SocketAddr::V4(peer))) => {
            Address::Internet(SocketAddr::new(IpAddr::V6(peer.ip().to_ipv6_mapped()), peer.port()))
        }
        _ => address.clone(),
    }
}

/// Gives out ports, one after the other.
#[derive(Debug)]
pub(super) struct Ports {
    next: Cell<u16>,
}

impl Default for Ports {
    fn default() -> Self {
        Self { next: Cell::new(*EPHEMERAL.start()) }
    }
}

impl Ports {
    /// `wanted` itself, or, where its port is 0, with one that is free.
    ///
    /// # Errors
    /// `AddrInUse`, or `AddrNotAvailable` when no port is free.
    pub(super) fn choose(
        &self,
        wanted: SocketAddr,
        taken: impl Fn(SocketAddr) -> bool,
    ) -> io::Result<SocketAddr> {
        if wanted.port() != 0 {
            return if taken(wanted) { Err(ErrorKind::AddrInUse.into()) } else { Ok(wanted) };
        }
        for _ in EPHEMERAL {
            let port = self.next.get();
            self.next.set(if port == *EPHEMERAL.end() { *EPHEMERAL.start() } else { port + 1 });
            let candidate = SocketAddr::new(wanted.ip(), port);
            if !taken(candidate) {
                return Ok(candidate);
            }
        }
        Err(ErrorKind::AddrNotAvailable.into())
    }
}

/// The names of the simulated world.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<String, Vec<IpAddr>>);

impl Names {
    /// From now on `host` has these addresses; none means that it is unknown.
    pub(super) fn set(&mut self, host: &str, addresses: Vec<IpAddr>) {
        self.0.insert(host.to_ascii_lowercase(), addresses);
    }

    pub(super) fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let host = host.to_ascii_lowercase();
        if let Ok(address) = host.parse() {
            return Ok(vec![address]);
        }
        match self.0.get(&host) {
            Some(addresses) if addresses.is_empty() => {
                Err(io::Error::new(ErrorKind::NotFound, format!("the simulation knows no host {host:?}")))
            }
            Some(addresses) => Ok(addresses.clone()),
            None if host == "localhost" => Ok(vec![Ipv4Addr::LOCALHOST.into()]),
            None => Ok(vec![made_up(&host)]),
        }
    }
}

/// Somewhere in 10.0.0.0/8, always the same for the same name.
fn made_up(host: &str) -> IpAddr {
    let [a, b, c, ..] = Digest::of_text(&host).to_le_bytes();
    // Neither .0 nor .255, which would look like a network's own addresses.
    Ipv4Addr::new(10, a, b, 1 + c % 254).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn internet(address: &str) -> Address {
        Address::Internet(address.parse().unwrap())
    }

    #[test]
    fn who_gets_a_connection() {
        let cases = [
            ("127.0.0.1:80", "127.0.0.1:80", Some(Fit::Exact)),
            ("127.0.0.1:80", "127.0.0.1:81", None),
            ("127.0.0.1:80", "127.0.0.2:80", None),
            ("0.0.0.0:80", "10.1.2.3:80", Some(Fit::Wildcard)),
            ("0.0.0.0:80", "[::1]:80", None),
            ("0.0.0.0:80", "[::ffff:10.1.2.3]:80", Some(Fit::Wildcard)),
            ("[::]:80", "[::1]:80", Some(Fit::Wildcard)),
            ("[::]:80", "10.1.2.3:80", Some(Fit::OtherFamily)),
            ("[::ffff:10.1.2.3]:80", "10.1.2.3:80", Some(Fit::Exact)),
        ];
        for (bound, destination, expected) in cases {
            assert_eq!(fit(&internet(bound), &internet(destination)), expected, "{bound} for {destination}");
        }
        assert_eq!(fit(&Address::unix("/a"), &Address::unix("/a")), Some(Fit::Exact));
        assert_eq!(fit(&Address::unix("/a"), &Address::unix("/b")), None);
        assert_eq!(fit(&Address::Unix(None), &Address::Unix(None)), None, "unnamed sockets are strangers");
        assert!(Fit::Exact > Fit::Wildcard && Fit::Wildcard > Fit::OtherFamily);
    }

    #[test]
    fn a_wildcard_clashes_with_every_address_of_its_port() {
        assert!(clash(&internet("0.0.0.0:80"), &internet("10.0.0.1:80")));
        assert!(clash(&internet("10.0.0.1:80"), &internet("[::]:80")));
        assert!(!clash(&internet("10.0.0.1:80"), &internet("10.0.0.2:80")));
        assert!(!clash(&internet("0.0.0.0:80"), &internet("[::1]:80")));
    }

    #[test]
    fn ports_go_round_and_skip_what_is_taken() {
        let ports = Ports::default();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        assert_eq!(ports.choose(any, |_| false).unwrap().port(), 32768);
        assert_eq!(ports.choose(any, |address| address.port() < 40000).unwrap().port(), 40000);
        assert_eq!(ports.choose(any, |address| address.port() > 32768).unwrap().port(), 32768, "round once");
        assert_eq!(ports.choose(any, |_| true).unwrap_err().kind(), ErrorKind::AddrNotAvailable);
        let wanted: SocketAddr = "127.0.0.1:80".parse().unwrap();
        assert_eq!(ports.choose(wanted, |_| false).unwrap(), wanted);
        assert_eq!(ports.choose(wanted, |_| true).unwrap_err().kind(), ErrorKind::AddrInUse);
    }

    #[test]
    fn names_are_stable_configured_or_unknown() {
        let mut names = Names::default();
        assert_eq!(names.resolve("localhost").unwrap(), ["127.0.0.1".parse::<IpAddr>().unwrap()]);
        assert_eq!(names.resolve("::1").unwrap(), ["::1".parse::<IpAddr>().unwrap()]);
        let made_up = names.resolve("Example.org").unwrap();
        assert_eq!(made_up, names.resolve("example.org").unwrap());
        assert_ne!(made_up, names.resolve("example.com").unwrap());
        assert!(made_up[0].to_string().starts_with("10."));
        names.set("EXAMPLE.org", vec![]);
        assert_eq!(names.resolve("example.org").unwrap_err().kind(), ErrorKind::NotFound);
        names.set("db", vec!["192.0.2.1".parse().unwrap(), "2001:db8::1".parse().unwrap()]);
        assert_eq!(names.resolve("db").unwrap().len(), 2);
    }
}
