//! `ropewalk poetry get`: all poems at once. Callbacks underneath, a future on top.

use crate::failed::Failed;
use crate::manual::print;
use crate::runtime::Runtime;
use clap::Args;
use ropewalk_reactor::endpoint::{CONNECT_TIMEOUT, ConnectEndpoint, Host};
use ropewalk_reactor::prelude::*;
use ropewalk_reactor::{Resolver, Result, all};
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

/// What `ropewalk poetry get` takes.
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// Who serves a poem; without a host, a port of this machine
    #[arg(required = true, value_name = "[HOST:]PORT")]
    servers: Vec<Server>,
    #[command(flatten)]
    runtime: Runtime,
}

/// The longest poem that is taken, in bytes.
const POEM_BYTES_MAX: usize = 64 * 1024 * 1024;

/// How long a server may say nothing.
const SILENCE_MAX: Duration = Duration::from_secs(60);

impl Get {
    /// Get the poems, and print them in the order of their servers.
    pub(crate) fn run(self) -> Result<(), Failed> {
        let reactor = self.runtime.start()?;
        let poems = self.servers.iter().map(|server| reactor.spawn(poem(reactor.clone(), server.clone())));
        let poems = all(poems.collect());
        let poems = reactor.block_on(async { Ok(poems.await) })?;
        let mut failures = Vec::new();
        for (server, poem) in self.servers.iter().zip(poems) {
            match poem {
                Ok(text) => print(&text)?,
                Err(failure) => failures.push(format!("no poem from {server}: {failure}")),
            }
        }
        if failures.is_empty() { Ok(()) } else { Err(Failed::Work(failures.join("\n"))) }
    }
}

/// A server's whole poem.
async fn poem(reactor: Reactor, server: Server) -> Result<Bytes> {
    let (done, text) = reactor.deferred();
    let reader = Reader { text: BytesMut::new(), done: Some(done) };
    reactor.connect_to(server.endpoint(), Box::new(reader)).await?;
    text.await
}

/// Collects a poem until the server closes.
struct Reader {
    text: BytesMut,
    done: Option<Resolver<Bytes>>,
}

impl Reader {
    fn give_up(&mut self, transport: &Transport, why: String) {
        self.finish(Err(Failure::other(why)));
        transport.abort();
    }

    fn finish(&mut self, outcome: Result<Bytes>) {
        if let Some(done) = self.done.take() {
            done.resolve(outcome);
        }
    }
}

impl Protocol for Reader {
    fn connection_made(&mut self, transport: &Transport) {
        transport.set_timeout(Some(SILENCE_MAX));
    }

    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        transport.set_timeout(Some(SILENCE_MAX));
        self.text.unsplit(input.split());
        if self.text.len() > POEM_BYTES_MAX {
            self.give_up(transport, format!("it is longer than {POEM_BYTES_MAX} bytes"));
        }
    }

    fn timed_out(&mut self, transport: &Transport) {
        self.give_up(transport, format!("nothing came for {} seconds", SILENCE_MAX.as_secs()));
    }

    fn connection_lost(&mut self, _: &Transport, why: &Reason) {
        let text = std::mem::take(&mut self.text).freeze();
        self.finish(if why.is_clean() { Ok(text) } else { Err(Failure::other(why.to_string())) });
    }
}

/// `[HOST:]PORT`.
#[derive(Clone, Debug, PartialEq)]
struct Server {
    host: Host,
    port: u16,
}

impl Server {
    fn endpoint(&self) -> ConnectEndpoint {
        ConnectEndpoint::Tcp {
            host: self.host.clone(),
            port: self.port,
            timeout: CONNECT_TIMEOUT,
            bind: None,
        }
    }
}

impl FromStr for Server {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) => {
                let host = host.parse().map_err(|error| format!("the host is {host:?}; {error}"))?;
                (host, port)
            }
            None => (Host::Address(Ipv4Addr::LOCALHOST.into()), text),
        };
        match port.parse() {
            Ok(port @ 1..) => Ok(Self { host, port }),
            _ => Err(format!("the port is {port:?}; expected a number from 1 to 65535")),
        }
    }
}

impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Host::Address(IpAddr::V6(address)) => write!(f, "[{address}]:{}", self.port),
            host => write!(f, "{host}:{}", self.port),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ropewalk_reactor::testing::StringTransport;

    #[test]
    fn a_server_is_a_port_with_or_without_a_host() {
        for (text, shown) in [
            ("9000", "127.0.0.1:9000"),
            ("localhost:80", "localhost:80"),
            ("10.0.0.1:1", "10.0.0.1:1"),
            ("[::1]:65535", "[::1]:65535"),
        ] {
            assert_eq!(text.parse::<Server>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn a_port_that_is_no_number_is_an_error_that_says_so() {
        for text in ["poem", "localhost:poem", "localhost:", "localhost:0", "65536", "-1"] {
            let error = text.parse::<Server>().unwrap_err();
            assert!(error.contains("from 1 to 65535"), "{text}: {error}");
        }
        assert!("no host:1".parse::<Server>().unwrap_err().contains("the host is"));
        assert!("::1".parse::<Server>().is_err());
    }

    fn reader() -> Reader {
        Reader { text: BytesMut::new(), done: None }
    }

    #[test]
    fn a_poem_that_never_ends_is_given_up() {
        let mut endless = StringTransport::new(reader());
        let piece = vec![b'x'; 1024 * 1024];
        for _ in 0..POEM_BYTES_MAX / piece.len() {
            endless.feed(&piece);
        }
        assert!(!endless.is_aborting());
        endless.feed(b"x");
        assert!(endless.is_aborting());
    }

    #[test]
    fn a_server_that_says_nothing_is_given_up() {
        let mut silent = StringTransport::new(reader());
        silent.connect();
        silent.time_out();
        assert!(silent.is_aborting());
    }
}
