//! SORT: the elements of a list, set or sorted set, in order of themselves or of what keys named after them hold.
//! The one rule: the collection is copied before any other key is looked up, so that nothing is read twice.
//!
//! ```text
//!   copy the elements ─▶ weigh each ─▶ sort ─▶ cut out LIMIT ─▶ write or store what GET says
//!                        └ itself, or BY weight_*->field
//! ```

mod options;
mod order;
mod pattern;
pub(crate) mod table;
#[cfg(test)]
mod tests;

use super::call::{Call, Done};
use super::error::Error;
use crate::acl::selector::Access;
use crate::server::notify::Notify;
use crate::store::database::{Expiry, Key};
use crate::store::list::{Direction, End, List};
use crate::store::value::{Value, View};
use options::{Options, Rights};
use order::{Elements, Weights};
use pattern::Pattern;
use ropewalk_protocols::resp::ReplyWriter;
use std::ops::{ControlFlow, Range};

/// What the command and its user may do. Keys that a pattern finds are named by no argument: only who may read
/// all keys may have them looked up.
fn rights(call: &Call<'_>, may_store: bool) -> Rights {
    let user = call.client.user.borrow();
    let may_look_up = user.is_unrestricted()
        || call.server.with_request(call.command, call.args, |request| {
            user.allows_with_all_keys(request, Access::READ)
        });
    Rights { may_store, may_look_up }
}

/// `SORT key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC|DESC] [ALPHA] [STORE destination]`
pub(crate) fn sort(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let options = Options::parse(call.rest(2), rights(call, true))?;
    run(call, reply, &options)
}

/// `SORT_RO key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC|DESC] [ALPHA]`
pub(crate) fn sort_ro(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let options = Options::parse(call.rest(2), rights(call, false))?;
    run(call, reply, &options)
}

fn run(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>, options: &Options<'_>) -> Done {
    let sorted = sorted(call, options)?;
    let patterns: Vec<Pattern<'_>> = options.gets.iter().map(|get| Pattern::parse(get)).collect();
    match options.store {
        None => {
            reply.array(sorted.len().saturating_mul(patterns.len().max(1)));
            each(call, &sorted, &patterns, |value| match value {
                Some(value) => reply.bulk(value),
                None => reply.null(),
            });
        }
        Some(destination) => {
            let (mut list, limits) = (List::new(), call.limits());
            each(call, &sorted, &patterns, |value| {
                list.push(End::Back, value.unwrap_or_default(), &limits);
            });
            reply.integer(i64::try_from(list.len()).unwrap_or(i64::MAX));
            store(call, Key::new(destination), list);
        }
    }
    Ok(())
}

/// Put the result under a key, or remove the key if there is none.
fn store(call: &mut Call<'_>, key: Key<'_>, list: List) {
    if !list.is_empty() {
        call.put(key, Value::List(list), Expiry::Never);
        call.modified(key, Notify::LIST, "sortstore");
    } else if call.delete(key) {
        call.modified(key, Notify::GENERIC, "del");
    }
}

/// Visit what is answered for each element: itself, or what each GET finds.
fn each(call: &Call<'_>, sorted: &Elements, patterns: &[Pattern<'_>], mut visit: impl FnMut(Option<&[u8]>)) {
    for element in sorted.iter() {
        if patterns.is_empty() {
            visit(Some(element));
        }
        for pattern in patterns {
            pattern.look_up(call, element, &mut visit);
        }
    }
}

/// The elements that are answered, in their order.
fn sorted(call: &Call<'_>, options: &Options<'_>) -> Result<Elements, Error> {
    let mut elements = Elements::default();
    let Some(found) = call.read(call.key(1)) else { return Ok(elements) };
    let (view, limit) = (found.view(), |length| options.range(length));
    match view {
        View::List(list) if options.nosort => {
            copy_list(list, limit(list.len()), options.descending, &mut elements);
            return Ok(elements);
        }
        View::Zset(zset) if options.nosort => {
            let (range, length) = (limit(zset.len()), zset.len());
            if options.descending {
                let back = length.saturating_sub(range.end)..length.saturating_sub(range.start);
                zset.range(back).rev().for_each(|(member, _)| elements.push(&member.text()));
            } else {
                zset.range(range).for_each(|(member, _)| elements.push(&member.text()));
            }
            return Ok(elements);
        }
        View::Set(set) if options.nosort && options.store.is_none() => {
            let range = limit(set.len());
            set.iter().skip(range.start).take(range.len()).for_each(|member| elements.push(&member.text()));
            return Ok(elements);
        }
        View::List(list) => copy_list(list, 0..list.len(), false, &mut elements),
        View::Zset(zset) => zset.iter().for_each(|(member, _)| elements.push(&member.text())),
        View::Set(set) => set.iter().for_each(|member| elements.push(&member.text())),
        _ => return Err(Error::WrongType),
    }
    let (limit, descending) = (limit(elements.len()), options.descending);
    // A set has no order of its own; what is stored has to come out the same wherever this is replayed.
    if options.nosort {
        return Ok(order::by_text(&elements, descending, limit));
    }
    match (options.by.map(Pattern::parse), options.alpha) {
        (None, true) => Ok(order::by_text(&elements, descending, limit)),
        (Some(by), true) => {
            let mut weights = Weights::default();
            elements.iter().for_each(|element| by.look_up(call, element, |text| weights.push(text)));
            Ok(order::by_weight(&elements, &weights, descending, limit))
        }
        (by, false) => {
            let by = by.unwrap_or(Pattern::Element);
            let weights = elements.iter().map(|element| by.look_up(call, element, order::number));
            Ok(order::by_number(&elements, &weights.collect::<Result<Vec<_>, _>>()?, descending, limit))
        }
    }
}

fn copy_list(list: &List, range: Range<usize>, descending: bool, elements: &mut Elements) {
    let (start, direction) = if descending {
        (list.len().saturating_sub(range.start).saturating_sub(1), Direction::Backward)
    } else {
        (range.start, Direction::Forward)
    };
    if !range.is_empty() {
        let _ = list.visit(start, range.len(), direction, |item| {
            elements.push(&item.text());
            ControlFlow::Continue(())
        });
    }
}
