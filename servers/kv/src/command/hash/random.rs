//! `HRANDFIELD key [count [WITHVALUES]]`

use super::read;
use crate::command::call::{Call, Done};
use crate::command::draws::{self, Draws};
use crate::command::error::Error;
use crate::store::hash::{Field, Hash};
use ropewalk_protocols::resp::{ReplyWriter, Version};

/// Which fields are wanted.
struct Wanted {
    /// If negative, the same field may come again.
    count: i64,
    with_values: bool,
}

impl Wanted {
    fn parse(call: &Call<'_>) -> Result<Self, Error> {
        let count = draws::count(call, 2)?;
        let with_values = match call.rest(3) {
            [] => false,
            [option] if option.eq_ignore_ascii_case(b"withvalues") => true,
            _ => return Err(Error::Syntax),
        };
        // Twice as many elements have to be countable.
        if with_values && count.unsigned_abs() > (i64::MAX / 2) as u64 {
            return Err(Error::OutOfRange);
        }
        Ok(Self { count, with_values })
    }

    /// Write the header for so many fields.
    fn header(&self, fields: usize, reply: &mut ReplyWriter<'_>) {
        let flat = self.with_values && reply.version() == Version::Resp2;
        reply.array(if flat { fields.saturating_mul(2) } else { fields });
    }

    /// Write a field.
    fn field(&self, field: Field<'_>, reply: &mut ReplyWriter<'_>) {
        if self.with_values && reply.version() == Version::Resp3 {
            reply.array(2);
        }
        reply.bulk(&*field.name.text());
        if self.with_values {
            reply.bulk(&*field.value.text());
        }
    }
}

/// `HRANDFIELD key [count [WITHVALUES]]`
pub(crate) fn hrandfield(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    if call.args.len() == 2 {
        let field = read(call)?.and_then(|hash| call.random(|random| hash.random(call.now_ms(), random)));
        match field {
            Some(field) => reply.bulk(&*field.name.text()),
            None => reply.null(),
        }
        return Ok(());
    }
    let wanted = Wanted::parse(call)?;
    match read(call)? {
        Some(hash) if wanted.count > 0 => sample(call, hash, &wanted, reply),
        Some(hash) if wanted.count < 0 => draw(call, hash, &wanted, reply)?,
        _ => reply.array(0),
    }
    Ok(())
}

/// Different fields.
fn sample(call: &Call<'_>, hash: &Hash, wanted: &Wanted, reply: &mut ReplyWriter<'_>) {
    let live = hash.live_len(call.now_ms());
    let count = usize::try_from(wanted.count).map_or(live, |count| count.min(live));
    wanted.header(count, reply);
    call.random(|random| {
        hash.sample(count, call.now_ms(), random, |field| wanted.field(field, reply));
    });
}

/// Any fields, which may be the same.
fn draw(call: &Call<'_>, hash: &Hash, wanted: &Wanted, reply: &mut ReplyWriter<'_>) -> Result<(), Error> {
    let mut draws = Draws::new(wanted.count.unsigned_abs())?;
    wanted.header(draws.left(), reply);
    call.random(|random| {
        hash.draw(call.now_ms(), random, |field| {
            wanted.field(field, reply);
            draws.drew(reply)
        });
    });
    Ok(())
}
