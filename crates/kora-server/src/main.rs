//! `kora-server`: reads the configuration, starts the server, and ends with it.

use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::ExitCode;

use anyhow::Context;
use kora_engine::persistence;
use kora_server::Server;
use kora_server::config::Config;
use kora_server::config::command_line::{Invocation, read, usage};
use kora_server::config::load::Loaded;
use kora_server::descriptors::make_room;
use kora_server::last_words::LastWords;
use kora_server::log::Log;
use kora_server::service::background::{self, Remembered};
use kora_server::service::pid_file::PidFile;
use kora_server::service::supervisor::{Found, Supervisor};
use kora_server::signals::Caught;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match run() {
        Ok(status) => status,
        Err(error) => {
            // Where nobody reads that, the status has to do.
            let _ = writeln!(std::io::stderr(), "kora-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<ExitCode> {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let mut out = std::io::stdout();
    let mut input = Remembered::new(std::io::stdin());
    match read(&args, &mut input)? {
        Invocation::Run(loaded) => {
            let process = &loaded.config.process;
            let found = Supervisor::find(process.supervision());
            let in_background = background::is_here();
            if process.daemonize && !found.supervisor.is_there() && !in_background {
                return background::start(&input.text).context("can't start a process in the background");
            }
            serve(*loaded, found, in_background)?;
        }
        Invocation::Check(loaded) => {
            let Loaded { mut config, notes } = *loaded;
            notes.iter().try_for_each(|note| writeln!(out, "{note}"))?;
            let dir = config.dir.clone();
            kora_server::log::check(std::ffi::OsStr::from_bytes(&dir).as_ref(), &config.log_file)?;
            enter_dir(&mut config)?;
            kora_server::net::listen::check(&config)?;
            kora_server::check_users(&config)?;
            writeln!(out, "The configuration is right.")?;
        }
        Invocation::Print(loaded) => out.write_all(&loaded.config.print())?,
        Invocation::CheckData(dir) => report(&persistence::check(&dir)?)?,
        Invocation::RepairData(dir) => report(&persistence::repair(&dir)?)?,
        Invocation::Version => writeln!(out, "kora-server {}", env!("CARGO_PKG_VERSION"))?,
        Invocation::Help => out.write_all(usage().as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints what was found in files; an error if they are damaged.
fn report(verdict: &persistence::Verdict) -> anyhow::Result<()> {
    std::io::stdout().write_all(verdict.text.as_bytes())?;
    anyhow::ensure!(verdict.is_sound, "the files are not whole");
    Ok(())
}

/// Works in `dir`, if there is one: names of files are relative to it.
fn enter_dir(config: &mut Config) -> anyhow::Result<()> {
    if !config.dir.is_empty() {
        let dir = std::ffi::OsStr::from_bytes(&config.dir);
        std::env::set_current_dir(dir).with_context(|| format!("can't work in {}", dir.display()))?;
        config.dir = std::env::current_dir()?.into_os_string().into_vec();
    }
    Ok(())
}

fn serve(loaded: Loaded, found: Found, in_background: bool) -> anyhow::Result<()> {
    let Loaded { mut config, notes } = loaded;
    config.process.supervisor = found.supervisor;
    if in_background {
        background::detach().context("can't leave the terminal's session")?;
        config.process.settle_in_background();
    }
    enter_dir(&mut config)?;
    let signals = Caught::new()?;
    let last_words = LastWords::install();
    let log = Log::start(config.log_level, &config.log_file).context("can't start the log")?;
    notes.iter().for_each(|note| tracing::info!("{note}"));
    if let Some(complaint) = found.complaint {
        tracing::warn!("{complaint}");
    }
    tracing::info!("Kora {} starts, process {}", env!("CARGO_PKG_VERSION"), std::process::id());
    make_room(&mut config);
    kora_server::config::kept::settle(&mut config);
    let result = run_server(config, &log, signals, &last_words);
    match &result {
        Ok(()) => tracing::info!("Kora is ending, bye"),
        Err(error) => tracing::error!("{error:#}"),
    }
    log.finish();
    result
}

/// Starts the server and waits for its end.
fn run_server(config: Config, log: &Log, signals: Caught, last_words: &LastWords) -> anyhow::Result<()> {
    let socket = String::from_utf8_lossy(&config.unix_socket).into_owned();
    let process = config.process.clone();
    let supervisor = process.supervisor;
    let server = Server::start(config, Some(log.level()))?;
    tell_addresses(&server, &socket);
    tracing::info!("{} workers", server.worker_count());
    let _pid_file = write_pid_file(&process.pid_file);
    last_words.serve(server.ender());
    signals.serve(server.ender(), log.clone(), supervisor)?;
    if process.in_background {
        background::serve().context("can't let go of the terminal")?;
    }
    supervisor.loading();
    if server.wait_until_loaded() {
        // Who waits for these lines knows them from Redis.
        if !server.addresses().is_empty() {
            tracing::info!("Ready to accept connections tcp");
        }
        if !socket.is_empty() {
            tracing::info!("Ready to accept connections unix");
        }
        if !server.encrypted_addresses().is_empty() {
            tracing::info!("Ready to accept connections tls");
        }
        supervisor.ready();
    }
    server.wait_until_ending();
    supervisor.stopping();
    server.finish()?;
    Ok(())
}

fn tell_addresses(server: &Server, socket: &str) {
    for address in server.addresses() {
        tracing::info!("Listening on {address}");
    }
    for address in server.encrypted_addresses() {
        tracing::info!("Listening on {address}, encrypted");
    }
    if !socket.is_empty() {
        tracing::info!("Listening on {socket}");
    }
}

/// The file with the process's number, if there is to be one and it can be written. A server without it is better than none.
fn write_pid_file(path: &[u8]) -> Option<PidFile> {
    if path.is_empty() {
        return None;
    }
    let path = std::path::Path::new(std::ffi::OsStr::from_bytes(path));
    let file = PidFile::write(path);
    file.inspect_err(|error| tracing::warn!("Failed to write PID file {}: {error}", path.display())).ok()
}
