//! RDB against what Redis wrote, against itself, and against nonsense.
#![allow(clippy::unwrap_used, reason = "a test")]

use super::*;
use crate::store::hash::{Expires, Hash};
use crate::store::list::{End, List};
use crate::store::set::Set;
use crate::store::zset::Zset;
use proptest::prelude::*;

const CORRUPT: RestoreError = RestoreError::Corrupt;

fn restored(payload: &[u8]) -> Value {
    restore(payload, true, 0, &Limits::default()).unwrap().unwrap()
}

/// What Redis's DUMP of this would be, its last ten bytes put right.
fn payload(body: &[u8]) -> Vec<u8> {
    let mut out = body.to_vec();
    out.extend_from_slice(&VERSION.to_le_bytes());
    let checksum = CRC.checksum(&out);
    out.extend_from_slice(&checksum.to_le_bytes());
    out
}

fn elements(list: &List) -> Vec<Vec<u8>> {
    (0..list.len()).map(|index| list.get(index, |item| item.text().to_vec()).unwrap()).collect()
}

#[test]
fn a_string_is_dumped_as_redis_dumps_it() {
    // What `DUMP` of Redis 7.0.15 answers.
    let hello = b"\x00\x05hello\x0a\x00cr\xdfve4 \x0a";
    let ours = dump(View::Bytes(b"hello"));
    assert_eq!(ours, hello);
    assert_eq!(dump(View::Integer(10))[..4], [0, 0xc0, 10, 10]);
}

#[test]
fn numbers_and_runs_become_shorter() {
    for (text, length) in [(&b"12"[..], 2), (b"-3000", 3), (b"100000", 5), (b"3000000000", 11)] {
        assert_eq!(dumped_len(View::Bytes(text)), length, "{text:?}");
    }
    assert!(dumped_len(View::Bytes(&[b'a'; 1000])) < 50);
}

#[test]
fn a_damaged_payload_is_told_by_its_footer() {
    let good = dump(View::Bytes(b"hello"));
    for index in 0..good.len() {
        let mut bad = good.clone();
        bad[index] ^= 0x40;
        assert_eq!(restore(&bad, true, 0, &Limits::default()).unwrap_err(), RestoreError::Footer, "{index}");
    }
    assert_eq!(restore(b"", true, 0, &Limits::default()).unwrap_err(), RestoreError::Footer);
}

#[test]
fn a_newer_version_is_refused() {
    let mut newer = dump(View::Bytes(b"hello"));
    let at = newer.len() - FOOTER;
    newer[at] = 99;
    assert_eq!(restore(&newer, false, 0, &Limits::default()).unwrap_err(), RestoreError::Footer);
}

#[test]
fn what_is_left_over_or_missing_is_corrupt() {
    for body in [
        &b"\x00\x05hello!"[..],
        b"\x00\x05hell",
        b"\x63\x05hello",
        b"\x01\x00",
        b"\x02\x02\x01a\x01a",
        b"\x05\x01\x01a\x00\x00\x00\x00\x00\x00\xf8\x7f",
        b"\x04\x02\x01a\x01b\x01a\x01c",
        b"\x0b\x08\x02\x00\x00\x00\x00\x00\x00\x00",
        b"\x12\x81\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x00\xc3\x04\x81\x7f\xff\xff\xff\xff\xff\xff\xffabcd",
    ] {
        let refused = restore(&payload(body), true, 0, &Limits::default()).unwrap_err();
        assert_eq!(refused, CORRUPT, "{}", body.escape_ascii());
    }
}

#[test]
fn a_ziplist_of_an_older_redis_is_read() {
    // RPUSH l 1 -2 hello 100000 9999999999, as Redis 6.2 packed it.
    let mut entries = Vec::new();
    for (before, entry) in [
        (0u8, &b"\xf2"[..]),
        (2, b"\xfe\xfe"),
        (3, b"\x05hello"),
        (7, b"\xf0\xa0\x86\x01"),
        (5, b"\xe0\xff\xe3\x0b\x54\x02\x00\x00\x00"),
    ] {
        entries.push(before);
        entries.extend_from_slice(entry);
    }
    let total = 10 + entries.len() + 1;
    let mut ziplist = (total as u32).to_le_bytes().to_vec();
    ziplist.extend_from_slice(&0u32.to_le_bytes());
    ziplist.extend_from_slice(&5u16.to_le_bytes());
    ziplist.extend_from_slice(&entries);
    ziplist.push(255);
    let mut body = vec![kind::LIST_ZIPLIST, ziplist.len() as u8];
    body.extend_from_slice(&ziplist);
    let Value::List(list) = restored(&payload(&body)) else { panic!("it is a list") };
    let expected: [&[u8]; 5] = [b"1", b"-2", b"hello", b"100000", b"9999999999"];
    assert_eq!(elements(&list), expected);
}

#[test]
fn a_zipmap_of_an_older_redis_is_read() {
    let body = b"\x09\x10\x02\x01a\x02\x00xy\x01b\x01\x02z..\xff";
    let body = [&body[..1], &[body.len() as u8 - 2], &body[2..]].concat();
    let Value::Hash(hash) = restored(&payload(&body)) else { panic!("it is a hash") };
    assert_eq!(hash.get(b"a", 0).unwrap().value.text().to_vec(), b"xy");
    assert_eq!(hash.get(b"b", 0).unwrap().value.text().to_vec(), b"z");
}

