//! Hostile and unlucky peers against the real servers: whatever they do, the others are served and
//! memory stays bounded.
#![expect(clippy::disallowed_methods, reason = "a test of real processes")]
#![allow(clippy::unwrap_used, reason = "a test")]

mod support;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::process::Command;
use std::time::Duration;
use support::{BACKENDS, Server, connect};

/// `ropewalk echo` on a backend, as a shell starts it under a limit of descriptors.
fn echo_with_descriptors(backend: &str, limit: usize) -> Server {
    let ropewalk = env!("CARGO_BIN_EXE_ropewalk");
    let script = format!(
        "ulimit -n {limit}; exec '{ropewalk}' echo --backend {backend} --listen tcp:0:interface=127.0.0.1"
    );
    Server::start(Command::new("sh").args(["-c", &script]))
}

/// One round of talk; whether it came back.
fn talks(stream: &mut TcpStream) -> bool {
    let mut echo = [0; 5];
    stream.write_all(b"hello").is_ok() && stream.read_exact(&mut echo).is_ok() && &echo == b"hello"
}

fn resident(server: &Server) -> usize {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<usize>().unwrap() * 1024
}

#[test]
fn two_thousand_connections_against_a_thousand_descriptors() {
    for backend in BACKENDS {
        let mut server = echo_with_descriptors(backend, 1000);
        let port = server.port();
        let mut first = connect(port);
        assert!(talks(&mut first), "{backend}");
        let mut crowd: Vec<TcpStream> =
            (0..2000).filter_map(|_| TcpStream::connect(("127.0.0.1", port)).ok()).collect();
        let patience = Some(Duration::from_secs(10));
        crowd.iter().for_each(|stream| stream.set_read_timeout(patience).unwrap());
        // Those who got in are served while the others are turned away, none is left hanging.
        assert!(talks(&mut first), "{backend}");
        let mut served = 0;
        for stream in &mut crowd {
            let mut byte = [0];
            let asked = stream.write_all(b"x");
            match stream.read(&mut byte) {
                Ok(1) => served += 1,
                Ok(_) => {}
                Err(error) if matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe) => {}
                Err(error) => panic!("{backend}: left hanging: {error} after {asked:?}"),
            }
        }
        assert!((900..1000).contains(&served), "{backend}: {served} of 2,000 were served");
        // When the crowd has gone, there is room again.
        drop(crowd);
        let again = (0..100).any(|_| {
            let served = talks(&mut connect(port));
            if !served {
                std::thread::sleep(Duration::from_millis(20));
            }
            served
        });
        assert!(again && talks(&mut first), "{backend}: it did not recover");
    }
}

#[test]
fn a_peer_that_never_reads_costs_bounded_memory() {
    for backend in BACKENDS {
        let mut server =
            Server::ropewalk(&["echo", "--backend", backend, "--listen", "tcp:0:interface=127.0.0.1"]);
        let port = server.port();
        let mut good = connect(port);
        assert!(talks(&mut good), "{backend}");
        let before = resident(&server);
        let greedy: Vec<TcpStream> = (0..20).map(|_| connect(port)).collect();
        for mut stream in &greedy {
            stream.set_nonblocking(true).unwrap();
            let block = vec![7; 1 << 16];
            let mut refusals = 0;
            let mut sent = 0;
            // Send until the kernel and the server have taken all that they will.
            while refusals < 20 && sent < 64 << 20 {
                match stream.write(&block) {
                    Ok(count) => sent += count,
                    Err(_) => {
                        refusals += 1;
                        std::thread::sleep(Duration::from_millis(2));
                    }
                }
            }
            assert!(sent < 64 << 20, "{backend}: it was read for ever");
        }
        assert!(talks(&mut good), "{backend}");
        let grown = resident(&server).saturating_sub(before);
        assert!(grown < 20 * 1024 * 1024, "{backend}: {grown} bytes for twenty peers");
    }
}

#[test]
fn peers_that_vanish_in_every_way_disturb_nobody() {
    for backend in BACKENDS {
        let mut server =
            Server::ropewalk(&["echo", "--backend", backend, "--listen", "tcp:0:interface=127.0.0.1"]);
        let port = server.port();
        let mut good = connect(port);
        for round in 0..200 {
            let mut stream = connect(port);
            match round % 5 {
                0 => {}
                1 => drop(stream.write_all(&[1; 100_000])),
                2 => drop(stream.shutdown(Shutdown::Write)),
                3 => {
                    // Gone with unread input: a reset.
                    drop(stream.write_all(b"x"));
                    drop(stream.peek(&mut [0]));
                }
                _ => drop(stream.shutdown(Shutdown::Both)),
            }
            drop(stream);
            assert!(talks(&mut good), "{backend}: after {round} peers");
        }
    }
}

#[test]
fn a_gigabyte_through_the_proxy_takes_next_to_no_memory() {
    const LENGTH: usize = 1 << 30;
    for backend in BACKENDS {
        let mut back =
            Server::ropewalk(&["echo", "--backend", "epoll", "--listen", "tcp:0:interface=127.0.0.1"]);
        let to = format!("tcp:127.0.0.1:{}", back.port());
        let listen = "tcp:0:interface=127.0.0.1";
        let mut proxy = Server::ropewalk(&["proxy", "--backend", backend, "--listen", listen, "--to", &to]);
        let port = proxy.port();
        assert!(talks(&mut connect(port)), "{backend}");
        let before = resident(&proxy);
        let mut reader = connect(port);
        let mut writer = reader.try_clone().unwrap();
        let sending = std::thread::spawn(move || {
            let block = vec![42; 1 << 20];
            (0..LENGTH >> 20).try_for_each(|_| writer.write_all(&block))?;
            writer.shutdown(Shutdown::Write)
        });
        let (mut heard, mut most, mut block) = (0, before, vec![0; 1 << 20]);
        loop {
            match reader.read(&mut block).unwrap() {
                0 => break,
                count => {
                    assert!(block[..count].iter().all(|byte| *byte == 42), "{backend}: not what was sent");
                    heard += count;
                }
            }
            if heard % (16 << 20) < 1 << 20 {
                most = most.max(resident(&proxy));
            }
        }
        sending.join().unwrap().unwrap();
        assert_eq!(heard, LENGTH, "{backend}");
        assert!(most - before < 8 << 20, "{backend}: {} bytes more than at its start", most - before);
    }
}
