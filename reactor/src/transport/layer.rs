//! What can stand between the wire and the protocol. There is one so far: TLS.

use crate::buffer::Output;
use bytes::BytesMut;
use std::io;

/// A transformation of both directions of a connection, which knows no socket.
pub(crate) trait Layer {
    /// Bytes came from the peer: consume `wire`, append the plain bytes that they carry to `plain`.
    ///
    /// # Errors
    /// What the peer did wrong. An alert for it may wait in the next [`Layer::send`].
    fn receive(&mut self, wire: &mut BytesMut, plain: &mut BytesMut) -> io::Result<()>;

    /// Take what was written from `plain`, as much as is wise now, and append what has to go on the
    /// wire to `wire`.
    fn send(&mut self, plain: &mut Output, wire: &mut Output) -> io::Result<()>;

    /// The peer has said that it will send no more.
    fn ended(&self) -> bool;

    /// Say that we will send no more.
    fn finish(&mut self, wire: &mut Output);

    /// The handshake is done: the protocol may begin.
    fn is_established(&self) -> bool;

    /// What the handshake agreed on.
    fn session(&self) -> Session;
}

/// What a handshake agreed on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Session {
    /// The protocol's version, such as `TLSv1.3`.
    pub version: String,
    /// The cipher suite's name.
    pub cipher: String,
    /// The application protocol agreed on (ALPN), if any.
    pub alpn: Option<Vec<u8>>,
    /// The server name that the client asked for, if any.
    pub server_name: Option<String>,
    /// The peer's certificates as DER, its own first; empty where it showed none.
    pub peer_certificates: Vec<Vec<u8>>,
}
