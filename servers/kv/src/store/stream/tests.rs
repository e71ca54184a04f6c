//! Streams and groups against naive models of them, and against the bytes of Redis.
#![allow(clippy::unwrap_used, reason = "a test")]

use super::group::GroupBuilder;
use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn id(ms: u64, seq: u64) -> StreamId {
    StreamId { ms, seq }
}

fn add(stream: &mut Stream, id: StreamId, pairs: &[(&str, &str)]) {
    let pairs = pairs.iter().map(|(field, value)| (field.as_bytes(), value.as_bytes()));
    stream.append(id, pairs, &Limits::default()).unwrap();
}

/// A stream of entries `a b` with the IDs 1-0, 2-0 and so on.
fn counted(entries: u64, limits: &Limits) -> Stream {
    let mut stream = Stream::new();
    for ms in 1..=entries {
        stream.append(id(ms, 0), [(&b"a"[..], &b"b"[..])].into_iter(), limits).unwrap();
    }
    stream
}

fn pairs_of(entry: &Entry<'_>) -> Pairs {
    assert_eq!(entry.pairs().count(), entry.len());
    entry.pairs().map(|(field, value)| (field.text().to_vec(), value.text().to_vec())).collect()
}

fn all(stream: &Stream) -> Vec<(StreamId, Pairs)> {
    stream.log().range(StreamId::MIN, StreamId::MAX).map(|entry| (entry.id, pairs_of(&entry))).collect()
}

fn entries_max(stream_node_entries: usize) -> Limits {
    Limits { stream_node_entries, ..Limits::default() }
}

#[test]
fn a_stream_is_one_word() {
    assert_eq!(size_of::<Stream>(), 8);
}

#[test]
fn a_stream_can_be_dropped_by_another_thread() {
    fn is_send<T: Send>() {}
    is_send::<Stream>();
}

#[test]
fn a_nodes_bytes_are_those_of_redis() {
    let mut stream = Stream::new();
    add(&mut stream, id(1000, 5), &[("temp", "20"), ("place", "north")]);
    add(&mut stream, id(1000, 7), &[("temp", "-3"), ("place", "south")]);
    add(&mut stream, id(1002, 1), &[("temp", "99999"), ("other", "x")]);
    add(&mut stream, id(1003, 0), &[("temp", "1"), ("place", "")]);
    stream.delete(id(1000, 7));
    // From DUMP of Redis 7.0.15, after the same commands.
    let dumped = b"ll\x00\x00\x00!\x00\x03\x01\x01\x01\x02\x01\x84temp\x05\x85place\x06\x00\x01\x02\x01\x00\
        \x01\x00\x01\x14\x01\x85north\x06\x05\x01\x03\x01\x00\x01\x02\x01\xdf\xfd\x02\x85south\x06\x05\x01\
        \x00\x01\x02\x01\xdf\xfc\x02\x02\x01\x84temp\x05\xf2\x9f\x86\x01\x04\x85other\x06\x81x\x02\x08\x01\
        \x02\x01\x03\x01\xdf\xfb\x02\x01\x01\x80\x01\x05\x01\xff";
    let (key, node) = stream.log().nodes().next().unwrap();
    assert_eq!(key, id(1000, 5));
    assert_eq!(node.listpack().as_bytes().escape_ascii().to_string(), dumped[1..].escape_ascii().to_string());
}

#[test]
fn an_id_that_does_not_follow_the_last_is_refused() {
    let mut stream = counted(3, &Limits::default());
    let pair = [(&b"a"[..], &b"b"[..])];
    for late in [StreamId::MIN, id(2, 9), id(3, 0)] {
        assert_eq!(stream.append(late, pair.into_iter(), &Limits::default()), Err(AddError::NotAfterLast));
    }
    stream.delete(id(3, 0));
    assert_eq!(stream.append(id(3, 0), pair.into_iter(), &Limits::default()), Err(AddError::NotAfterLast));
    assert_eq!(stream.log().last_id(), id(3, 0));
    assert_eq!(stream.len(), 2);
}

