//! Two layers back to back in memory, with certificates made for the occasion.

use super::*;
use crate::endpoint::{Host, Identity, TlsClientOptions, TlsServerOptions, Trust};
use bytes::Bytes;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::crypto::CryptoProvider;
use rustls::{CipherSuite, RootCertStore, SupportedCipherSuite, Tls12CipherSuite};
use std::time::{Duration, SystemTime};

mod configuration;

/// 14 November 2023, when most of the certificates here are valid.
fn now() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

const NAME: &str = "server.example";

/// An authority, and what it signs.
struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    fn new() -> Self {
        Self::named("a test's authority")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> Pem {
        Pem::new("ca.pem", self.0.pem())
    }

    fn sign(&self, name: &str) -> Identity<Pem> {
        self.sign_with(name, |_| {})
    }

    fn sign_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Identity<Pem> {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        Identity {
            certificate: Pem::new("cert.pem", certificate.pem()),
            key: Pem::new("key.pem", key.serialize_pem()),
        }
    }
}

fn server_options(identity: Identity<Pem>) -> TlsServerOptions<Pem> {
    let Identity { certificate, key } = identity;
    TlsServerOptions { certificate, key, client_ca: None, alpn: Vec::new() }
}

fn client_options(authority: &Authority) -> TlsClientOptions<Pem> {
    TlsClientOptions { trust: Trust::Only(authority.pem()), ..TlsClientOptions::default() }
}

fn host() -> Host {
    NAME.parse().unwrap()
}

/// One end: what it is to send, what it has received, and how it failed.
struct Side {
    layer: Box<dyn Layer>,
    outgoing: Output,
    wire: Output,
    incoming: BytesMut,
    failure: Option<TlsError>,
}

impl Side {
    fn new(layer: Box<dyn Layer>) -> Self {
        Self {
            layer,
            outgoing: Output::default(),
            wire: Output::default(),
            incoming: BytesMut::new(),
            failure: None,
        }
    }

    fn write(&mut self, data: &[u8]) {
        self.outgoing.push(Bytes::copy_from_slice(data));
    }

    /// What it has for the wire now.
    fn sent(&mut self) -> Vec<u8> {
        let outcome = self.layer.send(&mut self.outgoing, &mut self.wire);
        self.note(outcome);
        let (pieces, tail) = self.wire.take_all();
        pieces.iter().flat_map(|piece| piece.to_vec()).chain(tail).collect()
    }

    fn receive(&mut self, data: &[u8]) {
        let mut wire = BytesMut::from(data);
        let outcome = self.layer.receive(&mut wire, &mut self.incoming);
        assert!(wire.is_empty(), "everything is consumed");
        self.note(outcome);
    }

    fn note(&mut self, outcome: io::Result<()>) {
        if let Err(error) = outcome {
            let inner = error.into_inner().and_then(|inner| inner.downcast::<TlsError>().ok());
            self.failure = inner.map(|inner| *inner);
            assert!(self.failure.is_some(), "a failure is a TlsError");
        }
    }
}

struct Pair {
    client: Side,
    server: Side,
}

impl Pair {
    fn new(client: Box<dyn Layer>, server: Box<dyn Layer>) -> Self {
        Self { client: Side::new(client), server: Side::new(server) }
    }

    fn with(client: &TlsClientOptions<Pem>, server: &TlsServerOptions<Pem>) -> Self {
        let client = TlsClient::new(client).unwrap().layer(Some(&host()), now()).unwrap();
        Self::new(client, TlsServer::new(server).unwrap().layer(now()))
    }

    fn usual() -> Self {
        let authority = Authority::new();
        Self::with(&client_options(&authority), &server_options(authority.sign(NAME)))
    }

    /// Let bytes go both ways, `step` at a time, until neither side has more to say.
    fn run_by(&mut self, step: usize) -> &mut Self {
        for _ in 0..10_000 {
            let to_server = self.client.sent();
            to_server.chunks(step).for_each(|chunk| self.server.receive(chunk));
            let to_client = self.server.sent();
            to_client.chunks(step).for_each(|chunk| self.client.receive(chunk));
            if to_server.is_empty() && to_client.is_empty() {
                return self;
            }
        }
        panic!("the two never come to rest");
    }

