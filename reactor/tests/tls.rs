//! TLS under real connections: endpoints, `start_tls`, failures that must be told, and a client that
//! is not ours.
#![cfg(feature = "tls")]
#![expect(clippy::disallowed_methods, reason = "a test's own files, threads and peers")]
#![allow(clippy::unwrap_used, reason = "a test")]

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use ropewalk_reactor::endpoint::{Host, Identity, TlsClientOptions, TlsServerOptions, Trust};
use ropewalk_reactor::prelude::*;
use ropewalk_reactor::transport::tls::{Pem, TlsClient, TlsError, TlsServer};
use ropewalk_reactor::{Listener, Result};
use std::cell::{Cell, RefCell};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::rc::Rc;
use std::thread;

const PATIENCE: Duration = Duration::from_secs(30);

/// An authority and a server it has certified as `localhost`, in a directory of their own.
struct Pki {
    directory: tempfile::TempDir,
    authority: String,
    identity: Identity<Pem>,
}

impl Pki {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, directory.path().display().to_string());
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap().pem();
        std::fs::write(directory.path().join("ca.pem"), authority.pem()).unwrap();
        std::fs::write(directory.path().join("server.pem"), certificate.clone() + &key.serialize_pem())
            .unwrap();
        let identity = Identity {
            certificate: Pem::new("server.pem", certificate),
            key: Pem::new("server.pem", key.serialize_pem()),
        };
        Self { directory, authority: authority.pem(), identity }
    }

    fn file(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    fn listening(&self) -> String {
        format!("tls:0:cert={}:interface=127.0.0.1", self.file("server.pem"))
    }

    fn connecting(&self, to: &Listener) -> String {
        format!("tls:127.0.0.1:{}:ca={}", port(to), self.file("ca.pem"))
    }

    fn server(&self) -> TlsServer {
        let Identity { certificate, key } = self.identity.clone();
        TlsServer::new(&TlsServerOptions { certificate, key, client_ca: None, alpn: Vec::new() }).unwrap()
    }

    fn client(&self) -> TlsClient {
        let trust = Trust::Only(Pem::new("ca.pem", self.authority.clone()));
        TlsClient::new(&TlsClientOptions { trust, ..TlsClientOptions::default() }).unwrap()
    }
}

fn port(listener: &Listener) -> u16 {
    listener.address().port().expect("an internet address")
}

fn address(listener: &Listener) -> SocketAddr {
    listener.address().socket_address().expect("an internet address")
}

/// A reactor on each backend that works here.
fn reactors() -> Vec<Reactor> {
    let names = ["epoll", "kqueue", "poll", "select", "io_uring"];
    let built: Vec<_> =
        names.iter().filter_map(|name| Reactor::builder().backend(*name).build().ok()).collect();
    assert!(built.len() >= 2, "select and poll are everywhere");
    built
}

/// Turn until `done`.
fn until(reactor: &Reactor, what: &str, mut done: impl FnMut() -> bool) {
    let late = Rc::new(Cell::new(false));
    let set = late.clone();
    let alarm = reactor.call_later(PATIENCE, move || set.set(true));
    while !done() {
        assert!(!late.get(), "{what} did not happen in {PATIENCE:?}");
        reactor.turn().expect("a turn does not fail");
    }
    alarm.cancel();
}

/// What a connection went through.
#[derive(Default)]
struct Journal {
    made: Option<Transport>,
    received: Vec<u8>,
    ended: bool,
    lost: Option<String>,
    /// The TLS failure that it was lost by.
    failure: Option<TlsError>,
}

type Shared<T> = Rc<RefCell<T>>;

/// Keeps a journal, and sends `greeting` when it is connected.
#[derive(Default, Clone)]
struct Recorder {
    journal: Shared<Journal>,
    greeting: Bytes,
}

impl Recorder {
    fn saying(greeting: &[u8]) -> Self {
        Self { greeting: Bytes::copy_from_slice(greeting), ..Self::default() }
    }

    fn is_lost(&self) -> bool {
        self.journal.borrow().lost.is_some()
    }
}

impl Protocol for Recorder {
    fn connection_made(&mut self, transport: &Transport) {
        self.journal.borrow_mut().made = Some(transport.clone());
        transport.write_bytes(self.greeting.clone());
    }

    fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
        self.journal.borrow_mut().received.extend_from_slice(&input.split());
    }

    fn eof_received(&mut self, _: &Transport) -> Eof {
        self.journal.borrow_mut().ended = true;
        Eof::Close
    }

    fn connection_lost(&mut self, _: &Transport, why: &Reason) {
        let mut journal = self.journal.borrow_mut();
        if let Reason::Lost(error) = why {
            journal.failure = error.get_ref().and_then(|inner| inner.downcast_ref()).cloned();
        }
        journal.lost = Some(why.to_string());
    }
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

/// The outcome of a deferred, once it has one.
fn outcome<T: 'static>(reactor: &Reactor, what: &str, deferred: Deferred<T>) -> Result<T> {
    let slot = Rc::new(RefCell::new(None));
    let set = slot.clone();
    deferred.finally(move |result| *set.borrow_mut() = Some(result));
    until(reactor, what, || slot.borrow().is_some());
    slot.take().expect("it has fired")
}

/// Stop the reactor: a connection that was left behind would keep this from ending.
fn finish(reactor: &Reactor) {
    reactor.stop();
    reactor.run().unwrap();
}

fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index * 31 + index / 251 + index / 65_537) as u8).collect()
}

#[test]
fn five_megabytes_come_back_on_every_backend() {
    let pki = Pki::new();
    let body = pattern(5_000_000);
    for reactor in reactors() {
        let listener = reactor.listen(&pki.listening(), |_: &Address| Echo).unwrap();
        let client = Recorder::saying(&body);
        let connecting = reactor.connect(&pki.connecting(&listener), client.clone());
        outcome(&reactor, "connecting", connecting).unwrap().half_close();
        until(&reactor, "the end", || client.is_lost());
        assert!(client.journal.borrow().received == body, "{reactor:?}");
        assert_eq!(client.journal.borrow().lost.as_deref(), Some("closed cleanly"), "{reactor:?}");
        finish(&reactor);
    }
}

#[test]
fn a_half_close_ends_one_direction() {
    let pki = Pki::new();
    let reactor = Reactor::new().unwrap();
    /// Answers at the end.
    struct Counter(usize);
    impl Protocol for Counter {
        fn data_received(&mut self, _: &Transport, input: &mut BytesMut) {
            self.0 += input.split().len();
        }
        fn eof_received(&mut self, transport: &Transport) -> Eof {
            transport.write(self.0.to_string().as_bytes());
            Eof::Close
        }
    }
    let listener = reactor.listen(&pki.listening(), |_: &Address| Counter(0)).unwrap();
    let client = Recorder::saying(&pattern(300_000));
    let connecting = reactor.connect(&pki.connecting(&listener), client.clone());
    outcome(&reactor, "connecting", connecting).unwrap().half_close();
    until(&reactor, "the end", || client.is_lost());
    let journal = client.journal.borrow();
    assert_eq!((&journal.received[..], journal.ended), (&b"300000"[..], true));
    assert_eq!(journal.lost.as_deref(), Some("closed cleanly"));
}

#[test]
fn a_protocol_begins_when_the_handshake_is_done() {
    let pki = Pki::new();
    let reactor = Reactor::new().unwrap();
    let server = Recorder::default();
    let factory = server.clone();
    let listener =
        reactor.listen(&(pki.listening() + ":alpn=echo"), move |_: &Address| factory.clone()).unwrap();
    let endpoint = pki.connecting(&listener) + ":name=localhost:alpn=echo";
    let client = outcome(&reactor, "connecting", reactor.connect(&endpoint, Recorder::default())).unwrap();
    until(&reactor, "accepting", || server.journal.borrow().made.is_some());
    let theirs = server.journal.borrow().made.clone().unwrap().tls_session().unwrap();
    let ours = client.tls_session().unwrap();
    assert_eq!((ours.version, ours.alpn.as_deref()), ("TLSv1.3", Some("echo")));
    assert_eq!(theirs.server_name.as_deref(), Some("localhost"));
    assert_eq!(ours.cipher_suite, theirs.cipher_suite);
}

