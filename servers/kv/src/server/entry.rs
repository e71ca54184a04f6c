//! The way in: a server on a reactor, and the factory of its connections.

use super::memory::MemorySource;
use super::session::Session;
use super::{Server, Shared};
use crate::acl::Acl;
use crate::config::Config;
use ropewalk_reactor::{Address, Factory, Protocol, Reactor};
use std::rc::Rc;

/// A key-value server. It serves whoever connects to where its [factory](Self::factory) listens.
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

    /// A server without data, configured as it is where nothing is said.
    pub fn new(reactor: &Reactor) -> Self {
        Self::with(reactor, Config::default(), Acl::new(Rc::default()))
    }

    /// A server without data.
    pub(crate) fn with(reactor: &Reactor, config: Config, acl: Acl) -> Self {
        let server = Server::new(reactor, config, acl, MemorySource::default());
        server.borrow().start_cron();
        Self { server }
    }

    /// What makes its connections; several listeners may have one each.
    pub fn factory(&self) -> impl Factory + use<> {
        Door { server: self.server.clone() }
    }
}

impl std::fmt::Debug for Kv {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kv").finish_non_exhaustive()
    }
}

/// Lets clients in.
struct Door {
    server: Shared,
}

impl Factory for Door {
    fn build_protocol(&mut self, _: &Address) -> Option<Box<dyn Protocol>> {
        Some(Box::new(Session::new(self.server.clone())))
    }
}
