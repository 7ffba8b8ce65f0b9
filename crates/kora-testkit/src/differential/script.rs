//! Scripts in random commands: each runs some of the other commands, whose keys it declares or not, and returns the
//! replies.
//!
//! The commands travel as arguments of the script, so that nothing in them is to be quoted in Lua.

use super::{Generator, Step};
use crate::frame::Frame;

/// Most commands of a script.
const COMMANDS_MAX: u64 = 3;

/// One step in so many is a script.
const STEPS_PER_SCRIPT: u64 = 20;

impl Generator {
    /// A script, now and then.
    pub(super) fn script(&mut self) -> Option<Step> {
        self.rng.one_in(STEPS_PER_SCRIPT).then(|| self.script_step())
    }

    /// A script that runs some commands.
    pub(super) fn script_step(&mut self) -> Step {
        let count = 1 + self.rng.below(COMMANDS_MAX);
        let commands: Vec<_> = (0..count).map(|_| self.lone_step()).collect();
        let name = if self.rng.one_in(8) { "EVAL_RO" } else { "EVAL" };
        let text = self.text(&commands);
        let keys = self.declared(&commands);
        let key_count = keys.len().to_string();
        let mut args = vec![name.as_bytes().to_vec(), text.into_bytes(), key_count.into_bytes()];
        args.extend(keys);
        args.extend(commands.iter().flat_map(|command| command.args.iter().cloned()));
        Step { commands, ..Step::of(args) }
    }

    /// Lua that runs the commands among its arguments. Most stop at the first error, some go on.
    fn text(&mut self, commands: &[Step]) -> String {
        let mut calls = Vec::new();
        let mut from = 1;
        for command in commands {
            let call = if self.rng.one_in(3) { "pcall" } else { "call" };
            let to = from + command.args.len() - 1;
            calls.push(format!("redis.{call}(unpack(ARGV,{from},{to}))"));
            from = to + 1;
        }
        format!("return {{{}}}", calls.join(","))
    }

    /// The keys that a script declares: those of all its commands, of the first, of another or none.
    fn declared(&mut self, commands: &[Step]) -> Vec<Vec<u8>> {
        let count = match self.rng.below(4) {
            0 => return Vec::new(),
            1 => return vec![self.key()],
            2 => 1,
            _ => commands.len(),
        };
        // What is behind a command's name is its key, mostly.
        commands[..count].iter().filter_map(|command| command.args.get(1).cloned()).collect()
    }
}

/// Whether two replies to a script of these commands are as good as the same: each command's by its own rules, or the
/// error that ended the script.
pub(super) fn accepts(commands: &[Step], reference: &Frame, other: &Frame) -> bool {
    let (references, others) = (reference.items(), other.items());
    if references.len() != commands.len() || reference.kind() != other.kind() {
        return reference == other;
    }
    references.len() == others.len()
        && commands
            .iter()
            .zip(references.iter().zip(others))
            .all(|(command, (reference, other))| command.accepts(reference, other))
}
