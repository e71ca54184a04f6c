//! ZPOPMIN, ZMPOP and those that wait: members are taken off an end. The one rule: the journal is told which
//! key they came from, and how many.

use super::positive;
use crate::command::call::{Call, Done, integer};
use crate::command::error::Error;
use crate::server::blocking::{Otherwise, Wait};
use crate::server::notify::Notify;
use crate::store::database::Key;
use crate::store::listpack::Item;
use crate::store::value::Kind;
use crate::store::zset::Zset;
use ropewalk_protocols::resp::{ReplyWriter, Version, number};
use std::time::Duration;

/// Which end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Min,
    Max,
}

impl End {
    fn parse(argument: &[u8]) -> Result<Self, Error> {
        if argument.eq_ignore_ascii_case(b"min") {
            Ok(Self::Min)
        } else if argument.eq_ignore_ascii_case(b"max") {
            Ok(Self::Max)
        } else {
            Err(Error::Syntax)
        }
    }

    /// The event, which is the command too.
    fn event(self) -> &'static str {
        match self {
            Self::Min => "zpopmin",
            Self::Max => "zpopmax",
        }
    }
}

/// How what was popped is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Member and score in turn: ZPOPMIN.
    Flat,
    /// A pair each: ZPOPMIN with a count in RESP3.
    Pairs,
    /// Key, member, score: BZPOPMIN.
    KeyAndOne,
    /// The key, and pairs: ZMPOP.
    KeyAndPairs,
}

impl Form {
    fn header(self, key: Key<'_>, members: usize, reply: &mut ReplyWriter<'_>) {
        match self {
            Self::Flat => reply.array(members.saturating_mul(2)),
            Self::Pairs => reply.array(members),
            Self::KeyAndOne => {
                reply.array(3);
                reply.bulk(key.name);
            }
            Self::KeyAndPairs => {
                reply.array(2);
                reply.bulk(key.name);
                reply.array(members);
            }
        }
    }
}

/// `ZPOPMIN key [count]`
pub(crate) fn zpopmin(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    pop_one_key(call, End::Min, reply)
}

/// `ZPOPMAX key [count]`
pub(crate) fn zpopmax(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    pop_one_key(call, End::Max, reply)
}

fn pop_one_key(call: &mut Call<'_>, end: End, reply: &mut ReplyWriter<'_>) -> Done {
    let (count, form) = match call.rest(2) {
        [] => (1, Form::Flat),
        [count] => {
            let count = integer(count).ok().and_then(|count| usize::try_from(count).ok());
            let is_nested = reply.version() == Version::Resp3;
            (count.ok_or(Error::NotPositive)?, if is_nested { Form::Pairs } else { Form::Flat })
        }
        _ => return Err(Error::Syntax),
    };
    let key = call.key(1);
    if call.write_as::<Zset>(key)?.is_none() || count == 0 {
        reply.array(0);
        return Ok(());
    }
    pop(call, key, end, count, form, reply)?;
    Ok(())
}

/// Pop from a key that is there. Returns how many it were.
fn pop(
    call: &mut Call<'_>,
    key: Key<'_>,
    end: End,
    count: usize,
    form: Form,
    reply: &mut ReplyWriter<'_>,
) -> Result<usize, Error> {
    let Some(zset) = call.write_as::<Zset>(key)? else { return Ok(0) };
    let len = zset.len();
    let count = count.min(len);
    form.header(key, count, reply);
    let is_nested = matches!(form, Form::Pairs | Form::KeyAndPairs);
    let write = |(member, score): (Item<'_>, f64)| {
        if is_nested {
            reply.array(2);
        }
        reply.bulk(&*member.text());
        reply.double(score);
    };
    let ranks = match end {
        End::Min => 0..count,
        End::Max => len.saturating_sub(count)..len,
    };
    let members = zset.range(ranks.clone());
    match end {
        End::Min => members.for_each(write),
        End::Max => members.rev().for_each(write),
    }
    zset.remove_range(ranks);
    call.modified(key, Notify::ZSET, end.event());
    call.delete_if_empty::<Zset>(key);
    Ok(count)
}

