//! Which keys are found; positions as Redis 7.0.15 tells them.
#![allow(clippy::unwrap_used, reason = "a test")]

use super::*;
use proptest::prelude::*;

fn keys_of(row: &Command, line: &str) -> Vec<(usize, Vec<&'static str>)> {
    let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    let mut found = Vec::new();
    find(row, &args, &mut found);
    found.iter().map(|key| (key.index, key.flags.names().collect())).collect()
}

fn positions(keys: &'static [KeySpec], line: &str) -> Vec<usize> {
    let row = Command { keys, arity: -1, ..Command::DEFAULT };
    keys_of(&row, line).into_iter().map(|(index, _)| index).collect()
}

const UNTIL_TIMEOUT: &[KeySpec] = &[KeySpec::range(1, -2, key_flags!(RW))];
const PAIRS: &[KeySpec] = &[KeySpec::pairs(key_flags!(OW))];
const COUNTED: &[KeySpec] = &[KeySpec::first(key_flags!(OW)), KeySpec::counted(2, key_flags!(RO))];
const STREAMS: &[KeySpec] = &[KeySpec::half_behind("STREAMS", 1, key_flags!(RO))];
const STORE: &[KeySpec] = &[KeySpec::first(key_flags!(RO)), KeySpec::behind("STORE", 3, key_flags!(OW))];
const BACKWARDS: &[KeySpec] = &[KeySpec::behind("KEYS", -2, key_flags!(RO))];
const UNKNOWN: &[KeySpec] = &[KeySpec::first(key_flags!(RO)), KeySpec::unknown(key_flags!(RO))];
const CHANNEL: &[KeySpec] = &[KeySpec::first(key_flags!(NOT_KEY))];
const VARIABLE: &[KeySpec] = &[KeySpec::first(key_flags!(RW | VARIABLE_FLAGS))];

#[test]
fn specifications_tell_positions() {
    let cases: &[(&'static [KeySpec], &str, &[usize])] = &[
        (UNTIL_TIMEOUT, "blpop a b c 0", &[1, 2, 3]),
        (UNTIL_TIMEOUT, "blpop a", &[]),
        (PAIRS, "mset a 1 b 2", &[1, 3]),
        (PAIRS, "mset a 1 b", &[1, 3]),
        (COUNTED, "zunionstore d 2 a b weights 1 2", &[1, 3, 4]),
        (COUNTED, "zunionstore d 3 a b", &[]),
        (COUNTED, "zunionstore d 0 a b", &[]),
        (COUNTED, "zunionstore d -1 a b", &[]),
        (COUNTED, "zunionstore d 9223372036854775807 a b", &[]),
        (COUNTED, "zunionstore d two a b", &[]),
        (COUNTED, "zunionstore d", &[]),
        (STREAMS, "xread count 2 streams a b 0 0", &[4, 5]),
        (STREAMS, "xread streams a b 0", &[2]),
        (STREAMS, "xread streams a", &[]),
        (STREAMS, "xread count 2", &[]),
        (STORE, "georadius a 1 store b", &[1, 4]),
        (STORE, "georadius a store b", &[1]),
        (STORE, "georadius a 1 store", &[]),
        (BACKWARDS, "migrate keys a keys b", &[4]),
        (BACKWARDS, "migrate", &[]),
        (UNKNOWN, "sort a", &[]),
        (CHANNEL, "spublish a b", &[]),
    ];
    for (keys, line, expected) in cases {
        assert_eq!(positions(keys, line), *expected, "{line}");
    }
}

#[test]
fn set_reads_the_key_if_it_returns_what_was_there() {
    let row = Command { keys: VARIABLE, find_keys: Some(set), ..Command::DEFAULT };
    assert_eq!(keys_of(&row, "set a b ex 1"), [(1, vec!["OW", "update"])]);
    assert_eq!(keys_of(&row, "set get b"), [(1, vec!["OW", "update"])]);
    assert_eq!(keys_of(&row, "set a b nx GET"), [(1, vec!["RW", "access", "update"])]);
}

#[test]
fn bitfield_reads_only_if_it_has_nothing_but_gets() {
    let row = Command { keys: VARIABLE, find_keys: Some(bitfield), ..Command::DEFAULT };
    let reads = [(1, vec!["RO", "access"])];
    let writes = [(1, vec!["RW", "access", "update"])];
    assert_eq!(keys_of(&row, "bitfield a"), reads);
    assert_eq!(keys_of(&row, "bitfield a get u8 0 overflow wrap GET u4 1"), reads);
    assert_eq!(keys_of(&row, "bitfield a get u8 0 set u8 0 1"), writes);
    assert_eq!(keys_of(&row, "bitfield a get u8"), writes);
    assert_eq!(keys_of(&row, "bitfield a nonsense"), writes);
}

#[test]
fn sort_stores_where_its_last_store_says() {
    let row = Command { keys: UNKNOWN, find_keys: Some(sort), ..Command::DEFAULT };
    let positions = |line| keys_of(&row, line).into_iter().map(|(index, _)| index).collect::<Vec<_>>();
    assert_eq!(positions("sort a"), [1]);
    assert_eq!(positions("sort a limit 0 store store b store c"), [1, 8]);
    assert_eq!(positions("sort a by store get store"), [1]);
    assert_eq!(positions("sort a store"), [1]);
}

#[test]
fn georadius_with_a_dangling_store_still_reads_its_key() {
    let row = Command { keys: STORE, find_keys: Some(georadius), ..Command::DEFAULT };
    let keys = keys_of(&row, "georadius a 1 1 1 km store b storedist");
    assert_eq!(keys[0], (1, vec!["RO"]));
    let keys = keys_of(&row, "georadius a 1 1 1 km count store");
    assert_eq!(keys, [(1, vec!["RO", "access"])]);
}

proptest! {
    #[test]
    fn no_key_lies_beyond_the_arguments(
        args in prop::collection::vec("[a-c]|-?[0-9]{1,20}|store|streams|keys|get|set|limit|by|overflow", 0..8),
    ) {
        let args: Vec<&[u8]> = args.iter().map(String::as_bytes).collect();
        let finders: [Option<super::super::row::FindKeysOf>; 5] =
            [None, Some(set), Some(bitfield), Some(sort), Some(georadius)];
        let specs =
            [UNTIL_TIMEOUT, PAIRS, COUNTED, STREAMS, STORE, BACKWARDS, UNKNOWN, CHANNEL, VARIABLE];
        for (keys, find_keys) in specs.iter().flat_map(|keys| finders.map(|finder| (keys, finder))) {
            let row = Command { keys, find_keys, ..Command::DEFAULT };
            // A command comes here when its number of arguments agrees with its arity.
            if args.len() >= 2 {
                let mut found = Vec::new();
                find(&row, &args, &mut found);
                prop_assert!(found.iter().all(|key| (1..args.len()).contains(&key.index)));
            }
        }
    }
}
