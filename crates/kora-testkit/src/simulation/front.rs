//! How the engine reaches the simulation: its front, notes of everything that runs, and wakers that only record.
//!
//! The notes and what is broken belong to the thread: a simulation runs in one.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kora_core::command::spec::{CommandSpec, Facts, Flags};
use kora_core::db::DbIndex;
use kora_core::error::{CommandError, CommandResult};
use kora_core::journal::{Effect, effects_of};
use kora_core::reply::Reply;
use kora_core::shard::hub::{Hub, Wake};
use kora_core::shard::operation::Operation;
use kora_core::shard::probe::{Note, Rule};
use kora_core::shard::runner::Shard;
use kora_core::slot::ShardId;
use kora_core::time::UnixMs;
use kora_engine::engine::{Call, Handler, ServerCall};
use kora_engine::front::probe::{Probe, bytes_of_keys};
use kora_engine::front::values::ValueFront;
use kora_engine::front::{ClientId, Front, Origin, Workers};
use kora_script::Running;

use super::pausing::{is_killed, kill_meanwhile};
use super::workload::DATABASE_COUNT;

/// The simulation's front: sessions read replies as values, and keep nothing of its own.
pub(super) type SimulationFront = ValueFront<(), (), SimulationProbe>;

/// An operation of a simulated engine.
pub(super) type SimulatedOperation = Arc<Operation<Workers<SimulationFront>>>;

thread_local! {
    /// What was heard since the last [`take_heard`], in that order.
    static HEARD: RefCell<Vec<Heard>> = const { RefCell::new(Vec::new()) };
    /// The rule that is broken, if one is.
    static BROKEN: Cell<Option<Rule>> = const { Cell::new(None) };
    /// An operation that is to be submitted.
    static KEPT: RefCell<Option<Arc<dyn Any + Send + Sync>>> = const { RefCell::new(None) };
}

/// What was heard of a worker.
#[derive(Clone, Debug)]
pub(super) enum Heard {
    /// It comes to the command at this place of the batch that it was given.
    Reached(usize),
    /// A command or a transaction begins to run at once, at this time.
    RunsAtOnce(ShardId, UnixMs),
    /// A client's operation begins to run as a whole, with the stores of these shards, at this time.
    RunsWhole(ClientId, Vec<ShardId>, UnixMs),
    /// It has replied.
    HasReplied(ClientId),
    /// A shard has run an item of one of its commands.
    HasRunItem(ClientId, ShardId, usize),
    /// This command of it is a script that was killed. These are effects of the whole operation.
    IsKilled(ClientId, usize, Vec<Effect>),
    /// Its wait has ended, and it was not served.
    EndsWait(ClientId),
    /// A key has gone, and no command has deleted it. This is its effect.
    Loses(Effect),
    /// A script is killed that takes long.
    Kills,
}

/// Breaks a rule from now on, or none.
pub(super) fn set_broken(rule: Option<Rule>) {
    BROKEN.set(rule);
}

/// Whether this is the rule that is broken.
pub(super) fn is_broken(rule: Rule) -> bool {
    BROKEN.get() == Some(rule)
}

/// Takes what was heard.
pub(super) fn take_heard() -> Vec<Heard> {
    HEARD.take()
}

/// When the command at this place of the last batch has run at once, if it has, as far as was heard.
pub(super) fn ran_at_once(place: usize) -> Option<UnixMs> {
    HEARD.with_borrow(|all| {
        let behind =
            all.iter().skip_while(|heard| !matches!(heard, Heard::Reached(at) if *at == place)).skip(1);
        let own = behind.take_while(|heard| !matches!(heard, Heard::Reached(_)));
        own.into_iter().find_map(|heard| match heard {
            Heard::RunsAtOnce(_, now) => Some(*now),
            _ => None,
        })
    })
}

/// Notes what is heard.
pub(super) fn hear(heard: Heard) {
    HEARD.with_borrow_mut(|all| all.push(heard));
}

