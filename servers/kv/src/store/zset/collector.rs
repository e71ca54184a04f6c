//! Members on the way to a sorted set, in any order. The one rule: they are put in order once, at the end.

use super::large::{Large, Member};
use super::{Form, Zset};
use crate::store::limits::Limits;
use crate::store::table::Table;

/// Members with scores, in no order yet.
#[derive(Debug)]
pub(crate) struct Collector {
    members: Table<Member>,
    /// The longest name, in bytes, of all that were added.
    longest: usize,
}

impl Collector {
    /// Without members.
    pub(crate) fn new() -> Self {
        Self { members: Table::new(), longest: 0 }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }

    /// Add a member; if it is there already, it gets the score that `merge` makes of the one it has.
    pub(crate) fn add(&mut self, name: &[u8], score: f64, merge: impl FnOnce(f64) -> f64) {
        let (member, is_new) = self.members.get_or_insert_with(name, || Member::new(score, name));
        if is_new {
            self.longest = self.longest.max(name.len());
        } else {
            member.set_score(merge(member.score()));
        }
    }

    /// Take a member out again.
    pub(crate) fn remove(&mut self, name: &[u8]) {
        self.members.remove(name);
    }

    /// The sorted set.
    pub(crate) fn finish(self, limits: &Limits) -> Zset {
        let is_small =
            self.len() <= limits.zset_listpack_entries && self.longest <= limits.zset_listpack_value;
        let large = Large::from_table(self.members);
        if is_small {
            return Zset::from_sorted(large.range(0..large.len()), limits);
        }
        Zset(Form::Large(Box::new(large)))
    }
}
