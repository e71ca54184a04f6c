//! The server's side of a connection: requests in, one after the other, each with a [`Reply`]. The
//! one rule: at most one request is being answered; those behind it wait in the connection's input.
//!
//! ```text
//!             a request is whole               the reply is finished
//!  Reading ─────────────────────▶ Answering ─────────────────────────▶ Reading   kept alive
//!     │                                                        └─────▶ Over      or not
//!     │  it is refused, or too late                                      │
//!     └──────────────────────────────────────────────────────────────────┘  input is dropped
//! ```

use super::reply::{Phase, Reply, Turn};
use super::response::Response;
use super::{Decoded, Limits, Request, RequestDecoder, Status};
use bytes::{Buf, BytesMut};
use ropewalk_reactor::{Eof, Protocol, Reactor, Reason, Transport};
use std::cell::RefCell;
use std::fmt;
use std::rc::Rc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// What answers requests. Any `FnMut(Request, Reply)` is one, and so is an `Rc<RefCell<…>>` of one,
/// for connections that share it.
pub trait Handler {
    /// A request has come. Answer by `reply`, now or later; to drop it is to answer 500.
    fn request(&mut self, request: Request, reply: Reply);

    /// So much of what was written has left that a [`BodyWriter`](super::BodyWriter) may go on.
    fn write_resumed(&mut self, transport: &Transport) {
        let _ = transport;
    }

    /// The connection is gone. A reply that is still kept has nobody to go to.
    fn connection_lost(&mut self, transport: &Transport, why: &Reason) {
        let _ = (transport, why);
    }
}

impl<F: FnMut(Request, Reply)> Handler for F {
    fn request(&mut self, request: Request, reply: Reply) {
        self(request, reply);
    }
}

impl<H: Handler> Handler for Rc<RefCell<H>> {
    fn request(&mut self, request: Request, reply: Reply) {
        self.borrow_mut().request(request, reply);
    }

    fn write_resumed(&mut self, transport: &Transport) {
        self.borrow_mut().write_resumed(transport);
    }

    fn connection_lost(&mut self, transport: &Transport, why: &Reason) {
        self.borrow_mut().connection_lost(transport, why);
    }
}

/// What a server allows its clients; shared by its connections.
#[derive(Clone)]
pub struct Config {
    /// How large a request may be.
    pub limits: Limits,
    /// How long a request may take to come whole, from its first byte on; 30 seconds unless said.
    pub request_timeout: Duration,
    /// How long a connection may stay without a request; 75 seconds unless said.
    pub idle_timeout: Duration,
    /// How long a client may take nothing of a response that fills the transport; 30 seconds unless
    /// said.
    pub write_timeout: Duration,
    /// What time it is, for the `Date` field, which is left out where nobody knows.
    pub clock: Option<Rc<dyn Fn() -> SystemTime>>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            limits: Limits::default(),
            request_timeout: Duration::from_secs(30),
            idle_timeout: Duration::from_secs(75),
            write_timeout: Duration::from_secs(30),
            clock: None,
        }
    }
}

impl Config {
    /// The defaults, with the reactor's clock.
    pub fn new(reactor: &Reactor) -> Self {
        let reactor = reactor.clone();
        Self { clock: Some(Rc::new(move || reactor.wall_clock())), ..Self::default() }
    }

    /// The time in seconds since 1970 began, if it is known.
    pub(super) fn unix_seconds(&self) -> Option<u64> {
        let now = self.clock.as_ref()?();
        now.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs())
    }
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("limits", &self.limits)
            .field("request_timeout", &self.request_timeout)
            .field("idle_timeout", &self.idle_timeout)
            .field("write_timeout", &self.write_timeout)
            .field("has_clock", &self.clock.is_some())
            .finish()
    }
}

/// A protocol that serves HTTP; a handler answers.
pub struct HttpServer<H> {
    handler: H,
    decoder: RequestDecoder,
    turn: Rc<Turn>,
    /// A request has come in part, and its time is running.
    receiving: bool,
    /// How much waited when the client was last seen to take something, while the transport is full.
    stalled_at: Option<usize>,
}

