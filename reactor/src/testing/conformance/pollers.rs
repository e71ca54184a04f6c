//! Pollers: the contract of [`crate::poller`].

#![expect(clippy::disallowed_methods, reason = "a poller has no clock of its own")]

use super::PATIENCE;
use crate::engine::Token;
use crate::poller::{Direction, Event, Poller, WAKE};
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// A rule and its check.
pub(super) type Case = (&'static str, fn(&mut dyn Poller));

macro_rules! cases {
    ($($check:ident),+ $(,)?) => { &[$((stringify!($check), $check)),+] };
}

pub(super) const CASES: &[Case] = cases![
    what_is_ready_is_reported,
    what_was_reported_is_not_repeated,
    what_is_rearmed_is_reported_again,
    each_direction_is_rearmed_by_itself,
    a_hang_up_is_reported_once,
    a_hang_up_after_a_rearm_is_reported,
    an_error_that_has_passed_leaves_the_descriptor_watched,
    a_removed_descriptor_is_silent,
    removing_some_keeps_the_others,
    removing_some_keeps_those_that_have_hung_up,
    a_descriptor_added_again_has_its_new_token,
    calls_for_an_unknown_descriptor_are_harmless,
    a_wait_is_never_shorter_than_asked,
    a_wait_of_no_time_does_not_block,
    a_wake_ends_a_wait_with_an_event_of_its_own,
    many_wakes_are_one,
];

/// Long enough for a poller that repeats itself to be found out.
const A_WHILE: Duration = Duration::from_millis(5);

const LOOPBACK: SocketAddr = SocketAddr::V4(SocketAddrV4::new(Ipv4Addr::LOCALHOST, 0));

fn token(number: u32) -> Token {
    Token { index: number, generation: number + 1000 }
}

/// Both ends of a connection; nothing to read, room to write.
fn pair() -> (UnixStream, UnixStream) {
    let (near, far) = UnixStream::pair().expect("a pair of sockets");
    near.set_nonblocking(true).expect("an open socket");
    (near, far)
}

fn wait(poller: &mut dyn Poller, timeout: Option<Duration>) -> Vec<Event> {
    let mut events = Vec::new();
    poller.wait(timeout, &mut events).expect("a wait never fails");
    for event in &events {
        assert!(event.readable || event.writable, "an empty event: {event:?}");
    }
    events
}

/// Wait until the descriptor of `token` is ready to be read.
fn await_readable(poller: &mut dyn Poller, token: Token) {
    let end = Instant::now() + PATIENCE;
    while !wait(poller, Some(PATIENCE)).iter().any(|event| event.token == token && event.readable) {
        assert!(Instant::now() < end, "{token:?} was never reported");
    }
}

/// Take the events of descriptors that were just added and are writable; all of them.
fn settle(poller: &mut dyn Poller) {
    while !wait(poller, Some(Duration::ZERO)).is_empty() {}
}

/// Read until nothing is left, and say so.
fn drain(poller: &mut dyn Poller, mut stream: &UnixStream) -> Vec<u8> {
    let mut all = Vec::new();
    let error = stream.read_to_end(&mut all).expect_err("the stream is open");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    poller.rearm(stream.as_raw_fd(), Direction::Read);
    all
}

fn what_is_ready_is_reported(poller: &mut dyn Poller) {
    let (near, mut far) = pair();
    poller.add(near.as_raw_fd(), token(1)).expect("add");
    far.write_all(b"!").expect("room");
    await_readable(poller, token(1));
    poller.remove(near.as_raw_fd());
}

fn what_was_reported_is_not_repeated(poller: &mut dyn Poller) {
    let (near, mut far) = pair();
    poller.add(near.as_raw_fd(), token(1)).expect("add");
    far.write_all(b"!").expect("room");
    await_readable(poller, token(1));
    assert_eq!(wait(poller, Some(A_WHILE)), [], "both directions were reported");
}

fn what_is_rearmed_is_reported_again(poller: &mut dyn Poller) {
    let (near, mut far) = pair();
    poller.add(near.as_raw_fd(), token(1)).expect("add");
    for _ in 0..3 {
        far.write_all(b"!").expect("room");
        await_readable(poller, token(1));
        assert_eq!(drain(poller, &near), b"!");
        assert!(!wait(poller, Some(A_WHILE)).iter().any(|event| event.readable), "nothing has come since");
    }
}

fn each_direction_is_rearmed_by_itself(poller: &mut dyn Poller) {
    let (near, mut far) = pair();
    poller.add(near.as_raw_fd(), token(1)).expect("add");
    let mut filled = 0;
    while let Ok(count) = (&near).write(&[0; 4096]) {
        filled += count;
    }
    far.write_all(b"!").expect("room");
    settle(poller);
    poller.rearm(near.as_raw_fd(), Direction::Write);
    assert!(!wait(poller, Some(A_WHILE)).iter().any(|event| event.writable), "there is no room yet");
    far.read_exact(&mut vec![0; filled]).expect("what was written");
    let end = Instant::now() + PATIENCE;
    while !wait(poller, Some(PATIENCE)).iter().any(|event| event.writable) {
        assert!(Instant::now() < end, "room was never reported");
    }
}

fn a_hang_up_is_reported_once(poller: &mut dyn Poller) {
    let (near, far) = pair();
    poller.add(near.as_raw_fd(), token(1)).expect("add");
    settle(poller);
    drop(far);
    // It can't be masked in every interface, and must not come again and again.
    await_readable(poller, token(1));
    assert_eq!(wait(poller, Some(A_WHILE)), []);
}

fn a_hang_up_after_a_rearm_is_reported(poller: &mut dyn Poller) {
    let (near, mut far) = pair();
    poller.add(near.as_raw_fd(), token(1)).expect("add");
    far.write_all(b"last words").expect("room");
    await_readable(poller, token(1));
    assert_eq!(drain(poller, &near), b"last words");
    drop(far);
    await_readable(poller, token(1));
    assert_eq!((&near).read(&mut [0]).expect("the end"), 0);
}

fn an_error_that_has_passed_leaves_the_descriptor_watched(poller: &mut dyn Poller) {
    let bind = |to: SocketAddr| UdpSocket::bind(to).expect("a free port");
    let (near, far) = (bind(LOOPBACK), bind(LOOPBACK));
    near.set_nonblocking(true).expect("an open socket");
    let (here, there) = (near.local_addr().expect("bound"), far.local_addr().expect("bound"));
    near.connect(there).expect("a datagram socket connects at once");
    poller.add(near.as_raw_fd(), token(1)).expect("add");
    settle(poller);
    drop(far);
    near.send(b"is anybody there?").expect("room");
    await_readable(poller, token(1));
    let refused = near.recv(&mut [0; 8]).expect_err("nobody is there");
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    let empty = near.recv(&mut [0; 8]).expect_err("nothing came");
    assert_eq!(empty.kind(), ErrorKind::WouldBlock);
    poller.rearm(near.as_raw_fd(), Direction::Read);
    bind(there).send_to(b"now there is", here).expect("room");
    await_readable(poller, token(1));
}

fn a_removed_descriptor_is_silent(poller: &mut dyn Poller) {
    let (near, mut far) = pair();
    poller.add(near.as_raw_fd(), token(1)).expect("add");
    settle(poller);
    far.write_all(b"!").expect("room");
    poller.remove(near.as_raw_fd());
    assert_eq!(wait(poller, Some(A_WHILE)), []);
    drop(far);
    assert_eq!(wait(poller, Some(A_WHILE)), []);
}

fn removing_some_keeps_the_others(poller: &mut dyn Poller) {
    const COUNT: u32 = 12;
    let mut open: Vec<(u32, (UnixStream, UnixStream))> = (0..COUNT).map(|number| (number, pair())).collect();
    for (number, (near, _)) in &open {
        poller.add(near.as_raw_fd(), token(*number)).expect("add");
    }
    // From the front, from the back, from the middle.
    for victim in [0, COUNT as usize - 2, 5, 4, 0] {
        let (_, (near, far)) = open.remove(victim);
        poller.remove(near.as_raw_fd());
        drop((near, far));
        settle(poller);
        for (number, (near, far)) in &open {
            (&*far).write_all(b"!").expect("room");
            await_readable(poller, token(*number));
            assert_eq!(drain(poller, near), b"!");
        }
    }
}

fn removing_some_keeps_those_that_have_hung_up(poller: &mut dyn Poller) {
    let pairs: Vec<_> = (0..4).map(|_| pair()).collect();
    for (number, (near, _)) in (0..).zip(&pairs) {
        poller.add(near.as_raw_fd(), token(number)).expect("add");
    }
    settle(poller);
    let near: Vec<UnixStream> = pairs.into_iter().map(|(near, _far)| near).collect();
    settle(poller);
    for stream in &near {
        poller.remove(stream.as_raw_fd());
        assert_eq!(wait(poller, Some(A_WHILE)), [], "all were reported");
    }
    let (again, mut far) = pair();
    poller.add(again.as_raw_fd(), token(9)).expect("add");
    far.write_all(b"!").expect("room");
    await_readable(poller, token(9));
}

fn a_descriptor_added_again_has_its_new_token(poller: &mut dyn Poller) {
    let (near, mut far) = pair();
    let descriptor: RawFd = near.as_raw_fd();
    poller.add(descriptor, token(1)).expect("add");
    settle(poller);
    poller.remove(descriptor);
    poller.add(descriptor, token(2)).expect("add");
    far.write_all(b"!").expect("room");
    await_readable(poller, token(2));
}

fn calls_for_an_unknown_descriptor_are_harmless(poller: &mut dyn Poller) {
    let (near, _far) = pair();
    for descriptor in [near.as_raw_fd(), RawFd::MAX, -1] {
        poller.rearm(descriptor, Direction::Read);
        poller.rearm(descriptor, Direction::Write);
        poller.remove(descriptor);
    }
    assert_eq!(wait(poller, Some(Duration::ZERO)), []);
}

fn a_wait_is_never_shorter_than_asked(poller: &mut dyn Poller) {
    for micros in [1, 999, 1_000, 1_001, 2_500] {
        let timeout = Duration::from_micros(micros);
        let start = Instant::now();
        assert_eq!(wait(poller, Some(timeout)), []);
        assert!(start.elapsed() >= timeout, "{:?} instead of {timeout:?}", start.elapsed());
    }
}

fn a_wait_of_no_time_does_not_block(poller: &mut dyn Poller) {
    let start = Instant::now();
    for _ in 0..100 {
        assert_eq!(wait(poller, Some(Duration::ZERO)), []);
    }
    assert!(start.elapsed() < PATIENCE / 10);
}

fn a_wake_ends_a_wait_with_an_event_of_its_own(poller: &mut dyn Poller) {
    let waker = poller.waker();
    for _ in 0..3 {
        waker.wake();
        let events = wait(poller, None);
        assert!(matches!(events[..], [Event { token: WAKE, .. }]), "{events:?}");
    }
}

fn many_wakes_are_one(poller: &mut dyn Poller) {
    let waker = poller.waker();
    for _ in 0..10_000 {
        waker.wake();
    }
    assert_eq!(wait(poller, None).len(), 1);
    assert_eq!(wait(poller, Some(A_WHILE)), []);
}
