//! How long a command has taken, each time that it ran: counts in buckets. The one rule: the buckets are those
//! of the histograms that Redis keeps, with two significant digits from 1 ns to 1 s, so that percentiles read alike.
//!
//! ```text
//! value    0 … 255 | 256 … 511 | 512 … 1023 | …   nanoseconds
//! width       1    |     2     |     4      | …   every doubling above has 128 buckets
//! ```

/// Buckets of one nanosecond.
const EXACT: u64 = 256;

/// How many bits of a value choose its bucket, beside the highest one.
const DIGIT_BITS: u32 = 7;

/// No command counts for longer: a second.
const NANOS_MAX: u64 = 1_000_000_000;

/// Buckets up to the last value: its doubling is the 23rd of those that have 128 buckets.
const BUCKETS: usize = bucket_of(NANOS_MAX) + 1;

/// Counts of durations, from 1 ns to 1 s. Takes no memory before the first.
#[derive(Clone, Debug, Default)]
pub(crate) struct Histogram {
    buckets: Box<[u64]>,
    total: u64,
}

impl Histogram {
    /// So many have taken so long each.
    #[inline]
    pub(crate) fn record(&mut self, nanos: u64, times: u64) {
        if self.buckets.is_empty() {
            self.buckets = vec![0; BUCKETS].into();
        }
        if let Some(count) = self.buckets.get_mut(bucket_of(nanos.clamp(1, NANOS_MAX))) {
            *count += times;
            self.total += times;
        }
    }

    /// How many there were.
    pub(crate) fn total(&self) -> u64 {
        self.total
    }

    /// The least duration, in nanoseconds, that so many percent don't exceed.
    pub(crate) fn percentile(&self, percent: f64) -> u64 {
        let rank = (percent.clamp(0.0, 100.0) / 100.0 * self.total as f64 + 0.5) as u64;
        let mut seen = 0;
        for (bucket, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank.max(1) {
                return last_of(bucket);
            }
        }
        0
    }

    /// Microseconds, doubling, and how many took no longer: those at which there are more than at the one before.
    pub(crate) fn doublings(&self) -> impl Iterator<Item = (u64, u64)> {
        let (mut bucket, mut count, mut reported) = (0, 0, 0);
        let steps = (10..).map(|bits| last_of(bucket_of(1 << bits)));
        let steps = steps.map(move |last| {
            while bucket < self.buckets.len() && last_of(bucket) <= last {
                count += self.buckets.get(bucket).copied().unwrap_or(0);
                bucket += 1;
            }
            (last / 1000, count)
        });
        let total = self.total;
        let steps =
            steps.take(21).filter(move |(_, count)| std::mem::replace(&mut reported, *count) < *count);
        steps.take_while(move |_| total > 0)
    }
}

/// The bucket of a value.
const fn bucket_of(nanos: u64) -> usize {
    if nanos < EXACT {
        return nanos as usize;
    }
    let doubling = nanos.ilog2() - DIGIT_BITS;
    ((doubling as usize) << DIGIT_BITS) + (nanos >> doubling) as usize
}

/// The last value of a bucket.
const fn last_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < EXACT {
        return bucket;
    }
    let doubling = (bucket >> DIGIT_BITS) - 1;
    let digits = (bucket & ((1 << DIGIT_BITS) - 1)) | 1 << DIGIT_BITS;
    ((digits + 1) << doubling) - 1
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_value_lies_in_its_bucket(nanos in 0..=NANOS_MAX) {
            let bucket = bucket_of(nanos);
            prop_assert!(nanos <= last_of(bucket));
            prop_assert!(bucket == 0 || nanos > last_of(bucket - 1));
        }
    }

    #[test]
    fn percentiles_are_the_ends_of_buckets() {
        let mut histogram = Histogram::default();
        histogram.record(1_000, 50);
        histogram.record(5_000, 50);
        assert_eq!(histogram.percentile(50.0), 1_003);
        assert_eq!(histogram.percentile(99.0), 5_023);
        assert_eq!(histogram.percentile(100.0), 5_023);
        assert_eq!(Histogram::default().percentile(50.0), 0);
    }

    #[test]
    fn doublings_are_cumulative_and_leave_out_what_adds_nothing() {
        let mut histogram = Histogram::default();
        histogram.record(900, 2);
        histogram.record(30_000, 3);
        histogram.record(33_000, 1);
        assert_eq!(histogram.doublings().collect::<Vec<_>>(), [(1, 2), (33, 6)]);
        assert_eq!(Histogram::default().doublings().count(), 0);
    }

    #[test]
    fn what_takes_longer_than_a_second_counts_as_a_second() {
        let mut histogram = Histogram::default();
        histogram.record(u64::MAX, 1);
        assert_eq!(histogram.doublings().map(|(_, count)| count).collect::<Vec<_>>(), [1]);
        assert!(histogram.percentile(50.0) >= NANOS_MAX);
    }
}
