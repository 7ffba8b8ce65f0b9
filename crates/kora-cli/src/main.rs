//! Kora's command line client: interactive, one command at a time, or as one of several tools.
//!
//! It keeps the habits of redis-cli: flags, output forms, exit codes. Its own part is to show what the connected server
//! says about its commands. The way through the files: `args` (flags) → `setup` (what they amount to) → `oneshot`, `repl`
//! or one of `mode` → `session` (a conversation) → `connection` (bytes) and `format` (printing).

mod args;
mod catalog;
mod connection;
mod format;
mod generate;
mod mode;
mod oneshot;
mod preferences;
mod rcfile;
mod repl;
mod session;
mod setup;
mod shared;
mod shell;
mod words;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use anyhow::Result;

use args::{Args, Refused};
use mode::{hotkeys, intrinsic, keysizes, keystats, latency, lru, pipe, scan, spectrum, stat};
use rcfile::Configuration;
use setup::Setup;
use shell::Shell;

fn main() -> ExitCode {
    let args = match Args::read() {
        Ok(args) => args,
        Err(Refused::Told(text)) => {
            eprintln!("{text}");
            return ExitCode::FAILURE;
        }
        Err(Refused::Shown(error)) => {
            // Nothing can be done about an output that is closed.
            let _ = error.print();
            return if error.use_stderr() { ExitCode::FAILURE } else { ExitCode::SUCCESS };
        }
    };
    match run(&args) {
        Ok(code) => code,
        // Whoever read the output has had enough, as `head` does.
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn run(args: &Args) -> Result<ExitCode> {
    args.check()?;
    if let Some(shell) = args.generate_completion {
        return generate::completion(shell);
    }
    if args.generate_man {
        return generate::manual();
    }
    if let Some(name) = &args.dsn {
        return run(&args.at(Configuration::read().server(name)?));
    }
    if let Some(seconds) = args.intrinsic_latency {
        return intrinsic::run(seconds);
    }
    let setup = Setup::of(args)?;
    if let Some(outcome) = tool(&setup, args) {
        return outcome;
    }
    let command = oneshot::command(args)?;
    if !command.is_empty() {
        return oneshot::run(setup, args, &command);
    }
    let coloured = setup.coloured;
    let mut shell = Shell::new(setup.into_session(), coloured);
    if io::stdin().is_terminal() {
        shell.configure(Configuration::read(), args.clone());
        repl::run(shell, coloured)?;
        return Ok(ExitCode::SUCCESS);
    }
    if let Err(error) = shell.session().connect() {
        shell.session().report_unreachable(&error);
        return Ok(ExitCode::FAILURE);
    }
    shell.run_all(io::stdin().lock(), &mut io::stdout().lock())?;
    Ok(ExitCode::SUCCESS)
}

/// Runs the tool that is asked for, if one is.
fn tool(setup: &Setup, args: &Args) -> Option<Result<ExitCode>> {
    if args.pipe {
        return Some(pipe::run(setup, args.pipe_timeout));
    }
    if args.scan {
        return Some(scan::run(setup, args));
    }
    if let Some(key_count) = args.lru_test {
        return Some(lru::run(setup, key_count));
    }
    if args.latency_dist {
        return Some(spectrum::run(setup, args));
    }
    if args.latency || args.latency_history {
        return Some(latency::run(setup, args));
    }
    if args.wants_key_stats() {
        return Some(keystats::run(setup, args));
    }
    if args.bigkeys || args.wants_memory() {
        return Some(keysizes::run(setup, args));
    }
    if args.hotkeys {
        return Some(hotkeys::run(setup, args));
    }
    args.stat.then(|| stat::run(setup, args))
}
