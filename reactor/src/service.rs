//! Services: what starts in order and stops in reverse, each waited for.
//!
//! The one rule: what was started is stopped, once, newest first, whatever goes wrong between.
//!
//! ```text
//! start_services ─▶ start A ─▶ start B ─▶ start C ─▶ up   … at work …   stop C ─▶ stop B ─▶ stop A
//!                                 │fails
//!                                 └─▶ stop A ─▶ "kv/B did not start: …"
//! ```
//!
//! Services make a tree, but only for naming: its leaves are started from left to right, so that is
//! what [`Services`] is, a sequence of leaves with paths. When the reactor stops, listeners are
//! closed, then the services stop, then connections are closed ([`Reactor::on_shutdown`]).

use crate::deferred::{Deferred, Resolver, pair};
use crate::failure::{Failure, Result};
use crate::reactor::Reactor;
use crate::shared::Shared;
use std::cell::Cell;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::rc::{Rc, Weak};

/// A start or a stop under way: `Box::pin(async { … })`, a boxed [`Deferred`], or, done already,
/// `Box::pin(std::future::ready(Ok(())))`.
pub type Progress<'a> = Pin<Box<dyn Future<Output = Result<()>> + 'a>>;

/// Something that runs from a start to a stop: a store that loads and saves, a server, a client.
pub trait Service {
    /// What failures and logs call it.
    fn name(&self) -> &str;

    /// Get ready; the next service is started when this is done. A service that fails here takes
    /// back itself what it did so far, since it won't be stopped.
    ///
    /// A reactor that stops meanwhile waits for the start to be done, and then stops the service. A
    /// start that may take long looks at [`Reactor::is_stopping`] now and then.
    fn start<'a>(&'a mut self, reactor: &'a Reactor) -> Progress<'a>;

    /// Finish; the service that was started before this one is stopped when this is done, or
    /// [`Builder::shutdown_limit`](crate::Builder::shutdown_limit) has passed. Called once at most,
    /// after a start that went well. Listeners are closed by then, connections are not.
    fn stop<'a>(&'a mut self, reactor: &'a Reactor) -> Progress<'a> {
        let _ = reactor;
        Box::pin(std::future::ready(Ok(())))
    }
}

/// Services in the order in which they start: Twisted's MultiService.
///
/// ```
/// use ropewalk_reactor::prelude::*;
/// use ropewalk_reactor::service::{Progress, Service, Services};
///
/// struct Greeter;
/// impl Service for Greeter {
///     fn name(&self) -> &str {
///         "greeter"
///     }
///     fn start<'a>(&'a mut self, reactor: &'a Reactor) -> Progress<'a> {
///         Box::pin(async move {
///             reactor.sleep(Duration::from_millis(1)).await?;
///             println!("hello");
///             Ok(())
///         })
///     }
/// }
///
/// # fn main() -> ropewalk_reactor::Result<()> {
/// let reactor = Reactor::new()?;
/// let mut services = Services::new("example");
/// services.add(Greeter);
/// let up = reactor.start_services(services);
/// # let stopper = reactor.clone();
/// # let up = up.then(move |outcome| { stopper.stop(); outcome });
/// up.finally(|outcome| println!("{outcome:?}"));
/// reactor.run()?;
/// # Ok(())
/// # }
/// ```
pub struct Services {
    name: String,
    leaves: Vec<Leaf>,
}

/// A service, and its path in the tree.
struct Leaf {
    path: String,
    service: Box<dyn Service>,
}

/// A service did not start; those started before it have been stopped.
#[derive(Debug, thiserror::Error)]
#[error("{service} did not start: {failure}")]
pub struct StartError {
    /// The service's path in the tree, such as `kv/persistence`.
    pub service: String,
    /// Why it did not start.
    pub failure: Failure,
}

impl Services {
    /// A tree without leaves; `name` is the first part of their paths.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), leaves: Vec::new() }
    }

    /// Start this one after those that are there.
    pub fn add(&mut self, service: impl Service + 'static) {
        let path = format!("{}/{}", self.name, service.name());
        self.leaves.push(Leaf { path, service: Box::new(service) });
    }

    /// Start all of this branch after those that are there.
    pub fn add_branch(&mut self, branch: Self) {
        let name = &self.name;
        let leaves = branch.leaves.into_iter();
        self.leaves
            .extend(leaves.map(|Leaf { path, service }| Leaf { path: format!("{name}/{path}"), service }));
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.leaves.iter().map(|leaf| &leaf.path)).finish()
    }
}

