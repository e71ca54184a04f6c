//! Commands on hashes. Those on the expiry of fields are in [`expiry`].

mod expiry;
mod increment;
mod random;
pub(crate) mod table;
#[cfg(test)]
mod tests;

pub(crate) use increment::{hincrby, hincrbyfloat};

use super::call::{Call, Done};
use super::error::Error;
use crate::server::notify::Notify;
use crate::store::hash::{Expires, Field, Hash};
use crate::store::listpack::Item;
use ropewalk_protocols::resp::ReplyWriter;

/// The hash under the first key. Fields of it that have expired go when the command is over.
pub(super) fn read<'c>(call: &'c Call<'_>) -> Result<Option<&'c Hash>, Error> {
    let hash = call.read_as::<Hash>(call.key(1))?;
    if hash.is_some_and(|hash| hash.is_due(call.now_ms())) {
        call.server.fields_have_expired(call.db(), call.key(1));
    }
    Ok(hash)
}

/// The field of this name, of the hash under the first key.
fn read_field<'c>(call: &'c Call<'_>, name: &[u8]) -> Result<Option<Field<'c>>, Error> {
    Ok(read(call)?.and_then(|hash| hash.get(name, call.now_ms())))
}

/// `HSET key field value [field value ...]`
pub(crate) fn hset(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let created = set_all(call)?;
    reply.integer(created as i64);
    Ok(())
}

/// `HMSET key field value [field value ...]`
pub(crate) fn hmset(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    set_all(call)?;
    reply.ok();
    Ok(())
}

/// Set the fields that the arguments name. Returns how many are new.
fn set_all(call: &mut Call<'_>) -> Result<usize, Error> {
    let (key, now_ms, limits) = (call.key(1), call.now_ms(), call.limits());
    let (pairs, []) = call.rest(2).as_chunks::<2>() else { return Err(call.arity_error()) };
    let hash = call.create_as::<Hash>(key)?;
    let new = |[name, value]: &&[&[u8]; 2]| hash.set(name, value, Expires::Never, now_ms, &limits);
    let created = pairs.iter().filter(new).count();
    call.modified(key, Notify::HASH, "hset");
    Ok(created)
}

/// `HSETNX key field value`
pub(crate) fn hsetnx(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, now_ms, limits) = (call.key(1), call.now_ms(), call.limits());
    let (name, value) = (call.arg(2), call.arg(3));
    let hash = call.create_as::<Hash>(key)?;
    let new = hash.get(name, now_ms).is_none();
    if new {
        hash.set(name, value, Expires::Never, now_ms, &limits);
        call.modified(key, Notify::HASH, "hset");
    }
    reply.integer(i64::from(new));
    Ok(())
}

/// `HGET key field`
pub(crate) fn hget(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let field = read_field(call, call.arg(2))?;
    value_or_null(field, reply);
    Ok(())
}

/// `HMGET key field [field ...]`
pub(crate) fn hmget(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let hash = read(call)?;
    let names = call.rest(2);
    reply.array(names.len());
    for name in names {
        value_or_null(hash.and_then(|hash| hash.get(name, call.now_ms())), reply);
    }
    Ok(())
}

fn value_or_null(field: Option<Field<'_>>, reply: &mut ReplyWriter<'_>) {
    match field {
        Some(field) => reply.bulk(&*field.value.text()),
        None => reply.null(),
    }
}

/// `HDEL key field [field ...]`
pub(crate) fn hdel(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, now_ms, names) = (call.key(1), call.now_ms(), call.rest(2));
    let deleted = match call.write_as::<Hash>(key)? {
        // One that has expired is left to those that tell others about it.
        Some(hash) => {
            names.iter().filter(|name| hash.get(name, now_ms).is_some() && hash.remove(name)).count()
        }
        None => 0,
    };
    if deleted > 0 {
        call.modified(key, Notify::HASH, "hdel");
        call.delete_if_empty::<Hash>(key);
    }
    reply.integer(deleted as i64);
    Ok(())
}

/// `HLEN key`
pub(crate) fn hlen(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    reply.integer(read(call)?.map_or(0, |hash| hash.live_len(call.now_ms())) as i64);
    Ok(())
}

/// `HSTRLEN key field`
pub(crate) fn hstrlen(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let field = read_field(call, call.arg(2))?;
    reply.integer(field.map_or(0, |field| field.value.text_length()) as i64);
    Ok(())
}

/// `HEXISTS key field`
pub(crate) fn hexists(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let field = read_field(call, call.arg(2))?;
    reply.integer(i64::from(field.is_some()));
    Ok(())
}

/// `HGETALL key`
pub(crate) fn hgetall(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (hash, now_ms) = (read(call)?, call.now_ms());
    reply.map(hash.map_or(0, |hash| hash.live_len(now_ms)));
    for field in hash.into_iter().flat_map(|hash| hash.live(now_ms)) {
        reply.bulk(&*field.name.text());
        reply.bulk(&*field.value.text());
    }
    Ok(())
}

/// `HKEYS key`
pub(crate) fn hkeys(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    all(call, reply, |field| field.name)
}

/// `HVALS key`
pub(crate) fn hvals(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    all(call, reply, |field| field.value)
}

fn all(call: &Call<'_>, reply: &mut ReplyWriter<'_>, part: impl Fn(Field<'_>) -> Item<'_>) -> Done {
    let (hash, now_ms) = (read(call)?, call.now_ms());
    reply.array(hash.map_or(0, |hash| hash.live_len(now_ms)));
    for field in hash.into_iter().flat_map(|hash| hash.live(now_ms)) {
        reply.bulk(&*part(field).text());
    }
    Ok(())
}
