//! Unions, intersections and differences of sorted sets and sets, listed, stored or counted.
//!
//! The keys may live in different stores, of which a context lends one at a time. So members are copied out of one
//! input, and looked up in or merged with the next.

mod facts;
mod gathered;
mod input;

use super::{count, policy, store_result, write_head, write_member};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::hash::key_hasher;
use crate::number::{parse_f64, parse_i64};
use crate::reply::Reply;
use crate::types::zset::NewZSet;
pub(super) use facts::{ZDIFF, ZDIFFSTORE, ZINTER, ZINTERCARD, ZINTERSTORE, ZUNION, ZUNIONSTORE};
use gathered::Gathered;
use input::{Input, with_members};

/// Members that ZINTERCARD compares at most before it looks at its limit.
const BATCH_MEMBERS: usize = 1024;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operation {
    Union,
    Intersection,
    Difference,
}

/// What a command does with the result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Output {
    List,
    Store,
    Count,
}

/// How the scores of a member in several inputs become one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Aggregate {
    #[default]
    Sum,
    Min,
    Max,
}

impl Aggregate {
    fn parse(word: &[u8]) -> Option<Self> {
        match word.to_ascii_uppercase().as_slice() {
            b"SUM" => Some(Self::Sum),
            b"MIN" => Some(Self::Min),
            b"MAX" => Some(Self::Max),
            _ => None,
        }
    }

    fn merge(self, present: f64, other: f64) -> f64 {
        match self {
            Self::Sum => number_or_zero(present + other),
            Self::Min => {
                if other < present {
                    other
                } else {
                    present
                }
            }
            Self::Max => {
                if other > present {
                    other
                } else {
                    present
                }
            }
        }
    }
}

/// Infinity minus infinity and zero times infinity count as 0.
fn number_or_zero(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score }
}

/// What a command asks for.
#[derive(Debug)]
struct Query<'a> {
    inputs: Vec<Input<'a>>,
    aggregate: Aggregate,
    with_scores: bool,
    /// Most members that are counted.
    limit: usize,
}

