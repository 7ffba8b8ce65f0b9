//! Snapshots, rewrites of the log, and the log turned off and on.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::ensure;
use kora_testkit::durability::info;
use kora_testkit::target::tcp::TcpConnection;

use super::{Guide, ask, order};
use crate::soak::link::Link;

/// A snapshot or rewrite takes no longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Times that the log is turned off and on in one phase.
const TOGGLES: usize = 4;

/// Clients that ask for INFO persistence meanwhile.
const ASKERS: usize = 4;

impl Guide<'_> {
    pub(super) fn snapshot(&mut self) -> anyhow::Result<()> {
        let mut connection = self.connect()?;
        // One may be under way, as a rule or the end of a full disk asks for it.
        self.wait_for_files(&mut connection)?;
        order(&mut connection, "BGSAVE")?;
        self.wait_for_files(&mut connection)?;
        ensure!(info(&mut connection, "rdb_last_bgsave_status")? == "ok", "BGSAVE failed");
        self.stage.figures.add("snapshots", 1);
        Ok(())
    }

    pub(super) fn rewrite(&mut self) -> anyhow::Result<()> {
        let mut connection = self.connect()?;
        self.wait_for_files(&mut connection)?;
        // The log may have grown enough for one by itself.
        let reply = ask(&mut connection, "BGREWRITEAOF")?;
        let is_under_way = String::from_utf8_lossy(reply.bytes()).contains("in progress");
        ensure!(!reply.is_error() || is_under_way, "BGREWRITEAOF: {reply}");
        self.wait_for_files(&mut connection)?;
        ensure!(info(&mut connection, "aof_last_bgrewrite_status")? == "ok", "BGREWRITEAOF failed");
        self.stage.figures.add("rewrites", 1);
        Ok(())
    }

    /// Waits until neither a snapshot nor a rewrite is under way.
    pub(super) fn wait_for_files(&self, connection: &mut TcpConnection) -> anyhow::Result<()> {
        self.wait_until("the files are written", PATIENCE, || {
            Ok(info(connection, "rdb_bgsave_in_progress")? == "0"
                && info(connection, "aof_rewrite_in_progress")? == "0")
        })
    }

    pub(super) fn toggle_log(&mut self) -> anyhow::Result<()> {
        let stage = self.stage;
        let is_done = &AtomicBool::new(false);
        thread::scope(|scope| {
            for _ in 0..ASKERS {
                scope.spawn(move || {
                    let mut link = Link::new(stage);
                    while !is_done.load(Ordering::Relaxed) && !stage.is_over() {
                        link.call("commands: figures", "INFO persistence");
                    }
                });
            }
            let result = self.toggle();
            is_done.store(true, Ordering::Relaxed);
            result
        })
    }

    fn toggle(&mut self) -> anyhow::Result<()> {
        let mut connection = self.connect()?;
        for _ in 0..TOGGLES {
            self.wait_for_files(&mut connection)?;
            order(&mut connection, "CONFIG SET appendonly no")?;
            order(&mut connection, "CONFIG SET appendonly yes")?;
            // It is refused while the first one runs.
            ask(&mut connection, "BGREWRITEAOF")?;
            self.stage.figures.add("logs turned off and on", 1);
        }
        self.wait_for_files(&mut connection)?;
        ensure!(info(&mut connection, "aof_enabled")? == "1", "the log is not on again");
        Ok(())
    }
}
