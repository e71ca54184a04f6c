//! Running out of descriptors. The limit is the whole process's, so this is the only test of its file.

use ropewalk_reactor::engine::{Close, Engine, ListenOptions, News, Token, backend};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::io::{ErrorKind, Read};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};

/// Leave the process without a free descriptor; returns one to be given up for one more.
fn exhaust() -> OwnedFd {
    let spare = rustix::io::dup(rustix::stdio::stderr()).expect("a free descriptor");
    let current = spare.as_raw_fd() as u64 + 1;
    // The lowest number that was free is taken, and none above it may be.
    setrlimit(Resource::Nofile, Rlimit { current: Some(current), ..getrlimit(Resource::Nofile) })
        .expect("a limit can be lowered");
    spare
}

fn await_news(engine: &mut dyn Engine, token: Token) {
    let mut news = Vec::new();
    while !news.iter().any(|news: &News| news.token == token) {
        engine.wait(None, &mut news).expect("a wait never fails");
    }
}

fn is_exhaustion(error: &std::io::Error) -> bool {
    Errno::from_io_error(error) == Some(Errno::MFILE)
}

/// Whether the peer has ended the connection, or still holds it.
fn is_ended(mut client: &TcpStream) -> bool {
    client.set_nonblocking(true).expect("an open socket");
    match client.read(&mut [0]) {
        Ok(0) => true,
        Err(error) if error.kind() == ErrorKind::ConnectionReset => true,
        Err(error) if error.kind() == ErrorKind::WouldBlock => false,
        outcome => panic!("{outcome:?}"),
    }
}

#[test]
fn without_descriptors_peers_are_turned_away_one_by_one() {
    let limit = getrlimit(Resource::Nofile);
    for name in ["epoll", "poll", "select", "io_uring"] {
        let mut engine = backend::open(name).unwrap();
        let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into();
        let (listener, address) = engine.listen(&any_port, &ListenOptions::default()).unwrap();
        let address = address.socket_address().unwrap();
        let clients: Vec<_> = (0..4).map(|_| TcpStream::connect(address).unwrap()).collect();
        // Before the first wait, in which a completion engine accepts.
        let spare = exhaust();
        await_news(&mut *engine, listener);
        for client in &clients[..2] {
            let error = engine.accept(listener).unwrap_err();
            assert!(is_exhaustion(&error), "{name}: {error}");
            assert!(!is_ended(client), "{name}: an accept that fails takes nobody");
            engine.shed(listener).unwrap();
            assert!(is_ended(client), "{name}: the one turned away waits in vain");
        }
        // The third is accepted as soon as there is a descriptor, without any news.
        drop(spare);
        let (third, _) = engine.accept(listener).unwrap();
        let error = engine.accept(listener).unwrap_err();
        assert!(is_exhaustion(&error), "{name}: {error}");
        engine.close(third, Close::Graceful);
        assert!(is_ended(&clients[2]) && !is_ended(&clients[3]), "{name}");
        engine.accept(listener).unwrap();
        setrlimit(Resource::Nofile, limit).unwrap();
    }
}
