//! Streams in RDB. The one rule: the nodes are written as they are, and read only if every entry of theirs is.
//!
//! ```text
//! nodes │ ( ID: 16 bytes │ listpack )… │ length │ last ID
//! from the second layout on: first ID │ highest ID that was deleted │ entries ever added
//! groups │ ( name │ last ID │ [2: entries read] │ pending ( ID │ delivered at: 8 │ deliveries )…
//!           │ consumers ( name │ seen at: 8 │ [3: active at: 8] │ pending ( ID )… )… )…
//! ```

use super::primitive::{put_length, put_string, take_count, take_length, take_string};
use super::{Corrupt, kind};
use crate::store::listpack::Listpack;
use crate::store::stream::{Counters, Group, GroupBuilder, Log, Stream, StreamId};
use ropewalk_protocols::wire::Reader;

/// How much of it there is: it grew.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Layout {
    /// Redis 5.
    First,
    /// Redis 7.0.
    Second,
    /// Redis 7.2.
    Third,
}

/// Append a stream, the number of its type first.
pub(super) fn put(out: &mut Vec<u8>, stream: &Stream) {
    out.push(kind::STREAM_LISTPACKS_2);
    let log = stream.log();
    put_length(out, log.nodes().len() as u64);
    for (id, node) in log.nodes() {
        put_string(out, &id.to_number().to_be_bytes());
        put_string(out, node.listpack().as_bytes());
    }
    let counters = log.counters();
    put_length(out, counters.length);
    put_id(out, counters.last_id);
    put_id(out, counters.first_id);
    put_id(out, counters.max_deleted_id);
    put_length(out, counters.entries_added);
    put_length(out, stream.groups().len() as u64);
    for (name, group) in stream.groups() {
        put_string(out, name);
        put_group(out, group);
    }
}

fn put_id(out: &mut Vec<u8>, id: StreamId) {
    put_length(out, id.ms);
    put_length(out, id.seq);
}

fn put_group(out: &mut Vec<u8>, group: &Group) {
    put_id(out, group.last_id());
    // What is not known is -1.
    put_length(out, group.entries_read().unwrap_or(u64::MAX));
    put_length(out, group.pending_len() as u64);
    for (id, pending) in group.pending_range(StreamId::MIN, StreamId::MAX) {
        out.extend_from_slice(&id.to_number().to_be_bytes());
        out.extend_from_slice(&pending.delivered_at.to_le_bytes());
        put_length(out, pending.deliveries);
    }
    put_length(out, group.consumers_len() as u64);
    for consumer in group.consumers() {
        put_string(out, consumer.name());
        out.extend_from_slice(&consumer.seen_at().to_le_bytes());
        put_length(out, consumer.pending_len() as u64);
        for id in consumer.pending_from(StreamId::MIN) {
            out.extend_from_slice(&id.to_number().to_be_bytes());
        }
    }
}

/// The stream that follows.
pub(super) fn take(input: &mut Reader<'_>, layout: Layout) -> Result<Stream, Corrupt> {
    let count = take_count(input)?;
    let mut nodes = Vec::new();
    for _ in 0..count {
        let id = take_string(input)?;
        let id = u128::from_be_bytes(id.as_ref().try_into().map_err(|_| Corrupt)?);
        nodes.push((StreamId::from_number(id), Listpack::from_bytes(&take_string(input)?).ok_or(Corrupt)?));
    }
    let counters = take_counters(input, layout)?;
    let mut stream = Stream::from_nodes(nodes, counters).ok_or(Corrupt)?;
    for _ in 0..take_count(input)? {
        let name = take_string(input)?;
        let group = take_group(input, layout, stream.log())?;
        if !stream.insert_group(&name, group) {
            return Err(Corrupt);
        }
    }
    Ok(stream)
}

fn take_id(input: &mut Reader<'_>) -> Result<StreamId, Corrupt> {
    Ok(StreamId { ms: take_length(input)?, seq: take_length(input)? })
}

fn take_raw_id(input: &mut Reader<'_>) -> Result<StreamId, Corrupt> {
    Ok(StreamId::from_number(u128::from_be_bytes(input.array()?)))
}

fn take_counters(input: &mut Reader<'_>, layout: Layout) -> Result<Counters, Corrupt> {
    let (length, last_id) = (take_length(input)?, take_id(input)?);
    if layout == Layout::First {
        return Ok(Counters {
            length,
            last_id,
            first_id: StreamId::MIN,
            max_deleted_id: StreamId::MIN,
            entries_added: length,
        });
    }
    let (first_id, max_deleted_id) = (take_id(input)?, take_id(input)?);
    Ok(Counters { length, last_id, first_id, max_deleted_id, entries_added: take_length(input)? })
}

fn take_group(input: &mut Reader<'_>, layout: Layout, log: &Log) -> Result<Group, Corrupt> {
    let last_id = take_id(input)?;
    let entries_read = match layout {
        Layout::First => log.added_up_to(last_id),
        _ => Some(take_length(input)?).filter(|read| *read != u64::MAX),
    };
    let mut group = GroupBuilder::new(last_id, entries_read);
    for _ in 0..take_count(input)? {
        let id = take_raw_id(input)?;
        let delivered_at = i64::from_le_bytes(input.array()?);
        if !group.add_pending(id, delivered_at, take_length(input)?) {
            return Err(Corrupt);
        }
    }
    for _ in 0..take_count(input)? {
        let name = take_string(input)?;
        let seen_at = i64::from_le_bytes(input.array()?);
        if layout == Layout::Third {
            input.u64_le()?;
        }
        let consumer = group.add_consumer(&name, seen_at).ok_or(Corrupt)?;
        for _ in 0..take_count(input)? {
            if !group.add_owner(take_raw_id(input)?, consumer) {
                return Err(Corrupt);
            }
        }
    }
    group.finish().ok_or(Corrupt)
}