impl<H: Handler> HttpServer<H> {
    /// A server with the default configuration, and so without a clock.
    pub fn new(handler: H) -> Self {
        Self::with_config(handler, Rc::new(Config::default()))
    }

    /// A server that allows its client what `config` says.
    pub fn with_config(handler: H, config: Rc<Config>) -> Self {
        let decoder = RequestDecoder::new(config.limits);
        Self { handler, decoder, turn: Turn::new(config), receiving: false, stalled_at: None }
    }

    /// Take one request off the input, or refuse it; whether there was one.
    fn step(&mut self, transport: &Transport, input: &mut BytesMut) -> bool {
        let mut rest = &input[..];
        let decoded = self.decoder.decode(&mut rest);
        let taken = input.len().saturating_sub(rest.len());
        input.advance(taken);
        match decoded {
            Ok(Decoded::Request(request)) => self.dispatch(transport, *request),
            Ok(Decoded::Continue) => transport.write(b"HTTP/1.1 100 Continue\r\n\r\n"),
            Ok(Decoded::Incomplete) => {
                self.wait_for_more(transport, !input.is_empty());
                return false;
            }
            Err(error) => self.turn.refuse(transport, &Response::refusal(error)),
        }
        true
    }

    fn dispatch(&mut self, transport: &Transport, request: Request) {
        self.receiving = false;
        transport.set_timeout(None);
        let reply = Reply::new(transport, &self.turn, request.recipient());
        self.handler.request(request, reply);
    }

    /// If a request has begun its time is running, from its first byte and not from its latest.
    fn wait_for_more(&mut self, transport: &Transport, head_begun: bool) {
        if !self.receiving && (head_begun || self.decoder.is_under_way()) {
            self.receiving = true;
            transport.set_timeout(Some(self.turn.config.request_timeout));
        }
    }
}

impl<H: Handler> Protocol for HttpServer<H> {
    fn connection_made(&mut self, transport: &Transport) {
        // A client that doesn't read its responses isn't asked for more requests.
        transport.register_producer(transport);
        transport.set_timeout(Some(self.turn.config.idle_timeout));
    }

    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        while transport.is_reading() && !input.is_empty() {
            match self.turn.phase.get() {
                Phase::Reading if self.step(transport, input) => {}
                Phase::Reading => return,
                Phase::Answering => self.turn.hold(transport),
                Phase::Over => input.clear(),
            }
        }
    }

    /// Clients may finish sending and still read. But nobody sends the end of an event stream for
    /// nothing.
    fn eof_received(&mut self, _: &Transport) -> Eof {
        if self.turn.phase.get() == Phase::Answering {
            self.turn.is_last.set(true);
            Eof::KeepOpen
        } else {
            Eof::Close
        }
    }

    fn connection_lost(&mut self, transport: &Transport, why: &Reason) {
        self.handler.connection_lost(transport, why);
    }

    fn timed_out(&mut self, transport: &Transport) {
        if let Some(before) = self.stalled_at {
            self.judge_stall(transport, before);
        } else if self.turn.phase.get() == Phase::Reading && self.receiving {
            self.turn.refuse(transport, &Response::error(Status::REQUEST_TIMEOUT));
        } else if self.turn.phase.get() == Phase::Reading {
            transport.close();
        }
    }

    fn write_paused(&mut self, transport: &Transport) {
        self.stalled_at = Some(transport.buffered());
        transport.set_timeout(Some(self.turn.config.write_timeout));
    }

    fn write_resumed(&mut self, transport: &Transport) {
        self.stalled_at = None;
        self.turn.restart_idle_time(transport);
        self.handler.write_resumed(transport);
    }

    fn name(&self) -> &'static str {
        std::any::type_name::<H>()
    }
}

impl<H> HttpServer<H> {
    /// The client had its time: give it more if it took something, and give up if it didn't.
    fn judge_stall(&mut self, transport: &Transport, before: usize) {
        let now = transport.buffered();
        if now < before {
            self.stalled_at = Some(now);
            transport.set_timeout(Some(self.turn.config.write_timeout));
        } else {
            transport.abort();
        }
    }
}

#[cfg(test)]
mod tests;