    fn run(&mut self) -> &mut Self {
        self.run_by(usize::MAX)
    }

    fn established(mut self) -> Self {
        self.run();
        assert!(self.client.layer.is_established() && self.server.layer.is_established());
        self
    }
}

/// A pair of which the client speaks TLS 1.2 alone, with these cipher suites.
fn pair_of_tls12(suites: Vec<SupportedCipherSuite>) -> Pair {
    let authority = Authority::new();
    let mut roots = RootCertStore::empty();
    roots.add(authority.0.der().clone()).unwrap();
    let provider = CryptoProvider { cipher_suites: suites, ..rustls::crypto::ring::default_provider() };
    let config = ClientConfig::builder_with_details(Arc::new(provider), Arc::new(LayerClock))
        .with_protocol_versions(&[&rustls::version::TLS12])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let time = UnixTime::since_unix_epoch(Duration::from_secs(1_700_000_000));
    let client = TlsLayer::client(Arc::new(config), ServerName::try_from(NAME).unwrap(), time);
    Pair::new(Box::new(client), TlsServer::new(&server_options(authority.sign(NAME))).unwrap().layer(now()))
}

fn all_suites() -> Vec<SupportedCipherSuite> {
    rustls::crypto::ring::ALL_CIPHER_SUITES.to_vec()
}

/// Bytes in which a lost, doubled or moved one shows.
fn pattern(length: usize) -> Vec<u8> {
    (0..length).map(|index| (index.wrapping_mul(2_654_435_761) >> 16) as u8).collect()
}

#[test]
fn bytes_go_both_ways() {
    for mut pair in [Pair::usual(), pair_of_tls12(all_suites())] {
        pair.client.write(b"from the client");
        pair.server.write(b"from the server");
        pair.run();
        assert_eq!(&pair.server.incoming[..], b"from the client");
        assert_eq!(&pair.client.incoming[..], b"from the server");
    }
}

#[test]
fn every_cut_of_the_wire_means_the_same() {
    for (version, mut pair) in [("TLSv1.3", Pair::usual()), ("TLSv1.2", pair_of_tls12(all_suites()))] {
        let (up, down) = (pattern(40_000), pattern(20_000));
        pair.client.write(&up);
        pair.server.write(&down);
        pair.run_by(1);
        assert!(pair.server.incoming == up && pair.client.incoming == down, "{version}");
        assert_eq!(pair.client.layer.session().map(|session| session.version), Some(version));
        pair.client.layer.finish(&mut pair.client.wire);
        pair.run_by(1);
        assert!(pair.server.layer.ended());
    }
}

#[test]
fn a_large_body_arrives_whole_and_in_bounded_steps() {
    let mut pair = Pair::usual().established();
    let body = pattern(5_000_000);
    pair.client.write(&body);
    pair.server.write(&body);
    let side = &mut pair.client;
    side.layer.send(&mut side.outgoing, &mut side.wire).unwrap();
    assert!((1..=WIRE_MAX).contains(&side.wire.len()), "{} bytes at once", side.wire.len());
    assert!(side.outgoing.len() >= body.len() - WIRE_MAX, "the rest waits unencrypted");
    let before = side.wire.len();
    side.layer.send(&mut side.outgoing, &mut side.wire).unwrap();
    assert_eq!(side.wire.len(), before, "a full wire takes no more");
    pair.run_by(16_384);
    assert!(pair.server.incoming == body && pair.client.incoming == body);
}

#[test]
fn nothing_is_taken_before_the_handshake_is_done() {
    let mut pair = Pair::usual();
    pair.client.write(b"early");
    pair.client.sent();
    assert_eq!(pair.client.outgoing.len(), 5);
    assert!(!pair.client.layer.is_established() && pair.client.layer.session().is_none());
}

