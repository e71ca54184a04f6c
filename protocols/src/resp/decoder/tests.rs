//! Every type whole and byte by byte, and a second decoder, which knows no state, to agree with.

use super::*;
use crate::resp::{ReplyWriter, Version};
use crate::testing::{cut, sizes};
use ReplyError::*;
use bytes::BytesMut;
use proptest::prelude::*;

type Found = (Vec<Value>, Option<ReplyError>);

/// Feed `pieces` as a connection does: what was found, and how many bytes were left.
fn feed<'a>(mut decoder: ReplyDecoder, pieces: impl IntoIterator<Item = &'a [u8]>) -> (Found, usize) {
    let (mut input, mut values) = (Vec::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        let mut rest = &input[..];
        loop {
            match decoder.decode(&mut rest) {
                Ok(Some(value)) => values.push(value),
                Ok(None) => break,
                Err(error) => return ((values, Some(error)), rest.len()),
            }
        }
        assert!(decoder.missing() > 0);
        input = rest.to_vec();
    }
    ((values, None), input.len())
}

fn keeping(limits: ReplyLimits) -> ReplyDecoder {
    ReplyDecoder::new(limits).keep_attributes()
}

/// The same must come of `input` whole, byte by byte and from the other decoder: these values, as
/// they are shown, and then this error, or so many bytes left.
fn check_with(limits: ReplyLimits, input: &[u8], values: &[&str], end: Result<usize, ReplyError>) {
    let shown = input.escape_ascii();
    let (whole, left) = feed(keeping(limits), [input]);
    let found: Vec<_> = whole.0.iter().map(|value| format!("{value:?}")).collect();
    assert_eq!(
        (&found[..], whole.1),
        (&values.iter().map(ToString::to_string).collect::<Vec<_>>()[..], end.err()),
        "whole: {shown}"
    );
    assert_eq!(end.unwrap_or(left), left, "whole: {shown}");
    let (bytewise, left) = feed(keeping(limits), input.chunks(1));
    assert_eq!(format!("{bytewise:?}"), format!("{whole:?}"), "byte by byte: {shown}");
    assert_eq!(end.unwrap_or(left), left, "byte by byte: {shown}");
    let other = naive::decode(input, limits);
    assert_eq!(format!("{other:?}"), format!("{whole:?}"), "the other decoder: {shown}");
}

fn check(input: &[u8], values: &[&str], end: Result<usize, ReplyError>) {
    check_with(ReplyLimits::default(), input, values, end);
}

#[test]
fn simple_values() {
    check(b"", &[], Ok(0));
    check(b"+OK\r\n+\r\n", &["OK", ""], Ok(0));
    check(b"-ERR no\r\n", &["(error) ERR no"], Ok(0));
    check(b":0\r\n:-12\r\n:+7\r\n:9223372036854775807\r\n", &["0", "-12", "7", "9223372036854775807"], Ok(0));
    check(b"_\r\n$-1\r\n*-1\r\n", &["nil", "nil", "nil"], Ok(0));
    check(b"#t\r\n#f\r\n", &["true", "false"], Ok(0));
    check(b",1.5\r\n,-3\r\n,1e+17\r\n,.5\r\n", &["1.5", "-3.0", "1e17", "0.5"], Ok(0));
    check(b",inf\r\n,-inf\r\n,nan\r\n,-nan\r\n", &["inf", "-inf", "NaN", "NaN"], Ok(0));
    check(b"(123456789012345678901234567890\r\n(-1\r\n", &["(123456789012345678901234567890", "(-1"], Ok(0));
    check(b"+OK\r\n+OK\r", &["OK"], Ok(4));
}

#[test]
fn strings() {
    check(b"$5\r\nhello\r\n$0\r\n\r\n", &["\"hello\"", "\"\""], Ok(0));
    check(b"$4\r\n\r\n\r\n\r\n", &["\"\\r\\n\\r\\n\""], Ok(0));
    check(b"!8\r\nERR a\r\nb\r\n", &["(error) ERR a\\r\\nb"], Ok(0));
    check(b"=8\r\ntxt:Some\r\n=4\r\nmkd:\r\n", &["txt:\"Some\"", "mkd:\"\""], Ok(0));
    check(b"$5\r\nhell", &[], Ok(4));
}

