//! From where to where a range goes: by rank, by score, or by member. The one rule: bounds are read whole
//! before the key is looked at, as Redis does, so that a bad one is an error even if there is no such key.

use crate::command::call::{integer, strtod};
use crate::command::error::Error;
use crate::store::zset::{LexBound, ScoreBound, Zset};
use std::ops::Range;

/// Both ends of a range.
#[derive(Clone, Copy, Debug)]
pub(super) enum Bounds<'a> {
    /// From one rank to another, both included; negative ones count from the end.
    Ranks(i64, i64),
    /// From one score to another.
    Scores(ScoreBound, ScoreBound),
    /// From one member to another.
    Members(LexBound<'a>, LexBound<'a>),
}

impl<'a> Bounds<'a> {
    pub(super) fn of_ranks(start: &[u8], stop: &[u8]) -> Result<Self, Error> {
        Ok(Self::Ranks(integer(start)?, integer(stop)?))
    }

    pub(super) fn of_scores(min: &[u8], max: &[u8]) -> Result<Self, Error> {
        match (score_bound(min), score_bound(max)) {
            (Some(min), Some(max)) => Ok(Self::Scores(min, max)),
            _ => Err(Error::text("ERR min or max is not a float")),
        }
    }

    pub(super) fn of_members(min: &'a [u8], max: &'a [u8]) -> Result<Self, Error> {
        match (lex_bound(min), lex_bound(max)) {
            (Some(min), Some(max)) => Ok(Self::Members(min, max)),
            _ => Err(Error::text("ERR min or max not valid string range item")),
        }
    }

    /// The ranks of what is between them.
    pub(super) fn ranks(self, zset: &Zset) -> Range<usize> {
        match self {
            Self::Ranks(start, stop) => zset.ranks(start, stop),
            Self::Scores(min, max) => zset.ranks_by_score(min, max),
            Self::Members(min, max) => zset.ranks_by_lex(min, max),
        }
    }
}

/// `5` or `(5`. Unlike a score, it may have blanks before it, be too large, or empty, which is 0: so C reads it.
fn score_bound(text: &[u8]) -> Option<ScoreBound> {
    let (is_open, number) = match text {
        [b'(', number @ ..] => (true, number),
        number => (false, number),
    };
    let number = number.split(|byte| *byte == 0).next().unwrap_or_default();
    let score = match number {
        [] => 0.0,
        number => strtod(number.trim_ascii_start()).filter(|score| !score.is_nan())?,
    };
    Some(if is_open { ScoreBound::Exclusive(score) } else { ScoreBound::Inclusive(score) })
}

/// `[member`, `(member`, `-` or `+`.
fn lex_bound(text: &[u8]) -> Option<LexBound<'_>> {
    match text {
        b"-" => Some(LexBound::Least),
        b"+" => Some(LexBound::Greatest),
        [b'[', member @ ..] => Some(LexBound::Inclusive(member)),
        [b'(', member @ ..] => Some(LexBound::Exclusive(member)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_of_scores_is_read_as_strtod_reads_it() {
        for (text, bound) in [
            ("5", ScoreBound::Inclusive(5.0)),
            ("(5", ScoreBound::Exclusive(5.0)),
            ("-inf", ScoreBound::Inclusive(f64::NEG_INFINITY)),
            ("(+inf", ScoreBound::Exclusive(f64::INFINITY)),
            ("", ScoreBound::Inclusive(0.0)),
            ("(", ScoreBound::Exclusive(0.0)),
            (" 1.5", ScoreBound::Inclusive(1.5)),
            ("0x10", ScoreBound::Inclusive(16.0)),
            ("1e400", ScoreBound::Inclusive(f64::INFINITY)),
        ] {
            assert_eq!(score_bound(text.as_bytes()), Some(bound), "{text}");
        }
        for text in ["nan", "(nan", "x", "1x", "1 ", " ", "[5", "((5"] {
            assert_eq!(score_bound(text.as_bytes()), None, "{text}");
        }
    }

    #[test]
    fn a_bound_of_members_says_whether_it_is_included() {
        assert_eq!(lex_bound(b"[a"), Some(LexBound::Inclusive(b"a")));
        assert_eq!(lex_bound(b"("), Some(LexBound::Exclusive(b"")));
        assert_eq!((lex_bound(b"-"), lex_bound(b"+")), (Some(LexBound::Least), Some(LexBound::Greatest)));
        for text in ["", "a", "-a", "+a"] {
            assert_eq!(lex_bound(text.as_bytes()), None, "{text}");
        }
    }
}
