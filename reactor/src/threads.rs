//! What other threads can do: run blocking jobs for the loop, and call it.
//!
//! Only three things cross threads: jobs and their results (the pool), calls ([`Remote`]), and the
//! numbers of woken tasks. They meet in one mailbox that the loop empties once a turn.

use crate::engine::Wake;
use crate::failure::{Failure, Result};
use crate::reactor::Reactor;
use crate::shared::Job;
use crate::{Deferred, panics};
use slab::Slab;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::ThreadId;

/// How many threads a pool has unless it was told otherwise.
pub(crate) const THREADS: usize = 8;

/// How many blocking jobs may wait for a thread; one more is refused.
pub const JOBS_MAX: usize = 4096;

/// A handle to a reactor that other threads may hold: it can be sent, cloned, and called.
#[derive(Clone)]
pub struct Remote(Arc<Mailbox>);

impl Remote {
    pub(crate) fn new(mailbox: Arc<Mailbox>) -> Self {
        Self(mailbox)
    }

    /// Call `f` from the reactor's loop, soon. Returns false if the reactor is gone.
    pub fn call(&self, f: impl FnOnce(&Reactor) + Send + 'static) -> bool {
        self.0.post(|letters| letters.calls.push(Box::new(f)))
    }

    /// Have the reactor stop, in order.
    pub fn stop(&self) -> bool {
        self.call(Reactor::stop)
    }
}

impl std::fmt::Debug for Remote {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Remote")
    }
}

/// What other threads left for the loop.
#[derive(Default)]
pub(crate) struct Letters {
    pub(crate) calls: Vec<Box<dyn FnOnce(&Reactor) + Send>>,
    pub(crate) completed: Vec<usize>,
    pub(crate) woken: Vec<usize>,
    closed: bool,
}

impl Letters {
    pub(crate) fn is_empty(&self) -> bool {
        self.calls.is_empty() && self.completed.is_empty() && self.woken.is_empty()
    }
}

/// Where letters wait, with what wakes the loop.
pub(crate) struct Mailbox {
    letters: Mutex<Letters>,
    waker: Arc<dyn Wake>,
    home: ThreadId,
}

impl Mailbox {
    pub(crate) fn new(waker: Arc<dyn Wake>) -> Self {
        Self { letters: Mutex::default(), waker, home: std::thread::current().id() }
    }

    fn lock(&self) -> MutexGuard<'_, Letters> {
        // Nothing that runs under the lock can leave it half-changed, so poison means nothing here.
        self.letters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the loop will see it.
    pub(crate) fn post(&self, write: impl FnOnce(&mut Letters)) -> bool {
        let mut letters = self.lock();
        if letters.closed {
            return false;
        }
        write(&mut letters);
        drop(letters);
        if std::thread::current().id() != self.home {
            self.waker.wake();
        }
        true
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.lock().is_empty()
    }

    pub(crate) fn take(&self) -> Letters {
        std::mem::take(&mut self.lock())
    }

    /// The reactor is gone: refuse letters, and drop those there.
    pub(crate) fn close(&self) {
        let letters = std::mem::replace(&mut *self.lock(), Letters { closed: true, ..Letters::default() });
        drop(letters);
    }
}

/// What is to be done on the loop when a job's result has come: the part that may not cross threads.
#[derive(Default)]
pub(crate) struct Completions(RefCell<Slab<Job>>);

impl Completions {
    pub(crate) fn insert(&self, job: Job) -> usize {
        self.0.borrow_mut().insert(job)
    }

    pub(crate) fn take(&self, ticket: usize) -> Option<Job> {
        self.0.borrow_mut().try_remove(ticket)
    }
}

type Work = Box<dyn FnOnce() + Send>;

/// Threads for blocking jobs; they start when they are first needed.
pub(crate) struct Pool {
    queue: Arc<Queue>,
    mailbox: Arc<Mailbox>,
    threads_max: usize,
}

struct Queue {
    jobs: Mutex<Jobs>,
    news: Condvar,
}

#[derive(Default)]
struct Jobs {
    waiting: VecDeque<Work>,
    idle: usize,
    threads: usize,
    closed: bool,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, Jobs> {
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a pool's thread does.
    fn serve(&self) {
        let mut jobs = self.lock();
        loop {
            if let Some(job) = jobs.waiting.pop_front() {
                drop(jobs);
                job();
                jobs = self.lock();
            } else if jobs.closed {
                return;
            } else {
                jobs.idle += 1;
                jobs = self.news.wait(jobs).unwrap_or_else(PoisonError::into_inner);
                jobs.idle -= 1;
            }
        }
    }
}

impl Pool {
    pub(crate) fn new(threads_max: usize, mailbox: Arc<Mailbox>) -> Self {
        let queue = Arc::new(Queue { jobs: Mutex::default(), news: Condvar::new() });
        Self { queue, mailbox, threads_max }
    }

    /// Run `work` on a thread, then post `ticket` to the loop. Refused when too many wait.
    fn submit(&self, ticket: usize, work: impl FnOnce() + Send + 'static) -> bool {
        let mut jobs = self.queue.lock();
        if jobs.waiting.len() >= JOBS_MAX {
            return false;
        }
        let mailbox = self.mailbox.clone();
        jobs.waiting.push_back(Box::new(move || {
            work();
            mailbox.post(|letters| letters.completed.push(ticket));
        }));
        let start = jobs.idle < jobs.waiting.len() && jobs.threads < self.threads_max;
        if start {
            let queue = self.queue.clone();
            let thread = std::thread::Builder::new().name("ropewalk-pool".into());
            match thread.spawn(move || queue.serve()) {
                Ok(_) => jobs.threads += 1,
                Err(error) if jobs.threads == 0 => {
                    tracing::error!(%error, "no thread can be started for a blocking job");
                    jobs.waiting.pop_back();
                    return false;
                }
                Err(_) => {}
            }
        }
        drop(jobs);
        self.queue.news.notify_one();
        true
    }
}

impl Drop for Pool {
    /// Jobs under way finish; those that wait are done first, as their callers were promised.
    fn drop(&mut self) {
        self.queue.lock().closed = true;
        self.queue.news.notify_all();
    }
}

impl Reactor {
    /// Run `job` on a thread of the pool, and get its result here.
    ///
    /// At most [`JOBS_MAX`] jobs wait; more fail with [`Failure::Overloaded`]. A panic in `job` is
    /// [`Failure::Panicked`]. In a simulation the job runs on the loop, and its answer takes a
    /// seeded while.
    pub fn defer_to_thread<T: Send + 'static>(
        &self,
        job: impl FnOnce() -> T + Send + 'static,
    ) -> Deferred<T> {
        let (resolver, deferred) = self.deferred();
        let outcome: Arc<Mutex<Option<Result<T>>>> = Arc::default();
        let slot = outcome.clone();
        let work = move || {
            let result = panics::catch(job).map_err(|panic| Failure::Panicked(panic.message));
            *slot.lock().unwrap_or_else(PoisonError::into_inner) = Some(result);
        };
        let complete = move || {
            let result = outcome.lock().unwrap_or_else(PoisonError::into_inner).take();
            resolver.resolve(result.unwrap_or(Err(Failure::Dropped)));
        };
        let delay = self.0.engine.borrow_mut().job_delay();
        if let Some(delay) = delay {
            self.call_later(delay, move || {
                work();
                complete();
            });
            return deferred;
        }
        let ticket = self.0.completions.insert(Box::new(complete));
        if !self.0.pool.submit(ticket, work) {
            drop(self.0.completions.take(ticket));
            return self.0.resolved(Err(Failure::Overloaded));
        }
        deferred
    }
}
