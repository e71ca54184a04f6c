//! `ropewalk proxy`: bytes, ends, losses and backpressure pass through.
#![expect(clippy::disallowed_methods, reason = "a test of real processes")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use support::{BACKENDS, PATIENCE, Server, connect};

const ANYWHERE: &str = "tcp:0:interface=127.0.0.1";

/// A proxy to a listener of ours.
fn proxy(target: &TcpListener, backend: &str) -> (Server, u16) {
    let to = format!("tcp:{}", target.local_addr().unwrap());
    let mut proxy = Server::ropewalk(&["proxy", "--listen", ANYWHERE, "--to", &to, "--backend", backend]);
    let port = proxy.port();
    (proxy, port)
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// Both ends of a connection through the proxy.
fn pair(target: &TcpListener, port: u16) -> (TcpStream, TcpStream) {
    let front = connect(port);
    let back = target.accept().unwrap().0;
    back.set_read_timeout(Some(PATIENCE)).unwrap();
    back.set_write_timeout(Some(PATIENCE)).unwrap();
    (front, back)
}

#[test]
fn bytes_and_the_ends_of_both_directions_pass_through() {
    let data: Vec<u8> = (0..5 * 1024 * 1024_usize).map(|index| (index * 31 + index / 251) as u8).collect();
    let target = listener();
    for backend in BACKENDS {
        let (_proxy, port) = proxy(&target, backend);
        let (mut front, mut back) = pair(&target, port);
        std::thread::scope(|scope| {
            let mut writer = front.try_clone().unwrap();
            scope.spawn(|| {
                let mut heard = Vec::new();
                // The request's end arrives while the answer's direction is still open.
                back.read_to_end(&mut heard).unwrap();
                assert!(heard == data, "{backend}: {} bytes arrived", heard.len());
                back.write_all(&heard).unwrap();
                back.shutdown(Shutdown::Write).unwrap();
            });
            writer.write_all(&data).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
            let mut answer = Vec::new();
            front.read_to_end(&mut answer).unwrap();
            assert!(answer == data, "{backend}: {} bytes came back", answer.len());
        });
    }
}

#[test]
fn the_server_may_speak_first() {
    let target = listener();
    let (_proxy, port) = proxy(&target, "auto");
    let (mut front, mut back) = pair(&target, port);
    back.write_all(b"welcome").unwrap();
    let mut word = [0; 7];
    front.read_exact(&mut word).unwrap();
    assert_eq!(&word, b"welcome");
}

#[test]
fn a_side_that_is_lost_closes_the_other() {
    let target = listener();
    let (_proxy, port) = proxy(&target, "auto");
    for front_is_lost in [true, false] {
        let (front, back) = pair(&target, port);
        let (lost, mut left) = if front_is_lost { (front, back) } else { (back, front) };
        let sockets = socket2::SockRef::from(&lost);
        sockets.set_linger(Some(std::time::Duration::ZERO)).unwrap();
        drop(lost);
        let error = left.read(&mut [0]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ConnectionReset, "a reset arrives as a reset");
    }
}

#[test]
fn a_target_that_refuses_costs_its_client_only() {
    let target = listener();
    let address = target.local_addr().unwrap();
    let (_proxy, port) = proxy(&target, "auto");
    drop(target);
    let error = connect(port).read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    // The target is back, and so is the service.
    let target = TcpListener::bind(address).unwrap();
    let (mut front, mut back) = pair(&target, port);
    front.write_all(b"!").unwrap();
    back.read_exact(&mut [0]).unwrap();
}

#[test]
fn a_side_that_does_not_read_slows_the_other_and_not_memory() {
    const LENGTH: usize = 64 * 1024 * 1024;
    let target = listener();
    for backend in BACKENDS {
        let (proxy, port) = proxy(&target, backend);
        let (mut front, mut back) = pair(&target, port);
        front.write_all(&[0]).unwrap();
        back.read_exact(&mut [0]).unwrap();
        let before = resident_bytes(&proxy);

        // Write until nothing goes any more: the kernel's buffers are full, and the proxy's.
        front.set_write_timeout(Some(std::time::Duration::from_millis(200))).unwrap();
        let piece = vec![1; 64 * 1024];
        let mut written = 0;
        while written < LENGTH {
            match front.write(&piece[..piece.len().min(LENGTH - written)]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => panic!("{backend}: {error}"),
            }
        }
        assert!(written < LENGTH, "{backend}: nothing slowed the sender");
        let grown = resident_bytes(&proxy).saturating_sub(before);
        assert!(grown < 8 * 1024 * 1024, "{backend}: the proxy has grown by {grown} bytes");

        // As soon as it reads, everything comes.
        front.shutdown(Shutdown::Write).unwrap();
        let arrived = std::io::copy(&mut back, &mut std::io::sink()).unwrap();
        assert_eq!(arrived, written as u64, "{backend}");
    }
}

/// How much memory a process has in use.
fn resident_bytes(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}
