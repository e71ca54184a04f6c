//! What several of the commands on streams share: IDs as arguments, entries as replies, errors that name a group.

use crate::command::call::Done;
use crate::command::error::{Error, named};
use crate::store::listpack::Item;
use crate::store::stream::{Entry, StreamId};
use ropewalk_protocols::resp::ReplyWriter;

/// An argument names no ID.
pub(super) const INVALID_ID: Error =
    Error::text("ERR Invalid stream ID specified as stream command argument");

/// The ID that an argument names, with sequence number 0 where it names none.
pub(super) fn id(argument: &[u8]) -> Result<StreamId, Error> {
    StreamId::parse(argument, 0).ok_or(INVALID_ID)
}

/// The IDs that arguments name.
pub(super) fn ids(arguments: &[&[u8]]) -> Result<Vec<StreamId>, Error> {
    arguments.iter().map(|argument| id(argument)).collect()
}

/// The first ID of an interval: `-`, `+`, an ID, or behind `(` one that is not in it.
pub(super) fn interval_start(argument: &[u8]) -> Result<StreamId, Error> {
    match bound(argument, 0)? {
        (id, false) => Ok(id),
        (id, true) => id.next().ok_or(Error::text("ERR invalid start ID for the interval")),
    }
}

/// The last ID of an interval.
pub(super) fn interval_end(argument: &[u8]) -> Result<StreamId, Error> {
    match bound(argument, u64::MAX)? {
        (id, false) => Ok(id),
        (id, true) => id.previous().ok_or(Error::text("ERR invalid end ID for the interval")),
    }
}

/// An end of an interval, and whether it is not in it.
fn bound(argument: &[u8], missing_seq: u64) -> Result<(StreamId, bool), Error> {
    let open = argument.strip_prefix(b"(").filter(|rest| !rest.is_empty());
    let id = match open {
        Some(rest) => StreamId::parse(rest, missing_seq),
        None => StreamId::parse_bound(argument, missing_seq),
    };
    Ok((id.ok_or(INVALID_ID)?, open.is_some()))
}

/// Answer an ID.
pub(super) fn write_id(reply: &mut ReplyWriter<'_>, id: StreamId) {
    reply.bulk(&*id.text());
}

/// Answer an entry: its ID, its fields and values.
pub(super) fn write_entry(reply: &mut ReplyWriter<'_>, entry: &Entry<'_>) {
    reply.array(2);
    write_id(reply, entry.id);
    reply.array(entry.len().saturating_mul(2));
    for (field, value) in entry.pairs() {
        write_item(reply, field);
        write_item(reply, value);
    }
}

/// Answer entries, until the client has had more than it may.
pub(super) fn write_entries<'e>(reply: &mut ReplyWriter<'_>, entries: impl Iterator<Item = Entry<'e>>) {
    let open = reply.open_array();
    let mut count = 0;
    for entry in entries {
        write_entry(reply, &entry);
        count += 1;
        if reply.is_over() {
            break;
        }
    }
    reply.close(open, count);
}

fn write_item(reply: &mut ReplyWriter<'_>, item: Item<'_>) {
    match item {
        Item::Integer(value) => reply.bulk_integer(value),
        Item::Bytes(bytes) => reply.bulk(bytes),
    }
}

/// How many of something COUNT names; none is all of them.
pub(super) fn at_most(count: u64) -> usize {
    match count {
        0 => usize::MAX,
        count => usize::try_from(count).unwrap_or(usize::MAX),
    }
}

/// There is no such group, or no such key.
pub(super) fn no_group(key: &[u8], group: &[u8], more: &[u8]) -> Error {
    let parts = [b"NOGROUP No such key '", named(key), b"' or consumer group '", named(group), b"'", more];
    Error::Bytes(parts.concat())
}

/// There is no such group of this key.
pub(super) fn no_group_of_key(key: &[u8], group: &[u8]) -> Error {
    let start = b"NOGROUP No such consumer group '";
    let parts = [&start[..], named(group), b"' for key name '", named(key), b"'"];
    Error::Bytes(parts.concat())
}

/// Answer how many.
pub(super) fn answer_count(reply: &mut ReplyWriter<'_>, count: u64) -> Done {
    reply.integer(count.cast_signed());
    Ok(())
}

/// Is an argument this word, in letters of any case?
pub(super) fn is(argument: &[u8], word: &str) -> bool {
    argument.eq_ignore_ascii_case(word.as_bytes())
}
