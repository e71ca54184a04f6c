//! Sets as clients see them.

use crate::testing::World;

const WRONG_TYPE: &str = "-WRONGTYPE Operation against a key holding the wrong kind of value";

/// Each command has this reply.
fn assert_replies(world: &mut World, replies: &[(&str, &str)]) {
    for (command, reply) in replies {
        assert_eq!(world.run("alice", command), *reply, "{command}");
    }
}

#[test]
fn members_are_added_found_and_removed() {
    assert_replies(
        &mut World::new(),
        &[
            ("SADD s 3 1 2 1", ":3"),
            ("SMEMBERS s", "*3 $1 1 $1 2 $1 3"),
            ("SISMEMBER s 2", ":1"),
            ("SISMEMBER s 02", ":0"),
            ("SMISMEMBER s 1 4 3", "*3 :1 :0 :1"),
            ("SADD s a", ":1"),
            ("SCARD s", ":4"),
            ("SREM s 1 2 2 x", ":2"),
            ("SREM s a 3 4", ":2"),
            ("EXISTS s", ":0"),
            ("SMISMEMBER s a b", "*2 :0 :0"),
            ("SMEMBERS s", "*0"),
        ],
    );
}

#[test]
fn a_member_moves_unless_it_is_there_already() {
    let mut world = World::new();
    world.run("alice", "SADD a 1 2\nSADD b 2 3\nRPUSH string x");
    assert_replies(
        &mut world,
        &[
            ("SMOVE a b 1", ":1"),
            ("SMOVE a b 9", ":0"),
            ("SMOVE a b 2", ":1"),
            ("EXISTS a", ":0"),
            ("SMEMBERS b", "*3 $1 1 $1 2 $1 3"),
            ("SMOVE b b 1", ":1"),
            ("SMOVE none string 1", ":0"),
            ("SMOVE b string 1", WRONG_TYPE),
            ("SMEMBERS b", "*3 $1 1 $1 2 $1 3"),
        ],
    );
}

#[test]
fn what_is_popped_is_gone() {
    assert_replies(
        &mut World::new(),
        &[
            ("SADD s 1", ":1"),
            ("SPOP s", "$1 1"),
            ("SPOP s", "$-1"),
            ("SPOP s 3", "*0"),
            ("SADD s 1 2 3", ":3"),
            ("SPOP s 0", "*0"),
            ("SPOP s -1", "-ERR value is out of range, must be positive"),
            ("SPOP s x", "-ERR value is out of range, must be positive"),
            ("SPOP s 1 1", "-ERR syntax error"),
            ("SPOP s 9", "*3 $1 1 $1 2 $1 3"),
            ("EXISTS s", ":0"),
        ],
    );
}

