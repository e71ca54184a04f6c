//! Policies, in simulated worlds: minutes take no time there, and no more than they should.
#![allow(clippy::unwrap_used, reason = "a test")]

use ropewalk_reactor::policy::{
    Idle, IdleTimeout, Limited, Logged, MessageDeadline, Policy, Prompt, Rate, Throttle, Throttled, Under,
};
use ropewalk_reactor::prelude::*;
use ropewalk_reactor::testing::{Faults, Sim, World, explore};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

const fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// In so many turns everything here happens: a loop that spins is found out.
const TURNS_MAX: u32 = 500_000;

/// A reactor in a perfect network, and its world.
fn sim() -> (Reactor, World) {
    sim_with(1, Faults::none())
}

fn sim_with(seed: u64, faults: Faults) -> (Reactor, World) {
    let (engine, world) = Sim::new(seed, faults);
    (Reactor::with_engine(engine), world)
}

/// One end of a connection, as seen from the test.
#[derive(Default)]
struct Seen {
    received: RefCell<Vec<u8>>,
    transport: RefCell<Option<Transport>>,
    lost: RefCell<Option<String>>,
    timed_out: Cell<u32>,
    paused: Cell<u32>,
}

impl Seen {
    fn transport(&self) -> Transport {
        self.transport.borrow().clone().expect("it is connected")
    }

    fn is_lost(&self) -> bool {
        self.lost.borrow().is_some()
    }

    fn count(&self) -> usize {
        self.received.borrow().len()
    }
}

type Hook = Rc<dyn Fn(&Transport)>;

/// Takes what comes, or only whole lines of it.
#[derive(Clone)]
struct Actor {
    seen: Rc<Seen>,
    made: Option<Hook>,
    by_lines: bool,
    echoes: bool,
}

impl Actor {
    fn new() -> Self {
        Self { seen: Rc::default(), made: None, by_lines: false, echoes: false }
    }

    fn on_made(mut self, hook: impl Fn(&Transport) + 'static) -> Self {
        self.made = Some(Rc::new(hook));
        self
    }

    fn by_lines(mut self) -> Self {
        self.by_lines = true;
        self
    }
}

impl Protocol for Actor {
    fn connection_made(&mut self, transport: &Transport) {
        *self.seen.transport.borrow_mut() = Some(transport.clone());
        self.made.iter().for_each(|hook| hook(transport));
    }
    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        let taken = if self.by_lines {
            let end = input.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            input.split_to(end)
        } else {
            input.split()
        };
        self.seen.received.borrow_mut().extend_from_slice(&taken);
        if self.echoes {
            transport.write_bytes(taken.freeze());
        }
    }
    fn timed_out(&mut self, _: &Transport) {
        self.seen.timed_out.set(self.seen.timed_out.get() + 1);
    }
    fn write_paused(&mut self, _: &Transport) {
        self.seen.paused.set(self.seen.paused.get() + 1);
    }
    fn connection_lost(&mut self, _: &Transport, why: &Reason) {
        *self.seen.lost.borrow_mut() = Some(why.to_string());
    }
}

/// Turn until `done`; returns when that was, from now on.
fn until(reactor: &Reactor, what: &str, done: impl Fn() -> bool) -> Duration {
    let (start, patience) = (reactor.now(), secs(2 * 3600));
    let alarm = reactor.call_later(patience, || {});
    let mut turns = 0;
    while !done() {
        turns += 1;
        assert!(reactor.now() - start < patience && turns < TURNS_MAX, "{what} never happened");
        reactor.turn().unwrap();
    }
    alarm.cancel();
    reactor.now() - start
}

/// Let time pass.
fn pass(reactor: &Reactor, time: Duration) {
    let over = Rc::new(Cell::new(false));
    let set = over.clone();
    reactor.call_later(time, move || set.set(true));
    until(reactor, "the passing of time", || over.get());
}

fn listen(reactor: &Reactor, factory: impl Factory + 'static) {
    reactor.listen("tcp:7:interface=10.0.0.1", factory).unwrap();
}

