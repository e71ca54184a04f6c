//! CLIENT LIST and CLIENT INFO.

use crate::command::call::{Call, Done, integer};
use crate::command::error::{Error, as_c_string};
use crate::server::describe::Class;
use ropewalk_protocols::resp::ReplyWriter;

/// `CLIENT INFO`
pub(crate) fn client_info(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let mut line = Vec::new();
    call.server.describe(call.client, Some((call.client, call.args)), &mut line);
    reply.verbatim(b"txt", line);
    Ok(())
}

/// `CLIENT LIST [TYPE NORMAL | MASTER | REPLICA | PUBSUB] [ID client-id [client-id ...]]`
pub(crate) fn client_list(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let asking = Some((call.client, call.args));
    let mut lines = Vec::new();
    match call.rest(2) {
        [] => {
            call.server.clients.iter().for_each(|client| call.server.describe(client, asking, &mut lines));
        }
        [option, class] if option.eq_ignore_ascii_case(b"type") => {
            let class = class_named(class)?;
            let clients = call.server.clients.iter().filter(|client| Class::of(client) == class);
            clients.for_each(|client| call.server.describe(client, asking, &mut lines));
        }
        [option, ids @ ..] if option.eq_ignore_ascii_case(b"id") && !ids.is_empty() => {
            for id in ids {
                let id = integer(id).map_err(|_| Error::text("ERR Invalid client ID"))?;
                if let Some(client) = u64::try_from(id).ok().and_then(|id| call.server.clients.find(id)) {
                    call.server.describe(client, asking, &mut lines);
                }
            }
        }
        _ => return Err(Error::Syntax),
    }
    reply.verbatim(b"txt", lines);
    Ok(())
}

/// A class of clients by its name.
pub(super) fn class_named(name: &[u8]) -> Result<Class, Error> {
    match name.to_ascii_lowercase().as_slice() {
        b"normal" => Ok(Class::Normal),
        b"slave" | b"replica" => Ok(Class::Replica),
        b"pubsub" => Ok(Class::PubSub),
        b"master" => Ok(Class::Master),
        _ => Err(Error::Bytes([&b"ERR Unknown client type '"[..], as_c_string(name), b"'"].concat())),
    }
}
