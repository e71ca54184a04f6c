//! What stands between the wire and the protocol; TLS is one.
//!
//! A layer is pure: bytes in, bytes out. It never reads a socket, a clock or a file, and it holds no
//! more of what a peer sends than one message of its own protocol.
//!
//! ```text
//! wire ──▶ receive ──▶ plain ──▶ Protocol
//! wire ◀── send    ◀── plain ◀── Transport::write
//! ```

use crate::buffer::Output;
use bytes::BytesMut;
use std::io;

/// What stands between the wire and the protocol.
pub(crate) trait Layer {
    /// Bytes came from the peer: consume all of `wire` and append the plain bytes that they carry to
    /// `plain`. Call [`Layer::send`] afterwards, even with nothing to send: a handshake answers.
    ///
    /// # Errors
    /// The handshake or the protocol failed, for good; what `plain` got before that is genuine. An
    /// alert that tells the peer is fetched by `send`.
    fn receive(&mut self, wire: &mut BytesMut, plain: &mut BytesMut) -> io::Result<()>;

    /// Take from `plain`, and append what has to go on the wire to `wire`: a bounded amount, so call
    /// it again when `wire` has left and `plain` still waits. Until the layer is established, and
    /// after [`Layer::finish`] or a failure, `plain` stays where it is. Call it once at the very
    /// beginning too: a client speaks first.
    ///
    /// # Errors
    /// Nothing more can be sent on this connection.
    fn send(&mut self, plain: &mut Output, wire: &mut Output) -> io::Result<()>;

    /// Whether the peer has said goodbye. A stream that ends before may have been cut short by
    /// whoever sits in the middle: see [`Layer::end_of_wire`].
    fn ended(&self) -> bool;

    /// The wire ended. Was that the end of what the peer had to say?
    ///
    /// # Errors
    /// `UnexpectedEof`: no goodbye came before.
    fn end_of_wire(&self) -> io::Result<()>;

    /// Say goodbye; nothing more is sent. What still waits in `plain` has to go through
    /// [`Layer::send`] before.
    fn finish(&mut self, wire: &mut Output);

    /// Whether the handshake is done, so that plain bytes flow. It stays so after a failure: what
    /// came before that is still to be delivered.
    fn is_established(&self) -> bool;

    /// What was agreed on with whom, once the layer is established.
    fn session(&self) -> Option<TlsSession>;
}

/// What a TLS handshake has agreed on, and with whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsSession {
    /// `TLSv1.2` or `TLSv1.3`.
    pub version: &'static str,
    /// The cipher suite, as `TLS13_AES_256_GCM_SHA384`.
    pub cipher_suite: &'static str,
    /// The application protocol (ALPN), where both sides named some.
    pub alpn: Option<String>,
    /// The host that the client asked for by name.
    pub server_name: Option<String>,
    /// The peer's certificates in DER, its own first. A server sees none unless it requires them.
    pub peer_certificates: Vec<Vec<u8>>,
    /// Whether an earlier session was taken up again.
    pub resumed: bool,
}

/// Whether this is how a TLS client begins: what a plain-text protocol asks when it can't make sense
/// of its first bytes, so that its error can say so. Answers `false` to less than three bytes.
pub fn looks_like_tls(input: &[u8]) -> bool {
    const HANDSHAKE: u8 = 22;
    matches!(input, [HANDSHAKE, 3, 0..=4, ..])
}

#[cfg(test)]
mod tests {
    use super::looks_like_tls;

    #[test]
    fn a_tls_hello_is_told_from_text() {
        assert!(looks_like_tls(b"\x16\x03\x01\x02\x00\x01\x00"));
        for other in [&b""[..], b"\x16", b"\x16\x03", b"GET / HTTP/1.1", b"\x16\x02\x01", b"\x15\x03\x01"] {
            assert!(!looks_like_tls(other), "{other:?}");
        }
    }
}