#[test]
fn an_established_idle_layer_owns_no_wire_buffer() {
    let mut pair = Pair::usual().established();
    assert!(pair.client.sent().is_empty());
    let (_, tail) = pair.client.wire.take_all();
    assert_eq!(tail.capacity(), 0);
}

#[test]
fn a_goodbye_ends_one_direction_and_not_the_other() {
    let mut pair = Pair::usual().established();
    pair.client.write(b"last words");
    let said = pair.client.sent();
    pair.client.layer.finish(&mut pair.client.wire);
    pair.client.layer.finish(&mut pair.client.wire);
    pair.server.receive(&said);
    assert!(!pair.server.layer.ended());
    pair.client.write(b"too late");
    pair.run();
    assert!(pair.server.layer.ended() && pair.server.layer.end_of_wire().is_ok());
    assert_eq!(&pair.server.incoming[..], b"last words");
    assert_eq!(pair.client.outgoing.len(), 8, "nothing is taken after the goodbye");
    pair.server.write(b"the answer");
    pair.run();
    assert_eq!(&pair.client.incoming[..], b"the answer");
    pair.server.receive(b"what follows a goodbye is ignored");
    assert_eq!(pair.server.failure, None);
}

#[test]
fn a_stream_without_a_goodbye_is_truncated() {
    let mut pair = Pair::usual().established();
    pair.client.write(&pattern(100_000));
    let sent = pair.client.sent();
    pair.server.receive(&sent[..20_000]);
    let error = pair.server.layer.end_of_wire().expect_err("no goodbye came");
    assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    assert!(error.to_string().contains("close_notify"), "{error}");
    assert_eq!(pair.server.incoming, &pattern(100_000)[..RECORD_MAX], "what came whole is delivered");
}

#[test]
fn an_end_in_the_handshake_says_so() {
    let mut pair = Pair::usual();
    let hello = pair.client.sent();
    pair.server.receive(&hello[..hello.len() / 2]);
    let error = pair.server.layer.end_of_wire().expect_err("the handshake was going on");
    assert_eq!(error.to_string(), TlsError::CutOff.to_string());
}

#[test]
fn a_certificate_of_an_unknown_authority_is_refused() {
    let server = server_options(Authority::named("a stranger").sign(NAME));
    let mut pair = Pair::with(&client_options(&Authority::new()), &server);
    pair.run();
    assert_eq!(pair.client.failure, Some(TlsError::UntrustedIssuer));
    let Some(TlsError::Refused { why }) = &pair.server.failure else { panic!("{:?}", pair.server.failure) };
    assert!(why.contains("does not trust the authority"), "{why}");
    assert!(!pair.client.layer.is_established() && !pair.server.layer.is_established());
}

#[test]
fn an_authority_made_anew_under_its_old_name_is_told_from_a_stranger() {
    let server = server_options(Authority::new().sign(NAME));
    let mut pair = Pair::with(&client_options(&Authority::new()), &server);
    pair.run();
    assert_eq!(pair.client.failure, Some(TlsError::WrongIssuer));
}

#[test]
fn a_certificate_for_another_name_is_refused() {
    let authority = Authority::new();
    let mut pair = Pair::with(&client_options(&authority), &server_options(authority.sign("other.example")));
    pair.run();
    let error = pair.client.failure.expect("the name is wrong").to_string();
    assert!(error.contains("other.example") && error.contains("not for server.example"), "{error}");
}

#[test]
fn another_name_may_be_asked_for() {
    let authority = Authority::new();
    let named =
        TlsClientOptions { name: Some("other.example".parse().unwrap()), ..client_options(&authority) };
    let pair = Pair::with(&named, &server_options(authority.sign("other.example"))).established();
    let asked = |side: &Side| side.layer.session().and_then(|session| session.server_name);
    assert_eq!(asked(&pair.server).as_deref(), Some("other.example"));
    assert_eq!(asked(&pair.client).as_deref(), Some("other.example"));
}

