//! XRANGE and XREVRANGE.

use super::entry::{at_most, interval_end, interval_start, is, write_entries};
use crate::command::call::{Call, Done, integer};
use crate::command::error::Error;
use crate::store::stream::Stream;
use ropewalk_protocols::resp::ReplyWriter;

/// XRANGE key start end [COUNT count].
pub(super) fn xrange(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    range(call, reply, false)
}

/// XREVRANGE key end start [COUNT count].
pub(super) fn xrevrange(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    range(call, reply, true)
}

fn range(call: &Call<'_>, reply: &mut ReplyWriter<'_>, is_reversed: bool) -> Done {
    let (start, end) = if is_reversed { (3, 2) } else { (2, 3) };
    let (from, to) = (interval_start(call.arg(start))?, interval_end(call.arg(end))?);
    let count = count(call.rest(4))?;
    let Some(stream) = call.read_as::<Stream>(call.key(1))? else {
        reply.array(0);
        return Ok(());
    };
    match count {
        Some(..=0) => reply.null_array(),
        count => {
            let count = at_most(count.map_or(0, i64::unsigned_abs));
            if is_reversed {
                write_entries(reply, stream.log().range_reversed(from, to).take(count));
            } else {
                write_entries(reply, stream.log().range(from, to).take(count));
            }
        }
    }
    Ok(())
}

/// What COUNT says, if it is there; the last one, if it is there more than once.
fn count(options: &[&[u8]]) -> Result<Option<i64>, Error> {
    let (options, rest) = options.as_chunks::<2>();
    let mut count = None;
    for [option, value] in options {
        if !is(option, "count") {
            return Err(Error::Syntax);
        }
        count = Some(integer(value)?);
    }
    if rest.is_empty() { Ok(count) } else { Err(Error::Syntax) }
}
