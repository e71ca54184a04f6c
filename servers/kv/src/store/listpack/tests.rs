//! Listpacks against a list of texts, and against Redis's own bytes.
#![allow(clippy::unwrap_used, reason = "a test")]

use super::*;
use proptest::prelude::*;

fn pack_of<T: AsRef<[u8]>>(texts: &[T]) -> Listpack {
    let mut pack = Listpack::new();
    for text in texts {
        pack.push_back(text.as_ref()).unwrap();
    }
    pack
}

fn texts_of(pack: &Listpack) -> Vec<Vec<u8>> {
    pack.iter().map(|item| item.text().to_vec()).collect()
}

#[test]
fn a_listpack_is_one_word() {
    assert_eq!(size_of::<Option<Listpack>>(), 8);
    assert_eq!(Listpack::new().heap_bytes(), 16);
}

#[test]
fn an_empty_one_is_seven_bytes() {
    assert_eq!(Listpack::new().as_bytes(), [7, 0, 0, 0, 0, 0, 0xff]);
    assert!(Listpack::new().is_empty());
    assert_eq!(Listpack::new().first(), None);
    assert_eq!(Listpack::new().last(), None);
    assert_eq!(Listpack::new().seek(0), None);
    assert_eq!(Listpack::new().seek(-1), None);
}

#[test]
fn elements_look_as_in_redis() {
    let long = "x".repeat(64);
    let cases: &[(&str, &[u8])] = &[
        ("0", &[0x00, 1]),
        ("127", &[0x7f, 1]),
        ("128", &[0xc0, 128, 2]),
        ("-1", &[0xdf, 0xff, 2]),
        ("4095", &[0xcf, 0xff, 2]),
        ("-4096", &[0xd0, 0x00, 2]),
        ("4096", &[0xf1, 0x00, 0x10, 3]),
        ("-32768", &[0xf1, 0x00, 0x80, 3]),
        ("32768", &[0xf2, 0x00, 0x80, 0x00, 4]),
        ("-8388608", &[0xf2, 0x00, 0x00, 0x80, 4]),
        ("8388608", &[0xf3, 0x00, 0x00, 0x80, 0x00, 5]),
        ("2147483648", &[0xf4, 0, 0, 0, 0x80, 0, 0, 0, 0, 9]),
        ("-9223372036854775808", &[0xf4, 0, 0, 0, 0, 0, 0, 0, 0x80, 9]),
        ("", &[0x80, 1]),
        ("abc", &[0x83, b'a', b'b', b'c', 4]),
        ("01", &[0x82, b'0', b'1', 3]),
        ("-0", &[0x82, b'-', b'0', 3]),
        ("9223372036854775808", b"\x939223372036854775808\x14"),
        (&long, &[&[0xe0, 64], long.as_bytes(), &[66]].concat()),
    ];
    for (text, bytes) in cases {
        let pack = pack_of(&[text]);
        assert_eq!(&pack.as_bytes()[6..pack.byte_len() - 1], *bytes, "{text}");
        assert_eq!(&*pack.get(pack.first().unwrap()).text(), text.as_bytes());
        assert!(pack.get(pack.first().unwrap()).equals(text.as_bytes()));
    }
}

#[test]
fn the_size_at_the_end_has_redis_bounds() {
    // (length of the text, bytes before it, bytes of the size behind it)
    for (length, head, back) in
        [(126, 2, 2), (125, 2, 1), (16_377, 5, 2), (16_378, 5, 3), (2_097_145, 5, 3), (2_097_146, 5, 4)]
    {
        let pack = pack_of(&[vec![b'x'; length], b"last".to_vec()]);
        assert_eq!(pack.byte_len(), EMPTY_BYTES + head + length + back + 6, "{length}");
        assert_eq!(pack.prev(pack.last().unwrap()), pack.first());
        assert_eq!(Listpack::from_bytes(pack.as_bytes()), Some(pack));
    }
}

#[test]
fn integers_are_found_by_their_text() {
    let pack = pack_of(&["1", "2", "2", "1", "x", "2"]);
    let first = pack.first().unwrap();
    assert_eq!(pack.find(first, b"2", 0), pack.seek(1));
    assert_eq!(pack.find(first, b"2", 1), pack.seek(2));
    assert_eq!(pack.find(first, b"02", 0), None);
    assert_eq!(pack.find(first, b"x", 2), None);
    assert_eq!(pack.find(first, b"x", 3), pack.seek(4));
}

