//! TLS in a build without the `tls` feature: the same names, and an error that says so.
//!
//! Nothing here can ever exist as a value, so whoever uses [`TlsServer`] and [`TlsClient`] needs no
//! conditional compilation: endpoints with `tls:` are read as ever, and fail when they are opened.

use crate::endpoint::{Host, TlsClientOptions, TlsServerOptions};
use crate::transport::layer::Layer;
use std::convert::Infallible;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

/// TLS was asked for, and it is not there.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TlsConfigError {
    /// The only way to fail here.
    #[error("this build has no TLS: build ropewalk-reactor with its `tls` feature")]
    NotBuilt,
}

impl From<TlsConfigError> for io::Error {
    fn from(error: TlsConfigError) -> Self {
        Self::new(io::ErrorKind::Unsupported, error)
    }
}

/// The server's side of TLS, which this build doesn't have.
#[derive(Clone, Debug)]
pub struct TlsServer(Infallible);

impl TlsServer {
    /// Fails.
    ///
    /// # Errors
    /// [`TlsConfigError::NotBuilt`], always.
    pub fn load(_options: &TlsServerOptions<PathBuf>, _now: SystemTime) -> Result<Self, TlsConfigError> {
        Err(TlsConfigError::NotBuilt)
    }

    /// Never called, as there is no server.
    pub(crate) fn layer(&self, _now: SystemTime) -> Box<dyn Layer> {
        match self.0 {}
    }
}

/// The client's side of TLS, which this build doesn't have.
#[derive(Clone, Debug)]
pub struct TlsClient(Infallible);

impl TlsClient {
    /// Fails.
    ///
    /// # Errors
    /// [`TlsConfigError::NotBuilt`], always.
    pub fn load(_options: &TlsClientOptions<PathBuf>, _now: SystemTime) -> Result<Self, TlsConfigError> {
        Err(TlsConfigError::NotBuilt)
    }

    /// Never called, as there is no client.
    pub(crate) fn layer(
        &self,
        _host: Option<&Host>,
        _now: SystemTime,
    ) -> Result<Box<dyn Layer>, TlsConfigError> {
        match self.0 {}
    }
}
