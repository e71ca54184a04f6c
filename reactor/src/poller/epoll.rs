//! `epoll(7)`, edge-triggered, by way of mio; on other systems the same file is `kqueue`.
//!
//! One rule: a descriptor is registered once, for both directions, and deregistered once. The edge
//! does the rest: the kernel reports a direction when it changes and is silent until then.

use super::{Direction, Event, Poller, WAKE};
use crate::engine::{Token, Wake};
use mio::unix::SourceFd;
use mio::{Events, Interest};
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// What this poller is called on this system.
pub const NAME: &str = if cfg!(any(target_os = "linux", target_os = "android")) { "epoll" } else { "kqueue" };

/// How many events one wait brings at the most; the rest come with the next one.
const EVENTS_MAX: usize = 1024;

const _: () = assert!(usize::BITS >= 64, "a mio token holds an index and a generation");

/// The edge-triggered poller.
pub struct Epoll {
    poll: mio::Poll,
    events: Events,
    waker: Arc<Waker>,
}

struct Waker {
    waker: mio::Waker,
    written: AtomicBool,
}

impl Epoll {
    /// A poller that watches nothing yet.
    ///
    /// # Errors
    /// Usually that no descriptor is left: it takes two.
    pub fn new() -> io::Result<Self> {
        let poll = mio::Poll::new()?;
        let waker = mio::Waker::new(poll.registry(), packed(WAKE))?;
        let waker = Arc::new(Waker { waker, written: AtomicBool::new(false) });
        Ok(Self { poll, events: Events::with_capacity(EVENTS_MAX), waker })
    }
}

impl Poller for Epoll {
    fn name(&self) -> &'static str {
        NAME
    }

    fn add(&mut self, descriptor: RawFd, token: Token) -> io::Result<()> {
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut SourceFd(&descriptor), packed(token), both)
    }

    fn rearm(&mut self, _descriptor: RawFd, _direction: Direction) {
        // The next edge needs no asking.
    }

    fn remove(&mut self, descriptor: RawFd) {
        // It fails only for what is not registered, and then there is nothing to remove.
        let _ = self.poll.registry().deregister(&mut SourceFd(&descriptor));
    }

    fn wait(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            outcome => outcome?,
        }
        for event in &self.events {
            let token = unpacked(event.token());
            if token == WAKE {
                // Cleared before the reactor drains what it was woken for. An edge needs no reading.
                self.waker.written.store(false, Ordering::SeqCst);
            }
            let hangup = event.is_read_closed() || event.is_error();
            events.push(Event {
                token,
                readable: event.is_readable() || hangup,
                writable: event.is_writable() || event.is_write_closed() || event.is_error(),
                hangup,
            });
        }
        Ok(())
    }

    fn waker(&self) -> Arc<dyn Wake> {
        self.waker.clone()
    }
}

impl Wake for Waker {
    fn wake(&self) {
        if !self.written.swap(true, Ordering::SeqCst) {
            // It fails only once the poller is gone.
            let _ = self.waker.wake();
        }
    }
}

fn packed(token: Token) -> mio::Token {
    mio::Token((token.generation as usize) << 32 | token.index as usize)
}

fn unpacked(token: mio::Token) -> Token {
    Token { index: token.0 as u32, generation: (token.0 >> 32) as u32 }
}
