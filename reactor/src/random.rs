//! Seeded random numbers: the same seed gives the same numbers, on every machine and for ever.
//!
//! The generator is xoshiro256++ (Blackman and Vigna, 2019), its state filled by SplitMix64 from the
//! seed. It is fast and passes the usual statistical tests; it is **not** cryptographic: who sees some of its
//! output can compute the rest. Never make keys, cookies or passwords with it.

/// A seeded generator of random numbers; not cryptographic.
///
/// ```
/// use ropewalk_reactor::random::Random;
///
/// let mut dice = Random::new(7);
/// let throws: Vec<u64> = (0..3).map(|_| 1 + dice.below(6)).collect();
///
/// let mut again = Random::new(7);
/// assert!(throws.iter().all(|&throw| throw == 1 + again.below(6)));
/// ```
///
/// It can be cloned on purpose: a clone goes on with the same numbers. For an independent generator
/// see [`Random::split`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Random {
    state: [u64; 4],
}

impl Random {
    /// The generator that belongs to this seed; any seed is as good as another.
    pub fn new(seed: u64) -> Self {
        let mut state = seed;
        // SplitMix64 never yields four zeros in a row, the one state that xoshiro can't leave.
        Self { state: std::array::from_fn(|_| split_mix(&mut state)) }
    }

    /// Any 64-bit number, all equally likely.
    pub fn next_u64(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let number = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        number
    }

    /// A number from 0 to `bound - 1`, all equally likely.
    ///
    /// # Panics
    /// If `bound` is zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        assert!(bound > 0, "there is no number below zero");
        // Lemire's method: the high half of a product, with the few draws rejected that would make
        // some numbers likelier than others.
        let rejected = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.next_u64()) * u128::from(bound);
            if product as u64 >= rejected {
                return (product >> 64) as u64;
            }
        }
    }

    /// An index of something with `length` elements.
    ///
    /// # Panics
    /// If `length` is zero.
    pub fn index(&mut self, length: usize) -> usize {
        // What is below a usize fits into one.
        self.below(length as u64) as usize
    }

    /// A number from 0 up to, but without, 1.
    pub fn unit(&mut self) -> f64 {
        // The 53 bits that an f64 holds.
        (self.next_u64() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// Whether something of this probability happens: never at 0 and below, always at 1 and above.
    /// Those two draw no number.
    pub fn chance(&mut self, probability: f64) -> bool {
        probability >= 1.0 || (probability > 0.0 && self.unit() < probability)
    }

    /// Fill `into` with random bytes.
    pub fn fill(&mut self, into: &mut [u8]) {
        for piece in into.chunks_mut(8) {
            piece.copy_from_slice(&self.next_u64().to_le_bytes()[..piece.len()]);
        }
    }

    /// Put the elements into a random order, all equally likely.
    pub fn shuffle<T>(&mut self, elements: &mut [T]) {
        for last in (1..elements.len()).rev() {
            elements.swap(last, self.index(last + 1));
        }
    }

    /// A generator whose numbers have nothing to do with what this one yields later. So one part of
    /// a program can draw more or fewer numbers without changing what the others draw.
    #[must_use]
    pub fn split(&mut self) -> Self {
        Self::new(self.next_u64())
    }
}

/// SplitMix64 (Steele, Lea and Flood, 2014): a counter, well mixed.
fn split_mix(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mix(*state)
}

/// SplitMix64's finisher: each bit of the input changes half of the output's.
pub(crate) fn mix(mut bits: u64) -> u64 {
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reference_implementations_numbers_come_out() {
        // splitmix64.c with x = 1234567, xoshiro256plusplus.c with s = {1, 2, 3, 4}.
        let mut state = 1_234_567;
        let mixed: Vec<u64> = (0..3).map(|_| split_mix(&mut state)).collect();
        assert_eq!(mixed, [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423]);
        let mut random = Random { state: [1, 2, 3, 4] };
        let numbers: Vec<u64> = (0..4).map(|_| random.next_u64()).collect();
        assert_eq!(numbers, [41_943_041, 58_720_359, 3_588_806_011_781_223, 3_591_011_842_654_386]);
    }

    #[test]
    fn below_reaches_every_number_equally_often() {
        let mut random = Random::new(1);
        let mut counts = [0u32; 6];
        for _ in 0..60_000 {
            counts[random.index(6)] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }

    #[test]
    fn below_one_is_zero_and_the_largest_bound_is_kept() {
        let mut random = Random::new(2);
        assert_eq!(random.below(1), 0);
        for _ in 0..100 {
            assert!(random.below(u64::MAX) < u64::MAX);
        }
    }

    #[test]
    fn chance_keeps_its_rate_and_its_ends() {
        let mut random = Random::new(3);
        let hits = (0..10_000).filter(|_| random.chance(0.25)).count();
        assert!((2_300..2_700).contains(&hits), "{hits}");
        let before = random.clone();
        assert!(!random.chance(0.0) && !random.chance(-1.0) && random.chance(1.0) && random.chance(2.0));
        assert_eq!(random, before, "certainties draw nothing");
        assert!(!random.chance(f64::NAN));
    }

    #[test]
    fn unit_stays_below_one() {
        let mut random = Random::new(4);
        assert!((0..10_000).map(|_| random.unit()).all(|number| (0.0..1.0).contains(&number)));
    }

    #[test]
    fn fill_reaches_the_last_byte_of_any_length() {
        let mut random = Random::new(5);
        for length in 0..20 {
            let mut seen = vec![0; length];
            for _ in 0..20 {
                let mut bytes = vec![0; length];
                random.fill(&mut bytes);
                seen.iter_mut().zip(bytes).for_each(|(seen, byte)| *seen |= byte);
            }
            assert!(seen.iter().all(|&byte| byte != 0), "{length} bytes");
        }
    }

    #[test]
    fn shuffle_keeps_the_elements_and_reaches_every_order() {
        let mut random = Random::new(6);
        let mut orders = std::collections::BTreeSet::new();
        for _ in 0..200 {
            let mut elements = [1, 2, 3];
            random.shuffle(&mut elements);
            orders.insert(elements);
        }
        assert_eq!(orders.len(), 6);
        assert!(orders.iter().all(|order| order.iter().sum::<i32>() == 6));
    }

    #[test]
    fn a_split_goes_its_own_way() {
        let mut random = Random::new(7);
        let mut split = random.split();
        let (ours, theirs): (Vec<_>, Vec<_>) =
            (0..100).map(|_| (random.next_u64(), split.next_u64())).unzip();
        assert!(ours.iter().all(|number| !theirs.contains(number)));
    }
}