#[test]
fn a_certificate_may_be_for_an_address() {
    let authority = Authority::new();
    let server = TlsServer::new(&server_options(authority.sign("10.0.0.1"))).unwrap();
    let client = TlsClient::new(&client_options(&authority)).unwrap();
    for (address, accepted) in [("10.0.0.1", true), ("10.0.0.2", false)] {
        let layer = client.layer(Some(&address.parse().unwrap()), now()).unwrap();
        let mut pair = Pair::new(layer, server.layer(now()));
        pair.run();
        assert_eq!(pair.client.layer.is_established(), accepted, "{address}");
    }
}

#[test]
fn certificates_are_judged_as_of_the_connections_time() {
    let authority = Authority::new();
    let identity = authority.sign_with(NAME, |params| {
        params.not_before = date_time_ymd(2023, 11, 1);
        params.not_after = date_time_ymd(2023, 12, 1);
    });
    let server = TlsServer::new(&server_options(identity)).unwrap();
    let day = Duration::from_secs(86_400);
    let outcome = |time| {
        // A new one each time: a session that is taken up again skips the certificate.
        let client = TlsClient::new(&client_options(&authority)).unwrap();
        let mut pair = Pair::new(client.layer(Some(&host()), time).unwrap(), server.layer(time));
        pair.run();
        pair.client.failure.map(|failure| failure.to_string())
    };
    assert_eq!(outcome(now()), None);
    let expired = outcome(now() + 30 * day);
    assert_eq!(expired.as_deref(), Some("the peer's certificate expired 13 days ago"));
    let early = outcome(now() - 30 * day);
    assert_eq!(
        early.as_deref(),
        Some("the peer's certificate becomes valid in 16 days (or a clock is wrong)")
    );
}

#[test]
fn each_side_judges_by_its_own_time() {
    let authority = Authority::new();
    let server =
        TlsServerOptions { client_ca: Some(authority.pem()), ..server_options(authority.sign(NAME)) };
    let identity = authority.sign_with("client", |params| params.not_after = date_time_ymd(2023, 12, 1));
    let client = TlsClientOptions { identity: Some(identity), ..client_options(&authority) };
    let later = now() + Duration::from_secs(30 * 86_400);
    let client = TlsClient::new(&client).unwrap().layer(Some(&host()), now()).unwrap();
    let mut pair = Pair::new(client, TlsServer::new(&server).unwrap().layer(later));
    pair.run();
    assert!(matches!(pair.server.failure, Some(TlsError::Expired { .. })), "{:?}", pair.server.failure);
}

#[test]
fn an_authoritys_own_certificate_is_refused_with_advice() {
    let mut params = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let certificate = Pem::new("self.pem", params.self_signed(&key).unwrap().pem());
    let trust = Trust::Only(certificate.clone());
    let server = server_options(Identity { certificate, key: Pem::new("key.pem", key.serialize_pem()) });
    let mut pair = Pair::with(&TlsClientOptions { trust, ..TlsClientOptions::default() }, &server);
    pair.run();
    let error = pair.client.failure.expect("it is an authority's").to_string();
    assert!(error.contains("an authority's own (CA:TRUE)"), "{error}");
}

#[test]
fn a_required_client_certificate_is_shown() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let server = TlsServerOptions { client_ca: Some(clients.pem()), ..server_options(servers.sign(NAME)) };
    let identity = clients.sign("client.example");
    let shown = Some(identity.certificate.clone());
    let client = TlsClientOptions { identity: Some(identity), ..client_options(&servers) };
    let mut pair = Pair::with(&client, &server).established();
    pair.client.write(b"let in");
    pair.run();
    assert_eq!(&pair.server.incoming[..], b"let in");
    let session = pair.server.layer.session().expect("it is established");
    assert_eq!(session.peer_certificates.len(), 1, "{shown:?}");
    assert_eq!(pair.client.layer.session().expect("it is established").peer_certificates.len(), 1);
}

