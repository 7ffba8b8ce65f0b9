//! Makes random commands from their forms.

use super::Step;
use super::forms::{COMMON, Compare, Form, GROUPS, VALKEY_ONLY};
use super::vocabulary::{Rng, fill};
use crate::transcript::{Origin, Rule};

/// How long a pause is, in milliseconds, after a deadline of at most 10.
const PAUSE_MS: u64 = 40;

/// How OBJECT ENCODING is compared: Kora's names are Redis's; Valkey embeds other lengths of strings.
pub(super) fn encoding_rules(reference: Origin) -> Vec<Rule> {
    match reference {
        Origin::Redis | Origin::RedisWithModules | Origin::LaterRedis => Vec::new(),
        Origin::Valkey => vec![Rule::Type],
    }
}

/// Makes the same commands from the same seed.
pub struct Generator {
    pub(super) rng: Rng,
    origin: Origin,
    forms: Vec<&'static Form>,
    total_weight: u64,
    /// Looks at a key whose deadline may have passed.
    pub(super) pending: Option<Step>,
}

impl Generator {
    /// A generator of commands that the reference has, of the groups chosen; of all if none is.
    #[must_use]
    pub fn new(seed: u64, reference: Origin, groups: &[String]) -> Self {
        let is_chosen = |name: &str| groups.is_empty() || groups.iter().any(|group| group == name);
        let mut forms: Vec<_> = COMMON.iter().collect();
        forms.extend(GROUPS.iter().filter(|group| is_chosen(group.name)).flat_map(|group| group.forms));
        if reference == Origin::Valkey && is_chosen("string") {
            forms.extend(VALKEY_ONLY);
        }
        let total_weight = forms.iter().map(|form| form.weight).sum();
        Self { rng: Rng(seed), origin: reference, forms, total_weight, pending: None }
    }

    /// The names of the commands that there are forms of.
    #[cfg(test)]
    pub(super) fn commands() -> impl Iterator<Item = &'static str> {
        let forms = COMMON.iter().chain(GROUPS.iter().flat_map(|group| group.forms));
        forms.filter_map(|form| form.words.split(' ').next())
    }

    /// The names of the groups that there are.
    pub fn groups() -> impl Iterator<Item = &'static str> {
        GROUPS.iter().map(|group| group.name)
    }

    /// The next command, script or transaction.
    pub fn step(&mut self) -> Step {
        if let Some(step) = self.pending.take() {
            return step;
        }
        match self.block() {
            Some(block) => Step { block: Some(Box::new(block)), ..Step::of(vec![b"EXEC".to_vec()]) },
            None => self.script().unwrap_or_else(|| self.plain_step()),
        }
    }

    /// A key.
    pub(super) fn key(&mut self) -> Vec<u8> {
        fill("<key>", &mut self.rng)
    }

    /// A command.
    pub(super) fn plain_step(&mut self) -> Step {
        let form = self.choose();
        let mut args = self.required(form.words);
        self.add_options(&mut args, form.options);
        if !matches!(form.compare, Compare::ThenWait | Compare::AllOfRandom) {
            self.spoil(&mut args);
        }
        let mut step = Step::of(args);
        match form.compare {
            Compare::Exact => {}
            Compare::Near(tolerance) => step.rules.push(Rule::Near(tolerance)),
            Compare::Sorted | Compare::AllOfRandom => step.rules.push(Rule::Sorted),
            Compare::Pairs => step.rules.push(Rule::Pairs),
            Compare::Type => step.rules.push(Rule::Type),
            Compare::Encoding => step.rules.extend(encoding_rules(self.origin)),
            Compare::Scan => step.rules.push(Rule::Scan),
            Compare::ThenWait => step.wait_ms = PAUSE_MS,
        }
        // A key may be kept, and counted, for a while after its time: looking at it ends that on every server.
        if step.wait_ms > 0 || step.args.iter().any(|arg| arg == b"EXAT" || arg == b"PXAT") {
            let args = [b"EXISTS".to_vec()].into_iter().chain(step.args.get(1).cloned()).collect();
            self.pending = Some(Step::of(args));
        }
        step
    }

    /// A command that stands for itself: nothing to wait for, nothing to repeat, and no setting, which the commands behind it
    /// in a transaction over several shards do not see.
    pub(super) fn lone_step(&mut self) -> Step {
        loop {
            let step = self.plain_step();
            let is_followed = self.pending.take().is_some();
            let is_setting = step.args[0].eq_ignore_ascii_case(b"CONFIG");
            if !is_followed && !is_setting && step.wait_ms == 0 && !step.rules.contains(&Rule::Scan) {
                return step;
            }
        }
    }

    fn choose(&mut self) -> &'static Form {
        let mut at = self.rng.below(self.total_weight);
        let chosen = self.forms.iter().find(|form| match at.checked_sub(form.weight) {
            Some(rest) => {
                at = rest;
                false
            }
            None => true,
        });
        chosen.expect("the weights add up to the total")
    }

    fn required(&mut self, words: &str) -> Vec<Vec<u8>> {
        let mut args = Vec::new();
        for word in words.split(' ') {
            let (word, count) = match word.strip_suffix("...") {
                Some(word) => (word, 1 + self.rng.below(5)),
                None => (word, 1),
            };
            for _ in 0..count {
                args.extend(word.split('+').map(|word| fill(word, &mut self.rng)));
            }
        }
        args
    }

    fn add_options(&mut self, args: &mut Vec<Vec<u8>>, options: &[&'static str]) {
        if options.is_empty() {
            return;
        }
        let count = *self.rng.pick(&[&0, &0, &1, &1, &1, &1, &2, &2, &3]);
        for _ in 0..count {
            let option = self.rng.pick(options);
            args.extend(self.required(option));
        }
    }

    /// Now and then something is wrong, or written in lower case.
    fn spoil(&mut self, args: &mut Vec<Vec<u8>>) {
        if self.rng.one_in(20) {
            args[0].make_ascii_lowercase();
        }
        if self.rng.one_in(100) && args.len() > 1 {
            args.pop();
        }
        if self.rng.one_in(200) {
            args.push(fill("<junk>", &mut self.rng));
        }
    }
}
