//! MULTI, EXEC, and what they depend on. The one rule: what EXEC runs, it runs as one command: nothing comes
//! between, the clock stands still, and whoever reads the journal gets it as one.

pub(crate) mod table;

use super::call::{Call, Done};
use super::error::Error;
use crate::server::client::State;
use ropewalk_protocols::resp::ReplyWriter;

/// `MULTI`
pub(crate) fn multi(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    if call.client.is(State::MULTI) {
        return Err(Error::text("ERR MULTI calls can not be nested"));
    }
    call.client.set(State::MULTI, true);
    reply.ok();
    Ok(())
}

/// `DISCARD`
pub(crate) fn discard(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    if !call.client.is(State::MULTI) {
        return Err(Error::text("ERR DISCARD without MULTI"));
    }
    call.server.discard(call.client);
    reply.ok();
    Ok(())
}

/// `EXEC`
pub(crate) fn exec(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let Call { server, client, .. } = call;
    if !client.is(State::MULTI) {
        return Err(Error::text("ERR EXEC without MULTI"));
    }
    let changed = client.is(State::DIRTY_CAS) || server.watched_has_expired(client);
    let refused = client.is(State::DIRTY_EXEC);
    let queued = client.extras_if_any(|extras| extras.transaction.take()).flatten().unwrap_or_default();
    // What the transaction itself changes does not concern it: it watches no more.
    server.discard(client);
    if refused {
        return Err(Error::ExecAbort);
    }
    if changed {
        reply.null_array();
        return Ok(());
    }
    client.set(State::EXECUTING, true);
    reply.array(queued.commands.len());
    for queued in &queued.commands {
        let args: Vec<&[u8]> = queued.args.iter().map(|argument| &argument[..]).collect();
        if let Err(denial) = server.check_access(client, queued.command, &args) {
            reply.error(denial.error_in_exec().reply());
            continue;
        }
        let before = reply.len();
        let wait = server.run(client, queued.command, &args, None, reply);
        debug_assert!(wait.is_none(), "nothing waits within a transaction");
        if client.is(State::REPLY_OFF | State::REPLY_SKIP) {
            reply.truncate(before);
        }
    }
    client.set(State::EXECUTING, false);
    Ok(())
}

/// `WATCH key [key ...]`
pub(crate) fn watch(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    if call.client.is(State::MULTI) {
        return Err(Error::text("ERR WATCH inside MULTI is not allowed"));
    }
    // If one has changed already, the transaction is lost anyway.
    if !call.client.is(State::DIRTY_CAS) {
        for key in call.rest(1) {
            call.server.watch(call.db(), key, call.client);
        }
    }
    reply.ok();
    Ok(())
}

/// `UNWATCH`
pub(crate) fn unwatch(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.server.unwatch(call.client);
    call.client.trim_extras();
    reply.ok();
    Ok(())
}
