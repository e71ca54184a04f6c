//! Printing endpoints: the shortest form that reads as the same endpoint.

use super::grammar::Escaped;
use super::host::InEndpoint;
use super::*;
use std::fmt;
use std::net::Ipv4Addr;
use std::path::Path;

/// Prints `:name=value` for each option that isn't what it would be anyway.
struct Options<'a, 'f>(&'a mut fmt::Formatter<'f>);

impl Options<'_, '_> {
    fn option(&mut self, name: &str, value: Option<impl fmt::Display>) -> Result<&mut Self, fmt::Error> {
        if let Some(value) = value {
            write!(self.0, ":{name}={}", Escaped(value))?;
        }
        Ok(self)
    }

    fn address(&mut self, name: &str, address: Option<IpAddr>) -> Result<&mut Self, fmt::Error> {
        if let Some(address) = address {
            write!(self.0, ":{name}={}", InEndpoint(&address.into()))?;
        }
        Ok(self)
    }

    fn listening(&mut self, interface: Option<IpAddr>, options: &ListenOptions) -> fmt::Result {
        let default = ListenOptions::default();
        self.address("interface", interface.filter(|address| *address != Ipv4Addr::UNSPECIFIED))?
            .option("mode", options.mode.map(|mode| format!("{mode:o}")))?
            .option("backlog", Some(options.backlog).filter(|backlog| *backlog != default.backlog))?
            .option("reuseport", options.reuse_port.then_some("yes"))?
            .option("ipv6only", options.ipv6_only.then_some("yes"))?;
        Ok(())
    }

    fn server(&mut self, tls: &TlsServerOptions<PathBuf>) -> fmt::Result {
        self.identity(&tls.certificate, &tls.key)?
            .option("ca", tls.client_ca.as_ref().map(|path| path.display()))?
            .option("alpn", Some(tls.alpn.join(",")).filter(|list| !list.is_empty()))?;
        Ok(())
    }

    fn client(&mut self, tls: &TlsClientOptions<PathBuf>) -> fmt::Result {
        match &tls.trust {
            Trust::System => {}
            Trust::Only(authorities) => _ = self.option("ca", Some(authorities.display()))?,
            Trust::Anyone => _ = self.option("verify", Some("no"))?,
        }
        if let Some(Identity { certificate, key }) = &tls.identity {
            self.identity(certificate, key)?;
        }
        if let Some(name) = &tls.name {
            write!(self.0, ":name={}", InEndpoint(name))?;
        }
        self.option("alpn", Some(tls.alpn.join(",")).filter(|list| !list.is_empty()))?;
        Ok(())
    }

    fn identity(&mut self, certificate: &Path, key: &Path) -> Result<&mut Self, fmt::Error> {
        self.option("cert", Some(certificate.display()))?
            .option("key", Some(key.display()).filter(|_| key != certificate))
    }

    fn timeout(&mut self, timeout: Duration) -> fmt::Result {
        if timeout == CONNECT_TIMEOUT {
            return Ok(());
        }
        write!(self.0, ":timeout={}", timeout.as_secs())?;
        let fraction = format!("{:09}", timeout.subsec_nanos());
        match fraction.trim_end_matches('0') {
            "" => Ok(()),
            digits => write!(self.0, ".{digits}"),
        }
    }
}

/// The shortest form that reads as the same endpoint.
impl fmt::Display for ListenEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { address, options } => {
                write!(f, "tcp:{}", address.port())?;
                Options(f).listening(Some(address.ip()), options)
            }
            Self::Tls { address, options, tls } => {
                write!(f, "tls:{}", address.port())?;
                Options(f).server(tls)?;
                Options(f).listening(Some(address.ip()), options)
            }
            Self::Unix { path, options } => {
                write!(f, "unix:{}", Escaped(path.display()))?;
                Options(f).listening(None, options)
            }
            Self::Udp { address, options } => {
                write!(f, "udp:{}", address.port())?;
                Options(f).listening(Some(address.ip()), options)
            }
            Self::UnixDatagram { path, options } => {
                write!(f, "unixgram:{}", Escaped(path.display()))?;
                Options(f).listening(None, options)
            }
            Self::Systemd(SystemdSocket::Index(index)) => write!(f, "systemd:{index}"),
            Self::Systemd(SystemdSocket::Name(name)) => write!(f, "systemd:{}", Escaped(name)),
            Self::Descriptor(number) => write!(f, "fd:{number}"),
        }
    }
}

/// The shortest form that reads as the same endpoint.
impl fmt::Display for ConnectEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port, timeout, bind } => {
                write!(f, "tcp:{}:{port}", InEndpoint(host))?;
                Options(f).address("bind", *bind)?.timeout(*timeout)
            }
            Self::Tls { host, port, timeout, bind, tls } => {
                write!(f, "tls:{}:{port}", InEndpoint(host))?;
                Options(f).client(tls)?;
                Options(f).address("bind", *bind)?.timeout(*timeout)
            }
            Self::Unix { path, timeout } => {
                write!(f, "unix:{}", Escaped(path.display()))?;
                Options(f).timeout(*timeout)
            }
            Self::Udp { host, port, bind } => {
                write!(f, "udp:{}:{port}", InEndpoint(host))?;
                Options(f).address("bind", *bind).map(drop)
            }
        }
    }
}
