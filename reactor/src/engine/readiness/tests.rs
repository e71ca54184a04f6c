//! The suite on each poller, and what only this engine promises.

use super::*;
use crate::disk::SystemStorage;
use crate::testing::conformance;
use rustix::fs::OFlags;
use std::cell::Cell;
use std::net::Ipv4Addr;
use std::os::fd::RawFd;
use std::rc::Rc;

fn disk() -> Arc<dyn Storage> {
    Arc::new(SystemStorage::default())
}

fn open(name: &str) -> Box<dyn Engine> {
    readiness(name, disk()).expect("the backend is there")
}

fn make(name: &'static str) -> impl Fn() -> Box<dyn Engine> {
    move || open(name)
}

#[test]
fn epoll_keeps_the_contract() {
    conformance::engine(&make(epoll::NAME));
}

#[test]
fn poll_keeps_the_contract() {
    conformance::engine(&make("poll"));
}

#[test]
fn select_keeps_the_contract() {
    conformance::engine(&make("select"));
}

/// Counts what is asked of a poller.
struct Counting<P> {
    poller: P,
    counts: Rc<Counts>,
}

#[derive(Default)]
struct Counts {
    added: Cell<u32>,
    removed: Cell<u32>,
    waits: Cell<u32>,
}

fn count(counter: &Cell<u32>) {
    counter.set(counter.get() + 1);
}

impl<P: Poller> Poller for Counting<P> {
    fn name(&self) -> &'static str {
        self.poller.name()
    }
    fn add(&mut self, descriptor: RawFd, token: Token) -> io::Result<()> {
        count(&self.counts.added);
        self.poller.add(descriptor, token)
    }
    fn rearm(&mut self, descriptor: RawFd, direction: Direction) {
        self.poller.rearm(descriptor, direction);
    }
    fn remove(&mut self, descriptor: RawFd) {
        count(&self.counts.removed);
        self.poller.remove(descriptor);
    }
    fn wait(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        count(&self.counts.waits);
        self.poller.wait(timeout, events)
    }
    fn waker(&self) -> Arc<dyn Wake> {
        self.poller.waker()
    }
}

fn counting() -> (Box<dyn Engine>, Rc<Counts>) {
    let counts = Rc::new(Counts::default());
    let poller = Counting { poller: epoll::Epoll::new().unwrap(), counts: counts.clone() };
    (Box::new(Readiness::new(poller, disk()).unwrap()), counts)
}

/// Wait until there are news of `token`.
fn await_news(engine: &mut dyn Engine, token: Token) -> News {
    let until = engine.now() + conformance::PATIENCE;
    loop {
        let mut news = Vec::new();
        engine.wait(Some(until), &mut news).unwrap();
        if let Some(found) = news.into_iter().find(|news| news.token == token) {
            return found;
        }
        assert!(engine.now() < until, "no news of {token:?}");
    }
}

/// A connection, with the news of its making taken: the end that connected, the end that was accepted.
fn pair(engine: &mut dyn Engine) -> (Token, Token) {
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into();
    let (listener, address) = engine.listen(&any_port, &ListenOptions::default()).unwrap();
    let client = engine.connect(&address, None).unwrap();
    await_news(engine, listener);
    let (server, _) = engine.accept(listener).unwrap();
    engine.connected(client).unwrap();
    engine.close(listener, Close::Graceful);
    let now = engine.now();
    engine.wait(Some(now), &mut Vec::new()).unwrap();
    (client, server)
}

fn send_all(engine: &mut dyn Engine, token: Token, data: &[u8]) {
    let mut output = Output::default();
    output.push_slice(data);
    assert_eq!(engine.send(token, &mut output).unwrap(), data.len());
}

