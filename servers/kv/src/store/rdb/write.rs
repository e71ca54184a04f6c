//! Values into RDB. The one rule: the bytes are those that Redis 7.0 writes for the same value in the same encoding.

use super::kind;
use super::primitive::{put_double, put_integer, put_length, put_string};
use super::stream;
use crate::store::hash::Hash;
use crate::store::list::{List, Part};
use crate::store::listpack::Item;
use crate::store::set::Set;
use crate::store::value::View;
use crate::store::zset::Zset;

/// Append the number of the type, and the value.
pub(super) fn put_value(out: &mut Vec<u8>, value: View<'_>) {
    match value {
        View::Integer(integer) => {
            out.push(kind::STRING);
            put_integer(out, integer);
        }
        View::Bytes(bytes) => {
            out.push(kind::STRING);
            put_string(out, bytes);
        }
        View::List(list) => put_list(out, list),
        View::Set(set) => put_set(out, set),
        View::Zset(zset) => put_zset(out, zset),
        View::Hash(hash) => put_hash(out, hash),
        View::Stream(it) => stream::put(out, it),
    }
}

fn put_item(out: &mut Vec<u8>, item: Item<'_>) {
    match item {
        Item::Integer(integer) => put_integer(out, integer),
        Item::Bytes(bytes) => put_string(out, bytes),
    }
}

fn put_list(out: &mut Vec<u8>, list: &List) {
    out.push(kind::LIST_QUICKLIST_2);
    put_length(out, list.node_count() as u64);
    for part in list.parts() {
        match part {
            Part::Plain(element) => {
                put_length(out, kind::PLAIN_NODE);
                put_string(out, element);
            }
            Part::Packed(pack) => {
                put_length(out, kind::PACKED_NODE);
                put_string(out, pack.as_bytes());
            }
        }
    }
}

fn put_set(out: &mut Vec<u8>, set: &Set) {
    if let Some(integers) = set.intset() {
        out.push(kind::SET_INTSET);
        return put_string(out, &integers.to_bytes());
    }
    out.push(kind::SET);
    put_length(out, set.len() as u64);
    set.iter().for_each(|member| put_item(out, member));
}

fn put_zset(out: &mut Vec<u8>, zset: &Zset) {
    if let Some(pack) = zset.listpack() {
        out.push(kind::ZSET_LISTPACK);
        return put_string(out, pack.as_bytes());
    }
    out.push(kind::ZSET_2);
    put_length(out, zset.len() as u64);
    // The highest first: so each is put in front of those before it when they are read.
    for (member, score) in zset.iter().rev() {
        put_string(out, &member.text());
        put_double(out, score);
    }
}

fn put_hash(out: &mut Vec<u8>, hash: &Hash) {
    if let Some(first) = hash.next_expiry() {
        return put_expiring_hash(out, hash, first);
    }
    if let Some(pack) = hash.listpack() {
        out.push(kind::HASH_LISTPACK);
        return put_string(out, pack.as_bytes());
    }
    out.push(kind::HASH);
    put_length(out, hash.len() as u64);
    for field in hash.iter() {
        put_item(out, field.name);
        put_item(out, field.value);
    }
}

/// Redis 7.4's: each field is preceded by how long after the first it expires, plus one; zero is never.
fn put_expiring_hash(out: &mut Vec<u8>, hash: &Hash, first: i64) {
    out.push(kind::HASH_METADATA);
    out.extend_from_slice(&first.to_le_bytes());
    put_length(out, hash.len() as u64);
    for field in hash.iter() {
        put_length(out, field.expires_at.map_or(0, |at| at.saturating_sub(first).unsigned_abs() + 1));
        put_item(out, field.name);
        put_item(out, field.value);
    }
}
