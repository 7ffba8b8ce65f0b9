//! `kora-server`: reads the configuration, starts the server, and ends with it.

use std::io::Write;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::process::ExitCode;

use anyhow::Context;
use kora_engine::persistence;
use kora_server::Server;
use kora_server::config::Config;
use kora_server::config::command_line::{Invocation, USAGE, read};
use kora_server::config::load::Loaded;
use kora_server::descriptors::make_room;
use kora_server::last_words::LastWords;
use kora_server::log::Log;
use kora_server::signals::Caught;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Where nobody reads that, the status has to do.
            let _ = writeln!(std::io::stderr(), "kora-server: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run() -> anyhow::Result<()> {
    let args: Vec<_> = std::env::args_os().skip(1).collect();
    let mut out = std::io::stdout();
    match read(&args, &mut std::io::stdin())? {
        Invocation::Run(loaded) => serve(*loaded)?,
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
        Invocation::CheckData(dir) => return report(&persistence::check(&dir)?),
        Invocation::RepairData(dir) => return report(&persistence::repair(&dir)?),
        Invocation::Version => writeln!(out, "kora-server {}", env!("CARGO_PKG_VERSION"))?,
        Invocation::Help => out.write_all(USAGE.as_bytes())?,
    }
    Ok(())
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

fn serve(loaded: Loaded) -> anyhow::Result<()> {
    let Loaded { mut config, notes } = loaded;
    enter_dir(&mut config)?;
    let signals = Caught::new()?;
    let last_words = LastWords::install();
    let log = Log::start(config.log_level, &config.log_file).context("can't start the log")?;
    notes.iter().for_each(|note| tracing::info!("{note}"));
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
    let server = Server::start(config, Some(log.level()))?;
    for address in server.addresses() {
        tracing::info!("Listening on {address}");
    }
    for address in server.encrypted_addresses() {
        tracing::info!("Listening on {address}, encrypted");
    }
    if !socket.is_empty() {
        tracing::info!("Listening on {socket}");
    }
    tracing::info!("{} workers", server.worker_count());
    last_words.serve(server.ender());
    signals.serve(server.ender(), log.clone())?;
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
    }
    server.wait()?;
    Ok(())
}
