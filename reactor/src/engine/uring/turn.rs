//! One wait: what is submitted before it, and what the completions after it mean.
//!
//! Its rule: between two waits the ring rests. Everything that the engine's methods want of the
//! kernel is noted in lists and submitted here, by one system call for all of it.

use super::slot::{End, Input, Kind};
use super::sys::{Completion, Entered, Filled, Key, Operation};
use super::{ACCEPTED_MAX, Uring, turn_away};
use crate::engine::sockets;
use crate::engine::{News, Token};
use rustix::io::Errno;
use std::io::{self, ErrorKind};
use std::os::fd::{AsFd, OwnedFd};
use std::time::{Duration, Instant};

/// How often completions that did not fit are fetched before the reactor has its turn.
const OVERFLOWS_MAX: usize = 16;

/// News of something to receive, or to accept.
fn readable(token: Token) -> News {
    News { token, readable: true, writable: false }
}

/// News of room to send, or of a decision.
fn writable(token: Token) -> News {
    News { token, readable: false, writable: true }
}

impl Uring {
    /// [`Engine::wait`](crate::engine::Engine::wait).
    pub(super) fn turn(&mut self, until: Option<Instant>, news: &mut Vec<News>) -> io::Result<()> {
        let before = news.len();
        loop {
            news.append(&mut self.early);
            match self.prepare() {
                // What was not taken is still in its list.
                Err(error) if error.kind() == ErrorKind::OutOfMemory => {}
                prepared => prepared?,
            }
            let may_sleep = self.bell.lie_down() && news.len() == before;
            let is_over = self.collect(may_sleep, until, news);
            let was_rung = self.bell.rise();
            // Completions that are no news, of cancellations and the like, do not end the wait.
            if is_over? || was_rung || news.len() > before {
                return Ok(());
            }
        }
    }

    /// Submit, sleep if allowed, and take in what has completed. Whether the wait is over even if
    /// that was nothing.
    fn collect(&mut self, may_sleep: bool, until: Option<Instant>, news: &mut Vec<News>) -> io::Result<bool> {
        let left = until.map(remaining);
        if !may_sleep || left == Some(Duration::ZERO) {
            self.look(news)?;
            return Ok(true);
        }
        if !self.spin.is_on() {
            return self.sleep(left, news);
        }
        let start = Instant::now();
        let before = news.len();
        let spin = self.spin.duration();
        if !spin.is_zero() {
            let end = until.map_or(start + spin, |until| until.min(start + spin));
            while news.len() == before && !self.bell.is_rung() && Instant::now() < end {
                self.look(news)?;
            }
            // The spin may have taken in what tells of a wake-up, so that nothing would end a sleep.
            if news.len() > before || self.bell.is_rung() {
                self.spin.hit();
                return Ok(true);
            }
        }
        let is_over = self.sleep(until.map(remaining), news)?;
        self.spin.blocked(!spin.is_zero(), start.elapsed(), news.len() > before);
        Ok(is_over)
    }

    /// Submit and take in without sleeping, by a system call only where there is a reason.
    fn look(&mut self, news: &mut Vec<News>) -> io::Result<()> {
        if !self.ring.is_idle() {
            self.ring.enter(0, None)?;
        }
        self.reap(news)
    }

    fn sleep(&mut self, longest: Option<Duration>, news: &mut Vec<News>) -> io::Result<bool> {
        let entered = self.ring.enter(1, longest)?;
        // The kernel runs some twenty pieces of deferred work at a time. With more connections than
        // that at hand, a larger turn costs the same calls and makes more of each stage's cache.
        if self.ring.has_deferred() {
            self.ring.enter(0, None)?;
        }
        self.reap(news)?;
        Ok(entered != Entered::Done)
    }

    /// Put everything that waits for it into the submission queue.
    fn prepare(&mut self) -> io::Result<()> {
        if self.rearms_bell {
            self.ring.watch(self.bell.descriptor())?;
            self.rearms_bell = false;
        }
        self.release_held()?;
        self.feed_starved();
        self.arm()?;
        self.submit_sends()
    }

