//! CLIENT TRACKING, CACHING, GETREDIR and TRACKINGINFO.

use super::switch;
use crate::command::call::{Call, Done};
use crate::command::error::{Error, as_c_string};
use crate::server::client::State;
use crate::server::tracking::Mode;
use ropewalk_protocols::resp::ReplyWriter;

/// What CLIENT TRACKING was told.
#[derive(Default)]
struct Wanted<'a> {
    mode: Mode,
    redirect: u64,
    prefixes: Vec<&'a [u8]>,
}

impl<'a> Wanted<'a> {
    fn parse(call: &Call<'a>) -> Result<Self, Error> {
        let mut wanted = Self::default();
        let mut options = call.rest(3);
        while let [option, rest @ ..] = options {
            options = rest;
            match (option.to_ascii_lowercase().as_slice(), rest) {
                (b"redirect", [id, rest @ ..]) => {
                    wanted.set_redirect(call, id)?;
                    options = rest;
                }
                (b"prefix", [prefix, rest @ ..]) => {
                    wanted.prefixes.push(prefix);
                    options = rest;
                }
                (b"bcast", _) => wanted.mode |= Mode::BCAST,
                (b"optin", _) => wanted.mode |= Mode::OPTIN,
                (b"optout", _) => wanted.mode |= Mode::OPTOUT,
                (b"noloop", _) => wanted.mode |= Mode::NOLOOP,
                _ => return Err(Error::Syntax),
            }
        }
        Ok(wanted)
    }

    fn set_redirect(&mut self, call: &Call<'_>, id: &[u8]) -> Result<(), Error> {
        if self.redirect != 0 {
            return Err(Error::text("ERR A client can only redirect to a single other client"));
        }
        let id = crate::command::call::integer(id)?;
        let known = u64::try_from(id).ok().filter(|id| call.server.clients.find(*id).is_some());
        self.redirect = known.ok_or(Error::text("ERR The client ID you want redirect to does not exist"))?;
        Ok(())
    }

    /// Whether this makes sense, for this client.
    fn check(&self, call: &Call<'_>) -> Result<(), Error> {
        if !self.prefixes.is_empty() && !self.mode.contains(Mode::BCAST) {
            return Err(Error::text("ERR PREFIX option requires BCAST mode to be enabled"));
        }
        let before = call.client.tracking(|options| options.mode);
        let switches = |mode| before.is_some_and(|before| before.contains(mode) != self.mode.contains(mode));
        if switches(Mode::BCAST) {
            return Err(Error::text(
                "ERR You can't switch BCAST mode on/off before disabling tracking for this client, and then \
                 re-enabling it with a different mode.",
            ));
        }
        if self.mode.contains(Mode::BCAST) && self.mode.intersects(Mode::OPTIN | Mode::OPTOUT) {
            return Err(Error::text("ERR OPTIN and OPTOUT are not compatible with BCAST"));
        }
        if self.mode.contains(Mode::OPTIN | Mode::OPTOUT) {
            return Err(Error::text("ERR You can't specify both OPTIN mode and OPTOUT mode"));
        }
        let before = before.unwrap_or_default();
        let turns = |from, to| before.contains(from) && self.mode.contains(to);
        if turns(Mode::OPTIN, Mode::OPTOUT) || turns(Mode::OPTOUT, Mode::OPTIN) {
            return Err(Error::text(
                "ERR You can't switch OPTIN/OPTOUT mode before disabling tracking for this client, and then \
                 re-enabling it with a different mode.",
            ));
        }
        self.check_prefixes(call)
    }

    fn check_prefixes(&self, call: &Call<'_>) -> Result<(), Error> {
        for (index, prefix) in self.prefixes.iter().enumerate() {
            let existing = call.client.tracking(|options| options.overlapping(prefix));
            if let Some(existing) = existing.flatten() {
                return Err(overlap(prefix, "an existing", &existing));
            }
            let others = self.prefixes.get(index + 1..).unwrap_or_default();
            if let Some(other) =
                others.iter().find(|other| other.starts_with(prefix) || prefix.starts_with(other))
            {
                return Err(overlap(prefix, "another provided", other));
            }
        }
        Ok(())
    }
}

fn overlap(prefix: &[u8], which: &str, other: &[u8]) -> Error {
    let (quote, which) = (&b"' overlaps with "[..], which.as_bytes());
    let end = b"'. Prefixes for a single client must not overlap.";
    Error::Bytes(
        [b"ERR Prefix '", as_c_string(prefix), quote, which, b" prefix '", as_c_string(other), end].concat(),
    )
}

/// `CLIENT TRACKING ON | OFF [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] [NOLOOP]`
pub(crate) fn client_tracking(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let wanted = Wanted::parse(call)?;
    if switch(call.arg(2))? {
        wanted.check(call)?;
        call.server.track(call.client, wanted.mode, wanted.redirect, &wanted.prefixes);
    } else {
        call.server.untrack(call.client);
    }
    reply.ok();
    Ok(())
}

/// `CLIENT CACHING YES | NO`
pub(crate) fn client_caching(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let Some(mode) = call.client.tracking(|options| options.mode) else {
        return Err(Error::text(
            "ERR CLIENT CACHING can be called only when the client is in tracking mode with OPTIN or OPTOUT mode \
             enabled",
        ));
    };
    match call.arg(2).to_ascii_lowercase().as_slice() {
        b"yes" if mode.contains(Mode::OPTIN) => {}
        b"no" if mode.contains(Mode::OPTOUT) => {}
        b"yes" => {
            return Err(Error::text(
                "ERR CLIENT CACHING YES is only valid when tracking is enabled in OPTIN mode.",
            ));
        }
        b"no" => {
            return Err(Error::text(
                "ERR CLIENT CACHING NO is only valid when tracking is enabled in OPTOUT mode.",
            ));
        }
        _ => return Err(Error::Syntax),
    }
    call.client.set_caching(true);
    reply.ok();
    Ok(())
}

/// `CLIENT GETREDIR`
pub(crate) fn client_getredir(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    reply.integer(call.client.redirection());
    Ok(())
}

/// The words of CLIENT TRACKINGINFO, in its order.
const WORDS: [(Mode, &str); 6] = [
    (Mode::BCAST, "bcast"),
    (Mode::OPTIN, "optin"),
    (Mode::OPTOUT, "optout"),
    (Mode::CACHING, "caching"),
    (Mode::NOLOOP, "noloop"),
    (Mode::BROKEN, "broken_redirect"),
];

/// `CLIENT TRACKINGINFO`
pub(crate) fn client_trackinginfo(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let options = call.client.tracking(Clone::clone);
    let mode = options.as_ref().map_or(Mode::empty(), |options| options.mode);
    let on = if call.client.is(State::TRACKING) { "on" } else { "off" };
    let set = WORDS.iter().filter(|(flag, _)| mode.contains(*flag)).map(|(flag, word)| match *flag {
        Mode::CACHING if mode.contains(Mode::OPTIN) => "caching-yes",
        Mode::CACHING => "caching-no",
        _ => word,
    });
    let words: Vec<&str> = [on].into_iter().chain(set).collect();
    reply.map(3);
    reply.bulk("flags");
    reply.set(words.len());
    words.iter().for_each(|word| reply.bulk(word));
    reply.bulk("redirect");
    reply.integer(call.client.redirection());
    reply.bulk("prefixes");
    let prefixes = options.map(|options| options.prefixes).unwrap_or_default();
    reply.array(prefixes.len());
    prefixes.iter().for_each(|prefix| reply.bulk(prefix));
    Ok(())
}
