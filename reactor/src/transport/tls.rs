//! TLS 1.2 and 1.3 by rustls, as a pure layer: no sockets, no clock, no files.
//!
//! The one rule: **a peer fills nothing.** Bytes go in by steps of at most a record, plain bytes come
//! out after each, and what goes out is encrypted a few records at a time, so a connection holds at
//! most one record that is incomplete (16 KiB) or one handshake message (64 KiB), and a pause in
//! reading stops everything.
//!
//! Certificates are judged as of the time that the layer was made with. (What the library draws from
//! the system's randomness can't be replaced: a simulated TLS connection is repeatable in its order of
//! events, not in its bytes.)

use crate::buffer::{BUFFER_SIZE, Output, PIECES_MAX};
use crate::transport::layer::{Layer, TlsSession};
use bytes::{Buf, BytesMut};
use rustls::time_provider::TimeProvider;
use rustls::{
    ClientConfig, ClientConnection, Connection, HandshakeKind, ProtocolVersion, ServerConfig,
    ServerConnection,
};
use rustls_pki_types::{ServerName, UnixTime};
use std::cell::Cell;
use std::io::{self, BufRead, IoSlice, Write};
use std::sync::Arc;

mod config;
mod error;
#[cfg(test)]
mod tests;

pub use config::{Pem, TlsClient, TlsConfigError, TlsServer};
pub use error::TlsError;

/// The most plain bytes in a record (RFC 8446, 5.1).
const RECORD_MAX: usize = 16 * 1024;

/// The most that encrypting adds to a record: header, explicit nonce, tag, content type, padding.
const RECORD_OVERHEAD_MAX: usize = 256;

/// `send` goes on only while another record keeps `wire` within this: four pooled buffers, which are
/// pooled again.
const WIRE_MAX: usize = 4 * BUFFER_SIZE;

/// How many bytes of a peer that speaks no TLS are shown in the error.
const SHOWN_MAX: usize = 16;

/// The content types that a peer may begin with.
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;

/// A record with the fatal alert `decode_error`, for a peer with whom nothing was agreed.
const DECODE_ERROR: [u8; 7] = [ALERT, 3, 3, 0, 2, 2, 50];

thread_local! {
    static NOW: Cell<Option<UnixTime>> = const { Cell::new(None) };
}

/// The library asks for the time by a shared object; each layer tells it its own before it calls.
#[derive(Debug)]
struct LayerClock;

impl TimeProvider for LayerClock {
    fn current_time(&self) -> Option<UnixTime> {
        NOW.get()
    }
}

/// One connection's TLS.
pub(crate) struct TlsLayer {
    connection: Connection,
    /// When the connection began: certificates are judged as of then.
    now: UnixTime,
    /// Whom a client asked for.
    asked_for: Option<Box<str>>,
    /// The peer's first byte has been looked at.
    begun: bool,
    /// The peer has said goodbye.
    ended: bool,
    /// We have.
    finished: bool,
    failure: Option<TlsError>,
    /// To be sent in the library's place.
    alert: Option<&'static [u8]>,
}

impl TlsLayer {
    fn server(config: Arc<ServerConfig>, now: UnixTime) -> Self {
        let connection = ServerConnection::new(config).expect("only bad fragment sizes are refused");
        Self::new(Connection::Server(connection), now, None)
    }

    fn client(config: Arc<ClientConfig>, name: ServerName<'static>, now: UnixTime) -> Self {
        NOW.set(Some(now));
        let asked_for = name.to_str().into();
        let connection = ClientConnection::new(config, name).expect("only bad settings are refused");
        Self::new(Connection::Client(connection), now, Some(asked_for))
    }

    fn new(mut connection: Connection, now: UnixTime, asked_for: Option<Box<str>>) -> Self {
        connection.set_buffer_limit(Some(RECORD_MAX));
        Self {
            connection,
            now,
            asked_for,
            begun: false,
            ended: false,
            finished: false,
            failure: None,
            alert: None,
        }
    }

    /// A plain-text peer may send less than a record's header and wait, so the library would too.
    fn check_beginning(&mut self, wire: &[u8]) -> Result<(), TlsError> {
        let Some(&first) = wire.first() else { return Ok(()) };
        if std::mem::replace(&mut self.begun, true) || matches!(first, HANDSHAKE | ALERT) {
            return Ok(());
        }
        self.alert = Some(&DECODE_ERROR);
        let start = wire[..wire.len().min(SHOWN_MAX)].escape_ascii().to_string();
        Err(TlsError::NotTls { start })
    }

    fn feed(&mut self, wire: &mut BytesMut, plain: &mut BytesMut) -> Result<(), TlsError> {
        self.check_beginning(wire)?;
        NOW.set(Some(self.now));
        while !wire.is_empty() && !self.ended {
            let mut unread = &wire[..];
            let count = self
                .connection
                .read_tls(&mut unread)
                .map_err(|error| TlsError::Protocol { why: error.to_string() })?;
            debug_assert!(count > 0, "the library has room, so it takes some");
            wire.advance(count);
            let outcome = self.connection.process_new_packets();
            self.take_plain(plain);
            self.ended = outcome?.peer_has_closed();
        }
        self.shrink();
        Ok(())
    }

