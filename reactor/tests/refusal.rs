//! What a peer says last arrives, also when it says it in the middle of what we send and leaves: a
//! server that refuses an upload, a program that needs no more input. The peer is a thread with a
//! plain socket, because the reactor itself closes more carefully than this.
#![allow(clippy::unwrap_used, reason = "a test")]
#![expect(clippy::disallowed_methods, reason = "the peer is a thread")]

use ropewalk_reactor::engine::backend::NAMES;
use ropewalk_reactor::prelude::*;
use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::rc::Rc;

/// The backends that work here.
fn backends() -> Vec<&'static str> {
    let works = |name: &&&str| Reactor::builder().backend(**name).build().is_ok();
    let names: Vec<_> = NAMES.iter().filter(works).copied().collect();
    assert!(names.len() >= 2, "select and poll are everywhere");
    names
}

const REFUSAL: &[u8] = b"413 too much\r\n";

#[derive(Default)]
struct Seen {
    received: RefCell<Vec<u8>>,
    lost: Cell<bool>,
}

/// Sends more than the peer takes.
struct Upload(Rc<Seen>);

impl Protocol for Upload {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write_bytes(vec![1; 16 * 1024 * 1024]);
    }
    fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
        self.0.received.borrow_mut().extend_from_slice(&input.split());
    }
    fn connection_lost(&mut self, _: &Transport, why: &Reason) {
        assert!(matches!(why, Reason::Lost(_)), "{why}");
        self.0.lost.set(true);
    }
}

#[test]
fn a_refusal_in_the_middle_of_what_we_send_arrives() {
    for backend in backends() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = std::thread::spawn(move || {
            let (mut peer, _) = listener.accept().unwrap();
            peer.read_exact(&mut [0; 1000]).unwrap();
            peer.write_all(REFUSAL).unwrap();
            // Closed with unread input: the kernel resets the connection.
        });
        let reactor = Reactor::builder().backend(backend).build().unwrap();
        let seen = Rc::new(Seen::default());
        let connected = reactor.connect(&format!("tcp:127.0.0.1:{port}"), Upload(seen.clone()));
        let deadline = reactor.now() + Duration::from_secs(10);
        reactor.block_on(connected).unwrap();
        while !seen.lost.get() {
            assert!(reactor.now() < deadline, "{backend}: never lost");
            reactor.turn().unwrap();
        }
        server.join().unwrap();
        assert_eq!(*seen.received.borrow(), REFUSAL, "on {backend}");
    }
}
