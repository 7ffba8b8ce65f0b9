//! VLINKS: the neighbours of an element in the graph.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use super::{READS_FAST, between, read, score};
use crate::set::VectorSet;

pub(super) const VLINKS: CommandSpec = CommandSpec {
    facts: Facts {
        name: "vlinks",
        summary: "Gives the neighbours of an element in each layer of the graph, the highest first",
        complexity: "O(M) with M links of the element",
        args: &[Arg::key("key"), Arg::string("element"), Arg::word("withscores", "WITHSCORES").optional()],
        ..READS_FAST
    },
    handler: vlinks,
};

fn vlinks(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    between(args, 3, 4, "VLINKS")?;
    let has_scores = match args.get(3) {
        None => false,
        Some(option) if option.eq_ignore_ascii_case(b"WITHSCORES") => true,
        Some(_) => return Err(CommandError::Arity("VLINKS".into())),
    };
    let mut keyspace = ctx.keyspace(args[1]);
    let set = read(&mut keyspace, args[1])?;
    match set.and_then(|set| Some((set, set.number(args[2])?))) {
        Some((set, number)) => reply(set, number, has_scores, out),
        None => out.null(),
    }
    Ok(())
}

fn reply(set: &VectorSet, number: u32, has_scores: bool, out: &mut dyn Reply) {
    let graph = set.graph();
    let level = graph.level(number).unwrap_or(0);
    out.array(level + 1);
    for layer in (0..=level).rev() {
        let links = graph.links(number, layer);
        if has_scores {
            out.map(links.len())
        } else {
            out.array(links.len())
        }
        for link in links {
            out.bulk(set.name(*link));
            if has_scores {
                out.double(score(f64::from(graph.distance(number, *link).unwrap_or(2.0))));
            }
        }
    }
}
