//! Whether a wait shall poll for a while before it blocks.
//!
//! Going to sleep and being woken costs more than a short round trip, so while requests come in
//! quick succession it pays to look again for some microseconds. It must cost nothing otherwise,
//! so this is decided from what the last waits have found.
//!
//! One rule: a spin that found nothing is paid for by waits that block at once, 1 after the first
//! such spin, 3 after the second in a row, then 7, up to 63.

use std::time::Duration;

/// A wait that blocked at most this many spins long is taken as traffic that flows: a round trip
/// which includes sleeping and waking takes longer than the same one without.
const FLOWING: u32 = 4;

/// How many waits in a row a useless spin can cost.
const PENALTY_MAX: u32 = 63;

/// The memory of the last waits.
#[derive(Debug, Default)]
pub(super) struct Spin {
    /// Spin this long at the most; zero is off.
    longest: Duration,
    flowing: bool,
    penalty: u32,
    skip: u32,
}

impl Spin {
    pub(super) fn new(longest: Duration) -> Self {
        Self { longest, ..Self::default() }
    }

    pub(super) fn is_on(&self) -> bool {
        !self.longest.is_zero()
    }

    /// How long the wait that begins now shall spin.
    pub(super) fn duration(&self) -> Duration {
        if self.flowing && self.skip == 0 { self.longest } else { Duration::ZERO }
    }

    /// The spin found something.
    pub(super) fn hit(&mut self) {
        self.penalty = 0;
    }

    /// The wait blocked, and ended `waited` after it began, spin included, with or without news.
    pub(super) fn blocked(&mut self, spun: bool, waited: Duration, found: bool) {
        if spun {
            self.penalty = (self.penalty * 2 + 1).min(PENALTY_MAX);
            self.skip = self.penalty;
        } else {
            self.skip = self.skip.saturating_sub(1);
        }
        self.flowing = found && waited <= self.longest * FLOWING;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPIN: Duration = Duration::from_micros(50);
    const QUICK: Duration = Duration::from_micros(70);
    const SLOW: Duration = Duration::from_millis(5);

    #[test]
    fn spinning_begins_with_quick_news_and_ends_with_slow_ones() {
        let mut spin = Spin::new(SPIN);
        assert_eq!(spin.duration(), Duration::ZERO);
        spin.blocked(false, QUICK, true);
        assert_eq!(spin.duration(), SPIN);
        spin.hit();
        assert_eq!(spin.duration(), SPIN);
        spin.blocked(true, SLOW, true);
        assert_eq!(spin.duration(), Duration::ZERO);
    }

    #[test]
    fn a_wait_without_news_is_no_traffic() {
        let mut spin = Spin::new(SPIN);
        spin.blocked(false, QUICK, false);
        assert_eq!(spin.duration(), Duration::ZERO);
    }

    #[test]
    fn useless_spins_grow_rare() {
        let mut spin = Spin::new(SPIN);
        spin.blocked(false, QUICK, true);
        let mut spins = 0;
        for _ in 0..1000 {
            let spun = !spin.duration().is_zero();
            spins += u32::from(spun);
            spin.blocked(spun, QUICK, true);
        }
        assert!((15..=25).contains(&spins), "{spins} useless spins in 1,000 waits");
    }

    #[test]
    fn one_useful_spin_forgives_the_useless_ones() {
        let mut spin = Spin::new(SPIN);
        for _ in 0..5 {
            spin.blocked(true, QUICK, true);
        }
        spin.hit();
        spin.blocked(true, QUICK, true);
        spin.blocked(false, QUICK, true);
        assert_eq!(spin.duration(), SPIN);
    }
}
