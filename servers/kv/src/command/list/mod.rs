//! Commands for lists. The one rule: a list that a command has left empty is removed by that command.

mod blocking;
pub(crate) mod table;
#[cfg(test)]
mod tests;

use super::call::{Call, Done, integer};
use super::error::Error;
use crate::server::notify::Notify;
use crate::store::database::Key;
use crate::store::list::{Direction, End, List};
use ropewalk_protocols::resp::ReplyWriter;
use std::ops::{ControlFlow, Range};

/// `LPUSH key element [element ...]`
pub(crate) fn lpush(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    push(call, reply, End::Front, IfAbsent::Create)
}

/// `RPUSH key element [element ...]`
pub(crate) fn rpush(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    push(call, reply, End::Back, IfAbsent::Create)
}

/// `LPUSHX key element [element ...]`
pub(crate) fn lpushx(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    push(call, reply, End::Front, IfAbsent::Leave)
}

/// `RPUSHX key element [element ...]`
pub(crate) fn rpushx(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    push(call, reply, End::Back, IfAbsent::Leave)
}

/// What is done if there is no list.
#[derive(Clone, Copy, PartialEq, Eq)]
enum IfAbsent {
    Create,
    Leave,
}

fn push(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>, end: End, if_absent: IfAbsent) -> Done {
    let (key, limits, elements) = (call.key(1), call.limits(), call.rest(2));
    let list = match if_absent {
        IfAbsent::Create => call.create_as::<List>(key)?,
        IfAbsent::Leave => match call.write_as::<List>(key)? {
            Some(list) => list,
            None => {
                reply.integer(0);
                return Ok(());
            }
        },
    };
    elements.iter().for_each(|element| list.push(end, element, &limits));
    reply_length(reply, list.len());
    call.modified(key, Notify::LIST, pushed(end));
    Ok(())
}

/// `LPOP key [count]`
pub(crate) fn lpop(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    pop(call, reply, End::Front)
}

/// `RPOP key [count]`
pub(crate) fn rpop(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    pop(call, reply, End::Back)
}

fn pop(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>, end: End) -> Done {
    let key = call.key(1);
    let count = match call.rest(2) {
        [] => None,
        [count] => Some(positive(count)?),
        _ => return Err(call.arity_error()),
    };
    let limits = call.limits();
    let Some(list) = call.write_as::<List>(key)? else {
        if count.is_some() {
            reply.null_array()
        } else {
            reply.null()
        }
        return Ok(());
    };
    match count {
        Some(0) => {
            reply.array(0);
            return Ok(());
        }
        Some(count) => {
            let count = count.min(list.len());
            reply.array(count);
            reply_end(reply, list, end, count);
            list.remove_end(end, count, &limits);
        }
        None => {
            list.pop(end, &limits, |item| reply.bulk(&*item.text()));
        }
    }
    removed(call, key, popped(end));
    Ok(())
}

/// `LLEN key`
pub(crate) fn llen(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let list = call.read_as::<List>(call.key(1))?;
    reply_length(reply, list.map_or(0, List::len));
    Ok(())
}

/// `LINDEX key index`
pub(crate) fn lindex(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let Some(list) = call.read_as::<List>(call.key(1))? else {
        reply.null();
        return Ok(());
    };
    let index = index(call.integer(2)?, list.len());
    if index.and_then(|index| list.get(index, |item| reply.bulk(&*item.text()))).is_none() {
        reply.null();
    }
    Ok(())
}

/// `LRANGE key start stop`
pub(crate) fn lrange(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (start, stop) = (call.integer(2)?, call.integer(3)?);
    let Some(list) = call.read_as::<List>(call.key(1))? else {
        reply.array(0);
        return Ok(());
    };
    let range = range(start, stop, list.len());
    reply.array(range.len());
    reply_range(reply, list, range.start, range.len(), Direction::Forward);
    Ok(())
}