/// Connect a client, and see that it is connected.
fn connect(reactor: &Reactor, client: &Actor) {
    let made = reactor.connect("tcp:10.0.0.1:7", client.clone());
    reactor.block_on(made).unwrap();
}

/// A server under some policy, and a client that takes everything; both connected.
fn pair<F: Factory + 'static>(reactor: &Reactor, server: &Actor, under: impl FnOnce(Cast) -> F) -> Rc<Seen> {
    let client = Actor::new();
    listen(reactor, under(Cast(server.clone())));
    connect(reactor, &client);
    until(reactor, "accepting", || server.seen.transport.borrow().is_some());
    client.seen
}

/// A factory that has only one protocol, for each connection.
struct Cast(Actor);

impl Factory for Cast {
    fn build_protocol(&mut self, _: &Address) -> Option<Box<dyn Protocol>> {
        Some(Box::new(self.0.clone()))
    }
}

/// A turn takes a microsecond, and so a few are lost before the clock is looked at.
fn assert_about(time: Duration, expected: Duration) {
    let lost = Duration::from_millis(1);
    assert!(expected <= time + lost && time < expected + secs(1), "{time:?} instead of {expected:?}");
}

// ---- idle connections

#[test]
fn a_silent_connection_is_closed_when_its_time_is_up() {
    let (reactor, _) = sim();
    let server = Actor::new();
    let client = pair(&reactor, &server, |factory| Idle::new(secs(30), factory));
    assert_about(until(&reactor, "closing", || client.is_lost()), secs(30));
    assert_eq!(server.seen.lost.borrow().as_deref(), Some("closed cleanly"));
    assert_eq!(server.seen.timed_out.get(), 0);
}

#[test]
fn what_is_received_gives_time_anew() {
    let (reactor, _) = sim();
    let client = pair(&reactor, &Actor::new(), |factory| Idle::new(secs(30), factory));
    for _ in 0..3 {
        pass(&reactor, secs(20));
        client.transport().write(b"x");
    }
    assert_about(until(&reactor, "closing", || client.is_lost()), secs(30));
}

#[test]
fn what_is_sent_counts_unless_only_input_does() {
    for input_only in [false, true] {
        let (reactor, _) = sim();
        let policy = IdleTimeout::new(secs(30));
        let policy = if input_only { policy.input_only() } else { policy };
        let server = Actor::new();
        let client = pair(&reactor, &server, |factory| Idle::with(policy, factory));
        let transport = server.seen.transport();
        let beat = reactor.looping_call(secs(20), move |_| transport.write(b"tick"));
        pass(&reactor, secs(100));
        assert_eq!(client.is_lost(), input_only);
        beat.stop();
    }
}

#[test]
fn a_connection_whose_reading_is_paused_is_not_idle() {
    let (reactor, _) = sim();
    let server = Actor::new().on_made(Transport::pause_reading);
    let client = pair(&reactor, &server, |factory| Idle::new(secs(30), factory));
    pass(&reactor, secs(100));
    assert!(!client.is_lost());
    server.seen.transport().resume_reading();
    let time = until(&reactor, "closing", || client.is_lost());
    assert!(secs(30) <= time && time <= secs(60), "{time:?}");
}

#[test]
fn a_protocol_can_be_told_of_idleness_and_decide() {
    let (reactor, _) = sim();
    let server = Actor::new();
    let policy = IdleTimeout::new(secs(30)).tell_protocol();
    let client = pair(&reactor, &server, |factory| Idle::with(policy, factory));
    pass(&reactor, secs(100));
    assert_eq!(server.seen.timed_out.get(), 1);
    client.transport().write(b"x");
    pass(&reactor, secs(100));
    assert_eq!(server.seen.timed_out.get(), 2);
    assert!(!client.is_lost());
}