impl<'a> Query<'a> {
    /// Reads `numkeys key ...` and the options behind them; all keys must hold sets or sorted sets.
    fn parse(
        ctx: &mut Ctx<'_>,
        (operation, output): (Operation, Output),
        name: &str,
        args: &[&'a [u8]],
    ) -> CommandResult<Self> {
        let number = parse_i64(args[0]).ok_or(CommandError::NotInteger)?;
        let key_count = usize::try_from(number).ok().filter(|number| *number > 0).ok_or_else(|| {
            CommandError::Other(format!("ERR at least 1 input key is needed for '{name}' command").into())
        })?;
        let (keys, options) = args[1..].split_at_checked(key_count).ok_or(CommandError::Syntax)?;
        let inputs = keys.iter().map(|key| Input::find(ctx, key)).collect::<CommandResult<_>>()?;
        let mut query = Self { inputs, aggregate: Aggregate::Sum, with_scores: false, limit: usize::MAX };
        query.take_options(operation, output, options)?;
        Ok(query)
    }

    fn take_options(&mut self, operation: Operation, output: Output, mut options: &[&[u8]]) -> CommandResult {
        let weighs = operation != Operation::Difference && output != Output::Count;
        while let [option, rest @ ..] = options {
            options = match (option.to_ascii_uppercase().as_slice(), rest) {
                (b"WEIGHTS", rest) if weighs && rest.len() >= self.inputs.len() => self.take_weights(rest)?,
                (b"AGGREGATE", [word, rest @ ..]) if weighs => {
                    self.aggregate = Aggregate::parse(word).ok_or(CommandError::Syntax)?;
                    rest
                }
                (b"WITHSCORES", rest) if output == Output::List => {
                    self.with_scores = true;
                    rest
                }
                (b"LIMIT", [limit, rest @ ..]) if output == Output::Count => {
                    let limit = parse_i64(limit).and_then(|limit| usize::try_from(limit).ok());
                    let limit = limit.ok_or(CommandError::text("ERR LIMIT can't be negative"))?;
                    self.limit = if limit == 0 { usize::MAX } else { limit };
                    rest
                }
                _ => return Err(CommandError::Syntax),
            };
        }
        Ok(())
    }

    fn take_weights<'b, 'c>(&mut self, args: &'b [&'c [u8]]) -> CommandResult<&'b [&'c [u8]]> {
        let (weights, rest) = args.split_at(self.inputs.len());
        for (input, weight) in self.inputs.iter_mut().zip(weights) {
            input.weight = parse_f64(weight).ok_or(CommandError::text("ERR weight value is not a float"))?;
        }
        Ok(rest)
    }

    /// The result, in order.
    fn run(mut self, ctx: &mut Ctx<'_>, operation: Operation) -> Gathered {
        // The order in which scores are added decides their last digits: the smallest input first, as in Redis.
        if operation != Operation::Difference {
            self.inputs.sort_by_key(|input| input.len);
        }
        let mut result = match operation {
            Operation::Union => self.union(ctx),
            Operation::Intersection => self.intersection(ctx),
            Operation::Difference => self.difference(ctx),
        };
        result.sort();
        result
    }

    fn union(&self, ctx: &mut Ctx<'_>) -> Gathered {
        let hasher = key_hasher(ctx.keyspace(self.inputs[0].key).table_seed());
        let mut result = Gathered::default();
        let mut places = gathered::Places::new(hasher);
        for input in &self.inputs {
            with_members(ctx, input.key, |members| {
                members.for_each(|member, score| {
                    let score = input.weigh(score);
                    if let Some(present) = places.find_or_add(&mut result, member, score) {
                        *present = self.aggregate.merge(*present, score);
                    }
                });
            });
        }
        result
    }

    fn intersection(&self, ctx: &mut Ctx<'_>) -> Gathered {
        let [first, others @ ..] = &self.inputs[..] else { return Gathered::default() };
        let mut result = Gathered::default();
        with_members(ctx, first.key, |members| {
            members.for_each(|member, score| result.push(member, first.weigh(score)));
        });
        self.keep_shared(ctx, others, &mut result);
        result
    }

    /// Keeps what all of `others` have, and merges the scores.
    fn keep_shared(&self, ctx: &mut Ctx<'_>, others: &[Input<'_>], result: &mut Gathered) {
        for input in others {
            with_members(ctx, input.key, |members| {
                // As in Redis, what is no number here is left to the aggregation, of which a sum becomes 0.
                result.keep(|member, score| {
                    let other = input.weight * members.score(member)?;
                    Some(self.aggregate.merge(score, other))
                });
            });
        }
    }

    fn difference(&self, ctx: &mut Ctx<'_>) -> Gathered {
        let [first, others @ ..] = &self.inputs[..] else { return Gathered::default() };
        let mut result = Gathered::default();
        with_members(ctx, first.key, |members| members.for_each(|member, score| result.push(member, score)));
        for input in others {
            with_members(ctx, input.key, |members| {
                result.keep(|member, score| members.score(member).is_none().then_some(score));
            });
        }
        result
    }

    /// The number of members that all inputs have, as far as the limit.
    fn count_shared(mut self, ctx: &mut Ctx<'_>) -> usize {
        self.inputs.sort_by_key(|input| input.len);
        let [first, others @ ..] = &self.inputs[..] else { return 0 };
        let (mut cursor, mut total) = (0, 0);
        // With a small limit few members are enough, if they are shared.
        let mut wanted = self.limit.clamp(1, BATCH_MEMBERS);
        loop {
            let mut batch = Gathered::default();
            let mut next = 0;
            with_members(ctx, first.key, |members| {
                next = members.scan(cursor, wanted, |member| batch.push(member, 0.0));
            });
            wanted = (wanted * 2).min(BATCH_MEMBERS);
            self.keep_shared(ctx, others, &mut batch);
            total += batch.len();
            if next == 0 || total >= self.limit {
                return total.min(self.limit);
            }
            cursor = next;
        }
    }
}

fn list(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    operation: Operation,
    name: &str,
    out: &mut dyn Reply,
) -> CommandResult {
    let query = Query::parse(ctx, (operation, Output::List), name, &args[1..])?;
    let with_scores = query.with_scores;
    let result = query.run(ctx, operation);
    write_head(out, result.len(), with_scores);
    for (member, score) in result.iter() {
        write_member(out, member, score, with_scores);
    }
    Ok(())
}

fn store(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    operation: Operation,
    name: &'static str,
    out: &mut dyn Reply,
) -> CommandResult {
    let to = args[1];
    let query = Query::parse(ctx, (operation, Output::Store), name, &args[2..])?;
    let result = query.run(ctx, operation);
    let policy = policy(ctx, to);
    let entries: Vec<_> = result.iter().collect();
    let set = (!entries.is_empty()).then(|| NewZSet::from_ordered(&policy, &entries));
    store_result(ctx, to, set, name, out);
    Ok(())
}

fn zunion(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    list(ctx, args, Operation::Union, "zunion", out)
}

fn zinter(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    list(ctx, args, Operation::Intersection, "zinter", out)
}

fn zdiff(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    list(ctx, args, Operation::Difference, "zdiff", out)
}

fn zunionstore(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    store(ctx, args, Operation::Union, "zunionstore", out)
}

fn zinterstore(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    store(ctx, args, Operation::Intersection, "zinterstore", out)
}

fn zdiffstore(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    store(ctx, args, Operation::Difference, "zdiffstore", out)
}

fn zintercard(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let query = Query::parse(ctx, (Operation::Intersection, Output::Count), "zintercard", &args[1..])?;
    out.integer(count(query.count_shared(ctx)));
    Ok(())
}
