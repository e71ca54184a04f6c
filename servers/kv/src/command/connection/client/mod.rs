//! CLIENT: what a client is told about clients, and tells about itself.

mod kill;
mod list;
mod tracking;

pub(crate) use kill::client_kill;
pub(crate) use list::{client_info, client_list};
pub(crate) use tracking::{client_caching, client_getredir, client_tracking, client_trackinginfo};

use crate::command::call::{Call, Done};
use crate::command::error::{Error, as_c_string, wrong_subcommand};
use crate::server::blocking::Otherwise;
use crate::server::client::{Client, State};
use crate::server::pause::Extent;
use ropewalk_protocols::resp::{ReplyWriter, number};

/// `CLIENT ID`
pub(crate) fn client_id(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    reply.integer(call.client.id as i64);
    Ok(())
}

/// `CLIENT GETNAME`
pub(crate) fn client_getname(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.client.extras(|extras| extras.name.as_ref().map(|name| reply.bulk(name))).flatten().unwrap_or_else(
        || {
            reply.null();
        },
    );
    Ok(())
}

/// `CLIENT SETNAME connection-name`
pub(crate) fn client_setname(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    set_name(call.client, call.arg(2))?;
    reply.ok();
    Ok(())
}

/// Whether it may stand in a line of CLIENT LIST.
fn is_printable(name: &[u8]) -> bool {
    name.iter().all(|byte| (b'!'..=b'~').contains(byte))
}

/// Name a client; the empty name takes its name back.
pub(super) fn set_name(client: &Client, name: &[u8]) -> Result<(), Error> {
    if !is_printable(name) {
        return Err(Error::text("ERR Client names cannot contain spaces, newlines or special characters."));
    }
    client.extras_mut(|extras| extras.name = (!name.is_empty()).then(|| name.into()));
    client.trim_extras();
    Ok(())
}

/// `CLIENT SETINFO LIB-NAME libname | LIB-VER libver`, which came with Redis 7.2.
pub(crate) fn client_setinfo(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (attribute, value) = (call.arg(2), call.arg(3));
    let is_name = attribute.eq_ignore_ascii_case(b"lib-name");
    if !is_name && !attribute.eq_ignore_ascii_case(b"lib-ver") {
        return Err(Error::Bytes([&b"ERR Unrecognized option '"[..], as_c_string(attribute), b"'"].concat()));
    }
    if !is_printable(value) {
        let attribute = if is_name { "lib-name" } else { "lib-ver" };
        return Err(Error::said(format!(
            "ERR {attribute} cannot contain spaces, newlines or special characters."
        )));
    }
    let value: Option<Box<[u8]>> = (!value.is_empty()).then(|| value.into());
    call.client.extras_mut(|extras| match is_name {
        true => extras.library = value,
        false => extras.library_version = value,
    });
    call.client.trim_extras();
    reply.ok();
    Ok(())
}

/// What is turned on or off.
fn switch(argument: &[u8]) -> Result<bool, Error> {
    match argument.to_ascii_lowercase().as_slice() {
        b"on" => Ok(true),
        b"off" => Ok(false),
        _ => Err(Error::Syntax),
    }
}

/// `CLIENT NO-EVICT ON | OFF`
pub(crate) fn client_no_evict(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.client.set(State::NO_EVICT, switch(call.arg(2))?);
    call.server.weigh(call.client);
    reply.ok();
    Ok(())
}

/// `CLIENT NO-TOUCH ON | OFF`, which came with Redis 7.2.
pub(crate) fn client_no_touch(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.client.set(State::NO_TOUCH, switch(call.arg(2))?);
    reply.ok();
    Ok(())
}

/// `CLIENT REPLY ON | OFF | SKIP`
pub(crate) fn client_reply(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let client = call.client;
    match call.arg(2).to_ascii_lowercase().as_slice() {
        b"on" => {
            client.set(State::REPLY_OFF | State::REPLY_SKIP, false);
            reply.ok();
        }
        b"off" => client.set(State::REPLY_OFF, true),
        b"skip" if client.is(State::REPLY_OFF) => {}
        b"skip" => client.set(State::REPLY_SKIP_NEXT, true),
        _ => return Err(Error::Syntax),
    }
    Ok(())
}

