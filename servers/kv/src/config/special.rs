//! Values that are more than a word: save points, limits on output, percentiles and the like. The one rule:
//! each type here is what the server works with; its [`Rule`] stands below it.

use super::rule::{Keyword, Line, Refusal, Rule, Source, memory, quoted, single, with_unit};
use crate::server::notify::Notify;
use bitflags::bitflags;
use std::str::FromStr;

/// How the values of a list are shown: with a blank between.
fn joined(words: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Vec<u8> {
    let mut out = Vec::new();
    for (index, word) in words.into_iter().enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word.as_ref());
    }
    out
}

/// A number as C's `strtoll` reads it in base ten: a sign may stand before it.
fn number<T: FromStr>(word: &[u8]) -> Option<T> {
    str::from_utf8(word).ok()?.parse().ok()
}

/// Whether the words are one empty word, which stands for none.
fn is_empty(words: &[&[u8]]) -> bool {
    matches!(words, [[]])
}

/// `save`: after how many seconds the data is saved if so many changes were made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct SavePoints(pub(crate) Vec<SavePoint>);

/// Seconds, and changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SavePoint {
    /// How long changes may wait.
    pub(crate) seconds: i64,
    /// How many there have to be.
    pub(crate) changes: i32,
}

impl SavePoint {
    fn parse([seconds, changes]: &[&[u8]; 2]) -> Option<Self> {
        let seconds = number(seconds).filter(|seconds| *seconds >= 1)?;
        let changes = number(changes).filter(|changes| *changes >= 0)?;
        Some(Self { seconds, changes })
    }

    fn text(&self) -> String {
        format!("{} {}", self.seconds, self.changes)
    }
}

/// In a file, each line adds to those before it; an empty one takes them back.
pub(super) struct Save;

impl Rule for Save {
    type Value = SavePoints;
    const MANY: bool = true;

    fn read(&self, words: &[&[u8]], current: &SavePoints, source: Source) -> Result<SavePoints, Refusal> {
        if is_empty(words) {
            return Ok(SavePoints::default());
        }
        let (pairs, rest) = words.as_chunks::<2>();
        let points: Option<Vec<_>> = pairs.iter().map(SavePoint::parse).collect();
        let points = points.filter(|_| rest.is_empty()).ok_or("Invalid save parameters")?;
        let before = if source == Source::File { current.0.clone() } else { Vec::new() };
        Ok(SavePoints([before, points].concat()))
    }

    fn show(&self, value: &SavePoints) -> Vec<u8> {
        joined(value.0.iter().map(SavePoint::text))
    }

    fn lines(&self, value: &SavePoints, _: &SavePoints) -> Vec<Line> {
        let lines = value.0.iter().map(|point| Line { text: point.text().into_bytes(), force: true });
        match value.0.as_slice() {
            [] => vec![Line { text: quoted(b""), force: true }],
            _ => lines.collect(),
        }
    }
}

/// `client-output-buffer-limit`: how much may wait for a client of each class before it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OutputLimits {
    /// Clients of no other class.
    pub(crate) normal: OutputLimit,
    /// Replicas.
    pub(crate) replica: OutputLimit,
    /// Subscribers.
    pub(crate) pubsub: OutputLimit,
}

/// At `hard` bytes a client is closed at once, at `soft` after so many seconds above; 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct OutputLimit {
    /// Bytes.
    pub(crate) hard: u64,
    /// Bytes.
    pub(crate) soft: u64,
    /// Seconds.
    pub(crate) seconds: i64,
}

impl Default for OutputLimits {
    fn default() -> Self {
        Self {
            normal: OutputLimit::default(),
            replica: OutputLimit { hard: 256 << 20, soft: 64 << 20, seconds: 60 },
            pubsub: OutputLimit { hard: 32 << 20, soft: 8 << 20, seconds: 60 },
        }
    }
}

impl OutputLimits {
    fn class_mut(&mut self, name: &[u8]) -> Option<&mut OutputLimit> {
        match name.to_ascii_lowercase().as_slice() {
            b"normal" => Some(&mut self.normal),
            b"slave" | b"replica" => Some(&mut self.replica),
            b"pubsub" => Some(&mut self.pubsub),
            _ => None,
        }
    }
}

impl OutputLimit {
    fn parse(hard: &[u8], soft: &[u8], seconds: &[u8]) -> Option<Self> {
        let seconds = number(seconds).filter(|seconds| *seconds >= 0)?;
        Some(Self { hard: memory(hard)?, soft: memory(soft)?, seconds })
    }
}

/// Classes that are not named stay as they are.
pub(super) struct Output;

