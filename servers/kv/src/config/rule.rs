//! Rules: what a directive's value may be, how it is read, shown, and written into a file. The one rule of
//! rules: what is shown can be read back, and the texts of refusals are Redis's.

use std::borrow::Cow;
use std::marker::PhantomData;

/// Why a value is refused.
pub(crate) type Refusal = Cow<'static, str>;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// redis.conf, or the command line.
    File,
    /// CONFIG SET.
    Command,
}

/// What CONFIG REWRITE writes for a directive: the text behind its name.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The value, quoted where it has to be.
    pub(crate) text: Vec<u8>,
    /// It is written even where the file has no such line yet.
    pub(crate) force: bool,
}

/// What a value may be.
pub(crate) trait Rule {
    /// How it is kept.
    type Value: PartialEq;

    /// Whether it may be several words, into which a single argument is split.
    const MANY: bool = false;

    /// The value that these words say; some say only what changes of the value that is there.
    fn read(&self, words: &[&[u8]], current: &Self::Value, source: Source) -> Result<Self::Value, Refusal>;

    /// As CONFIG GET shows it.
    fn show(&self, value: &Self::Value) -> Vec<u8>;

    /// As CONFIG REWRITE writes it.
    fn lines(&self, value: &Self::Value, default: &Self::Value) -> Vec<Line> {
        vec![Line { text: self.show(value), force: value != default }]
    }
}

/// The single word of a value.
pub(super) fn single<'a>(words: &[&'a [u8]]) -> Result<&'a [u8], Refusal> {
    match words {
        [word] => Ok(word),
        _ => Err("wrong number of arguments".into()),
    }
}

/// `yes` or `no`.
pub(super) struct Switch;

impl Rule for Switch {
    type Value = bool;

    fn read(&self, words: &[&[u8]], _: &bool, _: Source) -> Result<bool, Refusal> {
        match single(words)? {
            word if word.eq_ignore_ascii_case(b"yes") => Ok(true),
            word if word.eq_ignore_ascii_case(b"no") => Ok(false),
            _ => Err("argument must be 'yes' or 'no'".into()),
        }
    }

    fn show(&self, value: &bool) -> Vec<u8> {
        if *value { b"yes".to_vec() } else { b"no".to_vec() }
    }
}

/// `no`, and nothing else, for a reason.
pub(super) struct AlwaysOff(pub(super) &'static str);

impl Rule for AlwaysOff {
    type Value = bool;

    fn read(&self, words: &[&[u8]], current: &bool, source: Source) -> Result<bool, Refusal> {
        if Switch.read(words, current, source)? { Err(self.0.into()) } else { Ok(false) }
    }

    fn show(&self, value: &bool) -> Vec<u8> {
        Switch.show(value)
    }
}

/// How a number is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Digits.
    Plain,
    /// Digits and a unit: `100mb`.
    Memory,
    /// The same, or a percentage, which is kept as a negative number: `5%`.
    MemoryOrPercent,
    /// Octal digits.
    Octal,
}

/// A whole number within bounds.
pub(super) struct Number<T> {
    low: i128,
    high: i128,
    form: Form,
    kept: PhantomData<T>,
}

impl<T> Number<T> {
    /// From `low` to `high`, both allowed.
    pub(super) const fn between(low: i128, high: i128) -> Self {
        Self { low, high, form: Form::Plain, kept: PhantomData }
    }

    /// Bytes, with a unit or without.
    pub(super) const fn memory(low: i128, high: i128) -> Self {
        Self { form: Form::Memory, ..Self::between(low, high) }
    }

    /// Bytes, or a percentage, which is kept as a negative number.
    pub(super) const fn memory_or_percent(high: i128) -> Self {
        Self { form: Form::MemoryOrPercent, ..Self::between(-100, high) }
    }

    /// Octal digits, as for a file's mode.
    pub(super) const fn octal(high: i128) -> Self {
        Self { form: Form::Octal, ..Self::between(0, high) }
    }

    fn parse(&self, word: &[u8]) -> Result<i128, Refusal> {
        let (parsed, expected) = match self.form {
            Form::Plain => (plain(word), "argument couldn't be parsed into an integer"),
            Form::Memory => (memory(word).map(i128::from), "argument must be a memory value"),
            Form::MemoryOrPercent => (
                memory(word).map(i128::from).or_else(|| percentage(word)),
                "argument must be a memory or percent value",
            ),
            Form::Octal => (octal(word), "argument couldn't be parsed as an octal number"),
        };
        parsed.ok_or(expected.into())
    }

    fn check(&self, number: i128) -> Result<(), Refusal> {
        let Self { low, high, form, .. } = self;
        match form {
            _ if (*low..=*high).contains(&number) => Ok(()),
            Form::MemoryOrPercent if number < *low => {
                Err(format!("percentage argument must be less or equal to {}", -low).into())
            }
            Form::Octal => Err(format!("argument must be between {low:o} and {high:o} inclusive").into()),
            _ => Err(format!("argument must be between {low} and {high} inclusive").into()),
        }
    }
}

impl<T: Copy + PartialEq + TryFrom<i128> + TryInto<i128>> Rule for Number<T> {
    type Value = T;

