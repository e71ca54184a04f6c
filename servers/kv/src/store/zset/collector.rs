//! Members on the way to a sorted set, in any order. The one rule: they are put in order once, at the end.

use super::large::{Large, Member};
use super::{Form, Zset};
use crate::store::limits::Limits;
use crate::store::table::Table;

/// Members with scores, in no order yet.
#[derive(Debug)]
pub(crate) struct Collector {
    members: Table<Member>,
}

impl Collector {
    /// Without members.
    pub(crate) fn new() -> Self {
        Self { members: Table::new() }
    }

    /// Add a member; if it is there already, it gets the score that `merge` makes of the one it has.
    pub(crate) fn add(&mut self, name: &[u8], score: f64, merge: impl FnOnce(f64) -> f64) {
        let (member, is_new) = self.members.get_or_insert_with(name, || Member::new(score, name));
        if !is_new {
            member.set_score(merge(member.score()));
        }
    }

    /// Take a member out again.
    pub(crate) fn remove(&mut self, name: &[u8]) {
        self.members.remove(name);
    }

    /// The sorted set, to be looked at and not to be kept: it is large, however few there are.
    pub(crate) fn sorted(self) -> Zset {
        Zset(Form::Large(Box::new(Large::from_table(self.members))))
    }

    /// The sorted set, to be kept.
    pub(crate) fn finish(self, limits: &Limits) -> Zset {
        let may_be_small = self.members.len() <= limits.zset_listpack_entries;
        let large = self.sorted();
        if may_be_small { Zset::from_sorted(large.iter(), limits) } else { large }
    }
}