/// What ZMPOP and BZMPOP were asked to do.
#[derive(Debug)]
struct Wanted<'a> {
    keys: &'a [&'a [u8]],
    end: End,
    count: usize,
}

impl<'a> Wanted<'a> {
    /// The arguments from the number of keys on.
    fn parse(arguments: &'a [&'a [u8]]) -> Result<Self, Error> {
        let (numkeys, rest) = arguments.split_first().ok_or(Error::Syntax)?;
        let numkeys = positive(numkeys, "ERR numkeys should be greater than 0")?;
        let (keys, options) = rest.split_at_checked(numkeys).ok_or(Error::Syntax)?;
        let (end, options) = options.split_first().ok_or(Error::Syntax)?;
        let end = End::parse(end)?;
        let count = match options {
            [] => 1,
            [name, count, rest @ ..] if name.eq_ignore_ascii_case(b"count") => {
                let count = positive(count, "ERR count should be greater than 0")?;
                if !rest.is_empty() {
                    return Err(Error::Syntax);
                }
                count
            }
            _ => return Err(Error::Syntax),
        };
        Ok(Self { keys, end, count })
    }
}

/// `ZMPOP numkeys key [key ...] MIN|MAX [COUNT count]`
pub(crate) fn zmpop(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let wanted = Wanted::parse(call.rest(1))?;
    if !pop_first(call, &wanted, Form::KeyAndPairs, reply)? {
        reply.null_array();
    }
    Ok(())
}

/// `BZMPOP timeout numkeys key [key ...] MIN|MAX [COUNT count]`
pub(crate) fn bzmpop(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let wanted = Wanted::parse(call.rest(2))?;
    let timeout = call.timeout(1)?;
    pop_or_wait(call, &wanted, timeout, Form::KeyAndPairs, reply)
}

/// `BZPOPMIN key [key ...] timeout`
pub(crate) fn bzpopmin(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    pop_one_or_wait(call, End::Min, reply)
}

/// `BZPOPMAX key [key ...] timeout`
pub(crate) fn bzpopmax(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    pop_one_or_wait(call, End::Max, reply)
}

fn pop_one_or_wait(call: &mut Call<'_>, end: End, reply: &mut ReplyWriter<'_>) -> Done {
    let last = call.args.len().saturating_sub(1);
    let timeout = call.timeout(last)?;
    let keys = call.args.get(1..last).unwrap_or_default();
    pop_or_wait(call, &Wanted { keys, end, count: 1 }, timeout, Form::KeyAndOne, reply)
}

/// Pop from the first key that has something. Returns whether there was one.
fn pop_first(
    call: &mut Call<'_>,
    wanted: &Wanted<'_>,
    form: Form,
    reply: &mut ReplyWriter<'_>,
) -> Result<bool, Error> {
    let keys = wanted.keys.iter().filter(|key| call.considers(key)).copied().collect::<Vec<_>>();
    for key in keys {
        let key = Key::new(key);
        if call.write_as::<Zset>(key)?.is_none() {
            continue;
        }
        let popped = pop(call, key, wanted.end, wanted.count, form, reply)?;
        let command = wanted.end.event().as_bytes();
        if form == Form::KeyAndOne {
            call.journal_instead(&[command, key.name]);
        } else {
            call.journal_instead(&[command, key.name, &number::integer(popped as i64)]);
        }
        return Ok(true);
    }
    Ok(false)
}

fn pop_or_wait(
    call: &mut Call<'_>,
    wanted: &Wanted<'_>,
    timeout: Option<Duration>,
    form: Form,
    reply: &mut ReplyWriter<'_>,
) -> Done {
    if !pop_first(call, wanted, form, reply)? {
        let wait = Wait {
            keys: wanted.keys.iter().map(|key| Box::from(*key)).collect(),
            kind: Kind::Zset,
            timeout,
            otherwise: Otherwise::NullArray,
            again: None,
            even_if_gone: false,
        };
        call.wait(reply, wait);
    }
    Ok(())
}
