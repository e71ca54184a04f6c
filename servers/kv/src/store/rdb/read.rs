//! RDB into values. The one rule: a value is built as commands would build it, so that it is as whole as theirs.

use super::legacy;
use super::primitive::{take_count, take_double, take_length, take_string, take_text_double};
use super::{Corrupt, kind, stream};
use crate::store::hash::{Expires, Hash};
use crate::store::intset::Intset;
use crate::store::limits::Limits;
use crate::store::list::{End, List};
use crate::store::listpack::Listpack;
use crate::store::set::Set;
use crate::store::value::Value;
use crate::store::zset::Zset;
use ropewalk_protocols::wire::Reader;

/// The value that follows, its type first; none if it was a hash all of whose fields have expired.
pub(super) fn take_value(
    input: &mut Reader<'_>,
    now_ms: i64,
    limits: &Limits,
) -> Result<Option<Value>, Corrupt> {
    Ok(Some(match input.u8()? {
        kind::STRING => Value::string(&take_string(input)?),
        kind::LIST => Value::List(take_list(input, limits)?),
        kind::LIST_ZIPLIST => Value::List(list_of(&legacy::ziplist(&take_string(input)?)?, limits)?),
        kind::LIST_QUICKLIST => Value::List(take_quicklist(input, limits, Nodes::Ziplists)?),
        kind::LIST_QUICKLIST_2 => Value::List(take_quicklist(input, limits, Nodes::Listpacks)?),
        kind::SET => Value::Set(take_set(input, limits)?),
        kind::SET_INTSET => {
            let integers = Intset::from_bytes(&take_string(input)?).ok_or(Corrupt)?;
            Value::Set(Set::from_intset(integers, limits))
        }
        kind::SET_LISTPACK => {
            let members = take_listpack(input)?;
            Value::Set(set_of(members.iter().map(|member| member.text().to_vec()), limits)?)
        }
        kind::ZSET => Value::Zset(take_zset(input, limits, take_text_double)?),
        kind::ZSET_2 => Value::Zset(take_zset(input, limits, take_double)?),
        kind::ZSET_LISTPACK => {
            Value::Zset(Zset::from_listpack(take_listpack(input)?, limits).ok_or(Corrupt)?)
        }
        kind::ZSET_ZIPLIST => Value::Zset(zset_of(&legacy::ziplist(&take_string(input)?)?, limits)?),
        kind::HASH => Value::Hash(take_hash(input, limits)?),
        kind::HASH_ZIPMAP => Value::Hash(hash_of(&legacy::zipmap(&take_string(input)?)?, limits)?),
        kind::HASH_ZIPLIST => Value::Hash(hash_of(&legacy::ziplist(&take_string(input)?)?, limits)?),
        kind::HASH_LISTPACK => {
            Value::Hash(Hash::from_listpack(take_listpack(input)?, limits).ok_or(Corrupt)?)
        }
        kind::HASH_METADATA => return take_expiring_hash(input, now_ms, limits),
        kind::HASH_LISTPACK_EX => return take_expiring_listpack(input, now_ms, limits),
        kind::STREAM_LISTPACKS => Value::Stream(stream::take(input, stream::Layout::First)?),
        kind::STREAM_LISTPACKS_2 => Value::Stream(stream::take(input, stream::Layout::Second)?),
        kind::STREAM_LISTPACKS_3 => Value::Stream(stream::take(input, stream::Layout::Third)?),
        _ => return Err(Corrupt),
    }))
    .and_then(|value| if value.as_ref().is_some_and(is_hollow) { Err(Corrupt) } else { Ok(value) })
}

/// A collection without elements, which no key may hold.
fn is_hollow(value: &Value) -> bool {
    match value {
        Value::List(list) => list.is_empty(),
        Value::Set(set) => set.is_empty(),
        Value::Zset(zset) => zset.is_empty(),
        Value::Hash(hash) => hash.is_empty(),
        Value::Stream(_) | Value::Integer(_) | Value::Text(_) | Value::Raw(_) => false,
    }
}

fn take_listpack(input: &mut Reader<'_>) -> Result<Listpack, Corrupt> {
    Listpack::from_bytes(&take_string(input)?).ok_or(Corrupt)
}

fn take_list(input: &mut Reader<'_>, limits: &Limits) -> Result<List, Corrupt> {
    let mut list = List::new();
    for _ in 0..take_count(input)? {
        list.push(End::Back, &take_string(input)?, limits);
    }
    Ok(list)
}

fn list_of(elements: &[Vec<u8>], limits: &Limits) -> Result<List, Corrupt> {
    let mut list = List::new();
    elements.iter().for_each(|element| list.push(End::Back, element, limits));
    Ok(list)
}

/// What the nodes of a list are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Nodes {
    Ziplists,
    /// Listpacks, or single large elements; each says which.
    Listpacks,
}

fn take_quicklist(input: &mut Reader<'_>, limits: &Limits, nodes: Nodes) -> Result<List, Corrupt> {
    let mut list = List::new();
    for _ in 0..take_count(input)? {
        let container = if nodes == Nodes::Listpacks { Some(take_length(input)?) } else { None };
        let bytes = take_string(input)?;
        match container {
            None => legacy::ziplist(&bytes)?.iter().for_each(|element| list.push(End::Back, element, limits)),
            Some(kind::PLAIN_NODE) => list.append_plain(&bytes, limits),
            Some(kind::PACKED_NODE) => {
                let pack = Listpack::from_bytes(&bytes).filter(|pack| !pack.is_empty()).ok_or(Corrupt)?;
                list.append_packed(pack, limits);
            }
            Some(_) => return Err(Corrupt),
        }
    }
    Ok(list)
}

