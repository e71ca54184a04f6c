//! The tree against a vector.
#![allow(clippy::unwrap_used, reason = "a test")]

use super::*;
use proptest::prelude::*;
use ropewalk_reactor::random::Random;

/// What must hold of every node, and how full they are.
#[derive(Default)]
struct Survey {
    leaves: usize,
    depths: Vec<usize>,
}

impl Survey {
    fn visit(&mut self, node: &Node<u32>, depth: usize, is_root: bool) {
        match node {
            Node::Leaf(items) => {
                assert!(is_root || !items.is_empty(), "an empty leaf");
                assert!(items.len() <= LEAF_MAX && items.capacity() <= LEAF_MAX);
                self.leaves += 1;
                self.depths.push(depth);
            }
            Node::Inner(children) => {
                assert!(children.len() <= INNER_MAX && !children.is_empty());
                assert!(!is_root || children.len() > 1, "a root with one child");
                for child in children {
                    assert_eq!(Some(child.first), child.node.first());
                    assert_eq!(child.count, child.node.count());
                    self.visit(&child.node, depth + 1, false);
                }
            }
        }
    }
}

fn survey(tree: &Tree<u32>) -> Survey {
    let mut survey = Survey::default();
    survey.visit(&tree.root, 0, true);
    assert!(survey.depths.windows(2).all(|pair| pair[0] == pair[1]), "leaves of different depth");
    assert_eq!(tree.len, tree.root.count());
    survey
}

#[derive(Clone, Debug)]
enum Step {
    Insert(usize, Vec<u32>),
    Replace(usize, u32),
    Remove(usize, usize),
    Drain(usize, usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let run = prop::collection::vec(any::<u32>(), 1..150);
    let step = prop_oneof![
        5 => (any::<usize>(), run).prop_map(|(at, run)| Step::Insert(at, run)),
        1 => (any::<usize>(), any::<u32>()).prop_map(|(at, item)| Step::Replace(at, item)),
        2 => (any::<usize>(), 1..200usize).prop_map(|(at, count)| Step::Remove(at, count)),
        1 => (any::<usize>(), any::<usize>()).prop_map(|(start, len)| Step::Drain(start, len)),
    ];
    prop::collection::vec(step, 1..60)
}

proptest! {
    #[test]
    fn it_holds_what_a_vector_holds(steps in steps(), seed: u64) {
        let mut tree = Tree::new();
        let mut model: Vec<u32> = Vec::new();
        for step in steps {
            match step {
                Step::Insert(at, run) => {
                    let at = at % (model.len() + 1);
                    for (offset, item) in run.into_iter().enumerate() {
                        tree.insert(at + offset, item);
                        model.insert(at + offset, item);
                    }
                }
                Step::Replace(at, item) if !model.is_empty() => {
                    let at = at % model.len();
                    tree.replace(at, item);
                    model[at] = item;
                }
                Step::Remove(at, count) => {
                    for _ in 0..count.min(model.len()) {
                        let at = at % model.len();
                        prop_assert_eq!(tree.remove(at), Some(model.remove(at)));
                    }
                }
                Step::Drain(start, len) if !model.is_empty() => {
                    let start = start % model.len();
                    let end = start + len % (model.len() - start + 1);
                    prop_assert_eq!(tree.drain(start..end), model.drain(start..end).collect::<Vec<_>>());
                }
                Step::Replace(..) | Step::Drain(..) => {}
            }
            survey(&tree);
        }
        prop_assert_eq!(tree.len(), model.len());
        prop_assert!(tree.range(0..usize::MAX).eq(model.iter().copied()));
        prop_assert!(tree.range(0..usize::MAX).rev().eq(model.iter().rev().copied()));
        let mut random = Random::new(seed);
        for _ in 0..20 {
            let start = random.index(model.len() + 1);
            let end = start + random.index(model.len() - start + 1);
            let (mut ours, mut theirs) = (tree.range(start..end), model[start..end].iter().copied());
            prop_assert_eq!(ours.len(), theirs.len());
            loop {
                let is_front = random.chance(0.5);
                let (our, their) =
                    if is_front { (ours.next(), theirs.next()) } else { (ours.next_back(), theirs.next_back()) };
                prop_assert_eq!(our, their);
                if our.is_none() {
                    break;
                }
            }
            prop_assert_eq!(tree.get(start), model.get(start).copied());
        }
        prop_assert_eq!((tree.get(model.len()), tree.remove(model.len())), (None, None));
    }

    #[test]
    fn a_sorted_tree_is_searched(mut model in prop::collection::vec(0..5000u32, 0..3000), probes in prop::collection::vec(0..5001u32, 50)) {
        let mut tree = Tree::new();
        for item in &model {
            let rank = tree.partition_point(|other| other < item);
            tree.insert(rank, *item);
        }
        model.sort_unstable();
        prop_assert!(tree.range(0..model.len()).eq(model.iter().copied()));
        for probe in probes {
            prop_assert_eq!(
                tree.partition_point(|item| *item < probe),
                model.partition_point(|item| *item < probe)
            );
        }
        survey(&tree);
    }
}

#[test]
fn what_comes_in_order_fills_its_leaves() {
    let (mut ascending, mut descending) = (Tree::new(), Tree::new());
    for item in 0..64_000 {
        ascending.insert(ascending.len(), item);
        descending.insert(0, item);
    }
    assert_eq!(survey(&ascending).leaves, 1000);
    assert_eq!(survey(&descending).leaves, 1000);
}

#[test]
fn no_order_of_insertion_leaves_many_leaves_nearly_empty() {
    let (mut behind, mut random_order) = (Tree::new(), Tree::new());
    (0..64).for_each(|item| behind.insert(item as usize, item));
    let mut random = Random::new(1);
    for item in 0..64_000 {
        // Always right behind a leaf that was full, and anywhere.
        behind.insert(64, item);
        random_order.insert(random.index(random_order.len() + 1), item);
    }
    assert!(survey(&behind).leaves <= 2100, "{}", survey(&behind).leaves);
    assert!(survey(&random_order).leaves <= 1550, "{}", survey(&random_order).leaves);
    let per_item = random_order.heap_bytes() as f64 / (64_000 * size_of::<u32>()) as f64;
    assert!(per_item < 1.5 + 64.0 / 160.0, "{per_item}");
}

#[test]
fn no_order_of_removal_leaves_many_leaves_nearly_empty() {
    let mut tree = Tree::new();
    (0..64_000).for_each(|item| tree.insert(tree.len(), item));
    // One of each leaf is left, at first by single removals, then by whole ranges.
    for kept in 0..500 {
        (0..63).for_each(|_| assert!(tree.remove(kept + 1).is_some()));
    }
    for kept in 500..1000 {
        tree.drain(kept + 1..kept + 64);
    }
    assert_eq!(tree.len(), 1000);
    assert!(survey(&tree).leaves <= 70, "{}", survey(&tree).leaves);
}

#[test]
fn everything_can_be_drained_and_inserted_again() {
    let mut tree = Tree::new();
    for round in 0..3 {
        (0..5000).for_each(|item| tree.insert(tree.len(), item + round));
        assert_eq!(tree.drain(0..usize::MAX).len(), 5000);
        assert_eq!((tree.len(), tree.heap_bytes()), (0, 0));
        survey(&tree);
    }
}
