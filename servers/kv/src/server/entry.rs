//! The way in: a server on a reactor, configured or as it comes, and the factory of its connections.

use super::configure::{configure_users, log_filter};
use super::memory::MemorySource;
use super::session::Session;
use super::{Server, Shared};
use crate::acl::Acl;
use crate::acl::catalog::Catalog;
use crate::command::registry::Registry;
use crate::config::{Config, FileError, Start};
use crate::host::Host;
use bytes::BytesMut;
use ropewalk_reactor::{Address, Eof, Factory, Failure, Protocol, Reactor, Reason, Result, Transport};
use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::rc::Rc;
use tracing::level_filters::LevelFilter;

/// What a server is to be: the command line and the files that it names, read.
#[derive(Debug)]
pub struct Startup(Start);

/// What a configuration says about the process that the server is to run in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Go into the background.
    pub daemonize: bool,
    /// Write the process's number to this file.
    pub pidfile: Option<PathBuf>,
    /// Log to this file, not to standard output.
    pub logfile: Option<PathBuf>,
    /// Log events of this level and those that matter more.
    pub log_from: LevelFilter,
    /// Log to the system's log: by this name, as this facility.
    pub syslog: Option<(String, u8)>,
    /// Have the system use no huge pages.
    pub no_huge_pages: bool,
}

impl Startup {
    /// Read the command line, as redis-server takes it, and the files that it names: the configuration, and the
    /// files that it includes.
    ///
    /// # Errors
    /// If a file can't be read, or a line is wrong.
    pub fn read(arguments: &[OsString], host: &mut dyn Host) -> std::result::Result<Self, FileError> {
        let arguments: Vec<Vec<u8>> = arguments.iter().map(|argument| argument.as_bytes().to_vec()).collect();
        Start::read(&arguments, host).map(Self)
    }

    /// What is said about the process.
    pub fn process(&self) -> Process {
        let config = &self.0.config;
        let path = |path: &[u8]| (!path.is_empty()).then(|| PathBuf::from(OsString::from_vec(path.to_vec())));
        let ident = String::from_utf8_lossy(&config.syslog_ident).into_owned();
        Process {
            daemonize: config.daemonize,
            pidfile: path(&config.pidfile),
            logfile: path(&config.logfile),
            log_from: log_filter(config.loglevel),
            syslog: config.syslog_enabled.then(|| (ident, config.syslog_facility.code())),
            no_huge_pages: config.disable_thp,
        }
    }
}

/// A key-value server. It serves whoever connects to where its [factory](Self::factory) listens, and where its
/// configuration says.
///
/// ```
/// use ropewalk_kv::Kv;
/// use ropewalk_reactor::Reactor;
///
/// # fn main() -> ropewalk_reactor::Result<()> {
/// let reactor = Reactor::new()?;
/// let kv = Kv::new(&reactor);
/// let listener = reactor.listen("tcp:0:interface=127.0.0.1", kv.factory())?;
/// println!("listening on {}", listener.address());
/// # reactor.stop();
/// reactor.run()?;
/// # Ok(())
/// # }
/// ```
pub struct Kv {
    server: Shared,
}

impl Kv {
    /// Key the hash of whatever clients name with a secret, so that no client can choose names that collide. To be called
    /// once, before the first server is made; otherwise all is hashed alike in every process, as tests want it. Returns false
    /// if it comes too late and nothing has changed.
    pub fn seed_hashes(seed: u64) -> bool {
        crate::store::table::seed_hashes(seed)
    }

    /// The server itself.
    #[cfg(test)]
    pub(crate) fn shared(&self) -> &Shared {
        &self.server
    }

    /// A server without data, configured as it is where nothing is said. It listens nowhere by itself.
    pub fn new(reactor: &Reactor) -> Self {
        let acl = Acl::new(Rc::new(Catalog::of_all(&Registry::new())));
        Self::with(reactor, Config::default(), acl, MemorySource::default())
    }

    /// A server as it is configured, without data, in this process. It listens where it is configured to, once it
    /// is [told to](Self::listen).
    ///
    /// # Errors
    /// If its users can't be loaded: why.
    pub fn configured(
        reactor: &Reactor,
        Startup(start): Startup,
        mut host: Box<dyn Host>,
        memory: MemorySource,
    ) -> Result<Self> {
        let Start { config, renames, users, file } = start;
        let mut acl = Acl::new(Rc::new(Catalog::of_all(&Registry::new())));
        configure_users(&mut acl, &config, &users, &mut *host).map_err(Failure::other)?;
        let kv = Self::with(reactor, config, acl, memory);
        let server = &mut *kv.server.borrow_mut();
        server.host = host;
        server.config_file = file;
        for (from, to) in &renames {
            server.registry.rename(from, to).map_err(Failure::other)?;
        }
        server.settle_process();
        Ok(Self { server: kv.server.clone() })
    }

    /// Listen where the configuration says. Returns the addresses.
    ///
    /// # Errors
    /// If that is impossible, or it says nowhere.
    pub fn listen(&self) -> Result<Vec<Address>> {
        let server = &mut *self.server.borrow_mut();
        server.listen_everywhere().map_err(Failure::other)?;
        Ok(server.listeners.addresses().cloned().collect())
    }

    fn with(reactor: &Reactor, config: Config, acl: Acl, memory: MemorySource) -> Self {
        let server = Server::new(reactor, config, acl, memory);
        server.borrow().start_cron();
        Self { server }
    }

    /// What makes its connections; several listeners may have one each.
    pub fn factory(&self) -> impl Factory + use<> {
        Door::new(self.server.clone(), false)
    }
}

impl std::fmt::Debug for Kv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kv").finish_non_exhaustive()
    }
}

/// Lets clients in.
pub(super) struct Door {
    server: Shared,
    tls: bool,
}

impl Door {
    /// A door to connections that speak TLS, or don't.
    pub(super) fn new(server: Shared, tls: bool) -> Self {
        Self { server, tls }
    }
}

impl Factory for Door {
    fn build_protocol(&mut self, _: &Address) -> Option<Box<dyn Protocol>> {
        let session = Session::new(self.server.clone());
        if self.tls {
            return Some(Box::new(Secured { server: self.server.clone(), session }));
        }
        Some(Box::new(session))
    }
}

/// A session that begins with TLS, with the certificate that is loaded then.
struct Secured {
    server: Shared,
    session: Session,
}

impl Protocol for Secured {
    fn connection_made(&mut self, transport: &Transport) {
        if let Some(certificates) = &self.server.borrow().listeners.certificates {
            transport.start_tls(certificates);
        }
        self.session.connection_made(transport);
    }

    fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
        self.session.data_received(transport, input);
    }

    fn eof_received(&mut self, transport: &Transport) -> Eof {
        self.session.eof_received(transport)
    }

    fn connection_lost(&mut self, transport: &Transport, why: &Reason) {
        self.session.connection_lost(transport, why);
    }

    fn timed_out(&mut self, transport: &Transport) {
        self.session.timed_out(transport);
    }

    fn write_paused(&mut self, transport: &Transport) {
        self.session.write_paused(transport);
    }

    fn write_resumed(&mut self, transport: &Transport) {
        self.session.write_resumed(transport);
    }
}
