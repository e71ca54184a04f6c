//! Lists as clients see them.

use crate::testing::World;
use std::time::Duration;

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

#[test]
fn a_list_is_pushed_to_and_popped_from_at_both_ends() {
    let mut world = World::new();
    for (command, reply) in [
        ("LPUSHX l a", ":0"),
        ("RPUSH l b c", ":2"),
        ("LPUSH l a 0", ":4"),
        ("RPUSHX l d", ":5"),
        ("LRANGE l 0 -1", "*5 $1 0 $1 a $1 b $1 c $1 d"),
        ("LPOP l", "$1 0"),
        ("RPOP l 2", "*2 $1 d $1 c"),
        ("LPOP l 0", "*0"),
        ("LPOP l 99", "*2 $1 a $1 b"),
        ("LLEN l", ":0"),
        ("LPOP l", "$-1"),
        ("LPOP l 1", "*-1"),
        ("LPOP l -1", "-ERR value is out of range, must be positive"),
        ("LPOP l 1 2", "-ERR wrong number of arguments for 'lpop' command"),
    ] {
        assert_eq!(world.run("alice", command), reply, "{command}");
    }
}

#[test]
fn another_kind_of_value_is_refused() {
    let mut world = World::new();
    world.run("alice", "SET s v\r\nRPUSH l a");
    for command in [
        "LPUSH s a",
        "RPUSHX s a",
        "LPOP s",
        "RPOP s 2",
        "LLEN s",
        "LINDEX s 0",
        "LRANGE s 0 1",
        "LSET s 0 a",
        "LINSERT s BEFORE a b",
        "LREM s 0 a",
        "LTRIM s 0 1",
        "LPOS s a",
        "LMOVE s l LEFT LEFT",
        "LMOVE l s LEFT LEFT",
        "RPOPLPUSH l s",
        "LMPOP 2 none s LEFT",
        "BLPOP none s 0",
        "BLMOVE s l LEFT LEFT 0",
        "BLMPOP 0 1 s LEFT",
    ] {
        assert_eq!(world.run("alice", command), WRONG_TYPE, "{command}");
    }
    assert_eq!(world.run("alice", "LLEN l"), ":1");
}

#[test]
fn positions_are_searched_by_rank_count_and_length() {
    let mut world = World::new();
    world.run("alice", "RPUSH l a b c 1 2 3 c c");
    for (options, reply) in [
        ("", ":2"),
        ("RANK 2", ":6"),
        ("RANK -1", ":7"),
        ("RANK 4", "$-1"),
        ("COUNT 0", "*3 :2 :6 :7"),
        ("RANK -1 COUNT 2", "*2 :7 :6"),
        ("COUNT 0 MAXLEN 3", "*1 :2"),
        ("COUNT 0 MAXLEN 2", "*0"),
        ("RANK -1 MAXLEN 1", ":7"),
        ("COUNT -1", "-ERR COUNT can't be negative"),
        ("RANK", "-ERR syntax error"),
    ] {
        assert_eq!(world.run("alice", &format!("LPOS l c {options}")), reply, "{options}");
    }
}

#[test]
fn whoever_waits_longest_is_served_first() {
    let mut world = World::new();
    for client in ["first", "second", "third"] {
        assert_eq!(world.run(client, "BLPOP other l 0"), "");
    }
    world.run("alice", "RPUSH l 1 2");
    assert_eq!(world.replies("first"), "*2 $1 l $1 1");
    assert_eq!(world.replies("second"), "*2 $1 l $1 2");
    assert_eq!(world.replies("third"), "");
    assert_eq!(world.run("second", "PING"), "+PONG");
    world.run("alice", "RPUSH other 3");
    assert_eq!(world.replies("third"), "*2 $5 other $1 3");
}

#[test]
fn waiting_ends_on_time() {
    let mut world = World::new();
    assert_eq!(world.run("alice", "BLPOP l 0.25\r\nPING"), "");
    world.pass(Duration::from_millis(249));
    assert_eq!(world.replies("alice"), "");
    world.pass(Duration::from_millis(1));
    assert_eq!(world.replies("alice"), "*-1 +PONG");
}