#[test]
fn aggregates() {
    check(b"*0\r\n%0\r\n~0\r\n>0\r\n", &["[]", "{}", "{}", "push []"], Ok(0));
    check(b"*3\r\n:1\r\n$1\r\na\r\n_\r\n", &["[1, \"a\", nil]"], Ok(0));
    check(b"%2\r\n+a\r\n:1\r\n+b\r\n*1\r\n:2\r\n", &["{a: 1, b: [2]}"], Ok(0));
    check(b"~2\r\n:1\r\n:2\r\n", &["{1, 2}"], Ok(0));
    check(b">2\r\n+message\r\n+hi\r\n:5\r\n", &["push [message, hi]", "5"], Ok(0));
    check(b"*2\r\n*2\r\n*0\r\n*1\r\n*0\r\n:1\r\n", &["[[[], [[]]], 1]"], Ok(0));
    check(b"*2\r\n:1\r\n*2\r\n:2\r\n", &[], Ok(0));
    check(b"*1\r\n-ERR within\r\n", &["[(error) ERR within]"], Ok(0));
}

#[test]
fn attributes_go_with_the_value_behind_them() {
    check(b"|1\r\n+ttl\r\n:60\r\n+OK\r\n+OK\r\n", &["attributed {ttl: 60} OK", "OK"], Ok(0));
    check(b"|1\r\n+a\r\n:1\r\n|1\r\n+b\r\n:2\r\n+OK\r\n", &["attributed {a: 1, b: 2} OK"], Ok(0));
    check(b"*2\r\n|1\r\n+a\r\n:1\r\n*1\r\n:2\r\n:3\r\n", &["[attributed {a: 1} [2], 3]"], Ok(0));
    check(b"|1\r\n+a\r\n|1\r\n+b\r\n:1\r\n*0\r\n*0\r\n", &["attributed {a: attributed {b: 1} []} []"], Ok(0));
    check(b"|0\r\n+OK\r\n", &["OK"], Ok(0));
    let input = &b"|1\r\n+a\r\n:1\r\n*1\r\n|1\r\n+b\r\n:2\r\n:3\r\n"[..];
    let ((values, _), _) = feed(ReplyDecoder::default(), [input]);
    assert_eq!(format!("{values:?}"), "[[3]]", "they are dropped unless they are wanted");
}

#[test]
fn what_is_no_reply_is_refused() {
    for (input, error) in [
        (&b"PING\r\n"[..], UnknownType(b'P')),
        (b"\r\n", Malformed("an empty line")),
        (b"+a\rb\r\n", Malformed("a carriage return without a line feed")),
        (b":\r\n", Malformed("no integer")),
        (b":1.5\r\n", Malformed("no integer")),
        (b":9223372036854775808\r\n", Malformed("no integer")),
        (b",\r\n", Malformed("no double")),
        (b",infinity\r\n", Malformed("no double")),
        (b",1,5\r\n", Malformed("no double")),
        (b"#\r\n", Malformed("no boolean")),
        (b"#true\r\n", Malformed("no boolean")),
        (b"_1\r\n", Malformed("no null")),
        (b"(\r\n", Malformed("no big number")),
        (b"(-\r\n", Malformed("no big number")),
        (b"(1a\r\n", Malformed("no big number")),
        (b"$\r\n", Malformed("no length")),
        (b"$01\r\n", Malformed("no length")),
        (b"$-2\r\n", Malformed("a length below zero")),
        (b"*-2\r\n", Malformed("a length below zero")),
        (b"%-1\r\n", Malformed("a length below zero")),
        (b"~-1\r\n", Malformed("a length below zero")),
        (b"*9223372036854775808\r\n", Malformed("no length")),
        (b"$1\r\nab\r\n", Malformed("a string is longer than it should be")),
        (b"$1\r\na\n\r", Malformed("a string is longer than it should be")),
        (b"=3\r\ntxt\r\n", Malformed("a verbatim string without a format")),
        (b"=4\r\ntxt;\r\n", Malformed("a verbatim string without a format")),
        (b"$?\r\n", Streamed),
        (b"*?\r\n", Streamed),
        (b"%?\r\n", Streamed),
        (b";4\r\n", Streamed),
        (b".\r\n", Streamed),
        (b"*1\r\n>1\r\n", NestedPush),
    ] {
        check(&[b"+OK\r\n", input].concat(), &["OK"], Err(error));
    }
}

