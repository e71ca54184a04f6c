//! A server and connections to it: what is sent, and the bytes of each reply.

use crate::support::{self, PATIENCE};
use bytes::{Buf, BytesMut};
use ropewalk_protocols::resp::{ReplyDecoder, Value, encode_command};
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};

/// Where a reply came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    Redis,
    Ropewalk,
}

/// One server, and those who talk to it.
pub(crate) struct Peer {
    _server: support::Server,
    port: u16,
    resp3: bool,
    connections: Vec<(u8, Connection)>,
}

impl Peer {
    /// Start a server of its own.
    pub(crate) fn start(who: Who, resp3: bool) -> Self {
        let port = free_port();
        let text = port.to_string();
        let arguments = ["--port", &text, "--save", "", "--enable-debug-command", "yes"];
        let mut command = match who {
            Who::Redis => Command::new("redis-server"),
            Who::Ropewalk => support::ropewalk(&["kv"]),
        };
        let server = support::Server::start(command.args(arguments));
        let peer = Self { _server: server, port, resp3, connections: Vec::new() };
        peer.wait_until_it_listens();
        peer
    }

    fn wait_until_it_listens(&self) {
        let deadline = Instant::now() + PATIENCE;
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "no server listens on port {}", self.port);
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The connection of this number, made when it is first asked for.
    pub(crate) fn connection(&mut self, number: u8) -> &mut Connection {
        if let Some(at) = self.connections.iter().position(|(known, _)| *known == number) {
            return &mut self.connections[at].1;
        }
        let mut connection = Connection::new(self.port);
        if self.resp3 {
            connection.call(&["HELLO", "3"]).expect("the protocol is known");
        }
        self.connections.push((number, connection));
        &mut self.connections.last_mut().expect("it was just put there").1
    }

    /// All connections that were made.
    pub(crate) fn numbers(&self) -> Vec<u8> {
        self.connections.iter().map(|(number, _)| *number).collect()
    }

    /// Forget a connection: it is closed.
    pub(crate) fn disconnect(&mut self, number: u8) {
        self.connections.retain(|(known, _)| *known != number);
    }
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("there is a free port");
    listener.local_addr().expect("it is bound").port()
}

/// A reply: its bytes, and what they mean.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Reply {
    pub(crate) bytes: Vec<u8>,
    pub(crate) value: Value,
}

/// One connection.
pub(crate) struct Connection {
    stream: TcpStream,
    input: BytesMut,
}

impl Connection {
    fn new(port: u16) -> Self {
        let stream = support::connect(port);
        stream.set_nodelay(true).expect("it is a TCP socket");
        stream.set_read_timeout(Some(Duration::from_secs(10))).expect("the time is not zero");
        Self { stream, input: BytesMut::new() }
    }

    /// Send a command.
    pub(crate) fn send(&mut self, command: &[impl AsRef<[u8]>]) -> io::Result<()> {
        let mut out = BytesMut::new();
        encode_command(command, &mut out);
        self.stream.write_all(&out)
    }

    /// Read one reply, or one push.
    pub(crate) fn read(&mut self) -> io::Result<Reply> {
        loop {
            let mut rest = &self.input[..];
            let found = ReplyDecoder::default().decode(&mut rest).map_err(io::Error::other)?;
            if let Some(value) = found {
                let length = self.input.len() - rest.len();
                let bytes = self.input[..length].to_vec();
                self.input.advance(length);
                return Ok(Reply { bytes, value });
            }
            let mut chunk = [0; 64 * 1024];
            let count = self.stream.read(&mut chunk)?;
            if count == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.input.extend_from_slice(&chunk[..count]);
        }
    }

    /// Send a command, and read its reply.
    pub(crate) fn call(&mut self, command: &[impl AsRef<[u8]>]) -> io::Result<Reply> {
        self.send(command)?;
        self.read()
    }
}
