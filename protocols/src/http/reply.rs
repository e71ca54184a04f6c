//! Answers: a [`Reply`] owns the right to answer one request, once. It can be kept and answered later,
//! moved into a task, or turned into a [`BodyWriter`] or an [`EventStream`]. The one rule: a reply
//! that gets lost is an answer too, and never one that looks complete.

use super::events::EventStream;
use super::response::{Framing, LAST_CHUNK, Recipient, Response, encode_chunk, encode_chunk_size};
use super::server::Config;
use super::{Status, Version};
use bytes::Bytes;
use ropewalk_reactor::Transport;
use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

/// What a connection is doing; see [`server`](super::server).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Reading,
    Answering,
    Over,
}

/// What a connection and the reply that is due on it share.
pub(super) struct Turn {
    pub(super) config: Rc<Config>,
    pub(super) phase: Cell<Phase>,
    /// The client will send no more: close after this answer.
    pub(super) is_last: Cell<bool>,
    /// Reading is paused because a request waits behind the one that is being answered.
    held: Cell<bool>,
}

impl Turn {
    pub(super) fn new(config: Rc<Config>) -> Rc<Self> {
        Rc::new(Self {
            config,
            phase: Cell::new(Phase::Reading),
            is_last: Cell::new(false),
            held: Cell::new(false),
        })
    }

    /// A request waits: deliver nothing until it is its turn. Before one comes, reading goes on, for
    /// otherwise nobody would notice that the client is gone.
    pub(super) fn hold(&self, transport: &Transport) {
        self.held.set(true);
        transport.pause_reading();
    }

    /// It is the next one's turn: deliver what waits.
    fn release(&self, transport: &Transport) {
        if self.held.replace(false) {
            transport.resume_reading();
        }
    }

    /// Answer what could not be understood, and close.
    pub(super) fn refuse(&self, transport: &Transport, response: &Response) {
        self.phase.set(Phase::Over);
        self.send(transport, response, Recipient::UNKNOWN);
        transport.close();
    }

    /// The time that a connection may stay without a request begins, if that is what it is.
    pub(super) fn restart_idle_time(&self, transport: &Transport) {
        let idle = self.phase.get() == Phase::Reading;
        transport.set_timeout(idle.then_some(self.config.idle_timeout));
    }

    fn send(&self, transport: &Transport, response: &Response, to: Recipient) {
        let date = self.config.unix_seconds();
        let body = transport.write_with(|out| response.encode(to, date, out).cloned());
        if let Some(body) = body {
            transport.write_bytes(body);
        }
    }
}

/// The right to answer a request.
///
/// [`send`](Self::send) it a response, or [`stream`](Self::stream) one in pieces, or make it a stream
/// of [`events`](Self::events); now, or when you can. Dropped without any of these it answers 500, so
/// that no client waits for what was forgotten.
#[must_use = "a reply that is dropped answers 500"]
pub struct Reply(Option<Exchange>);

/// A request that is being answered.
struct Exchange {
    transport: Transport,
    turn: Rc<Turn>,
    recipient: Recipient,
}

impl Reply {
    pub(super) fn new(transport: &Transport, turn: &Rc<Turn>, recipient: Recipient) -> Self {
        debug_assert_eq!(turn.phase.get(), Phase::Reading, "one request is answered at a time");
        turn.phase.set(Phase::Answering);
        Self(Some(Exchange { transport: transport.clone(), turn: turn.clone(), recipient }))
    }

    /// Answer with `response`, whole.
    pub fn send(mut self, response: Response) {
        if let Some(exchange) = self.0.take() {
            exchange.send(&response);
        }
    }

    /// Answer with the head of `response`, and its body in pieces: what `response` has of it, and then
    /// what is written. In HTTP/1.1 they are chunks; in HTTP/1.0 the end is told by closing.
    pub fn stream(mut self, response: Response) -> BodyWriter {
        let mut exchange = self.0.take().expect("a reply holds its exchange until it is consumed");
        let framing = match exchange.recipient.version {
            Version::Http11 => Framing::Chunked,
            Version::Http10 => Framing::UntilClose,
        };
        exchange.recipient.keep_alive &= framing == Framing::Chunked;
        exchange.send_head(&response, framing);
        let silent = exchange.recipient.is_head || response.status().has_no_body();
        let writer = BodyWriter { exchange: Some(exchange), framing, silent };
        writer.write_bytes(response.body().clone());
        writer
    }

