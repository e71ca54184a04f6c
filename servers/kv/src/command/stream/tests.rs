//! Streams as clients see them, where time matters, and as the journal has them. What is answered to whom
//! otherwise is compared with Redis itself.

use crate::testing::World;
use proptest::prelude::*;
use std::time::Duration;

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

#[test]
fn an_automatic_id_is_the_time_and_never_goes_back() {
    let mut world = World::new();
    let id = |reply: String| reply.split(' ').nth(1).unwrap_or_default().to_owned();
    let first = id(world.run("alice", "XADD s * a b"));
    let second = id(world.run("alice", "XADD s * a b"));
    world.pass(ms(5));
    let third = id(world.run("alice", "XADD s * a b"));
    let time = first.strip_suffix("-0").map(|ms| ms.parse::<u64>());
    let Some(Ok(time)) = time else { panic!("{first}") };
    assert_eq!(second, format!("{time}-1"));
    assert_eq!(third, format!("{}-0", time + 5));
    world.run("alice", &format!("XADD s {}-7 a b", time + 1_000_000));
    assert_eq!(id(world.run("alice", "XADD s * a b")), format!("{}-8", time + 1_000_000));
}

#[test]
fn who_waits_in_vain_is_answered_to_the_millisecond() {
    let mut world = World::new();
    world.run("alice", "XGROUP CREATE s g $ MKSTREAM");
    world.send("bob", "XREAD BLOCK 50 STREAMS s t $ $");
    world.send("carol", "XREADGROUP GROUP g carol BLOCK 50 STREAMS s >");
    world.pass(ms(49));
    assert_eq!((world.replies("bob"), world.replies("carol")), (String::new(), String::new()));
    world.pass(ms(1));
    assert_eq!((world.replies("bob"), world.replies("carol")), ("*-1".to_owned(), "*-1".to_owned()));
}

#[test]
fn a_consumer_that_waits_is_created_when_it_is_served() {
    let mut world = World::new();
    world.run("alice", "XGROUP CREATE s g $ MKSTREAM");
    world.send("bob", "XREADGROUP GROUP g bob BLOCK 0 STREAMS s >");
    assert_eq!(world.run("alice", "XINFO CONSUMERS s g"), "*0");
    world.run("alice", "XADD s 1-1 a b");
    assert_eq!(world.replies("bob"), "*1 *2 $1 s *1 *2 $3 1-1 *2 $1 a $1 b");
    assert_eq!(world.run("alice", "XPENDING s g"), "*4 :1 $3 1-1 $3 1-1 *1 *2 $3 bob $1 1");
}

#[test]
fn idle_times_decide_what_may_be_claimed() {
    let mut world = World::new();
    world.run("alice", "XADD s 1-1 a b\nXGROUP CREATE s g 0\nXREADGROUP GROUP g alice STREAMS s >");
    world.pass(ms(100));
    assert_eq!(world.run("bob", "XCLAIM s g bob 101 1-1 JUSTID"), "*0");
    assert_eq!(world.run("bob", "XAUTOCLAIM s g bob 101 0 JUSTID"), "*3 $3 0-0 *0 *0");
    assert_eq!(world.run("bob", "XPENDING s g IDLE 101 - + 9"), "*0");
    assert_eq!(world.run("bob", "XPENDING s g IDLE 100 - + 9"), "*1 *4 $3 1-1 $5 alice :100 :1");
    assert_eq!(world.run("bob", "XCLAIM s g bob 100 1-1 JUSTID"), "*1 $3 1-1");
    assert_eq!(world.run("bob", "XPENDING s g - + 9"), "*1 *4 $3 1-1 $3 bob :0 :1");
    world.run("bob", "XCLAIM s g bob 0 1-1 IDLE 500");
    assert_eq!(world.run("bob", "XPENDING s g - + 9"), "*1 *4 $3 1-1 $3 bob :500 :2");
}

#[test]
fn acknowledging_fails_no_transaction_that_watches_the_stream() {
    let mut world = World::new();
    world.run("alice", "XADD s 1-1 a b\nXGROUP CREATE s g 0\nXREADGROUP GROUP g alice STREAMS s >");
    world.run("bob", "WATCH s\nMULTI\nXLEN s");
    world.run("alice", "XACK s g 1-1\nXGROUP CREATE s h 0\nXSETID s 9-9");
    assert_eq!(world.run("bob", "EXEC"), "*1 :1");
    world.run("bob", "WATCH s\nMULTI\nXLEN s");
    world.run("alice", "XDEL s 1-1");
    assert_eq!(world.run("bob", "EXEC"), "*-1");
}

#[test]
fn the_journal_names_what_was_only_asked_for() {
    let mut world = World::new();
    world.run("alice", "CONFIG SET stream-node-max-entries 2");
    let effects = world.effects();
    world.run("alice", "XADD s 1-* a 1\nXADD s 2 a 2\nXADD s 3-1 a 3\nXADD s 4-1 a 4");
    assert_eq!(effects.take(), ["XADD s 1-0 a 1", "XADD s 2 a 2", "XADD s 3-1 a 3", "XADD s 4-1 a 4"]);
    world.run("alice", "XADD s MAXLEN ~ 2 LIMIT 2 5-1 a 5\nXTRIM s MINID ~ 5-1\nXTRIM s MAXLEN ~ 9");
    assert_eq!(effects.take(), ["XADD s MAXLEN = 3 5-1 a 5", "XTRIM s MINID = 5-1"]);
    world.run("alice", "XGROUP CREATE s g 0\nXREADGROUP GROUP g bob STREAMS s >\nXREAD STREAMS s 0");
    let noted = effects.take();
    assert_eq!(noted[..2], ["XGROUP CREATE s g 0", "XGROUP CREATECONSUMER s g bob"]);
    assert!(noted[2].starts_with("XCLAIM s g bob 0 5-1 TIME "), "{noted:?}");
    assert!(noted[2].ends_with(" RETRYCOUNT 1 FORCE JUSTID LASTID 5-1"), "{noted:?}");
    assert_eq!(noted[3..], ["XGROUP SETID s g 5-1 ENTRIESREAD 5"]);
    world.run("alice", "XDEL s 5-1\nXAUTOCLAIM s g carol 0 0\nXREADGROUP GROUP g bob STREAMS s >");
    assert_eq!(effects.take(), ["XDEL s 5-1", "XACK s g 5-1"]);
}