/// `LSET key index element`
pub(crate) fn lset(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, at, element, limits) = (call.key(1), call.integer(2), call.arg(3), call.limits());
    let list = call.write_as::<List>(key)?.ok_or(Error::NoSuchKey)?;
    let index = index(at?, list.len()).ok_or(Error::IndexOutOfRange)?;
    list.set(index, element, &limits);
    reply.ok();
    call.modified(key, Notify::LIST, "lset");
    Ok(())
}

/// `LINSERT key BEFORE|AFTER pivot element`
pub(crate) fn linsert(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, pivot, element) = (call.key(1), call.arg(3), call.arg(4));
    let place = call.arg(2);
    let behind = if place.eq_ignore_ascii_case(b"after") {
        1
    } else if place.eq_ignore_ascii_case(b"before") {
        0
    } else {
        return Err(Error::Syntax);
    };
    let limits = call.limits();
    let Some(list) = call.write_as::<List>(key)? else {
        reply.integer(0);
        return Ok(());
    };
    let mut found = None;
    let _ = list.positions(pivot, Direction::Forward, usize::MAX, |index| {
        found = Some(index);
        ControlFlow::Break(())
    });
    let Some(found) = found else {
        reply.integer(-1);
        return Ok(());
    };
    list.insert(found.saturating_add(behind), element, &limits);
    reply_length(reply, list.len());
    call.modified(key, Notify::LIST, "linsert");
    Ok(())
}

/// `LREM key count element`
pub(crate) fn lrem(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, count, element, limits) = (call.key(1), call.integer(2)?, call.arg(3), call.limits());
    let direction = if count < 0 { Direction::Backward } else { Direction::Forward };
    let most = if count == 0 { usize::MAX } else { size(count.unsigned_abs()) };
    let list = call.write_as::<List>(key)?;
    let count = list.map_or(0, |list| list.remove_equal(element, most, direction, &limits));
    reply_length(reply, count);
    if count > 0 {
        removed(call, key, "lrem");
    }
    Ok(())
}

/// `LTRIM key start stop`
pub(crate) fn ltrim(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, start, stop, limits) = (call.key(1), call.integer(2)?, call.integer(3)?, call.limits());
    if let Some(list) = call.write_as::<List>(key)? {
        let length = list.len();
        let kept = range(start, stop, length);
        list.remove_end(End::Back, length.saturating_sub(kept.end), &limits);
        list.remove_end(End::Front, kept.start, &limits);
        if kept.len() < length {
            removed(call, key, "ltrim");
        } else {
            // Nothing to note in the journal, but the event is published all the same.
            call.touched(key);
            call.notify(Notify::LIST, "ltrim", key);
        }
    }
    reply.ok();
    Ok(())
}

/// What LPOS looks for.
struct Search {
    direction: Direction,
    /// How many equal elements to pass first.
    skip: usize,
    /// How many to find; none is one, answered by itself.
    count: Option<usize>,
    /// How many elements to compare.
    compared: usize,
}

impl Search {
    fn parse(mut options: &[&[u8]]) -> Result<Self, Error> {
        let mut search = Self { direction: Direction::Forward, skip: 0, count: None, compared: usize::MAX };
        while let [name, rest @ ..] = options {
            let ([value, rest @ ..], name) = (rest, name.to_ascii_lowercase()) else {
                return Err(Error::Syntax);
            };
            match &name[..] {
                b"rank" => search.rank(integer(value)?)?,
                b"count" => {
                    let count = natural(value).ok_or(Error::text("ERR COUNT can't be negative"))?;
                    search.count = Some(if count == 0 { usize::MAX } else { count });
                }
                b"maxlen" => {
                    let most = natural(value).ok_or(Error::text("ERR MAXLEN can't be negative"))?;
                    search.compared = if most == 0 { usize::MAX } else { most };
                }
                _ => return Err(Error::Syntax),
            }
            options = rest;
        }
        Ok(search)
    }

