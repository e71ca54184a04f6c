//! Sorted sets as clients see them: what Redis 7.0.15 answers.

use crate::testing::World;
use std::time::Duration;

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

/// Each command, in a new world, has this reply.
fn assert_replies(replies: &[(&str, &str)]) {
    let mut world = World::new();
    for (command, reply) in replies {
        assert_eq!(world.run("alice", command), *reply, "{command}");
    }
}

#[test]
fn members_get_scores_under_conditions() {
    assert_replies(&[
        ("ZADD z 1 a 2 b", ":2"),
        ("ZADD z 1 a 3 b 4 c", ":1"),
        ("ZADD z CH 1 a 2 b 5 d", ":2"),
        ("ZADD z NX 9 a", ":0"),
        ("ZADD z XX 9 nobody", ":0"),
        ("ZADD z GT CH 0 a 9 b 1 e", ":2"),
        ("ZADD z LT CH 8 a 8 b", ":1"),
        ("ZADD z INCR 2 a", "$1 3"),
        ("ZADD z XX INCR 2 nobody", "$-1"),
        ("ZADD z GT INCR -1 a", "$-1"),
        ("ZADD none XX 1 a", ":0"),
        ("EXISTS none", ":0"),
        ("ZADD z NX XX 1 a", "-ERR XX and NX options at the same time are not compatible"),
        ("ZADD z GT LT 1 a", "-ERR GT, LT, and/or NX options at the same time are not compatible"),
        ("ZADD z INCR 1 a 2 b", "-ERR INCR option supports a single increment-element pair"),
        ("ZADD z 1 a 2", "-ERR syntax error"),
        ("ZADD z 1 new x newer", "-ERR value is not a valid float"),
        ("ZSCORE z new", "$-1"),
        ("ZADD z inf a", ":0"),
        ("ZINCRBY z -inf a", "-ERR resulting score is not a number (NaN)"),
        ("ZINCRBY z 0.1 b", "$18 8.0999999999999996"),
    ]);
}

#[test]
fn ranges_go_by_rank_score_and_member_both_ways() {
    assert_replies(&[
        ("ZADD z 1 a 2 b 2 c 3 d", ":4"),
        ("ZRANGE z 1 -2", "*2 $1 b $1 c"),
        ("ZRANGE z 0 1 REV WITHSCORES", "*4 $1 d $1 3 $1 c $1 2"),
        ("ZRANGE z (1 +inf BYSCORE LIMIT 1 1", "*1 $1 c"),
        ("ZRANGE z +inf (1 BYSCORE REV LIMIT 0 2", "*2 $1 d $1 c"),
        (
            "ZRANGE z 0 -1 LIMIT 0 1",
            "-ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
        ),
        (
            "ZRANGE z - + BYLEX WITHSCORES",
            "-ERR syntax error, WITHSCORES not supported in combination with BYLEX",
        ),
        ("ZRANGE z - + BYLEX REV REV", "-ERR syntax error"),
        ("ZREVRANGE z 0 0", "*1 $1 d"),
        ("ZRANGEBYSCORE z 2 (3 WITHSCORES", "*4 $1 b $1 2 $1 c $1 2"),
        ("ZRANGEBYSCORE none x 1", "-ERR min or max is not a float"),
        ("ZREVRANGEBYSCORE z 2 1 LIMIT 2 5", "*1 $1 a"),
        ("ZADD l 0 a 0 b 0 c", ":3"),
        ("ZRANGEBYLEX l - (c", "*2 $1 a $1 b"),
        ("ZREVRANGEBYLEX l + [b", "*2 $1 c $1 b"),
        ("ZRANGEBYLEX none a b", "-ERR min or max not valid string range item"),
        ("ZLEXCOUNT l (a [c", ":2"),
        ("ZCOUNT z -inf 2", ":3"),
        ("ZRANK z c", ":2"),
        ("ZREVRANK z c", ":1"),
        ("ZRANK z nobody", "$-1"),
        ("ZMSCORE z a nobody", "*2 $1 1 $-1"),
        ("ZRANGESTORE d z 1 2", ":2"),
        ("ZRANGESTORE z z (2 3 BYSCORE", ":1"),
        ("ZRANGE z 0 -1", "*1 $1 d"),
        ("ZRANGESTORE z none 0 -1", ":0"),
        ("EXISTS z", ":0"),
    ]);
}

