//! FT.SEARCH.

mod find;
mod reply;
mod shown;

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use self::find::First;
pub(super) use self::reply::{count, write_value};
use super::ask::ask;
use super::build::{self, Readiness};
use super::question::Question;
use super::{SEARCHES, index_of, of_arguments, refusal, service};
use crate::command::options::Format;
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
    let service = service(ctx)?;
    let asked = Search::parse(&args[1..]).map_err(of_arguments)?;
    check_format(asked.output.format, out)?;
    let declaration = index_of(&service, &asked.index, || {
        refusal(format_args!("{}: no such index", String::from_utf8_lossy(&asked.index)))
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
    let question = Question::new(ctx, &service, declaration, &settings, &asked.query, &asked.options)?;
    shown::check(&question.declaration, &asked.output)?;
    let purpose = First::new(&question, &asked.output, most)?;
    ask(ctx, &service, question, purpose, out)
}

/// Refuses what is not built, and what RESP2 does not have.
pub(super) fn check_format(format: Format, out: &dyn Reply) -> CommandResult {
    match format {
        Format::Text => Ok(()),
        Format::Expand if out.is_resp3() => Err(CommandError::text("FORMAT EXPAND is not supported")),
        Format::Expand => Err(CommandError::text("EXPAND format is only supported with RESP3")),
    }
}
