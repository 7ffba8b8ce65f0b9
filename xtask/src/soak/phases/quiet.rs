//! After each phase all clients stop for a moment: the account of memory is held against the allocator's, and what is counted
//! against itself.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use kora_testkit::durability::info;
use kora_testkit::frame::Frame;
use kora_testkit::target::tcp::TcpConnection;

use super::{Guide, order};
use crate::soak::MB;
use crate::soak::counters::{self, Info, LookUps};

/// The account may differ by one part in so many, and by what no share of a small sum is.
const PART: u64 = 50;
const SLACK_BYTES: u64 = 2 << 20;

/// What is freed in slices and what threads hand over is settled by then.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keys of clients' counters that are looked up, and as many that nobody has.
const LOOK_UPS: usize = 40;

impl Guide<'_> {
    pub(super) fn settle(&mut self) -> anyhow::Result<()> {
        if self.stage.is_over() {
            return Ok(());
        }
        let _quiet = self.stage.quiet();
        let mut connection = self.connect()?;
        self.wait_for_files(&mut connection)?;
        if self.checks_account {
            self.compare_account(&mut connection)?;
        }
        self.metrics_port.map_or(Ok(()), |port| self.compare_counters(&mut connection, port))
    }

    /// Holds INFO against a scrape of the metrics, and against look-ups of known results.
    fn compare_counters(&self, connection: &mut TcpConnection, port: u16) -> anyhow::Result<()> {
        let begun = Instant::now();
        while let Err(complaint) = counters_fit(connection, port) {
            ensure!(!self.stage.is_over(), "the run is over");
            if begun.elapsed() > PATIENCE {
                return Err(complaint.context(format!(
                    "what is counted does not fit together, and all is quiet for {} s",
                    PATIENCE.as_secs()
                )));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.stage.figures.note_time("time until counters fitted, ms", begun.elapsed());
        self.stage.figures.add("counters compared", 1);
        Ok(())
    }

    fn compare_account(&self, connection: &mut TcpConnection) -> anyhow::Result<()> {
        let begun = Instant::now();
        loop {
            let [used, allocated] = account(connection)?;
            let difference = used.abs_diff(allocated);
            if difference <= allocated / PART + SLACK_BYTES {
                self.stage.figures.note("account beside the allocator, KB", difference >> 10);
                self.stage.figures.note("used memory, MB", used / MB);
                self.stage
                    .figures
                    .note("evicted keys in one life", info(connection, "evicted_keys")?.parse()?);
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

fn counters_fit(connection: &mut TcpConnection, port: u16) -> anyhow::Result<()> {
    let before = everything(connection)?;
    let scrape = counters::scrape(port)?;
    let after = everything(connection)?;
    counters::compare(&before, &scrape, &after)?;
    let mut found = LookUps::default();
    for number in 0..LOOK_UPS {
        let kept = format!("ledger:{}:{}", number / 5, number % 5);
        let exists = order(connection, &format!("EXISTS {kept} absent:{number}"))?;
        let hits = u64::try_from(exists.number().context("a number of keys")?)?;
        let is_nil = matches!(order(connection, &format!("GET absent:{number}"))?, Frame::Nil { .. });
        ensure!(is_nil && hits <= 1, "somebody has written to absent:{number}");
        found.hits += hits;
        found.misses += 3 - hits;
    }
    counters::compare_look_ups(&after, &everything(connection)?, found)
}

fn everything(connection: &mut TcpConnection) -> anyhow::Result<Info> {
    let text = order(connection, "INFO everything")?;
    Ok(Info::parse(&String::from_utf8_lossy(text.bytes())))
}

fn account(connection: &mut TcpConnection) -> anyhow::Result<[u64; 2]> {
    // One below zero is no less wrong.
    let used = info(connection, "used_memory")?.parse::<i64>()?;
    let allocated = info(connection, "allocator_allocated")?.parse()?;
    Ok([u64::try_from(used).unwrap_or(0), allocated])
}
