//! TLS in simulated worlds: whatever an awkward network does, what was written arrives.
#![cfg(feature = "tls")]
#![allow(clippy::unwrap_used, reason = "a test")]

use ropewalk_reactor::endpoint::{Host, TlsClientOptions, TlsServerOptions, Trust};
use ropewalk_reactor::prelude::*;
use ropewalk_reactor::testing::{Faults, Sim, explore};
use ropewalk_reactor::transport::tls::{Pem, TlsClient, TlsServer};
use std::cell::Cell;
use std::rc::Rc;

const BODY_BYTES: usize = 300_000;

/// Bytes that are not the same anywhere.
fn body() -> Vec<u8> {
    (0..BODY_BYTES).map(|index| (index * 31 + index / 251 + index / 65_537) as u8).collect()
}

/// Sends what it receives back.
struct Echo(TlsServer);

impl Protocol for Echo {
    fn connection_made(&mut self, transport: &Transport) {
        transport.register_producer(transport);
        transport.start_tls(&self.0);
    }
    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        transport.write_bytes(input.split().freeze());
    }
}

/// Sends the body, and takes it back.
struct Client {
    tls: TlsClient,
    received: Vec<u8>,
    whole: Rc<Cell<Option<bool>>>,
}

impl Protocol for Client {
    fn connection_made(&mut self, transport: &Transport) {
        transport.start_tls_as_client(&self.tls, Some(&Host::Name("localhost".into()))).unwrap();
        transport.write_bytes(body());
    }
    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        self.received.extend_from_slice(&input.split());
        if self.received.len() >= BODY_BYTES {
            transport.close();
        }
    }
    fn connection_lost(&mut self, _: &Transport, _: &Reason) {
        self.whole.set(Some(self.received == body()));
    }
}

#[test]
fn in_an_awkward_world_a_large_echo_comes_back_whole() {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let certificate = Pem::new("certificate", cert.pem());
    let key = Pem::new("key", signing_key.serialize_pem());
    let trust = Trust::Only(certificate.clone());
    let client = TlsClient::new(&TlsClientOptions { trust, ..TlsClientOptions::default() }).unwrap();
    let options = TlsServerOptions { certificate, key, client_ca: None, alpn: Vec::new() };
    let server = TlsServer::new(&options).unwrap();
    explore(30, |seed| {
        // Half of them refuse now and then, and take everything at once the next time.
        let moody = Faults { would_block: 0.5, window: 1024 * 1024, ..Faults::none() };
        let faults = if seed % 2 == 0 { moody } else { Faults::rough() };
        let (engine, world) = Sim::new(seed, faults);
        let reactor = Reactor::with_engine(engine);
        let server = server.clone();
        reactor.listen("tcp:7:interface=10.0.0.1", move |_: &Address| Echo(server.clone())).unwrap();
        let whole = Rc::new(Cell::new(None));
        let client = Client { tls: client.clone(), received: Vec::new(), whole: whole.clone() };
        let connected = reactor.connect("tcp:10.0.0.1:7", client);
        connected.finally(drop);
        let patience = Duration::from_secs(3600);
        reactor.call_later(patience, || {});
        while whole.get().is_none() {
            assert!(world.elapsed() < patience, "it never came back");
            reactor.turn().unwrap();
        }
        assert_eq!(whole.get(), Some(true));
    });
}
