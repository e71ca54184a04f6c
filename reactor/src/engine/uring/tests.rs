//! The suite, and what only this engine promises.

use super::sys::Buffers;
use super::*;
use crate::disk::SystemStorage;
use crate::testing::conformance;
use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

/// How long a peer waits for what it should see at once.
const PATIENCE: Duration = Duration::from_secs(10);

/// What an engine has done that cannot be seen from outside.
#[derive(Default)]
pub(super) struct Counts {
    /// Receives that ended for want of buffers.
    shortages: usize,
    completions: usize,
}

impl Counts {
    pub(super) fn note_shortage(&mut self) {
        self.shortages += 1;
    }

    pub(super) fn note_completion(&mut self) {
        self.completions += 1;
    }
}

fn engine() -> Uring {
    Uring::new(Sizes::USUAL, Arc::new(SystemStorage::default())).expect("Linux 6.1 or later")
}

#[test]
fn io_uring_keeps_the_contract() {
    conformance::engine(&|| Box::new(engine()));
}

#[test]
fn queues_that_overflow_lose_nothing() {
    let tiny = Sizes { submissions: 2, completions: 4 };
    conformance::engine(&|| {
        Box::new(Uring::new(tiny, Arc::new(SystemStorage::default())).expect("Linux 6.1 or later"))
    });
}

/// A connection whose one end is the engine's and is armed by now, and whose other end is not.
fn outside(engine: &mut Uring) -> (TcpStream, Token) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let peer = TcpStream::connect(listener.local_addr().expect("bound")).expect("connect");
    peer.set_read_timeout(Some(PATIENCE)).expect("an open socket");
    let (accepted, _) = listener.accept().expect("it is connected");
    let token = engine.adopt(accepted.into(), Adopted::Stream).expect("adopt");
    look(engine);
    (peer, token)
}

/// A wait that does not block.
fn look(engine: &mut Uring) -> Vec<News> {
    let mut news = Vec::new();
    engine.wait(Some(engine.now()), &mut news).expect("a wait never fails");
    news
}

/// Wait until there are news of `token`; what they say.
fn await_news(engine: &mut Uring, token: Token) -> News {
    let end = engine.now() + PATIENCE;
    let mut news = Vec::new();
    loop {
        engine.wait(Some(end), &mut news).expect("a wait never fails");
        assert!(engine.now() < end, "no news of {token:?}");
        if let Some(news) = news.iter().find(|news| news.token == token) {
            return *news;
        }
    }
}

fn output(data: &[u8]) -> Output {
    let mut output = Output::default();
    output.push_slice(data);
    output
}

/// Pull until nothing is there, or the end is.
fn pull(engine: &mut Uring, token: Token) -> io::Result<Vec<u8>> {
    let mut all = BytesMut::new();
    loop {
        all.reserve(1000);
        match engine.receive(token, &mut all) {
            Ok(received) if received.bytes > 0 && !received.drained => {}
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            _ => return Ok(all.to_vec()),
        }
    }
}

fn buffers_of(engine: &Uring) -> &Buffers {
    &engine.ring.buffers
}

fn are_all_back(engine: &Uring) -> bool {
    buffers_of(engine).available() == buffers_of(engine).circulating()
}

#[test]
fn what_is_not_pulled_gives_its_buffers_back_and_stays() {
    let mut engine = engine();
    let (mut peer, token) = outside(&mut engine);
    peer.write_all(b"first ").expect("write");
    assert!(await_news(&mut engine, token).readable);
    assert!(!are_all_back(&engine), "it holds a buffer until the next wait");
    look(&mut engine);
    assert!(are_all_back(&engine), "a paused connection keeps a buffer that others need");
    let input = engine.table.get(token).expect("open").1.input;
    assert_eq!(input, Input::Idle, "no more is received behind what is not pulled");
    peer.write_all(b"second").expect("write");
    look(&mut engine);
    let mut all = pull(&mut engine, token).expect("an open stream");
    while all.len() < 12 {
        await_news(&mut engine, token);
        all.extend(pull(&mut engine, token).expect("an open stream"));
    }
    assert_eq!(all, b"first second");
    peer.write_all(b"!").expect("write");
    await_news(&mut engine, token);
    assert_eq!(pull(&mut engine, token).expect("it receives again"), b"!");
}