fn take_set(input: &mut Reader<'_>, limits: &Limits) -> Result<Set, Corrupt> {
    let count = take_count(input)?;
    let members = (0..count).map(|_| take_string(input).map(|member| member.into_owned()));
    set_of(members.collect::<Result<Vec<_>, _>>()?, limits)
}

/// A set of these; each may be there once.
fn set_of(members: impl IntoIterator<Item = Vec<u8>>, limits: &Limits) -> Result<Set, Corrupt> {
    let mut set = Set::new();
    let all_new = members.into_iter().all(|member| set.insert(&member, limits));
    if all_new { Ok(set) } else { Err(Corrupt) }
}

fn take_zset(
    input: &mut Reader<'_>,
    limits: &Limits,
    take_score: fn(&mut Reader<'_>) -> Result<f64, Corrupt>,
) -> Result<Zset, Corrupt> {
    let mut zset = Zset::new();
    for _ in 0..take_count(input)? {
        let member = take_string(input)?;
        add_scored(&mut zset, &member, take_score(input)?, limits)?;
    }
    Ok(zset)
}

/// A sorted set of members and scores by turns.
fn zset_of(elements: &[Vec<u8>], limits: &Limits) -> Result<Zset, Corrupt> {
    let mut zset = Zset::new();
    for pair in elements.chunks(2) {
        let [member, score] = pair else { return Err(Corrupt) };
        let score = str::from_utf8(score).ok().and_then(|score| score.parse().ok()).ok_or(Corrupt)?;
        add_scored(&mut zset, member, score, limits)?;
    }
    Ok(zset)
}

fn add_scored(zset: &mut Zset, member: &[u8], score: f64, limits: &Limits) -> Result<(), Corrupt> {
    if score.is_nan() || zset.score(member).is_some() {
        return Err(Corrupt);
    }
    zset.set(member, score, limits);
    Ok(())
}

fn take_hash(input: &mut Reader<'_>, limits: &Limits) -> Result<Hash, Corrupt> {
    let mut hash = Hash::new();
    for _ in 0..take_count(input)? {
        let (name, value) = (take_string(input)?, take_string(input)?);
        add_field(&mut hash, &name, &value, limits)?;
    }
    Ok(hash)
}

/// A hash of names and values by turns.
fn hash_of(elements: &[Vec<u8>], limits: &Limits) -> Result<Hash, Corrupt> {
    let mut hash = Hash::new();
    for pair in elements.chunks(2) {
        let [name, value] = pair else { return Err(Corrupt) };
        add_field(&mut hash, name, value, limits)?;
    }
    Ok(hash)
}

fn add_field(hash: &mut Hash, name: &[u8], value: &[u8], limits: &Limits) -> Result<(), Corrupt> {
    // No field expires while it is read: that is said of each when it is there.
    let is_new = hash.set(name, value, Expires::Never, 0, limits);
    if is_new { Ok(()) } else { Err(Corrupt) }
}

fn add_expiring(
    hash: &mut Hash,
    (name, value): (&[u8], &[u8]),
    at: Option<i64>,
    now_ms: i64,
    limits: &Limits,
) -> Result<(), Corrupt> {
    if at.is_some_and(|at| at <= now_ms) {
        return Ok(());
    }
    add_field(hash, name, value, limits)?;
    hash.set_expiry(name, at);
    Ok(())
}

fn take_expiring_hash(
    input: &mut Reader<'_>,
    now_ms: i64,
    limits: &Limits,
) -> Result<Option<Value>, Corrupt> {
    let first = i64::from_le_bytes(input.array()?);
    let mut hash = Hash::new();
    for _ in 0..take_count(input)? {
        let after = take_length(input)?;
        let at = match after.checked_sub(1) {
            Some(after) => Some(first.checked_add_unsigned(after).filter(|at| *at > 0).ok_or(Corrupt)?),
            None => None,
        };
        let (name, value) = (take_string(input)?, take_string(input)?);
        add_expiring(&mut hash, (&name, &value), at, now_ms, limits)?;
    }
    Ok((!hash.is_empty()).then_some(Value::Hash(hash)))
}

/// Names, values and expiries by turns; an expiry of zero is none.
fn take_expiring_listpack(
    input: &mut Reader<'_>,
    now_ms: i64,
    limits: &Limits,
) -> Result<Option<Value>, Corrupt> {
    let _first = input.u64()?;
    let pack = take_listpack(input)?;
    let mut hash = Hash::new();
    let mut elements = pack.iter();
    while let Some(name) = elements.next() {
        let (value, at) = (elements.next().ok_or(Corrupt)?, elements.next().ok_or(Corrupt)?);
        let at = at.integer().filter(|at| *at >= 0).ok_or(Corrupt)?;
        let at = (at > 0).then_some(at);
        add_expiring(&mut hash, (&name.text(), &value.text()), at, now_ms, limits)?;
    }
    Ok((!hash.is_empty()).then_some(Value::Hash(hash)))
}
