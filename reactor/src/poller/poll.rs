//! `poll(2)`: an array of descriptors, handed to the kernel whole at every wait.
//!
//! It has no limit of its own, and each wait costs time in proportion to the array, ready or not.
//!
//! One rule: what was reported is masked until `rearm`. A hang-up and an error can't be masked, so
//! a descriptor that has one is negated, which has the kernel pass it over.
//!
//! ```text
//! place         0        1         2         3
//! slots     [ waker ][ fd 9    ][ fd !7  ][ fd 12  ]     !7: hung up, reported, left alone
//! tokens    [ WAKE  ][ token   ][ token  ][ token  ]
//! places, by descriptor: … 7 → 2 … 9 → 1 … 12 → 3 …
//! ```

use super::self_pipe::SelfPipe;
use super::{Direction, Event, Poller, WAKE};
use crate::engine::{Token, Wake};
use crate::sys::poll::{Slot, poll};
use libc::{POLLERR, POLLHUP, POLLIN, POLLNVAL, POLLOUT};
use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

/// The poller that scans an array.
pub struct Poll {
    slots: Vec<Slot>,
    tokens: Vec<Token>,
    /// Where a descriptor's slot is, by descriptor; [`NOWHERE`] if it has none.
    places: Vec<u32>,
    pipe: SelfPipe,
}

const NOWHERE: u32 = u32::MAX;

/// These come whether asked for or not.
const UNMASKABLE: i16 = POLLHUP | POLLERR | POLLNVAL;

impl Poll {
    /// A poller that watches nothing yet.
    ///
    /// # Errors
    /// Usually that no descriptor is left: it takes two.
    pub fn new() -> io::Result<Self> {
        let pipe = SelfPipe::new()?;
        let slots = vec![Slot { fd: pipe.descriptor(), events: POLLIN, revents: 0 }];
        Ok(Self { slots, tokens: vec![WAKE], places: Vec::new(), pipe })
    }

    fn place(&self, descriptor: RawFd) -> Option<usize> {
        let place = *self.places.get(usize::try_from(descriptor).ok()?)?;
        (place != NOWHERE).then_some(place as usize)
    }

    fn set_place(&mut self, descriptor: RawFd, place: u32) {
        let descriptor = usize::try_from(descriptor).expect("an open descriptor is not negative");
        if descriptor >= self.places.len() {
            self.places.resize(descriptor + 1, NOWHERE);
        }
        self.places[descriptor] = place;
    }
}

impl Poller for Poll {
    fn name(&self) -> &'static str {
        "poll"
    }

    fn add(&mut self, descriptor: RawFd, token: Token) -> io::Result<()> {
        debug_assert!(self.place(descriptor).is_none(), "descriptor {descriptor} is added twice");
        self.set_place(descriptor, self.slots.len() as u32);
        self.slots.push(Slot { fd: descriptor, events: POLLIN | POLLOUT, revents: 0 });
        self.tokens.push(token);
        Ok(())
    }

    fn rearm(&mut self, descriptor: RawFd, direction: Direction) {
        if let Some(place) = self.place(descriptor) {
            let slot = &mut self.slots[place];
            slot.fd = descriptor;
            slot.events |= match direction {
                Direction::Read => POLLIN,
                Direction::Write => POLLOUT,
            };
        }
    }

    fn remove(&mut self, descriptor: RawFd) {
        let Some(place) = self.place(descriptor) else { return };
        self.set_place(descriptor, NOWHERE);
        self.slots.swap_remove(place);
        self.tokens.swap_remove(place);
        if let Some(moved) = self.slots.get(place) {
            self.set_place(moved.fd.max(!moved.fd), place as u32);
        }
    }

    fn wait(&mut self, timeout: Option<Duration>, events: &mut Vec<Event>) -> io::Result<()> {
        let mut ready = match poll(&mut self.slots, timeout) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            outcome => outcome?,
        };
        for (slot, &token) in self.slots.iter_mut().zip(&self.tokens) {
            if ready == 0 {
                break;
            }
            let found = std::mem::take(&mut slot.revents);
            if found == 0 {
                continue;
            }
            ready -= 1;
            let hangup = found & UNMASKABLE != 0;
            if token == WAKE {
                self.pipe.drain();
            } else {
                slot.events &= !found;
                slot.fd = if hangup { !slot.fd } else { slot.fd };
            }
            events.push(Event {
                token,
                readable: hangup || found & POLLIN != 0,
                writable: hangup || found & POLLOUT != 0,
                hangup,
            });
        }
        Ok(())
    }

    fn waker(&self) -> Arc<dyn Wake> {
        self.pipe.waker()
    }
}
