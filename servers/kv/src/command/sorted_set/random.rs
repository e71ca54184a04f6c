//! `ZRANDMEMBER key [count [WITHSCORES]]`

use super::Shown;
use crate::command::call::{Call, Done};
use crate::command::draws::{self, Draws};
use crate::command::error::Error;
use crate::store::listpack::Item;
use crate::store::zset::Zset;
use ropewalk_protocols::resp::ReplyWriter;

/// `ZRANDMEMBER key [count [WITHSCORES]]`
pub(crate) fn zrandmember(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    if call.args.len() == 2 {
        let zset = call.read_as::<Zset>(call.key(1))?;
        match zset.and_then(|zset| call.random(|random| zset.random(random))) {
            Some((member, _)) => reply.bulk(&*member.text()),
            None => reply.null(),
        }
        return Ok(());
    }
    let (count, shown) = options(call)?;
    match call.read_as::<Zset>(call.key(1))? {
        Some(zset) if count > 0 => sample(call, zset, count.unsigned_abs(), shown, reply),
        Some(zset) if count < 0 => draw(call, zset, count.unsigned_abs(), shown, reply)?,
        _ => reply.array(0),
    }
    Ok(())
}

/// How many members; if negative, the same one may come again.
fn options(call: &Call<'_>) -> Result<(i64, Shown), Error> {
    let count = draws::count(call, 2)?;
    match call.rest(3) {
        [] => Ok((count, Shown::Members)),
        [option] if option.eq_ignore_ascii_case(b"withscores") => {
            // Twice as many elements have to be countable.
            let is_countable = count.unsigned_abs() <= (i64::MAX / 2) as u64;
            is_countable.then_some((count, Shown::WithScores)).ok_or(Error::OutOfRange)
        }
        _ => Err(Error::Syntax),
    }
}

/// Different members.
fn sample(call: &Call<'_>, zset: &Zset, count: u64, shown: Shown, reply: &mut ReplyWriter<'_>) {
    let count = usize::try_from(count).map_or(zset.len(), |count| count.min(zset.len()));
    shown.header(count, reply);
    call.random(|random| {
        zset.sample(count, random, |member, score| shown.member(member, score, reply));
    });
}

/// Any members, which may be the same.
fn draw(
    call: &Call<'_>,
    zset: &Zset,
    count: u64,
    shown: Shown,
    reply: &mut ReplyWriter<'_>,
) -> Result<(), Error> {
    let mut draws = Draws::new(count)?;
    shown.header(draws.left(), reply);
    // In a listpack each draw would read half of it.
    let packed: Vec<(Item<'_>, f64)> = zset.listpack().map_or(vec![], |_| zset.iter().collect());
    call.random(|random| {
        loop {
            let drawn = match &packed[..] {
                [] => zset.random(random),
                packed => packed.get(random.index(packed.len())).copied(),
            };
            let Some((member, score)) = drawn else { break };
            shown.member(member, score, reply);
            if draws.drew(reply).is_break() {
                break;
            }
        }
    });
    Ok(())
}
