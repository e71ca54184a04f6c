//! `ropewalk poetry serve`: one poem, read once, shared by all connections.
#![expect(clippy::disallowed_methods, reason = "the poem is read before there is a reactor")]

use crate::failed::Failed;
use crate::serve::{self, ENDPOINTS, Process, stream_endpoint};
use clap::Args;
use ropewalk_reactor::Result;
use ropewalk_reactor::endpoint::{Host, ListenEndpoint};
use ropewalk_reactor::engine::ListenOptions;
use ropewalk_reactor::prelude::*;
use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// What `ropewalk poetry serve` takes.
#[derive(Debug, Args)]
#[command(after_long_help = ENDPOINTS)]
pub(crate) struct Serve {
    /// The poem
    file: PathBuf,
    /// The port to listen on; 0 is any free one
    #[arg(long, value_name = "N", default_value_t = 9000)]
    port: u16,
    /// The interface to listen on: an address, or localhost
    #[arg(long, value_name = "HOST", default_value = "localhost", value_parser = interface)]
    iface: IpAddr,
    /// Where to listen, instead of a port and an interface; may be repeated
    #[arg(long, value_name = "ENDPOINT", value_parser = stream_endpoint, conflicts_with_all = ["port", "iface"])]
    listen: Vec<ListenEndpoint>,
    #[command(flatten)]
    process: Process,
}

impl Serve {
    /// Serve until stopped.
    pub(crate) fn run(self) -> Result<(), Failed> {
        let poem = read(&self.file)?;
        let file = self.file.display();
        serve::serve("poetry", &self.process, |setup| {
            for endpoint in self.endpoints() {
                let poem = poem.clone();
                let listener =
                    setup.reactor.listen(&endpoint.to_string(), move |_: &Address| Poet(poem.clone()))?;
                setup.announce(format!("serving {file} on {}.", listener.address()));
            }
            Ok(())
        })
    }

    fn endpoints(&self) -> Vec<ListenEndpoint> {
        if self.listen.is_empty() {
            let address = SocketAddr::new(self.iface, self.port);
            return vec![ListenEndpoint::Tcp { address, options: ListenOptions::default() }];
        }
        self.listen.clone()
    }
}

fn interface(text: &str) -> Result<IpAddr, &'static str> {
    match text.parse() {
        Ok(Host::Address(address)) => Ok(address),
        Ok(Host::Name(name)) if name == "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        _ => Err("expected an address, such as 127.0.0.1 or ::1, or localhost"),
    }
}

fn read(path: &Path) -> Result<Bytes, Failed> {
    let shown = path.display();
    match std::fs::read(path) {
        Ok(poem) => Ok(poem.into()),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(Failed::Usage { command: &["poetry", "serve"], text: format!("no such file: {shown}") })
        }
        Err(error) => Err(Failed::doing(format_args!("can't read {shown}"), error)),
    }
}

/// Sends the poem, and closes.
struct Poet(Bytes);

impl Protocol for Poet {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write_bytes(self.0.clone());
        transport.close();
    }

    fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
        input.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ropewalk_reactor::testing::StringTransport;

    #[test]
    fn a_poet_speaks_at_once_and_closes() {
        let mut poet = StringTransport::new(Poet(Bytes::from_static(b"so much depends")));
        poet.connect();
        assert!(poet.is_closing());
        assert_eq!(poet.output(), b"so much depends");
    }

    #[test]
    fn an_interface_is_an_address_or_localhost() {
        assert_eq!(interface("localhost"), Ok(Ipv4Addr::LOCALHOST.into()));
        assert_eq!(interface("0.0.0.0"), Ok(Ipv4Addr::UNSPECIFIED.into()));
        assert_eq!(interface("::1"), interface("[::1]"));
        assert!(interface("example.org").is_err());
    }
}
