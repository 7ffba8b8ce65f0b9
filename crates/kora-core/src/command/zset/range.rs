//! Commands that list or store a range: ZRANGE with all its options, the older commands that have one each, and
//! ZRANGESTORE.

mod facts;

use std::ops::Range;

use super::{NOT_LEX, NOT_SCORES, policy, read, store_result, write_head, write_member};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::packed::listpack::Element;
use crate::reply::{Bulks, Reply};
use crate::types::zset::{LexBound, LexRange, NewZSet, ScoreBound, ScoreRange, ZSetRef};
pub(super) use facts::{
    ZRANGE, ZRANGEBYLEX, ZRANGEBYSCORE, ZRANGESTORE, ZREVRANGE, ZREVRANGEBYLEX, ZREVRANGEBYSCORE,
};

/// What the ends of a range are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    Rank,
    Score,
    Lex,
}

/// A range as it was asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Wanted<'a> {
    Ranks(i64, i64),
    Scores(ScoreRange),
    Members(LexRange<'a>),
}

impl By {
    /// Reads the ends, the lower one first.
    pub(super) fn parse<'a>(self, min: &'a [u8], max: &'a [u8]) -> CommandResult<Wanted<'a>> {
        match self {
            Self::Rank => {
                let rank = |text| parse_i64(text).ok_or(CommandError::NotInteger);
                Ok(Wanted::Ranks(rank(min)?, rank(max)?))
            }
            Self::Score => {
                let bound = |text| ScoreBound::parse(text).ok_or(NOT_SCORES);
                Ok(Wanted::Scores(ScoreRange { min: bound(min)?, max: bound(max)? }))
            }
            Self::Lex => {
                let bound = |text| LexBound::parse(text).ok_or(NOT_LEX);
                Ok(Wanted::Members(LexRange { min: bound(min)?, max: bound(max)? }))
            }
        }
    }
}

/// The ranks, counted upwards, of the members of a range. With `is_reverse` given ranks count from the highest score.
pub(super) fn rank_range(set: ZSetRef<'_>, wanted: &Wanted<'_>, is_reverse: bool) -> Range<usize> {
    match wanted {
        Wanted::Scores(range) => set.score_ranks(range),
        Wanted::Members(range) => set.lex_ranks(range, is_reverse),
        Wanted::Ranks(start, stop) => {
            let len = set.len();
            let ranks = clamp_ranks(*start, *stop, len);
            if is_reverse { len - ranks.end..len - ranks.start } else { ranks }
        }
    }
}

/// Ranks from `start` to `stop`, both included; negative ones count from the end.
fn clamp_ranks(start: i64, stop: i64, len: usize) -> Range<usize> {
    let place = |rank: i64| {
        let len = i64::try_from(len).expect("no allocation is longer than isize::MAX");
        usize::try_from(if rank < 0 { len.saturating_add(rank) } else { rank })
    };
    let start = place(start).unwrap_or(0);
    let end = place(stop).map_or(0, |stop| stop.saturating_add(1)).min(len);
    if start < end { start..end } else { 0..0 }
}

/// Which part of a set is wanted, in which direction.
#[derive(Clone, Copy, Debug)]
struct Query<'a> {
    wanted: Wanted<'a>,
    is_reverse: bool,
    /// Members of the range to pass over.
    offset: i64,
    /// Most members to give; all, if negative.
    limit: i64,
    with_scores: bool,
}

/// What a command leaves open to its options.
#[derive(Clone, Copy, Debug)]
struct Variant {
    /// `None`: options decide.
    by: Option<By>,
    /// `None`: options decide.
    is_reverse: Option<bool>,
    stores: bool,
}

