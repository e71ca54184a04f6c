//! ACL: users and their rights, shown and changed. The one rule: what a client sees of a password is its hash.

use super::config::failure_text;
use crate::acl::selector::Selector;
use crate::acl::user::Shown;
use crate::command::call::{Call, Done};
use crate::command::error::{Error, as_c_string, shown};
use crate::command::row::Categories;
use crate::server::Server;
use crate::server::client::Client;
use ropewalk_protocols::resp::ReplyWriter;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::rc::Rc;

/// The most bits of a password that GENPASS makes.
const PASSWORD_BITS_MAX: i64 = 4096;

/// How many entries LOG shows if nothing is said.
const LOG_SHOWN: i64 = 10;

const NO_FILE: &str = "ERR This Redis instance is not configured to use an ACL file. You may want to specify users via \
    the ACL SETUSER command and then issue a CONFIG REWRITE (assuming you have a Redis configuration file set) in order \
    to store users in the Redis configuration.";

/// An error of these pieces, a code before them.
fn error(pieces: &[&[u8]]) -> Error {
    Error::Bytes([b"ERR ", pieces.concat().as_slice()].concat())
}

/// `ACL CAT [category]`
pub(crate) fn acl_cat(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    match call.rest(2) {
        [] => {
            reply.array(Categories::NAMES.len());
            Categories::NAMES.iter().for_each(|(_, name)| reply.bulk(name));
        }
        [name] => {
            let unknown = || error(&[b"Unknown category '", shown(name, 128), b"'"]);
            let category = Categories::named(name).ok_or_else(unknown)?;
            let present = call.server.acl.catalog().present().iter();
            let of_it = present.filter(|entry| entry.categories.intersects(category));
            let commands: Vec<&str> = of_it.map(|entry| entry.name.as_str()).collect();
            reply.array(commands.len());
            commands.iter().for_each(|name| reply.bulk(name));
        }
        _ => return Err(call.subcommand_error()),
    }
    Ok(())
}

/// ACL DELUSER username [username ...]
pub(crate) fn acl_deluser(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let names = call.rest(2);
    if names.contains(&&b"default"[..]) {
        return Err(Error::text("ERR The 'default' user cannot be removed"));
    }
    let mut deleted = 0;
    for name in names {
        if let Some(user) = call.server.acl.delete(name) {
            call.server.dismiss(&user, call.client);
            deleted += 1;
        }
    }
    reply.integer(deleted);
    Ok(())
}

/// ACL DRYRUN username command [arg ...]
pub(crate) fn acl_dryrun(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (name, args) = (call.arg(2), call.rest(3));
    let user = call.server.acl.find(name).cloned();
    let user = user.ok_or_else(|| error(&[b"User '", as_c_string(name), b"' not found"]))?;
    let registry = &call.server.registry;
    let found = registry.find(call.arg(3)).and_then(|command| match args.get(1) {
        Some(name) if !registry.subcommands(command).is_empty() => registry.find_subcommand(command, name),
        _ => Some(command),
    });
    let unknown = || error(&[b"Command '", as_c_string(call.arg(3)), b"' not found"]);
    let command = found.ok_or_else(unknown)?;
    let full = registry.name(command).to_owned();
    if !registry.entry(command).row.admits(args.len()) {
        return Err(Error::Arity(full));
    }
    match call.server.may(&user, command, args) {
        Ok(()) => reply.ok(),
        Err(denial) => reply.bulk(denial.explained(&full, args)),
    }
    Ok(())
}

/// `ACL GENPASS [bits]`
pub(crate) fn acl_genpass(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let bits = match call.rest(2) {
        [] => 256,
        [_] => call.integer(2)?,
        _ => return Err(call.subcommand_error()),
    };
    if !(1..=PASSWORD_BITS_MAX).contains(&bits) {
        return Err(Error::said(format!(
            "ERR ACL GENPASS argument must be the number of bits for the output password, a positive number up to \
             {PASSWORD_BITS_MAX}"
        )));
    }
    let digits = usize::try_from(bits).unwrap_or_default().div_ceil(4);
    let mut secret = vec![0; digits.div_ceil(2)];
    call.server.host.secret(&mut secret).map_err(|_| Error::text("ERR there is no source of randomness"))?;
    let text: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    reply.bulk(text.get(..digits).unwrap_or_default());
    Ok(())
}

/// ACL GETUSER username
pub(crate) fn acl_getuser(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let Some(user) = call.server.acl.find(call.arg(2)) else {
        reply.null();
        return Ok(());
    };
    let rights = user.rights();
    reply.map(6);
    reply.bulk("flags");
    let flags: Vec<&str> = rights.flags.names().collect();
    reply.set(flags.len());
    flags.iter().for_each(|flag| reply.bulk(flag));
    reply.bulk("passwords");
    reply.array(rights.passwords.len());
    rights.passwords.iter().for_each(|password| reply.bulk(password.text()));
    let mut selectors = rights.selectors();
    if let Some(root) = selectors.next() {
        show_selector(call, root, reply);
    }
    let more: Vec<&Selector> = selectors.collect();
    reply.bulk("selectors");
    reply.array(more.len());
    for selector in more {
        reply.map(3);
        show_selector(call, selector, reply);
    }
    Ok(())
}

