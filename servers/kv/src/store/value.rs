//! What a key holds. The one rule: a value knows its kind and its encoding, and no command.

use super::hash::Hash;
use super::list::List;
use super::set::Set;
use super::stream::Stream;
use super::zset::Zset;

/// What TYPE answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Bytes, or an integer.
    String,
    /// Elements in order.
    List,
    /// Different members.
    Set,
    /// Members by score.
    Zset,
    /// Fields and their values.
    Hash,
    /// Entries by time.
    Stream,
}

impl Kind {
    /// The name that TYPE answers and SCAN takes.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::List => "list",
            Self::Set => "set",
            Self::Zset => "zset",
            Self::Hash => "hash",
            Self::Stream => "stream",
        }
    }
}

/// What OBJECT ENCODING answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Encoding {
    /// A string that is an integer.
    Int,
    /// A short string that was set whole.
    Embstr,
    /// A long string, or one that was changed in place.
    Raw,
    /// A small hash or sorted set.
    Listpack,
    /// Any list.
    Quicklist,
    /// A set of integers alone.
    Intset,
    /// A large set or hash.
    Hashtable,
    /// A large sorted set.
    Skiplist,
    /// Any stream.
    Stream,
}

impl Encoding {
    /// The name that OBJECT ENCODING answers.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Embstr => "embstr",
            Self::Raw => "raw",
            Self::Listpack => "listpack",
            Self::Quicklist => "quicklist",
            Self::Intset => "intset",
            Self::Hashtable => "hashtable",
            Self::Skiplist => "skiplist",
            Self::Stream => "stream",
        }
    }
}

/// The longest string that is `embstr`.
pub(crate) const EMBSTR_BYTES_MAX: usize = 44;

/// What a key holds, by itself: what is put into a database, and what is taken out of one.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    /// A string that is a canonical integer.
    Integer(i64),
    /// A string that was set whole.
    Text(Box<[u8]>),
    /// A string that was changed in place, with room to change again.
    #[expect(clippy::box_collection, reason = "a value is 24 bytes with it, and 32 without")]
    Raw(Box<Vec<u8>>),
    /// A list.
    List(List),
    /// A set.
    Set(Set),
    /// A sorted set.
    Zset(Zset),
    /// A hash.
    Hash(Hash),
    /// A stream.
    Stream(Stream),
}

/// What a key holds, to look at.
#[derive(Clone, Copy, Debug)]
pub(crate) enum View<'a> {
    /// A string that is an integer.
    Integer(i64),
    /// Any other string.
    Bytes(&'a [u8]),
    /// A list.
    List(&'a List),
    /// A set.
    Set(&'a Set),
    /// A sorted set.
    Zset(&'a Zset),
    /// A hash.
    Hash(&'a Hash),
    /// A stream.
    Stream(&'a Stream),
}

impl View<'_> {
    /// What TYPE answers.
    pub(crate) fn kind(&self) -> Kind {
        match self {
            Self::Integer(_) | Self::Bytes(_) => Kind::String,
            Self::List(_) => Kind::List,
            Self::Set(_) => Kind::Set,
            Self::Zset(_) => Kind::Zset,
            Self::Hash(_) => Kind::Hash,
            Self::Stream(_) => Kind::Stream,
        }
    }
}

impl Value {
    /// The value of a string that is set whole: an integer where it is the text of one.
    pub(crate) fn string(bytes: &[u8]) -> Self {
        match ropewalk_protocols::resp::number::parse_integer(bytes) {
            Some(integer) => Self::Integer(integer),
            None => Self::Text(bytes.into()),
        }
    }

    /// What it looks like.
    pub(crate) fn view(&self) -> View<'_> {
        match self {
            Self::Integer(integer) => View::Integer(*integer),
            Self::Text(bytes) => View::Bytes(bytes),
            Self::Raw(bytes) => View::Bytes(bytes),
            Self::List(list) => View::List(list),
            Self::Set(set) => View::Set(set),
            Self::Zset(zset) => View::Zset(zset),
            Self::Hash(hash) => View::Hash(hash),
            Self::Stream(stream) => View::Stream(stream),
        }
    }

    /// What OBJECT ENCODING answers.
    pub(crate) fn encoding(&self) -> Encoding {
        match self {
            Self::Integer(_) => Encoding::Int,
            Self::Text(bytes) if bytes.len() <= EMBSTR_BYTES_MAX => Encoding::Embstr,
            Self::Text(_) | Self::Raw(_) => Encoding::Raw,
            Self::List(list) => list.encoding(),
            Self::Set(set) => set.encoding(),
            Self::Zset(zset) => zset.encoding(),
            Self::Hash(hash) => hash.encoding(),
            Self::Stream(stream) => stream.encoding(),
        }
    }

    /// How many allocations dropping it gives back: what lazy freeing weighs.
    pub(crate) fn free_effort(&self) -> usize {
        match self {
            Self::Integer(_) | Self::Text(_) | Self::Raw(_) => 1,
            Self::List(list) => list.free_effort(),
            Self::Set(set) => set.free_effort(),
            Self::Zset(zset) => zset.free_effort(),
            Self::Hash(hash) => hash.free_effort(),
            Self::Stream(stream) => stream.free_effort(),
        }
    }

    /// What it takes on the heap, in bytes; of large ones it is an estimate.
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Integer(_) => 0,
            Self::Text(bytes) => bytes.len(),
            Self::Raw(bytes) => bytes.capacity() + size_of::<Vec<u8>>(),
            Self::List(list) => list.heap_bytes(),
            Self::Set(set) => set.heap_bytes(),
            Self::Zset(zset) => zset.heap_bytes(),
            Self::Hash(hash) => hash.heap_bytes(),
            Self::Stream(stream) => stream.heap_bytes(),
        }
    }
}

/// A kind of value that is changed in place, and vanishes from the database when it is empty.
pub(crate) trait Collection: Sized {
    /// One without elements.
    fn new() -> Self;
    /// Whether it has no elements; a stream without entries stays all the same.
    fn is_empty(&self) -> bool;
    /// This, if that is what the value is.
    fn of(value: View<'_>) -> Option<&Self>;
    /// This, to change, if that is what the value is.
    fn of_mut(value: &mut Value) -> Option<&mut Self>;
    /// A value of it.
    fn into_value(self) -> Value;
}

macro_rules! collection {
    ($kind:ident) => {
        impl Collection for $kind {
            fn new() -> Self {
                Self::new()
            }

            fn is_empty(&self) -> bool {
                self.is_empty()
            }

            fn of(value: View<'_>) -> Option<&Self> {
                if let View::$kind(it) = value { Some(it) } else { None }
            }

            fn of_mut(value: &mut Value) -> Option<&mut Self> {
                if let Value::$kind(it) = value { Some(it) } else { None }
            }

            fn into_value(self) -> Value {
                Value::$kind(self)
            }
        }
    };
}

collection!(List);
collection!(Set);
collection!(Zset);
collection!(Hash);
collection!(Stream);
