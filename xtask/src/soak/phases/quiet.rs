//! After each phase all clients stop for a moment, and the account of memory is held against the allocator's.

use std::time::{Duration, Instant};

use anyhow::ensure;
use kora_testkit::durability::info;
use kora_testkit::target::tcp::TcpConnection;

use super::Guide;
use crate::soak::MB;

/// The account may differ by one part in so many, and by what no share of a small sum is.
const PART: u64 = 50;
const SLACK_BYTES: u64 = 2 << 20;

/// What is freed in slices and what threads hand over is settled by then.
const PATIENCE: Duration = Duration::from_secs(5);

impl Guide<'_> {
    pub(super) fn settle(&mut self) -> anyhow::Result<()> {
        if !self.checks_account || self.stage.is_over() {
            return Ok(());
        }
        let _quiet = self.stage.quiet();
        let mut connection = self.connect()?;
        self.wait_for_files(&mut connection)?;
        let begun = Instant::now();
        loop {
            let [used, allocated] = account(&mut connection)?;
            let difference = used.abs_diff(allocated);
            if difference <= allocated / PART + SLACK_BYTES {
                self.stage.figures.note("account beside the allocator, KB", difference >> 10);
                self.stage.figures.note("used memory, MB", used / MB);
                self.stage
                    .figures
                    .note("evicted keys in one life", info(&mut connection, "evicted_keys")?.parse()?);
                self.stage.figures.add("accounts compared", 1);
                return Ok(());
            }
            ensure!(
                begun.elapsed() < PATIENCE,
                "used_memory is {used}, the allocator has {allocated}: {difference} bytes apart, and all is quiet for {} s",
                PATIENCE.as_secs()
            );
            ensure!(!self.stage.is_over(), "the run is over");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

fn account(connection: &mut TcpConnection) -> anyhow::Result<[u64; 2]> {
    // One below zero is no less wrong.
    let used = info(connection, "used_memory")?.parse::<i64>()?;
    let allocated = info(connection, "allocator_allocated")?.parse()?;
    Ok([u64::try_from(used).unwrap_or(0), allocated])
}
