//! What the world breaks on purpose and by chance, and how it is seen.

use super::super::*;
use super::play::{Play, internet};
use std::io::ErrorKind;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn dialing_through_a_cut_times_out_after_two_minutes() {
    let mut play = Play::new(1, Faults::none());
    let (_, address) = play.listen("10.0.0.1:80");
    play.world.cut(&address);
    let client = play.dial(&address);
    assert_eq!(play.outcome(client), Err(ErrorKind::TimedOut));
    assert!((127..128).contains(&play.world.elapsed().as_secs()), "{:?}", play.world.elapsed());
}

#[test]
fn dialing_goes_on_when_the_cut_is_healed() {
    let mut play = Play::new(1, Faults::none());
    let (_, address) = play.listen("10.0.0.1:80");
    play.world.cut(&address);
    let client = play.dial(&address);
    play.pass(2 * SECOND);
    play.world.heal(&address);
    assert_eq!(play.outcome(client), Ok(()));
    assert!(
        (3..4).contains(&play.world.elapsed().as_secs()),
        "asked at 1 s and 3 s, not at {:?}",
        play.world.elapsed()
    );
}

#[test]
fn what_is_sent_into_a_cut_arrives_when_it_is_healed() {
    let mut play = Play::new(1, Faults::none());
    let (client, server) = play.pair();
    let address = play.address(client);
    play.world.cut(&address);
    play.send(client, b"hello").unwrap();
    play.sim.shutdown_write(client).unwrap();
    play.send(server, b"answer").unwrap();
    play.pass(600 * SECOND);
    assert!(!play.is_readable(server) && !play.is_readable(client));
    play.world.heal(&address);
    assert_eq!(play.receive(server).unwrap(), "hello");
    assert_eq!(play.receive(server).unwrap(), "");
    assert_eq!(play.receive(client).unwrap(), "answer");
    play.pass(2000 * SECOND);
    assert_eq!(play.send(server, b"still open"), Ok(10), "nobody gave up");
}

#[test]
fn who_sends_into_a_cut_gives_up_after_a_quarter_of_an_hour() {
    let mut play = Play::new(1, Faults::none());
    let (client, server) = play.pair();
    play.world.cut(&play.address(server));
    play.send(client, b"hello").unwrap();
    assert_eq!(play.receive(client), Err(ErrorKind::TimedOut));
    assert_eq!(play.world.elapsed().as_secs(), 924);
    play.pass(1000 * SECOND);
    assert!(!play.is_readable(server), "who only waits never learns");
}

#[test]
fn an_acknowledgement_that_a_cut_held_up_makes_room_in_the_end() {
    let mut play = Play::new(1, Faults { window: 10, ..Faults::none() });
    let (client, server) = play.pair();
    let address = play.address(server);
    play.send(client, &[1; 10]).unwrap();
    assert_eq!(play.send(client, b"x"), Err(ErrorKind::WouldBlock));
    play.pass(SECOND);
    play.world.cut(&address);
    assert_eq!(play.receive(server).unwrap().len(), 10);
    play.pass(SECOND);
    assert!(!play.is_writable(client));
    play.world.heal(&address);
    play.pass(SECOND);
    assert!(play.is_writable(client));
}

#[test]
fn a_reset_that_a_cut_swallows_is_found_out_by_sending() {
    let mut play = Play::new(1, Faults::none());
    let (client, server) = play.pair();
    let address = play.address(server);
    play.world.cut(&address);
    play.sim.close(server, Close::Abort);
    play.pass(SECOND);
    play.world.heal(&address);
    play.pass(SECOND);
    assert!(!play.is_readable(client), "half-open");
    play.send(client, b"anybody?").unwrap();
    assert_eq!(play.receive(client), Err(ErrorKind::ConnectionReset));
}

#[test]
fn who_vanishes_is_not_missed_until_somebody_sends() {
    for resets in [false, true] {
        let mut play = Play::new(1, Faults::none());
        let (client, server) = play.pair();
        let (gone, left) = (play.address(client), play.address(server));
        play.send(client, b"never seen").unwrap();
        play.world.vanish(&gone, &left, resets);
        play.pass(SECOND);
        assert_eq!(play.send(client, b"never leaves"), Ok(12));
        play.sim.close(client, Close::Abort);
        play.pass(3600 * SECOND);
        assert!(!play.is_readable(server), "neither end nor reset");
        let before = play.world.elapsed();
        play.send(server, b"hello?").unwrap();
        let expected = if resets { ErrorKind::ConnectionReset } else { ErrorKind::TimedOut };
        assert_eq!(play.receive(server), Err(expected));
        assert_eq!((play.world.elapsed() - before).as_secs(), if resets { 0 } else { 924 });
    }
}

#[test]
fn a_reset_by_the_network_is_told_to_both() {
    let mut play = Play::new(1, Faults::none());
    let (client, server) = play.pair();
    play.world.reset(&play.address(client), &play.address(server));
    assert_eq!(play.receive(client), Err(ErrorKind::ConnectionReset));
    assert_eq!(play.receive(server), Err(ErrorKind::ConnectionReset));
    assert_eq!(play.sim.shutdown_write(server).unwrap_err().kind(), ErrorKind::NotConnected);
}