#[test]
fn a_node_is_full_by_entries_or_by_bytes() {
    assert_eq!(counted(100, &entries_max(0)).log().node_count(), 1);
    assert_eq!(counted(100, &entries_max(10)).log().node_count(), 10);
    assert_eq!(counted(101, &entries_max(10)).log().node_count(), 11);
    let tiny = Limits { stream_node_bytes: 1, ..Limits::default() };
    assert_eq!(counted(5, &tiny).log().node_count(), 5);
    let any = Limits { stream_node_bytes: 0, stream_node_entries: 0, ..Limits::default() };
    assert_eq!(counted(5000, &any).log().node_count(), 1);
    let default = counted(5000, &Limits::default());
    assert!(default.log().nodes().all(|(_, node)| node.listpack().byte_len() <= 4096));
}

#[test]
fn deleted_entries_count_towards_a_full_node() {
    let mut stream = counted(4, &entries_max(5));
    assert!((2..=4).all(|ms| stream.delete(id(ms, 0))));
    for ms in 5..=6 {
        stream.append(id(ms, 0), [(&b"a"[..], &b"b"[..])].into_iter(), &entries_max(5)).unwrap();
    }
    assert_eq!(stream.log().node_count(), 2);
    assert_eq!(stream.len(), 3);
}

#[test]
fn an_approximate_cut_takes_whole_nodes() {
    let trim = |entries: u64, trim: Trim| {
        let mut stream = counted(entries, &entries_max(10));
        (stream.trim(&trim), stream.log().counters().first_id.ms)
    };
    let limits = entries_max(10);
    assert_eq!(trim(100, Trim::roughly(Until::Length(55), None, &limits)), (40, 41));
    assert_eq!(trim(100, Trim::roughly(Until::Length(55), Some(30), &limits)), (30, 31));
    assert_eq!(trim(100, Trim::roughly(Until::Length(55), Some(29), &limits)), (20, 21));
    assert_eq!(trim(100, Trim::exactly(Until::Length(55))), (45, 46));
    assert_eq!(trim(100, Trim::roughly(Until::Id(id(46, 0)), None, &limits)), (40, 41));
    assert_eq!(trim(100, Trim::exactly(Until::Id(id(46, 0)))), (45, 46));
    assert_eq!(trim(100, Trim::exactly(Until::Length(0))), (100, 0));
    assert_eq!(trim(100, Trim::exactly(Until::Length(100))), (0, 1));
    assert_eq!(trim(100, Trim::exactly(Until::Id(StreamId::MAX))), (100, 0));
}

#[test]
fn the_limit_is_a_hundred_nodes_unless_it_is_named() {
    let limit = |named, entries| {
        Trim::roughly(Until::Length(0), named, &entries_max(entries)).limit.map(std::num::NonZeroU64::get)
    };
    assert_eq!(limit(None, 7), Some(700));
    assert_eq!(limit(None, 0), Some(10_000));
    assert_eq!(limit(None, usize::MAX), Some(1_000_000));
    assert_eq!(limit(Some(0), 7), None);
    assert_eq!(limit(Some(3), 7), Some(3));
}

#[test]
fn the_last_id_may_sink_to_the_last_entry_but_not_below() {
    let mut stream = counted(5, &Limits::default());
    assert!(stream.delete(id(4, 0)) && stream.delete(id(5, 0)));
    assert_eq!(stream.set_last_id(id(2, 9), None, None), Err(SetIdError::BelowLastEntry));
    assert_eq!(stream.set_last_id(id(9, 9), Some(2), None), Err(SetIdError::AddedBelowLength));
    assert_eq!(stream.set_last_id(id(3, 0), Some(3), Some(id(1, 1))), Ok(()));
    add(&mut stream, id(3, 1), &[("a", "b")]);
    assert_eq!(all(&stream).iter().map(|(id, _)| id.ms).collect::<Vec<_>>(), [1, 2, 3, 3]);
    assert!(stream.log().get(id(3, 1)).is_some());
    assert_eq!(stream.log().last().unwrap().id, id(3, 1));
    let counters = stream.log().counters();
    assert_eq!((counters.entries_added, counters.max_deleted_id), (4, id(1, 1)));
}

