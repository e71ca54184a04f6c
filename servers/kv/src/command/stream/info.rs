//! XINFO: what there is to know about a stream, its groups and their consumers.

use super::entry::{at_most, is, no_group_of_key, write_entries, write_entry, write_id};
use crate::command::call::{Call, Done, integer};
use crate::command::error::{Error, wrong_subcommand};
use crate::store::stream::{Consumer, Entry, Group, Log, Stream, StreamId};
use ropewalk_protocols::resp::ReplyWriter;

/// XINFO HELP.
pub(super) fn xinfo_help(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.help(
        reply,
        &[
            "CONSUMERS <key> <groupname>",
            "    Show consumers of <groupname>.",
            "GROUPS <key>",
            "    Show the stream consumer groups.",
            "STREAM <key> [FULL [COUNT <count>]",
            "    Show information about the stream.",
        ],
    );
    Ok(())
}

/// XINFO CONSUMERS key group.
pub(super) fn xinfo_consumers(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, name, now_ms) = (call.key(2), call.arg(3), call.now_ms());
    let stream = call.read_as::<Stream>(key)?.ok_or(Error::NoSuchKey)?;
    let group = stream.group(name).ok_or_else(|| no_group_of_key(key.name, name))?;
    reply.array(group.consumers_len());
    for consumer in group.consumers() {
        reply.map(3);
        reply.bulk("name");
        reply.bulk(consumer.name());
        reply.bulk("pending");
        reply.integer(consumer.pending_len() as i64);
        reply.bulk("idle");
        reply.integer(now_ms.saturating_sub(consumer.seen_at()).max(0));
    }
    Ok(())
}

/// XINFO GROUPS key.
pub(super) fn xinfo_groups(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let stream = call.read_as::<Stream>(call.key(2))?.ok_or(Error::NoSuchKey)?;
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(6);
        reply.bulk("name");
        reply.bulk(name);
        reply.bulk("consumers");
        reply.integer(group.consumers_len() as i64);
        reply.bulk("pending");
        reply.integer(group.pending_len() as i64);
        write_progress(reply, group, stream.log());
    }
    Ok(())
}

/// XINFO STREAM key [FULL [COUNT count]].
pub(super) fn xinfo_stream(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let stream = call.read_as::<Stream>(call.key(2))?.ok_or(Error::NoSuchKey)?;
    let full = match call.rest(3) {
        [] => None,
        [full] if is(full, "full") => Some(10),
        [full, word, count] if is(full, "full") && is(word, "count") => {
            Some(u64::try_from(integer(count)?).unwrap_or(10))
        }
        _ => return Err(wrong_subcommand(call.args)),
    };
    reply.map(if full.is_some() { 9 } else { 10 });
    write_counters(reply, stream.log());
    match full {
        None => write_ends(reply, stream),
        Some(count) => write_all(reply, stream, at_most(count)),
    }
    Ok(())
}

/// What is counted, which both forms begin with.
fn write_counters(reply: &mut ReplyWriter<'_>, log: &Log) {
    let counters = log.counters();
    reply.bulk("length");
    reply.integer(counters.length.cast_signed());
    reply.bulk("radix-tree-keys");
    reply.integer(log.node_count() as i64);
    reply.bulk("radix-tree-nodes");
    reply.integer(log.radix_node_count().cast_signed());
    reply.bulk("last-generated-id");
    write_id(reply, counters.last_id);
    reply.bulk("max-deleted-entry-id");
    write_id(reply, counters.max_deleted_id);
    reply.bulk("entries-added");
    reply.integer(counters.entries_added.cast_signed());
    reply.bulk("recorded-first-entry-id");
    write_id(reply, counters.first_id);
}

/// The short form: how many groups, the first entry and the last.
fn write_ends(reply: &mut ReplyWriter<'_>, stream: &Stream) {
    let or_null = |reply: &mut ReplyWriter<'_>, entry: Option<Entry<'_>>| match entry {
        Some(entry) => write_entry(reply, &entry),
        None => reply.null(),
    };
    reply.bulk("groups");
    reply.integer(stream.groups().len() as i64);
    reply.bulk("first-entry");
    or_null(reply, stream.log().first());
    reply.bulk("last-entry");
    or_null(reply, stream.log().last());
}

/// The full form: entries, groups, consumers and what is pending, `count` of each.
fn write_all(reply: &mut ReplyWriter<'_>, stream: &Stream, count: usize) {
    reply.bulk("entries");
    write_entries(reply, stream.log().range(StreamId::MIN, StreamId::MAX).take(count));
    reply.bulk("groups");
    reply.array(stream.groups().len());
    for (name, group) in stream.groups() {
        reply.map(7);
        reply.bulk("name");
        reply.bulk(name);
        write_progress(reply, group, stream.log());
        reply.bulk("pel-count");
        reply.integer(group.pending_len() as i64);
        reply.bulk("pending");
        reply.array(group.pending_len().min(count));
        for (id, pending) in group.pending_range(StreamId::MIN, StreamId::MAX).take(count) {
            reply.array(4);
            write_id(reply, id);
            reply.bulk(group.owner_name(pending));
            reply.integer(pending.delivered_at);
            reply.integer(pending.deliveries.cast_signed());
        }
        reply.bulk("consumers");
        reply.array(group.consumers_len());
        group.consumers().for_each(|consumer| write_consumer(reply, group, consumer, count));
    }
}

/// How far a group has read.
fn write_progress(reply: &mut ReplyWriter<'_>, group: &Group, log: &Log) {
    let or_null = |reply: &mut ReplyWriter<'_>, number: Option<i64>| match number {
        Some(number) => reply.integer(number),
        None => reply.null(),
    };
    reply.bulk("last-delivered-id");
    write_id(reply, group.last_id());
    reply.bulk("entries-read");
    or_null(reply, group.entries_read().map(u64::cast_signed));
    reply.bulk("lag");
    or_null(reply, group.lag(log));
}

fn write_consumer(reply: &mut ReplyWriter<'_>, group: &Group, consumer: &Consumer, count: usize) {
    reply.map(4);
    reply.bulk("name");
    reply.bulk(consumer.name());
    reply.bulk("seen-time");
    reply.integer(consumer.seen_at());
    reply.bulk("pel-count");
    reply.integer(consumer.pending_len() as i64);
    reply.bulk("pending");
    let pending = consumer.pending_from(StreamId::MIN).take(count);
    reply.array(consumer.pending_len().min(count));
    for (id, pending) in pending.filter_map(|id| group.pending(id).map(|pending| (id, pending))) {
        reply.array(3);
        write_id(reply, id);
        reply.integer(pending.delivered_at);
        reply.integer(pending.deliveries.cast_signed());
    }
}
