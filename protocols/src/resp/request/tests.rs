//! What is accepted and refused, as found by asking Redis 7.0.15; and a second parser, which knows
//! no state, to agree with.

use super::*;
use crate::testing::{cut, sizes};
use RequestError::*;
use proptest::prelude::*;

type Found = (Vec<Vec<Vec<u8>>>, Option<RequestError>);

fn unauthenticated() -> Limits {
    Limits { authenticated: false, ..Limits::default() }
}

/// Feed `pieces` as a connection does, in batches of up to `commands_max`: what was found, and how
/// many bytes were left.
fn feed_with<'a>(
    pieces: impl IntoIterator<Item = &'a [u8]>,
    limits: &Limits,
    commands_max: usize,
) -> (Found, usize) {
    let (mut parser, mut scratch) = (RequestParser::new(), Scratch::new());
    let (mut input, mut commands) = (Vec::new(), Vec::new());
    for piece in pieces {
        input.extend_from_slice(piece);
        loop {
            let batch = parser.parse(&input, limits, &mut scratch, commands_max);
            commands.extend(batch.iter().map(owned));
            let (count, stop) = (batch.len(), batch.stop());
            assert!(count <= commands_max);
            let taken = parser.finish(batch, count);
            input.drain(..taken);
            match stop {
                Stop::Full => assert!(count > 0, "a batch without a command is not full"),
                Stop::Incomplete { missing } => {
                    assert!(missing > 0);
                    break;
                }
                Stop::Refused(error) => return ((commands, Some(error)), input.len()),
            }
        }
    }
    ((commands, None), input.len())
}

fn owned(arguments: &[&[u8]]) -> Vec<Vec<u8>> {
    arguments.iter().map(|argument| argument.to_vec()).collect()
}

/// The same must come of `input` whole, byte by byte and from the other parser: these commands, and
/// then this error, or so many bytes left.
fn check_with(limits: &Limits, input: &[u8], commands: &[&[&str]], end: Result<usize, RequestError>) {
    let commands: Vec<Vec<Vec<u8>>> =
        commands.iter().map(|command| command.iter().map(|argument| latin(argument)).collect()).collect();
    let expected = (commands, end.err());
    let shown = input.escape_ascii();
    for commands_max in [1, 3, 64] {
        let (found, left) = feed_with([input], limits, commands_max);
        assert_eq!(found, expected, "whole, {commands_max} at a time: {shown}");
        assert_eq!(end.unwrap_or(left), left, "whole, {commands_max} at a time: {shown}");
        let (found, left) = feed_with(input.chunks(1), limits, commands_max);
        assert_eq!(found, expected, "byte by byte, {commands_max} at a time: {shown}");
        assert_eq!(end.unwrap_or(left), left, "byte by byte, {commands_max} at a time: {shown}");
    }
    assert_eq!(naive::parse(input, limits), expected, "the other parser: {shown}");
}

fn check(input: &[u8], commands: &[&[&str]], end: Result<usize, RequestError>) {
    check_with(&Limits::default(), input, commands, end);
}

/// One byte for each character, so that a table can show any byte.
fn latin(text: &str) -> Vec<u8> {
    text.chars().map(|c| u8::try_from(u32::from(c)).unwrap()).collect()
}

#[test]
fn commands_come_whole_or_not_at_all() {
    check(b"", &[], Ok(0));
    check(b"*1\r\n$4\r\nPING\r\n", &[&["PING"]], Ok(0));
    check(b"*2\r\n$4\r\nECHO\r\n$2\r\n\r\n\r\n", &[&["ECHO", "\r\n"]], Ok(0));
    check(b"*2\r\n$4\r\nECHO\r\n$0\r\n\r\n", &[&["ECHO", ""]], Ok(0));
    check(b"*1\r\n$0\r\n\r\n*1\r\n$1\r\na", &[&[""]], Ok(9));
    check(b"*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$3\r\nab", &[], Ok(26));
    let long = format!("*2\r\n$4\r\nECHO\r\n$1000\r\n{}\r\n*1\r\n$4\r\nPING\r\n", "x".repeat(1000));
    check(long.as_bytes(), &[&["ECHO", &"x".repeat(1000)], &["PING"]], Ok(0));
    let many = format!("*120\r\n{}", "$1\r\na\r\n".repeat(120));
    check(many.as_bytes(), &[&["a"; 120]], Ok(0));
}

