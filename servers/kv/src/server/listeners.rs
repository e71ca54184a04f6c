//! Where the server listens: what `bind`, `port`, `tls-port` and `unixsocket` say. The one rule: an old
//! listener is closed when its successor listens, so that a change that fails changes nothing.
//!
//! Connections to `tls-port` come like any others and speak TLS from their first byte on, with the certificate
//! that is loaded then: so it can be renewed while the listeners stay.

use super::Server;
use super::entry::Door;
use crate::config::{Addresses, Config, TlsAuthClients};
use ropewalk_reactor::endpoint::{ListenEndpoint, TlsServerOptions};
use ropewalk_reactor::engine::ListenOptions;
use ropewalk_reactor::transport::tls::{Pem, TlsServer};
use ropewalk_reactor::{Address, Failure, Listener};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

/// The listeners of each kind, by their endpoints.
#[derive(Debug, Default)]
pub(crate) struct Listeners {
    plain: Vec<(ListenEndpoint, Listener)>,
    tls: Vec<(ListenEndpoint, Listener)>,
    unix: Vec<(ListenEndpoint, Listener)>,
    /// What connections to `tls-port` speak.
    pub(super) certificates: Option<TlsServer>,
}

/// Which listeners.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Those at `port`.
    Plain,
    /// Those at `tls-port`.
    Tls,
    /// The one at `unixsocket`.
    Unix,
}

impl Listeners {
    /// Where they listen.
    pub(crate) fn addresses(&self) -> impl Iterator<Item = &Address> {
        let all = self.plain.iter().chain(&self.tls).chain(&self.unix);
        all.map(|(_, listener)| listener.address())
    }

    fn of(&mut self, kind: Kind) -> &mut Vec<(ListenEndpoint, Listener)> {
        match kind {
            Kind::Plain => &mut self.plain,
            Kind::Tls => &mut self.tls,
            Kind::Unix => &mut self.unix,
        }
    }

    /// Stop those that the system would not let these listen beside: one has all addresses, the other one of
    /// them. Returns whether there are any.
    pub(crate) fn make_way(&mut self, config: &Config) -> bool {
        let mut any = false;
        for kind in [Kind::Plain, Kind::Tls] {
            let wanted: Vec<ListenEndpoint> =
                places(config, kind).into_iter().flatten().map(|place| place.endpoint).collect();
            let listeners = self.of(kind);
            let kept = std::mem::take(listeners).into_iter().filter_map(|(endpoint, listener)| {
                if wanted.contains(&endpoint) || !wanted.iter().any(|wanted| clash(wanted, &endpoint)) {
                    return Some((endpoint, listener));
                }
                listener.stop();
                any = true;
                None
            });
            *listeners = kept.collect();
        }
        any
    }
}

fn clash(one: &ListenEndpoint, other: &ListenEndpoint) -> bool {
    match (one, other) {
        (ListenEndpoint::Tcp { address: one, .. }, ListenEndpoint::Tcp { address: other, .. }) => {
            let all = one.ip().is_unspecified() || other.ip().is_unspecified();
            all && one.port() == other.port() && one.is_ipv4() == other.is_ipv4()
        }
        _ => false,
    }
}

/// A place to listen at; one that is optional need not be there.
struct Place {
    endpoint: ListenEndpoint,
    optional: bool,
}

impl Server {
    /// Listen wherever the configuration says.
    ///
    /// # Errors
    /// If that is impossible: where, and why.
    pub(crate) fn listen_everywhere(&mut self) -> Result<(), String> {
        if self.config.tls_port != 0 {
            self.load_certificates()?;
        }
        for kind in [Kind::Plain, Kind::Tls, Kind::Unix] {
            self.listen_again(kind)?;
        }
        match self.listeners.addresses().next() {
            Some(_) => Ok(()),
            None => Err("Configured to not listen anywhere, exiting.".to_owned()),
        }
    }