#[test]
fn members_are_drawn_with_and_without_repetition() {
    assert_replies(
        &mut World::new(),
        &[
            ("SRANDMEMBER s", "$-1"),
            ("SRANDMEMBER s 2", "*0"),
            ("SADD s a", ":1"),
            ("SRANDMEMBER s", "$1 a"),
            ("SRANDMEMBER s 2", "*1 $1 a"),
            ("SRANDMEMBER s -3", "*3 $1 a $1 a $1 a"),
            ("SRANDMEMBER s 0", "*0"),
            (
                "SRANDMEMBER s -9223372036854775808",
                "-ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            ),
            ("SRANDMEMBER s -9223372036854775807", "-ERR value is out of range"),
        ],
    );
}

#[test]
fn sets_are_compared() {
    let mut world = World::new();
    world.run("alice", "SADD a 1 2 3\nSADD b 2 3 4\nSADD c 3\nRPUSH string x");
    assert_replies(
        &mut world,
        &[
            ("SINTER a b", "*2 $1 2 $1 3"),
            ("SINTER a b c none", "*0"),
            ("SINTERCARD 3 a b c", ":1"),
            ("SINTERCARD 2 a b LIMIT 1", ":1"),
            ("SUNION a b none", "*4 $1 1 $1 2 $1 3 $1 4"),
            ("SDIFF a b", "*1 $1 1"),
            ("SDIFF none a", "*0"),
            ("SDIFF a c a", "*0"),
            ("SINTER none string", WRONG_TYPE),
            ("SUNION a string", WRONG_TYPE),
            ("SDIFF none string", WRONG_TYPE),
            ("SINTERCARD 0 a", "-ERR numkeys should be greater than 0"),
            ("SINTERCARD 3 a b", "-ERR Number of keys can't be greater than number of args"),
            ("SINTERCARD 1 a LIMIT -1", "-ERR LIMIT can't be negative"),
            ("SINTERCARD 1 a b", "-ERR syntax error"),
        ],
    );
}

#[test]
fn a_result_replaces_what_was_there_and_an_empty_one_removes_it() {
    let mut world = World::new();
    world.run("alice", "SADD a 1 2 3\nSADD b 2 3 4\nSADD d x\nEXPIRE d 100\nRPUSH string x");
    assert_replies(
        &mut world,
        &[
            ("SINTERSTORE d a b", ":2"),
            ("TTL d", ":-1"),
            ("SMEMBERS d", "*2 $1 2 $1 3"),
            ("SDIFFSTORE d a b", ":1"),
            ("SUNIONSTORE d d b", ":4"),
            ("SINTERSTORE d a string", WRONG_TYPE),
            ("SCARD d", ":4"),
            ("SINTERSTORE d a none", ":0"),
            ("EXISTS d", ":0"),
        ],
    );
}

#[test]
fn a_page_holds_what_matches() {
    assert_replies(
        &mut World::new(),
        &[
            ("SADD s 1 2 13 a", ":4"),
            ("SSCAN s 0", "*2 $1 0 *4 $1 1 $1 2 $2 13 $1 a"),
            ("SSCAN s 0 MATCH 1* COUNT 1", "*2 $1 0 *2 $1 1 $2 13"),
            ("SSCAN s 0 COUNT 0", "-ERR syntax error"),
            ("SSCAN s 0 TYPE set", "-ERR syntax error"),
            ("SSCAN s x", "-ERR invalid cursor"),
            ("SSCAN none 0 nonsense", "*2 $1 0 *0"),
        ],
    );
}

#[test]
fn what_happens_to_sets_is_published() {
    let mut world = World::new();
    world.run("alice", "CONFIG SET notify-keyspace-events KEA");
    world.run("listener", "PSUBSCRIBE __keyevent@0__:*");
    for (commands, expected) in [
        ("SADD a 1 2 3 4 5", "sadd a"),
        ("SADD a 1", ""),
        ("SREM a 1 x", "srem a"),
        ("SPOP a", "spop a"),
        ("SPOP a 9", "spop a del a"),
        ("SADD a 1\nSMOVE a b 1", "sadd a srem a del a sadd b"),
        ("SUNIONSTORE d b", "sunionstore d"),
        ("SINTERSTORE d b none", "del d"),
        ("SDIFFSTORE d none", ""),
    ] {
        world.run("alice", commands);
        let replies = world.replies("listener");
        let messages = replies.split("*4 ").skip(1).map(|message| {
            let words: Vec<_> = message.split_whitespace().collect();
            format!("{} {}", words[5].trim_start_matches("__keyevent@0__:"), words[7])
        });
        assert_eq!(messages.collect::<Vec<_>>().join(" "), expected, "{commands}");
    }
}

/// The words of a page: its cursor, and what is on it.
fn page(reply: &str) -> (String, Vec<String>) {
    let mut words = reply.split_whitespace().filter(|word| !word.starts_with(['*', '$'])).map(str::to_owned);
    (words.next().unwrap_or_default(), words.collect())
}

#[test]
fn pages_miss_nothing_that_stays_while_others_come_and_go() {
    /// More than a listpack holds, which is a page of its own.
    const STAYING: usize = 600;
    for (scan, add, remove) in
        [("SSCAN s", "SADD s", "SREM s"), ("SCAN", "SETNX", "DEL"), ("HSCAN h", "HSET h", "HDEL h")]
    {
        let value = if add == "SADD s" { "" } else { "v" };
        for grows in [true, false] {
            let mut world = World::new();
            let change = |world: &mut World, command: &str, names: std::ops::Range<usize>| {
                let commands: Vec<_> = names
                    .map(|name| format!("{command} m{name} {}", if command == remove { "" } else { value }))
                    .collect();
                world.run("alice", &commands.join("\n"));
            };
            change(&mut world, add, 0..if grows { STAYING } else { 2000 });
            let (mut cursor, mut seen, mut changed) =
                ("0".to_owned(), std::collections::BTreeSet::new(), STAYING);
            loop {
                let names;
                (cursor, names) = page(&world.run("alice", &format!("{scan} {cursor} COUNT 5")));
                seen.extend(names);
                if cursor == "0" {
                    break;
                }
                if changed < 2000 {
                    change(&mut world, if grows { add } else { remove }, changed..changed + 50);
                    changed += 50;
                }
            }
            let missed: Vec<_> =
                (0..STAYING).map(|name| format!("m{name}")).filter(|name| !seen.contains(name)).collect();
            assert!(missed.is_empty() && changed > STAYING + 50, "{scan}: {missed:?}");
        }
    }
}
