//! ZADD and ZINCRBY: members get scores. The one rule: all scores are read before the first is given.

use super::write_score;
use crate::command::call::{Call, Done, float};
use crate::command::error::Error;
use crate::server::notify::Notify;
use crate::store::database::Key;
use crate::store::limits::Limits;
use crate::store::zset::{Change, Zset};
use ropewalk_protocols::resp::ReplyWriter;

/// What ZADD was asked to do.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    /// NX: known members keep their scores.
    only_new: bool,
    /// XX: none is added.
    only_known: bool,
    /// GT: a known member gets no lower score.
    only_greater: bool,
    /// LT: a known member gets no higher score.
    only_less: bool,
    /// CH: the reply counts changed members too.
    counts_changed: bool,
    /// INCR: what is given is added to the score.
    increments: bool,
}

impl Options {
    /// The options at the start of these arguments, and what comes behind them.
    fn parse<'a, 'b>(mut arguments: &'b [&'a [u8]]) -> Result<(Self, &'b [&'a [u8]]), Error> {
        let mut options = Self::default();
        while let [option, rest @ ..] = arguments {
            let flag = match option.to_ascii_lowercase().as_slice() {
                b"nx" => &mut options.only_new,
                b"xx" => &mut options.only_known,
                b"gt" => &mut options.only_greater,
                b"lt" => &mut options.only_less,
                b"ch" => &mut options.counts_changed,
                b"incr" => &mut options.increments,
                _ => break,
            };
            *flag = true;
            arguments = rest;
        }
        if arguments.is_empty() || !arguments.len().is_multiple_of(2) {
            return Err(Error::Syntax);
        }
        options.check(arguments.len() / 2)?;
        Ok((options, arguments))
    }

    fn check(&self, pairs: usize) -> Result<(), Error> {
        if self.only_new && self.only_known {
            return Err(Error::text("ERR XX and NX options at the same time are not compatible"));
        }
        if [self.only_greater, self.only_less, self.only_new].into_iter().filter(|set| *set).count() > 1 {
            return Err(Error::text("ERR GT, LT, and/or NX options at the same time are not compatible"));
        }
        if self.increments && pairs > 1 {
            return Err(Error::text("ERR INCR option supports a single increment-element pair"));
        }
        Ok(())
    }

    /// Give a member its score, or add it to the one it has. Returns what has changed, and the score it has
    /// now; nothing if an option forbids it.
    fn set(
        &self,
        zset: &mut Zset,
        member: &[u8],
        given: f64,
        limits: &Limits,
    ) -> Result<Option<(Change, f64)>, Error> {
        let Some(before) = zset.score(member) else {
            return Ok((!self.only_known).then(|| (zset.set(member, given, limits), given)));
        };
        if self.only_new {
            return Ok(None);
        }
        let score = if self.increments { before + given } else { given };
        if score.is_nan() {
            return Err(Error::text("ERR resulting score is not a number (NaN)"));
        }
        if (self.only_less && score >= before) || (self.only_greater && score <= before) {
            return Ok(None);
        }
        Ok(Some((zset.set(member, score, limits), score)))
    }
}

/// What has become of all pairs.
#[derive(Debug, Default)]
struct Outcome {
    added: usize,
    updated: usize,
    /// The score of the last member, if no option forbade it.
    score: Option<f64>,
}

/// `ZADD key [NX|XX] [GT|LT] [CH] [INCR] score member [score member ...]`
pub(crate) fn zadd(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (options, arguments) = Options::parse(call.rest(2))?;
    if let [score, member] = arguments {
        // The usual case, without a list.
        return add(call, options, &[(float(score)?, *member)], reply);
    }
    let pairs = arguments.chunks_exact(2).filter_map(|pair| pair.first().zip(pair.last()));
    let pairs: Result<Vec<_>, Error> = pairs.map(|(score, member)| Ok((float(score)?, *member))).collect();
    add(call, options, &pairs?, reply)
}

/// `ZINCRBY key increment member`
pub(crate) fn zincrby(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let options = Options { increments: true, ..Options::default() };
    let pair = (call.float(2)?, call.arg(3));
    add(call, options, &[pair], reply)
}

fn add(call: &mut Call<'_>, options: Options, pairs: &[(f64, &[u8])], reply: &mut ReplyWriter<'_>) -> Done {
    let outcome = add_pairs(call, call.key(1), options, pairs)?;
    if options.increments {
        write_score(outcome.score, reply);
    } else {
        let changed = if options.counts_changed { outcome.updated } else { 0 };
        reply.integer(outcome.added.saturating_add(changed) as i64);
    }
    Ok(())
}

fn add_pairs(
    call: &mut Call<'_>,
    key: Key<'_>,
    options: Options,
    pairs: &[(f64, &[u8])],
) -> Result<Outcome, Error> {
    let limits = call.limits();
    let mut outcome = Outcome::default();
    let zset = match options.only_known {
        true => call.write_as::<Zset>(key)?,
        false => Some(call.create_as::<Zset>(key)?),
    };
    let Some(zset) = zset else { return Ok(outcome) };
    for (score, member) in pairs {
        let set = options.set(zset, member, *score, &limits)?;
        match set {
            Some((Change::Added, _)) => outcome.added += 1,
            Some((Change::Updated, _)) => outcome.updated += 1,
            Some((Change::None, _)) | None => {}
        }
        outcome.score = set.map(|(_, score)| score);
    }
    if outcome.added + outcome.updated > 0 {
        let event = if options.increments { "zincr" } else { "zadd" };
        call.modified(key, Notify::ZSET, event);
    }
    Ok(outcome)
}

/// Give members these scores, as ZADD does with some of its options, for GEOADD.
pub(crate) fn add_positions(
    call: &mut Call<'_>,
    options: &[&[u8]],
    pairs: &[(f64, &[u8])],
    reply: &mut ReplyWriter<'_>,
) -> Done {
    let has = |name: &str| options.iter().any(|option| option.eq_ignore_ascii_case(name.as_bytes()));
    let options = Options {
        only_new: has("nx"),
        only_known: has("xx"),
        counts_changed: has("ch"),
        ..Options::default()
    };
    add(call, options, pairs, reply)
}
