//! Budgets: nobody is starved, and nobody costs more calls to the kernel than it must.

use super::stage::{Actor, Stage};
use super::{Rule, rules};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub(super) const RULES: &[Rule] = rules! {
    Anything: {
        a_connection_gets_no_more_than_its_budget_in_a_turn,
        a_flood_does_not_hold_up_others,
        a_spent_budget_is_not_a_drained_socket,
        many_connections_at_once_are_all_accepted,
        work_queued_by_a_callback_waits_for_the_next_turn,
    }
};

/// What a connection may receive in a turn, with the one receive that may run over it.
const BUDGET: usize = 64 * 1024 + 64 * 1024;

fn a_connection_gets_no_more_than_its_budget_in_a_turn(stage: &Stage) {
    let most = Rc::new(Cell::new(0));
    let seen = most.clone();
    let server = Actor::new().on_data(move |_, input| {
        seen.set(seen.get().max(input.len()));
        input.clear();
    });
    let (_server, client) = stage.pair(server, Actor::new());
    client.transport.write_bytes(vec![0; 8 << 20]);
    stage.until("everything", || client.transport.buffered() == 0);
    assert!(most.get() <= BUDGET, "{} bytes in one turn", most.get());
}

fn a_flood_does_not_hold_up_others(stage: &Stage) {
    let (_flooded, flooder) = stage.pair(Actor::new(), Actor::new());
    let (_server, client) = stage.pair(Actor::echo(), Actor::new());
    let flood = 32 << 20;
    flooder.transport.write_bytes(vec![0; flood]);
    for round in 1..=20 {
        client.transport.write(b"ping");
        let before = flooder.transport.buffered();
        stage.until("the pong", || client.journal().received.len() == 4 * round);
        let meanwhile = before - flooder.transport.buffered();
        assert!(meanwhile < flood / 8, "{meanwhile} bytes of the flood came before one pong");
    }
    stage.until("the flood", || flooder.transport.buffered() == 0);
}

fn a_spent_budget_is_not_a_drained_socket(stage: &Stage) {
    let (server, client) = stage.pair(Actor::new(), Actor::new());
    let data = vec![9; 1 << 20];
    client.transport.write_bytes(data.clone());
    stage.until("everything", || server.journal().received.len() == data.len());
}

fn many_connections_at_once_are_all_accepted(stage: &Stage) {
    const MANY: usize = 200;
    let listener = stage.listen((0..MANY).map(|_| Actor::echo()).collect());
    let address = listener.address().socket_address().expect("an internet address");
    let clients: Vec<_> = (0..MANY).map(|_| Actor::new()).collect();
    let journals: Vec<_> = clients.iter().map(|client| client.journal.clone()).collect();
    for client in clients {
        let to = super::stage::endpoint(address);
        stage.reactor.connect(&to, client).finally(|outcome| match outcome {
            Ok(transport) => transport.write(b"here"),
            Err(failure) => panic!("not connected: {failure}"),
        });
    }
    stage.until("all echoes", || journals.iter().all(|journal| journal.borrow().received == b"here"));
}

fn work_queued_by_a_callback_waits_for_the_next_turn(stage: &Stage) {
    let order: Rc<RefCell<Vec<u32>>> = Rc::default();
    let (reactor, log) = (stage.reactor.clone(), order.clone());
    // A callback that queues itself for ever must not stop the loop from turning.
    fn again(reactor: Reactor, log: Rc<RefCell<Vec<u32>>>, number: u32) {
        log.borrow_mut().push(number);
        let next = reactor.clone();
        reactor.call_soon(move || again(next, log, number + 1));
    }
    use crate::Reactor;
    stage.reactor.call_soon(move || again(reactor, log, 0));
    for turns in 1..=5 {
        stage.reactor.turn().expect("a turn does not fail");
        assert_eq!(order.borrow().len(), turns, "one call a turn");
    }
}
