//! Sorted sets, small and large, against a sorted vector.
#![allow(clippy::unwrap_used, reason = "a test")]

use super::algebra::{Aggregate, Source, difference, intersection, intersection_len, union};
use super::*;
use crate::store::set::Set;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

type Model = BTreeMap<Vec<u8>, f64>;

fn limits(entries: usize) -> Limits {
    Limits { zset_listpack_entries: entries, zset_listpack_value: 64, ..Limits::default() }
}

/// What an iterator yields, as it can be compared.
fn pairs<'a>(iter: impl Iterator<Item = (Item<'a>, f64)>) -> Vec<(Vec<u8>, f64)> {
    iter.map(|(item, score)| (item.text().to_vec(), score)).collect()
}

fn sorted(model: &Model) -> Vec<(Vec<u8>, f64)> {
    let mut sorted: Vec<_> = model.iter().map(|(name, score)| (name.clone(), *score)).collect();
    sorted.sort_by(|a, b| a.1.partial_cmp(&b.1).unwrap().then_with(|| a.0.cmp(&b.0)));
    sorted
}

fn zset(members: &[(&str, f64)], limits: &Limits) -> Zset {
    let mut zset = Zset::new();
    for (name, score) in members {
        zset.set(name.as_bytes(), *score, limits);
    }
    zset
}

fn check(zset: &Zset, model: &Model) {
    let sorted = sorted(model);
    assert_eq!(zset.len(), sorted.len());
    assert_eq!(pairs(zset.iter()), sorted);
    assert!(pairs(zset.iter().rev()).iter().eq(sorted.iter().rev()));
    for (rank, (name, score)) in sorted.iter().enumerate() {
        assert_eq!(zset.rank(name), Some((rank, *score)));
        assert_eq!(zset.score(name), Some(*score));
    }
    assert_eq!(pairs(zset.get(sorted.len() / 2).into_iter()).first(), sorted.get(sorted.len() / 2));
    assert!(zset.get(sorted.len()).is_none());
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => (0..300u32).prop_map(|number| number.to_string().into_bytes()),
        1 => (0..99u32).prop_map(|number| format!("0{number}").into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..3),
        1 => (0..9usize).prop_map(|length| vec![b'x'; 60 + length]),
    ]
}

fn score() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => (-3..20i32).prop_map(f64::from),
        2 => (-100..100i32).prop_map(|tenths| f64::from(tenths) / 10.0),
        1 => any::<i64>().prop_map(|integer| integer as f64),
        1 => prop::num::f64::NORMAL,
        1 => prop_oneof![Just(f64::INFINITY), Just(f64::NEG_INFINITY)],
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Set(Vec<u8>, f64),
    Remove(Vec<u8>),
    RemoveRange(usize, usize),
    Clone,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (name(), score()).prop_map(|(name, score)| Step::Set(name, score)),
        3 => name().prop_map(Step::Remove),
        1 => (any::<usize>(), 0..30usize).prop_map(|(start, count)| Step::RemoveRange(start, count)),
        1 => Just(Step::Clone),
    ]
}

