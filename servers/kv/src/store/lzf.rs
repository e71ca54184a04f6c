//! LZF: what Redis compresses with, inner nodes of lists and long strings in RDB files. The one rule: unpacking
//! believes nothing, and yields exactly the length that was announced or fails.
//!
//! ```text
//!   000lllll bytes                        l + 1 bytes as they are
//!   lllooooo oooooooo                     l + 2 bytes again, from o + 1 bytes back; l is 1 to 6
//!   111ooooo llllllll oooooooo            l + 9 bytes again
//! ```
//!
//! Packing looks each three bytes up in a table of where their like stood last, as LZ4 does; the packed bytes
//! are ours, and any LZF unpacks them.

/// A run of literal bytes is no longer.
const LITERALS_MAX: usize = 1 << 5;
/// What is repeated stands no farther back.
const DISTANCE_MAX: usize = 1 << 13;
/// What is repeated is no longer.
const REPEAT_MAX: usize = (1 << 8) + (1 << 3);
/// What is repeated is no shorter.
const REPEAT_MIN: usize = 3;
/// Places in the table: as many as there are distances.
const TABLE_BITS: u32 = 13;

/// The bytes packed into at most `limit`, if that is possible.
pub(crate) fn compress(input: &[u8], limit: usize) -> Option<Vec<u8>> {
    // Where each hash was seen last, plus one. Whatever it says is verified.
    let mut table = vec![0u32; 1 << TABLE_BITS];
    let mut packed = Packed { bytes: Vec::with_capacity(limit), limit };
    let mut literals = 0;
    let mut at = 0;
    while let Some(three) = input.get(at..).and_then(<[u8]>::first_chunk::<REPEAT_MIN>) {
        let now = u32::try_from(at).ok()?;
        let place = table.get_mut(hash(*three))?;
        let before = std::mem::replace(place, now.checked_add(1)?).checked_sub(1);
        let length = before.map_or(0, |before| repeated(input, before as usize, at));
        match before {
            Some(before) if length >= REPEAT_MIN => {
                packed.literals(input.get(literals..at)?)?;
                packed.repeat(at.checked_sub(before as usize)?, length)?;
                at = at.checked_add(length)?;
                literals = at;
            }
            _ => at = at.checked_add(1)?,
        }
    }
    packed.literals(input.get(literals..)?)?;
    Some(packed.bytes)
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

/// A place in the table for three bytes.
fn hash(three: [u8; REPEAT_MIN]) -> usize {
    const SPREAD: u32 = 0x9e37_79b1;
    let [a, b, c] = three;
    (u32::from_le_bytes([0, a, b, c]).wrapping_mul(SPREAD) >> (u32::BITS - TABLE_BITS)) as usize
}

/// How many bytes from `at` on are those from `before` on, if it is near enough to be referred to.
fn repeated(input: &[u8], before: usize, at: usize) -> usize {
    if at.saturating_sub(before) > DISTANCE_MAX {
        return 0;
    }
    let here = input.get(at..).unwrap_or_default();
    let there = input.get(before..).unwrap_or_default();
    here.iter().zip(there).take(REPEAT_MAX).take_while(|(here, there)| here == there).count()
}

/// What has been packed so far.
struct Packed {
    bytes: Vec<u8>,
    limit: usize,
}

impl Packed {
    fn push(&mut self, more: &[u8]) -> Option<()> {
        let length = self.bytes.len().checked_add(more.len())?;
        (length <= self.limit).then(|| self.bytes.extend_from_slice(more))
    }

    fn literals(&mut self, literals: &[u8]) -> Option<()> {
        for run in literals.chunks(LITERALS_MAX) {
            self.push(&[run.len().checked_sub(1)? as u8])?;
            self.push(run)?;
        }
        Some(())
    }

    fn repeat(&mut self, distance: usize, length: usize) -> Option<()> {
        let [high, low] = u16::try_from(distance.checked_sub(1)?).ok()?.to_be_bytes();
        match length.checked_sub(2)? {
            short @ 0..7 => self.push(&[(short as u8) << 5 | high, low]),
            long => self.push(&[0xe0 | high, long.checked_sub(7)? as u8, low]),
        }
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
        assert_eq!(there_and_back(b""), 0);
        assert_eq!(there_and_back(b"a"), 2);
        assert_eq!(there_and_back(&b"a".repeat(10)), 5);
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
    fn bytes_of_others_are_unpacked() {
        // As Redis packs sixty times "a", and as it might pack "abcabcabcabc".
        assert_eq!(decompress(&[1, b'a', b'a', 0xe0, 49, 0], 60), Some(b"a".repeat(60)));
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
            there_and_back(&words.concat());
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
