//! Lists against a vector of texts.
#![allow(clippy::unwrap_used, reason = "a test")]

use super::*;
use proptest::prelude::*;

fn limits(size: i32, depth: u32) -> Limits {
    Limits { list_listpack_size: size, list_compress_depth: depth, ..Limits::default() }
}

fn list_of<T: AsRef<[u8]>>(texts: &[T], limits: &Limits) -> List {
    let mut list = List::new();
    texts.iter().for_each(|text| list.push(End::Back, text.as_ref(), limits));
    list
}

fn texts_of(list: &List, start: usize, count: usize, direction: Direction) -> Vec<Vec<u8>> {
    let mut texts = Vec::new();
    let _ = list.visit(start, count, direction, |item| {
        texts.push(item.text().to_vec());
        ControlFlow::Continue(())
    });
    texts
}

/// What holds of every list.
fn check(list: &List, limits: &Limits) {
    let (front, back) = list.slices();
    let nodes: Vec<&Node> = front.iter().chain(back).collect();
    assert_eq!(nodes.iter().map(|node| node.len()).sum::<usize>(), list.len());
    for (number, node) in nodes.iter().enumerate() {
        assert!(node.len() > 0 || nodes.len() == 1);
        match node {
            Node::Packed(count, pack) => assert_eq!(pack.len(), *count as usize),
            Node::Compressed(count, _) => {
                let depth = limits.list_compress_depth as usize;
                assert!(number >= depth && number + depth < nodes.len(), "{number} of {}", nodes.len());
                let Part::Packed(pack) = node.part() else { panic!("not a listpack") };
                assert_eq!(pack.len(), *count as usize);
            }
            Node::Plain(_) => {}
        }
    }
}

#[test]
fn a_list_is_two_words_and_a_small_one_has_one_allocation() {
    assert_eq!(size_of::<List>(), 16);
    assert_eq!(size_of::<Option<List>>(), 16);
    assert_eq!(size_of::<Node>(), 16);
    let list = list_of(&["a", "b", "c"], &Limits::default());
    assert_eq!((list.heap_bytes(), list.free_effort()), (16, 1));
}

#[test]
fn a_node_is_as_large_as_it_may_be() {
    // As many nodes as Redis has.
    let text = [b'x'; 90];
    for (size, nodes) in
        [(-1, 24), (-2, 12), (-3, 6), (-4, 3), (-5, 2), (-9, 2), (1, 1000), (100, 12), (20, 50)]
    {
        let list = list_of(&[text; 1000], &limits(size, 0));
        assert_eq!(list.node_count(), nodes, "{size}");
        check(&list, &limits(size, 0));
    }
}

#[test]
fn what_is_long_has_a_node_by_itself() {
    let long = vec![b'x'; 100];
    let limits = Limits { list_plain_bytes: 100, ..Limits::default() };
    let mut list = list_of(&[&b"a"[..], &long, b"b", b"c"], &limits);
    assert_eq!(list.node_count(), 3);
    assert!(matches!(list.parts().nth(1), Some(Part::Plain(text)) if text == long));
    assert!(list.set(3, &long, &limits));
    assert!(list.set(1, b"short", &limits));
    list.insert(2, &long, &limits);
    check(&list, &limits);
    assert_eq!(texts_of(&list, 0, 9, Direction::Forward), [&b"a"[..], b"short", &long, b"b", &long]);
    assert_eq!(list.remove_equal(&long, 1, Direction::Backward, &limits), 1);
    assert_eq!(texts_of(&list, 3, 9, Direction::Backward), [&b"b"[..], &long, b"short", b"a"]);
    assert_eq!(list.pop(End::Back, &limits, |item| item.text().to_vec()), Some(b"b".to_vec()));
    assert_eq!(list.pop(End::Back, &limits, |item| item.text().to_vec()), Some(long));
    check(&list, &limits);
}

#[test]
fn inner_nodes_are_compressed() {
    let limits = limits(-1, 1);
    let text = b"the same over and over again".repeat(3);
    let list = list_of(&vec![&text; 1000], &limits);
    let (front, back) = list.slices();
    let compressed: Vec<_> =
        front.iter().chain(back).map(|node| matches!(node, Node::Compressed(..))).collect();
    assert_eq!(compressed.len(), list.node_count());
    assert_eq!(compressed.iter().filter(|it| !**it).count(), 2);
    assert!(!compressed[0] && !compressed[compressed.len() - 1]);
    assert!(list.heap_bytes() < 20_000, "{}", list.heap_bytes());
    assert_eq!(list.get(500, |item| item.text().to_vec()), Some(text));
    check(&list, &limits);
}

