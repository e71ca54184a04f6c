//! What Redis 7.0.15 writes, in both versions.

use super::*;
use Version::{Resp2, Resp3};

fn written(version: Version, write: impl FnOnce(&mut ReplyWriter<'_>)) -> String {
    let mut out = BytesMut::from("before ");
    write(&mut ReplyWriter::new(&mut out, version));
    out.escape_ascii().to_string().strip_prefix("before ").unwrap().replace("\\r\\n", " ")
}

fn check(write: impl Fn(&mut ReplyWriter<'_>), resp2: &str, resp3: &str) {
    assert_eq!(written(Resp2, &write), resp2);
    assert_eq!(written(Resp3, &write), resp3);
}

#[test]
fn what_both_versions_have_is_the_same_in_both() {
    let same = |write: &dyn Fn(&mut ReplyWriter<'_>), text: &str| check(write, text, text);
    same(&|reply| reply.ok(), "+OK ");
    same(&|reply| reply.simple("PONG"), "+PONG ");
    same(&|reply| reply.error("ERR no such key"), "-ERR no such key ");
    same(&|reply| reply.bulk("Hello World"), "$11 Hello World ");
    same(&|reply| reply.bulk(""), "$0  ");
    same(&|reply| reply.bulk(b"\x00\xff"), "$2 \\x00\\xff ");
    let long = "x".repeat(100);
    same(&|reply| reply.bulk(&long), &format!("$100 {long} "));
    same(&|reply| reply.bulk_integer(-12), "$3 -12 ");
    same(&|reply| reply.bulk_header(1_000_000), "$1000000 ");
    same(&|reply| reply.encoded(b"+OK\r\n:1\r\n"), "+OK :1 ");
    for (value, text) in [
        (0, ":0 "),
        (9, ":9 "),
        (10, ":10 "),
        (-1, ":-1 "),
        (255, ":255 "),
        (12345, ":12345 "),
        (i64::MIN, ":-9223372036854775808 "),
        (i64::MAX, ":9223372036854775807 "),
    ] {
        same(&|reply| reply.integer(value), text);
    }
    for (length, text) in [(0, "*0 "), (9, "*9 "), (10, "*10 "), (99, "*99 "), (100, "*100 "), (256, "*256 ")]
    {
        same(&|reply| reply.array(length), text);
    }
}

#[test]
fn what_only_the_third_version_has_is_something_else_in_the_second() {
    check(|reply| reply.null(), "$-1 ", "_ ");
    check(|reply| reply.null_array(), "*-1 ", "_ ");
    check(|reply| reply.boolean(true), ":1 ", "#t ");
    check(|reply| reply.boolean(false), ":0 ", "#f ");
    check(|reply| reply.double(6.7), "$18 6.7000000000000002 ", ",6.7000000000000002 ");
    check(|reply| reply.double(0.1), "$19 0.10000000000000001 ", ",0.10000000000000001 ");
    check(|reply| reply.double(f64::NEG_INFINITY), "$4 -inf ", ",-inf ");
    check(|reply| reply.double(3.0), "$1 3 ", ",3 ");
    check(
        |reply| reply.double_text("13.36138933897018433"),
        "$20 13.36138933897018433 ",
        ",13.36138933897018433 ",
    );
    check(|reply| reply.map(3), "*6 ", "%3 ");
    check(|reply| reply.set(3), "*3 ", "~3 ");
    check(|reply| reply.push(2), "*2 ", ">2 ");
    check(
        |reply| reply.big_number("1234567999999999999999999999999999999"),
        "$37 1234567999999999999999999999999999999 ",
        "(1234567999999999999999999999999999999 ",
    );
    check(
        |reply| reply.verbatim(b"txt", "This is a verbatim\nstring"),
        "$25 This is a verbatim\\nstring ",
        "=29 txt:This is a verbatim\\nstring ",
    );
    check(
        |reply| {
            reply.attributes(1, |reply| {
                reply.bulk("key-popularity");
                reply.array(2);
                reply.bulk("key:123");
                reply.integer(90);
            });
            reply.bulk("Some real reply following the attribute");
        },
        "$39 Some real reply following the attribute ",
        "|1 $14 key-popularity *2 $7 key:123 :90 $39 Some real reply following the attribute ",
    );
}

#[test]
fn nobody_can_end_a_line_early() {
    check(|reply| reply.simple("a\r\nb"), "+a  b ", "+a  b ");
    check(|reply| reply.error("\r\nERR a\r\n+OK\nb\r\n"), "-ERR a  +OK b ", "-ERR a  +OK b ");
    check(|reply| reply.error("\r\n"), "- ", "- ");
}

#[test]
fn a_refusal_has_the_words_of_redis() {
    let refusal = |error| written(Resp2, |reply| reply.protocol_error(error));
    assert_eq!(refusal(RequestError::BulkLength), "-ERR Protocol error: invalid bulk length ");
    assert_eq!(
        refusal(RequestError::ExpectedBulk(b'f')),
        "-ERR Protocol error: expected \\'$\\', got \\'f\\' "
    );
    assert_eq!(
        refusal(RequestError::ExpectedBulk(b'\r')),
        "-ERR Protocol error: expected \\'$\\', got \\' \\' "
    );
    let mut out = BytesMut::new();
    ReplyWriter::new(&mut out, Resp2).protocol_error(RequestError::ExpectedBulk(0xff));
    assert_eq!(&out[..], b"-ERR Protocol error: expected '$', got '\xff'\r\n");
}

#[test]
fn a_length_may_be_said_last() {
    for kind in [Aggregate::Array, Aggregate::Map, Aggregate::Set, Aggregate::Push] {
        for length in [0, 1, 9, 10, 99, 100, 12345] {
            let values = |reply: &mut ReplyWriter<'_>| (0..length).for_each(|value| reply.integer(value));
            let count = usize::try_from(length).unwrap();
            for version in [Resp2, Resp3] {
                let last = written(version, |reply| {
                    let open = match kind {
                        Aggregate::Array => reply.open_array(),
                        Aggregate::Map => reply.open_map(),
                        Aggregate::Set => reply.open_set(),
                        Aggregate::Push => reply.open_push(),
                    };
                    values(reply);
                    reply.close(open, count);
                    reply.ok();
                });
                let first = written(version, |reply| {
                    match kind {
                        Aggregate::Array => reply.array(count),
                        Aggregate::Map => reply.map(count),
                        Aggregate::Set => reply.set(count),
                        Aggregate::Push => reply.push(count),
                    }
                    values(reply);
                    reply.ok();
                });
                assert_eq!(last, first, "{kind:?} {version:?}");
            }
        }
    }
}

#[test]
fn lengths_said_last_may_be_nested() {
    let last = written(Resp3, |reply| {
        let outer = reply.open_array();
        for _ in 0..11 {
            let inner = reply.open_map();
            for value in 0..12 {
                reply.integer(value);
                reply.bulk("twelve");
            }
            reply.close(inner, 12);
        }
        reply.close(outer, 11);
    });
    let inner: String = (0..12).map(|value| format!(":{value} $6 twelve ")).collect();
    assert_eq!(last, format!("*11 {}", format!("%12 {inner}").repeat(11)));
}

#[test]
fn a_command_is_an_array_of_strings() {
    let mut out = BytesMut::new();
    encode_command(&["SET", "key", ""], &mut out);
    assert_eq!(out, "*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$0\r\n\r\n");
}

#[test]
fn what_is_over_the_bound_is_dropped_and_takes_no_more_memory() {
    let mut out = BytesMut::from("before");
    let mut reply = ReplyWriter::bounded(&mut out, Resp3, 10_000);
    let open = reply.open_array();
    for _ in 0..1_000_000 {
        reply.bulk("some value");
        reply.integer(1234);
    }
    reply.close(open, 2_000_000);
    assert!(reply.is_over());
    assert!(out.starts_with(b"before") && out.len() <= 10_000);
    assert!(out.capacity() <= 20_000, "{}", out.capacity());
}

#[test]
fn what_is_within_the_bound_is_as_without_one() {
    let mut out = BytesMut::new();
    let mut reply = ReplyWriter::bounded(&mut out, Resp3, 1000);
    (0..100).for_each(|value| reply.integer(value));
    assert!(!reply.is_over());
    assert_eq!(out.len(), 10 * 4 + 90 * 5);
}
