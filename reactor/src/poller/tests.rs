//! The suite on each poller, and what no suite can ask of any poller.

#![expect(clippy::disallowed_methods, reason = "signals come from another thread, and time is measured")]

use super::*;
use crate::sys::signal::Thread;
use crate::testing::conformance;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;
use std::time::Instant;

fn epoll() -> Box<dyn Poller> {
    Box::new(epoll::Epoll::new().unwrap())
}

fn poll() -> Box<dyn Poller> {
    Box::new(poll::Poll::new().unwrap())
}

fn select() -> Box<dyn Poller> {
    Box::new(select::Select::new().unwrap())
}

const TOKEN: Token = Token { index: 7, generation: 3 };

#[test]
fn epoll_keeps_the_contract_of_pollers() {
    conformance::poller(&epoll);
}

#[test]
fn poll_keeps_the_contract_of_pollers() {
    conformance::poller(&poll);
}

#[test]
fn select_keeps_the_contract_of_pollers() {
    conformance::poller(&select);
}

#[test]
fn an_interrupted_wait_returns_with_nothing() {
    const AGES: Duration = Duration::from_secs(30);
    for make in [epoll, poll, select] {
        let mut poller = make();
        let waiting = Thread::current();
        let (done, is_done) = mpsc::channel::<()>();
        // Again and again, because the first signal may come before the wait has begun.
        let other = std::thread::spawn(move || {
            while let Err(mpsc::RecvTimeoutError::Timeout) = is_done.recv_timeout(Duration::from_millis(1)) {
                waiting.interrupt();
            }
        });
        let start = Instant::now();
        let mut events = Vec::new();
        let outcome = poller.wait(Some(AGES), &mut events);
        drop(done);
        other.join().unwrap();
        assert!(outcome.is_ok(), "{}: {outcome:?}", poller.name());
        assert!(events.is_empty() && start.elapsed() < AGES, "{}", poller.name());
    }
}

#[test]
fn select_refuses_a_descriptor_beyond_its_limit_and_says_so() {
    raise_descriptor_limit();
    let (stream, _peer) = UnixStream::pair().unwrap();
    let high = rustix::io::fcntl_dupfd_cloexec(&stream, 1024).unwrap();
    let error = select().add(high.as_raw_fd(), TOKEN).unwrap_err().to_string();
    for part in ["FD_SETSIZE", "1024", "epoll", "poll"] {
        assert!(error.contains(part), "{error:?} does not say {part:?}");
    }
    for mut other in [epoll(), poll()] {
        other.add(high.as_raw_fd(), TOKEN).unwrap();
    }
}

#[test]
fn select_watches_the_highest_descriptor_below_its_limit() {
    raise_descriptor_limit();
    let (stream, mut peer) = UnixStream::pair().unwrap();
    let highest = loop {
        // Other tests of this process may hold some of them.
        let high = rustix::io::fcntl_dupfd_cloexec(&stream, 1000).unwrap();
        if high.as_raw_fd() == 1023 {
            break high;
        }
        std::mem::forget(high);
    };
    let mut poller = select();
    poller.add(highest.as_raw_fd(), TOKEN).unwrap();
    io::Write::write_all(&mut peer, b"!").unwrap();
    let mut events = Vec::new();
    poller.wait(None, &mut events).unwrap();
    assert_eq!(events, [Event { token: TOKEN, readable: true, writable: true, hangup: false }]);
}

fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let wanted = limit.maximum.map_or(4096, |maximum| maximum.min(4096)).max(limit.current.unwrap_or(0));
    setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..limit }).unwrap();
}

#[test]
fn epoll_and_poll_tell_a_hang_up_from_data() {
    for mut poller in [epoll(), poll()] {
        let (stream, peer) = UnixStream::pair().unwrap();
        poller.add(stream.as_raw_fd(), TOKEN).unwrap();
        drop(peer);
        let mut events = Vec::new();
        poller.wait(None, &mut events).unwrap();
        assert!(events.iter().any(|event| event.hangup && event.readable), "{}: {events:?}", poller.name());
    }
}
