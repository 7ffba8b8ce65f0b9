//! Every transcript, replayed on Kora: on one shard in this process, and on servers of one and of four workers.

use kora_testkit::session::{Report, replay};
use kora_testkit::target::shard::ShardTarget;
use kora_testkit::target::{Resp, Target};
use kora_testkit::transcript::{Transcript, transcripts_dir};

/// Replays every transcript on a target of its own, in both protocols.
fn check<T: Target>(mut target: impl FnMut() -> T) {
    let transcripts = Transcript::load_all(&transcripts_dir()).expect("the transcripts are well-formed");
    let mut report = Report::default();
    for transcript in transcripts.iter().filter(|transcript| !transcript.is_later()) {
        for resp in Resp::ALL {
            report.add(replay(transcript, &mut target(), resp));
        }
    }
    assert!(report.mismatches.is_empty(), "{report}");
    assert!(report.compared > 1000, "{report}");
}

#[test]
fn bare_shard() {
    check(ShardTarget::default);
}
