//! Counters: strings that are numbers. The one rule: a number that does not fit leaves the key as it was.

use crate::command::call::{Call, Done};
use crate::command::error::Error;
use crate::long_double::LongDouble;
use crate::server::notify::Notify;
use crate::store::database::Expiry;
use crate::store::value::{Value, View};
use ropewalk_protocols::resp::{ReplyWriter, number};

/// `INCR key`
pub(crate) fn incr(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    add(call, reply, 1)
}

/// `DECR key`
pub(crate) fn decr(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    add(call, reply, -1)
}

/// `INCRBY key increment`
pub(crate) fn incrby(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let increment = call.integer(2)?;
    add(call, reply, increment)
}

/// `DECRBY key decrement`
pub(crate) fn decrby(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let increment = call.integer(2)?.checked_neg();
    add(call, reply, increment.ok_or(Error::text("ERR decrement would overflow"))?)
}

fn add(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>, increment: i64) -> Done {
    let key = call.key(1);
    let before = match call.before_change(key).map(|found| found.view()) {
        None => 0,
        Some(View::Integer(integer)) => integer,
        Some(View::Bytes(bytes)) => number::parse_integer(bytes).ok_or(Error::NotInteger)?,
        Some(_) => return Err(Error::WrongType),
    };
    let overflow = Error::text("ERR increment or decrement would overflow");
    let value = before.checked_add(increment).ok_or(overflow)?;
    call.put(key, Value::Integer(value), Expiry::Keep);
    call.modified(key, Notify::STRING, "incrby");
    reply.integer(value);
    Ok(())
}

/// `INCRBYFLOAT key increment`. What it stores is no integer to OBJECT ENCODING, even if it is one.
pub(crate) fn incrbyfloat(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let key = call.key(1);
    let before = match call.before_change(key).map(|found| found.view()) {
        None => LongDouble::from_integer(0),
        Some(View::Integer(integer)) => LongDouble::from_integer(integer),
        Some(View::Bytes(bytes)) => LongDouble::parse(bytes).ok_or(Error::NotFloat)?,
        Some(_) => return Err(Error::WrongType),
    };
    let increment = LongDouble::parse(call.arg(2)).ok_or(Error::NotFloat)?;
    let sum = before.checked_add(increment);
    let text = sum.ok_or(Error::text("ERR increment would produce NaN or Infinity"))?.text();
    call.put(key, Value::Text(text.as_slice().into()), Expiry::Keep);
    call.modified(key, Notify::STRING, "incrbyfloat");
    call.journal_instead(&[b"SET", key.name, &text, b"KEEPTTL"]);
    reply.bulk(text);
    Ok(())
}
