//! A key and what it holds, in one allocation. The one rule: the header says where everything is, and only this file
//! reads it.
//!
//! ```text
//!  0        8            16                   payload       name            text
//!  | header | expires at | length of the name | 0, 8 or 24 | name ...      | inline string ... |
//!             if it does   if 64 KiB or more    bytes
//!
//!  header   | holds: 2, flags: 6 | access: 24 | length of the name: 16 | length of the text: 16 |
//! ```
//!
//! A short string stands behind the name, so that the name is in the entry's first cache line whatever it holds. The
//! payload is an integer, or the [`Value`] of anything larger. With it a key of 16 bytes and its 16 take 40 bytes, and one
//! line; apart they would take three allocations and three misses.

mod entries;

pub(crate) use entries::Entries;

use super::hash::Hash;
use super::value::{EMBSTR_BYTES_MAX, Encoding, Value, View};
use ropewalk_protocols::resp::number;
use std::alloc::{Layout, alloc, dealloc, handle_alloc_error};
use std::fmt;
use std::ptr::NonNull;

/// The longest string that stands in the entry itself. Longer ones are worth an allocation of their own: lookups that
/// don't want the value don't drag it along, and it need not be copied when the expiry comes or goes.
const TEXT_BYTES_MAX: usize = 4096;
/// Names of this length, or longer, have it in a word of its own.
const LONG_NAME: usize = 0xffff;
/// Allocators hand out multiples of this: an entry is overwritten in place by one of as many.
const STEP_BYTES: usize = 16;

/// When a key was used last, or how often: 24 bits that eviction goes by.
pub(crate) type Access = u32;

/// A key and what it holds; owned.
pub(crate) struct Entry {
    /// An allocation of ours, of the layout that its header says.
    start: NonNull<u64>,
}

/// What a key is to hold.
enum Payload<'a> {
    Text(&'a [u8]),
    Integer(i64),
    Value(Value),
}

impl<'a> Payload<'a> {
    /// A string that is set whole: an integer where it is the text of one.
    fn string(bytes: &'a [u8]) -> Self {
        match number::parse_integer(bytes) {
            Some(integer) => Self::Integer(integer),
            None if bytes.len() <= TEXT_BYTES_MAX => Self::Text(bytes),
            None => Self::Value(Value::Text(bytes.into())),
        }
    }

    fn holds(&self) -> Holds {
        match self {
            Self::Text(_) => Holds::Text,
            Self::Integer(_) => Holds::Integer,
            Self::Value(_) => Holds::Value,
        }
    }

    fn text(&self) -> &'a [u8] {
        if let Self::Text(text) = self { text } else { &[] }
    }
}

/// What a key holds, to look at.
#[derive(Clone, Copy)]
enum Content<'a> {
    Text(&'a [u8]),
    Integer(i64),
    Value(&'a Value),
}

/// What stands in the payload's place.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Holds {
    /// Nothing: there is a text behind the name.
    Text = 0,
    Integer = 1,
    Value = 2,
    /// Room for a value that has been taken out.
    Gone = 3,
}

/// The first word.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Header(u64);

impl Header {
    const HOLDS: u64 = 3;
    const EXPIRES: u64 = 1 << 2;
    const LONG_NAME: u64 = 1 << 3;
    const ACCESS_AT: u32 = 8;
    const ACCESS: u64 = 0x00ff_ffff << Self::ACCESS_AT;
    const NAME_AT: u32 = 32;
    const TEXT_AT: u32 = 48;

    /// What an entry for this payload begins with. Texts are at most [`TEXT_BYTES_MAX`].
    fn new(payload: &Payload<'_>, name: usize, expires: bool, access: Access) -> Self {
        debug_assert!(payload.text().len() <= TEXT_BYTES_MAX);
        let name = if name < LONG_NAME { (name as u64) << Self::NAME_AT } else { Self::LONG_NAME };
        let text = (payload.text().len() as u64) << Self::TEXT_AT;
        Self(payload.holds() as u64 | name | text).with_expiry(expires).with_access(access)
    }

    fn holds(self) -> Holds {
        match self.0 & Self::HOLDS {
            0 => Holds::Text,
            1 => Holds::Integer,
            2 => Holds::Value,
            _ => Holds::Gone,
        }
    }

    fn expires(self) -> bool {
        self.0 & Self::EXPIRES != 0
    }

    fn with_expiry(self, expires: bool) -> Self {
        Self((self.0 & !Self::EXPIRES) | if expires { Self::EXPIRES } else { 0 })
    }

    fn has_long_name(self) -> bool {
        self.0 & Self::LONG_NAME != 0
    }

    fn access(self) -> Access {
        ((self.0 & Self::ACCESS) >> Self::ACCESS_AT) as Access
    }

