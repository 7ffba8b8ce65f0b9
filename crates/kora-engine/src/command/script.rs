//! SCRIPT: which scripts are known. EVAL and its family are `kora-script`'s.

use kora_core::command::help::write_help;
use kora_core::command::spec::CommandSpec;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;
use kora_script::Running;

use super::{Family, container, facts};
use crate::engine::{Handler, ServerCall};
use crate::front::Front;

impl<F: Front> Family<F> {
    /// SCRIPT.
    pub const SCRIPT: &'static [CommandSpec<Handler<F>>] = &[
        CommandSpec { facts: facts::SCRIPT, handler: Handler::Session(container) },
        CommandSpec { facts: facts::SCRIPT_DEBUG, handler: Handler::Server(debug) },
        CommandSpec { facts: facts::SCRIPT_EXISTS, handler: Handler::Server(exists) },
        CommandSpec { facts: facts::SCRIPT_FLUSH, handler: Handler::Server(flush) },
        CommandSpec { facts: facts::SCRIPT_HELP, handler: Handler::Server(script_help) },
        CommandSpec { facts: facts::SCRIPT_KILL, handler: Handler::Server(kill) },
        CommandSpec { facts: facts::SCRIPT_LOAD, handler: Handler::Server(load) },
        CommandSpec { facts: facts::SCRIPT_SHOW, handler: Handler::Server(show) },
    ];
}

const HELP: &[&str] = &[
    "DEBUG (YES|SYNC|NO)",
    "    Set the debug mode for subsequent scripts executed.",
    "EXISTS <sha1> [<sha1> ...]",
    "    Return information about the existence of the scripts in the script cache.",
    "FLUSH [ASYNC|SYNC]",
    "    Flush the Lua scripts cache. Very dangerous on replicas.",
    "    When called without the optional mode argument, the behavior is determined by the",
    "    lazyfree-lazy-user-flush configuration directive. Valid modes are:",
    "    * ASYNC: Asynchronously flush the scripts cache.",
    "    * SYNC: Synchronously flush the scripts cache.",
    "KILL",
    "    Kill the currently executing Lua script.",
    "LOAD <script>",
    "    Load a script into the scripts cache without executing it.",
];

fn script_help<F: Front>(_: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_help(out, args, HELP);
    Ok(())
}

fn debug<F: Front>(_: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    match args[2].to_ascii_lowercase().as_slice() {
        b"no" => out.ok(),
        b"yes" | b"sync" => return Err(CommandError::text("ERR there is no debugger of scripts")),
        _ => return Err(CommandError::text("ERR Use SCRIPT DEBUG YES/SYNC/NO")),
    }
    Ok(())
}

fn exists<F: Front>(call: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    out.array(args.len() - 2);
    args[2..].iter().for_each(|sha| out.integer(call.engine.scripts.is_known(sha).into()));
    Ok(())
}

fn flush<F: Front>(call: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let is_mode = |word: &[u8]| [&b"sync"[..], b"async"].iter().any(|mode| word.eq_ignore_ascii_case(mode));
    match args[2..] {
        [] => {}
        [mode] if is_mode(mode) => {}
        _ => return Err(CommandError::text("ERR SCRIPT FLUSH only support SYNC|ASYNC option")),
    }
    call.engine.scripts.flush();
    out.ok();
    Ok(())
}

fn kill<F: Front>(call: ServerCall<'_, F>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    call.engine.scripts.kill(Running::Script)?;
    out.ok();
    Ok(())
}

fn load<F: Front>(call: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let sha = call.engine.scripts.load(args[2])?;
    out.bulk(sha.to_string().as_bytes());
    Ok(())
}

fn show<F: Front>(call: ServerCall<'_, F>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let text = call.engine.scripts.text(args[2]);
    out.bulk(&text.ok_or(CommandError::text("NOSCRIPT No matching script."))?);
    Ok(())
}
