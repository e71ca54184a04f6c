//! Hashes as clients see them, with time passing.

use crate::testing::World;
use std::time::Duration;

/// Each command has this reply.
fn assert_replies(world: &mut World, replies: &[(&str, &str)]) {
    for (command, reply) in replies {
        assert_eq!(world.run("alice", command), *reply, "{command}");
    }
}

#[test]
fn fields_are_set_found_and_deleted() {
    assert_replies(
        &mut World::new(),
        &[
            ("HSET h a 1 b 2 a 3", ":2"),
            ("HSET h a 1 b", "-ERR wrong number of arguments for 'hset' command"),
            ("HMSET h c 4 d", "-ERR wrong number of arguments for 'hmset' command"),
            ("HMSET h c 4", "+OK"),
            ("HSETNX h c 5", ":0"),
            ("HSETNX h d 5", ":1"),
            ("HGET h a", "$1 3"),
            ("HGET h x", "$-1"),
            ("HMGET h a x d", "*3 $1 3 $-1 $1 5"),
            ("HGETALL h", "*8 $1 a $1 3 $1 b $1 2 $1 c $1 4 $1 d $1 5"),
            ("HKEYS h", "*4 $1 a $1 b $1 c $1 d"),
            ("HVALS h", "*4 $1 3 $1 2 $1 4 $1 5"),
            ("HLEN h", ":4"),
            ("HEXISTS h a", ":1"),
            ("HSTRLEN h a", ":1"),
            ("HSTRLEN h x", ":0"),
            ("HDEL h a x b", ":2"),
            ("HDEL h c d e", ":2"),
            ("EXISTS h", ":0"),
            ("HGETALL h", "*0"),
            ("HLEN h", ":0"),
        ],
    );
}

#[test]
fn values_are_counted_up_and_down() {
    assert_replies(
        &mut World::new(),
        &[
            ("HINCRBY h n 5", ":5"),
            ("HINCRBY h n -7", ":-2"),
            ("HSET h big 9223372036854775807 text abc", ":2"),
            ("HINCRBY h big 1", "-ERR increment or decrement would overflow"),
            ("HINCRBY h text 1", "-ERR hash value is not an integer"),
            ("HINCRBY h n x", "-ERR value is not an integer or out of range"),
            ("HINCRBYFLOAT h f 1.23", "$4 1.23"),
            ("HINCRBYFLOAT h f 0.77", "$1 2"),
            ("HINCRBYFLOAT h f -0.1", "$3 1.9"),
            ("HINCRBYFLOAT h text 1", "-ERR hash value is not a float"),
            ("HINCRBYFLOAT h f x", "-ERR value is not a valid float"),
            ("HINCRBYFLOAT none f inf", "-ERR value is NaN or Infinity"),
            ("EXISTS none", ":0"),
        ],
    );
}

#[test]
fn fields_are_drawn_with_and_without_values() {
    assert_replies(
        &mut World::new(),
        &[
            ("HRANDFIELD h", "$-1"),
            ("HRANDFIELD h 2 WITHVALUES", "*0"),
            ("HSET h a 1", ":1"),
            ("HRANDFIELD h", "$1 a"),
            ("HRANDFIELD h 2", "*1 $1 a"),
            ("HRANDFIELD h 2 WITHVALUES", "*2 $1 a $1 1"),
            ("HRANDFIELD h -2 WITHVALUES", "*4 $1 a $1 1 $1 a $1 1"),
            ("HRANDFIELD h 0", "*0"),
            ("HRANDFIELD h 1 VALUES", "-ERR syntax error"),
            ("HRANDFIELD h 1 WITHVALUES 2", "-ERR syntax error"),
            ("HRANDFIELD h 4611686018427387904 WITHVALUES", "-ERR value is out of range"),
            ("HRANDFIELD h -9223372036854775807", "-ERR value is out of range"),
        ],
    );
}

#[test]
fn an_expiry_is_set_where_its_condition_is_met() {
    let mut world = World::new();
    world.run("alice", "HSET h a 1 b 2 c 3");
    assert_replies(
        &mut world,
        &[
            ("HEXPIRE h 100 FIELDS 2 a x", "*2 :1 :-2"),
            ("HEXPIRE h 50 NX FIELDS 2 a b", "*2 :0 :1"),
            ("HEXPIRE h 70 XX FIELDS 2 a c", "*2 :1 :0"),
            ("HEXPIRE h 60 GT FIELDS 3 a b c", "*3 :0 :1 :0"),
            ("HEXPIRE h 65 LT FIELDS 3 a b c", "*3 :1 :0 :1"),
            ("HTTL h FIELDS 4 a b c x", "*4 :65 :60 :65 :-2"),
            ("HPERSIST h FIELDS 4 a b b x", "*4 :1 :1 :-1 :-2"),
            ("HTTL h FIELDS 3 a b c", "*3 :-1 :-1 :65"),
            ("HPEXPIREAT h 0 FIELDS 2 a x", "*2 :2 :-2"),
            ("HLEN h", ":2"),
            ("HEXPIRE none 10 FIELDS 2 a b", "*2 :-2 :-2"),
            ("HTTL none FIELDS 1 a", "*1 :-2"),
            ("HPERSIST none FIELDS 1 a", "*1 :-2"),
        ],
    );
}

