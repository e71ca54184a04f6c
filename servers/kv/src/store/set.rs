//! Sets: of integers, of a few members, of many. The one rule: each member is there once, and a set only
//! ever becomes larger in kind, never smaller again.
//!
//! | kind | holds | OBJECT ENCODING |
//! | --- | --- | --- |
//! | [`Intset`] | integers, up to `set-max-intset-entries` | `intset` |
//! | [`Listpack`] | up to 64 members of up to 64 bytes | `hashtable`: Redis 7.0 knows no other |
//! | [`Table`] | any | `hashtable` |
//!
//! A small set so takes one allocation, of a fifth of what a table of it takes.

pub(crate) mod algebra;
#[cfg(test)]
mod tests;

use super::intset::Intset;
use super::limits::Limits;
use super::listpack::{At, Item, Listpack};
use super::sample::{self, Passing};
use super::table::{Table, Text};
use super::value::Encoding;
use ropewalk_protocols::resp::number::parse_integer;
use ropewalk_reactor::random::Random;
use std::ops::ControlFlow;

/// The most members of a listpack: finding one by reading all of them costs no more than a table does.
const PACK_MEMBERS_MAX: usize = 64;
/// The longest member of a listpack, in bytes.
const PACK_MEMBER_BYTES_MAX: usize = 64;
/// The most integers of an intset, whatever is configured.
const INTSET_MEMBERS_MAX: usize = 1 << 30;
/// Of how many members the sizes are looked at to estimate those of all.
const SAMPLED_MEMBERS: usize = 5;

/// Different members, in no order.
#[derive(Clone)]
pub(crate) struct Set {
    members: Members,
}

#[derive(Clone)]
enum Members {
    Integers(Intset),
    Pack(Listpack),
    Table(Box<Table<Text>>),
}

impl Set {
    /// No members.
    pub(crate) fn new() -> Self {
        Self { members: Members::Integers(Intset::new()) }
    }

    /// The members of an intset, as far as they may be one.
    pub(crate) fn from_intset(integers: Intset, limits: &Limits) -> Self {
        let mut set = Self { members: Members::Integers(integers) };
        set.leave_intset_if_large(limits);
        set
    }

