//! A node: a run of entries in one listpack, laid out as in Redis, because a dump holds its very bytes.
//! The one rule: what is read may have come from a stranger, so each step may fail, and then the node ends.
//!
//! ```text
//!   master:  live, deleted, n, field 1 … field n, 0
//!   entry:   flags, ms, seq,                              value 1 … value n,    count     same fields
//!   entry:   flags, ms, seq, m, field 1, value 1 … field m, value m,            count     others
//! ```
//!
//! The master's fields are those of the first entry; an entry with the same only stores its values. Its ID
//! is stored as the distance from the master's, which is the node's key in the stream. `count` is how many
//! elements precede it in its entry: with it one goes backwards; the master's zero ends that.

use super::id::StreamId;
use crate::store::listpack::{At, Elements, Full, Item, Listpack};

/// The entry is gone; its space goes with the node.
const DELETED: i64 = 1;
/// The entry's fields are the master's.
const SAME_FIELDS: i64 = 2;

/// Elements of an entry before its fields and values: flags, ms and seq.
const FIXED: usize = 3;

/// Some entries of a stream.
#[derive(Clone, Debug)]
pub(crate) struct Node(Listpack);

/// Where the parts of the master are.
#[derive(Clone, Copy, Debug)]
struct Master {
    fields: At,
    fields_count: usize,
    /// The zero behind the fields.
    end: At,
}

/// An entry that is live. Its fields and values are read as they are asked for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry<'a> {
    /// Its ID.
    pub(crate) id: StreamId,
    node: &'a Listpack,
    /// Its first field, or value where the fields are the master's.
    start: At,
    count: usize,
    /// The first of the master's fields, where they are this entry's.
    shared: Option<At>,
}

/// An entry as it is stored, be it live or deleted.
#[derive(Clone, Copy, Debug)]
struct Raw<'a> {
    flags: At,
    is_deleted: bool,
    /// The count at its end.
    end: At,
    entry: Entry<'a>,
}

