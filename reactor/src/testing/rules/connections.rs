//! How connections come to be, in which order callbacks come, and what a callback may do.

use super::stage::{Actor, Stage, endpoint};
use super::{Rule, rules};
use crate::{Failure, Transport};
use std::cell::{Cell, RefCell};
use std::rc::Rc;

pub(super) const RULES: &[Rule] = rules! {
    Anything: {
        callbacks_come_in_order_and_lost_comes_last,
        a_refused_connection_is_reported_later_and_never_made,
        a_cancelled_attempt_leaves_nothing_behind,
        what_is_left_untaken_comes_back_with_more_behind_it,
        resuming_delivers_what_was_left_at_once,
        another_protocol_takes_over_with_the_input_that_is_left,
        shared_state_may_stay_borrowed_while_writing_to_anyone,
        a_client_may_kick_itself_and_others_from_a_callback,
        a_panic_closes_that_connection_alone,
        a_factory_may_refuse_and_the_next_is_served,
        a_handle_outlives_its_connection_in_silence,
        writing_to_another_connection_reaches_its_peer,
    }
};

fn callbacks_come_in_order_and_lost_comes_last(stage: &Stage) {
    let (server, client) = stage.pair(Actor::echo(), Actor::new());
    client.transport.write(b"one");
    stage.until("the echo", || client.journal().received == b"one");
    client.transport.half_close();
    stage.until("the end", || server.is_lost() && client.is_lost());
    for part in [&server, &client] {
        // However many pieces the network made of it.
        let mut events = part.journal().events.clone();
        events.dedup();
        assert_eq!(events, ["made", "data", "eof", "lost"]);
    }
    assert_eq!((server.reason(), client.reason()), ("Done".into(), "Done".into()));
}

fn a_refused_connection_is_reported_later_and_never_made(stage: &Stage) {
    let listener = stage.listen(vec![]);
    let address = listener.address().socket_address().expect("an internet address");
    listener.stop();
    stage.settle();
    let actor = Actor::new();
    let journal = actor.journal.clone();
    let failure = Rc::new(RefCell::new(None));
    let slot = failure.clone();
    let connecting = stage.reactor.connect(&endpoint(address), actor);
    connecting.finally(move |outcome| *slot.borrow_mut() = outcome.err());
    assert!(failure.borrow().is_none(), "reported from inside connect");
    stage.until("the refusal", || failure.borrow().is_some());
    let kind = match failure.take() {
        Some(Failure::Io(error)) => error.kind(),
        other => panic!("refused with {other:?}"),
    };
    assert_eq!(kind, std::io::ErrorKind::ConnectionRefused);
    assert!(journal.borrow().events.is_empty(), "a protocol that was never connected heard of it");
}

fn a_cancelled_attempt_leaves_nothing_behind(stage: &Stage) {
    let listener = stage.listen(vec![Actor::new()]);
    let address = listener.address().socket_address().expect("an internet address");
    let actor = Actor::new();
    let journal = actor.journal.clone();
    let connecting = stage.reactor.connect(&endpoint(address), actor);
    stage.reactor.turn().expect("a turn does not fail");
    connecting.cancel();
    let cancelled = Rc::new(Cell::new(false));
    let set = cancelled.clone();
    connecting.finally(move |outcome| set.set(matches!(outcome, Err(Failure::Cancelled))));
    stage.until("the cancellation", || cancelled.get());
    stage.settle();
    let events = journal.borrow().events.clone();
    assert!(events.is_empty() || events.last() == Some(&"lost"), "{events:?}");
}

fn what_is_left_untaken_comes_back_with_more_behind_it(stage: &Stage) {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let log = seen.clone();
    // Takes three bytes at a time, once it has them.
    let server = Actor::new().on_data(move |_, input| {
        while input.len() >= 3 {
            log.borrow_mut().push(input.split_to(3));
        }
    });
    let (_server, client) = stage.pair(server, Actor::new());
    for byte in b"abcdefg" {
        client.transport.write(&[*byte]);
        stage.settle();
    }
    assert_eq!(*seen.borrow(), [&b"abc"[..], &b"def"[..]]);
}

fn resuming_delivers_what_was_left_at_once(stage: &Stage) {
    let server = Actor::new().on_data(|transport, input| {
        // One byte, then a pause: like a command that blocks in the middle of a pipeline.
        transport.write(&input.split_to(1));
        transport.pause_reading();
    });
    let (server, client) = stage.pair(server, Actor::new());
    client.transport.write(b"abc");
    for expected in [&b"a"[..], b"ab", b"abc"] {
        stage.until("the next byte", || client.journal().received == expected);
        stage.settle();
        assert_eq!(client.journal().received, expected, "a paused protocol got more");
        server.transport.resume_reading();
    }
}

fn another_protocol_takes_over_with_the_input_that_is_left(stage: &Stage) {
    let heir = Actor::echo();
    let heir_journal = heir.journal.clone();
    let mut heir = Some(heir);
    let server = Actor::new().on_data(move |transport, input| {
        drop(input.split_to(1));
        if let Some(heir) = heir.take() {
            transport.set_protocol(heir);
            assert!(!transport.is_reading(), "a loop over messages must stop here");
        }
    });
    let (server, client) = stage.pair(server, Actor::new());
    client.transport.write(b"xrest");
    stage.until("the heir's echo", || client.journal().received == b"rest");
    client.transport.close();
    stage.until("the end", || heir_journal.borrow().lost.is_some());
    assert_eq!(server.journal().events, ["made", "data"], "the first one was dropped in silence");
    assert_eq!(heir_journal.borrow().events[..2], ["made", "data"]);
}

