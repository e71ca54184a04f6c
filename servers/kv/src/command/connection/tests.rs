//! Clients, as they see each other: pauses, limits, and who is closed for what.

use crate::testing::World;
use std::time::Duration;

#[test]
fn what_is_paused_is_executed_when_the_pause_is_over_in_order() {
    let mut world = World::new();
    world.run("admin", "CLIENT PAUSE 100 WRITE");
    for (client, command) in [("alice", "RPUSH l alice"), ("bob", "RPUSH l bob")] {
        assert_eq!(world.run(client, &format!("{command}\nECHO behind")), "");
    }
    assert_eq!(world.run("carol", "LRANGE l 0 -1"), "*0", "reading goes on");
    assert_eq!(world.run("carol", "RPUSH l"), "-ERR wrong number of arguments for 'rpush' command");
    world.pass(Duration::from_millis(50));
    assert_eq!(world.replies("alice"), "");
    world.pass(Duration::from_millis(60));
    assert_eq!(world.replies("alice"), ":1 $6 behind");
    assert_eq!(world.replies("bob"), ":2 $6 behind");
}

#[test]
fn a_pause_grows_and_never_shrinks() {
    let mut world = World::new();
    world.run("admin", "CLIENT PAUSE 100 WRITE\nCLIENT PAUSE 10 WRITE");
    assert_eq!(world.run("alice", "SET k v"), "");
    world.pass(Duration::from_millis(50));
    assert_eq!(world.replies("alice"), "");
    assert_eq!(world.run("admin", "CLIENT UNPAUSE"), "+OK");
    assert_eq!(world.replies("alice"), "+OK");
}

#[test]
fn a_transaction_that_writes_is_paused_as_a_whole() {
    let mut world = World::new();
    world.run("alice", "MULTI\nSET k v");
    world.run("bob", "MULTI\nGET k");
    world.run("admin", "CLIENT PAUSE 10000 WRITE");
    assert_eq!(world.run("alice", "EXEC"), "");
    assert_eq!(world.run("bob", "EXEC"), "*1 $-1");
    world.run("admin", "CLIENT UNPAUSE");
    assert_eq!(world.replies("alice"), "*1 +OK");
}

#[test]
fn whoever_leaves_during_a_pause_has_said_nothing() {
    let mut world = World::new();
    world.run("admin", "CLIENT PAUSE 100 WRITE");
    world.run("alice", "SET k v");
    world.leave("alice");
    world.pass(Duration::from_millis(200));
    assert_eq!(world.run("admin", "EXISTS k"), ":0");
}

#[test]
fn keys_that_expire_during_a_pause_are_gone_and_stay() {
    let mut world = World::new();
    world.run("admin", "SET k v PX 10\nCLIENT PAUSE 1000 WRITE");
    world.pass(Duration::from_millis(500));
    assert_eq!(world.run("alice", "GET k"), "$-1");
    assert_eq!(world.run("alice", "DBSIZE"), ":1");
    world.run("admin", "CLIENT UNPAUSE");
    assert_eq!(world.run("alice", "GET k\nDBSIZE"), "$-1 :0");
}

#[test]
fn a_silent_client_is_closed_and_one_that_waits_or_listens_is_not() {
    let mut world = World::new();
    world.run("admin", "CONFIG SET timeout 5");
    world.run("silent", "PING");
    world.run("waiting", "BLPOP none 0");
    world.run("listening", "SUBSCRIBE news");
    for _ in 0..10 {
        world.run("admin", "PING");
        world.pass(Duration::from_secs(1));
    }
    assert!(world.is_closed("silent"));
    assert!(!world.is_closed("waiting") && !world.is_closed("listening") && !world.is_closed("admin"));
}

#[test]
fn a_subscriber_that_never_reads_is_closed_at_its_limit() {
    let mut world = World::new();
    world.run("admin", "CONFIG SET client-output-buffer-limit \"pubsub 100000 0 0\"");
    world.run("deaf", "SUBSCRIBE news");
    world.stop_reading("deaf");
    world.run("hearing", "SUBSCRIBE news");
    let message = format!("PUBLISH news {}", "x".repeat(10_000));
    let mut receivers = Vec::new();
    for _ in 0..40 {
        receivers.push(world.run("admin", &message));
    }
    assert_eq!(receivers.last().unwrap(), ":1");
    assert!(receivers.iter().filter(|count| *count == ":2").count() >= 10, "{receivers:?}");
    assert_eq!(world.replies("hearing").matches("message").count(), 40);
}