impl Node {
    /// A node for entries that have mostly these fields, which take at most so many bytes.
    pub(super) fn new<'f>(
        fields: impl ExactSizeIterator<Item = &'f [u8]>,
        bytes: usize,
    ) -> Result<Self, Full> {
        let mut elements = Elements::with_capacity(bytes);
        [0, 0, fields.len() as i64].into_iter().for_each(|count| elements.push_integer(count));
        fields.for_each(|field| elements.push(field));
        elements.push_integer(0);
        let mut pack = Listpack::new();
        pack.push_back_all(&elements)?;
        Ok(Self(pack))
    }

    /// A node of these elements, if each is where it belongs. What the IDs are is not looked at.
    pub(super) fn from_listpack(pack: Listpack) -> Option<Self> {
        let node = Self(pack);
        node.is_whole().then_some(node)
    }

    /// What it is made of.
    pub(crate) fn listpack(&self) -> &Listpack {
        &self.0
    }

    /// How many of its entries are live.
    pub(super) fn live(&self) -> u64 {
        self.counts().map_or(0, |[live, _]| live)
    }

    /// How many entries it holds, deleted ones included.
    pub(super) fn stored(&self) -> u64 {
        self.counts().map_or(0, |[live, deleted]| live.saturating_add(deleted))
    }

    /// How many entries are live and how many are deleted.
    fn counts(&self) -> Option<[u64; 2]> {
        let mut items = self.0.iter();
        let mut count = || u64::try_from(items.next()?.integer()?).ok();
        Some([count()?, count()?])
    }

    fn count_at(&self, at: At) -> Option<u64> {
        self.0.get(at).integer()?.try_into().ok()
    }

    fn master(&self) -> Option<Master> {
        let count = self.skip(self.0.first()?, 2)?;
        let fields_count = self.count_at(count)?.try_into().ok()?;
        let fields = self.0.next(count)?;
        Some(Master { fields, fields_count, end: self.skip(fields, fields_count)? })
    }

    /// This many elements further on.
    fn skip(&self, at: At, count: usize) -> Option<At> {
        (0..count).try_fold(at, |at, _| self.0.next(at))
    }

    /// Append an entry, which takes at most so many bytes, to a node with this key: nothing, if there is no room for
    /// all of it.
    pub(super) fn append<'p, P>(
        &mut self,
        key: StreamId,
        id: StreamId,
        pairs: P,
        bytes: usize,
    ) -> Result<(), Full>
    where
        P: ExactSizeIterator<Item = (&'p [u8], &'p [u8])> + Clone,
    {
        let same = self.has_fields(pairs.clone().map(|(field, _)| field));
        let count = pairs.len();
        let mut elements = Elements::with_capacity(bytes);
        elements.push_integer(if same { SAME_FIELDS } else { 0 });
        // Distances wrap: the sequence number may well be smaller than the master's.
        elements.push_integer(id.ms.wrapping_sub(key.ms).cast_signed());
        elements.push_integer(id.seq.wrapping_sub(key.seq).cast_signed());
        if same {
            pairs.for_each(|(_, value)| elements.push(value));
        } else {
            elements.push_integer(count as i64);
            pairs.for_each(|(field, value)| {
                elements.push(field);
                elements.push(value);
            });
        }
        elements.push_integer(elements_of(same, count) as i64);
        self.0.push_back_all(&elements)?;
        self.add_to_counts(1, 0);
        Ok(())
    }

    /// Are these the master's fields?
    fn has_fields<'f>(&self, mut fields: impl ExactSizeIterator<Item = &'f [u8]>) -> bool {
        let mut items = self.0.iter().skip(2);
        items.next().and_then(|count| count.integer()) == Some(fields.len() as i64)
            && fields.all(|field| items.next().is_some_and(|item| item.equals(field)))
    }

    /// Change how many entries are live and how many are deleted. A count may need two more bytes, which
    /// even a full listpack has beyond what streams put into one.
    fn add_to_counts(&mut self, live: i64, deleted: i64) {
        let (Some(before), Some(at)) = (self.counts(), self.0.first()) else { return };
        let after = |index: usize, change: i64| before[index].saturating_add_signed(change).cast_signed();
        let _ = self.0.replace_integer(at, after(0, live));
        if let Some(at) = self.0.next(at).filter(|_| deleted != 0) {
            let _ = self.0.replace_integer(at, after(1, deleted));
        }
    }

    /// The entry whose flags are here.
    fn raw(&self, key: StreamId, master: &Master, flags: At) -> Option<Raw<'_>> {
        let ms_at = self.0.next(flags)?;
        let seq_at = self.0.next(ms_at)?;
        let mut start = self.0.next(seq_at)?;
        let bits = self.0.get(flags).integer()?;
        let id = StreamId {
            ms: key.ms.wrapping_add_signed(self.0.get(ms_at).integer()?),
            seq: key.seq.wrapping_add_signed(self.0.get(seq_at).integer()?),
        };
        let shared = (bits & SAME_FIELDS != 0).then_some(master.fields);
        let mut count = master.fields_count;
        let mut elements = count;
        if shared.is_none() {
            count = self.count_at(start)?.try_into().ok()?;
            elements = count.checked_mul(2)?;
            start = self.0.next(start)?;
        }
        let entry = Entry { id, node: &self.0, start, count, shared };
        Some(Raw { flags, is_deleted: bits & DELETED != 0, end: self.skip(start, elements)?, entry })
    }

    /// All its entries in order, deleted ones included.
    fn raws(&self, key: StreamId) -> impl Iterator<Item = Raw<'_>> {
        let master = self.master();
        let mut last = master.map(|master| master.end);
        std::iter::from_fn(move || {
            let flags = self.0.next(last?)?;
            let raw = self.raw(key, master.as_ref()?, flags);
            last = raw.map(|raw| raw.end);
            raw
        })
    }

    /// Its live entries in order. `key` is the ID that its entries' are distances from.
    pub(super) fn entries(&self, key: StreamId) -> impl Iterator<Item = Entry<'_>> {
        self.raws(key).filter(|raw| !raw.is_deleted).map(|raw| raw.entry)
    }

    /// Its live entries, the last first.
    pub(super) fn entries_reversed(&self, key: StreamId) -> impl Iterator<Item = Entry<'_>> {
        let master = self.master();
        let mut end = self.0.last();
        let raws = std::iter::from_fn(move || {
            let at = end?;
            // The master's zero has nothing before it that would be an entry.
            let elements = self.count_at(at).filter(|count| *count > 0)?;
            let flags = (0..elements).try_fold(at, |at, _| self.0.prev(at))?;
            end = self.0.prev(flags);
            self.raw(key, master.as_ref()?, flags)
        });
        raws.filter(|raw| !raw.is_deleted).map(|raw| raw.entry)
    }

    /// The ID of its last entry, be it live or deleted.
    pub(super) fn last_stored_id(&self, key: StreamId) -> Option<StreamId> {
        let end = self.0.last()?;
        let elements = self.count_at(end).filter(|count| *count > 0)?;
        let flags = (0..elements).try_fold(end, |at, _| self.0.prev(at))?;
        self.raw(key, &self.master()?, flags).map(|raw| raw.entry.id)
    }

    /// Mark an entry as deleted. Returns whether it was there, and live.
    pub(super) fn delete(&mut self, key: StreamId, id: StreamId) -> bool {
        let found = self.raws(key).find(|raw| !raw.is_deleted && raw.entry.id == id).map(|raw| raw.flags);
        found.is_some_and(|flags| {
            self.mark_deleted(flags);
            self.add_to_counts(-1, 1);
            true
        })
    }

    /// Mark entries as deleted from the front, as long as `goes` says so of them. Returns how many.
    pub(super) fn delete_front(&mut self, key: StreamId, mut goes: impl FnMut(StreamId) -> bool) -> u64 {
        let Some(master) = self.master() else { return 0 };
        let mut deleted = 0;
        let mut last = master.end;
        while let Some(flags) = self.0.next(last) {
            let Some(raw) = self.raw(key, &master, flags) else { break };
            last = raw.end;
            if raw.is_deleted {
                continue;
            }
            if !goes(raw.entry.id) {
                break;
            }
            self.mark_deleted(flags);
            deleted += 1;
        }
        self.add_to_counts(-deleted, deleted);
        deleted.cast_unsigned()
    }

    /// Set the flag. The element stays as wide as it is, so all positions stay valid.
    fn mark_deleted(&mut self, flags: At) {
        if let Some(bits) = self.0.get(flags).integer() {
            let _ = self.0.replace_integer(flags, bits | DELETED);
        }
    }

    /// Is each element where it belongs, and are the counts right?
    fn is_whole(&self) -> bool {
        let Some(master) = self.master() else { return false };
        let mut counts = [0u64; 2];
        let mut end = master.end;
        for raw in self.raws(StreamId::MIN) {
            let stored = self.0.get(raw.end).integer();
            if stored != Some(elements_of(raw.entry.shared.is_some(), raw.entry.count) as i64) {
                return false;
            }
            counts[usize::from(raw.is_deleted)] += 1;
            end = raw.end;
        }
        self.0.get(master.end).integer() == Some(0)
            && self.0.next(end).is_none()
            && self.counts() == Some(counts)
    }
}

/// How many elements precede the count at the end of an entry.
fn elements_of(same_fields: bool, count: usize) -> usize {
    let elements = if same_fields { count } else { count.saturating_mul(2).saturating_add(1) };
    elements.saturating_add(FIXED)
}

impl<'a> Entry<'a> {
    /// How many fields it has.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    /// Its fields, each with its value.
    pub(crate) fn pairs(&self) -> impl Iterator<Item = (Item<'a>, Item<'a>)> + use<'a> {
        let Self { node, start, count, shared, .. } = *self;
        let (mut field_at, mut value_at) = (shared.or(Some(start)), Some(start));
        (0..count).map_while(move |_| {
            let field = field_at?;
            let value = if shared.is_some() { value_at? } else { node.next(field)? };
            value_at = node.next(value);
            field_at = if shared.is_some() { node.next(field) } else { value_at };
            Some((node.get(field), node.get(value)))
        })
    }
}
