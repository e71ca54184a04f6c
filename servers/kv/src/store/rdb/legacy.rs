//! What Redis before 7.0 packed small collections in: ziplists and zipmaps. The one rule: they are only read, once,
//! into their elements.
//!
//! ```text
//! ziplist:  bytes: 4 │ offset of the last: 4 │ count: 2 │ entries │ 255
//!   entry:  length of the one before: 1 or 5 │ encoding: 1, 2 or 5 │ text or integer
//! zipmap:   count: 1 │ ( length: 1 or 5 │ name │ length: 1 or 5 │ free: 1 │ value │ free bytes )… │ 255
//! ```

use super::Corrupt;
use ropewalk_protocols::resp::number;
use ropewalk_protocols::wire::Reader;

/// What ends both.
const END: u8 = 255;

/// Instead of a length of one byte: four bytes of it follow.
const LONG: u8 = 254;

/// The elements of a ziplist.
pub(super) fn ziplist(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Corrupt> {
    let mut input = Reader::whole(bytes);
    let (total, _last, count) = (input.u32_le()?, input.u32_le()?, input.u16_le()?);
    if usize::try_from(total).ok() != Some(bytes.len()) {
        return Err(Corrupt);
    }
    let mut elements = Vec::new();
    let mut before = 0;
    loop {
        let start = input.position();
        let first = input.u8()?;
        if first == END {
            break;
        }
        let length_before = if first == LONG { input.u32_le()? as usize } else { usize::from(first) };
        if length_before != before {
            return Err(Corrupt);
        }
        elements.push(ziplist_entry(&mut input)?);
        before = input.position() - start;
    }
    let counted = count == u16::MAX || usize::from(count) == elements.len();
    if input.is_empty() && counted { Ok(elements) } else { Err(Corrupt) }
}

fn ziplist_entry(input: &mut Reader<'_>) -> Result<Vec<u8>, Corrupt> {
    let encoding = input.u8()?;
    let length = match encoding >> 6 {
        0 => usize::from(encoding & 0x3f),
        1 => usize::from(encoding & 0x3f) << 8 | usize::from(input.u8()?),
        2 => input.u32()? as usize,
        _ => return Ok(number::integer(ziplist_integer(encoding, input)?).to_vec()),
    };
    Ok(input.take(length)?.to_vec())
}

fn ziplist_integer(encoding: u8, input: &mut Reader<'_>) -> Result<i64, Corrupt> {
    Ok(match encoding {
        0xc0 => i64::from(i16::from_le_bytes(input.array()?)),
        0xd0 => i64::from(i32::from_le_bytes(input.array()?)),
        0xe0 => i64::from_le_bytes(input.array()?),
        0xf0 => {
            let [low, middle, high] = input.array()?;
            i64::from(i32::from_le_bytes([0, low, middle, high]) >> 8)
        }
        0xfe => i64::from(i8::from_le_bytes(input.array()?)),
        0xf1..=0xfd => i64::from(encoding & 0x0f) - 1,
        _ => return Err(Corrupt),
    })
}

/// The names and values of a zipmap, by turns.
pub(super) fn zipmap(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Corrupt> {
    let mut input = Reader::whole(bytes);
    let count = input.u8()?;
    let mut elements = Vec::new();
    while let Some(length) = zipmap_length(&mut input)? {
        elements.push(input.take(length)?.to_vec());
        let length = zipmap_length(&mut input)?.ok_or(Corrupt)?;
        let free = usize::from(input.u8()?);
        elements.push(input.take(length)?.to_vec());
        input.take(free)?;
    }
    let counted = count >= LONG || usize::from(count) == elements.len() / 2;
    if input.is_empty() && counted { Ok(elements) } else { Err(Corrupt) }
}

/// A length; none at the end.
fn zipmap_length(input: &mut Reader<'_>) -> Result<Option<usize>, Corrupt> {
    Ok(match input.u8()? {
        END => None,
        LONG => Some(input.u32_le()? as usize),
        length => Some(usize::from(length)),
    })
}
