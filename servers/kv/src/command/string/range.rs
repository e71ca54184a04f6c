//! Parts of strings. The one rule: no string becomes longer than `proto-max-bulk-len`.

use crate::command::call::{Call, Done, StringRef};
use crate::command::error::Error;
use crate::server::notify::Notify;
use crate::store::database::Expiry;
use crate::store::value::Value;
use ropewalk_protocols::resp::ReplyWriter;
use std::ops::Range;

/// `STRLEN key`
pub(crate) fn strlen(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let string = call.read_string(call.key(1))?;
    reply_length(reply, string.map_or(0, |string| string.len()));
    Ok(())
}

/// `APPEND key value`
pub(crate) fn append(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, more) = (call.key(1), call.arg(2));
    let length = match length_before(call)? {
        None => {
            call.set_string(key, more, Expiry::Never);
            more.len()
        }
        Some(before) => {
            let length = checked_length(call, before, more.len())?;
            if let Some(bytes) = call.bytes_mut(key)? {
                make_room(bytes, length);
                bytes.extend_from_slice(more);
            }
            length
        }
    };
    call.modified(key, Notify::STRING, "append");
    reply_length(reply, length);
    Ok(())
}

/// `SETRANGE key offset value`: zeros stand where nothing stood before.
pub(crate) fn setrange(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, value) = (call.key(1), call.arg(3));
    let offset = call.integer(2)?;
    let offset = usize::try_from(offset).map_err(|_| Error::text("ERR offset is out of range"))?;
    let before = length_before(call)?;
    if value.is_empty() {
        reply_length(reply, before.unwrap_or(0));
        return Ok(());
    }
    let end = checked_length(call, offset, value.len())?;
    if before.is_none() {
        call.put(key, Value::Raw(Box::default()), Expiry::Never);
    }
    let mut length = end;
    if let Some(bytes) = call.bytes_mut(key)? {
        lengthen(bytes, end);
        bytes.get_mut(offset..end).expect("it is that long now").copy_from_slice(value);
        length = bytes.len();
    }
    call.modified(key, Notify::STRING, "setrange");
    reply_length(reply, length);
    Ok(())
}

/// `GETRANGE key start end`, both included, negative from the end.
pub(crate) fn getrange(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (start, end) = (call.integer(2)?, call.integer(3)?);
    let string = call.read_string(call.key(1))?.unwrap_or(StringRef::Bytes(&[]));
    let is_backwards = start < 0 && end < 0 && start > end;
    let range = clamped(start, end, string.len()).filter(|_| !is_backwards);
    reply.bulk(range.and_then(|range| string.get(range)).unwrap_or_default());
    Ok(())
}

/// `SUBSTR key start end`: GETRANGE's older name.
pub(crate) fn substr(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    getrange(call, reply)
}

/// What two indexes mean where there is so much, the second included and negative ones from the end; none if that is
/// nothing.
pub(in crate::command) fn clamped(start: i64, end: i64, length: usize) -> Option<Range<usize>> {
    let length = i64::try_from(length).ok()?;
    let from_front = |index: i64| if index < 0 { index.saturating_add(length).max(0) } else { index };
    let (start, end) = (from_front(start), from_front(end).min(length.saturating_sub(1)));
    let (start, end) = (usize::try_from(start).ok()?, usize::try_from(end).ok()?);
    (start <= end).then(|| start..end.saturating_add(1))
}

/// How long the string under the first key is, which is going to be changed; none if there is none.
fn length_before(call: &mut Call<'_>) -> Result<Option<usize>, Error> {
    let found = call.before_change(call.key(1));
    found.map(|found| StringRef::of(found.view()).map(|string| string.len())).transpose()
}

/// The length of two parts together, if that is allowed.
fn checked_length(call: &Call<'_>, one: usize, other: usize) -> Result<usize, Error> {
    let length = one.checked_add(other).filter(|length| *length <= call.server.config.proto_max_bulk_len);
    length.ok_or(Error::StringTooLong)
}

/// Append zeros up to this length.
pub(in crate::command) fn lengthen(bytes: &mut Vec<u8>, length: usize) {
    if length > bytes.len() {
        make_room(bytes, length);
        bytes.resize(length, 0);
    }
}

/// Have room for so many bytes; and, so that appending again and again takes linear time, for as many once more, but not for
/// more than a mebibyte.
fn make_room(bytes: &mut Vec<u8>, length: usize) {
    const SPARE_MAX: usize = 1 << 20;
    if length > bytes.capacity() {
        let room = length.saturating_add(length.min(SPARE_MAX));
        bytes.reserve_exact(room.saturating_sub(bytes.len()));
    }
}

fn reply_length(reply: &mut ReplyWriter<'_>, length: usize) {
    reply.integer(i64::try_from(length).unwrap_or(i64::MAX));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_are_cut_to_the_string() {
        for (start, end, length, expected) in [
            (0, 3, 11, Some(0..4)),
            (0, -1, 11, Some(0..11)),
            (-4, -1, 11, Some(7..11)),
            (5, 3, 11, None),
            (5, 5000, 11, Some(5..11)),
            (-5000, 10000, 11, Some(0..11)),
            (0, -1, 0, None),
            (-1, -5, 11, None),
            (-20, -50, 11, Some(0..1)),
            (-100, -50, 11, Some(0..1)),
            (i64::MIN, i64::MAX, 4, Some(0..4)),
            (i64::MAX, i64::MIN, 4, None),
            (0, 4_294_967_297, 3, Some(0..3)),
            (3, 3, 3, None),
        ] {
            assert_eq!(clamped(start, end, length), expected, "{start} {end} {length}");
        }
    }

    #[test]
    fn room_doubles_up_to_a_mebibyte() {
        let mut bytes = vec![1; 10];
        lengthen(&mut bytes, 100);
        assert_eq!((bytes.len(), bytes.capacity(), bytes[9], bytes[10]), (100, 200, 1, 0));
        lengthen(&mut bytes, 3 << 20);
        assert_eq!(bytes.capacity(), 4 << 20);
        lengthen(&mut bytes, 1);
        assert_eq!(bytes.len(), 3 << 20);
    }
}
