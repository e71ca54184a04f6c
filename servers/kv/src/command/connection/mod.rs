//! Commands about the connection itself.

pub(crate) mod table;

use super::call::{Call, Done};
use super::error::Error;
use crate::server::client::State;
use ropewalk_protocols::resp::{ReplyWriter, Version};

/// `PING [message]`
pub(crate) fn ping(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    if call.args.len() > 2 {
        return Err(call.arity_error());
    }
    if call.client.is(State::SUBSCRIBED) && reply.version() == Version::Resp2 {
        reply.array(2);
        reply.bulk("pong");
        reply.bulk(call.arg(1));
    } else if call.args.len() == 1 {
        reply.simple("PONG");
    } else {
        reply.bulk(call.arg(1));
    }
    Ok(())
}

/// `ECHO message`
pub(crate) fn echo(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    reply.bulk(call.arg(1));
    Ok(())
}

/// `SELECT index`
pub(crate) fn select(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let index = call.integer(1)?;
    match u32::try_from(index) {
        Ok(index) if (index as usize) < call.server.database_count() => call.client.db.set(index),
        _ => return Err(Error::text("ERR DB index is out of range")),
    }
    reply.ok();
    Ok(())
}

/// `QUIT`
pub(crate) fn quit(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    reply.ok();
    call.client.close_after_reply();
    Ok(())
}
