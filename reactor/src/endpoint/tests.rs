//! What endpoint strings mean, what is refused, and that printing and reading agree.

use super::read::{SOCKET_PATH_MAX, TIMEOUT_MAX};
use super::*;
use crate::engine::ListenOptions;
use proptest::prelude::*;
use std::path::Path;

fn listen(text: &str) -> ListenEndpoint {
    Endpoint::listen(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn connect(text: &str) -> ConnectEndpoint {
    Endpoint::connect(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn tcp(address: &str) -> ListenEndpoint {
    ListenEndpoint::Tcp { address: address.parse().unwrap(), options: ListenOptions::default() }
}

#[test]
fn the_role_decides_how_a_text_is_read() {
    assert_eq!(listen("tcp:8080"), tcp("0.0.0.0:8080"));
    let http = ConnectEndpoint::Tcp {
        host: Host::Name("example.org".to_owned()),
        port: 80,
        timeout: CONNECT_TIMEOUT,
        bind: None,
    };
    assert_eq!(connect("tcp:example.org:80"), http);
    assert_eq!(connect("tcp:host=example.org:port=80"), http);
    assert_eq!(connect("tcp:80:host=example.org"), http, "the unnamed part is the one that is left");
}

#[test]
fn listeners_take_their_options() {
    assert_eq!(listen("tcp:0"), tcp("0.0.0.0:0"));
    assert_eq!(listen("tcp:1:interface=localhost"), tcp("127.0.0.1:1"));
    for written in [r"tcp:1:interface=\:\:1", "tcp:1:interface=[::1]"] {
        assert_eq!(listen(written), tcp("[::1]:1"));
    }
    assert_eq!(
        listen("tcp:8080:interface=127.0.0.1:backlog=50:reuseport=yes"),
        ListenEndpoint::Tcp {
            address: "127.0.0.1:8080".parse().unwrap(),
            options: ListenOptions { backlog: 50, reuse_port: true, ..ListenOptions::default() },
        }
    );
    assert_eq!(
        listen("unix:/run/x:mode=660:backlog=7"),
        ListenEndpoint::Unix {
            path: "/run/x".into(),
            options: ListenOptions { backlog: 7, mode: Some(0o660), ..ListenOptions::default() },
        }
    );
    assert_eq!(
        listen("unixgram:/run/x"),
        ListenEndpoint::UnixDatagram { path: "/run/x".into(), options: ListenOptions::default() }
    );
    assert_eq!(
        listen("udp:5300:interface=10.0.0.1"),
        ListenEndpoint::Udp { address: "10.0.0.1:5300".parse().unwrap(), options: ListenOptions::default() }
    );
    assert_eq!(listen("systemd:2"), ListenEndpoint::Systemd(SystemdSocket::Index(2)));
    assert_eq!(listen("systemd:web"), ListenEndpoint::Systemd(SystemdSocket::Name("web".to_owned())));
    assert_eq!(listen("fd:3"), ListenEndpoint::Descriptor(3));
}

#[test]
fn a_tls_listener_names_its_files() {
    assert_eq!(
        listen("tls:443:cert=server.pem:key=key.pem:interface=10.0.0.1:ca=client-ca.pem:alpn=h2,http/1.1"),
        ListenEndpoint::Tls {
            address: "10.0.0.1:443".parse().unwrap(),
            options: ListenOptions::default(),
            tls: TlsServerOptions {
                certificate: "server.pem".into(),
                key: "key.pem".into(),
                client_ca: Some("client-ca.pem".into()),
                alpn: vec!["h2".to_owned(), "http/1.1".to_owned()],
            },
        }
    );
    let ListenEndpoint::Tls { tls, .. } = listen("tls:443:cert=both.pem") else { unreachable!() };
    assert_eq!(tls.key, Path::new("both.pem"), "certificate and key may share a file");
}

#[test]
fn connections_take_their_options() {
    assert_eq!(
        connect("tcp:[::1]:80:timeout=0.25:bind=1.2.3.4"),
        ConnectEndpoint::Tcp {
            host: Host::Address("::1".parse().unwrap()),
            port: 80,
            timeout: Duration::from_millis(250),
            bind: Some("1.2.3.4".parse().unwrap()),
        }
    );
    assert_eq!(connect(r"tcp:\:\:1:80"), connect("tcp:[::1]:80"));
    assert_eq!(
        connect("unix:/run/x:timeout=5"),
        ConnectEndpoint::Unix { path: "/run/x".into(), timeout: Duration::from_secs(5) }
    );
    assert_eq!(
        connect("udp:127.0.0.1:53"),
        ConnectEndpoint::Udp { host: Host::Address("127.0.0.1".parse().unwrap()), port: 53, bind: None }
    );
    let ConnectEndpoint::Tcp { host, .. } = connect("tcp:[fe80::1%eth0]:80") else { unreachable!() };
    assert_eq!(host, Host::Name("fe80::1%eth0".to_owned()), "the resolver knows zones");
}

#[test]
fn a_tls_connection_says_whom_it_trusts() {
    let options = |text| match connect(text) {
        ConnectEndpoint::Tls { tls, .. } => tls,
        other => panic!("{other:?}"),
    };
    assert_eq!(options("tls:example.org:443"), TlsClientOptions::default());
    assert_eq!(options("tls:example.org:443:verify=yes"), TlsClientOptions::default());
    assert_eq!(options("tls:example.org:443:verify=no").trust, Trust::Anyone);
    assert_eq!(
        options("tls:10.0.0.1:443:ca=ca.pem:cert=me.pem:key=me.key:name=example.org:alpn=h2"),
        TlsClientOptions {
            trust: Trust::Only("ca.pem".into()),
            identity: Some(Identity { certificate: "me.pem".into(), key: "me.key".into() }),
            name: Some(Host::Name("example.org".to_owned())),
            alpn: vec!["h2".to_owned()],
        }
    );
}

#[test]
fn a_backslash_takes_the_next_character_literally() {
    let path = |text| match listen(text) {
        ListenEndpoint::Unix { path, .. } => path,
        other => panic!("{other:?}"),
    };
    assert_eq!(path(r"unix:/a\:b\\c\=d"), Path::new(r"/a:b\c=d"));
    assert_eq!(path(r"unix:path=/a=b"), Path::new("/a=b"), "only the first equals sign names");
    assert_eq!(path(r"unix:\[a"), Path::new("[a"));
    assert_eq!(path("unix:/a[b"), Path::new("/a[b"), "a bracket matters at the beginning alone");
    assert_eq!(path("unix:[a:b]"), Path::new("[a:b]"));
}

/// The role, the text, and what the error has to say.
const REFUSED: &[(&str, &str, &str)] = &[
    ("listen", "", r#"the kind is ""; expected one of tcp, tls, unix, udp, unixgram, systemd, fd"#),
    ("listen", "8080", r#"the kind is "8080"; expected one of tcp"#),
    ("listen", "ssl:443", r#"the kind is "ssl"; expected one of tcp, tls"#),
    ("connect", "fd:3", r#"the kind is "fd"; expected one of tcp, tls, unix, udp"#),
    ("listen", "tcp", "the port is missing; expected tcp:PORT"),
    ("listen", "tcp:", "the port is missing; expected tcp:PORT"),
    ("listen", "tls:443", "the cert is missing; expected tls:PORT:cert=FILE:key=FILE"),
    ("listen", "unix", "the path is missing; expected unix:PATH"),
    ("connect", "tcp:8080", "the port is missing; expected tcp:HOST:PORT"),
    ("connect", "tcp:host=a", "the port is missing; expected tcp:HOST:PORT"),
    ("connect", "tcp::80", "the host is missing; expected tcp:HOST:PORT"),
    ("listen", "tcp:http", r#"the port is "http"; expected a number from 0 to 65535"#),
    ("listen", "tcp:65536", r#"the port is "65536"; expected a number from 0 to 65535"#),
    ("listen", "tcp:-1", r#"the port is "-1"; expected"#),
    ("listen", "tcp:+1", r#"the port is "+1"; expected"#),
    ("listen", "tcp:localhost:80", r#""80" is one part too many; expected tcp:PORT and then options"#),
    ("connect", "tcp:a:0", r#"the port is "0"; expected a number from 1 to 65535"#),
    ("connect", "tcp:a:80:90", r#""90" is one part too many; expected tcp:HOST:PORT"#),
    ("connect", "tcp:::1:80", r"(a colon inside a part is written \:)"),
    ("connect", "tcp:1:80", r#"the host is "1"; expected a name, an IPv4 address or an IPv6 address"#),
    ("connect", "tcp:256.1.1.1:80", r#"the host is "256.1.1.1"; expected"#),
    ("connect", "tcp:a b:80", r#"the host is "a b"; expected"#),
    ("connect", "tcp:[1.2.3.4]:80", r#"the host is "[1.2.3.4]"; expected"#),
    ("connect", "tcp:[::1:80", r#"the [ in "[::1:80" is never closed; expected ]"#),
    ("listen", "tcp:1:interface=example.org", r#"the interface is "example.org"; expected an address"#),
    ("listen", "tcp:1:interface=", r#"the interface is ""; expected an address"#),
    ("listen", "tcp:1:backlog=0", r#"the backlog is "0"; expected a number from 1 to 2147483647"#),
    ("listen", "tcp:1:backlog=2147483648", r#"the backlog is "2147483648"; expected"#),
    ("listen", "tcp:1:reuseport=maybe", r#"the reuseport is "maybe"; expected yes or no"#),
    (
        "listen",
        "tcp:1:mode=660",
        r#"tcp has no option "mode"; expected interface, backlog, reuseport, ipv6only"#,
    ),
    ("listen", "udp:1:backlog=5", r#"udp has no option "backlog"; expected interface, reuseport"#),
    ("listen", "fd:3:backlog=5", r#"fd has no option "backlog"; expected none"#),
    ("listen", "tcp:1:=5", r#"tcp has no option ""; expected"#),
    ("listen", "tcp:1:backlog=5:backlog=5", "backlog is given twice"),
    ("connect", "tcp:a:80:port=80", r#""80" is one part too many"#),
    ("listen", "unix:/x:mode=888", r#"the mode is "888"; expected a file mode in octal up to 777"#),
    ("listen", "unix:/x:mode=1777", r#"the mode is "1777"; expected"#),
    ("listen", "unix:/x:mode=", r#"the mode is ""; expected"#),
    ("listen", "unix:/x\0y", r#"the path is "/x\0y"; expected the path of a socket"#),
    ("listen", "fd:-1", r#"the descriptor is "-1"; expected the number of an open descriptor"#),
    ("listen", "systemd:99999999999999999999", "the socket is"),
    ("connect", "tcp:a:80:timeout=0", r#"the timeout is "0"; expected a number of seconds above 0"#),
    ("connect", "tcp:a:80:timeout=-1", r#"the timeout is "-1"; expected"#),
    ("connect", "tcp:a:80:timeout=1e3", r#"the timeout is "1e3"; expected"#),
    ("connect", "tcp:a:80:timeout=inf", r#"the timeout is "inf"; expected"#),
    ("connect", "tcp:a:80:timeout=1.", r#"the timeout is "1."; expected"#),
    ("connect", "tcp:a:80:timeout=99999999999999", "the timeout is"),
    ("connect", "tls:a:443:key=k.pem", "the cert is missing"),
    ("connect", "tls:a:443:ca=c.pem:verify=no", "ca and verify=no contradict each other"),
    ("connect", "tls:a:443:alpn=h2,,x", r#"the alpn is "h2,,x"; expected names of up to 255 bytes"#),
    ("connect", "tls:a:443:privateKey=k.pem", r#"tls has no option "privateKey"; expected ca, cert, key"#),
    (
        "listen",
        r"unix:/x\",
        r"the text ends in a backslash that escapes nothing; expected \\ for a backslash",
    ),
];

#[test]
fn a_bad_text_is_an_error_that_names_the_part() {
    for (role, text, said) in REFUSED {
        let error = match *role {
            "listen" => Endpoint::listen(text).expect_err(text),
            _ => Endpoint::connect(text).expect_err(text),
        };
        assert!(error.to_string().contains(said), "{role} {text:?} says: {error}");
    }
}

#[test]
fn a_socket_path_must_fit_the_kernels_address() {
    let path = |length| format!("unix:{}", "x".repeat(length));
    assert!(Endpoint::listen(&path(SOCKET_PATH_MAX)).is_ok());
    let error = Endpoint::listen(&path(SOCKET_PATH_MAX + 1)).expect_err("it is too long");
    assert!(error.to_string().contains(&format!("of at most {SOCKET_PATH_MAX} bytes")), "{error}");
}

#[test]
fn what_is_printed_is_short() {
    let short = |text: &str| listen(text).to_string();
    assert_eq!(short("tcp:port=80:backlog=1024:interface=0.0.0.0:reuseport=no"), "tcp:80");
    assert_eq!(short(r"tcp:80:interface=\:\:"), "tcp:80:interface=[::]");
    assert_eq!(short("tls:1:key=a:cert=a:ca=b"), "tls:1:cert=a:ca=b");
    assert_eq!(short("unix:path=/x:mode=0660"), "unix:/x:mode=660");
    assert_eq!(connect("tcp:a:80:timeout=30.000").to_string(), "tcp:a:80");
    assert_eq!(connect("tcp:a:80:timeout=2.50").to_string(), "tcp:a:80:timeout=2.5");
    assert_eq!(connect("tls:a:80:verify=no").to_string(), "tls:a:80:verify=no");
}

fn path() -> impl Strategy<Value = PathBuf> {
    r"[a-z/:=\\\[\]é ]{1,20}".prop_map(PathBuf::from)
}

fn host() -> impl Strategy<Value = Host> {
    prop_oneof![
        any::<IpAddr>().prop_map(Host::Address),
        "[a-z0-9_-]{0,9}[.][a-z][a-z0-9-]{0,9}".prop_map(Host::Name),
        "fe80::[0-9a-f]{1,4}%[a-z0-9]{1,9}".prop_map(Host::Name),
    ]
}

fn timeout() -> impl Strategy<Value = Duration> {
    prop_oneof![
        (1..=TIMEOUT_MAX.as_secs()).prop_map(Duration::from_secs),
        (0..1_000_u64, 1..1_000_000_000_u32).prop_map(|(whole, nanos)| Duration::new(whole, nanos)),
    ]
}

fn alpn() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec(r"[a-z0-9/.:=\\]{1,8}", 0..3)
}

fn listening() -> impl Strategy<Value = ListenEndpoint> {
    let address = (any::<IpAddr>(), any::<u16>()).prop_map(SocketAddr::from);
    let backlog = prop_oneof![Just(1024), 1..=i32::MAX];
    let mode = proptest::option::of(0..=0o777_u32);
    let server = (path(), path(), proptest::option::of(path()), alpn()).prop_map(
        |(certificate, key, client_ca, alpn)| TlsServerOptions { certificate, key, client_ca, alpn },
    );
    (0..7_u8, address, path(), backlog, any::<bool>(), mode, server, any::<u16>()).prop_map(
        |(kind, address, path, backlog, reuse_port, mode, tls, number)| {
            let default = ListenOptions::default();
            let stream = ListenOptions { backlog, reuse_port, ipv6_only: reuse_port, ..default };
            match kind {
                0 => ListenEndpoint::Tcp { address, options: stream },
                1 => ListenEndpoint::Tls { address, options: stream, tls },
                2 => ListenEndpoint::Unix { path, options: ListenOptions { backlog, mode, ..default } },
                3 => ListenEndpoint::Udp { address, options: ListenOptions { reuse_port, ..default } },
                4 => ListenEndpoint::UnixDatagram { path, options: ListenOptions { mode, ..default } },
                5 => ListenEndpoint::Systemd(match number % 2 {
                    0 => SystemdSocket::Index(number.into()),
                    _ => SystemdSocket::Name(format!("{}x", path.display())),
                }),
                _ => ListenEndpoint::Descriptor(number.into()),
            }
        },
    )
}

fn connecting() -> impl Strategy<Value = ConnectEndpoint> {
    let identity = (path(), path()).prop_map(|(certificate, key)| Identity { certificate, key });
    let trust = prop_oneof![Just(Trust::System), Just(Trust::Anyone), path().prop_map(Trust::Only)];
    let client = (trust, proptest::option::of(identity), proptest::option::of(host()), alpn())
        .prop_map(|(trust, identity, name, alpn)| TlsClientOptions { trust, identity, name, alpn });
    let bind = proptest::option::of(any::<IpAddr>());
    (0..4_u8, host(), 1..=u16::MAX, timeout(), bind, path(), client).prop_map(
        |(kind, host, port, timeout, bind, path, tls)| match kind {
            0 => ConnectEndpoint::Tcp { host, port, timeout, bind },
            1 => ConnectEndpoint::Tls { host, port, timeout, bind, tls },
            2 => ConnectEndpoint::Unix { path, timeout },
            _ => ConnectEndpoint::Udp { host, port, bind },
        },
    )
}

proptest! {
    #[test]
    fn a_listening_endpoint_reads_back_as_printed(endpoint in listening()) {
        prop_assert_eq!(Endpoint::listen(&endpoint.to_string()), Ok(endpoint));
    }

    #[test]
    fn a_connecting_endpoint_reads_back_as_printed(endpoint in connecting()) {
        prop_assert_eq!(Endpoint::connect(&endpoint.to_string()), Ok(endpoint));
    }

    #[test]
    fn no_text_panics(text in r"(tcp|tls|unix|udp|fd|systemd|unixgram)?[:=\\\[\]a-z0-9.\PC]{0,40}") {
        let listened = Endpoint::listen(&text).map(|endpoint| endpoint.to_string());
        if let Ok(printed) = listened {
            prop_assert_eq!(Endpoint::listen(&printed).map(|endpoint| endpoint.to_string()), Ok(printed));
        }
        let _ = Endpoint::connect(&text);
    }
}
