//! HyperLogLogs against Redis's bytes, and both forms against each other.

use super::*;
use proptest::prelude::*;
use ropewalk_reactor::random::Random;
use sha1::{Digest, Sha1};

const SPARSE_MAX: usize = 3000;

/// What PFADD does.
fn pfadd(bytes: &mut Vec<u8>, element: &[u8]) -> bool {
    let changed = add(bytes, element, SPARSE_MAX).unwrap();
    if changed {
        forget_cardinality(bytes);
    }
    changed
}

fn all(bytes: &[u8]) -> Vec<u8> {
    let mut registers = Registers::default();
    registers.unite(bytes).unwrap();
    registers.iter().map(|(_, rank)| rank).collect()
}

#[test]
fn three_elements_give_the_bytes_of_redis() {
    let mut bytes = empty();
    for element in [b"a", b"b", b"c"] {
        assert!(pfadd(&mut bytes, element));
        assert!(!pfadd(&mut bytes, element));
    }
    assert_eq!(bytes, b"HYLL\x01\0\0\0\0\0\0\0\0\0\0\x80`\xf3\x80P\xb1\x84K\xfb\x80BZ");
    assert_eq!((known_cardinality(&bytes), cardinality(&bytes)), (None, Ok(3)));
    note_cardinality(&mut bytes, 3);
    assert_eq!(known_cardinality(&bytes), Some(3));
    assert_eq!(bytes.get(8..16).unwrap(), [3, 0, 0, 0, 0, 0, 0, 0]);
}

#[test]
fn growing_gives_the_bytes_and_the_estimates_of_redis() {
    // What 7.0.15 has after PFADD of element:1, element:2 ... one by one, with PFCOUNT at each of these.
    let recorded: [(u32, usize, &str, u64); 11] = [
        (1, 21, "c17ba9a7e199cd3e004517df0be9004192b9a431", 1),
        (10, 47, "1d667068dc4245701b4b1f9989a21bda217d3c82", 10),
        (100, 285, "42fb321edf6756fdf1d315cd36a7c4d26a57aa84", 99),
        (500, 1049, "37bf88638c1747a4b17cdf98c25d4c5a2ea936fc", 502),
        (1000, 1898, "f9add118bcae4c349cb86fb1d4774fc3a3b57405", 997),
        (1200, 2229, "b7717dde6b32aff257f56c0ee82aaebe96afacc4", 1197),
        (1500, 2723, "a51b006c3b9026c2eb44497346416daf8a0e32cd", 1500),
        (2000, 12304, "2d5f5e327275323f054fa418d8cc8f40aaf62786", 2004),
        (5000, 12304, "b5c1541e60c97a5fc200367f415c1299c9b522d4", 5005),
        (20_000, 12304, "9a0c8e01ea25b80ea99a5b2625c73e54cd76e6df", 19987),
        (200_000, 12304, "c6d97e85a18025469615244e41d3b9c69a91efe3", 198_321),
    ];
    let mut bytes = empty();
    let mut next = 1;
    for (elements, length, digest, estimate) in recorded {
        while next <= elements {
            pfadd(&mut bytes, format!("element:{next}").as_bytes());
            next += 1;
        }
        assert_eq!(bytes.len(), length, "{elements} elements");
        let sum: String = Sha1::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(sum, digest, "{elements} elements");
        assert_eq!(cardinality(&bytes), Ok(estimate));
        note_cardinality(&mut bytes, estimate);
    }
}

#[test]
fn what_is_none_is_told() {
    assert_eq!(form(&empty()), Some(Form::Sparse));
    let mut dense = empty();
    make_dense(&mut dense).unwrap();
    assert_eq!((form(&dense), dense.len()), (Some(Form::Dense), 12_304));
    dense.push(0);
    assert_eq!(form(&dense), None);
    assert_eq!(form(b"HYLL\x01"), None);
    assert_eq!(form(b"HYLL\x02\0\0\0\0\0\0\0\0\0\0\0"), None);
    assert_eq!(form(b"hyll\x01\0\0\0\0\0\0\0\0\0\0\0"), None);
    assert_eq!(form(b""), None);
}

