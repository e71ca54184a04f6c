//! Fields that expire, as since Redis 7.4. The one rule: each field is answered for, in the order in which
//! they were named.

use super::read;
use crate::command::call::{Call, Done, integer};
use crate::command::error::Error;
use crate::server::notify::Notify;
use crate::store::hash::{Field, Hash};
use ropewalk_protocols::resp::{ReplyWriter, number};

/// There is no such field.
const NO_FIELD: i64 = -2;
/// The field does not expire.
const NO_EXPIRY: i64 = -1;
/// The condition is not met.
const NOT_MET: i64 = 0;
/// Done.
const CHANGED: i64 = 1;
/// The time is not in the future, and the field was deleted at once.
const DELETED: i64 = 2;

/// The last time that a field can expire at, in milliseconds since 1970: what Redis has 46 bits for.
const TIME_MAX_MS: i64 = (1 << 46) - 1;
const MS_A_SECOND: i64 = 1000;

/// How a time is given, or wanted.
#[derive(Clone, Copy)]
struct Form {
    /// From now on; else since 1970.
    relative: bool,
    /// In seconds; else in milliseconds.
    seconds: bool,
}

/// When an expiry is set.
#[derive(Clone, Copy, PartialEq)]
enum Condition {
    /// Always.
    Always,
    /// NX: if there is none.
    None,
    /// XX: if there is one.
    Some,
    /// GT: if it comes later. None comes last of all.
    Later,
    /// LT: if it comes earlier.
    Earlier,
}

impl Condition {
    fn parse(word: &[u8]) -> Self {
        match word.to_ascii_lowercase().as_slice() {
            b"nx" => Self::None,
            b"xx" => Self::Some,
            b"gt" => Self::Later,
            b"lt" => Self::Earlier,
            _ => Self::Always,
        }
    }

    fn is_met(self, before: Option<i64>, at: i64) -> bool {
        match self {
            Self::Always => true,
            Self::None => before.is_none(),
            Self::Some => before.is_some(),
            Self::Later => before.is_some_and(|before| at > before),
            Self::Earlier => before.is_none_or(|before| at < before),
        }
    }
}

/// `HEXPIRE key seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]`
pub(crate) fn hexpire(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    set(call, reply, Form { relative: true, seconds: true }, "hexpire")
}

/// `HPEXPIRE key milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]`
pub(crate) fn hpexpire(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    set(call, reply, Form { relative: true, seconds: false }, "hpexpire")
}

/// `HEXPIREAT key unix-time-seconds [NX | XX | GT | LT] FIELDS numfields field [field ...]`
pub(crate) fn hexpireat(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    set(call, reply, Form { relative: false, seconds: true }, "hexpireat")
}

/// `HPEXPIREAT key unix-time-milliseconds [NX | XX | GT | LT] FIELDS numfields field [field ...]`
pub(crate) fn hpexpireat(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    set(call, reply, Form { relative: false, seconds: false }, "hpexpireat")
}

/// `HTTL key FIELDS numfields field [field ...]`
pub(crate) fn httl(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    show(call, reply, Form { relative: true, seconds: true })
}

/// `HPTTL key FIELDS numfields field [field ...]`
pub(crate) fn hpttl(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    show(call, reply, Form { relative: true, seconds: false })
}

/// `HEXPIRETIME key FIELDS numfields field [field ...]`
pub(crate) fn hexpiretime(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    show(call, reply, Form { relative: false, seconds: true })
}

/// `HPEXPIRETIME key FIELDS numfields field [field ...]`
pub(crate) fn hpexpiretime(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    show(call, reply, Form { relative: false, seconds: false })
}

/// What to set.
struct Expiry<'a> {
    at: i64,
    condition: Condition,
    fields: &'a [&'a [u8]],
}

impl<'a> Expiry<'a> {
    fn parse(call: &Call<'a>, form: Form, command: &'static str) -> Result<Self, Error> {
        let at = time(call.integer(2)?, form, call.now_ms()).map_err(|wrong| match wrong {
            WrongTime::Negative => Error::text("ERR invalid expire time, must be >= 0"),
            WrongTime::Late => Error::InvalidExpire(command),
        })?;
        let condition = Condition::parse(call.arg(3));
        let behind = if condition == Condition::Always { 3 } else { 4 };
        let few = Error::text("ERR Parameter `numFields` should be greater than 0");
        Ok(Self { at, condition, fields: fields(call, behind, few)? })
    }

    /// Set it for one field, and say how that went.
    fn apply(&self, hash: &mut Hash, name: &[u8], now_ms: i64) -> i64 {
        let Some(Field { expires_at, .. }) = hash.get(name, now_ms) else { return NO_FIELD };
        if !self.condition.is_met(expires_at, self.at) {
            NOT_MET
        } else if self.at <= now_ms {
            hash.remove(name);
            DELETED
        } else {
            hash.set_expiry(name, Some(self.at));
            CHANGED
        }
    }
}

