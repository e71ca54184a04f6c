//! MONITOR.

use crate::command::call::{Call, Done};
use crate::command::error::Error;
use crate::server::client::State;
use ropewalk_protocols::resp::ReplyWriter;

/// `MONITOR`
pub(crate) fn monitor(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    if call.in_transaction() {
        return Err(Error::text("ERR MONITOR isn't allowed for DENY BLOCKING client"));
    }
    // Said again, it is not even answered.
    if !call.client.is(State::MONITOR) {
        call.server.start_monitoring(call.client);
        reply.ok();
    }
    Ok(())
}