impl<'a> Query<'a> {
    /// Reads both ends and the options behind them.
    fn parse(variant: Variant, args: &[&'a [u8]]) -> CommandResult<Self> {
        let (mut by, mut is_reverse) = (variant.by, variant.is_reverse);
        let (mut offset, mut limit, mut with_scores) = (0, -1, false);
        let mut options = &args[2..];
        while let [option, rest @ ..] = options {
            options = rest;
            match (option.to_ascii_uppercase().as_slice(), rest) {
                (b"WITHSCORES", _) if !variant.stores => with_scores = true,
                (b"LIMIT", [first, count, rest @ ..]) => {
                    offset = parse_i64(first).ok_or(CommandError::NotInteger)?;
                    limit = parse_i64(count).ok_or(CommandError::NotInteger)?;
                    options = rest;
                }
                (b"REV", _) if is_reverse.is_none() => is_reverse = Some(true),
                (b"BYLEX", _) if by.is_none() => by = Some(By::Lex),
                (b"BYSCORE", _) if by.is_none() => by = Some(By::Score),
                _ => return Err(CommandError::Syntax),
            }
        }
        let (by, is_reverse) = (by.unwrap_or(By::Rank), is_reverse.unwrap_or(false));
        if limit != -1 && by == By::Rank {
            return Err(CommandError::text(
                "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX",
            ));
        }
        if with_scores && by == By::Lex {
            return Err(CommandError::text(
                "ERR syntax error, WITHSCORES not supported in combination with BYLEX",
            ));
        }
        let (min, max) = if is_reverse && by != By::Rank { (args[1], args[0]) } else { (args[0], args[1]) };
        let offset = if by == By::Rank { 0 } else { offset };
        Ok(Self { wanted: by.parse(min, max)?, is_reverse, offset, limit, with_scores })
    }

    /// The ranks, counted upwards, of what is wanted.
    fn ranks(&self, set: ZSetRef<'_>) -> Range<usize> {
        let all = rank_range(set, &self.wanted, self.is_reverse);
        let offset = usize::try_from(self.offset).ok().or_else(|| {
            // In a large set Redis counts a negative offset from the end of the range; in a packed one none is there.
            let from_end = usize::try_from(self.offset.unsigned_abs()).ok()?;
            all.len().checked_sub(from_end).filter(|_| !set.is_packed())
        });
        let Some(offset) = offset.filter(|offset| *offset < all.len()) else { return 0..0 };
        let count = usize::try_from(self.limit).unwrap_or(usize::MAX).min(all.len() - offset);
        if self.is_reverse {
            let end = all.end - offset;
            end - count..end
        } else {
            let start = all.start + offset;
            start..start + count
        }
    }

    /// Visits what is wanted, in the direction wanted.
    #[inline]
    fn visit<'s>(&self, set: ZSetRef<'s>, ranks: &Range<usize>, mut visit: impl FnMut(Element<'s>, f64)) {
        if ranks.is_empty() {
            return;
        }
        let start = if self.is_reverse { ranks.end - 1 } else { ranks.start };
        set.walk_elements(start, ranks.len(), self.is_reverse, |member, score| {
            visit(member, score);
            true
        });
    }
}

fn list(ctx: &mut Ctx<'_>, args: &[&[u8]], variant: Variant, out: &mut dyn Reply) -> CommandResult {
    let query = Query::parse(variant, &args[2..])?;
    let mut keyspace = ctx.keyspace(args[1]);
    let Some(set) = read(&mut keyspace, args[1])? else {
        out.array(0);
        return Ok(());
    };
    let ranks = query.ranks(set);
    write_head(out, ranks.len(), query.with_scores);
    if query.with_scores {
        query.visit(set, &ranks, |member, score| {
            member.with(|member| write_member(out, member, score, true));
        });
    } else {
        Bulks::write(out, |bulks| query.visit(set, &ranks, |member, _| member.add_to(bulks)));
    }
    Ok(())
}

fn zrange(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    list(ctx, args, Variant { by: None, is_reverse: None, stores: false }, out)
}

fn zrevrange(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    list(ctx, args, Variant { by: Some(By::Rank), is_reverse: Some(true), stores: false }, out)
}

fn zrangebyscore(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    list(ctx, args, Variant { by: Some(By::Score), is_reverse: Some(false), stores: false }, out)
}

fn zrevrangebyscore(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    list(ctx, args, Variant { by: Some(By::Score), is_reverse: Some(true), stores: false }, out)
}

fn zrangebylex(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    list(ctx, args, Variant { by: Some(By::Lex), is_reverse: Some(false), stores: false }, out)
}

fn zrevrangebylex(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    list(ctx, args, Variant { by: Some(By::Lex), is_reverse: Some(true), stores: false }, out)
}

fn zrangestore(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (to, from) = (args[1], args[2]);
    let query = Query::parse(Variant { by: None, is_reverse: None, stores: true }, &args[3..])?;
    let policy = policy(ctx, to);
    let mut keyspace = ctx.keyspace(from);
    let result = read(&mut keyspace, from)?.and_then(|set| {
        let ranks = query.ranks(set);
        // As in Redis, only a range of ranks is known to be too long for a packed set before it is stored.
        let hint = if matches!(query.wanted, Wanted::Ranks(..)) { ranks.len() } else { 0 };
        let mut result = NewZSet::with_hint(&policy, hint, 0);
        query.visit(set, &ranks, |member, score| member.with(|member| result.set(&policy, member, score)));
        (!ranks.is_empty()).then_some(result)
    });
    store_result(ctx, to, result, "zrangestore", out);
    Ok(())
}
