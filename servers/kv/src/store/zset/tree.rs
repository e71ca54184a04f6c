//! A sequence with ranks: elements are reached, inserted, removed and searched for by their place, each
//! in logarithmic time. The one rule: it knows no order; whoever inserts keeps one, and searches by it.
//!
//! It is a B+tree that counts. Elements stand in leaves; an inner node has, for each child, a copy of the
//! first element below it (to search by) and how many there are below it (to count by):
//!
//! ```text
//!              [ a:3 | d:4 | h:2 ]          first element : count
//!             /        |         \
//!       [a b c]   [d e f g]    [h i]
//! ```
//!
//! All leaves are equally deep, and none is empty but the only one of an empty tree. A node that is full
//! splits in halves; at either end of the sequence it stays full and a new one begins, so that what is
//! inserted in order fills its nodes. A node that falls below a quarter merges with a neighbour, or
//! they share what they have.

use std::ops::Range;
use std::slice;

/// The most elements of a leaf. With 16 bytes each that is 1 KiB, which is moved faster than a second
/// level is visited.
const LEAF_MAX: usize = 64;

/// The most children of an inner node.
const INNER_MAX: usize = 32;

/// Elements by rank.
#[derive(Clone, Debug)]
pub(super) struct Tree<T> {
    root: Node<T>,
    len: usize,
}

#[derive(Clone, Debug)]
enum Node<T> {
    Leaf(Vec<T>),
    Inner(Vec<Child<T>>),
}

#[derive(Clone, Debug)]
struct Child<T> {
    /// A copy of the first element below.
    first: T,
    /// How many elements are below.
    count: usize,
    node: Node<T>,
}

impl<T: Copy> Tree<T> {
    /// Without elements.
    pub(super) fn new() -> Self {
        Self { root: Node::Leaf(Vec::new()), len: 0 }
    }

    /// How many elements there are.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The element at this rank.
    pub(super) fn get(&self, rank: usize) -> Option<T> {
        let (leaf, offset) = self.leaf_at(rank)?;
        leaf.get(offset).copied()
    }

    /// The rank of the first element that `is_before` refuses, which takes a prefix of them all.
    pub(super) fn partition_point(&self, mut is_before: impl FnMut(&T) -> bool) -> usize {
        let (mut node, mut rank) = (&self.root, 0);
        loop {
            match node {
                Node::Leaf(items) => return rank + items.partition_point(is_before),
                Node::Inner(children) => {
                    // What is sought is below the last child that begins before it, or right behind that.
                    let begun = children.partition_point(|child| is_before(&child.first));
                    let Some((child, before)) = children.get(..begun).and_then(<[_]>::split_last) else {
                        return rank;
                    };
                    rank += before.iter().map(|child| child.count).sum::<usize>();
                    node = &child.node;
                }
            }
        }
    }

    /// Insert an element before the one at `rank`, or at the end.
    pub(super) fn insert(&mut self, rank: usize, item: T) {
        debug_assert!(rank <= self.len, "rank {rank} of {}", self.len);
        let at_an_end = rank == 0 || rank >= self.len;
        if let Some(right) = self.root.insert(rank, item, at_an_end) {
            let left = std::mem::replace(&mut self.root, Node::Leaf(Vec::new()));
            self.root = Node::Inner([left, right].into_iter().filter_map(Child::of).collect());
        }
        self.len += 1;
    }

    /// Put an element in the place of the one at `rank`.
    pub(super) fn replace(&mut self, rank: usize, item: T) {
        self.root.replace(rank, item);
    }

    /// Remove the element at this rank.
    pub(super) fn remove(&mut self, rank: usize) -> Option<T> {
        let removed = self.root.remove(rank)?;
        self.len -= 1;
        self.collapse();
        Some(removed)
    }

    /// Remove the elements at these ranks, in time linear in their number but for a logarithm.
    pub(super) fn drain(&mut self, range: Range<usize>) -> Vec<T> {
        let range = range.start..range.end.min(self.len);
        let mut drained = Vec::with_capacity(range.len());
        if !range.is_empty() {
            self.root.drain(range.clone(), &mut drained);
            self.len -= drained.len();
            self.collapse();
            // Where the gap was, nodes may have fallen below a quarter at every level.
            self.rebalance(range.start.saturating_sub(1));
            self.rebalance(range.start);
            self.collapse();
        }
        drained
    }