impl Rule for Output {
    type Value = OutputLimits;
    const MANY: bool = true;

    fn read(&self, words: &[&[u8]], current: &OutputLimits, _: Source) -> Result<OutputLimits, Refusal> {
        let (groups, rest) = words.as_chunks::<4>();
        if !rest.is_empty() {
            return Err("Wrong number of arguments in buffer limit configuration.".into());
        }
        let mut limits = *current;
        for [class, hard, soft, seconds] in groups {
            let place = limits
                .class_mut(class)
                .ok_or("Invalid client class specified in buffer limit configuration.")?;
            *place = OutputLimit::parse(hard, soft, seconds)
                .ok_or("Error in hard, soft or soft_seconds setting in buffer limit configuration.")?;
        }
        Ok(limits)
    }

    fn show(&self, OutputLimits { normal, replica, pubsub }: &OutputLimits) -> Vec<u8> {
        let class = |name: &str, limit: &OutputLimit| {
            format!("{name} {} {} {}", limit.hard, limit.soft, limit.seconds)
        };
        joined([class("normal", normal), class("slave", replica), class("pubsub", pubsub)])
    }

    fn lines(&self, value: &OutputLimits, default: &OutputLimits) -> Vec<Line> {
        let line = |name: &str, limit: &OutputLimit, default: &OutputLimit| {
            let [hard, soft] = [limit.hard, limit.soft].map(|bytes| with_unit(bytes.into()));
            let seconds = limit.seconds.to_string().into_bytes();
            Line { text: joined([name.into(), hard, soft, seconds]), force: limit != default }
        };
        vec![
            line("normal", &value.normal, &default.normal),
            line("replica", &value.replica, &default.replica),
            line("pubsub", &value.pubsub, &default.pubsub),
        ]
    }
}

/// `latency-tracking-info-percentiles`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Percentiles(pub(crate) Vec<f64>);