    fn with_access(self, access: Access) -> Self {
        Self((self.0 & !Self::ACCESS) | ((u64::from(access) << Self::ACCESS_AT) & Self::ACCESS))
    }

    fn short_name(self) -> usize {
        (self.0 >> Self::NAME_AT) as usize & 0xffff
    }

    fn text(self) -> usize {
        (self.0 >> Self::TEXT_AT) as usize
    }
}

/// Where everything is in an entry, in bytes from its start.
#[derive(Clone, Copy)]
struct Shape {
    header: Header,
    name: usize,
}

impl Shape {
    const EXPIRY_AT: usize = 8;

    fn long_name_at(self) -> usize {
        if self.header.expires() { 16 } else { 8 }
    }

    fn payload_at(self) -> usize {
        self.long_name_at() + if self.header.has_long_name() { 8 } else { 0 }
    }

    fn name_at(self) -> usize {
        let payload = match self.header.holds() {
            Holds::Text => 0,
            Holds::Integer => size_of::<i64>(),
            Holds::Value | Holds::Gone => size_of::<Value>(),
        };
        self.payload_at() + payload
    }

    fn text_at(self) -> usize {
        self.name_at() + self.name
    }

    fn end(self) -> usize {
        self.text_at() + self.header.text()
    }

    fn layout(self) -> Layout {
        let size = self.end().next_multiple_of(STEP_BYTES);
        Layout::from_size_align(size, align_of::<u64>()).expect("a name that is in memory can be there twice")
    }
}

impl Entry {
    /// A key that holds a string, as SET sets it.
    pub(crate) fn string(name: &[u8], bytes: &[u8], expires_at: Option<i64>, access: Access) -> Self {
        Self::build(name, Payload::string(bytes), expires_at, access)
    }

    /// A key that holds a value.
    pub(crate) fn new(name: &[u8], value: Value, expires_at: Option<i64>, access: Access) -> Self {
        with_payload(value, |payload| Self::build(name, payload, expires_at, access))
    }

    fn build(name: &[u8], payload: Payload<'_>, expires_at: Option<i64>, access: Access) -> Self {
        const { assert!(align_of::<Value>() <= align_of::<u64>() && size_of::<Value>() <= 24) };
        let header = Header::new(&payload, name.len(), expires_at.is_some(), access);
        let shape = Shape { header, name: name.len() };
        let entry = Self { start: allocate(shape.layout()) };
        // SAFETY: the allocation is fresh and of the shape's layout, which has room for a name of this length.
        unsafe { entry.at::<u8>(shape.name_at()).copy_from(NonNull::from(name).cast(), name.len()) };
        // SAFETY: the name is there.
        unsafe { entry.fill(shape, payload, expires_at) };
        entry
    }

    /// Write everything but the name.
    ///
    /// # Safety
    /// The allocation is of the shape's layout, which is that of the payload and the expiry, with the name in its place; and
    /// there is no value in it that anybody has to drop.
    unsafe fn fill(&self, shape: Shape, payload: Payload<'_>, expires_at: Option<i64>) {
        // SAFETY: all of these are within the layout, aligned since they come in words from an aligned start, and their own.
        unsafe {
            self.start.write(shape.header.0);
            if let Some(expires_at) = expires_at {
                self.at::<i64>(Shape::EXPIRY_AT).write(expires_at);
            }
            if shape.header.has_long_name() {
                self.at::<usize>(shape.long_name_at()).write(shape.name);
            }
            match payload {
                Payload::Text(text) => {
                    self.at::<u8>(shape.text_at()).copy_from(NonNull::from(text).cast(), text.len());
                }
                Payload::Integer(integer) => self.at::<i64>(shape.payload_at()).write(integer),
                Payload::Value(value) => self.at::<Value>(shape.payload_at()).write(value),
            }
        }
    }

    /// # Safety
    /// The entry's allocation has at least so many bytes.
    unsafe fn at<T>(&self, bytes: usize) -> NonNull<T> {
        // SAFETY: the caller's.
        unsafe { self.start.byte_add(bytes).cast() }
    }

    fn header(&self) -> Header {
        // SAFETY: an entry begins with its header.
        Header(unsafe { self.start.read() })
    }

    fn set_header(&self, header: Header) {
        // SAFETY: an entry begins with its header, of which there are no references, and is not shared between threads.
        unsafe { self.start.write(header.0) };
    }

    fn shape(&self) -> Shape {
        let header = self.header();
        let mut shape = Shape { header, name: header.short_name() };
        if header.has_long_name() {
            // SAFETY: the header says that there is a word with the length.
            shape.name = unsafe { self.at::<usize>(shape.long_name_at()).read() };
        }
        shape
    }

    /// # Safety
    /// So many bytes are there from `at` on, and are part of the name or the text.
    unsafe fn bytes(&self, at: usize, length: usize) -> &[u8] {
        // SAFETY: they are initialised, and change through `&mut self` alone.
        unsafe { NonNull::slice_from_raw_parts(self.at::<u8>(at), length).as_ref() }
    }

