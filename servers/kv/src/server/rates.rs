//! How much there is of something a second, just now. The one rule: a rate is the mean of the last samples, of
//! which the timer takes one each time.

use super::Server;
use std::time::{Duration, Instant};

/// How many samples the mean is of: with ten a second, those of the last 1.6 seconds.
const SAMPLES: usize = 16;

/// One rate.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rate {
    /// The count when it was last sampled.
    count: u64,
    samples: [u64; SAMPLES],
    next: usize,
}

impl Rate {
    /// How many a second.
    pub(crate) fn per_second(&self) -> u64 {
        self.samples.iter().sum::<u64>() / SAMPLES as u64
    }

    fn sample(&mut self, count: u64, since: Duration) {
        let more = count.saturating_sub(self.count);
        let ms = since.as_millis().max(1);
        self.samples[self.next % SAMPLES] = u64::try_from(u128::from(more) * 1000 / ms).unwrap_or(u64::MAX);
        self.next = (self.next + 1) % SAMPLES;
        self.count = count;
    }
}

/// The rates that INFO shows.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rates {
    sampled: Option<Instant>,
    /// Commands.
    pub(crate) commands: Rate,
    /// Bytes that were read.
    pub(crate) input: Rate,
    /// Bytes that were written.
    pub(crate) output: Rate,
}

impl Server {
    /// Take a sample of each rate.
    pub(super) fn sample_rates(&mut self) {
        let now = self.clock.now();
        let since = now.saturating_duration_since(self.rates.sampled.replace(now).unwrap_or(now));
        self.rates.commands.sample(self.stats.commands, since);
        self.rates.input.sample(self.stats.input_bytes, since);
        self.rates.output.sample(self.stats.output_bytes, since);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_the_mean_of_the_last_samples() {
        let mut rate = Rate::default();
        for count in 1..=16 {
            rate.sample(count * 100, Duration::from_millis(100));
        }
        assert_eq!(rate.per_second(), 1000);
        // What was counted was forgotten: no rate below zero.
        rate.sample(0, Duration::from_millis(100));
        assert_eq!(rate.per_second(), 1000 * 15 / 16);
    }
}
