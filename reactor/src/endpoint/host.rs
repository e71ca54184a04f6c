//! Hosts: an address, or a name to resolve; brackets and zones of IPv6 included.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

/// A host: an address, or a name that has to be resolved.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Host {
    /// A numeric address.
    Address(IpAddr),
    /// A name, in ASCII; or an IPv6 address with a zone (`fe80::1%eth0`), which only the system's
    /// resolver can tell the number of.
    Name(String),
}

/// What a host may be, for errors.
pub(super) const HOST: &str = "a name, an IPv4 address or an IPv6 address in brackets";

/// Not a host; see [`Host`] for what is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected {HOST}")]
pub struct NotAHost;

/// The longest name that the domain name system can hold, in bytes.
const HOST_NAME_MAX: usize = 253;

impl FromStr for Host {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
        let host = inner.unwrap_or(text);
        if host.contains(':') {
            return ipv6_host(host).ok_or(NotAHost);
        }
        if let (Ok(address), None) = (host.parse(), inner) {
            return Ok(Self::Address(address));
        }
        let graphic = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        // The last label of a name is never a number: this is an IPv4 address gone wrong.
        let last = host.trim_end_matches('.').rsplit('.').next().unwrap_or_default();
        let name = inner.is_none()
            && (1..=HOST_NAME_MAX).contains(&host.len())
            && host.bytes().all(graphic)
            && !last.bytes().all(|byte| byte.is_ascii_digit());
        if name { Ok(Self::Name(host.to_owned())) } else { Err(NotAHost) }
    }
}

fn ipv6_host(text: &str) -> Option<Host> {
    match text.split_once('%') {
        None => text.parse().ok().map(|address| Host::Address(IpAddr::V6(address))),
        Some((address, zone)) => {
            let valid = address.parse::<Ipv6Addr>().is_ok()
                && (1..=15).contains(&zone.len())
                && zone.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'%' | b']' | b'/'));
            valid.then(|| Host::Name(text.to_owned()))
        }
    }
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        Self::Address(address)
    }
}

/// As the resolver takes it: without brackets.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(address) => address.fmt(f),
            Self::Name(name) => f.write_str(name),
        }
    }
}

/// A host as an endpoint has it: in brackets where it has colons.
pub(super) struct InEndpoint<'a>(pub(super) &'a Host);

impl fmt::Display for InEndpoint<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.to_string() {
            host if host.contains(':') => write!(f, "[{host}]"),
            host => f.write_str(&host),
        }
    }
}