#[test]
fn what_is_too_large_is_refused_and_changes_nothing() {
    let mut pack = pack_of(&["1", "2"]);
    let before = pack.clone();
    // Zeros that nobody touches take no memory.
    let much = vec![0; BYTES_MAX - 10];
    let first = pack.first().unwrap();
    assert!(!pack.has_room(much.len()));
    assert_eq!(pack.push_back(&much), Err(Full));
    assert_eq!(pack.push_front(&much), Err(Full));
    assert_eq!(pack.insert_before(first, &much), Err(Full));
    assert_eq!(pack.insert_after(first, &much), Err(Full));
    assert_eq!(pack.replace(first, &much), Err(Full));
    assert_eq!(pack, before);
}

#[test]
fn what_is_appended_together_is_as_if_one_by_one() {
    let elements_of = |texts: &[&[u8]]| {
        let mut elements = Elements::default();
        texts.iter().for_each(|text| elements.push(text));
        elements
    };
    let mut pack = pack_of(&["a", "7"]);
    let long = vec![b'x'; 5000];
    let mut elements = elements_of(&[b"300", b"", &long]);
    [127, 128, -1, i64::MIN].into_iter().for_each(|integer| elements.push_integer(integer));
    pack.push_back_all(&elements).unwrap();
    let texts: [&[u8]; 9] = [b"a", b"7", b"300", b"", &long, b"127", b"128", b"-1", b"-9223372036854775808"];
    assert_eq!(pack.as_bytes(), pack_of(&texts).as_bytes());
    pack.push_back_all(&Elements::default()).unwrap();
    assert_eq!(pack.as_bytes(), pack_of(&texts).as_bytes());

    let huge = vec![0; BYTES_MAX / 2];
    assert_eq!(pack.push_back_all(&elements_of(&[b"b", &huge, &huge])), Err(Full));
    assert_eq!(pack.as_bytes(), pack_of(&texts).as_bytes());

    pack.push_back_all(&elements_of(&vec![&b"1"[..]; 65_535 - 9])).unwrap();
    pack.push_back_all(&elements_of(&[b"2"])).unwrap();
    assert_eq!(pack.len(), 65_536);
}

#[test]
fn more_elements_than_the_count_can_say_are_counted() {
    let mut pack = Listpack::new();
    for value in 0..65_540 {
        pack.push_back_integer(value % 100).unwrap();
    }
    assert_eq!(pack.len(), 65_540);
    assert_eq!(&pack.as_bytes()[4..6], [0xff, 0xff]);
    assert_eq!(pack.get(pack.seek(65_539).unwrap()), Item::Integer(39));
    assert_eq!(pack.get(pack.seek(-65_540).unwrap()), Item::Integer(0));
    assert_eq!(pack.seek(65_540), None);
    assert_eq!(pack.seek(-65_541), None);
    let rest = pack.split_off(pack.seek(65_536).unwrap());
    assert_eq!((pack.len(), rest.len()), (65_536, 4));
    pack.append(&rest).unwrap();
    assert_eq!(pack.len(), 65_540);
    pack.remove_range(pack.first().unwrap(), 5);
    assert_eq!(pack.len(), 65_535);
    pack.remove(pack.last().unwrap());
    assert_eq!((pack.len(), pack.count()), (65_534, 65_534));
    assert_eq!(Listpack::from_bytes(pack.as_bytes()), Some(pack));
}

#[test]
fn damaged_bytes_are_refused() {
    for bytes in [
        &b""[..],
        &[7, 0, 0, 0, 0, 0],
        &[7, 0, 0, 0, 0, 0, 0],
        &[8, 0, 0, 0, 0, 0, 0xff],
        &[7, 0, 0, 0, 1, 0, 0xff],
        // A wrong count, a wrong size at the end, one longer than need be, a head that is none, texts too long.
        &[9, 0, 0, 0, 2, 0, 1, 1, 0xff],
        &[9, 0, 0, 0, 1, 0, 1, 2, 0xff],
        &[10, 0, 0, 0, 1, 0, 1, 0, 0x81, 0xff],
        &[9, 0, 0, 0, 1, 0, 0xf5, 1, 0xff],
        &[9, 0, 0, 0, 1, 0, 0xff, 1, 0xff],
        &[10, 0, 0, 0, 1, 0, 0x85, b'a', 2, 0xff],
        &[12, 0, 0, 0, 1, 0, 0xf0, 0xff, 0xff, 0xff, 0xff, 0xff],
        &[9, 0, 0, 0, 1, 0, 0xf4, 1, 0xff],
    ] {
        assert_eq!(Listpack::from_bytes(bytes), None, "{bytes:?}");
    }
    // An unknown count is fine, and is found.
    let pack = Listpack::from_bytes(&[9, 0, 0, 0, 0xff, 0xff, 1, 1, 0xff]).unwrap();
    assert_eq!((pack.len(), pack.count()), (1, 1));
}

