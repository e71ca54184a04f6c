//! Throttling: so many bytes a second, in and out, for each connection or for all together.
//!
//! A token bucket for each direction. What is written waits in the output until tokens have come for
//! it, and leaves in portions; so the transport fills, and its producer pauses, as with a slow peer.
//! What is received is paid for afterwards, because nobody knows before how much there is: a
//! connection reads what has come, at most 64 KiB at once, and then pauses until that is paid. It is the
//! policy's own pause: one that the protocol asked for stays.
//!
//! One rule: who finds the bucket empty waits in line, and the line moves one place a turn. So
//! connections that share a bucket share it evenly, whatever they are up to.

use super::{Policy, Under};
use crate::buffer::Output;
use crate::protocol::Reason;
use crate::shared::Shared;
use crate::timer::Timer;
use crate::transport::gate::Gate;
use crate::transport::{Connection, Flag, Transport};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

/// The largest portion that a connection sends before it is the next one's turn.
const PORTION_MAX: u64 = 16 * 1024;

/// Nor does anybody wait for less than this part of a second's bytes: timers are not free.
const PORTIONS_A_SECOND: u64 = 20;

/// How many bytes a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    per_second: u64,
    burst: u64,
}

impl Rate {
    /// `bytes` a second, and up to as many at once after a silence.
    ///
    /// # Panics
    /// If `bytes` is zero: that is a pause, and not a rate.
    pub fn per_second(bytes: u64) -> Self {
        assert!(bytes > 0, "a rate of nothing a second lets nothing pass for ever");
        Self { per_second: bytes, burst: bytes }
    }

    /// Up to `bytes` at once after a silence.
    ///
    /// # Panics
    /// If `bytes` is zero.
    pub fn burst(mut self, bytes: u64) -> Self {
        assert!(bytes > 0, "a bucket that holds nothing lets nothing pass for ever");
        self.burst = bytes;
        self
    }
}

/// Slows connections down to a rate.
///
/// What is clocked is what the protocol receives and writes: beneath TLS, the plain text. When the
/// reactor stops, what waits leaves at once.
#[derive(Clone)]
pub struct Throttle {
    together: bool,
    read: Option<Lane>,
    write: Option<Lane>,
}

/// A protocol or a factory whose connections are slowed down: see [`Throttle`].
pub type Throttled<T> = Under<T, Throttle>;

/// One direction's bucket: each connection's own, or one for all.
#[derive(Clone)]
enum Lane {
    Each(Rate),
    Together(Rc<Line>),
}

impl Throttle {
    /// Rates for each connection.
    pub fn each() -> Self {
        Self { together: false, read: None, write: None }
    }

    /// Rates for all connections together that this policy or a clone of it is attached to.
    pub fn together() -> Self {
        Self { together: true, read: None, write: None }
    }

    /// Receive at this rate.
    pub fn read(mut self, rate: Rate) -> Self {
        self.read = Some(self.lane(rate, Side::Reader));
        self
    }

    /// Send at this rate.
    pub fn write(mut self, rate: Rate) -> Self {
        self.write = Some(self.lane(rate, Side::Writer));
        self
    }

    fn lane(&self, rate: Rate, side: Side) -> Lane {
        if self.together { Lane::Together(Line::new(rate, side)) } else { Lane::Each(rate) }
    }
}

impl std::fmt::Debug for Throttle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let rate = |lane: &Option<Lane>| lane.as_ref().map(Lane::rate);
        f.debug_struct("Throttle")
            .field("together", &self.together)
            .field("read", &rate(&self.read))
            .field("write", &rate(&self.write))
            .finish()
    }
}

impl Lane {
    fn rate(&self) -> Rate {
        match self {
            Self::Each(rate) => *rate,
            Self::Together(line) => line.rate,
        }
    }

    fn line(&self, side: Side) -> Rc<Line> {
        match self {
            Self::Each(rate) => Line::new(*rate, side),
            Self::Together(line) => line.clone(),
        }
    }
}

