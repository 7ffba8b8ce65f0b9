//! `durability kill`: servers ended under load; see [`kora_testkit::durability`] for what is checked.

use std::path::PathBuf;
use std::time::Instant;

use kora_testkit::durability::{Ending, Options, run as run_trial};

/// Options of `durability kill`.
#[derive(clap::Args)]
pub(super) struct Args {
    /// How many times a server is ended
    #[arg(long, default_value_t = 200)]
    cycles: usize,
    /// The kora-server program; built in release if not given
    #[arg(long, value_name = "PATH")]
    kora: Option<PathBuf>,
    /// The value of appendfsync
    #[arg(long, default_value = "always", value_parser = ["always", "everysec", "no"])]
    fsync: String,
    /// Workers; now and then a server has another number of them
    #[arg(long, default_value_t = 4)]
    workers: u16,
    /// Clients at a time
    #[arg(long, default_value_t = 6)]
    clients: usize,
    /// How servers are ended
    #[arg(long, value_enum, default_value_t = How::Kill)]
    ending: How,
    /// Longest time under load, in milliseconds; by default what the policy asks for
    #[arg(long, value_name = "MS")]
    life: Option<usize>,
    /// Decides what clients send and when a server is ended
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum How {
    /// SIGKILL
    Kill,
    /// SIGTERM
    Term,
    /// SAVE or BGSAVE, without a log, and SIGKILL later
    Save,
}

impl From<How> for Ending {
    fn from(how: How) -> Self {
        match how {
            How::Kill => Self::Kill,
            How::Term => Self::Terminate,
            How::Save => Self::SaveAndKill,
        }
    }
}

pub(super) fn run(args: &Args) -> anyhow::Result<()> {
    let program = match &args.kora {
        Some(path) => path.clone(),
        None => crate::program::build_kora()?,
    };
    // Only longer lives say anything about what must be certain after two seconds.
    let default_life = if args.fsync == "everysec" && args.ending == How::Kill { 6000 } else { 1500 };
    let options = Options {
        program,
        cycles: args.cycles,
        workers: args.workers,
        ending: args.ending.into(),
        fsync: args.fsync.clone(),
        clients: args.clients,
        seed: args.seed,
        life_ms_max: args.life.unwrap_or(default_life).max(1),
    };
    let dir = tempfile::tempdir()?;
    let begun = Instant::now();
    let result = run_trial(&options, dir.path(), &mut |line| println!("{line}"));
    let totals = match result {
        Ok(totals) => totals,
        Err(error) => {
            // The files are evidence.
            println!("the data are kept in {}", dir.keep().display());
            return Err(error);
        }
    };
    println!(
        "{} ends in {:.0} s: {} acknowledged changes, all there; {} of {} unanswered ones, each as a whole; \
         {} snapshots under load, {} servers killed while they loaded",
        args.cycles,
        begun.elapsed().as_secs_f64(),
        totals.acknowledged,
        totals.survived_unanswered,
        totals.unanswered,
        totals.snapshots,
        totals.killed_loading,
    );
    Ok(())
}
