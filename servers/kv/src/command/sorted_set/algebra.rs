//! ZUNION, ZINTER, ZDIFF and what stores their results. The one rule: the keys are looked at before the options
//! are read, as Redis does, so that a key of the wrong kind is the first error.

use super::{Shown, store};
use crate::command::call::{Call, Done, float, integer};
use crate::command::error::Error;
use crate::store::database::Key;
use crate::store::value::View;
use crate::store::zset::Collector;
use crate::store::zset::algebra::{self, Aggregate, Source};
use ropewalk_protocols::resp::ReplyWriter;

/// What becomes of the sources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

impl Operation {
    /// The event of its result being stored.
    fn event(self) -> &'static str {
        match self {
            Self::Union => "zunionstore",
            Self::Intersection => "zinterstore",
            Self::Difference => "zdiffstore",
        }
    }
}

/// What a command does with the result, and so which options it takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Shown,
    Stored,
    Counted,
}

/// What is wanted.
#[derive(Debug)]
struct Options {
    /// One for each source.
    weights: Vec<f64>,
    aggregate: Aggregate,
    shown: Shown,
    /// How many to count at most.
    limit: usize,
}

impl Options {
    /// The options behind the keys, of which there are so many.
    fn parse(arguments: &[&[u8]], keys: usize, operation: Operation, usage: Use) -> Result<Self, Error> {
        let mut options = Self {
            weights: vec![1.0; keys],
            aggregate: Aggregate::Sum,
            shown: Shown::Members,
            limit: usize::MAX,
        };
        let combines = operation != Operation::Difference && usage != Use::Counted;
        let mut rest = arguments;
        while let [name, arguments @ ..] = rest {
            rest = match (name.to_ascii_lowercase().as_slice(), arguments) {
                (b"weights", _) if combines && arguments.len() >= keys => {
                    let (weights, rest) = arguments.split_at_checked(keys).ok_or(Error::Syntax)?;
                    for (weight, argument) in options.weights.iter_mut().zip(weights) {
                        *weight =
                            float(argument).map_err(|_| Error::text("ERR weight value is not a float"))?;
                    }
                    rest
                }
                (b"aggregate", [argument, rest @ ..]) if combines => {
                    options.aggregate = aggregate(argument)?;
                    rest
                }
                (b"withscores", rest) if usage == Use::Shown => {
                    options.shown = Shown::WithScores;
                    rest
                }
                (b"limit", [argument, rest @ ..]) if usage == Use::Counted => {
                    let limit = integer(argument).ok().and_then(|limit| usize::try_from(limit).ok());
                    let limit = limit.ok_or(Error::text("ERR LIMIT can't be negative"))?;
                    options.limit = if limit == 0 { usize::MAX } else { limit };
                    rest
                }
                _ => return Err(Error::Syntax),
            };
        }
        Ok(options)
    }
}

fn aggregate(argument: &[u8]) -> Result<Aggregate, Error> {
    match argument.to_ascii_lowercase().as_slice() {
        b"sum" => Ok(Aggregate::Sum),
        b"min" => Ok(Aggregate::Min),
        b"max" => Ok(Aggregate::Max),
        _ => Err(Error::Syntax),
    }
}

/// The keys behind their number, which is argument `index`, and the options behind them.
fn keys<'a>(call: &Call<'a>, index: usize) -> Result<(&'a [&'a [u8]], &'a [&'a [u8]]), Error> {
    let number = call.integer(index)?;
    if number < 1 {
        let name = call.server.registry.name(call.command);
        return Err(Error::said(format!("ERR at least 1 input key is needed for '{name}' command")));
    }
    let number = usize::try_from(number).map_err(|_| Error::Syntax)?;
    call.rest(index.saturating_add(1)).split_at_checked(number).ok_or(Error::Syntax)
}

/// What these keys hold.
fn sources<'a>(call: &'a Call<'_>, keys: &[&[u8]]) -> Result<Vec<Source<'a>>, Error> {
    let source = |key: &&[u8]| match call.read(Key::new(key)).map(|found| found.view()) {
        None => Ok(Source::Nothing),
        Some(View::Set(set)) => Ok(Source::Set(set)),
        Some(View::Zset(zset)) => Ok(Source::Zset(zset)),
        Some(_) => Err(Error::WrongType),
    };
    keys.iter().map(source).collect()
}

/// Compute the result of a command whose number of keys is argument `index`.
fn combine(
    call: &Call<'_>,
    index: usize,
    operation: Operation,
    usage: Use,
) -> Result<(Collector, Shown), Error> {
    let (keys, rest) = keys(call, index)?;
    let sources = sources(call, keys)?;
    let options = Options::parse(rest, keys.len(), operation, usage)?;
    let weighted = sources.iter().copied().zip(options.weights);
    let result = match (operation, sources.split_first()) {
        (Operation::Union, _) => algebra::union(weighted.collect(), options.aggregate),
        (Operation::Intersection, _) => algebra::intersection(weighted.collect(), options.aggregate),
        (Operation::Difference, Some((first, others))) => algebra::difference(*first, others),
        (Operation::Difference, None) => Collector::new(),
    };
    Ok((result, options.shown))
}

fn show(call: &Call<'_>, operation: Operation, reply: &mut ReplyWriter<'_>) -> Done {
    let (result, shown) = combine(call, 1, operation, Use::Shown)?;
    shown.all(result.sorted().iter(), reply);
    Ok(())
}

fn keep(call: &mut Call<'_>, operation: Operation, reply: &mut ReplyWriter<'_>) -> Done {
    let (result, _) = combine(call, 2, operation, Use::Stored)?;
    let result = result.finish(&call.limits());
    store(call, call.key(1), result, operation.event(), reply);
    Ok(())
}

/// `ZUNION numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]`
pub(crate) fn zunion(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    show(call, Operation::Union, reply)
}

/// `ZINTER numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM|MIN|MAX] [WITHSCORES]`
pub(crate) fn zinter(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    show(call, Operation::Intersection, reply)
}

/// `ZDIFF numkeys key [key ...] [WITHSCORES]`
pub(crate) fn zdiff(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    show(call, Operation::Difference, reply)
}

/// `ZUNIONSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM|MIN|MAX]`
pub(crate) fn zunionstore(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    keep(call, Operation::Union, reply)
}

/// `ZINTERSTORE destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE SUM|MIN|MAX]`
pub(crate) fn zinterstore(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    keep(call, Operation::Intersection, reply)
}

/// `ZDIFFSTORE destination numkeys key [key ...]`
pub(crate) fn zdiffstore(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    keep(call, Operation::Difference, reply)
}

/// `ZINTERCARD numkeys key [key ...] [LIMIT limit]`
pub(crate) fn zintercard(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (keys, rest) = keys(call, 1)?;
    let sources = sources(call, keys)?;
    let options = Options::parse(rest, keys.len(), Operation::Intersection, Use::Counted)?;
    reply.integer(algebra::intersection_len(sources, options.limit) as i64);
    Ok(())
}