    /// How many members there are.
    pub(crate) fn len(&self) -> usize {
        match &self.members {
            Members::Integers(integers) => integers.len(),
            Members::Pack(pack) => pack.len(),
            Members::Table(table) => table.len(),
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What OBJECT ENCODING answers.
    pub(crate) fn encoding(&self) -> Encoding {
        match self.members {
            Members::Integers(_) => Encoding::Intset,
            Members::Pack(_) | Members::Table(_) => Encoding::Hashtable,
        }
    }

    /// The integers, if there is nothing but integers: what DUMP writes as such.
    pub(crate) fn intset(&self) -> Option<&Intset> {
        if let Members::Integers(integers) = &self.members { Some(integers) } else { None }
    }

    /// How many allocations dropping it gives back.
    pub(crate) fn free_effort(&self) -> usize {
        if let Members::Table(table) = &self.members { table.len() } else { 1 }
    }

    /// What it takes on the heap, in bytes; of a large one it is an estimate.
    pub(crate) fn heap_bytes(&self) -> usize {
        match &self.members {
            Members::Integers(integers) => integers.heap_bytes(),
            Members::Pack(pack) => pack.heap_bytes(),
            Members::Table(table) => {
                let sampled = table.len().min(SAMPLED_MEMBERS);
                let bytes: usize = table.iter().take(sampled).map(Text::heap_bytes).sum();
                let members = bytes.saturating_mul(table.len()).checked_div(sampled).unwrap_or(0);
                size_of::<Table<Text>>().saturating_add(table.heap_bytes()).saturating_add(members)
            }
        }
    }

    /// Whether it has this member.
    pub(crate) fn contains(&self, member: &[u8]) -> bool {
        match &self.members {
            Members::Integers(integers) => parse_integer(member).is_some_and(|it| integers.contains(it)),
            Members::Pack(pack) => position(pack, member).is_some(),
            Members::Table(table) => table.find(member).is_some(),
        }
    }

    /// Whether it has this member of another set.
    pub(crate) fn contains_item(&self, member: Item<'_>) -> bool {
        match (&self.members, member) {
            (Members::Integers(integers), Item::Integer(integer)) => integers.contains(integer),
            _ => self.contains(&member.text()),
        }
    }

    /// Add a member. Returns whether it is new.
    pub(crate) fn insert(&mut self, member: &[u8], limits: &Limits) -> bool {
        match &mut self.members {
            Members::Integers(integers) => match parse_integer(member) {
                Some(integer) => {
                    let new = integers.insert(integer);
                    self.leave_intset_if_large(limits);
                    new
                }
                None => {
                    self.leave_intset(member.len());
                    self.insert(member, limits)
                }
            },
            Members::Pack(pack) => {
                if position(pack, member).is_some() {
                    return false;
                }
                let fits = pack.len() < PACK_MEMBERS_MAX && member.len() <= PACK_MEMBER_BYTES_MAX;
                if !fits || pack.push_back(member).is_err() {
                    self.become_table().insert(Text::new(member));
                }
                true
            }
            Members::Table(table) => table.get_or_insert_with(member, || Text::new(member)).1,
        }
    }

    /// Add a member of another set. Returns whether it is new.
    pub(crate) fn insert_item(&mut self, member: Item<'_>, limits: &Limits) -> bool {
        match (&mut self.members, member) {
            (Members::Integers(integers), Item::Integer(integer)) => {
                let new = integers.insert(integer);
                self.leave_intset_if_large(limits);
                new
            }
            _ => self.insert(&member.text(), limits),
        }
    }

    fn leave_intset_if_large(&mut self, limits: &Limits) {
        let max = limits.set_intset_entries.min(INTSET_MEMBERS_MAX);
        if self.intset().is_some_and(|integers| integers.len() > max) {
            self.leave_intset(0);
        }
    }

    /// Become a set that can hold any member, of which the next has so many bytes.
    fn leave_intset(&mut self, next_bytes: usize) {
        if self.len() < PACK_MEMBERS_MAX && next_bytes <= PACK_MEMBER_BYTES_MAX {
            let mut pack = Listpack::new();
            let packed = self.iter().try_for_each(|member| pack.push_back(&member.text()));
            if packed.is_ok() {
                self.members = Members::Pack(pack);
                return;
            }
        }
        self.become_table();
    }

    /// Become a table, if it is none.
    fn become_table(&mut self) -> &mut Table<Text> {
        if !matches!(self.members, Members::Table(_)) {
            let mut table = Table::new();
            table.reserve(self.len().saturating_add(1));
            self.iter().for_each(|member| drop(table.insert(Text::new(&member.text()))));
            self.members = Members::Table(Box::new(table));
        }
        match &mut self.members {
            Members::Table(table) => table,
            _ => unreachable!("it has just become one"),
        }
    }

    /// Take a member out. Returns whether it was there.
    pub(crate) fn remove(&mut self, member: &[u8]) -> bool {
        match &mut self.members {
            Members::Integers(integers) => parse_integer(member).is_some_and(|it| integers.remove(it)),
            Members::Pack(pack) => match position(pack, member) {
                Some(at) => {
                    pack.remove(at);
                    true
                }
                None => false,
            },
            Members::Table(table) => table.remove(member).is_some(),
        }
    }

    /// The members, in no order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Item<'_>> {
        let (integers, pack, table) = match &self.members {
            Members::Integers(integers) => (Some(integers), None, None),
            Members::Pack(pack) => (None, Some(pack), None),
            Members::Table(table) => (None, None, Some(table)),
        };
        let integers = integers.into_iter().flat_map(Intset::iter).map(Item::Integer);
        let pack = pack.into_iter().flat_map(Listpack::iter);
        let table = table.into_iter().flat_map(|table| table.iter()).map(|member| Item::Bytes(member));
        integers.chain(pack).chain(table)
    }

    /// Visit the members at the cursor, and return the next one; 0 is the first, and comes back at the end.
    /// A member that is there from the first call to the last is visited at least once.
    pub(crate) fn scan(&self, cursor: u64, mut visit: impl FnMut(Item<'_>)) -> u64 {
        match &self.members {
            Members::Table(table) => table.scan(cursor, |member| visit(Item::Bytes(member))),
            _ => {
                self.iter().for_each(visit);
                0
            }
        }
    }

    /// Any member; all are equally likely.
    pub(crate) fn random(&self, random: &mut Random) -> Option<Item<'_>> {
        match &self.members {
            Members::Integers(integers) => integers.random(random).map(Item::Integer),
            Members::Pack(pack) => any_of(pack, random).map(|at| pack.get(at)),
            Members::Table(table) => table.random(random).map(|member| Item::Bytes(member)),
        }
    }

    /// Visit any members, again and again and so perhaps the same ones, until `visit` has enough. Of an empty
    /// set there are none to visit.
    pub(crate) fn draw(&self, random: &mut Random, mut visit: impl FnMut(Item<'_>) -> ControlFlow<()>) {
        // In a listpack each draw would read half of it.
        let packed: Vec<_> =
            if let Members::Pack(pack) = &self.members { pack.iter().collect() } else { vec![] };
        loop {
            let drawn = match &packed[..] {
                [] => self.random(random),
                packed => packed.get(random.index(packed.len())).copied(),
            };
            match drawn.map(&mut visit) {
                Some(ControlFlow::Continue(())) => {}
                Some(ControlFlow::Break(())) | None => return,
            }
        }
    }

    /// Visit `count` different members, or all if there are fewer; every choice of them is equally likely.
    pub(crate) fn sample(&self, count: usize, random: &mut Random, mut visit: impl FnMut(Item<'_>)) {
        match &self.members {
            Members::Table(table) if sample::are_few(count, table.len()) => {
                let drawn = sample::draw_different(count, random, |random| {
                    table.random(random).map(|member| -> &[u8] { member })
                });
                drawn.into_iter().for_each(|member| visit(Item::Bytes(member)));
            }
            _ => {
                let mut passing = Passing::new(count, self.len());
                let mut members = self.iter();
                while !passing.is_done() {
                    let Some(member) = members.next() else { break };
                    if passing.chooses(random) {
                        visit(member);
                    }
                }
            }
        }
    }

    /// Take any member out, and visit it first; all are equally likely. Returns whether there was one.
    pub(crate) fn pop(&mut self, random: &mut Random, visit: impl FnOnce(Item<'_>)) -> bool {
        match &mut self.members {
            Members::Integers(integers) => integers.pop(random).map(|it| visit(Item::Integer(it))).is_some(),
            Members::Pack(pack) => match any_of(pack, random) {
                Some(at) => {
                    visit(pack.get(at));
                    pack.remove(at);
                    true
                }
                None => false,
            },
            Members::Table(table) => {
                let Some(member) = table.random(random).cloned() else { return false };
                visit(Item::Bytes(&member));
                table.remove(&member).is_some()
            }
        }
    }

    /// Take `count` members out, or all if there are fewer, and visit each; every choice of them is equally
    /// likely.
    pub(crate) fn pop_many(
        &mut self,
        count: usize,
        random: &mut Random,
        mut visit: impl FnMut(Item<'_>),
        limits: &Limits,
    ) {
        match &mut self.members {
            Members::Integers(integers) => {
                let mut passing = Passing::new(count, integers.len());
                integers.retain(|integer| {
                    let popped = passing.chooses(random);
                    if popped {
                        visit(Item::Integer(integer));
                    }
                    !popped
                });
            }
            // To take few out of many, one after the other; else to keep the few that stay.
            Members::Table(table) if sample::are_few(count, table.len()) => {
                for _ in 0..count {
                    self.pop(random, &mut visit);
                }
            }
            _ => {
                let mut kept = self.like();
                let mut passing = Passing::new(count, self.len());
                for member in self.iter() {
                    if passing.chooses(random) {
                        visit(member);
                    } else {
                        kept.insert_item(member, limits);
                    }
                }
                *self = kept;
            }
        }
    }

    /// An empty set of the same kind.
    fn like(&self) -> Self {
        let members = match self.members {
            Members::Integers(_) => Members::Integers(Intset::new()),
            Members::Pack(_) => Members::Pack(Listpack::new()),
            Members::Table(_) => Members::Table(Box::default()),
        };
        Self { members }
    }
}

/// Where a member stands.
fn position(pack: &Listpack, member: &[u8]) -> Option<At> {
    pack.find(pack.first()?, member, 0)
}

/// Where any member stands; all are equally likely.
fn any_of(pack: &Listpack, random: &mut Random) -> Option<At> {
    let length = pack.len();
    // An index below a length of at most 2^30 is an isize.
    if length == 0 { None } else { pack.seek(random.index(length) as isize) }
}

impl std::fmt::Debug for Set {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.iter()).finish()
    }
}
