//! The rules of an excellent reactor, on each backend. One test a backend; a broken rule is named.

use ropewalk_reactor::testing::{Faults, Sim, rules};
use ropewalk_reactor::{Builder, Reactor};
use std::time::Duration;

/// What only a deadline can decide should not take long here.
fn impatient() -> Builder {
    Reactor::builder().linger(Duration::from_millis(250)).drain(Duration::from_millis(250))
}

fn on(backend: &'static str) {
    rules::check_all(&|| impatient().backend(backend).build().expect("the backend works here"), true);
}

#[test]
fn epoll_keeps_the_rules() {
    on("epoll");
}

#[test]
fn poll_keeps_the_rules() {
    on("poll");
}

#[test]
fn select_keeps_the_rules() {
    on("select");
}

#[test]
fn epoll_keeps_the_rules_while_it_spins() {
    let spinning = || impatient().backend("epoll").spin(Duration::from_micros(50));
    rules::check_all(&|| spinning().build().expect("epoll works here"), true);
}

#[test]
fn the_simulation_keeps_the_rules() {
    rules::check_all(&|| impatient().build_on(Box::new(Sim::new(1, Faults::none()).0)), false);
}

#[test]
fn a_rough_simulation_keeps_the_rules() {
    for seed in 0..3 {
        let faults = Faults { small_window: 0.0, ..Faults::rough() };
        rules::check_all(&|| impatient().build_on(Box::new(Sim::new(seed, faults.clone()).0)), false);
    }
}

#[test]
fn io_uring_keeps_the_rules() {
    on("io_uring");
}

#[test]
fn io_uring_keeps_the_rules_while_it_spins() {
    let spinning = || impatient().backend("io_uring").spin(Duration::from_micros(50));
    rules::check_all(&|| spinning().build().expect("io_uring works here"), true);
}
