//! Commands on keys, whatever they hold. The one rule: what a key holds is moved or copied, never looked into.

mod dump;
mod expire;
mod object;
mod rename;
pub(crate) mod table;

use super::call::{Call, Done, small_integer};
use super::error::Error;
use crate::glob;
use crate::server::keyspace::Lookup;
use crate::server::notify::Notify;
use crate::store::database::Key;
pub(crate) use dump::{dump, restore};
pub(crate) use expire::{expire, expireat, expiretime, persist, pexpire, pexpireat, pexpiretime, pttl, ttl};
pub(crate) use object::{object_encoding, object_freq, object_help, object_idletime, object_refcount};
pub(crate) use rename::{copy, r#move, rename, renamenx};
use ropewalk_protocols::resp::ReplyWriter;

/// DEL key [key …]: how many were there.
pub(crate) fn del(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let lazily = call.server.config.lazyfree_lazy_user_del;
    remove_all(call, reply, lazily)
}

/// UNLINK key [key …]: as DEL, but what is large is dropped when there is nothing better to do.
pub(crate) fn unlink(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    remove_all(call, reply, true)
}

fn remove_all(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>, lazily: bool) -> Done {
    let db = call.db();
    let mut removed = 0;
    for name in call.rest(1) {
        let key = Key::new(name);
        call.server.expire_if_due(db, key);
        if call.server.remove_dropping(db, key, lazily) {
            call.modified(key, Notify::GENERIC, "del");
            removed += 1;
        }
    }
    reply.integer(removed);
    Ok(())
}

/// EXISTS key [key …]: how many of the names are there; one that is named twice counts twice.
pub(crate) fn exists(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let is_there = |name: &&&[u8]| call.look(Key::new(name)).is_some();
    let count = call.rest(1).iter().filter(is_there).count();
    reply.integer(count as i64);
    Ok(())
}

/// TOUCH key [key …]: how many of the names are there, which are as if just used.
pub(crate) fn touch(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let is_there = |name: &&&[u8]| call.read(Key::new(name)).is_some();
    let count = call.rest(1).iter().filter(is_there).count();
    reply.integer(count as i64);
    Ok(())
}

/// TYPE key.
pub(crate) fn r#type(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let kind = call.look(call.key(1)).map(|found| found.kind().name());
    reply.simple(kind.unwrap_or("none"));
    Ok(())
}

/// KEYS pattern.
pub(crate) fn keys(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (pattern, now_ms) = (call.arg(1), call.now_ms());
    let mut count = 0;
    let open = reply.open_array();
    for found in call.server.database(call.db()).iter() {
        if !found.is_expired(now_ms) && (pattern == b"*" || glob::matches(pattern, found.name())) {
            reply.bulk(found.name());
            count += 1;
        }
    }
    reply.close(open, count);
    Ok(())
}

/// RANDOMKEY.
pub(crate) fn randomkey(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (db, now_ms) = (call.db(), call.now_ms());
    loop {
        let chosen = call.random(|random| {
            let found = call.server.database(db).random(random)?;
            Some((found.is_expired(now_ms), Box::<[u8]>::from(found.name())))
        });
        match chosen {
            Some((true, name)) => drop(call.server.expire_if_due(db, Key::new(&name))),
            Some((false, name)) => {
                reply.bulk(name);
                return Ok(());
            }
            None => {
                reply.null();
                return Ok(());
            }
        }
    }
}

/// The database that an argument names.
pub(crate) fn database_number(call: &Call<'_>, argument: &[u8]) -> Result<usize, Error> {
    let number = usize::try_from(small_integer(argument)?)
        .ok()
        .filter(|number| *number < call.server.database_count());
    number.ok_or(Error::text("ERR DB index is out of range"))
}

impl<'a> Call<'a> {
    /// Look at a key without using it: it counts as a hit or a miss all the same.
    pub(crate) fn look(&self, key: Key<'_>) -> Option<crate::store::database::Found<'_>> {
        self.server.look_up(self.db(), key, Lookup::Count)
    }
}
