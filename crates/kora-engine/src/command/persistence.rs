//! SAVE, BGSAVE, BGREWRITEAOF, LASTSAVE, the end of the server with its last snapshot, and the subcommands of DEBUG that read
//! files back. All of them but LASTSAVE have all stores in hand.

use std::sync::Arc;

use kora_core::command::spec::{Arg, Categories, CommandSpec, Facts, Flags, Group, Route, Traits};
use kora_core::context::{CoreHandler, Ctx};
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use super::Family;
use crate::ending::Ending;
use crate::engine::{Handler, ServerCall};
use crate::front::Front;
use crate::persistence::{Persistence, SaveError, SnapshotKind, Task};

/// The family's commands.
pub const COMMANDS: &[CommandSpec] = &[
    CommandSpec { facts: BGREWRITEAOF, handler: bgrewriteaof },
    CommandSpec { facts: BGSAVE, handler: bgsave },
    CommandSpec { facts: SAVE, handler: save },
    CommandSpec { facts: DEBUG_RELOAD, handler: debug_reload },
    CommandSpec { facts: DEBUG_LOADAOF, handler: debug_loadaof },
];

const FAMILY: Facts = Facts {
    flags: Flags::ADMIN.with(Flags::NOSCRIPT).with(Flags::NO_ASYNC_LOADING),
    categories: Categories::ADMIN.with(Categories::DANGEROUS),
    group: Group::Server,
    route: Route::LendAll,
    since: "1.0.0",
    ..Facts::NONE
};

const BGREWRITEAOF: Facts = Facts {
    name: "bgrewriteaof",
    arity: 1,
    summary: "Rewrites the log in the background: it begins anew behind a snapshot",
    complexity: "O(1); the snapshot is O(N) in the background",
    ..FAMILY
};

const BGSAVE: Facts = Facts {
    name: "bgsave",
    arity: -1,
    summary: "Saves a snapshot of all databases in the background",
    complexity: "O(1); the snapshot is O(N) in the background",
    args: &[Arg::word("schedule", "SCHEDULE").since("3.2.2").optional()],
    history: &[("3.2.2", "Option `SCHEDULE`")],
    ..FAMILY
};

const SAVE: Facts = Facts {
    name: "save",
    arity: 1,
    flags: FAMILY.flags.with(Flags::NO_MULTI),
    summary: "Saves a snapshot of all databases, and lets nothing else happen meanwhile",
    complexity: "O(N) where N is the number of keys",
    ..FAMILY
};

const LASTSAVE: Facts = Facts {
    name: "lastsave",
    arity: 1,
    flags: Flags::LOADING.with(Flags::STALE).with(Flags::FAST),
    categories: Categories::ADMIN.with(Categories::DANGEROUS),
    group: Group::Server,
    summary: "Tells when the data was last saved",
    complexity: "O(1)",
    tips: &["nondeterministic_output"],
    ..Facts::NONE
};

/// What the hidden subcommands of DEBUG have in common; the container is the core's.
const DEBUG: Facts = Facts {
    hidden: true,
    is_syscmd: true,
    arity: -2,
    flags: Flags::ADMIN.with(Flags::NOSCRIPT),
    traits: Traits::DEBUG.with(Traits::RELOADS),
    group: Group::Server,
    route: Route::LendAll,
    complexity: "O(N)",
    ..Facts::NONE
};

const DEBUG_RELOAD: Facts = Facts { name: "debug|reload", ..DEBUG };

const DEBUG_LOADAOF: Facts = Facts { name: "debug|loadaof", ..DEBUG };

/// What the server does by itself when a snapshot is due. No client can name it.
pub const DUE: CommandSpec =
    CommandSpec { facts: Facts { name: "(due)", arity: 1, ..FAMILY }, handler: begin_due };

/// What a signal makes the server do.
pub const END: CommandSpec =
    CommandSpec { facts: Facts { name: "(end)", arity: 1, ..FAMILY }, handler: shutdown_by_signal };

/// SHUTDOWN, where it has to save.
pub const SHUTDOWN_WITH_SAVE: CommandSpec =
    CommandSpec { facts: Facts { name: "shutdown", arity: -1, ..FAMILY }, handler: shutdown_with_save };

