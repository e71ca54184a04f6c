//! The configuration: read from redis.conf and the command line, shown and changed by CONFIG, written back
//! into the file. The one rule: all that is known of a directive stands in its row of the [`table`].
//!
//! ```text
//! arguments ─▶ text ─▶ file ──┐                      ┌─▶ Config, typed: what the server reads
//!                             ├─▶ rows of the table ─┤
//! CONFIG SET ────▶ change ────┘                      └─▶ get, rewrite, docs
//! ```

mod arguments;
mod change;
mod directive;
#[cfg(test)]
mod docs;
mod file;
mod rewrite;
pub(crate) mod rule;
mod special;
mod table;
#[cfg(test)]
mod tests;
mod words;

pub use file::FileError;
pub(crate) use {
    change::{Change, Requester, SetError, sensitive},
    directive::{Directive, Effect, Status},
    file::{Start, system_text},
    rewrite::rewrite,
    special::{Addresses, OutputLimit},
    table::{Config, DIRECTIVES},
    words::{AclPubsubDefault, LogLevel, MaxmemoryPolicy, OomScoreAdj, ProtectedAction, TlsAuthClients},
};

use crate::glob::{self, Case};
use crate::store::limits::Limits;
use arguments::Arguments;

/// The bounds of `hz`, into which it is brought.
const HZ: std::ops::RangeInclusive<u32> = 1..=500;

impl Config {
    /// Bring into its bounds what may be configured beyond them, and what is derived up to date.
    pub(super) fn settle(&mut self) {
        self.hz = self.hz.clamp(*HZ.start(), *HZ.end());
        self.limits = Limits {
            hash_listpack_entries: self.hash_max_listpack_entries,
            hash_listpack_value: self.hash_max_listpack_value,
            list_listpack_size: self.list_max_listpack_size,
            // No directive: DEBUG sets it.
            list_plain_bytes: self.limits.list_plain_bytes,
            list_compress_depth: self.list_compress_depth,
            set_intset_entries: self.set_max_intset_entries,
            zset_listpack_entries: self.zset_max_listpack_entries,
            zset_listpack_value: self.zset_max_listpack_value,
            hll_sparse_bytes: self.hll_sparse_max_bytes,
            stream_node_bytes: self.stream_node_max_bytes,
            stream_node_entries: self.stream_node_max_entries,
        };
    }

    /// The directives that match one of the patterns, each once, and their values. A hidden one matches its
    /// name alone. One that is asked for by name is named as in the question.
    pub(crate) fn matching(&self, patterns: &[&[u8]]) -> Vec<(Vec<u8>, Vec<u8>)> {
        let mut found: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
        let mut add = |name: &[u8], directive: &Directive| {
            if !found.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                found.push((name.to_vec(), (directive.show)(self)));
            }
        };
        for pattern in patterns {
            if !pattern.iter().any(|byte| matches!(byte, b'[' | b'*' | b'?')) {
                if let Some((directive, _)) = find(pattern) {
                    add(pattern, directive);
                }
                continue;
            }
            for (directive, name) in names().filter(|(directive, _)| !directive.traits.hidden) {
                if glob::matches_case(pattern, name.as_bytes(), Case::Insensitive) {
                    add(name.as_bytes(), directive);
                }
            }
        }
        found
    }

    /// Whether what a [`ProtectedAction`] protects is allowed to a client, which may be on this machine.
    pub(crate) fn allows(action: ProtectedAction, is_local: bool) -> bool {
        match action {
            ProtectedAction::No => false,
            ProtectedAction::Yes => true,
            ProtectedAction::Local => is_local,
        }
    }
}

/// Every name of a directive, aliases among them.
fn names() -> impl Iterator<Item = (&'static Directive, &'static str)> {
    DIRECTIVES
        .iter()
        .flat_map(|row| [Some(row.name), row.alias].into_iter().flatten().map(move |name| (row, name)))
}

/// The directive of this name, in any case, and the name as the table has it.
pub(crate) fn find(name: &[u8]) -> Option<(&'static Directive, &'static str)> {
    names().find(|(_, known)| known.as_bytes().eq_ignore_ascii_case(name))
}
