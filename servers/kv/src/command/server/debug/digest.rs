//! DEBUG DIGEST: what the data amounts to, in twenty bytes. The one rule: the same data have the same digest, whatever
//! order a hash table has them in, and the same as Redis computes.

use crate::command::call::Call;
use crate::server::Server;
use crate::store::database::{Found, Key};
use crate::store::stream::StreamId;
use crate::store::value::{Kind, View};
use ropewalk_protocols::resp::number;
use sha1::{Digest as _, Sha1};

/// Twenty bytes.
pub(super) type Digest = [u8; 20];

/// Of what has no order: each part is added in the same way, whenever it comes.
fn add(digest: &mut Digest, part: &[u8]) {
    let hash = Sha1::digest(part);
    digest.iter_mut().zip(hash).for_each(|(byte, more)| *byte ^= more);
}

/// Of what has an order: it is hashed again after each part.
fn mix(digest: &mut Digest, part: &[u8]) {
    add(digest, part);
    *digest = Sha1::digest(&digest[..]).into();
}

fn of_parts(parts: [&[u8]; 2]) -> Digest {
    let mut digest = Digest::default();
    parts.into_iter().for_each(|part| mix(&mut digest, part));
    digest
}

/// Of all databases.
pub(super) fn of_all(call: &Call<'_>) -> Digest {
    let mut whole = Digest::default();
    for db in 0..call.server.database_count() {
        let database = call.server.database(db);
        if database.is_empty() {
            continue;
        }
        mix(&mut whole, &(db as u32).to_be_bytes());
        for found in database.iter() {
            let mut digest = Digest::default();
            mix(&mut digest, found.name());
            mix_value(call.server, &mut digest, found);
            add(&mut whole, &digest);
        }
    }
    whole
}

/// Of what a key holds; zeros if it is not there.
pub(super) fn of_key(call: &Call<'_>, key: Key<'_>) -> Digest {
    let mut digest = Digest::default();
    if let Some(found) = call.peek(key) {
        mix_value(call.server, &mut digest, found);
    }
    digest
}

fn number_of(kind: Kind) -> u32 {
    match kind {
        Kind::String => 0,
        Kind::List => 1,
        Kind::Set => 2,
        Kind::Zset => 3,
        Kind::Hash => 4,
        Kind::Stream => 6,
    }
}

fn mix_value(server: &Server, digest: &mut Digest, found: Found<'_>) {
    mix(digest, &number_of(found.kind()).to_be_bytes());
    match found.view() {
        View::Integer(integer) => mix(digest, &number::integer(integer)),
        View::Bytes(bytes) => mix(digest, bytes),
        View::List(list) => (0..list.len()).for_each(|index| {
            list.get(index, |element| mix(digest, &element.text()));
        }),
        View::Set(set) => set.iter().for_each(|member| add(digest, &member.text())),
        View::Zset(zset) => zset.iter().for_each(|(member, score)| {
            add(digest, &of_parts([&member.text(), &number::double(score)]));
        }),
        View::Hash(hash) => hash.live(server.clock.wall_ms()).for_each(|field| {
            add(digest, &of_parts([&field.name.text(), &field.value.text()]));
        }),
        View::Stream(stream) => {
            for entry in stream.log().range(StreamId::MIN, StreamId::MAX) {
                mix(digest, format!("{}.{}", entry.id.ms, entry.id.seq).as_bytes());
                for (field, value) in entry.pairs() {
                    mix(digest, &field.text());
                    mix(digest, &value.text());
                }
            }
        }
    }
    if found.expires_at().is_some() {
        add(digest, b"!!expire!!");
    }
}
