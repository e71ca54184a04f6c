//! Where the rules are played: a reactor, a listener, and actors that keep a journal.

use crate::testing::conformance::PATIENCE;
use crate::{Address, Eof, Failure, Listener, Protocol, Reactor, Reason, Result, Transport};
use bytes::BytesMut;
use std::cell::{Cell, Ref, RefCell};
use std::rc::Rc;

thread_local! {
    /// What callbacks saw that must not be.
    static VIOLATIONS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// What was noted since this was last asked.
pub(super) fn violations() -> Vec<String> {
    VIOLATIONS.take()
}

/// A reactor, driven turn by turn.
pub(super) struct Stage {
    pub(super) reactor: Reactor,
}

impl Stage {
    pub(super) fn new(reactor: Reactor) -> Self {
        Self { reactor }
    }

    /// Turn until `done`, or fail saying that `what` did not happen.
    pub(super) fn until(&self, what: &str, mut done: impl FnMut() -> bool) {
        let deadline = self.reactor.now() + PATIENCE;
        // Without this a turn could wait for ever.
        let alarm = self.reactor.call_later(PATIENCE, || {});
        while !done() {
            assert!(self.reactor.now() < deadline, "{what} did not happen in {PATIENCE:?}");
            self.reactor.turn().expect("a turn does not fail");
        }
        alarm.cancel();
    }

    /// Turns until nothing has happened for a while.
    pub(super) fn settle(&self) {
        let over = Rc::new(Cell::new(false));
        let set = over.clone();
        self.reactor.call_later(std::time::Duration::from_millis(20), move || set.set(true));
        self.until("settling", || over.get());
    }

    /// Listen with one actor for each connection, in order; further connections are refused.
    pub(super) fn listen(&self, actors: Vec<Actor>) -> Listener {
        let mut actors = actors.into_iter();
        let factory =
            Cast(Box::new(move |_| actors.next().map(|actor| Box::new(actor) as Box<dyn Protocol>)));
        self.reactor.listen("tcp:0:interface=127.0.0.1", factory).expect("listening on a free port")
    }

    /// Connect an actor, and wait until it is connected.
    pub(super) fn connect(&self, to: &Listener, actor: Actor) -> Transport {
        self.try_connect(to, actor).expect("connecting to ourselves")
    }

    pub(super) fn try_connect(&self, to: &Listener, actor: Actor) -> Result<Transport> {
        let address = to.address().socket_address().expect("an internet address");
        let outcome = Rc::new(RefCell::new(None));
        let slot = outcome.clone();
        let connecting = self.reactor.connect(&endpoint(address), actor);
        connecting.finally(move |result| *slot.borrow_mut() = Some(result));
        self.until("connecting", || outcome.borrow().is_some());
        let result = outcome.take();
        result.unwrap_or(Err(Failure::Dropped))
    }

    /// A pair of connected actors: what they wrote down, and their transports.
    pub(super) fn pair(&self, server: Actor, client: Actor) -> (Part, Part) {
        let (server_journal, client_journal) = (server.journal.clone(), client.journal.clone());
        let listener = self.listen(vec![server]);
        let client = self.connect(&listener, client);
        self.until("accepting", || server_journal.borrow().transport.is_some());
        listener.stop();
        let server = server_journal.borrow().transport.clone().expect("it is accepted");
        (
            Part { transport: server, journal: server_journal },
            Part { transport: client, journal: client_journal },
        )
    }
}

pub(super) fn endpoint(address: std::net::SocketAddr) -> String {
    format!("tcp:{}:{}", address.ip(), address.port())
}

/// One end of a connection.
pub(super) struct Part {
    pub(super) transport: Transport,
    pub(super) journal: Rc<RefCell<Journal>>,
}

impl Part {
    pub(super) fn journal(&self) -> Ref<'_, Journal> {
        self.journal.borrow()
    }

    pub(super) fn is_lost(&self) -> bool {
        self.journal().lost.is_some()
    }

    /// How it was lost: a word of [`Reason`].
    pub(super) fn reason(&self) -> String {
        self.journal().lost.clone().unwrap_or_else(|| "not lost".into())
    }
}

/// What an actor saw.
#[derive(Default)]
pub(super) struct Journal {
    pub(super) events: Vec<&'static str>,
    pub(super) received: Vec<u8>,
    pub(super) lost: Option<String>,
    pub(super) transport: Option<Transport>,
    /// A callback is under way: none may come from inside another.
    inside: bool,
}

