//! Drives an engine as the reactor does: it remembers the news, pulls only after them, and forgets
//! a direction's news when the engine says that nothing is left there. So a case that hangs has
//! found an engine that broke its promise to report.

use super::PATIENCE;
use crate::address::Address;
use crate::buffer::Output;
use crate::engine::{Close, Engine, ListenOptions, News, Received, Token};
use bytes::BytesMut;
use std::collections::BTreeSet;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

/// An engine and what is known of its tokens.
pub(super) struct Rig<'a> {
    pub(super) engine: &'a mut dyn Engine,
    readable: BTreeSet<Token>,
    writable: BTreeSet<Token>,
    closed: BTreeSet<Token>,
    news: Vec<News>,
}

/// 127.0.0.1 at a port that the engine chooses.
pub(super) fn any_port() -> Address {
    SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into()
}

impl<'a> Rig<'a> {
    pub(super) fn new(engine: &'a mut dyn Engine) -> Self {
        Self {
            engine,
            readable: BTreeSet::new(),
            writable: BTreeSet::new(),
            closed: BTreeSet::new(),
            news: Vec::new(),
        }
    }

    /// One wait of at most `longest`; returns how many news came.
    pub(super) fn wait(&mut self, longest: Duration) -> usize {
        self.wait_until(self.engine.now() + longest)
    }

    /// One wait until `until` at the latest; returns how many news came.
    pub(super) fn wait_until(&mut self, until: Instant) -> usize {
        self.news.clear();
        self.engine.wait(Some(until), &mut self.news).expect("a wait never fails");
        self.note();
        self.news.len()
    }

    /// One wait without an end: only for a case that knows it will be woken.
    pub(super) fn wait_for_ever(&mut self) {
        self.news.clear();
        self.engine.wait(None, &mut self.news).expect("a wait never fails");
        self.note();
    }

    fn note(&mut self) {
        for news in &self.news {
            assert!(news.readable || news.writable, "empty news of {:?}", news.token);
            assert!(!self.closed.contains(&news.token), "news of the closed {:?}", news.token);
            if news.readable {
                self.readable.insert(news.token);
            }
            if news.writable {
                self.writable.insert(news.token);
            }
        }
    }

    /// Wait until `done`, or fail saying that `what` did not happen.
    pub(super) fn until(&mut self, what: &str, mut done: impl FnMut(&mut Self) -> bool) {
        let deadline = self.engine.now() + PATIENCE;
        while !done(self) {
            let now = self.engine.now();
            assert!(now < deadline, "{} did not happen in {PATIENCE:?} on {}", what, self.engine.name());
            self.wait(deadline - now);
        }
    }

    pub(super) fn is_readable(&self, token: Token) -> bool {
        self.readable.contains(&token)
    }

    pub(super) fn is_writable(&self, token: Token) -> bool {
        self.writable.contains(&token)
    }

    pub(super) fn await_readable(&mut self, token: Token) {
        self.until("news of something to read", |rig| rig.readable.contains(&token));
    }

    pub(super) fn await_writable(&mut self, token: Token) {
        self.until("news of room to write", |rig| rig.writable.contains(&token));
    }

    /// A direction that was reported and left alone may be reported again now and then, but must
    /// not keep the loop busy: in `time` there are only a few waits that return.
    pub(super) fn assert_quiet(&mut self, time: Duration) {
        let end = self.engine.now() + time;
        for returned in 0.. {
            let now = self.engine.now();
            if now >= end {
                return;
            }
            assert!(returned < 10, "the engine keeps returning: {:?}", self.news);
            self.wait(end - now);
        }
    }

    pub(super) fn listen(&mut self) -> (Token, Address) {
        self.engine.listen(&any_port(), &ListenOptions::default()).expect("listen on 127.0.0.1")
    }

    pub(super) fn dial(&mut self, to: &Address) -> Token {
        self.engine.connect(to, None).expect("the outcome of connect comes by news")
    }

