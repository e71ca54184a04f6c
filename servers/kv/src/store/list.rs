//! Lists: a chain of listpacks, or one alone. The one rule: no node but an only one is empty, and each is as
//! large as [`Limits`] allow at most, but where a single element is larger by itself.
//!
//! ```text
//!   few elements:   [Node]                      nothing but the listpack's allocation
//!   more:           [*]──▶ [Node][Node]...[Node]
//!                                  └ compressed, if it is far enough from both ends
//! ```
//!
//! The chain is a deque of 16-byte nodes that know their numbers of elements: reaching an index walks over
//! neighbouring memory, from whichever end is nearer, and inserting a node in the middle moves nodes, not
//! elements. Whatever removes many nodes does so in one pass.

mod node;
#[cfg(test)]
mod tests;

use super::limits::Limits;
use super::listpack::{Item, Listpack, Needle};
use super::thin::Thin;
use super::value::Encoding;
pub(crate) use node::Direction;
use node::Node;
use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::{ControlFlow, RangeInclusive};

/// Elements in order.
#[derive(Clone, Debug)]
pub(crate) struct List(Nodes);

#[derive(Clone, Debug)]
enum Nodes {
    One(Node),
    Chain(Box<Chain>),
}

#[derive(Clone, Debug)]
struct Chain {
    nodes: VecDeque<Node>,
    /// How many elements all of them have.
    length: usize,
}

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Where the first element is; LEFT.
    Front,
    /// Where the last element is; RIGHT.
    Back,
}

