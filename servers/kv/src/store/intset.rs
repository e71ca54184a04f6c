//! Sorted integers in one allocation, as wide as the widest needs. The one rule: they are ascending and
//! all different, at every return, and whoever brings bytes has that checked.
//!
//! ```text
//!  Redis's bytes:  [width u32][length u32][integer] … [integer]       little endian, width 2, 4 or 8
//!  ours:           the mark of a `Thin` is the width, its length tells the length, the rest is the same
//! ```

use super::thin::Thin;
use ropewalk_reactor::random::Random;

const NARROW: usize = size_of::<i16>();
const MIDDLE: usize = size_of::<i32>();
const WIDE: usize = size_of::<i64>();
/// Width and length, in the bytes that Redis writes.
const HEADER_BYTES: usize = 8;

/// Different integers, in ascending order.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Intset(Thin);

impl Intset {
    /// No integers.
    pub(crate) fn new() -> Self {
        Self(Thin::new())
    }

    /// The set that Redis wrote as these bytes; `None` unless they are all right: a known width, as many
    /// integers as they say and at least one, in ascending order.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (width, rest) = bytes.split_first_chunk()?;
        let (length, integers) = rest.split_first_chunk()?;
        let width = u32::from_le_bytes(*width) as usize;
        let length = u32::from_le_bytes(*length) as usize;
        let sized = matches!(width, NARROW | MIDDLE | WIDE) && length > 0;
        if !sized || length.checked_mul(width)? != integers.len() {
            return None;
        }
        let set = Self(Thin::concat(width as u16, &[integers]));
        set.iter().is_sorted_by(|one, next| one < next).then_some(set)
    }

    /// As Redis writes it.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_BYTES.saturating_add(self.0.len()));
        bytes.extend_from_slice(&(self.width() as u32).to_le_bytes());
        bytes.extend_from_slice(&(self.len() as u32).to_le_bytes());
        bytes.extend_from_slice(self.0.bytes());
        bytes
    }

    /// The bytes of each integer. A new set notes none, and starts narrow.
    fn width(&self) -> usize {
        usize::from(self.0.mark()).max(NARROW)
    }

    /// How many integers there are.
    pub(crate) fn len(&self) -> usize {
        self.0.len() / self.width()
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.len() == 0
    }

    /// What the allocation takes.
    pub(crate) fn heap_bytes(&self) -> usize {
        self.0.heap_bytes()
    }

    /// The integer at an index, counted from the smallest.
    pub(crate) fn get(&self, index: usize) -> Option<i64> {
        let width = self.width();
        let at = index.checked_mul(width)?;
        let bytes = self.0.bytes().get(at..)?;
        match width {
            NARROW => bytes.first_chunk().map(|bytes| i64::from(i16::from_le_bytes(*bytes))),
            MIDDLE => bytes.first_chunk().map(|bytes| i64::from(i32::from_le_bytes(*bytes))),
            _ => bytes.first_chunk().map(|bytes| i64::from_le_bytes(*bytes)),
        }
    }

    /// Write an integer, which fits the width, to an index, where there is room.
    fn put(&mut self, index: usize, integer: i64) {
        let width = self.width();
        let place = self.0.bytes_mut().get_mut(index * width..).and_then(|rest| rest.get_mut(..width));
        // Cutting the upper bytes off changes nothing: what fits has only its sign there.
        place.expect("there is room").copy_from_slice(&integer.to_le_bytes()[..width]);
    }

    /// The index of an integer, or else where it would stand.
    fn position(&self, integer: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        // What is before `low` is smaller, what is from `high` on is greater.
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle) {
                Some(it) if it == integer => return Ok(middle),
                Some(it) if it < integer => low = middle + 1,
                _ => high = middle,
            }
        }
        Err(low)
    }

    /// Whether the integer is a member.
    pub(crate) fn contains(&self, integer: i64) -> bool {
        self.position(integer).is_ok()
    }

    /// Add an integer. Returns whether it is new.
    pub(crate) fn insert(&mut self, integer: i64) -> bool {
        let Err(index) = self.position(integer) else { return false };
        let width = width_of(integer);
        if width > self.width() || self.is_empty() {
            self.widen(width);
        }
        let width = self.width();
        self.0.insert_gap(index * width, width);
        self.put(index, integer);
        true
    }

    /// Write every integer anew, this wide.
    fn widen(&mut self, width: usize) {
        let mut wider = Self(Thin::zeroed(width as u16, self.len() * width));
        for (index, integer) in self.iter().enumerate() {
            wider.put(index, integer);
        }
        *self = wider;
    }

    /// Take an integer out. Returns whether it was a member.
    pub(crate) fn remove(&mut self, integer: i64) -> bool {
        let Ok(index) = self.position(integer) else { return false };
        self.remove_at(index);
        true
    }

    /// Take the integer at an index out.
    fn remove_at(&mut self, index: usize) {
        let width = self.width();
        self.0.remove(index * width, width);
    }

    /// Take any integer out; all are equally likely.
    pub(crate) fn pop(&mut self, random: &mut Random) -> Option<i64> {
        if self.is_empty() {
            return None;
        }
        let index = random.index(self.len());
        let integer = self.get(index);
        self.remove_at(index);
        integer
    }

    /// Keep the integers that `keep` says, in one pass.
    pub(crate) fn retain(&mut self, mut keep: impl FnMut(i64) -> bool) {
        let mut kept = 0;
        for index in 0..self.len() {
            if let Some(integer) = self.get(index).filter(|integer| keep(*integer)) {
                self.put(kept, integer);
                kept += 1;
            }
        }
        self.0.resize(kept * self.width());
    }

    /// Any integer; all are equally likely.
    pub(crate) fn random(&self, random: &mut Random) -> Option<i64> {
        if self.is_empty() { None } else { self.get(random.index(self.len())) }
    }

    /// The integers in ascending order.
    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = i64> + ExactSizeIterator {
        (0..self.len()).map(|index| self.get(index).expect("an index below the length"))
    }
}