#[test]
fn a_failed_handshake_says_why() {
    let (pki, stranger) = (Pki::new(), Pki::new());
    let reactor = Reactor::new().unwrap();
    let server = Recorder::default();
    let factory = server.clone();
    let listener = reactor.listen(&pki.listening(), move |_: &Address| factory.clone()).unwrap();
    let text = reactor
        .listen("tcp:0:interface=127.0.0.1", |_: &Address| Recorder::saying(b"220 hello\r\n"))
        .unwrap();
    let cases = [
        (stranger.connecting(&listener), "no authority that we trust"),
        (pki.connecting(&listener) + ":name=other.example", "not for other.example"),
        (pki.connecting(&text), "the peer does not speak TLS: it began with \"220 hello"),
        (format!("tls:127.0.0.1:{}:ca=/nowhere.pem", port(&listener)), "can't read /nowhere.pem"),
    ];
    for (endpoint, said) in cases {
        let client = Recorder::default();
        let error = outcome(&reactor, "failing", reactor.connect(&endpoint, client.clone())).expect_err(said);
        assert!(error.to_string().contains(said), "{endpoint}: {error}");
        assert!(client.journal.borrow().made.is_none() && !client.is_lost(), "it never was connected");
    }
    assert!(server.journal.borrow().made.is_none(), "nor was the server");
    finish(&reactor);
}

#[test]
fn text_at_a_tls_port_disturbs_nobody_else() {
    let pki = Pki::new();
    for reactor in reactors() {
        let listener = reactor.listen(&pki.listening(), |_: &Address| Echo).unwrap();
        let client = Recorder::saying(b"one");
        outcome(&reactor, "connecting", reactor.connect(&pki.connecting(&listener), client.clone())).unwrap();

        let mut text = TcpStream::connect(address(&listener)).unwrap();
        text.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let reading = reactor.defer_to_thread(move || {
            let mut answer = Vec::new();
            // The end may be a reset, as there is input that nobody reads.
            let _ = text.read_to_end(&mut answer);
            answer
        });
        let answer = outcome(&reactor, "the refusal", reading).unwrap();
        assert_eq!(answer, b"\x15\x03\x03\x00\x02\x02\x32", "an alert, and no more");
        until(&reactor, "the echo", || client.journal.borrow().received == b"one");
    }
}

#[test]
fn a_client_that_never_shakes_hands_is_given_up() {
    let pki = Pki::new();
    let reactor = Reactor::builder().handshake_limit(Duration::from_millis(50)).build().unwrap();
    let server = Recorder::default();
    let factory = server.clone();
    let listener = reactor.listen(&pki.listening(), move |_: &Address| factory.clone()).unwrap();
    let mut silent = TcpStream::connect(address(&listener)).unwrap();
    let reading = reactor.defer_to_thread(move || silent.read(&mut [0; 16]).unwrap_or_default());
    assert_eq!(outcome(&reactor, "the end", reading).unwrap(), 0);
    assert!(server.journal.borrow().made.is_none());
    finish(&reactor);
}

#[test]
fn a_finished_handshake_is_not_limited() {
    let pki = Pki::new();
    let reactor = Reactor::builder().handshake_limit(Duration::from_millis(100)).build().unwrap();
    let listener = reactor.listen(&pki.listening(), |_: &Address| Echo).unwrap();
    let client = Recorder::saying(b"x");
    outcome(&reactor, "connecting", reactor.connect(&pki.connecting(&listener), client.clone())).unwrap();
    outcome(&reactor, "the limit", reactor.sleep(Duration::from_millis(200))).unwrap();
    assert!(!client.is_lost());
}

#[test]
fn an_attempt_that_times_out_leaves_nothing_behind() {
    let pki = Pki::new();
    let reactor = Reactor::new().unwrap();
    let silent = reactor.listen("tcp:0:interface=127.0.0.1", |_: &Address| Recorder::default()).unwrap();
    let endpoint = pki.connecting(&silent) + ":timeout=0.05";
    let error = outcome(&reactor, "timing out", reactor.connect(&endpoint, Recorder::default()));
    assert!(matches!(error, Err(Failure::TimedOut)), "{error:?}");
    finish(&reactor);
}