#[test]
fn what_makes_no_sense_as_an_expiry_is_refused() {
    let mut world = World::new();
    world.run("alice", "HSET h a 1\nRPUSH string x");
    let missing = "-ERR Mandatory argument FIELDS is missing or not at the right position";
    let mismatch = "-ERR The `numfields` parameter must match the number of arguments";
    assert_replies(
        &mut world,
        &[
            ("HEXPIRE h 1 FIELDS 1", "-ERR wrong number of arguments for 'hexpire' command"),
            ("HEXPIRE h x FIELDS 1 a", "-ERR value is not an integer or out of range"),
            ("HEXPIRE h -1 FIELDS 1 a", "-ERR invalid expire time, must be >= 0"),
            ("HEXPIRE h 70368744178 FIELDS 1 a", "-ERR invalid expire time in 'hexpire' command"),
            ("HPEXPIREAT h 70368744177664 FIELDS 1 a", "-ERR invalid expire time in 'hpexpireat' command"),
            ("HPEXPIREAT h 70368744177663 FIELDS 1 a", "*1 :1"),
            ("HEXPIRE h 9223372036854775807 FIELDS 1 a", "-ERR invalid expire time in 'hexpire' command"),
            ("HEXPIRE h 1 FIELD 1 a", missing),
            ("HEXPIRE h 1 YY FIELDS 1 a", missing),
            ("HEXPIRE h 1 FIELDS 0 a", "-ERR Parameter `numFields` should be greater than 0"),
            ("HEXPIRE h 1 FIELDS 2 a", mismatch),
            ("HEXPIRE h 1 NX FIELDS 1", mismatch),
            (
                "HEXPIRE string 1 FIELDS 1 a",
                "-WRONGTYPE Operation against a key holding the wrong kind of value",
            ),
            ("HTTL h 1 1 a", missing),
            ("HTTL h FIELDS 0 a", "-ERR Number of fields must be a positive integer"),
            ("HPERSIST h FIELDS 1 a b", mismatch),
        ],
    );
}

#[test]
fn a_field_is_gone_when_its_time_is_up() {
    for prepare in
        ["PING", "HSET h large 0123456789012345678901234567890123456789012345678901234567890123456789"]
    {
        let mut world = World::new();
        world.run(
            "alice",
            &format!("{prepare}\nHSET h a 1 b 2 c 3\nHDEL h large\nHPEXPIRE h 1000 FIELDS 2 a b"),
        );
        world.run("alice", "HINCRBY h a 1\nHSET h b 5");
        assert_replies(&mut world, &[("HTTL h FIELDS 3 a b c", "*3 :1 :-1 :-1"), ("HGET h a", "$1 2")]);
        // The last moment of it.
        world.pass(Duration::from_millis(998));
        assert_replies(&mut world, &[("HGET h a", "$1 2"), ("HLEN h", ":3")]);
        world.pass(Duration::from_millis(2));
        assert_replies(
            &mut world,
            &[
                ("HGET h a", "$-1"),
                ("HLEN h", ":2"),
                ("HEXISTS h a", ":0"),
                ("HSTRLEN h a", ":0"),
                ("HMGET h a b", "*2 $-1 $1 5"),
                ("HTTL h FIELDS 1 a", "*1 :-2"),
                ("HDEL h a", ":0"),
                ("HSETNX h a 7", ":1"),
                ("HTTL h FIELDS 1 a", "*1 :-1"),
            ],
        );
    }
}

#[test]
fn a_hash_goes_with_its_last_field() {
    let mut world = World::new();
    world.run("alice", "HSET h a 1 b 2\nHPEXPIRE h 10 FIELDS 1 a\nHPEXPIRE h 20 FIELDS 1 b");
    world.pass(Duration::from_millis(15));
    assert_replies(&mut world, &[("EXISTS h", ":1"), ("HGETALL h", "*2 $1 b $1 2")]);
    world.pass(Duration::from_millis(6));
    assert_replies(
        &mut world,
        &[
            ("EXISTS h", ":0"),
            ("TYPE h", "+none"),
            ("HGETALL h", "*0"),
            ("DBSIZE", ":0"),
            ("HINCRBY h b 1", ":1"),
            ("HTTL h FIELDS 1 b", "*1 :-1"),
        ],
    );
}

