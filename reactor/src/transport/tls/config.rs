//! Who we are and whom we trust: certificates, keys and authorities, out of PEM text.
//!
//! Made once, shared by every connection: [`TlsServer`] and [`TlsClient`] are handles, cheap to
//! clone. Everything is checked when they are made, so that a wrong file is found at start and is
//! named, and not by the first client. Only the functions called `load` and [`Pem::read`] touch files.

use super::{LayerClock, TlsLayer};
use crate::endpoint::{Host, Identity, TlsClientOptions, TlsServerOptions, Trust};
use crate::transport::layer::Layer;
use crate::transport::tls::error::TlsError;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{WebPkiServerVerifier, verify_server_cert_signed_by_trust_anchor};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, DigitallySignedStruct, Error, InconsistentKeys, RootCertStore, ServerConfig};
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

/// What is wrong with a certificate, a key or an authority of ours: which file, and what about it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsConfigError {
    /// The file can't be read.
    #[error("can't read {file}: {why}")]
    Unreadable {
        /// Which file.
        file: String,
        /// What the system says.
        why: io::Error,
    },
    /// The file has a PEM section that is broken.
    #[error("{file} is not proper PEM text: {why}")]
    NotPem {
        /// Which file.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// The file has no certificate.
    #[error("no certificate found in {file} (nothing there says \"BEGIN CERTIFICATE\")")]
    NoCertificate {
        /// Which file.
        file: String,
    },
    /// The file has no private key.
    #[error("no private key found in {file} (nothing there says \"BEGIN PRIVATE KEY\")")]
    NoPrivateKey {
        /// Which file.
        file: String,
    },
    /// The private key is locked with a passphrase, and nobody is there to ask.
    #[error("the private key in {file} is encrypted; decrypt it with: openssl pkey -in {file} -out FILE")]
    EncryptedKey {
        /// Which file.
        file: String,
    },
    /// The private key is of a kind that TLS doesn't use, or is damaged.
    #[error("the private key in {file} can't be used: {why}")]
    BadKey {
        /// Which file.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// The certificate is damaged, or of a kind that TLS doesn't use.
    #[error("a certificate in {file} can't be used: {why}")]
    BadCertificate {
        /// Which file.
        file: String,
        /// What is wrong.
        why: String,
    },
    /// The private key is another certificate's.
    #[error("the private key in {key} does not belong to the first certificate in {certificate}")]
    KeyMismatch {
        /// The file with the certificate.
        certificate: String,
        /// The file with the key.
        key: String,
    },
    /// Our certificate is not valid at this time.
    #[error("the certificate in {file} is out of date: {why}")]
    OutOfDate {
        /// Which file.
        file: String,
        /// Since when, or until when.
        why: String,
    },
    /// The operating system has no list of authorities, so no server can be trusted.
    #[error("the system's list of certificate authorities is empty; name a file with ca=FILE ({why})")]
    NoSystemAuthorities {
        /// What was looked for and not found.
        why: String,
    },
    /// An application protocol's name is empty or longer than 255 bytes.
    #[error("an application protocol (ALPN) can't be called {name:?}")]
    BadProtocol {
        /// The name.
        name: String,
    },
    /// A server can't be asked for by this name.
    #[error("a TLS server can't be called {name:?}")]
    BadName {
        /// The name.
        name: String,
    },
    /// The client doesn't know whom it talks to, so it can't tell whether the certificate is theirs.
    #[error("a TLS client needs the server's name to check the certificate against")]
    NoName,
}

impl From<TlsConfigError> for io::Error {
    fn from(error: TlsConfigError) -> Self {
        let kind = match &error {
            TlsConfigError::Unreadable { why, .. } => why.kind(),
            _ => io::ErrorKind::InvalidInput,
        };
        Self::new(kind, error)
    }
}

/// PEM text, and where it is from, which errors tell.
#[derive(Clone)]
pub struct Pem {
    file: String,
    text: Vec<u8>,
}

impl Pem {
    /// PEM text from `file`, which is only a name for errors.
    pub fn new(file: impl Into<String>, text: impl Into<Vec<u8>>) -> Self {
        Self { file: file.into(), text: text.into() }
    }

    /// Read a file, blocking: for the start of a program.
    ///
    /// # Errors
    /// [`TlsConfigError::Unreadable`].
    #[expect(clippy::disallowed_methods, reason = "certificates are read once, before the loop runs")]
    pub fn read(path: &Path) -> Result<Self, TlsConfigError> {
        let file = path.display().to_string();
        match std::fs::read(path) {
            Ok(text) => Ok(Self { file, text }),
            Err(why) => Err(TlsConfigError::Unreadable { file, why }),
        }
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
        let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&self.text).collect();
        match found {
            Ok(found) if found.is_empty() => Err(TlsConfigError::NoCertificate { file: self.file.clone() }),
            Ok(found) => Ok(found),
            Err(error) => Err(self.not_pem(&error)),
        }
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, TlsConfigError> {
        // Either the heading says it, or in the older form a header below it.
        let locked = contains(&self.text, b"BEGIN ENCRYPTED PRIVATE KEY")
            || contains(&self.text, b"Proc-Type: 4,ENCRYPTED");
        match PrivateKeyDer::from_pem_slice(&self.text) {
            Ok(key) => Ok(key),
            Err(_) if locked => Err(TlsConfigError::EncryptedKey { file: self.file.clone() }),
            Err(pem::Error::NoItemsFound) => Err(TlsConfigError::NoPrivateKey { file: self.file.clone() }),
            Err(error) => Err(self.not_pem(&error)),
        }
    }

    fn authorities(&self) -> Result<Arc<RootCertStore>, TlsConfigError> {
        let mut store = RootCertStore::empty();
        for certificate in self.certificates()? {
            store.add(certificate).map_err(|error| self.bad_certificate(&error))?;
        }
        Ok(Arc::new(store))
    }

    fn not_pem(&self, error: &pem::Error) -> TlsConfigError {
        let line = |bytes: &[u8]| bytes.escape_ascii().to_string();
        let why = match error {
            pem::Error::MissingSectionEnd { end_marker } => {
                format!("the line -----END {}----- is missing", line(end_marker))
            }
            pem::Error::IllegalSectionStart { line: bytes } => format!("it has a line \"{}\"", line(bytes)),
            error => error.to_string(),
        };
        TlsConfigError::NotPem { file: self.file.clone(), why }
    }

    fn bad_certificate(&self, error: &Error) -> TlsConfigError {
        TlsConfigError::BadCertificate { file: self.file.clone(), why: error.to_string() }
    }
}

/// Never the text: it may be a private key.
impl fmt::Debug for Pem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pem({:?}, {} bytes)", self.file, self.text.len())
    }
}

