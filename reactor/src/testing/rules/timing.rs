//! Timers, tasks, threads: what happens when, and in which order.

use super::stage::{Actor, Stage};
use super::{Rule, rules};
use crate::{Failure, Timer};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

pub(super) const RULES: &[Rule] = rules! {
    Anything: {
        timers_fire_by_time_and_then_by_birth,
        a_timer_born_in_a_turn_waits_for_the_next,
        timers_may_be_cancelled_and_moved_from_callbacks,
        timers_never_fire_early,
        a_timeout_is_told_once_and_can_be_moved_and_taken_back,
        deferreds_fire_once_and_from_the_loop,
        a_timeout_of_a_deferred_stops_the_work,
        tasks_run_and_a_panicking_one_fails_alone,
        looping_calls_skip_missed_beats,
        jobs_on_threads_come_back_to_the_loop,
    }
    Kernel: {
        other_threads_call_and_wake_the_loop,
    }
};

const MS: Duration = Duration::from_millis(1);

fn timers_fire_by_time_and_then_by_birth(stage: &Stage) {
    let order: Rc<RefCell<Vec<u32>>> = Rc::default();
    for (index, delay) in [3, 1, 2, 1, 3, 2].into_iter().enumerate() {
        let order = order.clone();
        stage.reactor.call_later(delay * MS, move || order.borrow_mut().push(index as u32));
    }
    stage.until("all timers", || order.borrow().len() == 6);
    assert_eq!(*order.borrow(), [1, 3, 2, 5, 0, 4]);
}

fn a_timer_born_in_a_turn_waits_for_the_next(stage: &Stage) {
    let order: Rc<RefCell<Vec<&str>>> = Rc::default();
    let (reactor, log, child) = (stage.reactor.clone(), order.clone(), order.clone());
    stage.reactor.call_later(MS, move || {
        log.borrow_mut().push("parent");
        reactor.call_later(Duration::ZERO, move || child.borrow_mut().push("child"));
    });
    let sibling = order.clone();
    stage.reactor.call_later(MS, move || sibling.borrow_mut().push("sibling"));
    stage.until("all timers", || order.borrow().len() == 3);
    assert_eq!(*order.borrow(), ["parent", "sibling", "child"]);
}

fn timers_may_be_cancelled_and_moved_from_callbacks(stage: &Stage) {
    let order: Rc<RefCell<Vec<&str>>> = Rc::default();
    let slot: Rc<RefCell<Vec<Timer>>> = Rc::default();
    let (log, timers) = (order.clone(), slot.clone());
    stage.reactor.call_later(MS, move || {
        log.borrow_mut().push("first");
        let timers = timers.borrow();
        assert!(timers[0].cancel() && !timers[0].cancel() && !timers[0].is_active());
        assert!(timers[1].reset(5 * MS) && timers[1].is_active());
    });
    for name in ["cancelled", "moved", "in between"] {
        let log = order.clone();
        let delay = if name == "in between" { 3 * MS } else { MS };
        slot.borrow_mut().push(stage.reactor.call_later(delay, move || log.borrow_mut().push(name)));
    }
    stage.until("all timers", || order.borrow().len() == 3);
    stage.settle();
    assert_eq!(*order.borrow(), ["first", "in between", "moved"]);
    assert!(!slot.borrow()[1].reset(MS), "a timer that fired can't be moved");
}

fn timers_never_fire_early(stage: &Stage) {
    let late = Rc::new(Cell::new(0));
    for micros in [1, 999, 1_000, 1_001, 1_500, 7_300] {
        let delay = Duration::from_micros(micros);
        let (reactor, late, due) = (stage.reactor.clone(), late.clone(), stage.reactor.now() + delay);
        stage.reactor.call_later(delay, move || {
            assert!(reactor.now() >= due, "early");
            late.set(late.get() + 1);
        });
    }
    stage.until("all timers", || late.get() == 6);
}

fn a_timeout_is_told_once_and_can_be_moved_and_taken_back(stage: &Stage) {
    let server = Actor::new().on_made(|transport| transport.set_timeout(Some(3 * MS))).on_timed_out(|_| {});
    let (server, _client) = stage.pair(server, Actor::new());
    let count = || server.journal().events.iter().filter(|event| **event == "timed out").count();
    stage.until("the first", || count() == 1);
    stage.settle();
    assert_eq!(count(), 1, "told once");
    server.transport.set_timeout(Some(2 * MS));
    server.transport.set_timeout(None);
    stage.settle();
    assert_eq!(count(), 1, "taken back");
    let start = stage.reactor.now();
    server.transport.set_timeout(Some(Duration::from_secs(60)));
    server.transport.set_timeout(Some(5 * MS));
    stage.until("the moved one", || count() == 2);
    assert!(stage.reactor.now() - start >= 5 * MS);
}

