//! Reading endpoints: the table of forms, and what each field may hold.

use super::grammar::{EndpointError, Fields, Form};
use super::host::HOST;
use super::*;
use std::net::Ipv4Addr;
use std::str::FromStr;

const BACKLOG: &str = "a number from 1 to 2147483647";
const CONNECT_PORT: &str = "a number from 1 to 65535";
const LISTEN_PORT: &str =
    "a number from 0 to 65535 (to listen on one address only, add interface=ADDRESS after the port)";
const ADDRESS: &str = "an address, such as 127.0.0.1 or [::1]";
const MODE: &str = "a file mode in octal up to 777, such as 660";
const SECONDS: &str = "a number of seconds above 0 and up to a year, such as 5 or 0.25";
const SWITCH: &str = "yes or no";
const DESCRIPTOR: &str = "the number of an open descriptor, such as 3";
const ALPN: &str = "names of up to 255 bytes with commas between them, such as h2,http/1.1";
const FILE: &str = "the path of a file";
const SYSTEMD: &str = "a number from 0, or a name";

/// A year: longer is a slip of the keyboard, and overflows clocks.
pub(super) const TIMEOUT_MAX: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// The longest path that fits a local socket's address, in bytes.
pub(super) const SOCKET_PATH_MAX: usize = if cfg!(target_os = "linux") { 107 } else { 103 };
const SOCKET_PATH: &str = if cfg!(target_os = "linux") {
    "the path of a socket, of at most 107 bytes"
} else {
    "the path of a socket, of at most 103 bytes"
};

static LISTEN: &[Form] = &[
    Form {
        kind: "tcp",
        parts: &["port"],
        options: &["interface", "backlog", "reuseport", "ipv6only"],
        usage: "tcp:PORT",
    },
    Form {
        kind: "tls",
        parts: &["port"],
        options: &["cert", "key", "ca", "alpn", "interface", "backlog", "reuseport", "ipv6only"],
        usage: "tls:PORT:cert=FILE:key=FILE",
    },
    Form { kind: "unix", parts: &["path"], options: &["mode", "backlog"], usage: "unix:PATH" },
    Form { kind: "udp", parts: &["port"], options: &["interface", "reuseport"], usage: "udp:PORT" },
    Form { kind: "unixgram", parts: &["path"], options: &["mode"], usage: "unixgram:PATH" },
    Form { kind: "systemd", parts: &["socket"], options: &[], usage: "systemd:N or systemd:NAME" },
    Form { kind: "fd", parts: &["descriptor"], options: &[], usage: "fd:N" },
];

static CONNECT: &[Form] = &[
    Form { kind: "tcp", parts: &["host", "port"], options: &["timeout", "bind"], usage: "tcp:HOST:PORT" },
    Form {
        kind: "tls",
        parts: &["host", "port"],
        options: &["ca", "cert", "key", "name", "verify", "alpn", "timeout", "bind"],
        usage: "tls:HOST:PORT",
    },
    Form { kind: "unix", parts: &["path"], options: &["timeout"], usage: "unix:PATH" },
    Form { kind: "udp", parts: &["host", "port"], options: &["bind"], usage: "udp:HOST:PORT" },
];

impl FromStr for ListenEndpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let fields = Fields::read(text, LISTEN)?;
        Ok(match fields.kind() {
            "tcp" => Self::Tcp { address: listen_address(&fields)?, options: listen_options(&fields)? },
            "tls" => Self::Tls {
                address: listen_address(&fields)?,
                options: listen_options(&fields)?,
                tls: server_options(&fields)?,
            },
            "unix" => Self::Unix { path: socket_path(&fields)?, options: listen_options(&fields)? },
            "udp" => Self::Udp { address: listen_address(&fields)?, options: listen_options(&fields)? },
            "unixgram" => {
                Self::UnixDatagram { path: socket_path(&fields)?, options: listen_options(&fields)? }
            }
            "systemd" => Self::Systemd(fields.required("socket", SYSTEMD, systemd_socket)?),
            "fd" => Self::Descriptor(fields.required("descriptor", DESCRIPTOR, |text| number(text, 0))?),
            kind => unreachable!("{kind} is in the table above and not here"),
        })
    }
}

impl FromStr for ConnectEndpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Self, EndpointError> {
        let fields = Fields::read(text, CONNECT)?;
        let timeout = || Ok(fields.optional("timeout", SECONDS, seconds)?.unwrap_or(CONNECT_TIMEOUT));
        if fields.kind() == "unix" {
            return Ok(Self::Unix { path: socket_path(&fields)?, timeout: timeout()? });
        }
        let host = fields.required("host", HOST, |text| text.parse().ok())?;
        let port = fields.required("port", CONNECT_PORT, |text| number(text, 1))?;
        let bind = fields.optional("bind", ADDRESS, numeric_address)?;
        Ok(match fields.kind() {
            "tcp" => Self::Tcp { host, port, timeout: timeout()?, bind },
            "tls" => Self::Tls { host, port, timeout: timeout()?, bind, tls: client_options(&fields)? },
            "udp" => Self::Udp { host, port, bind },
            kind => unreachable!("{kind} is in the table above and not here"),
        })
    }
}

