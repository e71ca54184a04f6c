//! TLS on real connections: endpoints both ways, `start_tls` in the middle, and peers that speak
//! something else.
#![cfg(feature = "tls")]
#![expect(clippy::disallowed_methods, reason = "writes certificates to a folder of its own")]

use bytes::BytesMut;
use ropewalk_reactor::prelude::*;
use ropewalk_reactor::transport::tls::{Pem, TlsClient, TlsServer};
use ropewalk_reactor::endpoint::{Host, TlsClientOptions, TlsServerOptions, Trust};
use ropewalk_reactor::{Listener, Resolver, Result};
use std::cell::RefCell;
use std::path::Path;
use std::rc::Rc;

const BACKENDS: [&str; 3] = ["epoll", "poll", "select"];
const LIMIT: Duration = Duration::from_secs(20);

/// A certificate for `localhost` that is its own authority.
fn certificate(folder: &Path) -> (String, String) {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let (certificate, key) = (folder.join("cert.pem"), folder.join("key.pem"));
    std::fs::write(&certificate, made.cert.pem()).unwrap();
    std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (certificate.display().to_string(), key.display().to_string())
}

struct Echo;

impl Protocol for Echo {
    fn connection_made(&mut self, transport: &Transport) {
        transport.register_producer(transport);
    }
    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        transport.write_bytes(input.split().freeze());
    }
}

/// Sends, half-closes, and resolves with what came back and how it ended.
struct Client {
    send: Bytes,
    heard: BytesMut,
    done: Option<Resolver<(Bytes, String)>>,
}

impl Protocol for Client {
    fn connection_made(&mut self, transport: &Transport) {
        transport.write_bytes(self.send.clone());
        transport.half_close();
    }
    fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
        self.heard.unsplit(input.split());
    }
    fn connection_lost(&mut self, _: &Transport, why: &Reason) {
        if let Some(done) = self.done.take() {
            done.resolve(Ok((std::mem::take(&mut self.heard).freeze(), why.to_string())));
        }
    }
}

fn talk(reactor: &Reactor, endpoint: String, send: Bytes) -> Result<(Bytes, String)> {
    let (done, outcome) = reactor.deferred();
    let connecting = reactor.connect(&endpoint, Client { send, heard: BytesMut::new(), done: Some(done) });
    reactor.block_on(async move {
        connecting.timeout(LIMIT).await?;
        outcome.timeout(LIMIT).await
    })
}

fn port(listener: &Listener) -> u16 {
    listener.address().port().unwrap()
}

#[test]
fn endpoints_speak_tls_both_ways_and_end_cleanly() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path());
    let data: Bytes = (0..5_000_000_u32).map(|index| (index % 249) as u8).collect::<Vec<_>>().into();
    for backend in BACKENDS {
        let reactor = Reactor::builder().backend(backend).build().unwrap();
        let endpoint = format!("tls:0:interface=127.0.0.1:cert={certificate}:key={key}");
        let listener = reactor.listen(&endpoint, |_: &Address| Echo).unwrap();
        let to = format!("tls:localhost:{}:ca={certificate}", port(&listener));
        let (heard, why) = talk(&reactor, to, data.clone()).unwrap();
        assert!(heard == data, "{backend}: {} bytes came back", heard.len());
        assert_eq!(why, "closed cleanly");
    }
}

#[test]
fn a_client_that_does_not_trust_the_server_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path());
    let other = tempfile::tempdir().unwrap();
    let (stranger, _) = self::certificate(other.path());
    let reactor = Reactor::builder().backend("epoll").build().unwrap();
    let endpoint = format!("tls:0:interface=127.0.0.1:cert={certificate}:key={key}");
    let listener = reactor.listen(&endpoint, |_: &Address| Echo).unwrap();
    let to = format!("tls:localhost:{}:ca={stranger}", port(&listener));
    let failure = talk(&reactor, to, Bytes::from_static(b"secret")).unwrap_err().to_string();
    assert!(failure.contains("certificate"), "{failure}");
}

