//! Deferred: a result that is not there yet. Callbacks in Twisted's manner, and a future.
//!
//! A deferred fires once. Whoever waits, a callback or an `await`, is called from the loop, never
//! from inside [`Resolver::resolve`]. A resolver that is dropped fires it with
//! [`Failure::Dropped`], so nothing waits for ever by mistake; a failure that nobody took is logged.

use crate::failure::{Failure, Result};
use crate::reactor::Reactor;
use crate::shared::{Job, Shared};
use crate::timer::Timer;
use std::cell::RefCell;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// A result that will come: attach a callback, or await it.
#[must_use = "a deferred that is dropped loses its result; `finally` takes it"]
pub struct Deferred<T: 'static>(Rc<Promise<T>>);

/// What gives a [`Deferred`] its result.
pub struct Resolver<T: 'static>(Option<Rc<Promise<T>>>);

struct Promise<T> {
    state: RefCell<State<T>>,
    /// How to stop whatever would produce the result.
    canceller: RefCell<Option<Job>>,
    home: Weak<Shared>,
}

enum State<T> {
    /// Nobody waits, nothing has come.
    Empty,
    /// A task waits.
    Awaited(Waker),
    /// A callback waits.
    Callback(Box<dyn FnOnce(Result<T>)>),
    /// The result has come, and nobody took it yet.
    Ready(Result<T>),
    /// The result was taken; another is dropped.
    Taken,
}

pub(crate) fn pair<T>(home: Weak<Shared>) -> (Resolver<T>, Deferred<T>) {
    let cell = Rc::new(Promise { state: RefCell::new(State::Empty), canceller: RefCell::default(), home });
    (Resolver(Some(cell.clone())), Deferred(cell))
}

impl<T: 'static> Resolver<T> {
    /// Give the result. Ignored if the deferred was cancelled or timed out meanwhile.
    pub fn resolve(mut self, outcome: Result<T>) {
        if let Some(cell) = self.0.take() {
            cell.fire(outcome);
        }
    }

    /// Whether nobody wants the result any more: cancelled, timed out, or the deferred dropped.
    pub fn is_abandoned(&self) -> bool {
        self.0.as_ref().is_none_or(|cell| {
            matches!(*cell.state.borrow(), State::Taken | State::Ready(_))
                || (Rc::strong_count(cell) == 1 && !matches!(*cell.state.borrow(), State::Callback(_)))
        })
    }

    /// When the deferred is cancelled or times out, call this from the loop, to stop the work.
    pub fn on_cancel(&self, canceller: impl FnOnce() + 'static) {
        if let Some(cell) = &self.0 {
            *cell.canceller.borrow_mut() = Some(Box::new(canceller));
        }
    }
}

impl<T: 'static> Drop for Resolver<T> {
    fn drop(&mut self) {
        if let Some(cell) = self.0.take() {
            cell.fire(Err(Failure::Dropped));
        }
    }
}

impl<T: 'static> Promise<T> {
    fn fire(&self, outcome: Result<T>) {
        self.canceller.take();
        let before = self.state.replace(State::Taken);
        match before {
            State::Empty => drop(self.state.replace(State::Ready(outcome))),
            State::Awaited(waker) => {
                self.state.replace(State::Ready(outcome));
                waker.wake();
            }
            State::Callback(callback) => self.soon(move || callback(outcome)),
            State::Ready(first) => drop(self.state.replace(State::Ready(first))),
            State::Taken => {}
        }
    }

    fn soon(&self, job: impl FnOnce() + 'static) {
        if let Some(home) = self.home.upgrade() {
            home.soon(job);
        }
    }

    /// Stop the work, and fire with `failure` unless a result has come.
    fn give_up(&self, failure: Failure) {
        if let Some(canceller) = self.canceller.take() {
            self.soon(canceller);
        }
        self.fire(Err(failure));
    }
}