/// The bytes that an integer needs.
fn width_of(integer: i64) -> usize {
    if i16::try_from(integer).is_ok() {
        NARROW
    } else if i32::try_from(integer).is_ok() {
        MIDDLE
    } else {
        WIDE
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn of(integers: &[i64]) -> Intset {
        let mut set = Intset::new();
        integers.iter().for_each(|integer| assert!(set.insert(*integer)));
        set
    }

    #[test]
    fn its_bytes_are_those_of_redis() {
        assert_eq!(of(&[3, 1]).to_bytes(), [2, 0, 0, 0, 2, 0, 0, 0, 1, 0, 3, 0]);
        assert_eq!(of(&[-1, 70_000]).to_bytes()[..8], [4, 0, 0, 0, 2, 0, 0, 0]);
        assert_eq!(of(&[i64::MIN]).to_bytes(), [8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80]);
    }

    #[test]
    fn bytes_that_are_wrong_make_no_set() {
        let good = of(&[1, 2, 3]).to_bytes();
        assert_eq!(Intset::from_bytes(&good), Some(of(&[1, 2, 3])));
        for cut in 0..good.len() {
            assert_eq!(Intset::from_bytes(&good[..cut]), None, "{cut} bytes");
        }
        let wrong = |at: usize, byte: u8| {
            let mut bytes = good.clone();
            bytes[at] = byte;
            Intset::from_bytes(&bytes)
        };
        assert_eq!(wrong(0, 3), None, "no such width");
        assert_eq!(wrong(0, 4), None, "another length");
        assert_eq!(wrong(4, 2), None, "bytes left over");
        assert_eq!(wrong(7, 0x80), None, "more than there are");
        assert_eq!(wrong(10, 1), None, "twice the same");
        assert_eq!(wrong(10, 9), None, "out of order");
        assert_eq!(Intset::from_bytes(&[2, 0, 0, 0, 0, 0, 0, 0]), None, "an empty one is never written");
    }

    #[test]
    fn it_widens_with_its_widest() {
        let mut set = of(&[7, -7]);
        for (integer, width) in [
            (i64::from(i16::MIN), 2),
            (i64::from(i16::MAX), 2),
            (i64::from(i16::MAX) + 1, 4),
            (i64::from(i32::MIN), 4),
            (i64::from(i32::MIN) - 1, 8),
            (i64::MAX, 8),
        ] {
            assert!(set.insert(integer));
            assert_eq!(set.width(), width);
            assert!(set.contains(integer) && set.contains(7) && set.contains(-7));
        }
        // As in Redis, it stays wide.
        assert!(set.remove(i64::MAX));
        assert_eq!(set.width(), 8);
    }

    #[test]
    fn a_few_small_integers_take_two_steps_of_memory() {
        assert_eq!(size_of::<Intset>(), 8);
        assert_eq!(of(&[1, 2, 3, 4]).heap_bytes(), 16);
        assert_eq!(of(&[1, 2, 3, 4, 5]).heap_bytes(), 32);
    }

    #[test]
    fn any_integer_is_drawn_equally_often() {
        let set = of(&[1, 2, 3]);
        let mut random = Random::new(1);
        let mut counts = [0; 4];
        for _ in 0..30_000 {
            counts[set.random(&mut random).unwrap() as usize] += 1;
        }
        assert!(counts[1..].iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        assert_eq!(Intset::new().random(&mut random), None);
    }

    /// Integers of all widths, often the same ones.
    fn integer() -> impl Strategy<Value = i64> {
        prop_oneof![-5..5i64, -40_000..40_000i64, any::<i32>().prop_map(i64::from), any::<i64>()]
    }

    proptest! {
        #[test]
        fn it_does_as_a_tree_does(steps in prop::collection::vec((0..4u8, integer()), 0..80), seed: u64) {
            let (mut set, mut tree, mut random) = (Intset::new(), BTreeSet::new(), Random::new(seed));
            for (step, integer) in steps {
                match step {
                    0 | 1 => prop_assert_eq!(set.insert(integer), tree.insert(integer)),
                    2 => prop_assert_eq!(set.remove(integer), tree.remove(&integer)),
                    _ => match set.pop(&mut random) {
                        Some(popped) => prop_assert!(tree.remove(&popped)),
                        None => prop_assert!(tree.is_empty()),
                    },
                }
                prop_assert_eq!(set.contains(integer), tree.contains(&integer));
                prop_assert_eq!(set.len(), tree.len());
            }
            prop_assert!(set.iter().eq(tree.iter().copied()));
            let again = Intset::from_bytes(&set.to_bytes());
            prop_assert_eq!(again, (!tree.is_empty()).then(|| set.clone()));
            set.retain(|integer| integer % 2 == 0);
            tree.retain(|integer| integer % 2 == 0);
            prop_assert!(set.iter().eq(tree.iter().copied()));
        }

        #[test]
        fn bytes_are_a_set_only_if_they_come_back(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            if let Some(set) = Intset::from_bytes(&bytes) {
                prop_assert_eq!(set.to_bytes(), bytes);
            }
        }
    }
}