impl<T> Throttled<T> {
    /// Slow connections down.
    pub fn new(throttle: Throttle, inner: T) -> Self {
        Self::with(throttle, inner)
    }
}

impl Policy for Throttle {
    fn attach(&self, transport: &Transport) {
        if let Some(lane) = &self.read {
            let reader = Place::new(transport, lane.line(Side::Reader), Side::Reader);
            transport.0.add_gate(reader.clone());
            reader.read_in_turn(transport);
        }
        if let Some(lane) = &self.write {
            transport.0.add_gate(Place::new(transport, lane.line(Side::Writer), Side::Writer));
        }
    }
}

/// A token bucket, without a clock of its own. Its whole state is the time at which it is full again.
#[derive(Default)]
struct Bucket {
    full_at: Cell<Option<Instant>>,
}

const NANOS: u128 = 1_000_000_000;

impl Bucket {
    /// How many bytes may pass; below zero is what was let pass too many.
    fn available(&self, rate: Rate, now: Instant) -> i128 {
        let missing = self.full_at.get().map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        let missing = (missing.as_nanos() * u128::from(rate.per_second)).div_ceil(NANOS);
        i128::from(rate.burst) - missing as i128
    }

    /// When `amount` bytes, at most the burst, may pass.
    fn ready_at(&self, rate: Rate, amount: u64, now: Instant) -> Instant {
        let spare = u128::from(rate.burst - amount) * NANOS / u128::from(rate.per_second);
        let ready = self.full_at.get().and_then(|at| at.checked_sub(Duration::from_nanos_u128(spare)));
        ready.unwrap_or(now).max(now)
    }

    /// So many bytes have passed.
    fn charge(&self, rate: Rate, bytes: usize, now: Instant) {
        let time = (bytes as u128 * NANOS).div_ceil(u128::from(rate.per_second));
        let from = self.full_at.get().map_or(now, |at| at.max(now));
        self.full_at.set(from.checked_add(Duration::from_nanos_u128(time)).or(Some(from)));
    }
}

/// A bucket, and who waits for it.
struct Line {
    this: Weak<Self>,
    rate: Rate,
    /// Nobody's turn comes for less than this many bytes.
    portion_min: u64,
    bucket: Bucket,
    /// In the order of their tickets.
    waiting: RefCell<BTreeMap<u64, Weak<Place>>>,
    next_ticket: Cell<u64>,
    /// A timer will look after those who wait.
    is_watched: Cell<bool>,
}

impl Line {
    fn new(rate: Rate, side: Side) -> Rc<Self> {
        let portion_min = match side {
            // Whoever may read at all may read what has come.
            Side::Reader => 1,
            Side::Writer => (rate.per_second / PORTIONS_A_SECOND).clamp(1, PORTION_MAX).min(rate.burst),
        };
        Rc::new_cyclic(|this| Self {
            this: this.clone(),
            rate,
            portion_min,
            bucket: Bucket::default(),
            waiting: RefCell::default(),
            next_ticket: Cell::new(0),
            is_watched: Cell::new(false),
        })
    }

    /// How many bytes may pass, if it is the turn of whoever asks.
    fn available(&self, now: Instant) -> u64 {
        let available = u64::try_from(self.bucket.available(self.rate, now)).unwrap_or(0);
        if available < self.portion_min { 0 } else { available }
    }

    fn is_empty(&self) -> bool {
        self.waiting.borrow().is_empty()
    }

    /// Wait at the end of the line.
    fn join(&self, place: Weak<Place>, home: &Rc<Shared>) -> u64 {
        let ticket = self.next_ticket.get();
        self.next_ticket.set(ticket + 1);
        self.waiting.borrow_mut().insert(ticket, place);
        self.watch(home);
        ticket
    }

    fn leave(&self, ticket: u64) {
        self.waiting.borrow_mut().remove(&ticket);
    }

