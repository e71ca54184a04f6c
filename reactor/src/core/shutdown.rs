//! The end, in order: stop listening, let services finish, close connections, run the last triggers.

use super::{Core, Slot, guard};
use crate::protocol::Reason;
use crate::shared::{Phase, Shared, Trigger};
use crate::timer::{Timer, Timers};
use crate::transport::{Connection, Flag};
use std::cell::Cell;
use std::io;
use std::rc::Rc;
use std::time::Duration;

impl Core {
    pub(super) fn shut_down(&mut self, home: &Rc<Shared>) -> io::Result<()> {
        self.absorb(home);
        self.close_listeners(home);
        let triggers = std::mem::take(&mut self.on_shutdown);
        self.run_triggers(triggers, home)?;
        self.close_connections(home)?;
        self.absorb(home);
        let triggers = std::mem::take(&mut self.after_shutdown);
        self.run_triggers(triggers, home)?;
        // What is left belongs to nobody any more. Tasks first: dropping them gives up what they wait for.
        self.tasks.clear();
        self.soon.clear();
        self.timers = Timers::default();
        self.absorb(home);
        Ok(())
    }

    /// Run triggers, newest first, and wait for what they return, each for as long as the settings allow.
    fn run_triggers(&mut self, triggers: Vec<Trigger>, home: &Rc<Shared>) -> io::Result<()> {
        for trigger in triggers.into_iter().rev() {
            let done = Rc::new(Cell::new(false));
            let tell = done.clone();
            guard("a shutdown trigger", move || match trigger() {
                Some(deferred) => deferred.finally(move |outcome| {
                    if let Err(failure) = outcome {
                        tracing::error!(%failure, "a shutdown trigger failed");
                    }
                    tell.set(true);
                }),
                None => tell.set(true),
            });
            // A trigger that panicked dropped its half of `done`: there is nothing to wait for.
            let expired = self.alarm(home.settings.shutdown, home);
            while !done.get() && Rc::strong_count(&done) > 1 && home.phase.get() != Phase::StopNow {
                if expired.get() {
                    tracing::warn!("a service took too long to stop and is left behind");
                    break;
                }
                self.turn(home)?;
            }
        }
        Ok(())
    }

    /// Close every connection as `Transport::close` does, and wait until all are gone.
    fn close_connections(&mut self, home: &Rc<Shared>) -> io::Result<()> {
        while self.connections + self.remnants > 0 {
            // Each time, because an attempt to connect may still have succeeded.
            for connection in self.all_connections() {
                if connection.flags.set(Flag::Stopping) {
                    connection.flags.set(Flag::Closing);
                    connection.queue();
                }
            }
            if home.phase.get() == Phase::StopNow {
                self.drop_connections(home);
                break;
            }
            self.turn(home)?;
        }
        Ok(())
    }

    /// A second stop: no more waiting for peers.
    fn drop_connections(&mut self, home: &Rc<Shared>) {
        for connection in self.all_connections() {
            // Closed at once, and not left as a remnant.
            connection.flags.set(Flag::EofSeen);
            self.finish(&connection, Reason::Stopped, home);
        }
        for index in 0..self.slots.len() {
            if let Slot::Remnant(generation) = self.slots[index] {
                self.forget_remnant(crate::engine::Token { index: index as u32, generation }, home);
            }
        }
    }

    fn all_connections(&self) -> Vec<Rc<Connection>> {
        let connections = self.slots.iter().filter_map(|slot| match slot {
            Slot::Connection(entry) => Some(entry.shared.clone()),
            _ => None,
        });
        connections.collect()
    }

    /// A cell that turns true after `delay`.
    fn alarm(&mut self, delay: Duration, home: &Rc<Shared>) -> Rc<Cell<bool>> {
        let expired = Rc::new(Cell::new(false));
        if let Some(at) = home.now().checked_add(delay) {
            let set = expired.clone();
            Timer::start(home, at, Box::new(move || set.set(true)));
        }
        expired
    }
}
