//! XREAD and XREADGROUP: entries of several streams, now or when there are any. The one rule: all arguments are
//! checked against all streams before anything is read, because reading for a group changes it.

use super::entry::{at_most, id, is, no_group, write_entries, write_entry, write_id};
use super::journal::{Notes, Place};
use crate::command::call::{Call, Done, integer};
use crate::command::error::Error;
use crate::server::blocking::{Otherwise, Wait};
use crate::server::notify::Notify;
use crate::store::database::Key;
use crate::store::stream::{ConsumerKey, Group, Log, Stream, StreamId};
use crate::store::value::Kind;
use bytes::Bytes;
use ropewalk_protocols::resp::ReplyWriter;
use std::time::Duration;

/// A client that has waited, and has named no count, gets at most so many entries: its ID may be very old.
const COUNT_AFTER_WAITING: u64 = 1000;

/// What is asked for.
#[derive(Debug)]
struct Options<'a> {
    /// The group and the consumer that read.
    reader: Option<(&'a [u8], &'a [u8])>,
    is_unacknowledged: bool,
    count: u64,
    /// Whether to wait, and how long; none is for ever.
    block: Option<Option<Duration>>,
    keys: &'a [&'a [u8]],
    ids: &'a [&'a [u8]],
}

/// From where on a stream is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    /// After this ID.
    After(StreamId),
    /// `>`: after what the group has read.
    Unread,
}

/// XREAD [COUNT count] [BLOCK ms] STREAMS key [key …] id [id …].
pub(super) fn xread(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let options = Options::parse(call, false)?;
    let (wanted, replaces) = wanted(call, &options)?;
    let mut streams = Streams::new();
    for (key, from) in &wanted {
        let (Some(stream), From::After(after)) = (call.read_as::<Stream>(Key::new(key))?, from) else {
            continue;
        };
        let log = stream.log();
        if log.last().is_some_and(|last| last.id > *after) {
            streams.begin(reply, key);
            write_entries(reply, unread(log, *after).take(at_most(options.count)));
        }
    }
    if streams.end(reply) {
        return Ok(());
    }
    // `$` means what is last now, also when the command runs again.
    let again = replaces.then(|| options.again(call, &wanted));
    options.wait(call, reply, again, false)
}

/// `XREADGROUP GROUP group consumer [COUNT count] [BLOCK ms] [NOACK] STREAMS key [key …] id [id …]`.
pub(super) fn xreadgroup(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let options = Options::parse(call, true)?;
    let (wanted, _) = wanted(call, &options)?;
    let Some((group, consumer)) = options.reader else {
        return Err(Error::text("ERR Missing GROUP option for XREADGROUP"));
    };
    let mut notes = Notes::new(call);
    let mut streams = Streams::new();
    for (name, from) in &wanted {
        let (now_ms, key) = (call.now_ms(), Key::new(name));
        let Some(stream) = call.write_as::<Stream>(key)? else { continue };
        let Some((log, group_of_key)) = stream.group_mut(group) else { continue };
        let is_nothing_new = || log.last().is_none_or(|last| last.id <= group_of_key.last_id());
        if *from == From::Unread && is_nothing_new() {
            continue;
        }
        streams.begin(reply, name);
        let place = Place { key: name, group };
        let reading = Reading { log, place, consumer, now_ms, count: at_most(options.count) };
        let (key_of_consumer, is_new) = group_of_key.see_consumer(consumer, now_ms);
        if is_new {
            notes.created(place, consumer);
        }
        match from {
            From::Unread => {
                let owner = (!options.is_unacknowledged).then_some(key_of_consumer);
                reading.unread(group_of_key, owner, reply, &mut notes);
            }
            From::After(after) => reading.history(group_of_key, key_of_consumer, *after, reply, &mut notes),
        }
        if is_new {
            call.notify(Notify::STREAM, "xgroup-createconsumer", key);
        }
        call.server.dirty += 1;
    }
    if streams.end(reply) {
        notes.hand_on(call);
        return Ok(());
    }
    options.wait(call, reply, None, true)
}

/// The entries after this ID.
fn unread(log: &Log, after: StreamId) -> impl Iterator<Item = crate::store::stream::Entry<'_>> {
    after.next().into_iter().flat_map(|from| log.range(from, StreamId::MAX))
}

