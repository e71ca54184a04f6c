//! A process that leaves SIGPIPE at its default lives on when a peer goes away. (Rust's runtime
//! ignores the signal, C's does not; a library must not lean on either.) A test binary of its own,
//! because a signal's disposition is the process's.
#![allow(clippy::unwrap_used, reason = "a test")]

use bytes::BytesMut;
use ropewalk_reactor::prelude::*;
use std::cell::Cell;
use std::io::Read;
use std::net::TcpStream;
use std::rc::Rc;

#[test]
fn a_send_to_a_peer_that_is_gone_raises_no_signal() {
    // SAFETY: sets the signal's default disposition; there is no handler.
    unsafe { libc::signal(libc::SIGPIPE, libc::SIG_DFL) };
    struct Chatty(Rc<Cell<bool>>);
    impl Protocol for Chatty {
        fn connection_made(&mut self, transport: &Transport) {
            transport.write(b"hello");
            self.timed_out(transport);
        }
        fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
            input.clear();
        }
        fn eof_received(&mut self, _: &Transport) -> Eof {
            Eof::KeepOpen
        }
        fn timed_out(&mut self, transport: &Transport) {
            transport.write(b"still there?");
            transport.set_timeout(Some(Duration::from_millis(1)));
        }
        fn connection_lost(&mut self, _: &Transport, _: &Reason) {
            self.0.set(true);
        }
    }
    for backend in ["epoll", "poll", "select"] {
        let reactor = Reactor::builder().backend(backend).build().unwrap();
        let lost = Rc::new(Cell::new(false));
        let tell = lost.clone();
        let listener =
            reactor.listen("tcp:0:interface=127.0.0.1", move |_: &Address| Chatty(tell.clone())).unwrap();
        let mut peer = TcpStream::connect(listener.address().socket_address().unwrap()).unwrap();
        reactor.turn().unwrap();
        peer.read_exact(&mut [0; 5]).unwrap();
        drop(peer);
        let deadline = reactor.now() + Duration::from_secs(10);
        while !lost.get() {
            assert!(reactor.now() < deadline, "{backend}: never lost");
            reactor.turn().unwrap();
        }
    }
}
