//! Entries of every shape, changed into every other; and that the second table follows.

use super::*;
use crate::store::list::List;
use crate::store::table::hash_of;
use proptest::prelude::*;
use ropewalk_reactor::random::Random;
use std::collections::{HashMap, HashSet};

/// What a value is, for comparison.
fn shown(view: View<'_>) -> Vec<u8> {
    match view {
        View::Integer(integer) => format!("integer {integer}").into_bytes(),
        View::Bytes(bytes) => bytes.to_vec(),
        View::List(list) => format!("a list, empty: {}", list.is_empty()).into_bytes(),
        other => panic!("{other:?} is in no test"),
    }
}

fn values() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::Integer),
        prop::collection::vec(any::<u8>(), 0..80).prop_map(|bytes| Value::Text(bytes.into())),
        (4090..4100usize).prop_map(|length| Value::Text(vec![b'x'; length].into())),
        prop::collection::vec(any::<u8>(), 0..80).prop_map(|bytes| Value::Raw(Box::new(bytes))),
        Just(()).prop_map(|()| Value::List(List::new())),
    ]
}

fn names() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        8 => prop::collection::vec(any::<u8>(), 0..40),
        1 => (0xfffd..0x1_0002usize).prop_map(|length| vec![b'n'; length]),
    ]
}

fn expiries() -> impl Strategy<Value = Option<i64>> {
    prop::option::of(any::<i64>())
}

fn check(entry: &Entry, name: &[u8], value: &Value, expires_at: Option<i64>, access: Access) {
    assert_eq!(entry.name(), name);
    assert_eq!(shown(entry.view()), shown(value.view()));
    assert_eq!(shown(entry.to_value().view()), shown(value.view()));
    assert_eq!(entry.encoding(), value.encoding());
    assert_eq!(entry.expires_at(), expires_at);
    assert_eq!(entry.access(), access);
}

#[test]
fn sixteen_and_sixteen_bytes_take_forty_eight() {
    let entry = Entry::string(&[b'k'; 16], &[b'v'; 16], None, 0);
    assert_eq!(entry.heap_bytes(), 48);
    let entry = Entry::string(&[b'k'; 16], &[b'v'; 100], None, 0);
    assert_eq!(entry.heap_bytes(), 128);
    assert_eq!((size_of::<Entry>(), size_of::<Option<Entry>>()), (8, 8));
}

#[test]
fn a_string_of_the_same_size_is_overwritten_in_place() {
    let mut entry = Entry::string(b"key", b"a value", None, 1);
    let start = entry.start;
    assert!(entry.set_string(b"another", None, 2).is_none());
    check(&entry, b"key", &Value::Text((*b"another").into()), None, 2);
    entry.set_string(b"12", None, 3);
    check(&entry, b"key", &Value::Integer(12), None, 3);
    assert_eq!(entry.start, start);
}

#[test]
fn a_use_is_noted_in_24_bits() {
    let entry = Entry::string(b"key", b"value", Some(5), 0);
    entry.set_access(0xffff_ffff);
    check(&entry, b"key", &Value::Text((*b"value").into()), Some(5), 0x00ff_ffff);
}

#[test]
fn a_string_that_is_changed_in_place_gets_its_own_allocation_and_is_raw() {
    for bytes in [b"text".as_slice(), b"77", &[b'l'; 5000]] {
        let mut entry = Entry::string(b"key", bytes, Some(9), 3);
        entry.bytes_mut().unwrap().push(b'!');
        let whole = [bytes, b"!"].concat();
        check(&entry, b"key", &Value::Raw(Box::new(whole)), Some(9), 3);
        let address = entry.bytes_mut().unwrap().as_ptr();
        assert_eq!(entry.bytes_mut().unwrap().as_ptr(), address);
    }
    assert!(Entry::new(b"key", Value::List(List::new()), None, 0).bytes_mut().is_none());
}

#[derive(Clone, Debug)]
enum Step {
    Value(Value, Option<i64>, Access),
    String(Vec<u8>, Option<i64>, Access),
    Expiry(Option<i64>),
    Access(Access),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let access = 0..0x0100_0000u32;
    let step = prop_oneof![
        (values(), expiries(), access.clone()).prop_map(|(value, at, access)| Step::Value(value, at, access)),
        (prop::collection::vec(b'0'..b'3', 0..30), expiries(), access.clone())
            .prop_map(|(bytes, at, access)| Step::String(bytes, at, access)),
        expiries().prop_map(Step::Expiry),
        access.prop_map(Step::Access),
    ];
    prop::collection::vec(step, 0..12)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 8 } else { 256 }, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_entry_is_what_it_was_last_made(name in names(), first in values(), at in expiries(), steps in steps()) {
        let mut entry = Entry::new(&name, first.clone(), at, 7);
        let (mut value, mut expires_at, mut access) = (first, at, 7);
        check(&entry, &name, &value, expires_at, access);
        for step in steps {
            match step {
                Step::Value(new, at, when) => {
                    let before = entry.set_value(new.clone(), at, when);
                    if let Some(before) = before {
                        prop_assert_eq!(shown(before.view()), shown(value.view()));
                    }
                    (value, expires_at, access) = (new, at, when);
                }
                Step::String(bytes, at, when) => {
                    entry.set_string(&bytes, at, when);
                    (value, expires_at, access) = (Value::string(&bytes), at, when);
                }
                Step::Expiry(at) => {
                    entry.set_expiry(at);
                    expires_at = at;
                }
                Step::Access(when) => {
                    entry.set_access(when);
                    access = when;
                }
            }
            check(&entry, &name, &value, expires_at, access);
        }
        prop_assert_eq!(shown(entry.into_value().view()), shown(value.view()));
    }

    #[test]
    fn the_entries_that_expire_are_those_that_say_so(
        steps in prop::collection::vec((0..300u32, 0..5usize, expiries()), 0..if cfg!(miri) { 40 } else { 1_500 }),
    ) {
        let mut entries = Entries::default();
        let mut model = HashMap::new();
        for (index, length, at) in steps {
            let name = index.to_le_bytes();
            let hash = hash_of(&name);
            let text = vec![b'x'; length * 10];
            if length == 4 {
                prop_assert_eq!(entries.remove(hash, &name).is_some(), model.remove(&name).is_some());
                continue;
            }
            let set = |entry: &mut Entry| {
                if length == 3 { entry.set_expiry(at) } else { drop(entry.set_string(&text, at, 0)) }
            };
            if entries.change(hash, &name, set).is_none() {
                entries.insert_new(hash, Entry::string(&name, &text, at, 0));
            }
            model.insert(name, at);
        }
        prop_assert_eq!(entries.all().len(), model.len());
        let mut seen = HashSet::new();
        let mut cursor = 0;
        loop {
            cursor = entries.scan_expiring(cursor, |entry| {
                assert!(seen.insert(entry.name().to_vec()), "seen twice");
                assert_eq!(entry.expires_at(), model[entry.name()]);
            });
            if cursor == 0 {
                break;
            }
        }
        let expiring = model.values().flatten().count();
        prop_assert_eq!((seen.len(), entries.expiring_len()), (expiring, expiring));
        let chosen = entries.random_expiring(&mut Random::new(1));
        prop_assert_eq!(chosen.is_some(), expiring > 0);
    }
}