#[test]
fn idleness_and_the_protocols_own_timeout_do_not_meet() {
    let (reactor, _) = sim();
    let server = Actor::new().on_made(|transport| transport.set_timeout(Some(secs(5))));
    let client = pair(&reactor, &server, |factory| Idle::new(secs(30), factory));
    pass(&reactor, secs(20));
    assert_eq!(server.seen.timed_out.get(), 1);
    assert!(!client.is_lost());
    assert_about(until(&reactor, "closing", || client.is_lost()), secs(10));
}

#[test]
fn a_single_protocol_can_be_under_a_policy_too() {
    let (reactor, _) = sim();
    listen(&reactor, Cast(Actor::new()));
    let client = Actor::new();
    let made = reactor.connect("tcp:10.0.0.1:7", Idle::new(secs(30), client.clone()));
    reactor.block_on(made).unwrap();
    assert_about(until(&reactor, "closing", || client.seen.is_lost()), secs(30));
}

#[test]
fn a_policy_stays_when_another_protocol_takes_over() {
    let (reactor, _) = sim();
    let server = Actor::new();
    let client = pair(&reactor, &server, |factory| Idle::new(secs(30), factory));
    server.seen.transport().set_protocol(Actor::new());
    pass(&reactor, secs(20));
    client.transport().write(b"x");
    assert_about(until(&reactor, "closing", || client.is_lost()), secs(30));
}

// ---- slow peers

#[test]
fn a_client_that_sends_nothing_or_a_byte_a_minute_is_closed() {
    for drips in [false, true] {
        let (reactor, _) = sim();
        let server = Actor::new().by_lines();
        let client = pair(&reactor, &server, |factory| Prompt::new(secs(150), factory));
        let transport = client.transport();
        let beat = reactor.looping_call(secs(60), move |_| {
            if drips {
                transport.write(b"x");
            }
        });
        let time = until(&reactor, "closing", || client.is_lost());
        assert_about(time, secs(150));
        beat.stop();
    }
}

#[test]
fn a_client_may_be_silent_between_messages_but_not_within_one() {
    let (reactor, _) = sim();
    let server = Actor::new().by_lines();
    let client = pair(&reactor, &server, |factory| Prompt::new(secs(30), factory));
    client.transport().write(b"first\n");
    pass(&reactor, secs(1000));
    client.transport().write(b"sec");
    pass(&reactor, secs(20));
    client.transport().write(b"ond\nthi");
    pass(&reactor, secs(20));
    assert!(!client.is_lost(), "the third has thirty seconds of its own");
    client.transport().write(b"r");
    assert_about(until(&reactor, "closing", || client.is_lost()), secs(10));
    assert_eq!(*server.seen.received.borrow(), b"first\nsecond\n");
}

#[test]
fn a_protocol_can_be_told_of_a_slow_message() {
    let (reactor, _) = sim();
    let server = Actor::new().by_lines();
    let policy = MessageDeadline::new(secs(30)).tell_protocol();
    let client = pair(&reactor, &server, |factory| Prompt::with(policy, factory));
    pass(&reactor, secs(100));
    assert_eq!((server.seen.timed_out.get(), client.is_lost()), (1, false));
}

// ---- throttling

/// Bytes that are not the same anywhere.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 31 + index / 251 + index / 65_537) as u8).collect()
}

const KILO: usize = 1000;

fn rate() -> Rate {
    Rate::per_second(100 * KILO as u64).burst(20 * KILO as u64)
}

#[test]
fn what_is_written_leaves_at_the_rate() {
    let (reactor, world) = sim();
    let server = Actor::new().on_made(|transport| transport.write_bytes(bytes(520 * KILO)));
    let client = pair(&reactor, &server, |factory| Throttled::new(Throttle::each().write(rate()), factory));
    let start = world.elapsed();
    let allowed = |time: Duration| (20.0 + 100.0 * time.as_secs_f64()) * KILO as f64;
    let time = until(&reactor, "arriving", || {
        let received = client.count() as f64;
        assert!(received <= allowed(world.elapsed() - start) + 1.0, "{received} is too much");
        received >= 520.0 * KILO as f64
    });
    assert_about(time, Duration::from_millis(4_990));
    assert!(*client.received.borrow() == bytes(520 * KILO));
    assert!(server.seen.paused.get() > 0, "a throttled transport is full like any other");
}

