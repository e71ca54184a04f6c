//! Bits as clients see them: what Redis 7.0.15 answers.

use crate::testing::World;

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

/// Each command, in a new world, has this reply.
fn assert_replies(replies: &[(&str, &str)]) {
    let mut world = World::new();
    for (command, reply) in replies {
        assert_eq!(world.run("alice", command), *reply, "{command}");
    }
}

#[test]
fn bits_are_set_and_read() {
    assert_replies(&[
        ("SETBIT a 1 1", ":0"),
        ("GET a", "$1 @"),
        ("SETBIT a 1 0", ":1"),
        ("SETBIT a 100 1", ":0"),
        ("STRLEN a", ":13"),
        ("GETBIT a 100", ":1"),
        ("GETBIT a 101", ":0"),
        ("GETBIT a 100000", ":0"),
        ("GETBIT none 5", ":0"),
        ("SETBIT a -1 1", "-ERR bit offset is not an integer or out of range"),
        ("SETBIT a x 1", "-ERR bit offset is not an integer or out of range"),
        ("SETBIT a 4294967296 1", "-ERR bit offset is not an integer or out of range"),
        ("GETBIT a -1", "-ERR bit offset is not an integer or out of range"),
        ("GETBIT a 4294967296", "-ERR bit offset is not an integer or out of range"),
        ("SETBIT a 0 2", "-ERR bit is not an integer or out of range"),
        ("SETBIT a 0 x", "-ERR bit is not an integer or out of range"),
        ("RPUSH l x", ":1"),
        ("SETBIT l 0 1", WRONG_TYPE),
        ("GETBIT l 0", WRONG_TYPE),
        ("SET n 1", "+OK"),
        ("OBJECT ENCODING n", "$3 int"),
        ("SETBIT n 6 0", ":0"),
        ("OBJECT ENCODING n", "$3 raw"),
        ("GET n", "$1 1"),
        ("SETBIT n 6 1", ":0"),
        ("GET n", "$1 3"),
    ]);
}

#[test]
fn bits_are_counted() {
    assert_replies(&[
        ("SET a foobar", "+OK"),
        ("BITCOUNT a", ":26"),
        ("BITCOUNT a 0 0", ":4"),
        ("BITCOUNT a 1 1", ":6"),
        ("BITCOUNT a 1 -2", ":18"),
        ("BITCOUNT a -2 1", ":0"),
        ("BITCOUNT a 5 30 BIT", ":17"),
        ("BITCOUNT a 0 0 byte", ":4"),
        ("BITCOUNT a 0", "-ERR syntax error"),
        ("BITCOUNT a 0 1 x", "-ERR syntax error"),
        ("BITCOUNT a x 1", "-ERR value is not an integer or out of range"),
        ("BITCOUNT a 0 1 BIT x", "-ERR syntax error"),
        ("BITCOUNT a -1 -5 x", ":0"),
        ("BITCOUNT none", ":0"),
        ("BITCOUNT none 0", ":0"),
        ("RPUSH l x", ":1"),
        ("BITCOUNT l", WRONG_TYPE),
    ]);
}

#[test]
fn a_bit_is_looked_for() {
    assert_replies(&[
        ("SET a \"\\xff\\xf0\\x00\"", "+OK"),
        ("BITPOS a 0", ":12"),
        ("BITPOS a 1", ":0"),
        ("BITPOS a 1 2", ":-1"),
        ("BITPOS a 0 0 0", ":-1"),
        ("BITPOS a 0 1", ":12"),
        ("BITPOS a 1 -1 -1", ":-1"),
        ("BITPOS a 1 7 15 BIT", ":7"),
        ("BITPOS a 0 2 3 BIT", ":-1"),
        ("BITPOS a 2", "-ERR The bit argument must be 1 or 0."),
        ("BITPOS a x", "-ERR value is not an integer or out of range"),
        ("BITPOS a 0 x", "-ERR value is not an integer or out of range"),
        ("BITPOS a 0 0 1 x", "-ERR syntax error"),
        ("BITPOS a 0 0 1 BIT x", "-ERR syntax error"),
        ("BITPOS none 0", ":0"),
        ("BITPOS none 1", ":-1"),
        ("SET b \"\\xff\\xff\"", "+OK"),
        ("BITPOS b 0", ":16"),
        ("BITPOS b 0 0 -1", ":-1"),
        ("BITPOS b 0 1", ":16"),
        ("BITPOS b 0 5", ":-1"),
        ("SET c \"\"", "+OK"),
        ("BITPOS c 0", ":-1"),
        ("BITPOS c 1", ":-1"),
    ]);
}

