//! Glob patterns as Redis matches them: `*`, `?`, `[a-z]`, `[^…]` and `\` before what is meant literally.
//! The one rule: the answer is Redis's to the byte, oddities included, and its cost is at most
//! pattern length × text length, because only the last star is ever tried again.
//!
//! ```text
//! pattern   h*l[ln]?     "hello" ─▶ yes     "hallo" ─▶ no
//!             ▲ a mismatch behind a star returns to it and lets it take one byte more. Stars before
//!               it need no second try: what they could take instead, the last one can take as well.
//! ```
//!
//! Oddities: nothing but the empty pattern matches the empty text, `*` included; a class without its
//! bracket ends with the pattern; ranges compare signed bytes; an escaped byte of a class keeps its case.

/// Whether upper and lower case of ASCII letters are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Case {
    /// They are.
    Sensitive,
    /// They are not.
    Insensitive,
}

/// Whether all of `text` matches `pattern`.
pub(crate) fn matches(pattern: &[u8], text: &[u8]) -> bool {
    matches_case(pattern, text, Case::Sensitive)
}

/// Whether all of `text` matches `pattern`, with the case told apart or not.
pub(crate) fn matches_case(pattern: &[u8], text: &[u8], case: Case) -> bool {
    if text.is_empty() {
        return pattern.is_empty();
    }
    let (mut pattern, mut text) = (pattern, text);
    // What follows the last star, and the text that the star has not taken yet.
    let mut retry: Option<(&[u8], &[u8])> = None;
    loop {
        match (pattern, text) {
            ([], []) => return true,
            ([b'*', ..], _) => {
                pattern = skip_stars(pattern);
                if pattern.is_empty() {
                    return true;
                }
                retry = Some((pattern, text));
                continue;
            }
            ([_, ..], [byte, behind @ ..]) => {
                let (matched, rest) = one(pattern, *byte, case);
                if matched {
                    (pattern, text) = (rest, behind);
                    continue;
                }
            }
            // Nothing is left for what the pattern wants still, and less would be left the next time.
            ([_, ..], []) => return false,
            ([], [_, ..]) => {}
        }
        match retry {
            Some((after_star, [_, left @ ..])) => {
                retry = Some((after_star, left));
                (pattern, text) = (after_star, left);
            }
            _ => return false,
        }
    }
}

fn skip_stars(pattern: &[u8]) -> &[u8] {
    let stars = pattern.iter().take_while(|byte| **byte == b'*').count();
    pattern.get(stars..).unwrap_or_default()
}

/// Whether the pattern's first element, which is no star, matches `byte`; and what follows the element.
fn one(pattern: &[u8], byte: u8, case: Case) -> (bool, &[u8]) {
    match pattern {
        [b'?', rest @ ..] => (true, rest),
        [b'[', class @ ..] => in_class(class, byte, case),
        [b'\\', literal, rest @ ..] | [literal, rest @ ..] => (same(*literal, byte, case), rest),
        [] => (false, pattern),
    }
}

/// Whether the class, which begins behind its bracket, has `byte`; and what follows the class.
fn in_class(class: &[u8], byte: u8, case: Case) -> (bool, &[u8]) {
    let (negated, mut class) = match class {
        [b'^', rest @ ..] => (true, rest),
        _ => (false, class),
    };
    let mut found = false;
    loop {
        let (has, rest) = match class {
            [b'\\', literal, rest @ ..] => (*literal == byte, rest),
            [b']', rest @ ..] => return (found != negated, rest),
            [] => return (found != negated, class),
            [first, b'-', last, rest @ ..] => (in_range(*first, *last, byte, case), rest),
            [literal, rest @ ..] => (same(*literal, byte, case), rest),
        };
        found |= has;
        class = rest;
    }
}

/// Bytes are compared as C's `char`, which is signed where most servers run. The bounds are put in
/// order before their case is folded.
fn in_range(first: u8, last: u8, byte: u8, case: Case) -> bool {
    let (low, high) = if first as i8 <= last as i8 { (first, last) } else { (last, first) };
    let [low, high, byte] = match case {
        Case::Sensitive => [low, high, byte],
        Case::Insensitive => [low, high, byte].map(|byte| byte.to_ascii_lowercase()),
    };
    (low as i8..=high as i8).contains(&(byte as i8))
}

