//! Latencies in logarithmic buckets: a fixed 35 KB whatever is recorded, and an answer within 0.4%.
//!
//! The one rule: recording is a handful of instructions, without allocation or search, because it
//! happens once for every message on the core that must keep a server busy.
//!
//! A value below 128 has a bucket of its own. Above, each doubling is cut into 128 equal buckets,
//! so a bucket is never wider than 1/128 of the values in it, and its middle is at most half that
//! away from any of them:
//!
//! ```text
//! value   0 … 127 | 128 … 255 | 256 … 511 | 512 … 1023 | …
//! width        1  |     1     |     2     |     4      |
//! index   0 … 127 | 128 … 255 | 256 … 383 | 384 … 511  | …
//! ```

/// How many bits of a value below its highest one choose the bucket.
const PRECISION_BITS: u32 = 7;
/// Buckets in each doubling.
const PER_DOUBLING: usize = 1 << PRECISION_BITS;
/// Values from here on share the last bucket: 2^40 ns is 18 minutes.
const VALUE_BITS_MAX: u32 = 40;
const BUCKETS: usize = (VALUE_BITS_MAX - PRECISION_BITS + 1) as usize * PER_DOUBLING;

/// Counts of values, in whatever unit the caller records (the load generator: nanoseconds).
pub(crate) struct Histogram {
    buckets: Box<[u64; BUCKETS]>,
    total: u64,
    highest: u64,
}

impl Histogram {
    pub(crate) fn new() -> Self {
        Self { buckets: Box::new([0; BUCKETS]), total: 0, highest: 0 }
    }

    /// Counts `value` as if it had been seen `times` times.
    pub(crate) fn record(&mut self, value: u64, times: u64) {
        self.buckets[index_of(value)] += times;
        self.total += times;
        self.highest = self.highest.max(value);
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        self.buckets.fill(0);
        self.total = 0;
        self.highest = 0;
    }

    /// The highest value, exactly; zero when nothing was recorded.
    pub(crate) fn highest(&self) -> u64 {
        self.highest
    }

    /// The smallest value that at least the fraction `quantile` (0 to 1) of all values do not
    /// exceed, within 0.4%; zero when nothing was recorded.
    pub(crate) fn value_at(&self, quantile: f64) -> u64 {
        let rank = ((self.total as f64 * quantile).ceil() as u64).clamp(1, self.total.max(1));
        let mut seen = 0;
        for (index, count) in self.buckets.iter().enumerate() {
            seen += count;
            if seen >= rank {
                return middle_of(index).min(self.highest);
            }
        }
        self.highest
    }
}

fn index_of(value: u64) -> usize {
    if value < PER_DOUBLING as u64 {
        return value as usize;
    }
    let value = value.min((1 << VALUE_BITS_MAX) - 1);
    let shift = value.ilog2() - PRECISION_BITS;
    // The shifted value keeps its highest bit, which moves on by one doubling what the shift counts.
    shift as usize * PER_DOUBLING + (value >> shift) as usize
}

fn middle_of(index: usize) -> u64 {
    if index < PER_DOUBLING {
        return index as u64;
    }
    let shift = index / PER_DOUBLING - 1;
    let lowest = ((index % PER_DOUBLING + PER_DOUBLING) as u64) << shift;
    lowest + ((1_u64 << shift) >> 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A value for every magnitude, of no regular pattern.
    fn scattered_values() -> impl Iterator<Item = u64> {
        let mut state = 88_172_645_463_325_252_u64;
        (0..20_000).map(move |step| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state >> (25 + step % 38)
        })
    }

    #[test]
    fn a_bucket_s_middle_is_within_four_thousandths_of_every_value_in_it() {
        for value in scattered_values().chain(0..5_000).filter(|value| *value < 1 << VALUE_BITS_MAX) {
            let error = middle_of(index_of(value)).abs_diff(value) as f64;
            assert!(error <= value as f64 * 0.004, "{value} became {}", middle_of(index_of(value)));
        }
    }

    #[test]
    fn buckets_follow_one_another_without_gap_or_overlap() {
        let mut last = 0;
        for value in 0..100_000 {
            let index = index_of(value);
            assert!(index == last || index == last + 1, "{value} jumped from bucket {last} to {index}");
            last = index;
        }
    }

    #[test]
    fn the_largest_values_share_the_last_bucket() {
        assert_eq!(index_of((1 << VALUE_BITS_MAX) - 1), BUCKETS - 1);
        assert_eq!(index_of(u64::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantiles_agree_with_a_sorted_list() {
        let mut values: Vec<u64> = scattered_values().filter(|value| *value < 1 << VALUE_BITS_MAX).collect();
        let mut histogram = Histogram::new();
        values.iter().for_each(|value| histogram.record(*value, 1));
        values.sort_unstable();
        for quantile in [0.0, 0.1, 0.5, 0.9, 0.99, 0.999, 1.0] {
            let rank = ((values.len() as f64 * quantile).ceil() as usize).max(1);
            let exact = values[rank - 1] as f64;
            let found = histogram.value_at(quantile) as f64;
            assert!((found - exact).abs() <= exact * 0.004, "{quantile}: {found} is not {exact}");
        }
    }

    #[test]
    fn a_batch_counts_once_for_each_of_its_messages() {
        let mut histogram = Histogram::new();
        histogram.record(100, 98);
        histogram.record(1_000, 2);
        assert_eq!(histogram.value_at(0.5), 100);
        assert_eq!(histogram.value_at(0.98), 100);
        assert!(histogram.value_at(0.981) > 990);
        assert_eq!(histogram.highest(), 1_000);
    }

    #[test]
    fn an_empty_or_cleared_histogram_answers_zero() {
        let mut histogram = Histogram::new();
        assert_eq!(histogram.value_at(0.99), 0);
        histogram.record(7, 1);
        histogram.clear();
        assert_eq!((histogram.value_at(0.5), histogram.highest()), (0, 0));
    }
}
