//! `record`: writes what real servers answer into the transcripts.

use std::path::PathBuf;

use kora_testkit::process::Server;
use kora_testkit::session;
use kora_testkit::transcript::{Origin, Transcript, transcripts_dir};

/// Options of `record` and `conformance` that name the real servers.
#[derive(clap::Args)]
pub(crate) struct References {
    /// The redis-server 8.0.2 program
    #[arg(long, value_name = "PATH")]
    redis: PathBuf,
    /// The valkey-server 8.1.1 program
    #[arg(long, value_name = "PATH")]
    valkey: PathBuf,
    /// Only transcripts whose path contains this
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
}

/// The real servers, running.
pub(crate) struct Running {
    redis: Server,
    valkey: Server,
}

impl References {
    pub(crate) fn start(&self) -> anyhow::Result<Running> {
        let options: [&str; 0] = [];
        Ok(Running {
            redis: Server::start(&self.redis, &options)?,
            valkey: Server::start(&self.valkey, &options)?,
        })
    }

    pub(crate) fn transcripts(&self) -> anyhow::Result<Vec<Transcript>> {
        let mut all = Transcript::load_all(&transcripts_dir())?;
        all.retain(|transcript| transcript.path.to_string_lossy().contains(&self.only));
        Ok(all)
    }
}

impl Running {
    /// The server that a transcript is recorded from.
    pub(crate) fn origin(&self, transcript: &Transcript) -> &Server {
        match transcript.origin {
            Origin::Redis => &self.redis,
            Origin::Valkey => &self.valkey,
        }
    }
}

/// Options of `record`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    references: References,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let running = args.references.start()?;
    let mut failures = 0;
    for mut transcript in args.references.transcripts()? {
        let before = std::fs::read_to_string(&transcript.path)?;
        let path = transcript.path.display().to_string();
        let mut target = running.origin(&transcript).target()?;
        if let Err(error) = session::record(&mut transcript, &mut target) {
            println!("{path}: {error:#}");
            failures += 1;
            continue;
        }
        let after = transcript.to_string();
        if after != before {
            std::fs::write(&transcript.path, after)?;
            println!("recorded {path}");
        }
    }
    anyhow::ensure!(failures == 0, "{failures} transcripts could not be recorded");
    Ok(())
}