    /// The outcome of a connection attempt, asked for after its news.
    pub(super) fn outcome(&mut self, token: Token) -> io::Result<()> {
        loop {
            self.await_writable(token);
            match self.engine.connected(token) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.writable.remove(&token),
                outcome => return outcome,
            };
        }
    }

    /// Accept once; `WouldBlock` is remembered.
    pub(super) fn accept(&mut self, listener: Token) -> io::Result<(Token, Address)> {
        let accepted = self.engine.accept(listener);
        if matches!(&accepted, Err(error) if error.kind() == ErrorKind::WouldBlock) {
            self.readable.remove(&listener);
        }
        accepted
    }

    /// The next connection of a listener, waited for.
    pub(super) fn accepted(&mut self, listener: Token) -> (Token, Address) {
        loop {
            self.await_readable(listener);
            match self.accept(listener) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                accepted => return accepted.expect("accept after news"),
            }
        }
    }

    /// A connection from `listener`'s address: the end that connected and the end that was accepted.
    pub(super) fn join(&mut self, listener: Token, address: &Address) -> (Token, Token) {
        let client = self.dial(address);
        let (server, _) = self.accepted(listener);
        self.outcome(client).expect("the listener answers");
        (client, server)
    }

    /// A connection; its listener is closed again.
    pub(super) fn pair(&mut self) -> (Token, Token) {
        let (listener, address) = self.listen();
        let pair = self.join(listener, &address);
        self.close(listener, Close::Graceful);
        pair
    }

    /// One receive, after which the news are forgotten if nothing is left.
    pub(super) fn receive(&mut self, token: Token, into: &mut BytesMut) -> io::Result<Received> {
        let before = into.len();
        let received = self.engine.receive(token, into);
        match &received {
            Ok(received) => {
                assert_eq!(into.len(), before + received.bytes, "what was received is appended");
                assert!(!(received.bytes == 0 && received.drained), "the end of the stream is not a pause");
                if received.drained {
                    self.readable.remove(&token);
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                self.readable.remove(&token);
            }
            Err(_) => {}
        }
        received
    }

    /// The engine was told, in another way than `receive`, that nothing is left to read.
    pub(super) fn nothing_to_read(&mut self, token: Token) {
        self.readable.remove(&token);
    }

    /// What one receive brings, waited for; never nothing.
    pub(super) fn read_some(&mut self, token: Token, room: usize) -> BytesMut {
        let mut part = BytesMut::with_capacity(room);
        while part.is_empty() {
            self.await_readable(token);
            match self.receive(token, &mut part) {
                Ok(received) => assert_ne!(received.bytes, 0, "the stream ended too early"),
                Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}"),
            }
        }
        part
    }

    /// Exactly `count` bytes, with room for `room` at a time.
    pub(super) fn read_by(&mut self, token: Token, count: usize, room: usize) -> Vec<u8> {
        let mut all = Vec::new();
        while all.len() < count {
            all.extend_from_slice(&self.read_some(token, room));
        }
        assert_eq!(all.len(), count, "more came than was sent");
        all
    }

    pub(super) fn read(&mut self, token: Token, count: usize) -> Vec<u8> {
        self.read_by(token, count, 4096)
    }

    /// Everything up to the end of the stream, or the error that broke it.
    pub(super) fn read_to_end(&mut self, token: Token) -> io::Result<Vec<u8>> {
        let mut all = BytesMut::new();
        loop {
            self.await_readable(token);
            all.reserve(4096);
            match self.receive(token, &mut all) {
                Ok(Received { bytes: 0, .. }) => return Ok(all.to_vec()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// One send, after which the news are forgotten if there was no room.
    pub(super) fn send(&mut self, token: Token, output: &mut Output) -> io::Result<usize> {
        let before = output.len();
        let sent = self.engine.send(token, output);
        match &sent {
            Ok(count) => assert_eq!(before - output.len(), *count, "send advances by what it took"),
            Err(error) => {
                assert_eq!(before, output.len(), "a send that fails takes nothing");
                if error.kind() == ErrorKind::WouldBlock {
                    self.writable.remove(&token);
                }
            }
        }
        sent
    }

    /// Send all of `output` and see the kernel take it.
    pub(super) fn flush(&mut self, token: Token, output: &mut Output) {
        while !output.is_empty() {
            match self.send(token, output) {
                Ok(count) => assert_ne!(count, 0, "a send of something sends something"),
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.await_writable(token),
                Err(error) => panic!("send: {error}"),
            }
        }
        self.until("the kernel taking what was sent", |rig| rig.engine.unsent(token) == 0);
    }

    pub(super) fn write(&mut self, token: Token, data: &[u8]) {
        let mut output = Output::default();
        output.push_slice(data);
        self.flush(token, &mut output);
    }

    pub(super) fn close(&mut self, token: Token, how: Close) {
        self.engine.close(token, how);
        self.forget(token);
    }

    /// The token was closed or released: no news of it may come.
    pub(super) fn forget(&mut self, token: Token) {
        self.readable.remove(&token);
        self.writable.remove(&token);
        self.closed.insert(token);
    }
}
