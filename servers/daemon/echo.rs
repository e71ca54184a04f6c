//! `ropewalk echo`: the smallest server, and the pattern for every other.

use crate::failed::Failed;
use crate::serve::{self, ENDPOINTS, Process, Setup};
use clap::Args;
use ropewalk_reactor::Result;
use ropewalk_reactor::endpoint::{Endpoint, ListenEndpoint};
use ropewalk_reactor::prelude::*;
use ropewalk_reactor::transport::udp::{DatagramProtocol, DatagramTransport};

/// What `ropewalk echo` takes.
#[derive(Debug, Args)]
#[command(after_long_help = ENDPOINTS)]
pub(crate) struct Echo {
    /// Where to listen, on this machine only unless said otherwise; may be repeated
    ///
    /// Besides what all servers can listen on, udp:PORT and unixgram:PATH send back datagrams.
    #[arg(long, value_name = "ENDPOINT", value_parser = Endpoint::listen)]
    #[arg(default_value = "tcp:12345:interface=127.0.0.1")]
    listen: Vec<ListenEndpoint>,
    #[command(flatten)]
    process: Process,
}

impl Echo {
    /// Serve until stopped.
    pub(crate) fn run(self) -> Result<(), Failed> {
        serve::serve("echo", &self.process, |setup| {
            self.listen.iter().try_for_each(|endpoint| open(setup, endpoint))
        })
    }
}

fn open(setup: &mut Setup<'_>, endpoint: &ListenEndpoint) -> Result<()> {
    match endpoint {
        ListenEndpoint::Udp { .. } | ListenEndpoint::UnixDatagram { .. } => {
            let socket = setup.reactor.listen_datagram(&endpoint.to_string(), EchoDatagrams)?;
            setup.announce(serve::listening_on(socket.address()));
            Ok(())
        }
        _ => setup.listen(endpoint, |_: &Address| EchoStream),
    }
}

/// Sends back what comes on a connection, and no faster than the peer takes it.
struct EchoStream;

impl Protocol for EchoStream {
    fn connection_made(&mut self, transport: &Transport) {
        // What is sent comes from what is read: a peer that doesn't take its echo is read no more.
        transport.register_producer(transport);
    }

    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        transport.write_bytes(input.split().freeze());
    }
}

/// Sends back every datagram.
struct EchoDatagrams;

impl DatagramProtocol for EchoDatagrams {
    fn datagram_received(&mut self, transport: &DatagramTransport, data: &[u8], peer: &Address) {
        if !transport.send_to(Bytes::copy_from_slice(data), peer) {
            tracing::debug!(%peer, "a datagram was lost: too many wait");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ropewalk_reactor::testing::StringTransport;

    #[test]
    fn what_comes_goes_back() {
        let mut echo = StringTransport::new(EchoStream);
        echo.feed(b"hello");
        assert_eq!(echo.output(), b"hello");
        assert!(echo.input().is_empty());
    }

    #[test]
    fn a_peer_that_takes_nothing_is_read_no_more() {
        let mut echo = StringTransport::new(EchoStream);
        let piece = [b'x'; 100_000];
        echo.feed(&piece);
        echo.feed(b"the rest");
        assert_eq!(echo.input(), b"the rest");
        assert_eq!(echo.output(), piece);
        assert_eq!(echo.output(), b"the rest");
    }
}