#[test]
fn a_connection_is_registered_once_and_a_turn_is_one_wait() {
    const TURNS: u32 = 100;
    let (mut engine, counts) = counting();
    let (client, server) = pair(&mut *engine);
    let (added, waits) = (counts.added.get(), counts.waits.get());
    let mut input = BytesMut::with_capacity(1024);
    for _ in 0..TURNS {
        for (from, to) in [(client, server), (server, client)] {
            send_all(&mut *engine, from, &[0; 64]);
            let news = await_news(&mut *engine, to);
            assert!(news.readable && !news.writable, "room was not asked for: {news:?}");
            input.clear();
            assert_eq!(engine.receive(to, &mut input).unwrap(), Received { bytes: 64, drained: true });
        }
    }
    assert_eq!((counts.added.get(), counts.waits.get()), (added, waits + 2 * TURNS));
    let removed = counts.removed.get();
    engine.close(client, Close::Graceful);
    engine.close(server, Close::Graceful);
    assert_eq!(counts.removed.get(), removed + 2);
}

#[test]
fn a_busy_peer_of_a_paused_connection_wakes_nobody() {
    for name in [epoll::NAME, "poll", "select"] {
        let mut engine = open(name);
        let (client, server) = pair(&mut *engine);
        send_all(&mut *engine, client, b"!");
        await_news(&mut *engine, server);
        for _ in 0..3 {
            send_all(&mut *engine, client, b"!");
            let mut news = Vec::new();
            let until = engine.now() + Duration::from_millis(2);
            engine.wait(Some(until), &mut news).unwrap();
            assert!(engine.now() >= until && news.is_empty(), "{name}: {news:?}");
        }
    }
}

#[test]
fn a_short_read_after_a_hang_up_is_not_drained() {
    for name in [epoll::NAME, "poll"] {
        let mut engine = open(name);
        let (mut outside, inside) = std::os::unix::net::UnixStream::pair().unwrap();
        let token = engine.adopt(inside.into(), Adopted::Stream).unwrap();
        io::Write::write_all(&mut outside, b"last words").unwrap();
        drop(outside);
        await_news(&mut *engine, token);
        let mut input = BytesMut::with_capacity(1024);
        assert_eq!(
            engine.receive(token, &mut input).unwrap(),
            Received { bytes: 10, drained: false },
            "{name}"
        );
        assert_eq!(
            engine.receive(token, &mut input).unwrap(),
            Received { bytes: 0, drained: false },
            "{name}"
        );
    }
}

#[test]
fn a_full_read_is_not_drained() {
    let mut engine = open(epoll::NAME);
    let (client, server) = pair(&mut *engine);
    send_all(&mut *engine, client, b"12345678");
    await_news(&mut *engine, server);
    let mut input = BytesMut::with_capacity(8);
    assert_eq!(engine.receive(server, &mut input).unwrap(), Received { bytes: 8, drained: false });
}

#[test]
fn descriptors_do_not_block() {
    let mut engine = open(epoll::NAME);
    let (client, server) = pair(&mut *engine);
    for token in [client, server] {
        let descriptor = engine.release(token).unwrap();
        assert!(rustix::fs::fcntl_getfl(&descriptor).unwrap().contains(OFlags::NONBLOCK));
    }
}

/// A poller that hears nothing.
struct Deaf;

impl Poller for Deaf {
    fn name(&self) -> &'static str {
        "deaf"
    }
    fn add(&mut self, _: RawFd, _: Token) -> io::Result<()> {
        Ok(())
    }
    fn rearm(&mut self, _: RawFd, _: Direction) {}
    fn remove(&mut self, _: RawFd) {}
    fn wait(&mut self, _: Option<Duration>, _: &mut Vec<Event>) -> io::Result<()> {
        Ok(())
    }
    fn waker(&self) -> Arc<dyn Wake> {
        unreachable!("nobody is woken")
    }
}

#[test]
fn an_attempt_that_fails_at_once_is_news_whatever_the_poller_says() {
    let mut engine = Readiness::new(Deaf, disk()).unwrap();
    let nowhere = Address::unix("/nowhere/at/all");
    let first = engine.connect(&nowhere, None).unwrap();
    let second = engine.connect(&nowhere, None).unwrap();
    engine.close(first, Close::Graceful);
    let mut news = Vec::new();
    engine.wait(None, &mut news).unwrap();
    assert_eq!(news, [News { token: second, readable: false, writable: true }]);
    for _ in 0..2 {
        assert_eq!(engine.connected(second).unwrap_err().kind(), io::ErrorKind::NotFound);
    }
    engine.close(second, Close::Graceful);
    assert!(engine.failed.is_empty() && engine.early.is_empty());
}

