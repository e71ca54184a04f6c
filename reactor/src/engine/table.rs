//! Open descriptors by token: an index that is reused, and a generation that is not.
//!
//! ```text
//! index      0              1              2              3
//!        [ open  g 7 ]  [ free → 3 ]   [ open  g 9 ]  [ free → end ]
//!                            ▲ first free
//! ```
//!
//! One rule: every road to a descriptor checks the generation, so a stale token finds nothing.

use super::{Token, stale};
use std::io;
use std::os::fd::OwnedFd;

/// The end of the list of free entries.
const END: u32 = u32::MAX;

/// Open descriptors, each with a state of type `S`.
pub(super) struct Table<S> {
    entries: Vec<Entry<S>>,
    first_free: u32,
    /// Of the latest token.
    generation: u32,
}

/// One place of the table.
pub(super) struct Entry<S> {
    held: Held,
    generation: u32,
    state: S,
}

enum Held {
    Open(OwnedFd),
    /// The index of the next free entry, or [`END`].
    Free(u32),
}

impl<S> Table<S> {
    pub(super) fn new() -> Self {
        Self { entries: Vec::new(), first_free: END, generation: 0 }
    }

    /// Keep a descriptor; the token to find it by.
    pub(super) fn insert(&mut self, descriptor: OwnedFd, state: S) -> Token {
        self.generation = self.generation.wrapping_add(1);
        let generation = self.generation;
        let entry = Entry { held: Held::Open(descriptor), generation, state };
        let index = self.first_free;
        match self.entries.get_mut(index as usize) {
            Some(free) => {
                if let Held::Free(next) = free.held {
                    self.first_free = next;
                }
                *free = entry;
                Token { index, generation }
            }
            None => {
                self.entries.push(entry);
                Token { index: (self.entries.len() - 1) as u32, generation }
            }
        }
    }

    /// The descriptor of a token, and its state.
    #[inline]
    pub(super) fn get(&mut self, token: Token) -> io::Result<(&OwnedFd, &mut S)> {
        match self.entries.get_mut(token.index as usize) {
            Some(Entry { held: Held::Open(descriptor), generation, state })
                if *generation == token.generation =>
            {
                Ok((descriptor, state))
            }
            _ => Err(stale()),
        }
    }

    /// The descriptor alone.
    pub(super) fn descriptor(&self, token: Token) -> io::Result<&OwnedFd> {
        match self.entries.get(token.index as usize) {
            Some(Entry { held: Held::Open(descriptor), generation, .. })
                if *generation == token.generation =>
            {
                Ok(descriptor)
            }
            _ => Err(stale()),
        }
    }

    /// The state alone.
    #[cfg(target_os = "linux")]
    #[inline]
    pub(super) fn state(&self, token: Token) -> io::Result<&S> {
        self.descriptor(token)?;
        Ok(&self.entries[token.index as usize].state)
    }

    /// Forget a token, handing its descriptor out.
    pub(super) fn remove(&mut self, token: Token) -> io::Result<OwnedFd> {
        self.descriptor(token)?;
        let entry = &mut self.entries[token.index as usize];
        match std::mem::replace(&mut entry.held, Held::Free(self.first_free)) {
            Held::Open(descriptor) => {
                self.first_free = token.index;
                Ok(descriptor)
            }
            Held::Free(_) => unreachable!("the descriptor was just found"),
        }
    }
}
