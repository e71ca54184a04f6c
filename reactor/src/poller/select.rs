//! `select(2)`: two bitmaps of descriptors, copied to the kernel and back at every wait.
//!
//! Each wait costs time in proportion to the highest descriptor, and descriptors must be below
//! FD_SETSIZE, 1,024 on every common system: a descriptor beyond is refused when it is added,
//! because setting its bit would write outside of the bitmap.
//!
//! One rule: what was reported leaves the bitmap of that direction until `rearm`. That masks
//! hang-ups and errors too, since `select` tells them as readable and writable.

use super::self_pipe::SelfPipe;
use super::{Direction, Event, Poller, WAKE};
use crate::engine::{Token, Wake};
use crate::sys::select::{Bitmap, FD_SETSIZE, select};
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

/// The poller that scans bitmaps.
pub struct Select {
    /// What to ask for, by direction.
    read: Bitmap,
    write: Bitmap,
    /// What was added, asked for or not.
    added: Bitmap,
    /// One more than the highest descriptor of `added`.
    limit: RawFd,
    /// By descriptor.
    tokens: Vec<Token>,
    pipe: SelfPipe,
}

impl Select {
    /// A poller that watches nothing yet.
    ///
    /// # Errors
    /// Usually that no descriptor is left: it takes two, one of them below FD_SETSIZE.
    pub fn new() -> io::Result<Self> {
        let pipe = SelfPipe::new()?;
        let empty = Bitmap::default();
        let mut this = Self { read: empty, write: empty, added: empty, limit: 0, tokens: Vec::new(), pipe };
        let waker = this.pipe.descriptor();
        this.add(waker, WAKE)?;
        this.write.remove(waker);
        Ok(this)
    }
}

impl Poller for Select {
    fn name(&self) -> &'static str {
        "select"
    }

    fn add(&mut self, descriptor: RawFd, token: Token) -> io::Result<()> {
        if !Bitmap::can_hold(descriptor) {
            return Err(too_high(descriptor));
        }
        debug_assert!(!self.added.contains(descriptor), "descriptor {descriptor} is added twice");
        for set in [&mut self.added, &mut self.read, &mut self.write] {
            set.insert(descriptor);
        }
        self.limit = self.limit.max(descriptor + 1);
        if self.tokens.len() < self.limit as usize {
            self.tokens.resize(self.limit as usize, WAKE);
        }
        self.tokens[descriptor as usize] = token;
        Ok(())
    }

    fn rearm(&mut self, descriptor: RawFd, direction: Direction) {
        if self.added.contains(descriptor) {
            match direction {
                Direction::Read => self.read.insert(descriptor),
                Direction::Write => self.write.insert(descriptor),
            }
        }
    }

    fn remove(&mut self, descriptor: RawFd) {
        for set in [&mut self.added, &mut self.read, &mut self.write] {
            set.remove(descriptor);
        }
        if descriptor == self.limit - 1 {
            self.limit = self.added.limit();
        }
    }

    fn wait(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        let (mut readable, mut writable) = (self.read, self.write);
        match select(self.limit, &mut readable, &mut writable, timeout) {
            Ok(0) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            outcome => outcome?,
        };
        for descriptor in readable.union(&writable).members(self.limit) {
            let token = self.tokens[descriptor as usize];
            let (readable, writable) = (readable.contains(descriptor), writable.contains(descriptor));
            if token == WAKE {
                self.pipe.drain();
            } else {
                if readable {
                    self.read.remove(descriptor);
                }
                if writable {
                    self.write.remove(descriptor);
                }
            }
            // A hang-up looks like data here; the read that finds it says so.
            events.push(Event { token, readable, writable, hangup: false });
        }
        Ok(())
    }

    fn waker(&self) -> Arc<dyn Wake> {
        self.pipe.waker()
    }
}

fn too_high(descriptor: RawFd) -> io::Error {
    io::Error::new(
        io::ErrorKind::QuotaExceeded,
        format!(
            "select cannot watch descriptor {descriptor}: its limit, FD_SETSIZE, is {FD_SETSIZE}; \
             take another backend (epoll, poll) or fewer connections"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_scans_no_further_than_the_highest_descriptor_there_is() {
        let mut poller = Select::new().unwrap();
        let waker = poller.limit;
        for descriptor in [100, 700, 400] {
            poller.add(descriptor, Token { index: 0, generation: 0 }).unwrap();
        }
        let mut limits = vec![poller.limit];
        for descriptor in [400, 700, 100] {
            poller.remove(descriptor);
            limits.push(poller.limit);
        }
        assert_eq!(limits, [701, 701, 101, waker]);
    }
}
