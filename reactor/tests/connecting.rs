//! Connecting in virtual time: addresses tried side by side, connections made again, and the names of
//! what goes wrong.
#![allow(clippy::unwrap_used, reason = "a test")]

use bytes::BytesMut;
use ropewalk_reactor::prelude::*;
use ropewalk_reactor::testing::Clock;
use ropewalk_reactor::{Backoff, HEAD_START};
use std::cell::{Cell, RefCell};
use std::net::IpAddr;
use std::rc::Rc;
use std::time::Instant;

struct Quiet;

impl Protocol for Quiet {
    fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
        input.clear();
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn a_silent_address_costs_its_head_start_and_no_more() {
    let clock = Clock::new();
    let reactor = clock.reactor().clone();
    let _listener = reactor.listen("tcp:80:interface=10.0.0.2", |_: &Address| Quiet).unwrap();
    clock.world().set_host("both.example", vec![ip("10.0.0.1"), ip("10.0.0.2")]);
    clock.world().cut(&Address::Internet(([10, 0, 0, 1], 80).into()));
    let start = reactor.now();
    let connecting = reactor.connect("tcp:both.example:80", Quiet);
    let transport = reactor.block_on(connecting).unwrap();
    assert_eq!(transport.peer().ip(), Some(ip("10.0.0.2")));
    let took = reactor.now() - start;
    assert!(took >= HEAD_START && took < 2 * HEAD_START, "{took:?}");
}

#[test]
fn a_refused_address_gives_way_at_once() {
    let clock = Clock::new();
    let reactor = clock.reactor().clone();
    let _listener = reactor.listen("tcp:80:interface=10.0.0.2", |_: &Address| Quiet).unwrap();
    clock.world().set_host("both.example", vec![ip("10.0.0.1"), ip("10.0.0.2")]);
    let start = reactor.now();
    let connecting = reactor.connect("tcp:both.example:80", Quiet);
    reactor.block_on(connecting).unwrap();
    assert!(reactor.now() - start < HEAD_START, "it waited for an answer that it had");
}

#[test]
fn families_take_turns_beginning_with_the_resolvers_first() {
    let clock = Clock::new();
    let reactor = clock.reactor().clone();
    let _listener = reactor.listen("tcp:80:interface=10.0.0.9", |_: &Address| Quiet).unwrap();
    // Two addresses of the first family are silent; the other family is tried second, not third.
    clock.world().set_host("mixed.example", vec![ip("fd00::1"), ip("fd00::2"), ip("10.0.0.9")]);
    for address in ["[fd00::1]:80", "[fd00::2]:80"] {
        clock.world().cut(&Address::Internet(address.parse().unwrap()));
    }
    let start = reactor.now();
    let connecting = reactor.connect("tcp:mixed.example:80", Quiet);
    let transport = reactor.block_on(connecting).unwrap();
    assert_eq!(transport.peer().ip(), Some(ip("10.0.0.9")));
    assert!(reactor.now() - start < 2 * HEAD_START);
}

#[test]
fn an_attempt_ends_at_its_timeout_and_leaves_nothing_open() {
    let clock = Clock::new();
    let reactor = clock.reactor().clone();
    clock.world().cut(&Address::Internet(([10, 0, 0, 1], 80).into()));
    let start = reactor.now();
    let connecting = reactor.connect("tcp:10.0.0.1:80:timeout=5", Quiet);
    let outcome = reactor.block_on(connecting);
    assert!(matches!(outcome, Err(Failure::TimedOut)), "{outcome:?}");
    assert_eq!((reactor.now() - start).as_secs(), 5);
    clock.advance(Duration::from_secs(1)).unwrap();
    assert_eq!(clock.world().open_tokens(), 0);
}

#[test]
fn an_unknown_name_and_a_wrong_endpoint_are_named() {
    let clock = Clock::new();
    let reactor = clock.reactor().clone();
    clock.world().set_host("nobody.example", vec![]);
    for (endpoint, word) in
        [("tcp:nobody.example:80", "nobody.example"), ("tcp:host", "port"), ("ftp:host:21", "ftp")]
    {
        let connecting = reactor.connect(endpoint, Quiet);
        let failure = reactor.block_on(connecting).unwrap_err().to_string();
        assert!(failure.contains(word), "{failure}");
    }
}

#[test]
fn a_lost_connection_is_made_again_with_growing_pauses() {
    struct Noted(Rc<RefCell<Vec<Instant>>>, Reactor);
    impl Protocol for Noted {
        fn connection_made(&mut self, _: &Transport) {
            self.0.borrow_mut().push(self.1.now());
        }
        fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
            input.clear();
        }
    }
    let clock = Clock::new();
    let reactor = clock.reactor().clone();
    let made: Rc<RefCell<Vec<Instant>>> = Rc::default();
    let attempts = Rc::new(Cell::new(0));
    let (log, count, home) = (made.clone(), attempts.clone(), reactor.clone());
    let backoff = Backoff { jitter: 0.0, ..Backoff::default() };
    let factory = move |_: &Address| {
        count.set(count.get() + 1);
        Noted(log.clone(), home.clone())
    };
    let reconnector = reactor.keep_connected("tcp:10.0.0.1:80", backoff, factory).unwrap();
    // Nobody listens: attempts at 0, 0.5, 1.5, 3.5, 7.5 seconds.
    clock.advance(Duration::from_secs(8)).unwrap();
    assert_eq!((attempts.get(), reconnector.failures()), (5, 5));
    let listener = reactor.listen("tcp:80:interface=10.0.0.1", |_: &Address| Quiet).unwrap();
    clock.advance(Duration::from_secs(10)).unwrap();
    assert_eq!((made.borrow().len(), reconnector.failures()), (1, 0));
    // Lost, and made again after the first pause, because the connection has reset the backoff.
    reconnector.transport().unwrap().abort();
    clock.advance(Duration::from_secs(1)).unwrap();
    assert_eq!(made.borrow().len(), 2);
    reconnector.stop();
    reconnector.transport().inspect(|transport| transport.abort());
    listener.stop();
    let before = attempts.get();
    clock.advance(Duration::from_secs(600)).unwrap();
    assert_eq!(attempts.get(), before, "a stopped client went on");
}

#[test]
fn delays_grow_to_their_maximum_and_are_off_by_chance_alone() {
    let backoff = Backoff::default();
    let even = |attempt| backoff.delay(attempt, 0.5).as_secs_f64();
    assert_eq!([even(0), even(1), even(2), even(10), even(u32::MAX)], [0.5, 1.0, 2.0, 30.0, 30.0]);
    assert_eq!(backoff.delay(1, 0.0).as_secs_f64(), 0.75);
    assert_eq!(backoff.delay(1, 1.0).as_secs_f64(), 1.25);
}
