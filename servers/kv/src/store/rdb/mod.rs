//! Values as RDB has them: what DUMP gives, RESTORE takes, and a file of keys is made of. The one rule: nothing is
//! believed; what does not fit together is [`Corrupt`], whatever its checksum says.
//!
//! ```text
//! DUMP:  type (1 byte) │ value │ version (2 bytes) │ CRC-64 of all before (8 bytes)
//! ```
//!
//! Versions 10 (Redis 7.0) and 11 and 12 (7.2 and 7.4, which add types alone) are read, and the types of older ones;
//! 10 is written, but for hashes whose fields expire: those are 7.4's.

mod legacy;
mod primitive;
mod read;
mod stream;
mod write;

#[cfg(test)]
mod tests;

use super::limits::Limits;
use super::value::{Value, View};
use crc::{CRC_64_REDIS, Crc, Table};
use ropewalk_protocols::wire::{Reader, WireError};

/// What is written.
const VERSION: u16 = 10;

/// The newest version whose types are read.
const VERSION_MAX: u16 = 12;

/// The bytes behind the value.
const FOOTER: usize = 10;

static CRC: Crc<u64, Table<16>> = Crc::<u64, Table<16>>::new(&CRC_64_REDIS);

/// What was read is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Corrupt;

impl From<WireError> for Corrupt {
    fn from(_: WireError) -> Self {
        Self
    }
}

/// Why a payload is no value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RestoreError {
    /// Its version is not known, or its checksum wrong.
    Footer,
    /// It is not what its checksum was made of, or was never a value.
    Corrupt,
}

/// The numbers of the types.
mod kind {
    pub(super) const STRING: u8 = 0;
    pub(super) const LIST: u8 = 1;
    pub(super) const SET: u8 = 2;
    pub(super) const ZSET: u8 = 3;
    pub(super) const HASH: u8 = 4;
    pub(super) const ZSET_2: u8 = 5;
    pub(super) const HASH_ZIPMAP: u8 = 9;
    pub(super) const LIST_ZIPLIST: u8 = 10;
    pub(super) const SET_INTSET: u8 = 11;
    pub(super) const ZSET_ZIPLIST: u8 = 12;
    pub(super) const HASH_ZIPLIST: u8 = 13;
    pub(super) const LIST_QUICKLIST: u8 = 14;
    pub(super) const STREAM_LISTPACKS: u8 = 15;
    pub(super) const HASH_LISTPACK: u8 = 16;
    pub(super) const ZSET_LISTPACK: u8 = 17;
    pub(super) const LIST_QUICKLIST_2: u8 = 18;
    pub(super) const STREAM_LISTPACKS_2: u8 = 19;
    pub(super) const SET_LISTPACK: u8 = 20;
    pub(super) const STREAM_LISTPACKS_3: u8 = 21;
    pub(super) const HASH_METADATA: u8 = 24;
    pub(super) const HASH_LISTPACK_EX: u8 = 25;

    /// A list's node that is one element.
    pub(super) const PLAIN_NODE: u64 = 1;
    /// A list's node that is a listpack.
    pub(super) const PACKED_NODE: u64 = 2;
}

/// A value as DUMP gives it.
pub(crate) fn dump(value: View<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    write::put_value(&mut out, value);
    out.extend_from_slice(&VERSION.to_le_bytes());
    let checksum = CRC.checksum(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

/// The length of a value as DUMP gives it, without what stands behind it.
pub(crate) fn dumped_len(value: View<'_>) -> usize {
    let mut out = Vec::new();
    write::put_value(&mut out, value);
    // The type is no part of it.
    out.len() - 1
}

/// The value of a payload that DUMP gave. Fields that have expired at `now_ms` are left out, and if all have, so is the
/// value.
///
/// # Errors
/// If it is no such payload; with `check` its checksum has to be right as well.
pub(crate) fn restore(
    payload: &[u8],
    check: bool,
    now_ms: i64,
    limits: &Limits,
) -> Result<Option<Value>, RestoreError> {
    let footer = payload.len().checked_sub(FOOTER).ok_or(RestoreError::Footer)?;
    let (value, mut footer) = (&payload[..footer], Reader::whole(&payload[footer..]));
    let version = footer.u16_le().map_err(|_| RestoreError::Footer)?;
    let checksum = footer.u64_le().map_err(|_| RestoreError::Footer)?;
    let covered = &payload[..payload.len() - size_of::<u64>()];
    if version > VERSION_MAX || check && CRC.checksum(covered) != checksum {
        return Err(RestoreError::Footer);
    }
    let mut input = Reader::whole(value);
    let value = read::take_value(&mut input, now_ms, limits).map_err(|_| RestoreError::Corrupt)?;
    if input.is_empty() { Ok(value) } else { Err(RestoreError::Corrupt) }
}