/// From where on each stream is to be read; and whether a `$` among the IDs was replaced by what is last now. A
/// client that has waited gets the stream that is ready, once, however often it named it.
fn wanted<'a>(call: &Call<'a>, options: &Options<'a>) -> Result<(Vec<(&'a [u8], From)>, bool), Error> {
    let mut replaces = false;
    let mut wanted = Vec::with_capacity(options.keys.len());
    for (key, argument) in options.keys.iter().zip(options.ids) {
        if !call.considers(key) {
            continue;
        }
        let stream = call.read_as::<Stream>(Key::new(key));
        let stream = match options.reader {
            Some((group, _)) => Some(readable(call, key, group, stream)?),
            None => stream?,
        };
        let from = match (*argument, options.reader) {
            (b"$", Some(_)) => {
                return Err(Error::text(
                    "ERR The $ ID is meaningless in the context of XREADGROUP: you want to read the history of \
                     this consumer by specifying a proper ID, or use the > ID to get new messages. The $ ID would \
                     just return an empty result set.",
                ));
            }
            (b"$", None) => {
                replaces = true;
                From::After(stream.map_or(StreamId::MIN, |stream| stream.log().last_id()))
            }
            (b">", Some(_)) => From::Unread,
            (b">", None) => {
                return Err(Error::text(
                    "ERR The > ID can be specified only when calling XREADGROUP using the GROUP <group> \
                     <consumer> option.",
                ));
            }
            // Nothing is after the last ID; Redis takes it for `>`.
            (argument, reader) => match id(argument)? {
                StreamId::MAX if reader.is_some() => From::Unread,
                id => From::After(id),
            },
        };
        wanted.push((*key, from));
        if call.ready.is_some() {
            break;
        }
    }
    Ok((wanted, replaces))
}

/// The stream, if it has the group. A client that waited is told what has gone.
fn readable<'s>(
    call: &Call<'_>,
    key: &[u8],
    group: &[u8],
    stream: Result<Option<&'s Stream>, Error>,
) -> Result<&'s Stream, Error> {
    let has_waited = call.ready.is_some();
    let stream = match stream {
        Ok(Some(stream)) => stream,
        _ if has_waited => return Err(Error::text("UNBLOCKED the stream key no longer exists")),
        Ok(None) => return Err(no_group(key, group, b" in XREADGROUP with GROUP option")),
        Err(error) => return Err(error),
    };
    match stream.group(group) {
        Some(_) => Ok(stream),
        None if has_waited => {
            Err(Error::text("NOGROUP the consumer group this client was blocked on no longer exists"))
        }
        None => Err(no_group(key, group, b" in XREADGROUP with GROUP option")),
    }
}

impl<'a> Options<'a> {
    fn parse(call: &Call<'a>, is_group: bool) -> Result<Self, Error> {
        let mut options =
            Self { reader: None, is_unacknowledged: false, count: 0, block: None, keys: &[], ids: &[] };
        let mut args = call.rest(1);
        while let [option, rest @ ..] = args {
            args = match rest {
                [value, rest @ ..] if is(option, "block") => {
                    options.block = Some(milliseconds(value)?);
                    rest
                }
                [value, rest @ ..] if is(option, "count") => {
                    options.count = u64::try_from(integer(value)?).unwrap_or(0);
                    rest
                }
                [_, ..] if is(option, "streams") => {
                    options.parse_streams(rest)?;
                    break;
                }
                [group, consumer, rest @ ..] if is(option, "group") => {
                    options.reader = Some((group, consumer));
                    allowed(is_group, "GROUP")?;
                    rest
                }
                _ if is(option, "noack") => {
                    options.is_unacknowledged = true;
                    allowed(is_group, "NOACK")?;
                    rest
                }
                _ => return Err(Error::Syntax),
            };
        }
        if options.keys.is_empty() {
            return Err(Error::Syntax);
        }
        if is_group && options.reader.is_none() {
            return Err(Error::text("ERR Missing GROUP option for XREADGROUP"));
        }
        if call.ready.is_some() && options.count == 0 {
            options.count = COUNT_AFTER_WAITING;
        }
        Ok(options)
    }

