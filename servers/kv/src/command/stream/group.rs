//! XGROUP, XACK and XPENDING: groups, and what is pending in them.

use super::entry::{
    INVALID_ID, answer_count, id, ids, interval_end, interval_start, is, no_group, no_group_of_key, write_id,
};
use crate::command::call::{Call, Done, integer};
use crate::command::error::{Error, wrong_subcommand};
use crate::server::notify::Notify;
use crate::store::stream::{Consumer, Group, Pending, Stream, StreamId};
use ropewalk_protocols::resp::ReplyWriter;

const NO_KEY: Error = Error::text(
    "ERR The XGROUP subcommand requires the key to exist. Note that for CREATE you may want to use the MKSTREAM \
     option to create an empty stream automatically.",
);

/// What XGROUP CREATE and SETID take behind the ID.
#[derive(Debug, Default)]
struct Options {
    makes_stream: bool,
    entries_read: Option<u64>,
}

impl Options {
    fn parse(call: &Call<'_>, is_create: bool) -> Result<Self, Error> {
        let mut options = Self::default();
        let mut args = call.rest(5);
        loop {
            args = match args {
                [] => return Ok(options),
                [option, rest @ ..] if is_create && is(option, "mkstream") => {
                    options.makes_stream = true;
                    rest
                }
                [option, count, rest @ ..] if is(option, "entriesread") => {
                    options.entries_read =
                        match integer(count)? {
                            -1 => None,
                            count => Some(u64::try_from(count).map_err(|_| {
                                Error::text("ERR value for ENTRIESREAD must be positive or -1")
                            })?),
                        };
                    rest
                }
                _ => return Err(wrong_subcommand(call.args)),
            };
        }
    }
}

/// `XGROUP CREATE key group id | $ [MKSTREAM] [ENTRIESREAD count]`.
pub(super) fn xgroup_create(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    const ARGUMENTS_MAX: usize = 8;
    let options = Options::parse(call, true)?;
    let (key, name, from) = (call.key(2), call.arg(3), call.arg(4));
    let last_id = call.write_as::<Stream>(key)?.map(|stream| stream.log().last_id());
    if last_id.is_none() && !options.makes_stream {
        return Err(NO_KEY);
    }
    if call.args.len() > ARGUMENTS_MAX {
        return Err(wrong_subcommand(call.args));
    }
    let from = match from {
        b"$" => last_id.unwrap_or_default(),
        from => id(from)?,
    };
    let created = call.create_as::<Stream>(key)?.create_group(name, from, options.entries_read);
    if last_id.is_none() {
        call.touched(key);
    }
    if !created {
        return Err(Error::text("BUSYGROUP Consumer Group name already exists"));
    }
    reply.ok();
    changed(call, "xgroup-create");
    Ok(())
}

/// XGROUP SETID key group id | $ [ENTRIESREAD count].
pub(super) fn xgroup_setid(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    const ARGUMENTS_MAX: usize = 7;
    let options = Options::parse(call, false)?;
    if call.args.len() > ARGUMENTS_MAX {
        group_mut(call)?;
        return Err(wrong_subcommand(call.args));
    }
    let (key, from) = (call.arg(2), call.arg(4));
    let (stream, name) = stream_and_name(call)?;
    let last_id = stream.log().last_id();
    let (_, group) = stream.group_mut(name).ok_or_else(|| no_group_of_key(key, name))?;
    let from = match from {
        b"$" => last_id,
        from => StreamId::parse_bound(from, 0).ok_or(INVALID_ID)?,
    };
    group.set_last_id(from, options.entries_read);
    reply.ok();
    changed(call, "xgroup-setid");
    Ok(())
}

/// XGROUP DESTROY key group: whether it was there.
pub(super) fn xgroup_destroy(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (stream, name) = stream_and_name(call)?;
    let removed = stream.remove_group(name);
    if removed {
        changed(call, "xgroup-destroy");
        // Whoever waits to read for the group has to be told.
        let db = call.db();
        call.server.blocked.key_changed(db, call.arg(2));
    }
    answer_count(reply, u64::from(removed))
}

/// XGROUP CREATECONSUMER key group consumer: whether it was created.
pub(super) fn xgroup_createconsumer(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (consumer, now_ms) = (call.arg(4), call.now_ms());
    let created = group_mut(call)?.create_consumer(consumer, now_ms).is_some();
    if created {
        changed(call, "xgroup-createconsumer");
    }
    answer_count(reply, u64::from(created))
}

/// XGROUP DELCONSUMER key group consumer: how many entries were pending for it.
pub(super) fn xgroup_delconsumer(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let consumer = call.arg(4);
    let pending = group_mut(call)?.remove_consumer(consumer);
    if pending.is_some() {
        changed(call, "xgroup-delconsumer");
    }
    answer_count(reply, pending.unwrap_or(0) as u64)
}

/// XGROUP HELP.
pub(super) fn xgroup_help(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.help(
        reply,
        &[
            "CREATE <key> <groupname> <id|$> [option]",
            "    Create a new consumer group. Options are:",
            "    * MKSTREAM",
            "      Create the empty stream if it does not exist.",
            "    * ENTRIESREAD entries_read",
            "      Set the group's entries_read counter (internal use).",
            "CREATECONSUMER <key> <groupname> <consumer>",
            "    Create a new consumer in the specified group.",
            "DELCONSUMER <key> <groupname> <consumer>",
            "    Remove the specified consumer.",
            "DESTROY <key> <groupname>",
            "    Remove the specified group.",
            "SETID <key> <groupname> <id|$> [ENTRIESREAD entries_read]",
            "    Set the current group ID and entries_read counter.",
        ],
    );
    Ok(())
}