#[test]
fn the_soft_limit_counts_the_time_above_it() {
    let mut world = World::new();
    world.run("admin", "CONFIG SET client-output-buffer-limit \"pubsub 0 100000 3\"");
    world.run("deaf", "SUBSCRIBE news");
    world.stop_reading("deaf");
    let message = format!("PUBLISH news {}", "x".repeat(50_000));
    for _ in 0..6 {
        world.run("admin", &message);
    }
    world.pass(Duration::from_secs(2));
    assert_eq!(world.run("admin", "PUBLISH news x"), ":1");
    world.pass(Duration::from_secs(3));
    assert_eq!(world.run("admin", "PUBLISH news x"), ":0", "without traffic too");
}

#[test]
fn what_is_answered_is_bounded_and_a_transaction_ends_all_the_same() {
    let mut world = World::new();
    let value = "x".repeat(10_000);
    world.run(
        "admin",
        &format!("SET large {value}\nCONFIG SET client-output-buffer-limit \"normal 100000 0 0\""),
    );
    let reads = "GET large\n".repeat(20);
    world.run("alice", &format!("MULTI\nSET a 1\n{reads}SET b 2\nEXEC"));
    assert!(world.is_closed("alice"));
    assert_eq!(world.run("admin", "MGET a b"), "*2 $1 1 $1 2");
}

#[test]
fn what_is_queued_counts_as_input() {
    let mut world = World::new();
    world.run("admin", "CONFIG SET client-query-buffer-limit 1mb");
    let set = format!("SET k {}", "x".repeat(30_000));
    world.run("alice", "MULTI");
    for _ in 0..40 {
        world.run("alice", &set);
    }
    assert!(world.is_closed("alice"));
    assert_eq!(world.run("admin", "EXISTS k"), ":0");
}

#[test]
fn the_largest_client_is_closed_first_when_all_take_too_much() {
    let mut world = World::new();
    world.run("admin", "CLIENT NO-EVICT on");
    for (client, bytes) in [("small", 20_000), ("large", 60_000)] {
        world.run(client, "MULTI");
        for _ in 0..10 {
            world.run(client, &format!("SET k {}", "x".repeat(bytes)));
        }
    }
    world.run("admin", "CONFIG SET maxmemory-clients 500000");
    assert!(world.is_closed("large") && !world.is_closed("small"));
    assert_eq!(world.run("small", "DISCARD"), "+OK");
}

#[test]
fn a_monitor_sees_commands_and_no_secrets() {
    let mut world = World::new();
    world.run("monitor", "MONITOR");
    world.run("alice", "MULTI\nSET k \"a\\x00b\"\nEXEC\nAUTH alice secret\nCONFIG GET port\nnosuch");
    let seen = world.replies("monitor");
    let shown: Vec<_> = seen.split('+').skip(1).map(|line| line.split_once("] ").unwrap().1.trim()).collect();
    assert_eq!(
        shown,
        [r#""MULTI""#, r#""SET" "k" "a\x00b""#, r#""EXEC""#, r#""AUTH" "(redacted)" "(redacted)""#,]
    );
}

#[test]
fn a_client_that_is_killed_while_it_waits_takes_nothing() {
    let mut world = World::new();
    let id = world.run("alice", "CLIENT ID").trim_start_matches(':').to_owned();
    world.run("alice", "BLPOP l 0");
    assert_eq!(world.run("admin", &format!("CLIENT KILL ID {id}")), ":1");
    assert_eq!(world.run("admin", "RPUSH l x\nLRANGE l 0 -1"), ":1 *1 $1 x");
    assert!(world.is_closed("alice"));
}

#[test]
fn tracked_keys_beyond_the_limit_are_told_and_forgotten() {
    let mut world = World::new();
    world.run("alice", "HELLO 3\nCLIENT TRACKING on");
    for key in 0..250 {
        world.run("alice", &format!("GET key:{key}"));
    }
    world.run("admin", "CONFIG SET tracking-table-max-keys 10");
    world.pass(Duration::from_secs(1));
    assert_eq!(world.replies("alice").matches("invalidate").count(), 240);
}
