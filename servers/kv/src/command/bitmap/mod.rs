//! Commands on the bits of strings: bit 0 is the highest of the first byte. The one rule: what lies behind the end is zero.

mod field;
mod span;
pub(crate) mod table;

pub(crate) use field::{bitfield, bitfield_ro};

use super::call::{Call, Done, StringRef};
use super::error::Error;
use super::string::lengthen;
use crate::server::notify::Notify;
use crate::store::database::{Expiry, Key};
use crate::store::value::Value;
use ropewalk_protocols::resp::{ReplyWriter, number};
use span::{Span, Unit};

/// `SETBIT key offset value`
pub(crate) fn setbit(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let key = call.key(1);
    let offset = bit_offset(call, call.arg(2))?;
    let is_on = match number::parse_integer(call.arg(3)) {
        Some(0) => false,
        Some(1) => true,
        _ => return Err(Error::text("ERR bit is not an integer or out of range")),
    };
    let (bytes, has_grown) = bytes_up_to(call, offset)?;
    let (index, mask) = (offset / 8, 0x80u8 >> (offset % 8));
    let byte = bytes.get_mut(index).expect("the string is long enough now");
    let was_on = *byte & mask != 0;
    if is_on {
        *byte |= mask;
    } else {
        *byte &= !mask;
    }
    if has_grown || was_on != is_on {
        call.modified(key, Notify::STRING, "setbit");
    }
    reply.integer(i64::from(was_on));
    Ok(())
}

/// `GETBIT key offset`
pub(crate) fn getbit(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let offset = bit_offset(call, call.arg(2))?;
    let string = call.read_string(call.key(1))?;
    let byte = string.and_then(|string| string.get(offset / 8).copied()).unwrap_or(0);
    reply.integer(i64::from(byte << (offset % 8) >> 7));
    Ok(())
}

/// The number of a bit.
fn bit_offset(call: &Call<'_>, argument: &[u8]) -> Result<usize, Error> {
    checked_bit(call, number::parse_integer(argument))
}

/// That number, if the string that has this bit may be that long.
fn checked_bit(call: &Call<'_>, offset: Option<i64>) -> Result<usize, Error> {
    let offset = offset.and_then(|offset| usize::try_from(offset).ok());
    let offset = offset.filter(|offset| offset / 8 < call.server.config.proto_max_bulk_len);
    offset.ok_or(Error::text("ERR bit offset is not an integer or out of range"))
}

/// The bytes under the first key, so many that there is this bit, and whether there are more of them now.
fn bytes_up_to<'c>(call: &'c mut Call<'_>, bit: usize) -> Result<(&'c mut Vec<u8>, bool), Error> {
    let key = call.key(1);
    if let Some(found) = call.before_change(key) {
        StringRef::of(found.view())?;
    } else {
        call.put(key, Value::Raw(Box::default()), Expiry::Never);
    }
    let bytes = call.bytes_mut(key)?.expect("a string is there, or was put there");
    let before = bytes.len();
    lengthen(bytes, bit / 8 + 1);
    let has_grown = bytes.len() > before;
    Ok((bytes, has_grown))
}

/// `BITCOUNT key [start end [BYTE | BIT]]`
pub(crate) fn bitcount(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let Some(string) = call.read_string(call.key(1))? else {
        reply.integer(0);
        return Ok(());
    };
    let span = match call.rest(2) {
        [] => Span::whole(&string),
        [_, _] | [_, _, _] => {
            let (start, end) = (call.integer(2)?, call.integer(3)?);
            if start < 0 && end < 0 && start > end {
                reply.integer(0);
                return Ok(());
            }
            let unit = call.args.get(4).map_or(Ok(Unit::Byte), |unit| Unit::parse(unit))?;
            Span::new(&string, start, end, unit)
        }
        _ => return Err(Error::Syntax),
    };
    reply.integer(span.map_or(0, |span| span.count()) as i64);
    Ok(())
}

