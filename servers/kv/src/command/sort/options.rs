//! What SORT is told. The one rule: options are read in order, and the later one holds, but a BY without an
//! asterisk, which forbids sorting once and for all.

use crate::command::call::integer;
use crate::command::error::Error;
use std::ops::Range;

/// The options of SORT.
#[derive(Debug, Default)]
pub(super) struct Options<'a> {
    /// Sort by what this pattern finds.
    pub(super) by: Option<&'a [u8]>,
    /// Don't sort: a BY can't find anything that differs from element to element.
    pub(super) nosort: bool,
    /// Answer what these patterns find.
    pub(super) gets: Vec<&'a [u8]>,
    /// The largest first.
    pub(super) descending: bool,
    /// Compare texts, not numbers.
    pub(super) alpha: bool,
    /// Put the result under this key.
    pub(super) store: Option<&'a [u8]>,
    /// How many to leave out, and how many to take then.
    limit: Option<(i64, i64)>,
}

/// What options there may be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rights {
    /// STORE.
    pub(super) may_store: bool,
    /// BY and GET with patterns, which look up keys.
    pub(super) may_look_up: bool,
}

impl<'a> Options<'a> {
    /// The options that these arguments are.
    ///
    /// # Errors
    /// If they make no sense, or there is no right to one of them.
    pub(super) fn parse(mut args: &[&'a [u8]], rights: Rights) -> Result<Self, Error> {
        const NO_BY: Error = Error::text("ERR BY option of SORT denied due to insufficient ACL permissions.");
        const NO_GET: Error =
            Error::text("ERR GET option of SORT denied due to insufficient ACL permissions.");
        let mut options = Self::default();
        while let [name, rest @ ..] = args {
            args = match (&name.to_ascii_lowercase()[..], rest) {
                (b"asc", rest) => {
                    options.descending = false;
                    rest
                }
                (b"desc", rest) => {
                    options.descending = true;
                    rest
                }
                (b"alpha", rest) => {
                    options.alpha = true;
                    rest
                }
                (b"limit", [start, count, rest @ ..]) => {
                    options.limit = Some((integer(start)?, integer(count)?));
                    rest
                }
                (b"store", [destination, rest @ ..]) if rights.may_store => {
                    options.store = Some(destination);
                    rest
                }
                (b"by", [pattern, ..]) if pattern.contains(&b'*') && !rights.may_look_up => {
                    return Err(NO_BY);
                }
                (b"by", [pattern, rest @ ..]) => {
                    options.by = Some(pattern);
                    options.nosort |= !pattern.contains(&b'*');
                    rest
                }
                (b"get", [_, ..]) if !rights.may_look_up => return Err(NO_GET),
                (b"get", [pattern, rest @ ..]) => {
                    options.gets.push(pattern);
                    rest
                }
                _ => return Err(Error::Syntax),
            };
        }
        Ok(options)
    }

    /// Which of so many elements LIMIT leaves.
    pub(super) fn range(&self, length: usize) -> Range<usize> {
        let (start, count) = self.limit.unwrap_or((0, -1));
        let start = usize::try_from(start.max(0)).unwrap_or(usize::MAX).min(length);
        // A negative count is all there are.
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        start..start.saturating_add(count).min(length)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;

    #[test]
    fn limit_leaves_what_is_there() {
        for (limit, expected) in [
            (None, 0..5),
            (Some((0, 2)), 0..2),
            (Some((3, 9)), 3..5),
            (Some((-7, 2)), 0..2),
            (Some((9, 2)), 5..5),
            (Some((1, -1)), 1..5),
            (Some((1, 0)), 1..1),
            (Some((i64::MIN, i64::MIN)), 0..5),
            (Some((i64::MAX, i64::MAX)), 5..5),
        ] {
            assert_eq!(Options { limit, ..Options::default() }.range(5), expected, "{limit:?}");
        }
    }

    #[test]
    fn who_may_not_read_all_keys_may_not_have_them_looked_up() {
        let rights = Rights { may_store: true, may_look_up: false };
        let refusal = |line: &str| {
            let args: Vec<_> = line.split(' ').map(str::as_bytes).collect();
            Options::parse(&args, rights).map(drop).map_err(|error| error.to_string())
        };
        let text =
            |option| format!("ERR {option} option of SORT denied due to insufficient ACL permissions.");
        assert_eq!(refusal("by w_*"), Err(text("BY")));
        assert_eq!(refusal("get #"), Err(text("GET")));
        assert_eq!(refusal("by nosort"), Ok(()));
    }

    #[test]
    fn options_are_taken_in_any_case_and_order() {
        const ALL: Rights = Rights { may_store: true, may_look_up: true };
        const READ_ONLY: Rights = Rights { may_store: false, may_look_up: true };
        let args = "DESC get # By w_* LIMIT 1 2 get x alpha Store to".split(' ').map(str::as_bytes);
        let options = Options::parse(&args.collect::<Vec<_>>(), ALL).unwrap();
        assert!(options.descending && options.alpha && !options.nosort);
        assert_eq!((options.by, options.store), (Some(&b"w_*"[..]), Some(&b"to"[..])));
        assert_eq!(options.gets, [&b"#"[..], b"x"]);
        for line in ["limit 1", "by", "get", "store", "else", "limit 1 2 3"] {
            let args: Vec<_> = line.split(' ').map(str::as_bytes).collect();
            assert_eq!(Options::parse(&args, ALL).unwrap_err(), Error::Syntax, "{line}");
        }
        assert_eq!(Options::parse(&[b"store", b"x"], READ_ONLY).unwrap_err(), Error::Syntax);
        assert_eq!(Options::parse(&[b"limit", b"x", b"1"], ALL).unwrap_err(), Error::NotInteger);
        assert!(Options::parse(&[b"by", b"nosort", b"by", b"w_*"], ALL).unwrap().nosort);
    }
}