#[test]
fn what_is_emptied_goes() {
    assert_replies(&[
        ("ZADD a 1 x 2 y 3 z", ":3"),
        ("COPY a b", ":1"),
        ("COPY a c", ":1"),
        ("COPY a d", ":1"),
        ("COPY a e", ":1"),
        ("ZREM a x y z nobody", ":3"),
        ("ZREMRANGEBYRANK b 0 -1", ":3"),
        ("ZREMRANGEBYSCORE c (0 3", ":3"),
        ("ZREMRANGEBYLEX d - +", ":3"),
        ("ZPOPMAX e 9", "*6 $1 z $1 3 $1 y $1 2 $1 x $1 1"),
        ("DBSIZE", ":0"),
    ]);
}

#[test]
fn sets_and_sorted_sets_are_combined() {
    assert_replies(&[
        ("ZADD a 1 x 2 y", ":2"),
        ("ZADD b 10 y 20 z", ":2"),
        ("SADD s y w", ":2"),
        ("ZUNION 3 a b s WITHSCORES", "*8 $1 w $1 1 $1 x $1 1 $1 y $2 13 $1 z $2 20"),
        ("ZINTER 3 a b s WEIGHTS 1 2 3 AGGREGATE MAX WITHSCORES", "*2 $1 y $2 20"),
        ("ZDIFF 2 a s WITHSCORES", "*2 $1 x $1 1"),
        ("ZINTERCARD 2 a b LIMIT 5", ":1"),
        ("ZUNIONSTORE d 2 a none WEIGHTS 2 1", ":2"),
        ("ZRANGE d 0 -1 WITHSCORES", "*4 $1 x $1 2 $1 y $1 4"),
        ("ZINTERSTORE d 2 a none", ":0"),
        ("EXISTS d", ":0"),
        ("ZUNION 0 a", "-ERR at least 1 input key is needed for 'zunion' command"),
        ("ZUNION 9 a", "-ERR syntax error"),
        ("ZUNION 2 a b WEIGHTS 1 x", "-ERR weight value is not a float"),
        ("ZINTERCARD 2 a b LIMIT -1", "-ERR LIMIT can't be negative"),
    ]);
}

#[test]
fn another_kind_of_value_is_refused() {
    let mut world = World::new();
    world.run("alice", "SET s v\r\nZADD z 1 a");
    for command in [
        "ZADD s 1 a",
        "ZINCRBY s 1 a",
        "ZREM s a",
        "ZREMRANGEBYRANK s 0 1",
        "ZCARD s",
        "ZCOUNT s 0 1",
        "ZLEXCOUNT s - +",
        "ZSCORE s a",
        "ZMSCORE s a",
        "ZRANK s a",
        "ZRANGE s 0 1",
        "ZRANGESTORE z s 0 1",
        "ZPOPMIN s",
        "ZMPOP 2 none s MIN",
        "ZRANDMEMBER s",
        "ZRANDMEMBER s 2",
        "ZSCAN s 0",
        "ZUNION 2 z s",
        "ZINTERSTORE z 2 z s",
        "ZINTERCARD 2 z s",
        "BZPOPMIN none s 0",
        "BZMPOP 0 1 s MIN",
        "GEOADD s 1 1 a",
    ] {
        assert_eq!(world.run("alice", command), WRONG_TYPE, "{command}");
    }
    assert_eq!(world.run("alice", "ZCARD z"), ":1");
}

