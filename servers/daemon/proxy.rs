//! `ropewalk proxy`: two connections feed each other, each slowed by the other's buffer.
//!
//! ```text
//! client ═══▶ front ──writes──▶ back ═══▶ server
//!        ◀═══       ◀──writes──      ◀═══
//! ```
//!
//! The one rule: what happens on one side happens on the other. An end of input passes through as
//! one, a close as a close, a reset as a reset; and a side is read only as fast as the other takes.

use crate::failed::Failed;
use crate::serve::{self, ENDPOINTS, Process, stream_endpoint};
use clap::Args;
use ropewalk_reactor::Result;
use ropewalk_reactor::endpoint::{ConnectEndpoint, Endpoint, ListenEndpoint};
use ropewalk_reactor::prelude::*;

/// What `ropewalk proxy` takes.
#[derive(Debug, Args)]
#[command(after_long_help = ENDPOINTS)]
pub(crate) struct Proxy {
    /// Where connections go to: tcp:HOST:PORT, tls:HOST:PORT or unix:PATH
    #[arg(long, value_name = "ENDPOINT", value_parser = stream_target)]
    to: ConnectEndpoint,
    /// Where to listen, on this machine only unless said otherwise; may be repeated
    #[arg(long, value_name = "ENDPOINT", value_parser = stream_endpoint)]
    #[arg(default_value = "tcp:8080:interface=127.0.0.1")]
    listen: Vec<ListenEndpoint>,
    #[command(flatten)]
    process: Process,
}

impl Proxy {
    /// Serve until stopped.
    pub(crate) fn run(self) -> Result<(), Failed> {
        serve::serve("proxy", &self.process, |setup| {
            self.listen.iter().try_for_each(|endpoint| {
                let (reactor, to) = (setup.reactor.clone(), self.to.clone());
                let front =
                    move |_: &Address| Front { reactor: reactor.clone(), to: to.clone(), attempt: None };
                setup.listen(endpoint, front)
            })
        })
    }
}

fn stream_target(text: &str) -> Result<ConnectEndpoint, String> {
    match Endpoint::connect(text) {
        Ok(ConnectEndpoint::Udp { .. }) => {
            Err("datagrams make no connections; expected tcp, tls or unix".to_owned())
        }
        Ok(endpoint) => Ok(endpoint),
        Err(error) => Err(error.to_string()),
    }
}

/// The side that was accepted, until the other side is connected. It is not read meanwhile.
struct Front {
    reactor: Reactor,
    to: ConnectEndpoint,
    attempt: Option<Deferred<()>>,
}

impl Protocol for Front {
    fn connection_made(&mut self, front: &Transport) {
        front.pause_reading();
        let (ours, to) = (front.clone(), self.to.to_string());
        let attempt = self.reactor.connect_to(self.to.clone(), Box::new(Pipe(front.clone())));
        self.attempt = Some(attempt.then(move |outcome| {
            match outcome {
                Ok(back) => join(&ours, back),
                Err(failure) => {
                    tracing::warn!(%failure, to, client = %ours.peer(), "a client could not be connected");
                    ours.abort();
                }
            }
            Ok(())
        }));
    }

    /// Not called: reading is paused until there is somewhere to write.
    fn data_received(&mut self, _: &Transport, _: &mut BytesMut) {}

    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        if let Some(attempt) = self.attempt.take() {
            attempt.cancel();
        }
    }
}

/// Both sides are there: from here on they feed each other.
fn join(front: &Transport, back: Transport) {
    if front.is_closing() {
        return back.abort();
    }
    front.register_producer(&back);
    back.register_producer(front);
    front.set_protocol(Pipe(back));
    front.resume_reading();
}

/// One direction: what comes here goes to the other side.
struct Pipe(Transport);

impl Protocol for Pipe {
    fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
        self.0.write_bytes(input.split().freeze());
    }

    fn eof_received(&mut self, _: &Transport) -> Eof {
        self.0.half_close();
        Eof::KeepOpen
    }

    fn connection_lost(&mut self, _: &Transport, why: &Reason) {
        match why {
            Reason::Done | Reason::Stopped => self.0.close(),
            _ => self.0.abort(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn datagrams_are_no_target() {
        assert!(stream_target("udp:localhost:53").unwrap_err().contains("datagrams"));
        assert!(stream_target("tcp:localhost").unwrap_err().contains("port"));
        stream_target("unix:/run/socket").unwrap();
    }
}
