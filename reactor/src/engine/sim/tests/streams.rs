//! Connections on a network that does what it should: how they begin, flow and end.

use super::super::*;
use super::play::{Play, internet};
use std::io::ErrorKind;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn nobody_listening_is_refused_by_news() {
    let mut play = Play::new(1, Faults::none());
    let client = play.dial(&internet("10.0.0.1:80"));
    assert_eq!(play.sim.connected(client).unwrap_err().kind(), ErrorKind::WouldBlock);
    assert_eq!(play.outcome(client), Err(ErrorKind::ConnectionRefused));
    let client = play.dial(&Address::unix("/run/nobody"));
    assert_eq!(play.outcome(client), Err(ErrorKind::NotFound));
}

#[test]
fn local_sockets_connect_by_path() {
    let mut play = Play::new(1, Faults::none());
    let path = Address::unix("/run/server");
    let (listener, bound) = play.sim.listen(&path, &ListenOptions::default()).unwrap();
    assert_eq!(bound, path);
    let again = play.sim.listen(&path, &ListenOptions::default()).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::AddrInUse);
    let client = play.dial(&path);
    let server = play.accept(listener).unwrap();
    play.outcome(client).unwrap();
    assert_eq!((play.address(client), play.address(server)), (Address::Unix(None), path));
    play.send(client, b"hello").unwrap();
    assert_eq!(play.receive(server).unwrap(), "hello");
}

#[test]
fn an_exact_listener_goes_before_a_wildcard() {
    let mut play = Play::new(1, Faults::none());
    let options = ListenOptions { reuse_port: true, ..ListenOptions::default() };
    let (wildcard, _) = play.sim.listen(&internet("0.0.0.0:80"), &options).unwrap();
    let (exact, _) = play.sim.listen(&internet("10.0.0.1:80"), &options).unwrap();
    play.dial(&internet("10.0.0.1:80"));
    play.accept(exact).unwrap();
    play.dial(&internet("10.0.0.2:80"));
    play.accept(wildcard).unwrap();
}

#[test]
fn a_full_backlog_makes_dialers_ask_again() {
    let mut play = Play::new(1, Faults::none());
    let options = ListenOptions { backlog: 1, ..ListenOptions::default() };
    let (listener, address) = play.sim.listen(&internet("127.0.0.1:0"), &options).unwrap();
    let (first, second) = (play.dial(&address), play.dial(&address));
    play.pass(SECOND / 2);
    assert!(play.is_writable(first) && !play.is_writable(second));
    play.accept(listener).unwrap();
    play.outcome(second).unwrap();
    assert!((SECOND..2 * SECOND).contains(&play.world.elapsed()), "asked again after a second");
}

#[test]
fn closing_a_listener_resets_who_waits_there() {
    let mut play = Play::new(1, Faults::none());
    let (listener, address) = play.listen("127.0.0.1:0");
    let client = play.dial(&address);
    play.outcome(client).unwrap();
    play.sim.close(listener, Close::Graceful);
    assert_eq!(play.receive(client), Err(ErrorKind::ConnectionReset));
}

#[test]
fn a_dialer_that_gives_up_leaves_a_broken_connection_or_none() {
    let mut play = Play::new(1, Faults::none());
    let (listener, address) = play.listen("127.0.0.1:0");
    let early = play.dial(&address);
    play.sim.close(early, Close::Graceful);
    play.pass(SECOND);
    assert!(!play.is_readable(listener), "its question was never asked");
    let late = play.dial(&address);
    play.outcome(late).unwrap();
    play.sim.close(late, Close::Abort);
    let server = play.accept(listener).unwrap();
    assert_eq!(play.receive(server), Err(ErrorKind::ConnectionReset));
    play.sim.close(server, Close::Graceful);
    assert_eq!(play.world.open_connections(), 0);
}

#[test]
fn closing_with_unread_input_resets_the_peer() {
    let mut play = Play::new(1, Faults::none());
    let (client, server) = play.pair();
    play.send(client, b"question").unwrap();
    play.pass(SECOND);
    play.send(server, b"the last reply").unwrap();
    play.sim.close(server, Close::Graceful);
    assert_eq!(play.receive(client), Err(ErrorKind::ConnectionReset), "the reply is destroyed");
    assert_eq!(play.receive(client).unwrap(), "", "told once");
    assert_eq!(play.send(client, b"x"), Err(ErrorKind::BrokenPipe));
}