#[test]
fn runs_that_are_not_of_all_registers_are_told() {
    let mut short = empty();
    short.truncate(HEADER_BYTES);
    for tail in [&b""[..], b"\x00", b"\x40", b"\x7f\xff\x00", b"\x7f", b"\xff"] {
        let mut bytes = short.clone();
        bytes.extend_from_slice(tail);
        assert_eq!(cardinality(&bytes), Err(Corrupt), "{tail:?}");
        assert_eq!(Registers::default().unite(&bytes), Err(Corrupt), "{tail:?}");
        assert_eq!(make_dense(&mut bytes), Err(Corrupt), "{tail:?}");
    }
    assert_eq!(raise(&mut short, 0, 1, SPARSE_MAX), Err(Corrupt));
}

#[test]
fn the_union_is_that_of_the_elements() {
    // 4,000 each, of which neighbours share 2,000.
    let mut together = Registers::default();
    let mut one = empty();
    for begin in [0, 2_000, 4_000u32] {
        let mut bytes = empty();
        for element in begin..begin + 4_000 {
            pfadd(&mut bytes, &element.to_le_bytes());
            pfadd(&mut one, &element.to_le_bytes());
        }
        together.unite(&bytes).unwrap();
    }
    assert_eq!(together.iter().map(|(_, rank)| rank).collect::<Vec<_>>(), all(&one));
    assert_eq!(Ok(together.cardinality()), cardinality(&one));
    let mut few = empty();
    pfadd(&mut few, b"one more");
    together.unite(&few).unwrap();
    pfadd(&mut one, b"one more");
    assert_eq!(Ok(together.cardinality()), cardinality(&one));
}

#[test]
fn the_error_is_what_theory_says() {
    let mut random = Random::new(9);
    let mut bytes = empty();
    let (mut elements, mut checkpoint) = (0u64, 1);
    while elements < 200_000 {
        pfadd(&mut bytes, &random.next_u64().to_le_bytes());
        elements += 1;
        if elements == checkpoint {
            let error = (cardinality(&bytes).unwrap() as f64 - elements as f64).abs();
            let allowed = (4.0 * 1.04 / 128.0 * elements as f64).ceil();
            assert!(error <= allowed, "{error} of {elements}");
            checkpoint *= 3;
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn both_forms_hold_the_same_registers(
        raised in prop::collection::vec((0..REGISTERS, 1..=51u8), 0..300),
        near in prop::collection::vec((0..40usize, 1..=4u8), 0..300),
        sparse_max in 20..4_000usize,
    ) {
        let (mut sparse, mut dense, mut model) = (empty(), empty(), vec![0; REGISTERS]);
        make_dense(&mut dense).unwrap();
        for (register, rank) in raised.into_iter().chain(near) {
            let changed = model[register] < rank;
            model[register] = rank.max(model[register]);
            prop_assert_eq!(raise(&mut sparse, register, rank, sparse_max), Ok(changed));
            prop_assert_eq!(raise(&mut dense, register, rank, sparse_max), Ok(changed));
            prop_assert!(form(&sparse) == Some(Form::Dense) || sparse.len() <= sparse_max.max(18));
        }
        prop_assert_eq!(&all(&sparse), &model);
        prop_assert_eq!(&all(&dense), &model);
        prop_assert_eq!(cardinality(&sparse), cardinality(&dense));
        make_dense(&mut sparse).unwrap();
        prop_assert_eq!(sparse, dense);
    }

    #[test]
    fn no_bytes_are_too_strange(
        elements in 0..300u32,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..5),
    ) {
        let mut bytes = empty();
        for element in 0..elements {
            pfadd(&mut bytes, &element.to_le_bytes());
        }
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let _ = cardinality(&bytes);
        let _ = known_cardinality(&bytes);
        let _ = runs(&bytes).count();
        if form(&bytes).is_some() {
            for element in 0..50u8 {
                let _ = add(&mut bytes, &[element], SPARSE_MAX);
            }
            let _ = make_dense(&mut bytes);
        }
    }
}
