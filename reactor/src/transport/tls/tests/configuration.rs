//! What is wrong with a file is found when it is loaded, and named.

use super::super::config::check_dates;
use super::*;
use rcgen::PKCS_ED25519;

#[test]
fn a_wrong_file_is_named() {
    let authority = Authority::new();
    let Identity { certificate, key } = authority.sign(NAME);
    let other = authority.sign(NAME).key;
    let text = |text: &str| Pem::new("some.pem", text);
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n";
    let nonsense = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let bad_key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n";
    let encrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n";
    let old = "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n\
               -----END RSA PRIVATE KEY-----\n";
    let cases = [
        (text(""), key.clone(), None, "no certificate found in some.pem"),
        (key.clone(), key.clone(), None, "no certificate found in key.pem"),
        (
            text(broken),
            key.clone(),
            None,
            "some.pem is not proper PEM text: the line -----END CERTIFICATE----- is missing",
        ),
        (text(nonsense), key.clone(), None, "a certificate in some.pem can't be used"),
        (certificate.clone(), text(""), None, "no private key found in some.pem"),
        (certificate.clone(), certificate.clone(), None, "no private key found in cert.pem"),
        (certificate.clone(), text(encrypted), None, "the private key in some.pem is encrypted"),
        (certificate.clone(), text(old), None, "the private key in some.pem is encrypted"),
        (certificate.clone(), text(bad_key), None, "the private key in some.pem can't be used"),
        (
            certificate.clone(),
            other,
            None,
            "key in key.pem does not belong to the first certificate in cert.pem",
        ),
        (certificate.clone(), key.clone(), Some(text("")), "no certificate found in some.pem"),
        (certificate.clone(), key.clone(), Some(text(nonsense)), "a certificate in some.pem can't be used"),
    ];
    for (certificate, key, client_ca, said) in cases {
        let options = TlsServerOptions { certificate, key, client_ca, alpn: Vec::new() };
        let error = TlsServer::new(&options).expect_err(said);
        assert!(error.to_string().contains(said), "{error}");
        assert_eq!(io::Error::from(error).kind(), io::ErrorKind::InvalidInput);
    }
}

#[test]
fn an_out_of_date_certificate_of_our_own_is_noticed() {
    let identity = Authority::new().sign_with(NAME, |params| params.not_after = date_time_ymd(2023, 11, 1));
    let error = check_dates(&identity.certificate, now()).expect_err("it has expired");
    assert_eq!(error.to_string(), "the certificate in cert.pem is out of date: it expired 13 days ago");
    let current = Authority::new().sign(NAME);
    assert!(check_dates(&current.certificate, now()).is_ok());
}

#[test]
fn a_client_needs_a_name() {
    let client = TlsClient::new(&client_options(&Authority::new())).unwrap();
    assert!(matches!(client.layer(None, now()), Err(TlsConfigError::NoName)));
    let odd = Host::Name("a..b".to_owned());
    assert!(matches!(client.layer(Some(&odd), now()), Err(TlsConfigError::BadName { .. })));
    let zoned = "[fe80::1%eth0]".parse().unwrap();
    assert!(client.layer(Some(&zoned), now()).is_ok(), "a zone is not part of a name");
}

#[test]
fn files_are_loaded_and_missing_ones_named() {
    let directory = tempfile::tempdir().unwrap();
    let authority = Authority::new();
    // Another kind of key than elsewhere in these tests.
    let key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
    let certificate =
        CertificateParams::new(vec![NAME.to_owned()]).unwrap().signed_by(&key, &authority.0).unwrap();
    let both = directory.path().join("both.pem");
    let roots = directory.path().join("ca.pem");
    put(&both, &(certificate.pem() + &key.serialize_pem()));
    put(&roots, &authority.0.pem());

    let mut server = TlsServerOptions {
        certificate: both.clone(),
        key: both.clone(),
        client_ca: Some(roots.clone()),
        alpn: Vec::new(),
    };
    let identity = Some(Identity { certificate: both.clone(), key: both });
    let client = TlsClientOptions { trust: Trust::Only(roots), identity, ..TlsClientOptions::default() };
    let layer = TlsClient::load(&client, now()).unwrap().layer(Some(&host()), now()).unwrap();
    Pair::new(layer, TlsServer::load(&server, now()).unwrap().layer(now())).established();

    server.key = directory.path().join("absent.pem");
    let error = TlsServer::load(&server, now()).expect_err("there is no such file");
    assert!(error.to_string().contains("absent.pem"), "{error}");
    assert_eq!(io::Error::from(error).kind(), io::ErrorKind::NotFound);
}

#[expect(clippy::disallowed_methods, reason = "a test's own file")]
fn put(path: &std::path::Path, text: &str) {
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_key_is_never_printed() {
    let identity = Authority::new().sign(NAME);
    let printed = format!("{identity:?}");
    assert!(printed.contains("key.pem") && !printed.contains("BEGIN"), "{printed}");
}