#[test]
fn what_is_sent_to_us_is_read_at_the_rate() {
    let (reactor, _) = sim();
    let server = Actor::new();
    let client = pair(&reactor, &server, |factory| Throttled::new(Throttle::each().read(rate()), factory));
    client.transport().write_bytes(bytes(520 * KILO));
    let time = until(&reactor, "arriving", || server.seen.count() >= 520 * KILO);
    // The last portion is paid for after it was read.
    assert!(secs(4) < time && time < Duration::from_millis(5_010), "{time:?}");
    assert!(*server.seen.received.borrow() == bytes(520 * KILO));
}

#[test]
fn connections_share_a_rate_evenly_or_have_one_each() {
    for (throttle, seconds) in [(Throttle::together(), 4), (Throttle::each(), 1)] {
        let (reactor, _) = sim();
        let factory =
            |_: &Address| Actor::new().on_made(|transport| transport.write_bytes(bytes(105 * KILO)));
        listen(&reactor, Throttled::new(throttle.write(rate()), factory));
        let clients = [(); 4].map(|()| Actor::new());
        clients.iter().for_each(|client| connect(&reactor, client));
        let counts = || clients.iter().map(|client| client.seen.count());
        let time = until(&reactor, "arriving", || {
            let (least, most) = (counts().min().unwrap(), counts().max().unwrap());
            // Whoever came first had the burst.
            assert!(most - least <= 40 * KILO, "{:?}", counts().collect::<Vec<_>>());
            least == 105 * KILO
        });
        assert!(secs(seconds - 1) < time && time <= secs(seconds), "{time:?}");
    }
}

#[test]
fn a_burst_is_shared_as_well() {
    let (reactor, _) = sim();
    let factory = |_: &Address| Actor::new().on_made(|transport| transport.write_bytes(bytes(60 * KILO)));
    let rate = Rate::per_second(KILO as u64).burst(60 * KILO as u64);
    listen(&reactor, Throttled::new(Throttle::together().write(rate), factory));
    let clients = [(); 2].map(|()| Actor::new());
    let made = clients.each_ref().map(|client| reactor.connect("tcp:10.0.0.1:7", client.clone()));
    let counts = || clients.iter().map(|client| client.seen.count());
    until(&reactor, "arriving", || {
        let (least, most) = (counts().min().unwrap(), counts().max().unwrap());
        assert!(most - least <= 40 * KILO, "{:?}", counts().collect::<Vec<_>>());
        least == 60 * KILO
    });
    drop(made);
}

#[test]
fn whoever_writes_in_every_turn_gets_no_more_than_whoever_waits() {
    fn every_turn(reactor: &Reactor, transport: Transport) {
        transport.write(&[b'x'; 100]);
        let again = reactor.clone();
        reactor.call_soon(move || every_turn(&again, transport));
    }
    let (reactor, _) = sim();
    let rate = Rate::per_second(2000 * KILO as u64).burst(20 * KILO as u64);
    let factory = |_: &Address| Actor::new().on_made(|transport| transport.write_bytes(bytes(600 * KILO)));
    let pushing = reactor.clone();
    let pushy = move |_: &Address| {
        let reactor = pushing.clone();
        Actor::new().on_made(move |transport| every_turn(&reactor, transport.clone()))
    };
    let throttle = Throttle::together().write(rate);
    reactor.listen("tcp:8:interface=10.0.0.1", Throttled::new(throttle.clone(), pushy)).unwrap();
    listen(&reactor, Throttled::new(throttle, factory));
    let (pushed, patient) = (Actor::new(), Actor::new());
    let made = reactor.connect("tcp:10.0.0.1:8", pushed.clone());
    reactor.block_on(made).unwrap();
    // Until more is written in vain than the other will ever write.
    pass(&reactor, Duration::from_millis(100));
    connect(&reactor, &patient);
    let before = pushed.seen.count();
    pass(&reactor, Duration::from_millis(100));
    let (patient, pushed) = (patient.seen.count(), pushed.seen.count() - before);
    assert!(patient + 40 * KILO >= pushed, "{patient} and {pushed}");
    assert!(patient + pushed > 150 * KILO, "{patient} and {pushed}: the rate was not used");
}