#[test]
fn a_node_of_deleted_entries_alone_makes_way_for_an_id_below_its_key() {
    let trimmed = || {
        let mut stream = counted(4, &Limits::default());
        assert!(stream.delete(id(4, 0)));
        // The deleted 4-0 keeps the node from going as a whole.
        assert_eq!(stream.trim(&Trim::exactly(Until::Id(id(4, 0)))), 3);
        assert_eq!((stream.len(), stream.log().node_count()), (0, 1));
        stream
    };
    let mut stream = trimmed();
    add(&mut stream, id(5, 0), &[("a", "b")]);
    assert_eq!(stream.log().node_count(), 1);
    assert_eq!(stream.log().nodes().next().unwrap().0, id(1, 0));
    let mut stream = trimmed();
    assert_eq!(stream.set_last_id(id(0, 1), None, None), Ok(()));
    add(&mut stream, id(0, 2), &[("a", "b")]);
    assert!(stream.log().get(id(0, 2)).is_some());
    assert_eq!(stream.log().nodes().next().unwrap().0, id(0, 2));
}

#[test]
fn damaged_nodes_are_refused() {
    let stream = counted(3, &Limits::default());
    let counters = stream.log().counters();
    let node = |change: &dyn Fn(&mut Vec<i64>)| {
        let mut elements = vec![3, 0, 1, -1, 0];
        (0..3).for_each(|ms| elements.extend([2, ms, 0, -2, 4]));
        change(&mut elements);
        let mut pack = Listpack::new();
        for element in elements {
            match element {
                -1 => pack.push_back(b"a").unwrap(),
                -2 => pack.push_back(b"b").unwrap(),
                integer => pack.push_back_integer(integer).unwrap(),
            }
        }
        Stream::from_nodes([(id(1, 0), pack)], counters)
    };
    let rebuilt = node(&|_| {}).unwrap();
    assert_eq!(all(&rebuilt), all(&stream));
    let damages: &[&dyn Fn(&mut Vec<i64>)] = &[
        &|it| it.clear(),
        &|it| it.truncate(4),
        &|it| it.truncate(11),
        &|it| it.push(1),
        &|it| it[0] = 2,
        &|it| it[0] = -5,
        &|it| it[1] = 1,
        &|it| it[2] = 2,
        &|it| it[2] = i64::MAX,
        &|it| it[2] = -1,
        &|it| it[4] = 7,
        &|it| it[5] = 0,
        &|it| it[5] = 1,
        &|it| it[9] = 5,
        &|it| it[9] = 0,
        &|it| it[6] = -3,
        &|it| it[11] = 0,
        &|it| it[16] = 1 << 40,
    ];
    for (number, damage) in damages.iter().enumerate() {
        assert!(node(damage).is_none(), "damage {number}");
    }
}

#[test]
fn nodes_out_of_order_are_refused() {
    let stream = counted(20, &entries_max(10));
    let counters = stream.log().counters();
    let mut nodes: Vec<_> = stream.log().nodes().map(|(key, node)| (key, node.listpack().clone())).collect();
    let unknown = Counters { first_id: StreamId::MAX, ..counters };
    assert_eq!(Stream::from_nodes(nodes.clone(), unknown).unwrap().log().counters(), counters);
    assert!(Stream::from_nodes(nodes.clone(), Counters { length: 19, ..counters }).is_none());
    assert!(Stream::from_nodes(nodes.clone(), Counters { last_id: id(19, 9), ..counters }).is_none());
    nodes[1].0 = id(10, 0);
    assert!(Stream::from_nodes(nodes.clone(), counters).is_none());
    nodes[1].0 = id(1, 0);
    assert!(Stream::from_nodes(nodes.clone(), counters).is_none());
    nodes[1].0 = id(11, 0);
    nodes.swap(0, 1);
    assert!(Stream::from_nodes(nodes, counters).is_none());
}

#[test]
fn a_node_of_a_dump_may_be_without_live_entries() {
    let mut pack = Listpack::new();
    [0, 1, 0, 0, 3, 0, 0, 3].into_iter().for_each(|element| pack.push_back_integer(element).unwrap());
    let counters = Counters { last_id: id(4, 0), ..Counters::default() };
    let mut stream = Stream::from_nodes([(id(5, 0), pack)], counters).unwrap();
    assert_eq!((stream.len(), stream.log().node_count()), (0, 1));
    add(&mut stream, id(4, 1), &[("a", "b")]);
    assert!(stream.log().get(id(4, 1)).is_some());
}

