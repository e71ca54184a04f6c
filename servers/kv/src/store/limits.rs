//! Up to where a collection stays in its small encoding. The names are those of the configuration.

/// What [`Limits::list_plain_bytes`] is, if nobody says otherwise.
pub(crate) const LIST_PLAIN_BYTES: usize = 1 << 30;

/// Thresholds between encodings, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Limits {
    /// `hash-max-listpack-entries`: the most fields of a small hash.
    pub(crate) hash_listpack_entries: usize,
    /// `hash-max-listpack-value`: the longest field or value of a small hash, in bytes.
    pub(crate) hash_listpack_value: usize,
    /// `list-max-listpack-size`: elements of a node, or if negative its size: -1 is 4 KiB, -5 is 64 KiB.
    pub(crate) list_listpack_size: i32,
    /// The length, in bytes, from which on an element of a list gets a node of its own that is no listpack: what
    /// DEBUG QUICKLIST-PACKED-THRESHOLD sets.
    pub(crate) list_plain_bytes: usize,
    /// `list-compress-depth`: how many nodes at each end stay uncompressed; 0 compresses none.
    pub(crate) list_compress_depth: u32,
    /// `set-max-intset-entries`: the most members of a set of integers alone.
    pub(crate) set_intset_entries: usize,
    /// `zset-max-listpack-entries`: the most members of a small sorted set.
    pub(crate) zset_listpack_entries: usize,
    /// `zset-max-listpack-value`: the longest member of a small sorted set, in bytes.
    pub(crate) zset_listpack_value: usize,
    /// `hll-sparse-max-bytes`: the largest sparse HyperLogLog, in bytes.
    pub(crate) hll_sparse_bytes: usize,
    /// `stream-node-max-bytes`: the largest node of a stream, in bytes; 0 is any.
    pub(crate) stream_node_bytes: usize,
    /// `stream-node-max-entries`: the most entries of a node of a stream; 0 is any.
    pub(crate) stream_node_entries: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            hash_listpack_entries: 512,
            hash_listpack_value: 64,
            list_listpack_size: -2,
            list_plain_bytes: LIST_PLAIN_BYTES,
            list_compress_depth: 0,
            set_intset_entries: 512,
            zset_listpack_entries: 128,
            zset_listpack_value: 64,
            hll_sparse_bytes: 3000,
            stream_node_bytes: 4096,
            stream_node_entries: 100,
        }
    }
}