    /// Answer with a stream of server-sent events, which lasts until either side closes. The
    /// connection serves no more requests after it.
    pub fn events(mut self) -> EventStream {
        let exchange = self.0.take().expect("a reply holds its exchange until it is consumed");
        let response = Response::ok()
            .header("Content-Type", "text/event-stream")
            .header("Cache-Control", "no-cache")
            // Asks nginx not to collect events into larger pieces.
            .header("X-Accel-Buffering", "no");
        exchange.send_head(&response, Framing::UntilClose);
        exchange.turn.phase.set(Phase::Over);
        exchange.turn.release(&exchange.transport);
        if exchange.recipient.is_head {
            exchange.transport.close();
        }
        EventStream::new(exchange.transport.clone())
    }

    /// The connection, to ask for its peer, or whether it is still there. Write to it only through
    /// the reply.
    pub fn transport(&self) -> &Transport {
        &self.0.as_ref().expect("a reply holds its exchange until it is consumed").transport
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        if let Some(exchange) = self.0.take() {
            exchange.send(&Response::error(Status::INTERNAL_SERVER_ERROR));
        }
    }
}

impl fmt::Debug for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Reply").field(&self.0.as_ref().map(|exchange| &exchange.transport)).finish()
    }
}

impl Exchange {
    fn send(self, response: &Response) {
        self.turn.send(&self.transport, response, self.recipient());
        self.finish();
    }

    fn send_head(&self, response: &Response, framing: Framing) {
        let date = self.turn.config.unix_seconds();
        self.transport.write_with(|out| response.encode_head(self.recipient(), framing, date, out));
    }

    /// As the request said, unless the client has finished sending since.
    fn recipient(&self) -> Recipient {
        let keep_alive = self.recipient.keep_alive && !self.turn.is_last.get();
        Recipient { keep_alive, ..self.recipient }
    }

    /// The answer is complete: on to the next request, or the end.
    fn finish(self) {
        let Self { transport, turn, .. } = &self;
        if self.recipient().keep_alive {
            turn.phase.set(Phase::Reading);
            turn.restart_idle_time(transport);
            turn.release(transport);
        } else {
            turn.phase.set(Phase::Over);
            transport.close();
        }
    }
}

/// Writes the body of a response in pieces.
///
/// Mind [`is_full`](Self::is_full): what is written while the client doesn't read waits in memory.
/// Dropped before [`finish`](Self::finish), it resets the connection, so that nobody takes half a
/// body for a whole one.
#[must_use = "a body that isn't finished resets the connection"]
pub struct BodyWriter {
    exchange: Option<Exchange>,
    framing: Framing,
    /// There is no body to send: HEAD was asked, or the status has none.
    silent: bool,
}

impl BodyWriter {
    /// Write a piece.
    pub fn write(&self, data: &[u8]) {
        match self.framing {
            _ if self.silent => {}
            Framing::Chunked => self.transport().write_with(|out| encode_chunk(data, out)),
            _ => self.transport().write(data),
        }
    }

    /// Write a piece without copying it where it is large (4 KiB and more).
    pub fn write_bytes(&self, data: impl Into<Bytes>) {
        let data = data.into();
        match self.framing {
            _ if self.silent || data.is_empty() => {}
            Framing::Chunked => {
                self.transport().write_with(|out| encode_chunk_size(data.len(), out));
                self.transport().write_bytes(data);
                self.transport().write(b"\r\n");
            }
            _ => self.transport().write_bytes(data),
        }
    }

    /// Whether more waits to leave than the transport's high watermark: better to write no more before
    /// [`Handler::write_resumed`](super::Handler::write_resumed).
    pub fn is_full(&self) -> bool {
        self.transport().is_full()
    }

    /// Whether somebody is still there to read.
    pub fn is_open(&self) -> bool {
        !self.transport().is_closing()
    }

    /// The connection, to be fed from another one, say. Write to it only through the writer.
    pub fn transport(&self) -> &Transport {
        &self.exchange.as_ref().expect("a writer holds its exchange until it is consumed").transport
    }

    /// The body is complete.
    pub fn finish(mut self) {
        let Some(exchange) = self.exchange.take() else { return };
        if self.framing == Framing::Chunked && !self.silent {
            exchange.transport.write(LAST_CHUNK);
        }
        exchange.finish();
    }
}

impl Drop for BodyWriter {
    fn drop(&mut self) {
        if let Some(exchange) = self.exchange.take() {
            exchange.transport.abort();
        }
    }
}

impl fmt::Debug for BodyWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BodyWriter")
            .field("transport", &self.exchange.as_ref().map(|exchange| &exchange.transport))
            .field("framing", &self.framing)
            .finish_non_exhaustive()
    }
}