/// Texts with a good part of integers of all widths, and lengths around every bound.
fn texts() -> impl Strategy<Value = Vec<u8>> {
    let integer = prop_oneof![
        any::<i64>(),
        any::<i32>().prop_map(i64::from),
        any::<i16>().prop_map(i64::from),
        -130i64..130,
        prop_oneof![Just(4095), Just(4096), Just(-4096), Just(-4097), Just(8_388_607), Just(-8_388_609)],
    ];
    let length = prop_oneof![4 => 0usize..70, 1 => 120usize..140, 1 => 4090usize..4100];
    prop_oneof![
        2 => integer.prop_map(|value| value.to_string().into_bytes()),
        2 => (length, any::<u8>()).prop_map(|(length, byte)| vec![byte; length]),
        1 => proptest::collection::vec(any::<u8>(), 0..20),
    ]
}

#[derive(Clone, Debug)]
enum Change {
    PushBack(Vec<u8>),
    PushFront(Vec<u8>),
    InsertBefore(usize, Vec<u8>),
    InsertAfter(usize, Vec<u8>),
    Replace(usize, Vec<u8>),
    Remove(usize),
    RemoveRange(usize, usize),
    SplitAndAppend(usize),
}

fn changes() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => texts().prop_map(Change::PushBack),
        2 => texts().prop_map(Change::PushFront),
        2 => (any::<usize>(), texts()).prop_map(|(index, text)| Change::InsertBefore(index, text)),
        2 => (any::<usize>(), texts()).prop_map(|(index, text)| Change::InsertAfter(index, text)),
        2 => (any::<usize>(), texts()).prop_map(|(index, text)| Change::Replace(index, text)),
        2 => any::<usize>().prop_map(Change::Remove),
        1 => (any::<usize>(), 0usize..5).prop_map(|(index, count)| Change::RemoveRange(index, count)),
        1 => any::<usize>().prop_map(Change::SplitAndAppend),
    ]
}

/// Do the same to both; where a change needs an element and there is none, do nothing.
fn apply(change: Change, pack: &mut Listpack, model: &mut Vec<Vec<u8>>) {
    let place = |index: usize, model: &Vec<Vec<u8>>| (!model.is_empty()).then(|| index % model.len());
    let index_of =
        |pack: &Listpack, at: Option<At>| at.map_or(pack.len(), |at| pack.len() - pack.iter_from(at).count());
    match change {
        Change::PushBack(text) => {
            pack.push_back(&text).unwrap();
            model.push(text);
        }
        Change::PushFront(text) => {
            pack.push_front(&text).unwrap();
            model.insert(0, text);
        }
        Change::InsertBefore(index, text) => {
            let Some(index) = place(index, model) else { return };
            let at = pack.insert_before(pack.seek(index as isize).unwrap(), &text).unwrap();
            assert!(pack.get(at).equals(&text));
            model.insert(index, text);
        }
        Change::InsertAfter(index, text) => {
            let Some(index) = place(index, model) else { return };
            let at = pack.insert_after(pack.seek(index as isize).unwrap(), &text).unwrap();
            assert!(pack.get(at).equals(&text));
            model.insert(index + 1, text);
        }
        Change::Replace(index, text) => {
            let Some(index) = place(index, model) else { return };
            let at = pack.replace(pack.seek(index as isize).unwrap(), &text).unwrap();
            assert!(pack.get(at).equals(&text));
            model[index] = text;
        }
        Change::Remove(index) => {
            let Some(index) = place(index, model) else { return };
            let next = pack.remove(pack.seek(index as isize).unwrap());
            assert_eq!(index_of(pack, next), index);
            model.remove(index);
        }
        Change::RemoveRange(index, count) => {
            let Some(index) = place(index, model) else { return };
            let next = pack.remove_range(pack.seek(index as isize).unwrap(), count);
            assert_eq!(index_of(pack, next), index);
            model.drain(index..(index + count).min(model.len()));
        }
        Change::SplitAndAppend(index) => {
            let Some(index) = place(index, model) else { return };
            let rest = pack.split_off(pack.seek(index as isize).unwrap());
            assert_eq!(texts_of(&rest), model[index..]);
            assert_eq!(texts_of(pack), model[..index]);
            pack.append(&rest).unwrap();
        }
    }
}