fn shared_state_may_stay_borrowed_while_writing_to_anyone(stage: &Stage) {
    let room: Rc<RefCell<Vec<Transport>>> = Rc::default();
    let member = || {
        let (enter, tell, leave) = (room.clone(), room.clone(), room.clone());
        Actor::new()
            .on_made(move |transport| enter.borrow_mut().push(transport.clone()))
            .on_data(move |_, input| {
                let everyone = tell.borrow_mut();
                everyone.iter().for_each(|transport| transport.write(input));
                input.clear();
            })
            .on_lost(move |gone| {
                let mut everyone = leave.borrow_mut();
                everyone.retain(|transport| transport.id() != gone.id());
                everyone.iter().for_each(|transport| transport.write(b"!"));
            })
    };
    let listener = stage.listen(vec![member(), member()]);
    let (one, other) = (Actor::new(), Actor::new());
    let (heard, heard_too) = (one.journal.clone(), other.journal.clone());
    let one = stage.connect(&listener, one);
    stage.connect(&listener, other);
    stage.until("both in the room", || room.borrow().len() == 2);
    one.write(b"hi");
    stage.until("everyone to hear", || {
        heard.borrow().received == b"hi" && heard_too.borrow().received == b"hi"
    });
    one.close();
    stage.until("the farewell", || heard_too.borrow().received == b"hi!");
}

fn a_client_may_kick_itself_and_others_from_a_callback(stage: &Stage) {
    let room: Rc<RefCell<Vec<Transport>>> = Rc::default();
    let member = || {
        let (enter, kick, leave) = (room.clone(), room.clone(), room.clone());
        Actor::new()
            .on_made(move |transport| enter.borrow_mut().push(transport.clone()))
            .on_data(move |_, input| {
                input.clear();
                // Everyone is kicked, this one too, while the room stays borrowed.
                kick.borrow_mut().iter().for_each(Transport::abort);
            })
            .on_lost(move |gone| leave.borrow_mut().retain(|transport| transport.id() != gone.id()))
    };
    let listener = stage.listen(vec![member(), member()]);
    let one = stage.connect(&listener, Actor::new());
    stage.connect(&listener, Actor::new());
    stage.until("both in the room", || room.borrow().len() == 2);
    one.write(b"kick");
    stage.until("an empty room", || room.borrow().is_empty());
}

fn a_panic_closes_that_connection_alone(stage: &Stage) {
    let bad = Actor::new().on_data(|_, _| panic!("on purpose"));
    let journal = bad.journal.clone();
    let listener = stage.listen(vec![bad, Actor::echo()]);
    let victim = Actor::new();
    let victim_journal = victim.journal.clone();
    let victim = stage.connect(&listener, victim);
    let other = Actor::new();
    let other_journal = other.journal.clone();
    let other = stage.connect(&listener, other);
    victim.write(b"boom");
    stage.until("the victim's end", || victim_journal.borrow().lost.is_some());
    other.write(b"fine");
    stage.until("the other's echo", || other_journal.borrow().received == b"fine");
    assert_eq!(journal.borrow().events[..2], ["made", "data"]);
}

fn a_factory_may_refuse_and_the_next_is_served(stage: &Stage) {
    let mut count = 0;
    struct Every(Box<dyn FnMut() -> Option<Actor>>);
    impl crate::Factory for Every {
        fn build_protocol(&mut self, _: &crate::Address) -> Option<Box<dyn crate::Protocol>> {
            (self.0)().map(|actor| Box::new(actor) as _)
        }
    }
    let every_second = Every(Box::new(move || {
        count += 1;
        (count % 2 == 0).then(Actor::echo)
    }));
    let listener = stage.reactor.listen("tcp:0:interface=127.0.0.1", every_second).expect("listening");
    let refused = Actor::new();
    let refused_journal = refused.journal.clone();
    drop(stage.try_connect(&listener, refused));
    stage.until("the refusal", || refused_journal.borrow().lost.is_some());
    let served = Actor::new();
    let journal = served.journal.clone();
    stage.connect(&listener, served).write(b"here");
    stage.until("the echo", || journal.borrow().received == b"here");
}

fn a_handle_outlives_its_connection_in_silence(stage: &Stage) {
    let (server, client) = stage.pair(Actor::new(), Actor::new());
    client.transport.abort();
    stage.until("the end", || client.is_lost() && server.is_lost());
    let handle = &client.transport;
    handle.write(b"x");
    handle.close();
    handle.resume_reading();
    handle.set_timeout(Some(std::time::Duration::from_millis(1)));
    assert!(handle.is_closing() && handle.buffered() == 0 && handle.host().is_none());
    stage.settle();
    assert_eq!(client.journal().events, ["made", "lost"]);
}

fn writing_to_another_connection_reaches_its_peer(stage: &Stage) {
    let target: Rc<RefCell<Option<Transport>>> = Rc::default();
    let (aim, shoot) = (target.clone(), target.clone());
    let receiver = Actor::new().on_made(move |transport| *aim.borrow_mut() = Some(transport.clone()));
    let sender = Actor::new().on_data(move |_, input| {
        if let Some(target) = &*shoot.borrow() {
            target.write(&input.split());
        }
    });
    let listener = stage.listen(vec![receiver, sender]);
    let one = Actor::new();
    let heard = one.journal.clone();
    stage.connect(&listener, one);
    let other = stage.connect(&listener, Actor::new());
    stage.until("the target", || target.borrow().is_some());
    other.write(b"across");
    stage.until("the write across", || heard.borrow().received == b"across");
    let left = target.borrow().as_ref().map(Transport::buffered);
    assert_eq!(left, Some(0));
}
