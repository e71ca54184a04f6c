//! LZF: what Redis compresses with, inner nodes of lists and long strings in RDB files. The one rule: unpacking
//! believes nothing, and yields exactly the length that was announced or fails.
//!
//! ```text
//!   000lllll bytes                        l + 1 bytes as they are
//!   lllooooo oooooooo                     l + 2 bytes again, from o + 1 bytes back; l is 1 to 6
//!   111ooooo llllllll oooooooo            l + 9 bytes again
//! ```
//!
//! Packing looks each three bytes up in a table of where such stood last. LZF leaves open how: hash, table, and what
//! is looked at after a repetition are those of the library that Redis has, so that a dump is the same to the byte.

use std::cell::RefCell;

/// A run of literal bytes is no longer.
const LITERALS_MAX: usize = 1 << 5;
/// What is repeated stands no farther back.
const DISTANCE_MAX: usize = 1 << 13;
/// What is repeated is no longer.
const REPEAT_MAX: usize = (1 << 8) + (1 << 3);
/// What is repeated is no shorter.
const REPEAT_MIN: usize = 3;
/// Places in the table.
const TABLE_BITS: u32 = 16;
/// Bytes that have to be free for a repetition to be written.
const REPEAT_ROOM: usize = 4;

thread_local! {
    /// What packing notes on the way, kept for the next time: clearing it would take longer than packing a short text.
    static TABLE: RefCell<Table> = const { RefCell::new(Table { places: Vec::new(), begin: 0 }) };
}

/// Where three bytes of each hash stood last.
struct Table {
    /// The position plus `begin` plus one; what is not above `begin` is from an earlier time.
    places: Vec<u32>,
    begin: u32,
}

impl Table {
    /// Forget everything, for a text of this length. None if that can't be: there are too many positions.
    fn restart(&mut self, length: usize) -> Option<()> {
        let length = u32::try_from(length).ok()?;
        // Below `begin` are those of the last time.
        match self.begin.checked_add(length).and_then(|end| end.checked_add(1)) {
            Some(_) if !self.places.is_empty() => {}
            _ => {
                self.places.clear();
                self.places.resize(1 << TABLE_BITS, 0);
                self.begin = 0;
                length.checked_add(1)?;
            }
        }
        Some(())
    }

    /// Note that these three bytes stand here. Returns where they, or others of the same hash, stood before.
    fn note(&mut self, three: [u8; REPEAT_MIN], at: usize) -> Option<usize> {
        let place = self.places.get_mut(hash(three))?;
        let mark = self.begin.wrapping_add(at as u32).wrapping_add(1);
        let before = std::mem::replace(place, mark);
        before.checked_sub(self.begin)?.checked_sub(1).map(|before| before as usize)
    }
}

/// A place in the table for three bytes.
fn hash([a, b, c]: [u8; REPEAT_MIN]) -> usize {
    let three = u32::from_be_bytes([0, a, b, c]);
    ((three >> (24 - TABLE_BITS)).wrapping_sub(three.wrapping_mul(5)) as usize) & ((1 << TABLE_BITS) - 1)
}

/// The bytes packed into at most `limit`, if that is possible.
pub(crate) fn compress(input: &[u8], limit: usize) -> Option<Vec<u8>> {
    if input.is_empty() || limit == 0 {
        return None;
    }
    TABLE.with_borrow_mut(|table| {
        table.restart(input.len())?;
        let packed = pack(input, limit, table);
        table.begin = table.begin.wrapping_add(input.len() as u32).wrapping_add(1);
        packed
    })
}

fn pack(input: &[u8], limit: usize, table: &mut Table) -> Option<Vec<u8>> {
    let three = |at: usize| input.get(at..).and_then(<[u8]>::first_chunk::<REPEAT_MIN>);
    let mut packed = Packed::new(limit);
    let mut at = 0usize;
    while let Some(here) = three(at) {
        // What stands at the very front is never referred to.
        let before =
            table.note(*here, at).filter(|before| *before > 0 && at.saturating_sub(*before) <= DISTANCE_MAX);
        let Some(before) = before.filter(|before| three(*before) == Some(here)) else {
            packed.literal(*input.get(at)?)?;
            at = at.checked_add(1)?;
            continue;
        };
        let length = repeated(input, before, at);
        packed.repeat(at.checked_sub(before)?, length)?;
        at = at.checked_add(length)?;
        // Of what was repeated, the last two places are noted, unless the end is near.
        if three(at).is_none() {
            break;
        }
        for behind in [2, 1] {
            let place = at.checked_sub(behind)?;
            table.note(*three(place)?, place);
        }
    }
    packed.finish(input.get(at..)?)
}

