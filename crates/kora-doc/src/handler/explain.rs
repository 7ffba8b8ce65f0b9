//! DOC.EXPLAIN: how a question is answered, with what it was expected to cost and what it came to. It asks the question.

use kora_core::command::spec::{CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_index::search::Direction;

use super::find::{CLAUSES, Clauses};
use super::{ASKS, collection_of, count};
use crate::query::Question;
use crate::query::find::{Figures, Ready, Way};
use crate::query::plan::TermPlan;

pub(super) const EXPLAIN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.explain",
        arity: -2,
        summary: "Shows which index answers each test of a condition, with estimated and actual numbers of documents",
        complexity: "As DOC.FIND, and O(N) with N documents for tests that no index answers",
        args: CLAUSES,
        ..ASKS
    },
    handler: explain,
};

fn explain(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let clauses = Clauses::parse(&args[2..])?;
    let collection = collection_of(ctx, args[1])?;
    let limit = clauses.limit.map(|limit| limit.saturating_add(clauses.offset));
    let question =
        Question { condition: clauses.condition, order: clauses.order, limit, ..Question::default() };
    let ready = Ready::new(ctx, collection, &question);
    let mut figures = Figures::default();
    let actual = match limit {
        Some(_) => ready.find(ctx, &mut figures)?.len() as u64,
        None => ready.count(ctx, &mut figures)?,
    };
    let passed = passed(ctx, &ready)?;
    out.map(7);
    out.bulk(b"collection");
    out.bulk(args[1]);
    out.bulk(b"documents");
    out.integer(count(ready.documents));
    out.bulk(b"access");
    out.bulk(access(&ready).as_bytes());
    out.bulk(b"estimated");
    out.integer(count(ready.plan.estimate));
    out.bulk(b"actual");
    out.integer(count(actual));
    out.bulk(b"examined");
    out.integer(count(figures.examined));
    out.bulk(b"terms");
    out.array(ready.plan.terms.len());
    for (term, actual) in ready.plan.terms.iter().zip(passed) {
        write_term(&ready, term, actual, out);
    }
    Ok(())
}

/// Where documents come from.
fn access(ready: &Ready<'_>) -> String {
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

/// How many documents pass each test: as the index counts them, or else found out by a look.
fn passed(ctx: &mut Ctx<'_>, ready: &Ready<'_>) -> CommandResult<Vec<u64>> {
    let mut tests = Vec::new();
    if let Some(condition) = &ready.question.condition {
        condition.terms(&mut tests);
    }
    let mut passed: Vec<u64> = ready.plan.terms.iter().map(|term| ready.estimate_of(term)).collect();
    let open: Vec<usize> =
        (0..tests.len()).filter(|place| ready.plan.terms[*place].answer.is_none()).collect();
    open.iter().for_each(|place| passed[*place] = 0);
    if open.is_empty() {
        return Ok(passed);
    }
    crate::query::find::each_part(ctx, &ready.collection, |place, part, store| {
        for document in part.index.documents() {
            let found = crate::query::find::Found { place, part, store, document };
            let Some(root) = found.root() else { continue };
            for place in &open {
                passed[*place] += u64::from(tests[*place].holds(root));
            }
        }
    });
    Ok(passed)
}

fn write_term(ready: &Ready<'_>, term: &TermPlan, actual: u64, out: &mut dyn Reply) {
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
