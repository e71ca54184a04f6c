//! A reactor whose time passes when a test says so.

use crate::engine::sim::{Faults, Sim, World};
use crate::{Failure, Reactor, Result};
use std::time::Duration;

/// A virtual clock: Twisted's task.Clock, with a whole reactor on it.
///
/// ```
/// use ropewalk_reactor::testing::Clock;
/// use std::cell::Cell;
/// use std::rc::Rc;
/// use std::time::Duration;
///
/// # fn main() -> ropewalk_reactor::Result<()> {
/// let clock = Clock::new();
/// let rung = Rc::new(Cell::new(false));
/// let bell = rung.clone();
/// clock.reactor().call_later(Duration::from_secs(3600), move || bell.set(true));
///
/// clock.advance(Duration::from_secs(3599))?;
/// assert!(!rung.get());
/// clock.advance(Duration::from_secs(2))?;
/// assert!(rung.get());
/// # Ok(())
/// # }
/// ```
pub struct Clock {
    reactor: Reactor,
    world: World,
}

impl Clock {
    /// A reactor at time zero, on a network where nothing goes wrong.
    pub fn new() -> Self {
        let (engine, world) = Sim::new(0, Faults::none());
        Self { reactor: Reactor::with_engine(engine), world }
    }

    /// The reactor on this clock.
    pub fn reactor(&self) -> &Reactor {
        &self.reactor
    }

    /// The network and the disk around it.
    pub fn world(&self) -> &World {
        &self.world
    }

    /// Let this much time pass, and all that happens in it.
    ///
    /// # Errors
    /// If the reactor was stopped meanwhile.
    pub fn advance(&self, time: Duration) -> Result<(), Failure> {
        let over = self.reactor.sleep(time);
        self.reactor.block_on(over)
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new()
    }
}
