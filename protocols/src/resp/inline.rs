//! Inline commands: a line that somebody typed. The one rule: it is split as `sdssplitargs` splits
//! it, so that what works in Redis by telnet works here.
//!
//! ```text
//! SET key "a\tb\x00"   'it''s'     ─▶  an error: something stands right behind a closing quote
//! SET key "a\tb\x00"   'it\'s'     ─▶  SET, key, a␉b␀, it's
//! SET k"e y"                       ─▶  SET, "ke y": a quotation may begin within a word
//! ```

use super::request::RequestError;
use memchr::memchr2;

/// Split a line into words, which are pushed. Words without quotations are taken as they stand; a
/// line with quotations is written into `text`, which is used up by that.
pub(super) fn split<'a>(
    line: &'a [u8],
    words: &mut Vec<&'a [u8]>,
    text: &mut Option<&'a mut Vec<u8>>,
) -> Result<(), RequestError> {
    if memchr2(b'"', b'\'', line).is_none() {
        split_plain(line, words);
        return Ok(());
    }
    let ends = match text {
        Some(text) => unquote(line, text)?,
        None => return Ok(()),
    };
    let mut rest: &'a [u8] = text.take().map(|text| text.as_slice()).unwrap_or_default();
    let mut begin = 0usize;
    for end in ends {
        let (word, after) = rest.split_at_checked(end.saturating_sub(begin)).unwrap_or_default();
        words.push(word);
        rest = after;
        begin = end;
    }
    Ok(())
}

/// The words of a line, as an inline command, a line of redis.conf and `redis-cli` take it; none if a
/// quotation does not end, or something else than a blank stands behind its end.
///
/// ```
/// use ropewalk_protocols::resp::split_words;
///
/// let words = split_words(br#"requirepass "a\x20b" 'it\'s'"#);
/// assert_eq!(words, Some(vec![b"requirepass".to_vec(), b"a b".to_vec(), b"it's".to_vec()]));
/// assert_eq!(split_words(br#"requirepass "a"b"#), None);
/// ```
pub fn split_words(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut text = Vec::new();
    let mut words = Vec::new();
    split(line, &mut words, &mut Some(&mut text)).ok()?;
    Some(words.into_iter().map(<[u8]>::to_vec).collect())
}

fn split_plain<'a>(line: &'a [u8], words: &mut Vec<&'a [u8]>) {
    let mut rest = skip_blanks(line);
    while !rest.is_empty() {
        let length = rest.iter().position(|byte| ends_word(*byte)).unwrap_or(rest.len());
        let (word, after) = rest.split_at_checked(length).unwrap_or_default();
        words.push(word);
        rest = skip_blanks(after);
    }
}

/// Write what the words mean into `text`, one behind the other, and return where each ends.
fn unquote(line: &[u8], text: &mut Vec<u8>) -> Result<Vec<usize>, RequestError> {
    text.clear();
    let mut ends = Vec::new();
    let mut rest = skip_blanks(line);
    while !rest.is_empty() {
        rest = unquote_word(rest, text)?;
        ends.push(text.len());
        rest = skip_blanks(rest);
    }
    Ok(ends)
}

/// Write one word, and return what is behind it.
fn unquote_word<'a>(mut rest: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], RequestError> {
    loop {
        match rest {
            [b'"', after @ ..] => return behind_quotation(double_quoted(after, text)?),
            [b'\'', after @ ..] => return behind_quotation(single_quoted(after, text)?),
            [byte, after @ ..] if !ends_word(*byte) => {
                text.push(*byte);
                rest = after;
            }
            _ => return Ok(rest),
        }
    }
}

/// A quotation ends its word: a blank must follow, or nothing.
fn behind_quotation(rest: &[u8]) -> Result<&[u8], RequestError> {
    match rest {
        [byte, ..] if !is_blank(*byte) => Err(RequestError::UnbalancedQuotes),
        _ => Ok(rest),
    }
}

fn double_quoted<'a>(mut rest: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], RequestError> {
    loop {
        let (byte, after) = match rest {
            [b'"', after @ ..] => return Ok(after),
            [b'\\', b'x', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                (hexadecimal(*high) << 4 | hexadecimal(*low), after)
            }
            [b'\\', escaped, after @ ..] => (unescaped(*escaped), after),
            [byte, after @ ..] => (*byte, after),
            [] => return Err(RequestError::UnbalancedQuotes),
        };
        text.push(byte);
        rest = after;
    }
}

fn single_quoted<'a>(mut rest: &'a [u8], text: &mut Vec<u8>) -> Result<&'a [u8], RequestError> {
    loop {
        let (byte, after) = match rest {
            [b'\'', after @ ..] => return Ok(after),
            [b'\\', b'\'', after @ ..] => (b'\'', after),
            [byte, after @ ..] => (*byte, after),
            [] => return Err(RequestError::UnbalancedQuotes),
        };
        text.push(byte);
        rest = after;
    }
}

/// What an escape in double quotes stands for: most bytes stand for themselves.
fn unescaped(byte: u8) -> u8 {
    match byte {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        byte => byte,
    }
}

/// What a hexadecimal digit is worth.
fn hexadecimal(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit & 0x0f,
        _ => (digit & 0x0f).wrapping_add(9),
    }
}

fn skip_blanks(line: &[u8]) -> &[u8] {
    let blanks = line.iter().position(|byte| !is_blank(*byte)).unwrap_or(line.len());
    line.get(blanks..).unwrap_or_default()
}

/// What may stand before a word or behind a quotation: C's `isspace`.
fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// What ends a word: of the blanks, these.
fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}
