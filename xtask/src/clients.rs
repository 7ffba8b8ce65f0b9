//! `clients`: client libraries of other languages, fetched from their registries, against a server.
//!
//! Each script says with its exit status whether all was as it should be, and ends by itself in bounded time. Those that
//! pass against Kora must pass against a real server too: `--reference` keeps them honest.

mod certificate;
mod environment;
mod scripts;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, ensure};
use kora_testkit::process::{Server, free_port};

use certificate::Certificate;
use environment::Environment;
use scripts::{SCRIPTS, Script};

/// Options of `clients`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The kora-server program; the one built in the release profile if not given
    #[arg(long, value_name = "PATH")]
    kora: Option<PathBuf>,
    /// Number of workers of Kora
    #[arg(long, default_value_t = 4)]
    workers: usize,
    /// The program of a real server to run instead of Kora
    #[arg(long, value_name = "PATH", conflicts_with_all = ["kora", "workers"])]
    reference: Option<PathBuf>,
    /// Port of a server that runs on this machine, to use instead of starting one. Its data is deleted
    #[arg(long, conflicts_with_all = ["kora", "workers", "reference"])]
    port: Option<u16>,
    /// Only scripts whose file's name contains one of these
    #[arg(long, value_name = "NAME", num_args = 1..)]
    only: Vec<String>,
    /// Jobs, calls, messages or entries of each script, instead of its own number
    #[arg(long, value_name = "N", aliases = ["jobs", "entries"])]
    count: Option<u32>,
    /// Few jobs, calls, messages or entries, for a quick look
    #[arg(long, conflicts_with = "count")]
    quick: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let chosen: Vec<_> = SCRIPTS.iter().filter(|script| args.wants(script)).collect();
    let names = || SCRIPTS.iter().map(|script| script.file).collect::<Vec<_>>().join(", ");
    ensure!(!chosen.is_empty(), "no script of that name; there are {}", names());
    let program = Program::of(args)?;
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/kora-testkit/tests/clients");
    let environment = Environment::install(&crate::program::target_dir()?.join("clients"), &folder, &chosen)?;
    let certificate = Certificate::make()?;
    let mut failed = Vec::new();
    for script in chosen {
        let may_encrypt = script.is_encrypted_too && args.port.is_none();
        for certificate in [None, Some(&certificate)].into_iter().take(1 + usize::from(may_encrypt)) {
            let command = environment.command(script.runtime, &folder.join(script.file));
            if let Err(error) = run_script(script, command, args, (&program, certificate)) {
                println!("{}{}: {error:#}", script.file, way(certificate));
                failed.push(script.file);
            }
        }
    }
    ensure!(failed.is_empty(), "failed: {}", failed.join(", "));
    Ok(())
}

/// Runs a script against a server of its own: what one leaves behind, or a server that it ends, is no concern of the next.
fn run_script(
    script: &Script,
    mut command: Command,
    args: &Args,
    (program, certificate): (&Program, Option<&Certificate>),
) -> anyhow::Result<()> {
    let encrypted_port = certificate.map(|_| free_port()).transpose()?;
    let options = certificate.zip(encrypted_port).map(|(certificate, port)| certificate.options(port));
    let server = program.start(&options.unwrap_or_default())?;
    command.arg(encrypted_port.map_or_else(|| server.port(), |port| Ok(port.to_string()))?);
    // With it, scripts connect encrypted.
    command.envs(certificate.map(|certificate| ("KORA_CLIENTS_CA", certificate.authority())));
    let count = if args.quick { script.quick } else { script.count };
    command.args(count.map(|count| args.count.unwrap_or(count).to_string()));
    let start = Instant::now();
    let status = command.status().with_context(|| format!("{}", command.get_program().display()))?;
    ensure!(status.success(), "{status}");
    println!("{}{}: {:.1} s", script.file, way(certificate), start.elapsed().as_secs_f64());
    Ok(())
}

/// What is said of a connection behind a script's name.
fn way(certificate: Option<&Certificate>) -> &'static str {
    if certificate.is_some() { ", encrypted" } else { "" }
}

impl Args {
    fn wants(&self, script: &Script) -> bool {
        self.only.is_empty() || self.only.iter().any(|text| script.file.contains(text.as_str()))
    }
}

/// What the scripts talk to.
enum Program {
    /// A program to start, and its options.
    Start(PathBuf, Vec<String>),
    /// The port of a server that runs.
    Running(u16),
}

/// A server that a script may talk to while this is kept.
enum Target {
    Started(Server),
    Running(u16),
}

impl Program {
    fn of(args: &Args) -> anyhow::Result<Self> {
        if let Some(port) = args.port {
            return Ok(Self::Running(port));
        }
        if let Some(path) = &args.reference {
            return Ok(Self::Start(path.clone(), Vec::new()));
        }
        let kora = match &args.kora {
            Some(path) => path.clone(),
            None => crate::program::build_kora()?,
        };
        Ok(Self::Start(kora, vec!["--workers".to_owned(), args.workers.to_string()]))
    }

    fn start(&self, more: &[String]) -> anyhow::Result<Target> {
        Ok(match self {
            Self::Start(path, options) => {
                Target::Started(Server::start(path, &[options.as_slice(), more].concat())?)
            }
            Self::Running(port) => Target::Running(*port),
        })
    }
}

impl Target {
    fn port(&self) -> anyhow::Result<String> {
        match self {
            Self::Started(server) => {
                let address = server.address();
                let (_, port) = address.rsplit_once(':').context("an address has a port")?;
                Ok(port.to_owned())
            }
            Self::Running(port) => Ok(port.to_string()),
        }
    }
}
