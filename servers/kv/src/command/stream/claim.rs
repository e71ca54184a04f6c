//! XCLAIM and XAUTOCLAIM: pending entries go to another consumer.

use super::entry::{id, interval_start, is, no_group, write_entry, write_id};
use super::journal::{Notes, Place};
use crate::command::call::{Call, Done, integer};
use crate::command::error::{Error, named};
use crate::server::notify::Notify;
use crate::store::stream::{Claim, Claimed, Deliveries, Group, Log, Stream, StreamId};
use ropewalk_protocols::resp::ReplyWriter;

/// Who claims, for which group, and what came of it so far.
struct Claiming<'a> {
    place: Place<'a>,
    consumer: &'a [u8],
    claim: Claim,
    now_ms: i64,
    notes: Notes,
    creates_consumer: bool,
    changes: u64,
}

impl<'a> Claiming<'a> {
    fn new(call: &Call<'a>, claim: Claim) -> Self {
        let place = Place { key: call.arg(1), group: call.arg(2) };
        let (consumer, now_ms, notes) = (call.arg(3), call.now_ms(), Notes::new(call));
        Self { place, consumer, claim, now_ms, notes, creates_consumer: false, changes: 0 }
    }

    /// Claim an entry.
    fn claim(&mut self, log: &Log, group: &mut Group, id: StreamId) -> Claimed {
        let claimed = group.claim(log, id, self.consumer, &self.claim, self.now_ms);
        match claimed {
            Claimed::Yes { is_new_consumer } => {
                if let Some(pending) = group.pending(id) {
                    self.notes.claimed(self.place, self.consumer, id, *pending, group.last_id());
                }
                self.creates_consumer |= is_new_consumer;
                self.changes += 1 + u64::from(is_new_consumer);
            }
            Claimed::Deleted { was: Some(_) } => {
                self.notes.acknowledged(self.place, id);
                self.changes += 1;
            }
            Claimed::Deleted { was: None } | Claimed::No => {}
        }
        claimed
    }

    /// All is claimed: tell others.
    fn finish(self, call: &mut Call<'_>) {
        if self.creates_consumer {
            call.notify(Notify::STREAM, "xgroup-createconsumer", call.key(1));
        }
        call.server.dirty += self.changes;
        self.notes.hand_on(call);
    }
}

/// The entries and the group of a claim.
fn entries_and_group<'c>(call: &'c mut Call<'_>) -> Result<(&'c Log, &'c mut Group), Error> {
    let (key, name) = (call.key(1), call.arg(2));
    let stream = call.write_as::<Stream>(key)?;
    stream.and_then(|stream| stream.group_mut(name)).ok_or_else(|| no_group(key.name, name, b""))
}

fn min_idle_ms(argument: &[u8], otherwise: &'static str) -> Result<i64, Error> {
    integer(argument).map(|ms| ms.max(0)).map_err(|_| Error::text(otherwise))
}

/// What XCLAIM takes behind the IDs.
#[derive(Debug)]
struct Options {
    claim: Claim,
    is_just_id: bool,
    last_id: StreamId,
}

impl Options {
    fn parse(mut args: &[&[u8]], min_idle_ms: i64, now_ms: i64) -> Result<Self, Error> {
        let mut delivered_at = now_ms;
        let mut deliveries = None;
        let (mut is_forced, mut is_just_id, mut last_id) = (false, false, StreamId::MIN);
        while let [option, rest @ ..] = args {
            args = match rest {
                _ if is(option, "force") => {
                    is_forced = true;
                    rest
                }
                _ if is(option, "justid") => {
                    is_just_id = true;
                    rest
                }
                [value, rest @ ..] if is(option, "idle") => {
                    let idle_ms = number(value, "ERR Invalid IDLE option argument for XCLAIM")?;
                    delivered_at = now_ms.wrapping_sub(idle_ms);
                    rest
                }
                [value, rest @ ..] if is(option, "time") => {
                    delivered_at = number(value, "ERR Invalid TIME option argument for XCLAIM")?;
                    rest
                }
                [value, rest @ ..] if is(option, "retrycount") => {
                    let count = number(value, "ERR Invalid RETRYCOUNT option argument for XCLAIM")?;
                    deliveries = u64::try_from(count).ok().map(Deliveries::Set);
                    rest
                }
                [value, rest @ ..] if is(option, "lastid") => {
                    last_id = id(value)?;
                    rest
                }
                _ => {
                    let words = [b"ERR Unrecognized XCLAIM option '", named(option), b"'"];
                    return Err(Error::Bytes(words.concat()));
                }
            };
        }
        // Clients may compute with a clock that is wrong: no reason to fail.
        if !(0..=now_ms).contains(&delivered_at) {
            delivered_at = now_ms;
        }
        let otherwise = if is_just_id { Deliveries::Keep } else { Deliveries::Count };
        let deliveries = deliveries.unwrap_or(otherwise);
        Ok(Self { claim: Claim { min_idle_ms, delivered_at, deliveries, is_forced }, is_just_id, last_id })
    }
}

