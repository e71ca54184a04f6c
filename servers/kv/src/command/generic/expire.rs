//! EXPIRE and its relatives. The one rule: inside, an expiry is a moment in milliseconds since 1970.

use crate::command::call::{Call, Done, integer};
use crate::command::error::Error;
use crate::server::notify::Notify;
use ropewalk_protocols::resp::{ReplyWriter, number};

/// What a number of time is counted in.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Seconds,
    Milliseconds,
}

/// What a number of time is counted from.
#[derive(Clone, Copy, PartialEq, Eq)]
enum From {
    Now,
    Epoch,
}

/// Under which condition an expiry is set.
#[derive(Clone, Copy, Default)]
struct Conditions {
    /// `NX`: if there is none.
    none: bool,
    /// `XX`: if there is one.
    some: bool,
    /// `GT`: if it becomes later; none is later than any.
    later: bool,
    /// `LT`: if it becomes earlier.
    earlier: bool,
}

impl Conditions {
    fn parse(options: &[&[u8]]) -> Result<Self, Error> {
        let mut these = Self::default();
        for option in options {
            match option.to_ascii_lowercase().as_slice() {
                b"nx" => these.none = true,
                b"xx" => these.some = true,
                b"gt" => these.later = true,
                b"lt" => these.earlier = true,
                _ => return Err(Error::Bytes([b"ERR Unsupported option ", *option].concat())),
            }
        }
        if these.none && (these.some || these.later || these.earlier) {
            return Err(Error::text("ERR NX and XX, GT or LT options at the same time are not compatible"));
        }
        if these.later && these.earlier {
            return Err(Error::text("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(these)
    }

    fn allow(self, before: Option<i64>, at: i64) -> bool {
        !(self.none && before.is_some()
            || self.some && before.is_none()
            || self.later && before.is_none_or(|before| at <= before)
            || self.earlier && before.is_some_and(|before| at >= before))
    }
}

/// EXPIRE key seconds [NX|XX|GT|LT].
pub(crate) fn expire(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    set(call, reply, Unit::Seconds, From::Now, "expire")
}

/// PEXPIRE key milliseconds [NX|XX|GT|LT].
pub(crate) fn pexpire(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    set(call, reply, Unit::Milliseconds, From::Now, "pexpire")
}

/// EXPIREAT key seconds-since-1970 [NX|XX|GT|LT].
pub(crate) fn expireat(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    set(call, reply, Unit::Seconds, From::Epoch, "expireat")
}

/// PEXPIREAT key milliseconds-since-1970 [NX|XX|GT|LT].
pub(crate) fn pexpireat(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    set(call, reply, Unit::Milliseconds, From::Epoch, "pexpireat")
}

fn set(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>, unit: Unit, from: From, name: &'static str) -> Done {
    let conditions = Conditions::parse(call.rest(3))?;
    let time = integer(call.arg(2))?;
    let time = if unit == Unit::Seconds { time.checked_mul(1000) } else { Some(time) };
    let base = if from == From::Now { call.now_ms() } else { 0 };
    let at = time.and_then(|time| time.checked_add(base)).ok_or(Error::InvalidExpire(name))?;

    let (key, db) = (call.key(1), call.db());
    let Some(found) = call.before_change(key) else {
        reply.integer(0);
        return Ok(());
    };
    if !conditions.allow(found.expires_at(), at) {
        reply.integer(0);
        return Ok(());
    }
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
    reply.integer(1);
    Ok(())
}

/// TTL key: seconds, rounded.
pub(crate) fn ttl(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    show(call, reply, Unit::Seconds, From::Now)
}

/// PTTL key: milliseconds.
pub(crate) fn pttl(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    show(call, reply, Unit::Milliseconds, From::Now)
}

/// EXPIRETIME key: seconds since 1970, rounded.
pub(crate) fn expiretime(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    show(call, reply, Unit::Seconds, From::Epoch)
}

/// PEXPIRETIME key: milliseconds since 1970.
pub(crate) fn pexpiretime(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    show(call, reply, Unit::Milliseconds, From::Epoch)
}

fn show(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>, unit: Unit, from: From) -> Done {
    let base = if from == From::Now { call.now_ms() } else { 0 };
    let answer = match call.look(call.key(1)).map(|found| found.expires_at()) {
        None => -2,
        Some(None) => -1,
        Some(Some(at)) => {
            let ms = at.saturating_sub(base).max(0);
            if unit == Unit::Seconds { ms.saturating_add(500) / 1000 } else { ms }
        }
    };
    reply.integer(answer);
    Ok(())
}

/// PERSIST key: it expires no more.
pub(crate) fn persist(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, db) = (call.key(1), call.db());
    let expires = call.before_change(key).is_some_and(|found| found.expires_at().is_some());
    if expires {
        call.server.database_mut(db).set_expiry(key, None);
        call.modified(key, Notify::GENERIC, "persist");
    }
    reply.integer(i64::from(expires));
    Ok(())
}
