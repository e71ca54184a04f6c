//! SCAN, SSCAN, HSCAN and ZSCAN: a page at a time, of whatever is there. The one rule: what is there from the
//! first page to the last is on one of them, and no page costs more than ten times what was asked for.

use super::call::{Call, Done, integer};
use super::error::Error;
use crate::glob;
use crate::store::database::Key;
use crate::store::hash::Hash;
use crate::store::set::Set;
use crate::store::value::Collection;
use crate::store::zset::Zset;
use bytes::BytesMut;
use ropewalk_protocols::resp::ReplyWriter;

/// How many elements a page has, if nobody says.
const COUNT: usize = 10;
/// How many places are looked at for each element wanted, where many are empty.
const PLACES_AN_ELEMENT: usize = 10;

/// What a page is to hold.
struct Options<'a> {
    /// About how many elements.
    count: usize,
    /// Which ones; all, if there is none.
    pattern: Option<&'a [u8]>,
    /// Of which type, where there are several.
    kind: Option<&'a [u8]>,
}

impl<'a> Options<'a> {
    /// The options from this argument on.
    fn parse(call: &Call<'a>, index: usize, has_kinds: bool) -> Result<Self, Error> {
        let mut parsed = Self { count: COUNT, pattern: None, kind: None };
        let mut options = call.rest(index);
        while let [name, value, rest @ ..] = options {
            if name.eq_ignore_ascii_case(b"count") {
                let count = integer(value)?;
                parsed.count = usize::try_from(count).ok().filter(|count| *count > 0).ok_or(Error::Syntax)?;
            } else if name.eq_ignore_ascii_case(b"match") {
                parsed.pattern = (*value != b"*").then_some(*value);
            } else if has_kinds && name.eq_ignore_ascii_case(b"type") {
                parsed.kind = Some(value);
            } else {
                return Err(Error::Syntax);
            }
            options = rest;
        }
        if options.is_empty() { Ok(parsed) } else { Err(Error::Syntax) }
    }

    fn admits(&self, name: &[u8]) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, name))
    }

    /// Go from place to place until there are enough elements. `step` writes those of one place, and returns the next
    /// cursor and how many elements there were.
    fn page(&self, cursor: u64, mut step: impl FnMut(u64) -> (u64, usize)) -> u64 {
        let (mut cursor, mut seen) = (cursor, 0usize);
        for _ in 0..=self.count.saturating_mul(PLACES_AN_ELEMENT) {
            let (next, more) = step(cursor);
            (cursor, seen) = (next, seen.saturating_add(more));
            if cursor == 0 || seen >= self.count {
                break;
            }
        }
        cursor
    }
}

/// The elements of a page: how many there are is known when all are written, and where to go on too.
struct Page {
    elements: BytesMut,
    length: usize,
}

impl Page {
    fn new() -> Self {
        Self { elements: BytesMut::new(), length: 0 }
    }

    fn push(&mut self, element: &[u8], reply: &ReplyWriter<'_>) {
        ReplyWriter::new(&mut self.elements, reply.version()).bulk(element);
        self.length = self.length.saturating_add(1);
    }

    fn write(&self, cursor: u64, reply: &mut ReplyWriter<'_>) {
        reply.array(2);
        reply.bulk(itoa::Buffer::new().format(cursor));
        reply.array(self.length);
        reply.encoded(&self.elements);
    }
}

/// The cursor that an argument is, as C's `strtoul` reads it: with a sign, which turns it round, and up to a NUL.
fn cursor(argument: &[u8]) -> Result<u64, Error> {
    let invalid = Error::text("ERR invalid cursor");
    let text = argument.split(|byte| *byte == 0).next().unwrap_or_default();
    let (negative, digits) = match text {
        [] => return Ok(0),
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] => (false, digits),
        digits => (false, digits),
    };
    let number = digits.iter().try_fold(0u64, |number, byte| match byte {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u64::from(byte & 0x0f)),
        _ => None,
    });
    let number = number.filter(|_| !digits.is_empty()).ok_or(invalid)?;
    Ok(if negative { number.wrapping_neg() } else { number })
}