#[test]
fn the_lag_is_told_as_long_as_nothing_ahead_is_deleted() {
    let mut stream = Stream::new();
    stream.create_group(b"g", StreamId::MIN, None);
    let lag = |stream: &Stream| stream.group(b"g").unwrap().lag(stream.log());
    let read = |stream: &mut Stream| {
        let (log, group) = stream.group_mut(b"g").unwrap();
        let next = log.range(group.last_id().next().unwrap(), StreamId::MAX).next().unwrap().id;
        assert!(group.delivered(log, next));
        (group.entries_read(), group.lag(log))
    };
    assert_eq!(lag(&stream), Some(0));
    (1..=5).for_each(|ms| add(&mut stream, id(ms, 0), &[("data", "a")]));
    assert_eq!(lag(&stream), Some(5));
    assert_eq!(read(&mut stream), (Some(1), Some(4)));
    stream.delete(id(3, 0));
    assert_eq!(lag(&stream), None);
    assert_eq!(read(&mut stream), (None, None));
    assert_eq!(read(&mut stream), (None, None));
    assert_eq!(read(&mut stream), (Some(5), Some(0)));
    add(&mut stream, id(6, 0), &[("data", "a")]);
    assert_eq!(lag(&stream), Some(1));
    stream.trim(&Trim::exactly(Until::Id(id(5, 0))));
    stream.create_group(b"h", StreamId::MIN, None);
    assert_eq!(stream.group(b"h").unwrap().lag(stream.log()), Some(2));
}

#[test]
fn a_group_built_from_a_dump_has_an_owner_for_each_pending_entry() {
    let mut builder = GroupBuilder::new(id(5, 0), Some(5));
    assert!(builder.add_pending(id(1, 0), 100, 1));
    assert!(!builder.add_pending(id(1, 0), 100, 1));
    assert!(builder.add_pending(id(2, 0), 200, 7));
    let alice = builder.add_consumer(b"alice", 50).unwrap();
    assert_eq!(builder.add_consumer(b"alice", 50), None);
    assert!(builder.add_owner(id(1, 0), alice));
    assert!(!builder.add_owner(id(1, 0), alice));
    assert!(!builder.add_owner(id(3, 0), alice));
    let bob = builder.add_consumer(b"bob", 60).unwrap();
    assert!(builder.add_owner(id(2, 0), bob));
    let group = builder.finish().unwrap();
    assert_eq!(
        group.pending(id(2, 0)).map(|it| (group.owner_name(it), it.deliveries)),
        Some((&b"bob"[..], 7))
    );
    assert_eq!(group.consumers().map(|it| (it.name(), it.seen_at())).next(), Some((&b"alice"[..], 50)));

    let mut builder = GroupBuilder::new(id(5, 0), Some(5));
    assert!(builder.add_pending(id(1, 0), 100, 1));
    assert!(builder.finish().is_none());
}

/// A stream as anyone would write it.
#[derive(Clone, Debug, Default)]
struct Model {
    entries: BTreeMap<StreamId, Pairs>,
    last_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
}

#[derive(Clone, Debug)]
enum Change {
    /// Append an entry so far behind the last ID.
    Append(u64, u64, Pairs),
    /// Delete the entry at this place, in parts of 256.
    Delete(u8),
    /// Cut exactly until this part of the length is left.
    CutLength(u8),
    /// Cut exactly until the ID at this place, or beside it.
    CutId(u8, bool),
    /// Cut about until this part of the length is left, taking at most so many.
    CutRoughly(u8, u64),
    /// Set the last ID so far behind the last entry's.
    SetId(u64),
}

fn pairs() -> impl Strategy<Value = Pairs> {
    let field = prop_oneof![4 => Just(b"a".to_vec()), 1 => prop::collection::vec(any::<u8>(), 0..70)];
    let value = prop_oneof![
        any::<i64>().prop_map(|integer| integer.to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..200),
    ];
    prop::collection::vec((field, value), 1..4)
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        12 => (0..3u64, 0..3u64, pairs()).prop_map(|(ms, seq, pairs)| Change::Append(ms, seq, pairs)),
        1 => (any::<u64>(), any::<u64>(), pairs())
            .prop_map(|(ms, seq, pairs)| Change::Append(ms >> 8, seq, pairs)),
        4 => any::<u8>().prop_map(Change::Delete),
        1 => any::<u8>().prop_map(Change::CutLength),
        1 => any::<(u8, bool)>().prop_map(|(place, beside)| Change::CutId(place, beside)),
        1 => (any::<u8>(), 0..20u64).prop_map(|(part, limit)| Change::CutRoughly(part, limit)),
        1 => (0..3u64).prop_map(Change::SetId),
    ]
}

