//! `wait`, its end, and the waker: rule 3 of the contract.

#![expect(clippy::disallowed_methods, reason = "a wake-up must be seen to come from another thread")]

use super::rig::Rig;
use super::{Case, PATIENCE, cases};
use crate::engine::Close;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

pub(super) const CASES: &[Case] = cases! {
    Anything: {
        a_wait_is_never_shorter_than_asked,
        a_wait_for_a_time_that_has_passed_returns_at_once,
        a_wake_ends_the_next_wait,
        many_wakes_are_one,
        a_wake_together_with_news_hides_neither,
        idle_connections_do_not_keep_the_loop_busy,
        unread_news_do_not_keep_the_loop_busy,
        a_hang_up_left_alone_does_not_keep_the_loop_busy,
        a_reset_left_alone_does_not_keep_the_loop_busy,
        a_waiting_connection_left_alone_does_not_keep_the_loop_busy,
    }
    Kernel: {
        a_wait_for_a_time_that_has_passed_still_collects_news,
        a_wake_from_another_thread_is_never_lost,
        wakes_from_a_thread_that_never_rests_are_never_lost,
    }
};

/// Long enough for a busy loop to show itself, short enough for a test.
const A_WHILE: Duration = Duration::from_millis(20);

fn a_wait_is_never_shorter_than_asked(rig: &mut Rig<'_>) {
    for micros in [1, 300, 999, 1_000, 1_001, 2_500] {
        let until = rig.engine.now() + Duration::from_micros(micros);
        let mut news = Vec::new();
        rig.engine.wait(Some(until), &mut news).expect("a wait never fails");
        assert!(news.is_empty(), "news of nobody: {news:?}");
        let now = rig.engine.now();
        assert!(now >= until, "a wait of {micros} µs ended {:?} early", until - now);
    }
}

fn a_wait_for_a_time_that_has_passed_returns_at_once(rig: &mut Rig<'_>) {
    let start = rig.engine.now();
    for _ in 0..100 {
        rig.engine.wait(Some(start), &mut Vec::new()).expect("a wait never fails");
    }
    assert!(rig.engine.now() - start < PATIENCE / 10, "a wait for the past blocked");
}

fn a_wake_ends_the_next_wait(rig: &mut Rig<'_>) {
    let waker = rig.engine.waker();
    for _ in 0..3 {
        waker.wake();
        rig.wait_for_ever();
    }
}

fn many_wakes_are_one(rig: &mut Rig<'_>) {
    let waker = rig.engine.waker();
    for _ in 0..10_000 {
        waker.wake();
    }
    rig.wait_for_ever();
    rig.assert_quiet(A_WHILE);
}

fn a_wake_together_with_news_hides_neither(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    for _ in 0..3 {
        rig.write(client, b"news");
        rig.engine.waker().wake();
        assert_eq!(rig.read(server, 4), b"news");
        rig.write(client, b"more");
        rig.engine.waker().wake();
        rig.wait_for_ever();
        assert_eq!(rig.read(server, 4), b"more");
    }
}

fn idle_connections_do_not_keep_the_loop_busy(rig: &mut Rig<'_>) {
    let _idle: Vec<_> = (0..5).map(|_| rig.pair()).collect();
    rig.assert_quiet(A_WHILE);
}

fn unread_news_do_not_keep_the_loop_busy(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    rig.write(client, b"left alone");
    rig.await_readable(server);
    rig.assert_quiet(A_WHILE);
    assert_eq!(rig.read(server, 10), b"left alone");
}

fn a_hang_up_left_alone_does_not_keep_the_loop_busy(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    rig.engine.shutdown_write(server).expect("shut down");
    rig.await_readable(client);
    rig.close(client, Close::Graceful);
    rig.await_readable(server);
    rig.assert_quiet(A_WHILE);
    assert_eq!(rig.read_to_end(server).expect("a clean end"), b"");
}

fn a_reset_left_alone_does_not_keep_the_loop_busy(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    rig.close(client, Close::Abort);
    rig.await_readable(server);
    rig.assert_quiet(A_WHILE);
}

fn a_waiting_connection_left_alone_does_not_keep_the_loop_busy(rig: &mut Rig<'_>) {
    let (listener, address) = rig.listen();
    let client = rig.dial(&address);
    rig.await_readable(listener);
    rig.await_writable(client);
    rig.assert_quiet(A_WHILE);
    rig.accepted(listener);
}

fn a_wait_for_a_time_that_has_passed_still_collects_news(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    rig.write(client, b"here");
    let past = rig.engine.now();
    // An engine that takes what it is given to send may have brought them while that left.
    while !rig.is_readable(server) {
        assert!(rig.engine.now() < past + PATIENCE, "waits that do not block never find the news");
        rig.wait_until(past);
    }
}

fn a_wake_from_another_thread_is_never_lost(rig: &mut Rig<'_>) {
    let waker = rig.engine.waker();
    let (ask, asked) = mpsc::channel();
    let (answer, answered) = mpsc::channel();
    let other = std::thread::spawn(move || {
        while let Ok(()) = asked.recv() {
            waker.wake();
            answer.send(()).expect("the loop listens");
        }
    });
    for round in 0..500 {
        let start = rig.engine.now();
        ask.send(()).expect("the other thread listens");
        rig.wait(PATIENCE);
        assert!(rig.engine.now() < start + PATIENCE, "the wake-up of round {round} was lost");
        answered.recv().expect("the other thread answers");
    }
    drop(ask);
    other.join().expect("the other thread ends");
}

fn wakes_from_a_thread_that_never_rests_are_never_lost(rig: &mut Rig<'_>) {
    // Wakes come at every point of the engine's own handling of a wake.
    let waker = rig.engine.waker();
    let stop = Arc::new(AtomicBool::new(false));
    let stopped = stop.clone();
    let other = std::thread::spawn(move || {
        while !stopped.load(Ordering::Relaxed) {
            waker.wake();
        }
    });
    for round in 0..2_000 {
        let start = rig.engine.now();
        rig.wait(PATIENCE);
        assert!(rig.engine.now() < start + PATIENCE, "the wake-ups of round {round} were lost");
    }
    stop.store(true, Ordering::Relaxed);
    other.join().expect("the other thread ends");
}
