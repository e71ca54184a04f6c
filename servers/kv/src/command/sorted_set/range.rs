//! ZRANGE and its older relatives, and ZRANGESTORE. The one rule: each is the same request, of which the older
//! commands fix a part by their name.

use super::bounds::Bounds;
use super::{Shown, store};
use crate::command::call::{Call, Done, integer};
use crate::command::error::Error;
use crate::store::zset::Zset;
use ropewalk_protocols::resp::ReplyWriter;
use std::ops::Range;

/// What the bounds are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Rank,
    Score,
    Member,
}

/// What a command's name leaves open, and what it fixes.
#[derive(Clone, Copy, Debug)]
struct Form {
    /// What the bounds are, unless an option may say so.
    by: Option<By>,
    /// Whether it begins at the end, unless an option may say so.
    reversed: Option<bool>,
    /// Whether the result is stored, and so shows no scores.
    stores: bool,
}

impl Form {
    const fn fixed(by: Option<By>, reversed: bool) -> Self {
        Self { by, reversed: Some(reversed), stores: false }
    }
}

/// What is wanted.
#[derive(Debug)]
struct Request<'a> {
    bounds: Bounds<'a>,
    is_reversed: bool,
    shown: Shown,
    offset: i64,
    /// How many at most; if negative, all.
    limit: i64,
}

impl<'a> Request<'a> {
    /// Two bounds and options.
    fn parse(arguments: &'a [&'a [u8]], form: Form) -> Result<Self, Error> {
        let [first, second, options @ ..] = arguments else { return Err(Error::Syntax) };
        let (mut by, mut reversed) = (form.by, form.reversed);
        let (mut shown, mut offset, mut limit) = (Shown::Members, 0, -1);
        let mut options = options.iter();
        while let Some(option) = options.next() {
            match option.to_ascii_lowercase().as_slice() {
                b"withscores" if !form.stores => shown = Shown::WithScores,
                b"limit" if options.len() >= 2 => {
                    offset = integer(options.next().copied().unwrap_or_default())?;
                    limit = integer(options.next().copied().unwrap_or_default())?;
                }
                b"rev" if reversed.is_none() => reversed = Some(true),
                b"bylex" if by.is_none() => by = Some(By::Member),
                b"byscore" if by.is_none() => by = Some(By::Score),
                _ => return Err(Error::Syntax),
            }
        }
        let (by, is_reversed) = (by.unwrap_or(By::Rank), reversed.unwrap_or(false));
        if limit != -1 && by == By::Rank {
            let words =
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
            return Err(Error::text(words));
        }
        if shown == Shown::WithScores && by == By::Member {
            let words = "ERR syntax error, WITHSCORES not supported in combination with BYLEX";
            return Err(Error::text(words));
        }
        let (min, max) = if is_reversed { (second, first) } else { (first, second) };
        let bounds = match by {
            By::Rank => Bounds::of_ranks(first, second)?,
            By::Score => Bounds::of_scores(min, max)?,
            By::Member => Bounds::of_members(min, max)?,
        };
        Ok(Self { bounds, is_reversed, shown, offset, limit })
    }

    /// The ranks of what is wanted.
    fn ranks(&self, zset: &Zset) -> Range<usize> {
        let ranks = self.bounds.ranks(zset);
        if let Bounds::Ranks(..) = self.bounds {
            let len = zset.len();
            let mirrored = len.saturating_sub(ranks.end)..len.saturating_sub(ranks.start);
            return if self.is_reversed { mirrored } else { ranks };
        }
        let Ok(offset) = usize::try_from(self.offset) else { return 0..0 };
        let left = ranks.len().saturating_sub(offset);
        let count = usize::try_from(self.limit).map_or(left, |limit| limit.min(left));
        if self.is_reversed {
            let end = ranks.end.saturating_sub(offset).max(ranks.start);
            end.saturating_sub(count)..end
        } else {
            let start = ranks.start.saturating_add(offset).min(ranks.end);
            start..start.saturating_add(count)
        }
    }
}

fn range(call: &Call<'_>, form: Form, reply: &mut ReplyWriter<'_>) -> Done {
    let request = Request::parse(call.rest(2), form)?;
    match call.read_as::<Zset>(call.key(1))? {
        None => reply.array(0),
        Some(zset) => {
            let members = zset.range(request.ranks(zset));
            match request.is_reversed {
                false => request.shown.all(members, reply),
                true => request.shown.all(members.rev(), reply),
            }
        }
    }
    Ok(())
}

/// `ZRANGE key start stop [BYSCORE|BYLEX] [REV] [LIMIT offset count] [WITHSCORES]`
pub(crate) fn zrange(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    range(call, Form { by: None, reversed: None, stores: false }, reply)
}

/// `ZREVRANGE key start stop [WITHSCORES]`
pub(crate) fn zrevrange(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    range(call, Form::fixed(Some(By::Rank), true), reply)
}

/// `ZRANGEBYSCORE key min max [WITHSCORES] [LIMIT offset count]`
pub(crate) fn zrangebyscore(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    range(call, Form::fixed(Some(By::Score), false), reply)
}

/// `ZREVRANGEBYSCORE key max min [WITHSCORES] [LIMIT offset count]`
pub(crate) fn zrevrangebyscore(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    range(call, Form::fixed(Some(By::Score), true), reply)
}

/// `ZRANGEBYLEX key min max [LIMIT offset count]`
pub(crate) fn zrangebylex(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    range(call, Form::fixed(Some(By::Member), false), reply)
}

/// `ZREVRANGEBYLEX key max min [LIMIT offset count]`
pub(crate) fn zrevrangebylex(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    range(call, Form::fixed(Some(By::Member), true), reply)
}

/// `ZRANGESTORE destination source min max [BYSCORE|BYLEX] [REV] [LIMIT offset count]`
pub(crate) fn zrangestore(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let request = Request::parse(call.rest(3), Form { by: None, reversed: None, stores: true })?;
    let result = match call.read_as::<Zset>(call.key(2))? {
        // Which way they are read makes no difference to what is stored.
        Some(zset) => Zset::from_sorted(zset.range(request.ranks(zset)), &call.limits()),
        None => Zset::new(),
    };
    store(call, call.key(1), result, "zrangestore", reply);
    Ok(())
}
