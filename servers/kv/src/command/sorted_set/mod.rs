//! Commands on sorted sets. Those that give scores are in [`add`], those that read or store a range in
//! [`range`], those that take members off an end in [`pop`], those on several keys in [`algebra`].

mod add;
mod algebra;
mod bounds;
mod pop;
mod random;
mod range;
pub(crate) mod table;
#[cfg(test)]
mod tests;

pub(crate) use super::scan::zscan;
pub(crate) use add::{add_positions, zadd, zincrby};
pub(crate) use algebra::{zdiff, zdiffstore, zinter, zintercard, zinterstore, zunion, zunionstore};
pub(crate) use pop::{bzmpop, bzpopmax, bzpopmin, zmpop, zpopmax, zpopmin};
pub(crate) use random::zrandmember;
pub(crate) use range::{
    zrange, zrangebylex, zrangebyscore, zrangestore, zrevrange, zrevrangebylex, zrevrangebyscore,
};

use super::call::{Call, Done};
use super::error::Error;
use crate::server::notify::Notify;
use crate::store::database::{Expiry, Key};
use crate::store::listpack::Item;
use crate::store::value::Value;
use crate::store::zset::Zset;
use bounds::Bounds;
use ropewalk_protocols::resp::{ReplyWriter, Version};

/// `ZREM key member [member ...]`
pub(crate) fn zrem(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, members) = (call.key(1), call.rest(2));
    let removed = match call.write_as::<Zset>(key)? {
        Some(zset) => members.iter().filter(|member| zset.remove(member).is_some()).count(),
        None => 0,
    };
    if removed > 0 {
        call.modified(key, Notify::ZSET, "zrem");
        call.delete_if_empty::<Zset>(key);
    }
    reply.integer(removed as i64);
    Ok(())
}

/// `ZREMRANGEBYRANK key start stop`
pub(crate) fn zremrangebyrank(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let bounds = Bounds::of_ranks(call.arg(2), call.arg(3))?;
    remove_range(call, bounds, "zremrangebyrank", reply)
}

/// `ZREMRANGEBYSCORE key min max`
pub(crate) fn zremrangebyscore(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let bounds = Bounds::of_scores(call.arg(2), call.arg(3))?;
    remove_range(call, bounds, "zremrangebyscore", reply)
}

/// `ZREMRANGEBYLEX key min max`
pub(crate) fn zremrangebylex(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let bounds = Bounds::of_members(call.arg(2), call.arg(3))?;
    remove_range(call, bounds, "zremrangebylex", reply)
}

fn remove_range(
    call: &mut Call<'_>,
    bounds: Bounds<'_>,
    event: &'static str,
    reply: &mut ReplyWriter<'_>,
) -> Done {
    let key = call.key(1);
    let removed = match call.write_as::<Zset>(key)? {
        Some(zset) => {
            let ranks = bounds.ranks(zset);
            zset.remove_range(ranks.clone());
            ranks.len()
        }
        None => 0,
    };
    if removed > 0 {
        call.modified(key, Notify::ZSET, event);
        call.delete_if_empty::<Zset>(key);
    }
    reply.integer(removed as i64);
    Ok(())
}

/// `ZCARD key`
pub(crate) fn zcard(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    reply.integer(call.read_as::<Zset>(call.key(1))?.map_or(0, Zset::len) as i64);
    Ok(())
}

/// `ZCOUNT key min max`
pub(crate) fn zcount(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    count(call, Bounds::of_scores(call.arg(2), call.arg(3))?, reply)
}

/// `ZLEXCOUNT key min max`
pub(crate) fn zlexcount(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    count(call, Bounds::of_members(call.arg(2), call.arg(3))?, reply)
}

fn count(call: &Call<'_>, bounds: Bounds<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let zset = call.read_as::<Zset>(call.key(1))?;
    reply.integer(zset.map_or(0, |zset| bounds.ranks(zset).len()) as i64);
    Ok(())
}

/// `ZSCORE key member`
pub(crate) fn zscore(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let zset = call.read_as::<Zset>(call.key(1))?;
    write_score(zset.and_then(|zset| zset.score(call.arg(2))), reply);
    Ok(())
}

/// `ZMSCORE key member [member ...]`
pub(crate) fn zmscore(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let zset = call.read_as::<Zset>(call.key(1))?;
    let members = call.rest(2);
    reply.array(members.len());
    for member in members {
        write_score(zset.and_then(|zset| zset.score(member)), reply);
    }
    Ok(())
}

/// A score, or nothing.
fn write_score(score: Option<f64>, reply: &mut ReplyWriter<'_>) {
    match score {
        Some(score) => reply.double(score),
        None => reply.null(),
    }
}

/// `ZRANK key member`
pub(crate) fn zrank(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    write_rank(call, |rank, _| rank, reply)
}

/// `ZREVRANK key member`
pub(crate) fn zrevrank(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    write_rank(call, |rank, len| len.saturating_sub(rank).saturating_sub(1), reply)
}

fn write_rank(call: &Call<'_>, counted: impl Fn(usize, usize) -> usize, reply: &mut ReplyWriter<'_>) -> Done {
    let zset = call.read_as::<Zset>(call.key(1))?;
    match zset.and_then(|zset| Some(counted(zset.rank(call.arg(2))?.0, zset.len()))) {
        Some(rank) => reply.integer(rank as i64),
        None => reply.null(),
    }
    Ok(())
}

/// Members as a reply shows them: with their scores, or without.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    /// A member each.
    Members,
    /// A member and its score: in turn, or in RESP3 a pair each.
    WithScores,
}

impl Shown {
    /// Write the header for so many members.
    fn header(self, members: usize, reply: &mut ReplyWriter<'_>) {
        let is_flat = self == Self::WithScores && reply.version() == Version::Resp2;
        reply.array(if is_flat { members.saturating_mul(2) } else { members });
    }

    /// Write a member.
    fn member(self, member: Item<'_>, score: f64, reply: &mut ReplyWriter<'_>) {
        if self == Self::WithScores && reply.version() == Version::Resp3 {
            reply.array(2);
        }
        reply.bulk(&*member.text());
        if self == Self::WithScores {
            reply.double(score);
        }
    }

    /// Write all of these.
    fn all<'a>(self, members: impl ExactSizeIterator<Item = (Item<'a>, f64)>, reply: &mut ReplyWriter<'_>) {
        self.header(members.len(), reply);
        for (member, score) in members {
            self.member(member, score, reply);
        }
    }
}

/// Put a result under a key, or remove the key if there is none. Answers how many members it has.
pub(crate) fn store(
    call: &mut Call<'_>,
    key: Key<'_>,
    result: Zset,
    event: &'static str,
    reply: &mut ReplyWriter<'_>,
) {
    let len = result.len();
    if len > 0 {
        call.put(key, Value::Zset(result), Expiry::Never);
        call.modified(key, Notify::ZSET, event);
    } else if call.delete(key) {
        call.modified(key, Notify::GENERIC, "del");
    }
    reply.integer(len as i64);
}

/// How many elements a command may take or count: a positive integer.
fn positive(argument: &[u8], otherwise: &'static str) -> Result<usize, Error> {
    let number = super::call::integer(argument).ok().and_then(|number| usize::try_from(number).ok());
    number.filter(|number| *number > 0).ok_or(Error::text(otherwise))
}
