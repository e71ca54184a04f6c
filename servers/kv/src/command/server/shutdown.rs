//! SHUTDOWN.

use crate::command::call::{Call, Done};
use crate::command::error::Error;
use crate::server::Server;
use ropewalk_protocols::resp::ReplyWriter;

/// What SHUTDOWN was told.
#[derive(Clone, Copy, Debug, Default)]
struct Options {
    save: Option<bool>,
    now: bool,
    force: bool,
    abort: bool,
}

impl Options {
    fn parse(words: &[&[u8]]) -> Result<Self, Error> {
        let mut options = Self::default();
        for word in words {
            match word.to_ascii_lowercase().as_slice() {
                b"save" if options.save != Some(false) => options.save = Some(true),
                b"nosave" if options.save != Some(true) => options.save = Some(false),
                b"now" => options.now = true,
                b"force" => options.force = true,
                b"abort" => options.abort = true,
                _ => return Err(Error::Syntax),
            }
        }
        let others = options.save.is_some() || options.now || options.force;
        if options.abort && others { Err(Error::Syntax) } else { Ok(options) }
    }
}

/// `SHUTDOWN [NOSAVE | SAVE] [NOW] [FORCE] [ABORT]`.
pub(crate) fn shutdown(call: &mut Call<'_>, _: &mut ReplyWriter<'_>) -> Done {
    let options = Options::parse(call.rest(1))?;
    if options.abort {
        return Err(Error::text("ERR No shutdown in progress."));
    }
    if options.save == Some(true) && !options.force {
        tracing::warn!("SHUTDOWN SAVE was refused: there is nothing to save to");
        return Err(Error::text("ERR Errors trying to SHUTDOWN. Check logs."));
    }
    call.client.close_after_reply();
    call.server.shut_down();
    Ok(())
}

impl Server {
    /// Stop. Whoever leaves something unread is not waited for.
    fn shut_down(&self) {
        tracing::info!("SHUTDOWN was asked for");
        for client in self.clients.iter().filter(|client| client.transport.buffered() > 0) {
            client.kill();
        }
        self.reactor.stop();
    }
}
