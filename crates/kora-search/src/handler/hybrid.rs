//! FT.HYBRID.

mod fuse;
mod rows;

use std::sync::Arc;

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;
use kora_index::query::{Near, Nearest, NearestWay, Node, NodeKind, Policy};
use kora_index::schema::FieldKind;

use self::rows::Hybrids;
use super::ask::ask;
use super::build::{self, Readiness};
use super::question::{self, Question};
use super::{SEARCHES, index_of, of_arguments, refusal, service};
use crate::command::hybrid::{Hybrid, Reach, Similar};
use crate::command::options::QueryOptions;
use crate::query::Dialect;
use crate::service::Declaration;

pub(super) const HYBRID: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.hybrid",
        since: "8.4.0",
        summary: "Finds documents by words and by vectors, and combines what both find",
        complexity: "O(N + M) with N documents that match the words, and M vectors that are compared",
        args: &[
            Arg::string("index"),
            Arg::word("search", "SEARCH"),
            Arg::string("query"),
            Arg::string("argument").multiple(),
        ],
        ..SEARCHES
    },
    handler: hybrid,
};

/// The dialect of its queries.
const DIALECT: i64 = 2;

fn hybrid(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let asked = Hybrid::parse(&args[1..]).map_err(of_arguments)?;
    let service = service(ctx)?;
    let declaration = index_of(ctx, &service, &asked.search.index, || {
        refusal(format_args!("{}: no such index", kora_core::text::of(&asked.search.index)))
    })?;
    let settings = service.state().settings.clone();
    let most = settings.search_results_max;
    if asked.window > most {
        return Err(refusal(format_args!("WINDOW exceeds maximum of {most}")));
    }
    if build::finish(ctx, &service, &declaration, out)? == Readiness::Later {
        return Ok(());
    }
    let options = QueryOptions { dialect: Dialect::new(DIALECT), ..asked.search.options.clone() };
    let node = similar(&declaration, &asked, &options)?;
    let query = &asked.search.query;
    let mut question = Question::new(ctx, &service, Arc::clone(&declaration), &settings, query, &options)?;
    if question.plan.nearest_count().is_some() {
        return Err(CommandError::text("Vector expressions are not allowed in the SEARCH part of FT.HYBRID"));
    }
    question.unscore_tags(ctx, &settings, &options)?;
    question.ask_nearest(ctx, &settings, &node)?;
    let purpose = Hybrids::new(ctx, &service, &question, asked)?;
    ask(ctx, &service, question, purpose, out)
}

/// The query for the nearest vectors.
fn similar(declaration: &Declaration, asked: &Hybrid, options: &QueryOptions) -> CommandResult<Node> {
    let Similar { field, parameter, reach, filter, policy, .. } = &asked.similar;
    let has_vectors = declaration
        .place(field)
        .is_some_and(|place| matches!(declaration.schema.fields[place].kind, FieldKind::Vector(_)));
    if !has_vectors {
        return Err(refusal(format_args!("Unknown vector field `{field}`")));
    }
    let given = options.parameters.iter().find(|(name, _)| name == parameter);
    let Some((_, vector)) = given else {
        return Err(refusal(format_args!("No such parameter `{parameter}`")));
    };
    let filter = match filter {
        None => Node::new(NodeKind::All),
        Some(text) => {
            let dialect = options.dialect.unwrap_or(Dialect::DEFAULT);
            let query = question::parse(declaration, dialect, text, options)?;
            query.check(&declaration.schema, true).map_err(refusal)?;
            query.node()
        }
    };
    if matches!(filter.kind, NodeKind::Nearest(_)) {
        return Err(CommandError::text("KNN is not allowed in the FILTER of VSIM"));
    }
    let mut way = NearestWay::default();
    if let Some((name, batch)) = policy {
        let size = batch.and_then(|batch| usize::try_from(batch).ok());
        way.policy = Some(match name.to_ascii_uppercase().as_str() {
            "ADHOC_BF" | "ADHOC" if batch.is_none() => Policy::Exact,
            "BATCHES" => Policy::Graph(size),
            _ => return Err(CommandError::text("invalid hybrid policy was given")),
        });
    }
    let (count, filter) = match reach {
        Reach::Nearest { count, candidates } => {
            way.candidates = candidates.and_then(|candidates| usize::try_from(candidates).ok());
            ((*count).min(asked.window), filter)
        }
        Reach::Within { radius, epsilon } => {
            let (field, vector) = (field.clone(), vector.clone());
            let near = Near { field, vector, radius: *radius, epsilon: *epsilon, distance: None };
            let near = Node::new(NodeKind::Near(near));
            let both = match filter.kind {
                NodeKind::All => near,
                _ => Node::new(NodeKind::And(vec![near, filter])),
            };
            // All that are within it are measured: they are few, or the graph has led to them.
            way.policy = Some(Policy::Exact);
            (asked.window, both)
        }
    };
    Ok(Node::new(NodeKind::Nearest(Box::new(Nearest {
        field: field.clone(),
        vector: vector.clone(),
        count: usize::try_from(count).unwrap_or(usize::MAX),
        distance: String::new(),
        filter,
        way,
    }))))
}
