//! Simulated worlds: an echo server and a proxy, with every fault that a network has, a thousand seeds
//! each. Whatever comes back is what was sent, in order and unbroken; `connection_lost` comes once;
//! nothing hangs; and the same seed is the same world.
#![allow(clippy::unwrap_used, reason = "a test")]

use bytes::BytesMut;
use ropewalk_reactor::prelude::*;
use ropewalk_reactor::random::Random;
use ropewalk_reactor::testing::{Faults, Sim, World, explore, first_failing};
use std::cell::RefCell;
use std::rc::Rc;

const SEEDS: u64 = 1000;

/// Nothing may take longer, in virtual time: the longest timeout of the network is 16 minutes.
const PATIENCE: Duration = Duration::from_secs(4 * 3600);

/// How long anyone waits for the next bytes before giving up: the narrowest window passes 200 bytes a
/// second, so 200,000 of them can keep the other direction waiting for 17 minutes.
const IDLE: Duration = Duration::from_secs(1800);

/// What happened in a world.
#[derive(Default)]
struct Ledger {
    made: usize,
    lost: usize,
    /// Clients that will do no more: served, failed or given up.
    finished: usize,
    echoed: usize,
    wrong: Option<String>,
}

type Shared = Rc<RefCell<Ledger>>;

/// Counts a server's connections, and echoes.
struct Echo {
    ledger: Shared,
    /// The planted bug: what comes while the output is full is forgotten.
    forgets_when_full: bool,
}

impl Protocol for Echo {
    fn connection_made(&mut self, transport: &Transport) {
        self.ledger.borrow_mut().made += 1;
        if !self.forgets_when_full {
            transport.register_producer(transport);
        }
        transport.set_timeout(Some(IDLE));
    }

    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        transport.set_timeout(Some(IDLE));
        let data = input.split().freeze();
        if !(self.forgets_when_full && transport.is_full()) {
            transport.write_bytes(data);
        }
    }

    fn timed_out(&mut self, transport: &Transport) {
        // Not a close: its peer would take what came so far for everything.
        transport.abort();
    }

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        self.ledger.borrow_mut().lost += 1;
    }
}

/// Sends a stream of its own in pieces, and compares what comes back.
struct Client {
    ledger: Shared,
    random: Random,
    /// What it will have sent in all.
    stream: Bytes,
    sent: usize,
    heard: usize,
}

impl Client {
    fn new(seed: u64, ledger: Shared) -> Self {
        let mut random = Random::new(seed);
        let mut stream = vec![0; random.below(200_000) as usize + 1];
        random.fill(&mut stream);
        Self { ledger, random, stream: stream.into(), sent: 0, heard: 0 }
    }

    /// Send until the transport is full or all is sent.
    fn send(&mut self, transport: &Transport) {
        while self.sent < self.stream.len() && !transport.is_full() {
            let length = 1 + self.random.below(20_000) as usize;
            let end = self.stream.len().min(self.sent + length);
            transport.write_bytes(self.stream.slice(self.sent..end));
            self.sent = end;
        }
        if self.sent == self.stream.len() {
            transport.half_close();
        }
    }
}

impl Protocol for Client {
    fn connection_made(&mut self, transport: &Transport) {
        self.ledger.borrow_mut().made += 1;
        transport.set_timeout(Some(IDLE));
        self.send(transport);
    }

    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        transport.set_timeout(Some(IDLE));
        let expected = self.stream.get(self.heard..self.heard + input.len());
        if expected != Some(&input[..]) {
            let text = format!("{} bytes from {} on are not what was sent", input.len(), self.heard);
            self.ledger.borrow_mut().wrong.get_or_insert(text);
        }
        self.heard += input.len();
        input.clear();
        self.send(transport);
    }

    fn write_resumed(&mut self, transport: &Transport) {
        self.send(transport);
    }

    fn timed_out(&mut self, transport: &Transport) {
        transport.abort();
    }

    fn connection_lost(&mut self, _: &Transport, why: &Reason) {
        let mut ledger = self.ledger.borrow_mut();
        ledger.lost += 1;
        ledger.finished += 1;
        ledger.echoed += self.heard;
        if why.is_clean() && self.heard != self.stream.len() {
            let text = format!("a clean end after {} bytes of {}", self.heard, self.stream.len());
            ledger.wrong.get_or_insert(text);
        }
    }
}

/// One side of the proxy that was accepted, until the other is connected.
struct Front {
    reactor: Reactor,
    ledger: Shared,
}

impl Protocol for Front {
    fn connection_made(&mut self, front: &Transport) {
        front.pause_reading();
        let (front, ledger) = (front.clone(), self.ledger.clone());
        let back = Pipe { other: front.clone(), ledger: ledger.clone() };
        self.reactor.connect("tcp:10.0.0.1:7", back).finally(move |outcome| match outcome {
            Ok(back) => {
                front.register_producer(&back);
                back.register_producer(&front);
                front.set_protocol(Pipe { other: back, ledger });
                front.resume_reading();
            }
            Err(_) => front.abort(),
        });
    }
    fn data_received(&mut self, _: &Transport, _: &mut BytesMut) {}
}

struct Pipe {
    other: Transport,
    ledger: Shared,
}

