//! Whether two replies are the same, as far as they have to be.

use crate::peer::Reply;
use ropewalk_protocols::resp::Value;
use std::io;

/// What of two replies has to agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strictness {
    /// Every byte.
    Bytes,
    /// The elements, in any order: Redis keeps them in a hash table.
    AnyOrder,
    /// The types, however many there are: time, chance and memory differ.
    Shape,
    /// That there is a reply.
    Nothing,
}

/// What there is to say about two replies that differ.
pub(crate) fn difference(
    redis: &io::Result<Reply>,
    ropewalk: &io::Result<Reply>,
    strictness: Strictness,
) -> Option<String> {
    let same = match (redis, ropewalk) {
        (Ok(redis), Ok(ropewalk)) => agree(redis, ropewalk, strictness),
        (Err(redis), Err(ropewalk)) => is_closed(redis) == is_closed(ropewalk),
        _ => false,
    };
    (!same).then(|| format!("      redis: {}\n   ropewalk: {}", shown(redis), shown(ropewalk)))
}

/// Whether a connection is closed, in one way or another: what was on its way decides which.
fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

fn agree(redis: &Reply, ropewalk: &Reply, strictness: Strictness) -> bool {
    if redis.bytes == ropewalk.bytes {
        return true;
    }
    // Redis cuts what it quotes in an error at a NUL; we show all of it.
    if let (Value::Error(one), Value::Error(other)) = (&redis.value, &ropewalk.value)
        && without_nul(one) == without_nul(other)
    {
        return true;
    }
    match strictness {
        Strictness::Bytes => false,
        Strictness::AnyOrder => {
            redis.bytes.len() == ropewalk.bytes.len() && sorted(&redis.value) == sorted(&ropewalk.value)
        }
        Strictness::Shape => shape(&redis.value) == shape(&ropewalk.value),
        Strictness::Nothing => true,
    }
}

fn without_nul(text: &[u8]) -> Vec<u8> {
    text.iter().copied().filter(|byte| *byte != 0).collect()
}

/// A value as text, the elements of each aggregate in order.
fn sorted(value: &Value) -> String {
    let list = |kind: &str, mut texts: Vec<String>| {
        texts.sort();
        format!("{kind}{texts:?}")
    };
    match value {
        Value::Array(values) => list("array", values.iter().map(sorted).collect()),
        Value::Set(values) => list("set", values.iter().map(sorted).collect()),
        Value::Map(pairs) => {
            list("map", pairs.iter().map(|(name, value)| sorted(name) + &sorted(value)).collect())
        }
        other => format!("{other:?}"),
    }
}

/// What kind of value it is; of an aggregate, what its first element is; of an error, all of it.
fn shape(value: &Value) -> String {
    let first = |values: &[Value]| values.first().map(shape).unwrap_or_default();
    match value {
        Value::Array(values) => format!("array of {}", first(values)),
        Value::Set(values) => format!("set of {}", first(values)),
        Value::Push(values) => format!("push of {}", first(values)),
        Value::Map(pairs) => {
            format!(
                "map of {}",
                pairs.first().map(|(name, value)| shape(name) + &shape(value)).unwrap_or_default()
            )
        }
        Value::Error(error) => format!("{error:?}"),
        other => {
            let text = format!("{other:?}");
            text.split(|letter: char| !letter.is_alphanumeric()).next().unwrap_or_default().to_owned()
        }
    }
}

/// A reply for people.
fn shown(reply: &io::Result<Reply>) -> String {
    const SHOWN_MAX: usize = 600;
    match reply {
        Ok(reply) => {
            let text = reply.bytes.escape_ascii().to_string();
            match text.char_indices().nth(SHOWN_MAX) {
                Some((at, _)) => format!("{}… ({} bytes)", &text[..at], reply.bytes.len()),
                None => text,
            }
        }
        Err(error) => format!("({error})"),
    }
}
