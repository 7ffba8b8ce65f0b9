//! `differential`: the same random commands to Kora and to a real server.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, bail};
use kora_testkit::differential::{self, Generator, Plan};
use kora_testkit::process::Server;
use kora_testkit::target::tcp::TcpTarget;

/// Options of `differential`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Decides every command
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of commands
    #[arg(long, default_value_t = 1_000_000)]
    commands: u64,
    /// Groups of commands, such as `list,hash`; all by default. Commands about keys are always among them
    #[arg(long, value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(Generator::groups()))]
    types: Vec<String>,
    /// The program of a real server
    #[arg(long, value_name = "PATH")]
    reference: PathBuf,
    /// A running server to compare with it, such as 127.0.0.1:6379. Its data is deleted
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["program", "workers"])]
    kora: Option<String>,
    /// A server program to start instead; by default Kora is built and started
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// Workers of the Kora that is started
    #[arg(long, default_value_t = 4)]
    workers: u16,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let no_options: [&str; 0] = [];
    let reference = Server::start(&args.reference, &no_options)?;
    let started = match (&args.kora, &args.program) {
        (Some(_), _) => None,
        (None, Some(program)) => Some(Server::start(program, &no_options)?),
        (None, None) => Some(Server::start(
            &build_kora()?,
            &["--workers", &args.workers.to_string(), "--gather-connections", "no"],
        )?),
    };
    let other = match (&started, &args.kora) {
        (Some(server), _) => server.target()?,
        (None, address) => TcpTarget::new(address.as_deref().context("a server to compare with")?)?,
    };
    let plan = Plan { seed: args.seed, commands: args.commands, groups: args.types.clone() };
    let start = Instant::now();
    let mut next_report = 0;
    let finding = differential::run(&plan, &reference.target()?, &other, &mut |compared| {
        if compared >= next_report {
            println!("{compared} commands agree, {:.0} s", start.elapsed().as_secs_f64());
            next_report = compared + args.commands / 10;
        }
    })?;
    if let Some(finding) = finding {
        println!("{finding}");
        bail!("the servers differ");
    }
    println!("{} commands without a difference", args.commands);
    Ok(())
}

/// Builds Kora's server in this program's profile; it lies beside this program.
fn build_kora() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe()?;
    let mut build = std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--package", "kora-server"]);
    if this.components().any(|part| part.as_os_str() == "release") {
        build.arg("--release");
    }
    anyhow::ensure!(build.status()?.success(), "Kora could not be built");
    Ok(this.with_file_name("kora-server"))
}
