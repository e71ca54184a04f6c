//! Commands on sets. Those on several are in [`algebra`].

mod algebra;
pub(crate) mod table;
#[cfg(test)]
mod tests;

use super::call::{Call, Done};
use super::draws::{self, Draws};
use super::error::Error;
use crate::server::notify::Notify;
use crate::store::set::Set;
use ropewalk_protocols::resp::ReplyWriter;
use ropewalk_reactor::random::Random;

/// `SADD key member [member ...]`
pub(crate) fn sadd(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, members, limits) = (call.key(1), call.rest(2), call.limits());
    let set = call.create_as::<Set>(key)?;
    let added = members.iter().filter(|member| set.insert(member, &limits)).count();
    if added > 0 {
        call.modified(key, Notify::SET, "sadd");
    }
    reply.integer(added as i64);
    Ok(())
}

/// `SREM key member [member ...]`
pub(crate) fn srem(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, members) = (call.key(1), call.rest(2));
    let removed = match call.write_as::<Set>(key)? {
        Some(set) => members.iter().filter(|member| set.remove(member)).count(),
        None => 0,
    };
    if removed > 0 {
        call.modified(key, Notify::SET, "srem");
        call.delete_if_empty::<Set>(key);
    }
    reply.integer(removed as i64);
    Ok(())
}

/// `SMOVE source destination member`
pub(crate) fn smove(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (from, to, member, limits) = (call.key(1), call.key(2), call.arg(3), call.limits());
    let Some(source) = call.write_as::<Set>(from)? else {
        reply.integer(0);
        return Ok(());
    };
    let moves = source.contains(member);
    // The other key is looked at before anything is changed.
    call.write_as::<Set>(to)?;
    if moves && from.name != to.name {
        if let Some(source) = call.write_as::<Set>(from)? {
            source.remove(member);
        }
        call.modified(from, Notify::SET, "srem");
        call.delete_if_empty::<Set>(from);
        if call.create_as::<Set>(to)?.insert(member, &limits) {
            call.modified(to, Notify::SET, "sadd");
        }
    }
    reply.integer(i64::from(moves));
    Ok(())
}

/// `SISMEMBER key member`
pub(crate) fn sismember(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let member = call.arg(2);
    let found = call.read_as::<Set>(call.key(1))?.is_some_and(|set| set.contains(member));
    reply.integer(i64::from(found));
    Ok(())
}

/// `SMISMEMBER key member [member ...]`
pub(crate) fn smismember(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let set = call.read_as::<Set>(call.key(1))?;
    let members = call.rest(2);
    reply.array(members.len());
    for member in members {
        reply.integer(i64::from(set.is_some_and(|set| set.contains(member))));
    }
    Ok(())
}

/// `SCARD key`
pub(crate) fn scard(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    reply.integer(call.read_as::<Set>(call.key(1))?.map_or(0, Set::len) as i64);
    Ok(())
}

/// `SMEMBERS key`
pub(crate) fn smembers(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let set = call.read_as::<Set>(call.key(1))?;
    reply.set(set.map_or(0, Set::len));
    set.into_iter().flat_map(Set::iter).for_each(|member| reply.bulk(&*member.text()));
    Ok(())
}

/// `SPOP key [count]`
pub(crate) fn spop(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    match call.args.len() {
        2 => spop_one(call, reply),
        3 => spop_many(call, reply),
        _ => Err(Error::Syntax),
    }
}

fn spop_one(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, journaled) = (call.key(1), call.is_journaled());
    let mut random = call.random(Random::split);
    let mut popped = Vec::new();
    let any = call.write_as::<Set>(key)?.is_some_and(|set| {
        set.pop(&mut random, |member| {
            let member = member.text();
            reply.bulk(&*member);
            if journaled {
                popped = member.to_vec();
            }
        })
    });
    if !any {
        reply.null();
        return Ok(());
    }
    call.journal_instead(&[b"SREM", key.name, &popped]);
    call.modified(key, Notify::SET, "spop");
    call.delete_if_empty::<Set>(key);
    Ok(())
}

fn spop_many(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, limits, journaled) = (call.key(1), call.limits(), call.is_journaled());
    let count =
        call.integer(2).ok().and_then(|count| usize::try_from(count).ok()).ok_or(Error::NotPositive)?;
    let mut random = call.random(Random::split);
    let set = call.write_as::<Set>(key)?.filter(|_| count > 0);
    let Some(set) = set else {
        reply.set(0);
        return Ok(());
    };
    if count >= set.len() {
        reply.set(set.len());
        set.iter().for_each(|member| reply.bulk(&*member.text()));
        call.journal_instead(&[b"DEL", key.name]);
        call.modified(key, Notify::SET, "spop");
        call.delete(key);
        call.notify(Notify::GENERIC, "del", key);
        return Ok(());
    }
    reply.set(count);
    let mut popped = Vec::new();
    let visit = |member: crate::store::listpack::Item<'_>| {
        let member = member.text();
        reply.bulk(&*member);
        if journaled {
            popped.push(member.to_vec());
        }
    };
    set.pop_many(count, &mut random, visit, &limits);
    let popped = popped.iter().map(Vec::as_slice);
    call.journal_instead(&[&b"SREM"[..], key.name].into_iter().chain(popped).collect::<Vec<_>>());
    call.modified(key, Notify::SET, "spop");
    Ok(())
}

/// `SRANDMEMBER key [count]`
pub(crate) fn srandmember(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    match call.args.len() {
        2 => {
            let set = call.read_as::<Set>(call.key(1))?;
            match set.and_then(|set| call.random(|random| set.random(random))) {
                Some(member) => reply.bulk(&*member.text()),
                None => reply.null(),
            }
            Ok(())
        }
        3 => srandmember_many(call, reply),
        _ => Err(Error::Syntax),
    }
}

fn srandmember_many(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let count = draws::count(call, 2)?;
    let set = call.read_as::<Set>(call.key(1))?.filter(|_| count != 0);
    let Some(set) = set else {
        reply.array(0);
        return Ok(());
    };
    if count < 0 {
        let mut draws = Draws::new(count.unsigned_abs())?;
        reply.array(draws.left());
        call.random(|random| {
            set.draw(random, |member| {
                reply.bulk(&*member.text());
                draws.drew(reply)
            });
        });
    } else {
        let count = usize::try_from(count).map_or(set.len(), |count| count.min(set.len()));
        reply.array(count);
        call.random(|random| set.sample(count, random, |member| reply.bulk(&*member.text())));
    }
    Ok(())
}