#[test]
fn a_missing_client_certificate_is_refused() {
    let (servers, clients) = (Authority::new(), Authority::new());
    let server = TlsServerOptions { client_ca: Some(clients.pem()), ..server_options(servers.sign(NAME)) };
    let mut pair = Pair::with(&client_options(&servers), &server);
    pair.client.write(b"let me in");
    pair.run();
    assert_eq!(pair.server.failure, Some(TlsError::NoCertificate));
    assert!(pair.server.incoming.is_empty());
    let Some(TlsError::Refused { why }) = &pair.client.failure else { panic!("{:?}", pair.client.failure) };
    assert!(why.contains("requires a certificate from us"), "{why}");
}

#[test]
fn a_client_certificate_of_another_authority_is_refused() {
    let (servers, clients) = (Authority::new(), Authority::named("the clients' authority"));
    let server = TlsServerOptions { client_ca: Some(clients.pem()), ..server_options(servers.sign(NAME)) };
    let identity = Some(servers.sign("client.example"));
    let mut pair = Pair::with(&TlsClientOptions { identity, ..client_options(&servers) }, &server);
    pair.client.write(b"let me in");
    pair.run();
    assert_eq!(pair.server.failure, Some(TlsError::UntrustedIssuer));
    assert!(pair.server.incoming.is_empty());
}

#[test]
fn verify_no_takes_anyone() {
    let anyone = TlsClientOptions { trust: Trust::Anyone, ..TlsClientOptions::default() };
    let stranger = server_options(Authority::new().sign_with("other.example", |params| {
        params.not_after = date_time_ymd(2020, 1, 1);
    }));
    Pair::with(&anyone, &stranger).established();
}

#[test]
fn text_at_a_tls_port_is_an_error_and_gets_an_alert() {
    let authority = Authority::new();
    let server = TlsServer::new(&server_options(authority.sign(NAME))).unwrap();
    for text in [&b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"[..], b"hi"] {
        let mut side = Side::new(server.layer(now()));
        side.receive(text);
        let error = side.failure.clone().expect("that is no TLS").to_string();
        assert!(error.starts_with("the peer does not speak TLS"), "{error}");
        assert!(error.contains(&text[..2].escape_ascii().to_string()), "{error}");
        assert_eq!(side.sent(), DECODE_ERROR);
        assert!(side.sent().is_empty(), "the alert goes once");
        side.write(b"x");
        side.receive(b"\x16\x03\x01");
        assert_eq!(side.failure.map(|failure| failure.to_string()), Some(error), "a failure is for good");
        assert_eq!(side.outgoing.len(), 1);
    }
}

#[test]
fn a_server_that_speaks_text_is_an_error_too() {
    let mut pair = Pair::usual();
    pair.client.sent();
    pair.client.receive(b"220 mail.example ESMTP\r\n");
    let start = "220 mail.example".to_owned();
    assert_eq!(pair.client.failure, Some(TlsError::NotTls { start }));
}

#[test]
fn a_changed_record_fails_after_what_came_before_it() {
    let mut pair = Pair::usual().established();
    pair.client.write(b"good");
    let mut sent = pair.client.sent();
    pair.client.write(b"to be changed");
    sent.extend(pair.client.sent());
    *sent.last_mut().expect("there are records") ^= 1;
    pair.server.receive(&sent);
    assert_eq!(&pair.server.incoming[..], b"good");
    assert!(matches!(pair.server.failure, Some(TlsError::Protocol { .. })), "{:?}", pair.server.failure);
    assert!(pair.server.layer.is_established(), "what came before is still to be delivered");
    pair.server.write(b"no more");
    let alert = pair.server.sent();
    assert_eq!(pair.server.outgoing.len(), 7, "nothing is sent after a failure but the alert");
    pair.client.receive(&alert);
    assert!(matches!(pair.client.failure, Some(TlsError::Refused { .. })), "{:?}", pair.client.failure);
}