#[test]
fn what_is_too_much_is_refused() {
    let limits = ReplyLimits { bulk_bytes_max: 5, reply_bytes_max: 400, depth_max: 3 };
    let check = |input: &str, values: &[&str], end| check_with(limits, input.as_bytes(), values, end);
    check("$5\r\nhello\r\n", &["\"hello\""], Ok(0));
    check("$6\r\n", &[], Err(BulkTooLong { limit: 5 }));
    check("*1\r\n*1\r\n*1\r\n:1\r\n", &["[[[1]]]"], Ok(0));
    check("*1\r\n*1\r\n*1\r\n*0\r\n", &[], Err(TooDeep { limit: 3 }));
    let size = size_of::<Value>();
    let fits = 400 / size - 1;
    check(
        &format!("*{fits}\r\n{}:1\r\n", "_\r\n".repeat(fits)),
        &[&format!("[{}]", ["nil"].repeat(fits).join(", ")), "1"],
        Ok(0),
    );
    check(&format!("*{}\r\n", fits + 1), &[], Err(TooLarge { limit: 400 }));
    check("*9223372036854775807\r\n", &[], Err(TooLarge { limit: 400 }));
    check("%9223372036854775807\r\n", &[], Err(TooLarge { limit: 400 }));
    check(&format!("+{}\r\n", "x".repeat(400 - size)), &[&"x".repeat(400 - size)], Ok(0));
    check(&format!("+{}\r\n", "x".repeat(401 - size)), &[], Err(TooLarge { limit: 400 }));
    let nested = format!("*2\r\n{}{}", "*1\r\n+12345\r\n", "*1\r\n+12345\r\n".repeat(9));
    assert!(feed(keeping(limits), [nested.as_bytes()]).0.1.is_none(), "each reply counts for itself");
}

#[test]
fn a_line_of_exactly_the_maximum_passes_and_one_byte_more_does_not() {
    let text = "x".repeat(REPLY_LINE_BYTES_MAX - 1);
    check(format!("+{text}\r\n").as_bytes(), &[&text], Ok(0));
    check(format!("+{text}").as_bytes(), &[], Ok(REPLY_LINE_BYTES_MAX));
    check(format!("+{text}x").as_bytes(), &[], Err(LineTooLong));
    check(format!("+{text}x\r\n").as_bytes(), &[], Err(LineTooLong));
}

#[test]
fn an_announced_length_reserves_no_memory() {
    let mut decoder = ReplyDecoder::default();
    let input = "*10000000\r\n".repeat(100);
    assert_eq!(decoder.decode(&mut input.as_bytes()), Ok(None));
    let reserved: usize = decoder.frames.iter().map(|frame| frame.values.capacity()).sum();
    assert!(reserved <= 100 * 64, "room for {reserved} values");
    assert_eq!(decoder.frames.len(), 100);
}

#[test]
fn a_long_string_is_not_looked_at_before_it_is_there() {
    let mut decoder = ReplyDecoder::default();
    let mut input = &b"$1000000\r\nab"[..];
    assert_eq!(decoder.decode(&mut input), Ok(None));
    assert_eq!((input, decoder.missing()), (&b"ab"[..], 1_000_000));
    let mut input = &[b'\r'; 1_000_001][..];
    assert_eq!(decoder.decode(&mut input), Ok(None));
    assert_eq!((input.len(), decoder.missing()), (1_000_001, 1));
}