#[test]
fn a_plain_client_on_a_tls_port_is_turned_away_and_others_are_served() {
    let folder = tempfile::tempdir().unwrap();
    let (certificate, key) = certificate(folder.path());
    for backend in BACKENDS {
        let reactor = Reactor::builder().backend(backend).build().unwrap();
        let endpoint = format!("tls:0:interface=127.0.0.1:cert={certificate}:key={key}");
        let listener = reactor.listen(&endpoint, |_: &Address| Echo).unwrap();
        let plain = format!("tcp:127.0.0.1:{}", port(&listener));
        let (heard, _) = talk(&reactor, plain, Bytes::from_static(b"GET / HTTP/1.1\r\n\r\n")).unwrap();
        // The alert that says so, and nothing of ours.
        assert_eq!(heard.first(), Some(&21), "{backend}: {heard:?}");
        let to = format!("tls:localhost:{}:ca={certificate}", port(&listener));
        assert_eq!(talk(&reactor, to, Bytes::from_static(b"good")).unwrap().0, &b"good"[..]);
    }
}

#[test]
fn a_tls_client_on_a_plain_port_fails_with_a_word_on_tls() {
    struct Greeter;
    impl Protocol for Greeter {
        fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
            input.clear();
            transport.write(b"-ERR unknown command\r\n");
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let (certificate, _) = certificate(folder.path());
    let reactor = Reactor::builder().backend("epoll").build().unwrap();
    let listener = reactor.listen("tcp:0:interface=127.0.0.1", |_: &Address| Greeter).unwrap();
    let to = format!("tls:localhost:{}:ca={certificate}", port(&listener));
    let failure = talk(&reactor, to, Bytes::from_static(b"hello")).unwrap_err().to_string();
    assert!(failure.contains("TLS"), "{failure}");
}

#[test]
fn tls_can_start_in_the_middle_of_a_connection() {
    struct Upgrading {
        server: TlsServer,
        secret: bool,
    }
    impl Protocol for Upgrading {
        fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
            if self.secret {
                return transport.write(&input.split().to_ascii_uppercase());
            }
            assert_eq!(&input.split()[..], b"STARTTLS\n");
            transport.write(b"GO\n");
            transport.start_tls(&self.server);
            self.secret = true;
        }
    }
    struct Asking {
        client: TlsClient,
        log: Rc<RefCell<Vec<String>>>,
        done: Option<Resolver<()>>,
    }
    impl Protocol for Asking {
        fn connection_made(&mut self, transport: &Transport) {
            transport.write(b"STARTTLS\n");
        }
        fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
            let text = String::from_utf8_lossy(&input.split()).into_owned();
            self.log.borrow_mut().push(text.clone());
            if text == "GO\n" {
                let host = Host::Name("localhost".into());
                transport.start_tls_as_client(&self.client, Some(&host)).unwrap();
                transport.write(b"secret");
            } else {
                assert!(transport.tls_session().is_some_and(|session| session.version.starts_with("TLS")));
                transport.close();
            }
        }
        fn connection_lost(&mut self, _: &Transport, _: &Reason) {
            self.done.take().unwrap().resolve(Ok(()));
        }
    }
    let made = rcgen::generate_simple_self_signed(vec!["localhost".into()]).unwrap();
    let pem = Pem::new("cert", made.cert.pem());
    let server = TlsServer::new(&TlsServerOptions {
        certificate: pem.clone(),
        key: Pem::new("key", made.signing_key.serialize_pem()),
        client_ca: None,
        alpn: vec![],
    })
    .unwrap();
    let client = TlsClient::new(&TlsClientOptions { trust: Trust::Only(pem), ..TlsClientOptions::default() }).unwrap();
    for backend in BACKENDS {
        let reactor = Reactor::builder().backend(backend).build().unwrap();
        let server = server.clone();
        let factory = move |_: &Address| Upgrading { server: server.clone(), secret: false };
        let listener = reactor.listen("tcp:0:interface=127.0.0.1", factory).unwrap();
        let log: Rc<RefCell<Vec<String>>> = Rc::default();
        let (done, lost) = reactor.deferred();
        let asking = Asking { client: client.clone(), log: log.clone(), done: Some(done) };
        let connecting = reactor.connect(&format!("tcp:127.0.0.1:{}", port(&listener)), asking);
        reactor
            .block_on(async move {
                connecting.await?;
                lost.timeout(LIMIT).await
            })
            .unwrap();
        assert_eq!(*log.borrow(), ["GO\n", "SECRET"], "{backend}");
    }
}
