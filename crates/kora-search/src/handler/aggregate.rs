//! FT.AGGREGATE.

mod reply;
mod rows;

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;

pub(super) use self::reply::{Style, write_fields, write_map, write_page, write_rows};
use self::rows::Aggregation;
pub(super) use self::rows::{Table, named};
use super::ask::ask;
use super::build::{self, Readiness};
use super::profile::{self, Stopwatch};
use super::question::Question;
use super::shape::with_format;
use super::{SEARCHES, index_of, of_arguments, refusal, service};
use crate::command::aggregate::Aggregate;

pub(super) const AGGREGATE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.aggregate",
        since: "1.1.0",
        summary: "Finds documents of an index, and groups, sorts and computes what they hold",
        complexity: "O(N) with N documents that match",
        args: &[Arg::string("index"), Arg::string("query"), Arg::string("step").optional().multiple()],
        ..SEARCHES
    },
    handler: aggregate,
};

fn aggregate(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let asked = Aggregate::parse(&args[1..]).map_err(of_arguments)?;
    run(ctx, asked, None, out)
}

/// Carries an aggregation out; with a profile, if that is asked for.
pub(super) fn run(
    ctx: &mut Ctx<'_>,
    asked: Aggregate,
    profiled: Option<Stopwatch>,
    out: &mut dyn Reply,
) -> CommandResult {
    let service = service(ctx)?;
    let declaration = index_of(ctx, &service, &asked.index, || {
        refusal(format_args!("{}: no such index", kora_core::text::of(&asked.index)))
    })?;
    let settings = service.state().settings.clone();
    if build::finish(ctx, &service, &declaration, out)? == Readiness::Later {
        return Ok(());
    }
    let options = with_format(asked.format, &declaration, &asked.options, out)?;
    let question = Question::new(ctx, &service, declaration, &settings, &asked.query, &options)?;
    let read = service.clock().map(|clock| clock());
    let purpose = Aggregation::new(ctx, &service, &question, &settings, asked)?;
    match profiled {
        None => ask(ctx, &service, question, purpose, out),
        Some(stopwatch) => {
            let purpose = purpose.profiled();
            profile::ask(ctx, &service, question, purpose, stopwatch.read_at(read), out)
        }
    }
}
