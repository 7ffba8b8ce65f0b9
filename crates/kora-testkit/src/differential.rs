//! Random commands to two servers at once: every reply must be the same, and so must all keys at the end.
//!
//! A run is cut into rounds. Each starts on empty servers with a seed of its own, so that a difference can be played
//! again and cut down to the few commands that it takes. Rounds alternate between RESP2 and RESP3.
//!
//! Deadlines never decide a comparison by chance: they are either so far away that no machine is slow enough, or
//! followed by a pause long enough for both servers.

mod block;
mod forms;
mod generate;
mod kept_users;
mod play;
mod script;
mod shrink;
mod users;
mod vocabulary;

pub use generate::Generator;
pub use kept_users::run_kept_users;
pub use play::{Difference, Pair};
pub use users::run_users;

use std::fmt;

use anyhow::Context as _;

use crate::frame::{Frame, quote};
use crate::target::tcp::TcpTarget;
use crate::target::{Connection as _, Resp};
use crate::transcript::{Origin, Rule};
use block::Block;
pub(crate) use vocabulary::Rng;

/// Commands in one round.
const ROUND_COMMANDS: u64 = 10_000;

/// One command, and how its replies are compared.
#[derive(Clone, Debug)]
pub struct Step {
    /// Its name and arguments.
    pub args: Vec<Vec<u8>>,
    /// How replies are compared.
    pub rules: Vec<Rule>,
    /// A pause after it, in milliseconds; 0 for none.
    pub wait_ms: u64,
    /// It is this transaction rather than a command.
    block: Option<Box<Block>>,
    /// It is a script that runs these and returns their replies; none if it is something else.
    commands: Vec<Step>,
}

impl Step {
    /// A command whose replies must be the same to the byte.
    fn of(args: Vec<Vec<u8>>) -> Self {
        Self { args, rules: Vec::new(), wait_ms: 0, block: None, commands: Vec::new() }
    }

    /// Whether two replies to it are as good as the same.
    fn accepts(&self, reference: &Frame, other: &Frame) -> bool {
        if !self.commands.is_empty() {
            return script::accepts(&self.commands, reference, other);
        }
        let normal = |frame: &Frame| Rule::normalise(&self.rules, frame.clone());
        Rule::accept(&self.rules, &normal(reference).abbreviated(), &normal(other))
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(block) = &self.block {
            return block.fmt(f);
        }
        let is_plain = |word: &[u8]| !word.is_empty() && word.iter().all(u8::is_ascii_graphic);
        for (index, word) in self.args.iter().enumerate() {
            let gap = if index == 0 { "" } else { " " };
            let has_quotes = word.iter().any(|byte| matches!(byte, b'"' | b'\'' | b'\\'));
            if is_plain(word) && !has_quotes {
                write!(f, "{gap}{}", String::from_utf8_lossy(word))?;
            } else {
                write!(f, "{gap}{}", quote(word))?;
            }
        }
        if self.wait_ms > 0 { write!(f, "\n(wait {} ms)", self.wait_ms) } else { Ok(()) }
    }
}

/// What to compare.
#[derive(Debug)]
pub struct Plan {
    /// Decides every command.
    pub seed: u64,
    /// Number of commands, at least.
    pub commands: u64,
    /// The groups of commands, beside those about keys; all if empty.
    pub groups: Vec<String>,
}

/// A difference that was found, cut down.
#[derive(Debug)]
pub struct Finding {
    /// The seed of the run.
    pub seed: u64,
    /// The round in which it was found.
    pub round: u64,
    /// The clients' protocol.
    pub resp: Resp,
    /// The commands that it takes, from empty servers.
    pub steps: Vec<Step>,
    /// The difference that they lead to.
    pub difference: Difference,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, round, resp, steps, difference } = self;
        let resp = if *resp == Resp::V2 { 2 } else { 3 };
        writeln!(f, "seed {seed}, round {round}, RESP{resp}; from empty servers:")?;
        steps.iter().try_for_each(|step| writeln!(f, "  {step}"))?;
        write!(f, "{difference}")
    }
}

/// Runs a plan on a reference and another server, whose data it deletes. `progress` is told the number of commands
/// compared after each round. The first difference ends it.
///
/// # Errors
/// When a server can't be reached or stops answering.
pub fn run(
    plan: &Plan,
    reference: &TcpTarget,
    other: &TcpTarget,
    progress: &mut dyn FnMut(u64),
) -> anyhow::Result<Option<Finding>> {
    let origin = origin(reference)?;
    let mut compared = 0;
    for round in 0.. {
        if compared >= plan.commands {
            break;
        }
        let resp = Resp::ALL[usize::from(round % 2 == 1)];
        let count = ROUND_COMMANDS.min(plan.commands - compared);
        let mut generator = Generator::new(round_seed(plan.seed, round), origin, &plan.groups);
        let steps: Vec<_> = (0..count).map(|_| generator.step()).collect();
        if let Some((at, difference)) = Pair::connect(reference, other, resp, origin)?.play(&steps)? {
            let steps = &steps[..(at + 1).min(steps.len())];
            let (steps, difference) = shrink::shrink(steps, difference, |steps| {
                let mut pair = Pair::connect(reference, other, resp, origin)?;
                Ok(pair.play(steps)?.map(|(_, difference)| difference))
            })?;
            return Ok(Some(Finding { seed: plan.seed, round, resp, steps, difference }));
        }
        compared += count;
        progress(compared);
    }
    Ok(None)
}

/// Runs of neighbouring seeds share no rounds.
fn round_seed(seed: u64, round: u64) -> u64 {
    Rng(seed).next().wrapping_add(round)
}

fn origin(target: &TcpTarget) -> anyhow::Result<Origin> {
    let info = target.open()?.call(&["INFO", "server"]).context("INFO")?;
    let is_valkey = String::from_utf8_lossy(info.bytes()).contains("valkey_version");
    Ok(if is_valkey { Origin::Valkey } else { Origin::Redis })
}

#[cfg(test)]
mod tests;
