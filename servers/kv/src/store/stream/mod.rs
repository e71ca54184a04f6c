//! Streams: entries by time, and groups of consumers. The one rule: IDs only ever rise, so what was read once
//! is never followed by something older.

mod group;
mod id;
mod log;
mod node;
mod radix;
mod trim;

#[cfg(test)]
mod tests;

pub(crate) use group::{Claim, Claimed, Consumer, ConsumerKey, Deliveries, Group, GroupBuilder, Pending};
pub(crate) use id::{NewId, StreamId};
pub(crate) use log::{AddError, Counters, Log};
pub(crate) use node::{Entry, Node};
pub(crate) use trim::{Trim, Until};

use super::limits::Limits;
use super::listpack::Listpack;
use super::value::Encoding;
use std::collections::BTreeMap;

/// Entries by time, and groups of consumers.
#[derive(Clone, Debug)]
pub(crate) struct Stream(Box<Parts>);

#[derive(Clone, Debug, Default)]
struct Parts {
    log: Log,
    groups: BTreeMap<Box<[u8]>, Group>,
}

/// Why a stream's last ID can't be set so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SetIdError {
    /// An entry has a higher ID.
    BelowLastEntry,
    /// There are more entries than shall have been added.
    AddedBelowLength,
}

impl Stream {
    /// A stream without entries and groups.
    pub(crate) fn new() -> Self {
        Self(Box::default())
    }

    /// A stream of these nodes, each with its key, without groups; none if they are damaged, not in order, or hold
    /// other entries than the counters say. Which ID is the first need not be known: it is looked up.
    pub(crate) fn from_nodes(
        nodes: impl IntoIterator<Item = (StreamId, Listpack)>,
        counters: Counters,
    ) -> Option<Self> {
        let nodes = nodes.into_iter().map(|(key, pack)| Some((key, Node::from_listpack(pack)?)));
        let nodes: Vec<_> = nodes.collect::<Option<_>>()?;
        Log::from_nodes(nodes, counters).map(|log| Self(Box::new(Parts { log, groups: BTreeMap::new() })))
    }

    /// How many entries there are.
    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.0.log.len()).unwrap_or(usize::MAX)
    }

    /// Whether there are no entries. The stream goes on existing all the same.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING answers.
    pub(crate) fn encoding(&self) -> Encoding {
        Encoding::Stream
    }

    /// What it takes on the heap, in bytes; an estimate.
    pub(crate) fn heap_bytes(&self) -> usize {
        let groups: usize = self
            .0
            .groups
            .iter()
            .map(|(name, group)| name.len() + size_of::<(Box<[u8]>, Group)>() + group.heap_bytes())
            .sum();
        size_of::<Parts>() + self.0.log.heap_bytes() + groups
    }

    /// How many allocations dropping it gives back.
    pub(crate) fn free_effort(&self) -> usize {
        1 + self.0.log.node_count() + self.0.groups.values().map(Group::free_effort).sum::<usize>()
    }

    /// The entries.
    pub(crate) fn log(&self) -> &Log {
        &self.0.log
    }

    /// Append an entry.
    ///
    /// # Errors
    /// If its ID does not follow the last, or if it is too large.
    pub(crate) fn append<'p, P>(&mut self, id: StreamId, pairs: P, limits: &Limits) -> Result<(), AddError>
    where
        P: ExactSizeIterator<Item = (&'p [u8], &'p [u8])> + Clone,
    {
        self.0.log.append(id, pairs, limits)
    }

    /// Take an entry away. Returns whether it was there.
    pub(crate) fn delete(&mut self, id: StreamId) -> bool {
        self.0.log.delete(id)
    }

    /// Take entries away from the front. Returns how many.
    pub(crate) fn trim(&mut self, trim: &Trim) -> u64 {
        self.0.log.trim(trim)
    }

    /// Say what the last ID is, and, where it is given, what else is counted.
    ///
    /// # Errors
    /// If the entries contradict.
    pub(crate) fn set_last_id(
        &mut self,
        last_id: StreamId,
        entries_added: Option<u64>,
        max_deleted_id: Option<StreamId>,
    ) -> Result<(), SetIdError> {
        self.0.log.set_last_id(last_id, entries_added, max_deleted_id)
    }

    /// The groups with their names, by name.
    pub(crate) fn groups(&self) -> impl ExactSizeIterator<Item = (&[u8], &Group)> {
        self.0.groups.iter().map(|(name, group)| (&**name, group))
    }

    /// A group by name.
    pub(crate) fn group(&self, name: &[u8]) -> Option<&Group> {
        self.0.groups.get(name)
    }

    /// A group by name, to change, beside the entries that it reads.
    pub(crate) fn group_mut(&mut self, name: &[u8]) -> Option<(&Log, &mut Group)> {
        let Parts { log, groups } = &mut *self.0;
        groups.get_mut(name).map(|group| (&*log, group))
    }

    /// Add a group that has read up to this ID. Returns whether there was none of this name.
    pub(crate) fn create_group(&mut self, name: &[u8], last_id: StreamId, entries_read: Option<u64>) -> bool {
        self.insert_group(name, Group::new(last_id, entries_read))
    }

    /// Add a group. Returns whether there was none of this name.
    pub(crate) fn insert_group(&mut self, name: &[u8], group: Group) -> bool {
        if self.0.groups.contains_key(name) {
            return false;
        }
        self.0.groups.insert(name.into(), group);
        true
    }

    /// Remove a group. Returns whether it was there.
    pub(crate) fn remove_group(&mut self, name: &[u8]) -> bool {
        self.0.groups.remove(name).is_some()
    }
}