    fn content(&self) -> Content<'_> {
        let shape = self.shape();
        // SAFETY: the header says what there is, and it changes through `&mut self` alone.
        unsafe {
            match shape.header.holds() {
                Holds::Text => Content::Text(self.bytes(shape.text_at(), shape.header.text())),
                Holds::Integer => Content::Integer(self.at::<i64>(shape.payload_at()).read()),
                Holds::Value => Content::Value(self.at::<Value>(shape.payload_at()).as_ref()),
                Holds::Gone => Content::Text(&[]),
            }
        }
    }

    /// The key's name.
    pub(crate) fn name(&self) -> &[u8] {
        let shape = self.shape();
        // SAFETY: that is where the name is.
        unsafe { self.bytes(shape.name_at(), shape.name) }
    }

    /// What is read first.
    pub(super) fn address(&self) -> *const u8 {
        self.start.cast().as_ptr()
    }

    /// What the key holds.
    pub(crate) fn view(&self) -> View<'_> {
        match self.content() {
            Content::Text(text) => View::Bytes(text),
            Content::Integer(integer) => View::Integer(integer),
            Content::Value(value) => value.view(),
        }
    }

    /// The hash that the key holds, if it is one. That it is none, a string's header says already.
    #[inline]
    pub(crate) fn hash(&self) -> Option<&Hash> {
        if self.header().holds() != Holds::Value {
            return None;
        }
        // SAFETY: the header says that the payload is a value, which changes through `&mut self` alone.
        match unsafe { self.at::<Value>(self.shape().payload_at()).as_ref() } {
            Value::Hash(hash) => Some(hash),
            _ => None,
        }
    }

    /// What OBJECT ENCODING answers.
    pub(crate) fn encoding(&self) -> Encoding {
        match self.content() {
            Content::Text(text) if text.len() <= EMBSTR_BYTES_MAX => Encoding::Embstr,
            Content::Text(_) => Encoding::Raw,
            Content::Integer(_) => Encoding::Int,
            Content::Value(value) => value.encoding(),
        }
    }

    /// A copy of what the key holds.
    pub(crate) fn to_value(&self) -> Value {
        match self.content() {
            Content::Text(text) => Value::Text(text.into()),
            Content::Integer(integer) => Value::Integer(integer),
            Content::Value(value) => value.clone(),
        }
    }

    /// What the key holds, without the key.
    pub(crate) fn into_value(mut self) -> Value {
        match self.take_value() {
            Some(value) => value,
            None => self.to_value(),
        }
    }

    /// What the key holds, to change, if it is neither an integer nor a string in the entry itself.
    pub(crate) fn value_mut(&mut self) -> Option<&mut Value> {
        let shape = self.shape();
        // SAFETY: the header says that the payload is a value, and `&mut self` has it alone.
        (shape.header.holds() == Holds::Value).then(|| unsafe { self.at(shape.payload_at()).as_mut() })
    }

    /// The bytes of a string, to change in place; none if the key holds something else. From now on they have an allocation of their own.
    pub(crate) fn bytes_mut(&mut self) -> Option<&mut Vec<u8>> {
        let bytes = match self.content() {
            Content::Text(text) => Some(text.to_vec()),
            Content::Integer(integer) => Some(number::integer(integer).to_vec()),
            Content::Value(Value::Text(text)) => Some(text.to_vec()),
            Content::Value(_) => None,
        };
        if let Some(bytes) = bytes {
            self.set(Payload::Value(Value::Raw(Box::new(bytes))), self.expires_at(), self.access());
        }
        if let Some(Value::Raw(bytes)) = self.value_mut() { Some(bytes) } else { None }
    }

    /// When the key expires, in milliseconds since 1970.
    pub(crate) fn expires_at(&self) -> Option<i64> {
        // SAFETY: the header says that there is a word with the time.
        self.header().expires().then(|| unsafe { self.at::<i64>(Shape::EXPIRY_AT).read() })
    }

    /// What eviction goes by.
    pub(crate) fn access(&self) -> Access {
        self.header().access()
    }

    /// Note a use.
    pub(crate) fn set_access(&self, access: Access) {
        self.set_header(self.header().with_access(access));
    }

    /// What it takes on the heap, in bytes.
    pub(crate) fn heap_bytes(&self) -> usize {
        let own = self.shape().layout().size();
        if let Content::Value(value) = self.content() { own + value.heap_bytes() } else { own }
    }

    /// How many allocations dropping it gives back.
    pub(crate) fn free_effort(&self) -> usize {
        if let Content::Value(value) = self.content() { value.free_effort() } else { 1 }
    }

    /// Hold this string from now on, as SET sets it. Returns the value that was there, if it was no string in the entry.
    pub(crate) fn set_string(
        &mut self,
        bytes: &[u8],
        expires_at: Option<i64>,
        access: Access,
    ) -> Option<Value> {
        self.set(Payload::string(bytes), expires_at, access)
    }

    /// Hold this value from now on. Returns the one that was there, if it was no string in the entry.
    pub(crate) fn set_value(
        &mut self,
        value: Value,
        expires_at: Option<i64>,
        access: Access,
    ) -> Option<Value> {
        with_payload(value, |payload| self.set(payload, expires_at, access))
    }

    fn set(&mut self, payload: Payload<'_>, expires_at: Option<i64>, access: Access) -> Option<Value> {
        let before = self.take_value();
        let old = self.shape();
        let header = Header::new(&payload, old.name, expires_at.is_some(), access);
        let new = Shape { header, name: old.name };
        // SAFETY: the name is in the entry, and has room in both shapes; the value is out.
        unsafe {
            let left = self.relocate(old, new, old.name_at(), new.name_at(), old.name);
            self.fill(new, payload, expires_at);
            release(left);
        }
        before
    }

    /// Say when the key expires, or that it does not.
    pub(crate) fn set_expiry(&mut self, expires_at: Option<i64>) {
        let old = self.shape();
        let new = Shape { header: old.header.with_expiry(expires_at.is_some()), ..old };
        // All that follows the expiry moves: it is the same in both shapes, a value in it is moved bit by bit.
        let (from, to) = (old.long_name_at(), new.long_name_at());
        // SAFETY: so much is in the old shape and has room in the new; then the header agrees with what is there.
        unsafe {
            let left = self.relocate(old, new, from, to, old.end() - from);
            self.set_header(new.header);
            if let Some(expires_at) = expires_at {
                self.at::<i64>(Shape::EXPIRY_AT).write(expires_at);
            }
            release(left);
        }
    }

    /// Have an allocation of the layout of `new`, with `length` bytes of the old one's in it, of which no other part is
    /// kept. Returns the old one, if it is another.
    ///
    /// # Safety
    /// The entry is of the shape `old`; the bytes are within both shapes and initialised in the old one.
    unsafe fn relocate(
        &mut self,
        old: Shape,
        new: Shape,
        from: usize,
        to: usize,
        length: usize,
    ) -> Option<(NonNull<u64>, Layout)> {
        let layout = old.layout();
        let is_same = layout == new.layout();
        let before = self.start;
        if !is_same {
            self.start = allocate(new.layout());
        }
        // SAFETY: both are within their allocations, which may be the same one.
        unsafe { self.at::<u8>(to).copy_from(before.byte_add(from).cast(), length) };
        (!is_same).then_some((before, layout))
    }

    /// Take the value out, if there is one. What stays holds nothing.
    fn take_value(&mut self) -> Option<Value> {
        let shape = self.shape();
        (shape.header.holds() == Holds::Value).then(|| {
            self.set_header(Header(shape.header.0 | Holds::Gone as u64));
            // SAFETY: the header said that the payload is a value; now it says that it is none any more.
            unsafe { self.at::<Value>(shape.payload_at()).read() }
        })
    }
}

