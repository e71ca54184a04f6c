//! Receiving and sending: rules 1, 5 and 6 of the contract.

use super::rig::Rig;
use super::{Case, PATIENCE, cases};
use crate::buffer::{Output, PIECES_MAX};
use crate::engine::{Close, Token};
use bytes::{Bytes, BytesMut};
use std::io::{self, ErrorKind};
use std::time::Duration;

pub(super) const CASES: &[Case] = cases! {
    Anything: {
        bytes_go_both_ways,
        news_come_again_after_every_drain,
        nothing_to_receive_would_block,
        data_that_came_before_the_first_wait_is_reported,
        a_full_read_is_followed_by_the_rest,
        received_bytes_are_appended,
        news_not_acted_on_stay_true,
        the_end_of_the_stream_is_zero_bytes,
        the_end_right_behind_the_data_is_seen,
        the_end_after_a_drained_read_is_seen,
        a_half_closed_stream_still_brings_answers,
        an_abort_resets_the_peer,
        sending_to_a_peer_that_is_gone_fails,
        a_blocked_send_is_told_when_there_is_room,
        what_is_unsent_leaves_with_news,
        many_pieces_leave_in_order,
        a_large_transfer_arrives_whole,
    }
};

fn bytes_go_both_ways(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    rig.write(client, b"question");
    assert_eq!(rig.read(server, 8), b"question");
    rig.write(server, b"answer");
    assert_eq!(rig.read(client, 6), b"answer");
}

fn news_come_again_after_every_drain(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    for turn in 0..100 {
        let message = [turn; 64];
        rig.write(client, &message);
        assert_eq!(rig.read(server, 64), message);
        rig.write(server, &message);
        assert_eq!(rig.read(client, 64), message);
    }
}

fn nothing_to_receive_would_block(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    for turn in 0..3 {
        let error = rig.receive(server, &mut BytesMut::with_capacity(16)).expect_err("nothing was sent");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        rig.write(client, &[turn]);
        assert_eq!(rig.read(server, 1), [turn]);
    }
}

fn data_that_came_before_the_first_wait_is_reported(rig: &mut Rig<'_>) {
    let (listener, address) = rig.listen();
    let client = rig.dial(&address);
    rig.outcome(client).expect("connected");
    rig.write(client, b"early");
    let (server, _) = rig.accepted(listener);
    assert_eq!(rig.read(server, 5), b"early");
}

fn a_full_read_is_followed_by_the_rest(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    let data: Vec<u8> = (0..250).collect();
    for room in [1, 7, 125, 249, 250, 251] {
        rig.write(client, &data);
        assert_eq!(rig.read_by(server, 250, room), data, "read by {room}");
    }
}

fn received_bytes_are_appended(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    let mut input = BytesMut::with_capacity(64);
    input.extend_from_slice(b"before ");
    rig.write(client, b"after");
    while input.len() < 12 {
        rig.await_readable(server);
        let _ = rig.receive(server, &mut input);
    }
    assert_eq!(&input[..], b"before after");
}

fn news_not_acted_on_stay_true(rig: &mut Rig<'_>) {
    // A paused connection: the news came once, much comes behind them, and reading starts later.
    let (client, server) = rig.pair();
    rig.write(client, b"a");
    rig.await_readable(server);
    for byte in b"bcdef" {
        rig.write(client, &[*byte]);
    }
    assert_eq!(rig.read(server, 6), b"abcdef");
}

fn the_end_of_the_stream_is_zero_bytes(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    rig.close(client, Close::Graceful);
    assert_eq!(rig.read_to_end(server).expect("a clean end"), b"");
}

fn the_end_right_behind_the_data_is_seen(rig: &mut Rig<'_>) {
    // Both may be told by a single edge: a short read must not hide the end behind it.
    let (client, server) = rig.pair();
    rig.write(client, b"last words");
    rig.close(client, Close::Graceful);
    assert_eq!(rig.read_to_end(server).expect("a clean end"), b"last words");
}

fn the_end_after_a_drained_read_is_seen(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    rig.write(client, b"words");
    assert_eq!(rig.read(server, 5), b"words");
    rig.engine.shutdown_write(client).expect("shut down");
    assert_eq!(rig.read_to_end(server).expect("a clean end"), b"");
}

fn a_half_closed_stream_still_brings_answers(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    rig.write(client, b"the last question");
    rig.engine.shutdown_write(client).expect("shut down");
    assert_eq!(rig.read_to_end(server).expect("a clean end"), b"the last question");
    for answer in [b"one", b"two"] {
        rig.write(server, answer);
        assert_eq!(rig.read(client, 3), answer);
    }
    rig.close(server, Close::Graceful);
    assert_eq!(rig.read_to_end(client).expect("a clean end"), b"");
}

