//! Facts of the publish/subscribe commands.

use kora_core::command::spec::{
    Arg, ArgType, Channels, Facts, Flags, Group, KeyFlags, KeySpec, Route, Traits,
};

/// What the commands about a connection's subscriptions have in common.
const SUBSCRIPTION: Facts = Facts {
    flags: Flags::PUBSUB.with(Flags::NOSCRIPT).with(Flags::LOADING).with(Flags::STALE),
    traits: Traits::SUBSCRIBED,
    group: Group::PubSub,
    since: "2.0.0",
    ..Facts::NONE
};

/// What the commands that publish have in common.
const PUBLICATION: Facts = Facts {
    arity: 3,
    flags: Flags::PUBSUB.with(Flags::LOADING).with(Flags::STALE).with(Flags::FAST).with(Flags::MAY_REPLICATE),
    route: Route::Anywhere,
    group: Group::PubSub,
    ..Facts::NONE
};

/// What the subcommands of PUBSUB have in common.
const INTROSPECTION: Facts = Facts {
    arity: -2,
    flags: Flags::PUBSUB.with(Flags::LOADING).with(Flags::STALE),
    route: Route::Anywhere,
    group: Group::PubSub,
    since: "2.8.0",
    ..Facts::NONE
};

/// A channel that a cluster would look for where its slot is, though it is no key.
const SHARD_CHANNELS: &[KeySpec] = &[KeySpec::range(KeyFlags::NOT_KEY, 1, -1, 1)];

const PATTERN: Arg = Arg::new("pattern", ArgType::Pattern);

/// `SUBSCRIBE`.
pub const SUBSCRIBE: Facts = Facts {
    name: "subscribe",
    channels: Channels::Literals,
    arity: -2,
    summary: "Listens to messages that are published to channels",
    complexity: "O(N) for N channels",
    args: &[Arg::string("channel").multiple()],
    ..SUBSCRIPTION
};

/// `PSUBSCRIBE`.
pub const PSUBSCRIBE: Facts = Facts {
    name: "psubscribe",
    channels: Channels::Patterns,
    arity: -2,
    summary: "Listens to messages that are published to channels whose names match patterns",
    complexity: "O(N) for N patterns",
    args: &[PATTERN.multiple()],
    ..SUBSCRIPTION
};

/// `SSUBSCRIBE`.
pub const SSUBSCRIBE: Facts = Facts {
    name: "ssubscribe",
    channels: Channels::Literals,
    arity: -2,
    keys: SHARD_CHANNELS,
    since: "7.0.0",
    summary: "Listens to messages that are published to shard channels",
    complexity: "O(N) for N channels",
    args: &[Arg::string("shardchannel").multiple()],
    ..SUBSCRIPTION
};

/// `UNSUBSCRIBE`.
pub const UNSUBSCRIBE: Facts = Facts {
    name: "unsubscribe",
    arity: -1,
    summary: "Stops listening to channels, to all if none is given",
    complexity: "O(N) for N channels",
    args: &[Arg::string("channel").optional().multiple()],
    ..SUBSCRIPTION
};

/// `PUNSUBSCRIBE`.
pub const PUNSUBSCRIBE: Facts = Facts {
    name: "punsubscribe",
    arity: -1,
    summary: "Stops listening by patterns, by all if none is given",
    complexity: "O(N) for N patterns",
    args: &[PATTERN.optional().multiple()],
    ..SUBSCRIPTION
};

/// `SUNSUBSCRIBE`.
pub const SUNSUBSCRIBE: Facts = Facts {
    name: "sunsubscribe",
    arity: -1,
    keys: SHARD_CHANNELS,
    since: "7.0.0",
    summary: "Stops listening to shard channels, to all if none is given",
    complexity: "O(N) for N channels",
    args: &[Arg::string("shardchannel").optional().multiple()],
    ..SUBSCRIPTION
};

/// `PUBLISH`.
pub const PUBLISH: Facts = Facts {
    name: "publish",
    channels: Channels::One,
    since: "2.0.0",
    summary: "Sends a message to the subscribers of a channel",
    complexity: "O(N+M) for N subscribers and M patterns that anybody is subscribed to",
    args: &[Arg::string("channel"), Arg::string("message")],
    ..PUBLICATION
};

/// `SPUBLISH`.
pub const SPUBLISH: Facts = Facts {
    name: "spublish",
    channels: Channels::One,
    keys: &[KeySpec::one(KeyFlags::NOT_KEY, 1)],
    since: "7.0.0",
    summary: "Sends a message to the subscribers of a shard channel",
    complexity: "O(N) for N subscribers",
    args: &[Arg::string("shardchannel"), Arg::string("message")],
    ..PUBLICATION
};

/// `PUBSUB`, whose subcommands do the work.
pub const PUBSUB: Facts = Facts {
    name: "pubsub",
    flags: Flags(0),
    summary: "A container for commands that tell who listens to what",
    complexity: "Depends on the subcommand",
    ..INTROSPECTION
};

/// `PUBSUB CHANNELS`.
pub const PUBSUB_CHANNELS: Facts = Facts {
    name: "pubsub|channels",
    summary: "Lists the channels that have subscribers",
    complexity: "O(N) for N such channels, with short names and patterns",
    args: &[PATTERN.optional()],
    ..INTROSPECTION
};

/// `PUBSUB HELP`.
pub const PUBSUB_HELP: Facts = Facts {
    name: "pubsub|help",
    arity: 2,
    flags: Flags::LOADING.with(Flags::STALE),
    since: "6.2.0",
    summary: "Explains the subcommands",
    complexity: "O(1)",
    ..INTROSPECTION
};

/// `PUBSUB NUMPAT`.
pub const PUBSUB_NUMPAT: Facts = Facts {
    name: "pubsub|numpat",
    arity: 2,
    summary: "Counts the patterns that anybody is subscribed to",
    complexity: "O(1)",
    ..INTROSPECTION
};

/// `PUBSUB NUMSUB`.
pub const PUBSUB_NUMSUB: Facts = Facts {
    name: "pubsub|numsub",
    summary: "Counts the subscribers of channels",
    complexity: "O(N) for N channels",
    args: &[Arg::string("channel").optional().multiple()],
    ..INTROSPECTION
};

/// `PUBSUB SHARDCHANNELS`.
pub const PUBSUB_SHARDCHANNELS: Facts = Facts {
    name: "pubsub|shardchannels",
    since: "7.0.0",
    summary: "Lists the shard channels that have subscribers",
    complexity: "O(N) for N such channels, with short names and patterns",
    args: &[PATTERN.optional()],
    ..INTROSPECTION
};

/// `PUBSUB SHARDNUMSUB`.
pub const PUBSUB_SHARDNUMSUB: Facts = Facts {
    name: "pubsub|shardnumsub",
    since: "7.0.0",
    summary: "Counts the subscribers of shard channels",
    complexity: "O(N) for N channels",
    args: &[Arg::string("shardchannel").optional().multiple()],
    ..INTROSPECTION
};