// SAFETY: it owns its allocation and what is in it, of which all can be sent. (It can't be shared: noting a use writes.)
unsafe impl Send for Entry where Value: Send {}

impl Drop for Entry {
    fn drop(&mut self) {
        drop(self.take_value());
        let layout = self.shape().layout();
        // SAFETY: the allocation is of the layout that its header says, and its value is out.
        unsafe { release(Some((self.start, layout))) };
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry(\"{}\": {:?})", self.name().escape_ascii(), self.view())
    }
}

/// A value as it stands in an entry: a short string in the entry itself.
fn with_payload<R>(value: Value, with: impl FnOnce(Payload<'_>) -> R) -> R {
    match value {
        Value::Integer(integer) => with(Payload::Integer(integer)),
        Value::Text(text) if text.len() <= TEXT_BYTES_MAX => with(Payload::Text(&text)),
        value => with(Payload::Value(value)),
    }
}

fn allocate(layout: Layout) -> NonNull<u64> {
    debug_assert!(layout.size() >= size_of::<u64>());
    // SAFETY: the layout of an entry has at least a header.
    NonNull::new(unsafe { alloc(layout) }.cast()).unwrap_or_else(|| handle_alloc_error(layout))
}

/// Give an allocation back.
///
/// # Safety
/// It was made by `allocate` with this layout, and nobody looks at it any more.
unsafe fn release(allocation: Option<(NonNull<u64>, Layout)>) {
    if let Some((start, layout)) = allocation {
        // SAFETY: the caller's.
        unsafe { dealloc(start.cast().as_ptr(), layout) };
    }
}

#[cfg(test)]
mod tests;
