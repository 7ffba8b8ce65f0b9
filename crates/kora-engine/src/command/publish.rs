//! PUBLISH, SPUBLISH and PUBSUB: to publish, and to ask who listens, runs on a shard like any command of keys, so that it can be
//! part of a transaction or a script. A message is announced in order with the effects before it.

use kora_core::command::help::write_help;
use kora_core::command::spec::CommandSpec;
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::glob;
use kora_core::journal::Message;
use kora_core::reply::Reply;

use super::facts;
use crate::pubsub::{Broker, Space};

/// The family's commands.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec { facts: facts::PUBLISH, handler: publish },
    CommandSpec { facts: facts::PUBSUB, handler: container },
    CommandSpec { facts: facts::PUBSUB_CHANNELS, handler: channels },
    CommandSpec { facts: facts::PUBSUB_HELP, handler: pubsub_help },
    CommandSpec { facts: facts::PUBSUB_NUMPAT, handler: numpat },
    CommandSpec { facts: facts::PUBSUB_NUMSUB, handler: numsub },
    CommandSpec { facts: facts::PUBSUB_SHARDCHANNELS, handler: shardchannels },
    CommandSpec { facts: facts::PUBSUB_SHARDNUMSUB, handler: shardnumsub },
    CommandSpec { facts: facts::SPUBLISH, handler: spublish },
];

/// Lines of PUBSUB HELP.
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

fn as_integer(count: usize) -> i64 {
    i64::try_from(count).expect("what is in memory is fewer than 2^63")
}

fn broker<'a>(ctx: &Ctx<'a>) -> &'a Broker {
    ctx.services.get().expect("a server's shards are given its broker")
}

fn publish(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    announce(ctx, false, args, out);
    Ok(())
}

fn spublish(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    announce(ctx, true, args, out);
    Ok(())
}

fn announce(ctx: &mut Ctx<'_>, is_sharded: bool, args: &[&[u8]], out: &mut dyn Reply) {
    let (channel, payload) = (args[1], args[2]);
    let (count, as_of) = broker(ctx).count_receivers(is_sharded, channel);
    if count > 0 {
        let (channel, payload) = (channel.into(), payload.into());
        ctx.journal.publish(Message { is_sharded, channel, payload, as_of });
    }
    out.integer(as_integer(count));
}

/// PUBSUB alone: its arity refuses that before it runs.
fn container(_: &mut Ctx<'_>, args: &[&[u8]], _: &mut dyn Reply) -> CommandResult {
    Err(CommandError::Arity(kora_core::text::of(args[0]).to_lowercase().into()))
}

fn pubsub_help(_: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_help(out, args, HELP);
    Ok(())
}

fn channels(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    list(ctx, Space::Channels, args, out)
}

fn shardchannels(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    list(ctx, Space::ShardChannels, args, out)
}

fn list(ctx: &Ctx<'_>, space: Space, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let names = match args {
        [_, _] => broker(ctx).names(space, |_| true),
        [_, _, pattern] => broker(ctx).names(space, |name| glob::matches(pattern, name)),
        _ => return Err(unknown(args)),
    };
    out.array(names.len());
    names.iter().for_each(|name| out.bulk(name));
    Ok(())
}

fn numpat(ctx: &mut Ctx<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    out.integer(as_integer(broker(ctx).name_count(Space::Patterns)));
    Ok(())
}

fn numsub(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    count(ctx, Space::Channels, &args[2..], out);
    Ok(())
}

fn shardnumsub(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    count(ctx, Space::ShardChannels, &args[2..], out);
    Ok(())
}

fn count(ctx: &Ctx<'_>, space: Space, names: &[&[u8]], out: &mut dyn Reply) {
    let counts = broker(ctx).subscriber_counts(space, names);
    out.array(names.len() * 2);
    for (name, count) in names.iter().zip(counts) {
        out.bulk(name);
        out.integer(as_integer(count));
    }
}

fn unknown(args: &[&[u8]]) -> CommandError {
    CommandError::SubcommandForm(kora_core::text::of(args[1]).into_owned(), "PUBSUB")
}