#[test]
fn a_wildcard_cuts_every_connection_of_its_port() {
    let mut play = Play::new(1, Faults::none());
    let (listener, _) = play.listen("0.0.0.0:80");
    let client = play.dial(&internet("10.0.0.7:80"));
    let server = play.accept(listener).unwrap();
    play.outcome(client).unwrap();
    let (other, _) = play.pair();
    play.world.cut(&internet("0.0.0.0:80"));
    play.send(client, b"lost").unwrap();
    play.send(other, b"arrives").unwrap();
    play.pass(SECOND);
    assert!(!play.is_readable(server));
}

#[test]
fn attempts_are_refused_or_unanswered_by_chance() {
    let outcome = |faults| {
        let mut play = Play::new(1, faults);
        let (_, address) = play.listen("127.0.0.1:0");
        let client = play.dial(&address);
        play.outcome(client)
    };
    assert_eq!(outcome(Faults { refuse: 1.0, ..Faults::none() }), Err(ErrorKind::ConnectionRefused));
    assert_eq!(outcome(Faults { connect_timeout: 1.0, ..Faults::none() }), Err(ErrorKind::TimedOut));
}

#[test]
fn an_aborted_accept_is_an_error_and_the_listener_goes_on() {
    let mut play = Play::new(1, Faults { accept_abort: 1.0, ..Faults::none() });
    let (listener, address) = play.listen("127.0.0.1:0");
    let client = play.dial(&address);
    assert_eq!(play.accept(listener), Err(ErrorKind::ConnectionAborted));
    assert_eq!(play.receive(client), Err(ErrorKind::ConnectionReset));
    play.world.set_faults(Faults::none());
    play.dial(&address);
    play.sim.close(client, Close::Graceful);
    play.accept(listener).unwrap();
}

fn is_emfile<T>(outcome: io::Result<T>) -> bool {
    outcome.is_err_and(|error| error.raw_os_error() == Some(libc::EMFILE))
}

#[test]
fn without_descriptors_everything_that_needs_one_fails_for_a_while() {
    let mut play = Play::new(1, Faults::none());
    let (listener, address) = play.listen("127.0.0.1:0");
    play.dial(&address);
    play.wait(SECOND);
    play.world.exhaust_descriptors(SECOND);
    assert!(is_emfile(play.sim.accept(listener)));
    assert!(is_emfile(play.sim.connect(&address, None)));
    assert!(is_emfile(play.sim.listen(&internet("127.0.0.1:0"), &ListenOptions::default())));
    assert!(is_emfile(play.sim.bind_datagram(&internet("127.0.0.1:0"), &ListenOptions::default())));
    play.pass(SECOND);
    assert!(play.sim.accept(listener).is_ok(), "the connection has waited");
}

#[test]
fn shedding_needs_no_descriptor() {
    let mut play = Play::new(1, Faults::none());
    let (listener, address) = play.listen("127.0.0.1:0");
    let client = play.dial(&address);
    play.outcome(client).unwrap();
    play.world.limit_descriptors(Some(2));
    assert!(is_emfile(play.sim.accept(listener)));
    play.sim.shed(listener).unwrap();
    assert_eq!(play.receive(client), Err(ErrorKind::ConnectionReset), "told at once");
    play.world.limit_descriptors(None);
    let client = play.dial(&address);
    play.accept(listener).unwrap();
    play.outcome(client).unwrap();
}

#[test]
fn accept_runs_out_of_descriptors_by_chance_and_recovers() {
    let faults = Faults { descriptor_exhaustion: 0.5, ..Faults::none() };
    let mut play = Play::new(1, faults);
    let (listener, address) = play.listen("127.0.0.1:0");
    let mut exhausted = 0;
    for _ in 0..20 {
        play.dial(&address);
        play.wait(SECOND);
        while is_emfile(play.sim.accept(listener)) {
            exhausted += 1;
            play.pass(SECOND / 10);
        }
    }
    assert!(exhausted > 5);
    assert_eq!(play.world.open_tokens(), 41);
}

#[test]
fn windows_are_small_by_chance() {
    let mut play = Play::new(1, Faults { small_window: 1.0, ..Faults::none() });
    let (client, _) = play.pair();
    assert!(play.send(client, &[0; 5000]).unwrap() <= 1024);
}

#[test]
fn nonsense_and_shuffled_news_stay_within_the_contract() {
    let faults = Faults { spurious_news: 1.0, shuffled_news: 1.0, would_block: 0.3, ..Faults::none() };
    let mut play = Play::new(1, faults);
    let pairs: Vec<(Token, Token)> = (0..10).map(|_| play.pair()).collect();
    for (client, server) in pairs {
        while play.send(client, b"x") != Ok(1) {
            play.wait(SECOND);
        }
        assert_eq!(play.receive(server).unwrap(), "x");
        play.sim.close(client, Close::Graceful);
        assert_eq!(play.receive(server).unwrap(), "");
        play.sim.close(server, Close::Graceful);
    }
}
