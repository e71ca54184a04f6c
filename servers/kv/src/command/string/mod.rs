//! Commands on strings. The one rule: a string is read as it stands, integers as their text, and what is set whole is stored
//! as briefly as it can be.

mod counter;
mod lcs;
mod options;
mod range;
pub(crate) mod table;

pub(crate) use counter::{decr, decrby, incr, incrby, incrbyfloat};
pub(crate) use lcs::lcs;
pub(crate) use range::{append, getrange, setrange, strlen, substr};
pub(super) use range::{clamped, lengthen};

use super::call::{Call, Done, FETCHED_MAX};
use super::error::Error;
use crate::server::notify::Notify;
use crate::store::database::{Expiry, Key};
use crate::store::value::View;
use options::{Condition, Options, Time};
use ropewalk_protocols::resp::{ReplyWriter, number};
use std::array;

/// `GET key`
pub(crate) fn get(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    write(call, call.key(1), reply).map(|_| ())
}

/// Answer with the string under a key, or with null. Returns whether there is one.
fn write(call: &Call<'_>, key: Key<'_>, reply: &mut ReplyWriter<'_>) -> Result<bool, Error> {
    match call.read(key).map(|found| found.view()) {
        Some(View::Bytes(bytes)) => reply.bulk(bytes),
        Some(View::Integer(integer)) => reply.bulk_integer(integer),
        Some(_) => return Err(Error::WrongType),
        None => {
            reply.null();
            return Ok(false);
        }
    }
    Ok(true)
}

/// `MGET key [key ...]`: null where there is no string.
pub(crate) fn mget(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let names = call.rest(1);
    reply.array(names.len());
    for key in names.chunks(FETCHED_MAX).flat_map(|names| call.fetched(names)).flatten() {
        match call.read(key).map(|found| found.view()) {
            Some(View::Bytes(bytes)) => reply.bulk(bytes),
            Some(View::Integer(integer)) => reply.bulk_integer(integer),
            _ => reply.null(),
        }
    }
    Ok(())
}

/// `SET key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT seconds | PXAT milliseconds | KEEPTTL]`
pub(crate) fn set(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, value) = (call.key(1), call.arg(2));
    if call.args.len() == 3 {
        call.set_string(key, value, Expiry::Never);
        call.modified(key, Notify::STRING, "set");
        reply.ok();
        return Ok(());
    }
    let options = Options::of_set(call.rest(3))?;
    let expiry = match options.time {
        Time::Forever => Expiry::Never,
        Time::Keep => Expiry::Keep,
        Time::Until(until) => Expiry::At(until.moment(call.now_ms(), "set")?),
    };
    if options.returns_old {
        write(call, key, reply)?;
    }
    let is_set = store(call, key, value, options.condition, expiry);
    if is_set && options.returns_old && !matches!(expiry, Expiry::At(_)) {
        let is_get = |argument: &&[u8]| argument.eq_ignore_ascii_case(b"get");
        let kept = call.args.iter().enumerate().filter(|(index, argument)| *index < 3 || !is_get(argument));
        let without_get: Vec<&[u8]> = kept.map(|(_, argument)| *argument).collect();
        call.journal_instead(&without_get);
    }
    match (options.returns_old, is_set) {
        (true, _) => {}
        (false, true) => reply.ok(),
        (false, false) => reply.null(),
    }
    Ok(())
}

/// Set a key to a string, if the condition holds. Returns whether it was set.
fn store(call: &mut Call<'_>, key: Key<'_>, value: &[u8], condition: Condition, expiry: Expiry) -> bool {
    if condition != Condition::None {
        let is_there = call.before_change(key).is_some();
        if is_there != (condition == Condition::IfPresent) {
            return false;
        }
    }
    call.set_string(key, value, expiry);
    call.modified(key, Notify::STRING, "set");
    if let Expiry::At(at) = expiry {
        call.notify(Notify::GENERIC, "expire", key);
        call.journal_instead(&[b"SET", key.name, value, b"PXAT", &number::integer(at)]);
    }
    true
}

/// `SETNX key value`
pub(crate) fn setnx(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let is_set = store(call, call.key(1), call.arg(2), Condition::IfAbsent, Expiry::Never);
    reply.integer(i64::from(is_set));
    Ok(())
}

/// `SETEX key seconds value`
pub(crate) fn setex(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let until = options::Until::seconds(call.arg(2)).moment(call.now_ms(), "setex")?;
    store(call, call.key(1), call.arg(3), Condition::None, Expiry::At(until));
    reply.ok();
    Ok(())
}