#[test]
fn a_line_that_comes_in_pieces_is_not_searched_from_its_start_each_time() {
    let line = [b'+'; REPLY_LINE_BYTES_MAX];
    let mut decoder = ReplyDecoder::default();
    for end in (0..line.len()).step_by(1000) {
        assert_eq!(decoder.decode(&mut &line[..end]), Ok(None));
        assert_eq!((decoder.searched, decoder.missing()), (end, 1));
    }
}

/// The other decoder: by recursion, from the first byte each time.
mod naive {
    use super::*;

    pub(super) fn decode(mut input: &[u8], limits: ReplyLimits) -> Found {
        let mut values = Vec::new();
        loop {
            let mut held = 0;
            match next(&mut input, &limits, 0, &mut held) {
                Ok(Some(value)) => values.push(value),
                Ok(None) => return (values, None),
                Err(error) => return (values, Some(error)),
            }
        }
    }

    fn next(
        input: &mut &[u8],
        limits: &ReplyLimits,
        depth: usize,
        held: &mut usize,
    ) -> Result<Option<Value>, ReplyError> {
        let mut attributes = Vec::new();
        loop {
            let Some((marker, text)) = line(input)? else { return Ok(None) };
            let mut hold = |bytes: usize| {
                *held += bytes;
                if *held > limits.reply_bytes_max {
                    Err(TooLarge { limit: limits.reply_bytes_max })
                } else {
                    Ok(())
                }
            };
            hold(size_of::<Value>())?;
            let value = match marker {
                b'+' | b'-' => {
                    hold(text.len())?;
                    let text = Bytes::copy_from_slice(text);
                    if marker == b'+' { Value::Simple(text) } else { Value::Error(text) }
                }
                b':' => Value::Integer(string(text)?.parse().map_err(|_| Malformed("no integer"))?),
                b',' => Value::Double(match text {
                    b"inf" => f64::INFINITY,
                    b"-inf" => f64::NEG_INFINITY,
                    b"nan" | b"-nan" => f64::NAN,
                    _ if text.iter().any(|byte| byte.is_ascii_alphabetic() && *byte | 32 != b'e') => {
                        return Err(Malformed("no double"));
                    }
                    _ => string(text)?.parse().map_err(|_| Malformed("no double"))?,
                }),
                b'#' if text == b"t" || text == b"f" => Value::Boolean(text == b"t"),
                b'#' => return Err(Malformed("no boolean")),
                b'_' if text.is_empty() => Value::Null,
                b'_' => return Err(Malformed("no null")),
                b'(' => {
                    let digits = text.strip_prefix(b"-").or(text.strip_prefix(b"+")).unwrap_or(text);
                    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
                        return Err(Malformed("no big number"));
                    }
                    hold(text.len())?;
                    Value::BigNumber(Bytes::copy_from_slice(text))
                }
                b'$' | b'!' | b'=' => match length(text)? {
                    -1 => Value::Null,
                    length if length < 0 => return Err(Malformed("a length below zero")),
                    length => {
                        let length = length as usize;
                        if length > limits.bulk_bytes_max {
                            return Err(BulkTooLong { limit: limits.bulk_bytes_max });
                        }
                        hold(length)?;
                        if input.len() < length + 2 {
                            return Ok(None);
                        }
                        let (content, rest) = input.split_at(length);
                        if !rest.starts_with(b"\r\n") {
                            return Err(Malformed("a string is longer than it should be"));
                        }
                        *input = &rest[2..];
                        match marker {
                            b'$' => Value::Bulk(Bytes::copy_from_slice(content)),
                            b'!' => Value::Error(Bytes::copy_from_slice(content)),
                            _ if content.get(3) != Some(&b':') => {
                                return Err(Malformed("a verbatim string without a format"));
                            }
                            _ => Value::Verbatim {
                                format: content[..3].try_into().unwrap(),
                                text: Bytes::copy_from_slice(&content[4..]),
                            },
                        }
                    }
                },
                b'*' | b'~' | b'>' | b'%' | b'|' => {
                    if marker == b'>' && depth > 0 {
                        return Err(NestedPush);
                    }
                    let length = length(text)?;
                    if length == -1 && marker == b'*' {
                        Value::Null
                    } else {
                        let length = usize::try_from(length).map_err(|_| Malformed("a length below zero"))?;
                        if depth >= limits.depth_max {
                            return Err(TooDeep { limit: limits.depth_max });
                        }
                        let left = if b"%|".contains(&marker) { length.saturating_mul(2) } else { length };
                        let least = left.saturating_mul(size_of::<Value>()).saturating_add(*held);
                        if left > 0 && least > limits.reply_bytes_max {
                            return Err(TooLarge { limit: limits.reply_bytes_max });
                        }
                        let mut values = Vec::new();
                        for _ in 0..left {
                            match next(input, limits, depth + 1, held)? {
                                Some(value) => values.push(value),
                                None => return Ok(None),
                            }
                        }
                        match marker {
                            b'*' => Value::Array(values),
                            b'~' => Value::Set(values),
                            b'>' => Value::Push(values),
                            b'%' => Value::Map(pairs(values)),
                            _ => {
                                attributes.extend(pairs(values));
                                continue;
                            }
                        }
                    }
                }
                b';' | b'.' => return Err(Streamed),
                byte => return Err(UnknownType(byte)),
            };
            return Ok(Some(match attributes.is_empty() {
                true => value,
                false => Value::Attributed(Box::new(Attributed { attributes, value })),
            }));
        }
    }

    fn line<'a>(input: &mut &'a [u8]) -> Result<Option<(u8, &'a [u8])>, ReplyError> {
        let end = input.iter().position(|byte| *byte == b'\r').unwrap_or(input.len());
        if end > REPLY_LINE_BYTES_MAX {
            return Err(LineTooLong);
        }
        if input.len() < end + 2 {
            return Ok(None);
        }
        if input[end + 1] != b'\n' {
            return Err(Malformed("a carriage return without a line feed"));
        }
        let (line, rest) = input.split_at(end);
        *input = &rest[2..];
        let (marker, text) = line.split_first().ok_or(Malformed("an empty line"))?;
        Ok(Some((*marker, text)))
    }

    fn string(text: &[u8]) -> Result<&str, ReplyError> {
        Ok(str::from_utf8(text).unwrap_or("not UTF-8"))
    }

    fn length(text: &[u8]) -> Result<i64, ReplyError> {
        if text == b"?" {
            return Err(Streamed);
        }
        let length: i64 = string(text)?.parse().map_err(|_| Malformed("no length"))?;
        if length.to_string().as_bytes() == text { Ok(length) } else { Err(Malformed("no length")) }
    }
}