#[test]
fn what_is_left_of_a_pull_keeps_its_buffer_and_its_place() {
    let mut engine = engine();
    let (mut peer, token) = outside(&mut engine);
    let data: Vec<u8> = (0..40_000_u32).map(|place| (place % 251) as u8).collect();
    peer.write_all(&data).expect("there is room in the kernel");
    let mut all = BytesMut::with_capacity(data.len());
    while all.len() < data.len() {
        // Each turn pulls a little, as a budget would have it.
        look(&mut engine);
        let mut part = BytesMut::with_capacity(1_500);
        match engine.receive(token, &mut part) {
            Ok(received) => assert!(received.bytes > 0, "the stream has not ended"),
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
        assert!(engine.table.get(token).expect("open").1.extra().is_none(), "it was read, and not moved");
        all.extend_from_slice(&part);
    }
    assert!(all == data, "the bytes came changed");
}

#[test]
fn a_connection_that_is_not_read_holds_little_of_what_its_peer_sends() {
    assert_little_is_held(1);
}

#[test]
fn many_that_are_not_read_hold_little_although_they_are_starved() {
    // Together one run of the kernel's brings them more than there are buffers at first.
    let engine = assert_little_is_held(5);
    assert!(engine.counts.shortages > 0, "there was no shortage, so this shows nothing");
}

fn assert_little_is_held(connections: usize) -> Uring {
    let mut engine = engine();
    let mut flows: Vec<_> = (0..connections).map(|_| (outside(&mut engine), 0, 0)).collect();
    for round in 0..100 {
        for ((peer, token), sent, received) in &mut flows {
            peer.set_nonblocking(true).expect("an open socket");
            while let Ok(count) = peer.write(&[b'x'; 65_536]) {
                *sent += count;
            }
            if round < 50 {
                *received += pull(&mut engine, *token).expect("an open stream").len();
            }
        }
        look(&mut engine);
    }
    for ((_, token), sent, received) in &mut flows {
        let held = engine.table.get(*token).expect("open").1.extra().map_or(0, |extra| extra.spill.len());
        assert!(held <= 2 * 33 * 4096, "{held} bytes are held for a connection that nobody reads");
        assert!(*received + held < *sent, "the kernel holds the rest");
    }
    for ((_, token), sent, received) in &mut flows {
        while received < sent {
            *received += pull(&mut engine, *token).expect("an open stream").len();
            look(&mut engine);
        }
        assert_eq!(received, sent);
    }
    engine
}

#[test]
fn more_input_than_there_are_buffers_arrives_whole_without_a_storm() {
    // 300 times 64 KiB are nine times what all buffers hold.
    const PEERS: usize = 300;
    let mut engine = engine();
    let data: Vec<u8> = (0..65_536_u32).map(|place| (place % 241) as u8).collect();
    let mut peers: Vec<_> = (0..PEERS)
        .map(|_| {
            let (mut peer, ours) = UnixStream::pair().expect("a pair");
            peer.write_all(&data).expect("the kernel has room");
            let token = engine.adopt(ours.into(), Adopted::Stream).expect("adopt");
            (peer, token, Vec::new())
        })
        .collect();
    let end = engine.now() + PATIENCE;
    while peers.iter().any(|(_, _, received)| received.len() < data.len()) {
        assert!(engine.now() < end, "some are starved for ever");
        look(&mut engine);
        for (_, token, received) in &mut peers {
            received.extend(pull(&mut engine, *token).expect("an open stream"));
        }
    }
    assert!(peers.iter().all(|(_, _, received)| *received == data), "the bytes came changed");
    assert!(engine.counts.shortages > 0, "there was no shortage, so this shows nothing");
    assert!(
        engine.counts.shortages <= 8 * PEERS,
        "{} starved receives for {PEERS} peers",
        engine.counts.shortages
    );
    look(&mut engine);
    assert!(are_all_back(&engine), "a buffer got lost");
}

#[test]
fn a_close_is_seen_at_once_though_the_kernel_was_receiving() {
    let mut engine = engine();
    for _ in 0..50 {
        let (mut peer, token) = outside(&mut engine);
        engine.close(token, Close::Graceful);
        assert_eq!(peer.read(&mut [0]).expect("a clean end, without another wait"), 0);
        let (mut peer, token) = outside(&mut engine);
        engine.close(token, Close::Abort);
        let error = peer.read(&mut [0]).expect_err("a reset, without another wait");
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
    }
}

/// The peer has seen the end, or, where input was left unread, a reset.
fn assert_ended(mut peer: &TcpStream) {
    peer.set_read_timeout(Some(PATIENCE)).expect("an open socket");
    match peer.read(&mut [0]) {
        Ok(count) => assert_eq!(count, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
}

#[test]
fn a_close_in_a_flood_is_seen_and_loses_no_buffer() {
    let mut engine = engine();
    for round in 0..60 {
        let (mut peer, token) = outside(&mut engine);
        peer.set_nonblocking(true).expect("an open socket");
        for turn in 0..=round % 12 {
            while peer.write(&[b'x'; 65_536]).is_ok() {}
            look(&mut engine);
            if turn < round % 7 {
                pull(&mut engine, token).expect("an open stream");
            }
        }
        engine.close(token, Close::Graceful);
        peer.set_nonblocking(false).expect("an open socket");
        assert_ended(&peer);
    }
    look(&mut engine);
    assert!(are_all_back(&engine), "a buffer got lost");
}

#[test]
fn a_send_under_way_is_cancelled_by_a_close() {
    let mut engine = engine();
    let (mut peer, token) = outside(&mut engine);
    let mut large = Output::default();
    large.push(vec![b'x'; 64 << 20].into());
    // Send until the kernel has no more room and an attempt waits for it.
    for _ in 0..100 {
        let _ = engine.send(token, &mut large);
        look(&mut engine);
    }
    assert!(engine.unsent(token) > 0 && !large.is_empty(), "the peer reads nothing");
    engine.close(token, Close::Graceful);
    assert_eq!(engine.unsent(token), 0);
    let mut read = 0;
    let mut part = vec![0; 1 << 20];
    loop {
        match peer.read(&mut part).expect("an end, though a send was waiting") {
            0 => break,
            count => read += count,
        }
    }
    assert!(read < 64 << 20);
    look(&mut engine);
    assert!(engine.ring.sends.is_empty(), "the record of the cancelled send stays");
}

#[test]
fn the_last_words_before_a_close_are_sent() {
    let mut engine = engine();
    for how in [Close::Graceful, Close::Abort] {
        let (mut peer, token) = outside(&mut engine);
        engine.send(token, &mut output(b"farewell")).expect("room");
        engine.close(token, how);
        let mut words = [0; 8];
        peer.read_exact(&mut words).expect("they came before the end");
        assert_eq!(&words, b"farewell");
        look(&mut engine);
        assert!(engine.ring.sends.is_empty(), "the record stays");
    }
}

#[test]
fn a_send_that_nobody_waits_for_brings_no_news() {
    let mut engine = engine();
    let (mut peer, token) = outside(&mut engine);
    let before = engine.counts.completions;
    engine.send(token, &mut output(b"silent")).expect("room");
    assert_eq!(look(&mut engine), []);
    assert!(engine.ring.sends.is_empty(), "silence means sent");
    assert_eq!(engine.counts.completions, before, "a completion would have ended a sleep");
    peer.read_exact(&mut [0; 6]).expect("it was sent");
    engine.send(token, &mut output(b"spoken")).expect("the silent one is over");
    assert_eq!(engine.unsent(token), 6);
    let news = await_news(&mut engine, token);
    assert_eq!((news.readable, news.writable), (false, true));
    assert_eq!(engine.unsent(token), 0);
    engine.send(token, &mut output(b"refused")).expect("room");
    let error = engine.send(token, &mut output(b"!")).expect_err("one at a time");
    assert_eq!(error.kind(), ErrorKind::WouldBlock);
    assert!(await_news(&mut engine, token).writable);
}

#[test]
fn a_record_has_a_bound_and_the_rest_stays_with_the_connection() {
    let mut engine = engine();
    let (_peer, token) = outside(&mut engine);
    let mut large = Output::default();
    large.push(vec![b'x'; 1 << 20].into());
    let taken = engine.send(token, &mut large).expect("room");
    assert_eq!((taken, large.len()), (256 * 1024, (1 << 20) - 256 * 1024));
    assert_eq!(engine.unsent(token), taken);
}

#[test]
fn a_send_that_fails_after_it_was_taken_is_told() {
    let mut engine = engine();
    let (peer, token) = outside(&mut engine);
    sockets::reset_on_close(peer.as_fd());
    drop(peer);
    // Before the engine has heard of the reset.
    engine.send(token, &mut output(b"to nobody")).expect("it is taken");
    assert!(await_news(&mut engine, token).writable);
    assert_eq!(engine.unsent(token), 0);
    let error = engine.send(token, &mut output(b"again")).expect_err("the peer is gone");
    assert!(matches!(error.kind(), ErrorKind::ConnectionReset | ErrorKind::BrokenPipe), "{error}");
    let error = pull(&mut engine, token).expect_err("a reset is no clean end");
    assert_eq!(error.kind(), ErrorKind::ConnectionReset);
}

#[test]
fn a_listener_that_is_left_alone_stops_accepting_and_goes_on_later() {
    const MANY: usize = ACCEPTED_MAX + 40;
    let mut engine = engine();
    let address = Address::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let (listener, address) = engine.listen(&address, &ListenOptions::default()).expect("listen");
    let to = address.socket_address().expect("an internet address");
    let mut peers = Vec::new();
    while peers.len() < ACCEPTED_MAX {
        peers.push(TcpStream::connect(to).expect("the backlog has room"));
        look(&mut engine);
    }
    look(&mut engine);
    look(&mut engine);
    while peers.len() < MANY {
        peers.push(TcpStream::connect(to).expect("the backlog has room"));
        look(&mut engine);
    }
    assert_eq!(engine.table.get(listener).expect("open").1.accepted(), ACCEPTED_MAX);
    let mut accepted = 0;
    while accepted < MANY {
        match engine.accept(listener) {
            Ok(_) => accepted += 1,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                assert!(await_news(&mut engine, listener).readable);
            }
        }
    }
}

#[test]
fn a_dropped_engine_frees_its_port_and_ends_its_connections() {
    let mut first = engine();
    let address = Address::from(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)));
    let (listener, address) = first.listen(&address, &ListenOptions::default()).expect("listen");
    look(&mut first);
    let to = address.socket_address().expect("an internet address");
    let pulled = TcpStream::connect(to).expect("connect");
    await_news(&mut first, listener);
    first.accept(listener).expect("it was reported");
    look(&mut first);
    let queued = TcpStream::connect(to).expect("connect");
    look(&mut first);
    drop(first);
    engine().listen(&address, &ListenOptions::default()).expect("the port is free at once");
    assert_ended(&pulled);
    assert_ended(&queued);
}

