//! The table against a naive model; the guarantees of scanning and of random choice; the invariants of its parts.

use super::*;
use crate::store::thin::Thin;
use proptest::prelude::*;
use std::collections::{HashMap, HashSet};

/// An element that says which of several with the same key it is.
#[derive(Clone)]
struct Numbered(Thin);

impl Numbered {
    fn new(number: u32, key: &[u8]) -> Self {
        Self(Thin::concat(0, &[&number.to_le_bytes(), key]))
    }

    fn number(&self) -> u32 {
        u32::from_le_bytes(self.0.bytes()[..4].try_into().unwrap())
    }
}

impl Element for Numbered {
    fn key(&self) -> &[u8] {
        &self.0.bytes()[4..]
    }

    fn address(&self) -> *const u8 {
        self.0.address()
    }
}

fn name(index: usize) -> Vec<u8> {
    format!("key:{index}").into_bytes()
}

fn filled(elements: usize) -> Table<Text> {
    let mut table = Table::new();
    for index in 0..elements {
        assert!(table.insert(Text::new(&name(index))).is_none());
    }
    table
}

impl<T: Element> Table<T> {
    /// What must hold between any two calls.
    fn check(&self) {
        assert_eq!(self.directory.len(), if self.segments.is_empty() { 0 } else { 1 << self.depth });
        let mut places = 0;
        for (id, segment) in self.segments.iter().enumerate() {
            assert!(segment.depth <= self.depth && segment.buckets.len().is_power_of_two());
            assert!(segment.buckets.len() <= self.widest);
            assert!(segment.depth == 0 || segment.buckets.len() >= SEGMENT_BUCKETS);
            let spare = self.depth - segment.depth;
            let first = (segment.prefix as usize) << spare;
            assert!(self.directory[first..first + (1 << spare)].iter().all(|&named| named as usize == id));
            places += 1 << spare;
            segment.check();
        }
        assert_eq!(places, self.directory.len(), "each place names a segment");
        let deepest = self.segments.iter().filter(|segment| segment.depth == self.depth).count();
        assert_eq!(self.deepest as usize, deepest);
        assert_eq!(self.len, self.segments.iter().map(|segment| segment.count as usize).sum::<usize>());
    }
}

impl<T: Element> Segment<T> {
    fn check(&self) {
        let mut count = 0;
        let mut passed = vec![0; self.buckets.len()];
        for (at, bucket) in self.buckets.iter().enumerate() {
            for (slot, element) in bucket.slots.iter().enumerate() {
                let tag_there = (bucket.word >> (8 * slot)) as u8;
                let Some(element) = element else {
                    assert_eq!(tag_there, 0);
                    continue;
                };
                let hash = hash_of(element.key());
                assert_eq!(tag_there, tag(hash));
                assert_eq!(hash >> 1 >> (63 - self.depth), u64::from(self.prefix));
                let mut on_the_way = home(hash, self.buckets.len());
                while on_the_way != at {
                    passed[on_the_way] += 1;
                    on_the_way = self.after(on_the_way);
                }
                count += 1;
            }
        }
        assert_eq!(self.count, count);
        for (bucket, passed) in self.buckets.iter().zip(passed) {
            let counted = bucket.word >> 56;
            assert!(counted == passed || counted == 255, "{counted} counted, {passed} passed");
        }
    }
}

/// All that a scan visits, while `meanwhile` is called after each step.
fn scanned<T: Element>(table: &mut Table<T>, mut meanwhile: impl FnMut(&mut Table<T>)) -> Vec<Vec<u8>> {
    let (mut cursor, mut seen) = (0, Vec::new());
    for _ in 0..1_000_000 {
        cursor = table.scan(cursor, |element| seen.push(element.key().to_vec()));
        if cursor == 0 {
            return seen;
        }
        meanwhile(table);
    }
    panic!("the scan never ends");
}