#[test]
fn whoever_waits_longest_is_served_first() {
    let mut world = World::new();
    world.send("first", "BZPOPMIN other z 0");
    world.send("second", "BZPOPMAX z 0");
    world.send("third", "BZMPOP 0 2 other z MIN COUNT 2");
    assert_eq!(world.run("alice", "ZADD z 1 a 2 b 3 c 4 d"), ":4");
    assert_eq!(world.replies("first"), "*3 $1 z $1 a $1 1");
    assert_eq!(world.replies("second"), "*3 $1 z $1 d $1 4");
    assert_eq!(world.replies("third"), "*2 $1 z *2 *2 $1 b $1 2 *2 $1 c $1 3");
    assert_eq!(world.run("alice", "EXISTS z"), ":0");
}

#[test]
fn waiting_ends_on_time() {
    let mut world = World::new();
    assert_eq!(world.run("alice", "BZMPOP 0.25 1 z MAX\r\nPING"), "");
    world.pass(Duration::from_millis(249));
    assert_eq!(world.replies("alice"), "");
    world.pass(Duration::from_millis(1));
    assert_eq!(world.replies("alice"), "*-1 +PONG");
}

#[test]
fn words_that_are_no_keys_wake_nobody() {
    let mut world = World::new();
    world.send("bob", "BZMPOP 0 2 a b MIN COUNT 10");
    world.run("alice", "ZADD 0 1 x\r\nZADD 2 1 x\r\nZADD MIN 1 x\r\nZADD COUNT 1 x\r\nZADD 10 1 x");
    assert_eq!(world.replies("bob"), "");
    world.run("alice", "ZADD b 1 x");
    assert_eq!(world.replies("bob"), "*2 $1 b *1 *2 $1 x $1 1");
}

#[test]
fn the_journal_is_told_what_was_popped_and_where() {
    let mut world = World::new();
    let effects = world.effects();
    world.send("bob", "BZPOPMIN none z 0");
    world.run("alice", "ZADD z 1 a 2 b 3 c 4 d 5 e");
    world.run("alice", "ZMPOP 2 none z MAX COUNT 2\r\nBZPOPMAX z 0\r\nZPOPMIN z\r\nZMPOP 1 z MIN");
    let expected = ["ZADD z 1 a 2 b 3 c 4 d 5 e", "zpopmin z", "zpopmax z 2", "zpopmax z", "ZPOPMIN z"];
    assert_eq!(effects.take(), expected);
    world.run("alice", "GEOADD g 1 1 a\r\nGEORADIUS g 1 1 1 km\r\nZADD g XX 1 nobody\r\nZINCRBY g 0 a");
    assert_eq!(effects.take(), ["GEOADD g 1 1 a"]);
}

#[test]
fn random_members_are_those_that_are_there() {
    let mut world = World::new();
    world.run("alice", "ZADD z 1.5 a");
    for (command, reply) in [
        ("ZRANDMEMBER z", "$1 a"),
        ("ZRANDMEMBER z 5 WITHSCORES", "*2 $1 a $3 1.5"),
        ("ZRANDMEMBER z -3", "*3 $1 a $1 a $1 a"),
        ("ZRANDMEMBER z 0", "*0"),
        ("ZRANDMEMBER none", "$-1"),
        ("ZRANDMEMBER none 1", "*0"),
        ("ZRANDMEMBER z 1 WITHVALUES", "-ERR syntax error"),
        ("ZRANDMEMBER z 4611686018427387904 WITHSCORES", "-ERR value is out of range"),
        ("ZSCAN z 0", "*2 $1 0 *2 $1 a $3 1.5"),
    ] {
        assert_eq!(world.run("alice", command), reply, "{command}");
    }
    assert_eq!(world.run("bob", "HELLO 3").get(..2), Some("%7"));
    assert_eq!(world.run("bob", "ZRANDMEMBER z -2 WITHSCORES"), "*2 *2 $1 a ,1.5 *2 $1 a ,1.5");
    assert_eq!(world.run("bob", "ZPOPMIN z"), "*2 $1 a ,1.5");
    assert_eq!(world.run("bob", "ZPOPMIN z 1"), "*0");
}
