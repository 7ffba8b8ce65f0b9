//! EVAL, EVALSHA, FCALL and their forms that only read.

use kora_core::command::spec::{
    Arg, BeginSearch, Categories, CommandSpec, Facts, FindKeys, Flags, Group, KeyFlags, KeySpec, Route,
};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use crate::interpreter::{self, Interpreter, Outcome, key_count};
use crate::script::Sha;
use crate::service::Scripts;
use crate::subject::Subject;

/// The commands that run scripts.
pub const FAMILY: &[CommandSpec] = &[EVAL, EVAL_RO, EVALSHA, EVALSHA_RO, FCALL, FCALL_RO];

const READING: Flags = Flags::NOSCRIPT
    .with(Flags::SKIP_MONITOR)
    .with(Flags::NO_MANDATORY_KEYS)
    .with(Flags::STALE)
    .with(Flags::MOVABLEKEYS);

const WRITING: Flags = READING.with(Flags::MAY_REPLICATE);

const fn keys(flags: KeyFlags) -> KeySpec {
    KeySpec {
        flags,
        begin: BeginSearch::Index(2),
        find: FindKeys::KeyNum { number_at: 0, first: 1, step: 1 },
        notes: None,
    }
}

const WRITTEN: KeySpec = keys(KeyFlags::RW.access().update());
const READ: KeySpec = keys(KeyFlags::RO.access());

const WRITTEN_KEYS: &[KeySpec] =
    &[WRITTEN.noted("We cannot tell how the keys will be used so we assume the worst, RW and UPDATE")];

const READ_KEYS: &[KeySpec] =
    &[READ.noted("We cannot tell how the keys will be used so we assume the worst, RO and ACCESS")];

const FACTS: Facts = Facts {
    arity: -3,
    flags: WRITING,
    categories: Categories::SCRIPTING,
    keys: WRITTEN_KEYS,
    route: Route::Script,
    group: Group::Scripting,
    since: "2.6.0",
    complexity: "Depends on the script that is executed.",
    ..Facts::NONE
};

const READ_FACTS: Facts =
    Facts { flags: READING.with(Flags::READONLY), keys: READ_KEYS, since: "7.0.0", ..FACTS };

const REST: [Arg; 3] = [
    Arg::integer("numkeys"),
    Arg::key("key").optional().multiple(),
    Arg::string("arg").optional().multiple(),
];

const OF_SCRIPT: &[Arg] = &[Arg::string("script"), REST[0], REST[1], REST[2]];
const OF_SHA: &[Arg] = &[Arg::string("sha1"), REST[0], REST[1], REST[2]];

const EVAL: CommandSpec = CommandSpec {
    facts: Facts { name: "eval", summary: "Runs a Lua script", args: OF_SCRIPT, ..FACTS },
    handler: |ctx, args, out| evaluate(ctx, args, (by_text, false), out),
};

const EVAL_RO: CommandSpec = CommandSpec {
    facts: Facts {
        name: "eval_ro",
        summary: "Runs a Lua script that only reads",
        args: OF_SCRIPT,
        ..READ_FACTS
    },
    handler: |ctx, args, out| evaluate(ctx, args, (by_text, true), out),
};

const EVALSHA: CommandSpec = CommandSpec {
    facts: Facts {
        name: "evalsha",
        summary: "Runs a known Lua script by its digest",
        keys: &[WRITTEN],
        args: OF_SHA,
        ..FACTS
    },
    handler: |ctx, args, out| {
        check_digest(args[1])?;
        evaluate(ctx, args, (by_digest, false), out)
    },
};

const EVALSHA_RO: CommandSpec = CommandSpec {
    facts: Facts {
        name: "evalsha_ro",
        summary: "Runs a known Lua script by its digest, one that only reads",
        keys: &[READ],
        args: OF_SHA,
        ..READ_FACTS
    },
    handler: |ctx, args, out| {
        check_digest(args[1])?;
        evaluate(ctx, args, (by_digest, true), out)
    },
};

const OF_FUNCTION: &[Arg] = &[Arg::string("function"), REST[0], REST[1], REST[2]];

const FCALL: CommandSpec = CommandSpec {
    facts: Facts {
        name: "fcall",
        since: "7.0.0",
        summary: "Runs a function of a library",
        complexity: "Depends on the function that is executed.",
        args: OF_FUNCTION,
        ..FACTS
    },
    handler: |ctx, args, out| run(ctx, args, (by_function, false), out),
};

const FCALL_RO: CommandSpec = CommandSpec {
    facts: Facts {
        name: "fcall_ro",
        summary: "Runs a function of a library, one that only reads",
        complexity: "Depends on the function that is executed.",
        args: OF_FUNCTION,
        ..READ_FACTS
    },
    handler: |ctx, args, out| run(ctx, args, (by_function, true), out),
};

/// There is no script of this digest.
const NO_SCRIPT: CommandError = CommandError::text("NOSCRIPT No matching script. Please use EVAL.");

fn by_text(interpreter: &mut Interpreter, scripts: &Scripts, text: &[u8]) -> CommandResult<Subject> {
    interpreter.script_of_text(scripts, text).map(Subject::Script)
}

fn by_digest(interpreter: &mut Interpreter, scripts: &Scripts, digest: &[u8]) -> CommandResult<Subject> {
    let script =
        Sha::parse(digest).map(|sha| interpreter.script_of_sha(scripts, &sha)).transpose()?.flatten();
    script.map(Subject::Script).ok_or(NO_SCRIPT)
}

fn by_function(interpreter: &mut Interpreter, scripts: &Scripts, name: &[u8]) -> CommandResult<Subject> {
    let version = scripts.libraries_version();
    let (functions, run) = interpreter.functions(scripts)?;
    let callable = functions.find(run, &scripts.libraries(), version, name)?;
    callable.map(Subject::Function).ok_or(CommandError::text("ERR Function not found"))
}

/// EVAL and EVALSHA: the number of keys is checked before the script is looked for.
fn evaluate(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    (find, is_read_only): (impl FnOnce(&mut Interpreter, &Scripts, &[u8]) -> CommandResult<Subject>, bool),
    out: &mut dyn Reply,
) -> CommandResult {
    key_count(args)?;
    run(ctx, args, (find, is_read_only), out)
}

/// Refuses what can't be a digest: before the number of keys is looked at, as in Redis.
fn check_digest(digest: &[u8]) -> CommandResult {
    if digest.len() == 40 { Ok(()) } else { Err(NO_SCRIPT) }
}

/// Runs the script or function that `find` has for the second word, and puts the command off if that needs more stores.
fn run(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    (find, is_read_only): (impl FnOnce(&mut Interpreter, &Scripts, &[u8]) -> CommandResult<Subject>, bool),
    out: &mut dyn Reply,
) -> CommandResult {
    let services = std::sync::Arc::clone(ctx.services);
    let scripts = services.get::<Scripts>().ok_or(CommandError::text("ERR there are no scripts here"))?;
    let outcome = interpreter::with(scripts, |interpreter| {
        let subject = find(interpreter, scripts, args[1])?;
        interpreter.run(scripts, ctx, (subject, is_read_only), args, out)
    })?;
    if outcome == Outcome::NeedsAll && !ctx.defer_to_all() {
        return Err(CommandError::text("ERR the script needs keys that were not declared"));
    }
    Ok(())
}
