//! Sets against a tree, over all kinds and every way from one to another.
#![allow(clippy::unwrap_used, reason = "a test")]

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn limits(intset: usize) -> Limits {
    Limits { set_intset_entries: intset, ..Limits::default() }
}

fn of<T: AsRef<[u8]>>(members: impl IntoIterator<Item = T>) -> Set {
    let mut set = Set::new();
    for member in members {
        set.insert(member.as_ref(), &Limits::default());
    }
    set
}

fn text(member: Item<'_>) -> Vec<u8> {
    member.text().to_vec()
}

fn members(set: &Set) -> Vec<Vec<u8>> {
    set.iter().map(text).collect()
}

/// One of each kind, of `length` members.
fn kinds(length: usize) -> [Set; 3] {
    let integers = of((0..length).map(|index| index.to_string()));
    let pack = of((0..length).map(|index| format!("m{index}")));
    let mut table = of([[b'x'; 100]]);
    for index in 0..length {
        table.insert(format!("m{index}").as_bytes(), &Limits::default());
    }
    table.remove(&[b'x'; 100]);
    assert!(matches!(integers.members, Members::Integers(_)) || length > 512);
    assert!(matches!(pack.members, Members::Pack(_)) || length > PACK_MEMBERS_MAX);
    assert!(matches!(table.members, Members::Table(_)));
    [integers, pack, table]
}

#[test]
fn a_set_takes_two_words() {
    assert_eq!(size_of::<Set>(), 16);
}

#[test]
fn integers_are_an_intset_until_they_are_too_many() {
    let mut set = Set::new();
    for integer in 0..5 {
        assert_eq!(set.encoding(), Encoding::Intset);
        set.insert(integer.to_string().as_bytes(), &limits(4));
    }
    assert_eq!((set.len(), set.encoding()), (5, Encoding::Hashtable));
    assert!(set.contains(b"4") && !set.contains(b"5") && !set.contains(b"04"));
}

#[test]
fn a_text_ends_an_intset_whether_it_is_long_or_short() {
    for member in [&b"a"[..], b"01", b"213244124402402314402033402", &[b'a'; 100], b""] {
        let mut set = of(["1", "2", "3"]);
        assert!(set.insert(member, &Limits::default()));
        assert_eq!((set.len(), set.encoding()), (4, Encoding::Hashtable));
        assert!(set.contains(member) && set.contains(b"2"));
        assert!(!set.insert(member, &Limits::default()));
    }
}

#[test]
fn without_room_for_integers_there_is_no_intset() {
    let mut set = Set::new();
    set.insert(b"1", &limits(0));
    assert_eq!(set.encoding(), Encoding::Hashtable);
    let integers = of(["1", "2"]).intset().unwrap().clone();
    assert_eq!(Set::from_intset(integers.clone(), &limits(1)).encoding(), Encoding::Hashtable);
    assert_eq!(Set::from_intset(integers, &limits(2)).encoding(), Encoding::Intset);
}

#[test]
fn a_small_set_is_one_allocation() {
    let [integers, pack, table] = kinds(4);
    assert_eq!(integers.heap_bytes(), 16);
    assert!(pack.heap_bytes() <= 32, "{}", pack.heap_bytes());
    assert!(table.heap_bytes() > 100);
    assert_eq!([&integers, &pack, &table].map(Set::free_effort), [1, 1, 4]);
}

#[test]
fn every_member_is_drawn_and_popped_equally_often() {
    for set in kinds(5) {
        let mut random = Random::new(1);
        let mut counts = [BTreeMap::new(), BTreeMap::new(), BTreeMap::new(), BTreeMap::new()];
        for _ in 0..10_000 {
            *counts[0].entry(text(set.random(&mut random).unwrap())).or_insert(0) += 1;
            set.sample(1, &mut random, |member| *counts[1].entry(text(member)).or_insert(0) += 1);
            let mut popped = set.clone();
            assert!(popped.pop(&mut random, |member| *counts[2].entry(text(member)).or_insert(0) += 1));
            assert_eq!(popped.len(), 4);
        }
        let mut left = 10_000;
        set.draw(&mut random, |member| {
            *counts[3].entry(text(member)).or_insert(0) += 1;
            left -= 1;
            if left == 0 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        for counts in &counts {
            assert_eq!(counts.len(), 5);
            assert!(counts.values().all(|count| (1_800..2_200).contains(count)), "{counts:?}");
        }
    }
}

#[test]
fn of_an_empty_set_nothing_is_drawn() {
    let mut random = Random::new(1);
    for mut set in kinds(1) {
        assert!(set.pop(&mut random, |_| ()));
        assert!(set.is_empty() && set.random(&mut random).is_none());
        assert!(!set.pop(&mut random, |_| panic!("there is none")));
        set.draw(&mut random, |_| panic!("there is none"));
        set.sample(3, &mut random, |_| panic!("there is none"));
        set.pop_many(3, &mut random, |_| panic!("there is none"), &Limits::default());
        assert_eq!(set.scan(0, |_| panic!("there is none")), 0);
    }
}

#[test]
fn a_sample_has_as_many_different_members_as_were_wanted() {
    let mut random = Random::new(1);
    for set in [kinds(30), kinds(1000)].iter().flatten() {
        for count in [0, 1, 2, 5, 9, 11, 29, 30, 31, 500, 2000] {
            let mut sample = BTreeSet::new();
            set.sample(count, &mut random, |member| assert!(sample.insert(text(member))));
            assert_eq!(sample.len(), count.min(set.len()));
            assert!(sample.iter().all(|member| set.contains(member)));
        }
    }
}

#[test]
fn what_is_popped_and_what_is_left_are_the_set() {
    let mut random = Random::new(1);
    for set in [kinds(30), kinds(1000)].iter().flatten() {
        for count in [0, 1, 5, 11, 29, 30, 31, 500, 2000] {
            let (mut left, mut popped) = (set.clone(), BTreeSet::new());
            left.pop_many(
                count,
                &mut random,
                |member| assert!(popped.insert(text(member))),
                &Limits::default(),
            );
            assert_eq!(popped.len(), count.min(set.len()));
            assert_eq!(left.len(), set.len() - popped.len());
            assert_eq!(left.encoding(), set.encoding());
            assert!(members(&left).iter().all(|member| !popped.contains(member) && set.contains(member)));
        }
    }
}

fn member() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => (0..20i64).prop_map(|integer| integer.to_string().into_bytes()),
        1 => any::<i64>().prop_map(|integer| integer.to_string().into_bytes()),
        2 => prop::sample::select(vec![&b""[..], b"a", b"b", b"01", b"-0", b"+1"]).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 60..70),
    ]
}