#[test]
fn a_bucket_is_a_cache_line_and_a_segment_a_page() {
    assert_eq!((size_of::<Bucket<Text>>(), align_of::<Bucket<Text>>()), (64, 64));
    assert_eq!(size_of::<Bucket<Text>>() * SEGMENT_BUCKETS, 4096);
}

#[test]
fn an_empty_table_takes_no_memory_and_answers_nothing() {
    let mut table = Table::<Text>::new();
    assert_eq!((table.len(), table.heap_bytes(), table.slots()), (0, 0, 0));
    assert!(table.find(b"key").is_none() && table.remove(b"key").is_none());
    assert!(table.random(&mut Random::new(1)).is_none());
    assert_eq!(table.scan(0, |_| panic!("there is nothing")), 0);
    assert_eq!(table.scan(u64::MAX, |_| panic!("there is nothing")), 0);
    table.prefetch_bucket(7);
    table.prefetch_element(7);
    table.check();
}

#[test]
fn a_young_table_is_one_bucket() {
    assert_eq!(filled(7).heap_bytes(), 64 + size_of::<Segment<Text>>() + 4);
    assert_eq!(filled(8).slots(), 14);
}

#[test]
fn what_was_inserted_is_found_until_it_is_removed() {
    const ELEMENTS: usize = if cfg!(miri) { 600 } else { 20_000 };
    let mut table = filled(ELEMENTS);
    table.check();
    assert_eq!(table.len(), ELEMENTS);
    for index in 0..ELEMENTS {
        assert_eq!(table.find(&name(index)).map(|text| text.to_vec()), Some(name(index)));
        assert!(table.find(&name(index + ELEMENTS)).is_none());
    }
    for index in 0..ELEMENTS {
        assert_eq!(table.remove(&name(index)).map(|text| text.to_vec()), Some(name(index)));
        assert!(table.remove(&name(index)).is_none());
    }
    assert!(table.is_empty());
    table.check();
}

#[test]
fn a_table_that_empties_gives_its_memory_back() {
    const ELEMENTS: usize = 50_000;
    let mut table = filled(ELEMENTS);
    let full = table.heap_bytes();
    assert!(full < ELEMENTS * 24, "{full} bytes");
    for index in 10..ELEMENTS {
        table.remove(&name(index));
    }
    table.check();
    assert!(table.heap_bytes() < full / 50, "{} bytes after {full}", table.heap_bytes());
    assert!((0..10).all(|index| table.find(&name(index)).is_some()));
}

#[test]
fn no_segment_is_ever_larger_than_a_page() {
    let table = filled(100_000);
    assert!(table.segments.iter().all(|segment| segment.buckets.len() == SEGMENT_BUCKETS));
    assert!(table.directory.len() <= 4 * table.segments.len());
}

#[test]
fn an_insert_with_a_known_key_returns_the_older_element() {
    let mut table = Table::new();
    assert!(table.insert(Numbered::new(1, b"key")).is_none());
    assert_eq!(table.insert(Numbered::new(2, b"key")).map(|old| old.number()), Some(1));
    assert_eq!((table.len(), table.find(b"key").map(Numbered::number)), (1, Some(2)));
}

#[test]
fn an_element_can_be_exchanged_in_its_place() {
    let mut table = Table::new();
    for index in 0..100 {
        table.insert(Numbered::new(1, &name(index)));
    }
    let place = table.find_mut(&name(50)).unwrap();
    *place = Numbered::new(2, &name(50));
    assert_eq!(table.find(&name(50)).unwrap().number(), 2);
    table.check();
}

#[test]
fn get_or_insert_makes_what_is_missing() {
    let mut table = Table::new();
    let (element, made) = table.get_or_insert_with(b"key", || Numbered::new(1, b"key"));
    assert!(made);
    *element = Numbered::new(5, b"key");
    let (element, made) = table.get_or_insert_with(b"key", || panic!("it is there"));
    assert_eq!((element.number(), made), (5, false));
}

