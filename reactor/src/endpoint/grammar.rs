//! The grammar of endpoint strings: from text to named fields, and what can be wrong with a text.
//!
//! Knows no endpoint: which kinds there are and which fields each has comes as a table of [`Form`]s.
//! A field is read by a function that answers `None` to a value it does not like; what was expected
//! there goes into the error.

use std::fmt;

/// What is wrong with an endpoint string: which part, and what is expected there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The first part names no kind of endpoint, or not one for this role.
    #[error("the kind is {kind:?}; expected one of {known}")]
    UnknownKind {
        /// What stands there.
        kind: String,
        /// The kinds there are.
        known: String,
    },
    /// A part that can't be left out is not there.
    #[error("the {part} is missing; expected {usage}")]
    Missing {
        /// The part's name.
        part: &'static str,
        /// The form of the endpoint.
        usage: &'static str,
    },
    /// A part or an option has a value that it can't have.
    #[error("the {part} is {value:?}; expected {expected}")]
    Bad {
        /// The name of the part or the option.
        part: &'static str,
        /// What stands there.
        value: String,
        /// What may stand there.
        expected: &'static str,
    },
    /// An option that this kind of endpoint doesn't have.
    #[error("{kind} has no option {option:?}; expected {known}")]
    UnknownOption {
        /// The kind of endpoint.
        kind: &'static str,
        /// What stands there.
        option: String,
        /// The options there are.
        known: String,
    },
    /// A part or an option is there twice.
    #[error("{part} is given twice")]
    Duplicate {
        /// The name of the part or the option.
        part: &'static str,
    },
    /// There are more parts than the form has.
    #[error(
        "{value:?} is one part too many; expected {usage} and then options as NAME=VALUE \
         (a colon inside a part is written \\:)"
    )]
    Surplus {
        /// The first part that is too many.
        value: String,
        /// The form of the endpoint.
        usage: &'static str,
    },
    /// Two options contradict each other.
    #[error("{one} and {other} contradict each other; expected one of them")]
    Conflict {
        /// One of them.
        one: &'static str,
        /// The other.
        other: &'static str,
    },
    /// The text ends in a backslash.
    #[error("the text ends in a backslash that escapes nothing; expected \\\\ for a backslash")]
    TrailingBackslash,
    /// A part begins with a bracket that is never closed.
    #[error("the [ in {value:?} is never closed; expected ] after an IPv6 address, or \\[ for a bracket")]
    OpenBracket {
        /// The part from the bracket on.
        value: String,
    },
}

/// One kind of endpoint in one role.
#[derive(Debug)]
pub(super) struct Form {
    /// The word it begins with.
    pub(super) kind: &'static str,
    /// What follows in this order, or by name. None of it can be left out.
    pub(super) parts: &'static [&'static str],
    /// What may follow by name.
    pub(super) options: &'static [&'static str],
    /// How it is written, for errors.
    pub(super) usage: &'static str,
}

impl Form {
    fn name(&self, name: &str) -> Option<&'static str> {
        self.parts.iter().chain(self.options).find(|known| **known == name).copied()
    }

    fn known(&self) -> String {
        if self.options.is_empty() { "none".to_owned() } else { self.options.join(", ") }
    }
}

/// The fields of a text, by name.
#[derive(Debug)]
pub(super) struct Fields {
    form: &'static Form,
    values: Vec<(&'static str, String)>,
}

impl Fields {
    /// Take a text apart, as the form with its kind says.
    pub(super) fn read(text: &str, forms: &'static [Form]) -> Result<Self, EndpointError> {
        let mut pieces = split(text)?.into_iter();
        let kind =
            pieces.next().filter(|piece| piece.name.is_none()).map_or(String::new(), |piece| piece.value);
        let form = forms.iter().find(|form| form.kind == kind).ok_or_else(|| EndpointError::UnknownKind {
            kind,
            known: forms.iter().map(|form| form.kind).collect::<Vec<_>>().join(", "),
        })?;
        let mut fields = Self { form, values: Vec::new() };
        let (named, unnamed): (Vec<_>, Vec<_>) = pieces.partition(|piece| piece.name.is_some());
        for Piece { name, value } in named {
            fields.take_named(name.unwrap_or_default(), value)?;
        }
        for Piece { value, .. } in unnamed {
            fields.take_unnamed(value)?;
        }
        match form.parts.iter().find(|part| fields.value(part).is_none_or(str::is_empty)) {
            Some(part) => Err(fields.missing(part)),
            None => Ok(fields),
        }
    }

