//! A small hash: fields in a listpack. The one rule: those that expire come first, the earliest at the
//! front; the others follow in the order in which they came.
//!
//! ```text
//! [name][value] [name][value] …                   as Redis writes it
//! [name][value][when] [name][value][when] …       once any field has had an expiry; 0 is never
//! ```

use super::{Expires, Field};
use crate::store::listpack::{At, Full, Item, Listpack};
use ropewalk_reactor::random::Random;

/// The most bytes of an expiry in a listpack.
const WHEN_BYTES_MAX: usize = 10;

/// Fields and values, and perhaps expiries.
#[derive(Clone)]
pub(super) struct Pack {
    list: Listpack,
    timed: bool,
}

impl Pack {
    pub(super) fn new() -> Self {
        Self { list: Listpack::new(), timed: false }
    }

    /// Names and values by turns, which the caller has checked.
    pub(super) fn from_list(list: Listpack) -> Self {
        Self { list, timed: false }
    }

    /// The listpack that Redis would have, if no field ever had an expiry.
    pub(super) fn list(&self) -> Option<&Listpack> {
        (!self.timed).then_some(&self.list)
    }

    /// How many elements a field has.
    fn stride(&self) -> usize {
        if self.timed { 3 } else { 2 }
    }

    pub(super) fn len(&self) -> usize {
        self.list.len() / self.stride()
    }

    pub(super) fn heap_bytes(&self) -> usize {
        self.list.heap_bytes()
    }

    fn find(&self, name: &[u8]) -> Option<At> {
        self.list.find(self.list.first()?, name, self.stride() - 1)
    }

    /// The field whose name stands here.
    fn field(&self, at: At) -> Option<Field<'_>> {
        let mut elements = self.list.iter_from(at);
        next_field(&mut elements, self.timed)
    }

    pub(super) fn get(&self, name: &[u8]) -> Option<Field<'_>> {
        self.field(self.find(name)?)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = Field<'_>> {
        let mut elements = self.list.iter();
        std::iter::from_fn(move || next_field(&mut elements, self.timed))
    }

    /// Any field; all are equally likely.
    pub(super) fn random(&self, random: &mut Random) -> Option<Field<'_>> {
        let length = self.len();
        let index = (length > 0).then(|| random.index(length))?;
        self.field(self.list.seek(index.checked_mul(self.stride())?.try_into().ok()?)?)
    }

    /// When the first field expires.
    pub(super) fn next_expiry(&self) -> Option<i64> {
        if !self.timed {
            return None;
        }
        self.field(self.list.first()?)?.expires_at
    }

    /// When the last field expires, if all do.
    pub(super) fn end(&self) -> Option<i64> {
        if !self.timed {
            return None;
        }
        when(self.list.get(self.list.last()?))
    }

    /// Give a field a value, and say whether the field is new. If it is full, nothing has changed.
    pub(super) fn set(&mut self, name: &[u8], value: &[u8], expires: Expires) -> Result<bool, Full> {
        if !self.list.has_room(name.len().saturating_add(value.len()).saturating_add(WHEN_BYTES_MAX)) {
            return Err(Full);
        }
        let Some(at) = self.find(name) else {
            self.push(name, value)?;
            return Ok(true);
        };
        let drops =
            expires == Expires::Never && self.field(at).is_some_and(|field| field.expires_at.is_some());
        if drops {
            self.list.remove_range(at, self.stride());
            self.push(name, value)?;
        } else if let Some(old) = self.list.next(at) {
            self.list.replace(old, value)?;
        }
        Ok(false)
    }

    /// Append a field that does not expire.
    fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), Full> {
        self.list.push_back(name)?;
        self.list.push_back(value)?;
        if self.timed { self.list.push_back_integer(0) } else { Ok(()) }
    }

    /// Say when a field expires, or that it does not, and whether there is one. If it is full, nothing has
    /// changed.
    pub(super) fn set_expiry(&mut self, name: &[u8], expires_at: Option<i64>) -> Result<bool, Full> {
        let Some(field) = self.get(name) else { return Ok(false) };
        if field.expires_at == expires_at {
            return Ok(true);
        }
        // The value is taken out, to be put in again elsewhere.
        let value = field.value.text().to_vec();
        let moved = name.len().saturating_add(value.len()).saturating_add(WHEN_BYTES_MAX);
        if !self.list.has_room(moved.saturating_add(self.len().saturating_mul(WHEN_BYTES_MAX))) {
            return Err(Full);
        }
        self.become_timed()?;
        if let Some(at) = self.find(name) {
            self.list.remove_range(at, self.stride());
        }
        match expires_at.and_then(|when| self.first_after(when).map(|behind| (when, behind))) {
            Some((when, behind)) => {
                let at = self.list.insert_before(behind, name)?;
                let at = self.list.insert_after(at, &value)?;
                self.list.insert_after(at, &ropewalk_protocols::resp::number::integer(when))?;
            }
            None => {
                self.list.push_back(name)?;
                self.list.push_back(&value)?;
                self.list.push_back_integer(expires_at.unwrap_or(0))?;
            }
        }
        Ok(true)
    }

    /// The first field that expires after this time, or never.
    fn first_after(&self, time: i64) -> Option<At> {
        let mut next = self.list.first();
        while let Some(at) = next {
            let value = self.list.next(at)?;
            let expires = self.list.next(value)?;
            if when(self.list.get(expires)).is_none_or(|expires| expires > time) {
                return Some(at);
            }
            next = self.list.next(expires);
        }
        None
    }

    /// Write the list anew, with room for expiries.
    fn become_timed(&mut self) -> Result<(), Full> {
        if !self.timed {
            let mut timed = Self { list: Listpack::new(), timed: true };
            self.iter().try_for_each(|field| timed.push(&field.name.text(), &field.value.text()))?;
            *self = timed;
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, name: &[u8]) -> bool {
        match self.find(name) {
            Some(at) => {
                self.list.remove_range(at, self.stride());
                true
            }
            None => false,
        }
    }
}

/// The field that the next elements are.
fn next_field<'a>(elements: &mut impl Iterator<Item = Item<'a>>, timed: bool) -> Option<Field<'a>> {
    let (name, value) = (elements.next()?, elements.next()?);
    let expires_at = if timed { when(elements.next()?) } else { None };
    Some(Field { name, value, expires_at })
}

/// The time that this element is, if it is one.
fn when(element: Item<'_>) -> Option<i64> {
    element.integer().filter(|when| *when != 0)
}
