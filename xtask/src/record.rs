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
    /// A program that runs redis-server 8.0.2 with RedisJSON and RediSearch loaded; without it, their transcripts are left out
    #[arg(long, value_name = "PATH")]
    modules: Option<PathBuf>,
    /// The redis-server 8.2.3 program; without it, its transcripts are left out
    #[arg(long, value_name = "PATH")]
    later: Option<PathBuf>,
    /// Only transcripts whose path contains this
    #[arg(long, value_name = "TEXT", default_value = "")]
    only: String,
}

/// The real servers, running.
pub(crate) struct Running {
    redis: Server,
    valkey: Server,
    with_modules: Option<Server>,
    later: Option<Server>,
}

impl References {
    pub(crate) fn start(&self) -> anyhow::Result<Running> {
        let options: [&str; 0] = [];
        let start = |program: &PathBuf| Server::start(program, &options);
        Ok(Running {
            redis: start(&self.redis)?,
            valkey: start(&self.valkey)?,
            with_modules: self.modules.as_ref().map(start).transpose()?,
            later: self.later.as_ref().map(start).transpose()?,
        })
    }

    pub(crate) fn transcripts(&self) -> anyhow::Result<Vec<Transcript>> {
        let mut all = Transcript::load_all(&transcripts_dir())?;
        all.retain(|transcript| transcript.path.to_string_lossy().contains(&self.only));
        Ok(all)
    }
}

impl Running {
    /// The server that a transcript is recorded from; `None` if it was not named.
    pub(crate) fn origin(&self, transcript: &Transcript) -> Option<&Server> {
        match transcript.origin {
            Origin::Redis => Some(&self.redis),
            Origin::RedisWithModules => self.with_modules.as_ref(),
            Origin::LaterRedis => self.later.as_ref(),
            Origin::Valkey => Some(&self.valkey),
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
    let (mut failures, mut left_out) = (0, 0);
    for mut transcript in args.references.transcripts()? {
        let before = std::fs::read_to_string(&transcript.path)?;
        let path = transcript.path.display().to_string();
        let Some(server) = running.origin(&transcript) else {
            left_out += 1;
            continue;
        };
        let mut target = server.target()?;
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
    if left_out > 0 {
        println!("left out {left_out} transcripts of servers that --modules and --later name");
    }
    anyhow::ensure!(failures == 0, "{failures} transcripts could not be recorded");
    Ok(())
}