fn contains(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|window| window == what)
}

/// The server's side of TLS: a certificate to show, and maybe authorities that clients must be
/// certified by. Cheap to clone.
#[derive(Clone)]
pub struct TlsServer {
    config: Arc<ServerConfig>,
}

impl TlsServer {
    /// A server from PEM text.
    ///
    /// # Errors
    /// What is wrong with which piece.
    pub fn new(options: &TlsServerOptions<Pem>) -> Result<Self, TlsConfigError> {
        let key = certified_key(&options.certificate, &options.key)?;
        let builder = ServerConfig::builder_with_details(provider(), Arc::new(LayerClock))
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for each version");
        let builder = match &options.client_ca {
            None => builder.with_no_client_auth(),
            Some(authorities) => {
                let verifier =
                    WebPkiClientVerifier::builder_with_provider(authorities.authorities()?, provider())
                        .build()
                        .expect("there are authorities, and no revocation lists");
                builder.with_client_cert_verifier(verifier)
            }
        };
        let mut config = builder.with_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(key)));
        config.alpn_protocols = alpn(&options.alpn)?;
        Ok(Self { config: Arc::new(config) })
    }

    /// A server from the files that an endpoint names. Reads them, blocking: for the start of a
    /// program. A certificate that is out of date `now` is used, with a warning in the log: some
    /// clients don't mind, and refusing to start helps nobody.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub fn load(options: &TlsServerOptions<PathBuf>, now: SystemTime) -> Result<Self, TlsConfigError> {
        let options = TlsServerOptions {
            certificate: Pem::read(&options.certificate)?,
            key: Pem::read(&options.key)?,
            client_ca: options.client_ca.as_deref().map(Pem::read).transpose()?,
            alpn: options.alpn.clone(),
        };
        warn_if_out_of_date(&options.certificate, now);
        Self::new(&options)
    }

    /// A connection's layer. Certificates are judged as of `now`.
    pub(crate) fn layer(&self, now: SystemTime) -> Box<dyn Layer> {
        Box::new(TlsLayer::server(Arc::clone(&self.config), unix_time(now)))
    }
}

