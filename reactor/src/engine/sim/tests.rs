//! The simulated engine keeps the contract, and its world behaves: the suites that every engine
//! passes, then what is particular to this one. (`tests/rules.rs` has whole reactors on it.)

mod breaking;
mod datagrams;
mod play;
mod properties;
mod streams;
mod time;

use super::*;
use crate::testing::conformance::{self, Needs};

#[test]
fn the_engine_conforms_on_a_perfect_network() {
    conformance::simulated_engine(&|| Box::new(Sim::new(1, Faults::none()).0));
}

#[test]
fn the_engine_conforms_on_a_rough_network() {
    // With room for what the suite writes before it reads.
    let rough = Faults { small_window: 0.0, short_send: 0.0, ..Faults::rough() };
    for seed in 0..6 {
        conformance::simulated_engine(&|| Box::new(Sim::new(seed, rough.clone()).0));
    }
}

/// Cases that are marked for kernels because an engine may do without, but that this one can do.
#[test]
fn the_engine_conforms_in_what_it_does_like_a_kernel() {
    let beyond = [
        "several_listeners_share_a_port_where_asked",
        "a_connection_comes_from_the_source_it_was_given",
        "the_ipv6_wildcard_takes_ipv4_too",
        "a_datagram_arrives_whole_with_its_sender",
        "each_datagram_is_received_apart",
        "an_empty_datagram_is_one_too",
        "what_does_not_fit_is_lost_with_its_datagram",
        "nothing_to_receive_from_would_block_and_later_reports",
        "a_closed_datagram_socket_is_stale",
        "a_wait_for_a_time_that_has_passed_still_collects_news",
    ];
    let cases: Vec<_> = conformance::engine_cases().filter(|case| beyond.contains(&case.name)).collect();
    assert_eq!(cases.len(), beyond.len());
    for case in cases {
        assert_eq!(case.needs, Needs::Kernel);
        case.run(&mut Sim::new(1, Faults::none()).0);
    }
}