/// Mostly integers, or anything, up to `max` of them.
fn set(max: usize) -> impl Strategy<Value = BTreeSet<Vec<u8>>> {
    let integers = (0..40i64).prop_map(|integer| integer.to_string().into_bytes());
    prop_oneof![prop::collection::btree_set(integers, 0..max), prop::collection::btree_set(member(), 0..max)]
}

proptest! {
    #[test]
    fn a_set_does_as_a_tree_does(
        steps in prop::collection::vec((0..6u8, member()), 0..200),
        intset in prop::sample::select(vec![0, 3, 512]),
        seed: u64,
    ) {
        let (mut set, mut tree, mut random) = (Set::new(), BTreeSet::new(), Random::new(seed));
        for (step, member) in steps {
            match step {
                0..4 => prop_assert_eq!(set.insert(&member, &limits(intset)), tree.insert(member.clone())),
                4 => prop_assert_eq!(set.remove(&member), tree.remove(&member)),
                _ => {
                    let popped = set.pop(&mut random, |member| assert!(tree.remove(&text(member))));
                    prop_assert!(popped || tree.is_empty());
                }
            }
            prop_assert_eq!(set.contains(&member), tree.contains(&member));
            prop_assert_eq!(set.len(), tree.len());
        }
        prop_assert_eq!(members(&set).into_iter().collect::<BTreeSet<_>>(), tree.clone());
        prop_assert_eq!(members(&set.clone()).len(), tree.len());
        let (mut scanned, mut cursor) = (BTreeSet::new(), 0);
        loop {
            cursor = set.scan(cursor, |member| scanned.extend([text(member)]));
            if cursor == 0 { break }
        }
        prop_assert_eq!(scanned, tree);
    }

    #[test]
    fn algebra_does_as_trees_do(trees in prop::collection::vec(set(40), 1..5), limit in 1..10usize) {
        let limits = Limits::default();
        let sets: Vec<Set> = trees.iter().map(of).collect();
        let sets: Vec<&Set> = sets.iter().collect();
        let (first, others) = trees.split_first().unwrap();

        let expected: BTreeSet<_> =
            first.iter().filter(|member| others.iter().all(|set| set.contains(*member))).cloned().collect();
        let mut common = BTreeSet::new();
        algebra::intersection(sets.clone(), |member| {
            assert!(common.insert(text(member)));
            ControlFlow::Continue(())
        });
        prop_assert_eq!(&common, &expected);
        let mut counted = 0;
        algebra::intersection(sets.clone(), |_| {
            counted += 1;
            if counted == limit { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        prop_assert_eq!(counted, expected.len().min(limit));

        let expected: BTreeSet<_> = trees.iter().flatten().cloned().collect();
        let union = algebra::union(&sets, &limits);
        prop_assert_eq!(union.len(), expected.len());
        prop_assert_eq!(members(&union).into_iter().collect::<BTreeSet<_>>(), expected);

        let expected: BTreeSet<_> =
            first.iter().filter(|member| !others.iter().any(|set| set.contains(*member))).cloned().collect();
        let mut alone = BTreeSet::new();
        algebra::difference(sets[0], &sets[1..], &limits, |member| assert!(alone.insert(text(member))));
        prop_assert_eq!(alone, expected);
    }
}

#[test]
fn the_second_way_to_a_difference_gives_the_same() {
    // Many members and many others, small ones: taking out is less work than asking.
    let first = of((0..300).map(|index| format!("m{index}")));
    let others: Vec<Set> = (0..9).map(|index| of([format!("m{index}")])).collect();
    let others: Vec<&Set> = others.iter().collect();
    let mut alone = BTreeSet::new();
    algebra::difference(&first, &others, &Limits::default(), |member| alone.extend([text(member)]));
    assert_eq!(alone.len(), 291);
    assert!((0..9).all(|index| !alone.contains(format!("m{index}").as_bytes())));
    algebra::difference(&first, &[&first], &Limits::default(), |_| panic!("nothing is left"));
}