impl Reactor {
    /// Start the services, one after the other; the deferred fires when all are up. They stop when
    /// the reactor does.
    ///
    /// If one fails, those before it are stopped, and the deferred fails with a [`StartError`] (as
    /// [`Failure::Other`]). If the reactor stops meanwhile, no more are started, and it fails too.
    pub fn start_services(&self, services: Services) -> Deferred<()> {
        self.spawn(start_all(self.clone(), services))
    }
}

async fn start_all(reactor: Reactor, services: Services) -> Result<()> {
    let mut started: Vec<Life> = Vec::new();
    for Leaf { path, service } in services.leaves {
        if reactor.is_stopping() {
            return Err(Failure::other(format!("the reactor stopped before {path} was started")));
        }
        let (up, life) = Life::begin(&reactor, &path, service);
        if let Err(failure) = life.outcome(up).await {
            stop_all(&reactor, started).await;
            return Err(Failure::Other(Box::new(StartError { service: path, failure })));
        }
        started.push(life);
    }
    Ok(())
}

/// Stop these, newest first.
async fn stop_all(reactor: &Reactor, started: Vec<Life>) {
    for life in started.into_iter().rev() {
        if let Err(failure) = life.end().timeout(reactor.0.settings.shutdown).await {
            tracing::error!(%failure, "stopping what had been started");
        }
    }
}

/// A service's life, from the start to the stop. One task owns the service and lives it; whoever ends
/// it, a shutdown or the failure of another service, does so through this.
#[derive(Clone)]
struct Life {
    /// Empty once somebody has ended it.
    thread: Rc<Cell<Option<Thread>>>,
    home: Weak<Shared>,
}

struct Thread {
    /// Resolved, it has the service stopped.
    ask: Resolver<()>,
    /// Fires when the service is stopped, or did not start.
    gone: Deferred<()>,
}

impl Life {
    /// Start the service. The deferred tells when it is up.
    fn begin(reactor: &Reactor, path: &str, service: Box<dyn Service>) -> (Deferred<()>, Self) {
        let (tell, up) = reactor.deferred();
        let (ask, asked) = reactor.deferred();
        let gone = reactor.spawn(live(reactor.clone(), path.to_owned(), service, tell, asked));
        let thread = Rc::new(Cell::new(Some(Thread { ask, gone })));
        let life = Self { thread, home: Rc::downgrade(&reactor.0) };
        let ours = life.clone();
        reactor.on_shutdown(move || ours.end());
        (up, life)
    }

    /// How the start went, a panic in it included.
    async fn outcome(&self, up: Deferred<()>) -> Result<()> {
        match (up.await, self.thread.take()) {
            (Err(Failure::Dropped), Some(thread)) => Err(thread.gone.await.err().unwrap_or(Failure::Dropped)),
            (outcome, thread) => {
                self.thread.set(thread);
                outcome
            }
        }
    }

    /// Stop the service, unless that was asked for before; the deferred tells when it is stopped.
    fn end(&self) -> Deferred<()> {
        match self.thread.take() {
            Some(Thread { ask, gone }) => {
                ask.resolve(Ok(()));
                gone
            }
            None => {
                let (resolver, deferred) = pair(self.home.clone());
                resolver.resolve(Ok(()));
                deferred
            }
        }
    }
}

