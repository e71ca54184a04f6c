//! Tasks: futures on the loop, sleeping, and calls that repeat.
//!
//! The executor is as small as it can be: a table of boxed futures, and a waker that puts a number
//! into the mailbox. Futures that need no other runtime work; those of another runtime don't.

use crate::failure::{Failure, Result};
use crate::reactor::Reactor;
use crate::shared::{Effect, Shared};
use crate::threads::Mailbox;
use crate::timer::Timer;
use crate::{Deferred, panics};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

pub(crate) type BoxedTask = Pin<Box<dyn Future<Output = ()>>>;

/// The futures that are under way.
#[derive(Default)]
pub(crate) struct Tasks(HashMap<usize, (BoxedTask, Waker), SequentialHash>);

/// Task numbers are given out in order, by us: they need no hashing against an adversary.
type SequentialHash = std::hash::BuildHasherDefault<Identity>;

#[derive(Default)]
pub(crate) struct Identity(u64);

impl std::hash::Hasher for Identity {
    fn finish(&self) -> u64 {
        // The table takes its control bits from the top, so spread the number.
        self.0.wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0 << 8 | u64::from(*byte);
        }
    }
    fn write_usize(&mut self, number: usize) {
        self.0 = number as u64;
    }
}

struct TaskWaker {
    id: usize,
    mailbox: Arc<Mailbox>,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.mailbox.post(|letters| letters.woken.push(self.id));
    }
}

impl Tasks {
    pub(crate) fn insert(&mut self, id: usize, task: BoxedTask, home: &Shared) {
        let waker = Waker::from(Arc::new(TaskWaker { id, mailbox: home.mailbox.clone() }));
        self.0.insert(id, (task, waker));
    }

    pub(crate) fn remove(&mut self, id: usize) {
        drop(self.0.remove(&id));
    }

    pub(crate) fn clear(&mut self) {
        self.0.clear();
    }

    /// Poll a task, if it is still there.
    pub(crate) fn poll(&mut self, id: usize) {
        let Some((mut task, waker)) = self.0.remove(&id) else { return };
        if task.as_mut().poll(&mut Context::from_waker(&waker)).is_pending() {
            self.0.insert(id, (task, waker));
        }
    }
}

impl Reactor {
    /// Run a future on the loop. What comes back gives its result; cancelling that drops the future,
    /// dropping it lets the future run on.
    pub fn spawn<T: 'static>(&self, future: impl Future<Output = Result<T>> + 'static) -> Deferred<T> {
        let (resolver, deferred) = self.deferred();
        let id = self.0.next_task();
        let home = Rc::downgrade(&self.0);
        resolver.on_cancel(move || {
            if let Some(home) = home.upgrade() {
                home.push(Effect::CancelTask(id));
            }
        });
        self.0.push(Effect::Spawn(id, Box::pin(async move { resolver.resolve(guarded(future).await) })));
        deferred
    }

    /// A deferred that fires after `delay`.
    pub fn sleep(&self, delay: Duration) -> Deferred<()> {
        let (resolver, deferred) = self.deferred();
        let slot = Rc::new(RefCell::new(Some(resolver)));
        let fires = slot.clone();
        let timer = self.call_later(delay, move || {
            if let Some(resolver) = fires.take() {
                resolver.resolve(Ok(()));
            }
        });
        if let Some(resolver) = &*slot.borrow() {
            resolver.on_cancel(move || {
                timer.cancel();
            });
        }
        deferred
    }

    /// Call `beat` every `interval`, first after one interval, until the handle is stopped.
    ///
    /// Beats keep to the grid that the start lays down: one that comes late does not delay the next,
    /// and those that were missed altogether are skipped. `beat` is told how many beats have passed
    /// since it was last called: one, if none was missed.
    pub fn looping_call(&self, interval: Duration, beat: impl FnMut(u64) + 'static) -> LoopingCall {
        let state = Rc::new(Looping {
            reactor: Rc::downgrade(&self.0),
            interval: interval.max(Duration::from_nanos(1)),
            start: self.now(),
            last: Cell::new(0),
            beat: RefCell::new(Some(Box::new(beat))),
            timer: RefCell::default(),
        });
        state.schedule();
        LoopingCall(state)
    }
}

/// The future, with a panic in it as its failure.
async fn guarded<T>(future: impl Future<Output = Result<T>>) -> Result<T> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(move |context| match panics::catch(|| future.as_mut().poll(context)) {
        Ok(poll) => poll,
        Err(panic) => {
            tracing::error!(panic.message, panic.backtrace, "a task panicked");
            Poll::Ready(Err(Failure::Panicked(panic.message)))
        }
    })
    .await
}

/// A call that repeats; dropping the handle does not stop it.
#[derive(Clone)]
pub struct LoopingCall(Rc<Looping>);

struct Looping {
    reactor: std::rc::Weak<Shared>,
    interval: Duration,
    start: Instant,
    last: Cell<u64>,
    beat: RefCell<Option<Box<dyn FnMut(u64)>>>,
    timer: RefCell<Option<Timer>>,
}

impl LoopingCall {
    /// Call no more.
    pub fn stop(&self) {
        if let Some(timer) = self.0.timer.take() {
            timer.cancel();
        }
        // While the beat itself runs it is not in the cell, and is dropped when it returns.
        let beat = self.0.beat.take();
        drop(beat);
    }

    /// Whether it will be called again.
    pub fn is_running(&self) -> bool {
        self.0.timer.borrow().as_ref().is_some_and(Timer::is_active)
    }
}

impl Looping {
    fn schedule(self: &Rc<Self>) {
        let Some(home) = self.reactor.upgrade() else { return };
        let offset = self.interval.as_nanos().saturating_mul(u128::from(self.last.get()) + 1);
        let Some(at) = self.start.checked_add(Duration::from_nanos_u128(offset)) else { return };
        let this = self.clone();
        *self.timer.borrow_mut() = Some(Timer::start(&home, at, Box::new(move || this.tick())));
    }

    fn tick(self: &Rc<Self>) {
        let Some(home) = self.reactor.upgrade() else { return };
        let elapsed = home.now().saturating_duration_since(self.start);
        let number = (elapsed.as_nanos() / self.interval.as_nanos()) as u64;
        let passed = number.saturating_sub(self.last.replace(number)).max(1);
        self.schedule();
        let Some(mut beat) = self.beat.take() else { return };
        beat(passed);
        if self.timer.borrow().is_some() {
            *self.beat.borrow_mut() = Some(beat);
        }
    }
}

/// A future's result with nothing else to wait for: what `block_on` keeps it in.
pub(crate) type Outcome<T> = Rc<RefCell<Option<Result<T>>>>;

/// The failure of a `block_on` whose reactor stopped first.
pub(crate) fn stopped() -> Failure {
    Failure::other("the reactor stopped before the future was done")
}