    fn read(&self, words: &[&[u8]], _: &T, _: Source) -> Result<T, Refusal> {
        let number = self.parse(single(words)?)?;
        self.check(number)?;
        T::try_from(number).map_err(|_| "argument couldn't be parsed into an integer".into())
    }

    fn show(&self, value: &T) -> Vec<u8> {
        let number: i128 = (*value).try_into().unwrap_or_default();
        match self.form {
            Form::MemoryOrPercent if number < 0 => format!("{}%", -number),
            Form::Octal => format!("{number:o}"),
            _ => number.to_string(),
        }
        .into_bytes()
    }

    fn lines(&self, value: &T, default: &T) -> Vec<Line> {
        let number = (*value).try_into().unwrap_or_default();
        let text = match self.form {
            Form::Memory => with_unit(number),
            Form::MemoryOrPercent if number >= 0 => with_unit(number),
            _ => self.show(value),
        };
        vec![Line { text, force: value != default }]
    }
}

fn plain(word: &[u8]) -> Option<i128> {
    ropewalk_protocols::resp::number::parse_integer(word).map(i128::from)
}

fn octal(word: &[u8]) -> Option<i128> {
    i64::from_str_radix(str::from_utf8(word).ok()?, 8).ok().map(i128::from)
}

fn percentage(word: &[u8]) -> Option<i128> {
    let (b'%', number) = word.split_last()? else { return None };
    plain(number).filter(|percent| *percent >= 0).map(|percent| -percent)
}

/// Bytes with a unit: powers of 1,000 are `k`, `m`, `g`; powers of 1,024 are `kb`, `mb`, `gb`. No digits at all
/// are zero.
pub(crate) fn memory(word: &[u8]) -> Option<u64> {
    let digits = word.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, unit) = word.split_at_checked(digits)?;
    let unit: u64 = match unit.to_ascii_lowercase().as_slice() {
        b"" | b"b" => 1,
        b"k" => 1000,
        b"kb" => 1 << 10,
        b"m" => 1_000_000,
        b"mb" => 1 << 20,
        b"g" => 1_000_000_000,
        b"gb" => 1 << 30,
        _ => return None,
    };
    let number = digits
        .iter()
        .try_fold(0u64, |number, digit| number.checked_mul(10)?.checked_add(u64::from(digit & 0x0f)));
    number?.checked_mul(unit)
}

/// The shortest exact way to write so many bytes into a file.
pub(super) fn with_unit(bytes: i128) -> Vec<u8> {
    let units = [(1 << 30, "gb"), (1 << 20, "mb"), (1 << 10, "kb")];
    match units.iter().find(|(unit, _)| bytes != 0 && bytes % unit == 0) {
        Some((unit, name)) => format!("{}{name}", bytes / unit),
        None => bytes.to_string(),
    }
    .into_bytes()
}

/// Words that stand for values, in the order in which a refusal names them. The first word of a value is
/// the one that is shown.
pub(crate) trait Keyword: Copy + PartialEq + 'static {
    /// The words.
    const WORDS: &'static [(&'static str, Self)];

    /// The value of a word, in any case.
    fn parse(word: &[u8]) -> Option<Self> {
        let known = |(text, _): &&(&str, Self)| text.as_bytes().eq_ignore_ascii_case(word);
        Self::WORDS.iter().find(known).map(|(_, value)| *value)
    }

    /// The word.
    fn word(self) -> &'static str {
        Self::WORDS.iter().find(|(_, value)| *value == self).map_or("", |(text, _)| text)
    }

    /// What is said of any other word.
    fn refusal() -> Refusal {
        let words: Vec<&str> = Self::WORDS.iter().map(|(text, _)| *text).collect();
        format!("argument(s) must be one of the following: {}", words.join(", ")).into()
    }
}

/// One of several words.
pub(super) struct Choice<K> {
    refused: Option<(K, &'static str)>,
}

impl<K> Choice<K> {
    /// One of the words of `K`.
    pub(super) const fn new() -> Self {
        Self { refused: None }
    }

    /// One of the words of `K`, but for this one, for a reason.
    pub(super) const fn except(word: K, why: &'static str) -> Self {
        Self { refused: Some((word, why)) }
    }
}

impl<K: Keyword> Rule for Choice<K> {
    type Value = K;

    fn read(&self, words: &[&[u8]], _: &K, _: Source) -> Result<K, Refusal> {
        let chosen = K::parse(single(words)?).ok_or_else(K::refusal)?;
        match self.refused {
            Some((word, why)) if word == chosen => Err(why.into()),
            _ => Ok(chosen),
        }
    }

    fn show(&self, value: &K) -> Vec<u8> {
        value.word().as_bytes().to_vec()
    }
}

/// Any text; one that may be absent is absent when empty.
pub(super) struct Text {
    may_be_absent: bool,
    check: fn(&[u8]) -> Result<(), &'static str>,
}

impl Text {
    /// A text that is always there, empty or not.
    pub(super) const fn present() -> Self {
        Self { may_be_absent: false, check: |_| Ok(()) }
    }

