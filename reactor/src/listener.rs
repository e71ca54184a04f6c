//! Listeners: where connections come from, and how they are shared among reactors.

use crate::address::Address;
use crate::endpoint::ListenEndpoint;
use crate::engine::{Adopted, Engine, ListenOptions, Token};
use crate::failure::{Failure, Result};
use crate::protocol::{Factory, Protocol};
use crate::reactor::Reactor;
use crate::shared::{Attachment, Effect, Shared};
use crate::threads::Remote;
use crate::transport::tls::TlsServer;
use crate::{holder, systemd};
use slab::Slab;
use std::cell::RefCell;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::{Rc, Weak};
use std::time::{Duration, Instant, SystemTime};

/// A handle to a listening socket. Dropping it does not stop it.
pub struct Listener {
    home: Weak<Shared>,
    token: Token,
    address: Address,
}

impl Listener {
    pub(crate) fn new(home: &Rc<Shared>, token: Token, address: Address) -> Self {
        Self { home: Rc::downgrade(home), token, address }
    }

    /// Where it listens; the port is the real one, also where 0 was asked for.
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// Ask the peers of connections that are accepted from here on whether they are there still, once they have been
    /// silent for `idle`, and end the connections of those that don't answer; `None` never asks.
    ///
    /// # Errors
    /// If the system refuses, as it does for sockets that aren't TCP's.
    pub fn keep_alive(&self, idle: Option<Duration>) -> io::Result<()> {
        match self.home.upgrade() {
            Some(home) => home.engine.borrow_mut().keep_alive(self.token, idle),
            None => Ok(()),
        }
    }

    /// Accept no more. Connections that are there stay.
    pub fn stop(self) {
        if let Some(home) = self.home.upgrade() {
            home.push(Effect::Forget(self.token));
        }
    }
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Listener({})", self.address)
    }
}

/// The loop's half of a listener.
pub(crate) struct ListenerSlot {
    token: Token,
    pub(crate) target: Target,
    /// When exhaustion was last told, so that it is told once a second and not once a connection.
    exhaustion_told: Option<Instant>,
    /// It can't accept now, and a timer will try again.
    resting: bool,
}

/// Where accepted connections go.
pub(crate) enum Target {
    Factory(Box<dyn Factory>, Option<TlsServer>),
    Inlets(Ring),
}

impl ListenerSlot {
    pub(crate) fn new(token: Token, target: Target) -> Box<Self> {
        Box::new(Self { token, target, exhaustion_told: None, resting: false })
    }

    pub(crate) fn token(&self) -> Token {
        self.token
    }

    pub(crate) fn start(&mut self) {
        if let Target::Factory(factory, _) = &mut self.target {
            factory.start();
        }
    }

    pub(crate) fn stop(self) {
        if let Target::Factory(mut factory, _) = self.target {
            factory.stop();
        }
    }

    pub(crate) fn is_resting(&self) -> bool {
        self.resting
    }

    pub(crate) fn set_resting(&mut self, resting: bool) {
        self.resting = resting;
    }

    pub(crate) fn note_exhaustion(&mut self, error: &io::Error, now: Instant) {
        let recent = |told: Instant| now.saturating_duration_since(told) < Duration::from_secs(1);
        if !self.exhaustion_told.is_some_and(recent) {
            self.exhaustion_told = Some(now);
            tracing::warn!(%error, "out of descriptors: connections are turned away; raise `ulimit -n`, or choose another backend");
        }
    }
}

thread_local! {
    /// The factories behind the inlets of this thread's reactors.
    static INLETS: RefCell<Slab<(Weak<Shared>, Rc<RefCell<dyn Factory>>)>> = const { RefCell::new(Slab::new()) };
}

/// A way into a reactor for connections that another one accepts; it can be sent to that thread.
#[derive(Clone, Debug)]
pub struct Inlet {
    remote: Remote,
    key: usize,
}

impl Inlet {
    fn hand_over(&self, descriptor: OwnedFd, peer: Address) -> bool {
        let key = self.key;
        self.remote.call(move |reactor| {
            let factory = INLETS.with_borrow(|inlets| inlets.get(key).map(|(_, factory)| factory.clone()));
            let Some(factory) = factory else { return };
            let protocol = factory.borrow_mut().build_protocol(&peer);
            if let Some(protocol) = protocol
                && let Err(error) = reactor.adopt(descriptor, peer, protocol)
            {
                tracing::error!(%error, "a connection could not be taken over");
            }
        })
    }
}

/// Inlets, each taking the next connection in turn.
pub(crate) struct Ring {
    inlets: Vec<Inlet>,
    next: usize,
}

impl Ring {
    pub(crate) fn new(inlets: Vec<Inlet>) -> Self {
        Self { inlets, next: 0 }
    }