/// Takes the operation that a worker submits, if it submits one.
pub(super) fn take_kept() -> Option<SimulatedOperation> {
    let kept = KEPT.take()?;
    Some(Arc::downcast(kept).expect("only simulated engines run here"))
}

/// What the simulation does to the engine.
#[derive(Debug)]
pub(super) struct SimulationProbe;

impl Probe for SimulationProbe {
    const IS_ALONE: bool = true;

    fn breaks(rule: Rule) -> bool {
        is_broken(rule)
    }

    fn note(note: Note<'_, Origin>) {
        match note {
            Note::RunsAtOnce(shard, now) => hear(Heard::RunsAtOnce(shard, now)),
            Note::RunsWhole(origin, shards, now) => {
                hear(Heard::RunsWhole(origin.client, shards.to_vec(), now));
            }
            Note::HasReplied(origin) => hear(Heard::HasReplied(origin.client)),
            Note::HasRunItem(origin, shard, command) => {
                hear(Heard::HasRunItem(origin.client, shard, command as usize));
            }
            Note::Fails(origin, at, error, record) if is_killed(&error.to_string()) => {
                hear(Heard::IsKilled(origin.client, at, effects_of(record.bytes())));
            }
            Note::Fails(..) => {}
            Note::EndsWait(origin) => hear(Heard::EndsWait(origin.client)),
            Note::Loses(record, before) => {
                effects_of(record.bytes()).drain(before..).for_each(|effect| hear(Heard::Loses(effect)));
            }
        }
    }

    /// Operations that involve several shards are kept: the simulation submits them, in steps.
    fn submit<F: Front>(hub: &Hub<Workers<F>>, operation: Arc<Operation<Workers<F>>>) {
        if operation.shards().len() == 1 {
            hub.submit(operation);
        } else {
            let before = KEPT.replace(Some(operation));
            debug_assert!(before.is_none(), "a worker submits one operation at a time");
        }
    }

    fn bytes_staying<F: Front>(shard: &mut Shard<Workers<F>>) -> Option<u64> {
        Some(bytes_of_keys(shard))
    }
}

/// Commands that are on no keys, as a server has them too: they stand between those on keys, in transactions and scripts.
pub(super) const OWN_COMMANDS: &[CommandSpec<Handler<SimulationFront>>] = &[
    CommandSpec {
        facts: Facts { name: "ping", arity: 1, flags: Flags::FAST, summary: "Answers", ..Facts::NONE },
        handler: Handler::Server(ping),
    },
    CommandSpec {
        facts: Facts {
            name: "select",
            arity: 2,
            flags: Flags::FAST,
            summary: "Selects a database",
            ..Facts::NONE
        },
        handler: Handler::Session(select),
    },
    CommandSpec {
        facts: Facts {
            name: "kill",
            arity: 1,
            flags: Flags::NOSCRIPT.with(Flags::ALLOW_BUSY),
            summary: "Ends a script that takes long",
            ..Facts::NONE
        },
        handler: Handler::Server(kill),
    },
];

fn kill(call: ServerCall<'_, SimulationFront>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    call.engine.scripts.kill(Running::Script)?;
    hear(Heard::Kills);
    out.ok();
    Ok(())
}

/// Does nothing, while others may.
fn ping(call: ServerCall<'_, SimulationFront>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    if kill_meanwhile(&call.engine.scripts) {
        hear(Heard::Kills);
    }
    out.simple("PONG");
    Ok(())
}

fn select(call: &mut Call<'_, SimulationFront>, args: &[&[u8]]) -> CommandResult {
    let db = std::str::from_utf8(args[1]).ok().and_then(|text| text.parse().ok());
    let db = db.filter(|db| *db < DATABASE_COUNT).ok_or(CommandError::NotInteger)?;
    call.session.choice.db = DbIndex(db);
    call.reply().ok();
    Ok(())
}

/// A worker's bell: it stays rung until the worker takes note, as an eventfd does.
#[derive(Clone, Debug, Default)]
pub(super) struct Bell(Arc<AtomicBool>);

impl Bell {
    pub(super) fn is_rung(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn silence(&self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

impl Wake for Bell {
    fn wake(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