    fn take_named(&mut self, name: String, value: String) -> Result<(), EndpointError> {
        let Some(known) = self.form.name(&name) else {
            return Err(EndpointError::UnknownOption {
                kind: self.form.kind,
                option: name,
                known: self.form.known(),
            });
        };
        if self.value(known).is_some() {
            return Err(EndpointError::Duplicate { part: known });
        }
        self.values.push((known, value));
        Ok(())
    }

    fn take_unnamed(&mut self, value: String) -> Result<(), EndpointError> {
        match self.form.parts.iter().find(|part| self.value(part).is_none()) {
            Some(part) => self.values.push((part, value)),
            None => return Err(EndpointError::Surplus { value, usage: self.form.usage }),
        }
        Ok(())
    }

    /// The first part.
    pub(super) fn kind(&self) -> &'static str {
        self.form.kind
    }

    /// The error that says that a field is not there.
    pub(super) fn missing(&self, part: &'static str) -> EndpointError {
        EndpointError::Missing { part, usage: self.form.usage }
    }

    /// A field that has to be there.
    pub(super) fn required<T>(
        &self,
        part: &'static str,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, EndpointError> {
        self.optional(part, expected, read)?.ok_or_else(|| self.missing(part))
    }

    /// A field that may be there.
    pub(super) fn optional<T>(
        &self,
        part: &'static str,
        expected: &'static str,
        read: impl FnOnce(&str) -> Option<T>,
    ) -> Result<Option<T>, EndpointError> {
        let Some(value) = self.value(part) else { return Ok(None) };
        let bad = || EndpointError::Bad { part, value: value.to_owned(), expected };
        read(value).map(Some).ok_or_else(bad)
    }

    fn value(&self, part: &str) -> Option<&str> {
        self.values.iter().find(|(name, _)| *name == part).map(|(_, value)| value.as_str())
    }
}

/// What stands between two colons, escapes resolved.
#[derive(Debug, Default)]
struct Piece {
    name: Option<String>,
    value: String,
}

/// Split at colons. As in Twisted, the first equals sign of a piece parts its name from its value,
/// and further ones belong to the value. Unlike there, a value in brackets may have colons.
fn split(text: &str) -> Result<Vec<Piece>, EndpointError> {
    let mut pieces = Vec::new();
    let mut piece = Piece::default();
    let mut rest = text;
    let mut value_begins = true;
    while let Some(character) = rest.chars().next() {
        let mut taken = character.len_utf8();
        let mut next_begins = false;
        match character {
            '\\' => {
                let escaped = rest[taken..].chars().next().ok_or(EndpointError::TrailingBackslash)?;
                piece.value.push(escaped);
                taken += escaped.len_utf8();
            }
            ':' => {
                pieces.push(std::mem::take(&mut piece));
                next_begins = true;
            }
            '=' if piece.name.is_none() => {
                piece.name = Some(std::mem::take(&mut piece.value));
                next_begins = true;
            }
            '[' if value_begins => {
                let open = || EndpointError::OpenBracket { value: rest.to_owned() };
                taken += rest.find(']').ok_or_else(open)?;
                piece.value.push_str(&rest[..taken]);
            }
            _ => piece.value.push(character),
        }
        rest = &rest[taken..];
        value_begins = next_begins;
    }
    pieces.push(piece);
    Ok(pieces)
}

/// Prints a value so that it reads back as one.
pub(super) struct Escaped<T>(pub(super) T);

impl<T: fmt::Display> fmt::Display for Escaped<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        for (index, character) in self.0.to_string().chars().enumerate() {
            if matches!(character, ':' | '=' | '\\') || (character == '[' && index == 0) {
                f.write_char('\\')?;
            }
            f.write_char(character)?;
        }
        Ok(())
    }
}
