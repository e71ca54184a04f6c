//! What RDB is made of: lengths, strings and doubles. The one rule: what is read is checked against what is there
//! before anything is allocated for it.
//!
//! ```text
//! 00xxxxxx                a length below 64
//! 01xxxxxx xxxxxxxx       a length below 16384
//! 10000000 4 bytes        a length of 32 bits, big end first
//! 10000001 8 bytes        a length of 64 bits, big end first
//! 11000000 1 byte         a string that is an integer of 8 bits; 11000001 of 16, 11000010 of 32, little end first
//! 11000011 length length  a string, compressed by LZF: its length then, and now
//! ```

use super::Corrupt;
use crate::store::lzf;
use ropewalk_protocols::resp::number;
use ropewalk_protocols::wire::Reader;
use std::borrow::Cow;

/// The longest string, in bytes, that is looked at as an integer: `-2147483648` has so many.
const INTEGER_TEXT_MAX: usize = 11;

/// A string of more bytes than these is compressed if that makes it smaller.
const COMPRESS_ABOVE: usize = 20;

/// The longest string that is read, in bytes.
const STRING_BYTES_MAX: u64 = 4 << 30;

/// Append a length.
pub(super) fn put_length(out: &mut Vec<u8>, length: u64) {
    match length {
        0..=0x3f => out.push(length as u8),
        0x40..=0x3fff => out.extend_from_slice(&(0x4000 | length as u16).to_be_bytes()),
        0x4000..=0xffff_ffff => {
            out.push(0x80);
            out.extend_from_slice(&(length as u32).to_be_bytes());
        }
        _ => {
            out.push(0x81);
            out.extend_from_slice(&length.to_be_bytes());
        }
    }
}

/// Append a string of bytes: as an integer or compressed, where that is shorter.
pub(super) fn put_string(out: &mut Vec<u8>, text: &[u8]) {
    if text.len() <= INTEGER_TEXT_MAX
        && let Some(integer) = number::parse_integer(text)
        && put_small_integer(out, integer)
    {
        return;
    }
    if text.len() > COMPRESS_ABOVE
        && let Some(compressed) = lzf::compress(text, text.len() - 4)
    {
        out.push(0xc3);
        put_length(out, compressed.len() as u64);
        put_length(out, text.len() as u64);
        return out.extend_from_slice(&compressed);
    }
    put_length(out, text.len() as u64);
    out.extend_from_slice(text);
}

/// Append an integer as a string.
pub(super) fn put_integer(out: &mut Vec<u8>, integer: i64) {
    if !put_small_integer(out, integer) {
        let text = number::integer(integer);
        put_length(out, text.len() as u64);
        out.extend_from_slice(&text);
    }
}

/// Returns whether it is small enough, and was appended.
fn put_small_integer(out: &mut Vec<u8>, integer: i64) -> bool {
    if let Ok(small) = i8::try_from(integer) {
        out.push(0xc0);
        out.extend_from_slice(&small.to_le_bytes());
    } else if let Ok(small) = i16::try_from(integer) {
        out.push(0xc1);
        out.extend_from_slice(&small.to_le_bytes());
    } else if let Ok(small) = i32::try_from(integer) {
        out.push(0xc2);
        out.extend_from_slice(&small.to_le_bytes());
    } else {
        return false;
    }
    true
}

/// Append a double as eight bytes.
pub(super) fn put_double(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(&value.to_le_bytes());
}

/// A length, or how a string is stored that has none.
enum Length {
    Plain(u64),
    Special(u8),
}

fn take_header(input: &mut Reader<'_>) -> Result<Length, Corrupt> {
    let first = input.u8()?;
    let low = first & 0x3f;
    Ok(match first >> 6 {
        0 => Length::Plain(u64::from(low)),
        1 => Length::Plain(u64::from(low) << 8 | u64::from(input.u8()?)),
        2 if first == 0x80 => Length::Plain(u64::from(input.u32()?)),
        2 if first == 0x81 => Length::Plain(input.u64()?),
        3 => Length::Special(low),
        _ => return Err(Corrupt),
    })
}

/// A length, of whatever is counted.
pub(super) fn take_length(input: &mut Reader<'_>) -> Result<u64, Corrupt> {
    match take_header(input)? {
        Length::Plain(length) => Ok(length),
        Length::Special(_) => Err(Corrupt),
    }
}

/// A number of things that follow, each of which takes a byte at least.
pub(super) fn take_count(input: &mut Reader<'_>) -> Result<usize, Corrupt> {
    let count = usize::try_from(take_length(input)?).map_err(|_| Corrupt)?;
    if count > input.remaining() { Err(Corrupt) } else { Ok(count) }
}

/// A string, however it is stored.
pub(super) fn take_string<'a>(input: &mut Reader<'a>) -> Result<Cow<'a, [u8]>, Corrupt> {
    let integer = |integer: i64| Ok(Cow::Owned(number::integer(integer).to_vec()));
    match take_header(input)? {
        Length::Plain(length) => {
            Ok(Cow::Borrowed(input.take(usize::try_from(length).map_err(|_| Corrupt)?)?))
        }
        Length::Special(0) => integer(i64::from(i8::from_le_bytes(input.array()?))),
        Length::Special(1) => integer(i64::from(i16::from_le_bytes(input.array()?))),
        Length::Special(2) => integer(i64::from(i32::from_le_bytes(input.array()?))),
        Length::Special(3) => {
            let (compressed, length) = (take_length(input)?, take_length(input)?);
            let compressed = input.take(usize::try_from(compressed).map_err(|_| Corrupt)?)?;
            // What is compressed best are runs, of which three bytes make 264.
            if length > STRING_BYTES_MAX || length / 264 > compressed.len() as u64 {
                return Err(Corrupt);
            }
            Ok(Cow::Owned(lzf::decompress(compressed, length as usize).ok_or(Corrupt)?))
        }
        Length::Special(_) => Err(Corrupt),
    }
}

/// A double of eight bytes.
pub(super) fn take_double(input: &mut Reader<'_>) -> Result<f64, Corrupt> {
    Ok(f64::from_le_bytes(input.array()?))
}

/// A double as text behind its length, as files of Redis before 4.0 have it.
pub(super) fn take_text_double(input: &mut Reader<'_>) -> Result<f64, Corrupt> {
    match input.u8()? {
        255 => Ok(f64::NEG_INFINITY),
        254 => Ok(f64::INFINITY),
        253 => Ok(f64::NAN),
        length => {
            let text = str::from_utf8(input.take(usize::from(length))?).map_err(|_| Corrupt)?;
            text.parse().map_err(|_| Corrupt)
        }
    }
}
