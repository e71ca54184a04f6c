//! A stream's entries, and what is counted about them. The one rule: no live ID is below its node's key, nor is
//! that below a live ID of the nodes before; so an entry is found by the last key up to its ID.
//!
//! A node goes when its last live entry is deleted. Trimming, as in Redis, leaves a node of which it has deleted
//! all that was live, if behind that there is something deleted that it would have kept.

use super::SetIdError;
use super::id::StreamId;
use super::node::{Entry, Node};
use super::radix::RadixNodes;
use super::trim::{Trim, Until};
use crate::store::limits::Limits;
use crate::store::listpack::{self, Full};
use std::collections::BTreeMap;

/// The most that a node may take; the listpack's own bound leaves room for counts to grow.
const NODE_BYTES_MAX: usize = listpack::BYTES_MAX - 1024;

/// The most that an element of a listpack takes beside its text.
const ELEMENT_BYTES: usize = 11;

/// What a leaf and its share of the branches above take for a node in the tree, in bytes.
const TREE_BYTES: usize = 40;

/// Why an entry can't be added.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AddError {
    /// Its ID does not follow the last one.
    NotAfterLast,
    /// Its fields and values are about a gibibyte or more.
    TooLarge,
}

impl From<Full> for AddError {
    fn from(_: Full) -> Self {
        Self::TooLarge
    }
}

/// The entries of a stream.
#[derive(Clone, Debug, Default)]
pub(crate) struct Log {
    nodes: BTreeMap<StreamId, Node>,
    radix: RadixNodes,
    counters: Counters,
}

/// What is counted about entries, as a dump holds it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// How many entries there are.
    pub(crate) length: u64,
    /// The ID that was given last, be its entry still there or not.
    pub(crate) last_id: StreamId,
    /// The first entry's ID, 0-0 if there is none.
    pub(crate) first_id: StreamId,
    /// The largest ID that XDEL took away.
    pub(crate) max_deleted_id: StreamId,
    /// How many entries were ever added.
    pub(crate) entries_added: u64,
}

impl Log {
    /// Entries in these nodes, if they are in order and as many as the counters say. The first ID is looked up.
    pub(super) fn from_nodes(
        nodes: impl IntoIterator<Item = (StreamId, Node)>,
        counters: Counters,
    ) -> Option<Self> {
        let mut log = Self { counters, ..Self::default() };
        let (mut last_key, mut last_id) = (None, None);
        let mut length = 0u64;
        for (key, node) in nodes {
            if last_key.max(last_id) >= Some(key) {
                return None;
            }
            for entry in node.entries(key) {
                if entry.id < key || last_id >= Some(entry.id) {
                    return None;
                }
                last_id = Some(entry.id);
                length = length.checked_add(1)?;
            }
            last_key = Some(key);
            log.insert_node(key, node);
        }
        log.find_first();
        (length == counters.length && last_id <= Some(counters.last_id)).then_some(log)
    }

