//! Choosing some of many. The one rule: every choice of so many is as likely as any other, without
//! copying the many.

use ahash::RandomState;
use ropewalk_reactor::random::Random;
use std::collections::HashSet;

/// Decides of things that pass by, one after the other, which of them are chosen: selection sampling
/// (Knuth, The Art of Computer Programming 2, 3.4.2, algorithm S).
#[derive(Debug)]
pub(crate) struct Passing {
    wanted: usize,
    left: usize,
}

impl Passing {
    /// Choose `wanted` of `all`; all of them where more are wanted than there are.
    pub(crate) fn new(wanted: usize, all: usize) -> Self {
        Self { wanted: wanted.min(all), left: all }
    }

    /// Whether the next one is chosen. After all have passed, none is.
    pub(crate) fn chooses(&mut self, random: &mut Random) -> bool {
        let chosen = self.wanted > 0 && random.index(self.left) < self.wanted;
        self.left = self.left.saturating_sub(1);
        self.wanted -= usize::from(chosen);
        chosen
    }

    /// Whether no more will be chosen.
    pub(crate) fn is_done(&self) -> bool {
        self.wanted == 0
    }
}

/// Whether it is less work to draw so few of so many again and again, until they are different, than to
/// let all pass: from three draws in ten on, repetitions would make it more.
pub(crate) fn are_few(wanted: usize, all: usize) -> bool {
    wanted <= all / 3
}

/// Draw until `wanted` different ones have come; the caller has seen that there are at least three times
/// as many, so that few draws are in vain.
pub(crate) fn draw_different<T: std::hash::Hash + Eq + Copy>(
    wanted: usize,
    random: &mut Random,
    mut draw: impl FnMut(&mut Random) -> Option<T>,
) -> HashSet<T, RandomState> {
    let seeds = RandomState::with_seeds(random.next_u64(), random.next_u64(), 0, 0);
    let mut drawn = HashSet::with_capacity_and_hasher(wanted, seeds);
    while drawn.len() < wanted {
        let Some(one) = draw(random) else { break };
        drawn.insert(one);
    }
    drawn
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_of_five_passes_equally_often() {
        let mut random = Random::new(1);
        let mut counts = [[0u32; 5]; 5];
        for _ in 0..100_000 {
            let mut passing = Passing::new(2, 5);
            let chosen: Vec<_> = (0..5).filter(|_| passing.chooses(&mut random)).collect();
            let [one, two] = chosen[..] else { panic!("{chosen:?}") };
            counts[one][two] += 1;
            assert!(passing.is_done());
        }
        let pairs = counts.iter().flatten().filter(|count| **count > 0);
        assert_eq!(pairs.clone().count(), 10);
        assert!(pairs.clone().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }

    #[test]
    fn whoever_wants_more_than_there_are_gets_all_and_no_more() {
        let mut random = Random::new(1);
        let mut passing = Passing::new(9, 3);
        assert_eq!((0..5).filter(|_| passing.chooses(&mut random)).count(), 3);
        assert!(!Passing::new(0, 0).chooses(&mut random));
    }

    #[test]
    fn what_is_drawn_is_different_and_equally_likely() {
        let mut random = Random::new(1);
        let mut counts = [0u32; 9];
        for _ in 0..30_000 {
            let drawn = draw_different(3, &mut random, |random| Some(random.index(9)));
            assert_eq!(drawn.len(), 3);
            drawn.into_iter().for_each(|index| counts[index] += 1);
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
        assert!(draw_different(1, &mut random, |_| None::<u8>).is_empty());
    }
}
