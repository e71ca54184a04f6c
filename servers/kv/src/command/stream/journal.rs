//! What the journal says about groups. The one rule: reading for a group changes it, so what was delivered and
//! claimed is noted as claims that come out the same at any time.

use crate::command::call::{Call, Effects};
use crate::store::stream::{Pending, StreamId};
use bytes::Bytes;
use ropewalk_protocols::resp::number;

/// The commands to note in place of one that was called.
#[derive(Debug)]
pub(super) struct Notes {
    is_read: bool,
    commands: Vec<Vec<Bytes>>,
}

/// A group, by the names of its key and its own.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) key: &'a [u8],
    pub(super) group: &'a [u8],
}

impl Notes {
    /// None yet.
    pub(super) fn new(call: &Call<'_>) -> Self {
        Self { is_read: call.is_journaled(), commands: Vec::new() }
    }

    fn note(&mut self, command: &[&[u8]]) {
        if self.is_read {
            self.commands.push(command.iter().map(|argument| Bytes::copy_from_slice(argument)).collect());
        }
    }

    /// A consumer was created.
    pub(super) fn created(&mut self, place: Place<'_>, consumer: &[u8]) {
        self.note(&[b"XGROUP", b"CREATECONSUMER", place.key, place.group, consumer]);
    }

    /// An entry is pending for this consumer, like this, and the group has read up to this ID.
    pub(super) fn claimed(
        &mut self,
        place: Place<'_>,
        consumer: &[u8],
        id: StreamId,
        pending: Pending,
        last_id: StreamId,
    ) {
        if !self.is_read {
            return;
        }
        let (id, last_id) = (id.text(), last_id.text());
        let time = number::integer(pending.delivered_at);
        let count = number::integer(pending.deliveries.cast_signed());
        let start: &[&[u8]] = &[b"XCLAIM", place.key, place.group, consumer, b"0", &id, b"TIME", &time];
        let end: &[&[u8]] = &[b"RETRYCOUNT", &count, b"FORCE", b"JUSTID", b"LASTID", &last_id];
        self.note(&[start, end].concat());
    }

    /// An entry is not pending any more.
    pub(super) fn acknowledged(&mut self, place: Place<'_>, id: StreamId) {
        self.note(&[b"XACK", place.key, place.group, &*id.text()]);
    }

    /// The group has read up to this ID, without anything pending.
    pub(super) fn advanced(&mut self, place: Place<'_>, last_id: StreamId, entries_read: Option<u64>) {
        let read = entries_read.map_or(number::integer(-1), |read| number::integer(read.cast_signed()));
        let last_id = last_id.text();
        self.note(&[b"XGROUP", b"SETID", place.key, place.group, &*last_id, b"ENTRIESREAD", &*read]);
    }

    /// Note these in place of the command that was called.
    pub(super) fn hand_on(self, call: &mut Call<'_>) {
        call.effects = Effects::Instead(self.commands);
    }
}
