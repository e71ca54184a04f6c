//! CLIENT PAUSE. The one rule: a command that comes during a pause stays unread in its client's input, and is
//! executed when the pause is over as if it came then.
//!
//! While writes are paused, nothing else changes the data either: expired keys are gone for whoever asks but stay
//! where they are, nothing is evicted, and whoever waits for a key waits on.

use super::Server;
use super::client::{Client, State};
use crate::command::registry::CommandId;
use crate::command::row::Flags;
use ropewalk_reactor::Timer;
use std::collections::VecDeque;
use std::rc::Rc;
use std::time::Duration;

/// Which commands are paused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Extent {
    /// Those that change data, or are sent to replicas.
    Writes,
    /// All.
    All,
}

/// A pause that is under way.
pub(crate) struct Pause {
    extent: Extent,
    /// When it is over, in milliseconds since 1970.
    until_ms: i64,
    end: Timer,
}

/// Clients whose command waits for the end of a pause, in the order in which they came.
pub(crate) type Postponed = VecDeque<Rc<Client>>;

impl Server {
    /// Whether a pause is under way: the data stays as it is.
    #[inline]
    pub(crate) fn is_paused(&self) -> bool {
        self.pause.is_some()
    }

    /// How many clients wait: for a key, or for the end of a pause.
    pub(crate) fn blocked_clients(&self) -> usize {
        self.blocked.clients() + self.postponed.len()
    }

    /// Pause until then; a pause that is under way is made longer and wider, never shorter or narrower.
    pub(crate) fn pause(&mut self, extent: Extent, until_ms: i64) {
        let before = self.pause.take().inspect(|pause| {
            pause.end.cancel();
        });
        let extent = before.as_ref().map_or(extent, |pause| pause.extent.max(extent));
        let until_ms = before.as_ref().map_or(until_ms, |pause| pause.until_ms.max(until_ms));
        let left_ms = until_ms.saturating_sub(self.clock.wall_ms());
        let me = self.me.clone();
        let end = self.reactor.call_later(Duration::from_millis(left_ms.max(0) as u64), move || {
            if let Some(server) = me.upgrade() {
                let server = &mut *server.borrow_mut();
                server.clock.advance(server.reactor.now());
                server.end_pause();
            }
        });
        self.pause = Some(Pause { extent, until_ms, end });
    }

    /// Let everybody go on, in the order in which they came.
    pub(crate) fn end_pause(&mut self) {
        let Some(pause) = self.pause.take() else { return };
        pause.end.cancel();
        for client in std::mem::take(&mut self.postponed) {
            client.set(State::POSTPONED, false);
            // What is resumed is delivered what was left.
            client.transport.pause_reading();
            client.transport.resume_reading();
        }
        self.serve_ready();
    }

    /// Whether the command has to wait for the end of the pause.
    #[inline]
    pub(super) fn is_held_back(&self, client: &Client, command: CommandId) -> bool {
        self.pause.as_ref().is_some_and(|pause| {
            pause.extent == Extent::All || self.runs_any(client, command, Flags::WRITE | Flags::MAY_REPLICATE)
        })
    }

    /// Whether the command has one of these flags, or is an EXEC of such a one.
    pub(super) fn runs_any(&self, client: &Client, command: CommandId, wanted: Flags) -> bool {
        let has_any = |command| self.registry.entry(command).row.flags.intersects(wanted);
        let is_exec = self.registry.entry(command).row.name == "exec";
        let queued_any = || {
            let transaction =
                |commands: &[super::client::Queued]| commands.iter().any(|queued| has_any(queued.command));
            client.extras(|extras| extras.transaction.as_ref().is_some_and(|all| transaction(&all.commands)))
        };
        has_any(command) || (is_exec && queued_any() == Some(true))
    }

    /// The client's command waits for the end of the pause.
    pub(super) fn postpone(&mut self, client: &Rc<Client>) {
        client.set(State::POSTPONED, true);
        self.postponed.push_back(client.clone());
    }

    /// A client that is closed waits no more.
    pub(super) fn forget_postponed(&mut self, client: &Rc<Client>) {
        if client.is(State::POSTPONED) {
            client.set(State::POSTPONED, false);
            self.postponed.retain(|other| !Rc::ptr_eq(other, client));
        }
    }
}