/// `BITPOS key bit [start [end [BYTE | BIT]]]`. Where no end is given, what lies behind the string's is zero.
pub(crate) fn bitpos(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let wanted = match call.integer(2)? {
        0 => false,
        1 => true,
        _ => return Err(Error::text("ERR The bit argument must be 1 or 0.")),
    };
    let Some(string) = call.read_string(call.key(1))? else {
        reply.integer(if wanted { -1 } else { 0 });
        return Ok(());
    };
    let given = call.rest(3);
    let span = match given {
        [] => Span::whole(&string),
        [_] => Span::new(&string, call.integer(3)?, -1, Unit::Byte),
        [_, _] => Span::new(&string, call.integer(3)?, call.integer(4)?, Unit::Byte),
        [_, _, unit] => {
            let start = call.integer(3)?;
            let unit = Unit::parse(unit)?;
            Span::new(&string, start, call.integer(4)?, unit)
        }
        _ => return Err(Error::Syntax),
    };
    let position = span.and_then(|span| {
        let behind = (given.len() < 2 && !wanted).then_some(string.len() * 8);
        span.find(wanted).or(behind)
    });
    reply.integer(position.map_or(-1, |position| position as i64));
    Ok(())
}

/// What BITOP does with two bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Operation {
    And,
    Or,
    Xor,
    Not,
}

impl Operation {
    fn parse(name: &[u8]) -> Result<Self, Error> {
        match name.to_ascii_lowercase().as_slice() {
            b"and" => Ok(Self::And),
            b"or" => Ok(Self::Or),
            b"xor" => Ok(Self::Xor),
            b"not" => Ok(Self::Not),
            _ => Err(Error::Syntax),
        }
    }

    /// Take another string into the result, which is as long as the longest.
    fn apply(self, result: &mut [u8], other: &[u8]) {
        let (both, behind) = result.split_at_mut(other.len().min(result.len()));
        let pairs = both.iter_mut().zip(other);
        match self {
            Self::And => {
                pairs.for_each(|(byte, other)| *byte &= other);
                behind.fill(0);
            }
            Self::Or => pairs.for_each(|(byte, other)| *byte |= other),
            Self::Xor => pairs.for_each(|(byte, other)| *byte ^= other),
            Self::Not => result.iter_mut().for_each(|byte| *byte = !*byte),
        }
    }
}

/// `BITOP AND | OR | XOR | NOT destkey key [key ...]`
pub(crate) fn bitop(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let operation = Operation::parse(call.arg(1))?;
    let (target, sources) = (call.key(2), call.rest(3));
    if operation == Operation::Not && sources.len() != 1 {
        return Err(Error::text("ERR BITOP NOT must be called with a single source key."));
    }
    let result = combined(call, operation, sources)?;
    reply.integer(result.len() as i64);
    if !result.is_empty() {
        call.put(target, Value::Raw(Box::new(result)), Expiry::Never);
        call.modified(target, Notify::STRING, "set");
    } else if call.delete(target) {
        call.modified(target, Notify::GENERIC, "del");
    }
    Ok(())
}

fn combined(call: &Call<'_>, operation: Operation, sources: &[&[u8]]) -> Result<Vec<u8>, Error> {
    let strings = sources.iter().map(|name| call.read_string(Key::new(name)));
    let strings = strings.collect::<Result<Vec<Option<StringRef<'_>>>, Error>>()?;
    let mut strings = strings.iter().map(|string| string.as_deref().unwrap_or_default());
    let longest = strings.clone().map(<[u8]>::len).max().unwrap_or(0);
    let first = strings.next().unwrap_or_default();
    let mut result = Vec::with_capacity(longest);
    result.extend_from_slice(first);
    result.resize(longest, 0);
    if operation == Operation::Not {
        operation.apply(&mut result, &[]);
    }
    strings.for_each(|string| operation.apply(&mut result, string));
    Ok(result)
}

#[cfg(test)]
mod tests;