    /// A text that is absent when it is empty.
    pub(super) const fn optional() -> Self {
        Self { may_be_absent: true, check: |_| Ok(()) }
    }

    /// The same, with this condition.
    pub(super) const fn checked(self, check: fn(&[u8]) -> Result<(), &'static str>) -> Self {
        Self { check, ..self }
    }
}

impl Rule for Text {
    type Value = Vec<u8>;

    fn read(&self, words: &[&[u8]], _: &Vec<u8>, _: Source) -> Result<Vec<u8>, Refusal> {
        let word = single(words)?;
        (self.check)(word)?;
        Ok(word.to_vec())
    }

    fn show(&self, value: &Vec<u8>) -> Vec<u8> {
        value.clone()
    }

    fn lines(&self, value: &Vec<u8>, default: &Vec<u8>) -> Vec<Line> {
        if self.may_be_absent && value.is_empty() {
            return Vec::new();
        }
        vec![Line { text: quoted(value), force: value != default }]
    }
}

/// A text in double quotes, from which [`split_words`](ropewalk_protocols::resp::split_words) reads it again.
pub(crate) fn quoted(text: &[u8]) -> Vec<u8> {
    let mut out = vec![b'"'];
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend([b'\\', *byte]),
            b'\n' => out.extend(b"\\n"),
            b'\r' => out.extend(b"\\r"),
            b'\t' => out.extend(b"\\t"),
            0x07 => out.extend(b"\\a"),
            0x08 => out.extend(b"\\b"),
            b' '..=b'~' => out.push(*byte),
            _ => out.extend(format!("\\x{byte:02x}").bytes()),
        }
    }
    out.push(b'"');
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;
    use proptest::prelude::*;
    use ropewalk_protocols::resp::split_words;

    fn read<R: Rule<Value: Default>>(rule: &R, word: &str) -> Result<R::Value, String> {
        rule.read(&[word.as_bytes()], &R::Value::default(), Source::Command).map_err(Cow::into_owned)
    }

    #[test]
    fn memory_has_units_of_a_thousand_and_of_1024() {
        for (word, bytes) in [
            ("0", 0),
            ("", 0),
            ("b", 0),
            ("12", 12),
            ("12b", 12),
            ("1k", 1000),
            ("1Kb", 1024),
            ("2m", 2_000_000),
            ("2MB", 2 << 20),
            ("3g", 3_000_000_000),
            ("3Gb", 3 << 30),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(memory(word.as_bytes()), Some(bytes), "{word}");
        }
        for word in ["-1", "1.5mb", "1 mb", "kbb", "18446744073709551616", "99999999999gb", "x"] {
            assert_eq!(memory(word.as_bytes()), None, "{word}");
        }
    }

    #[test]
    fn numbers_are_refused_in_redis_words() {
        let integer = "argument couldn't be parsed into an integer";
        assert_eq!(read(&Number::<u16>::between(0, 65535), "6379"), Ok(6379));
        assert_eq!(read(&Number::<u16>::between(0, 65535), "06"), Err(integer.to_owned()));
        let expected = "argument must be between 0 and 65535 inclusive";
        assert_eq!(read(&Number::<u16>::between(0, 65535), "-1"), Err(expected.to_owned()));
        assert_eq!(read(&Number::<u32>::octal(0o777), "700"), Ok(0o700));
        let expected = "argument must be between 0 and 777 inclusive";
        assert_eq!(read(&Number::<u32>::octal(0o777), "1000"), Err(expected.to_owned()));
        let expected = "argument couldn't be parsed as an octal number";
        assert_eq!(read(&Number::<u32>::octal(0o777), "9"), Err(expected.to_owned()));
        let expected = "argument must be a memory value";
        assert_eq!(read(&Number::<u64>::memory(0, u64::MAX as i128), "1 mb"), Err(expected.to_owned()));
    }

    #[test]
    fn a_percentage_is_a_negative_number() {
        let rule = Number::<i64>::memory_or_percent(i64::MAX as i128);
        assert_eq!(read(&rule, "5%"), Ok(-5));
        assert_eq!(rule.show(&-5), b"5%");
        assert_eq!(read(&rule, "1kb"), Ok(1024));
        let expected = "percentage argument must be less or equal to 100";
        assert_eq!(read(&rule, "101%"), Err(expected.to_owned()));
        let expected = "argument must be a memory or percent value";
        for word in ["-5", "%", "-5%", "5.5%"] {
            assert_eq!(read(&rule, word), Err(expected.to_owned()), "{word}");
        }
    }

    #[test]
    fn memory_is_written_with_the_largest_unit_that_divides_it() {
        let rule = Number::<u64>::memory(0, u64::MAX as i128);
        for (bytes, text) in [(0u64, "0"), (1 << 30, "1gb"), (3 << 20, "3mb"), (1025, "1025")] {
            let line = Line { text: text.into(), force: bytes != 7 };
            assert_eq!(rule.lines(&bytes, &7), [line]);
        }
    }

    proptest! {
        #[test]
        fn what_is_quoted_is_read_as_it_was(text: Vec<u8>) {
            prop_assert_eq!(split_words(&quoted(&text)), Some(vec![text]));
        }
    }
}