fn persistence(ctx: &Ctx<'_>) -> CommandResult<Arc<Persistence>> {
    let found = ctx.services.get::<Arc<Persistence>>();
    found.cloned().ok_or(CommandError::text("ERR nothing is kept here"))
}

fn ending<'a>(ctx: &Ctx<'a>) -> &'a Ending {
    ctx.services.get().expect("an engine offers its end")
}

impl<F: Front> Family<F> {
    /// LASTSAVE.
    pub const PERSISTENCE: &'static [CommandSpec<Handler<F>>] =
        &[CommandSpec { facts: LASTSAVE, handler: Handler::Server(lastsave) }];
}

/// The time of the last snapshot, or of the start.
fn lastsave<F: Front>(call: ServerCall<'_, F>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    out.integer(call.engine.persistence.last_save());
    Ok(())
}

/// What a command does instead of its own work within a transaction, since no snapshot may be taken there.
pub fn in_transaction(name: &str) -> Option<CoreHandler> {
    match name {
        "bgsave" => Some(bgsave_later),
        "bgrewriteaof" => Some(bgrewriteaof_later),
        _ => None,
    }
}

/// A snapshot that a command begins in the background: what differs from one command to the other.
struct Background {
    task: Task,
    kind: SnapshotKind,
    started: &'static str,
    scheduled: &'static str,
    /// It runs already.
    under_way: CommandError,
    failed: CommandError,
}

const SAVING: Background = Background {
    task: Task::Save,
    kind: SnapshotKind::Dump,
    started: "Background saving started",
    scheduled: "Background saving scheduled",
    under_way: CommandError::text("ERR Background save already in progress"),
    failed: CommandError::text("ERR"),
};

const REWRITING: Background = Background {
    task: Task::Rewrite,
    kind: SnapshotKind::Base,
    started: "Background append only file rewriting started",
    scheduled: "Background append only file rewriting scheduled",
    under_way: CommandError::text("ERR Background append only file rewriting already in progress"),
    failed: CommandError::text(
        "ERR Can't execute an AOF background rewriting. Please check the server logs for more information.",
    ),
};

/// What BGSAVE is told without SCHEDULE while the log is rewritten.
const OTHER_IS_ACTIVE: CommandError = CommandError::text(
    "ERR Another child process is active (AOF?): can't BGSAVE right now. Use BGSAVE SCHEDULE in order to schedule a BGSAVE \
     whenever possible.",
);

impl Background {
    /// Has it begin once what runs has ended.
    fn schedule(&self, persistence: &Persistence, out: &mut dyn Reply) -> CommandResult {
        persistence.schedule(self.task);
        out.simple(self.scheduled);
        Ok(())
    }

    /// Begins it, or has it wait for what runs unless that is `refused` then.
    fn begin(&self, ctx: &mut Ctx<'_>, refused: Option<CommandError>, out: &mut dyn Reply) -> CommandResult {
        let persistence = persistence(ctx)?;
        match (persistence.running(), refused) {
            (Some(kind), _) if kind == self.kind => return Err(self.under_way.clone()),
            (Some(_), Some(error)) => return Err(error),
            (Some(_), None) => return self.schedule(&persistence, out),
            (None, _) => {}
        }
        let made = if self.kind == SnapshotKind::Base { persistence.make_log_dir() } else { Ok(()) };
        let begun = made.and_then(|()| persistence.begin(ctx, self.kind));
        begun.map_err(|_| self.failed.clone())?;
        out.simple(self.started);
        Ok(())
    }
}

fn bgsave_later(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    schedules(args)?;
    SAVING.schedule(&*persistence(ctx)?, out)
}

fn bgrewriteaof_later(ctx: &mut Ctx<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    REWRITING.schedule(&*persistence(ctx)?, out)
}

/// Whether BGSAVE is given its option.
fn schedules(args: &[&[u8]]) -> CommandResult<bool> {
    match args {
        [_] => Ok(false),
        [_, option] if option.eq_ignore_ascii_case(b"schedule") => Ok(true),
        _ => Err(CommandError::Syntax),
    }
}

fn bgsave(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let refused = (!schedules(args)?).then_some(OTHER_IS_ACTIVE);
    SAVING.begin(ctx, refused, out)
}

fn bgrewriteaof(ctx: &mut Ctx<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    REWRITING.begin(ctx, None, out)
}

