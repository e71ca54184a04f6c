//! How connections end, and that nothing is lost by it.

use super::stage::{Actor, Stage};
use super::{Rule, rules};
use crate::Transport;

pub(super) const RULES: &[Rule] = rules! {
    Anything: {
        closing_sends_everything_first,
        closing_with_unread_input_does_not_destroy_the_last_reply,
        aborting_resets_the_peer,
        half_closing_still_receives,
        a_peer_that_half_closed_still_gets_its_answer,
        closing_twice_and_aborting_after_ends_once,
        writes_after_close_are_ignored,
        closing_gives_up_on_a_peer_that_takes_nothing,
        stopping_closes_listeners_then_connections_then_runs_the_last_triggers,
        untaken_input_beyond_its_bound_ends_the_connection,
    }
};

const LARGE: usize = 3 * 1024 * 1024;

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 31 + index / 251) as u8).collect()
}

fn closing_sends_everything_first(stage: &Stage) {
    let server = Actor::new().on_made(|transport| {
        transport.write_bytes(pattern(LARGE));
        transport.close();
    });
    let (server, client) = stage.pair(server, Actor::new());
    stage.until("the end", || client.is_lost() && server.is_lost());
    assert!(client.journal().received == pattern(LARGE), "not what was sent");
    assert_eq!((server.reason(), client.reason()), ("Done".into(), "Done".into()));
}

fn closing_with_unread_input_does_not_destroy_the_last_reply(stage: &Stage) {
    // It answers the first byte and closes, while the rest is still on its way or unread.
    let server = Actor::new().on_data(|transport, input| {
        input.clear();
        transport.write(&pattern(10_000));
        transport.close();
    });
    let (server, client) = stage.pair(server, Actor::new());
    client.transport.write_bytes(pattern(LARGE / 10));
    stage.until("the end", || client.is_lost() && server.is_lost());
    assert_eq!(client.journal().received.len(), 10_000, "the reply was destroyed: {}", client.reason());
    assert_eq!(client.reason(), "Done", "a reset followed the reply");
}

fn aborting_resets_the_peer(stage: &Stage) {
    let (server, client) = stage.pair(Actor::new(), Actor::new());
    server.transport.write(b"never mind");
    server.transport.abort();
    stage.until("the end", || client.is_lost() && server.is_lost());
    assert_eq!((server.reason(), client.reason()), ("Aborted".into(), "Lost(ConnectionReset)".into()));
}

fn half_closing_still_receives(stage: &Stage) {
    let server =
        Actor::new().keeps_open().on_data(|transport, input| transport.write_bytes(input.split().freeze()));
    let (server, client) = stage.pair(server, Actor::new());
    client.transport.write(b"question");
    client.transport.half_close();
    stage.until("the server to see the end", || server.journal().events.contains(&"eof"));
    stage.until("the echo", || client.journal().received == b"question");
    assert!(!server.is_lost() && !client.is_lost());
    server.transport.write(b" and more");
    server.transport.close();
    stage.until("the end", || client.is_lost() && server.is_lost());
    assert_eq!(client.journal().received, b"question and more");
    assert_eq!((server.reason(), client.reason()), ("Done".into(), "Done".into()));
}

fn a_peer_that_half_closed_still_gets_its_answer(stage: &Stage) {
    let (server, client) = stage.pair(Actor::echo(), Actor::new());
    client.transport.write_bytes(pattern(LARGE));
    client.transport.half_close();
    stage.until("the end", || client.is_lost() && server.is_lost());
    assert!(client.journal().received == pattern(LARGE), "not what was sent");
    assert_eq!((server.reason(), client.reason()), ("Done".into(), "Done".into()));
}

fn closing_twice_and_aborting_after_ends_once(stage: &Stage) {
    let server = Actor::new().on_data(|transport, input| {
        input.clear();
        transport.close();
        transport.close();
        transport.abort();
        transport.abort();
    });
    let (server, client) = stage.pair(server, Actor::new());
    client.transport.write(b"x");
    stage.until("the end", || client.is_lost() && server.is_lost());
    assert_eq!(server.journal().events, ["made", "data", "lost"]);
    assert_eq!(server.reason(), "Aborted");
}

fn writes_after_close_are_ignored(stage: &Stage) {
    let server = Actor::new().on_made(|transport| {
        transport.write(b"before");
        transport.close();
        transport.write(b"after");
    });
    let (_server, client) = stage.pair(server, Actor::new());
    stage.until("the end", || client.is_lost());
    assert_eq!(client.journal().received, b"before");
}

fn closing_gives_up_on_a_peer_that_takes_nothing(stage: &Stage) {
    // The suite's reactors linger for a quarter of a second.
    let client = Actor::new().on_made(Transport::pause_reading);
    let (server, client) = stage.pair(Actor::new(), client);
    server.transport.write_bytes(vec![0; 64 * LARGE]);
    server.transport.close();
    stage.until("giving up", || server.is_lost());
    assert_eq!(server.reason(), "Aborted");
    client.transport.abort();
}

fn stopping_closes_listeners_then_connections_then_runs_the_last_triggers(stage: &Stage) {
    use std::{cell::RefCell, rc::Rc};
    let order: Rc<RefCell<Vec<&str>>> = Rc::default();
    let (services, lost, last, finished) = (order.clone(), order.clone(), order.clone(), order.clone());
    let server = Actor::new().on_lost(move |_| lost.borrow_mut().push("connection lost"));
    let (server, _client) = stage.pair(server, Actor::new());
    let reactor = stage.reactor.clone();
    stage.reactor.on_shutdown(move || {
        services.borrow_mut().push("services stop");
        let services = services.clone();
        reactor.sleep(std::time::Duration::from_millis(5)).then(move |_| {
            services.borrow_mut().push("services stopped");
            Ok(())
        })
    });
    stage.reactor.after_shutdown(move || last.borrow_mut().push("last"));
    let (reactor, transport) = (stage.reactor.clone(), server.transport.clone());
    stage.reactor.call_soon(move || {
        reactor.stop();
        transport.write(b"the turn is finished");
        finished.borrow_mut().push("callback finished");
    });
    stage.reactor.run().expect("a clean stop");
    let expected = ["callback finished", "services stop", "services stopped", "connection lost", "last"];
    assert_eq!(*order.borrow(), expected);
    assert_eq!(server.reason(), "Stopped");
}

fn untaken_input_beyond_its_bound_ends_the_connection(stage: &Stage) {
    let server = Actor::new().on_made(|transport| transport.set_input_max(100_000)).on_data(|_, _| {});
    let (server, client) = stage.pair(server, Actor::new());
    client.transport.write_bytes(pattern(LARGE));
    stage.until("the end", || server.is_lost());
    assert_eq!(server.reason(), "InputOverflow");
}
