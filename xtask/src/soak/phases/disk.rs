//! A full disk: reads go on, writes are refused at once, and once there is room all is as before by itself.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use kora_testkit::target::Connection as _;

use super::{Guide, ask, order};
use crate::soak::stage::Provoked;

/// Writes are refused within this time of the disk's being full.
const REFUSED_WITHIN: Duration = Duration::from_secs(10);

/// The disk stays full for so long.
const FULL_FOR: Duration = Duration::from_secs(2);

/// Writes succeed within this time of there being room.
const RECOVERED_WITHIN: Duration = Duration::from_secs(20);

/// Reads beside a full disk take no longer than this part of the longest time for a reply.
const READ_PART: u32 = 5;

/// Files that may be there beside those that were: a snapshot, a new log.
const MORE_FILES_MAX: usize = 8;

impl Guide<'_> {
    pub(super) fn fill_disk(&mut self) -> anyhow::Result<()> {
        let before = self.site.file_count()?;
        let mut connection = self.connect()?;
        self.wait_for_files(&mut connection)?;
        let _window = self.stage.provoke(Provoked::Disk);
        self.site.fill(&self.server.lock())?;
        let refused = self.stay_full();
        let freed = self.site.free(&self.server.lock());
        refused?;
        freed?;
        let begun = Instant::now();
        self.wait_until("a write succeeds though there is room again", RECOVERED_WITHIN, || {
            Ok(!ask(&mut connection, "SET probe:disk value EX 5")?.is_error())
        })?;
        self.stage.figures.note_time("recovery from a full disk, ms", begun.elapsed());
        self.stage.figures.add("full disks", 1);
        self.wait_for_files(&mut connection)?;
        let after = self.site.file_count()?;
        ensure!(after <= before + MORE_FILES_MAX, "a full disk left {after} files where {before} were");
        order(&mut connection, "BGSAVE").context("after a full disk")?;
        self.wait_for_files(&mut connection)
    }

    fn stay_full(&self) -> anyhow::Result<()> {
        let (mut reader, mut writer) = (self.connect()?, self.connect()?);
        let value = "v".repeat(64 << 10);
        let begun = Instant::now();
        let mut is_refused = false;
        while !is_refused || begun.elapsed() < FULL_FOR {
            ensure!(!self.stage.is_over(), "the run is over");
            let asked = Instant::now();
            order(&mut reader, "GET s:1").context("while the disk is full")?;
            self.stage.figures.note_time("reads beside a full disk, ms", asked.elapsed());
            ensure!(
                asked.elapsed() < self.stage.reply_limit / READ_PART,
                "a read took {} ms while the disk was full",
                asked.elapsed().as_millis()
            );
            let asked = Instant::now();
            let reply = writer.call(&["SET", "probe:disk", &value, "EX", "5"]);
            let reply = reply.with_context(|| {
                format!(
                    "SET of 64 KiB: no reply after {} ms while the disk is full",
                    asked.elapsed().as_millis()
                )
            })?;
            ensure!(!reply.is_error() || reply.bytes().starts_with(b"MISCONF "), "SET: {reply}");
            if reply.is_error() && !std::mem::replace(&mut is_refused, true) {
                self.stage.figures.note_time("time until a full disk refused writes, ms", begun.elapsed());
            }
            ensure!(
                is_refused || begun.elapsed() < REFUSED_WITHIN,
                "the disk is full for {} s, and writes are acknowledged",
                begun.elapsed().as_secs()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}