#[test]
fn a_newcomer_waits_while_others_debts_are_paid() {
    let (reactor, world) = sim();
    let servers: [Actor; 2] = [(); 2].map(|()| Actor::new());
    let mut left = servers.to_vec();
    let factory = move |_: &Address| left.pop().unwrap();
    listen(&reactor, Throttled::new(Throttle::together().read(Rate::per_second(KILO as u64)), factory));
    let client = || Actor::new().on_made(|transport| transport.write_bytes(bytes(60 * KILO)));
    connect(&reactor, &client());
    until(&reactor, "going into debt", || servers[1].seen.count() == 60 * KILO);
    let start = world.elapsed();
    connect(&reactor, &client());
    until(&reactor, "reading", || servers[0].seen.count() > 0);
    assert_about(world.elapsed() - start, secs(59));
}

#[test]
fn a_throttled_peer_that_takes_nothing_costs_no_turns() {
    let (reactor, world) = sim();
    let server = Actor::new().on_made(|transport| transport.write_bytes(bytes(500 * KILO)));
    world.set_window(&"10.0.0.1:7".parse::<std::net::SocketAddr>().unwrap().into(), 0);
    let client = Actor::new().on_made(Transport::pause_reading);
    listen(&reactor, Throttled::new(Throttle::each().write(rate()), Cast(server)));
    connect(&reactor, &client);
    let turns = Cell::new(0);
    let later = world.elapsed() + secs(100);
    reactor.call_later(secs(100), || {});
    until(&reactor, "the passing of time", || {
        turns.set(turns.get() + 1);
        assert!(turns.get() < 1000, "the loop spins");
        world.elapsed() >= later
    });
}

#[test]
fn readers_share_a_rate_evenly() {
    let (reactor, _) = sim();
    let servers: [Actor; 4] = [(); 4].map(|()| Actor::new());
    let mut left = servers.to_vec();
    let factory = move |_: &Address| left.pop().unwrap();
    listen(&reactor, Throttled::new(Throttle::together().read(rate()), factory));
    for _ in 0..4 {
        let client = Actor::new().on_made(|transport| transport.write_bytes(bytes(400 * KILO)));
        connect(&reactor, &client);
    }
    let counts = || servers.iter().map(|server| server.seen.count());
    let time = until(&reactor, "arriving", || {
        let (least, most) = (counts().min().unwrap(), counts().max().unwrap());
        assert!(most - least <= 2 * 64 * 1024, "{:?}", counts().collect::<Vec<_>>());
        least == 400 * KILO
    });
    assert!(secs(14) < time && time < secs(17), "{time:?}");
}

#[test]
fn a_throttle_undoes_no_pause_but_its_own() {
    let (reactor, _) = sim();
    let server = Actor::new();
    let client = pair(&reactor, &server, |factory| Throttled::new(Throttle::each().read(rate()), factory));
    client.transport().write_bytes(bytes(200 * KILO));
    until(&reactor, "reading some", || server.seen.count() > 20 * KILO);
    server.seen.transport().pause_reading();
    let so_far = server.seen.count();
    pass(&reactor, secs(100));
    assert_eq!(server.seen.count(), so_far);
    server.seen.transport().resume_reading();
    until(&reactor, "reading the rest", || server.seen.count() == 200 * KILO);
}

