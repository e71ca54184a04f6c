//! Rules as they are written, word by word, and what can be wrong about one. The one rule: the texts are Redis's.

use ropewalk_protocols::resp::split_words;

/// Why a rule can't be applied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RuleError {
    /// No command or category goes by this name.
    #[error("Unknown command or category name in ACL")]
    Unknown,
    /// It means nothing.
    #[error("Syntax error")]
    Syntax,
    /// All keys are allowed already.
    #[error(
        "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have any effect. \
         Try 'resetkeys' to start with an empty list of patterns"
    )]
    KeysAfterAll,
    /// All channels are allowed already.
    #[error(
        "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and does not have any \
         effect. Try 'resetchannels' to start with an empty list of channels"
    )]
    ChannelsAfterAll,
    /// There is no such password to remove.
    #[error("The password you are trying to remove from the user does not exist")]
    NoSuchPassword,
    /// It is no SHA-256.
    #[error(
        "The password hash must be exactly 64 characters and contain only lowercase hexadecimal characters"
    )]
    BadHash,
    /// Subcommands can't be allowed by their first arguments.
    #[error("Allowing first-arg of a subcommand is not supported")]
    ArgumentOfSubcommand,
}

/// Rules in which selectors that were split at their blanks are whole again.
///
/// # Errors
/// If a parenthesis stays open: the number of the word that it stands in.
pub(crate) fn merge_selectors(words: &[&[u8]]) -> Result<Vec<Vec<u8>>, usize> {
    let mut merged = Vec::new();
    let mut open: Option<(usize, Vec<u8>)> = None;
    for (number, word) in words.iter().enumerate() {
        let closes = word.ends_with(b")");
        if word.starts_with(b"(") && !closes {
            open = Some((number, word.to_vec()));
            continue;
        }
        match open.take() {
            None => merged.push(word.to_vec()),
            Some((number, begun)) => {
                let longer = [begun.as_slice(), b" ", word].concat();
                if closes {
                    merged.push(longer);
                } else {
                    open = Some((number, longer));
                }
            }
        }
    }
    match open {
        Some((number, _)) => Err(number),
        None => Ok(merged),
    }
}

/// The rules between the parentheses of a selector, if that is what it is.
pub(super) fn inside(rule: &[u8]) -> Option<Result<Vec<Vec<u8>>, RuleError>> {
    let inside = rule.strip_prefix(b"(")?.strip_suffix(b")")?;
    Some(split_words(inside).ok_or(RuleError::Syntax))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selectors_are_put_together_again() {
        let merge = |text: &str| {
            let words: Vec<&[u8]> = text.split(' ').map(str::as_bytes).collect();
            merge_selectors(&words).map(|merged| {
                merged.iter().map(|rule| String::from_utf8_lossy(rule).into_owned()).collect::<Vec<_>>()
            })
        };
        assert_eq!(merge("on (+get ~a) (+set)"), Ok(vec!["on".into(), "(+get ~a)".into(), "(+set)".into()]));
        assert_eq!(merge("(%R~x +get +mget ) off"), Ok(vec!["(%R~x +get +mget )".into(), "off".into()]));
        assert_eq!(merge("on (+get ~a"), Err(1));
        assert_eq!(merge(""), Ok(vec![String::new()]));
    }
}