/// A node, to write out.
#[derive(Debug)]
pub(crate) enum Part<'a> {
    /// A listpack.
    Packed(Cow<'a, Listpack>),
    /// One element that is too long for a listpack.
    Plain(&'a [u8]),
}

/// Looking.
impl List {
    /// A list without elements.
    pub(crate) fn new() -> Self {
        Self(Nodes::One(Node::new()))
    }

    /// How many elements.
    pub(crate) fn len(&self) -> usize {
        match &self.0 {
            Nodes::One(node) => node.len(),
            Nodes::Chain(chain) => chain.length,
        }
    }

    /// Whether it has no elements.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING answers.
    pub(crate) fn encoding(&self) -> Encoding {
        Encoding::Quicklist
    }

    /// How many allocations dropping it gives back.
    pub(crate) fn free_effort(&self) -> usize {
        self.node_count()
    }

    /// What it takes on the heap, in bytes: of a long list, an estimate by the nodes at its front.
    pub(crate) fn heap_bytes(&self) -> usize {
        const SAMPLED: usize = 64;
        match &self.0 {
            Nodes::One(node) => node.heap_bytes(),
            Nodes::Chain(chain) => {
                let sampled = chain.nodes.len().min(SAMPLED);
                let bytes: usize = chain.nodes.iter().take(SAMPLED).map(Node::heap_bytes).sum();
                let nodes = bytes.saturating_mul(chain.nodes.len()) / sampled.max(1);
                nodes + chain.nodes.capacity() * size_of::<Node>() + size_of::<Chain>()
            }
        }
    }

    /// How many nodes it has.
    pub(crate) fn node_count(&self) -> usize {
        match &self.0 {
            Nodes::One(_) => 1,
            Nodes::Chain(chain) => chain.nodes.len(),
        }
    }

    /// Its nodes, to write out.
    pub(crate) fn parts(&self) -> impl Iterator<Item = Part<'_>> {
        let (front, back) = self.slices();
        front.iter().chain(back).map(Node::part)
    }

    fn slices(&self) -> (&[Node], &[Node]) {
        match &self.0 {
            Nodes::One(node) => (std::slice::from_ref(node), &[]),
            Nodes::Chain(chain) => chain.nodes.as_slices(),
        }
    }

    fn node(&self, index: usize) -> Option<&Node> {
        match &self.0 {
            Nodes::One(node) => (index == 0).then_some(node),
            Nodes::Chain(chain) => chain.nodes.get(index),
        }
    }

    /// In which node the element with this index is, and which of its elements it is.
    fn locate(&self, index: usize) -> Option<(usize, usize)> {
        let length = self.len();
        if index >= length {
            return None;
        }
        let (front, back) = self.slices();
        let mut nodes = front.iter().chain(back).enumerate();
        if index < length / 2 {
            let mut rest = index;
            nodes.find_map(|(number, node)| match rest.checked_sub(node.len()) {
                Some(less) => {
                    rest = less;
                    None
                }
                None => Some((number, rest)),
            })
        } else {
            // The elements from it on to the end.
            let mut rest = length.checked_sub(index)?;
            let mut number = self.node_count();
            front.iter().chain(back).rev().find_map(|node| {
                number = number.saturating_sub(1);
                match node.len().checked_sub(rest) {
                    Some(offset) => Some((number, offset)),
                    None => {
                        rest = rest.saturating_sub(node.len());
                        None
                    }
                }
            })
        }
    }

    /// What `look` makes of the element with this index.
    pub(crate) fn get<T>(&self, index: usize, look: impl FnOnce(Item<'_>) -> T) -> Option<T> {
        let (mut look, mut found) = (Some(look), None);
        let _ = self.visit(index, 1, Direction::Forward, |item| {
            found = look.take().map(|look| look(item));
            ControlFlow::Break(())
        });
        found
    }

    /// Visit up to `count` elements, the first of them that with this index; it breaks off when `visit` says so.
    pub(crate) fn visit(
        &self,
        start: usize,
        count: usize,
        direction: Direction,
        mut visit: impl FnMut(Item<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let Some((mut number, offset)) = self.locate(start) else { return ControlFlow::Continue(()) };
        let mut left = count;
        // Of the first node only those from `offset` on, or up to it.
        let mut bound = Some(offset);
        while left > 0 {
            let Some(node) = self.node(number) else { break };
            let range = match direction {
                Direction::Forward => {
                    let start = bound.take().unwrap_or(0);
                    start..node.len().min(start.saturating_add(left))
                }
                Direction::Backward => {
                    let end = bound.take().map_or(node.len(), |offset| offset.saturating_add(1));
                    end.saturating_sub(left)..end
                }
            };
            left = left.saturating_sub(range.len());
            node.visit(range, direction, &mut visit)?;
            number = match (direction, number) {
                (Direction::Forward, number) => number.saturating_add(1),
                (Direction::Backward, 0) => break,
                (Direction::Backward, number) => number.saturating_sub(1),
            };
        }
        ControlFlow::Continue(())
    }

    /// Visit the indices of the elements equal to `text`, among the first `compared` elements in this direction.
    pub(crate) fn positions(
        &self,
        text: &[u8],
        direction: Direction,
        compared: usize,
        mut visit: impl FnMut(usize) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let needle = Needle::new(text);
        let (start, mut walked) = match direction {
            Direction::Forward => (0, 0usize),
            Direction::Backward => (self.len().saturating_sub(1), 0),
        };
        self.visit(start, compared, direction, |item| {
            let index = match direction {
                Direction::Forward => walked,
                Direction::Backward => start.saturating_sub(walked),
            };
            walked = walked.saturating_add(1);
            if needle.is(item) { visit(index) } else { ControlFlow::Continue(()) }
        })
    }
}

/// Changing elements.
impl List {
    /// Put an element at an end.
    pub(crate) fn push(&mut self, end: End, text: &[u8], limits: &Limits) {
        let node = self.end_mut(end);
        if node.admits(text.len(), limits) {
            let index = if end == End::Front { 0 } else { node.len() };
            if node.insert(index, text).is_ok() {
                self.grow(1);
                return;
            }
        }
        let number = if end == End::Front { 0 } else { self.node_count() };
        self.insert_node(number, Node::of(text, limits));
        self.compress_edges(limits);
    }

    /// Take the element at an end, and return what `take` makes of it.
    pub(crate) fn pop<T>(
        &mut self,
        end: End,
        limits: &Limits,
        take: impl FnOnce(Item<'_>) -> T,
    ) -> Option<T> {
        let node = self.end_mut(end);
        let taken = node.pop(end, take)?;
        let is_empty = node.len() == 0;
        self.shrink(1);
        if is_empty && let Nodes::Chain(chain) = &mut self.0 {
            match end {
                End::Front => drop(chain.nodes.pop_front()),
                End::Back => drop(chain.nodes.pop_back()),
            }
            self.compress_edges(limits);
            self.collapse();
        }
        Some(taken)
    }

    /// Put an element before the one with this index, or behind the last.
    pub(crate) fn insert(&mut self, index: usize, text: &[u8], limits: &Limits) {
        let Some((number, offset)) = self.locate(index) else {
            return self.push(End::Back, text, limits);
        };
        if index == 0 {
            return self.push(End::Front, text, limits);
        }
        let admits = |list: &Self, number: usize| {
            list.node(number).is_some_and(|node| node.admits(text.len(), limits))
        };
        let before = number.checked_sub(1).filter(|before| offset == 0 && admits(self, *before));
        let inserted = if admits(self, number) {
            self.node_mut(number).is_some_and(|node| node.insert(offset, text).is_ok())
        } else if let Some(before) = before {
            self.node_mut(before).is_some_and(|node| node.insert(node.len(), text).is_ok())
        } else {
            false
        };
        if inserted {
            self.grow(1);
        } else if offset == 0 {
            self.insert_node(number, Node::of(text, limits));
        } else {
            self.split(number, offset);
            let middle = number.saturating_add(1);
            if admits(self, number)
                && self.node_mut(number).is_some_and(|node| node.insert(offset, text).is_ok())
            {
                self.grow(1);
            } else {
                self.insert_node(middle, Node::of(text, limits));
            }
        }
        self.settle_around(number, limits);
    }

    /// Replace the element with this index. Returns whether there is one.
    pub(crate) fn set(&mut self, index: usize, text: &[u8], limits: &Limits) -> bool {
        let Some((number, offset)) = self.locate(index) else { return false };
        let replaced = self.node_mut(number).is_some_and(|node| node.replace(offset, text, limits));
        if replaced {
            self.compress_nodes(number..=number, limits);
        } else {
            self.remove(index, 1, limits);
            self.insert(index, text, limits);
        }
        true
    }

    /// Remove up to `count` elements, the first of them that with this index.
    pub(crate) fn remove(&mut self, start: usize, count: usize, limits: &Limits) {
        let count = count.min(self.len().saturating_sub(start));
        let Some((first, offset)) = self.locate(start) else { return };
        let (mut number, mut offset, mut left) = (first, offset, count);
        // Nodes that lose all their elements are removed together; they stand one behind the other.
        let mut emptied = 0..0;
        while left > 0 {
            let Some(node) = self.node_mut(number) else { break };
            let removed = node.len().saturating_sub(offset).min(left);
            if removed == node.len() {
                let start = if emptied.is_empty() { number } else { emptied.start };
                emptied = start..number.saturating_add(1);
            } else {
                node.remove(offset..offset.saturating_add(removed));
            }
            left = left.saturating_sub(removed);
            (number, offset) = (number.saturating_add(1), 0);
        }
        self.shrink(count);
        match &mut self.0 {
            Nodes::Chain(chain) => drop(chain.nodes.drain(emptied)),
            Nodes::One(node) if !emptied.is_empty() => *node = Node::new(),
            Nodes::One(_) => {}
        }
        // What is left of the nodes at both ends of the gap is not merged: mostly there is but one, at an end of
        // the list, and the next command goes on with it.
        self.compress_nodes(first..=first, limits);
        self.decompress_ends(limits);
        self.collapse();
    }

    /// Remove so many elements at an end, as far as there are so many.
    pub(crate) fn remove_end(&mut self, end: End, count: usize, limits: &Limits) {
        let count = count.min(self.len());
        match end {
            End::Front => self.remove(0, count, limits),
            End::Back => self.remove(self.len().saturating_sub(count), count, limits),
        }
    }

    /// Remove up to `most` elements equal to `text`, the first ones in this direction. Returns how many.
    pub(crate) fn remove_equal(
        &mut self,
        text: &[u8],
        most: usize,
        direction: Direction,
        limits: &Limits,
    ) -> usize {
        let needle = Needle::new(text);
        let count = self.node_count();
        let mut removed = 0usize;
        let mut emptied = false;
        for step in 0..count {
            let number = match direction {
                Direction::Forward => step,
                Direction::Backward => count.saturating_sub(step).saturating_sub(1),
            };
            let left = most.saturating_sub(removed);
            let Some(node) = self.node_mut(number).filter(|_| left > 0) else { break };
            let here = node.remove_equal(needle, left, direction);
            if here > 0 {
                emptied |= node.len() == 0;
                removed = removed.saturating_add(here);
                self.compress_nodes(number..=number, limits);
            }
        }
        if removed > 0 {
            self.shrink(removed);
            if let Nodes::Chain(chain) = &mut self.0
                && emptied
            {
                chain.nodes.retain(|node| node.len() > 0);
            }
            self.decompress_ends(limits);
            self.collapse();
        }
        removed
    }

    /// Append the elements of a listpack, as a node: how lists are read from files.
    pub(crate) fn append_packed(&mut self, pack: Listpack, limits: &Limits) {
        if !pack.is_empty() {
            self.append_node(Node::packed(pack), limits);
        }
    }

    /// Append an element as a node by itself: how lists are read from files.
    pub(crate) fn append_plain(&mut self, text: &[u8], limits: &Limits) {
        self.append_node(Node::Plain(Thin::concat(0, &[text])), limits);
    }

    fn append_node(&mut self, node: Node, limits: &Limits) {
        let number = self.node_count();
        self.insert_node(number, node);
        self.compress_edges(limits);
    }
}

/// Changing nodes.
impl List {
    fn node_mut(&mut self, index: usize) -> Option<&mut Node> {
        match &mut self.0 {
            Nodes::One(node) => (index == 0).then_some(node),
            Nodes::Chain(chain) => chain.nodes.get_mut(index),
        }
    }

    fn end_mut(&mut self, end: End) -> &mut Node {
        match &mut self.0 {
            Nodes::One(node) => node,
            Nodes::Chain(chain) => {
                let last = match end {
                    End::Front => chain.nodes.front_mut(),
                    End::Back => chain.nodes.back_mut(),
                };
                last.expect("a chain has two nodes at least")
            }
        }
    }

    /// A node has so many elements more.
    fn grow(&mut self, by: usize) {
        if let Nodes::Chain(chain) = &mut self.0 {
            chain.length = chain.length.saturating_add(by);
        }
    }

    /// Nodes have so many elements less.
    fn shrink(&mut self, by: usize) {
        if let Nodes::Chain(chain) = &mut self.0 {
            chain.length = chain.length.saturating_sub(by);
        }
    }

    /// Put a node before the one with this number, or behind the last. It takes the place of an empty one.
    fn insert_node(&mut self, number: usize, node: Node) {
        if self.is_empty() {
            self.0 = Nodes::One(node);
            return;
        }
        if let Nodes::One(only) = &mut self.0 {
            let only = std::mem::replace(only, Node::new());
            let length = only.len();
            self.0 = Nodes::Chain(Box::new(Chain { nodes: VecDeque::from([only]), length }));
        }
        if let Nodes::Chain(chain) = &mut self.0 {
            chain.length = chain.length.saturating_add(node.len());
            chain.nodes.insert(number.min(chain.nodes.len()), node);
        }
    }

    /// Make two nodes of one: the second begins with the element at `offset`.
    fn split(&mut self, number: usize, offset: usize) {
        let Some(rest) = self.node_mut(number).map(|node| node.split_off(offset)) else { return };
        if rest.len() > 0 {
            self.shrink(rest.len());
            self.insert_node(number.saturating_add(1), rest);
        }
    }

    /// Make one node of two neighbours, if there is room.
    fn merge(&mut self, number: usize, limits: &Limits) {
        let Nodes::Chain(chain) = &mut self.0 else { return };
        let next = number.saturating_add(1);
        let (Some(left), Some(right)) = (chain.nodes.get(number), chain.nodes.get(next)) else { return };
        if !left.admits_all_of(right, limits) {
            return;
        }
        let Some(right) = chain.nodes.remove(next) else { return };
        if let Some(left) = chain.nodes.get_mut(number)
            && let Err(right) = left.append(right)
        {
            chain.nodes.insert(next, right);
        }
    }

    /// The node with this number, or one beside it, has changed: merge what fits together, and compress what has
    /// to be.
    fn settle_around(&mut self, number: usize, limits: &Limits) {
        for left in (number.saturating_sub(1)..=number.saturating_add(1)).rev() {
            self.merge(left, limits);
        }
        self.compress_nodes(number.saturating_sub(1)..=number.saturating_add(2), limits);
        self.compress_edges(limits);
        self.collapse();
    }

    /// A chain of one node is none.
    fn collapse(&mut self) {
        if let Nodes::Chain(chain) = &mut self.0
            && chain.nodes.len() <= 1
        {
            let mut only = chain.nodes.pop_front().unwrap_or_else(Node::new);
            only.decompress();
            self.0 = Nodes::One(only);
        }
    }

    /// Nodes have come or gone at an end: compress, and decompress, where the compressed ones begin and end.
    fn compress_edges(&mut self, limits: &Limits) {
        let depth = limits.list_compress_depth as usize;
        if let Nodes::Chain(chain) = &mut self.0
            && depth > 0
        {
            let count = chain.nodes.len();
            let last = count.saturating_sub(1);
            for number in [depth - 1, depth, last.saturating_sub(depth), count.saturating_sub(depth)] {
                chain.compress(number, depth);
            }
        }
    }

    /// These nodes were changed: compress those that are far enough from both ends.
    fn compress_nodes(&mut self, numbers: RangeInclusive<usize>, limits: &Limits) {
        let depth = limits.list_compress_depth as usize;
        if let Nodes::Chain(chain) = &mut self.0
            && depth > 0
        {
            numbers.for_each(|number| chain.compress(number, depth));
        }
    }

    /// Many nodes are gone: decompress those that are near the ends now.
    fn decompress_ends(&mut self, limits: &Limits) {
        if let Nodes::Chain(chain) = &mut self.0 {
            let depth = (limits.list_compress_depth as usize).min(chain.nodes.len());
            chain.nodes.iter_mut().take(depth).for_each(Node::decompress);
            chain.nodes.iter_mut().rev().take(depth).for_each(Node::decompress);
        }
    }
}

impl Chain {
    /// Have a node be compressed or not, as its place demands.
    fn compress(&mut self, number: usize, depth: usize) {
        let behind = self.nodes.len().saturating_sub(number);
        if let Some(node) = self.nodes.get_mut(number) {
            if number >= depth && behind > depth { node.compress() } else { node.decompress() }
        }
    }
}