    /// What is counted about the entries.
    pub(crate) fn counters(&self) -> Counters {
        self.counters
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> u64 {
        self.counters.length
    }

    /// The ID that was given last, be its entry still there or not.
    pub(crate) fn last_id(&self) -> StreamId {
        self.counters.last_id
    }

    /// How many nodes hold the entries.
    pub(crate) fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// How many nodes Redis's radix tree of the nodes' keys has.
    pub(crate) fn radix_node_count(&self) -> u64 {
        self.radix.count()
    }

    /// The nodes, each with its key, in order.
    pub(crate) fn nodes(&self) -> impl ExactSizeIterator<Item = (StreamId, &Node)> {
        self.nodes.iter().map(|(key, node)| (*key, node))
    }

    /// What the entries take, in bytes; of long streams by a sample of nodes.
    pub(super) fn heap_bytes(&self) -> usize {
        const SAMPLE: usize = 16;
        let sampled = self.nodes.len().min(SAMPLE);
        if sampled == 0 {
            return 0;
        }
        let bytes: usize = self.nodes.values().take(sampled).map(|node| node.listpack().heap_bytes()).sum();
        let mean = bytes / sampled + TREE_BYTES;
        mean.saturating_mul(self.nodes.len())
    }

    fn insert_node(&mut self, key: StreamId, node: Node) {
        self.radix.add(&self.nodes, key);
        self.nodes.insert(key, node);
    }

    fn remove_node(&mut self, key: StreamId) {
        self.nodes.remove(&key);
        self.radix.subtract(&self.nodes, key);
    }

    /// Append an entry.
    ///
    /// # Errors
    /// If its ID does not follow the last, or if it is too large.
    pub(super) fn append<'p, P>(&mut self, id: StreamId, pairs: P, limits: &Limits) -> Result<(), AddError>
    where
        P: ExactSizeIterator<Item = (&'p [u8], &'p [u8])> + Clone,
    {
        if id <= self.counters.last_id {
            return Err(AddError::NotAfterLast);
        }
        let size = Size::of(pairs.clone());
        self.make_way(id);
        match self.nodes.last_entry().filter(|last| size.fits(last.get(), limits)) {
            Some(mut last) => {
                let key = *last.key();
                last.get_mut().append(key, id, pairs, size.whole)?;
            }
            None if size.whole > NODE_BYTES_MAX => return Err(AddError::TooLarge),
            None => {
                let mut node = Node::new(pairs.clone().map(|(field, _)| field), size.whole)?;
                node.append(id, id, pairs, size.whole)?;
                self.insert_node(id, node);
            }
        }
        let counters = &mut self.counters;
        counters.length += 1;
        counters.entries_added = counters.entries_added.wrapping_add(1);
        counters.last_id = id;
        if counters.length == 1 {
            counters.first_id = id;
        }
        Ok(())
    }

    /// Take away a last node of nothing live whose key is not below this ID, which is to be appended: the last ID
    /// may have been set back.
    fn make_way(&mut self, id: StreamId) {
        let last = self.nodes.last_key_value().map(|(key, node)| (*key, node.live()));
        if let Some((key, 0)) = last.filter(|(key, _)| *key >= id) {
            self.remove_node(key);
        }
    }

    /// The key of the node that has this ID, if any has it.
    fn node_of(&self, id: StreamId) -> Option<(StreamId, &Node)> {
        self.nodes.range(..=id).next_back().map(|(key, node)| (*key, node))
    }

    /// The entry with this ID.
    pub(crate) fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        let (key, node) = self.node_of(id)?;
        node.entries(key).find(|entry| entry.id >= id).filter(|entry| entry.id == id)
    }