impl Percentiles {
    /// A percentile as it is shown: six digits behind the point at most, no zeros at the end.
    pub(crate) fn text(percentile: f64) -> String {
        let text = format!("{percentile:.6}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    }
}

/// Always written into a file: without a line there, the defaults would be back.
pub(super) struct PercentileList;

impl Rule for PercentileList {
    type Value = Percentiles;
    const MANY: bool = true;

    fn read(&self, words: &[&[u8]], _: &Percentiles, _: Source) -> Result<Percentiles, Refusal> {
        let words = if is_empty(words) { &[] } else { words };
        let percentile = |word: &&[u8]| match crate::command::call::parse_double(word) {
            None => Err("Invalid latency-tracking-info-percentiles parameters".into()),
            Some(percentile) if (0.0..=100.0).contains(&percentile) => Ok(percentile),
            Some(_) => {
                Err("latency-tracking-info-percentiles parameters should sit between [0.0,100.0]".into())
            }
        };
        words.iter().map(percentile).collect::<Result<_, Refusal>>().map(Percentiles)
    }

    fn show(&self, value: &Percentiles) -> Vec<u8> {
        joined(value.0.iter().map(|percentile| Percentiles::text(*percentile)))
    }

    fn lines(&self, value: &Percentiles, _: &Percentiles) -> Vec<Line> {
        let text = if value.0.is_empty() { quoted(b"") } else { self.show(value) };
        vec![Line { text, force: true }]
    }
}

/// `bind`: addresses, of which those that begin with `-` may be missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Addresses(pub(crate) Vec<Vec<u8>>);

impl Default for Addresses {
    fn default() -> Self {
        Self(vec![b"*".to_vec(), b"-::*".to_vec()])
    }
}

/// The most addresses.
const ADDRESSES_MAX: usize = 16;

/// No address at all is one empty word.
pub(super) struct Bind;

impl Rule for Bind {
    type Value = Addresses;
    const MANY: bool = true;

    fn read(&self, words: &[&[u8]], _: &Addresses, _: Source) -> Result<Addresses, Refusal> {
        if words.len() > ADDRESSES_MAX {
            return Err("Too many bind addresses specified.".into());
        }
        let words = if is_empty(words) { &[] } else { words };
        Ok(Addresses(words.iter().map(|word| word.to_vec()).collect()))
    }

    fn show(&self, value: &Addresses) -> Vec<u8> {
        joined(&value.0)
    }

    fn lines(&self, value: &Addresses, default: &Addresses) -> Vec<Line> {
        match value.0.as_slice() {
            _ if value == default => Vec::new(),
            [] => vec![Line { text: quoted(b""), force: true }],
            words => vec![Line { text: joined(words), force: true }],
        }
    }
}

/// `oom-score-adj-values`: of a master, of a replica, of a child that saves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OomScores(pub(crate) [i32; 3]);

/// Three numbers.
pub(super) struct OomScoreList;

impl Rule for OomScoreList {
    type Value = OomScores;
    const MANY: bool = true;

    fn read(&self, words: &[&[u8]], _: &OomScores, _: Source) -> Result<OomScores, Refusal> {
        const OUT_OF_RANGE: &str = "Invalid oom-score-adj-values, elements must be between -2000 and 2000.";
        let words: &[&[u8]; 3] = words.try_into().map_err(|_| "wrong number of arguments")?;
        let score = |word: &[u8]| number(word).filter(|score| (-2000..=2000).contains(score));
        match words.map(score) {
            [Some(master), Some(replica), Some(child)] => Ok(OomScores([master, replica, child])),
            _ => Err(OUT_OF_RANGE.into()),
        }
    }

    fn show(&self, value: &OomScores) -> Vec<u8> {
        joined(value.0.iter().map(i32::to_string))
    }
}

/// `notify-keyspace-events`.
pub(super) struct Events;

impl Rule for Events {
    type Value = Notify;

    fn read(&self, words: &[&[u8]], _: &Notify, _: Source) -> Result<Notify, Refusal> {
        let refusal = "Invalid event class character. Use 'Ag$lshzxeKEtmdn'.";
        Notify::parse(single(words)?).ok_or(refusal.into())
    }

    fn show(&self, value: &Notify) -> Vec<u8> {
        value.letters().into_bytes()
    }

    fn lines(&self, value: &Notify, default: &Notify) -> Vec<Line> {
        vec![Line { text: quoted(&self.show(value)), force: value != default }]
    }
}

/// `replicaof`: the master's host and port; none for a master.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Master(pub(crate) Option<(Vec<u8>, u16)>);

/// `no one` is none.
pub(super) struct ReplicaOf;

impl Rule for ReplicaOf {
    type Value = Master;
    const MANY: bool = true;

    fn read(&self, words: &[&[u8]], _: &Master, _: Source) -> Result<Master, Refusal> {
        let [host, port] = words else { return Err("wrong number of arguments".into()) };
        if host.eq_ignore_ascii_case(b"no") && port.eq_ignore_ascii_case(b"one") {
            return Ok(Master(None));
        }
        let port = number(port).ok_or("Invalid master port")?;
        Ok(Master(Some((host.to_vec(), port))))
    }

    fn show(&self, value: &Master) -> Vec<u8> {
        match &value.0 {
            Some((host, port)) => joined([host, port.to_string().as_bytes()]),
            None => Vec::new(),
        }
    }

    fn lines(&self, value: &Master, _: &Master) -> Vec<Line> {
        match &value.0 {
            Some(_) => vec![Line { text: self.show(value), force: true }],
            None => Vec::new(),
        }
    }
}

bitflags! {
    /// `shutdown-on-sigterm` and its like: how to shut down.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
    pub(crate) struct ShutdownHow: u8 {
        /// Save first, save points or not.
        const SAVE = 1;
        /// Do not save, save points or not.
        const NOSAVE = 2;
        /// Do not wait for replicas.
        const NOW = 4;
        /// Errors are no reason to stay.
        const FORCE = 8;
    }
}

impl Keyword for ShutdownHow {
    const WORDS: &'static [(&'static str, Self)] = &[
        ("default", Self::empty()),
        ("save", Self::SAVE),
        ("nosave", Self::NOSAVE),
        ("now", Self::NOW),
        ("force", Self::FORCE),
    ];
}

/// Several of the words.
pub(super) struct Shutdown;

impl Rule for Shutdown {
    type Value = ShutdownHow;
    const MANY: bool = true;

    fn read(&self, words: &[&[u8]], _: &ShutdownHow, _: Source) -> Result<ShutdownHow, Refusal> {
        let flags: Option<Vec<ShutdownHow>> = words.iter().map(|word| ShutdownHow::parse(word)).collect();
        let flags = flags.filter(|flags| !flags.is_empty()).ok_or_else(ShutdownHow::refusal)?;
        let how: ShutdownHow = flags.into_iter().collect();
        if how.contains(ShutdownHow::SAVE | ShutdownHow::NOSAVE) {
            return Err("shutdown options SAVE and NOSAVE can't be used simultaneously".into());
        }
        Ok(how)
    }

