//! Groups of consumers: who was given which entry, and has not acknowledged it. The one rule: each pending
//! entry belongs to one consumer; the group's list and the consumers' lists say the same.

use super::id::StreamId;
use super::log::Log;
use slab::Slab;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

/// A consumer's place in its group. It stands for another one once the consumer is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ConsumerKey(usize);

impl ConsumerKey {
    /// Nobody yet: while a dump is read, owners come later than what they own.
    const NOBODY: Self = Self(usize::MAX);
}

/// An entry that was delivered and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Pending {
    /// When it was delivered last, in milliseconds since 1970.
    pub(crate) delivered_at: i64,
    /// How often it was delivered.
    pub(crate) deliveries: u64,
    /// Whom to.
    pub(crate) owner: ConsumerKey,
}

/// Someone who reads for a group.
#[derive(Clone, Debug)]
pub(crate) struct Consumer {
    name: Arc<[u8]>,
    seen_at: i64,
    pending: BTreeSet<StreamId>,
}

impl Consumer {
    /// Its name.
    pub(crate) fn name(&self) -> &[u8] {
        &self.name
    }

    /// When it last tried to read or to claim, in milliseconds since 1970.
    pub(crate) fn seen_at(&self) -> i64 {
        self.seen_at
    }

    /// How many entries it has not acknowledged.
    pub(crate) fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The entries that it has not acknowledged, from this one on.
    pub(crate) fn pending_from(&self, from: StreamId) -> impl Iterator<Item = StreamId> {
        self.pending.range(from..).copied()
    }
}

/// What is asked of an entry, and what becomes of it, when another consumer claims it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Claim {
    /// How long ago it must have been delivered, in milliseconds.
    pub(crate) min_idle_ms: i64,
    /// What is noted as the time of its delivery, in milliseconds since 1970.
    pub(crate) delivered_at: i64,
    /// What is noted as the number of deliveries.
    pub(crate) deliveries: Deliveries,
    /// Whether it is claimed though it is not pending.
    pub(crate) is_forced: bool,
}

/// What becomes of the number of deliveries when an entry is claimed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deliveries {
    /// It stays.
    Keep,
    /// One more.
    Count,
    /// It is this.
    Set(u64),
}

/// What came of a claim.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claimed {
    /// The entry is the consumer's now; this says whether the consumer was created for it.
    Yes { is_new_consumer: bool },
    /// The entry is not pending, or not for long enough.
    No,
    /// The entry is not in the stream any more: it is not pending any more either, if it was.
    Deleted { was: Option<Pending> },
}

/// Consumers that share the entries of a stream.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    last_id: StreamId,
    entries_read: Option<u64>,
    pending: BTreeMap<StreamId, Pending>,
    consumers: Slab<Consumer>,
    names: BTreeMap<Arc<[u8]>, ConsumerKey>,
}

impl Group {
    /// A group without consumers, that has read up to this ID.
    pub(super) fn new(last_id: StreamId, entries_read: Option<u64>) -> Self {
        Self {
            last_id,
            entries_read,
            pending: BTreeMap::new(),
            consumers: Slab::new(),
            names: BTreeMap::new(),
        }
    }

    /// The last ID that was delivered.
    pub(crate) fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// How many entries had been added to the stream up to the last that was delivered, if that is known.
    pub(crate) fn entries_read(&self) -> Option<u64> {
        self.entries_read
    }

    /// Go on reading after this ID.
    pub(crate) fn set_last_id(&mut self, last_id: StreamId, entries_read: Option<u64>) {
        self.last_id = last_id;
        self.entries_read = entries_read;
    }

    /// Go on reading after this ID, if that is further than where the group is. Returns whether it is.
    pub(crate) fn advance(&mut self, last_id: StreamId) -> bool {
        let advances = last_id > self.last_id;
        self.last_id = self.last_id.max(last_id);
        advances
    }

    /// How many entries of the stream were not delivered yet, if that can be told. It is negative if the counters
    /// were set so.
    pub(crate) fn lag(&self, log: &Log) -> Option<i64> {
        let added = log.counters().entries_added;
        if added == 0 {
            return Some(0);
        }
        let read = self.entries_read.filter(|_| !log.has_deleted_from(self.last_id));
        let read = read.or_else(|| log.added_up_to(self.last_id))?;
        Some(added.wrapping_sub(read).cast_signed())
    }

