//! HELLO and AUTH: who a client is, and what it speaks.

use super::client::set_name;
use crate::command::call::{Call, Done};
use crate::command::error::{Error, as_c_string};
use crate::server::client::State;
use ropewalk_protocols::resp::{ReplyWriter, Version, number};

/// `AUTH [username] password`
pub(crate) fn auth(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let (user, password) = match call.args {
        [_, password] => {
            call.redact(1);
            if !call.server.default_user_has_password() {
                return Err(Error::text(
                    "ERR AUTH <password> called without any password configured for the default user. Are you \
                     sure your configuration is correct?",
                ));
            }
            (&b"default"[..], *password)
        }
        [_, user, password] => {
            call.redact(1);
            call.redact(2);
            (*user, *password)
        }
        _ => return Err(Error::Syntax),
    };
    call.server.authenticate(call.client, call.arg(0), user, password)?;
    reply.ok();
    Ok(())
}

/// Do what the options say, one after the other: what comes before a wrong one is done, as in Redis.
fn follow_options(call: &mut Call<'_>) -> Done {
    let mut at = 2;
    while let Some((option, rest)) = call.rest(at).split_first() {
        match (option.to_ascii_lowercase().as_slice(), rest) {
            (b"auth", [user, password, ..]) => {
                call.redact(at + 1);
                call.redact(at + 2);
                call.server.authenticate(call.client, call.arg(0), user, password)?;
                at += 3;
            }
            (b"setname", [name, ..]) => {
                set_name(call.client, name)?;
                at += 2;
            }
            _ => {
                let words = [&b"ERR Syntax error in HELLO option '"[..], as_c_string(option), b"'"].concat();
                return Err(Error::Bytes(words));
            }
        }
    }
    Ok(())
}

fn version(argument: &[u8]) -> Result<Version, Error> {
    match number::parse_integer(argument) {
        Some(2) => Ok(Version::Resp2),
        Some(3) => Ok(Version::Resp3),
        Some(_) => Err(Error::text("NOPROTO unsupported protocol version")),
        None => Err(Error::text("ERR Protocol version is not an integer or out of range")),
    }
}

/// `HELLO [protover [AUTH username password] [SETNAME clientname]]`
pub(crate) fn hello(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let version = call.args.get(1).map(|argument| version(argument)).transpose()?;
    follow_options(call)?;
    if !call.client.is(State::AUTHENTICATED) {
        return Err(Error::text(
            "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO AUTH <user> \
             <pass> option can be used to authenticate the client and select the RESP protocol version at the same \
             time",
        ));
    }
    if let Some(version) = version {
        call.client.version.set(version);
        reply.set_version(version);
    }
    reply.map(7);
    for (key, value) in [("server", "redis"), ("version", crate::server::REDIS_VERSION)] {
        reply.bulk(key);
        reply.bulk(value);
    }
    reply.bulk("proto");
    reply.integer(if reply.version() == Version::Resp3 { 3 } else { 2 });
    reply.bulk("id");
    reply.integer(call.client.id as i64);
    for (key, value) in [("mode", "standalone"), ("role", "master")] {
        reply.bulk(key);
        reply.bulk(value);
    }
    reply.bulk("modules");
    reply.array(0);
    Ok(())
}
