//! What can go wrong in a TLS connection, and whose fault it was.
//!
//! The TLS library's own errors end here: they are put into words that say what to do.

use rustls::{AlertDescription, CertificateError, Error};
use std::io;

/// Why a TLS connection failed. It travels as the inner error of an [`io::Error`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TlsError {
    /// The first bytes are no TLS: a plain-text peer at a TLS port, or the reverse.
    #[error("the peer does not speak TLS: it began with \"{start}\"")]
    NotTls {
        /// How it began, escaped.
        start: String,
    },
    /// The peer's certificate is signed by no authority that we trust.
    #[error("the peer's certificate is signed by no authority that we trust")]
    UntrustedIssuer,
    /// The peer's certificate names an authority that we trust, which has not signed it.
    #[error("the peer's certificate is signed by another authority of the same name as one that we trust")]
    WrongIssuer,
    /// The peer's certificate was valid once.
    #[error("the peer's certificate expired {} ago", duration(*.seconds))]
    Expired {
        /// How long ago it expired, in seconds.
        seconds: u64,
    },
    /// The peer's certificate will be valid some day; or a clock is wrong.
    #[error("the peer's certificate becomes valid in {} (or a clock is wrong)", duration(*.seconds))]
    NotValidYet {
        /// In how many seconds it becomes valid.
        seconds: u64,
    },
    /// The peer's certificate is somebody else's.
    #[error("the peer's certificate is for {}, not for {wanted}", list(.names))]
    WrongName {
        /// Whom we asked for.
        wanted: String,
        /// Whom it is for.
        names: Vec<String>,
    },
    /// Something else is wrong with the peer's certificate.
    #[error("the peer's certificate is not acceptable: {why}")]
    BadCertificate {
        /// What is wrong with it.
        why: String,
    },
    /// A certificate is required, and the peer has shown none.
    #[error("the peer showed no certificate, and one is required")]
    NoCertificate,
    /// The peer has refused us.
    #[error("the peer refused the connection: {why}")]
    Refused {
        /// What its alert says.
        why: String,
    },
    /// The peer broke the rules of TLS, or shares no version or cipher suite with us.
    #[error("TLS failed: {why}")]
    Protocol {
        /// What the library says.
        why: String,
    },
    /// The connection ended in the middle of the handshake.
    #[error("the connection ended during the TLS handshake")]
    CutOff,
    /// The connection ended without the goodbye of TLS.
    #[error("the connection ended without the goodbye of TLS (close_notify), so something may be missing")]
    Truncated,
    /// TLS 1.2 has no means to change keys, and these have encrypted as much as they safely can.
    #[error("the connection's TLS 1.2 keys are worn out: connect anew, or use TLS 1.3")]
    WornOut,
}

impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        let kind = match error {
            TlsError::CutOff | TlsError::Truncated => io::ErrorKind::UnexpectedEof,
            TlsError::Refused { .. } => io::ErrorKind::ConnectionAborted,
            _ => io::ErrorKind::InvalidData,
        };
        Self::new(kind, error)
    }
}

impl From<Error> for TlsError {
    fn from(error: Error) -> Self {
        match error {
            Error::InvalidCertificate(error) => certificate(error),
            Error::NoCertificatesPresented => Self::NoCertificate,
            Error::AlertReceived(alert) => Self::Refused { why: refusal(alert) },
            error => Self::Protocol { why: error.to_string() },
        }
    }
}

fn certificate(error: CertificateError) -> TlsError {
    match error {
        CertificateError::UnknownIssuer => TlsError::UntrustedIssuer,
        CertificateError::BadSignature => TlsError::WrongIssuer,
        CertificateError::ExpiredContext { time, not_after } => {
            TlsError::Expired { seconds: time.as_secs().saturating_sub(not_after.as_secs()) }
        }
        CertificateError::NotValidYetContext { time, not_before } => {
            TlsError::NotValidYet { seconds: not_before.as_secs().saturating_sub(time.as_secs()) }
        }
        CertificateError::NotValidForNameContext { expected, presented } => {
            TlsError::WrongName { wanted: expected.to_str().into_owned(), names: presented }
        }
        error => {
            let why = match &error {
                CertificateError::Other(inner) => inner.to_string(),
                error => error.to_string(),
            };
            TlsError::BadCertificate { why: with_advice(why) }
        }
    }
}

/// The library has no variant for what happens to everyone who has made a certificate with
/// `openssl req -x509` and nothing more.
fn with_advice(why: String) -> String {
    if why.contains("CaUsedAsEndEntity") {
        return "it is an authority's own (CA:TRUE), and a peer needs one that an authority has signed"
            .into();
    }
    why
}

fn refusal(alert: AlertDescription) -> String {
    let advice = match alert {
        AlertDescription::CertificateRequired => "it requires a certificate from us",
        AlertDescription::UnknownCA => "it does not trust the authority that signed our certificate",
        AlertDescription::CertificateExpired => "our certificate has expired",
        AlertDescription::BadCertificate | AlertDescription::CertificateUnknown => {
            "it does not accept our certificate"
        }
        AlertDescription::UnrecognisedName => "it knows no server of that name",
        AlertDescription::NoApplicationProtocol => "it speaks none of our application protocols (ALPN)",
        AlertDescription::ProtocolVersion => "it does not speak TLS 1.2 or 1.3",
        AlertDescription::HandshakeFailure => "it shares no cipher suite with us, or wants a certificate",
        alert => return format!("alert {alert:?}"),
    };
    format!("{advice} (alert {alert:?})")
}

fn duration(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second")];
    let (unit, name) = UNITS.into_iter().find(|(unit, _)| seconds >= 2 * unit).unwrap_or(UNITS[3]);
    let count = seconds / unit;
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {name}{plural}")
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "no name at all".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::duration;

    #[test]
    fn durations_read_well() {
        for (seconds, text) in
            [(0, "0 seconds"), (1, "1 second"), (119, "119 seconds"), (120, "2 minutes"), (200_000, "2 days")]
        {
            assert_eq!(duration(seconds), text);
        }
    }
}