#[test]
fn nobody_has_to_ask_for_a_field_to_go() {
    let mut world = World::new();
    world.run("alice", "HSET h a 1\nHPEXPIRE h 10 FIELDS 1 a\nHSET i a 1 b 2\nHPEXPIRE i 10 FIELDS 1 a");
    world.run("alice", "RENAME i j\nCOPY j k\nHPEXPIRE k 5000 FIELDS 1 a");
    assert_eq!(world.run("alice", "DBSIZE"), ":3");
    world.pass(Duration::from_millis(500));
    assert_replies(&mut world, &[("DBSIZE", ":2"), ("HLEN j", ":1"), ("HLEN k", ":2")]);
}

#[test]
fn a_page_holds_what_matches_and_has_not_expired() {
    let mut world = World::new();
    world.run("alice", "HSET h ab 1 ac 2 b 3\nHPEXPIRE h 10 FIELDS 1 ab");
    assert_replies(&mut world, &[("HSCAN h 0 MATCH a*", "*2 $1 0 *4 $2 ab $1 1 $2 ac $1 2")]);
    world.pass(Duration::from_millis(10));
    assert_replies(&mut world, &[("HSCAN h 0 MATCH a*", "*2 $1 0 *2 $2 ac $1 2")]);
}

/// What was published about the hash `h` since this was last asked.
fn events(world: &mut World) -> Vec<String> {
    let replies = world.replies("listener");
    replies
        .split("*4 ")
        .skip(1)
        .filter_map(|message| message.split_whitespace().last())
        .map(str::to_owned)
        .collect()
}

#[test]
fn what_happens_to_fields_is_published_once() {
    let mut world = World::new();
    world.run("alice", "CONFIG SET notify-keyspace-events KEA");
    world.run("listener", "PSUBSCRIBE __keyspace@0__:h");
    for (commands, expected) in [
        ("HSET h a 1 b 2 c 3 d 4 e 5", &["hset"][..]),
        ("HINCRBY h a 1", &["hincrby"]),
        ("HINCRBYFLOAT h a 1", &["hincrbyfloat"]),
        ("HSETNX h a 1", &[]),
        ("HDEL h x", &[]),
        ("HEXPIRE h 100 FIELDS 2 a x", &["hexpire"]),
        ("HEXPIRE h 100 NX FIELDS 1 a", &[]),
        ("HPERSIST h FIELDS 2 a b", &["hpersist"]),
        ("HPERSIST h FIELDS 1 a", &[]),
        ("HPEXPIRE h 0 FIELDS 2 a x", &["hdel"]),
        ("HDEL h b", &["hdel"]),
        ("HPEXPIRE h 10 FIELDS 2 c d", &["hexpire"]),
    ] {
        world.run("alice", commands);
        assert_eq!(events(&mut world), expected, "{commands}");
    }
    // Two fields are found by a command to have expired, and go together.
    world.pass(Duration::from_millis(10));
    world.run("alice", "HGET h c");
    assert_eq!(events(&mut world), ["hexpired"]);
    // The last one is found by the server itself.
    world.run("alice", "HPEXPIRE h 10 FIELDS 1 e");
    world.pass(Duration::from_millis(500));
    assert_eq!(events(&mut world), ["hexpire", "hexpired", "del"]);
    // The last one is deleted.
    world.run("alice", "HSET h a 1\nHPEXPIRE h 0 FIELDS 1 a");
    assert_eq!(events(&mut world), ["hset", "hdel", "del"]);
}

#[test]
fn a_transaction_fails_over_a_field_that_expired() {
    let mut world = World::new();
    world.run("alice", "HSET h a 1 b 2\nHPEXPIRE h 10 FIELDS 1 a\nWATCH h");
    world.pass(Duration::from_millis(500));
    assert_eq!(world.run("alice", "MULTI\nHLEN h\nEXEC"), "+OK +QUEUED *-1");
}

#[test]
fn while_writes_are_paused_what_expires_is_gone_for_all_and_stays() {
    let mut world = World::new();
    world.run("alice", "CONFIG SET notify-keyspace-events KEA\nHSET h a 1 b 2\nHPEXPIRE h 10 FIELDS 1 a");
    world.run("alice", "SET s x PX 10\nHSET g a 1\nHPEXPIRE g 10 FIELDS 1 a\nCLIENT PAUSE 1000 WRITE");
    world.run("listener", "PSUBSCRIBE __key*@0__:*");
    world.pass(Duration::from_millis(500));
    assert_replies(
        &mut world,
        &[("HGET h a", "$-1"), ("GET s", "$-1"), ("EXISTS g", ":0"), ("DBSIZE", ":3")],
    );
    assert_eq!(world.replies("listener").matches("pmessage").count(), 0);
    world.pass(Duration::from_millis(1000));
    assert_replies(&mut world, &[("DBSIZE", ":1"), ("HLEN h", ":1")]);
}
