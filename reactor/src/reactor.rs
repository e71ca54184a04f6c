//! The reactor: the handle that everything begins with, and how one is built.

use crate::core::Core;
use crate::deferred::{Deferred, Resolver};
use crate::endpoint::Endpoint;
use crate::engine::{Engine, backend};
use crate::failure::Result;
use crate::listener::{Listener, ListenerSlot, Target};
use crate::protocol::Factory;
use crate::random::Random;
use crate::shared::{Effect, Phase, Settings, Shared};
use crate::task::{Outcome, stopped};
use crate::threads::{Remote, THREADS};
use crate::timer::Timer;
use crate::transport::tls::TlsServer;
use std::future::Future;
use std::io;
use std::rc::Rc;
use std::time::{Duration, Instant, SystemTime};

/// The event loop's handle: cheap to clone, for the thread it was made on.
///
/// ```
/// use ropewalk_reactor::prelude::*;
///
/// struct Echo;
/// impl Protocol for Echo {
///     fn data_received(&mut self, transport: &Transport, input: &mut BytesMut) {
///         transport.write_bytes(input.split().freeze());
///     }
/// }
///
/// # fn main() -> ropewalk_reactor::Result<()> {
/// let reactor = Reactor::new()?;
/// reactor.listen("tcp:0:interface=127.0.0.1", |_: &Address| Echo)?;
/// # reactor.stop();
/// reactor.run()?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Reactor(pub(crate) Rc<Shared>);

/// Builds a reactor that is not the default one.
#[derive(Debug)]
pub struct Builder {
    backend: Option<String>,
    threads: usize,
    spin: Duration,
    settings: Settings,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            backend: None,
            threads: THREADS,
            spin: Duration::ZERO,
            settings: Settings {
                linger: Duration::from_secs(30),
                drain: Duration::from_secs(2),
                handshake: Duration::from_secs(30),
                shutdown: Duration::from_secs(30),
            },
        }
    }
}

impl Builder {
    /// Which backend: `auto`, `epoll` (`kqueue` on macOS), `poll`, `select` or `io_uring`. The default is the
    /// environment's `ROPEWALK_BACKEND`, and without that `auto`: the one measured fastest that works here.
    pub fn backend(mut self, name: impl Into<String>) -> Self {
        self.backend = Some(name.into());
        self
    }

    /// How many threads may run blocking jobs; 8 unless said. They start when they are needed.
    pub fn threads(mut self, count: usize) -> Self {
        self.threads = count.max(1);
        self
    }

    /// Poll up to this long before sleeping, while traffic flows. It saves the cost of sleeping and
    /// waking, which is most of a request's time on one or a few busy connections, and burns a core
    /// meanwhile. Off unless said; 50 µs is about right.
    pub fn spin(mut self, duration: Duration) -> Self {
        self.spin = duration;
        self
    }

    /// How long a closing connection may go without its peer taking anything of what waits, before
    /// it is reset; 30 s unless said.
    pub fn linger(mut self, duration: Duration) -> Self {
        self.settings.linger = duration;
        self
    }

    /// How long the remnant of a closed connection waits for its peer to finish; 2 s unless said.
    pub fn drain(mut self, duration: Duration) -> Self {
        self.settings.drain = duration;
        self
    }

    /// How long a TLS handshake may take before the connection is given up; 30 s unless said.
    pub fn handshake_limit(mut self, duration: Duration) -> Self {
        self.settings.handshake = duration;
        self
    }

    /// How long each service may take to stop; 30 s unless said.
    pub fn shutdown_limit(mut self, duration: Duration) -> Self {
        self.settings.shutdown = duration;
        self
    }

    /// Build it.
    ///
    /// # Errors
    /// If the backend is unknown or does not work here.
    pub fn build(self) -> io::Result<Reactor> {
        let from_environment = || std::env::var("ROPEWALK_BACKEND").ok().filter(|name| !name.is_empty());
        let name = self.backend.clone().or_else(from_environment);
        let engine = backend::open(name.as_deref().unwrap_or("auto"))?;
        Ok(self.build_on(engine))
    }

    /// Build it on an engine of your own.
    pub fn build_on(self, mut engine: Box<dyn Engine>) -> Reactor {
        engine.set_spin(self.spin);
        Reactor(Shared::new(engine, self.settings, self.threads))
    }
}

impl Reactor {
    /// A reactor on the default backend.
    ///
    /// # Errors
    /// If the environment names a backend that is unknown or does not work here.
    pub fn new() -> io::Result<Self> {
        Self::builder().build()
    }

    /// Choose what the reactor is made of.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A reactor on this engine: `Reactor::with_engine(Sim::new(seed))`.
    pub fn with_engine(engine: impl Engine + 'static) -> Self {
        Self::builder().build_on(Box::new(engine))
    }

