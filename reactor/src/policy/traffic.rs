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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::StringTransport;
    use crate::{BytesMut, Protocol};
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing::Level;

    struct Shout;
    impl Protocol for Shout {
        fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
            transport.write(&input.split().to_ascii_uppercase());
        }
    }

    #[derive(Clone, Default)]
    struct Lines(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// What is logged at this level and above it while `run` runs: the messages, a line each.
    fn log(level: Level, run: impl FnOnce()) -> Vec<String> {
        let lines = Lines::default();
        let writer = lines.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(level)
            .with_ansi(false)
            .with_target(false)
            .with_level(false)
            .without_time()
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(subscriber, run);
        let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
        text.lines().map(|line| line.trim().to_owned()).collect()
    }

    fn logged(policy: TrafficLog) -> StringTransport<Logged<Shout>> {
        StringTransport::new(Logged::with(policy, Shout))
    }

    #[test]
    fn what_comes_and_goes_is_told_with_escapes() {
        let lines = log(Level::DEBUG, || {
            let mut shout = logged(TrafficLog::new());
            shout.feed(b"say \"hi\"\r\n\xff");
            shout.output();
            shout.eof();
            shout.lose(Reason::Done);
        });
        let expected = [
            r#"connected connection=1 peer=unix"#,
            r#"in "say \"hi\"\r\n\xff" connection=1 bytes=11"#,
            r#"out "SAY \"HI\"\r\n\xff" connection=1 bytes=11"#,
            r#"in ends connection=1"#,
            r#"gone: closed cleanly connection=1 peer=unix"#,
        ];
        assert_eq!(lines, expected);
    }

    #[test]
    fn a_long_piece_is_cut_off_at_debug_and_told_in_lines_at_trace() {
        let piece =
            |level| log(level, || logged(TrafficLog::new().shown_max(4)).feed(b"abcdefghij")).split_off(1);
        assert_eq!(piece(Level::DEBUG), [r#"in "abcd" and 6 more connection=1 bytes=10"#]);
        let lines = ["abcd", "efgh"].map(|four| format!(r#"in "{four}" connection=1 bytes=4"#));
        let rest = r#"in "ij" connection=1 bytes=2"#.to_owned();
        assert_eq!(piece(Level::TRACE), [lines.to_vec(), vec![rest]].concat());
    }

    #[test]
    fn hexadecimal_is_two_digits_a_byte() {
        let lines = log(Level::DEBUG, || logged(TrafficLog::new().hex()).feed(b"\x00\x0a~"));
        assert_eq!(lines[1], "in 00 0a 7e connection=1 bytes=3");
    }

    #[test]
    fn nothing_is_told_where_nobody_listens() {
        assert!(log(Level::INFO, || logged(TrafficLog::new()).feed(b"x")).is_empty());
    }

    #[test]
    fn what_waits_is_told_once() {
        let lines = log(Level::DEBUG, || {
            let shout = StringTransport::new(Shout);
            let logger = Logger { style: TrafficLog::new(), told: Cell::new(0) };
            let mut output = Output::default();
            output.push_slice(b"abc");
            logger.leaving(shout.transport(), &output);
            output.push(vec![b'-'; 5000].into());
            output.push_slice(b"def");
            logger.leaving(shout.transport(), &output);
            output.advance(5001);
            logger.left(shout.transport(), 5001);
            output.push_slice(b"ghi");
            logger.leaving(shout.transport(), &output);
        });
        let bytes: Vec<_> = lines.iter().map(|line| line.split('=').next_back().unwrap()).collect();
        assert_eq!(bytes, ["3", "5003", "3"]);
        assert!(lines[2].starts_with(r#"out "ghi""#), "{}", lines[2]);
    }
}
