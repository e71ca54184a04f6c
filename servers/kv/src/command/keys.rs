//! Which arguments of a command are keys, and what they are used for: what access control, caches of clients
//! and `COMMAND GETKEYS` go by. The one rule: it never names more keys than the client has sent, and none at
//! all if the arguments make no sense: the command itself will say what is wrong with them.

use super::row::key_spec::{BeginSearch, FindKeys, KeyFlags, KeySpec};
use super::row::{Command, key_flags};
use ropewalk_protocols::resp::number::parse_integer;

/// A key among the arguments of a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyAt {
    /// Which argument; the command's name is number 0.
    pub(crate) index: usize,
    /// What it is used for.
    pub(crate) flags: KeyFlags,
}

/// Put the keys among `args` into `found`, whose memory can be used again and again. `args` begins with the
/// command's name and agrees with its arity.
pub(crate) fn find(row: &Command, args: &[&[u8]], found: &mut Vec<KeyAt>) {
    found.clear();
    let mut specs = row.keys.iter().filter(|spec| !spec.flags.contains(KeyFlags::NOT_KEY)).peekable();
    let variable = row.keys.iter().any(|spec| spec.flags.contains(KeyFlags::VARIABLE_FLAGS));
    let told = specs.peek().is_some() && !variable && specs.all(|spec| find_by(spec, args, found).is_some());
    if !told {
        found.clear();
        if let Some(find_keys) = row.find_keys {
            find_keys(args, found);
        }
    }
}

/// The keys that a specification tells; `None` if they can't be told, or are not there.
fn find_by(spec: &KeySpec, args: &[&[u8]], found: &mut Vec<KeyAt>) -> Option<()> {
    let begin = match spec.begin {
        BeginSearch::Index(index) => usize::try_from(index).ok()?,
        BeginSearch::Keyword { keyword, start_from } => match find_keyword(keyword, start_from, args) {
            Some(at) => at + 1,
            None => return Some(()),
        },
        BeginSearch::Unknown => return None,
    };
    let (first, last, step) = match spec.find {
        FindKeys::Range { last, step, limit } => (begin, last_of(begin, last, limit, args.len())?, step),
        FindKeys::Counted => {
            let count = usize::try_from(parse_integer(args.get(begin)?)?).ok()?;
            (begin + 1, begin.checked_add(count)?, 1)
        }
        FindKeys::Unknown => return None,
    };
    if last < first || last >= args.len() {
        return None;
    }
    let every = usize::try_from(step).ok().filter(|step| *step > 0)?;
    found.extend((first..=last).step_by(every).map(|index| KeyAt { index, flags: spec.flags }));
    (!spec.flags.contains(KeyFlags::INCOMPLETE)).then_some(())
}

/// Where a word stands, from a position on; from a negative one, counted from the end, backwards.
fn find_keyword(keyword: &str, start_from: i32, args: &[&[u8]]) -> Option<usize> {
    let is_it = |at: &usize| args.get(*at).is_some_and(|word| word.eq_ignore_ascii_case(keyword.as_bytes()));
    let distance = start_from.unsigned_abs() as usize;
    if start_from > 0 {
        (distance..args.len()).find(is_it)
    } else {
        (1..=args.len().checked_sub(distance)?).rev().find(is_it)
    }
}

/// The last position of a range.
fn last_of(first: usize, last: i32, limit: i32, length: usize) -> Option<usize> {
    let distance = last.unsigned_abs() as usize;
    match usize::try_from(limit).ok()? {
        _ if last >= 0 => first.checked_add(distance),
        0 => length.checked_sub(distance),
        limit => first.checked_add(length.checked_sub(first)? / limit)?.checked_sub(distance),
    }
}

/// `SET key value [… GET …]`: with GET the client is told what was there.
pub(super) fn set(args: &[&[u8]], found: &mut Vec<KeyAt>) {
    let tells = args.iter().skip(3).any(|argument| argument.eq_ignore_ascii_case(b"get"));
    let flags = if tells { key_flags!(RW | ACCESS | UPDATE) } else { key_flags!(OW | UPDATE) };
    found.push(KeyAt { index: 1, flags });
}

/// `BITFIELD key [GET …] [SET …] …`: with nothing but GETs it only reads.
pub(super) fn bitfield(args: &[&[u8]], found: &mut Vec<KeyAt>) {
    let mut rest = args.get(2..).unwrap_or_default();
    let mut only_reads = true;
    while let Some((operation, behind)) = rest.split_first() {
        let is = |name: &[u8]| operation.eq_ignore_ascii_case(name);
        let arguments = if is(b"get") { 2 } else { 1 };
        match behind.get(arguments..) {
            Some(behind) if is(b"get") || is(b"overflow") => rest = behind,
            // It writes, or is wrong: the careful guess then.
            _ => {
                only_reads = false;
                break;
            }
        }
    }
    let flags = if only_reads { key_flags!(RO | ACCESS) } else { key_flags!(RW | ACCESS | UPDATE) };
    found.push(KeyAt { index: 1, flags });
}

/// `SORT key … [STORE destination]`; what BY and GET refer to depends on data.
pub(super) fn sort(args: &[&[u8]], found: &mut Vec<KeyAt>) {
    sort_ro(args, found);
    let mut index = 2;
    let mut destination = None;
    while let Some(option) = args.get(index) {
        let is = |name: &[u8]| option.eq_ignore_ascii_case(name);
        if is(b"store") && index + 1 < args.len() {
            // The last one counts; what stands behind it is looked at again.
            destination = Some(index + 1);
        }
        index += if is(b"limit") {
            3
        } else if is(b"get") || is(b"by") {
            2
        } else {
            1
        };
    }
    found.extend(destination.map(|index| KeyAt { index, flags: key_flags!(OW | UPDATE) }));
}

/// `SORT_RO key …`
pub(super) fn sort_ro(_: &[&[u8]], found: &mut Vec<KeyAt>) {
    found.push(KeyAt { index: 1, flags: key_flags!(RO | ACCESS) });
}

/// `GEORADIUS key … [STORE destination] [STOREDIST destination]`, where one of the words stands last: it has
/// no key behind it. The last destination counts.
pub(super) fn georadius(args: &[&[u8]], found: &mut Vec<KeyAt>) {
    found.push(KeyAt { index: 1, flags: key_flags!(RO | ACCESS) });
    let mut index = 5;
    let mut destination = None;
    while let Some(option) = args.get(index) {
        let stores = option.eq_ignore_ascii_case(b"store") || option.eq_ignore_ascii_case(b"storedist");
        if stores && index + 1 < args.len() {
            index += 1;
            destination = Some(index);
        }
        index += 1;
    }
    found.extend(destination.map(|index| KeyAt { index, flags: key_flags!(OW | UPDATE) }));
}

#[cfg(test)]
mod tests;