    /// Note that an entry is delivered for the first time. Returns whether the group's last ID rose.
    pub(crate) fn delivered(&mut self, log: &Log, id: StreamId) -> bool {
        if id <= self.last_id {
            return false;
        }
        self.entries_read = match self.entries_read {
            Some(read) if !log.has_deleted_from(id) => Some(read.wrapping_add(1)),
            read if log.counters().entries_added == 0 => read,
            _ => log.added_up_to(id),
        };
        self.last_id = id;
        true
    }

    /// How many entries are pending.
    pub(crate) fn pending_len(&self) -> usize {
        self.pending.len()
    }

    /// The pending entries from one ID to another, both included.
    pub(crate) fn pending_range(
        &self,
        from: StreamId,
        to: StreamId,
    ) -> impl DoubleEndedIterator<Item = (StreamId, &Pending)> {
        let to = if from <= to { Bound::Included(to) } else { Bound::Excluded(from) };
        self.pending.range((Bound::Included(from), to)).map(|(id, pending)| (*id, pending))
    }

    /// An entry, if it is pending.
    pub(crate) fn pending(&self, id: StreamId) -> Option<&Pending> {
        self.pending.get(&id)
    }

    /// How many consumers there are.
    pub(crate) fn consumers_len(&self) -> usize {
        self.names.len()
    }

    /// The consumers, by name.
    pub(crate) fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.names.values().map(|key| &self.consumers[key.0])
    }

    /// A consumer by name.
    pub(crate) fn find_consumer(&self, name: &[u8]) -> Option<ConsumerKey> {
        self.names.get(name).copied()
    }

    /// A consumer.
    pub(crate) fn consumer(&self, key: ConsumerKey) -> Option<&Consumer> {
        self.consumers.get(key.0)
    }

    /// The name of who owns a pending entry.
    pub(crate) fn owner_name(&self, pending: &Pending) -> &[u8] {
        self.consumer(pending.owner).map_or(&[], Consumer::name)
    }

    /// Add a consumer, if there is none of this name yet.
    pub(crate) fn create_consumer(&mut self, name: &[u8], now_ms: i64) -> Option<ConsumerKey> {
        (!self.names.contains_key(name)).then(|| self.insert_consumer(name.into(), now_ms))
    }

    fn insert_consumer(&mut self, name: Arc<[u8]>, now_ms: i64) -> ConsumerKey {
        let consumer = Consumer { name: name.clone(), seen_at: now_ms, pending: BTreeSet::new() };
        let key = ConsumerKey(self.consumers.insert(consumer));
        self.names.insert(name, key);
        key
    }

    /// A consumer that is at work, noted as seen now; and whether it was created, because there was none of this
    /// name yet.
    pub(crate) fn see_consumer(&mut self, name: &[u8], now_ms: i64) -> (ConsumerKey, bool) {
        let Some(key) = self.find_consumer(name) else {
            return (self.insert_consumer(name.into(), now_ms), true);
        };
        if let Some(consumer) = self.consumers.get_mut(key.0) {
            consumer.seen_at = now_ms;
        }
        (key, false)
    }

    /// Remove a consumer and what is pending for it. Returns how much that was.
    pub(crate) fn remove_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let key = self.names.remove(name)?;
        let consumer = self.consumers.try_remove(key.0)?;
        for id in &consumer.pending {
            self.pending.remove(id);
        }
        Some(consumer.pending.len())
    }

    /// Note that an entry is pending for a consumer, delivered now for the first time: it may have been
    /// another's before the group was set back.
    pub(crate) fn assign(&mut self, id: StreamId, owner: ConsumerKey, now_ms: i64) {
        let pending = Pending { delivered_at: now_ms, deliveries: 1, owner };
        if let Some(before) = self.pending.insert(id, pending) {
            self.disown(id, before.owner);
        }
        self.own(id, owner);
    }

    /// Note that a pending entry is delivered again, to the same consumer.
    pub(crate) fn redelivered(&mut self, id: StreamId, now_ms: i64) {
        if let Some(pending) = self.pending.get_mut(&id) {
            pending.delivered_at = now_ms;
            pending.deliveries = pending.deliveries.wrapping_add(1);
        }
    }

    /// An entry is not pending any more. Returns whether it was.
    pub(crate) fn acknowledge(&mut self, id: StreamId) -> bool {
        let pending = self.pending.remove(&id);
        pending.inspect(|pending| self.disown(id, pending.owner)).is_some()
    }

    /// Give an entry to the consumer of this name, as far as the claim allows. A consumer is created with the
    /// first entry that it gets, and noted as seen.
    pub(crate) fn claim(
        &mut self,
        log: &Log,
        id: StreamId,
        name: &[u8],
        claim: &Claim,
        now_ms: i64,
    ) -> Claimed {
        let was = self.pending.get(&id).copied();
        if log.get(id).is_none() {
            self.acknowledge(id);
            return Claimed::Deleted { was };
        }
        let is_idle = |was: Pending| {
            claim.min_idle_ms == 0 || now_ms.saturating_sub(was.delivered_at) >= claim.min_idle_ms
        };
        if !was.map_or(claim.is_forced, is_idle) {
            return Claimed::No;
        }
        let (owner, is_new_consumer) = self.see_consumer(name, now_ms);
        let deliveries = was.map_or(1, |was| was.deliveries);
        let deliveries = match claim.deliveries {
            Deliveries::Keep => deliveries,
            Deliveries::Count => deliveries.wrapping_add(1),
            Deliveries::Set(deliveries) => deliveries,
        };
        if let Some(was) = was {
            self.disown(id, was.owner);
        }
        self.pending.insert(id, Pending { delivered_at: claim.delivered_at, deliveries, owner });
        self.own(id, owner);
        Claimed::Yes { is_new_consumer }
    }

    fn own(&mut self, id: StreamId, owner: ConsumerKey) {
        if let Some(consumer) = self.consumers.get_mut(owner.0) {
            consumer.pending.insert(id);
        }
    }

    fn disown(&mut self, id: StreamId, owner: ConsumerKey) {
        if let Some(consumer) = self.consumers.get_mut(owner.0) {
            consumer.pending.remove(&id);
        }
    }

    /// What it takes on the heap, in bytes: an estimate.
    pub(super) fn heap_bytes(&self) -> usize {
        /// An entry and its share of the tree: nodes are two thirds full.
        const PENDING: usize = (size_of::<(StreamId, Pending)>() + size_of::<StreamId>()) * 3 / 2;
        /// A consumer, its name's two counts, its place among the names.
        const CONSUMER: usize = size_of::<Consumer>() + 64;
        let names: usize = self.names.keys().map(|name| name.len() + CONSUMER).sum();
        names + self.pending.len() * PENDING
    }

    /// How many allocations dropping it gives back.
    pub(super) fn free_effort(&self) -> usize {
        // Eleven entries at most share a node of either tree.
        self.names.len() * 2 + self.pending.len() / 4 + 1
    }
}

