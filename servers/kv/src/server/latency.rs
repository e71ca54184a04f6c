//! What has taken long, by kind of event, over time. The one rule: of each event and second, one sample is kept,
//! the longest, and of each event so many samples as there are seconds in a few minutes.

use super::Server;
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How many samples of an event are kept.
const SAMPLES_MAX: usize = 160;

/// A second in which an event took long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Which, since 1970.
    pub(crate) seconds: i64,
    /// The longest time in it, in milliseconds.
    pub(crate) ms: u64,
}

/// What is known of an event.
#[derive(Debug, Default)]
pub(crate) struct Series {
    /// The last samples, the newest last.
    samples: VecDeque<Sample>,
    /// The longest time that there ever was, in milliseconds.
    pub(crate) longest_ms: u64,
}

impl Series {
    /// The samples, the oldest first.
    pub(crate) fn samples(&self) -> impl ExactSizeIterator<Item = Sample> + DoubleEndedIterator {
        self.samples.iter().copied()
    }

    fn add(&mut self, seconds: i64, ms: u64) {
        self.longest_ms = self.longest_ms.max(ms);
        match self.samples.back_mut() {
            Some(last) if last.seconds == seconds => last.ms = last.ms.max(ms),
            _ => {
                if self.samples.len() == SAMPLES_MAX {
                    self.samples.pop_front();
                }
                self.samples.push_back(Sample { seconds, ms });
            }
        }
    }
}

/// All events that have taken long.
#[derive(Debug, Default)]
pub(crate) struct Latency {
    events: BTreeMap<&'static str, Series>,
}

impl Latency {
    /// The events, by name.
    pub(crate) fn events(&self) -> impl ExactSizeIterator<Item = (&'static str, &Series)> {
        self.events.iter().map(|(name, series)| (*name, series))
    }

    /// What is known of an event.
    pub(crate) fn find(&self, event: &[u8]) -> Option<(&'static str, &Series)> {
        self.events().find(|(name, _)| name.as_bytes() == event)
    }

    /// Forget an event. Returns whether it was known.
    pub(crate) fn forget(&mut self, event: &[u8]) -> bool {
        match self.find(event) {
            Some((name, _)) => self.events.remove(name).is_some(),
            None => false,
        }
    }

    /// Forget all. Returns how many there were.
    pub(crate) fn clear(&mut self) -> usize {
        std::mem::take(&mut self.events).len()
    }

    /// An event took so long.
    pub(crate) fn add(&mut self, event: &'static str, seconds: i64, ms: u64) {
        self.events.entry(event).or_default().add(seconds, ms);
    }
}

impl Server {
    /// An event took so long: note it, if `latency-monitor-threshold` says that this is long.
    #[inline]
    pub(crate) fn note_latency(&mut self, event: &'static str, took: Duration) {
        let threshold = u128::from(self.config.latency_monitor_threshold);
        if threshold > 0 && took.as_millis() >= threshold {
            let ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
            self.latency.add(event, self.clock.wall_seconds(), ms);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_has_one_sample_the_longest() {
        let mut latency = Latency::default();
        for (seconds, ms) in [(1, 30), (1, 50), (1, 40), (2, 20)] {
            latency.add("command", seconds, ms);
        }
        let (name, series) = latency.find(b"command").expect("it was added");
        let samples: Vec<_> = series.samples().collect();
        assert_eq!(samples, [Sample { seconds: 1, ms: 50 }, Sample { seconds: 2, ms: 20 }]);
        assert_eq!((name, series.longest_ms), ("command", 50));
    }

    #[test]
    fn old_samples_go() {
        let mut series = Series::default();
        (0..200).for_each(|seconds| series.add(seconds, 1000 - seconds as u64));
        assert_eq!(series.samples().len(), SAMPLES_MAX);
        assert_eq!(series.samples().next(), Some(Sample { seconds: 40, ms: 960 }));
        assert_eq!(series.longest_ms, 1000);
    }

    #[test]
    fn what_is_forgotten_is_gone() {
        let mut latency = Latency::default();
        latency.add("command", 1, 1);
        latency.add("fork", 1, 1);
        assert!(latency.forget(b"fork") && !latency.forget(b"fork"));
        assert_eq!((latency.clear(), latency.events().len()), (1, 0));
    }
}
