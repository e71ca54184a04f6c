//! A key under another name, or in another database. The one rule: what it holds goes with its expiry.

use super::database_number;
use crate::command::call::{Call, Done};
use crate::command::error::Error;
use crate::server::notify::Notify;
use crate::store::database::{Expiry, Found, Key};
use crate::store::value::Value;
use ropewalk_protocols::resp::ReplyWriter;

/// When a key expires, as its copy is told.
fn expiry(found: Found<'_>) -> Expiry {
    found.expires_at().map_or(Expiry::Never, Expiry::At)
}

/// RENAME key newkey; what newkey held is dropped.
pub(crate) fn rename(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    give_name(call, true)?;
    reply.ok();
    Ok(())
}

/// RENAMENX key newkey: whether newkey was free.
pub(crate) fn renamenx(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let renamed = give_name(call, false)?;
    reply.integer(i64::from(renamed));
    Ok(())
}

/// Returns whether the key has the new name now.
fn give_name(call: &mut Call<'_>, replace: bool) -> Result<bool, Error> {
    let (from, to, db) = (call.key(1), call.key(2), call.db());
    let expiry = call.before_change(from).map(expiry).ok_or(Error::NoSuchKey)?;
    if from.name == to.name {
        return Ok(replace);
    }
    if call.before_change(to).is_some() {
        if !replace {
            return Ok(false);
        }
        let lazily = call.server.config.lazyfree_lazy_server_del;
        call.server.remove_dropping(db, to, lazily);
    }
    if let Some(value) = call.server.database_mut(db).remove(from) {
        call.put(to, value, expiry);
    }
    call.touched(from);
    call.notify(Notify::GENERIC, "rename_from", from);
    call.modified(to, Notify::GENERIC, "rename_to");
    Ok(true)
}

/// MOVE key db: whether it was there, and its name free in the other database.
pub(crate) fn r#move(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, from) = (call.key(1), call.db());
    let to = database_number(call, call.arg(2))?;
    if to == from {
        return Err(Error::text("ERR source and destination objects are the same"));
    }
    let Some(expiry) = call.before_change(key).map(expiry) else {
        reply.integer(0);
        return Ok(());
    };
    call.server.expire_if_due(to, key);
    if call.server.database(to).find(key).is_some() {
        reply.integer(0);
        return Ok(());
    }
    if let Some(value) = call.server.database_mut(from).remove(key) {
        call.server.insert(to, key, value, expiry);
    }
    call.modified(key, Notify::GENERIC, "move_from");
    call.server.touched(to, key, Some(call.client));
    call.server.notify(to, Notify::GENERIC, "move_to", key.name);
    reply.integer(1);
    Ok(())
}

/// What COPY is told beside the keys.
struct CopyOptions {
    to: usize,
    replace: bool,
}

impl CopyOptions {
    fn parse(call: &Call<'_>) -> Result<Self, Error> {
        let mut options = Self { to: call.db(), replace: false };
        let mut rest = call.rest(3);
        while let Some((option, behind)) = rest.split_first() {
            rest = if option.eq_ignore_ascii_case(b"replace") {
                options.replace = true;
                behind
            } else if option.eq_ignore_ascii_case(b"db")
                && let Some((number, behind)) = behind.split_first()
            {
                options.to = database_number(call, number)?;
                behind
            } else {
                return Err(Error::Syntax);
            };
        }
        Ok(options)
    }
}

/// `COPY source destination [DB number] [REPLACE]`: whether it was there, and the other name free.
pub(crate) fn copy(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let options = CopyOptions::parse(call)?;
    let (from, to) = (call.key(1), Key::new(call.arg(2)));
    if options.to == call.db() && from.name == to.name {
        return Err(Error::text("ERR source and destination objects are the same"));
    }
    let Some((value, expiry)) = call.read(from).map(|found| (found.value(), expiry(found))) else {
        reply.integer(0);
        return Ok(());
    };
    let copied = put_copy(call, &options, to, value, expiry);
    reply.integer(i64::from(copied));
    Ok(())
}

fn put_copy(call: &mut Call<'_>, options: &CopyOptions, to: Key<'_>, value: Value, expiry: Expiry) -> bool {
    let db = options.to;
    call.server.expire_if_due(db, to);
    let is_taken = call.server.database(db).find(to).is_some();
    if is_taken && !options.replace {
        return false;
    }
    if is_taken {
        call.server.delete(db, to);
    }
    call.server.insert(db, to, value, expiry);
    call.server.touched(db, to, Some(call.client));
    call.server.notify(db, Notify::GENERIC, "copy_to", to.name);
    call.server.dirty += 1;
    true
}
