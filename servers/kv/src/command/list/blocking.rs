//! Moving elements, popping from the first list that has some, and waiting for one. The one rule: the command
//! that waits runs again from its beginning, so what it does at once and what it does later is one piece of code;
//! the journal gets the command that would not have waited.

use super::{natural, popped, pushed, removed, reply_end};
use crate::command::call::{Call, Done};
use crate::command::error::Error;
use crate::server::blocking::{Otherwise, Wait};
use crate::server::notify::Notify;
use crate::store::database::Key;
use crate::store::list::{End, List};
use crate::store::value::Kind;
use ropewalk_protocols::resp::{ReplyWriter, number};
use std::time::Duration;

/// `BLPOP key [key ...] timeout`
pub(super) fn blpop(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    blocking_pop(call, reply, End::Front)
}

/// `BRPOP key [key ...] timeout`
pub(super) fn brpop(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    blocking_pop(call, reply, End::Back)
}

fn blocking_pop(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>, end: End) -> Done {
    let last = call.args.len().saturating_sub(1);
    let timeout = call.timeout(last)?;
    let keys = call.args.get(1..last).unwrap_or_default();
    let limits = call.limits();
    for name in keys {
        if !call.considers(name) {
            continue;
        }
        let key = Key::new(name);
        let Some(list) = call.write_as::<List>(key)? else { continue };
        reply.array(2);
        reply.bulk(name);
        list.pop(end, &limits, |item| reply.bulk(&*item.text()));
        removed(call, key, popped(end));
        call.journal_instead(&[pop_command(end), name]);
        return Ok(());
    }
    wait(call, reply, keys, timeout);
    Ok(())
}

/// `RPOPLPUSH source destination`
pub(super) fn rpoplpush(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    if !move_element(call, reply, End::Back, End::Front)? {
        reply.null();
    }
    Ok(())
}

/// `LMOVE source destination LEFT|RIGHT LEFT|RIGHT`
pub(super) fn lmove(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (from, to) = (end_of(call.arg(3))?, end_of(call.arg(4))?);
    if !move_element(call, reply, from, to)? {
        reply.null();
    }
    Ok(())
}

/// `BRPOPLPUSH source destination timeout`
pub(super) fn brpoplpush(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let timeout = call.timeout(3)?;
    if move_element(call, reply, End::Back, End::Front)? {
        call.journal_instead(&[b"RPOPLPUSH", call.arg(1), call.arg(2)]);
        return Ok(());
    }
    wait_to_move(call, reply, timeout);
    Ok(())
}

/// `BLMOVE source destination LEFT|RIGHT LEFT|RIGHT timeout`
pub(super) fn blmove(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (from, to) = (end_of(call.arg(3))?, end_of(call.arg(4))?);
    let timeout = call.timeout(5)?;
    if move_element(call, reply, from, to)? {
        call.journal_instead(&[b"LMOVE", call.arg(1), call.arg(2), call.arg(3), call.arg(4)]);
        return Ok(());
    }
    wait_to_move(call, reply, timeout);
    Ok(())
}

/// Move an element from the first key's list to the second's, and answer it. Returns whether there was one.
fn move_element(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>, from: End, to: End) -> Result<bool, Error> {
    let (source, destination, limits) = (call.key(1), call.key(2), call.limits());
    if call.write_as::<List>(source)?.is_none() {
        return Ok(false);
    }
    // Before anything has changed.
    call.write_as::<List>(destination)?;
    let list = call.write_as::<List>(source)?;
    let Some(element) = list.and_then(|list| list.pop(from, &limits, |item| item.text().to_vec())) else {
        return Ok(false);
    };
    call.create_as::<List>(destination)?.push(to, &element, &limits);
    call.modified(destination, Notify::LIST, pushed(to));
    reply.bulk(&element);
    removed(call, source, popped(from));
    Ok(true)
}