    /// The library keeps the buffer that a large record needed until it reads again, which may be
    /// never. A read that brings nothing has it cut back to 4 KiB now.
    fn shrink(&mut self) {
        struct Nothing;
        impl io::Read for Nothing {
            fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
                Err(io::ErrorKind::WouldBlock.into())
            }
        }
        let _ = self.connection.read_tls(&mut Nothing);
    }

    fn take_plain(&mut self, plain: &mut BytesMut) {
        let mut reader = self.connection.reader();
        while let Ok(bytes) = reader.fill_buf() {
            let count = bytes.len();
            if count == 0 {
                break;
            }
            plain.extend_from_slice(bytes);
            reader.consume(count);
        }
    }

    /// Move what the library has for the peer to the wire.
    fn flush(&mut self, wire: &mut Output) {
        while self.connection.wants_write() {
            self.connection.write_tls(&mut Append(wire)).expect("memory takes everything");
        }
        if let Some(alert) = self.alert.take() {
            wire.push_slice(alert);
        }
    }

    /// Encrypt up to one record.
    fn encrypt(&mut self, plain: &mut Output, wire: &mut Output) -> Result<(), TlsError> {
        let mut slices = [IoSlice::new(&[]); PIECES_MAX];
        let filled = plain.slices(&mut slices);
        let outcome = self.connection.writer().write_vectored(&slices[..filled]);
        let count = outcome.map_err(|error| TlsError::Protocol { why: error.to_string() })?;
        let before = wire.tail().len();
        self.flush(wire);
        // Out of sequence numbers, the library closes a TLS 1.2 connection and drops the bytes.
        let record = wire.tail().get(before).copied();
        if record.is_none_or(|kind| kind == ALERT) || count == 0 {
            return Err(TlsError::WornOut);
        }
        plain.advance(count);
        Ok(())
    }
}

impl Layer for TlsLayer {
    fn receive(&mut self, wire: &mut BytesMut, plain: &mut BytesMut) -> io::Result<()> {
        if self.failure.is_none() {
            self.failure = self.feed(wire, plain).err();
        }
        // After a failure nothing is understood, and what follows a goodbye is to be ignored (RFC 8446, 6.1).
        wire.clear();
        match &self.failure {
            None => Ok(()),
            Some(error) => Err(error.clone().into()),
        }
    }

    fn send(&mut self, plain: &mut Output, wire: &mut Output) -> io::Result<()> {
        self.flush(wire);
        if self.finished || self.failure.is_some() || !self.is_established() {
            return Ok(());
        }
        while !plain.is_empty() && wire.len() + RECORD_MAX + RECORD_OVERHEAD_MAX <= WIRE_MAX {
            if let Err(error) = self.encrypt(plain, wire) {
                self.failure = Some(error.clone());
                return Err(error.into());
            }
        }
        Ok(())
    }

    fn ended(&self) -> bool {
        self.ended
    }

    fn end_of_wire(&self) -> io::Result<()> {
        match &self.failure {
            Some(error) => Err(error.clone().into()),
            None if self.ended => Ok(()),
            None if self.is_established() => Err(TlsError::Truncated.into()),
            None => Err(TlsError::CutOff.into()),
        }
    }

    fn finish(&mut self, wire: &mut Output) {
        self.finished = true;
        if self.failure.is_none() {
            self.connection.send_close_notify();
        }
        self.flush(wire);
    }

    fn is_established(&self) -> bool {
        !self.connection.is_handshaking()
    }

    fn session(&self) -> Option<TlsSession> {
        let connection = &self.connection;
        let (version, suite) = (connection.protocol_version()?, connection.negotiated_cipher_suite()?);
        if connection.is_handshaking() {
            return None;
        }
        let server_name = match connection {
            Connection::Server(server) => server.server_name().map(str::to_owned),
            Connection::Client(_) => self.asked_for.as_deref().map(str::to_owned),
        };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some(TlsSession {
            version: if version == ProtocolVersion::TLSv1_2 { "TLSv1.2" } else { "TLSv1.3" },
            cipher_suite: suite.suite().as_str().unwrap_or_default(),
            alpn: connection.alpn_protocol().map(text),
            server_name,
            peer_certificates: connection
                .peer_certificates()
                .map_or_else(Vec::new, |chain| chain.iter().map(|der| der.to_vec()).collect()),
            resumed: connection.handshake_kind() == Some(HandshakeKind::Resumed),
        })
    }
}

/// Writes into an [`Output`].
struct Append<'a>(&'a mut Output);

impl Write for Append<'_> {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.0.push_slice(data);
        Ok(data.len())
    }

    fn write_vectored(&mut self, pieces: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut count = 0;
        for piece in pieces {
            count += self.write(piece)?;
        }
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
