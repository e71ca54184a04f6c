//! A server and its clients in a simulated world, for tests. The one rule: time passes only where a test says so,
//! but for the [`MOMENT`] that a command takes to arrive and be answered.
//!
//! ```text
//! let mut world = World::new();
//! assert_eq!(world.run("alice", "RPUSH l a b"), ":2");
//! assert_eq!(world.run("bob", "BLPOP none 1"), "");
//! world.pass(Duration::from_secs(1));
//! assert_eq!(world.replies("bob"), "*-1");
//! ```
#![allow(clippy::unwrap_used, reason = "for tests")]

use crate::Kv;
use crate::server::journal::{Effect, Reader};
use bytes::BytesMut;
use ropewalk_reactor::testing::Clock;
use ropewalk_reactor::{Protocol, Transport};
use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

/// What a command takes, there and back.
const MOMENT: Duration = Duration::from_micros(10);

/// Where the server listens in its world.
const ENDPOINT: &str = "tcp:6379:interface=127.0.0.1";
/// How clients reach it.
const WAY: &str = "tcp:6379:host=127.0.0.1";

/// A server, and clients by name, who connect when they first say something.
pub(crate) struct World {
    clock: Clock,
    clients: HashMap<&'static str, Remote>,
    kv: Kv,
}

/// A client, from its own side.
struct Remote {
    transport: Transport,
    received: Rc<RefCell<Vec<u8>>>,
}

/// Keeps what the server says.
struct Listening(Rc<RefCell<Vec<u8>>>);

impl Protocol for Listening {
    fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
        self.0.borrow_mut().extend_from_slice(&input.split());
    }
}

/// What a journal has said.
#[derive(Clone, Default)]
pub(crate) struct Effects(Rc<RefCell<Vec<Effect>>>);

impl Reader for Effects {
    fn happened(&mut self, effects: &[Effect]) {
        self.0.borrow_mut().extend_from_slice(effects);
    }
}

impl Effects {
    /// The commands since this was last asked, a line each. What they name must have no blanks.
    pub(crate) fn take(&self) -> Vec<String> {
        let effects = std::mem::take(&mut *self.0.borrow_mut());
        effects.iter().map(|effect| String::from_utf8(effect.command.join(&b' ')).unwrap()).collect()
    }
}

impl World {
    /// A server without data, configured as it is where nothing is said.
    pub(crate) fn new() -> Self {
        let clock = Clock::new();
        let kv = Kv::new(clock.reactor());
        let _ = clock.reactor().listen(ENDPOINT, kv.factory()).unwrap();
        Self { clock, clients: HashMap::new(), kv }
    }

    /// What the journal says from now on.
    pub(crate) fn effects(&mut self) -> Effects {
        let effects = Effects::default();
        self.kv.shared().borrow_mut().journal.read_by(Box::new(effects.clone()));
        effects
    }

    fn client(&mut self, name: &'static str) -> &Remote {
        let reactor = self.clock.reactor();
        self.clients.entry(name).or_insert_with(|| {
            let received = Rc::new(RefCell::new(Vec::new()));
            let transport = reactor.connect(WAY, Listening(received.clone()));
            Remote { transport: reactor.block_on(transport).unwrap(), received }
        })
    }

    /// Have a client say something, a command a line, in the inline form.
    pub(crate) fn send(&mut self, client: &'static str, commands: &str) {
        let lines: String = commands.lines().map(|line| format!("{}\r\n", line.trim())).collect();
        self.client(client).transport.write(lines.as_bytes());
        self.pass(MOMENT);
    }

    /// Have a client say something, and return what it has been told by then.
    pub(crate) fn run(&mut self, client: &'static str, commands: &str) -> String {
        self.send(client, commands);
        self.replies(client)
    }

    /// What a client has been told since this was last asked: the lines of the protocol with blanks between.
    pub(crate) fn replies(&mut self, client: &'static str) -> String {
        let received = std::mem::take(&mut *self.client(client).received.borrow_mut());
        let lines: Vec<_> = received.split(|byte| *byte == b'\n').map(|line| line.trim_ascii()).collect();
        String::from_utf8_lossy(&lines.join(&b' ')).trim_end().to_owned()
    }

    /// Whether the server has closed a client's connection.
    pub(crate) fn is_closed(&mut self, client: &'static str) -> bool {
        self.client(client).transport.host().is_none()
    }

    /// Have a client read nothing more.
    pub(crate) fn stop_reading(&mut self, client: &'static str) {
        self.client(client).transport.pause_reading();
        self.pass(MOMENT);
    }

    /// Have a client go away.
    pub(crate) fn leave(&mut self, client: &'static str) {
        if let Some(remote) = self.clients.remove(client) {
            remote.transport.abort();
        }
        self.pass(MOMENT);
    }

    /// Let this much time pass.
    pub(crate) fn pass(&mut self, time: Duration) {
        self.clock.advance(time).unwrap();
    }
}
