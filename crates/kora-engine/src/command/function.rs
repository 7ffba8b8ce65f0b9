//! The subcommands of FUNCTION that must answer while a function runs. The others are `kora-script`'s.

use std::sync::Arc;

use kora_core::command::spec::CommandSpec;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_script::Running;

use super::{Family, facts};
use crate::engine::{Handler, ServerCall};
use crate::front::Front;

impl<F: Front> Family<F> {
    /// FUNCTION KILL and FUNCTION STATS.
    pub const FUNCTION: &'static [CommandSpec<Handler<F>>] = &[
        CommandSpec { facts: facts::FUNCTION_KILL, handler: Handler::Server(kill) },
        CommandSpec { facts: facts::FUNCTION_STATS, handler: Handler::Server(stats) },
    ];
}

fn kill<F: Front>(call: ServerCall<'_, F>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    call.engine.scripts.kill(Running::Function)?;
    out.ok();
    Ok(())
}

fn stats<F: Front>(call: ServerCall<'_, F>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let scripts = Arc::clone(&call.engine.scripts);
    let running = scripts.busy_run();
    if running.as_ref().is_some_and(|run| run.kind == Running::Script) {
        return Err(scripts.busy_error());
    }
    let count = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let figures = scripts.figures();
    out.map(2);
    out.bulk(b"running_script");
    match running {
        None => out.null(),
        Some(run) => {
            out.map(3);
            out.bulk(b"name");
            out.bulk(run.name.as_bytes());
            out.bulk(b"command");
            out.array(run.command.len());
            run.command.iter().for_each(|word| out.bulk(word));
            out.bulk(b"duration_ms");
            out.integer(i64::try_from(run.since.elapsed().as_millis()).unwrap_or(i64::MAX));
        }
    }
    out.bulk(b"engines");
    out.map(1);
    out.bulk(b"LUA");
    out.map(2);
    out.bulk(b"libraries_count");
    out.integer(count(figures.libraries));
    out.bulk(b"functions_count");
    out.integer(count(figures.functions));
    Ok(())
}
