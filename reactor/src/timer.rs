//! Timers: call something later.
//!
//! They fire in the order of (time, birth). Cancelling or moving one only changes its cell; the
//! entry left in the loop's heap is recognised as stale when it comes up, and when stale entries
//! outnumber the live ones the heap is swept.

use crate::shared::{Effect, Job, Shared};
use crate::transport::Flag;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant};

/// Something that will be called later: Twisted's DelayedCall. Dropping the handle does not cancel it.
#[derive(Clone)]
pub struct Timer(Rc<TimerCell>);

pub(crate) struct TimerCell {
    /// When and how many-th; `None` once it was cancelled or called.
    due: Cell<Option<(Instant, u64)>>,
    job: RefCell<Option<Job>>,
    home: Weak<Shared>,
}

impl Timer {
    pub(crate) fn start(home: &Rc<Shared>, at: Instant, job: Job) -> Self {
        let due = (at, home.next_id());
        let cell =
            TimerCell { due: Cell::new(Some(due)), job: RefCell::new(Some(job)), home: Rc::downgrade(home) };
        let timer = Self(Rc::new(cell));
        home.push(Effect::Timer(TimerEntry { due, what: What::Call(timer.0.clone()) }));
        timer
    }

    /// Don't call it. Returns whether that was still possible.
    pub fn cancel(&self) -> bool {
        let was_due = self.0.due.take().is_some();
        if was_due {
            self.0.note_stale();
        }
        let job = self.0.job.take();
        drop(job);
        was_due
    }

    /// Call it this much time from now instead. Returns whether that was still possible.
    pub fn reset(&self, delay: Duration) -> bool {
        let Some(home) = self.0.home.upgrade() else { return false };
        let Some(at) = home.now().checked_add(delay) else { return false };
        if self.0.due.get().is_none() {
            return false;
        }
        let due = (at, home.next_id());
        self.0.due.set(Some(due));
        self.0.note_stale();
        home.push(Effect::Timer(TimerEntry { due, what: What::Call(self.0.clone()) }));
        true
    }

    /// Whether it is still to be called.
    pub fn is_active(&self) -> bool {
        self.0.due.get().is_some()
    }

    /// When it is to be called; `None` once it was called or cancelled.
    pub fn time(&self) -> Option<Instant> {
        self.0.due.get().map(|(at, _)| at)
    }
}

impl TimerCell {
    fn note_stale(&self) {
        if let Some(home) = self.home.upgrade() {
            home.stale_timers.set(home.stale_timers.get() + 1);
        }
    }
}

/// An entry of the heap, ordered by time and birth.
pub(crate) struct TimerEntry {
    due: (Instant, u64),
    what: What,
}

enum What {
    /// A timer that a user started.
    Call(Rc<TimerCell>),
    /// The loop's own look at something.
    Look(Look),
}

/// What the loop looks at when the time has come.
pub(crate) enum Look {
    /// A connection's deadline for its protocol.
    Deadline(Rc<crate::transport::Connection>),
    /// A closing connection: did its peer take anything?
    Linger(Rc<crate::transport::Connection>),
    /// A connection whose layer should have finished its handshake.
    Handshake(crate::engine::Token),
    /// What is left of a closed connection.
    Remnant(crate::engine::Token),
}

/// What is due.
pub(crate) enum Due {
    Call(Job),
    Look(Look),
}

impl PartialEq for TimerEntry {
    fn eq(&self, other: &Self) -> bool {
        self.due == other.due
    }
}
impl Eq for TimerEntry {}
impl PartialOrd for TimerEntry {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for TimerEntry {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.due.cmp(&other.due)
    }
}

/// The loop's timers.
#[derive(Default)]
pub(crate) struct Timers(BinaryHeap<Reverse<TimerEntry>>);

/// Below this many entries the heap is not worth sweeping.
const SWEEP_MIN: usize = 64;

impl Timers {
    pub(crate) fn insert(&mut self, entry: TimerEntry, home: &Shared) {
        self.0.push(Reverse(entry));
        if self.0.len() > SWEEP_MIN && home.stale_timers.get() > self.0.len() / 2 {
            self.0.retain(|Reverse(entry)| entry.is_live());
            home.stale_timers.set(0);
        }
    }

    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn look_at(&mut self, at: Instant, what: Look, home: &Shared) {
        self.insert(TimerEntry { due: (at, home.next_id()), what: What::Look(what) }, home);
    }

    /// When the next one is due.
    pub(crate) fn next(&mut self, home: &Shared) -> Option<Instant> {
        while let Some(Reverse(entry)) = self.0.peek() {
            if entry.is_live() {
                return Some(entry.due.0);
            }
            self.0.pop();
            home.stale_timers.set(home.stale_timers.get().saturating_sub(1));
        }
        None
    }

    /// The next one that is due at `now`, taken out.
    pub(crate) fn pop(&mut self, now: Instant, home: &Shared) -> Option<Due> {
        if self.next(home)? > now {
            return None;
        }
        let Reverse(entry) = self.0.pop()?;
        match entry.what {
            What::Look(look) => Some(Due::Look(look)),
            What::Call(cell) => {
                cell.due.set(None);
                let job = cell.job.take();
                job.map(Due::Call)
            }
        }
    }
}

impl TimerEntry {
    fn is_live(&self) -> bool {
        match &self.what {
            What::Call(cell) => cell.due.get() == Some(self.due),
            What::Look(Look::Deadline(connection)) => !connection.flags.has(Flag::Dead),
            What::Look(_) => true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::SWEEP_MIN;
    use crate::prelude::*;
    use crate::testing::{Faults, Sim};

    /// How many entries the heap of a reactor's timers has.
    fn entries(reactor: &Reactor) -> usize {
        let core = reactor.0.core.take().expect("it is not running");
        let count = core.timers_len();
        reactor.0.core.set(Some(core));
        count
    }

    fn run_for(reactor: &Reactor, time: Duration) {
        let sleep = reactor.sleep(time);
        reactor.block_on(sleep).expect("time passes");
    }

    #[test]
    fn cancelled_timers_do_not_pile_up() {
        let reactor = Reactor::with_engine(Sim::new(1, Faults::none()).0);
        for _ in 0..1000 {
            reactor.call_later(Duration::from_secs(3600), || {}).cancel();
        }
        run_for(&reactor, Duration::from_secs(1));
        assert!(entries(&reactor) <= 2 * SWEEP_MIN, "{} entries", entries(&reactor));
    }

    #[test]
    fn deadlines_of_the_dead_do_not_pile_up() {
        struct Brief;
        impl Protocol for Brief {
            fn connection_made(&mut self, transport: &Transport) {
                transport.set_timeout(Some(Duration::from_secs(3600)));
                transport.close();
            }
            fn data_received(&mut self, _: &Transport, _: &mut BytesMut) {}
        }
        let reactor = Reactor::with_engine(Sim::new(1, Faults::none()).0);
        reactor.listen("tcp:7", |_: &Address| Brief).expect("a simulated port");
        for _ in 0..50 {
            for _ in 0..20 {
                reactor.connect("tcp:127.0.0.1:7", Brief).finally(drop);
            }
            run_for(&reactor, Duration::from_secs(60));
        }
        assert!(entries(&reactor) <= 2 * SWEEP_MIN, "{} entries", entries(&reactor));
    }
}
