//! Commands that search an area: GEOSEARCH, GEOSEARCHSTORE, GEORADIUS, GEORADIUSBYMEMBER and their read-only forms.

use super::query::{Order, Query, Variant};
use super::text::{write_distance, write_position};
use crate::command::zset::{policy, read, store_result};
use crate::context::Ctx;
use crate::error::CommandResult;
use crate::reply::Reply;
use crate::types::geohash::{Area, Cells, Position};
use crate::types::zset::{NewZSet, ZSetRef};

pub(super) fn georadius(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    search(ctx, args, Variant::Radius { may_store: true }, out)
}

pub(super) fn georadius_ro(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    search(ctx, args, Variant::Radius { may_store: false }, out)
}

pub(super) fn georadiusbymember(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    search(ctx, args, Variant::RadiusByMember { may_store: true }, out)
}

pub(super) fn georadiusbymember_ro(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    search(ctx, args, Variant::RadiusByMember { may_store: false }, out)
}

pub(super) fn geosearch(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    search(ctx, args, Variant::Search, out)
}

pub(super) fn geosearchstore(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    search(ctx, args, Variant::SearchStore, out)
}

/// A member within the area.
#[derive(Debug)]
struct Found {
    member: Box<[u8]>,
    score: f64,
    position: Position,
    /// In metres.
    distance: f64,
}

fn search(ctx: &mut Ctx<'_>, args: &[&[u8]], form: Variant, out: &mut dyn Reply) -> CommandResult {
    let source = args[form.source_at()];
    let mut keyspace = ctx.keyspace(source);
    let set = read(&mut keyspace, source)?;
    let query = Query::parse(form, args, set)?;
    let mut found = Vec::new();
    if let (Some(set), Some(area)) = (set, query.area()) {
        found = find(set, &area, query.count.filter(|_| query.is_any));
        arrange(&mut found, &query);
    }
    match query.store {
        None => write_found(out, &found, &query),
        Some(to) => store(ctx, to, &found, &query, form, out),
    }
    Ok(())
}

/// The members within an area, cell by cell; no more than `limit`.
fn find(set: ZSetRef<'_>, area: &Area, limit: Option<usize>) -> Vec<Found> {
    let mut found = Vec::new();
    let is_full = |found: &Vec<Found>| limit.is_some_and(|limit| found.len() >= limit);
    for range in Cells::covering(area).score_ranges() {
        if is_full(&found) {
            break;
        }
        let ranks = set.score_ranks(&range);
        set.walk(ranks.start, ranks.len(), false, |member, score| {
            let position = Position::of_score(score);
            if let Some(distance) = area.distance_within(position) {
                found.push(Found { member: member.into(), score, position, distance });
            }
            !is_full(&found)
        });
    }
    found
}

/// Sorts as asked for, and drops what is too many. The nearest of many can't be told without sorting.
fn arrange(found: &mut Vec<Found>, query: &Query<'_>) {
    let order = query.order.or((query.count.is_some() && !query.is_any).then_some(Order::Ascending));
    match order {
        Some(Order::Ascending) => found.sort_by(|a, b| a.distance.total_cmp(&b.distance)),
        Some(Order::Descending) => found.sort_by(|a, b| b.distance.total_cmp(&a.distance)),
        None => {}
    }
    found.truncate(query.count.unwrap_or(usize::MAX));
}

fn write_found(out: &mut dyn Reply, found: &[Found], query: &Query<'_>) {
    let details = query.details;
    let detail_count =
        [details.distance, details.hash, details.position].into_iter().filter(|is| *is).count();
    out.array(found.len());
    for Found { member, score, position, distance } in found {
        if detail_count > 0 {
            out.array(detail_count + 1);
        }
        out.bulk(member);
        if details.distance {
            write_distance(out, query.in_unit(*distance));
        }
        if details.hash {
            #[expect(
                clippy::cast_possible_truncation,
                reason = "a cell has 52 bits; what ZADD put there saturates"
            )]
            out.integer(*score as i64);
        }
        if details.position {
            write_position(out, *position);
        }
    }
}

fn store(
    ctx: &mut Ctx<'_>,
    to: &[u8],
    found: &[Found],
    query: &Query<'_>,
    form: Variant,
    out: &mut dyn Reply,
) {
    let policy = policy(ctx, to);
    let longest = found.iter().map(|found| found.member.len()).max().unwrap_or(0);
    let mut set = NewZSet::with_hint(&policy, found.len(), longest);
    for Found { member, score, distance, .. } in found {
        let score = if query.stores_distance { query.in_unit(*distance) } else { *score };
        set.set(&policy, member, score);
    }
    let event = if form == Variant::SearchStore { "geosearchstore" } else { "georadiusstore" };
    store_result(ctx, to, (!found.is_empty()).then_some(set), event, out);
    // Each place that is stored counts as a change.
    ctx.journal.changed(found.len().saturating_sub(1) as u64);
}