#[test]
fn room_that_was_reserved_needs_no_split() {
    for elements in [0, 1, 7, 8, 100, 392, 393, 10_000] {
        let mut table = Table::new();
        table.reserve(elements);
        table.check();
        let bytes = table.heap_bytes();
        for index in 0..elements {
            table.insert(Text::new(&name(index)));
        }
        assert_eq!(table.heap_bytes(), bytes, "{elements} elements");
        table.check();
    }
}

#[test]
fn hashes_that_collide_are_told_apart_by_their_keys() {
    // As if the hash were broken: a home for all, and few tags that tell them apart. Growing and shrinking would
    // compute the real ones, so there is room from the beginning, and enough is left at the end.
    const ELEMENTS: u64 = 1_500;
    let mut table = Table::new();
    let hash = |index: u64| 0xabcd_ef01_2345_0000 + index % 3;
    table.begin(256, 0);
    for index in 0..ELEMENTS {
        table.insert_hashed(hash(index), Text::new(&name(index as usize)));
    }
    assert!(
        table.segments[0].buckets.iter().any(|bucket| bucket.word >> 56 == 255),
        "counted as far as it goes"
    );
    for index in 0..ELEMENTS / 2 {
        assert!(table.remove_hashed(hash(index), &name(index as usize)).is_some());
    }
    for index in 0..ELEMENTS {
        let found = table.find_hashed(hash(index), &name(index as usize));
        assert_eq!(found.is_some(), index >= ELEMENTS / 2);
    }
}

#[test]
fn a_segment_widens_where_the_directory_would_grow_out_of_proportion() {
    let mut table = Table::new();
    // Only keys whose hashes begin with twelve zeros, as an attacker would choose them.
    let chosen =
        (0..).map(name).filter(|key| hash_of(key) >> 52 == 0).take(if cfg!(miri) { 0 } else { 1_000 });
    let chosen: Vec<_> = chosen.collect();
    for key in &chosen {
        table.insert(Text::new(key));
    }
    table.check();
    assert!(table.heap_bytes() < 200_000, "{table:?} takes {}", table.heap_bytes());
    let mut random = Random::new(1);
    assert!((0..100).all(|_| table.random(&mut random).is_some()));
    let seen: HashSet<_> = scanned(&mut table, |_| ()).into_iter().collect();
    assert_eq!(seen.len(), chosen.len());
    for key in &chosen {
        assert!(table.remove(key).is_some());
    }
    table.check();
}

#[test]
fn a_scan_of_a_table_at_rest_visits_each_element_once() {
    for elements in [0, 1, 7, 8, 50, 392, 393, if cfg!(miri) { 500 } else { 30_000 }] {
        let mut table = filled(elements);
        let seen = scanned(&mut table, |_| ());
        assert_eq!(seen.len(), elements);
        assert_eq!(seen.into_iter().collect::<HashSet<_>>().len(), elements);
    }
}

#[test]
fn a_scan_misses_nothing_while_the_table_grows() {
    for elements in [1, 5, 30, 300, 3_000] {
        let mut table = filled(elements);
        let mut next = elements;
        let seen = scanned(&mut table, |table| {
            for _ in 0..if next < 30_000 { 40 } else { 0 } {
                table.insert(Text::new(&name(next)));
                next += 1;
            }
        });
        let seen: HashSet<_> = seen.into_iter().collect();
        assert!((0..elements).all(|index| seen.contains(&name(index))), "{elements}");
    }
}

#[test]
fn a_scan_misses_nothing_while_the_table_shrinks() {
    for (elements, stay) in [(300, 5), (3_000, 30), (20_000, 1_000)] {
        let mut table = filled(elements);
        let mut next = stay;
        let seen = scanned(&mut table, |table| {
            for _ in 0..30 {
                table.remove(&name(next));
                next += 1;
            }
        });
        table.check();
        let seen: HashSet<_> = seen.into_iter().collect();
        assert!((0..stay).all(|index| seen.contains(&name(index))), "{stay} of {elements}");
    }
}

