//! What a turn costs: how often the engine is called, on a kernel that is only counted, not changed.
#![expect(clippy::unwrap_used, reason = "a test")]

use bytes::BytesMut;
use ropewalk_reactor::buffer::Output;
use ropewalk_reactor::disk::Storage;
use ropewalk_reactor::engine::{Adopted, Close, Engine, ListenOptions, News, Received, Token, Wake, backend};
use ropewalk_reactor::prelude::*;
use std::cell::{Cell, RefCell};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

/// How often the engine was called, and what it is told to answer.
#[derive(Default)]
struct Counts {
    sends: Cell<usize>,
    refused_sends: Cell<usize>,
    receives: Cell<usize>,
    accepts: Cell<usize>,
    sheds: Cell<usize>,
    waits: Cell<usize>,
    /// So many accepts fail with this error first.
    accept_errors: Cell<(usize, i32)>,
}

struct Counting(Box<dyn Engine>, Rc<Counts>);

fn up(cell: &Cell<usize>) {
    cell.set(cell.get() + 1);
}

impl Engine for Counting {
    fn name(&self) -> &'static str {
        self.0.name()
    }
    fn now(&self) -> Instant {
        self.0.now()
    }
    fn wall_clock(&self) -> SystemTime {
        self.0.wall_clock()
    }
    fn wait(&mut self, until: Option<Instant>, news: &mut Vec<News>) -> io::Result<()> {
        up(&self.1.waits);
        self.0.wait(until, news)
    }
    fn waker(&self) -> Arc<dyn Wake> {
        self.0.waker()
    }
    fn listen(&mut self, address: &Address, options: &ListenOptions) -> io::Result<(Token, Address)> {
        self.0.listen(address, options)
    }
    fn accept(&mut self, listener: Token) -> io::Result<(Token, Address)> {
        up(&self.1.accepts);
        let (left, error) = self.1.accept_errors.get();
        if left > 0 {
            self.1.accept_errors.set((left - 1, error));
            return Err(io::Error::from_raw_os_error(error));
        }
        self.0.accept(listener)
    }
    fn shed(&mut self, _: Token) -> io::Result<()> {
        up(&self.1.sheds);
        Err(ErrorKind::WouldBlock.into())
    }
    fn connect(&mut self, address: &Address, source: Option<SocketAddr>) -> io::Result<Token> {
        self.0.connect(address, source)
    }
    fn connected(&mut self, token: Token) -> io::Result<()> {
        self.0.connected(token)
    }
    fn receive(&mut self, token: Token, into: &mut BytesMut) -> io::Result<Received> {
        up(&self.1.receives);
        self.0.receive(token, into)
    }
    fn send(&mut self, token: Token, output: &mut Output) -> io::Result<usize> {
        up(&self.1.sends);
        let outcome = self.0.send(token, output);
        if matches!(&outcome, Err(error) if error.kind() == ErrorKind::WouldBlock) {
            up(&self.1.refused_sends);
        }
        outcome
    }
    fn unsent(&self, token: Token) -> usize {
        self.0.unsent(token)
    }
    fn shutdown_write(&mut self, token: Token) -> io::Result<()> {
        self.0.shutdown_write(token)
    }
    fn close(&mut self, token: Token, how: Close) {
        self.0.close(token, how);
    }
    fn local_address(&self, token: Token) -> io::Result<Address> {
        self.0.local_address(token)
    }
    fn bind_datagram(&mut self, address: &Address, options: &ListenOptions) -> io::Result<(Token, Address)> {
        self.0.bind_datagram(address, options)
    }
    fn receive_from(&mut self, token: Token, into: &mut BytesMut) -> io::Result<(usize, Address)> {
        self.0.receive_from(token, into)
    }
    fn send_to(&mut self, token: Token, data: &[u8], to: &Address) -> io::Result<()> {
        self.0.send_to(token, data, to)
    }
    fn adopt(&mut self, descriptor: OwnedFd, what: Adopted) -> io::Result<Token> {
        self.0.adopt(descriptor, what)
    }
    fn release(&mut self, token: Token) -> io::Result<OwnedFd> {
        self.0.release(token)
    }
    fn storage(&self) -> Arc<dyn Storage> {
        self.0.storage()
    }
    fn seed(&self) -> u64 {
        self.0.seed()
    }
}

fn counted() -> (Reactor, Rc<Counts>) {
    let counts = Rc::new(Counts::default());
    let reactor = Reactor::with_engine(Counting(backend::open("epoll").unwrap(), counts.clone()));
    (reactor, counts)
}

fn until(reactor: &Reactor, mut done: impl FnMut() -> bool) {
    let deadline = reactor.now() + Duration::from_secs(10);
    reactor.call_later(Duration::from_secs(10), || {});
    while !done() {
        assert!(reactor.now() < deadline, "not done in time");
        reactor.turn().unwrap();
    }
}

/// Connect a blocking socket of our own to a factory on a counted reactor.
fn serve<P: Protocol + 'static>(
    reactor: &Reactor,
    factory: impl FnMut(&Address) -> P + 'static,
) -> TcpStream {
    let listener = reactor.listen("tcp:0:interface=127.0.0.1", factory).unwrap();
    TcpStream::connect(listener.address().socket_address().unwrap()).unwrap()
}

#[test]
fn many_writes_in_a_turn_are_one_send() {
    struct Chatty;
    impl Protocol for Chatty {
        fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
            input.clear();
            for _ in 0..100 {
                transport.write(b"0123456789");
            }
        }
    }
    let (reactor, counts) = counted();
    let mut client = serve(&reactor, |_: &Address| Chatty);
    for round in 1..=5 {
        client.write_all(b"go").unwrap();
        until(&reactor, || counts.sends.get() >= round);
        client.read_exact(&mut [0; 1000]).unwrap();
        assert_eq!(counts.sends.get(), round);
    }
    assert_eq!(counts.refused_sends.get(), 0, "a send that need not be tried");
}

