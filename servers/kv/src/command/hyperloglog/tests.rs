//! HyperLogLogs as clients see them: what Redis 7.0.15 answers.

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
fn elements_are_counted_and_merged() {
    assert_replies(&[
        ("PFADD a", ":1"),
        ("PFCOUNT a", ":0"),
        ("PFADD a x y z", ":1"),
        ("PFADD a x y z", ":0"),
        ("PFADD a \"\"", ":1"),
        ("PFCOUNT a", ":4"),
        ("PFDEBUG ENCODING a", "+sparse"),
        ("PFDEBUG DECODE a", "$55 Z:5938 v:2,1 Z:2642 v:1,1 Z:6350 v:3,1 Z:1441 v:2,1 z:9"),
        ("PFADD b z w", ":1"),
        ("PFCOUNT a b", ":5"),
        ("PFCOUNT a b none", ":5"),
        ("PFCOUNT none", ":0"),
        ("PFMERGE c a b", "+OK"),
        ("PFCOUNT c", ":5"),
        ("OBJECT ENCODING c", "$3 raw"),
        ("PFDEBUG TODENSE a", ":1"),
        ("PFDEBUG TODENSE a", ":0"),
        ("PFDEBUG ENCODING a", "+dense"),
        ("PFDEBUG DECODE a", "-ERR HLL encoding is not sparse"),
        ("PFDEBUG OTHER a", "-ERR Unknown PFDEBUG subcommand 'OTHER'"),
        ("PFDEBUG ENCODING none", "-ERR The specified key does not exist"),
        ("STRLEN a", ":12304"),
        ("PFMERGE c a", "+OK"),
        ("PFDEBUG ENCODING c", "+dense"),
        ("PFCOUNT c", ":5"),
        ("PFMERGE d", "+OK"),
        ("PFCOUNT d", ":0"),
        ("SET s text", "+OK"),
        ("PFADD s x", "-WRONGTYPE Key is not a valid HyperLogLog string value."),
        ("PFCOUNT s", "-WRONGTYPE Key is not a valid HyperLogLog string value."),
        ("PFCOUNT a s", "-WRONGTYPE Key is not a valid HyperLogLog string value."),
        ("PFMERGE a s", "-WRONGTYPE Key is not a valid HyperLogLog string value."),
        ("PFMERGE s a", "-WRONGTYPE Key is not a valid HyperLogLog string value."),
        ("RPUSH l x", ":1"),
        ("PFADD l x", WRONG_TYPE),
        ("PFCOUNT l", WRONG_TYPE),
        ("PFADD e x", ":1"),
        ("APPEND e more", ":24"),
        ("PFCOUNT e", "-INVALIDOBJ Corrupted HLL object detected"),
        ("PFADD e y", ":1"),
        ("PFMERGE f e", "-INVALIDOBJ Corrupted HLL object detected"),
        ("PFDEBUG TODENSE e", "-INVALIDOBJ Corrupted HLL object detected"),
        ("EXISTS f", ":0"),
    ]);
}
