//! DOC.EXPLAIN: how a question is answered, with what it was expected to cost and what it came to. It asks the question.

use kora_core::command::spec::{CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_index::search::Direction;

use super::ask::{Answered, Purpose, ask};
use super::find::{CLAUSES, Clauses};
use super::{ASKS_LONG, collection_of, count, service};
use crate::query::Question;
use crate::query::find::{Ready, Way};
use crate::query::plan::TermPlan;
use crate::query::work::Stage;

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
    let limit = clauses.limit.map(|limit| limit.saturating_add(clauses.offset));
    let question =
        Question { condition: clauses.condition, order: clauses.order, limit, ..Question::default() };
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
    out.map(7);
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
    out.bulk(b"terms");
    out.array(ready.plan.terms.len());
    for (term, actual) in ready.plan.terms.iter().zip(&answer.passed) {
        write_term(ready, term, *actual, out);
    }
}

/// Where documents come from.
fn access(ready: &Ready) -> String {
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
