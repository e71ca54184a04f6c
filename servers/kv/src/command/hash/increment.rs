//! `HINCRBY key field increment` and `HINCRBYFLOAT key field increment`. A field that expires goes on doing so.

use crate::command::call::{Call, Done};
use crate::command::error::Error;
use crate::long_double::LongDouble;
use crate::server::notify::Notify;
use crate::store::hash::{Expires, Hash};
use crate::store::listpack::Item;
use ropewalk_protocols::resp::{ReplyWriter, number};

/// `HINCRBY key field increment`
pub(crate) fn hincrby(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, name, now_ms, limits) = (call.key(1), call.arg(2), call.now_ms(), call.limits());
    let increment = call.integer(3)?;
    let hash = call.create_as::<Hash>(key)?;
    let before = match hash.get(name, now_ms) {
        Some(field) => field.value.integer().ok_or(Error::text("ERR hash value is not an integer"))?,
        None => 0,
    };
    let overflow = Error::text("ERR increment or decrement would overflow");
    let value = before.checked_add(increment).ok_or(overflow)?;
    hash.set(name, &number::integer(value), Expires::Keep, now_ms, &limits);
    call.modified(key, Notify::HASH, "hincrby");
    reply.integer(value);
    Ok(())
}

/// `HINCRBYFLOAT key field increment`
pub(crate) fn hincrbyfloat(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, name, now_ms, limits) = (call.key(1), call.arg(2), call.now_ms(), call.limits());
    let increment = LongDouble::parse(call.arg(3)).ok_or(Error::NotFloat)?;
    if increment.is_infinite() {
        return Err(Error::text("ERR value is NaN or Infinity"));
    }
    let hash = call.create_as::<Hash>(key)?;
    let field = hash.get(name, now_ms);
    let before = match field.map(|field| field.value) {
        Some(value) => float(value).ok_or(Error::text("ERR hash value is not a float"))?,
        None => LongDouble::from_integer(0),
    };
    let expires_at = field.and_then(|field| field.expires_at);
    let infinite = Error::text("ERR increment would produce NaN or Infinity");
    let value = before.checked_add(increment).ok_or(infinite)?.text();
    hash.set(name, &value, Expires::Keep, now_ms, &limits);
    // Another processor might come to another sum.
    call.journal_instead(&[b"HSET", key.name, name, &value]);
    if let Some(at) = expires_at {
        call.journal_also(&[b"HPEXPIREAT", key.name, &number::integer(at), b"FIELDS", b"1", name]);
    }
    call.modified(key, Notify::HASH, "hincrbyfloat");
    reply.bulk(&value);
    Ok(())
}

fn float(value: Item<'_>) -> Option<LongDouble> {
    match value {
        Item::Integer(integer) => Some(LongDouble::from_integer(integer)),
        Item::Bytes(text) => LongDouble::parse(text),
    }
}