/// `PSETEX key milliseconds value`
pub(crate) fn psetex(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let until = options::Until::milliseconds(call.arg(2)).moment(call.now_ms(), "psetex")?;
    store(call, call.key(1), call.arg(3), Condition::None, Expiry::At(until));
    reply.ok();
    Ok(())
}

/// `GETSET key value`
pub(crate) fn getset(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, value) = (call.key(1), call.arg(2));
    write(call, key, reply)?;
    store(call, key, value, Condition::None, Expiry::Never);
    call.journal_instead(&[b"SET", key.name, value]);
    Ok(())
}

/// `GETDEL key`
pub(crate) fn getdel(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let key = call.key(1);
    if write(call, key, reply)? && call.delete(key) {
        call.modified(key, Notify::GENERIC, "del");
        let lazily = call.server.config.lazyfree_lazy_user_del;
        call.journal_instead(&[if lazily { b"UNLINK" } else { b"DEL" }, key.name]);
    }
    Ok(())
}

/// `GETEX key [EX seconds | PX milliseconds | EXAT seconds | PXAT milliseconds | PERSIST]`
pub(crate) fn getex(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let key = call.key(1);
    let time = options::of_getex(call.rest(2))?;
    let Some(found) = call.read(key) else {
        reply.null();
        return Ok(());
    };
    let (view, expires_at) = (found.view(), found.expires_at());
    if !matches!(view, View::Bytes(_) | View::Integer(_)) {
        return Err(Error::WrongType);
    }
    let at = match time {
        Time::Until(until) => Some(until.moment(call.now_ms(), "getex")?),
        Time::Keep | Time::Forever => None,
    };
    match view {
        View::Integer(integer) => reply.bulk_integer(integer),
        View::Bytes(bytes) => reply.bulk(bytes),
        _ => {}
    }
    match at {
        Some(at) => expire(call, key, at),
        None if time == Time::Forever && expires_at.is_some() => {
            let db = call.db();
            call.server.database_mut(db).set_expiry(key, None);
            call.modified(key, Notify::GENERIC, "persist");
            call.journal_instead(&[b"PERSIST", key.name]);
        }
        None => {}
    }
    Ok(())
}

/// Have a key that is there expire then; at once, if that is past.
fn expire(call: &mut Call<'_>, key: Key<'_>, at: i64) {
    let db = call.db();
    if at <= call.now_ms() {
        let lazily = call.server.config.lazyfree_lazy_expire;
        call.server.remove_dropping(db, key, lazily);
        call.modified(key, Notify::GENERIC, "del");
        call.journal_instead(&[if lazily { b"UNLINK" } else { b"DEL" }, key.name]);
    } else {
        call.server.database_mut(db).set_expiry(key, Some(at));
        call.modified(key, Notify::GENERIC, "expire");
        call.journal_instead(&[b"PEXPIREAT", key.name, &number::integer(at)]);
    }
}

/// `MSET key value [key value ...]`
pub(crate) fn mset(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    set_all(call, pairs(call)?);
    reply.ok();
    Ok(())
}

/// `MSETNX key value [key value ...]`: all of them, or none if one of the keys is there.
pub(crate) fn msetnx(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let pairs = pairs(call)?;
    let is_there = pairs.iter().any(|[name, _]| call.before_change(Key::new(name)).is_some());
    if !is_there {
        set_all(call, pairs);
    }
    reply.integer(i64::from(!is_there));
    Ok(())
}

/// The arguments as names and values.
fn pairs<'a>(call: &Call<'a>) -> Result<&'a [[&'a [u8]; 2]], Error> {
    match call.rest(1).as_chunks() {
        (pairs, []) => Ok(pairs),
        _ => Err(call.arity_error()),
    }
}

fn set_all(call: &mut Call<'_>, pairs: &[[&[u8]; 2]]) {
    for pairs in pairs.chunks(FETCHED_MAX) {
        let names: [&[u8]; FETCHED_MAX] =
            array::from_fn(|index| pairs.get(index).map_or(&b""[..], |pair| pair[0]));
        let keys = call.fetched(names.get(..pairs.len()).unwrap_or_default());
        for (key, [_, value]) in keys.into_iter().flatten().zip(pairs) {
            call.set_string(key, value, Expiry::Never);
            call.modified(key, Notify::STRING, "set");
        }
    }
}

#[cfg(test)]
mod tests;
