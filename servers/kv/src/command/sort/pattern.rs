//! Patterns of SORT: the key named after an element, or a field of the hash there. The one rule: a key that holds
//! another kind of value is as good as none.

use crate::command::call::{Call, StringRef};
use crate::store::database::Key;
use crate::store::value::View;
use memchr::memmem;

/// What BY or GET looks up.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Pattern<'a> {
    /// `#`: the element itself.
    Element,
    /// Without an asterisk: nothing is ever found.
    Nothing,
    /// `before*behind`, `before*behind->field`.
    Key {
        /// What stands before the element.
        before: &'a [u8],
        /// What stands behind it.
        behind: &'a [u8],
        /// Which field of a hash.
        field: Option<&'a [u8]>,
    },
}

impl<'a> Pattern<'a> {
    /// The pattern that this is; any text is one.
    pub(super) fn parse(pattern: &'a [u8]) -> Self {
        if pattern == b"#" {
            return Self::Element;
        }
        let Some((before, behind)) = split(pattern, b"*") else { return Self::Nothing };
        match split(behind, b"->") {
            Some((behind, field)) if !field.is_empty() => Self::Key { before, behind, field: Some(field) },
            _ => Self::Key { before, behind, field: None },
        }
    }

    /// Have `visit` see what is found for this element.
    pub(super) fn look_up<T>(
        &self,
        call: &Call<'_>,
        element: &[u8],
        visit: impl FnOnce(Option<&[u8]>) -> T,
    ) -> T {
        let (before, behind, field) = match self {
            Self::Element => return visit(Some(element)),
            Self::Nothing => return visit(None),
            Self::Key { before, behind, field } => (before, behind, field),
        };
        let name = [before, element, behind].concat();
        let found = call.read(Key::new(&name)).map(|found| found.view());
        match (found, field) {
            (Some(View::Hash(hash)), Some(field)) => match hash.get(field, call.now_ms()) {
                Some(field) => visit(Some(&field.value.text())),
                None => visit(None),
            },
            (Some(view), None) => match StringRef::of(view) {
                Ok(text) => visit(Some(&text)),
                Err(_) => visit(None),
            },
            _ => visit(None),
        }
    }
}

/// What stands before and behind the first `separator`.
fn split<'a>(text: &'a [u8], separator: &[u8]) -> Option<(&'a [u8], &'a [u8])> {
    let at = memmem::find(text, separator)?;
    let (before, rest) = text.split_at_checked(at)?;
    Some((before, rest.get(separator.len()..)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_names_a_key_or_a_field() {
        let key = |before: &'static str, behind: &'static str, field: Option<&'static str>| Pattern::Key {
            before: before.as_bytes(),
            behind: behind.as_bytes(),
            field: field.map(str::as_bytes),
        };
        for (text, pattern) in [
            ("#", Pattern::Element),
            ("##", Pattern::Nothing),
            ("", Pattern::Nothing),
            ("a->b", Pattern::Nothing),
            ("*", key("", "", None)),
            ("w_*", key("w_", "", None)),
            ("w_*_x", key("w_", "_x", None)),
            ("w*->f", key("w", "", Some("f"))),
            ("a->b*c->d->e", key("a->b", "c", Some("d->e"))),
            ("w*->", key("w", "->", None)),
            ("w**", key("w", "*", None)),
        ] {
            assert_eq!(Pattern::parse(text.as_bytes()), pattern, "{text}");
        }
    }
}
