//! One row of the command table.

use super::call::Handler;
use bitflags::bitflags;

bitflags! {
    /// What there is to know about a command before it runs.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct Flags: u64 {
        /// Changes data.
        const WRITE = 1;
        /// Refused when memory is used up.
        const DENYOOM = 1 << 2;
        /// Needs to be allowed by configuration.
        const PROTECTED = 1 << 19;
        /// For clients that have not authenticated too.
        const NO_AUTH = 1 << 15;
        /// Not within a transaction.
        const NO_MULTI = 1 << 24;
    }
}

/// One command.
#[derive(Debug)]
pub(crate) struct Command {
    /// Its name, in small letters.
    pub(crate) name: &'static str,
    /// How many arguments, the name included; if negative, at least so many.
    pub(crate) arity: i32,
    /// What there is to know.
    pub(crate) flags: Flags,
    /// What runs it.
    pub(crate) handler: Handler,
    /// Its subcommands.
    pub(crate) subcommands: &'static [Command],
}

impl Command {
    /// Whether it takes so many arguments, its name included.
    #[inline]
    pub(crate) fn admits(&self, arguments: usize) -> bool {
        let arguments = i32::try_from(arguments).unwrap_or(i32::MAX);
        arguments == self.arity || (self.arity < 0 && arguments >= -self.arity)
    }

    /// Whether its first argument names a key.
    #[inline]
    pub(crate) fn has_key_first(&self) -> bool {
        self.name.len() == 3
    }
}