/// Passes bytes on both ways, but only the first `limit` from the server; then the stream just ends.
fn cut_after(limit: usize, server: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut client, _) = listener.accept().unwrap();
        let mut server = TcpStream::connect(server).unwrap();
        let (mut up_from, mut up_to) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        thread::spawn(move || std::io::copy(&mut up_from, &mut up_to));
        std::io::copy(&mut (&mut server).take(limit as u64), &mut client).unwrap();
        client.shutdown(Shutdown::Write).unwrap();
    });
    here
}

#[test]
fn a_stream_that_was_cut_is_lost_and_has_no_end() {
    let pki = Pki::new();
    let reactor = Reactor::new().unwrap();
    let body = pattern(200_000);
    let greeting = body.clone();
    let listener = reactor.listen(&pki.listening(), move |_: &Address| Recorder::saying(&greeting)).unwrap();
    let middle = cut_after(100_000, address(&listener));
    let endpoint = format!("tls:127.0.0.1:{}:ca={}", middle.port(), pki.file("ca.pem"));
    let client = Recorder::default();
    outcome(&reactor, "connecting", reactor.connect(&endpoint, client.clone())).unwrap();
    until(&reactor, "the cut", || client.is_lost());
    let journal = client.journal.borrow();
    assert_eq!(journal.failure, Some(TlsError::Truncated), "{:?}", journal.lost);
    assert!(!journal.ended, "an end that somebody else may have made is none");
    assert!(journal.received.len() > 50_000 && body.starts_with(&journal.received));
}

/// Speaks in the clear until it has seen its line, then TLS.
struct Upgrade {
    line: &'static [u8],
    /// Said in the clear, at the beginning and after the line; then what is said in secret.
    first: &'static [u8],
    answer: &'static [u8],
    secret: &'static [u8],
    start: Rc<dyn Fn(&Transport)>,
    /// Whether the recorder is the protocol from there on.
    hands_over: bool,
    recorder: Recorder,
}

impl Protocol for Upgrade {
    fn connection_made(&mut self, transport: &Transport) {
        self.recorder.connection_made(transport);
        transport.write(self.first);
    }

    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        if !input.starts_with(self.line) {
            assert!(!self.hands_over, "another protocol has taken over");
            return self.recorder.data_received(transport, input);
        }
        input.advance(self.line.len());
        transport.write(self.answer);
        (self.start)(transport);
        transport.write(self.secret);
        if self.hands_over {
            transport.set_protocol(self.recorder.clone());
        }
    }

    fn connection_lost(&mut self, transport: &Transport, why: &Reason) {
        self.recorder.connection_lost(transport, why);
    }
}

/// The two sides of an upgrade, connected.
fn upgrade(
    reactor: &Reactor,
    pki: &Pki,
    first: &'static [u8],
    hands_over: bool,
    starts: usize,
) -> (Recorder, Recorder) {
    let (server, client) = (Recorder::default(), Recorder::default());
    let (configuration, recorder) = (pki.server(), server.clone());
    let start: Rc<dyn Fn(&Transport)> = Rc::new(move |transport| {
        for _ in 0..starts {
            transport.start_tls(&configuration);
        }
    });
    let listener = reactor
        .listen("tcp:0:interface=127.0.0.1", move |_: &Address| Upgrade {
            line: b"STARTTLS\n",
            first: b"",
            answer: b"GO\n",
            secret: b"the server's secret",
            start: start.clone(),
            hands_over,
            recorder: recorder.clone(),
        })
        .unwrap();
    let configuration = pki.client();
    let protocol = Upgrade {
        line: b"GO\n",
        first,
        answer: b"",
        secret: b"the client's secret",
        start: Rc::new(move |transport| {
            let host: Host = "localhost".parse().unwrap();
            transport.start_tls_as_client(&configuration, Some(&host)).unwrap();
        }),
        hands_over,
        recorder: client.clone(),
    };
    let endpoint = format!("tcp:127.0.0.1:{}", port(&listener));
    outcome(reactor, "connecting", reactor.connect(&endpoint, protocol)).unwrap();
    (server, client)
}