fn listen_address(fields: &Fields) -> Result<SocketAddr, EndpointError> {
    let port = fields.required("port", LISTEN_PORT, |text| number(text, 0))?;
    let interface = fields.optional("interface", ADDRESS, numeric_address)?;
    Ok(SocketAddr::new(interface.unwrap_or(Ipv4Addr::UNSPECIFIED.into()), port))
}

fn listen_options(fields: &Fields) -> Result<ListenOptions, EndpointError> {
    let default = ListenOptions::default();
    Ok(ListenOptions {
        backlog: fields.optional("backlog", BACKLOG, |text| number(text, 1))?.unwrap_or(default.backlog),
        reuse_port: fields.optional("reuseport", SWITCH, switch)?.unwrap_or(default.reuse_port),
        mode: fields.optional("mode", MODE, file_mode)?,
        ipv6_only: fields.optional("ipv6only", SWITCH, switch)?.unwrap_or(default.ipv6_only),
    })
}

fn server_options(fields: &Fields) -> Result<TlsServerOptions<PathBuf>, EndpointError> {
    let certificate = fields.required("cert", FILE, file)?;
    Ok(TlsServerOptions {
        key: fields.optional("key", FILE, file)?.unwrap_or_else(|| certificate.clone()),
        certificate,
        client_ca: fields.optional("ca", FILE, file)?,
        alpn: fields.optional("alpn", ALPN, protocols)?.unwrap_or_default(),
    })
}

fn client_options(fields: &Fields) -> Result<TlsClientOptions<PathBuf>, EndpointError> {
    let key = fields.optional("key", FILE, file)?;
    let identity = match fields.optional("cert", FILE, file)? {
        Some(certificate) => Some(Identity { key: key.unwrap_or_else(|| certificate.clone()), certificate }),
        None if key.is_some() => return Err(fields.missing("cert")),
        None => None,
    };
    let verify = fields.optional("verify", SWITCH, switch)?.unwrap_or(true);
    let trust = match (fields.optional("ca", FILE, file)?, verify) {
        (Some(_), false) => return Err(EndpointError::Conflict { one: "ca", other: "verify=no" }),
        (Some(authorities), true) => Trust::Only(authorities),
        (None, true) => Trust::System,
        (None, false) => Trust::Anyone,
    };
    Ok(TlsClientOptions {
        trust,
        identity,
        name: fields.optional("name", HOST, |text| text.parse().ok())?,
        alpn: fields.optional("alpn", ALPN, protocols)?.unwrap_or_default(),
    })
}

fn socket_path(fields: &Fields) -> Result<PathBuf, EndpointError> {
    fields.required("path", SOCKET_PATH, |text| {
        Some(text).filter(|text| text.len() <= SOCKET_PATH_MAX).and_then(file)
    })
}

/// A path: a NUL would end it early in the kernel's eyes.
fn file(text: &str) -> Option<PathBuf> {
    (!text.is_empty() && !text.contains('\0')).then(|| text.into())
}

/// A decimal number from `least` on, without a sign.
fn number<T: FromStr + PartialOrd>(text: &str, least: T) -> Option<T> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten().filter(|number| *number >= least)
}

fn switch(text: &str) -> Option<bool> {
    match text {
        "yes" | "true" | "1" => Some(true),
        "no" | "false" | "0" => Some(false),
        _ => None,
    }
}

fn file_mode(text: &str) -> Option<u32> {
    let octal = !text.is_empty() && text.len() <= 4 && text.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
    octal.then(|| u32::from_str_radix(text, 8).ok()).flatten().filter(|mode| *mode <= 0o777)
}

/// Decimal seconds, to the nanosecond. (By way of a float, reading what was printed could be off by
/// one.)
fn seconds(text: &str) -> Option<Duration> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let nanoseconds = number(fraction, 0_u32).filter(|_| fraction.len() <= 9)?;
    let scale = 10_u32.pow(9 - u32::try_from(fraction.len()).ok()?);
    let duration = Duration::new(number(whole, 0_u64)?, nanoseconds * scale);
    (duration > Duration::ZERO && duration <= TIMEOUT_MAX).then_some(duration)
}

/// A numeric address, in brackets or not; `localhost` is the one name that needs no resolver.
fn numeric_address(text: &str) -> Option<IpAddr> {
    match text.parse().ok()? {
        Host::Address(address) => Some(address),
        Host::Name(name) => (name == "localhost").then_some(Ipv4Addr::LOCALHOST.into()),
    }
}

fn protocols(text: &str) -> Option<Vec<String>> {
    let fits = |name: &str| (1..=255).contains(&name.len());
    text.split(',').map(|name| fits(name).then(|| name.to_owned())).collect()
}

fn systemd_socket(text: &str) -> Option<SystemdSocket> {
    match number(text, 0) {
        Some(index) => Some(SystemdSocket::Index(index)),
        None if text.bytes().all(|byte| byte.is_ascii_digit()) => None,
        None => Some(SystemdSocket::Name(text.to_owned())),
    }
}