    /// See that whoever is first gets his turn when there is something for him.
    fn watch(&self, home: &Rc<Shared>) {
        if self.is_empty() || self.is_watched.replace(true) {
            return;
        }
        let at = self.bucket.ready_at(self.rate, self.portion_min, home.now());
        let (this, weak_home) = (self.this.clone(), Rc::downgrade(home));
        let look = move || {
            if let (Some(line), Some(home)) = (this.upgrade(), weak_home.upgrade()) {
                line.is_watched.set(false);
                line.move_on(&home);
            }
        };
        Timer::start(home, at, Box::new(look));
    }

    /// The first gets his turn, if there is something for him.
    fn move_on(&self, home: &Rc<Shared>) {
        if self.available(home.now()) > 0 {
            let first = self.waiting.borrow_mut().pop_first();
            if let Some(place) = first.and_then(|(_, place)| place.upgrade()) {
                place.take_turn();
            }
        }
        self.watch(home);
    }
}

/// What a connection does at a line.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    Reader,
    Writer,
}

/// One connection's place at a line.
struct Place {
    this: Weak<Self>,
    line: Rc<Line>,
    side: Side,
    connection: Weak<Connection>,
    /// Its number in the line, if it waits there.
    ticket: Cell<Option<u64>>,
    /// It was first in the line, and may write.
    has_turn: Cell<bool>,
}

impl Place {
    fn new(transport: &Transport, line: Rc<Line>, side: Side) -> Rc<Self> {
        Rc::new_cyclic(|this| Self {
            this: this.clone(),
            line,
            side,
            connection: Rc::downgrade(&transport.0),
            ticket: Cell::new(None),
            has_turn: Cell::new(false),
        })
    }

    fn join(&self, home: &Rc<Shared>) {
        if self.ticket.get().is_none() {
            self.ticket.set(Some(self.line.join(self.this.clone(), home)));
        }
    }

    fn take_turn(&self) {
        self.ticket.set(None);
        let Some(connection) = self.connection.upgrade() else { return };
        match self.side {
            Side::Reader => connection.release_hold(),
            Side::Writer => {
                self.has_turn.set(true);
                connection.queue();
            }
        }
    }

    /// Go on reading only if what was read is paid for.
    fn read_in_turn(&self, transport: &Transport) {
        let Some(home) = transport.0.home.upgrade() else { return };
        if self.line.available(home.now()) == 0 && self.ticket.get().is_none() {
            transport.0.hold();
            self.join(&home);
        }
    }

    /// How many of these bytes may leave; wait in line for the rest.
    fn write_in_turn(&self, transport: &Transport, wanted: usize) -> usize {
        let Some(home) = transport.0.home.upgrade() else { return wanted };
        if transport.0.flags.has(Flag::Stopping) {
            return wanted;
        }
        let its_turn = self.has_turn.take() || self.line.is_empty();
        let available = if its_turn { self.line.available(home.now()).min(PORTION_MAX) } else { 0 };
        let allowed = usize::try_from(available).unwrap_or(usize::MAX).min(wanted);
        if allowed < wanted {
            self.join(&home);
        }
        allowed
    }

    fn charge(&self, transport: &Transport, bytes: usize) {
        if let Some(home) = transport.0.home.upgrade() {
            self.line.bucket.charge(self.line.rate, bytes, home.now());
        }
    }
}

impl Gate for Place {
    fn arrived(&self, transport: &Transport, fresh: &[u8]) {
        if self.side == Side::Reader {
            self.charge(transport, fresh.len());
        }
    }

    fn delivered(&self, transport: &Transport, _: usize, _: usize) {
        if self.side == Side::Reader {
            self.read_in_turn(transport);
        }
    }

    fn leaving(&self, transport: &Transport, output: &Output) -> usize {
        match self.side {
            Side::Writer if !output.is_empty() => self.write_in_turn(transport, output.len()),
            _ => output.len(),
        }
    }

    fn left(&self, transport: &Transport, count: usize) {
        if self.side == Side::Writer {
            self.charge(transport, count);
        }
    }