/// `SCAN cursor [MATCH pattern] [COUNT count] [TYPE type]`
pub(crate) fn scan(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let cursor = cursor(call.arg(1))?;
    let options = Options::parse(call, 2, true)?;
    let (now_ms, database) = (call.now_ms(), call.server.database(call.db()));
    let (mut page, mut expired) = (Page::new(), Vec::new());
    let is_of_kind =
        |kind: &str| options.kind.is_none_or(|wanted| wanted.eq_ignore_ascii_case(kind.as_bytes()));
    let cursor = options.page(cursor, |cursor| {
        let mut seen = 0usize;
        let next = database.scan(cursor, |found| {
            seen = seen.saturating_add(1);
            let name = found.name();
            if options.admits(name) && is_of_kind(found.kind().name()) {
                if found.is_expired(now_ms) {
                    expired.push(name.to_vec());
                } else {
                    page.push(name, reply);
                }
            }
        });
        (next, seen)
    });
    let db = call.db();
    for name in expired {
        call.server.expire_if_due(db, Key::new(&name));
    }
    page.write(cursor, reply);
    Ok(())
}

/// `SSCAN key cursor [MATCH pattern] [COUNT count]`
pub(crate) fn sscan(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    scan_elements(call, reply, |set: &Set, cursor, options, page, reply| {
        let mut seen = 0usize;
        let next = set.scan(cursor, |member| {
            let member = member.text();
            seen = seen.saturating_add(1);
            if options.admits(&member) {
                page.push(&member, reply);
            }
        });
        (next, seen)
    })
}

/// `HSCAN key cursor [MATCH pattern] [COUNT count]`
pub(crate) fn hscan(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let now_ms = call.now_ms();
    scan_elements(call, reply, |hash: &Hash, cursor, options, page, reply| {
        let mut seen = 0usize;
        let next = hash.scan(cursor, now_ms, |field| {
            let name = field.name.text();
            seen = seen.saturating_add(1);
            if options.admits(&name) {
                page.push(&name, reply);
                page.push(&field.value.text(), reply);
            }
        });
        (next, seen)
    })
}

/// `ZSCAN key cursor [MATCH pattern] [COUNT count]`
pub(crate) fn zscan(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    scan_elements(call, reply, |zset: &Zset, cursor, options, page, reply| {
        let mut seen = 0usize;
        let next = zset.scan(cursor, |member, score| {
            seen = seen.saturating_add(1);
            if options.admits(member) {
                page.push(member, reply);
                page.push(&score, reply);
            }
        });
        (next, seen)
    })
}

/// A page of the collection under the first key. `step` writes what is at a cursor, and returns the next one and how
/// many elements there were.
fn scan_elements<C: Collection>(
    call: &Call<'_>,
    reply: &mut ReplyWriter<'_>,
    step: impl Fn(&C, u64, &Options<'_>, &mut Page, &ReplyWriter<'_>) -> (u64, usize),
) -> Done {
    let cursor = cursor(call.arg(2))?;
    let mut page = Page::new();
    let mut next = 0;
    if let Some(collection) = call.read_as::<C>(call.key(1))? {
        let options = Options::parse(call, 3, false)?;
        next = options.page(cursor, |cursor| step(collection, cursor, &options, &mut page, reply));
    }
    page.write(next, reply);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_read_as_strtoul_reads_it() {
        for (text, number) in [
            ("", 0),
            ("0", 0),
            ("010", 10),
            ("+7", 7),
            ("-1", u64::MAX),
            ("18446744073709551615", u64::MAX),
            ("5\0x", 5),
        ] {
            assert_eq!(cursor(text.as_bytes()), Ok(number), "{text}");
        }
        for text in ["a", "1a", " 1", "1 ", "-", "+", "--1", "0x10", "18446744073709551616"] {
            assert!(cursor(text.as_bytes()).is_err(), "{text}");
        }
    }
}