#[test]
fn fields_keep_their_expiry_and_expired_ones_are_left_out() {
    let limits = Limits::default();
    let mut hash = Hash::new();
    for name in [&b"a"[..], b"b", b"c"] {
        hash.set(name, b"v", Expires::Never, 0, &limits);
    }
    hash.set_expiry(b"a", Some(1000));
    hash.set_expiry(b"b", Some(5000));
    let dumped = dump(View::Hash(&hash));
    let restored = |now_ms| restore(&dumped, true, now_ms, &limits).unwrap();
    let Some(Value::Hash(early)) = restored(500) else { panic!("it is a hash") };
    assert_eq!((early.len(), early.next_expiry()), (3, Some(1000)));
    let Some(Value::Hash(late)) = restored(2000) else { panic!("it is a hash") };
    assert_eq!((late.len(), late.next_expiry()), (2, Some(5000)));
}

#[test]
fn a_hash_whose_fields_have_all_expired_is_no_value() {
    let limits = Limits::default();
    let mut hash = Hash::new();
    hash.set(b"a", b"v", Expires::Never, 0, &limits);
    hash.set_expiry(b"a", Some(1000));
    assert!(restore(&dump(View::Hash(&hash)), true, 2000, &limits).unwrap().is_none());
}

/// A stream of Redis 5: six entries of which the first four are gone, and two groups, of which one has read four.
const STREAM_OF_REDIS_5: &[u8] =
    b"\x0f\x01\x10\x00\x00\x00\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\xc3@J@W\x16W\x00\
        \x00\x00#\x00\x02\x01\x04\x01\x01\x01\x84data\x05\x00\x01\x03\x01\x00 \x01\x03\x81a\x02\x04 \
        \x0a\x00\x01@\x0a\x00b`\x0a\x00\x02@\x0a\x00c`\x0a@\x22\x01\x81d \x0a@9 \x0a\x00e`\x0a\x00\x05@\
        \x0a\x00f \x0a\x00\xff\x02\x06\x00\x02\x02g1\x05\x00\x04\x00\x00\x00\x00\x00\x00\x00\x01\x00\
        \x00\x00\x00\x00\x00\x00\x00>\xf7\x83Cz\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\
        \x00\x00\x00\x00\x00\x00>\xf7\x83Cz\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\
        \x00\x00\x00\x00\x00>\xf7\x83Cz\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\
        \x00\x00\x00\x00>\xf7\x83Cz\x01\x00\x00\x01\x01\x03c11>\xf7\x83Cz\x01\x00\x00\x04\x00\x00\x00\
        \x00\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x00\
        \x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00\
        \x00\x00\x00\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00\x00\x02g2\x00\x00\x00\x00\x09\x00=R\
        \xefhgR\x1d\xfa";

#[test]
fn a_stream_of_redis_5_gets_the_counters_it_lacks() {
    let Value::Stream(stream) = restored(STREAM_OF_REDIS_5) else { panic!("no stream") };
    let counters = stream.log().counters();
    assert_eq!((counters.length, counters.entries_added, counters.first_id.ms), (2, 2, 5));
    let progress = |name: &[u8]| {
        let group = stream.group(name).unwrap();
        (group.entries_read(), group.lag(stream.log()), group.pending_len(), group.consumers_len())
    };
    assert_eq!(progress(b"g1"), (Some(1), Some(1), 4, 1));
    assert_eq!(progress(b"g2"), (Some(0), Some(2), 0, 0));
}

fn texts() -> impl Strategy<Value = Vec<Vec<u8>>> {
    let text = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..80),
        any::<i64>().prop_map(|integer| integer.to_string().into_bytes()),
        (any::<u8>(), 0usize..500).prop_map(|(byte, length)| vec![byte; length]),
    ];
    prop::collection::btree_set(text, 1..200).prop_map(|texts| texts.into_iter().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_dumped_is_restored(texts in texts()) {
        let limits = Limits::default();
        let (mut list, mut set) = (List::new(), Set::new());
        let (mut zset, mut hash) = (Zset::new(), Hash::new());
        for (index, text) in texts.iter().enumerate() {
            list.push(End::Back, text, &limits);
            set.insert(text, &limits);
            zset.set(text, index as f64 / 3.0, &limits);
            hash.set(text, text, Expires::Never, 0, &limits);
        }
        for value in [View::List(&list), View::Set(&set), View::Zset(&zset), View::Hash(&hash)] {
            let dumped = dump(value);
            let back = restored(&dumped);
            match &back {
                Value::List(back) => prop_assert_eq!(elements(back), elements(&list)),
                Value::Set(back) => prop_assert!(texts.iter().all(|text| back.contains(text))),
                Value::Zset(back) => {
                    prop_assert!(texts.iter().all(|text| back.score(text) == zset.score(text)));
                }
                Value::Hash(back) => {
                    let same = |text: &Vec<u8>| back.get(text, 0).is_some_and(|field| field.value.equals(text));
                    prop_assert!(texts.iter().all(same));
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }

    #[test]
    fn no_payload_does_harm(body in prop::collection::vec(any::<u8>(), 0..300), kind in 0u8..30) {
        let body = [&[kind][..], &body].concat();
        let _ = restore(&payload(&body), true, 0, &Limits::default());
    }

    #[test]
    fn no_damage_does_harm(texts in texts(), at in any::<prop::sample::Index>(), byte: u8) {
        let limits = Limits::default();
        let mut zset = Zset::new();
        for text in &texts {
            zset.set(text, 1.0, &limits);
        }
        let mut dumped = dump(View::Zset(&zset));
        let index = at.index(dumped.len());
        dumped[index] = byte;
        let _ = restore(&dumped, false, 0, &limits);
    }
}
