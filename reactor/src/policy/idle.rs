//! Time limits: connections on which nothing happens, and peers that never come to the point.
//!
//! One rule: time counts only while we would take something. A connection whose reading is paused,
//! by its protocol or by backpressure, is waiting for us and not for its peer.
//!
//! Each byte may move the deadline, so moving it must be cheap: it is a cell, and the timer behind
//! it looks at the cell when it fires and goes back to sleep until the time found there.

use super::{Policy, Under};
use crate::protocol::Reason;
use crate::shared::Shared;
use crate::timer::Timer;
use crate::transport::gate::Gate;
use crate::transport::{Connection, Transport};
use std::cell::{Cell, RefCell};
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

/// Closes a connection on which nothing has happened for a while.
///
/// Whatever is received counts, and whatever the peer takes of what we send. A connection that is
/// closed for it still gets what waits to leave, as by [`Transport::close`].
#[derive(Clone, Debug)]
pub struct IdleTimeout {
    limit: Duration,
    input_only: bool,
    verdict: Verdict,
}

/// A protocol or a factory whose connections may not be idle for long: see [`IdleTimeout`].
pub type Idle<T> = Under<T, IdleTimeout>;

/// Closes a connection whose peer takes too long over a message: the client that sends a byte a
/// minute, or nothing at all.
///
/// From the connection on, the protocol must be able to take something off its input within the
/// limit; and from then on within the limit of each time that it leaves the beginning of another
/// message there. Between messages, when no byte is waiting, there is no hurry: see [`IdleTimeout`]
/// for that. A protocol that takes each byte as it comes has only its first message watched.
#[derive(Clone, Debug)]
pub struct MessageDeadline {
    limit: Duration,
    verdict: Verdict,
}

/// A protocol or a factory whose peers must finish what they begin: see [`MessageDeadline`].
pub type Prompt<T> = Under<T, MessageDeadline>;

/// What happens when the time is up.
#[derive(Clone, Copy, Debug)]
enum Verdict {
    Close,
    TellProtocol,
}

impl IdleTimeout {
    /// Close what was idle for this long.
    pub fn new(limit: Duration) -> Self {
        Self { limit, input_only: false, verdict: Verdict::Close }
    }

    /// Only what is received counts: a peer that listens but never speaks is idle too.
    pub fn input_only(mut self) -> Self {
        self.input_only = true;
        self
    }

    /// Call [`Protocol::timed_out`](crate::Protocol::timed_out) and leave the rest to it. It is called once, and again only
    /// after something has happened meanwhile.
    pub fn tell_protocol(mut self) -> Self {
        self.verdict = Verdict::TellProtocol;
        self
    }
}

impl MessageDeadline {
    /// Allow this long for a message.
    pub fn new(limit: Duration) -> Self {
        Self { limit, verdict: Verdict::Close }
    }

    /// Call [`Protocol::timed_out`](crate::Protocol::timed_out) and leave the rest to it.
    pub fn tell_protocol(mut self) -> Self {
        self.verdict = Verdict::TellProtocol;
        self
    }
}

impl<T> Idle<T> {
    /// Close connections that were idle for `limit`.
    pub fn new(limit: Duration, inner: T) -> Self {
        Self::with(IdleTimeout::new(limit), inner)
    }
}

impl<T> Prompt<T> {
    /// Close connections whose peers take longer than `limit` over a message.
    pub fn new(limit: Duration, inner: T) -> Self {
        Self::with(MessageDeadline::new(limit), inner)
    }
}

impl Policy for IdleTimeout {
    fn attach(&self, transport: &Transport) {
        let counts = if self.input_only { Counts::Input } else { Counts::Traffic };
        Watch::start(transport, self.limit, self.verdict, counts);
    }
}

impl Policy for MessageDeadline {
    fn attach(&self, transport: &Transport) {
        Watch::start(transport, self.limit, self.verdict, Counts::Messages);
    }
}

/// What moves the deadline.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counts {
    Traffic,
    Input,
    Messages,
}

/// A deadline that moves with what happens at a connection.
struct Watch {
    this: Weak<Self>,
    connection: Weak<Connection>,
    limit: Duration,
    verdict: Verdict,
    counts: Counts,
    /// `None` while nothing is expected of the peer.
    deadline: Cell<Option<Instant>>,
    /// Reading was paused when the last deadline passed.
    was_paused: Cell<bool>,
    /// Fires at the deadline or before it.
    timer: RefCell<Option<Timer>>,
}

impl Watch {
    fn start(transport: &Transport, limit: Duration, verdict: Verdict, counts: Counts) {
        let watch = Rc::new_cyclic(|this| Self {
            this: this.clone(),
            connection: Rc::downgrade(&transport.0),
            limit,
            verdict,
            counts,
            deadline: Cell::default(),
            was_paused: Cell::default(),
            timer: RefCell::default(),
        });
        watch.expect_something(transport);
        transport.0.add_gate(watch);
    }

    /// From now on, something has to happen within the limit.
    fn expect_something(&self, transport: &Transport) {
        let Some(home) = transport.0.home.upgrade() else { return };
        // A limit too long to be expressed is none.
        let Some(at) = home.now().checked_add(self.limit) else { return };
        self.deadline.set(Some(at));
        if self.timer.borrow().as_ref().is_none_or(|timer| !timer.is_active()) {
            self.wake_at(at, &home);
        }
    }

    fn wake_at(&self, at: Instant, home: &Rc<Shared>) {
        let this = self.this.clone();
        let look = move || this.upgrade().iter().for_each(|watch| watch.look());
        *self.timer.borrow_mut() = Some(Timer::start(home, at, Box::new(look)));
    }

    /// The timer fired: is the time up, or was the deadline moved since?
    fn look(&self) {
        let Some(transport) = self.connection.upgrade().map(Transport) else { return };
        let Some(home) = transport.0.home.upgrade() else { return };
        match self.deadline.get() {
            Some(at) if at > home.now() => self.wake_at(at, &home),
            Some(_) if transport.is_closing() => {}
            // If reading goes on by now, nobody knows since when: the peer gets its time again.
            Some(_) if self.was_paused.replace(!transport.is_reading()) || !transport.is_reading() => {
                self.expect_something(&transport);
            }
            Some(_) => self.act(&transport),
            None => {}
        }
    }

    fn act(&self, transport: &Transport) {
        self.deadline.set(None);
        match self.verdict {
            Verdict::Close => {
                tracing::debug!(peer = %transport.peer(), limit = ?self.limit, "closed: {}", self.counts.missing());
                transport.close();
            }
            Verdict::TellProtocol => transport.0.time_out(),
        }
    }
}

impl Counts {
    /// What did not come in time.
    fn missing(self) -> &'static str {
        match self {
            Self::Traffic => "idle",
            Self::Input => "nothing was received",
            Self::Messages => "no whole message came",
        }
    }
}

impl Gate for Watch {
    fn arrived(&self, transport: &Transport, _: &[u8]) {
        if self.counts != Counts::Messages {
            self.expect_something(transport);
        }
    }

    fn delivered(&self, transport: &Transport, taken: usize, left: usize) {
        if self.counts != Counts::Messages {
            return;
        }
        if left == 0 {
            self.deadline.set(None);
        } else if taken > 0 || self.deadline.get().is_none() {
            self.expect_something(transport);
        }
    }

    fn left(&self, transport: &Transport, _: usize) {
        if self.counts == Counts::Traffic {
            self.expect_something(transport);
        }
    }

    fn closed(&self, _: &Transport, _: &Reason) {
        if let Some(timer) = self.timer.take() {
            timer.cancel();
        }
    }
}