fn number(argument: &[u8], otherwise: &'static str) -> Result<i64, Error> {
    integer(argument).map_err(|_| Error::text(otherwise))
}

/// `XCLAIM key group consumer min-idle-ms id [id …] [IDLE ms] [TIME ms-since-1970] [RETRYCOUNT count] [FORCE]
/// [JUSTID] [LASTID id]`.
pub(super) fn xclaim(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    entries_and_group(call)?;
    let min_idle_ms = min_idle_ms(call.arg(4), "ERR Invalid min-idle-time argument for XCLAIM")?;
    let arguments = call.rest(5);
    let ids: Vec<_> = arguments.iter().map_while(|argument| StreamId::parse(argument, 0)).collect();
    let options = arguments.get(ids.len()..).unwrap_or_default();
    let Options { claim, is_just_id, last_id } = Options::parse(options, min_idle_ms, call.now_ms())?;
    let mut claiming = Claiming::new(call, claim);
    let (log, group) = entries_and_group(call)?;
    let mut is_advanced = group.advance(last_id);
    let open = reply.open_array();
    let mut count = 0;
    for id in ids {
        let Claimed::Yes { .. } = claiming.claim(log, group, id) else { continue };
        // The note of a claim says what the last ID is.
        is_advanced = false;
        write_claimed(reply, log, id, is_just_id);
        count += 1;
    }
    reply.close(open, count);
    if is_advanced {
        claiming.notes.advanced(claiming.place, group.last_id(), group.entries_read());
        claiming.changes += 1;
    }
    claiming.finish(call);
    Ok(())
}

/// A claimed entry, or its ID alone.
fn write_claimed(reply: &mut ReplyWriter<'_>, log: &Log, id: StreamId, is_just_id: bool) {
    match log.get(id) {
        Some(entry) if !is_just_id => write_entry(reply, &entry),
        _ => write_id(reply, id),
    }
}

/// What XAUTOCLAIM takes behind the start: how many entries at most, and whether to answer with their IDs alone.
fn count_and_just_id(mut options: &[&[u8]]) -> Result<(usize, bool), Error> {
    /// An allocation of so many IDs is the largest that there is.
    const COUNT_MAX: i64 = i64::MAX / 16;
    let (mut count, mut is_just_id) = (100, false);
    while let [option, rest @ ..] = options {
        options = match rest {
            [value, rest @ ..] if is(option, "count") => {
                let value = integer(value).ok().filter(|count| (1..=COUNT_MAX).contains(count));
                let value = value.and_then(|count| usize::try_from(count).ok());
                count = value.ok_or(Error::text("ERR COUNT must be > 0"))?;
                rest
            }
            _ if is(option, "justid") => {
                is_just_id = true;
                rest
            }
            _ => return Err(Error::Syntax),
        };
    }
    Ok((count, is_just_id))
}

/// `XAUTOCLAIM key group consumer min-idle-ms start [COUNT count] [JUSTID]`: where to go on, what was claimed, and
/// what was pending though it is deleted.
pub(super) fn xautoclaim(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    /// For each entry that may be claimed so many are looked at.
    const LOOKS: usize = 10;
    let min_idle_ms = min_idle_ms(call.arg(4), "ERR Invalid min-idle-time argument for XAUTOCLAIM")?;
    let mut cursor = Some(interval_start(call.arg(5))?);
    let (count, is_just_id) = count_and_just_id(call.rest(6))?;
    let deliveries = if is_just_id { Deliveries::Keep } else { Deliveries::Count };
    let claim = Claim { min_idle_ms, delivered_at: call.now_ms(), deliveries, is_forced: false };
    let mut claiming = Claiming::new(call, claim);
    let (log, group) = entries_and_group(call)?;
    let (mut claimed, mut deleted) = (Vec::new(), Vec::new());
    for _ in 0..count.saturating_mul(LOOKS) {
        let Some(id) = next_pending(group, cursor).filter(|_| claimed.len() + deleted.len() < count) else {
            break;
        };
        match claiming.claim(log, group, id) {
            Claimed::Yes { .. } => claimed.push(id),
            Claimed::Deleted { .. } => deleted.push(id),
            Claimed::No => {}
        }
        cursor = id.next();
    }
    reply.array(3);
    write_id(reply, next_pending(group, cursor).unwrap_or_default());
    reply.array(claimed.len());
    claimed.into_iter().for_each(|id| write_claimed(reply, log, id, is_just_id));
    reply.array(deleted.len());
    deleted.into_iter().for_each(|id| write_id(reply, id));
    claiming.finish(call);
    Ok(())
}

fn next_pending(group: &Group, from: Option<StreamId>) -> Option<StreamId> {
    group.pending_range(from?, StreamId::MAX).next().map(|(id, _)| id)
}
