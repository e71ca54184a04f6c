//! What is asked when it has news: listeners, attempts to connect, remnants of connections.

use super::{Core, Slot, guard};
use crate::address::Address;
use crate::engine::{Close, Token};
use crate::listener::{ListenerSlot, Target};
use crate::panics;
use crate::shared::{Attachment, Effect, Shared};
use crate::timer::Timer;
use std::io::{self, ErrorKind};
use std::rc::Rc;
use std::time::Duration;

/// How many connections a listener accepts in a turn.
const ACCEPT_BUDGET: usize = 64;

/// How long a listener rests after the process ran out of descriptors: no news will wake it, so a
/// timer must.
const EXHAUSTED_REST: Duration = Duration::from_millis(10);

impl Core {
    /// Ask everything that had news in this turn.
    pub(super) fn ask_all(&mut self, home: &Rc<Shared>) {
        for token in std::mem::take(&mut self.asking) {
            match self.slots.get(token.index as usize) {
                Some(Slot::Listener(listener)) if listener.token() == token => self.accept(token, home),
                Some(Slot::Dial(generation, _)) if *generation == token.generation => {
                    self.decide(token, home)
                }
                Some(Slot::Remnant(generation)) if *generation == token.generation => {
                    self.drain_remnant(token, home)
                }
                _ => {}
            }
        }
    }

    fn listener_slot(&mut self, token: Token) -> Option<&mut ListenerSlot> {
        match self.slots.get_mut(token.index as usize) {
            Some(Slot::Listener(slot)) if slot.token() == token => Some(slot),
            _ => None,
        }
    }

    /// Is the attempt to connect decided?
    fn decide(&mut self, token: Token, home: &Rc<Shared>) {
        let outcome = home.engine.borrow_mut().connected(token);
        if matches!(&outcome, Err(error) if error.kind() == ErrorKind::WouldBlock) {
            return;
        }
        let Slot::Dial(_, resolver) = self.take(token) else { return };
        if outcome.is_err() || resolver.is_abandoned() {
            home.engine.borrow_mut().close(token, Close::Abort);
        }
        resolver.resolve(outcome.map_err(Into::into));
    }

    fn accept(&mut self, token: Token, home: &Rc<Shared>) {
        if self.listener_slot(token).is_some_and(|slot| slot.is_resting()) {
            // The timer asks again, whatever news come meanwhile.
            return;
        }
        for _ in 0..ACCEPT_BUDGET {
            let accepted = home.engine.borrow_mut().accept(token);
            match accepted {
                Ok((connection, peer)) => self.welcome(token, connection, peer, home),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) if error.kind() == ErrorKind::QuotaExceeded => {
                    self.note_exhaustion(token, &error, home)
                }
                Err(error) => return self.rest(token, &error, home),
            }
        }
        self.asking.push_back(token);
    }

    /// A connection was accepted: it becomes one of ours, or another reactor's.
    fn welcome(&mut self, listener: Token, token: Token, peer: Address, home: &Rc<Shared>) {
        let Some(slot) = self.listener_slot(listener) else {
            return home.engine.borrow_mut().close(token, Close::Graceful);
        };
        match &mut slot.target {
            Target::Factory(factory, tls) => match panics::catch(|| factory.build_protocol(&peer)) {
                Ok(Some(protocol)) => {
                    let layer = tls.as_ref().map(|tls| tls.layer(home.wall_clock()));
                    self.attach(Attachment { token, peer, protocol, layer, made: None }, home);
                }
                Ok(None) => home.engine.borrow_mut().close(token, Close::Graceful),
                Err(panic) => {
                    tracing::error!(%peer, panic.message, panic.backtrace, "a factory panicked");
                    home.engine.borrow_mut().close(token, Close::Abort);
                }
            },
            Target::Inlets(ring) => {
                let released = home.engine.borrow_mut().release(token);
                match released {
                    Ok(descriptor) => ring.hand_out(descriptor, peer),
                    Err(error) => {
                        tracing::error!(%peer, %error, "a connection could not be handed out");
                        home.engine.borrow_mut().close(token, Close::Abort);
                    }
                }
            }
        }
    }

    /// Nothing can be accepted now. If descriptors ran out, use the reserve to turn one peer away
    /// rather than leave it hanging; then try again by the clock.
    fn rest(&mut self, token: Token, error: &io::Error, home: &Rc<Shared>) {
        let exhausted = is_exhaustion(error);
        if exhausted {
            let shed = home.engine.borrow_mut().shed(token);
            self.note_exhaustion(token, error, home);
            if let Err(error) = shed {
                tracing::trace!(%error, "nobody could be turned away");
            }
        } else {
            tracing::warn!(%error, "accepting failed");
        }
        let Some(at) = home.now().checked_add(EXHAUSTED_REST) else { return };
        if let Some(slot) = self.listener_slot(token) {
            slot.set_resting(true);
        }
        let weak = Rc::downgrade(home);
        Timer::start(
            home,
            at,
            Box::new(move || {
                if let Some(home) = weak.upgrade() {
                    home.push(Effect::RetryAccept(token));
                }
            }),
        );
    }

    /// A listener has rested.
    pub(super) fn retry_accept(&mut self, token: Token) {
        if let Some(slot) = self.listener_slot(token) {
            slot.set_resting(false);
            self.asking.push_back(token);
        }
    }

    fn note_exhaustion(&mut self, token: Token, error: &io::Error, home: &Rc<Shared>) {
        if let Some(slot) = self.listener_slot(token) {
            slot.note_exhaustion(error, home.now());
        }
    }

    /// Stop listening everywhere: the first step of a shutdown.
    pub(super) fn close_listeners(&mut self, home: &Rc<Shared>) {
        for slot in &mut self.slots {
            match slot {
                Slot::Listener(listener) => {
                    let token = listener.token();
                    if let Slot::Listener(listener) = std::mem::take(slot) {
                        guard("a factory's stop", || listener.stop());
                    }
                    home.engine.borrow_mut().close(token, Close::Graceful);
                }
                Slot::Datagram(socket) => {
                    let token = socket.token();
                    if let Slot::Datagram(socket) = std::mem::take(slot) {
                        guard("a datagram protocol's stop", || socket.stop());
                    }
                    home.engine.borrow_mut().close(token, Close::Graceful);
                }
                _ => {}
            }
        }
    }
}

/// The connection went away before it was accepted: go on with the next (accept(2)).
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.raw_os_error(),
        Some(
            libc::ECONNABORTED
                | libc::EPERM
                | libc::EPROTO
                | libc::ENETDOWN
                | libc::EHOSTUNREACH
                | libc::ENETUNREACH
        )
    ) || error.kind() == ErrorKind::ConnectionAborted
}

fn is_exhaustion(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE | libc::ENOBUFS | libc::ENOMEM))
}
