//! What follows from a row.
#![allow(clippy::unwrap_used, reason = "a test")]

use super::argument::{key, string};
use super::*;

const TWO_RANGES: &[KeySpec] = &[KeySpec::first(key_flags!(OW)), KeySpec::range(2, -1, key_flags!(RO))];

#[test]
fn arity_counts_the_name_and_may_be_a_minimum() {
    let exactly = Command { arity: 2, ..Command::DEFAULT };
    assert_eq!([1, 2, 3].map(|count| exactly.admits(count)), [false, true, false]);
    let at_least = Command { arity: -2, ..Command::DEFAULT };
    assert_eq!([1, 2, 3].map(|count| at_least.admits(count)), [false, true, true]);
    assert!(at_least.admits(usize::MAX));
}

#[test]
fn categories_follow_from_flags() {
    let row = Command {
        flags: flags!(WRITE | ADMIN | BLOCKING),
        categories: categories!(LIST),
        ..Command::DEFAULT
    };
    let names: Vec<_> = row.categories().names().collect();
    assert_eq!(names, ["write", "list", "admin", "slow", "blocking", "dangerous"]);
    let fast = Command { flags: flags!(FAST | PUBSUB), ..Command::DEFAULT };
    assert_eq!(fast.categories().names().collect::<Vec<_>>(), ["pubsub", "fast"]);
}

#[test]
fn a_category_is_known_in_any_case() {
    assert_eq!(Categories::named(b"SortedSet"), Some(Categories::SORTEDSET));
    assert_eq!(Categories::named(b"all"), None);
}

#[test]
fn consecutive_ranges_make_one_legacy_range() {
    let row = Command { keys: TWO_RANGES, ..Command::DEFAULT };
    assert_eq!(row.legacy_range(), LegacyRange { first: 1, last: -1, step: 1 });
    assert!(!row.has_movable_keys());
}

#[test]
fn what_a_range_cannot_tell_makes_keys_movable() {
    const COUNTED: &[KeySpec] = &[KeySpec::first(key_flags!(OW)), KeySpec::counted(2, key_flags!(RO))];
    let counted = Command { keys: COUNTED, flags: flags!(WRITE | ALLOW_BUSY), ..Command::DEFAULT };
    assert_eq!(counted.legacy_range(), LegacyRange { first: 1, last: 1, step: 1 });
    assert_eq!(counted.shown_flags().collect::<Vec<_>>(), ["write", "movablekeys", "allow_busy"]);

    const LATER: &[KeySpec] = &[KeySpec::behind("STORE", 6, key_flags!(OW))];
    let later = Command { keys: LATER, ..Command::DEFAULT };
    assert_eq!((later.legacy_range(), later.has_movable_keys()), (LegacyRange::default(), true));

    const GAP: &[KeySpec] = &[KeySpec::first(key_flags!(OW)), KeySpec::at(3, key_flags!(RO))];
    let gap = Command { keys: GAP, ..Command::DEFAULT };
    assert_eq!(gap.legacy_range(), LegacyRange { first: 1, last: 1, step: 1 });
    assert!(gap.has_movable_keys());

    const PAIRS: &[KeySpec] = &[KeySpec::pairs(key_flags!(OW))];
    let pairs = Command { keys: PAIRS, ..Command::DEFAULT };
    assert_eq!(pairs.legacy_range(), LegacyRange { first: 1, last: -1, step: 2 });
    assert!(!pairs.has_movable_keys());
}

#[test]
fn a_row_without_keys_has_neither_range_nor_movable_keys() {
    assert_eq!(Command::DEFAULT.legacy_range(), LegacyRange::default());
    assert!(!Command::DEFAULT.has_movable_keys() && !Command::DEFAULT.has_keys());
}

#[test]
fn a_channel_is_no_key() {
    const CHANNEL: &[KeySpec] = &[KeySpec::first(key_flags!(NOT_KEY))];
    let row = Command { keys: CHANNEL, ..Command::DEFAULT };
    assert!(!row.has_keys() && !row.has_key_first());
    assert!(Command { keys: TWO_RANGES, ..Command::DEFAULT }.has_key_first());
}

#[test]
fn an_argument_tells_its_flags() {
    let argument = string("field").after("GET").optional().multiple_with_token();
    assert_eq!(argument.flags().collect::<Vec<_>>(), ["optional", "multiple", "multiple_token"]);
    assert_eq!(key("key", 2).key_spec, Some(2));
}