/// Any value that the third version can say. No attributes before pushes: nobody sends those.
fn values() -> impl Strategy<Value = Value> {
    let bytes = || proptest::collection::vec(any::<u8>(), 0..20).prop_map(Bytes::from);
    let line = || "[ -~]{0,20}".prop_map(Bytes::from);
    let leaf = prop_oneof![
        Just(Value::Null),
        line().prop_map(Value::Simple),
        line().prop_map(Value::Error),
        any::<i64>().prop_map(Value::Integer),
        bytes().prop_map(Value::Bulk),
        any::<f64>().prop_filter("equal to itself", |value| !value.is_nan()).prop_map(Value::Double),
        any::<bool>().prop_map(Value::Boolean),
        "-?[0-9]{1,40}".prop_map(|digits| Value::BigNumber(digits.into())),
        ("[a-z]{3}", bytes()).prop_map(|(format, text)| Value::Verbatim {
            format: format.as_bytes().try_into().unwrap(),
            text
        }),
    ];
    let nested = leaf.prop_recursive(4, 40, 5, |inner| {
        let many = || proptest::collection::vec(inner.clone(), 0..5);
        let pairs = |range| proptest::collection::vec((inner.clone(), inner.clone()), range);
        prop_oneof![
            many().prop_map(Value::Array),
            many().prop_map(Value::Set),
            pairs(0..4).prop_map(Value::Map),
            (pairs(1..3), inner.clone())
                .prop_filter("one attribute a value", |(_, value)| !matches!(value, Value::Attributed(_)))
                .prop_map(|(attributes, value)| Value::Attributed(Box::new(Attributed {
                    attributes,
                    value
                }))),
        ]
    });
    let push = proptest::collection::vec(nested.clone(), 0..5).prop_map(Value::Push);
    prop_oneof![5 => nested, 1 => push]
}