    /// Keys, and behind them as many IDs.
    fn parse_streams(&mut self, args: &'a [&'a [u8]]) -> Result<(), Error> {
        if !args.len().is_multiple_of(2) {
            return Err(Error::text(
                "ERR Unbalanced XREAD list of streams: for each stream key an ID or '$' must be specified.",
            ));
        }
        (self.keys, self.ids) = args.split_at_checked(args.len() / 2).unwrap_or_default();
        Ok(())
    }

    /// The command, with each `$` replaced.
    fn again(&self, call: &Call<'_>, wanted: &[(&[u8], From)]) -> Vec<Bytes> {
        let kept = call.args.len().saturating_sub(self.ids.len());
        let kept = call.args.iter().take(kept).map(|argument| Bytes::copy_from_slice(argument));
        let ids = wanted.iter().map(|(_, from)| match from {
            From::After(id) => Bytes::copy_from_slice(&id.text()),
            From::Unread => Bytes::from_static(b">"),
        });
        kept.chain(ids).collect()
    }

    /// There is nothing: wait, if that is asked for.
    fn wait(
        &self,
        call: &mut Call<'_>,
        reply: &mut ReplyWriter<'_>,
        again: Option<Vec<Bytes>>,
        even_if_gone: bool,
    ) -> Done {
        match self.block {
            Some(timeout) => {
                let keys = self.keys.iter().map(|key| Box::from(*key)).collect();
                let otherwise = Otherwise::NullArray;
                let kind = Kind::Stream;
                call.wait(reply, Wait { keys, kind, timeout, otherwise, again, even_if_gone });
            }
            None => reply.null_array(),
        }
        Ok(())
    }
}

/// How long to wait; none is for ever.
fn milliseconds(argument: &[u8]) -> Result<Option<Duration>, Error> {
    let ms = integer(argument).map_err(|_| Error::text("ERR timeout is not an integer or out of range"))?;
    let ms = u64::try_from(ms).map_err(|_| Error::text("ERR timeout is negative"))?;
    Ok((ms > 0).then(|| Duration::from_millis(ms)))
}

/// An option of XREADGROUP.
fn allowed(is_group: bool, option: &str) -> Done {
    if is_group {
        return Ok(());
    }
    Err(Error::said(format!(
        "ERR The {option} option is only supported by XREADGROUP. You called XREAD instead."
    )))
}

/// The part of a reply that lists streams, which is only begun when there is one.
struct Streams {
    open: Option<ropewalk_protocols::resp::Open>,
    count: usize,
}

impl Streams {
    fn new() -> Self {
        Self { open: None, count: 0 }
    }

    /// A stream, whose entries follow.
    fn begin(&mut self, reply: &mut ReplyWriter<'_>, key: &[u8]) {
        let is_map = reply.version() == ropewalk_protocols::resp::Version::Resp3;
        if self.open.is_none() {
            self.open = Some(if is_map { reply.open_map() } else { reply.open_array() });
        }
        self.count += 1;
        if !is_map {
            reply.array(2);
        }
        reply.bulk(key);
    }

    /// No more streams. Returns whether there was one.
    fn end(self, reply: &mut ReplyWriter<'_>) -> bool {
        self.open.map(|open| reply.close(open, self.count)).is_some()
    }
}

/// A consumer that reads a stream.
struct Reading<'a> {
    log: &'a Log,
    place: Place<'a>,
    consumer: &'a [u8],
    now_ms: i64,
    count: usize,
}

impl Reading<'_> {
    /// Deliver what the group has not read. It is pending then for its owner, if it has one.
    fn unread(
        &self,
        group: &mut Group,
        owner: Option<ConsumerKey>,
        reply: &mut ReplyWriter<'_>,
        notes: &mut Notes,
    ) {
        let entries = unread(self.log, group.last_id()).take(self.count);
        write_entries(
            reply,
            entries.inspect(|entry| {
                group.delivered(self.log, entry.id);
                if let Some(owner) = owner {
                    group.assign(entry.id, owner, self.now_ms);
                    self.note(group, entry.id, notes);
                }
            }),
        );
        notes.advanced(self.place, group.last_id(), group.entries_read());
    }

    /// Deliver again what is pending for the consumer. Of an entry that is not there any more, its ID alone.
    fn history(
        &self,
        group: &mut Group,
        consumer: ConsumerKey,
        after: StreamId,
        reply: &mut ReplyWriter<'_>,
        notes: &mut Notes,
    ) {
        let pending = group.consumer(consumer).zip(after.next());
        let pending = pending.into_iter().flat_map(|(consumer, from)| consumer.pending_from(from));
        let ids: Vec<StreamId> = pending.take(self.count).collect();
        reply.array(ids.len());
        for id in ids {
            match self.log.get(id) {
                Some(entry) => {
                    write_entry(reply, &entry);
                    group.redelivered(id, self.now_ms);
                    self.note(group, id, notes);
                }
                None => {
                    reply.array(2);
                    write_id(reply, id);
                    reply.null_array();
                }
            }
        }
    }

    fn note(&self, group: &Group, id: StreamId, notes: &mut Notes) {
        if let Some(pending) = group.pending(id) {
            notes.claimed(self.place, self.consumer, id, *pending, group.last_id());
        }
    }
}
