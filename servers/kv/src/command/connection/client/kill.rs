//! CLIENT KILL.

use super::list::class_named;
use crate::command::call::{Call, Done, integer};
use crate::command::error::{Error, as_c_string};
use crate::server::Server;
use crate::server::client::Client;
use crate::server::describe::Class;
use ropewalk_protocols::resp::ReplyWriter;
use std::rc::Rc;

/// Who is to be closed: whoever meets all that is said.
#[derive(Debug, Default)]
struct Filter<'a> {
    id: Option<u64>,
    class: Option<Class>,
    address: Option<&'a [u8]>,
    local_address: Option<&'a [u8]>,
    user: Option<&'a [u8]>,
    /// Whoever asks may be closed too.
    or_me: bool,
}

impl<'a> Filter<'a> {
    fn parse(options: &'a [&'a [u8]], server: &Server) -> Result<Self, Error> {
        let mut filter = Self::default();
        let (pairs, rest) = options.as_chunks::<2>();
        for [option, value] in pairs {
            match option.to_ascii_lowercase().as_slice() {
                b"id" => {
                    let id = integer(value).ok().and_then(|id| u64::try_from(id).ok()).filter(|id| *id > 0);
                    filter.id = Some(id.ok_or(Error::text("ERR client-id should be greater than 0"))?);
                }
                b"type" => filter.class = Some(class_named(value)?),
                b"addr" => filter.address = Some(value),
                b"laddr" => filter.local_address = Some(value),
                b"user" if server.acl.find(value).is_some() => filter.user = Some(value),
                b"user" => {
                    return Err(Error::Bytes(
                        [&b"ERR No such user '"[..], as_c_string(value), b"'"].concat(),
                    ));
                }
                b"skipme" if value.eq_ignore_ascii_case(b"yes") => filter.or_me = false,
                b"skipme" if value.eq_ignore_ascii_case(b"no") => filter.or_me = true,
                _ => return Err(Error::Syntax),
            }
        }
        if rest.is_empty() { Ok(filter) } else { Err(Error::Syntax) }
    }

    fn matches(&self, client: &Client, server: &Server) -> bool {
        self.id.is_none_or(|id| client.id == id)
            && self.class.is_none_or(|class| Class::of(client) == class)
            && self.user.is_none_or(|user| client.user.borrow().name() == user)
            && self.address.is_none_or(|address| server.address_of(client) == address)
            && self.local_address.is_none_or(|address| server.local_address_of(client) == address)
    }
}

/// `CLIENT KILL ip:port | [ID client-id] [TYPE type] [USER username] [ADDR ip:port] [LADDR ip:port] [SKIPME yes/no]`
pub(crate) fn client_kill(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    // Written so, it is an error if there is no such client, and whoever asks may be the one.
    let old_style = match call.rest(2) {
        [address] => Some(*address),
        _ => None,
    };
    let filter = match old_style {
        Some(address) => Filter { address: Some(address), or_me: true, ..Filter::default() },
        None => Filter::parse(call.rest(2), call.server)?,
    };
    let matching = |client: &&Rc<Client>| {
        (filter.or_me || !Rc::ptr_eq(client, call.client)) && filter.matches(client, call.server)
    };
    let mut victims: Vec<_> = call.server.clients.iter().filter(matching).cloned().collect();
    if old_style.is_some() {
        victims.truncate(1);
    }
    match (old_style, victims.len()) {
        (Some(_), 0) => return Err(Error::text("ERR No such client")),
        (Some(_), _) => reply.ok(),
        (None, count) => reply.integer(count as i64),
    }
    for victim in victims {
        call.server.close_client(&victim);
    }
    Ok(())
}
