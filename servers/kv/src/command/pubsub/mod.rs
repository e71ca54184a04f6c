//! SUBSCRIBE, PUBLISH and their kin.

pub(crate) mod table;

use super::call::{Call, Done};
use crate::glob;
use crate::server::client::{Place, State};
use crate::server::pubsub::{Kind, write_subscription};
use ropewalk_protocols::resp::ReplyWriter;

/// `SUBSCRIBE channel [channel ...]`
pub(crate) fn subscribe(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    subscribe_to(call, reply, Kind::Channel)
}

/// `PSUBSCRIBE pattern [pattern ...]`
pub(crate) fn psubscribe(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    subscribe_to(call, reply, Kind::Pattern)
}

/// `SSUBSCRIBE shardchannel [shardchannel ...]`
pub(crate) fn ssubscribe(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    subscribe_to(call, reply, Kind::Shard)
}

/// `UNSUBSCRIBE [channel [channel ...]]`
pub(crate) fn unsubscribe(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    unsubscribe_from(call, reply, Kind::Channel)
}

/// `PUNSUBSCRIBE [pattern [pattern ...]]`
pub(crate) fn punsubscribe(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    unsubscribe_from(call, reply, Kind::Pattern)
}

/// `SUNSUBSCRIBE [shardchannel [shardchannel ...]]`
pub(crate) fn sunsubscribe(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    unsubscribe_from(call, reply, Kind::Shard)
}

fn subscribe_to(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>, kind: Kind) -> Done {
    for name in call.rest(1) {
        call.server.subscribe(call.client, kind, name);
        confirm(call, reply, kind, "subscribe", Some(name));
    }
    Ok(())
}

fn unsubscribe_from(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>, kind: Kind) -> Done {
    if call.args.len() > 1 {
        for name in call.rest(1) {
            call.server.unsubscribe(call.client, kind, name);
            confirm(call, reply, kind, "unsubscribe", Some(name));
        }
        return Ok(());
    }
    let names = call.client.subscribed_names(kind);
    for name in &names {
        call.server.unsubscribe(call.client, kind, name);
        confirm(call, reply, kind, "unsubscribe", Some(name));
    }
    if names.is_empty() {
        confirm(call, reply, kind, "unsubscribe", None);
    }
    Ok(())
}

/// Tell the client what it subscribes to, or does no more: a message, which is sent though it wants no replies.
fn confirm(call: &Call<'_>, reply: &mut ReplyWriter<'_>, kind: Kind, word: &str, name: Option<&[u8]>) {
    if call.client.is(State::REPLY_OFF | State::REPLY_SKIP) {
        call.client.send(Place::Behind, |message| write_subscription(message, call.client, kind, word, name));
    } else {
        write_subscription(reply, call.client, kind, word, name);
    }
}

/// `PUBLISH channel message`
pub(crate) fn publish(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let receivers = call.server.publish(call.arg(1), call.arg(2));
    reply.integer(receivers as i64);
    Ok(())
}

/// `SPUBLISH shardchannel message`
pub(crate) fn spublish(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    let receivers = call.server.publish_to_shard(call.arg(1), call.arg(2));
    reply.integer(receivers as i64);
    Ok(())
}

/// `PUBSUB CHANNELS [pattern]`
pub(crate) fn pubsub_channels(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    names_matching(call, reply, Kind::Channel)
}

/// `PUBSUB SHARDCHANNELS [pattern]`
pub(crate) fn pubsub_shardchannels(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    names_matching(call, reply, Kind::Shard)
}

fn names_matching(call: &Call<'_>, reply: &mut ReplyWriter<'_>, kind: Kind) -> Done {
    let pattern = match call.rest(2) {
        [] => None,
        [pattern] => Some(*pattern),
        _ => return Err(super::error::wrong_subcommand(call.args)),
    };
    let is_wanted = |name: &[u8]| pattern.is_none_or(|pattern| glob::matches(pattern, name));
    let names = call.server.pubsub.topics(kind).names();
    let found: Vec<_> = names.filter(|name| is_wanted(name)).collect();
    reply.array(found.len());
    found.iter().for_each(|name| reply.bulk(name));
    Ok(())
}

/// `PUBSUB NUMSUB [channel [channel ...]]`
pub(crate) fn pubsub_numsub(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    count_subscribers(call, reply, Kind::Channel)
}

/// `PUBSUB SHARDNUMSUB [shardchannel [shardchannel ...]]`
pub(crate) fn pubsub_shardnumsub(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    count_subscribers(call, reply, Kind::Shard)
}

fn count_subscribers(call: &Call<'_>, reply: &mut ReplyWriter<'_>, kind: Kind) -> Done {
    let names = call.rest(2);
    reply.array(names.len() * 2);
    for name in names {
        reply.bulk(name);
        reply.integer(call.server.pubsub.topics(kind).subscribers(name) as i64);
    }
    Ok(())
}

/// `PUBSUB NUMPAT`
pub(crate) fn pubsub_numpat(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    reply.integer(call.server.pubsub.topics(Kind::Pattern).len() as i64);
    Ok(())
}

/// `PUBSUB HELP`
pub(crate) fn pubsub_help(call: &mut Call<'_>, reply: &mut ReplyWriter<'_>) -> Done {
    call.help(reply, HELP);
    Ok(())
}

const HELP: &[&str] = &[
    "CHANNELS [<pattern>]",
    "    Return the currently active channels matching a <pattern> (default: '*').",
    "NUMPAT",
    "    Return number of subscriptions to patterns.",
    "NUMSUB [<channel> ...]",
    "    Return the number of subscribers for the specified channels, excluding",
    "    pattern subscriptions(default: no channels).",
    "SHARDCHANNELS [<pattern>]",
    "    Return the currently active shard level channels matching a <pattern> (default: '*').",
    "SHARDNUMSUB [<shardchannel> ...]",
    "    Return the number of subscribers for the specified shard level channel(s)",
];