impl Model {
    fn at(&self, place: u8) -> Option<StreamId> {
        self.entries.keys().nth(self.part(place)).copied()
    }

    fn part(&self, place: u8) -> usize {
        self.entries.len() * usize::from(place) / 256
    }

    fn keep_last(&mut self, length: usize) -> u64 {
        let before = self.entries.len();
        while self.entries.len() > length {
            self.entries.pop_first();
        }
        (before - self.entries.len()) as u64
    }

    fn apply(&mut self, stream: &mut Stream, change: Change, limits: &Limits) {
        match change {
            Change::Append(ms, seq, pairs) => {
                let base = if ms == 0 { self.last_id.seq } else { 0 };
                let new = StreamId { ms: self.last_id.ms.saturating_add(ms), seq: base.saturating_add(seq) };
                let slices = pairs.iter().map(|(field, value)| (&field[..], &value[..]));
                let added = stream.append(new, slices, limits);
                assert_eq!(added.is_ok(), new > self.last_id);
                if added.is_ok() {
                    self.entries.insert(new, pairs);
                    self.last_id = new;
                    self.entries_added += 1;
                }
            }
            Change::Delete(place) => {
                let Some(id) = self.at(place) else { return };
                assert!(stream.delete(id));
                assert!(!stream.delete(id));
                self.entries.remove(&id);
                self.max_deleted_id = self.max_deleted_id.max(id);
            }
            Change::CutLength(part) => {
                let left = self.part(part);
                let cut = stream.trim(&Trim::exactly(Until::Length(left as u64)));
                assert_eq!(cut, self.keep_last(left));
            }
            Change::CutId(place, beside) => {
                let Some(id) = self.at(place) else { return };
                let id = if beside { id.next().unwrap_or(id) } else { id };
                let cut = stream.trim(&Trim::exactly(Until::Id(id)));
                let left = self.entries.range(id..).count();
                assert_eq!(cut, self.keep_last(left));
            }
            Change::CutRoughly(part, limit) => {
                let left = self.part(part);
                let trim = Trim::roughly(Until::Length(left as u64), Some(limit), limits);
                let cut = stream.trim(&trim);
                assert!(limit == 0 || cut <= limit);
                let rest = self.entries.len() - cut as usize;
                assert!(rest >= left || cut == 0);
                if let Some((_, first)) = stream.log().nodes().next() {
                    let live = first.live();
                    assert!(
                        rest as u64 - live < left as u64 || (limit > 0 && cut + live > limit) || rest <= left
                    );
                }
                assert_eq!(cut, self.keep_last(rest));
            }
            Change::SetId(further) => {
                let top = self.entries.keys().next_back().copied().unwrap_or_default();
                let last_id = StreamId { seq: top.seq.saturating_add(further), ..top };
                stream.set_last_id(last_id, None, None).unwrap();
                self.last_id = last_id;
            }
        }
    }

    fn check(&self, stream: &Stream) {
        let entries: Vec<_> = self.entries.iter().map(|(id, pairs)| (*id, pairs.clone())).collect();
        assert_eq!(all(stream), entries);
        let log = stream.log();
        let reversed: Vec<_> = log.range_reversed(StreamId::MIN, StreamId::MAX).map(|it| it.id).collect();
        assert!(reversed.iter().rev().eq(self.entries.keys()));
        let counters = Counters {
            length: entries.len() as u64,
            last_id: self.last_id,
            first_id: entries.first().map_or(StreamId::MIN, |(id, _)| *id),
            max_deleted_id: self.max_deleted_id,
            entries_added: self.entries_added,
        };
        assert_eq!(log.counters(), counters);
    }