#[test]
fn a_hostile_length_is_refused_before_it_is_stored() {
    let authority = Authority::new();
    let server = TlsServer::new(&server_options(authority.sign(NAME))).unwrap();
    let mut record = Side::new(server.layer(now()));
    record.receive(b"\x16\x03\x01\xff\xff");
    assert!(matches!(record.failure, Some(TlsError::Protocol { .. })), "{:?}", record.failure);

    // A handshake message that claims 16 MiB, in records of 16 KiB.
    let mut message = Side::new(server.layer(now()));
    let mut fragment = b"\x16\x03\x01\x40\x00".to_vec();
    fragment.extend([1, 0xff, 0xff, 0xff]);
    fragment.resize(5 + RECORD_MAX, 0);
    message.receive(&fragment);
    for _ in 0..4 {
        let mut more = b"\x16\x03\x01\x40\x00".to_vec();
        more.resize(5 + RECORD_MAX, 0);
        message.receive(&more);
    }
    assert!(matches!(message.failure, Some(TlsError::Protocol { .. })), "{:?}", message.failure);
}

#[test]
fn a_flood_of_empty_records_is_refused() {
    let mut pair = pair_of_tls12(all_suites()).established();
    let empty = b"\x17\x03\x03\x00\x00".repeat(100);
    pair.server.receive(&empty);
    assert!(pair.server.failure.is_some());
}

#[test]
fn application_protocols_are_agreed_on() {
    let authority = Authority::new();
    let names = |list: &[&str]| list.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let options = |client: &[&str], server: &[&str]| {
        let client = TlsClientOptions { alpn: names(client), ..client_options(&authority) };
        let server = TlsServerOptions { alpn: names(server), ..server_options(authority.sign(NAME)) };
        Pair::with(&client, &server)
    };
    let agreed = |side: &Side| side.layer.session().and_then(|session| session.alpn);
    let pair = options(&["http/1.1", "h2"], &["h2", "http/1.1"]).established();
    assert_eq!(agreed(&pair.client).as_deref(), Some("h2"), "the server prefers it");
    assert_eq!(agreed(&pair.server).as_deref(), Some("h2"));
    assert_eq!(agreed(&options(&["h2"], &[]).established().client), None);
    let mut none = options(&["h2"], &["amqp"]);
    none.run();
    let error = none.client.failure.expect("they share none").to_string();
    assert!(error.contains("none of our application protocols"), "{error}");
}

#[test]
fn a_session_is_taken_up_again() {
    let authority = Authority::new();
    let server = TlsServer::new(&server_options(authority.sign(NAME))).unwrap();
    let client = TlsClient::new(&client_options(&authority)).unwrap();
    let mut resumed = Vec::new();
    for _ in 0..2 {
        let layer = client.clone().layer(Some(&host()), now()).unwrap();
        let pair = Pair::new(layer, server.layer(now())).established();
        resumed.extend([&pair.client, &pair.server].map(|side| side.layer.session().unwrap().resumed));
    }
    assert_eq!(resumed, [false, false, true, true]);
}

/// A cipher suite whose keys may encrypt no more than a few records.
fn short_lived() -> SupportedCipherSuite {
    let suite = rustls::crypto::ring::ALL_CIPHER_SUITES
        .iter()
        .find(|suite| suite.suite() == CipherSuite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256);
    let Some(SupportedCipherSuite::Tls12(suite)) = suite else { panic!("ring has it") };
    let common = rustls::crypto::CipherSuiteCommon { confidentiality_limit: 8, ..*common(suite) };
    SupportedCipherSuite::Tls12(Box::leak(Box::new(Tls12CipherSuite { common, ..**suite })))
}

fn common(suite: &Tls12CipherSuite) -> &rustls::crypto::CipherSuiteCommon {
    &suite.common
}

#[test]
fn worn_out_keys_lose_no_byte_silently() {
    let mut pair = pair_of_tls12(vec![short_lived()]).established();
    let mut accepted = 0;
    for _ in 0..20 {
        pair.client.write(b"x");
        pair.run();
        if pair.client.failure.is_some() {
            break;
        }
        accepted += 1;
    }
    assert_eq!(pair.client.failure, Some(TlsError::WornOut));
    assert!(accepted > 0);
    assert_eq!(pair.server.incoming.len(), accepted, "what was accepted has arrived");
    assert!(pair.server.layer.ended(), "the peer was told");
}
