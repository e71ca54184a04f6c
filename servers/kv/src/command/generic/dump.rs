//! DUMP and RESTORE: a value as bytes, and back. The one rule: what comes back was bytes in a stranger's hands.

use crate::command::call::{Call, Done, integer};
use crate::command::error::Error;
use crate::server::notify::Notify;
use crate::store::database::Expiry;
use crate::store::rdb::{self, RestoreError};
use ropewalk_protocols::resp::{ReplyWriter, number};

/// DUMP key.
pub(crate) fn dump(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    match call.read(call.key(1)) {
        Some(found) => reply.bulk(rdb::dump(found.view())),
        None => reply.null(),
    }
    Ok(())
}

/// What RESTORE is told beside the key and the payload.
#[derive(Default)]
struct Options {
    replace: bool,
    absolute: bool,
    idle_seconds: Option<i64>,
    frequency: Option<u8>,
}

impl Options {
    fn parse(mut rest: &[&[u8]]) -> Result<Self, Error> {
        let mut options = Self::default();
        while let Some((option, behind)) = rest.split_first() {
            rest = behind;
            match (option.to_ascii_lowercase().as_slice(), behind.split_first()) {
                (b"replace", _) => options.replace = true,
                (b"absttl", _) => options.absolute = true,
                (b"idletime", Some((seconds, behind))) if options.frequency.is_none() => {
                    let wrong = Error::text("ERR Invalid IDLETIME value, must be >= 0");
                    let seconds = integer(seconds)?;
                    options.idle_seconds = Some(if seconds < 0 { return Err(wrong) } else { seconds });
                    rest = behind;
                }
                (b"freq", Some((frequency, behind))) if options.idle_seconds.is_none() => {
                    let wrong = Error::text("ERR Invalid FREQ value, must be >= 0 and <= 255");
                    options.frequency = Some(u8::try_from(integer(frequency)?).map_err(|_| wrong)?);
                    rest = behind;
                }
                _ => return Err(Error::Syntax),
            }
        }
        Ok(options)
    }
}

/// `RESTORE key ttl payload [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]`.
pub(crate) fn restore(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let options = Options::parse(call.rest(4))?;
    let (key, db, now_ms) = (call.key(1), call.db(), call.now_ms());
    let was_there = call.before_change(key).is_some();
    if was_there && !options.replace {
        return Err(Error::text("BUSYKEY Target key name already exists."));
    }
    let ttl = call.integer(2)?;
    if ttl < 0 {
        return Err(Error::text("ERR Invalid TTL value, must be >= 0"));
    }
    let check = !call.server.skips_checksums;
    let value = rdb::restore(call.arg(3), check, now_ms, &call.server.config.limits).map_err(|why| {
        Error::text(match why {
            RestoreError::Footer => "ERR DUMP payload version or checksum are wrong",
            RestoreError::Corrupt => "ERR Bad data format",
        })
    })?;
    let deleted = was_there && call.delete(key);
    let at = if options.absolute { ttl } else { ttl.saturating_add(now_ms) };
    match value {
        Some(value) if ttl == 0 || at > now_ms => {
            call.put(key, value, if ttl == 0 { Expiry::Never } else { Expiry::At(at) });
            let idle = options.idle_seconds.map(|seconds| u32::try_from(seconds).unwrap_or(u32::MAX));
            let access = call.server.access_of(idle, options.frequency);
            if let Some(found) = call.server.database(db).find(key) {
                found.set_access(access);
            }
            call.modified(key, Notify::GENERIC, "restore");
            if ttl != 0 && !options.absolute {
                let at = number::integer(at);
                let rest = call.rest(3);
                call.journal_instead(&[&[b"RESTORE", key.name, &at][..], rest, &[b"ABSTTL"]].concat());
            }
        }
        _ if deleted => {
            call.modified(key, Notify::GENERIC, "del");
            call.journal_instead(&[b"DEL", key.name]);
        }
        _ => {}
    }
    reply.ok();
    Ok(())
}
