//! FLUSHALL, FLUSHDB, SWAPDB: whole databases. The one rule: who watches or waits for a key of theirs learns of it as
//! if the key alone had changed.

use crate::command::call::{Call, Done};
use crate::command::error::Error;
use crate::server::Server;
use ropewalk_protocols::resp::ReplyWriter;

/// What FLUSHALL and FLUSHDB are told: whether to drop what they hold on another thread.
fn parse_lazily(call: &Call<'_>) -> Result<bool, Error> {
    match call.rest(1) {
        [] => Ok(call.server.config.lazyfree_lazy_user_flush),
        [mode] if mode.eq_ignore_ascii_case(b"async") => Ok(true),
        [mode] if mode.eq_ignore_ascii_case(b"sync") => Ok(false),
        _ => Err(Error::Syntax),
    }
}

/// FLUSHALL [ASYNC|SYNC].
pub(crate) fn flushall(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let lazily = parse_lazily(call)?;
    call.server.invalidate_all();
    (0..call.server.database_count()).for_each(|db| call.server.flush(db, lazily));
    call.server.dirty += 1;
    reply.ok();
    Ok(())
}

/// FLUSHDB [ASYNC|SYNC].
pub(crate) fn flushdb(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let lazily = parse_lazily(call)?;
    call.server.invalidate_all();
    call.server.flush(call.db(), lazily);
    call.server.dirty += 1;
    reply.ok();
    Ok(())
}

/// SWAPDB index index.
pub(crate) fn swapdb(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let number = |index, wrong: &'static str| {
        let number = call.integer(index).ok().filter(|number| i32::try_from(*number).is_ok());
        number.ok_or(Error::text(wrong))
    };
    let first = number(1, "ERR invalid first DB index")?;
    let second = number(2, "ERR invalid second DB index")?;
    let place = |number: i64| {
        let place = usize::try_from(number).ok().filter(|place| *place < call.server.database_count());
        place.ok_or(Error::text("ERR DB index is out of range"))
    };
    let (first, second) = (place(first)?, place(second)?);
    if first != second {
        call.server.exchange(first, second);
    }
    call.server.dirty += 1;
    reply.ok();
    Ok(())
}

impl Server {
    /// Empty a database; what it held is dropped at once, or on another thread.
    pub(crate) fn flush(&mut self, db: usize, lazily: bool) {
        self.touch_all_watched(db, None);
        let emptied = std::mem::take(self.database_mut(db));
        self.wake_all(db);
        if lazily {
            let keys = emptied.len() as u64;
            self.drop_elsewhere(emptied, keys);
        }
    }

    fn exchange(&mut self, first: usize, second: usize) {
        self.touch_all_watched(first, Some(second));
        self.touch_all_watched(second, Some(first));
        self.swap_databases(first, second);
        self.wake_all(first);
        self.wake_all(second);
    }

    /// Have everybody who waits for a key of this database look at it again.
    fn wake_all(&mut self, db: usize) {
        for key in self.blocked.keys(db) {
            self.blocked.key_changed(db, &key);
        }
    }
}