fn an_abort_resets_the_peer(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    rig.close(client, Close::Abort);
    let error = rig.read_to_end(server).expect_err("a reset is no clean end");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

fn sending_to_a_peer_that_is_gone_fails(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    rig.close(client, Close::Abort);
    let deadline = rig.engine.now() + PATIENCE;
    let error = loop {
        assert!(rig.engine.now() < deadline, "a send to nobody never fails");
        match rig.send(server, &mut output(b"is anybody there?")) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => break error,
            _ => rig.wait(MOMENT),
        };
    };
    let kind = error.kind();
    assert!(matches!(kind, ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
}

fn a_blocked_send_is_told_when_there_is_room(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    let (mut sent, mut read) = (0, 0);
    for _ in 0..2 {
        sent += fill(rig, client, sent);
        while read < sent {
            let part = rig.read_some(server, 64 * 1024);
            assert!(part == pattern(read, part.len()), "changed between byte {read} and {}", part.len());
            read += part.len();
        }
        rig.await_writable(client);
    }
}

fn what_is_unsent_leaves_with_news(rig: &mut Rig<'_>) {
    let (client, server) = rig.pair();
    let mut words = output(b"on its way");
    while let Err(error) = rig.send(client, &mut words) {
        assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
        rig.await_writable(client);
    }
    if rig.engine.unsent(client) > 0 {
        let error = rig.send(client, &mut output(b"!")).expect_err("the engine still owns bytes");
        assert_eq!(error.kind(), ErrorKind::WouldBlock);
        rig.await_writable(client);
        assert_eq!(rig.engine.unsent(client), 0, "news of room before the bytes had left");
    }
    assert_eq!(rig.read(server, 10), b"on its way");
}

fn many_pieces_leave_in_order(rig: &mut Rig<'_>) {
    const PIECE: usize = 5_000;
    let (client, server) = rig.pair();
    let (mut pieces, mut expected) = (Output::default(), Vec::new());
    for number in 0..2 * PIECES_MAX + 3 {
        pieces.push(Bytes::from(vec![number as u8; PIECE]));
        pieces.push_slice(b"|");
        expected.extend_from_slice(&[number as u8; PIECE]);
        expected.push(b'|');
    }
    assert!(transfer(rig, client, server, pieces) == expected, "the pieces arrived changed");
}

fn a_large_transfer_arrives_whole(rig: &mut Rig<'_>) {
    const SIZE: usize = 3 << 20;
    let (client, server) = rig.pair();
    for (from, to) in [(client, server), (server, client)] {
        let mut large = Output::default();
        large.push(Bytes::from(pattern(0, SIZE)));
        assert!(transfer(rig, from, to, large) == pattern(0, SIZE), "3 MiB arrived changed");
    }
}

/// A wait that lets the network move on.
const MOMENT: Duration = Duration::from_millis(2);

fn output(data: &[u8]) -> Output {
    let mut output = Output::default();
    output.push_slice(data);
    output
}

/// Bytes that tell their place.
fn pattern(from: usize, count: usize) -> Vec<u8> {
    (from..from + count).map(|place| (place % 251) as u8).collect()
}

/// Send the pattern from `start` on until there is no room; how many bytes were taken.
fn fill(rig: &mut Rig<'_>, token: Token, start: usize) -> usize {
    let mut taken = 0;
    let chunk = Bytes::from(pattern(0, 256 * 1024));
    loop {
        assert!(taken < 1 << 28, "a peer that does not read must stop the sender");
        let mut output = Output::default();
        output.push(chunk.slice((start + taken) % 251..));
        match rig.send(token, &mut output) {
            Ok(count) => taken += count,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
                rig.wait(MOMENT);
                if !rig.is_writable(token) {
                    return taken;
                }
            }
        }
    }
}

/// Send `output` from one end while the other reads; what was read.
fn transfer(rig: &mut Rig<'_>, from: Token, to: Token, mut output: Output) -> Vec<u8> {
    let total = output.len();
    let mut read = Vec::new();
    let mut room = true;
    while read.len() < total {
        while room && !output.is_empty() {
            room = rig.send(from, &mut output).map_or_else(is_room, |_| true);
        }
        // All that was sent may have been read before there is news of room again.
        rig.until("news of either end", |rig| rig.is_readable(to) || (!room && rig.is_writable(from)));
        if rig.is_readable(to) {
            let mut part = BytesMut::with_capacity(64 * 1024);
            match rig.receive(to, &mut part) {
                Ok(received) => assert_ne!(received.bytes, 0, "the stream ended too early"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
            }
            read.extend_from_slice(&part);
        }
        room = room || rig.is_writable(from);
    }
    assert_eq!(rig.engine.unsent(from), 0, "what has arrived has left");
    read
}

/// Whether a send that failed leaves room: `WouldBlock` says that it does not.
fn is_room(error: io::Error) -> bool {
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
    false
}
