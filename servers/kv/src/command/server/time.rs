//! TIME.

use crate::command::call::{Call, Done};
use ropewalk_protocols::resp::ReplyWriter;

/// `TIME`: seconds since 1970, and microseconds.
pub(crate) fn time(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let now_us = call.server.clock.wall_us();
    reply.array(2);
    reply.bulk_integer(now_us.div_euclid(1_000_000));
    reply.bulk_integer(now_us.rem_euclid(1_000_000));
    Ok(())
}