/// The stream of an XGROUP subcommand, and the name of the group.
fn stream_and_name<'c, 'a>(call: &'c mut Call<'a>) -> Result<(&'c mut Stream, &'a [u8]), Error> {
    let name = call.arg(3);
    call.write_as::<Stream>(call.key(2))?.ok_or(NO_KEY).map(|stream| (stream, name))
}

/// The group of an XGROUP subcommand that needs it to be there.
fn group_mut<'c>(call: &'c mut Call<'_>) -> Result<&'c mut Group, Error> {
    let key = call.arg(2);
    let (stream, name) = stream_and_name(call)?;
    let (_, group) = stream.group_mut(name).ok_or_else(|| no_group_of_key(key, name))?;
    Ok(group)
}

/// The group of an XGROUP subcommand has changed. In Redis that does not count as a change of the key: a
/// transaction that watches it goes through.
fn changed(call: &mut Call<'_>, event: &'static str) {
    call.notify(Notify::STREAM, event, call.key(2));
    call.server.dirty += 1;
}

/// XACK key group id [id …]: how many of them were pending.
pub(super) fn xack(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (name, arguments) = (call.arg(2), call.rest(3));
    let stream = call.write_as::<Stream>(call.key(1))?;
    let Some((_, group)) = stream.and_then(|stream| stream.group_mut(name)) else {
        return answer_count(reply, 0);
    };
    let acknowledged = ids(arguments)?.into_iter().filter(|id| group.acknowledge(*id)).count() as u64;
    call.server.dirty += acknowledged;
    answer_count(reply, acknowledged)
}

/// What XPENDING lists.
#[derive(Debug)]
struct Listed<'a> {
    min_idle_ms: i64,
    from: StreamId,
    to: StreamId,
    count: usize,
    consumer: Option<&'a [u8]>,
}

impl<'a> Listed<'a> {
    fn parse(args: &'a [&'a [u8]]) -> Result<Self, Error> {
        let (min_idle_ms, args) = match args {
            [option, idle, rest @ ..] if is(option, "idle") => (integer(idle)?, rest),
            args => (0, args),
        };
        let (from, to, count, consumer) = match args {
            [from, to, count] => (from, to, count, None),
            [from, to, count, consumer, ..] => (from, to, count, Some(*consumer)),
            _ => return Err(Error::Syntax),
        };
        let count = usize::try_from(integer(count)?).unwrap_or(0);
        Ok(Self { min_idle_ms, from: interval_start(from)?, to: interval_end(to)?, count, consumer })
    }
}

/// `XPENDING key group [[IDLE min-idle] start end count [consumer]]`.
pub(super) fn xpending(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let listed = match call.rest(3) {
        [] => None,
        args @ [_, _, _, ..] if args.len() <= 6 => Some(Listed::parse(args)?),
        _ => return Err(Error::Syntax),
    };
    let (key, name, now_ms) = (call.key(1), call.arg(2), call.now_ms());
    let group = call.read_as::<Stream>(key)?.and_then(|stream| stream.group(name));
    let group = group.ok_or_else(|| no_group(key.name, name, b""))?;
    match listed {
        None => summary(group, reply),
        Some(listed) => list(group, &listed, now_ms, reply),
    }
    Ok(())
}

/// How many entries are pending, the first and the last of them, and how many for whom.
fn summary(group: &Group, reply: &mut ReplyWriter<'_>) {
    reply.array(4);
    reply.integer(group.pending_len() as i64);
    let mut pending = group.pending_range(StreamId::MIN, StreamId::MAX);
    let Some((first, _)) = pending.next() else {
        reply.null();
        reply.null();
        return reply.null_array();
    };
    let last = pending.next_back().map_or(first, |(last, _)| last);
    write_id(reply, first);
    write_id(reply, last);
    let open = reply.open_array();
    let mut count = 0;
    for consumer in group.consumers().filter(|consumer| consumer.pending_len() > 0) {
        reply.array(2);
        reply.bulk(consumer.name());
        reply.bulk_integer(consumer.pending_len() as i64);
        count += 1;
    }
    reply.close(open, count);
}

/// The pending entries that are asked for.
fn list(group: &Group, listed: &Listed<'_>, now_ms: i64, reply: &mut ReplyWriter<'_>) {
    match listed.consumer.map(|name| group.find_consumer(name)) {
        None => write_listed(group, listed, group.pending_range(listed.from, listed.to), now_ms, reply),
        Some(key) => {
            let ids = key.and_then(|key| group.consumer(key)).into_iter();
            let ids = ids.flat_map(|consumer: &Consumer| consumer.pending_from(listed.from));
            let ids = ids.take_while(|id| *id <= listed.to);
            let pending = ids.filter_map(|id| group.pending(id).map(|pending| (id, pending)));
            write_listed(group, listed, pending, now_ms, reply);
        }
    }
}

fn write_listed<'g>(
    group: &Group,
    listed: &Listed<'_>,
    pending: impl Iterator<Item = (StreamId, &'g Pending)>,
    now_ms: i64,
    reply: &mut ReplyWriter<'_>,
) {
    let open = reply.open_array();
    let mut count = 0;
    let idle_ms = |pending: &Pending| now_ms.saturating_sub(pending.delivered_at);
    let is_idle = |(_, pending): &(StreamId, &Pending)| {
        listed.min_idle_ms == 0 || idle_ms(pending) >= listed.min_idle_ms
    };
    for (id, pending) in pending.filter(is_idle).take(listed.count) {
        reply.array(4);
        write_id(reply, id);
        reply.bulk(group.owner_name(pending));
        reply.integer(idle_ms(pending).max(0));
        reply.integer(pending.deliveries.cast_signed());
        count += 1;
        if reply.is_over() {
            break;
        }
    }
    reply.close(open, count);
}