/// What a service's task does.
async fn live(
    reactor: Reactor,
    path: String,
    mut service: Box<dyn Service>,
    tell: Resolver<()>,
    asked: Deferred<()>,
) -> Result<()> {
    let started = service.start(&reactor).await;
    let failed = started.is_err();
    tell.resolve(started);
    if failed {
        return Ok(());
    }
    asked.await?;
    let stopped = service.stop(&reactor).await;
    stopped.map_err(|failure| Failure::other(format!("{path} did not stop as it should: {failure}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::sim::{Faults, Sim};
    use std::cell::RefCell;
    use std::time::Duration;

    type Diary = Rc<RefCell<Vec<String>>>;

    /// Writes into a diary what happens to it, and does what its name says.
    struct Recorder {
        name: &'static str,
        diary: Diary,
    }

    impl Recorder {
        fn note(&self, what: &str) {
            self.diary.borrow_mut().push(format!("{what} {}", self.name));
        }
    }

    impl Service for Recorder {
        fn name(&self) -> &str {
            self.name
        }

        fn start<'a>(&'a mut self, reactor: &'a Reactor) -> Progress<'a> {
            Box::pin(async move {
                self.note("start");
                reactor.sleep(Duration::from_millis(1)).await?;
                match self.name {
                    "failing" => return Err(Failure::other("a planned failure")),
                    "panicking" => panic!("a planned panic"),
                    "stopping" => reactor.stop(),
                    _ => {}
                }
                self.note("up");
                Ok(())
            })
        }

        fn stop<'a>(&'a mut self, reactor: &'a Reactor) -> Progress<'a> {
            Box::pin(async move {
                self.note("stop");
                match self.name {
                    "stuck" => reactor.sleep(Duration::from_secs(3600)).await?,
                    _ => reactor.sleep(Duration::from_millis(1)).await?,
                }
                self.note("down");
                Ok(())
            })
        }
    }

    /// Start services of these names, stop the reactor when that is decided, and run it to its end.
    /// Returns how the start went, and the diary.
    fn run(names: &[&'static str]) -> (Result<()>, String) {
        let diary = Diary::default();
        let mut services = Services::new("all");
        for name in names {
            services.add(Recorder { name, diary: diary.clone() });
        }
        let reactor = Reactor::with_engine(Sim::new(1, Faults::none()).0);
        let outcome = Rc::new(Cell::new(None));
        let (slot, stopper, decided) = (outcome.clone(), reactor.clone(), diary.clone());
        reactor.start_services(services).finally(move |outcome| {
            decided.borrow_mut().push("decided".to_owned());
            slot.set(Some(outcome));
            // A second stop would cut the waiting short.
            if !stopper.is_stopping() {
                stopper.stop();
            }
        });
        reactor.run().unwrap();
        let outcome = outcome.take().unwrap_or_else(|| Err(Failure::other("never decided")));
        (outcome, diary.take().join(", "))
    }

    #[test]
    fn services_start_in_order_and_stop_in_reverse_each_waited_for() {
        let (outcome, diary) = run(&["a", "b"]);
        outcome.unwrap();
        assert_eq!(diary, "start a, up a, start b, up b, decided, stop b, down b, stop a, down a");
    }

    #[test]
    fn a_failure_to_start_stops_those_before_it_and_names_the_service() {
        let (outcome, diary) = run(&["a", "b", "failing", "c"]);
        assert_eq!(outcome.unwrap_err().to_string(), "all/failing did not start: a planned failure");
        let expected = "start a, up a, start b, up b, start failing, stop b, down b, stop a, down a, decided";
        assert_eq!(diary, expected);
    }

    #[test]
    fn a_panic_while_starting_is_a_failure_to_start() {
        let (outcome, diary) = run(&["a", "panicking"]);
        let failure = outcome.unwrap_err().to_string();
        assert!(failure.starts_with("all/panicking did not start: panicked: a planned panic"), "{failure}");
        assert_eq!(diary, "start a, up a, start panicking, stop a, down a, decided");
    }

    #[test]
    fn a_service_that_does_not_stop_is_left_behind_and_the_others_stop() {
        let (outcome, diary) = run(&["a", "stuck", "b"]);
        outcome.unwrap();
        assert!(diary.ends_with("decided, stop b, down b, stop stuck, stop a, down a"), "{diary}");
    }

    #[test]
    fn a_stuck_service_does_not_hold_up_a_failed_start() {
        let (outcome, diary) = run(&["a", "stuck", "failing"]);
        outcome.unwrap_err();
        assert!(diary.ends_with("start failing, stop stuck, stop a, down a, decided"), "{diary}");
    }

    #[test]
    fn a_reactor_that_stops_meanwhile_stops_what_is_up_and_starts_no_more() {
        let (outcome, diary) = run(&["a", "stopping", "b"]);
        outcome.unwrap_err();
        let stops = diary.replace(", decided", "");
        assert_eq!(
            stops,
            "start a, up a, start stopping, up stopping, stop stopping, down stopping, stop a, down a"
        );
    }

    #[test]
    fn a_branch_is_started_where_it_was_added_and_named_by_its_path() {
        let diary = Diary::default();
        let (mut tree, mut branch) = (Services::new("trunk"), Services::new("branch"));
        tree.add(Recorder { name: "first", diary: diary.clone() });
        branch.add(Recorder { name: "leaf", diary: diary.clone() });
        tree.add_branch(branch);
        tree.add(Recorder { name: "last", diary });
        assert_eq!(format!("{tree:?}"), r#"["trunk/first", "trunk/branch/leaf", "trunk/last"]"#);
    }
}