#[test]
fn a_request_costs_one_receive_and_one_wait() {
    struct Echo;
    impl Protocol for Echo {
        fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
            transport.write_bytes(input.split().freeze());
        }
    }
    let (reactor, counts) = counted();
    let mut client = serve(&reactor, |_: &Address| Echo);
    client.write_all(b"first").unwrap();
    until(&reactor, || counts.sends.get() == 1);
    client.read_exact(&mut [0; 5]).unwrap();
    let (receives, waits) = (counts.receives.get(), counts.waits.get());
    for round in 2..=11 {
        client.write_all(b"again").unwrap();
        until(&reactor, || counts.sends.get() == round);
        client.read_exact(&mut [0; 5]).unwrap();
    }
    assert_eq!(counts.receives.get() - receives, 10);
    assert_eq!(counts.waits.get() - waits, 10);
}

#[test]
fn a_blocked_send_is_not_tried_again_before_there_is_room() {
    struct Flood;
    impl Protocol for Flood {
        fn connection_made(&mut self, transport: &Transport) {
            transport.write_bytes(vec![0; 64 << 20]);
        }
        fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
            input.clear();
        }
    }
    let (reactor, counts) = counted();
    let client = serve(&reactor, |_: &Address| Flood);
    until(&reactor, || counts.refused_sends.get() == 1);
    let sends = counts.sends.get();
    let turns = Rc::new(Cell::new(0));
    let count = turns.clone();
    let ticking = reactor.looping_call(Duration::from_millis(1), move |_| count.set(count.get() + 1));
    until(&reactor, || turns.get() >= 20);
    ticking.stop();
    assert_eq!(counts.sends.get(), sends, "the kernel had no room, and said nothing of any");
    drop(client);
}

#[test]
fn a_connection_that_went_away_does_not_stop_the_accepting() {
    struct Greeter;
    impl Protocol for Greeter {
        fn connection_made(&mut self, transport: &Transport) {
            transport.write(b"hello");
        }
        fn data_received(&mut self, _: &Transport, _: &mut BytesMut) {}
    }
    for error in [libc::ECONNABORTED, libc::EPERM, libc::EPROTO] {
        let (reactor, counts) = counted();
        counts.accept_errors.set((3, error));
        let mut client = serve(&reactor, |_: &Address| Greeter);
        let started = reactor.now();
        until(&reactor, || counts.sends.get() == 1);
        client.read_exact(&mut [0; 5]).unwrap();
        assert!(reactor.now() - started < Duration::from_millis(9), "it rested, as if out of descriptors");
        assert_eq!(counts.sheds.get(), 0);
    }
}

#[test]
fn running_out_of_descriptors_turns_one_away_and_tries_again_by_the_clock() {
    struct Greeter;
    impl Protocol for Greeter {
        fn connection_made(&mut self, transport: &Transport) {
            transport.write(b"hello");
        }
        fn data_received(&mut self, _: &Transport, _: &mut BytesMut) {}
    }
    for error in [libc::EMFILE, libc::ENFILE] {
        let (reactor, counts) = counted();
        counts.accept_errors.set((5, error));
        let mut client = serve(&reactor, |_: &Address| Greeter);
        // No edge will come for the one that waits: only the clock brings it in.
        until(&reactor, || counts.sends.get() == 1);
        client.read_exact(&mut [0; 5]).unwrap();
        assert_eq!(counts.sheds.get(), 5);
        assert!(counts.waits.get() < 50, "{} waits: it spun", counts.waits.get());
    }
}

#[test]
fn an_idle_reactor_sleeps() {
    let (reactor, counts) = counted();
    let _client = serve(&reactor, |_: &Address| Idle);
    struct Idle;
    impl Protocol for Idle {
        fn data_received(&mut self, _: &Transport, _: &mut BytesMut) {}
    }
    let passed = Rc::new(Cell::new(false));
    let set = passed.clone();
    reactor.call_later(Duration::from_millis(200), move || set.set(true));
    until(&reactor, || passed.get());
    assert!(counts.waits.get() < 10, "{} waits in 200 idle milliseconds", counts.waits.get());
}

#[test]
fn what_is_written_to_another_connection_leaves_in_the_same_turn() {
    /// The first connection is written to by whoever comes after.
    struct Across(Rc<RefCell<Option<Transport>>>, Rc<Cell<bool>>);
    impl Protocol for Across {
        fn connection_made(&mut self, transport: &Transport) {
            self.0.borrow_mut().get_or_insert_with(|| transport.clone());
        }
        fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
            if let Some(first) = &*self.0.borrow() {
                first.write(&input.split());
            }
            self.1.set(true);
        }
    }
    let (reactor, counts) = counted();
    let (first, written) = (Rc::new(RefCell::new(None)), Rc::new(Cell::new(false)));
    let (slot, tell) = (first.clone(), written.clone());
    let factory = move |_: &Address| Across(slot.clone(), tell.clone());
    let listener = reactor.listen("tcp:0:interface=127.0.0.1", factory).unwrap();
    let address = listener.address().socket_address().unwrap();
    let mut one = TcpStream::connect(address).unwrap();
    until(&reactor, || first.borrow().is_some());
    let mut other = TcpStream::connect(address).unwrap();
    other.write_all(b"across").unwrap();
    // Turn by turn: the turn in which it is written is the one in which it is sent.
    until(&reactor, || written.get());
    assert_eq!(counts.sends.get(), 1);
    one.read_exact(&mut [0; 6]).unwrap();
}
