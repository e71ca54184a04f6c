//! Commands on several sets. The one rule: all keys are looked at first, so that one of another kind is
//! an error even where the answer would not depend on it.

use crate::command::call::{Call, Done};
use crate::command::error::Error;
use crate::server::notify::Notify;
use crate::store::database::{Expiry, Key};
use crate::store::listpack::Item;
use crate::store::set::{Set, algebra};
use crate::store::value::Value;
use ropewalk_protocols::resp::ReplyWriter;
use std::ops::ControlFlow;

/// `SINTER key [key ...]`
pub(crate) fn sinter(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let sets = all_sets(call, call.rest(1))?;
    let open = reply.open_set();
    let mut length = 0usize;
    algebra::intersection(sets.unwrap_or_default(), |member| {
        reply.bulk(&*member.text());
        length = length.saturating_add(1);
        ControlFlow::Continue(())
    });
    reply.close(open, length);
    Ok(())
}

/// `SINTERSTORE destination key [key ...]`
pub(crate) fn sinterstore(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let limits = call.limits();
    let mut result = Set::new();
    algebra::intersection(all_sets(call, call.rest(2))?.unwrap_or_default(), |member| {
        result.insert_item(member, &limits);
        ControlFlow::Continue(())
    });
    store(call, reply, result, "sinterstore")
}

/// `SINTERCARD numkeys key [key ...] [LIMIT limit]`
pub(crate) fn sintercard(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let Counted { keys, limit } = Counted::parse(call)?;
    let mut count = 0;
    algebra::intersection(all_sets(call, keys)?.unwrap_or_default(), |_| {
        count += 1;
        if count == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    reply.integer(count);
    Ok(())
}

/// What SINTERCARD is to count.
struct Counted<'a> {
    keys: &'a [&'a [u8]],
    /// Where to stop; 0 is nowhere.
    limit: i64,
}

impl<'a> Counted<'a> {
    fn parse(call: &Call<'a>) -> Result<Self, Error> {
        let few = Error::text("ERR numkeys should be greater than 0");
        let count = call.integer(1).ok().filter(|count| *count > 0).ok_or(few)?;
        let many = Error::text("ERR Number of keys can't be greater than number of args");
        let count = usize::try_from(count).map_err(|_| many.clone())?;
        let (keys, mut options) = call.rest(2).split_at_checked(count).ok_or(many)?;
        let mut limit = 0;
        while let [name, value, rest @ ..] = options {
            if !name.eq_ignore_ascii_case(b"limit") {
                return Err(Error::Syntax);
            }
            let negative = Error::text("ERR LIMIT can't be negative");
            let value = crate::command::call::integer(value).ok().filter(|limit| *limit >= 0);
            (limit, options) = (value.ok_or(negative)?, rest);
        }
        if options.is_empty() { Ok(Self { keys, limit }) } else { Err(Error::Syntax) }
    }
}

/// `SUNION key [key ...]`
pub(crate) fn sunion(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let sets: Vec<&Set> = sets(call, call.rest(1))?.into_iter().flatten().collect();
    let result = algebra::union(&sets, &call.limits());
    reply.set(result.len());
    result.iter().for_each(|member| reply.bulk(&*member.text()));
    Ok(())
}

/// `SUNIONSTORE destination key [key ...]`
pub(crate) fn sunionstore(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let sets: Vec<&Set> = sets(call, call.rest(2))?.into_iter().flatten().collect();
    let result = algebra::union(&sets, &call.limits());
    store(call, reply, result, "sunionstore")
}

/// `SDIFF key [key ...]`
pub(crate) fn sdiff(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let sets = sets(call, call.rest(1))?;
    let open = reply.open_set();
    let mut length = 0usize;
    difference(call, &sets, |member| {
        reply.bulk(&*member.text());
        length = length.saturating_add(1);
    });
    reply.close(open, length);
    Ok(())
}

/// `SDIFFSTORE destination key [key ...]`
pub(crate) fn sdiffstore(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let limits = call.limits();
    let mut result = Set::new();
    difference(call, &sets(call, call.rest(2))?, |member| {
        result.insert_item(member, &limits);
    });
    store(call, reply, result, "sdiffstore")
}

/// Visit what the first set has and no other.
fn difference(call: &Call<'_>, sets: &[Option<&Set>], visit: impl FnMut(Item<'_>)) {
    if let [Some(first), others @ ..] = sets {
        let others: Vec<&Set> = others.iter().copied().flatten().collect();
        algebra::difference(first, &others, &call.limits(), visit);
    }
}

/// The sets of these keys.
fn sets<'c>(call: &'c Call<'_>, keys: &[&[u8]]) -> Result<Vec<Option<&'c Set>>, Error> {
    keys.iter().map(|key| call.read_as::<Set>(Key::new(key))).collect()
}

/// The sets of these keys, if all are there.
fn all_sets<'c>(call: &'c Call<'_>, keys: &[&[u8]]) -> Result<Option<Vec<&'c Set>>, Error> {
    Ok(sets(call, keys)?.into_iter().collect())
}

/// Put the result under the destination key: nothing, if it is empty.
fn store(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>, result: Set, event: &'static str) -> Done {
    let key = call.key(1);
    reply.integer(result.len() as i64);
    if !result.is_empty() {
        call.put(key, Value::Set(result), Expiry::Never);
        call.modified(key, Notify::SET, event);
    } else if call.delete(key) {
        call.modified(key, Notify::GENERIC, "del");
    }
    Ok(())
}