    fn check_range(&self, stream: &Stream, from: u8, to: u8) {
        let bound = |place: u8| self.at(place).unwrap_or_default();
        let (from, to) = (bound(from), bound(to).next().unwrap_or_default());
        let within: Vec<_> = self.entries.keys().filter(|id| (from..=to).contains(id)).copied().collect();
        let found: Vec<_> = stream.log().range(from, to).map(|entry| entry.id).collect();
        assert_eq!(found, within);
        let found: Vec<_> = stream.log().range_reversed(from, to).map(|entry| entry.id).collect();
        assert!(found.iter().rev().eq(&within));
        assert_eq!(stream.log().get(to).is_some(), self.entries.contains_key(&to));
        assert_eq!(stream.log().get(from).is_some(), self.entries.contains_key(&from));
    }
}

proptest! {
    #[test]
    fn a_stream_does_what_the_model_does(
        changes in prop::collection::vec((change(), any::<(u8, u8)>()), 1..150),
        limits in (0..12usize, prop_oneof![Just(0), Just(4096), Just(300usize)])
            .prop_map(|(stream_node_entries, stream_node_bytes)| {
                Limits { stream_node_entries, stream_node_bytes, ..Limits::default() }
            }),
    ) {
        let (mut stream, mut model) = (Stream::new(), Model::default());
        for (change, (from, to)) in changes {
            model.apply(&mut stream, change, &limits);
            model.check(&stream);
            model.check_range(&stream, from, to);
        }
        let nodes = stream.log().nodes().map(|(key, node)| (key, node.listpack().clone()));
        let rebuilt = Stream::from_nodes(nodes, stream.log().counters()).unwrap();
        model.check(&rebuilt);
        prop_assert_eq!(rebuilt.log().radix_node_count(), stream.log().radix_node_count());
        model.check(&stream.clone());
    }

    #[test]
    fn no_bytes_make_a_node_that_panics(
        elements in prop::collection::vec(prop_oneof![0..6i64, -3..200i64, any::<i64>()], 0..40),
    ) {
        let mut pack = Listpack::new();
        elements.iter().for_each(|element| pack.push_back_integer(*element).unwrap());
        if let Some(mut node) = Node::from_listpack(pack) {
            let key = id(3, 3);
            let forward: Vec<_> = node.entries(key).map(|entry| entry.id).collect();
            let mut backward: Vec<_> = node.entries_reversed(key).map(|entry| entry.id).collect();
            backward.reverse();
            prop_assert_eq!(&forward, &backward);
            prop_assert_eq!(node.delete_front(key, |_| true), forward.len() as u64);
            prop_assert_eq!(node.live(), 0);
        }
    }
}

#[derive(Clone, Debug)]
enum GroupChange {
    /// Deliver so many new entries to this consumer.
    Read(u8, usize),
    /// Acknowledge the entry of this number.
    Acknowledge(u64),
    /// Claim an entry for a consumer, if it has been pending for so long, or anyway, as a new delivery or not.
    Claim(u64, u8, i64, bool, bool),
    /// Read a consumer's pending entry again.
    Reread(u64),
    /// Remove a consumer.
    Remove(u8),
    /// Read again from the entry of this number.
    Restart(u64),
    /// Delete an entry from the stream.
    Delete(u64),
}

fn group_change() -> impl Strategy<Value = GroupChange> {
    let entry = || 1..20u64;
    let consumer = || 0..4u8;
    prop_oneof![
        3 => (consumer(), 1..5usize).prop_map(|(consumer, count)| GroupChange::Read(consumer, count)),
        2 => entry().prop_map(GroupChange::Acknowledge),
        4 => (entry(), consumer(), 0..3i64, any::<bool>(), any::<bool>())
            .prop_map(|(entry, to, idle, force, just)| GroupChange::Claim(entry, to, idle, force, just)),
        1 => entry().prop_map(GroupChange::Reread),
        1 => consumer().prop_map(GroupChange::Remove),
        1 => entry().prop_map(GroupChange::Restart),
        1 => entry().prop_map(GroupChange::Delete),
    ]
}

/// A group as anyone would write it: pending entries, with owner, time and count; consumers.
#[derive(Debug, Default)]
struct GroupModel {
    pending: BTreeMap<StreamId, (u8, i64, u64)>,
    consumers: BTreeSet<u8>,
    last_id: StreamId,
}