/// How many bytes from `at` on are those from `before` on: three at least, the caller has seen. The last two bytes are
/// left out where nothing is lost by it.
fn repeated(input: &[u8], before: usize, at: usize) -> usize {
    /// Where so many may be repeated, so many are compared without looking at how many may.
    const MANY: usize = 16;
    const COMPARED: usize = 19;
    let here = input.get(at..).unwrap_or_default();
    let there = input.get(before..).unwrap_or_default();
    let may = here.len().saturating_sub(2).min(REPEAT_MAX);
    let most = may.max(if may > MANY { COMPARED } else { REPEAT_MIN });
    here.iter().zip(there).take(most).take_while(|(here, there)| here == there).count()
}

/// The bytes that were packed, if there are exactly so many.
pub(crate) fn decompress(mut input: &[u8], length: usize) -> Option<Vec<u8>> {
    // Two bytes make 264 at most, so that a few of them can't claim much memory.
    if length > input.len().saturating_mul(REPEAT_MAX) {
        return None;
    }
    let mut output = Vec::with_capacity(length);
    while let Some((control, rest)) = input.split_first() {
        let control = usize::from(*control);
        if control < LITERALS_MAX {
            let (literals, rest) = rest.split_at_checked(control.checked_add(1)?)?;
            output.extend_from_slice(literals);
            input = rest;
        } else {
            let (more, rest) = if control >> 5 == 7 { rest.split_first()? } else { (&0, rest) };
            let (low, rest) = rest.split_first()?;
            let distance = ((control & 0x1f) << 8 | usize::from(*low)).checked_add(1)?;
            let count = (control >> 5).checked_add(usize::from(*more))?.checked_add(2)?;
            repeat(&mut output, distance, count)?;
            input = rest;
        }
        if output.len() > length {
            return None;
        }
    }
    (output.len() == length).then_some(output)
}

/// Append `count` bytes from `distance` back; where they overlap what is appended, they repeat.
fn repeat(output: &mut Vec<u8>, distance: usize, count: usize) -> Option<()> {
    let start = output.len().checked_sub(distance)?;
    let mut left = count;
    while left > 0 {
        // Each round doubles what may be copied at once.
        let chunk = left.min(output.len().checked_sub(start)?);
        output.extend_from_within(start..start.checked_add(chunk)?);
        left = left.checked_sub(chunk)?;
    }
    Some(())
}

/// What has been packed so far. At its end is a run of literals, with the place of its length before it.
struct Packed {
    bytes: Vec<u8>,
    limit: usize,
    /// How many literals the run has.
    literals: usize,
}

impl Packed {
    fn new(limit: usize) -> Self {
        let mut bytes = Vec::with_capacity(limit);
        bytes.push(0);
        Self { bytes, limit, literals: 0 }
    }

    /// Append a byte as it is.
    fn literal(&mut self, byte: u8) -> Option<()> {
        if self.bytes.len() >= self.limit {
            return None;
        }
        self.push(byte);
        Some(())
    }

    fn push(&mut self, byte: u8) {
        self.bytes.push(byte);
        self.literals = self.literals.saturating_add(1);
        if self.literals == LITERALS_MAX {
            self.end_run();
            self.bytes.push(0);
        }
    }

    /// Write down how long the run is; one without literals has no length either.
    fn end_run(&mut self) {
        let place = self.bytes.len().saturating_sub(self.literals).saturating_sub(1);
        match u8::try_from(self.literals).ok().and_then(|literals| literals.checked_sub(1)) {
            Some(length) => {
                if let Some(place) = self.bytes.get_mut(place) {
                    *place = length;
                }
            }
            None => self.bytes.truncate(place),
        }
        self.literals = 0;
    }