    /// The elements at these ranks.
    pub(super) fn range(&self, range: Range<usize>) -> Iter<'_, T> {
        let range = range.start..range.end.min(self.len);
        Iter { tree: self, range, front: [].iter(), back: [].iter() }
    }

    /// What its nodes take, in bytes: exactly for few of them, else an estimate.
    pub(super) fn heap_bytes(&self) -> usize {
        /// As many places are looked at.
        const SAMPLES: usize = 16;
        let step = (self.len / SAMPLES).max(1);
        let mut sampled = 0usize;
        let mut bytes = 0usize;
        let mut rank = 0;
        while let Some((items, capacity)) = self.root.leaf_with_capacity(rank) {
            sampled += items.len();
            bytes += capacity * size_of::<T>() + size_of::<Child<T>>();
            rank += items.len().max(step);
        }
        // Through u128, which holds any product of two sizes.
        (bytes as u128 * self.len as u128 / sampled.max(1) as u128) as usize
    }

    /// The leaf that has the element at this rank, and where in it.
    fn leaf_at(&self, rank: usize) -> Option<(&[T], usize)> {
        let (mut node, mut rank) = (&self.root, rank);
        loop {
            match node {
                Node::Leaf(items) => return (rank < items.len()).then_some((items, rank)),
                Node::Inner(children) => {
                    let (index, below) = locate(children, rank)?;
                    node = &children.get(index)?.node;
                    rank = below;
                }
            }
        }
    }

    /// A root with one child is one level too many.
    fn collapse(&mut self) {
        while let Node::Inner(children) = &mut self.root {
            match children.len() {
                0 => self.root = Node::Leaf(Vec::new()),
                1 => self.root = children.pop().expect("there is one").node,
                _ => return,
            }
        }
    }

    /// Fill up what is less than a quarter full on the way down to this rank.
    fn rebalance(&mut self, mut rank: usize) {
        let mut node = &mut self.root;
        while let Node::Inner(children) = node {
            let Some((index, _)) = locate(children, rank) else { return };
            fix(children, index);
            let Some((index, below)) = locate(children, rank) else { return };
            let Some(child) = children.get_mut(index) else { return };
            node = &mut child.node;
            rank = below;
        }
    }
}

/// Which child has the element at this rank, and its rank therein.
fn locate<T>(children: &[Child<T>], mut rank: usize) -> Option<(usize, usize)> {
    for (index, child) in children.iter().enumerate() {
        if rank < child.count {
            return Some((index, rank));
        }
        rank -= child.count;
    }
    None
}

/// Which child takes an element before this rank, and its rank therein: of two neighbours the left one.
fn locate_gap<T>(children: &[Child<T>], mut rank: usize) -> (usize, usize) {
    for (index, child) in children.iter().enumerate() {
        if rank <= child.count {
            return (index, rank);
        }
        rank -= child.count;
    }
    // A rank behind the end, which no caller has: the end.
    let last = children.len().saturating_sub(1);
    (last, children.last().map_or(0, |child| child.count))
}

impl<T: Copy> Child<T> {
    /// A node as a child; not if it is empty.
    fn of(node: Node<T>) -> Option<Self> {
        Some(Self { first: node.first()?, count: node.count(), node })
    }

    /// Look again at what is below.
    fn refresh(&mut self) {
        if let Some(first) = self.node.first() {
            self.first = first;
        }
        self.count = self.node.count();
    }
}

impl<T: Copy> Node<T> {
    fn first(&self) -> Option<T> {
        match self {
            Self::Leaf(items) => items.first().copied(),
            Self::Inner(children) => children.first().map(|child| child.first),
        }
    }

    fn count(&self) -> usize {
        match self {
            Self::Leaf(items) => items.len(),
            Self::Inner(children) => children.iter().map(|child| child.count).sum(),
        }
    }

