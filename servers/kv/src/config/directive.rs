//! What is known of a directive, and the macro that makes a table of them into [`Config`].
//! The one rule: a directive is described in one place; parser, CONFIG, rewriting, documentation and the
//! field that the server reads all come from there.

use super::Config;
use super::rule::{Line, Refusal, Rule, Source};
use std::marker::PhantomData;

/// One row of the table.
pub(crate) struct Directive {
    /// Its name.
    pub(crate) name: &'static str,
    /// Its other name.
    pub(crate) alias: Option<&'static str>,
    /// What it is.
    #[cfg_attr(not(test), expect(dead_code, reason = "a test makes a page of it"))]
    pub(crate) about: &'static str,
    /// What may be done with it.
    pub(crate) traits: Traits,
    /// Whether a single argument is split into words.
    pub(super) many: bool,
    /// Set it. Returns whether that changed it.
    pub(super) set: fn(&mut Config, &[&[u8]], Source) -> Result<bool, Refusal>,
    /// Its value, as CONFIG GET shows it.
    pub(crate) show: fn(&Config) -> Vec<u8>,
    /// Its value, as CONFIG REWRITE writes it; none if no line is to be there.
    pub(super) lines: fn(&Config) -> Vec<Line>,
}

/// What may be done with a directive, and who has to know when it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Traits {
    /// CONFIG SET may change it.
    pub(crate) mutable: bool,
    /// CONFIG GET shows it only to who knows its name.
    pub(crate) hidden: bool,
    /// Its value is kept out of logs.
    pub(crate) sensitive: bool,
    /// CONFIG SET may change it only where `enable-protected-configs` says so.
    pub(crate) protected: bool,
    /// It names something that may have changed though the name has not.
    pub(super) volatile: bool,
    /// What is to be done when it changes.
    pub(crate) effect: Option<Effect>,
    /// Whether anything comes of it.
    pub(crate) status: Status,
}