#[test]
fn where_resets_keep_what_was_received_the_reply_is_read_first() {
    // However long either is on its way, the reset does not overtake the reply.
    let faults = Faults { reset_keeps_received: 1.0, jitter: SECOND / 4, ..Faults::none() };
    for seed in 0..10 {
        the_reply_is_read_first(Play::new(seed, faults.clone()));
    }
}

fn the_reply_is_read_first(mut play: Play) {
    let (client, server) = play.pair();
    play.send(server, b"the last reply").unwrap();
    play.sim.close(server, Close::Abort);
    play.pass(SECOND);
    assert_eq!(play.receive(client).unwrap(), "the last reply");
    assert_eq!(play.receive(client), Err(ErrorKind::ConnectionReset));
    assert_eq!(play.receive(client).unwrap(), "");
}

#[test]
fn sending_to_who_has_closed_is_answered_with_a_reset() {
    let mut play = Play::new(1, Faults::none());
    let (client, server) = play.pair();
    play.sim.close(server, Close::Graceful);
    play.pass(SECOND);
    assert_eq!(play.send(client, b"too late"), Ok(8), "nobody knows yet");
    play.pass(SECOND);
    assert_eq!(play.send(client, b"again"), Err(ErrorKind::BrokenPipe));
    assert_eq!(play.receive(client).unwrap(), "", "the end came before the reset");
}

#[test]
fn what_was_sent_before_closing_arrives_before_the_end() {
    let mut play = Play::new(1, Faults { jitter: SECOND, split: 1.0, ..Faults::none() });
    let (client, server) = play.pair();
    play.send(client, &[7; 5000]).unwrap();
    play.sim.close(client, Close::Graceful);
    let mut received = 0;
    loop {
        match play.receive(server).unwrap() {
            end if end.is_empty() => break,
            bytes => received += bytes.len(),
        }
    }
    assert_eq!(received, 5000);
    play.sim.close(server, Close::Graceful);
    assert_eq!((play.world.open_tokens(), play.world.open_connections()), (0, 0), "nothing is left over");
}

#[test]
fn a_short_read_is_drained_unless_something_is_behind_it() {
    let mut play = Play::new(1, Faults::none());
    let (client, server) = play.pair();
    let read = |play: &mut Play, room| {
        play.pass(SECOND);
        let mut input = BytesMut::with_capacity(room);
        let received = play.sim.receive(server, &mut input).unwrap();
        (received.bytes, received.drained)
    };
    play.send(client, b"123456789").unwrap();
    assert_eq!(read(&mut play, 5), (5, false), "there is more");
    assert_eq!(read(&mut play, 4), (4, false), "a full buffer tells nothing");
    play.send(client, b"123456789").unwrap();
    assert_eq!(read(&mut play, 50), (9, true));
    play.send(client, b"123456789").unwrap();
    play.sim.close(client, Close::Graceful);
    assert_eq!(read(&mut play, 50), (9, false), "there is the end");
    assert_eq!(read(&mut play, 50), (0, false));
}

#[test]
fn half_closing_ends_one_direction_only() {
    let mut play = Play::new(1, Faults::none());
    let (client, server) = play.pair();
    play.sim.shutdown_write(client).unwrap();
    play.sim.shutdown_write(client).unwrap();
    assert_eq!(play.send(client, b"x"), Err(ErrorKind::BrokenPipe));
    assert_eq!(play.receive(server).unwrap(), "");
    play.send(server, b"answer").unwrap();
    assert_eq!(play.receive(client).unwrap(), "answer");
}

#[test]
fn a_window_bounds_what_is_on_its_way() {
    let mut play = Play::new(1, Faults { window: 1000, ..Faults::none() });
    let (client, server) = play.pair();
    assert_eq!(play.send(client, &[1; 5000]), Ok(1000));
    assert_eq!(play.send(client, &[1; 5000]), Err(ErrorKind::WouldBlock));
    play.pass(SECOND);
    assert!(!play.is_writable(client), "received is not read");
    play.receive_now(server, 300).unwrap();
    play.pass(SECOND);
    assert!(play.is_writable(client));
    assert_eq!(play.send(client, &[1; 5000]), Ok(300));
}