impl GroupModel {
    fn apply(&mut self, stream: &mut Stream, change: GroupChange, now: i64) {
        let number = |ms: u64| id(ms, 0);
        if let GroupChange::Delete(entry) = change {
            stream.delete(number(entry));
            return;
        }
        let (log, group) = stream.group_mut(b"g").unwrap();
        match change {
            GroupChange::Read(consumer, count) => {
                let (key, is_new) = group.see_consumer(&[consumer], now);
                assert_eq!(is_new, self.consumers.insert(consumer));
                let from = group.last_id().next().unwrap();
                for entry in log.range(from, StreamId::MAX).take(count) {
                    assert!(group.delivered(log, entry.id));
                    group.assign(entry.id, key, now);
                    self.pending.insert(entry.id, (consumer, now, 1));
                    self.last_id = entry.id;
                }
            }
            GroupChange::Acknowledge(entry) => {
                let was = self.pending.remove(&number(entry)).is_some();
                assert_eq!(group.acknowledge(number(entry)), was);
            }
            GroupChange::Claim(entry, to, min_idle_ms, is_forced, is_just_id) => {
                let deliveries = if is_just_id { Deliveries::Keep } else { Deliveries::Count };
                let claim = Claim { min_idle_ms, delivered_at: now, deliveries, is_forced };
                let claimed = group.claim(log, number(entry), &[to], &claim, now);
                let expected = self.claim(log, number(entry), to, &claim, now);
                assert_eq!(claimed != Claimed::No, expected, "{claimed:?}");
            }
            GroupChange::Reread(entry) => {
                group.redelivered(number(entry), now);
                if let Some(pending) = self.pending.get_mut(&number(entry)) {
                    *pending = (pending.0, now, pending.2 + 1);
                }
            }
            GroupChange::Remove(consumer) => {
                let had = self.consumers.remove(&consumer);
                let count = self.pending.values().filter(|pending| pending.0 == consumer).count();
                self.pending.retain(|_, pending| pending.0 != consumer);
                assert_eq!(group.remove_consumer(&[consumer]), had.then_some(count));
            }
            GroupChange::Restart(entry) => {
                group.set_last_id(number(entry), None);
                self.last_id = number(entry);
            }
            GroupChange::Delete(_) => {}
        }
    }

    fn claim(&mut self, log: &Log, id: StreamId, to: u8, claim: &Claim, now: i64) -> bool {
        let was = self.pending.get(&id).copied();
        if log.get(id).is_none() {
            self.pending.remove(&id);
            return true;
        }
        let may = was.map_or(claim.is_forced, |(_, at, _)| now - at >= claim.min_idle_ms);
        if may {
            let more = u64::from(claim.deliveries == Deliveries::Count);
            self.consumers.insert(to);
            self.pending.insert(id, (to, now, was.map_or(1, |was| was.2) + more));
        }
        may
    }

    fn check(&self, group: &Group) {
        let pending = group.pending_range(StreamId::MIN, StreamId::MAX);
        let pending: Vec<_> =
            pending.map(|(id, it)| (id, (group.owner_name(it)[0], it.delivered_at, it.deliveries))).collect();
        let expected: Vec<_> = self.pending.iter().map(|(id, pending)| (*id, *pending)).collect();
        assert_eq!(pending, expected);
        assert_eq!(group.pending_len(), self.pending.len());
        assert_eq!(group.last_id(), self.last_id);
        assert!(group.consumers().map(Consumer::name).eq(self.consumers.iter().map(std::slice::from_ref)));
        for consumer in group.consumers() {
            let own: Vec<_> = consumer.pending_from(StreamId::MIN).collect();
            let name = consumer.name()[0];
            let expected = self.pending.iter().filter(|(_, pending)| pending.0 == name).map(|(id, _)| *id);
            assert_eq!(own, expected.collect::<Vec<_>>());
            assert_eq!(own.len(), consumer.pending_len());
        }
    }
}

proptest! {
    #[test]
    fn a_group_does_what_the_model_does(changes in prop::collection::vec(group_change(), 1..120)) {
        let mut stream = counted(20, &entries_max(4));
        stream.create_group(b"g", StreamId::MIN, None);
        let mut model = GroupModel::default();
        for (change, now) in changes.into_iter().zip(1000..) {
            model.apply(&mut stream, change, now);
            model.check(stream.group(b"g").unwrap());
        }
        model.check(stream.clone().group(b"g").unwrap());
    }
}