#[test]
fn a_close_waits_for_what_a_throttle_withholds() {
    let (reactor, _) = sim();
    let slow = Throttle::together().write(Rate::per_second(1));
    let factory = |_: &Address| {
        Actor::new().on_made(|transport| {
            transport.write_bytes(bytes(20));
            transport.close();
        })
    };
    listen(&reactor, Throttled::new(slow, factory));
    // A byte for each of a hundred in turn: each waits for three times the linger deadline.
    let clients: Vec<Actor> = (0..100).map(|_| Actor::new()).collect();
    clients.iter().for_each(|client| connect(&reactor, client));
    until(&reactor, "the end", || clients.iter().all(|client| client.seen.is_lost()));
    for client in &clients {
        assert_eq!(client.seen.lost.borrow().as_deref(), Some("closed cleanly"));
        assert_eq!(*client.seen.received.borrow(), bytes(20));
    }
}

#[test]
fn a_close_does_not_wait_for_a_peer_that_takes_nothing() {
    let (reactor, world) = sim();
    let throttle = Throttle::each().write(rate());
    let server = Actor::new().on_made(|transport| {
        transport.write_bytes(bytes(500 * KILO));
        transport.close();
    });
    listen(&reactor, Throttled::new(throttle, Cast(server.clone())));
    world.set_window(&"10.0.0.1:7".parse::<std::net::SocketAddr>().unwrap().into(), 0);
    let client = Actor::new().on_made(Transport::pause_reading);
    connect(&reactor, &client);
    let time = until(&reactor, "giving up", || server.seen.is_lost());
    assert_eq!(server.seen.lost.borrow().as_deref(), Some("aborted"));
    assert!(time <= secs(70), "{time:?}");
}

#[test]
fn what_a_throttle_withholds_leaves_at_once_when_the_reactor_stops() {
    let (reactor, world) = sim();
    let server = Actor::new().on_made(|transport| transport.write_bytes(bytes(500 * KILO)));
    let slow = Throttle::each().write(Rate::per_second(1000)).read(Rate::per_second(1000));
    let client = pair(&reactor, &server, |factory| Throttled::new(slow, factory));
    reactor.stop();
    reactor.run().unwrap();
    assert!(world.elapsed() < secs(10), "{:?}", world.elapsed());
    assert_eq!(server.seen.lost.borrow().as_deref(), Some("the reactor stopped"));
    assert!(client.is_lost());
}

#[cfg(feature = "tls")]
#[test]
fn beneath_tls_the_text_is_throttled_and_its_end_comes_last() {
    use ropewalk_reactor::endpoint::{Host, Identity, TlsClientOptions, TlsServerOptions, Trust};
    use ropewalk_reactor::transport::tls::{Pem, TlsClient, TlsServer};

    let (reactor, _) = sim();
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let Identity { certificate, key } = Identity {
        certificate: Pem::new("certificate", cert.pem()),
        key: Pem::new("key", signing_key.serialize_pem()),
    };
    let server_options = TlsServerOptions { certificate, key, client_ca: None, alpn: Vec::new() };
    let tls = TlsServer::new(&server_options).unwrap();
    let server = Actor::new().on_made(move |transport| {
        transport.start_tls(&tls);
        transport.write_bytes(bytes(320 * KILO));
    });
    let trust = Trust::Only(Pem::new("certificate", cert.pem()));
    let tls = TlsClient::new(&TlsClientOptions { trust, ..TlsClientOptions::default() }).unwrap();
    let client = Actor::new().on_made(move |transport| {
        transport.start_tls_as_client(&tls, Some(&Host::Name("localhost".into()))).unwrap();
    });
    listen(&reactor, Throttled::new(Throttle::each().write(rate()), Cast(server.clone())));
    connect(&reactor, &client);
    until(&reactor, "beginning", || client.seen.count() > 0);
    server.seen.transport().close();
    let time = until(&reactor, "the end", || client.seen.is_lost() && server.seen.is_lost());
    assert_eq!(client.seen.lost.borrow().as_deref(), Some("closed cleanly"));
    assert_eq!(server.seen.lost.borrow().as_deref(), Some("closed cleanly"));
    assert!(*client.seen.received.borrow() == bytes(320 * KILO));
    assert_about(time, Duration::from_millis(2_990));
}