impl fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsServer").finish_non_exhaustive()
    }
}

/// The client's side of TLS: whom to trust, and maybe a certificate of its own. Cheap to clone; the
/// clones share the sessions that they may take up again.
#[derive(Clone)]
pub struct TlsClient {
    config: Arc<ClientConfig>,
    name: Option<Host>,
}

impl TlsClient {
    /// A client from PEM text. With [`Trust::System`], the system's authorities are read from their
    /// files, once in a process.
    ///
    /// # Errors
    /// What is wrong with which piece.
    pub fn new(options: &TlsClientOptions<Pem>) -> Result<Self, TlsConfigError> {
        let builder = ClientConfig::builder_with_details(provider(), Arc::new(LayerClock))
            .with_safe_default_protocol_versions()
            .expect("the provider has suites for each version")
            // The library's word for every verifier that it is handed; only `Trust::Anyone`'s is.
            .dangerous()
            .with_custom_certificate_verifier(verifier(&options.trust)?);
        let mut config = match &options.identity {
            None => builder.with_no_client_auth(),
            Some(Identity { certificate, key }) => {
                let key = certified_key(certificate, key)?;
                builder.with_client_cert_resolver(Arc::new(rustls::sign::SingleCertAndKey::from(key)))
            }
        };
        config.alpn_protocols = alpn(&options.alpn)?;
        if let Some(name) = &options.name {
            server_name(name)?;
        }
        Ok(Self { config: Arc::new(config), name: options.name.clone() })
    }

    /// A client from the files that an endpoint names. Reads them, blocking: for the start of a
    /// program. A certificate of our own that is out of date `now` is used, with a warning in the log.
    ///
    /// # Errors
    /// What is wrong with which file.
    pub fn load(options: &TlsClientOptions<PathBuf>, now: SystemTime) -> Result<Self, TlsConfigError> {
        let trust = match &options.trust {
            Trust::System => Trust::System,
            Trust::Anyone => Trust::Anyone,
            Trust::Only(authorities) => Trust::Only(Pem::read(authorities)?),
        };
        let identity = match &options.identity {
            None => None,
            Some(Identity { certificate, key }) => {
                Some(Identity { certificate: Pem::read(certificate)?, key: Pem::read(key)? })
            }
        };
        if let Some(Identity { certificate, .. }) = &identity {
            warn_if_out_of_date(certificate, now);
        }
        let (name, alpn) = (options.name.clone(), options.alpn.clone());
        Self::new(&TlsClientOptions { trust, identity, name, alpn })
    }

    /// A connection's layer. The server is `host`, unless the options have another name for it;
    /// certificates are judged as of `now`.
    pub(crate) fn layer(
        &self,
        host: Option<&Host>,
        now: SystemTime,
    ) -> Result<Box<dyn Layer>, TlsConfigError> {
        let host = self.name.as_ref().or(host).ok_or(TlsConfigError::NoName)?;
        Ok(Box::new(TlsLayer::client(Arc::clone(&self.config), server_name(host)?, unix_time(now))))
    }
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsClient").field("name", &self.name).finish_non_exhaustive()
    }
}

/// One provider for the process.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::ring::default_provider())))
}

fn alpn(names: &[String]) -> Result<Vec<Vec<u8>>, TlsConfigError> {
    let fits = |name: &String| (1..=255).contains(&name.len());
    match names.iter().find(|name| !fits(name)) {
        Some(name) => Err(TlsConfigError::BadProtocol { name: name.clone() }),
        None => Ok(names.iter().map(|name| name.clone().into_bytes()).collect()),
    }
}

