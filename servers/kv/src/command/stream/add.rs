//! XADD, XTRIM, XDEL, XLEN and XSETID: what changes the entries themselves.

use super::entry::{INVALID_ID, answer_count, id, ids, is, write_id};
use crate::command::call::{Call, Done, integer};
use crate::command::error::Error;
use crate::server::notify::Notify;
use crate::store::limits::Limits;
use crate::store::stream::{AddError, NewId, SetIdError, Stream, StreamId, Trim, Until};
use ropewalk_protocols::resp::{ReplyWriter, number};

const NOT_AFTER_LAST: Error =
    Error::text("ERR The ID specified in XADD is equal or smaller than the target stream top item");
const TOO_LARGE: Error = Error::text("ERR Elements are too large to be stored");

/// What XADD is asked for in front of the fields, and XTRIM altogether.
#[derive(Debug, Default)]
struct Options {
    trim: Option<Until>,
    is_approximate: bool,
    limit: Option<u64>,
    is_no_create: bool,
    id: Option<NewId>,
}

impl Options {
    /// Read options, and for XADD the ID behind them. Returns how many arguments they take.
    fn parse(args: &[&[u8]], is_add: bool) -> Result<(Self, usize), Error> {
        let mut options = Self::default();
        let mut at = 0;
        while let Some(option) = args.get(at) {
            let rest = args.get(at + 1..).unwrap_or_default();
            at += 1;
            match rest.first() {
                _ if is_add && *option == b"*" => options.id = Some(NewId::Automatic),
                Some(_) if is(option, "maxlen") => at += options.parse_until(rest, max_length)?,
                Some(_) if is(option, "minid") => {
                    at += options.parse_until(rest, |it| id(it).map(Until::Id))?
                }
                Some(value) if is(option, "limit") => {
                    options.limit = Some(not_negative(value, "ERR The LIMIT argument must be >= 0.")?);
                    at += 1;
                }
                _ if is_add && is(option, "nomkstream") => options.is_no_create = true,
                _ if is_add => options.id = Some(NewId::parse(option).ok_or(INVALID_ID)?),
                _ => return Err(Error::Syntax),
            }
            if options.id.is_some() {
                break;
            }
        }
        options.check(is_add)?;
        Ok((options, at))
    }

    /// Read `[=|~] threshold`. Returns how many arguments it takes.
    fn parse_until(
        &mut self,
        args: &[&[u8]],
        threshold: impl Fn(&[u8]) -> Result<Until, Error>,
    ) -> Result<usize, Error> {
        if self.trim.is_some() {
            return Err(Error::text(
                "ERR syntax error, MAXLEN and MINID options at the same time are not compatible",
            ));
        }
        let (sign, value) = match args {
            [sign @ (b"~" | b"="), value, ..] => (Some(*sign), value),
            [value, ..] => (None, value),
            [] => return Err(Error::Syntax),
        };
        self.is_approximate = sign == Some(b"~");
        self.trim = Some(threshold(value)?);
        Ok(1 + usize::from(sign.is_some()))
    }

    /// Do the options go together?
    fn check(&self, is_add: bool) -> Result<(), Error> {
        let words = match self {
            Self { trim: None, limit: Some(1..), .. } => {
                "ERR syntax error, LIMIT cannot be used without specifying a trimming strategy"
            }
            Self { trim: None, .. } if !is_add => {
                "ERR syntax error, XTRIM must be called with a trimming strategy"
            }
            Self { is_approximate: false, limit: Some(_), .. } => {
                "ERR syntax error, LIMIT cannot be used without the special ~ option"
            }
            _ => return Ok(()),
        };
        Err(Error::text(words))
    }

    fn trim(&self, limits: &Limits) -> Option<Trim> {
        let until = self.trim?;
        Some(if self.is_approximate {
            Trim::roughly(until, self.limit, limits)
        } else {
            Trim::exactly(until)
        })
    }
}

fn max_length(argument: &[u8]) -> Result<Until, Error> {
    not_negative(argument, "ERR The MAXLEN argument must be >= 0.").map(Until::Length)
}

fn not_negative(argument: &[u8], otherwise: &'static str) -> Result<u64, Error> {
    u64::try_from(integer(argument)?).map_err(|_| Error::text(otherwise))
}

/// `XADD key [NOMKSTREAM] [MAXLEN | MINID [= | ~] threshold [LIMIT count]] * | id field value [field value …]`.
pub(super) fn xadd(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (options, taken) = Options::parse(call.rest(2), true)?;
    let (pairs, []) = call.rest(taken + 2).as_chunks::<2>() else { return Err(call.arity_error()) };
    let Some(new_id) = options.id.filter(|_| !pairs.is_empty()) else { return Err(call.arity_error()) };
    if new_id == NewId::Exactly(StreamId::MIN) {
        return Err(Error::text("ERR The ID specified in XADD must be greater than 0-0"));
    }
    let (key, now_ms, limits) = (call.key(1), call.now_ms(), call.limits());
    let (stream, is_new) = match call.write_as::<Stream>(key)? {
        Some(stream) => (stream, false),
        None if options.is_no_create => {
            reply.null();
            return Ok(());
        }
        None => (call.create_as::<Stream>(key)?, true),
    };
    let added = add(stream, new_id, now_ms, pairs, &limits);
    let trimmed = match options.trim(&limits).filter(|_| added.is_ok()) {
        Some(trim) => stream.trim(&trim),
        None => 0,
    };
    let id = match added {
        Ok(id) => id,
        Err(error) => {
            // Redis would leave an empty stream behind.
            if is_new {
                call.delete(key);
            }
            return Err(error);
        }
    };
    write_id(reply, id);
    call.modified(key, Notify::STREAM, "xadd");
    if trimmed > 0 {
        call.notify(Notify::STREAM, "xtrim", key);
    }
    if options.is_approximate || !matches!(new_id, NewId::Exactly(_)) {
        let until = options.trim;
        journal_trimmed(call, until, &[b"XADD", key.name], &[&[&*id.text()], pairs.as_flattened()].concat());
    }
    Ok(())
}