fn same(left: u8, right: u8, case: Case) -> bool {
    match case {
        Case::Sensitive => left == right,
        Case::Insensitive => left.eq_ignore_ascii_case(&right),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test")]
    use super::*;
    use proptest::prelude::*;

    /// What a pattern means, told as a recursion over both: each star tries every length.
    fn naive(pattern: &[u8], text: &[u8], case: Case) -> bool {
        match (pattern, text) {
            ([b'*', rest @ ..], _) => (0..=text.len()).any(|taken| naive(rest, &text[taken..], case)),
            ([], _) => text.is_empty(),
            (_, []) => false,
            (_, [byte, behind @ ..]) => {
                let (matched, rest) = one(pattern, *byte, case);
                matched && naive(rest, behind, case)
            }
        }
    }

    #[test]
    fn patterns_match_as_in_redis() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", false),
            ("**", "", false),
            ("", "a", false),
            ("*", "abc", true),
            ("a*", "a", true),
            ("a**", "a", true),
            ("h?llo", "hello", true),
            ("h?llo", "hllo", false),
            ("h*llo", "heeeello", true),
            ("h[ae]llo", "hallo", true),
            ("h[ae]llo", "hillo", false),
            ("h[^e]llo", "hallo", true),
            ("h[^e]llo", "hello", false),
            ("h[a-b]llo", "hbllo", true),
            ("h[b-a]llo", "hbllo", true),
            ("h[a-b]llo", "hcllo", false),
            ("h\\*llo", "h*llo", true),
            ("h\\*llo", "hello", false),
            ("a\\", "a\\", true),
            ("[\\]]", "]", true),
            ("[]", "]", false),
            ("[^]", "a", true),
            ("[^", "a", true),
            ("[", "[", false),
            ("[abc", "c", true),
            ("[a-]", "b", false),
            ("[a-]", "]", true),
            ("[a-]]", "]]", false),
            ("[a-", "-", true),
            ("*c*b", "acbdb", true),
            ("*a?", "aba", false),
            ("*ab*cd*", "xxabyycdzz", true),
            ("A", "a", false),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern} {text}");
        }
    }

    #[test]
    fn the_case_is_folded_where_redis_folds_it() {
        for (pattern, text, expected) in [
            ("HELLO", "hello", true),
            ("h[AE]LLO", "hello", true),
            ("[A-C]", "b", true),
            ("[\\A]", "a", false),
            ("\\A", "a", true),
            ("[Z-a]", "[", false),
        ] {
            let found = matches_case(pattern.as_bytes(), text.as_bytes(), Case::Insensitive);
            assert_eq!(found, expected, "{pattern} {text}");
        }
    }

    #[test]
    fn ranges_are_of_signed_bytes() {
        assert!(matches(b"[\x80-a]", b"\xff"));
        assert!(!matches(b"[a-\x80]", b"b"));
    }

    #[test]
    fn sixty_stars_are_no_more_work_than_one() {
        let pattern = "*a".repeat(60) + "b";
        let text = "a".repeat(100_000);
        assert!(!matches(pattern.as_bytes(), text.as_bytes()));
        assert!(!matches("*?".repeat(60).as_bytes(), &text.as_bytes()[..59]));
    }

    proptest! {
        #[test]
        fn it_is_what_the_naive_matcher_says(
            pattern in "[ab*?\\[\\]^\\\\A-]{0,9}",
            text in "[abAB\\]^-]{1,7}",
            fold: bool,
        ) {
            let case = if fold { Case::Insensitive } else { Case::Sensitive };
            let (pattern, text) = (pattern.as_bytes(), text.as_bytes());
            prop_assert_eq!(matches_case(pattern, text, case), naive(pattern, text, case));
        }

        #[test]
        fn no_bytes_are_too_strange(pattern: Vec<u8>, text: Vec<u8>) {
            matches(&pattern, &text);
        }
    }
}
