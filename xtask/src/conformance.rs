//! `conformance`: keeps the transcripts honest, and holds a running Kora to them.

use anyhow::bail;
use kora_testkit::session::{Report, replay};
use kora_testkit::target::tcp::TcpTarget;
use kora_testkit::target::{Resp, Target};
use kora_testkit::transcript::Transcript;

use crate::record::References;

/// Options of `conformance`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    references: References,
    /// A running Kora, such as 127.0.0.1:6379. Its data is deleted
    #[arg(long, value_name = "ADDRESS")]
    kora: Option<String>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let transcripts = args.references.transcripts()?;
    let running = args.references.start()?;
    let mut report = Report::default();
    let mut left_out = 0;
    for transcript in &transcripts {
        match running.origin(transcript) {
            Some(server) => replay_both(transcript, &mut server.target()?, &mut report),
            None => left_out += 1,
        }
    }
    println!("real servers: {report}");
    if left_out > 0 {
        println!("left out {left_out} transcripts of servers that --modules and --later name");
    }
    let mut is_good = report.mismatches.is_empty();
    if let Some(address) = &args.kora {
        let mut report = Report::default();
        for transcript in transcripts.iter().filter(|transcript| !transcript.is_later()) {
            replay_both(transcript, &mut TcpTarget::new(address)?, &mut report);
        }
        println!("kora: {report}");
        is_good &= report.mismatches.is_empty();
    }
    if !is_good {
        bail!("replies differ from the transcripts");
    }
    Ok(())
}

fn replay_both(transcript: &Transcript, target: &mut dyn Target, report: &mut Report) {
    for resp in Resp::ALL {
        report.add(replay(transcript, target, resp));
    }
}
