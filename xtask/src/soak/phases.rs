//! What happens to the server while clients are at work: one phase after another, every one once before any comes again.

mod disk;
mod endings;
mod expiry;
mod persistence;
mod quiet;
mod scripts;
mod settings;

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use kora_testkit::durability::program::{Launch, Program};
use kora_testkit::frame::Frame;
use kora_testkit::simulation::random::Random;
use kora_testkit::target::Connection as _;
use kora_testkit::target::tcp::TcpConnection;
use parking_lot::Mutex;

use super::ledger::Ledger;
use super::site::Site;
use super::stage::Stage;

/// The load has the server to itself for so long between two phases.
const BREATH: Duration = Duration::from_millis(500);

/// One phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Phase {
    /// BGSAVE
    Snapshot,
    /// BGREWRITEAOF
    Rewrite,
    /// SIGTERM, and the server starts again
    Restart,
    /// SIGKILL, and the server starts again
    Kill,
    /// SCRIPT KILL of endless scripts
    ScriptKill,
    /// FUNCTION KILL of an endless function
    FunctionKill,
    /// The disk is full, and free again
    FullDisk,
    /// The log is turned off and on beside rewrites and INFO
    LogToggle,
    /// CONFIG SET of many directives
    Settings,
    /// Keys that expire among many that do not
    Expiry,
    /// A limit far below what is stored, and nothing may go
    TightMemory,
}

/// Who guides the server through the phases.
pub(super) struct Guide<'a> {
    pub(super) stage: &'a Stage,
    pub(super) site: &'a Site,
    pub(super) launch: &'a Launch,
    pub(super) server: &'a Mutex<Program>,
    pub(super) ledgers: &'a [Mutex<Ledger>],
    pub(super) random: Random,
    /// What `appendfsync` is.
    pub(super) fsync: &'static str,
    pub(super) checks_account: bool,
    /// Where metrics are to be had that are held against INFO; none if they are not.
    pub(super) metrics_port: Option<u16>,
}

impl Guide<'_> {
    /// Plays phases until `end`, and each of them once at least.
    ///
    /// # Errors
    /// The first violation that a phase saw.
    pub(super) fn run(&mut self, phases: &[Phase], end: Instant) -> anyhow::Result<()> {
        loop {
            for phase in self.shuffled(phases) {
                self.stage.enter(&format!("{phase:?}"));
                self.play(phase).with_context(|| format!("phase {phase:?}"))?;
                self.settle().with_context(|| format!("after phase {phase:?}"))?;
                if self.stage.is_over() {
                    return Ok(());
                }
                self.breathe();
            }
            if Instant::now() >= end {
                return Ok(());
            }
        }
    }

    fn shuffled(&mut self, phases: &[Phase]) -> Vec<Phase> {
        let mut left = phases.to_vec();
        let mut order = Vec::new();
        while !left.is_empty() {
            order.push(left.swap_remove(self.random.below(left.len())));
        }
        order
    }

    fn play(&mut self, phase: Phase) -> anyhow::Result<()> {
        match phase {
            Phase::Snapshot => self.snapshot(),
            Phase::Rewrite => self.rewrite(),
            Phase::Restart => self.restart(),
            Phase::Kill => self.kill(),
            Phase::ScriptKill => self.kill_scripts(),
            Phase::FunctionKill => self.kill_function(),
            Phase::FullDisk => self.fill_disk(),
            Phase::LogToggle => self.toggle_log(),
            Phase::Settings => self.change_settings(),
            Phase::Expiry => self.expire(),
            Phase::TightMemory => self.tighten_memory(),
        }
    }

    fn breathe(&self) {
        let end = Instant::now() + BREATH;
        while Instant::now() < end && !self.stage.is_over() {
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn connect(&self) -> anyhow::Result<TcpConnection> {
        self.stage.open(&self.stage.place().address).context("the server takes no connection")
    }

    /// Waits until something is so; gives up where the run is over.
    fn wait_until(
        &self,
        what: &str,
        patience: Duration,
        mut is_so: impl FnMut() -> anyhow::Result<bool>,
    ) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !is_so()? {
            ensure!(!self.stage.is_over(), "the run is over");
            ensure!(begun.elapsed() < patience, "waited {} s in vain: {what}", patience.as_secs());
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

/// Sends a command in words; its reply, be it an error.
fn ask(connection: &mut TcpConnection, line: &str) -> anyhow::Result<Frame> {
    let begun = Instant::now();
    let reply = connection.call(&line.split(' ').collect::<Vec<_>>());
    let reply =
        reply.with_context(|| format!("{line}: no reply after {} ms", begun.elapsed().as_millis()))?;
    ensure!(reply != Frame::Closed, "{line}: the server closed the connection");
    Ok(reply)
}

/// Sends a command that must succeed.
fn order(connection: &mut TcpConnection, line: &str) -> anyhow::Result<Frame> {
    let reply = ask(connection, line)?;
    ensure!(!reply.is_error(), "{line}: {reply}");
    Ok(reply)
}