/// Why a time is none for a field to expire at.
enum WrongTime {
    Negative,
    Late,
}

/// The time since 1970, in milliseconds.
fn time(time: i64, form: Form, now_ms: i64) -> Result<i64, WrongTime> {
    if time < 0 {
        return Err(WrongTime::Negative);
    }
    let time = if form.seconds { time.saturating_mul(MS_A_SECOND) } else { time };
    let time = if form.relative { time.saturating_add(now_ms) } else { time };
    if time > TIME_MAX_MS { Err(WrongTime::Late) } else { Ok(time) }
}

/// `FIELDS numfields field [field ...]` from this argument on, to the last.
fn fields<'a>(call: &Call<'a>, index: usize, few: Error) -> Result<&'a [&'a [u8]], Error> {
    let (word, count, fields) = match call.rest(index) {
        [word, count, fields @ ..] => (*word, *count, fields),
        _ => (&[][..], &[][..], &[][..]),
    };
    if !word.eq_ignore_ascii_case(b"fields") {
        return Err(Error::text("ERR Mandatory argument FIELDS is missing or not at the right position"));
    }
    let count = integer(count).ok().filter(|count| *count > 0).ok_or(few)?;
    if usize::try_from(count) == Ok(fields.len()) {
        Ok(fields)
    } else {
        Err(Error::text("ERR The `numfields` parameter must match the number of arguments"))
    }
}

/// Set the expiry of fields.
fn set(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>, form: Form, command: &'static str) -> Done {
    let (key, now_ms) = (call.key(1), call.now_ms());
    call.write_as::<Hash>(key)?;
    let expiry = Expiry::parse(call, form, command)?;
    reply.array(expiry.fields.len());
    let Some(hash) = call.write_as::<Hash>(key)? else {
        expiry.fields.iter().for_each(|_| reply.integer(NO_FIELD));
        return Ok(());
    };
    // All that are changed are changed alike, because they are given the same time.
    let mut changed = Vec::new();
    for name in expiry.fields {
        let outcome = expiry.apply(hash, name, now_ms);
        if matches!(outcome, CHANGED | DELETED) {
            changed.push(*name);
        }
        reply.integer(outcome);
    }
    if changed.is_empty() {
        return Ok(());
    }
    if expiry.at <= now_ms {
        call.journal_instead(&[&[b"HDEL", key.name], &changed[..]].concat());
        call.modified(key, Notify::HASH, "hdel");
        call.delete_if_empty::<Hash>(key);
    } else {
        let (at, count) = (number::integer(expiry.at), number::integer(changed.len() as i64));
        let head: [&[u8]; 5] = [b"HPEXPIREAT", key.name, &at, b"FIELDS", &count];
        call.journal_instead(&[&head, &changed[..]].concat());
        let db = call.db();
        call.server.database_mut(db).note_fields(key);
        call.modified(key, Notify::HASH, "hexpire");
    }
    Ok(())
}

/// Say when fields expire.
fn show(call: &Call<'_>, reply: &mut ReplyWriter<'_>, form: Form) -> Done {
    let (hash, now_ms) = (read(call)?, call.now_ms());
    let names = fields(call, 2, Error::text("ERR Number of fields must be a positive integer"))?;
    reply.array(names.len());
    for name in names {
        let field = hash.and_then(|hash| hash.get(name, now_ms));
        reply.integer(match field.map(|field| field.expires_at) {
            None => NO_FIELD,
            Some(None) => NO_EXPIRY,
            Some(Some(at)) => shown(at, form, now_ms),
        });
    }
    Ok(())
}

/// A time as it is wanted; of a second that has begun the whole.
fn shown(at: i64, form: Form, now_ms: i64) -> i64 {
    let time = if form.relative { at.saturating_sub(now_ms) } else { at };
    if form.seconds { time.saturating_add(MS_A_SECOND - 1) / MS_A_SECOND } else { time }
}

/// `HPERSIST key FIELDS numfields field [field ...]`
pub(crate) fn hpersist(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, now_ms) = (call.key(1), call.now_ms());
    call.write_as::<Hash>(key)?;
    let names = fields(call, 2, Error::text("ERR Number of fields must be a positive integer"))?;
    reply.array(names.len());
    let mut hash = call.write_as::<Hash>(key)?;
    let mut changed = false;
    for name in names {
        let field = hash.as_deref().and_then(|hash| hash.get(name, now_ms));
        reply.integer(match (field.map(|field| field.expires_at), &mut hash) {
            (Some(Some(_)), Some(hash)) => {
                changed |= hash.set_expiry(name, None);
                CHANGED
            }
            (Some(_), _) => NO_EXPIRY,
            (None, _) => NO_FIELD,
        });
    }
    if changed {
        call.modified(key, Notify::HASH, "hpersist");
    }
    Ok(())
}
