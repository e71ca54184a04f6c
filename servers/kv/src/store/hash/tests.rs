//! Hashes against a tree, small and large, with and without expiries.
#![allow(clippy::unwrap_used, reason = "a test")]

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

const NOW: i64 = 1_000;

fn limits(entries: usize, value: usize) -> Limits {
    Limits { hash_listpack_entries: entries, hash_listpack_value: value, ..Limits::default() }
}

fn put(hash: &mut Hash, name: &str, value: &str) -> bool {
    hash.set(name.as_bytes(), value.as_bytes(), Expires::Never, NOW, &Limits::default())
}

/// A small one and a large one, of the fields `0` to `length - 1`, each its own value.
fn kinds(length: usize) -> [Hash; 2] {
    let mut small = Hash::new();
    let mut large = Hash::new();
    for index in 0..length {
        let text = index.to_string();
        for (hash, entries) in [(&mut small, usize::MAX), (&mut large, 0)] {
            hash.set(text.as_bytes(), text.as_bytes(), Expires::Never, NOW, &limits(entries, 64));
        }
    }
    assert_eq!((small.encoding(), large.encoding()), (Encoding::Listpack, Encoding::Hashtable));
    [small, large]
}

fn text(item: Item<'_>) -> String {
    String::from_utf8(item.text().to_vec()).unwrap()
}

fn live(hash: &Hash) -> BTreeMap<String, String> {
    hash.live(NOW).map(|field| (text(field.name), text(field.value))).collect()
}

#[test]
fn a_hash_takes_two_words() {
    assert_eq!(size_of::<Hash>(), 16);
}

#[test]
fn a_small_hash_is_one_allocation() {
    let [small, large] = kinds(4);
    assert!(small.heap_bytes() <= 32, "{}", small.heap_bytes());
    assert!(large.heap_bytes() > 100);
    assert_eq!((small.free_effort(), large.free_effort()), (1, 4));
}

#[test]
fn it_becomes_a_table_with_too_many_fields_or_too_long_ones() {
    let mut many = Hash::new();
    for index in 0..5 {
        assert_eq!(many.encoding(), Encoding::Listpack, "{index} fields");
        many.set(index.to_string().as_bytes(), b"", Expires::Never, NOW, &limits(4, 64));
    }
    assert_eq!((many.len(), many.encoding()), (5, Encoding::Hashtable));
    for (name, value, encoding) in [
        ("12345678", "12345678", Encoding::Listpack),
        ("123456789", "", Encoding::Hashtable),
        ("", "123456789", Encoding::Hashtable),
    ] {
        let mut hash = Hash::new();
        assert!(hash.set(name.as_bytes(), value.as_bytes(), Expires::Never, NOW, &limits(4, 8)));
        assert_eq!(hash.encoding(), encoding);
        assert_eq!(live(&hash), BTreeMap::from([(name.to_owned(), value.to_owned())]));
    }
    let mut longer = Hash::new();
    put(&mut longer, "a", "1");
    longer.set_expiry(b"a", Some(NOW + 5));
    assert!(!longer.set(b"a", &[b'v'; 65], Expires::Keep, NOW, &Limits::default()));
    assert_eq!(longer.encoding(), Encoding::Hashtable);
    assert_eq!(longer.get(b"a", NOW).unwrap().expires_at, Some(NOW + 5));
}

#[test]
fn a_listpack_is_a_hash_if_every_field_is_there_once_with_its_value() {
    let list = |elements: &[&str]| {
        let mut list = Listpack::new();
        elements.iter().for_each(|element| list.push_back(element.as_bytes()).unwrap());
        list
    };
    let hash = Hash::from_listpack(list(&["a", "1", "b", "a"]), &Limits::default()).unwrap();
    assert_eq!(
        live(&hash),
        BTreeMap::from([("a", "1"), ("b", "a")].map(|(a, b)| (a.to_owned(), b.to_owned())))
    );
    assert_eq!(hash.listpack().unwrap().len(), 4);
    assert!(Hash::from_listpack(list(&["a", "1", "b"]), &Limits::default()).is_none());
    assert!(Hash::from_listpack(list(&["a", "1", "b", "2", "a", "3"]), &Limits::default()).is_none());
    let large = Hash::from_listpack(list(&["a", "1", "b", "2"]), &limits(1, 64)).unwrap();
    assert_eq!((large.len(), large.encoding()), (2, Encoding::Hashtable));
    assert!(large.listpack().is_none());
}

