//! Plays with raw tokens, pulling only after news as the reactor does.

use super::super::*;
use std::collections::BTreeSet;
use std::io::ErrorKind;

/// A world, and what was told of its tokens.
pub(super) struct Play {
    pub(super) sim: Sim,
    pub(super) world: World,
    readable: BTreeSet<Token>,
    writable: BTreeSet<Token>,
}

pub(super) fn internet(address: &str) -> Address {
    Address::Internet(address.parse().expect("an address"))
}

impl Play {
    pub(super) fn new(seed: u64, faults: Faults) -> Self {
        let (sim, world) = Sim::new(seed, faults);
        Self { sim, world, readable: BTreeSet::new(), writable: BTreeSet::new() }
    }

    /// One wait of at most `longest`; how many news came.
    pub(super) fn wait(&mut self, longest: Duration) -> usize {
        let mut news = Vec::new();
        let until = self.sim.now() + longest;
        self.sim.wait(Some(until), &mut news).expect("it has an end");
        for item in &news {
            if item.readable {
                self.readable.insert(item.token);
            }
            if item.writable {
                self.writable.insert(item.token);
            }
        }
        news.len()
    }

    /// Let this much time pass.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.world.elapsed() + time;
        while self.world.elapsed() < end {
            self.wait(end - self.world.elapsed());
        }
    }

    pub(super) fn is_readable(&self, token: Token) -> bool {
        self.readable.contains(&token)
    }

    pub(super) fn is_writable(&self, token: Token) -> bool {
        self.writable.contains(&token)
    }

    fn until(&mut self, what: &str, mut done: impl FnMut(&Self) -> bool) {
        let end = self.world.elapsed() + Duration::from_secs(3600);
        while !done(self) {
            assert!(
                self.world.elapsed() < end,
                "no {what} in an hour:\n{}",
                self.world.trace_tail().join("\n")
            );
            self.wait(Duration::from_secs(60));
        }
    }

    pub(super) fn listen(&mut self, address: &str) -> (Token, Address) {
        self.sim.listen(&internet(address), &ListenOptions::default()).expect("it is free")
    }

    pub(super) fn dial(&mut self, address: &Address) -> Token {
        self.sim.connect(address, None).expect("the outcome comes by news")
    }

    pub(super) fn outcome(&mut self, token: Token) -> Result<(), ErrorKind> {
        loop {
            self.until("outcome", |play| play.is_writable(token));
            match self.sim.connected(token).map_err(|error| error.kind()) {
                Err(ErrorKind::WouldBlock) => self.writable.remove(&token),
                outcome => return outcome,
            };
        }
    }

    pub(super) fn accept(&mut self, listener: Token) -> Result<Token, ErrorKind> {
        loop {
            self.until("connection", |play| play.is_readable(listener));
            match self.sim.accept(listener).map_err(|error| error.kind()) {
                Err(ErrorKind::WouldBlock) => self.readable.remove(&listener),
                accepted => return accepted.map(|(token, _)| token),
            };
        }
    }

    /// A connection: who dialed, and who accepted.
    pub(super) fn pair(&mut self) -> (Token, Token) {
        let (listener, address) = self.listen("127.0.0.1:0");
        let client = self.dial(&address);
        let server = self.accept(listener).expect("a connection");
        self.outcome(client).expect("it is connected");
        self.sim.close(listener, Close::Graceful);
        (client, server)
    }

    pub(super) fn address(&self, token: Token) -> Address {
        self.sim.local_address(token).expect("it is open")
    }

    /// Send as much as goes now.
    pub(super) fn send(&mut self, token: Token, data: &[u8]) -> Result<usize, ErrorKind> {
        let mut output = Output::default();
        output.push_slice(data);
        let sent = self.sim.send(token, &mut output).map_err(|error| error.kind());
        if sent == Err(ErrorKind::WouldBlock) {
            self.writable.remove(&token);
        }
        sent
    }

    /// One receive, after news.
    pub(super) fn receive(&mut self, token: Token) -> Result<BytesMut, ErrorKind> {
        loop {
            self.until("news to read", |play| play.is_readable(token));
            match self.receive_now(token, 1 << 20) {
                Err(ErrorKind::WouldBlock) => {}
                received => return received,
            }
        }
    }

    /// One receive of at most `room`, whether there were news or not.
    pub(super) fn receive_now(&mut self, token: Token, room: usize) -> Result<BytesMut, ErrorKind> {
        let mut input = BytesMut::with_capacity(room);
        let received = self.sim.receive(token, &mut input).map_err(|error| error.kind());
        if matches!(received, Ok(Received { drained: true, .. }) | Err(ErrorKind::WouldBlock)) {
            self.readable.remove(&token);
        }
        received.map(|_| input)
    }
}