    /// The backend's name.
    pub fn backend(&self) -> &'static str {
        self.0.engine.borrow().name()
    }

    /// Listen: `tcp:8080:interface=127.0.0.1`, `unix:/run/echo:mode=660`, `tls:443:cert=…:key=…`. `factory` makes
    /// a protocol for each connection.
    ///
    /// # Errors
    /// If the endpoint is wrong, or the address can't be had: the text says which, and who holds it
    /// where that can be known.
    pub fn listen(&self, endpoint: &str, factory: impl Factory + 'static) -> Result<Listener> {
        let factory: Box<dyn Factory> = Box::new(factory);
        self.open_listener(endpoint, move |tls| Ok(Target::Factory(factory, tls)))
    }

    pub(crate) fn open_listener(
        &self,
        endpoint: &str,
        target: impl FnOnce(Option<TlsServer>) -> Result<Target>,
    ) -> Result<Listener> {
        let endpoint = Endpoint::listen(endpoint)?;
        let tls = endpoint.tls(self.wall_clock())?;
        let target = target(tls)?;
        let opened = endpoint.open(&mut **self.0.engine.borrow_mut());
        let (token, address) = opened?;
        let slot = ListenerSlot::new(token, target);
        self.0.push(Effect::Listen(token, slot));
        Ok(Listener::new(&self.0, token, address))
    }

    /// Call `job` once, `delay` from now.
    pub fn call_later(&self, delay: Duration, job: impl FnOnce() + 'static) -> Timer {
        // A time too far away to be expressed is as good as never.
        let now = self.now();
        let at = now.checked_add(delay).or_else(|| now.checked_add(FOREVER)).unwrap_or(now);
        Timer::start(&self.0, at, Box::new(job))
    }

    /// Call `job` once, in the next turn.
    pub fn call_soon(&self, job: impl FnOnce() + 'static) {
        self.0.soon(job);
    }

    /// A deferred, and what resolves it.
    pub fn deferred<T: 'static>(&self) -> (Resolver<T>, Deferred<T>) {
        self.0.deferred()
    }

    /// A handle for other threads.
    pub fn remote(&self) -> Remote {
        Remote::new(self.0.mailbox.clone())
    }

    /// Monotonic time, from the engine's clock.
    pub fn now(&self) -> Instant {
        self.0.now()
    }

    /// The calendar's time, from the engine's clock.
    pub fn wall_clock(&self) -> SystemTime {
        self.0.wall_clock()
    }

    /// Random numbers, from the engine's seed. `f` must not call back into the reactor for more.
    pub fn random<R>(&self, f: impl FnOnce(&mut Random) -> R) -> R {
        f(&mut self.0.random.borrow_mut())
    }

    /// When the reactor stops, call this, newest first, and wait for what it returns (at most
    /// [`Builder::shutdown_limit`]): after listeners are closed and before connections are.
    pub fn on_shutdown(&self, trigger: impl FnOnce() -> Deferred<()> + 'static) {
        self.0.push(Effect::OnShutdown(Box::new(|| Some(trigger()))));
    }

    /// When everything is closed, call this, newest first: the last thing before `run` returns.
    pub fn after_shutdown(&self, trigger: impl FnOnce() + 'static) {
        self.0.push(Effect::AfterShutdown(Box::new(|| {
            trigger();
            None
        })));
    }

    /// Run until [`stop`](Self::stop), then shut down in order: stop listening, let services finish,
    /// close connections, run the last triggers.
    ///
    /// # Errors
    /// If the engine fails, which leaves connections as they are; and if the reactor is running.
    pub fn run(&self) -> io::Result<()> {
        self.with_core(|core| core.run(&self.0))
    }

    /// Run one turn: for loops of your own, and tests.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn turn(&self) -> io::Result<()> {
        self.with_core(|core| core.turn(&self.0))
    }

    /// Run until the future is done. The reactor is not shut down after it.
    ///
    /// # Errors
    /// What the future fails with, or what [`run`](Self::run) does.
    pub fn block_on<T: 'static>(&self, future: impl Future<Output = Result<T>> + 'static) -> Result<T> {
        let outcome: Outcome<T> = Rc::default();
        let slot = outcome.clone();
        self.spawn(future).finally(move |result| *slot.borrow_mut() = Some(result));
        self.with_core(|core| {
            while outcome.borrow().is_none() && self.0.phase.get() == Phase::Running {
                core.turn(&self.0)?;
            }
            Ok(())
        })?;
        let result = outcome.take();
        result.unwrap_or_else(|| Err(stopped()))
    }

    /// Finish the turn, then shut down in order. Asking again changes nothing.
    pub fn stop(&self) {
        if self.0.phase.get() == Phase::Running {
            self.0.phase.set(Phase::StopAsked);
        }
    }

    /// Finish the turn, then shut down without waiting for anybody: not for services, nor for what still
    /// has to be sent. Cuts a [`stop`](Self::stop) short that is under way.
    pub fn stop_now(&self) {
        self.0.phase.set(Phase::StopNow);
    }

    /// Whether it is stopping.
    pub fn is_stopping(&self) -> bool {
        self.0.phase.get() != Phase::Running
    }

    fn with_core<R>(&self, f: impl FnOnce(&mut Core) -> io::Result<R>) -> io::Result<R> {
        let Some(mut core) = self.0.core.take() else {
            return Err(io::Error::other("the reactor is already running"));
        };
        let result = f(&mut core);
        self.0.core.set(Some(core));
        result
    }
}

/// Longer than anything will run.
const FOREVER: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

impl std::fmt::Debug for Reactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Reactor({})", self.backend())
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.mailbox.close();
    }
}