    fn is_underfull(&self) -> bool {
        match self {
            Self::Leaf(items) => items.len() < LEAF_MAX / 4,
            Self::Inner(children) => children.len() < INNER_MAX / 4,
        }
    }

    /// The leaf that has the element at this rank, and for how many it has room.
    fn leaf_with_capacity(&self, rank: usize) -> Option<(&[T], usize)> {
        match self {
            Self::Leaf(items) => (rank < items.len()).then_some((items, items.capacity())),
            Self::Inner(children) => {
                let (index, below) = locate(children, rank)?;
                children.get(index)?.node.leaf_with_capacity(below)
            }
        }
    }

    /// Insert before this rank. Returns the right half if it had to split.
    fn insert(&mut self, rank: usize, item: T, at_an_end: bool) -> Option<Self> {
        let children = match self {
            Self::Leaf(items) => {
                return insert_or_split(items, rank, item, LEAF_MAX, at_an_end).map(Self::Leaf);
            }
            Self::Inner(children) => children,
        };
        let (index, below) = locate_gap(children, rank);
        let child = children.get_mut(index)?;
        let split = child.node.insert(below, item, at_an_end);
        child.count += 1;
        if below == 0 {
            child.first = item;
        }
        let right = Child::of(split?)?;
        child.count -= right.count;
        insert_or_split(children, index + 1, right, INNER_MAX, at_an_end).map(Self::Inner)
    }

    fn replace(&mut self, rank: usize, item: T) {
        match self {
            Self::Leaf(items) => {
                if let Some(place) = items.get_mut(rank) {
                    *place = item;
                }
            }
            Self::Inner(children) => {
                let Some((index, below)) = locate(children, rank) else { return };
                let Some(child) = children.get_mut(index) else { return };
                child.node.replace(below, item);
                if below == 0 {
                    child.first = item;
                }
            }
        }
    }

    fn remove(&mut self, rank: usize) -> Option<T> {
        match self {
            Self::Leaf(items) => {
                let removed = (rank < items.len()).then(|| items.remove(rank));
                give_back(items);
                removed
            }
            Self::Inner(children) => {
                let (index, below) = locate(children, rank)?;
                let child = children.get_mut(index)?;
                let removed = child.node.remove(below)?;
                child.count -= 1;
                if below == 0 {
                    child.refresh();
                }
                fix(children, index);
                Some(removed)
            }
        }
    }

    /// Move the elements at these ranks to the end of `drained`.
    fn drain(&mut self, range: Range<usize>, drained: &mut Vec<T>) {
        match self {
            Self::Leaf(items) => {
                drained.extend(items.drain(range.start..range.end.min(items.len())));
                give_back(items);
            }
            Self::Inner(children) => {
                let mut begin = 0;
                children.retain_mut(|child| {
                    let start = range.start.saturating_sub(begin).min(child.count);
                    let end = range.end.saturating_sub(begin).min(child.count);
                    begin += child.count;
                    let is_kept = end - start < child.count;
                    if !is_kept {
                        child.node.collect(drained);
                    } else if start < end {
                        child.node.drain(start..end, drained);
                        child.refresh();
                    }
                    is_kept
                });
            }
        }
    }

    /// Copy all elements to the end of `collected`.
    fn collect(&self, collected: &mut Vec<T>) {
        match self {
            Self::Leaf(items) => collected.extend_from_slice(items),
            Self::Inner(children) => children.iter().for_each(|child| child.node.collect(collected)),
        }
    }
}

/// Insert into a node. If it is full, its right part is returned: the right half, but all or nothing at
/// the end of the sequence where it is inserted.
fn insert_or_split<X>(items: &mut Vec<X>, at: usize, item: X, max: usize, at_an_end: bool) -> Option<Vec<X>> {
    if items.len() < max {
        make_room(items, max);
        items.insert(at.min(items.len()), item);
        return None;
    }
    if at_an_end && at >= items.len() {
        return Some(vec![item]);
    }
    if at_an_end && at == 0 {
        return Some(std::mem::replace(items, vec![item]));
    }
    let mut right = items.split_off(max / 2);
    give_back(items);
    match at.checked_sub(items.len()) {
        Some(at) if at > 0 => right.insert(at.min(right.len()), item),
        _ => items.insert(at, item),
    }
    Some(right)
}