fn show_selector(call: &Call<'_>, selector: &Selector, reply: &mut ReplyWriter<'_>) {
    let Shown { commands, keys, channels } = Shown::of(selector, call.server.acl.catalog());
    for (name, rules) in [("commands", commands), ("keys", keys), ("channels", channels)] {
        reply.bulk(name);
        reply.bulk(rules);
    }
}

/// ACL LIST
pub(crate) fn acl_list(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let acl = &call.server.acl;
    reply.array(acl.users().len());
    acl.users().for_each(|user| reply.bulk([b"user ", acl.line(user).as_slice()].concat()));
    Ok(())
}

/// ACL USERS
pub(crate) fn acl_users(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let acl = &call.server.acl;
    reply.array(acl.users().len());
    acl.users().for_each(|user| reply.bulk(user.name()));
    Ok(())
}

/// ACL WHOAMI
pub(crate) fn acl_whoami(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    reply.bulk(call.client.user.borrow().name());
    Ok(())
}

/// ACL SETUSER username [rule ...]
pub(crate) fn acl_setuser(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    (2..call.args.len()).for_each(|index| call.redact(index));
    let changed = call.server.acl.set_user(call.arg(2), call.rest(3)).map_err(|why| error(&[&why]))?;
    call.server.dismiss_subscribers(&changed);
    reply.ok();
    Ok(())
}

/// ACL LOG [count | RESET]
pub(crate) fn acl_log(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let count = match call.rest(2) {
        [] => LOG_SHOWN,
        [word] if word.eq_ignore_ascii_case(b"reset") => {
            call.server.acl.log.clear();
            reply.ok();
            return Ok(());
        }
        [_] => call.integer(2)?,
        _ => return Err(call.subcommand_error()),
    };
    let now_ms = call.now_ms();
    let entries = call.server.acl.log.entries();
    let shown = usize::try_from(count).unwrap_or(0).min(entries.len());
    reply.array(shown);
    for entry in entries.take(shown) {
        reply.map(7);
        reply.bulk("count");
        reply.integer(i64::try_from(entry.count).unwrap_or(i64::MAX));
        for (name, value) in [
            ("reason", entry.reason.word().as_bytes()),
            ("context", entry.context.word().as_bytes()),
            ("object", &entry.object),
            ("username", &entry.user),
        ] {
            reply.bulk(name);
            reply.bulk(value);
        }
        reply.bulk("age-seconds");
        reply.double(now_ms.saturating_sub(entry.at_ms) as f64 / 1000.0);
        reply.bulk("client-info");
        reply.bulk(&entry.client);
    }
    Ok(())
}

fn file(call: &Call<'_>) -> Result<PathBuf, Error> {
    match call.server.config.aclfile.as_slice() {
        [] => Err(Error::text(NO_FILE)),
        path => Ok(OsStr::from_bytes(path).into()),
    }
}

/// ACL LOAD
pub(crate) fn acl_load(call: &mut Call<'_>, _: &mut ReplyWriter<'_>) -> Done {
    let path = file(call)?;
    let shown = path.display().to_string();
    let work = call.server.reactor.disk().read(path);
    call.wait_for(work, move |server, client, outcome| match outcome {
        Ok(text) => server.load_users(client, &text, &shown),
        Err(failure) => {
            let why = failure_text(&failure);
            Err(Error::said(format!("ERR Error loading ACLs, opening file '{shown}': {why}")))
        }
    })
}

/// ACL SAVE
pub(crate) fn acl_save(call: &mut Call<'_>, _: &mut ReplyWriter<'_>) -> Done {
    let path = file(call)?;
    let work = call.server.reactor.disk().replace(path, call.server.acl.save());
    call.wait_for(work, |_, _, outcome| {
        outcome.map_err(|failure| {
            tracing::warn!(%failure, "the users can't be saved");
            Error::text(
                "ERR There was an error trying to save the ACLs. Please check the server logs for more information",
            )
        })
    })
}

impl Server {
    /// Replace all users by those of a file; whoever is one of those before, the default one apart, goes.
    fn load_users(&mut self, client: &Rc<Client>, text: &[u8], file: &str) -> Done {
        let gone = self.acl.load(text, file).map_err(|why| Error::said(format!("ERR {why}")))?;
        gone.iter().for_each(|user| self.dismiss(user, client));
        Ok(())
    }
}

/// ACL HELP
pub(crate) fn acl_help(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.help(
        reply,
        &[
            "CAT [<category>]",
            "    List all commands that belong to <category>, or all command categories",
            "    when no category is specified.",
            "DELUSER <username> [<username> ...]",
            "    Delete a list of users.",
            "DRYRUN <username> <command> [<arg> ...]",
            "    Returns whether the user can execute the given command without executing the command.",
            "GETUSER <username>",
            "    Get the user's details.",
            "GENPASS [<bits>]",
            "    Generate a secure 256-bit user password. The optional `bits` argument can",
            "    be used to specify a different size.",
            "LIST",
            "    Show users details in config file format.",
            "LOAD",
            "    Reload users from the ACL file.",
            "LOG [<count> | RESET]",
            "    Show the ACL log entries.",
            "SAVE",
            "    Save the current config to the ACL file.",
            "SETUSER <username> <attribute> [<attribute> ...]",
            "    Create or modify a user with the specified attributes.",
            "USERS",
            "    List all the registered usernames.",
            "WHOAMI",
            "    Return the current connection username.",
        ],
    );
    Ok(())
}