/// `CLIENT UNBLOCK client-id [TIMEOUT | ERROR]`
pub(crate) fn client_unblock(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let fails = match call.rest(3) {
        [] => false,
        [reason] if reason.eq_ignore_ascii_case(b"timeout") => false,
        [reason] if reason.eq_ignore_ascii_case(b"error") => true,
        [_] => return Err(Error::text("ERR CLIENT UNBLOCK reason should be TIMEOUT or ERROR")),
        _ => return Err(wrong_subcommand(call.args)),
    };
    let id = call.integer(2)?;
    let target = u64::try_from(id).ok().and_then(|id| call.server.clients.find(id)).cloned();
    let unblocked = target.is_some_and(|client| {
        call.server.unblock_with(&client, |otherwise: Otherwise, reply| match fails {
            true => reply.error("UNBLOCKED client unblocked via CLIENT UNBLOCK"),
            false => otherwise.write(reply),
        })
    });
    reply.integer(unblocked.into());
    Ok(())
}

/// `CLIENT PAUSE timeout [WRITE | ALL]`
pub(crate) fn client_pause(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let extent = match call.rest(3) {
        [] => Extent::All,
        [extent] if extent.eq_ignore_ascii_case(b"write") => Extent::Writes,
        [extent] if extent.eq_ignore_ascii_case(b"all") => Extent::All,
        [_] => return Err(Error::text("ERR CLIENT PAUSE mode must be WRITE or ALL")),
        _ => return Err(wrong_subcommand(call.args)),
    };
    let timeout_ms = number::parse_integer(call.arg(2))
        .ok_or(Error::text("ERR timeout is not an integer or out of range"))?;
    if timeout_ms < 0 {
        return Err(Error::text("ERR timeout is negative"));
    }
    // Beyond the end of time, as Redis adds up: a pause that is over.
    let until_ms = call.now_ms().wrapping_add(timeout_ms);
    call.server.pause(extent, until_ms);
    reply.ok();
    Ok(())
}

/// `CLIENT UNPAUSE`
pub(crate) fn client_unpause(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.server.end_pause();
    reply.ok();
    Ok(())
}

/// `CLIENT HELP`
pub(crate) fn client_help(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.help(reply, HELP);
    Ok(())
}

const HELP: &[&str] = &[
    "CACHING (YES|NO)",
    "    Enable/disable tracking of the keys for next command in OPTIN/OPTOUT modes.",
    "GETREDIR",
    "    Return the client ID we are redirecting to when tracking is enabled.",
    "GETNAME",
    "    Return the name of the current connection.",
    "ID",
    "    Return the ID of the current connection.",
    "INFO",
    "    Return information about the current client connection.",
    "KILL <ip:port>",
    "    Kill connection made from <ip:port>.",
    "KILL <option> <value> [<option> <value> [...]]",
    "    Kill connections. Options are:",
    "    * ADDR (<ip:port>|<unixsocket>:0)",
    "      Kill connections made from the specified address",
    "    * LADDR (<ip:port>|<unixsocket>:0)",
    "      Kill connections made to specified local address",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "      Kill connections by type.",
    "    * USER <username>",
    "      Kill connections authenticated by <username>.",
    "    * SKIPME (YES|NO)",
    "      Skip killing current connection (default: yes).",
    "LIST [options ...]",
    "    Return information about client connections. Options:",
    "    * TYPE (NORMAL|MASTER|REPLICA|PUBSUB)",
    "      Return clients of specified type.",
    "UNPAUSE",
    "    Stop the current client pause, resuming traffic.",
    "PAUSE <timeout> [WRITE|ALL]",
    "    Suspend all, or just write, clients for <timeout> milliseconds.",
    "REPLY (ON|OFF|SKIP)",
    "    Control the replies sent to the current connection.",
    "SETNAME <name>",
    "    Assign the name <name> to the current connection.",
    "UNBLOCK <clientid> [TIMEOUT|ERROR]",
    "    Unblock the specified blocked client.",
    "TRACKING (ON|OFF) [REDIRECT <id>] [BCAST] [PREFIX <prefix> [...]]",
    "         [OPTIN] [OPTOUT] [NOLOOP]",
    "    Control server assisted client side caching.",
    "TRACKINGINFO",
    "    Report tracking status for the current connection.",
    "NO-EVICT (ON|OFF)",
    "    Protect current client connection from eviction.",
];