impl<T: 'static> Deferred<T> {
    /// Pass the result, good or bad, through `transform`: Twisted's addBoth.
    ///
    /// Cancelling what comes back cancels this one.
    pub fn then<U: 'static>(self, transform: impl FnOnce(Result<T>) -> Result<U> + 'static) -> Deferred<U> {
        let (resolver, deferred) = pair(self.0.home.clone());
        resolver.on_cancel(self.cancels());
        self.finally(move |outcome| resolver.resolve(transform(outcome)));
        deferred
    }

    /// Go on with another deferred, made from this one's good result; a failure passes by.
    pub fn chain<U: 'static>(self, next: impl FnOnce(T) -> Deferred<U> + 'static) -> Deferred<U> {
        let (resolver, deferred) = pair(self.0.home.clone());
        resolver.on_cancel(self.cancels());
        self.finally(move |outcome| match outcome {
            Ok(value) => {
                let next = next(value);
                resolver.on_cancel(next.cancels());
                next.finally(move |outcome| resolver.resolve(outcome));
            }
            Err(failure) => resolver.resolve(Err(failure)),
        });
        deferred
    }

    /// Take the result, good or bad, from the loop: the end of a chain.
    pub fn finally(self, callback: impl FnOnce(Result<T>) + 'static) {
        let before = self.0.state.replace(State::Taken);
        match before {
            State::Ready(outcome) => self.0.soon(move || callback(outcome)),
            _ => drop(self.0.state.replace(State::Callback(Box::new(callback)))),
        }
    }

    /// Nobody wants the result any more: stop the work, fire with [`Failure::Cancelled`].
    pub fn cancel(&self) {
        self.0.give_up(Failure::Cancelled);
    }

    /// What cancels this deferred, for passing a cancellation up a chain.
    fn cancels(&self) -> impl FnOnce() + use<T> {
        let cell = self.0.clone();
        move || cell.give_up(Failure::Cancelled)
    }

    /// If no result comes within `limit`, stop the work and fire with [`Failure::TimedOut`].
    pub fn timeout(self, limit: Duration) -> Self {
        let Some(home) = self.0.home.upgrade() else { return self };
        let (resolver, deferred) = pair(self.0.home.clone());
        resolver.on_cancel(self.cancels());
        let cell = self.0.clone();
        let timer = home
            .now()
            .checked_add(limit)
            .map(|at| Timer::start(&home, at, Box::new(move || cell.give_up(Failure::TimedOut))));
        self.finally(move |outcome| {
            if let Some(timer) = timer {
                timer.cancel();
            }
            resolver.resolve(outcome);
        });
        deferred
    }

    /// The reactor it belongs to, while that lives.
    pub fn reactor(&self) -> Option<Reactor> {
        self.0.home.upgrade().map(Reactor)
    }

    /// The result, if it has come and nobody took it: for tests.
    pub fn take_now(&self) -> Option<Result<T>> {
        let before = self.0.state.replace(State::Taken);
        match before {
            State::Ready(outcome) => Some(outcome),
            waiting => {
                drop(self.0.state.replace(waiting));
                None
            }
        }
    }
}

impl<T: 'static> Drop for Deferred<T> {
    fn drop(&mut self) {
        if let State::Ready(Err(failure)) = &*self.0.state.borrow()
            && !matches!(failure, Failure::Cancelled | Failure::Dropped)
        {
            tracing::error!(%failure, "nobody took the failure of a deferred");
        }
    }
}

impl<T: 'static> Future for Deferred<T> {
    type Output = Result<T>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<T>> {
        let before = self.0.state.replace(State::Taken);
        match before {
            State::Ready(outcome) => Poll::Ready(outcome),
            _ => {
                drop(self.0.state.replace(State::Awaited(context.waker().clone())));
                Poll::Pending
            }
        }
    }
}

/// All the results, in order, once the last has come: Twisted's DeferredList.
pub async fn all<T: 'static>(deferreds: Vec<Deferred<T>>) -> Vec<Result<T>> {
    let mut outcomes = Vec::with_capacity(deferreds.len());
    for deferred in deferreds {
        outcomes.push(deferred.await);
    }
    outcomes
}