#[test]
fn an_undecided_attempt_would_block() {
    let mut engine = open("poll");
    let any_port = SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into();
    let options = ListenOptions { backlog: 1, ..ListenOptions::default() };
    let (_listener, address) = engine.listen(&any_port, &options).unwrap();
    // Once the backlog is full the kernel leaves them waiting.
    let undecided = (0..10).any(|_| {
        let client = engine.connect(&address, None).unwrap();
        let outcome = engine.connected(client);
        matches!(outcome, Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    });
    assert!(undecided, "a backlog of one took ten connections");
}

#[test]
fn a_full_backlog_of_a_local_listener_refuses() {
    let directory = tempfile::tempdir().unwrap();
    let address = Address::unix(directory.path().join("full"));
    let mut engine = open(epoll::NAME);
    engine.listen(&address, &ListenOptions { backlog: 1, ..ListenOptions::default() }).unwrap();
    for _ in 0..10 {
        let client = engine.connect(&address, None).unwrap();
        await_news(&mut *engine, client);
        if let Err(error) = engine.connected(client) {
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
            return;
        }
    }
    panic!("a backlog of one took ten connections");
}

#[test]
fn a_local_socket_goes_with_its_engine() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let mut engine = open("poll");
    engine.listen(&Address::unix(&path), &ListenOptions::default()).unwrap();
    assert!(path.exists());
    drop(engine);
    assert!(!path.exists());
}

#[test]
fn a_released_local_listener_keeps_its_path() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("socket");
    let mut engine = open("poll");
    let (listener, _) = engine.listen(&Address::unix(&path), &ListenOptions::default()).unwrap();
    let _listener = engine.release(listener).unwrap();
    drop(engine);
    assert!(path.exists());
}

#[test]
fn two_engines_have_different_seeds() {
    assert_ne!(open("poll").seed(), open("poll").seed());
}

#[test]
fn an_unknown_backend_is_an_error_that_names_those_there_are() {
    let error = readiness("telepathy", disk()).err().unwrap().to_string();
    assert!(error.contains("telepathy") && error.contains("select"), "{error}");
}

#[test]
fn a_spin_finds_news_and_wakes_and_ends_in_time() {
    const SPIN: Duration = Duration::from_millis(20);
    let (mut engine, counts) = counting();
    engine.set_spin(SPIN);
    let (client, server) = pair(&mut *engine);
    let mut input = BytesMut::with_capacity(1024);
    let mut exchange = |engine: &mut dyn Engine| {
        send_all(engine, client, b"!");
        await_news(engine, server);
        input.clear();
        engine.receive(server, &mut input).unwrap();
    };
    exchange(&mut *engine);
    exchange(&mut *engine);
    let waits = counts.waits.get();
    exchange(&mut *engine);
    assert_eq!(counts.waits.get(), waits + 1, "the news were there at the first look");
    // A wake-up during the spin is seen, and not waited out.
    let start = engine.now();
    engine.waker().wake();
    engine.wait(Some(start + conformance::PATIENCE), &mut Vec::new()).unwrap();
    assert!(engine.now() < start + conformance::PATIENCE);
    // Traffic has stopped: one wait spins, and those after it block at once.
    for (what, at_least, at_most) in [("the first", 3, u32::MAX), ("the next", 1, 1), ("the last", 1, 1)] {
        let waits = counts.waits.get();
        let until = engine.now() + 2 * SPIN;
        engine.wait(Some(until), &mut Vec::new()).unwrap();
        let waits = counts.waits.get() - waits;
        assert!(engine.now() >= until, "{what} wait ended early");
        assert!((at_least..=at_most).contains(&waits), "{what} wait looked {waits} times");
    }
}