/// Whether anything comes of a directive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    /// It does what Redis documents.
    Honoured,
    /// It is kept and shown. It tunes this, which this server does not have, or needs no tuning for.
    Idle(&'static str),
    /// It would turn on this, which this server does not have yet: any other value than the default is refused.
    NotYet(&'static str),
    /// As `NotYet`, but CONFIG SET keeps the value, and a warning is logged.
    NotYetInFiles(&'static str),
}

/// What is to be done when a directive changes. These are done once a CONFIG SET, in the order of its arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Effect {
    /// Listen at other addresses.
    Bind,
    /// Listen at another port.
    Port,
    /// Listen at another port for TLS.
    TlsPort,
    /// Read the certificates again.
    Tls,
    /// Ask silent peers sooner, or later.
    KeepAlive,
    /// See that so many descriptors may be open.
    MaxClients,
    /// Evict if too much is in use.
    MaxMemory,
    /// Evict clients if too much is in use by them.
    MaxMemoryClients,
    /// Give the default user another password.
    RequirePass,
    /// Log more, or less.
    LogLevel,
    /// Tell the system whom to kill when memory runs out.
    OomScore,
    /// Go to another directory.
    Directory,
    /// Say that nothing will be saved.
    Save,
}

/// CONFIG SET may change it.
pub(super) const MUTABLE: Traits = Traits { mutable: true, ..FIXED };

/// It is what it was at the start.
pub(super) const FIXED: Traits = Traits {
    mutable: false,
    hidden: false,
    sensitive: false,
    protected: false,
    volatile: false,
    effect: None,
    status: Status::Honoured,
};

impl Traits {
    pub(super) const fn hidden(self) -> Self {
        Self { hidden: true, ..self }
    }

    pub(super) const fn sensitive(self) -> Self {
        Self { sensitive: true, ..self }
    }

    pub(super) const fn protected(self) -> Self {
        Self { protected: true, ..self }
    }

    pub(super) const fn volatile(self) -> Self {
        Self { volatile: true, ..self }
    }

    pub(super) const fn then(self, effect: Effect) -> Self {
        Self { effect: Some(effect), ..self }
    }

    /// It tunes this, which is not there, or needs no tuning.
    pub(super) const fn idle(self, what: &'static str) -> Self {
        Self { status: Status::Idle(what), ..self }
    }

    /// It would turn on this, which is not there yet.
    pub(super) const fn not_yet(self, what: &'static str) -> Self {
        Self { status: Status::NotYet(what), ..self }
    }

    /// As `not_yet`, but CONFIG SET keeps it.
    pub(super) const fn not_yet_in_files(self, what: &'static str) -> Self {
        Self { status: Status::NotYetInFiles(what), ..self }
    }
}

impl Directive {
    /// Set it, unless it would turn on what is not there.
    pub(super) fn assign(
        &self,
        config: &mut Config,
        words: &[&[u8]],
        source: Source,
    ) -> Result<bool, Refusal> {
        let changed = (self.set)(config, words, source)?;
        let missing = match (self.traits.status, source) {
            (Status::NotYet(what), _) | (Status::NotYetInFiles(what), Source::File) => what,
            _ => return Ok(changed),
        };
        if (self.show)(config) == (self.show)(&Config::default()) {
            return Ok(changed);
        }
        Err(format!("{} is not supported yet: this server has no {missing}", self.name).into())
    }
}

/// Makes a table of directives into the struct of their values, with their defaults, and into rows.
///
/// A row is `"name" | "alias" => field: type = default, rule, traits;`
macro_rules! directives {
    ($(
        $(#[doc = $about:literal])+
        $name:literal $(| $alias:literal)? => $field:ident: $type:ty = $default:expr, $rule:expr, $traits:expr;
    )*) => {
        /// The configuration, typed: a field for each directive. What is derived from several, or made fit, is
        /// brought up to date by [`Config::settle`] whenever one changes.
        #[derive(Clone, Debug)]
        pub(crate) struct Config {
            $(
                #[doc = concat!("`", $name, "`:", $($about),+)]
                pub(crate) $field: $type,
            )*
            /// The thresholds between encodings.
            pub(crate) limits: Limits,
        }

        impl Default for Config {
            fn default() -> Self {
                let mut config = Self { $($field: $default,)* limits: Limits::default() };
                config.settle();
                config
            }
        }

        /// Every directive of Redis 7.0.15.
        pub(crate) static DIRECTIVES: &[Directive] = &[$(
            Directive {
                name: $name,
                alias: directives!(@alias $($alias)?),
                about: concat!($($about),+),
                traits: $traits,
                many: is_many(&$rule, PhantomData::<$type>),
                set: |config, words, source| replace(&$rule, &mut config.$field, words, source),
                show: |config| show(&$rule, &config.$field),
                lines: |config| {
                    let default: $type = $default;
                    lines(&$rule, &config.$field, &default)
                },
            },
        )*];
    };
    (@alias) => { None };
    (@alias $alias:literal) => { Some($alias) };
}
pub(super) use directives;

// These tie a rule to its field, from whose type the rule's own follows.

/// Whether a rule takes several words.
pub(super) const fn is_many<R: Rule>(_: &R, _: PhantomData<R::Value>) -> bool {
    R::MANY
}

/// Have a field say what these words say. Returns whether that is something else than before.
pub(super) fn replace<R: Rule>(
    rule: &R,
    field: &mut R::Value,
    words: &[&[u8]],
    source: Source,
) -> Result<bool, Refusal> {
    let value = rule.read(words, field, source)?;
    let changed = value != *field;
    *field = value;
    Ok(changed)
}

pub(super) fn show<R: Rule>(rule: &R, field: &R::Value) -> Vec<u8> {
    rule.show(field)
}

pub(super) fn lines<R: Rule>(rule: &R, field: &R::Value, default: &R::Value) -> Vec<Line> {
    rule.lines(field, default)
}