fn certified_key(certificate: &Pem, key: &Pem) -> Result<CertifiedKey, TlsConfigError> {
    let chain = certificate.certificates()?;
    let bad_key = |error: Error| TlsConfigError::BadKey { file: key.file.clone(), why: error.to_string() };
    let key_der = key.private_key()?;
    let signer = provider().key_provider.load_private_key(key_der).map_err(bad_key)?;
    let certified = CertifiedKey::new(chain, signer);
    match certified.keys_match() {
        Ok(()) | Err(Error::InconsistentKeys(InconsistentKeys::Unknown)) => Ok(certified),
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err(TlsConfigError::KeyMismatch { certificate: certificate.file.clone(), key: key.file.clone() })
        }
        Err(error) => Err(certificate.bad_certificate(&error)),
    }
}

fn warn_if_out_of_date(certificate: &Pem, now: SystemTime) {
    if let Err(error) = check_dates(certificate, now) {
        tracing::warn!("{error}");
    }
}

/// Whether our own certificate is valid `now`. The check of the dates comes first in that of a chain,
/// so with no authority at all it is the only one that matters.
pub(super) fn check_dates(certificate: &Pem, now: SystemTime) -> Result<(), TlsConfigError> {
    let chain = certificate.certificates()?;
    let Some(first) = chain.first() else { return Ok(()) };
    let parsed = ParsedCertificate::try_from(first).map_err(|error| certificate.bad_certificate(&error))?;
    let outcome = verify_server_cert_signed_by_trust_anchor(
        &parsed,
        &RootCertStore::empty(),
        &[],
        unix_time(now),
        provider().signature_verification_algorithms.all,
    );
    match outcome.map_err(TlsError::from) {
        Err(error @ (TlsError::Expired { .. } | TlsError::NotValidYet { .. })) => {
            let why = error.to_string().replace("the peer's certificate", "it");
            Err(TlsConfigError::OutOfDate { file: certificate.file.clone(), why })
        }
        _ => Ok(()),
    }
}

fn verifier(trust: &Trust<Pem>) -> Result<Arc<dyn ServerCertVerifier>, TlsConfigError> {
    let authorities = match trust {
        Trust::System => system_authorities()?,
        Trust::Only(authorities) => authorities.authorities()?,
        Trust::Anyone => return Ok(Arc::new(AcceptAnyone(provider()))),
    };
    let verifier = WebPkiServerVerifier::builder_with_provider(authorities, provider())
        .build()
        .expect("there are authorities, and no revocation lists");
    Ok(verifier)
}

/// The authorities that the system trusts: read once, because a client that connects by an endpoint's
/// text would read some 200 KiB each time.
fn system_authorities() -> Result<Arc<RootCertStore>, TlsConfigError> {
    static AUTHORITIES: OnceLock<Arc<RootCertStore>> = OnceLock::new();
    if let Some(store) = AUTHORITIES.get() {
        return Ok(Arc::clone(store));
    }
    let found = rustls_native_certs::load_native_certs();
    let mut store = RootCertStore::empty();
    store.add_parsable_certificates(found.certs);
    if store.is_empty() {
        let why = found.errors.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        return Err(TlsConfigError::NoSystemAuthorities { why });
    }
    Ok(Arc::clone(AUTHORITIES.get_or_init(|| Arc::new(store))))
}

fn server_name(host: &Host) -> Result<ServerName<'static>, TlsConfigError> {
    let bad = |name: &str| TlsConfigError::BadName { name: name.to_owned() };
    match host {
        Host::Address(address) => Ok(ServerName::from(*address)),
        Host::Name(name) => {
            // A zone says by which interface, not who.
            let address = name.split_once('%').and_then(|(address, _)| address.parse::<IpAddr>().ok());
            match address {
                Some(address) => Ok(ServerName::from(address)),
                None => ServerName::try_from(name.trim_end_matches('.').to_owned()).map_err(|_| bad(name)),
            }
        }
    }
}

/// Time before 1970 is 1970: certificates know no earlier one.
fn unix_time(now: SystemTime) -> UnixTime {
    UnixTime::since_unix_epoch(now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

/// **Dangerous.** `verify=no`: takes any certificate for any name. The peer must still prove that the
/// certificate is its own, which keeps nobody in the middle from showing one of theirs.
#[derive(Debug)]
struct AcceptAnyone(Arc<CryptoProvider>);

impl ServerCertVerifier for AcceptAnyone {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