    /// Listen where the configuration says now, and no more where it said before.
    ///
    /// # Errors
    /// If that is impossible: where, and why. Then all is as before.
    pub(crate) fn listen_again(&mut self, kind: Kind) -> Result<(), String> {
        let places = places(&self.config, kind)?;
        let mut opened = Vec::new();
        for Place { endpoint, optional } in &places {
            if self.listeners.of(kind).iter().any(|(known, _)| known == endpoint) {
                continue;
            }
            let Some(server) = self.me.upgrade() else { continue };
            match self.reactor.listen(&endpoint.to_string(), Door::new(server, kind == Kind::Tls)) {
                Ok(listener) => opened.push((endpoint.clone(), listener)),
                Err(failure) if *optional && is_absent(&failure) => {
                    tracing::info!("not listening on {endpoint}: {failure}");
                }
                Err(failure) => {
                    opened.into_iter().for_each(|(_, listener)| listener.stop());
                    return Err(format!("Could not create server listening socket {endpoint}: {failure}"));
                }
            }
        }
        let listeners = self.listeners.of(kind);
        let (kept, left): (Vec<_>, Vec<_>) = std::mem::take(listeners)
            .into_iter()
            .partition(|(known, _)| places.iter().any(|place| place.endpoint == *known));
        *listeners = kept;
        listeners.extend(opened);
        left.into_iter().for_each(|(_, listener)| listener.stop());
        self.keep_peers_alive();
        Ok(())
    }

    /// Have the system ask peers whether they are there, as `tcp-keepalive` says: those who connect from here on.
    pub(crate) fn keep_peers_alive(&self) {
        let idle = Some(self.config.tcp_keepalive).filter(|seconds| *seconds > 0);
        let idle = idle.map(|seconds| Duration::from_secs(seconds.into()));
        let Listeners { plain, tls, .. } = &self.listeners;
        for (endpoint, listener) in plain.iter().chain(tls) {
            if let Err(error) = listener.keep_alive(idle) {
                tracing::warn!("can't set the keep-alive time of {endpoint}: {error}");
            }
        }
    }

    /// Read the certificates: connections to `tls-port` see them from here on.
    ///
    /// # Errors
    /// If they can't be read, or do not fit: then those that were there stay.
    pub(crate) fn load_certificates(&mut self) -> Result<(), String> {
        let config = &self.config;
        let mut read = |path: &[u8]| {
            let shown = String::from_utf8_lossy(path).into_owned();
            match self.host.read(path) {
                Ok(text) => Ok(Pem::new(shown, text)),
                Err(error) => Err(format!("can't read {shown}: {error}")),
            }
        };
        if config.tls_cert_file.is_empty() {
            return Err("No tls-cert-file configured!".to_owned());
        }
        let key = if config.tls_key_file.is_empty() { &config.tls_cert_file } else { &config.tls_key_file };
        let client_ca = match config.tls_auth_clients {
            TlsAuthClients::No => None,
            _ if config.tls_ca_cert_file.is_empty() => {
                return Err("tls-ca-cert-file must be specified when tls-auth-clients is enabled!".to_owned());
            }
            // What is optional for Redis is refused before it comes here.
            TlsAuthClients::Yes | TlsAuthClients::Optional => Some(read(&config.tls_ca_cert_file)?),
        };
        let options = TlsServerOptions {
            certificate: read(&config.tls_cert_file)?,
            key: read(key)?,
            client_ca,
            alpn: Vec::new(),
        };
        let certificates = TlsServer::new(&options).map_err(|error| error.to_string())?;
        self.listeners.certificates = Some(certificates);
        Ok(())
    }
}

/// Whether the machine has no such address, or knows no such kind, which systems say in many ways.
fn is_absent(failure: &Failure) -> bool {
    let Failure::Io(error) = failure else { return false };
    !matches!(error.kind(), ErrorKind::AddrInUse | ErrorKind::PermissionDenied)
}

fn places(config: &Config, kind: Kind) -> Result<Vec<Place>, String> {
    let backlog = i32::try_from(config.tcp_backlog).unwrap_or(i32::MAX);
    let options = ListenOptions { backlog, ..ListenOptions::default() };
    let port = match kind {
        Kind::Plain => config.port,
        Kind::Tls => config.tls_port,
        Kind::Unix => return Ok(unix_place(config, options)),
    };
    if port == 0 {
        return Ok(Vec::new());
    }
    let place = |(ip, optional): (IpAddr, bool)| {
        // As for Redis, all addresses of one family are none of the other.
        let ipv6_only = ip == Ipv6Addr::UNSPECIFIED;
        let options = ListenOptions { ipv6_only, ..options.clone() };
        let endpoint = ListenEndpoint::Tcp { address: SocketAddr::new(ip, port), options };
        Place { endpoint, optional }
    };
    Ok(interfaces(&config.bind)?.into_iter().map(place).collect())
}