    fn rank(&mut self, rank: i64) -> Result<(), Error> {
        if rank == 0 {
            return Err(Error::text(
                "ERR RANK can't be zero: use 1 to start from the first match, 2 from the second ... or use \
                 negative to start from the end of the list",
            ));
        }
        self.direction = if rank < 0 { Direction::Backward } else { Direction::Forward };
        // The least integer has no opposite; Redis skips nothing then.
        self.skip = size(rank.checked_abs().unwrap_or(1).unsigned_abs()).saturating_sub(1);
        Ok(())
    }
}

/// `LPOS key element [RANK rank] [COUNT num-matches] [MAXLEN len]`
pub(crate) fn lpos(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let search = Search::parse(call.rest(3))?;
    let mut found = Vec::new();
    if let Some(list) = call.read_as::<List>(call.key(1))? {
        let (mut skip, most) = (search.skip, search.count.unwrap_or(1));
        let _ = list.positions(call.arg(2), search.direction, search.compared, |index| {
            match skip.checked_sub(1) {
                Some(less) => skip = less,
                None => found.push(index),
            }
            if found.len() < most { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
    }
    match (search.count, found.first()) {
        (Some(_), _) => {
            reply.array(found.len());
            found.iter().for_each(|index| reply_length(reply, *index));
        }
        (None, Some(index)) => reply_length(reply, *index),
        (None, None) => reply.null(),
    }
    Ok(())
}

/// Elements of a list were removed: say so, and remove the list if it is empty.
fn removed(call: &mut Call<'_>, key: Key<'_>, event: &'static str) {
    call.modified(key, Notify::LIST, event);
    call.delete_if_empty::<List>(key);
}

fn pushed(end: End) -> &'static str {
    match end {
        End::Front => "lpush",
        End::Back => "rpush",
    }
}

fn popped(end: End) -> &'static str {
    match end {
        End::Front => "lpop",
        End::Back => "rpop",
    }
}

fn reply_length(reply: &mut ReplyWriter<'_>, length: usize) {
    reply.integer(i64::try_from(length).unwrap_or(i64::MAX));
}

/// Up to `count` elements, in this direction from that with index `start` on.
fn reply_range(reply: &mut ReplyWriter<'_>, list: &List, start: usize, count: usize, direction: Direction) {
    let _ = list.visit(start, count, direction, |item| {
        reply.bulk(&*item.text());
        if reply.is_over() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
}

/// So many elements at an end, as they would be popped one by one.
fn reply_end(reply: &mut ReplyWriter<'_>, list: &List, end: End, count: usize) {
    match end {
        End::Front => reply_range(reply, list, 0, count, Direction::Forward),
        End::Back => reply_range(reply, list, list.len().saturating_sub(1), count, Direction::Backward),
    }
}

/// The index that is meant, where -1 is the last element, if there is one.
fn index(index: i64, length: usize) -> Option<usize> {
    let index = if index < 0 { index.checked_add(i64::try_from(length).ok()?)? } else { index };
    usize::try_from(index).ok().filter(|index| *index < length)
}

/// The indices from `start` to `stop`, of which either may count from the end, as far as there are such.
fn range(start: i64, stop: i64, length: usize) -> Range<usize> {
    let last = i64::try_from(length).unwrap_or(i64::MAX);
    let absolute = |index: i64| if index < 0 { index.saturating_add(last) } else { index };
    let start = usize::try_from(absolute(start)).unwrap_or(0).min(length);
    let behind = usize::try_from(absolute(stop).saturating_add(1)).unwrap_or(0).min(length);
    if start < behind { start..behind } else { 0..0 }
}

/// A number of elements; more than there can be is as many as there can be.
fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// An argument that is an integer and not negative.
fn natural(argument: &[u8]) -> Option<usize> {
    integer(argument).ok().and_then(|value| u64::try_from(value).ok()).map(size)
}

/// An argument that says how many elements to pop.
fn positive(argument: &[u8]) -> Result<usize, Error> {
    natural(argument).ok_or(Error::NotPositive)
}
