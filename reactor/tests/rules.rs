//! The rules of an excellent reactor, on each backend. One test a backend; a broken rule is named.

use ropewalk_reactor::Reactor;
use ropewalk_reactor::testing::rules;
use std::time::Duration;

fn on(backend: &'static str) {
    // What only a deadline can decide should not take long here.
    let quarter = Duration::from_millis(250);
    let make = || Reactor::builder().backend(backend).linger(quarter).drain(quarter).build().expect("the backend works here");
    rules::check_all(&make, true);
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