/// How much more a node grows at a time, at most: what it has too much is half of that on average.
const ROOM_STEP: usize = 16;

/// Make room for one more: a small node grows by doubling, a larger one by steps.
fn make_room<X>(items: &mut Vec<X>, max: usize) {
    if items.len() == items.capacity() {
        let more = items.len().clamp(4, ROOM_STEP);
        items.reserve_exact(more.min(max - items.len()));
    }
}

/// Give back room that is not needed soon.
fn give_back<X>(items: &mut Vec<X>) {
    if items.capacity() - items.len() >= 2 * ROOM_STEP {
        items.shrink_to(items.len() + ROOM_STEP / 2);
    }
}

/// See to it that this child is neither empty nor less than a quarter full, if it has a neighbour.
fn fix<T: Copy>(children: &mut Vec<Child<T>>, index: usize) {
    let Some(child) = children.get(index) else { return };
    if child.count == 0 {
        children.remove(index);
        return;
    }
    if !child.node.is_underfull() || children.len() < 2 {
        return;
    }
    let right_index = if index + 1 < children.len() { index + 1 } else { index };
    let (head, tail) = children.split_at_mut(right_index);
    let (Some(left), Some(right)) = (head.last_mut(), tail.first_mut()) else { return };
    match (&mut left.node, &mut right.node) {
        (Node::Leaf(left), Node::Leaf(right)) => share(left, right, LEAF_MAX),
        (Node::Inner(left), Node::Inner(right)) => share(left, right, INNER_MAX),
        _ => debug_assert!(false, "neighbours are equally deep"),
    }
    left.refresh();
    right.refresh();
    if right.count == 0 {
        children.remove(right_index);
    }
}

/// Move all to the left if it is left with room, else half of all to each.
fn share<X>(left: &mut Vec<X>, right: &mut Vec<X>, max: usize) {
    let total = left.len() + right.len();
    if total <= max * 3 / 4 {
        left.reserve_exact(right.len());
        left.append(right);
    } else if let Some(missing) = (total / 2).checked_sub(left.len()) {
        left.reserve_exact(missing);
        left.extend(right.drain(..missing));
        give_back(right);
    } else {
        right.reserve_exact(left.len() - total / 2);
        right.splice(..0, left.drain(total / 2..));
        give_back(left);
    }
}

/// The elements at some ranks, from either end.
#[derive(Debug)]
pub(super) struct Iter<'a, T> {
    tree: &'a Tree<T>,
    /// The ranks that are still to come.
    range: Range<usize>,
    /// What is known to come at the front: the rest of a leaf. It may go beyond the range.
    front: slice::Iter<'a, T>,
    /// What is known to come at the back.
    back: slice::Iter<'a, T>,
}

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self {
            tree: self.tree,
            range: self.range.clone(),
            front: self.front.clone(),
            back: self.back.clone(),
        }
    }
}

impl<T: Copy> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        if self.range.is_empty() {
            return None;
        }
        if self.front.len() == 0 {
            let (leaf, offset) = self.tree.leaf_at(self.range.start)?;
            self.front = leaf.get(offset..)?.iter();
        }
        self.range.start += 1;
        self.front.next().copied()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.range.len(), Some(self.range.len()))
    }
}

impl<T: Copy> DoubleEndedIterator for Iter<'_, T> {
    fn next_back(&mut self) -> Option<T> {
        if self.range.is_empty() {
            return None;
        }
        if self.back.len() == 0 {
            let (leaf, offset) = self.tree.leaf_at(self.range.end - 1)?;
            self.back = leaf.get(..=offset)?.iter();
        }
        self.range.end -= 1;
        self.back.next_back().copied()
    }
}

impl<T: Copy> ExactSizeIterator for Iter<'_, T> {}

#[cfg(test)]
mod tests;