#[test]
fn an_expired_field_is_shown_to_nobody() {
    for mut hash in kinds(3) {
        assert!(hash.set_expiry(b"1", Some(NOW)) && hash.set_expiry(b"2", Some(NOW + 1)));
        assert!(!hash.set_expiry(b"3", Some(NOW)));
        let mut random = Random::new(1);
        assert!(hash.get(b"1", NOW).is_none() && hash.get(b"1", NOW - 1).is_some());
        assert_eq!(live(&hash).into_keys().collect::<Vec<_>>(), ["0", "2"]);
        assert_eq!((hash.len(), hash.live_len(NOW)), (3, 2));
        assert_eq!(hash.next_expiry(), Some(NOW));
        for _ in 0..50 {
            assert_ne!(text(hash.random(NOW, &mut random).unwrap().name), "1");
            hash.sample(2, NOW, &mut random, |field| assert_ne!(text(field.name), "1"));
        }
        let mut drawn = 0;
        hash.draw(NOW, &mut random, |field| {
            assert_ne!(text(field.name), "1");
            drawn += 1;
            if drawn == 50 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        let mut cursor = 0;
        loop {
            cursor = hash.scan(cursor, NOW, |field| assert_ne!(text(field.name), "1"));
            if cursor == 0 {
                break;
            }
        }
        // A field that is set again is a new one.
        assert!(put(&mut hash.clone(), "1", "again"));
        assert!(hash.is_due(NOW) && !hash.is_expired(NOW));
        assert_eq!(hash.expire(NOW, 9, |name| assert_eq!(name, b"1")), 1);
        assert!(!hash.is_due(NOW));
        assert_eq!(hash.len(), 2);
    }
}

#[test]
fn a_hash_of_expired_fields_alone_has_expired() {
    for mut hash in kinds(2) {
        hash.set_expiry(b"0", Some(NOW - 5));
        assert!(!hash.is_expired(NOW));
        hash.set_expiry(b"1", Some(NOW + 5));
        assert!(!hash.is_expired(NOW) && hash.is_expired(NOW + 5));
        let mut random = Random::new(1);
        assert!(hash.random(NOW + 5, &mut random).is_none());
        hash.draw(NOW + 5, &mut random, |_| panic!("there is none"));
        hash.sample(1, NOW + 5, &mut random, |_| panic!("there is none"));
        hash.set_expiry(b"1", None);
        assert!(!hash.is_expired(i64::MAX));
    }
}

#[test]
fn fields_expire_in_the_order_of_their_times_and_no_more_than_asked_for() {
    for mut hash in kinds(20) {
        for index in 0..20 {
            hash.set_expiry(index.to_string().as_bytes(), Some(100 - index));
        }
        let mut expired = Vec::new();
        assert_eq!(hash.expire(90, 7, |name| expired.push(String::from_utf8(name.to_vec()).unwrap())), 7);
        assert_eq!(expired, ["19", "18", "17", "16", "15", "14", "13"]);
        assert_eq!(hash.expire(90, 7, |_| ()), 3);
        assert_eq!((hash.len(), hash.next_expiry()), (10, Some(91)));
    }
}

#[test]
fn another_value_ends_an_expiry_unless_it_is_to_be_kept() {
    for mut hash in kinds(2) {
        hash.set_expiry(b"0", Some(NOW + 5));
        assert!(!hash.set(b"0", b"kept", Expires::Keep, NOW, &limits(0, 64)));
        assert_eq!(hash.get(b"0", NOW).unwrap().expires_at, Some(NOW + 5));
        assert!(!hash.set(b"0", b"dropped", Expires::Never, NOW, &limits(9, 64)));
        assert_eq!(hash.get(b"0", NOW).unwrap().expires_at, None);
        assert_eq!(hash.next_expiry(), None);
    }
}

#[test]
fn every_field_is_drawn_equally_often() {
    for hash in kinds(5) {
        let mut random = Random::new(1);
        let mut counts = [[0; 5]; 3];
        let index = |field: Field<'_>| field.name.integer().unwrap() as usize;
        for _ in 0..10_000 {
            counts[0][index(hash.random(NOW, &mut random).unwrap())] += 1;
            hash.sample(1, NOW, &mut random, |field| counts[1][index(field)] += 1);
        }
        let mut left = 10_000;
        hash.draw(NOW, &mut random, |field| {
            counts[2][index(field)] += 1;
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        assert!(counts.iter().flatten().all(|count| (1_800..2_200).contains(count)), "{counts:?}");
    }
}

#[test]
fn a_sample_has_as_many_different_fields_as_were_wanted() {
    let mut random = Random::new(1);
    for hash in [kinds(30), kinds(1000)].iter().flatten() {
        for count in [0, 1, 5, 9, 11, 29, 30, 31, 500, 2000] {
            let mut sample = BTreeSet::new();
            hash.sample(count, NOW, &mut random, |field| assert!(sample.insert(text(field.name))));
            assert_eq!(sample.len(), count.min(hash.len()));
        }
    }
}

#[derive(Clone, Debug)]
enum Step {
    Set(Expires),
    Remove,
    Expire(Option<i64>),
    TakeOut(usize),
    Wait(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => prop::sample::select(vec![Expires::Keep, Expires::Never]).prop_map(Step::Set),
        1 => Just(Step::Remove),
        3 => prop::option::of(1..50i64).prop_map(Step::Expire),
        1 => (0..4usize).prop_map(Step::TakeOut),
        1 => (0..5i64).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn a_hash_does_as_a_tree_does(
        steps in prop::collection::vec((step(), 0..30u8, "[a-z0-9]{0,9}"), 0..150),
        entries in prop::sample::select(vec![0, 5, 512]),
        seed: u64,
    ) {
        let limits = limits(entries, 8);
        let (mut hash, mut random) = (Hash::new(), Random::new(seed));
        let mut tree: BTreeMap<String, (String, Option<i64>)> = BTreeMap::new();
        let mut now = 10;
        for (step, name, value) in steps {
            let name = name.to_string();
            let field = tree.get(&name).filter(|(_, when)| when.is_none_or(|when| when > now)).cloned();
            match step {
                Step::Set(expires) => {
                    let new = hash.set(name.as_bytes(), value.as_bytes(), expires, now, &limits);
                    prop_assert_eq!(new, field.is_none());
                    let when = field.and_then(|(_, when)| when).filter(|_| expires == Expires::Keep);
                    tree.insert(name.clone(), (value, when));
                }
                Step::Remove => prop_assert_eq!(hash.remove(name.as_bytes()), tree.remove(&name).is_some()),
                Step::Expire(when) => {
                    let found = hash.set_expiry(name.as_bytes(), when);
                    prop_assert_eq!(found, tree.get_mut(&name).map(|field| field.1 = when).is_some());
                }
                Step::TakeOut(count) => {
                    let taken = hash.expire(now, count, |name| {
                        let (_, when) = tree.remove(str::from_utf8(name).unwrap()).unwrap();
                        assert!(when.unwrap() <= now);
                    });
                    let due = tree.values().any(|(_, when)| when.is_some_and(|when| when <= now));
                    prop_assert!(taken == count || !due);
                }
                Step::Wait(time) => now += time,
            }
            prop_assert_eq!(hash.len(), tree.len());
            prop_assert_eq!(hash.next_expiry(), tree.values().filter_map(|(_, when)| *when).min());
            let shown = hash.get(name.as_bytes(), now).map(|field| text(field.value));
            let live = |when: &Option<i64>| when.is_none_or(|when| when > now);
            prop_assert_eq!(shown, tree.get(&name).filter(|(_, when)| live(when)).map(|(value, _)| value.clone()));
            let count = tree.values().filter(|(_, when)| live(when)).count();
            prop_assert_eq!(hash.live_len(now), count);
            prop_assert_eq!(hash.is_expired(now), count == 0 && !tree.is_empty());
            prop_assert_eq!(hash.random(now, &mut random).is_some(), count > 0);
        }
        for all in [&hash, &hash.clone()] {
            let fields: BTreeMap<_, _> =
                all.iter().map(|field| (text(field.name), (text(field.value), field.expires_at))).collect();
            prop_assert_eq!(&fields, &tree);
        }
    }
}
