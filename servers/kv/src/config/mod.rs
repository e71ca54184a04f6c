//! The configuration, typed.

use crate::server::notify::Notify;
use crate::store::limits::Limits;

/// As configured.
#[derive(Clone, Debug)]
pub(crate) struct Config {
    /// How many databases there are.
    pub(crate) databases: usize,
    /// The thresholds between encodings.
    pub(crate) limits: Limits,
    /// Which events are published.
    pub(crate) notify: Notify,
    /// How much memory the data may take, in bytes; 0 is any.
    pub(crate) maxmemory: u64,
    /// The longest argument, in bytes.
    pub(crate) proto_max_bulk_len: usize,
    /// Drop what expired step by step.
    pub(crate) lazyfree_lazy_expire: bool,
    /// Drop what DEL removes step by step.
    pub(crate) lazyfree_lazy_user_del: bool,
    /// Drop what is replaced step by step.
    pub(crate) lazyfree_lazy_server_del: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            databases: 16,
            limits: Limits::default(),
            notify: Notify::default(),
            maxmemory: 0,
            proto_max_bulk_len: 512 << 20,
            lazyfree_lazy_expire: false,
            lazyfree_lazy_user_del: false,
            lazyfree_lazy_server_del: false,
        }
    }
}