// ---- limits

#[test]
fn one_connection_too_many_is_closed_at_once_and_a_free_place_is_taken() {
    let (reactor, _) = sim();
    let factory = Limited::new(2, |_: &Address| Actor::new());
    let occupancy = factory.occupancy();
    listen(&reactor, factory);
    let clients = [(); 3].map(|()| Actor::new());
    clients.iter().for_each(|client| connect(&reactor, client));
    assert_about(until(&reactor, "refusing", || clients[2].seen.is_lost()), secs(0));
    assert_eq!((occupancy.open(), occupancy.refused()), (2, 1));
    clients[0].seen.transport().abort();
    until(&reactor, "leaving", || occupancy.open() == 1);
    let late = Actor::new();
    connect(&reactor, &late);
    until(&reactor, "accepting", || occupancy.open() == 2);
    pass(&reactor, secs(1));
    assert!(!late.seen.is_lost());
}

// ---- together

#[test]
fn policies_wrap_each_other_in_any_order() {
    fn play(factory: impl Factory + 'static) {
        let (reactor, _) = sim();
        listen(&reactor, factory);
        let clients =
            [(); 4].map(|()| Actor::new().on_made(|transport| transport.write_bytes(bytes(150 * KILO))));
        clients.iter().for_each(|client| connect(&reactor, client));
        assert_about(until(&reactor, "refusing", || clients[3].seen.is_lost()), secs(0));
        let done = || clients[..3].iter().all(|client| client.seen.count() == 150 * KILO);
        let time = until(&reactor, "echoing", done);
        assert!(secs(4) < time && time < secs(6), "{time:?}");
        let time = until(&reactor, "closing", || clients.iter().all(|client| client.seen.is_lost()));
        assert_about(time, secs(30));
    }
    let echo = |_: &Address| Actor { echoes: true, ..Actor::new() };
    let slow = || Throttle::together().write(rate());
    play(Limited::new(
        3,
        Idle::new(secs(30), Throttled::new(slow(), Prompt::new(secs(9), Logged::new(echo)))),
    ));
    play(Logged::new(Throttled::new(
        slow(),
        Prompt::new(secs(9), Idle::new(secs(30), Limited::new(3, echo))),
    )));
}

#[test]
fn a_policy_of_ones_own_wraps_like_the_others() {
    #[derive(Clone)]
    struct Greeting;
    impl Policy for Greeting {
        fn attach(&self, transport: &Transport) {
            transport.write(b"welcome\n");
        }
    }
    let (reactor, _) = sim();
    let client = pair(&reactor, &Actor::new(), |factory| Under::with(Greeting, factory));
    until(&reactor, "greeting", || *client.received.borrow() == b"welcome\n");
}

#[test]
fn whatever_the_network_does_throttled_echoes_arrive_unbroken() {
    explore(100, |seed| {
        let (reactor, _) = sim_with(seed, Faults::rough());
        let throttle = if seed % 2 == 0 { Throttle::each() } else { Throttle::together() };
        let rate =
            Rate::per_second(100 + reactor.random(|random| random.below(200_000))).burst(1 + seed * 200);
        let echo = |_: &Address| Actor { echoes: true, ..Actor::new() };
        let policies = Throttled::new(throttle.read(rate).write(rate), Idle::new(secs(3600), echo));
        listen(&reactor, policies);
        let clients = [(); 3].map(|()| {
            Actor::new().on_made(|transport| {
                transport.write_bytes(bytes(10 * KILO));
                transport.half_close();
            })
        });
        clients.iter().for_each(|client| connect(&reactor, client));
        until(&reactor, "echoing", || clients.iter().all(|client| client.seen.is_lost()));
        for client in &clients {
            assert!(*client.seen.received.borrow() == bytes(10 * KILO), "{} bytes", client.seen.count());
        }
    });
}
