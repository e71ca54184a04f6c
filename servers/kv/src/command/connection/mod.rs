//! Commands about the connection itself.

mod client;
mod hello;
pub(crate) mod table;
#[cfg(test)]
mod tests;

pub(crate) use client::*;
pub(crate) use hello::{auth, hello};

use super::call::{Call, Done, small_integer};
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
    match u32::try_from(small_integer(call.arg(1))?) {
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

/// `RESET`
pub(crate) fn reset(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let Call { server, client, .. } = call;
    server.stop_monitoring(client);
    server.untrack(client);
    server.discard(client);
    server.unsubscribe_all(client);
    server.sign_out(client);
    client.set(State::REPLY_OFF | State::REPLY_SKIP_NEXT | State::NO_TOUCH, false);
    client.extras_if_any(|extras| extras.name = None);
    client.trim_extras();
    client.db.set(0);
    client.version.set(Version::Resp2);
    reply.set_version(Version::Resp2);
    reply.simple("RESET");
    Ok(())
}
