//! Commands on HyperLogLogs. The one rule: what they write is a string like any other, so whatever they read may be anything.

mod selftest;
pub(crate) mod table;

pub(crate) use selftest::pfselftest;

use super::call::{Call, Done, StringRef};
use super::error::Error;
use crate::server::notify::Notify;
use crate::store::database::{Expiry, Key};
use crate::store::hyperloglog::{self, Corrupt, Form, Registers, Run};
use crate::store::value::Value;
use ropewalk_protocols::resp::ReplyWriter;
use std::fmt::Write;

impl From<Corrupt> for Error {
    fn from(_: Corrupt) -> Self {
        Self::text("INVALIDOBJ Corrupted HLL object detected")
    }
}

/// Which form the HyperLogLog has that these bytes are.
fn form(bytes: &[u8]) -> Result<Form, Error> {
    let none = Error::text("WRONGTYPE Key is not a valid HyperLogLog string value.");
    hyperloglog::form(bytes).ok_or(none)
}

/// The HyperLogLog under a key, to read.
fn read<'c>(call: &'c Call<'_>, key: Key<'_>) -> Result<Option<StringRef<'c>>, Error> {
    let string = call.read_string(key)?;
    if let Some(bytes) = &string {
        form(bytes)?;
    }
    Ok(string)
}

/// The HyperLogLog under a key, to change; none if there is none.
fn change<'c>(call: &'c mut Call<'_>, key: Key<'_>) -> Result<Option<&'c mut Vec<u8>>, Error> {
    let Some(found) = call.before_change(key) else { return Ok(None) };
    form(&StringRef::of(found.view())?)?;
    call.bytes_mut(key)
}

/// As [`change`], a new one if there is none, and whether it is new.
fn change_or_create<'c>(call: &'c mut Call<'_>, key: Key<'_>) -> Result<(&'c mut Vec<u8>, bool), Error> {
    let is_new = call.before_change(key).is_none();
    if is_new {
        call.put(key, Value::Raw(Box::new(hyperloglog::empty())), Expiry::Never);
    }
    let bytes = change(call, key)?;
    Ok((bytes.expect("one is there, or was put there"), is_new))
}

/// `PFADD key [element ...]`: whether the estimate may be another.
pub(crate) fn pfadd(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (key, elements) = (call.key(1), call.rest(2));
    let sparse_bytes_max = call.limits().hll_sparse_bytes;
    let (bytes, is_new) = change_or_create(call, key)?;
    let mut changes = u64::from(is_new);
    for element in elements {
        changes += u64::from(hyperloglog::add(bytes, element, sparse_bytes_max)?);
    }
    if changes > 0 {
        hyperloglog::forget_cardinality(bytes);
        call.modified(key, Notify::STRING, "pfadd");
        call.server.dirty += changes - 1;
    }
    reply.integer(i64::from(changes > 0));
    Ok(())
}

/// `PFCOUNT key [key ...]`: how many different elements there were in all of them.
pub(crate) fn pfcount(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let cardinality = match call.rest(1) {
        [_] => count_one(call)?,
        names => {
            let mut registers = Registers::default();
            for name in names {
                if let Some(bytes) = read(call, Key::new(name))? {
                    registers.unite(&bytes)?;
                }
            }
            registers.cardinality()
        }
    };
    reply.integer(i64::try_from(cardinality).unwrap_or(i64::MAX));
    Ok(())
}

/// What the one under the first key has seen; the estimate is noted there.
fn count_one(call: &mut Call<'_>) -> Result<u64, Error> {
    let key = call.key(1);
    let Some(bytes) = read(call, key)? else { return Ok(0) };
    if let Some(known) = hyperloglog::known_cardinality(&bytes) {
        return Ok(known);
    }
    let cardinality = hyperloglog::cardinality(&bytes)?;
    if let Some(bytes) = call.bytes_mut(key)? {
        hyperloglog::note_cardinality(bytes, cardinality);
        call.touched(key);
        call.server.dirty += 1;
    }
    Ok(cardinality)
}

/// `PFMERGE destkey [sourcekey ...]`: have the first see what all have seen.
pub(crate) fn pfmerge(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let mut registers = Registers::default();
    let mut any_dense = false;
    for name in call.rest(1) {
        if let Some(bytes) = read(call, Key::new(name))? {
            any_dense |= form(&bytes)? == Form::Dense;
            registers.unite(&bytes)?;
        }
    }
    let (key, sparse_bytes_max) = (call.key(1), call.limits().hll_sparse_bytes);
    let (bytes, _) = change_or_create(call, key)?;
    if any_dense {
        hyperloglog::make_dense(bytes)?;
    }
    for (register, rank) in registers.iter().filter(|(_, rank)| *rank > 0) {
        hyperloglog::raise(bytes, register, rank, sparse_bytes_max)?;
    }
    hyperloglog::forget_cardinality(bytes);
    call.modified(key, Notify::STRING, "pfadd");
    reply.ok();
    Ok(())
}

/// `PFDEBUG GETREG | DECODE | ENCODING | TODENSE key`
pub(crate) fn pfdebug(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (subcommand, key) = (call.arg(1), call.key(2));
    let bytes = change(call, key)?.ok_or(Error::text("ERR The specified key does not exist"))?;
    let form = form(bytes)?;
    match (subcommand.to_ascii_lowercase().as_slice(), form) {
        (b"getreg", _) => {
            let mut registers = Registers::default();
            registers.unite(bytes)?;
            hyperloglog::make_dense(bytes)?;
            reply.array(hyperloglog::REGISTERS);
            registers.iter().for_each(|(_, rank)| reply.integer(i64::from(rank)));
            call.server.dirty += u64::from(form == Form::Sparse);
        }
        (b"decode", Form::Sparse) => reply.bulk(decoded(bytes)),
        (b"decode", Form::Dense) => return Err(Error::text("ERR HLL encoding is not sparse")),
        (b"encoding", Form::Sparse) => reply.simple("sparse"),
        (b"encoding", Form::Dense) => reply.simple("dense"),
        (b"todense", _) => {
            hyperloglog::make_dense(bytes)?;
            reply.integer(i64::from(form == Form::Sparse));
            call.server.dirty += u64::from(form == Form::Sparse);
        }
        _ => return Err(Error::Bytes([b"ERR Unknown PFDEBUG subcommand '", subcommand, b"'"].concat())),
    }
    Ok(())
}

/// The runs of a sparse one: `z:3` and `Z:300` are zeros, `v:2,1` is the value 2, once.
fn decoded(bytes: &[u8]) -> String {
    let mut text = String::new();
    for run in hyperloglog::runs(bytes) {
        if !text.is_empty() {
            text.push(' ');
        }
        let written = match run {
            Run::Zeros(length) => write!(text, "z:{length}"),
            Run::ManyZeros(length) => write!(text, "Z:{length}"),
            Run::Values(rank, length) => write!(text, "v:{rank},{length}"),
        };
        written.expect("a string takes all that is written");
    }
    text
}

#[cfg(test)]
mod tests;
