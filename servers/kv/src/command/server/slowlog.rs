//! SLOWLOG: the last commands that took long.

use crate::command::call::{Call, Done, integer};
use crate::command::error::{Error, wrong_subcommand};
use ropewalk_protocols::resp::ReplyWriter;

/// How many entries are shown if nothing is said.
const SHOWN: usize = 10;

/// `SLOWLOG GET [count]`: the newest first; -1 is all.
pub(crate) fn slowlog_get(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let count = match call.rest(2) {
        [] => SHOWN,
        [count] => match integer(count) {
            Ok(-1) => usize::MAX,
            Ok(count @ 0..) => usize::try_from(count).unwrap_or(usize::MAX),
            _ => return Err(Error::text("ERR count should be greater than or equal to -1")),
        },
        _ => return Err(wrong_subcommand(call.args)),
    };
    let entries = call.server.slow_log.iter();
    reply.array(entries.len().min(count));
    for slow in entries.take(count) {
        reply.array(6);
        reply.integer(slow.id);
        reply.integer(slow.seconds);
        reply.integer(slow.micros);
        reply.array(slow.words.len());
        slow.words.iter().for_each(|word| reply.bulk(word));
        reply.bulk(&slow.address);
        reply.bulk(&slow.name);
    }
    Ok(())
}

/// `SLOWLOG LEN`
pub(crate) fn slowlog_len(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    reply.integer(call.server.slow_log.iter().len() as i64);
    Ok(())
}

/// `SLOWLOG RESET`
pub(crate) fn slowlog_reset(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.server.slow_log.clear();
    reply.ok();
    Ok(())
}

/// `SLOWLOG HELP`
pub(crate) fn slowlog_help(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.help(
        reply,
        &[
            "GET [<count>]",
            "    Return top <count> entries from the slowlog (default: 10, -1 mean all).",
            "    Entries are made of:",
            "    id, timestamp, time in microseconds, arguments array, client IP and port,",
            "    client name",
            "LEN",
            "    Return the length of the slowlog.",
            "RESET",
            "    Reset the slowlog.",
        ],
    );
    Ok(())
}