#[test]
fn any_cursor_will_do() {
    let table = filled(5_000);
    let mut random = Random::new(3);
    for _ in 0..20_000 {
        // Any number, and numbers that look like cursors.
        let any = random.next_u64() >> random.index(64);
        let next = table.scan(any, |_| ());
        table.scan(next.wrapping_add(random.below(1 << 10)), |_| ());
    }
}

#[test]
fn random_choice_is_uniform() {
    // Half of a grown table removed, in the order of the hashes, so that segments and buckets differ as much as they can.
    const DRAWS: usize = 400_000;
    let mut table = filled(2_000);
    let mut keys: Vec<_> = table.iter().map(|text| text.to_vec()).collect();
    keys.sort_by_key(|key| hash_of(key));
    keys.drain(700..).for_each(|key| drop(table.remove(&key)));
    let mut random = Random::new(4);
    let mut counts = HashMap::new();
    for _ in 0..DRAWS {
        *counts.entry(table.random(&mut random).unwrap().to_vec()).or_insert(0u32) += 1;
    }
    // Chi squared, with 699 degrees of freedom: 699 on average, and above 860 once in 20,000 runs.
    let expected = DRAWS as f64 / 700.0;
    let chi_squared: f64 = keys
        .iter()
        .map(|key| f64::from(counts.get(key).copied().unwrap_or(0)) - expected)
        .map(|difference| difference * difference / expected)
        .sum();
    assert!(chi_squared < 860.0, "{chi_squared}");
}

#[test]
fn all_elements_come_out() {
    let table = filled(1_000);
    assert_eq!(table.iter().count(), 1_000);
    let copy = table.clone();
    let all: HashSet<_> = table.iter().map(|text| text.to_vec()).collect();
    assert_eq!(all.len(), 1_000);
    assert!(copy.iter().all(|text| all.contains(&**text)));
    copy.check();
}

#[derive(Clone, Debug)]
enum Step {
    Insert(usize),
    Remove(usize),
    Many(usize),
    Few(usize),
    Scan,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        10 => (0..600usize).prop_map(Step::Insert),
        10 => (0..600usize).prop_map(Step::Remove),
        1 => (0..1_500usize).prop_map(Step::Many),
        1 => (0..1_500usize).prop_map(Step::Few),
        1 => Just(Step::Scan),
    ];
    prop::collection::vec(step, 0..if cfg!(miri) { 20 } else { 80 })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: if cfg!(miri) { 2 } else { 64 }, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_table_is_a_map(steps in steps()) {
        let mut table = Table::new();
        let mut model = HashMap::new();
        for (serial, step) in steps.into_iter().enumerate() {
            let serial = serial as u32;
            match step {
                Step::Insert(index) => {
                    let old = table.insert(Numbered::new(serial, &name(index)));
                    prop_assert_eq!(old.map(|old| old.number()), model.insert(name(index), serial));
                }
                Step::Remove(index) => {
                    let old = table.remove(&name(index));
                    prop_assert_eq!(old.map(|old| old.number()), model.remove(&name(index)));
                }
                Step::Many(count) => for index in 0..count {
                    table.insert(Numbered::new(serial, &name(index)));
                    model.insert(name(index), serial);
                },
                Step::Few(count) => for index in 0..count {
                    prop_assert_eq!(table.remove(&name(index)).is_some(), model.remove(&name(index)).is_some());
                },
                Step::Scan => {
                    let seen: HashSet<_> = scanned(&mut table, |_| ()).into_iter().collect();
                    prop_assert_eq!(seen, model.keys().cloned().collect::<HashSet<_>>());
                }
            }
            prop_assert_eq!(table.len(), model.len());
            table.check();
        }
        for (key, serial) in &model {
            prop_assert_eq!(table.find(key).map(Numbered::number), Some(*serial));
        }
        prop_assert_eq!(table.iter().count(), model.len());
    }
}