fn wait_to_move(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>, timeout: Option<Duration>) {
    // What is answered at once is no element; what is answered later is no array.
    if call.in_transaction() {
        reply.null();
    } else {
        wait(call, reply, &[call.arg(1)], timeout);
    }
}

/// What LMPOP takes behind its keys, and its keys.
struct Pop<'a> {
    keys: &'a [&'a [u8]],
    end: End,
    count: usize,
}

impl<'a> Pop<'a> {
    /// From the argument with the number of keys on.
    fn parse(args: &'a [&'a [u8]]) -> Result<Self, Error> {
        let (number, rest) = args.split_first().ok_or(Error::Syntax)?;
        let number = natural(number)
            .filter(|number| *number > 0)
            .ok_or(Error::text("ERR numkeys should be greater than 0"))?;
        let (keys, rest) = rest.split_at_checked(number).ok_or(Error::Syntax)?;
        let (end, options) = rest.split_first().ok_or(Error::Syntax)?;
        let end = end_of(end)?;
        let count = match options {
            [] => 1,
            [name, count] if name.eq_ignore_ascii_case(b"count") => natural(count)
                .filter(|count| *count > 0)
                .ok_or(Error::text("ERR count should be greater than 0"))?,
            [name, count, ..] if name.eq_ignore_ascii_case(b"count") => {
                // The count is looked at before what is too much behind it.
                natural(count)
                    .filter(|count| *count > 0)
                    .ok_or(Error::text("ERR count should be greater than 0"))?;
                return Err(Error::Syntax);
            }
            _ => return Err(Error::Syntax),
        };
        Ok(Self { keys, end, count })
    }

    /// Pop from the first of the keys that has elements. Returns whether there is one.
    fn run(&self, call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Result<bool, Error> {
        let limits = call.limits();
        for name in self.keys {
            if !call.considers(name) {
                continue;
            }
            let key = Key::new(name);
            let Some(list) = call.write_as::<List>(key)? else { continue };
            let count = self.count.min(list.len());
            reply.array(2);
            reply.bulk(name);
            reply.array(count);
            reply_end(reply, list, self.end, count);
            list.remove_end(self.end, count, &limits);
            removed(call, key, popped(self.end));
            let count = number::integer(i64::try_from(count).unwrap_or(i64::MAX));
            call.journal_instead(&[pop_command(self.end), name, &count]);
            return Ok(true);
        }
        Ok(false)
    }
}

/// `LMPOP numkeys key [key ...] LEFT|RIGHT [COUNT count]`
pub(super) fn lmpop(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    if !Pop::parse(call.rest(1))?.run(call, reply)? {
        reply.null_array();
    }
    Ok(())
}

/// `BLMPOP timeout numkeys key [key ...] LEFT|RIGHT [COUNT count]`
pub(super) fn blmpop(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let pop = Pop::parse(call.rest(2))?;
    let timeout = call.timeout(1)?;
    if !pop.run(call, reply)? {
        wait(call, reply, pop.keys, timeout);
    }
    Ok(())
}

/// Wait until one of the keys holds a list.
fn wait(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>, keys: &[&[u8]], timeout: Option<Duration>) {
    let wait = Wait {
        keys: keys.iter().map(|key| Box::from(*key)).collect(),
        kind: Kind::List,
        timeout,
        otherwise: Otherwise::NullArray,
        again: None,
        even_if_gone: false,
    };
    call.wait(reply, wait);
}

/// Which end is meant by LEFT or RIGHT.
fn end_of(argument: &[u8]) -> Result<End, Error> {
    if argument.eq_ignore_ascii_case(b"left") {
        Ok(End::Front)
    } else if argument.eq_ignore_ascii_case(b"right") {
        Ok(End::Back)
    } else {
        Err(Error::Syntax)
    }
}

fn pop_command(end: End) -> &'static [u8] {
    match end {
        End::Front => b"LPOP",
        End::Back => b"RPOP",
    }
}