#[test]
fn strings_are_combined() {
    assert_replies(&[
        ("SET a \"\\x01\\x02\\xff\"", "+OK"),
        ("SET b \"\\x03\"", "+OK"),
        ("BITOP AND r a b", ":3"),
        ("STRLEN r", ":3"),
        ("BITCOUNT r", ":1"),
        ("BITOP OR r a b none", ":3"),
        ("BITCOUNT r", ":11"),
        ("BITOP XOR r a a", ":3"),
        ("BITCOUNT r", ":0"),
        ("BITOP NOT r a", ":3"),
        ("BITCOUNT r", ":14"),
        ("OBJECT ENCODING r", "$3 raw"),
        ("BITOP NOT r a b", "-ERR BITOP NOT must be called with a single source key."),
        ("BITOP NAND r a b", "-ERR syntax error"),
        ("BITOP AND r none other", ":0"),
        ("EXISTS r", ":0"),
        ("BITOP OR r none", ":0"),
        ("RPUSH l x", ":1"),
        ("BITOP OR r a l", WRONG_TYPE),
        ("BITOP OR l a", ":3"),
        ("TYPE l", "+string"),
    ]);
}

#[test]
fn fields_of_any_width_are_changed() {
    assert_replies(&[
        ("BITFIELD a SET u8 0 255 GET u8 0 INCRBY u8 0 10", "*3 :0 :255 :9"),
        ("BITFIELD a SET i8 #1 -100 GET i8 8 GET u4 12", "*3 :0 :-100 :12"),
        (
            "BITFIELD a OVERFLOW SAT INCRBY u8 0 1000 OVERFLOW FAIL INCRBY u8 0 1 INCRBY i8 #1 -1",
            "*3 :255 $-1 :-101",
        ),
        ("BITFIELD a SET u8 0 -1", "*1 :255"),
        ("BITFIELD a OVERFLOW SAT SET u8 0 -1 SET i8 0 -1000", "*2 :255 :-1"),
        ("BITFIELD a GET i64 0 GET u63 1000", "*2 :-9179743415464624128 :0"),
        ("BITFIELD a", "*0"),
        ("BITFIELD none GET u8 0", "*1 :0"),
        ("EXISTS none", ":0"),
        ("BITFIELD none OVERFLOW FAIL SET u2 0 7", "*1 $-1"),
        ("STRLEN none", ":1"),
        (
            "BITFIELD a GET u64 0",
            "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
        ),
        (
            "BITFIELD a GET x8 0",
            "-ERR Invalid bitfield type. Use something like i16 u8. Note that u64 is not supported but i64 is.",
        ),
        ("BITFIELD a GET u8 -1", "-ERR bit offset is not an integer or out of range"),
        ("BITFIELD a GET u8 #x", "-ERR bit offset is not an integer or out of range"),
        ("BITFIELD a GET u8", "-ERR syntax error"),
        ("BITFIELD a SET u8 0 x", "-ERR value is not an integer or out of range"),
        ("BITFIELD a OVERFLOW x", "-ERR Invalid OVERFLOW type specified"),
        ("BITFIELD a GET u8 4294967296", "-ERR bit offset is not an integer or out of range"),
        ("BITFIELD_RO a GET u8 0 GET i8 0", "*2 :128 :-128"),
        ("BITFIELD_RO a SET u8 0 1", "-ERR BITFIELD_RO only supports the GET subcommand"),
        ("BITFIELD_RO a OVERFLOW SAT GET u1 0", "*1 :1"),
        ("RPUSH l x", ":1"),
        ("BITFIELD l GET u8 0", WRONG_TYPE),
        ("BITFIELD l SET u8 0 1", WRONG_TYPE),
    ]);
}