    /// Append so many bytes from so far back.
    fn repeat(&mut self, distance: usize, length: usize) -> Option<()> {
        self.end_run();
        if self.bytes.len().checked_add(REPEAT_ROOM)? >= self.limit {
            return None;
        }
        let [high, low] = u16::try_from(distance.checked_sub(1)?).ok()?.to_be_bytes();
        match length.checked_sub(2)? {
            short @ 0..7 => self.bytes.extend_from_slice(&[(short as u8) << 5 | high, low]),
            long => {
                self.bytes.extend_from_slice(&[0xe0 | high, u8::try_from(long.checked_sub(7)?).ok()?, low])
            }
        }
        self.bytes.push(0);
        Some(())
    }

    /// Append what is left, which is two bytes at most.
    fn finish(mut self, rest: &[u8]) -> Option<Vec<u8>> {
        if self.bytes.len().checked_add(REPEAT_MIN)? > self.limit {
            return None;
        }
        rest.iter().for_each(|byte| self.push(*byte));
        self.end_run();
        Some(self.bytes)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;
    use proptest::prelude::*;

    fn there_and_back(input: &[u8]) -> usize {
        let packed = compress(input, input.len() * 2 + 8).unwrap();
        assert_eq!(decompress(&packed, input.len()).as_deref(), Some(input));
        packed.len()
    }

    #[test]
    fn what_repeats_becomes_short() {
        assert_eq!(compress(b"", 10), None);
        assert_eq!(there_and_back(b"a"), 2);
        assert_eq!(there_and_back(&b"a".repeat(10)), 8);
        assert!(there_and_back(&b"abcdef".repeat(1000)) < 100);
        let far: Vec<u8> = (0..40_000u32).flat_map(|n| (n % 3000).to_le_bytes()).collect();
        assert!(there_and_back(&far) < far.len());
    }

    #[test]
    fn what_would_exceed_its_limit_is_left() {
        let noise: Vec<u8> = (0..100u32).map(|n| (n.wrapping_mul(0x9e37_79b1) >> 24) as u8).collect();
        assert_eq!(compress(&noise, noise.len() - 4), None);
        assert_eq!(compress(&b"a".repeat(100), 2), None);
    }

    #[test]
    fn the_bytes_are_those_of_redis() {
        for (text, packed) in [
            (b"a".repeat(60), &b"\x01aa\xe0/\x00\x01aa"[..]),
            (b"abc".repeat(20), b"\x03abca\xe0-\x02\x01bc"),
            (
                b"to be or not to be, that is the question; to be or not".to_vec(),
                b"\rto be or not t@\x0c\x08, that is \x07\ne question;\x80\x1c`)\x01ot",
            ),
        ] {
            assert_eq!(compress(&text, text.len() - 4).as_deref(), Some(packed));
            assert_eq!(decompress(packed, text.len()), Some(text));
        }
    }

    #[test]
    fn what_another_packer_may_write_is_unpacked() {
        assert_eq!(decompress(&[2, b'a', b'b', b'c', 0xe0, 0, 2], 12), Some(b"abc".repeat(4)));
    }

    #[test]
    fn damage_is_refused() {
        for (packed, length) in [
            (&[0][..], 1),
            (&[1, b'a'], 2),
            (&[0, b'a', 0x20], 4),
            (&[0, b'a', 0xe0, 1], 4),
            (&[0, b'a', 0x20, 1], 4),
            (&[0x20, 0], 3),
            (&[0, b'a'], 2),
            (&[1, b'a', b'b'], 1),
            (&[0, b'a', 0xe0, 255, 0], usize::MAX),
        ] {
            assert_eq!(decompress(packed, length), None, "{packed:?}");
        }
    }

    proptest! {
        #[test]
        fn packed_and_unpacked_it_is_the_same(
            words in prop::collection::vec(prop::collection::vec(0u8..4, 0..40), 0..300),
        ) {
            let text = words.concat();
            if !text.is_empty() {
                there_and_back(&text);
            }
        }

        #[test]
        fn any_bytes_are_unpacked_or_refused(
            packed in prop::collection::vec(any::<u8>(), 0..100),
            length in 0usize..1000,
        ) {
            if let Some(output) = decompress(&packed, length) {
                prop_assert_eq!(output.len(), length);
            }
        }
    }
}
