//! Slow peers: what they cost is bounded, and a pause undoes only itself.

use super::stage::{Actor, Stage};
use super::{Rule, rules};
use crate::Transport;
use crate::transport::HIGH_WATERMARK;
use std::cell::Cell;
use std::rc::Rc;

pub(super) const RULES: &[Rule] = rules! {
    Anything: {
        a_peer_that_never_reads_is_not_read_from,
        a_protocol_is_told_when_to_pause_and_when_to_go_on,
        a_producer_is_paused_and_resumed_by_its_consumer,
        a_producers_pause_does_not_undo_the_users_and_the_reverse,
        a_lost_consumer_lets_its_producer_go_on,
        large_transfers_arrive_whole_through_a_proxy,
    }
};

fn a_peer_that_never_reads_is_not_read_from(stage: &Stage) {
    let most = Rc::new(Cell::new(0));
    let seen = most.clone();
    let server = Actor::new().on_made(|transport| transport.register_producer(transport)).on_data(
        move |transport, input| {
            transport.write_bytes(input.split().freeze());
            seen.set(seen.get().max(transport.buffered()));
        },
    );
    let client = Actor::new().on_made(Transport::pause_reading);
    let (_server, client) = stage.pair(server, client);
    client.transport.write_bytes(vec![7; 64 << 20]);
    let before = client.transport.buffered();
    stage.settle();
    stage.settle();
    let (left, most) = (client.transport.buffered(), most.get());
    assert!(left < before && left > 32 << 20, "{left} bytes of {before} are left with the client");
    assert!(most <= 2 * HIGH_WATERMARK + 64 * 1024, "the server held {most} bytes");
    client.transport.resume_reading();
    stage.until("the echo", || client.journal().received.len() == 64 << 20);
}

fn a_protocol_is_told_when_to_pause_and_when_to_go_on(stage: &Stage) {
    let client = Actor::new().on_made(Transport::pause_reading);
    let (server, client) = stage.pair(Actor::new(), client);
    assert!(!server.transport.is_full());
    server.transport.write_bytes(vec![1; 16 << 20]);
    assert!(server.transport.is_full(), "16 MiB are more than the high watermark");
    stage.until("the pause", || server.journal().events.contains(&"paused"));
    client.transport.resume_reading();
    stage.until("going on", || server.journal().events.contains(&"resumed"));
    assert!(!server.transport.is_full());
    assert_eq!(server.journal().events, ["made", "paused", "resumed"]);
}

fn a_producer_is_paused_and_resumed_by_its_consumer(stage: &Stage) {
    let (server, client, far) = chain(stage);
    client.transport.write_bytes(vec![2; 48 << 20]);
    stage.settle();
    stage.settle();
    assert!(!server.transport.is_reading(), "the producer of a full transport is paused");
    assert!(client.transport.buffered() > 16 << 20, "the pause did not reach the source");
    far.transport.resume_reading();
    stage.until("everything", || far.journal().received.len() == 48 << 20);
    assert!(server.transport.is_reading());
}

fn a_producers_pause_does_not_undo_the_users_and_the_reverse(stage: &Stage) {
    let (server, client, far) = chain(stage);
    client.transport.write_bytes(vec![2; 16 << 20]);
    stage.until("the producer's pause", || !server.transport.is_reading());
    server.transport.pause_reading();
    server.transport.resume_reading();
    assert!(!server.transport.is_reading(), "the user's resume undid the consumer's pause");
    server.transport.pause_reading();
    far.transport.resume_reading();
    let consumer = far.journal.clone();
    stage.until("room again", || !consumer.borrow().received.is_empty());
    stage.settle();
    assert!(!server.transport.is_reading(), "the consumer's room undid the user's pause");
    server.transport.resume_reading();
    stage.until("everything", || far.journal().received.len() == 16 << 20);
}

fn a_lost_consumer_lets_its_producer_go_on(stage: &Stage) {
    let (server, client, far) = chain(stage);
    client.transport.write_bytes(vec![2; 16 << 20]);
    stage.until("the producer's pause", || !server.transport.is_reading());
    far.transport.abort();
    stage.until("going on", || server.transport.is_reading());
    stage.until("the source to be drained", || client.transport.buffered() == 0);
}

fn large_transfers_arrive_whole_through_a_proxy(stage: &Stage) {
    let (_server, client, far) = chain(stage);
    far.transport.resume_reading();
    let data: Vec<u8> = (0..5_000_000_u32).map(|index| (index % 253) as u8).collect();
    client.transport.write_bytes(data.clone());
    stage.until("everything", || far.journal().received.len() >= data.len());
    assert!(far.journal().received == data, "not what was sent");
}

/// client → server → (forwarded to) → far, which does not read until it is told to.
fn chain(stage: &Stage) -> (super::stage::Part, super::stage::Part, super::stage::Part) {
    let far = Actor::new().on_made(Transport::pause_reading);
    let (near, far) = stage.pair(Actor::new(), far);
    let onward = near.transport.clone();
    let server = Actor::new().on_data(move |_, input| onward.write_bytes(input.split().freeze()));
    let (server, client) = stage.pair(server, Actor::new());
    near.transport.register_producer(&server.transport);
    (server, client, far)
}
