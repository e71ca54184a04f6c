//! Scripts and functions, of which there are none yet. The one rule: what is said of none is true.

pub(crate) mod table;

use super::call::{Call, Done};
use super::error::{self, Error};
use ropewalk_protocols::resp::ReplyWriter;

/// `FUNCTION FLUSH [ASYNC|SYNC]`: Redis's own tests begin with it.
pub(crate) fn function_flush(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    match call.rest(2) {
        [] => {}
        [how] if how.eq_ignore_ascii_case(b"async") || how.eq_ignore_ascii_case(b"sync") => {}
        [_, _, ..] => return Err(error::wrong_subcommand(call.args)),
        _ => return Err(Error::text("ERR FUNCTION FLUSH only supports SYNC|ASYNC option")),
    }
    reply.ok();
    Ok(())
}