    /// Give a connection to the next inlet; those whose reactor is gone are taken out of the ring.
    pub(crate) fn hand_out(&mut self, descriptor: OwnedFd, peer: Address) {
        if self.inlets.is_empty() {
            return tracing::error!(%peer, "no reactor is left to take a connection");
        }
        self.next = (self.next + 1) % self.inlets.len();
        if !self.inlets[self.next].hand_over(descriptor, peer) {
            self.inlets.swap_remove(self.next);
        }
    }
}

impl Reactor {
    /// A way in for connections that other reactors' listeners hand out
    /// ([`listen_for`](Self::listen_for)): `factory` makes their protocols, here.
    pub fn inlet(&self, factory: impl Factory + 'static) -> Inlet {
        let home = Rc::downgrade(&self.0);
        let factory: Rc<RefCell<dyn Factory>> = Rc::new(RefCell::new(factory));
        let key = INLETS.with_borrow_mut(|inlets| {
            inlets.retain(|_, (home, _)| home.strong_count() > 0);
            inlets.insert((home, factory))
        });
        Inlet { remote: self.remote(), key }
    }

    /// Listen here, and hand the connections out to `inlets` in turn: several reactors, one a
    /// thread, behind one address. (The other way is `reuseport=yes` on each reactor's own listener,
    /// where the kernel deals them out by a hash of the addresses.)
    ///
    /// # Errors
    /// As [`listen`](Self::listen); a `tls:` endpoint can't be handed out.
    pub fn listen_for(&self, endpoint: &str, inlets: Vec<Inlet>) -> Result<Listener> {
        self.open_listener(endpoint, move |tls| match tls {
            None => Ok(Target::Inlets(Ring::new(inlets))),
            Some(_) => {
                Err(io::Error::other("a TLS listener can't hand its connections to other reactors").into())
            }
        })
    }

    /// Take over a connected stream socket from elsewhere.
    ///
    /// # Errors
    /// If the engine can't serve the descriptor.
    pub fn adopt(
        &self,
        descriptor: OwnedFd,
        peer: Address,
        protocol: impl Protocol + 'static,
    ) -> io::Result<()> {
        let token = self.0.engine.borrow_mut().adopt(descriptor, Adopted::Stream)?;
        let protocol = Box::new(protocol);
        self.0.push(Effect::Attach(Box::new(Attachment { token, peer, protocol, layer: None, made: None })));
        Ok(())
    }
}

/// Say which address could not be had, and what to change.
pub(crate) fn explain(error: io::Error, address: &Address) -> io::Error {
    let advice = match error.kind() {
        io::ErrorKind::AddrInUse => match holder::of(address) {
            Some(holder) => format!("it is in use by {holder}; stop that, or choose another port or path"),
            None => "it is in use; choose another port or path".to_owned(),
        },
        io::ErrorKind::PermissionDenied => "permission denied; ports below 1024 need privileges".to_owned(),
        io::ErrorKind::AddrNotAvailable => {
            "this machine has no such address; choose another interface".to_owned()
        }
        _ => error.to_string(),
    };
    io::Error::new(error.kind(), format!("can't listen on {address}: {advice}"))
}

impl ListenEndpoint {
    /// What each connection begins with, where the endpoint says TLS.
    pub(crate) fn tls(&self, now: SystemTime) -> Result<Option<TlsServer>> {
        match self {
            Self::Tls { tls, .. } => Ok(Some(TlsServer::load(tls, now).map_err(io::Error::from)?)),
            _ => Ok(None),
        }
    }

    /// Open the listening socket.
    pub(crate) fn open(&self, engine: &mut dyn Engine) -> Result<(Token, Address)> {
        match self {
            Self::Tcp { address, options } | Self::Tls { address, options, .. } => {
                bind(engine, Address::Internet(*address), options)
            }
            Self::Unix { path, options } => bind(engine, Address::unix(path), options),
            Self::Systemd(which) => take_over(engine, systemd::passed_socket(which)?),
            Self::Descriptor(number) => take_over(engine, systemd::passed_descriptor(*number)?),
            Self::Udp { .. } | Self::UnixDatagram { .. } => {
                Err(Failure::other("datagram endpoints have no connections; use Reactor::listen_datagram"))
            }
        }
    }

    /// Where datagrams are received.
    pub(crate) fn datagram_address(&self) -> Result<(Address, ListenOptions)> {
        match self {
            Self::Udp { address, options } => Ok((Address::Internet(*address), options.clone())),
            Self::UnixDatagram { path, options } => Ok((Address::unix(path), options.clone())),
            _ => Err(Failure::other("not a datagram endpoint: udp:PORT or unixgram:PATH")),
        }
    }
}

fn bind(engine: &mut dyn Engine, address: Address, options: &ListenOptions) -> Result<(Token, Address)> {
    engine.listen(&address, options).map_err(|error| explain(error, &address).into())
}

fn take_over(engine: &mut dyn Engine, descriptor: OwnedFd) -> Result<(Token, Address)> {
    let token = engine.adopt(descriptor, Adopted::Listener)?;
    let address = engine.local_address(token)?;
    Ok((token, address))
}
