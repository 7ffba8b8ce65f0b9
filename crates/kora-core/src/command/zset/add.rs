//! Commands that set scores: ZADD and ZINCRBY.

use super::{FAMILY, changed, count, policy, write};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::number::parse_f64;
use crate::reply::Reply;
use crate::types::zset::{MEMBER_BYTES_MAX, NewZSet, Policy};

pub(super) const ZADD: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zadd",
        parts: Some((3, 2)),
        arity: -4,
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RW.update(), 1)],
        since: "1.2.0",
        summary: "Adds members with their scores to a sorted set, or gives members other scores",
        complexity: "O(log(N)) for each member, with N members in the set",
        args: &[
            Arg::key("key"),
            Arg::one_of("condition", &[Arg::word("nx", "NX"), Arg::word("xx", "XX")])
                .optional()
                .since("3.0.2"),
            Arg::one_of("comparison", &[Arg::word("gt", "GT"), Arg::word("lt", "LT")])
                .optional()
                .since("6.2.0"),
            Arg::word("change", "CH").optional().since("3.0.2"),
            Arg::word("increment", "INCR").optional().since("3.0.2"),
            Arg::block("data", &[Arg::double("score"), Arg::string("member")]).multiple(),
        ],
        history: &[
            ("2.4.0", "Several members at once"),
            ("3.0.2", "Options `XX`, `NX`, `CH` and `INCR`"),
            ("6.2.0", "Options `GT` and `LT`"),
        ],
        ..FAMILY
    },
    handler: zadd,
};

pub(crate) fn zadd(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    add(ctx, args, Update::default(), out)
}

pub(super) const ZINCRBY: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zincrby",
        parts: Some((3, usize::MAX)),
        arity: 4,
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RW.access().update(), 1)],
        since: "1.2.0",
        summary: "Adds to the score of a member of a sorted set; a missing one counts as 0",
        complexity: "O(log(N)) with N members in the set",
        args: &[Arg::key("key"), Arg::integer("increment"), Arg::string("member")],
        ..FAMILY
    },
    handler: zincrby,
};

fn zincrby(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    add(ctx, args, Update { is_increment: true, ..Update::default() }, out)
}

/// Which members ZADD may touch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Condition {
    /// Only members that are not there.
    pub(crate) nx: bool,
    /// Only members that are there.
    pub(crate) xx: bool,
    /// Only towards greater scores.
    pub(crate) gt: bool,
    /// Only towards smaller scores.
    pub(crate) lt: bool,
}

/// How ZADD sets scores, and what it answers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Update {
    pub(crate) condition: Condition,
    /// The score given is added to the present one.
    pub(crate) is_increment: bool,
    /// Members whose score changed are counted with those added.
    pub(crate) counts_changed: bool,
}

impl Update {
    /// Reads the options at the beginning of `args`; returns what follows them.
    fn take_options<'a, 'b>(&mut self, mut args: &'a [&'b [u8]]) -> &'a [&'b [u8]] {
        // A score rarely begins with a letter: most commands are done with their options here.
        while let [option @ [b'A'..=b'Z' | b'a'..=b'z', ..], rest @ ..] = args {
            let flag = match option.to_ascii_uppercase().as_slice() {
                b"NX" => &mut self.condition.nx,
                b"XX" => &mut self.condition.xx,
                b"GT" => &mut self.condition.gt,
                b"LT" => &mut self.condition.lt,
                b"CH" => &mut self.counts_changed,
                b"INCR" => &mut self.is_increment,
                _ => break,
            };
            *flag = true;
            args = rest;
        }
        args
    }

    fn check(&self, pairs: usize) -> CommandResult {
        let Condition { nx, xx, gt, lt } = self.condition;
        if nx && xx {
            return Err(CommandError::text("ERR XX and NX options at the same time are not compatible"));
        }
        if (nx && (gt || lt)) || (gt && lt) {
            return Err(CommandError::text(
                "ERR GT, LT, and/or NX options at the same time are not compatible",
            ));
        }
        if self.is_increment && pairs > 1 {
            return Err(CommandError::text("ERR INCR option supports a single increment-element pair"));
        }
        Ok(())
    }
}