    fn closed(&self, _: &Transport, _: &Reason) {
        if let Some(ticket) = self.ticket.take() {
            self.line.leave(ticket);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn start() -> Instant {
        #[expect(clippy::disallowed_methods, reason = "any instant will do to count from")]
        Instant::now()
    }

    #[test]
    fn a_fresh_bucket_is_full() {
        let rate = Rate::per_second(100).burst(30);
        assert_eq!(Bucket::default().available(rate, start()), 30);
    }

    #[test]
    fn tokens_come_at_the_rate_and_no_more_than_fit() {
        let (rate, bucket, start) = (Rate::per_second(100).burst(30), Bucket::default(), start());
        bucket.charge(rate, 30, start);
        assert_eq!(bucket.available(rate, start), 0);
        assert_eq!(bucket.available(rate, start + Duration::from_millis(100)), 10);
        assert_eq!(bucket.available(rate, start + Duration::from_secs(100)), 30);
    }

    #[test]
    fn what_passed_too_much_is_paid_for() {
        let (rate, bucket, start) = (Rate::per_second(100).burst(30), Bucket::default(), start());
        bucket.charge(rate, 230, start);
        assert_eq!(bucket.available(rate, start), -200);
        assert_eq!(bucket.ready_at(rate, 1, start), start + Duration::from_millis(2010));
    }

    #[test]
    fn the_time_of_readiness_is_the_first_at_which_it_is_ready() {
        let ready = |per_second, burst, charges: Vec<(usize, u64)>, amount: u64| {
            let (rate, bucket, mut now) =
                (Rate::per_second(per_second).burst(burst), Bucket::default(), start());
            for (bytes, pause) in charges {
                bucket.charge(rate, bytes, now);
                now += Duration::from_nanos(pause);
            }
            let amount = amount.clamp(1, burst);
            let at = bucket.ready_at(rate, amount, now);
            prop_assert!(bucket.available(rate, at) >= i128::from(amount));
            let before = at - Duration::from_nanos(1);
            prop_assert!(at == now || bucket.available(rate, before) < i128::from(amount));
            Ok(())
        };
        let charge = (0..200_000_usize, 0..2_000_000_000_u64);
        let charges = proptest::collection::vec(charge, 0..5);
        proptest!(|(per_second in 1..10_000_000_000_u64, burst in 1..10_000_000_u64, charges in charges, amount: u64)| {
            ready(per_second, burst, charges, amount)?;
        });
    }

    #[test]
    fn a_large_debt_or_a_tiny_rate_overflows_nothing() {
        let (rate, bucket, now) = (Rate::per_second(1), Bucket::default(), start());
        for _ in 0..3 {
            bucket.charge(rate, u32::MAX as usize, now);
        }
        assert!(bucket.available(rate, now) < 0);
        assert!(bucket.ready_at(rate, 1, now) > now);
    }

    #[test]
    fn a_connection_that_is_gone_waits_in_no_line() {
        use crate::engine::sim::{Faults, Sim};
        use crate::{Address, BytesMut, Protocol, Reactor};

        struct Talker;
        impl Protocol for Talker {
            fn connection_made(&mut self, transport: &Transport) {
                transport.write(b"more than the bucket holds");
            }
            fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
                input.clear();
            }
        }
        let reactor = Reactor::with_engine(Sim::new(1, Faults::none()).0);
        reactor.listen("tcp:7:interface=10.0.0.1", |_: &Address| Talker).unwrap();
        let throttle = Throttle::together().read(Rate::per_second(1));
        let Some(Lane::Together(line)) = throttle.read.clone() else { panic!("there is one line") };
        let made = reactor.connect("tcp:10.0.0.1:7", Throttled::new(throttle, Talker));
        let transport = reactor.block_on(made).unwrap();
        while line.is_empty() {
            reactor.turn().unwrap();
        }
        transport.abort();
        reactor.turn().unwrap();
        assert!(line.is_empty());
    }

    #[test]
    #[should_panic(expected = "lets nothing pass")]
    fn a_rate_of_zero_is_refused() {
        Rate::per_second(0);
    }
}