#[test]
fn tls_may_start_in_mid_connection() {
    let pki = Pki::new();
    for (hands_over, starts) in [(false, 1), (true, 1), (true, 2)] {
        for reactor in reactors() {
            let (server, client) = upgrade(&reactor, &pki, b"STARTTLS\n", hands_over, starts);
            until(&reactor, "the secrets", || {
                let (server, client) = (server.journal.borrow(), client.journal.borrow());
                server.is_done(b"the client's secret") && client.is_done(b"the server's secret")
            });
            let session = client.journal.borrow().made.as_ref().and_then(Transport::tls_session);
            assert_eq!(session.expect("TLS is spoken").server_name.as_deref(), Some("localhost"));
        }
    }
}

impl Journal {
    fn is_done(&self, expected: &[u8]) -> bool {
        assert!(expected.starts_with(&self.received), "{:?}", self.received.escape_ascii().to_string());
        assert_eq!(self.lost, None);
        self.received == expected
    }
}

#[test]
fn what_is_written_after_the_start_never_leaves_in_the_clear() {
    let pki = Pki::new();
    let reactor = Reactor::new().unwrap();
    let configuration = pki.server();
    let listener = reactor
        .listen("tcp:0:interface=127.0.0.1", move |_: &Address| {
            let configuration = configuration.clone();
            Upgrade {
                line: b"STARTTLS\n",
                first: b"",
                answer: b"GO\n",
                secret: b"secret",
                start: Rc::new(move |transport| transport.start_tls(&configuration)),
                hands_over: false,
                recorder: Recorder::default(),
            }
        })
        .unwrap();
    let mut watcher = TcpStream::connect(address(&listener)).unwrap();
    watcher.write_all(b"STARTTLS\n").unwrap();
    let watching = reactor.defer_to_thread(move || {
        let mut seen = [0; 64];
        let count = watcher.read(&mut seen).unwrap();
        // An end in the middle of the handshake: the server gives up, and there is no more to read.
        watcher.shutdown(Shutdown::Write).unwrap();
        let mut rest = Vec::new();
        let _ = watcher.read_to_end(&mut rest);
        [&seen[..count], &rest].concat()
    });
    assert_eq!(outcome(&reactor, "the end", watching).unwrap(), b"GO\n");
}

#[test]
fn text_smuggled_in_before_tls_ends_the_connection() {
    let pki = Pki::new();
    let reactor = Reactor::new().unwrap();
    let (server, _) = upgrade(&reactor, &pki, b"STARTTLS\nRCPT TO:<all>\n", false, 1);
    until(&reactor, "the end", || server.is_lost());
    let journal = server.journal.borrow();
    assert!(matches!(journal.failure, Some(TlsError::NotTls { .. })), "{:?}", journal.lost);
    assert!(journal.received.is_empty());
}

/// Send, read the same number of bytes, and say a proper goodbye both ways.
const PYTHON: &str = r#"
import socket, ssl, sys
port, roots, version = int(sys.argv[1]), sys.argv[2], getattr(ssl.TLSVersion, sys.argv[3])
context = ssl.create_default_context(cafile=roots)
context.minimum_version = context.maximum_version = version
body = bytes((i * 31 + i // 251) & 255 for i in range(1_000_000))
with socket.create_connection(("127.0.0.1", port)) as plain:
    with context.wrap_socket(plain, server_hostname="localhost") as tls:
        echo = bytearray()
        for begin in range(0, len(body), 100_000):
            tls.sendall(body[begin:begin + 100_000])
            while len(echo) < begin + 100_000:
                piece = tls.recv(65536)
                if not piece:
                    break
                echo += piece
        assert bytes(echo) == body, len(echo)
        print(tls.version(), end="")
        tls.unwrap()
"#;

#[test]
fn pythons_client_is_served() {
    if !Path::new("/usr/bin/python3").exists() {
        return;
    }
    let pki = Pki::new();
    let reactor = Reactor::new().unwrap();
    let listener = reactor.listen(&pki.listening(), |_: &Address| Echo).unwrap();
    for (version, said) in [("TLSv1_2", "TLSv1.2"), ("TLSv1_3", "TLSv1.3")] {
        let mut python = Command::new("/usr/bin/python3");
        python.args(["-c", PYTHON, &port(&listener).to_string(), &pki.file("ca.pem"), version]);
        let running = reactor.defer_to_thread(move || python.output().unwrap());
        let output = outcome(&reactor, "python's end", running).unwrap();
        assert_eq!(
            String::from_utf8_lossy(&output.stdout),
            said,
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
    finish(&reactor);
}