fn add(
    stream: &mut Stream,
    new_id: NewId,
    now_ms: i64,
    pairs: &[[&[u8]; 2]],
    limits: &Limits,
) -> Result<StreamId, Error> {
    let last_id = stream.log().last_id();
    if last_id == StreamId::MAX {
        return Err(Error::text(
            "ERR The stream has exhausted the last possible ID, unable to add more items",
        ));
    }
    let id = new_id.after(last_id, now_ms).ok_or(NOT_AFTER_LAST)?;
    let pairs = pairs.iter().map(|[field, value]| (*field, *value));
    match stream.append(id, pairs, limits) {
        Ok(()) => Ok(id),
        Err(AddError::NotAfterLast) => Err(NOT_AFTER_LAST),
        Err(AddError::TooLarge) => Err(TOO_LARGE),
    }
}

/// Note a command that trims exactly what was trimmed: how many entries go where Redis trims about depends on
/// what nodes there are.
fn journal_trimmed(call: &mut Call<'_>, until: Option<Until>, start: &[&[u8]], rest: &[&[u8]]) {
    if !call.is_journaled() {
        return;
    }
    let counters = call.peek(call.key(1)).and_then(|found| match found.view() {
        crate::store::value::View::Stream(stream) => Some(stream.log().counters()),
        _ => None,
    });
    let counters = counters.unwrap_or_default();
    let first_id = if counters.length > 0 { counters.first_id } else { StreamId::MAX };
    let (length, first_id) = (number::integer(counters.length.cast_signed()), first_id.text());
    let trim: &[&[u8]] = match until {
        Some(Until::Length(_)) => &[b"MAXLEN", b"=", &length],
        Some(Until::Id(_)) => &[b"MINID", b"=", &first_id],
        None => &[],
    };
    call.journal_instead(&[start, trim, rest].concat());
}

/// XTRIM key MAXLEN | MINID [= | ~] threshold [LIMIT count]: how many entries went.
pub(super) fn xtrim(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (options, _) = Options::parse(call.rest(2), false)?;
    let (key, limits) = (call.key(1), call.limits());
    let trimmed = match (call.write_as::<Stream>(key)?, options.trim(&limits)) {
        (Some(stream), Some(trim)) => stream.trim(&trim),
        _ => 0,
    };
    if trimmed > 0 {
        changed(call, "xtrim", trimmed);
        if options.is_approximate {
            journal_trimmed(call, options.trim, &[b"XTRIM", key.name], &[]);
        }
    }
    answer_count(reply, trimmed)
}

/// XDEL key id [id …]: how many of them were there.
pub(super) fn xdel(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, arguments) = (call.key(1), call.rest(2));
    let Some(stream) = call.write_as::<Stream>(key)? else { return answer_count(reply, 0) };
    let deleted = ids(arguments)?.into_iter().filter(|id| stream.delete(*id)).count() as u64;
    if deleted > 0 {
        changed(call, "xdel", deleted);
    }
    answer_count(reply, deleted)
}

/// The stream under the first key has lost entries.
fn changed(call: &mut Call<'_>, event: &'static str, entries: u64) {
    call.modified(call.key(1), Notify::STREAM, event);
    call.server.dirty += entries.saturating_sub(1);
}

/// XLEN key.
pub(super) fn xlen(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let length = call.read_as::<Stream>(call.key(1))?.map_or(0, |stream| stream.log().len());
    answer_count(reply, length)
}

/// XSETID key last-id [ENTRIESADDED count] [MAXDELETEDID id].
pub(super) fn xsetid(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let last_id = id(call.arg(2))?;
    let (mut entries_added, mut max_deleted_id) = (None, None);
    let (options, rest) = call.rest(3).as_chunks::<2>();
    for [option, value] in options {
        if is(option, "entriesadded") {
            entries_added = Some(not_negative(value, "ERR entries_added must be positive")?);
        } else if is(option, "maxdeletedid") {
            max_deleted_id = Some(id(value)?);
            if max_deleted_id > Some(last_id) {
                return Err(Error::text(
                    "ERR The ID specified in XSETID is smaller than the provided max_deleted_entry_id",
                ));
            }
        } else {
            return Err(Error::Syntax);
        }
    }
    if !rest.is_empty() {
        return Err(Error::Syntax);
    }
    let key = call.key(1);
    let stream = call.write_as::<Stream>(key)?.ok_or(Error::NoSuchKey)?;
    let max_deleted_id = max_deleted_id.filter(|id| *id != StreamId::MIN);
    stream.set_last_id(last_id, entries_added, max_deleted_id).map_err(|error| match error {
        SetIdError::BelowLastEntry => {
            Error::text("ERR The ID specified in XSETID is smaller than the target stream top item")
        }
        SetIdError::AddedBelowLength => {
            Error::text("ERR The entries_added specified in XSETID is smaller than the target stream length")
        }
    })?;
    reply.ok();
    call.notify(Notify::STREAM, "xsetid", key);
    call.server.dirty += 1;
    Ok(())
}