fn save(ctx: &mut Ctx<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let persistence = persistence(ctx)?;
    if persistence.running() == Some(SAVING.kind) {
        return Err(SAVING.under_way);
    }
    // One snapshot at a time: a rewrite comes to its end first, as everything waits for SAVE in any case.
    persistence.finish_running(ctx);
    persistence.count_save();
    persistence.save_now(ctx, SnapshotKind::Dump).map_err(|_| SAVING.failed)?;
    out.ok();
    Ok(())
}

/// Begins what is due by now.
fn begin_due(ctx: &mut Ctx<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let persistence = persistence(ctx)?;
    if let Some(kind) = persistence.due().and_then(Task::kind) {
        tracing::info!(
            "{} is due",
            if kind == SnapshotKind::Dump { "a snapshot" } else { "a snapshot for the log" }
        );
        // What became of it is in the log and in INFO.
        let _ = persistence.begin(ctx, kind);
    }
    out.ok();
    Ok(())
}

/// Saves and ends; without a client to tell, a failure is logged, and the server goes on.
fn shutdown_by_signal(ctx: &mut Ctx<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let persistence = persistence(ctx)?;
    match save_to_end(ctx, &persistence) {
        Ok(()) => end(ctx),
        Err(error) => {
            ending(ctx).refuse();
            tracing::error!("the last snapshot failed, so the server does not end: {error}");
        }
    }
    out.ok();
    Ok(())
}

fn shutdown_with_save(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let persistence = persistence(ctx)?;
    let is_forced = args[1..].iter().any(|option| option.eq_ignore_ascii_case(b"force"));
    if let Err(error) = save_to_end(ctx, &persistence) {
        tracing::error!("the last snapshot failed: {error}");
        if !is_forced {
            return Err(CommandError::text("ERR Errors trying to SHUTDOWN. Check logs."));
        }
    }
    end(ctx);
    out.ok();
    Ok(())
}

/// Ends the server with all stores in hand, as they were saved: what is changed after that would be acknowledged and lost.
fn end(ctx: &mut Ctx<'_>) {
    ctx.each_store(|store, _| store.close());
    ending(ctx).begin();
}

/// Takes the last snapshot; one that is being taken is waited for.
fn save_to_end(ctx: &mut Ctx<'_>, persistence: &Arc<Persistence>) -> Result<(), SaveError> {
    persistence.finish_running(ctx);
    persistence.save_now(ctx, SnapshotKind::Dump)
}

/// DEBUG RELOAD: saves, forgets everything, and loads it again.
fn debug_reload(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (mut saves, mut flushes, mut merges) = (true, true, false);
    for option in &args[2..] {
        match option.to_ascii_lowercase().as_slice() {
            b"nosave" => saves = false,
            b"noflush" => flushes = false,
            b"merge" => merges = true,
            _ => {
                return Err(CommandError::text(
                    "ERR DEBUG RELOAD only supports the MERGE, NOFLUSH and NOSAVE options.",
                ));
            }
        }
    }
    if merges && !flushes {
        return Err(CommandError::text(
            "ERR DEBUG RELOAD NOFLUSH MERGE can't be done here: a key of the file takes nobody's place",
        ));
    }
    let persistence = persistence(ctx)?;
    persistence.finish_running(ctx);
    if saves {
        persistence.save_now(ctx, SnapshotKind::Dump).map_err(|_| CommandError::text("ERR"))?;
    }
    let failed = |error: String| {
        tracing::error!("DEBUG RELOAD: {error}");
        CommandError::text("ERR Error trying to load the RDB dump, check server logs.")
    };
    persistence.reload_dump(ctx, flushes).map_err(failed)?;
    out.ok();
    Ok(())
}

/// DEBUG LOADAOF: forgets everything, and loads snapshot and log again.
fn debug_loadaof(ctx: &mut Ctx<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let persistence = persistence(ctx)?;
    if !persistence.has_log() {
        return Err(CommandError::text("ERR there is no log to load: appendonly is off"));
    }
    persistence.finish_running(ctx);
    let failed = |error: String| {
        tracing::error!("DEBUG LOADAOF: {error}");
        CommandError::text("ERR Error trying to load the AOF files, check server logs.")
    };
    persistence.reload_log(ctx).map_err(failed)?;
    out.ok();
    Ok(())
}