    /// Who has enough gets no more until that was pulled. Who has pulled nothing is not read by the
    /// reactor, and must not keep buffers that others need.
    fn release_held(&mut self) -> io::Result<()> {
        let mut held = std::mem::take(&mut self.holding);
        let mut outcome = Ok(());
        held.retain(|&token| {
            let Ok((_, slot)) = self.table.get(token) else { return false };
            let operation = match slot.kind {
                Kind::Listener if slot.accepted() >= ACCEPTED_MAX => Operation::Accept,
                Kind::Stream if !slot.held.is_empty() => Operation::Receive,
                _ => {
                    slot.is_holding = false;
                    return false;
                }
            };
            if !std::mem::take(&mut slot.is_pulled) {
                slot.spill(&mut self.ring.buffers);
            }
            if slot.input == Input::Armed && outcome.is_ok() {
                outcome = self.ring.cancel(operation, token);
                if outcome.is_ok() {
                    slot.input = Input::Cancelling;
                }
            }
            slot.is_holding = !slot.held.is_empty();
            slot.is_holding
        });
        self.holding = held;
        outcome
    }

    /// Let as many streams receive again as there are buffers for, the longest starved first. One
    /// that has input not yet pulled does so when it is drained.
    fn feed_starved(&mut self) {
        if self.starved.is_empty() {
            return;
        }
        self.ring.buffers.grow(self.starved.len());
        for _ in 0..self.ring.buffers.available() {
            let Some(token) = self.starved.pop_front() else { break };
            let Ok((_, slot)) = self.table.get(token) else { continue };
            if slot.input == Input::Starved && slot.has_input() {
                slot.input = Input::Idle;
            } else if slot.input == Input::Starved {
                slot.input = Input::Queued;
                self.arming.push(token);
            }
        }
    }

    /// Submit what brings input, or tells of room, to those that wait for it.
    fn arm(&mut self) -> io::Result<()> {
        for &token in &self.arming {
            let Ok((descriptor, slot)) = self.table.get(token) else { continue };
            if slot.input != Input::Queued {
                continue;
            }
            match slot.kind {
                Kind::Stream | Kind::Connecting => self.ring.receive(descriptor.as_fd(), token)?,
                Kind::Listener => self.ring.accept(descriptor.as_fd(), token)?,
                Kind::Datagram => self.ring.poll_read(descriptor.as_fd(), token)?,
            }
            slot.input = Input::Armed;
        }
        self.arming.clear();
        for &token in &self.polling {
            let Ok((descriptor, slot)) = self.table.get(token) else { continue };
            if !slot.is_polled {
                self.ring.poll_write(descriptor.as_fd(), token)?;
                slot.is_polled = true;
            }
        }
        self.polling.clear();
        Ok(())
    }

    /// Submit what was taken by `send`, and what is left of it after an attempt.
    fn submit_sends(&mut self) -> io::Result<()> {
        for &token in &self.outgoing {
            let Ok((descriptor, slot)) = self.table.get(token) else { continue };
            if let Some(key) = slot.sending.filter(|key| !self.ring.sends.is_under_way(*key)) {
                self.ring.send(key, descriptor.as_fd(), slot.is_awaited.get())?;
            }
        }
        self.outgoing.clear();
        Ok(())
    }

    /// Take in all completions.
    pub(super) fn reap(&mut self, news: &mut Vec<News>) -> io::Result<()> {
        for _ in 0..OVERFLOWS_MAX {
            while let Some(completion) = self.ring.next() {
                self.take_in(completion, news);
            }
            if !self.ring.is_overflowing() {
                break;
            }
            self.ring.enter(0, None)?;
        }
        while let Some(key) = self.ring.next_silent() {
            self.sent(key, Ok(()), news);
        }
        Ok(())
    }

    fn take_in(&mut self, completion: Completion, news: &mut Vec<News>) {
        #[cfg(test)]
        self.counts.note_completion();
        match completion {
            Completion::Received { token, outcome, more } => self.received(token, outcome, more, news),
            Completion::Sent { key, outcome } => self.sent(key, outcome, news),
            Completion::Accepted { token, outcome, more } => self.accepted(token, outcome, more, news),
            Completion::Ready { token, writable: true } => self.has_room(token, news),
            Completion::Ready { token, writable: false } => self.has_datagram(token, news),
            Completion::Rung { more } => self.rearms_bell |= !more,
            Completion::Ignored => {}
        }
    }