#[test]
fn a_release_refuses_to_lose_what_was_taken() {
    let mut engine = engine();
    let (mut peer, token) = outside(&mut engine);
    peer.write_all(b"taken").expect("write");
    await_news(&mut engine, token);
    let error = engine.release(token).expect_err("the next owner would miss it");
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert_eq!(pull(&mut engine, token).expect("it is still here"), b"taken");
    peer.write_all(b" and more").expect("write");
    await_news(&mut engine, token);
    assert_eq!(pull(&mut engine, token).expect("and goes on"), b" and more");
}

#[test]
fn a_bell_that_wakes_nobody_costs_no_system_call() {
    let bell = Bell::new().expect("a descriptor is left");
    let count = |bell: &Bell| {
        let mut count = [0; 8];
        rustix::io::read(bell.descriptor(), &mut count).map_or(0, |_| u64::from_ne_bytes(count))
    };
    bell.wake();
    bell.wake();
    assert!(!bell.lie_down(), "it was rung before");
    assert!(bell.rise());
    assert_eq!(count(&bell), 0);
    assert!(bell.lie_down());
    bell.wake();
    bell.wake();
    assert!(bell.rise() && !bell.rise());
    assert_eq!(count(&bell), 1);
}

#[test]
fn a_spinning_wait_finds_news_and_keeps_its_time() {
    let mut engine = engine();
    engine.set_spin(Duration::from_millis(1));
    let (mut peer, token) = outside(&mut engine);
    for _ in 0..100 {
        peer.write_all(b"x").expect("write");
        assert!(await_news(&mut engine, token).readable);
        assert_eq!(pull(&mut engine, token).expect("an open stream"), b"x");
    }
    for micros in [10, 900, 1_100] {
        let until = engine.now() + Duration::from_micros(micros);
        engine.wait(Some(until), &mut Vec::new()).expect("a wait never fails");
        assert!(engine.now() >= until);
    }
}

