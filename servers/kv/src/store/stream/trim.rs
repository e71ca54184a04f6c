//! How far a stream is cut at its front: MAXLEN and MINID. The one rule: an approximate cut takes whole nodes.

use super::id::StreamId;
use crate::store::limits::Limits;
use std::num::NonZeroU64;

/// Up to where entries go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Until {
    /// Until so many are left.
    Length(u64),
    /// Until this ID: it and what follows stays.
    Id(StreamId),
}

/// How a stream is cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Trim {
    /// Up to where.
    pub(crate) until: Until,
    /// Only whole nodes go, so some entries too many may stay.
    pub(crate) is_approximate: bool,
    /// The most entries that may go.
    pub(crate) limit: Option<NonZeroU64>,
}

impl Trim {
    /// An exact cut.
    pub(crate) fn exactly(until: Until) -> Self {
        Self { until, is_approximate: false, limit: None }
    }

    /// An approximate cut that takes at most `limit` entries, or, if the client names no limit, what a hundred
    /// full nodes hold, so that no command waits long for it. A limit of 0 is none.
    pub(crate) fn roughly(until: Until, limit: Option<u64>, limits: &Limits) -> Self {
        let limit = limit.unwrap_or_else(|| match limits.stream_node_entries {
            0 => 10_000,
            entries => (entries as u64).saturating_mul(100).min(1_000_000),
        });
        Self { until, is_approximate: true, limit: NonZeroU64::new(limit) }
    }
}