#[test]
fn elements_are_moved_along_a_chain_of_waiters() {
    let mut world = World::new();
    world.send("third", "BLMOVE c d LEFT RIGHT 0");
    world.send("second", "BRPOPLPUSH b c 0");
    world.send("first", "BLMOVE a b RIGHT LEFT 0");
    assert_eq!(world.run("alice", "RPUSH a x"), ":1");
    for client in ["first", "second", "third"] {
        assert_eq!(world.replies(client), "$1 x");
    }
    assert_eq!(world.run("alice", "LRANGE d 0 -1\r\nEXISTS a b c"), "*1 $1 x :0");
}

#[test]
fn who_waits_to_move_fails_if_the_destination_is_no_list() {
    let mut world = World::new();
    world.run("alice", "SADD set x");
    assert_eq!(world.run("first", "BRPOPLPUSH a set 0"), "");
    assert_eq!(world.run("second", "BRPOPLPUSH a b 0"), "");
    world.run("alice", "RPUSH a x");
    assert_eq!(world.replies("first"), WRONG_TYPE);
    assert_eq!(world.replies("second"), "$1 x");
}

#[test]
fn what_a_transaction_pushes_is_seen_when_it_is_over() {
    let mut world = World::new();
    world.send("bob", "BLPOP l 0");
    world.run("alice", "MULTI\r\nRPUSH l a\r\nDEL l\r\nRPUSH l b\r\nEXEC");
    assert_eq!(world.replies("bob"), "*2 $1 l $1 b");
}

#[test]
fn nobody_waits_within_a_transaction() {
    let mut world = World::new();
    let queued = "MULTI\r\nBLPOP l 0\r\nBLMOVE l m LEFT LEFT 0\r\nBLMPOP 0 1 l LEFT\r\nEXEC";
    assert_eq!(world.run("alice", queued), "+OK +QUEUED +QUEUED +QUEUED *3 *-1 $-1 *-1");
}

#[test]
fn who_leaves_is_not_served() {
    let mut world = World::new();
    world.send("bob", "BLPOP l 0\r\nPING");
    world.leave("bob");
    assert_eq!(world.run("alice", "RPUSH l a\r\nLLEN l"), ":1 :1");
}

#[test]
fn the_journal_has_what_was_popped_and_nobody_waits_there() {
    let mut world = World::new();
    let effects = world.effects();
    for (client, command, noted) in [
        ("alice", "RPUSH l a b c d", &["RPUSH l a b c d"][..]),
        ("alice", "BLMPOP 0 2 none l LEFT COUNT 3", &["LPOP l 3"]),
        ("alice", "LMPOP 2 none l RIGHT COUNT 9", &["RPOP l 1"]),
        ("alice", "LMPOP 2 none l RIGHT COUNT 9", &[]),
        ("bob", "BLPOP none l 0", &[]),
        ("alice", "RPUSH l a", &["RPUSH l a", "LPOP l"]),
        ("bob", "BLMOVE l m RIGHT LEFT 0", &[]),
        ("alice", "RPUSH l a", &["RPUSH l a", "LMOVE l m RIGHT LEFT"]),
        ("bob", "BRPOPLPUSH m l 0", &["RPOPLPUSH m l"]),
        ("alice", "LTRIM l 0 -1", &[]),
        ("alice", "LREM l 0 x", &[]),
        ("alice", "LPOP l 0", &[]),
        ("alice", "LTRIM l 1 0", &["LTRIM l 1 0"]),
        ("bob", "BLPOP l 0.5", &[]),
    ] {
        world.send(client, command);
        assert_eq!(effects.take(), noted, "{command}");
    }
    world.pass(Duration::from_secs(1));
    assert!(effects.take().is_empty());
}

#[test]
fn nobody_is_woken_for_what_has_expired() {
    let mut world = World::new();
    let effects = world.effects();
    world.send("bob", "SELECT 9\r\nBLPOP k 0");
    world.send("alice", "SELECT 1\r\nRPUSH k a\r\nPEXPIRE k 101");
    // Its time is up, between two rounds of active expiry.
    world.pass(Duration::from_millis(102));
    effects.take();
    world.send("alice", "SWAPDB 1 9");
    assert_eq!(effects.take(), ["SWAPDB 1 9", "DEL k"]);
    assert_eq!(world.replies("bob"), "+OK");
    world.send("alice", "SELECT 9\r\nRPUSH k b");
    assert_eq!(world.replies("bob"), "*2 $1 k $1 b");
}