fn deferreds_fire_once_and_from_the_loop(stage: &Stage) {
    let (resolver, deferred) = stage.reactor.deferred::<u32>();
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = seen.clone();
    deferred
        .then(|outcome| outcome.map(|number| number + 1))
        .finally(move |outcome| log.borrow_mut().push(outcome));
    resolver.resolve(Ok(41));
    assert!(seen.borrow().is_empty(), "called from inside resolve");
    stage.until("the callback", || !seen.borrow().is_empty());
    assert!(matches!(seen.borrow()[..], [Ok(42)]));
    let (resolver, deferred) = stage.reactor.deferred::<u32>();
    let log = seen.clone();
    deferred.finally(move |outcome| log.borrow_mut().push(outcome));
    drop(resolver);
    stage.until("the loss", || seen.borrow().len() == 2);
    assert!(matches!(seen.borrow()[1], Err(Failure::Dropped)));
}

fn a_timeout_of_a_deferred_stops_the_work(stage: &Stage) {
    let (resolver, deferred) = stage.reactor.deferred::<()>();
    let stopped = Rc::new(Cell::new(false));
    let set = stopped.clone();
    resolver.on_cancel(move || set.set(true));
    let outcome = Rc::new(RefCell::new(None));
    let slot = outcome.clone();
    deferred.timeout(3 * MS).finally(move |result| *slot.borrow_mut() = Some(result));
    stage.until("the timeout", || outcome.borrow().is_some());
    assert!(matches!(*outcome.borrow(), Some(Err(Failure::TimedOut))));
    stage.until("the work to stop", || stopped.get());
    assert!(resolver.is_abandoned());
    resolver.resolve(Ok(()));
}

fn tasks_run_and_a_panicking_one_fails_alone(stage: &Stage) {
    let reactor = stage.reactor.clone();
    let good = stage.reactor.spawn(async move {
        reactor.sleep(2 * MS).await?;
        Ok("slept")
    });
    let bad = stage.reactor.spawn::<()>(async { panic!("on purpose") });
    let outcomes = Rc::new(RefCell::new((None, None)));
    let (first, second) = (outcomes.clone(), outcomes.clone());
    good.finally(move |result| first.borrow_mut().0 = Some(result));
    bad.finally(move |result| second.borrow_mut().1 = Some(result));
    stage.until("both", || outcomes.borrow().0.is_some() && outcomes.borrow().1.is_some());
    let outcomes = outcomes.borrow();
    assert!(matches!(outcomes.0, Some(Ok("slept"))));
    assert!(matches!(&outcomes.1, Some(Err(Failure::Panicked(text))) if text.contains("on purpose")));
}

fn looping_calls_skip_missed_beats(stage: &Stage) {
    let beats: Rc<RefCell<Vec<u64>>> = Rc::default();
    let (log, reactor) = (beats.clone(), stage.reactor.clone());
    let call = stage.reactor.looping_call(4 * MS, move |passed| {
        log.borrow_mut().push(passed);
        if log.borrow().len() == 1 {
            // A turn that takes ten milliseconds: two beats are missed.
            busy_until(&reactor, reactor.now() + 10 * MS);
        }
    });
    stage.until("three beats", || beats.borrow().len() >= 3);
    call.stop();
    let count = beats.borrow().len();
    stage.settle();
    assert_eq!(beats.borrow().len(), count, "a stopped call was called");
    assert!(!call.is_running());
    if stage.reactor.backend() != "sim" {
        assert!(beats.borrow()[1] >= 2, "the beats missed meanwhile were not counted: {beats:?}");
    }
}

/// Keep the loop busy; where time is virtual it does not pass meanwhile, and nothing is missed.
fn busy_until(reactor: &crate::Reactor, deadline: std::time::Instant) {
    let mut looks = 0;
    while reactor.now() < deadline && looks < 10_000_000 && reactor.backend() != "sim" {
        looks += 1;
    }
}

fn jobs_on_threads_come_back_to_the_loop(stage: &Stage) {
    let outcomes = Rc::new(RefCell::new(Vec::new()));
    for number in 0..20_u64 {
        let log = outcomes.clone();
        stage
            .reactor
            .defer_to_thread(move || number * number)
            .finally(move |result| log.borrow_mut().push(result));
    }
    let log = outcomes.clone();
    stage
        .reactor
        .defer_to_thread(|| -> u64 { panic!("on purpose") })
        .finally(move |result| log.borrow_mut().push(result));
    stage.until("all jobs", || outcomes.borrow().len() == 21);
    let mut good: Vec<u64> =
        outcomes.borrow().iter().filter_map(|outcome| outcome.as_ref().ok().copied()).collect();
    good.sort_unstable();
    assert_eq!(good, (0..20).map(|number| number * number).collect::<Vec<_>>());
    let failed =
        outcomes.borrow().iter().filter(|outcome| matches!(outcome, Err(Failure::Panicked(_)))).count();
    assert_eq!(failed, 1);
}

fn other_threads_call_and_wake_the_loop(stage: &Stage) {
    let remote = stage.reactor.remote();
    let count = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let counter = count.clone();
    let job = stage.reactor.defer_to_thread(move || {
        for _ in 0..1000 {
            let counter = counter.clone();
            remote.call(move |_| {
                counter.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
            });
        }
    });
    let done = Rc::new(Cell::new(false));
    let set = done.clone();
    job.finally(move |_| set.set(true));
    stage.until("all calls", || done.get() && count.load(std::sync::atomic::Ordering::Relaxed) == 1000);
}