proptest! {
    #[test]
    fn it_does_what_a_sorted_vector_does(steps in prop::collection::vec(step(), 0..300), entries in 0..200usize) {
        let limits = limits(entries);
        let (mut zset, mut model) = (Zset::new(), Model::new());
        for step in steps {
            match step {
                Step::Set(name, score) => {
                    let expected = match model.insert(name.clone(), score) {
                        None => Change::Added,
                        Some(before) if before == score => Change::None,
                        Some(_) => Change::Updated,
                    };
                    let was_small = zset.encoding() == Encoding::Listpack;
                    prop_assert_eq!(zset.set(&name, score, &limits), expected);
                    let fits = model.len() <= entries && name.len() <= 64;
                    let stays = was_small && (fits || expected != Change::Added);
                    prop_assert_eq!(zset.encoding() == Encoding::Listpack, stays);
                }
                Step::Remove(name) => prop_assert_eq!(zset.remove(&name), model.remove(&name)),
                Step::RemoveRange(start, count) => {
                    let start = start % (model.len() + 1);
                    for (name, _) in sorted(&model).into_iter().skip(start).take(count) {
                        model.remove(&name);
                    }
                    zset.remove_range(start..start + count);
                }
                Step::Clone => zset = zset.clone(),
            }
        }
        check(&zset, &model);
    }

    #[test]
    fn ranges_are_those_of_a_sorted_vector(
        members in prop::collection::btree_map(name(), score(), 0..250), small: bool,
        bounds in prop::collection::vec((score(), score(), any::<bool>(), any::<bool>()), 20),
        ranks in prop::collection::vec((-300..300i64, -300..300i64), 20),
    ) {
        let limits = limits(if small { 300 } else { 0 });
        let sorted = sorted(&members);
        let zset = Zset::from_sorted(sorted.iter().map(|(name, score)| (Item::Bytes(name), *score)), &limits);
        check(&zset, &members);
        for (min, max, is_open, ends_open) in bounds {
            let bound = |score, open| if open { ScoreBound::Exclusive(score) } else { ScoreBound::Inclusive(score) };
            let ranks = zset.ranks_by_score(bound(min, is_open), bound(max, ends_open));
            let expected: Vec<_> = sorted.iter().filter(|(_, score)| {
                (*score > min || (!is_open && *score == min)) && (*score < max || (!ends_open && *score == max))
            }).cloned().collect();
            prop_assert_eq!(ranks.len(), expected.len());
            prop_assert_eq!(pairs(zset.range(ranks)), expected);
        }
        for (start, stop) in ranks {
            let len = sorted.len() as i64;
            let absolute = |rank: i64| if rank < 0 { rank + len } else { rank };
            let expected: Vec<_> = sorted.iter().zip(0..).filter(|(_, rank)| {
                (absolute(start)..=absolute(stop)).contains(rank)
            }).map(|(pair, _)| pair.clone()).collect();
            prop_assert_eq!(pairs(zset.range(zset.ranks(start, stop))), expected);
        }
    }

    #[test]
    fn lexical_ranges_are_those_of_a_sorted_set(
        names in prop::collection::btree_set(name(), 0..250), small: bool,
        bounds in prop::collection::vec((name(), name(), 0..4u8, 0..4u8), 20),
    ) {
        fn bound(name: &[u8], which: u8) -> LexBound<'_> {
            match which {
                0 => LexBound::Least,
                1 => LexBound::Greatest,
                2 => LexBound::Inclusive(name),
                _ => LexBound::Exclusive(name),
            }
        }
        let limits = limits(if small { 300 } else { 0 });
        let zset = Zset::from_sorted(names.iter().map(|name| (Item::Bytes(name), 0.5)).collect::<Vec<_>>().into_iter(), &limits);
        for (min, max, from, to) in bounds {
            let ranks = zset.ranks_by_lex(bound(&min, from), bound(&max, to));
            let expected: Vec<_> = names.iter().filter(|name| {
                (match from { 0 => true, 1 => false, 2 => **name >= min, _ => **name > min })
                    && (match to { 0 => false, 1 => true, 2 => **name <= max, _ => **name < max })
            }).cloned().collect();
            let found: Vec<_> = pairs(zset.range(ranks)).into_iter().map(|(name, _)| name).collect();
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn sets_are_combined_as_models_are(
        sources in prop::collection::vec((prop::collection::btree_map(name(), score(), 0..40), any::<bool>(), -2..3i32), 1..5),
        which in 0..3u8, entries in 0..60usize,
    ) {
        let limits = limits(entries);
        let aggregate = [Aggregate::Sum, Aggregate::Min, Aggregate::Max][usize::from(which)];
        let sets: Vec<Set> = sources.iter().map(|(model, ..)| {
            let mut set = Set::new();
            model.keys().for_each(|name| assert!(set.insert(name, &limits)));
            set
        }).collect();
        let zsets: Vec<Zset> = sources.iter().map(|(model, ..)| {
            Zset::from_sorted(sorted(model).iter().map(|(name, score)| (Item::Bytes(name), *score)), &limits)
        }).collect();
        let weighted: Vec<_> = sources.iter().zip(sets.iter().zip(&zsets)).map(|((_, is_set, weight), (set, zset))| {
            (if *is_set { Source::Set(set) } else { Source::Zset(zset) }, f64::from(*weight))
        }).collect();
        // In the order in which scores are added.
        let mut models: Vec<(Model, f64)> = sources.iter().map(|(model, is_set, weight)| {
            let score = |score: &f64| if *is_set { 1.0 } else { *score };
            (model.iter().map(|(name, own)| (name.clone(), score(own))).collect(), f64::from(*weight))
        }).collect();
        let first = models[0].0.clone();
        let others: BTreeSet<_> = models[1..].iter().flat_map(|(model, _)| model.keys().cloned()).collect();
        models.sort_by_key(|(model, _)| model.len());
        let zero = |score: f64| if score.is_nan() { 0.0 } else { score };
        let mut all = Model::new();
        let mut counts = BTreeMap::<Vec<u8>, usize>::new();
        for (model, weight) in &models {
            for (name, score) in model {
                let score = zero(score * weight);
                *counts.entry(name.clone()).or_default() += 1;
                all.entry(name.clone()).and_modify(|before| *before = match aggregate {
                    Aggregate::Sum => zero(*before + score),
                    Aggregate::Min => before.min(score),
                    Aggregate::Max => before.max(score),
                }).or_insert(score);
            }
        }
        check(&union(weighted.clone(), aggregate).finish(&limits), &all);
        all.retain(|name, _| counts[name] == models.len());
        let has_nan = models.iter().any(|(model, weight)| model.values().any(|score| (score * weight).is_nan()));
        let common = intersection(weighted.clone(), aggregate).finish(&limits);
        if has_nan {
            prop_assert_eq!(common.len(), all.len());
        } else {
            check(&common, &all);
        }
        let sources: Vec<Source<'_>> = weighted.iter().map(|(source, _)| *source).collect();
        prop_assert_eq!(intersection_len(sources.clone(), usize::MAX), all.len());
        prop_assert_eq!(intersection_len(sources.clone(), 3), all.len().min(3));
        let alone: Model = first.into_iter().filter(|(name, _)| !others.contains(name)).collect();
        check(&difference(sources[0], &sources[1..]).finish(&limits), &alone);
        prop_assert!(difference(sources[0], &sources[..1]).sorted().is_empty());
    }

    #[test]
    fn any_listpack_is_refused_or_a_sorted_set(items in prop::collection::vec(prop_oneof![name(), score().prop_map(|score| score.to_string().into_bytes())], 0..20), entries in 0..9usize) {
        let mut pack = Listpack::new();
        items.iter().for_each(|item| pack.push_back(item).unwrap());
        if let Some(zset) = Zset::from_listpack(pack.clone(), &limits(entries)) {
            let model: Model = pairs(zset.iter()).into_iter().collect();
            check(&zset, &model);
            prop_assert_eq!(zset.len(), items.len() / 2);
        }
    }
}

#[test]
fn a_listpack_comes_back_as_it_was_written() {
    let small = zset(&[("b", 1.5), ("a", -3.0), ("17", f64::INFINITY), ("c", -0.0)], &limits(128));
    let pack = small.listpack().unwrap();
    let texts: Vec<_> = pack.iter().map(|item| item.text().to_vec()).collect();
    assert_eq!(texts, [&b"a"[..], b"-3", b"c", b"0", b"b", b"1.5", b"17", b"inf"]);
    let again = Zset::from_listpack(pack.clone(), &limits(128)).unwrap();
    assert_eq!(pairs(again.iter()), pairs(small.iter()));
    assert_eq!(Zset::from_listpack(pack.clone(), &limits(3)).unwrap().encoding(), Encoding::Skiplist);
}

#[test]
fn integers_are_stored_as_such_as_far_as_redis_looks_for_them() {
    for (score, text) in
        [(1e17, "100000000000000000"), (-4.6e18, "-4600000000000000000"), (4.7e18, "4.7e+18")]
    {
        let mut texts = Vec::new();
        zset(&[("a", score)], &limits(128)).scan(0, |_, text| texts.push(text.to_vec()));
        assert_eq!(texts, [text.as_bytes()]);
    }
}

#[test]
fn a_damaged_listpack_is_refused() {
    for texts in [
        &["a"][..],
        &["a", "x"],
        &["a", "nan"],
        &["a", "2", "b", "1"],
        &["b", "1", "a", "1"],
        &["a", "1", "a", "1"],
        &["a", "1", "b", "2", "a", "3"],
    ] {
        let mut pack = Listpack::new();
        texts.iter().for_each(|text| pack.push_back(text.as_bytes()).unwrap());
        assert!(Zset::from_listpack(pack, &limits(128)).is_none(), "{texts:?}");
    }
}

#[test]
fn it_takes_two_words_and_a_small_one_little_more() {
    assert_eq!(size_of::<Zset>(), 16);
    assert_eq!(size_of::<Option<Zset>>(), 16);
    let small = zset(&[("one", 1.0), ("two", 2.0), ("three", 3.0)], &limits(128));
    assert_eq!(small.heap_bytes(), 32);
}

#[test]
fn a_large_one_takes_less_than_two_thirds_of_what_redis_needs() {
    let mut random = Random::new(1);
    let mut zset = Zset::new();
    for number in 0..20_000 {
        zset.set(format!("member:{number:09}").as_bytes(), random.unit(), &limits(128));
    }
    // MEMORY USAGE of 7.0.15 says 129 bytes a member.
    let per_member = zset.heap_bytes() / zset.len();
    assert!((50..77).contains(&per_member), "{per_member}");
}

#[test]
fn scores_of_opposite_infinities_and_nothings_are_zero() {
    let low = zset(&[("a", f64::NEG_INFINITY)], &limits(128));
    let high = zset(&[("a", f64::INFINITY)], &limits(0));
    let both = |weight| vec![(Source::Zset(&low), 1.0), (Source::Zset(&high), weight)];
    for combined in [
        union(both(1.0), Aggregate::Sum).finish(&limits(9)),
        intersection(both(1.0), Aggregate::Sum).finish(&limits(9)),
    ] {
        assert_eq!(combined.score(b"a"), Some(0.0));
    }
    assert_eq!(union(both(0.0), Aggregate::Max).finish(&limits(9)).score(b"a"), Some(0.0));
    assert!(
        intersection(vec![(Source::Zset(&low), 1.0), (Source::Nothing, 1.0)], Aggregate::Sum)
            .sorted()
            .is_empty()
    );
}

#[test]
fn a_scan_meets_whoever_stays() {
    let limits = limits(0);
    let mut random = Random::new(3);
    let mut zset = Zset::new();
    for number in 0..3000 {
        zset.set(format!("stays {number}").as_bytes(), random.unit(), &limits);
    }
    let mut met = BTreeSet::new();
    let (mut cursor, mut others) = (0, 0);
    loop {
        cursor = zset.scan(cursor, |name, _| {
            met.insert(name.to_vec());
        });
        if cursor == 0 {
            break;
        }
        // It grows at first, and shrinks again.
        for _ in 0..20 {
            zset.set(format!("other {others}").as_bytes(), random.unit(), &limits);
            others += 1;
        }
        if others == 4000 {
            for other in 0..others {
                zset.remove(format!("other {other}").as_bytes());
            }
        }
    }
    assert!((0..3000).all(|number| met.contains(format!("stays {number}").as_bytes())));
}

#[test]
fn chance_is_fair_and_takes_none_twice() {
    let mut random = Random::new(2);
    for entries in [0, 128] {
        let names = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];
        let zset = zset(&names.map(|name| (name, 1.0)), &limits(entries));
        let mut counts = BTreeMap::<Vec<u8>, u32>::new();
        for _ in 0..10_000 {
            let (item, _) = zset.random(&mut random).unwrap();
            *counts.entry(item.text().to_vec()).or_default() += 1;
        }
        assert!(counts.len() == 10 && counts.values().all(|count| (850..1150).contains(count)), "{counts:?}");
        for count in [0, 1, 3, 9, 10, 20] {
            let mut sample = BTreeSet::new();
            let mut visits = 0;
            zset.sample(count, &mut random, |item, score| {
                assert_eq!(score, 1.0);
                sample.insert(item.text().to_vec());
                visits += 1;
            });
            assert_eq!((sample.len(), visits), (count.min(10), count.min(10)));
        }
    }
}