/// Commands that change streams; `s` and `t`, groups `g` and `h`, consumers `a` and `b`, IDs around the last.
fn command() -> impl Strategy<Value = String> {
    let key = || prop_oneof![Just("s"), Just("t")];
    let group = || prop_oneof![3 => Just("g"), 1 => Just("h")];
    let consumer = || prop_oneof![Just("a"), Just("b")];
    let id = || (1..40u8, 0..2u8).prop_map(|(ms, seq)| format!("{ms}-{seq}"));
    let until = || {
        prop_oneof![
            (0..9u8).prop_map(|length| format!("MAXLEN = {length}")),
            (0..9u8).prop_map(|length| format!("MAXLEN ~ {length}")),
            (0..9u8, 1..6u8).prop_map(|(length, limit)| format!("MAXLEN ~ {length} LIMIT {limit}")),
            id().prop_map(|id| format!("MINID ~ {id}")),
        ]
    };
    let new_id = || prop_oneof![5 => Just("*".to_owned()), 1 => id()];
    prop_oneof![
        9 => (key(), new_id()).prop_map(|(key, id)| format!("XADD {key} {id} f v")),
        3 => (key(), until(), new_id()).prop_map(|(key, until, id)| format!("XADD {key} {until} {id} f v")),
        2 => (key(), until()).prop_map(|(key, until)| format!("XTRIM {key} {until}")),
        2 => (key(), id()).prop_map(|(key, id)| format!("XDEL {key} {id}")),
        2 => (key(), group(), prop_oneof![Just("$"), Just("0")])
            .prop_map(|(key, group, id)| format!("XGROUP CREATE {key} {group} {id} MKSTREAM")),
        1 => (key(), group(), prop_oneof![Just("$"), Just("0")])
            .prop_map(|(key, group, id)| format!("XGROUP SETID {key} {group} {id}")),
        1 => (key(), group()).prop_map(|(key, group)| format!("XGROUP DESTROY {key} {group}")),
        1 => (key(), group(), consumer())
            .prop_map(|(key, group, consumer)| format!("XGROUP DELCONSUMER {key} {group} {consumer}")),
        6 => (key(), group(), consumer(), 1..4u8, prop_oneof![3 => Just(""), 1 => Just("NOACK")]).prop_map(
            |(key, group, consumer, count, ack)| {
                format!("XREADGROUP GROUP {group} {consumer} COUNT {count} {ack} STREAMS {key} >")
            }
        ),
        1 => (key(), group(), consumer())
            .prop_map(|(key, group, consumer)| format!("XREADGROUP GROUP {group} {consumer} STREAMS {key} 0")),
        1 => (key(), group(), id()).prop_map(|(key, group, id)| format!("XACK {key} {group} {id}")),
        2 => (key(), group(), consumer(), id(), prop_oneof![Just(""), Just("FORCE"), Just("LASTID 20-0")])
            .prop_map(|(key, group, consumer, id, more)| {
                format!("XCLAIM {key} {group} {consumer} 0 {id} {more}")
            }),
        2 => (key(), group(), consumer(), 1..4u8).prop_map(|(key, group, consumer, count)| {
            format!("XAUTOCLAIM {key} {group} {consumer} 0 - COUNT {count}")
        }),
        1 => (key(), id()).prop_map(|(key, id)| format!("XSETID {key} {id} ENTRIESADDED 50")),
        1 => key().prop_map(|key| format!("DEL {key}")),
    ]
}

/// All that there is to know of both streams, but for when consumers were seen, and what nodes hold the entries.
fn described(world: &mut World) -> Vec<String> {
    let told = ["s", "t"].map(|key| world.run("teller", &format!("XINFO STREAM {key} FULL COUNT 0")));
    told.iter()
        .flat_map(|told| {
            let mut words = told.split(' ').collect::<Vec<_>>();
            for at in 0..words.len() {
                let is_hidden = ["radix-tree-keys", "radix-tree-nodes", "seen-time"].contains(&words[at]);
                if let Some(value) = words.get_mut(at + 1).filter(|_| is_hidden) {
                    *value = "";
                }
            }
            words.into_iter().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn what_the_journal_says_does_the_same_again(commands in prop::collection::vec(command(), 1..80)) {
        let (mut world, mut again) = (World::new(), World::new());
        for world in [&mut world, &mut again] {
            world.run("alice", "CONFIG SET stream-node-max-entries 3");
        }
        again.pass(ms(12_345));
        let effects = world.effects();
        for command in commands {
            world.run("alice", &command);
            world.pass(ms(3));
            let effects = effects.take();
            for effect in &effects {
                let reply = again.run("bob", effect);
                prop_assert!(!reply.starts_with('-'), "{effect}: {reply}");
            }
            prop_assert_eq!(described(&mut world), described(&mut again), "{}: {:?}", command, effects);
        }
    }
}
