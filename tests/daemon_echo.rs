//! `ropewalk echo`: streams and datagrams, internet and local, plain and TLS, on every backend.
#![expect(clippy::disallowed_methods, reason = "a test of real processes")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream, UdpSocket};
use std::os::unix::net::{UnixDatagram, UnixStream};
use support::{BACKENDS, PATIENCE, Server, connect};

const ANYWHERE: &str = "tcp:0:interface=127.0.0.1";

/// Send `data`, finish, and get it all back.
fn echoes(mut stream: TcpStream, data: &[u8]) {
    let mut writer = stream.try_clone().unwrap();
    let mut echo = Vec::new();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            writer.write_all(data).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        stream.read_to_end(&mut echo).unwrap();
    });
    assert!(echo == data, "{} of {} bytes came back", echo.len(), data.len());
}

fn data(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 31 + index / 251) as u8).collect()
}

#[test]
fn whatever_comes_goes_back_on_every_listener_and_every_backend() {
    let data = data(1024 * 1024);
    for backend in BACKENDS {
        let mut server =
            Server::ropewalk(&["echo", "--backend", backend, "--listen", ANYWHERE, "--listen", ANYWHERE]);
        let (one, other) = (server.port(), server.port());
        assert_ne!(one, other);
        echoes(connect(one), &data);
        echoes(connect(other), b"hello");
        assert_eq!(server.terminate(), (Some(0), String::new()), "{backend}");
    }
}

#[test]
fn local_sockets_echo_and_are_gone_afterwards() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("echo.socket");
    let mut server = Server::ropewalk(&["echo", "--listen", &format!("unix:{}:mode=600", path.display())]);
    assert_eq!(server.line(), format!("listening on {}", path.display()));
    let mut stream = UnixStream::connect(&path).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(b"hello").unwrap();
    stream.shutdown(Shutdown::Write).unwrap();
    let mut echo = String::new();
    stream.read_to_string(&mut echo).unwrap();
    assert_eq!(echo, "hello");
    assert_eq!(server.terminate().0, Some(0));
    assert!(!path.exists());
}

#[test]
fn datagrams_go_back_whole_to_whom_they_came_from() {
    for backend in BACKENDS {
        let endpoint = "udp:0:interface=127.0.0.1";
        let mut server = Server::ropewalk(&["echo", "--backend", backend, "--listen", endpoint]);
        let address = ("127.0.0.1", server.port());
        let sockets = [0, 1].map(|_| UdpSocket::bind("127.0.0.1:0").unwrap());
        for (socket, length) in sockets.iter().zip([0, 50_000]) {
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket.send_to(&data(length), address).unwrap();
        }
        for (socket, length) in sockets.iter().zip([0, 50_000]) {
            let mut echo = vec![0; 65_536];
            let received = socket.recv(&mut echo).unwrap();
            assert!(echo[..received] == data(length), "{backend}: {received} of {length} bytes");
        }
    }
}

#[test]
fn local_datagrams_go_back() {
    let directory = tempfile::tempdir().unwrap();
    let (theirs, ours) = (directory.path().join("echo"), directory.path().join("ours"));
    let mut server = Server::ropewalk(&["echo", "--listen", &format!("unixgram:{}", theirs.display())]);
    assert_eq!(server.line(), format!("listening on {}", theirs.display()));
    let socket = UnixDatagram::bind(&ours).unwrap();
    socket.set_read_timeout(Some(PATIENCE)).unwrap();
    socket.send_to(b"hello", &theirs).unwrap();
    let mut echo = [0; 10];
    assert_eq!(socket.recv(&mut echo).unwrap(), 5);
    assert_eq!(&echo[..5], b"hello");
}

#[test]
fn tls_echoes_what_a_proxy_puts_into_it() {
    let directory = tempfile::tempdir().unwrap();
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let (certificate, key) = (directory.path().join("cert.pem"), directory.path().join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    let (certificate, key) = (certificate.display(), key.display());

    let endpoint = format!("tls:0:interface=127.0.0.1:cert={certificate}:key={key}");
    let mut server = Server::ropewalk(&["echo", "--listen", &endpoint]);
    let to = format!("tls:127.0.0.1:{}:name=localhost:ca={certificate}", server.port());
    let mut proxy = Server::ropewalk(&["proxy", "--listen", ANYWHERE, "--to", &to]);
    let port = proxy.port();
    echoes(connect(port), &data(1024 * 1024));
    assert_eq!(proxy.terminate().0, Some(0));
    assert_eq!(server.terminate().0, Some(0));
}
