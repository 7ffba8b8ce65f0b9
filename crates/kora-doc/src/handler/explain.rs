//! DOC.EXPLAIN: how a question is answered, with what it was expected to cost and what it came to. It asks the question.

use kora_core::command::spec::{CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_index::search::Direction;

use super::ask::{Answered, Purpose, ask};
use super::find::{CLAUSES, Clauses};
use super::{ASKS_LONG, collection_of, count, service};
use crate::query::find::{Ready, Way};
use crate::query::nearest::Nearest;
use crate::query::plan::TermPlan;
use crate::query::work::Stage;
use crate::vector;

pub(super) const EXPLAIN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.explain",
        arity: -2,
        summary: "Shows which index answers each test of a condition, with estimated and actual numbers of documents",
        complexity: "As DOC.FIND, and O(N) with N documents for tests that no index answers",
        args: CLAUSES,
        ..ASKS_LONG
    },
    handler: explain,
};

fn explain(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let clauses = Clauses::parse(&args[2..])?;
    let collection = collection_of(ctx, args[1])?;
    let question = clauses.question(&collection, 0)?;
    let ready = Ready::new(ctx, collection, question)?;
    ask(ctx, service(ctx)?, ready, Box::new(Explanation), out)
}

/// Replies how a question was answered.
#[derive(Debug)]
struct Explanation;

impl Purpose for Explanation {
    fn stage(&self, ready: &Ready) -> Option<Stage> {
        match ready.question.limit {
            Some(0) => None,
            Some(_) => Some(ready.stage()),
            None => ready.counted().is_none().then_some(Stage::Count),
        }
    }

    fn counts_tests(&self) -> bool {
        true
    }

    fn reply(&self, ready: &Ready, answer: Answered, out: &mut dyn Reply) -> CommandResult {
        let actual = match ready.question.limit {
            Some(_) => answer.hits.len() as u64,
            None => ready.counted().unwrap_or(answer.figures.matched),
        };
        write(ready, actual, &answer, out);
        Ok(())
    }
}

fn write(ready: &Ready, actual: u64, answer: &Answered, out: &mut dyn Reply) {
    let nearest = ready.question.nearest.as_ref();
    out.map(7 + usize::from(nearest.is_some()));
    out.bulk(b"collection");
    out.bulk(&ready.collection.name);
    out.bulk(b"documents");
    out.integer(count(ready.documents));
    out.bulk(b"access");
    out.bulk(access(ready).as_bytes());
    out.bulk(b"estimated");
    out.integer(count(ready.plan.estimate));
    out.bulk(b"actual");
    out.integer(count(actual));
    out.bulk(b"examined");
    out.integer(count(answer.figures.examined));
    if let Some(nearest) = nearest {
        write_nearest(nearest, ready, answer, out);
    }
    out.bulk(b"terms");
    out.array(ready.plan.terms.len());
    for (term, actual) in ready.plan.terms.iter().zip(&answer.passed) {
        write_term(ready, term, *actual, out);
    }
}

/// How the nearest were found: on how many shards through the graph, and on how many by a look at each vector that matches.
fn write_nearest(nearest: &Nearest, ready: &Ready, answer: &Answered, out: &mut dyn Reply) {
    out.bulk(b"nearest");
    out.map(4);
    out.bulk(b"index");
    out.bulk(nearest.path.text().as_bytes());
    out.bulk(b"algorithm");
    out.bulk(vector::algorithm_name(&nearest.kind).as_bytes());
    out.bulk(b"walks");
    out.integer(count(answer.figures.walks));
    out.bulk(b"scans");
    let asked = if ready.question.limit == Some(0) { 0 } else { ready.part_count() };
    out.integer(count(asked.saturating_sub(answer.figures.walks)));
}

/// Where documents come from.
fn access(ready: &Ready) -> String {
    if let Some(nearest) = &ready.question.nearest {
        let rest = match (&ready.plan.node, ready.plan.is_exact) {
            (Some(_), true) => ", of what indexes find",
            (Some(_), false) => ", of what indexes find, with a look at documents",
            (None, true) => "",
            (None, false) => ", with a look at documents",
        };
        return format!("nearest by index '{}'{rest}", nearest.path);
    }
    match (ready.way, &ready.plan.node, ready.question.order.first()) {
        (Way::InOrder, _, Some((path, direction))) => {
            let direction = if *direction == Direction::Ascending { "ascending" } else { "descending" };
            format!("index '{path}' in order, {direction}")
        }
        (_, Some(_), _) if ready.plan.is_exact => "indexes".to_owned(),
        (_, Some(_), _) => "indexes, then a look at each document".to_owned(),
        (_, None, _) if ready.question.condition.is_some() => "a look at all documents".to_owned(),
        (_, None, _) => "all documents".to_owned(),
    }
}

fn write_term(ready: &Ready, term: &TermPlan, actual: u64, out: &mut dyn Reply) {
    out.map(6);
    out.bulk(b"term");
    out.bulk(term.text.as_bytes());
    let declared = term.answer.as_ref().map(|answer| &ready.collection.indexes[answer.index]);
    out.bulk(b"index");
    match declared {
        Some(declared) => out.bulk(declared.path.text().as_bytes()),
        None => out.null(),
    }
    out.bulk(b"type");
    match declared {
        Some(declared) => out.bulk(declared.kind.name().as_bytes()),
        None => out.null(),
    }
    out.bulk(b"use");
    out.bulk(if term.is_used { b"index" } else { b"look" });
    out.bulk(b"estimated");
    out.integer(count(ready.estimate_of(term)));
    out.bulk(b"actual");
    out.integer(count(actual));
}
