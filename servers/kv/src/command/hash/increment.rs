//! `HINCRBY key field increment` and `HINCRBYFLOAT key field increment`. A field that expires goes on doing so.

use crate::command::call::{Call, Done};
use crate::command::error::Error;
use crate::server::notify::Notify;
use crate::store::hash::{Expires, Hash};
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