impl Protocol for Pipe {
    fn connection_made(&mut self, transport: &Transport) {
        self.ledger.borrow_mut().made += 1;
        transport.set_timeout(Some(2 * IDLE));
    }
    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        transport.set_timeout(Some(2 * IDLE));
        self.other.write_bytes(input.split().freeze());
    }
    fn eof_received(&mut self, _: &Transport) -> Eof {
        self.other.half_close();
        Eof::KeepOpen
    }
    fn timed_out(&mut self, transport: &Transport) {
        transport.abort();
    }
    fn connection_lost(&mut self, _: &Transport, why: &Reason) {
        self.ledger.borrow_mut().lost += 1;
        if why.is_clean() { self.other.close() } else { self.other.abort() }
    }
}

/// Whether clients reach the echo server itself, or through a proxy.
#[derive(Clone, Copy)]
enum Road {
    Straight,
    Proxied,
}

/// Play one world to its end; its trace's hash, and how much was echoed.
fn play(seed: u64, faults: Faults, road: Road, forgets_when_full: bool) -> Result<(u64, usize), String> {
    let (engine, world) = Sim::new(seed, faults);
    let reactor = Reactor::with_engine(engine);
    let ledger = Shared::default();
    let book = ledger.clone();
    let factory = move |_: &Address| Echo { ledger: book.clone(), forgets_when_full };
    reactor.listen("tcp:7:interface=10.0.0.1", factory).map_err(|failure| failure.to_string())?;
    let (dialer, book) = (reactor.clone(), ledger.clone());
    let factory = move |_: &Address| Front { reactor: dialer.clone(), ledger: book.clone() };
    reactor.listen("tcp:8:interface=10.0.0.1", factory).map_err(|failure| failure.to_string())?;
    let to = match road {
        Road::Straight => "tcp:10.0.0.1:7",
        Road::Proxied => "tcp:10.0.0.1:8",
    };
    let clients = 1 + (seed % 5) as usize;
    for number in 0..clients {
        let client = Client::new(seed.wrapping_mul(31).wrapping_add(number as u64), ledger.clone());
        let (reactor, book) = (reactor.clone(), ledger.clone());
        let delay = reactor.random(|random| Duration::from_millis(random.below(50)));
        let to = to.to_owned();
        reactor.clone().call_later(delay, move || {
            reactor.connect(&to, client).finally(move |outcome| {
                if outcome.is_err() {
                    book.borrow_mut().finished += 1;
                }
            });
        });
    }
    finish(&reactor, &world, &ledger, clients)?;
    Ok((world.trace_hash(), ledger.borrow().echoed))
}

/// Turn until every client is finished, then stop; check what must hold at the end of any world.
fn finish(reactor: &Reactor, world: &World, ledger: &Shared, clients: usize) -> Result<(), String> {
    reactor.call_later(PATIENCE, || {});
    while ledger.borrow().finished < clients {
        if world.elapsed() >= PATIENCE {
            return Err(format!("hung: {:?}", world.trace_tail().last()));
        }
        reactor.turn().map_err(|error| error.to_string())?;
    }
    reactor.stop();
    reactor.run().map_err(|error| error.to_string())?;
    let ledger = ledger.borrow();
    if let Some(wrong) = &ledger.wrong {
        return Err(wrong.clone());
    }
    if ledger.made != ledger.lost {
        return Err(format!("{} connections were made, {} lost", ledger.made, ledger.lost));
    }
    match world.open_tokens() {
        0 => Ok(()),
        left => Err(format!("{left} sockets are left open")),
    }
}

#[test]
fn an_echo_world_keeps_its_promises_under_every_fault() {
    let echoed = std::cell::Cell::new(0);
    explore(SEEDS, |seed| match play(seed, Faults::all(), Road::Straight, false) {
        Ok((_, bytes)) => echoed.set(echoed.get() + bytes),
        Err(failure) => panic!("{failure}"),
    });
    assert!(echoed.get() > 0, "nothing was ever echoed: the worlds prove nothing");
}

#[test]
fn a_proxy_world_keeps_its_promises_under_every_fault() {
    let echoed = std::cell::Cell::new(0);
    explore(SEEDS, |seed| match play(seed, Faults::all(), Road::Proxied, false) {
        Ok((_, bytes)) => echoed.set(echoed.get() + bytes),
        Err(failure) => panic!("{failure}"),
    });
    assert!(echoed.get() > 0, "nothing was ever echoed: the worlds prove nothing");
}

#[test]
fn in_a_rough_world_where_nothing_breaks_everything_arrives() {
    explore(SEEDS / 5, |seed| {
        let (_, straight) = play(seed, Faults::rough(), Road::Straight, false).unwrap();
        let (_, proxied) = play(seed, Faults::rough(), Road::Proxied, false).unwrap();
        let sent: usize = (0..1 + seed % 5)
            .map(|number| {
                Client::new(seed.wrapping_mul(31).wrapping_add(number), Shared::default()).stream.len()
            })
            .sum();
        assert_eq!((straight, proxied), (sent, sent));
    });
}

#[test]
fn the_same_seed_is_the_same_world() {
    explore(SEEDS / 10, |seed| {
        for road in [Road::Straight, Road::Proxied] {
            let first = play(seed, Faults::all(), road, false).unwrap();
            let second = play(seed, Faults::all(), road, false).unwrap();
            assert_eq!(first, second);
        }
    });
}

#[test]
fn different_seeds_are_different_worlds() {
    let hash = |seed| play(seed, Faults::all(), Road::Straight, false).unwrap().0;
    assert_ne!(hash(1), hash(6));
}

#[test]
fn a_planted_bug_is_found_within_those_seeds() {
    let found = first_failing(SEEDS, |seed| play(seed, Faults::all(), Road::Straight, true).map(drop));
    let (seed, failure) = found.expect("a server that forgets what comes while it is full goes unnoticed");
    println!("found at seed {seed}: {failure}");
}
