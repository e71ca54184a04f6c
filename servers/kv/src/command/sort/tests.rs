//! SORT as clients see it.

use crate::testing::World;

/// A world with a list, and keys named after its elements.
fn world() -> World {
    let mut world = World::new();
    world.run("alice", "RPUSH l 3 1 10 2");
    world.run("alice", "MSET w_1 30 w_2 20 w_3 10 n_1 one n_3 three");
    world.run("alice", "HSET h_1 f b\r\nHSET h_2 f a\r\nHSET h_10 f c");
    world
}

#[test]
fn numbers_texts_and_limits() {
    let mut world = world();
    for (options, reply) in [
        ("", "*4 $1 1 $1 2 $1 3 $2 10"),
        ("DESC", "*4 $2 10 $1 3 $1 2 $1 1"),
        ("ALPHA", "*4 $1 1 $2 10 $1 2 $1 3"),
        ("LIMIT 1 2", "*2 $1 2 $1 3"),
        ("LIMIT 9 2", "*0"),
        ("BY w_*", "*4 $2 10 $1 3 $1 2 $1 1"),
        ("BY h_*->f ALPHA", "*4 $1 3 $1 2 $1 1 $2 10"),
        ("BY nosort", "*4 $1 3 $1 1 $2 10 $1 2"),
        ("BY nosort DESC LIMIT 0 3", "*3 $1 2 $2 10 $1 1"),
        ("GET # GET n_*", "*8 $1 1 $3 one $1 2 $-1 $1 3 $5 three $2 10 $-1"),
        ("GET h_*->f LIMIT 0 1", "*1 $1 b"),
        ("GET none", "*4 $-1 $-1 $-1 $-1"),
        ("BY n_*", "-ERR One or more scores can't be converted into double"),
        ("LIMIT 1", "-ERR syntax error"),
    ] {
        assert_eq!(world.run("alice", &format!("SORT_RO l {options}")), reply, "{options}");
    }
}

#[test]
fn what_is_stored_replaces_what_was_there() {
    let mut world = world();
    world.run("alice", "SET to v EX 100");
    assert_eq!(world.run("alice", "SORT l GET n_* STORE to"), ":4");
    assert_eq!(world.run("alice", "LRANGE to 0 -1\r\nTTL to"), "*4 $3 one $0  $5 three $0  :-1");
    assert_eq!(world.run("alice", "SORT none STORE to\r\nEXISTS to"), ":0 :0");
    assert_eq!(world.run("alice", "SORT_RO l STORE to"), "-ERR syntax error");
}

#[test]
fn sets_and_sorted_sets_are_sorted_too() {
    let mut world = World::new();
    world.run("alice", "SADD s 3 1 2\r\nZADD z 3 a 1 b 2 c\r\nSET v 1");
    for (command, reply) in [
        ("SORT s DESC", "*3 $1 3 $1 2 $1 1"),
        ("SORT z ALPHA", "*3 $1 a $1 b $1 c"),
        ("SORT z BY nosort", "*3 $1 b $1 c $1 a"),
        ("SORT z BY nosort DESC LIMIT 0 2", "*2 $1 a $1 c"),
        ("SORT v", "-WRONGTYPE Operation against a key holding the wrong kind of value"),
        ("SORT none", "*0"),
    ] {
        assert_eq!(world.run("alice", command), reply, "{command}");
    }
    // Without an order of its own, a set is stored in that of its members.
    world.run("alice", "SORT s BY nosort STORE to");
    assert_eq!(world.run("alice", "LRANGE to 0 -1"), "*3 $1 1 $1 2 $1 3");
}

#[test]
fn a_client_that_waits_is_served_what_is_stored() {
    let mut world = world();
    world.send("bob", "BLPOP to 0");
    assert_eq!(world.run("alice", "SORT l STORE to"), ":4");
    assert_eq!(world.replies("bob"), "*2 $2 to $1 1");
}
