//! The arguments of a command as `COMMAND DOCS` tells them, from which redis-cli shows its hints. The one
//! rule: this describes; what a command accepts, its handler decides.

/// What an argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    String,
    Integer,
    Double,
    Key,
    Pattern,
    UnixTime,
    /// Nothing but its token.
    PureToken,
    /// One of its arguments.
    OneOf,
    /// All of its arguments.
    Block,
}

impl Kind {
    /// As `COMMAND DOCS` names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::String => "string",
            Self::Integer => "integer",
            Self::Double => "double",
            Self::Key => "key",
            Self::Pattern => "pattern",
            Self::UnixTime => "unix-time",
            Self::PureToken => "pure-token",
            Self::OneOf => "oneof",
            Self::Block => "block",
        }
    }
}

/// One argument, or several that belong together. Made by the functions below.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Argument {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// The number of the key specification that finds it, or the keys that it stands for.
    pub(crate) key_spec: Option<u8>,
    /// The word that stands before it.
    pub(crate) token: Option<&'static str>,
    /// The version in which it came; empty if it was always there.
    pub(crate) since: &'static str,
    /// The version in which it was replaced; empty if it was not.
    pub(crate) deprecated_since: &'static str,
    /// It may be left out.
    pub(crate) is_optional: bool,
    /// It may be repeated.
    pub(crate) is_multiple: bool,
    /// Its token is repeated with it.
    pub(crate) repeats_token: bool,
    /// What it is made of.
    pub(crate) arguments: &'static [Self],
}

impl Argument {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            key_spec: None,
            token: None,
            since: "",
            deprecated_since: "",
            is_optional: false,
            is_multiple: false,
            repeats_token: false,
            arguments: &[],
        }
    }

    /// Stands for keys that the key specification of this number speaks of.
    pub(crate) const fn in_spec(self, spec: u8) -> Self {
        Self { key_spec: Some(spec), ..self }
    }

    /// Behind this word.
    pub(crate) const fn after(self, token: &'static str) -> Self {
        Self { token: Some(token), ..self }
    }

    /// May be left out.
    pub(crate) const fn optional(self) -> Self {
        Self { is_optional: true, ..self }
    }

    /// Once or several times.
    pub(crate) const fn multiple(self) -> Self {
        Self { is_multiple: true, ..self }
    }

    /// Once or several times, its token each time.
    pub(crate) const fn multiple_with_token(self) -> Self {
        Self { is_multiple: true, repeats_token: true, ..self }
    }

    /// Came in this version.
    pub(crate) const fn since(self, version: &'static str) -> Self {
        Self { since: version, ..self }
    }

    /// Was replaced in this version.
    pub(crate) const fn deprecated(self, version: &'static str) -> Self {
        Self { deprecated_since: version, ..self }
    }

    /// The names of its flags, in the order of `COMMAND DOCS`.
    pub(crate) fn flags(&self) -> impl Iterator<Item = &'static str> {
        let flags = [
            (self.is_optional, "optional"),
            (self.is_multiple, "multiple"),
            (self.repeats_token, "multiple_token"),
        ];
        flags.into_iter().filter(|(set, _)| *set).map(|(_, name)| name)
    }
}

/// A key, which the key specification of this number finds.
pub(crate) const fn key(name: &'static str, spec: u8) -> Argument {
    Argument::new(name, Kind::Key).in_spec(spec)
}

/// Any bytes.
pub(crate) const fn string(name: &'static str) -> Argument {
    Argument::new(name, Kind::String)
}

/// An integer.
pub(crate) const fn integer(name: &'static str) -> Argument {
    Argument::new(name, Kind::Integer)
}

/// A number with a fraction.
pub(crate) const fn double(name: &'static str) -> Argument {
    Argument::new(name, Kind::Double)
}

/// A glob.
pub(crate) const fn pattern(name: &'static str) -> Argument {
    Argument::new(name, Kind::Pattern)
}

/// Seconds or milliseconds since 1970.
pub(crate) const fn unix_time(name: &'static str) -> Argument {
    Argument::new(name, Kind::UnixTime)
}

/// A word that stands for itself.
pub(crate) const fn token(name: &'static str, token: &'static str) -> Argument {
    Argument::new(name, Kind::PureToken).after(token)
}

/// One of these.
pub(crate) const fn one_of(name: &'static str, arguments: &'static [Argument]) -> Argument {
    Argument { arguments, ..Argument::new(name, Kind::OneOf) }
}

/// All of these, in this order.
pub(crate) const fn block(name: &'static str, arguments: &'static [Argument]) -> Argument {
    Argument { arguments, ..Argument::new(name, Kind::Block) }
}
