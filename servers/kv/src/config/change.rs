//! CONFIG SET. The one rule: all of it or nothing, so a changed copy is made, which becomes the
//! configuration when every value was good and every effect went well.

use super::directive::{Directive, Effect};
use super::rule::{Refusal, Source};
use super::{Config, find};
use crate::command::error::as_c_string;

/// A configuration that CONFIG SET makes.
#[derive(Debug)]
pub(crate) struct Change {
    /// With the new values.
    pub(crate) config: Config,
    /// What is to be done, each once, and which argument it is because of.
    pub(crate) effects: Vec<(Effect, &'static str)>,
}

/// What the one who asks may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Requester {
    /// It comes from this machine.
    pub(crate) is_local: bool,
}

/// Why nothing was changed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum SetError {
    /// A name without a value.
    Odd,
    /// There is no such directive.
    Unknown(Vec<u8>),
    /// One of the values can't be: the name of its directive, and why.
    Refused(Vec<u8>, Refusal),
}

impl SetError {
    /// What is answered.
    pub(crate) fn reply(&self) -> Vec<u8> {
        match self {
            Self::Odd => b"ERR syntax error".to_vec(),
            Self::Unknown(name) => {
                let text = b"ERR Unknown option or number of arguments for CONFIG SET - '";
                [text, as_c_string(name), b"'"].concat()
            }
            Self::Refused(name, why) => {
                let text = b"ERR CONFIG SET failed (possibly related to argument '";
                [text, as_c_string(name), b"') - ", why.as_bytes()].concat()
            }
        }
    }
}

/// A name and a value.
type Pair<'a> = (&'static Directive, &'static str, &'a [u8]);

impl Config {
    /// What names and values, in turn, would make of the configuration.
    ///
    /// # Errors
    /// If one of them can't be.
    pub(crate) fn change(&self, arguments: &[&[u8]], requester: Requester) -> Result<Change, SetError> {
        let pairs = self.check(arguments, requester)?;
        let mut change = Change { config: self.clone(), effects: Vec::new() };
        for (directive, name, value) in pairs {
            let words: Vec<&[u8]> =
                if directive.many { value.split(|byte| *byte == b' ').collect() } else { vec![value] };
            let changed = directive
                .assign(&mut change.config, &words, Source::Command)
                .map_err(|why| SetError::Refused(name.into(), why))?;
            let effect = directive.traits.effect.filter(|_| changed || directive.traits.volatile);
            if let Some(effect) =
                effect.filter(|effect| change.effects.iter().all(|(known, _)| known != effect))
            {
                change.effects.push((effect, name));
            }
        }
        change.config.settle();
        Ok(change)
    }

    /// The directives that are meant, if they may be changed.
    fn check<'a>(&self, arguments: &[&'a [u8]], requester: Requester) -> Result<Vec<Pair<'a>>, SetError> {
        let (pairs, rest) = arguments.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(SetError::Odd);
        }
        let protected = !Self::allows(self.enable_protected_configs, requester.is_local);
        let mut checked: Vec<Pair<'_>> = Vec::new();
        for [argument, value] in pairs {
            let refused = |why| Err(SetError::Refused(argument.to_vec(), Refusal::Borrowed(why)));
            let (directive, name) = find(argument).ok_or_else(|| SetError::Unknown(argument.to_vec()))?;
            if !directive.traits.mutable {
                return refused("can't set immutable config");
            }
            if directive.traits.protected && protected {
                return refused("can't set protected config");
            }
            if checked.iter().any(|(_, known, _)| *known == name) {
                return refused("duplicate parameter");
            }
            checked.push((directive, name, value));
        }
        Ok(checked)
    }
}

/// Which of these arguments of CONFIG SET, names and values in turn, are to be kept out of logs.
pub(crate) fn sensitive<'a>(arguments: &'a [&'a [u8]]) -> impl Iterator<Item = usize> + 'a {
    let names = arguments.iter().enumerate().step_by(2);
    let secret =
        names.filter(|(_, name)| find(name).is_some_and(|(directive, _)| directive.traits.sensitive));
    secret.map(|(index, _)| index.saturating_add(1)).filter(|index| *index < arguments.len())
}