fn unix_place(config: &Config, options: ListenOptions) -> Vec<Place> {
    if config.unixsocket.is_empty() {
        return Vec::new();
    }
    let mode = Some(config.unixsocketperm).filter(|mode| *mode != 0);
    let path = OsStr::from_bytes(&config.unixsocket).into();
    let endpoint = ListenEndpoint::Unix { path, options: ListenOptions { mode, ..options } };
    vec![Place { endpoint, optional: false }]
}

/// The addresses of the interfaces, and whether each may be missing.
fn interfaces(bind: &Addresses) -> Result<Vec<(IpAddr, bool)>, String> {
    let mut found: Vec<(IpAddr, bool)> = Vec::new();
    for word in &bind.0 {
        let (optional, name) = match word.strip_prefix(b"-") {
            Some(name) => (true, name),
            None => (false, word.as_slice()),
        };
        let ip = match name {
            b"*" => Some(IpAddr::from(Ipv4Addr::UNSPECIFIED)),
            b"::*" => Some(IpAddr::from(Ipv6Addr::UNSPECIFIED)),
            b"localhost" => Some(IpAddr::from(Ipv4Addr::LOCALHOST)),
            name => str::from_utf8(name).ok().and_then(|name| name.parse().ok()),
        };
        let shown = String::from_utf8_lossy(word);
        found.push((ip.ok_or_else(|| format!("{shown}: this is no address"))?, optional));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;

    fn endpoints(config: &Config, kind: Kind) -> Vec<String> {
        let mark = |place: &Place| if place.optional { "-" } else { "" };
        let places = places(config, kind).unwrap();
        places.iter().map(|place| format!("{}{}", mark(place), place.endpoint)).collect()
    }

    fn bound_to(words: &str) -> Config {
        let words = words.split_whitespace().map(|word| word.as_bytes().to_vec()).collect();
        Config { bind: Addresses(words), port: 7, ..Config::default() }
    }

    #[test]
    fn addresses_become_endpoints() {
        for (words, expected) in [
            ("* -::*", &["tcp:7:backlog=511", "-tcp:7:interface=[::]:backlog=511:ipv6only=yes"][..]),
            ("*", &["tcp:7:backlog=511"]),
            (
                "127.0.0.1 -::1",
                &["tcp:7:interface=127.0.0.1:backlog=511", "-tcp:7:interface=[::1]:backlog=511"],
            ),
            ("localhost", &["tcp:7:interface=127.0.0.1:backlog=511"]),
            ("", &[]),
        ] {
            assert_eq!(endpoints(&bound_to(words), Kind::Plain), expected, "{words}");
        }
        assert!(places(&bound_to("nowhere.example"), Kind::Plain).is_err());
        assert!(endpoints(&Config { port: 0, ..Config::default() }, Kind::Plain).is_empty());
    }

    #[test]
    fn a_unix_socket_has_its_mode() {
        let config = Config { unixsocket: b"/tmp/a:b".to_vec(), unixsocketperm: 0o700, ..Config::default() };
        assert_eq!(endpoints(&config, Kind::Unix), [r"unix:/tmp/a\:b:mode=700:backlog=511"]);
        assert!(endpoints(&Config::default(), Kind::Unix).is_empty());
    }

    #[test]
    fn all_addresses_and_one_of_them_clash() {
        let endpoint = |text: &str| text.parse().unwrap();
        let all: ListenEndpoint = endpoint("tcp:7");
        assert!(clash(&all, &endpoint("tcp:7:interface=127.0.0.1")));
        assert!(clash(&endpoint("tcp:7:interface=[::1]"), &endpoint("tcp:7:interface=[::]:ipv6only=yes")));
        assert!(!clash(&all, &endpoint("tcp:7:interface=[::]:ipv6only=yes")));
        assert!(!clash(&all, &endpoint("tcp:8:interface=127.0.0.1")));
        assert!(!clash(&endpoint("tcp:7:interface=127.0.0.2"), &endpoint("tcp:7:interface=127.0.0.1")));
    }
}
