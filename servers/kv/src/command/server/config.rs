//! CONFIG: what is configured, shown, changed, and written back.

use crate::command::call::{Call, Done};
use crate::command::error::Error;
use crate::config::{Effect, Requester, SetError, rewrite, sensitive, system_text};
use crate::server::Server;
use ropewalk_protocols::resp::ReplyWriter;
use ropewalk_reactor::{Failure, Result as Outcome};
use std::ffi::OsStr;
use std::io::ErrorKind;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::time::Duration;

/// How long the system is given to close the listeners that stand in the way of others.
const WAY_IS_FREE: Duration = Duration::from_millis(20);

impl From<SetError> for Error {
    fn from(error: SetError) -> Self {
        Self::Bytes(error.reply())
    }
}

/// CONFIG GET parameter [parameter ...]
pub(crate) fn config_get(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let found = call.server.config.matching(call.rest(2));
    reply.map(found.len());
    for (name, value) in &found {
        reply.bulk(name);
        reply.bulk(value);
    }
    Ok(())
}

/// CONFIG SET parameter value [parameter value ...]
pub(crate) fn config_set(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let arguments = call.rest(2);
    sensitive(arguments).for_each(|index| call.redact(index.saturating_add(2)));
    let requester = Requester { is_local: call.client.transport.peer().is_local() };
    let change = call.server.config.change(arguments, requester)?;
    let moves = change.effects.iter().any(|(effect, _)| *effect == Effect::Bind);
    if moves && !call.in_transaction() && call.server.listeners.make_way(&change.config) {
        return set_when_way_is_free(call, requester);
    }
    call.server.take_over(change)?;
    reply.ok();
    Ok(())
}

/// Addresses that overlap can't both be listened at: what was in the way is closed by now, or will be soon.
fn set_when_way_is_free(call: &mut Call<'_>, requester: Requester) -> Done {
    let arguments: Vec<Vec<u8>> = call.rest(2).iter().map(|argument| argument.to_vec()).collect();
    let free = call.server.reactor.sleep(WAY_IS_FREE);
    call.wait_for(free, move |server, _, _| {
        let arguments: Vec<&[u8]> = arguments.iter().map(Vec::as_slice).collect();
        let done = server.config.change(&arguments, requester).and_then(|change| server.take_over(change));
        if done.is_err()
            && let Err(why) = server.listen_everywhere()
        {
            tracing::warn!("Failed applying restored failed CONFIG SET command: {why}");
        }
        Ok(done?)
    })
}

/// CONFIG RESETSTAT
pub(crate) fn config_resetstat(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.server.reset_stats();
    reply.ok();
    Ok(())
}

/// CONFIG REWRITE
pub(crate) fn config_rewrite(call: &mut Call<'_>, _: &mut ReplyWriter<'_>) -> Done {
    rewrite_file(call, false)
}

/// Have the client wait until the file is rewritten; with `all`, every directive is written.
pub(super) fn rewrite_file(call: &mut Call<'_>, all: bool) -> Done {
    let Some(path) = call.server.config_file.clone() else {
        return Err(Error::text("ERR The server is running without a config file"));
    };
    let path = PathBuf::from(OsStr::from_bytes(&path));
    let disk = call.server.reactor.disk();
    let (me, target) = (call.server.me.clone(), path.clone());
    let work = call.server.reactor.clone().spawn(async move {
        let old = match disk.read(path.clone()).await {
            Ok(text) => text,
            Err(Failure::Io(error)) if error.kind() == ErrorKind::NotFound => Default::default(),
            Err(failure) => return Err(failure),
        };
        let Some(server) = me.upgrade() else { return Ok(()) };
        let new = server.borrow().rewritten(&old, all);
        disk.replace(path, new).await
    });
    call.wait_for(work, move |_, _, outcome: Outcome<()>| match outcome {
        Ok(()) => {
            tracing::info!("CONFIG REWRITE executed with success.");
            Ok(())
        }
        Err(failure) => {
            tracing::warn!(file = %target.display(), %failure, "CONFIG REWRITE failed");
            Err(Error::said(format!("ERR Rewriting config file: {}", failure_text(&failure))))
        }
    })
}

/// What the system says of a failure.
pub(super) fn failure_text(failure: &Failure) -> String {
    match failure {
        Failure::Io(error) => system_text(error),
        other => other.to_string(),
    }
}

impl Server {
    /// The configuration file's text as it becomes. With `all`, every directive is written.
    pub(crate) fn rewritten(&self, old: &[u8], all: bool) -> Vec<u8> {
        let users: Vec<Vec<u8>> = self.acl.users().map(|user| self.acl.line(user)).collect();
        let in_this_file = self.config.aclfile.is_empty();
        rewrite(old, &self.config, in_this_file.then_some(users.as_slice()), all)
    }

    /// Forget what was counted: what INFO shows of the past begins anew.
    pub(crate) fn reset_stats(&mut self) {
        self.stats.reset();
        self.registry.reset_stats();
    }
}

/// CONFIG HELP
pub(crate) fn config_help(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.help(
        reply,
        &[
            "GET <pattern>",
            "    Return parameters matching the glob-like <pattern> and their values.",
            "SET <directive> <value>",
            "    Set the configuration <directive> to <value>.",
            "RESETSTAT",
            "    Reset statistics reported by the INFO command.",
            "REWRITE",
            "    Rewrite the configuration file.",
        ],
    );
    Ok(())
}