    fn received(
        &mut self,
        token: Token,
        outcome: Result<Option<Filled>, i32>,
        more: bool,
        news: &mut Vec<News>,
    ) {
        let Ok((_, slot)) = self.table.get(token) else {
            if let Ok(Some(filled)) = outcome {
                self.ring.buffers.refuse(filled);
            }
            return;
        };
        if !more {
            slot.input = Input::Idle;
        }
        match outcome {
            Ok(Some(filled)) => {
                if !std::mem::replace(&mut slot.is_holding, true) {
                    self.holding.push(token);
                }
                self.ring.buffers.append(&mut slot.held, filled);
            }
            Ok(None) => slot.end = Some(slot.end_of_stream()),
            Err(libc::ENOBUFS) => {
                #[cfg(test)]
                self.counts.note_shortage();
                slot.input = Input::Starved;
                self.starved.push_back(token);
            }
            Err(libc::ECANCELED | libc::EINTR | libc::EAGAIN) => {}
            Err(error) => slot.end = Some(End::Failed(error)),
        }
        let has_input = slot.has_input();
        if slot.input == Input::Idle && !has_input && slot.end.is_none() {
            slot.input = Input::Queued;
            self.arming.push(token);
        }
        if (has_input || slot.end.is_some()) && !std::mem::replace(&mut slot.is_reported, true) {
            news.push(readable(token));
        }
    }

    /// An attempt to send is over: everything has left, or the rest needs another, or it failed.
    fn sent(&mut self, key: Key, outcome: Result<(), i32>, news: &mut Vec<News>) {
        let owner = self.ring.sends.owner(key);
        let Ok((_, slot)) = self.table.get(owner) else { return self.ring.sends.remove(key) };
        debug_assert_eq!(slot.sending, Some(key));
        let error = outcome.err().filter(|error| ![libc::EAGAIN, libc::EINTR].contains(error));
        if error.is_none() && self.ring.sends.unsent(key) > 0 {
            return self.outgoing.push(owner);
        }
        self.ring.sends.remove(key);
        slot.sending = None;
        if let Some(error) = error {
            slot.extra_mut().send_error = Some(error);
        }
        if slot.is_awaited.replace(false) || error.is_some() {
            news.push(writable(owner));
        }
    }

    fn accepted(&mut self, token: Token, outcome: Result<OwnedFd, i32>, more: bool, news: &mut Vec<News>) {
        let Ok((_, slot)) = self.table.get(token) else {
            // It came while its listener was being closed.
            return outcome.iter().for_each(turn_away);
        };
        if !more {
            slot.input = Input::Idle;
        }
        let extra = slot.extra_mut();
        match outcome {
            Ok(descriptor) => extra.accepted.push_back(descriptor),
            Err(libc::ECANCELED) => {}
            Err(error) => extra.accept_error = Some(error),
        }
        let (waiting, has_error) = (extra.accepted.len(), extra.accept_error.is_some());
        if waiting >= ACCEPTED_MAX && !std::mem::replace(&mut slot.is_holding, true) {
            self.holding.push(token);
        }
        if slot.input == Input::Idle && waiting == 0 && !has_error {
            slot.input = Input::Queued;
            self.arming.push(token);
        }
        if (waiting > 0 || has_error) && !std::mem::replace(&mut slot.is_reported, true) {
            news.push(readable(token));
        }
    }

    /// A datagram socket has something to read.
    fn has_datagram(&mut self, token: Token, news: &mut Vec<News>) {
        let Ok((_, slot)) = self.table.get(token) else { return };
        slot.input = Input::Idle;
        if !std::mem::replace(&mut slot.is_reported, true) {
            news.push(readable(token));
        }
    }

    /// A datagram socket has room, or a connection attempt is decided.
    fn has_room(&mut self, token: Token, news: &mut Vec<News>) {
        let Ok((descriptor, slot)) = self.table.get(token) else { return };
        slot.is_polled = false;
        if slot.kind == Kind::Connecting {
            match sockets::outcome(descriptor.as_fd()) {
                Ok(()) => {
                    slot.kind = Kind::Stream;
                    slot.input = Input::Queued;
                    self.arming.push(token);
                }
                Err(Errno::AGAIN) => return self.polling.push(token),
                Err(error) => slot.end = Some(End::Failed(error.raw_os_error())),
            }
        }
        news.push(writable(token));
    }
}

fn remaining(until: Instant) -> Duration {
    until.saturating_duration_since(Instant::now())
}