#[test]
fn what_stands_in_place_of_line_feeds_is_not_looked_at() {
    check(b"*1\rX$4\rXPINGXX", &[&["PING"]], Ok(0));
    check(b"*1\r\n$4\r\nPING\n\r+", &[&["PING"]], Ok(1));
    check(b"*1\n$4\nPING\n", &[], Ok(11));
    check(b"*1\n\r\n", &[], Err(MultibulkLength));
}

#[test]
fn commands_without_arguments_are_skipped() {
    for nothing in ["*0", "*-1", "*-5", "*-9223372036854775808"] {
        check(format!("{nothing}\r\nPING\r\n*1\r\n").as_bytes(), &[&["PING"]], Ok(4));
    }
    check(b"\r\n\r\n\nPING\r\n\r\n", &[&["PING"]], Ok(0));
    check(b"\r\r\n \t\n\x0b\x0c\nPING\r\n", &[&["PING"]], Ok(0));
}

#[test]
fn a_number_of_arguments_is_canonical_and_bounded() {
    for wrong in [
        "*-0",
        "*00",
        "*01",
        "*+1",
        "*",
        "* 1",
        "*1 ",
        "*a",
        "*-",
        "*1.0",
        "*2147483648",
        "*9223372036854775807",
        "*9223372036854775808",
        "*-9223372036854775809",
        "*18446744073709551617",
    ] {
        check(format!("{wrong}\r\n").as_bytes(), &[], Err(MultibulkLength));
    }
    check(b"*2147483647\r\n", &[], Ok(13));
    check(b"*1048577\r\n$1\r\na\r\n", &[], Ok(17));
}

#[test]
fn the_length_of_an_argument_is_canonical_and_bounded() {
    for wrong in ["", "-1", "-10", "-0", "00", "04", "a", "+4", "4 ", "536870913", "9223372036854775808"] {
        check(format!("*1\r\n${wrong}\r\n").as_bytes(), &[], Err(BulkLength));
    }
    check(b"*1\r\n$536870912\r\n", &[], Ok(16));
    let small = Limits { bulk_bytes_max: 3, ..Limits::default() };
    check_with(&small, b"*2\r\n$3\r\nabc\r\n$4\r\n", &[], Err(BulkLength));
    let huge = Limits { bulk_bytes_max: usize::MAX, ..Limits::default() };
    check_with(&huge, b"*1\r\n$9223372036854775807\r\n", &[], Ok(26));
}

#[test]
fn an_argument_begins_with_a_dollar_sign() {
    check(b"*1\r\nfoo\r\n", &[], Err(ExpectedBulk(b'f')));
    check(b"*1\r\n*1\r\n", &[], Err(ExpectedBulk(b'*')));
    check(b"*1\r\n $4\r\nPING\r\n", &[], Err(ExpectedBulk(b' ')));
    check(b"*1\r\n\xff\r\n", &[], Err(ExpectedBulk(0xff)));
    check(b"*1\r\n\r\n", &[], Err(ExpectedBulk(b'\r')));
    check(b"*1\r\n\n\r\n", &[], Err(ExpectedBulk(b'\n')));
    check(b"*2\r\n$1\r\na\r\nfoo", &[], Ok(14));
}

#[test]
fn a_nul_hides_the_end_of_its_line() {
    check(b"PING\0\r\nPING\r\n", &[], Ok(13));
    check(b"*1\0\r\n", &[], Ok(5));
    check(b"*1\r\n\0\r\n", &[], Ok(7));
    check(b"*1\r\n$4\0\r\nPING\r\n", &[], Ok(15));
    check(b"*1\r\n$1\r\n\0\r\n", &[&["\0"]], Ok(0));
    check(&[&b"PING\0\n"[..], &[b'a'; LINE_BYTES_MAX]].concat(), &[], Err(InlineTooBig));
}

