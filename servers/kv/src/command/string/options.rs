//! The options of SET and GETEX. The one rule: what contradicts what came before it is a syntax error, whatever it is.

use crate::command::call::integer;
use crate::command::error::Error;

/// Under which condition a key is set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Condition {
    #[default]
    None,
    /// `NX`
    IfAbsent,
    /// `XX`
    IfPresent,
}

/// How long a key is to be there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Time<'a> {
    /// Nothing was said to SET; `PERSIST` to GETEX.
    #[default]
    Forever,
    /// As long as it is now: `KEEPTTL`; nothing was said to GETEX.
    Keep,
    /// Until then.
    Until(Until<'a>),
}

/// A moment as a client says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Until<'a> {
    unit: Unit,
    from: From,
    /// What is to be a number.
    number: &'a [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Unit {
    Seconds,
    Milliseconds,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum From {
    Now,
    Epoch,
}

impl<'a> Until<'a> {
    /// In so many seconds.
    pub(super) fn seconds(number: &'a [u8]) -> Self {
        Self { unit: Unit::Seconds, from: From::Now, number }
    }

    /// In so many milliseconds.
    pub(super) fn milliseconds(number: &'a [u8]) -> Self {
        Self { unit: Unit::Milliseconds, from: From::Now, number }
    }

    /// In milliseconds since 1970.
    ///
    /// # Errors
    /// If it is no number, not above zero, or out of range; `command` is named in the words.
    pub(super) fn moment(self, now_ms: i64, command: &'static str) -> Result<i64, Error> {
        let number = integer(self.number)?;
        let ms = if self.unit == Unit::Seconds { number.checked_mul(1000) } else { Some(number) };
        let base = if self.from == From::Now { now_ms } else { 0 };
        let moment = ms.and_then(|ms| ms.checked_add(base));
        moment.filter(|_| number > 0).ok_or(Error::InvalidExpire(command))
    }

    /// What this option says of the next argument, if it is one of these.
    fn option(name: &[u8], number: Option<&'a [u8]>) -> Option<Self> {
        let (unit, from) = match name {
            b"ex" => (Unit::Seconds, From::Now),
            b"px" => (Unit::Milliseconds, From::Now),
            b"exat" => (Unit::Seconds, From::Epoch),
            b"pxat" => (Unit::Milliseconds, From::Epoch),
            _ => return None,
        };
        Some(Self { unit, from, number: number? })
    }

    /// Whether the same option was given, if with another number.
    fn is_same_option(self, other: Self) -> bool {
        (self.unit, self.from) == (other.unit, other.from)
    }
}

/// What SET is told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Options<'a> {
    pub(super) condition: Condition,
    /// `GET`
    pub(super) returns_old: bool,
    pub(super) time: Time<'a>,
}

impl<'a> Options<'a> {
    /// Those of SET.
    pub(super) fn of_set(args: &[&'a [u8]]) -> Result<Self, Error> {
        let mut options = Self::default();
        let mut args = args.iter().copied();
        while let Some(arg) = args.next() {
            let is_set = match arg.to_ascii_lowercase().as_slice() {
                b"nx" => options.set_condition(Condition::IfAbsent),
                b"xx" => options.set_condition(Condition::IfPresent),
                b"get" => {
                    options.returns_old = true;
                    true
                }
                b"keepttl" => options.set_time(Time::Keep, Time::Forever),
                name => match Until::option(name, args.next()) {
                    Some(until) => options.set_time(Time::Until(until), Time::Forever),
                    None => false,
                },
            };
            if !is_set {
                return Err(Error::Syntax);
            }
        }
        Ok(options)
    }

    fn set_condition(&mut self, condition: Condition) -> bool {
        let agrees = [Condition::None, condition].contains(&self.condition);
        self.condition = condition;
        agrees
    }

    /// Returns whether that is said for the first time, or again: `unsaid` is what was there if nothing was.
    fn set_time(&mut self, time: Time<'a>, unsaid: Time<'a>) -> bool {
        let agrees = match (self.time, time) {
            (Time::Until(before), Time::Until(until)) => before.is_same_option(until),
            (before, time) => before == unsaid || before == time,
        };
        self.time = time;
        agrees
    }
}

/// How long GETEX is told to keep the key.
pub(super) fn of_getex<'a>(args: &[&'a [u8]]) -> Result<Time<'a>, Error> {
    let mut options = Options { time: Time::Keep, ..Options::default() };
    let mut args = args.iter().copied();
    while let Some(arg) = args.next() {
        let is_set = match arg.to_ascii_lowercase().as_slice() {
            b"persist" => options.set_time(Time::Forever, Time::Keep),
            name => match Until::option(name, args.next()) {
                Some(until) => options.set_time(Time::Until(until), Time::Keep),
                None => false,
            },
        };
        if !is_set {
            return Err(Error::Syntax);
        }
    }
    Ok(options.time)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set<'a>(text: &'a str) -> Result<Options<'a>, Error> {
        Options::of_set(&text.split_whitespace().map(str::as_bytes).collect::<Vec<_>>())
    }

    fn getex(text: &str) -> Result<Time<'_>, Error> {
        of_getex(&text.split_whitespace().map(str::as_bytes).collect::<Vec<_>>())
    }

    #[test]
    fn options_come_in_any_order_and_letters_and_may_be_repeated() {
        let options = set("px 5 Get NX ex").err();
        assert_eq!(options, Some(Error::Syntax));
        let options = set("PX 5 Get nx nX get px 7").unwrap();
        assert_eq!(options.condition, Condition::IfAbsent);
        assert!(options.returns_old);
        assert_eq!(options.time, Time::Until(Until::milliseconds(b"7")));
        assert_eq!(set("KEEPTTL keepttl xx").unwrap().time, Time::Keep);
        assert_eq!(set("").unwrap(), Options::default());
    }

    #[test]
    fn what_contradicts_is_a_syntax_error() {
        for text in [
            "nx xx",
            "xx get nx",
            "ex 1 px 1",
            "ex 1 exat 1",
            "keepttl ex 1",
            "pxat 1 keepttl",
            "ex",
            "nx px",
            "persist",
            "other",
            "ex 1 2",
        ] {
            assert_eq!(set(text), Err(Error::Syntax), "{text}");
        }
        for text in ["persist ex 1", "px 1 persist", "keepttl", "nx", "get", "ex 1 px 1", "exat"] {
            assert_eq!(getex(text), Err(Error::Syntax), "{text}");
        }
        assert_eq!(getex(""), Ok(Time::Keep));
        assert_eq!(getex("persist persist"), Ok(Time::Forever));
    }

    #[test]
    fn a_moment_is_above_zero_and_in_range() {
        let invalid = Err(Error::InvalidExpire("set"));
        let moment = |text| match set(text).unwrap().time {
            Time::Until(until) => until.moment(1_000, "set"),
            other => panic!("{other:?}"),
        };
        assert_eq!(moment("ex 2"), Ok(3_000));
        assert_eq!(moment("px 2"), Ok(1_002));
        assert_eq!(moment("exat 2"), Ok(2_000));
        assert_eq!(moment("pxat 2"), Ok(2));
        assert_eq!(moment("ex x"), Err(Error::NotInteger));
        for text in ["ex 0", "px -1", "exat -1", "pxat 0", "ex 9223372036854775807", "px 9223372036854775807"]
        {
            assert_eq!(moment(text), invalid, "{text}");
        }
    }
}