    /// The first entry.
    pub(crate) fn first(&self) -> Option<Entry<'_>> {
        self.range(StreamId::MIN, StreamId::MAX).next()
    }

    /// The last entry, which may be older than the last ID.
    pub(crate) fn last(&self) -> Option<Entry<'_>> {
        self.range_reversed(StreamId::MIN, StreamId::MAX).next()
    }

    /// The entries from one ID to another, both included.
    pub(crate) fn range(&self, from: StreamId, to: StreamId) -> impl Iterator<Item = Entry<'_>> {
        let start = self.node_of(from).map_or(from, |(key, _)| key);
        let nodes = (start <= to).then(|| self.nodes.range(start..=to)).into_iter().flatten();
        nodes
            .flat_map(|(key, node)| node.entries(*key))
            .skip_while(move |entry| entry.id < from)
            .take_while(move |entry| entry.id <= to)
    }

    /// The entries from one ID to another, both included, the last first.
    pub(crate) fn range_reversed(&self, from: StreamId, to: StreamId) -> impl Iterator<Item = Entry<'_>> {
        let start = self.node_of(from).map_or(from, |(key, _)| key);
        let nodes = (start <= to).then(|| self.nodes.range(start..=to)).into_iter().flatten();
        nodes
            .rev()
            .flat_map(|(key, node)| node.entries_reversed(*key))
            .skip_while(move |entry| entry.id > to)
            .take_while(move |entry| entry.id >= from)
    }

    /// Take an entry away. Returns whether it was there.
    pub(super) fn delete(&mut self, id: StreamId) -> bool {
        let Some((key, node)) = self.nodes.range_mut(..=id).next_back() else { return false };
        let key = *key;
        if !node.delete(key, id) {
            return false;
        }
        if node.live() == 0 {
            self.remove_node(key);
        }
        let counters = &mut self.counters;
        counters.length = counters.length.saturating_sub(1);
        counters.max_deleted_id = counters.max_deleted_id.max(id);
        if id == counters.first_id {
            self.find_first();
        }
        true
    }

    /// Look up which entry is the first now.
    fn find_first(&mut self) {
        self.counters.first_id = self.first().map_or(StreamId::MIN, |entry| entry.id);
    }

    /// Take entries away from the front. Returns how many.
    pub(super) fn trim(&mut self, trim: &Trim) -> u64 {
        let mut trimmed = 0u64;
        while let Some((key, node)) = self.nodes.first_key_value() {
            let (key, live) = (*key, node.live());
            let over = match trim.until {
                Until::Length(length) => self.counters.length.saturating_sub(length),
                Until::Id(_) => u64::MAX,
            };
            let is_over_limit = trim.limit.is_some_and(|limit| trimmed.saturating_add(live) > limit.get());
            if over == 0 || is_over_limit {
                break;
            }
            let whole = match trim.until {
                Until::Length(_) => live <= over,
                Until::Id(id) => node.last_stored_id(key).is_some_and(|last| last < id),
            };
            if whole {
                self.remove_node(key);
                trimmed += live;
                self.counters.length = self.counters.length.saturating_sub(live);
                continue;
            }
            if !trim.is_approximate {
                trimmed += self.trim_node(key, trim.until, over);
            }
            break;
        }
        if trimmed > 0 {
            self.find_first();
        }
        trimmed
    }

    /// Take entries away from the front of the first node, at most `over`. Returns how many.
    fn trim_node(&mut self, key: StreamId, until: Until, mut over: u64) -> u64 {
        let Some(node) = self.nodes.get_mut(&key) else { return 0 };
        let trimmed = node.delete_front(key, |id| {
            let goes = over > 0 && !matches!(until, Until::Id(first) if id >= first);
            over = over.saturating_sub(1);
            goes
        });
        self.counters.length = self.counters.length.saturating_sub(trimmed);
        trimmed
    }

    /// Say what the last ID is, and, where it is given, what else is counted.
    pub(super) fn set_last_id(
        &mut self,
        last_id: StreamId,
        entries_added: Option<u64>,
        max_deleted_id: Option<StreamId>,
    ) -> Result<(), SetIdError> {
        if self.last().is_some_and(|last| last_id < last.id) {
            return Err(SetIdError::BelowLastEntry);
        }
        let counters = &mut self.counters;
        if entries_added.is_some_and(|added| added < counters.length) {
            return Err(SetIdError::AddedBelowLength);
        }
        counters.last_id = last_id;
        counters.entries_added = entries_added.unwrap_or(counters.entries_added);
        counters.max_deleted_id = max_deleted_id.unwrap_or(counters.max_deleted_id);
        Ok(())
    }

    /// Has XDEL taken away an entry at or after this one, as far as the counters tell?
    pub(super) fn has_deleted_from(&self, from: StreamId) -> bool {
        let Counters { length, first_id, max_deleted_id, .. } = self.counters;
        length > 0 && max_deleted_id != StreamId::MIN && first_id <= max_deleted_id && from <= max_deleted_id
    }

    /// How many entries were added up to this ID, if the counters tell: they do of the last ID, of the first,
    /// and of any before it, as long as XDEL has taken away nothing behind the first.
    pub(crate) fn added_up_to(&self, id: StreamId) -> Option<u64> {
        let Counters { length, last_id, first_id, max_deleted_id, entries_added } = self.counters;
        if entries_added == 0 || (length == 0 && id <= last_id) || id == last_id {
            return Some(entries_added);
        }
        let is_fragmented = max_deleted_id != StreamId::MIN && max_deleted_id >= first_id;
        if id > last_id || is_fragmented || id > first_id {
            return None;
        }
        Some(entries_added.wrapping_sub(length).wrapping_add(u64::from(id == first_id)))
    }
}

/// What an entry takes, in bytes.
#[derive(Clone, Copy, Debug)]
struct Size {
    /// Its fields and values.
    texts: usize,
    /// At most, with all that a node of its own would need.
    whole: usize,
}

impl Size {
    fn of<'p>(pairs: impl ExactSizeIterator<Item = (&'p [u8], &'p [u8])>) -> Self {
        let elements = pairs.len().saturating_mul(3).saturating_add(9);
        let (fields, values) = pairs.fold((0usize, 0usize), |(fields, values), (field, value)| {
            (fields.saturating_add(field.len()), values.saturating_add(value.len()))
        });
        let texts = fields.saturating_add(values);
        let heads = elements.saturating_mul(ELEMENT_BYTES);
        Self { texts, whole: texts.saturating_add(fields).saturating_add(heads) }
    }

    /// Has the last node room for it?
    fn fits(self, node: &Node, limits: &Limits) -> bool {
        let bytes_max = match limits.stream_node_bytes {
            0 => usize::MAX,
            limit => limit,
        };
        let entries_max = match limits.stream_node_entries {
            0 => u64::MAX,
            limit => limit as u64,
        };
        let bytes = node.listpack().byte_len();
        bytes.saturating_add(self.texts) < bytes_max
            && bytes.saturating_add(self.whole) <= NODE_BYTES_MAX
            && node.stored() < entries_max
    }
}
