//! The traffic log: what comes and goes on a connection, for the eyes of whoever debugs a protocol.
//!
//! At `debug` each piece of traffic is one line, cut off where it is long; at `trace` it is told whole,
//! in as many lines as that takes. A piece is what was received, or written, in one turn of the loop.
//! Beneath TLS it is the plain text. The log shows passwords as it shows everything else.
//!
//! One rule: a byte is told once, and no line shows more than the limit.

use super::{Policy, Under};
use crate::buffer::Output;
use crate::protocol::Reason;
use crate::transport::Transport;
use crate::transport::gate::Gate;
use std::cell::Cell;
use std::fmt;
use std::rc::Rc;

/// How many bytes a line shows, unless it was told otherwise.
const SHOWN_MAX: usize = 256;

/// Logs a connection's beginning, traffic and end.
#[derive(Clone, Debug)]
pub struct TrafficLog {
    shown_max: usize,
    hex: bool,
}

/// A protocol or a factory whose connections are logged: see [`TrafficLog`].
pub type Logged<T> = Under<T, TrafficLog>;

impl TrafficLog {
    /// Log the bytes as text, with escapes for what is not printable ASCII, 256 bytes a line.
    pub fn new() -> Self {
        Self { shown_max: SHOWN_MAX, hex: false }
    }

    /// Log the bytes in hexadecimal.
    pub fn hex(mut self) -> Self {
        self.hex = true;
        self
    }

    /// Show at most this many bytes a line, and at least one. Each takes one to four characters.
    pub fn shown_max(mut self, bytes: usize) -> Self {
        self.shown_max = bytes.max(1);
        self
    }
}

impl Default for TrafficLog {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Logged<T> {
    /// Log the traffic of connections.
    pub fn new(inner: T) -> Self {
        Self::with(TrafficLog::new(), inner)
    }
}

impl Policy for TrafficLog {
    fn attach(&self, transport: &Transport) {
        tracing::debug!(connection = transport.id(), peer = %transport.peer(), "connected");
        transport.0.add_gate(Rc::new(Logger { style: self.clone(), told: Cell::new(0) }));
    }
}

struct Logger {
    style: TrafficLog,
    /// How many bytes of what waits to leave were told already.
    told: Cell<usize>,
}

/// Which way bytes go.
#[derive(Clone, Copy)]
enum Way {
    In,
    Out,
}

impl Logger {
    fn tell(&self, transport: &Transport, way: Way, bytes: &[u8]) {
        if tracing::enabled!(tracing::Level::TRACE) {
            for line in bytes.chunks(self.style.shown_max) {
                self.tell_line(transport, way, line, line.len());
            }
        } else if tracing::enabled!(tracing::Level::DEBUG) {
            self.tell_line(transport, way, &bytes[..bytes.len().min(self.style.shown_max)], bytes.len());
        }
    }

    fn tell_line(&self, transport: &Transport, way: Way, shown: &[u8], bytes: usize) {
        let shown = Shown { bytes: shown, hex: self.style.hex, more: bytes - shown.len() };
        let connection = transport.id();
        match way {
            Way::In => tracing::debug!(connection, bytes, "in {shown}"),
            Way::Out => tracing::debug!(connection, bytes, "out {shown}"),
        }
    }
}

/// What waits in `output` behind its first `skip` bytes.
fn behind(output: &Output, mut skip: usize) -> Vec<u8> {
    let mut fresh = Vec::with_capacity(output.len().saturating_sub(skip));
    for piece in output.pieces() {
        let skipped = skip.min(piece.len());
        fresh.extend_from_slice(&piece[skipped..]);
        skip -= skipped;
    }
    fresh
}

/// Bytes as a line shows them.
struct Shown<'a> {
    bytes: &'a [u8],
    hex: bool,
    /// How many more there are.
    more: usize,
}

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.hex {
            for (index, byte) in self.bytes.iter().enumerate() {
                let space = if index == 0 { "" } else { " " };
                write!(f, "{space}{byte:02x}")?;
            }
        } else {
            write!(f, "\"{}\"", self.bytes.escape_ascii())?;
        }
        if self.more > 0 {
            write!(f, " and {} more", self.more)?;
        }
        Ok(())
    }
}

impl Gate for Logger {
    fn arrived(&self, transport: &Transport, fresh: &[u8]) {
        self.tell(transport, Way::In, fresh);
    }

    fn ended(&self, transport: &Transport) {
        tracing::debug!(connection = transport.id(), "in ends");
    }

    fn leaving(&self, transport: &Transport, output: &Output) -> usize {
        let told = self.told.replace(output.len());
        if output.len() > told && tracing::enabled!(tracing::Level::DEBUG) {
            self.tell(transport, Way::Out, &behind(output, told));
        }
        output.len()
    }

    fn left(&self, _: &Transport, count: usize) {
        self.told.set(self.told.get().saturating_sub(count));
    }

    fn closed(&self, transport: &Transport, why: &Reason) {
        tracing::debug!(connection = transport.id(), peer = %transport.peer(), "gone: {why}");
    }
}