#[test]
fn a_visitor_may_break_off() {
    let list = list_of(&["0", "1", "2", "3"], &limits(1, 0));
    let mut seen = 0;
    let flow = list.visit(1, 3, Direction::Forward, |item| {
        seen += 1;
        if item.equals(b"2") { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert_eq!((flow, seen), (ControlFlow::Break(()), 2));
}

#[derive(Clone, Debug)]
enum Step {
    Push(bool, Vec<u8>),
    Pop(bool),
    Insert(usize, Vec<u8>),
    Set(usize, Vec<u8>),
    Remove(usize, usize),
    RemoveEqual(usize, usize, bool),
    Bulk(bool, u8),
    Configure(Limits),
}

fn text() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => (0u8..6).prop_map(|value| vec![b'0' + value]),
        2 => any::<i64>().prop_map(|value| value.to_string().into_bytes()),
        2 => (any::<u8>(), 0usize..200).prop_map(|(byte, length)| vec![byte; length]),
        1 => (any::<u8>(), 3000usize..9000).prop_map(|(byte, length)| vec![byte; length]),
    ]
}

fn configuration() -> impl Strategy<Value = Limits> {
    let size = prop_oneof![Just(-1), Just(-2), Just(0), 1i32..20];
    (size, 0u32..4, prop_oneof![Just(1usize << 30), Just(1), Just(150)])
        .prop_map(|(size, depth, plain)| Limits { list_plain_bytes: plain, ..limits(size, depth) })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<bool>(), text()).prop_map(|(front, text)| Step::Push(front, text)),
        2 => any::<bool>().prop_map(Step::Pop),
        4 => (any::<usize>(), text()).prop_map(|(index, text)| Step::Insert(index, text)),
        3 => (any::<usize>(), text()).prop_map(|(index, text)| Step::Set(index, text)),
        2 => (any::<usize>(), 0usize..20).prop_map(|(index, count)| Step::Remove(index, count)),
        2 => (any::<usize>(), 0usize..5, any::<bool>())
            .prop_map(|(index, most, forward)| Step::RemoveEqual(index, most, forward)),
        2 => (any::<bool>(), any::<u8>()).prop_map(|(front, count)| Step::Bulk(front, count)),
        1 => configuration().prop_map(Step::Configure),
    ]
}

/// Do the same to both.
fn apply(step: Step, list: &mut List, model: &mut Vec<Vec<u8>>, limits: &mut Limits) {
    let end = |front: bool| if front { End::Front } else { End::Back };
    match step {
        Step::Push(front, text) => {
            list.push(end(front), &text, limits);
            model.insert(if front { 0 } else { model.len() }, text);
        }
        Step::Pop(front) => {
            let popped = list.pop(end(front), limits, |item| item.text().to_vec());
            let expected = match front {
                true if !model.is_empty() => Some(model.remove(0)),
                true => None,
                false => model.pop(),
            };
            assert_eq!(popped, expected);
        }
        Step::Insert(index, text) => {
            let index = index % (model.len() + 1);
            list.insert(index, &text, limits);
            model.insert(index, text);
        }
        Step::Set(index, text) => {
            let index = index % (model.len() + 1);
            assert_eq!(list.set(index, &text, limits), index < model.len());
            if let Some(place) = model.get_mut(index) {
                *place = text;
            }
        }
        Step::Remove(index, count) => {
            let index = index % (model.len() + 1);
            list.remove(index, count, limits);
            model.drain(index..(index + count).min(model.len()));
        }
        Step::RemoveEqual(index, most, forward) => {
            let Some(text) = model.get(index % model.len().max(1)).cloned() else { return };
            let most = if most == 0 { usize::MAX } else { most };
            let direction = if forward { Direction::Forward } else { Direction::Backward };
            let mut equal: Vec<_> = (0..model.len()).filter(|index| model[*index] == text).collect();
            if !forward {
                equal.reverse();
            }
            equal.truncate(most);
            assert_eq!(list.remove_equal(&text, most, direction, limits), equal.len());
            let mut index = 0;
            model.retain(|_| {
                index += 1;
                !equal.contains(&(index - 1))
            });
        }
        Step::Bulk(front, count) => {
            for value in 0..count {
                apply(Step::Push(front, vec![value % 7; 3]), list, model, limits);
            }
        }
        Step::Configure(new) => {
            *limits = new;
            // What is there already follows as far as it is touched: begin anew.
            *list = list_of(model, limits);
        }
    }
}

proptest! {
    #[test]
    fn it_behaves_as_a_vector(
        configuration in configuration(),
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let (mut list, mut model, mut limits) = (List::new(), Vec::new(), configuration);
        for step in steps {
            apply(step, &mut list, &mut model, &mut limits);
            check(&list, &limits);
            prop_assert_eq!(list.len(), model.len());
        }
        prop_assert_eq!(&texts_of(&list, 0, usize::MAX, Direction::Forward), &model);
        for start in 0..model.len() {
            prop_assert_eq!(list.get(start, |item| item.text().to_vec()), model.get(start).cloned());
            for count in [1, 3] {
                let forward = texts_of(&list, start, count, Direction::Forward);
                prop_assert_eq!(&forward[..], &model[start..(start + count).min(model.len())]);
                let mut backward = texts_of(&list, start, count, Direction::Backward);
                backward.reverse();
                prop_assert_eq!(&backward[..], &model[(start + 1).saturating_sub(count)..=start]);
            }
        }
        for text in model.iter().take(5) {
            for direction in [Direction::Forward, Direction::Backward] {
                let mut found = Vec::new();
                let _ = list.positions(text, direction, usize::MAX, |index| {
                    found.push(index);
                    ControlFlow::Continue(())
                });
                if direction == Direction::Backward {
                    found.reverse();
                }
                let expected: Vec<_> = (0..model.len()).filter(|index| model[*index] == *text).collect();
                prop_assert_eq!(found, expected);
            }
        }
        let mut copy = List::new();
        for part in list.parts() {
            match part {
                Part::Packed(pack) => copy.append_packed(pack.into_owned(), &limits),
                Part::Plain(text) => copy.append_plain(text, &limits),
            }
        }
        check(&copy, &limits);
        prop_assert_eq!(&texts_of(&copy, 0, usize::MAX, Direction::Forward), &model);
    }
}
