//! What a test may do to shards and their driver: break a rule on purpose, hear what runs in which order, and take a
//! submission step by step. It does so in the code that serves clients.
//!
//! A [`Driver`](super::operation::Driver) that says nothing of this breaks no rule, hears nothing and submits at once: the
//! compiler leaves nothing of it.

use kora_stream::record::RecordBuilder;

use crate::error::CommandError;
use crate::slot::ShardId;
use crate::time::UnixMs;

/// A rule that a test can break, to show that it would notice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// A shard runs what stands in its lane before work that it received.
    LaneFirst,
    /// A ticket is published once its operation stands in all lanes.
    PublishLast,
    /// Whoever sends work to a worker that sleeps wakes it.
    WakeSleepers,
    /// A client's commands take effect in the order in which they were sent.
    OwnOrder,
    /// A client that leaves ends its wait for keys.
    LeaveEndsWait,
    /// A client that leaves is forgotten by the stores of the keys that it watched.
    LeaveEndsWatch,
    /// EXEC looks at its watch with the stores of the watched keys in hand.
    WatchInHand,
    /// What a command of EXEC chooses for its session holds for the commands behind it.
    ChoiceInOrder,
    /// The effect of an eviction is recorded.
    EvictionRecorded,
    /// The effects of a round are handed over before anything is sent.
    HandOverFirst,
    /// A shard that receives work notes which operations had been submitted.
    ReceiveNotes,
    /// Whoever puts a shard back looks whether work has come for it.
    LookAgain,
    /// What runs on several shards in one hand stands behind all that is in their lanes.
    LanesOfAll,
    /// While a script takes long, what comes is refused.
    BusyRefuses,
    /// A script that is killed has written nothing, and writes nothing any more.
    KilledWritesNothing,
    /// What a client reads is noted, for it to be told of the next change, before anybody else has the shard.
    ReadsNotedFirst,
    /// A client that keeps copies is told of what has changed before the reply to a command that runs behind that.
    NoticesFirst,
    /// A client that keeps copies is told of what has changed behind the reply to a command that ran before that.
    NoticesHeld,
}

impl Rule {
    /// All of them.
    pub const ALL: [Self; 18] = [
        Self::LaneFirst,
        Self::PublishLast,
        Self::WakeSleepers,
        Self::OwnOrder,
        Self::LeaveEndsWait,
        Self::LeaveEndsWatch,
        Self::WatchInHand,
        Self::ChoiceInOrder,
        Self::EvictionRecorded,
        Self::HandOverFirst,
        Self::ReceiveNotes,
        Self::LookAgain,
        Self::LanesOfAll,
        Self::BusyRefuses,
        Self::KilledWritesNothing,
        Self::ReadsNotedFirst,
        Self::NoticesFirst,
        Self::NoticesHeld,
    ];

    /// Those that concern clients that keep copies of what they read.
    pub const OF_COPIES: [Self; 3] = [Self::ReadsNotedFirst, Self::NoticesFirst, Self::NoticesHeld];
}

/// What a shard does, as a test hears of it. `O` tells who waits for an operation.
#[derive(Debug)]
pub enum Note<'a, O> {
    /// A command or a transaction begins to run at once where its client is served, with these shards in hand, at this time.
    RunsAtOnce(&'a [ShardId], UnixMs),
    /// An operation begins to run as a whole, with the stores of these shards, at this time; once more, if it has waited. Or what
    /// ran at once has paused, and goes on as this operation.
    RunsWhole(&'a O, &'a [ShardId], UnixMs),
    /// It has replied.
    HasReplied(&'a O),
    /// A shard has run one of the items that a command of an operation consists of.
    HasRunItem(&'a O, ShardId, u32),
    /// This command of an operation, counted from 0, had paused and has come to its end with an error. What is recorded is the
    /// operation's.
    Fails(&'a O, usize, &'a CommandError, &'a RecordBuilder),
    /// The wait of an operation has ended, and it was not served.
    EndsWait(&'a O),
    /// What a shard has recorded behind so many effects is no command's: keys that were evicted, or that had expired when a
    /// command looked for them that has put itself off.
    Loses(&'a RecordBuilder, usize),
}