#[test]
fn a_window_can_be_closed_and_opened() {
    let mut play = Play::new(1, Faults::none());
    let (client, server) = play.pair();
    let server_address = play.address(server);
    play.world.set_window(&server_address, 0);
    assert_eq!(play.send(client, b"x"), Err(ErrorKind::WouldBlock));
    play.pass(SECOND);
    assert!(!play.is_writable(client));
    play.world.set_window(&server_address, 10);
    play.pass(SECOND);
    assert!(play.is_writable(client));
    assert_eq!(play.send(client, &[1; 50]), Ok(10));
    assert!(play.send(server, b"the other way").is_ok());
}

#[test]
fn splitting_and_coalescing_change_the_pieces_and_nothing_else() {
    let pieces = |faults: Faults| {
        let mut play = Play::new(3, Faults { jitter: Duration::from_millis(1), ..faults });
        let (client, server) = play.pair();
        let mut sizes = Vec::new();
        for number in 0..20 {
            play.send(client, &[number; 100]).unwrap();
        }
        let mut all = BytesMut::new();
        while all.len() < 2000 {
            let piece = play.receive(server).unwrap();
            sizes.push(piece.len());
            all.extend_from_slice(&piece);
        }
        assert!(all.chunks(100).zip(0..).all(|(part, number)| part == [number; 100]), "changed");
        sizes
    };
    let split = pieces(Faults { split: 1.0, ..Faults::none() });
    assert!(split.iter().any(|size| size % 100 != 0), "{split:?}");
    let joined = pieces(Faults { coalesce: 1.0, ..Faults::none() });
    assert_eq!(joined, [2000]);
}

#[test]
fn an_end_that_owns_what_it_sends_says_so_until_it_has_left() {
    let mut play = Play::new(1, Faults { owned_sends: 1.0, window: 1000, ..Faults::none() });
    let (client, server) = play.pair();
    assert_eq!(play.send(client, &[5; 2500]), Ok(2500));
    assert_eq!(play.sim.unsent(client), 2500);
    assert_eq!(play.send(client, b"x"), Err(ErrorKind::WouldBlock));
    let mut received = 0;
    while received < 2500 {
        assert!(!play.is_writable(client) || play.sim.unsent(client) == 0);
        received += play.receive(server).unwrap().len();
    }
    play.pass(SECOND);
    assert_eq!((play.sim.unsent(client), play.is_writable(client)), (0, true));
}

#[test]
fn news_that_were_told_are_not_told_again_until_nothing_is_left() {
    let mut play = Play::new(1, Faults::none());
    let (client, server) = play.pair();
    play.pass(SECOND);
    play.send(client, b"one").unwrap();
    assert_eq!(play.wait(SECOND), 1);
    play.send(client, b"two").unwrap();
    assert_eq!(play.wait(SECOND), 0, "unread");
    assert_eq!(play.receive(server).unwrap(), "onetwo");
    play.send(client, b"three").unwrap();
    assert_eq!(play.wait(SECOND), 1, "it was said to be drained");
}

#[test]
fn a_port_is_free_again_after_its_connection() {
    let mut play = Play::new(1, Faults::none());
    let (listener, address) = play.listen("127.0.0.1:0");
    let source = Some(SocketAddr::from(([127, 0, 0, 9], 5000)));
    let client = play.sim.connect(&address, source).unwrap();
    let taken = play.sim.connect(&address, source).unwrap_err();
    assert_eq!(taken.kind(), ErrorKind::AddrInUse);
    let server = play.accept(listener).unwrap();
    play.sim.close(client, Close::Abort);
    play.sim.close(server, Close::Abort);
    play.sim.connect(&address, source).unwrap();
    assert_eq!(play.sim.connect(&Address::unix("/x"), source).unwrap_err().kind(), ErrorKind::InvalidInput);
}
