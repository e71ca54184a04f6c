//! The journal: the effects of every write, in order. The one rule: whatever changes data is noted here exactly
//! once, as a command that would do the same again, whatever time it is then and whatever chance says.
//!
//! Nobody reads it in a server that keeps its data in memory alone; a file of commands and replicas will. What is
//! noted while a transaction runs is handed on as one.

use bytes::Bytes;

/// One command, with the database that it is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Effect {
    /// Which database.
    pub(crate) db: usize,
    /// Its name and its arguments.
    pub(crate) command: Vec<Bytes>,
}

/// Takes what belongs together: one command, or what a transaction did.
pub(crate) trait Reader {
    /// These effects happened, all at once.
    fn happened(&mut self, effects: &[Effect]);
}

/// The effects of every write.
#[derive(Default)]
pub(crate) struct Journal {
    readers: Vec<Box<dyn Reader>>,
    pending: Vec<Effect>,
}

impl Journal {
    /// Whether anybody reads it.
    #[inline]
    pub(crate) fn is_read(&self) -> bool {
        !self.readers.is_empty()
    }

    /// Hand on what happens from now on to this reader.
    #[cfg(test)]
    pub(crate) fn read_by(&mut self, reader: Box<dyn Reader>) {
        self.readers.push(reader);
    }

    /// Note a command.
    pub(crate) fn note(&mut self, db: usize, command: &[&[u8]]) {
        if self.is_read() {
            let command = command.iter().map(|argument| Bytes::copy_from_slice(argument)).collect();
            self.pending.push(Effect { db, command });
        }
    }

    /// Note a command whose arguments are owned.
    pub(crate) fn note_owned(&mut self, db: usize, command: Vec<Bytes>) {
        if self.is_read() {
            self.pending.push(Effect { db, command });
        }
    }

    /// What was noted since the last time belongs together: hand it on.
    #[inline]
    pub(crate) fn commit(&mut self) {
        if !self.pending.is_empty() {
            let effects = std::mem::take(&mut self.pending);
            self.readers.iter_mut().for_each(|reader| reader.happened(&effects));
        }
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Journal").field("pending", &self.pending).finish_non_exhaustive()
    }
}