impl Condition {
    fn takes_new(self) -> bool {
        !self.xx
    }

    /// Whether a member that is there may change from `old` to `new`.
    fn takes_change(self, old: f64, new: f64) -> bool {
        !(self.nx || (self.lt && new >= old) || (self.gt && new <= old))
    }
}

/// What became of the members of one command.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcome {
    /// Members that were not there.
    pub(crate) added: usize,
    /// Members that got another score.
    pub(crate) changed: usize,
    /// The score of the last member that a condition did not rule out.
    score: Option<f64>,
    is_nan: bool,
}

impl Outcome {
    /// The new score of a member, if it is to be set.
    fn decide(&mut self, update: Update, old: Option<f64>, given: f64) -> Option<f64> {
        let Some(old) = old else {
            if !update.condition.takes_new() {
                return None;
            }
            self.added += 1;
            self.score = Some(given);
            return self.score;
        };
        let new = if update.is_increment { old + given } else { given };
        if !update.condition.nx && new.is_nan() {
            self.is_nan = true;
            return None;
        }
        if !update.condition.takes_change(old, new) {
            return None;
        }
        self.score = Some(new);
        if new == old {
            return None;
        }
        self.changed += 1;
        self.score
    }
}

/// ZADD and ZINCRBY from the options on.
fn add(ctx: &mut Ctx<'_>, args: &[&[u8]], mut update: Update, out: &mut dyn Reply) -> CommandResult {
    let pairs = update.take_options(&args[2..]);
    if pairs.is_empty() || !pairs.len().is_multiple_of(2) {
        return Err(CommandError::Syntax);
    }
    update.check(pairs.len() / 2)?;
    let outcome = if let [score, member] = pairs {
        add_scores(ctx, args[1], &[(parse_score(score)?, *member)], update)?
    } else {
        let scores = pairs.chunks_exact(2).map(|pair| Ok((parse_score(pair[0])?, pair[1])));
        let scores: Vec<_> = scores.collect::<CommandResult<_>>()?;
        add_scores(ctx, args[1], &scores, update)?
    };
    match (update.is_increment, outcome.score) {
        (true, Some(score)) => out.double(score),
        (true, None) => out.null(),
        (false, _) => {
            let changed = if update.counts_changed { outcome.changed } else { 0 };
            out.integer(count(outcome.added + changed));
        }
    }
    Ok(())
}

fn parse_score(text: &[u8]) -> CommandResult<f64> {
    parse_f64(text).ok_or(CommandError::NotFloat)
}

/// Sets the scores of members of the set at `key`, and reports the changes.
///
/// # Errors
/// `WrongType`; `StringTooLong` for members that are too long; a text of its own if an increment leads to no number.
pub(crate) fn add_scores(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    scores: &[(f64, &[u8])],
    update: Update,
) -> CommandResult<Outcome> {
    if scores.iter().any(|(_, member)| member.len() > MEMBER_BYTES_MAX) {
        return Err(CommandError::StringTooLong);
    }
    let policy = policy(ctx, key);
    let mut keyspace = ctx.keyspace(key);
    let mut outcome = Outcome::default();
    if let Some(mut set) = write(&mut keyspace, key)? {
        set.expect_entries(&policy, scores.len());
        for (given, member) in scores {
            set.update(&policy, member, |old| outcome.decide(update, old, *given));
        }
    } else if update.condition.takes_new() {
        let set = new_set(&policy, scores, update, &mut outcome);
        set.store(&mut keyspace, key);
    }
    if outcome.is_nan {
        return Err(CommandError::text("ERR resulting score is not a number (NaN)"));
    }
    let total = outcome.added + outcome.changed;
    if total > 0 {
        changed(&mut keyspace, total, if update.is_increment { "zincr" } else { "zadd" }, key);
    }
    Ok(outcome)
}

fn new_set(policy: &Policy, scores: &[(f64, &[u8])], update: Update, outcome: &mut Outcome) -> NewZSet {
    let longest_hint = scores.first().map_or(0, |(_, member)| member.len());
    let mut set = NewZSet::with_hint(policy, scores.len(), longest_hint);
    for (given, member) in scores {
        set.update(policy, member, |old| outcome.decide(update, old, *given));
    }
    set
}