    fn show(&self, value: &ShutdownHow) -> Vec<u8> {
        let words = ShutdownHow::WORDS.iter();
        let set = words
            .filter(|(_, flag)| if value.is_empty() { flag.is_empty() } else { value.intersects(*flag) });
        joined(set.map(|(word, _)| word))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;

    /// The value that these words make of the current one, shown again; or why they are refused.
    fn shown<R: Rule>(rule: &R, current: &R::Value, source: Source, text: &str) -> String {
        let words: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
        match rule.read(&words, current, source) {
            Ok(value) => String::from_utf8(rule.show(&value)).unwrap(),
            Err(refusal) => refusal.into_owned(),
        }
    }

    #[test]
    fn save_points_add_up_in_a_file_and_replace_in_a_command() {
        let current = SavePoints(vec![SavePoint { seconds: 900, changes: 1 }]);
        assert_eq!(shown(&Save, &current, Source::File, "100 100"), "900 1 100 100");
        assert_eq!(shown(&Save, &current, Source::Command, "100 100 5 0"), "100 100 5 0");
        assert_eq!(shown(&Save, &current, Source::File, ""), "");
        for text in ["1", "1 2 ", "0 1", "1 -1", "60 x", "  "] {
            assert_eq!(shown(&Save, &current, Source::Command, text), "Invalid save parameters", "{text}");
        }
    }

    #[test]
    fn limits_on_output_change_only_the_classes_named() {
        let current = OutputLimits::default();
        for (text, expected) in [
            ("normal 1k 1kb 0 replica 0 0 0", "normal 1000 1024 0 slave 0 0 0 pubsub 33554432 8388608 60"),
            ("normal 0 0", "Wrong number of arguments in buffer limit configuration."),
            ("master 0 0 0", "Invalid client class specified in buffer limit configuration."),
            ("normal 0 x 0", "Error in hard, soft or soft_seconds setting in buffer limit configuration."),
            ("normal 0 0 -1", "Error in hard, soft or soft_seconds setting in buffer limit configuration."),
        ] {
            assert_eq!(shown(&Output, &current, Source::Command, text), expected, "{text}");
        }
        let written = Output.lines(&OutputLimits { normal: OutputLimit::default(), ..current }, &current);
        assert_eq!(written[1], Line { text: b"replica 256mb 64mb 60".to_vec(), force: false });
    }

    #[test]
    fn percentiles_are_rounded_and_bounded() {
        let current = Percentiles(vec![50.0]);
        for (text, expected) in [
            ("1 2.50 99.99999999 1e1 0x10", "1 2.5 100 10 16"),
            ("", ""),
            ("x", "Invalid latency-tracking-info-percentiles parameters"),
            ("inf", "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"),
            ("-1", "latency-tracking-info-percentiles parameters should sit between [0.0,100.0]"),
        ] {
            assert_eq!(shown(&PercentileList, &current, Source::Command, text), expected, "{text}");
        }
    }

    #[test]
    fn ways_to_shut_down_are_combined() {
        let words = "argument(s) must be one of the following: default, save, nosave, now, force";
        for (text, expected) in [
            ("now save", "save now"),
            ("default now", "now"),
            ("default", "default"),
            ("", words),
            ("now  save", words),
            ("save nosave", "shutdown options SAVE and NOSAVE can't be used simultaneously"),
        ] {
            assert_eq!(shown(&Shutdown, &ShutdownHow::empty(), Source::Command, text), expected, "{text}");
        }
    }

    #[test]
    fn addresses_and_scores_and_masters_are_checked() {
        let addresses = Addresses::default();
        assert_eq!(shown(&Bind, &addresses, Source::File, "127.0.0.1 -::1"), "127.0.0.1 -::1");
        assert_eq!(Bind.lines(&addresses, &addresses), []);
        let many = vec!["a"; 17].join(" ");
        assert_eq!(shown(&Bind, &addresses, Source::File, &many), "Too many bind addresses specified.");
        let scores = OomScores([0, 200, 800]);
        assert_eq!(shown(&OomScoreList, &scores, Source::File, "1 1 -5"), "1 1 -5");
        assert_eq!(shown(&OomScoreList, &scores, Source::File, "1"), "wrong number of arguments");
        let expected = "Invalid oom-score-adj-values, elements must be between -2000 and 2000.";
        assert_eq!(shown(&OomScoreList, &scores, Source::File, "1 1 2001"), expected);
        let master = Master::default();
        assert_eq!(shown(&ReplicaOf, &master, Source::File, "127.0.0.1 6379"), "127.0.0.1 6379");
        assert_eq!(shown(&ReplicaOf, &master, Source::File, "no ONE"), "");
        assert_eq!(shown(&ReplicaOf, &master, Source::File, "a abc"), "Invalid master port");
    }
}