#[test]
fn a_wake_up_in_the_middle_of_a_spin_is_not_lost() {
    let mut engine = engine();
    let (mut peer, token) = outside(&mut engine);
    let waker = engine.waker();
    let (ask, asked) = std::sync::mpsc::channel();
    let other = std::thread::spawn(move || {
        while let Ok(()) = asked.recv() {
            waker.wake();
        }
    });
    for _ in 0..200 {
        // Traffic makes the next wait spin, for longer than the other thread needs.
        engine.set_spin(Duration::from_millis(20));
        for _ in 0..2 {
            peer.write_all(b"x").expect("write");
            assert!(await_news(&mut engine, token).readable);
            pull(&mut engine, token).expect("an open stream");
        }
        ask.send(()).expect("the other thread listens");
        let end = engine.now() + PATIENCE;
        engine.wait(Some(end), &mut Vec::new()).expect("a wait never fails");
        assert!(engine.now() < end, "the wake-up was lost");
    }
    drop(ask);
    other.join().expect("it ends");
}

#[test]
fn a_signal_ends_a_wait_without_an_error() {
    let waiting = crate::sys::signal::Thread::current();
    let (started, when) = std::sync::mpsc::channel();
    let other = std::thread::spawn(move || {
        let over = when;
        // Until the wait is over, whenever it begins.
        while over.recv_timeout(Duration::from_millis(1)).is_err() {
            waiting.interrupt();
        }
    });
    engine().wait(None, &mut Vec::new()).expect("an interrupted wait is no error");
    started.send(()).expect("the other thread listens");
    other.join().expect("it ends");
}
