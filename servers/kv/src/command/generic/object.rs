//! OBJECT: what is known about a key's value beside the value. The one rule: asking is no use of the key.

use crate::command::call::{Call, Done};
use crate::command::error::Error;
use crate::store::database::Found;
use crate::store::value::View;
use ropewalk_protocols::resp::ReplyWriter;

fn found<'c>(call: &'c Call<'_>) -> Option<Found<'c>> {
    call.look(call.key(2))
}

/// OBJECT ENCODING key.
pub(crate) fn object_encoding(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    match found(call) {
        Some(found) => reply.bulk(found.encoding().name()),
        None => reply.null(),
    }
    Ok(())
}

/// OBJECT REFCOUNT key: small integers count as shared by all, as Redis's are.
pub(crate) fn object_refcount(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    const SHARED_MAX: i64 = 9999;
    match found(call).map(|found| found.view()) {
        Some(View::Integer(0..=SHARED_MAX)) if !call.server.accesses_matter() => {
            reply.integer(i64::from(i32::MAX));
        }
        Some(_) => reply.integer(1),
        None => reply.null(),
    }
    Ok(())
}

/// OBJECT IDLETIME key: seconds.
pub(crate) fn object_idletime(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let Some(found) = found(call) else {
        reply.null();
        return Ok(());
    };
    let idle = call.server.idle_seconds(found.access()).ok_or(Error::text(
        "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching between \
         policies at runtime LRU and LFU data will take some time to adjust.",
    ))?;
    reply.integer(idle);
    Ok(())
}

/// OBJECT FREQ key: how often it was used, on the logarithmic scale of LFU.
pub(crate) fn object_freq(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let Some(found) = found(call) else {
        reply.null();
        return Ok(());
    };
    let frequency = call.server.frequency(found.access()).ok_or(Error::text(
        "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
         switching between policies at runtime LRU and LFU data will take some time to adjust.",
    ))?;
    reply.integer(i64::from(frequency));
    Ok(())
}

/// OBJECT HELP.
pub(crate) fn object_help(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.help(
        reply,
        &[
            "ENCODING <key>",
            "    Return the kind of internal representation used in order to store the value",
            "    associated with a <key>.",
            "FREQ <key>",
            "    Return the access frequency index of the <key>. The returned integer is",
            "    proportional to the logarithm of the recent access frequency of the key.",
            "IDLETIME <key>",
            "    Return the idle time of the <key>, that is the approximated number of",
            "    seconds elapsed since the last access to the key.",
            "REFCOUNT <key>",
            "    Return the number of references of the value associated with the specified",
            "    <key>.",
        ],
    );
    Ok(())
}