type Hook = Box<dyn FnMut(&Transport)>;
type DataHook = Box<dyn FnMut(&Transport, &mut BytesMut)>;

/// A protocol that keeps a journal and does what a case tells it.
pub(super) struct Actor {
    pub(super) journal: Rc<RefCell<Journal>>,
    made: Option<Hook>,
    data: Option<DataHook>,
    timed_out: Option<Hook>,
    lost: Option<Hook>,
    eof: Eof,
}

impl Actor {
    /// It takes what comes and does nothing.
    pub(super) fn new() -> Self {
        Self { journal: Rc::default(), made: None, data: None, timed_out: None, lost: None, eof: Eof::Close }
    }

    pub(super) fn echo() -> Self {
        Self::new().on_data(|transport, input| transport.write_bytes(input.split().freeze()))
    }

    pub(super) fn on_made(mut self, hook: impl FnMut(&Transport) + 'static) -> Self {
        self.made = Some(Box::new(hook));
        self
    }

    /// What it leaves untaken stays; what it takes is not in the journal unless it was echoed there.
    pub(super) fn on_data(mut self, hook: impl FnMut(&Transport, &mut BytesMut) + 'static) -> Self {
        self.data = Some(Box::new(hook));
        self
    }

    pub(super) fn on_timed_out(mut self, hook: impl FnMut(&Transport) + 'static) -> Self {
        self.timed_out = Some(Box::new(hook));
        self
    }

    pub(super) fn on_lost(mut self, hook: impl FnMut(&Transport) + 'static) -> Self {
        self.lost = Some(Box::new(hook));
        self
    }

    pub(super) fn keeps_open(mut self) -> Self {
        self.eof = Eof::KeepOpen;
        self
    }

    fn callback<R>(&mut self, event: &'static str, run: impl FnOnce(&mut Self) -> R) -> R {
        {
            let mut journal = self.journal.borrow_mut();
            // A panic here would be the protocol's, and survived: note it for the end of the check.
            if journal.inside {
                VIOLATIONS.with_borrow_mut(|all| all.push(format!("{event} from inside another callback")));
            }
            if journal.lost.is_some() {
                VIOLATIONS.with_borrow_mut(|all| all.push(format!("{event} after connection_lost")));
            }
            journal.inside = true;
            journal.events.push(event);
        }
        let _outside = Outside(self.journal.clone());
        run(self)
    }
}

/// Leaves the callback, also by a panic.
struct Outside(Rc<RefCell<Journal>>);

impl Drop for Outside {
    fn drop(&mut self) {
        self.0.borrow_mut().inside = false;
    }
}

impl Protocol for Actor {
    fn connection_made(&mut self, transport: &Transport) {
        self.journal.borrow_mut().transport = Some(transport.clone());
        self.callback("made", |actor| actor.made.iter_mut().for_each(|hook| hook(transport)));
    }

    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        self.callback("data", |actor| match &mut actor.data {
            Some(hook) => hook(transport, input),
            None => {
                actor.journal.borrow_mut().received.extend_from_slice(input);
                input.clear();
            }
        });
    }

    fn eof_received(&mut self, _: &Transport) -> Eof {
        self.callback("eof", |actor| actor.eof)
    }

    fn connection_lost(&mut self, transport: &Transport, why: &Reason) {
        self.callback("lost", |actor| actor.lost.iter_mut().for_each(|hook| hook(transport)));
        let word = match why {
            Reason::Lost(error) => format!("Lost({:?})", error.kind()),
            Reason::Panicked(_) => "Panicked".into(),
            Reason::InputOverflow(_) => "InputOverflow".into(),
            other => format!("{other:?}"),
        };
        self.journal.borrow_mut().lost = Some(word);
    }

    fn timed_out(&mut self, transport: &Transport) {
        self.callback("timed out", |actor| actor.timed_out.iter_mut().for_each(|hook| hook(transport)));
    }

    fn write_paused(&mut self, _: &Transport) {
        self.callback("paused", |_| {});
    }

    fn write_resumed(&mut self, _: &Transport) {
        self.callback("resumed", |_| {});
    }
}

/// A factory from a closure that may refuse.
struct Cast(Box<dyn FnMut(&Address) -> Option<Box<dyn Protocol>>>);

impl crate::Factory for Cast {
    fn build_protocol(&mut self, peer: &Address) -> Option<Box<dyn Protocol>> {
        (self.0)(peer)
    }
}