#[test]
fn before_authentication_little_is_taken() {
    let limits = unauthenticated();
    check_with(&limits, b"*10\r\n", &[], Ok(5));
    check_with(&limits, b"*11\r\n", &[], Err(UnauthenticatedMultibulkLength));
    check_with(&limits, b"*2147483648\r\n", &[], Err(MultibulkLength));
    check_with(&limits, b"*1\r\n$16384\r\n", &[], Ok(12));
    check_with(&limits, b"*1\r\n$16385\r\n", &[], Err(UnauthenticatedBulkLength));
    check_with(&limits, b"*1\r\n$536870913\r\n", &[], Err(BulkLength));
    let auth = b"*2\r\n$4\r\nAUTH\r\n$1\r\nx\r\n";
    check_with(&limits, auth, &[&["AUTH", "x"]], Ok(0));
    check_with(
        &limits,
        &[&auth[..], b"*11\r\n"].concat(),
        &[&["AUTH", "x"]],
        Err(UnauthenticatedMultibulkLength),
    );
    let small = Limits { bulk_bytes_max: 5, authenticated: false };
    check_with(&small, b"*1\r\n$6\r\n", &[], Err(BulkLength));
}

#[test]
fn an_inline_command_is_split_as_redis_splits_it() {
    for (line, words) in [
        ("PING", &["PING"][..]),
        ("  PING  ", &["PING"]),
        ("SET a\tb c", &["SET", "a", "b", "c"]),
        ("ECHO a\rb", &["ECHO", "a", "b"]),
        ("ECHO a\x0bb", &["ECHO", "a\x0bb"]),
        ("\x0b\x0cPING", &["PING"]),
        ("PING\x0b", &["PING\x0b"]),
        ("ECHO \"a\"\x0b", &["ECHO", "a"]),
        ("ECHO 'a'\x0c", &["ECHO", "a"]),
        ("ECHO \"a\"\tb", &["ECHO", "a", "b"]),
        (r#"ECHO "a\n\r\t\b\a\x41\xfF\xg1\q\\\"""#, &["ECHO", "a\n\r\t\x08\x07A\u{ff}xg1q\\\""]),
        (r#"ECHO "\x4""#, &["ECHO", "x4"]),
        (r#"ECHO "\x""#, &["ECHO", "x"]),
        (r"ECHO 'a\'b\n'", &["ECHO", r"a'b\n"]),
        (r"ECHO a\nb", &["ECHO", r"a\nb"]),
        ("ECHO a\"b c\"", &["ECHO", "ab c"]),
        ("ECHO a'b c'", &["ECHO", "ab c"]),
        ("ECHO 'a\"b'", &["ECHO", "a\"b"]),
        ("ECHO \"a'b\"", &["ECHO", "a'b"]),
        ("ECHO \"\u{ff}\u{80}\"", &["ECHO", "\u{ff}\u{80}"]),
        ("ECHO \"\"", &["ECHO", ""]),
        ("\"\"", &[""]),
        ("foo \"\" bar", &["foo", "", "bar"]),
        ("$4", &["$4"]),
        (" *1", &["*1"]),
    ] {
        for end in ["\n", "\r\n"] {
            let line = [&latin(line)[..], end.as_bytes(), b"PING\n"].concat();
            check(&line, &[words, &["PING"]], Ok(0));
        }
    }
}

#[test]
fn a_quotation_ends_and_a_blank_follows() {
    for wrong in [
        "\"",
        "'",
        "ECHO \"abc",
        "ECHO 'abc",
        "ECHO \"a\"b",
        "ECHO 'a'b",
        "ECHO \"a\"\"b\"",
        "ECHO 'it''s'",
        "ECHO \"a\\",
        "ECHO \"a\\\"",
        "ECHO \\\"",
        r"ECHO 'a\'b\n\\'",
    ] {
        check(format!("PING\n{wrong}\r\nPING\r\n").as_bytes(), &[&["PING"]], Err(UnbalancedQuotes));
    }
}

#[test]
fn a_line_of_exactly_the_maximum_passes_and_one_byte_more_does_not() {
    let inline = "a".repeat(LINE_BYTES_MAX);
    check(inline.as_bytes(), &[], Ok(LINE_BYTES_MAX));
    check(format!("{inline}\n").as_bytes(), &[&[&inline]], Ok(0));
    check(format!("{inline}a").as_bytes(), &[], Err(InlineTooBig));
    check(format!("{inline}a\n").as_bytes(), &[], Err(InlineTooBig));
    let digits = "1".repeat(LINE_BYTES_MAX - 1);
    check(format!("*{digits}").as_bytes(), &[], Ok(LINE_BYTES_MAX));
    check(format!("*{digits}\r\n").as_bytes(), &[], Err(MultibulkLength));
    check(format!("*{digits}1").as_bytes(), &[], Err(MultibulkCountTooBig));
    check(format!("*1\r\n${digits}").as_bytes(), &[], Ok(LINE_BYTES_MAX + 4));
    check(format!("*1\r\n${digits}\r\n").as_bytes(), &[], Err(BulkLength));
    check(format!("*1\r\n${digits}1").as_bytes(), &[], Err(BulkCountTooBig));
    check(format!("*1\r\n{inline}a\r\n").as_bytes(), &[], Err(BulkCountTooBig));
}

#[test]
fn what_stands_before_an_error_is_found() {
    let ping = "*1\r\n$4\r\nPING\r\n";
    check(format!("{ping}{ping}*1\r\n$-1\r\n{ping}").as_bytes(), &[&["PING"], &["PING"]], Err(BulkLength));
    check(format!("{ping}\"\r\n{ping}").as_bytes(), &[&["PING"]], Err(UnbalancedQuotes));
}

#[test]
fn an_error_is_told_whenever_it_is_asked_for() {
    let (mut parser, mut scratch) = (RequestParser::new(), Scratch::new());
    let input = b"*2\r\n$1\r\na\r\n$x\r\n$1\r\n";
    for end in [11, 14, input.len(), input.len()] {
        let batch = parser.parse(&input[..end], &Limits::default(), &mut scratch, 32);
        let expected =
            if end < input.len() { Stop::Incomplete { missing: 1 } } else { Stop::Refused(BulkLength) };
        assert_eq!(batch.stop(), expected);
        assert_eq!(parser.finish(batch, 0), 0);
    }
}

#[test]
fn an_error_is_told_in_redis_words() {
    for (error, text) in [
        (MultibulkLength, "Protocol error: invalid multibulk length"),
        (UnauthenticatedMultibulkLength, "Protocol error: unauthenticated multibulk length"),
        (BulkLength, "Protocol error: invalid bulk length"),
        (UnauthenticatedBulkLength, "Protocol error: unauthenticated bulk length"),
        (ExpectedBulk(b'x'), "Protocol error: expected '$', got 'x'"),
        (InlineTooBig, "Protocol error: too big inline request"),
        (MultibulkCountTooBig, "Protocol error: too big mbulk count string"),
        (BulkCountTooBig, "Protocol error: too big bulk count string"),
        (UnbalancedQuotes, "Protocol error: unbalanced quotes in request"),
    ] {
        assert_eq!(error.to_string(), text);
    }
}

/// Parse once, taking what there is: the command count, and why no more.
fn step(parser: &mut RequestParser, scratch: &mut Scratch, input: &mut Vec<u8>) -> (usize, Stop) {
    let batch = parser.parse(input, &Limits::default(), scratch, 32);
    let found = (batch.len(), batch.stop());
    let taken = parser.finish(batch, found.0);
    input.drain(..taken);
    found
}

#[test]
fn a_large_argument_tells_how_many_bytes_it_still_needs() {
    let (mut parser, mut scratch) = (RequestParser::new(), Scratch::new());
    let mut input = b"PING\r\n*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100000\r\nab".to_vec();
    assert_eq!(step(&mut parser, &mut scratch, &mut input), (1, Stop::Incomplete { missing: 100_000 }));
    input.extend_from_slice(&[b'x'; 99_999]);
    assert_eq!(step(&mut parser, &mut scratch, &mut input), (0, Stop::Incomplete { missing: 1 }));
    input.push(b'\n');
    assert_eq!(step(&mut parser, &mut scratch, &mut input), (1, Stop::Incomplete { missing: 1 }));
    assert!(input.is_empty());
}

#[test]
fn a_command_that_comes_in_pieces_is_not_read_from_its_start_each_time() {
    // A hundred thousand arguments in pieces of a few: reading from the start would take minutes.
    let count = 100_000;
    let input = format!("*{count}\r\n{}", "$1\r\na\r\n".repeat(count));
    let (mut parser, mut scratch) = (RequestParser::new(), Scratch::new());
    let mut last = 0;
    for end in (0..input.len()).step_by(5) {
        let batch = parser.parse(&input.as_bytes()[..end], &Limits::default(), &mut scratch, 32);
        assert_eq!(batch.len(), 0);
        let position = batch.progress.position;
        assert!(position >= last && (end < 9 || position + 7 + 4 > end), "{position} of {end}");
        last = position;
        assert_eq!(parser.finish(batch, 0), 0);
    }
    let batch = parser.parse(input.as_bytes(), &Limits::default(), &mut scratch, 32);
    assert_eq!(batch.iter().map(<[&[u8]]>::len).collect::<Vec<_>>(), [count]);
    assert_eq!(parser.finish(batch, 1), input.len());
}

#[test]
fn a_line_that_comes_in_pieces_is_not_searched_from_its_start_each_time() {
    let line = vec![b'x'; LINE_BYTES_MAX];
    let mut parser = RequestParser::new();
    let mut scratch = Scratch::new();
    for end in (0..line.len()).step_by(1000) {
        let batch = parser.parse(&line[..end], &Limits::default(), &mut scratch, 32);
        assert_eq!(batch.progress.searched as usize, end);
        assert_eq!(parser.finish(batch, 0), 0);
    }
}

#[test]
fn what_was_not_executed_is_found_again() {
    let input = b"*1\r\n$1\r\na\r\n\r\n*1\r\n$1\r\nb\r\nc\r\n*2\r\n$1\r\nd\r\n$500\r\nxx";
    for executed in 0..=3 {
        let (mut parser, mut scratch) = (RequestParser::new(), Scratch::new());
        let batch = parser.parse(input, &Limits::default(), &mut scratch, 32);
        assert_eq!((batch.len(), batch.is_empty()), (3, false));
        let taken = parser.finish(batch, executed);
        let rest = &input[taken..];
        let batch = parser.parse(rest, &Limits::default(), &mut scratch, 32);
        let found: Vec<_> = batch.iter().map(owned).collect();
        assert_eq!(found, [[b"a"], [b"b"], [b"c"]].map(|[name]| vec![name.to_vec()])[executed..]);
        assert_eq!(batch.stop(), Stop::Incomplete { missing: 500 });
    }
}

#[test]
fn a_batch_that_is_dropped_never_was() {
    let (mut parser, mut scratch) = (RequestParser::new(), Scratch::new());
    drop(parser.parse(b"PING\r\n*1\r\n$4\r\nPI", &Limits::default(), &mut scratch, 32));
    let batch = parser.parse(b"PING\r\n*1\r\n$4\r\nPI", &Limits::default(), &mut scratch, 32);
    assert_eq!(batch.len(), 1);
    assert_eq!(parser.finish(batch, 1), 6);
}

#[test]
fn the_memory_of_a_batch_is_used_again_unless_it_is_much() {
    let (mut parser, mut scratch) = (RequestParser::new(), Scratch::new());
    let command = |count: usize| format!("*{count}\r\n{}", "$1\r\na\r\n".repeat(count)).into_bytes();
    step(&mut parser, &mut scratch, &mut command(1000));
    let (at, capacity) = (scratch.arguments.as_ptr(), scratch.arguments.capacity());
    assert!(capacity >= 1000);
    for count in [1000, 1, 0] {
        step(&mut parser, &mut scratch, &mut command(count));
        assert_eq!((scratch.arguments.as_ptr(), scratch.arguments.capacity()), (at, capacity));
    }
    step(&mut parser, &mut scratch, &mut command(100_000));
    assert_eq!(scratch.arguments.capacity(), 0);
}

#[test]
fn limits_that_were_lowered_meanwhile_hold_for_the_command_under_way() {
    let input = format!("*11\r\n{}", "$1\r\na\r\n".repeat(11));
    for (limits, error) in [
        (unauthenticated(), UnauthenticatedMultibulkLength),
        (Limits { bulk_bytes_max: 0, ..Limits::default() }, BulkLength),
    ] {
        let (mut parser, mut scratch) = (RequestParser::new(), Scratch::new());
        let (first, _) = input.as_bytes().split_at(input.len() - 1);
        let batch = parser.parse(first, &Limits::default(), &mut scratch, 32);
        assert_eq!(parser.finish(batch, 0), 0);
        let batch = parser.parse(input.as_bytes(), &limits, &mut scratch, 32);
        assert_eq!((batch.len(), batch.stop()), (0, Stop::Refused(error)));
    }
}

/// The other parser: as Redis's own, but without any state, from the first byte each time, into
/// memory of its own.
mod naive {
    use super::*;

    pub(super) fn parse(mut input: &[u8], limits: &Limits) -> Found {
        let mut commands = Vec::new();
        loop {
            let outcome = match input.first() {
                None => return (commands, None),
                Some(b'*') => multibulk(input, limits),
                Some(_) => inline(input),
            };
            match outcome {
                Ok(Some((command, taken))) => {
                    input = &input[taken..];
                    commands.extend(Some(command).filter(|command| !command.is_empty()));
                }
                Ok(None) => return (commands, None),
                Err(error) => return (commands, Some(error)),
            }
        }
    }

    type Outcome = Result<Option<(Vec<Vec<u8>>, usize)>, RequestError>;

    /// C's `strchr`, with the limit that a line has.
    fn strchr(text: &[u8], byte: u8, error: RequestError) -> Result<Option<usize>, RequestError> {
        for (index, found) in text.iter().enumerate() {
            if index > LINE_BYTES_MAX {
                return Err(error);
            }
            if *found == byte {
                return Ok(Some(index));
            }
            if *found == 0 {
                break;
            }
        }
        if text.len() > LINE_BYTES_MAX { Err(error) } else { Ok(None) }
    }

    fn number(text: &[u8]) -> Option<i64> {
        let value: i64 = str::from_utf8(text).ok()?.parse().ok()?;
        (value.to_string().as_bytes() == text).then_some(value)
    }

    fn multibulk(input: &[u8], limits: &Limits) -> Outcome {
        let Some(line) = strchr(input, b'\r', MultibulkCountTooBig)? else { return Ok(None) };
        if input.len() < line + 2 {
            return Ok(None);
        }
        let count = number(&input[1..line]).filter(|count| *count <= i64::from(i32::MAX));
        let count = count.ok_or(MultibulkLength)?;
        if count > 10 && !limits.authenticated {
            return Err(UnauthenticatedMultibulkLength);
        }
        let mut at = line + 2;
        let mut command = Vec::new();
        for _ in 0..count.max(0) {
            let rest = &input[at..];
            let Some(line) = strchr(rest, b'\r', BulkCountTooBig)? else { return Ok(None) };
            if rest.len() < line + 2 {
                return Ok(None);
            }
            if rest[0] != b'$' {
                return Err(ExpectedBulk(rest[0]));
            }
            let length = number(&rest[1..line]).filter(|length| *length >= 0).ok_or(BulkLength)?;
            let length = usize::try_from(length).unwrap();
            if length > limits.bulk_bytes_max {
                return Err(BulkLength);
            }
            if length > 16_384 && !limits.authenticated {
                return Err(UnauthenticatedBulkLength);
            }
            let begin = at + line + 2;
            if input.len() - begin < length.saturating_add(2) {
                return Ok(None);
            }
            command.push(input[begin..begin + length].to_vec());
            at = begin + length + 2;
        }
        Ok(Some((command, at)))
    }

    fn inline(input: &[u8]) -> Outcome {
        let Some(newline) = strchr(input, b'\n', InlineTooBig)? else { return Ok(None) };
        let mut line = input[..newline].to_vec();
        if line.last() == Some(&b'\r') {
            line.pop();
        }
        line.push(0);
        Ok(Some((sdssplitargs(&line).ok_or(UnbalancedQuotes)?, newline + 1)))
    }

    /// As the function of that name in Redis's `sds.c`; the line ends in a NUL.
    fn sdssplitargs(p: &[u8]) -> Option<Vec<Vec<u8>>> {
        let isspace = |byte: u8| b" \t\n\x0b\x0c\r".contains(&byte);
        let ishex = |byte: u8| byte.is_ascii_hexdigit();
        let mut vector = Vec::new();
        let mut i = 0;
        loop {
            while p[i] != 0 && isspace(p[i]) {
                i += 1;
            }
            if p[i] == 0 {
                return Some(vector);
            }
            let (mut inq, mut insq, mut done) = (false, false, false);
            let mut current = Vec::new();
            while !done {
                if inq {
                    if p[i] == b'\\' && p[i + 1] == b'x' && ishex(p[i + 2]) && ishex(p[i + 3]) {
                        let digits = str::from_utf8(&p[i + 2..i + 4]).unwrap();
                        current.push(u8::from_str_radix(digits, 16).unwrap());
                        i += 3;
                    } else if p[i] == b'\\' && p[i + 1] != 0 {
                        i += 1;
                        current.push(match p[i] {
                            b'n' => b'\n',
                            b'r' => b'\r',
                            b't' => b'\t',
                            b'b' => 8,
                            b'a' => 7,
                            c => c,
                        });
                    } else if p[i] == b'"' {
                        if p[i + 1] != 0 && !isspace(p[i + 1]) {
                            return None;
                        }
                        done = true;
                    } else if p[i] == 0 {
                        return None;
                    } else {
                        current.push(p[i]);
                    }
                } else if insq {
                    if p[i] == b'\\' && p[i + 1] == b'\'' {
                        i += 1;
                        current.push(b'\'');
                    } else if p[i] == b'\'' {
                        if p[i + 1] != 0 && !isspace(p[i + 1]) {
                            return None;
                        }
                        done = true;
                    } else if p[i] == 0 {
                        return None;
                    } else {
                        current.push(p[i]);
                    }
                } else {
                    match p[i] {
                        b' ' | b'\n' | b'\r' | b'\t' | 0 => done = true,
                        b'"' => inq = true,
                        b'\'' => insq = true,
                        c => current.push(c),
                    }
                }
                if p[i] != 0 {
                    i += 1;
                }
            }
            vector.push(current);
        }
    }
}

/// Commands, near misses, and bytes that mean something.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let argument = prop_oneof![
        9 => "\\$1\r\n[a-z]\r\n",
        9 => "\\$3\r\n[\r\na-z*$]{3}\r\n",
        1 => "\\$12\r\n[a-z]{12}\r\n",
        1 => "\\$[0-9]{1,2}\r\n",
        1 => "[$*a-z0-9 \"'\\\\\r\n\t-]{0,8}",
    ];
    let piece = prop_oneof![
        9 => (1..5usize).prop_flat_map(move |count| {
            proptest::collection::vec(argument.clone(), count)
                .prop_map(move |arguments| format!("*{count}\r\n{}", arguments.concat()).into_bytes())
        }),
        2 => "[a-zA-Z]{1,6}( [a-z]{0,3}){0,4}\r?\n".prop_map(String::into_bytes),
        2 => "[a-z]{1,3}( \"([a-z]|\\\\[nx\"\\\\]|\\\\x[0-9a-g]{2}){0,5}\"){0,2}( '([a-z]|\\\\'){0,4}')?\r?\n"
            .prop_map(String::into_bytes),
        1 => "(\\*0|\\*-1|)\r\n".prop_map(String::into_bytes),
        1 => proptest::collection::vec(any::<u8>(), 0..9),
    ];
    proptest::collection::vec(piece, 0..8).prop_map(|pieces| pieces.concat())
}

fn any_limits() -> impl Strategy<Value = Limits> {
    (prop_oneof![Just(BULK_BYTES_MAX), 0..20usize], any::<bool>())
        .prop_map(|(bulk_bytes_max, authenticated)| Limits { bulk_bytes_max, authenticated })
}

proptest! {
    #[test]
    fn it_agrees_with_the_other_parser(text in texts(), limits in any_limits(), commands_max in 1..9usize) {
        let (found, _) = feed_with([&text[..]], &limits, commands_max);
        prop_assert_eq!(found, naive::parse(&text, &limits));
    }

    #[test]
    fn how_it_is_cut_makes_no_difference(text in texts(), limits in any_limits(), sizes in sizes()) {
        let (whole, left) = feed_with([&text[..]], &limits, 32);
        let (pieces, left_of_pieces) = feed_with(cut(&text, &sizes), &limits, 32);
        prop_assert_eq!(&pieces, &whole);
        prop_assert!(whole.1.is_some() || left == left_of_pieces);
    }

    #[test]
    fn a_command_is_found_as_it_was_encoded(
        command in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..20),
        sizes in sizes(),
    ) {
        let mut encoded = bytes::BytesMut::new();
        crate::resp::encode_command(&command, &mut encoded);
        let expected = ((vec![command], None), 0);
        prop_assert_eq!(feed_with([&encoded[..]], &Limits::default(), 32), expected.clone());
        prop_assert_eq!(feed_with(cut(&encoded, &sizes), &Limits::default(), 32), expected);
    }

    #[test]
    fn any_bytes_are_commands_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300), sizes in sizes()) {
        let (whole, _) = feed_with([&bytes[..]], &Limits::default(), 32);
        prop_assert_eq!(&whole, &naive::parse(&bytes, &Limits::default()));
        prop_assert_eq!(feed_with(cut(&bytes, &sizes), &Limits::default(), 32).0, whole);
    }
}
