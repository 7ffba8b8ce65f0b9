//! Kora's command line client: interactive, one command at a time, or as one of several tools.
//!
//! It keeps the habits of redis-cli: flags, output forms, exit codes. Its own part is to show what the connected server
//! says about its commands. The way through the files: `args` (flags) → `setup` (what they amount to) → `oneshot`, `repl`
//! or one of `mode` → `session` (a conversation) → `connection` (bytes) and `format` (printing).

mod args;
mod catalog;
mod connection;
mod format;
mod mode;
mod oneshot;
mod repl;
mod session;
mod setup;
mod shell;
mod words;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use anyhow::Result;

use args::Args;
use mode::{keysizes, latency, pipe, scan, stat};
use setup::Setup;
use shell::Shell;

fn main() -> ExitCode {
    let args = match Args::read() {
        Ok(args) => args,
        Err(error) => {
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
    let setup = Setup::of(args)?;
    if args.pipe {
        return pipe::run(&setup, args.pipe_timeout);
    }
    if args.scan {
        return scan::run(&setup, args);
    }
    if args.latency || args.latency_history {
        return latency::run(&setup, args);
    }
    if args.bigkeys || args.memkeys {
        return keysizes::run(&setup, args);
    }
    if args.stat {
        return stat::run(&setup, args);
    }
    let command = oneshot::command(args)?;
    if !command.is_empty() {
        return oneshot::run(setup, args, &command);
    }
    let coloured = setup.coloured;
    let mut shell = Shell::new(setup.into_session(), coloured);
    if io::stdin().is_terminal() {
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
