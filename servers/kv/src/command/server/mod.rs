//! Commands about the server and its databases as a whole.

mod acl;
mod commands;
mod config;
mod debug;
mod flush;
mod info;
mod latency;
mod lolwut;
mod memory;
mod monitor;
mod shutdown;
mod slowlog;
mod sparkline;
pub(crate) mod table;
mod time;

use super::call::{Call, Done};
pub(crate) use debug::debug;
pub(crate) use flush::{flushall, flushdb, swapdb};
pub(crate) use monitor::monitor;
use ropewalk_protocols::resp::ReplyWriter;
pub(crate) use shutdown::shutdown;

/// DBSIZE.
pub(crate) fn dbsize(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    reply.integer(call.server.database(call.db()).len() as i64);
    Ok(())
}
