//! FT.SEARCH.

mod find;
mod reply;
mod shown;

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;

use self::find::First;
pub(super) use self::reply::count;
use super::ask::ask;
use super::build::{self, Readiness};
use super::profile::{self, Stopwatch};
use super::question::Question;
use super::shape::with_format;
use super::{SEARCHES, index_of, of_arguments, refusal, service};
use crate::command::search::Search;

pub(super) const SEARCH: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.search",
        summary: "Finds documents of an index",
        complexity: "O(N) with N documents that match",
        args: &[Arg::string("index"), Arg::string("query"), Arg::string("option").optional().multiple()],
        ..SEARCHES
    },
    handler: search,
};

fn search(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let asked = Search::parse(&args[1..]).map_err(of_arguments)?;
    run(ctx, &asked, None, out)
}

/// Carries a search out; with a profile, if that is asked for.
pub(super) fn run(
    ctx: &mut Ctx<'_>,
    asked: &Search,
    profiled: Option<Stopwatch>,
    out: &mut dyn Reply,
) -> CommandResult {
    let service = service(ctx)?;
    let declaration = index_of(ctx, &service, &asked.index, || {
        refusal(format_args!("{}: no such index", kora_core::text::of(&asked.index)))
    })?;
    let settings = service.state().settings.clone();
    let most = settings.search_results_max;
    for (name, asked) in [("LIMIT", asked.output.limit.count), ("OFFSET", asked.output.limit.offset)] {
        if asked > most {
            return Err(refusal(format_args!("{name} exceeds maximum of {most}")));
        }
    }
    if build::finish(ctx, &service, &declaration, out)? == Readiness::Later {
        return Ok(());
    }
    let options = with_format(asked.output.format, &declaration, &asked.options, out)?;
    let question = Question::new(ctx, &service, declaration, &settings, &asked.query, &options)?;
    let read = service.clock().filter(|_| profiled.is_some()).map(|clock| clock());
    shown::check(&question.declaration, &asked.output)?;
    let purpose = First::new(&question, &asked.output, most)?;
    match profiled {
        None => ask(ctx, &service, question, purpose, out),
        Some(stopwatch) => profile::ask(ctx, &service, question, purpose, stopwatch.read_at(read), out),
    }
}