/// A group that is read from a dump: first what is pending, then whom for.
#[derive(Debug)]
pub(crate) struct GroupBuilder {
    group: Group,
    unowned: usize,
}

impl GroupBuilder {
    /// A group that has read up to this ID.
    pub(crate) fn new(last_id: StreamId, entries_read: Option<u64>) -> Self {
        Self { group: Group::new(last_id, entries_read), unowned: 0 }
    }

    /// Add a pending entry, whose owner comes later. Returns whether it was not there yet.
    pub(crate) fn add_pending(&mut self, id: StreamId, delivered_at: i64, deliveries: u64) -> bool {
        let pending = Pending { delivered_at, deliveries, owner: ConsumerKey::NOBODY };
        let is_new = self.group.pending.insert(id, pending).is_none();
        self.unowned += usize::from(is_new);
        is_new
    }

    /// Add a consumer, if there is none of this name yet.
    pub(crate) fn add_consumer(&mut self, name: &[u8], seen_at: i64) -> Option<ConsumerKey> {
        self.group.create_consumer(name, seen_at)
    }

    /// Say that a pending entry is this consumer's. Returns whether there is one that nobody else has.
    pub(crate) fn add_owner(&mut self, id: StreamId, owner: ConsumerKey) -> bool {
        let unowned = self.group.pending.get_mut(&id).filter(|it| it.owner == ConsumerKey::NOBODY);
        let Some(pending) = unowned else { return false };
        pending.owner = owner;
        self.unowned -= 1;
        self.group.own(id, owner);
        true
    }

    /// The group, if every pending entry has found its owner.
    pub(crate) fn finish(self) -> Option<Group> {
        (self.unowned == 0).then_some(self.group)
    }
}