proptest! {
    #[test]
    fn it_behaves_as_a_list_of_texts(list in proptest::collection::vec(changes(), 0..60)) {
        let (mut pack, mut model) = (Listpack::new(), Vec::new());
        for change in list {
            apply(change, &mut pack, &mut model);
            prop_assert_eq!(pack.len(), model.len());
            prop_assert_eq!(texts_of(&pack), &model[..]);
        }
        let mut backwards: Vec<_> = pack.iter().rev().map(|item| item.text().to_vec()).collect();
        backwards.reverse();
        prop_assert_eq!(&backwards, &model);
        for (index, text) in model.iter().enumerate() {
            let at = pack.seek(index as isize).unwrap();
            prop_assert_eq!(pack.seek(index as isize - model.len() as isize), Some(at));
            prop_assert_eq!(&*pack.get(at).text(), &text[..]);
            let next = pack.next(at);
            prop_assert_eq!(next, pack.seek(index as isize + 1));
            prop_assert_eq!(next.or(pack.last()).and_then(|at| pack.prev(at)).is_none(), next.is_none() && index == 0);
            prop_assert_eq!(pack.find(pack.first().unwrap(), text, 0), model.iter().position(|other| other == text).and_then(|index| pack.seek(index as isize)));
        }
        prop_assert_eq!(pack.seek(model.len() as isize), None);
        prop_assert_eq!(pack.seek(-(model.len() as isize) - 1), None);
        prop_assert_eq!(pack.seek(isize::MIN), None);
        let again = Listpack::from_bytes(pack.as_bytes());
        prop_assert_eq!(again.as_ref().map(Listpack::as_bytes), Some(pack.as_bytes()));
        let clone = pack.clone();
        if let Some(first) = pack.first() {
            prop_assert_eq!(pack.remove_range(first, usize::MAX), None);
        }
        prop_assert_eq!(&pack, &Listpack::new());
        prop_assert_eq!(pack.byte_len(), EMPTY_BYTES);
        prop_assert_eq!(texts_of(&clone), &model[..]);
    }

    #[test]
    fn retain_keeps_what_it_is_told_to(list in proptest::collection::vec((texts(), any::<bool>()), 0..30)) {
        let mut pack = pack_of(&list.iter().map(|(text, _)| text).collect::<Vec<_>>());
        let mut answers = list.iter().map(|(_, keep)| *keep);
        let removed = pack.retain(|_| answers.next().unwrap());
        let kept: Vec<_> = list.iter().filter(|(_, keep)| *keep).map(|(text, _)| text.clone()).collect();
        prop_assert_eq!(removed, list.len() - kept.len());
        prop_assert_eq!(texts_of(&pack), kept);
        prop_assert_eq!(&Listpack::from_own_bytes(pack.as_bytes()), &pack);
        prop_assert_eq!(Listpack::from_bytes(pack.as_bytes()), Some(pack));
    }

    #[test]
    fn damage_is_refused_or_harmless(
        list in proptest::collection::vec(texts(), 0..12),
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
    ) {
        let mut bytes = pack_of(&list).as_bytes().to_vec();
        for (index, byte) in damage {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if let Some(mut pack) = Listpack::from_bytes(&bytes) {
            let forwards = texts_of(&pack);
            let mut backwards: Vec<_> = pack.iter().rev().map(|item| item.text().to_vec()).collect();
            backwards.reverse();
            prop_assert_eq!(&forwards, &backwards);
            prop_assert_eq!(forwards.len(), pack.len());
            while let Some(at) = pack.first() {
                pack.remove(at);
            }
            prop_assert!(pack.is_empty());
        }
    }
}
