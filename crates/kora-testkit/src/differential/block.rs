//! Transactions in random commands: keys are watched, another client runs a command that may change them, and then
//! commands run as a unit.

use std::fmt;

use super::play::{Difference, Pair, show};
use super::{Generator, Step};
use crate::frame::Frame;
use crate::transcript::Rule;

/// Most commands of a transaction.
const COMMANDS_MAX: u64 = 6;

/// One step in so many is a transaction.
const STEPS_PER_BLOCK: u64 = 40;

/// Commands about the session and the server that change how others run, and what takes that back.
const SESSION_COMMANDS: &[(&str, &str)] = &[
    ("HELLO 3", "HELLO 2"),
    ("HELLO 3 SETNAME a\tb", ""),
    ("HELLO 3 SETNAME me", "HELLO 2"),
    ("CLIENT SETNAME me", "CLIENT SETNAME other"),
    ("CLIENT NO-TOUCH ON", "CLIENT NO-TOUCH OFF"),
    ("SELECT 1", "SELECT 0"),
    ("SELECT 99", ""),
    ("CONFIG SET hash-max-listpack-entries 2", "CONFIG SET hash-max-listpack-entries 512"),
    ("PING", ""),
];

fn index(number: u64) -> usize {
    usize::try_from(number).expect("an index into a list")
}

fn session_step(words: &str) -> Step {
    let mut step = Step::of(words.split(' ').map(|word| word.as_bytes().to_vec()).collect());
    if words.starts_with("HELLO") {
        // It tells the server's version, and which client it is.
        step.rules.push(Rule::Type);
    }
    step
}

/// A transaction.
#[derive(Clone, Debug)]
pub(super) struct Block {
    watched: Vec<Vec<u8>>,
    /// What another client does between WATCH and MULTI.
    between: Option<Step>,
    commands: Vec<Step>,
}

impl fmt::Display for Block {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.watched.is_empty() {
            writeln!(f, "{}", show(&self.watch()))?;
        }
        if let Some(step) = &self.between {
            writeln!(f, "(another client) {step}")?;
        }
        writeln!(f, "MULTI")?;
        self.commands.iter().try_for_each(|step| writeln!(f, "{step}"))?;
        write!(f, "EXEC")
    }
}

impl Block {
    fn watch(&self) -> Vec<Vec<u8>> {
        [vec![b"WATCH".to_vec()], self.watched.clone()].concat()
    }
}

impl Generator {
    /// A transaction, now and then.
    pub(super) fn block(&mut self) -> Option<Block> {
        if !self.rng.one_in(STEPS_PER_BLOCK) {
            return None;
        }
        let between = self.rng.one_in(2).then(|| self.step_for_block());
        let mut watched = Vec::new();
        for _ in 0..self.rng.below(3) {
            watched.push(self.key());
        }
        // What it is about is what it may change.
        if let Some(step) = &between {
            let is_script = !step.commands.is_empty();
            let changes = if is_script { step.commands.as_slice() } else { std::slice::from_ref(step) };
            watched.extend(changes.iter().filter_map(|change| change.args.get(1).cloned()));
        }
        let count = 1 + self.rng.below(COMMANDS_MAX);
        let mut commands: Vec<Step> = (0..count).map(|_| self.step_for_block()).collect();
        self.add_session_steps(&mut commands);
        Some(Block { watched, between, commands })
    }

    /// Puts commands about the session and the server between the others, now and then; what they change is put back at
    /// the end.
    fn add_session_steps(&mut self, commands: &mut Vec<Step>) {
        if !self.rng.one_in(3) {
            return;
        }
        for _ in 0..=self.rng.below(2) {
            let (words, _) = SESSION_COMMANDS[index(self.rng.below(SESSION_COMMANDS.len() as u64))];
            let at = index(self.rng.below(commands.len() as u64 + 1));
            commands.insert(at, session_step(words));
        }
        let is_there = |commands: &[Step], words: &str| {
            commands.iter().any(|step| step.args == session_step(words).args)
        };
        for (words, back) in SESSION_COMMANDS {
            if !back.is_empty() && is_there(commands, words) {
                commands.push(session_step(back));
            }
        }
    }

    /// A command, now and then a script.
    fn step_for_block(&mut self) -> Step {
        self.script().unwrap_or_else(|| self.lone_step())
    }
}

impl Pair {
    /// Plays a transaction on both servers.
    pub(super) fn play_block(&mut self, block: &Block) -> anyhow::Result<Option<Difference>> {
        if !block.watched.is_empty()
            && let Some(difference) = self.compare_all(&[Step::of(block.watch())])?
        {
            return Ok(Some(difference));
        }
        if let Some(step) = &block.between {
            self.swap_clients();
            let difference = self.compare_all(std::slice::from_ref(step))?;
            self.swap_clients();
            if difference.is_some() {
                return Ok(difference);
            }
        }
        let word = |word: &str| vec![word.as_bytes().to_vec()];
        let mut commands = vec![word("MULTI")];
        commands.extend(block.commands.iter().map(|step| step.args.clone()));
        commands.push(word("EXEC"));
        let [references, others] = self.call_all(&commands)?;
        let differ = |what: String, reference: &Frame, other: &Frame| {
            Ok(Some(Difference { what, reference: reference.clone(), other: other.clone() }))
        };
        let mut queued = Vec::new();
        for (at, (reference, other)) in references.iter().zip(&others).enumerate() {
            let is_last = at + 1 == commands.len();
            if !is_last && reference != other {
                return differ(format!("{block}\nat {}", show(&commands[at])), reference, other);
            }
            if !is_last && reference.bytes() == b"QUEUED" {
                queued.extend(block.commands.get(at.wrapping_sub(1)));
            }
            if is_last && (reference.items().len() != queued.len() || other.items().len() != queued.len()) {
                // None has run: with an error or nil, on both.
                return if reference == other {
                    Ok(None)
                } else {
                    differ(block.to_string(), reference, other)
                };
            }
        }
        let (reference, other) = (&references[commands.len() - 1], &others[commands.len() - 1]);
        for (step, (reference, other)) in queued.iter().zip(reference.items().iter().zip(other.items())) {
            if !step.accepts(reference, other) {
                return differ(format!("{block}\nat {step}"), reference, other);
            }
        }
        Ok(None)
    }

    fn compare_all(&mut self, steps: &[Step]) -> anyhow::Result<Option<Difference>> {
        let commands: Vec<_> = steps.iter().map(|step| step.args.clone()).collect();
        let [references, others] = self.call_all(&commands)?;
        let found = steps
            .iter()
            .zip(references.into_iter().zip(others))
            .find(|(step, (reference, other))| !step.accepts(reference, other));
        Ok(found.map(|(step, (reference, other))| Difference { what: step.to_string(), reference, other }))
    }
}
