//! The data and its memory: types, encodings, the keyspace. The one rule: a store knows no command and
//! no client; time, limits and randomness come in as arguments.

pub(crate) mod database;
pub(crate) mod entry;
pub(crate) mod field_expiries;
pub(crate) mod geo;
pub(crate) mod hash;
pub(crate) mod hyperloglog;
pub(crate) mod intset;
pub(crate) mod limits;
pub(crate) mod list;
pub(crate) mod listpack;
pub(crate) mod lzf;
pub(crate) mod rdb;
pub(crate) mod sample;
pub(crate) mod set;
pub(crate) mod stream;
pub(crate) mod table;
pub(crate) mod thin;
pub(crate) mod value;
pub(crate) mod zset;