fn encoded(version: Version, values: &[Value]) -> BytesMut {
    let mut out = BytesMut::new();
    values.iter().for_each(|value| ReplyWriter::new(&mut out, version).value(value));
    out
}

/// What is left of a value when a client speaks only the second version.
fn in_resp2(value: &Value) -> Value {
    let all = |values: &[Value]| Value::Array(values.iter().map(in_resp2).collect());
    match value {
        Value::Double(value) => Value::Bulk(Bytes::copy_from_slice(&super::super::number::double(*value))),
        Value::Boolean(value) => Value::Integer((*value).into()),
        Value::BigNumber(text) | Value::Verbatim { text, .. } => Value::Bulk(text.clone()),
        Value::Array(values) | Value::Set(values) | Value::Push(values) => all(values),
        Value::Map(pairs) => {
            Value::Array(pairs.iter().flat_map(|(key, value)| [in_resp2(key), in_resp2(value)]).collect())
        }
        Value::Attributed(attributed) => in_resp2(&attributed.value),
        value => value.clone(),
    }
}

/// Values, cut off or changed in places, and bytes that mean something.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => values().prop_map(|value| encoded(Version::Resp3, &[value]).to_vec()),
        1 => "[-+:$*%~>|=!,#_(][0-9t?a-]{0,3}\r\n".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..5),
    ];
    proptest::collection::vec(piece, 0..5).prop_map(|pieces| pieces.concat())
}

fn any_limits() -> impl Strategy<Value = ReplyLimits> {
    let usual = ReplyLimits::default();
    let small =
        (0..30usize, 0..1000usize, 0..4usize).prop_map(|(bulk_bytes_max, reply_bytes_max, depth_max)| {
            ReplyLimits { bulk_bytes_max, reply_bytes_max, depth_max }
        });
    prop_oneof![3 => Just(usual), 1 => small]
}

proptest! {
    #[test]
    fn what_was_written_is_read(values in proptest::collection::vec(values(), 0..4), sizes in sizes()) {
        let text = encoded(Version::Resp3, &values);
        let (found, left) = feed(keeping(ReplyLimits::default()), cut(&text, &sizes));
        prop_assert_eq!((found, left), ((values.clone(), None), 0));
        let text = encoded(Version::Resp2, &values);
        let (found, left) = feed(keeping(ReplyLimits::default()), [&text[..]]);
        let expected: Vec<_> = values.iter().map(in_resp2).collect();
        prop_assert_eq!(format!("{found:?} {left}"), format!("{:?} 0", (expected, None::<ReplyError>)));
    }

    #[test]
    fn it_agrees_with_the_other_decoder(text in texts(), limits in any_limits(), sizes in sizes()) {
        let expected = naive::decode(&text, limits);
        let (whole, left) = feed(keeping(limits), [&text[..]]);
        prop_assert_eq!(format!("{whole:?}"), format!("{expected:?}"));
        let (pieces, left_of_pieces) = feed(keeping(limits), cut(&text, &sizes));
        prop_assert_eq!(format!("{pieces:?}"), format!("{expected:?}"));
        prop_assert!(expected.1.is_some() || left == left_of_pieces);
    }

    #[test]
    fn any_bytes_are_replies_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let limits = ReplyLimits { bulk_bytes_max: 100, reply_bytes_max: 1000, depth_max: 4 };
        let mut decoder = keeping(limits);
        let mut rest = &bytes[..];
        while let Ok(Some(_)) = decoder.decode(&mut rest) {
            prop_assert!(decoder.frames.is_empty());
        }
        let held: usize = decoder.frames.iter().map(|frame| frame.values.len() * size_of::<Value>()).sum();
        prop_assert!(held <= 1000);
    }
}
