//! FT.EXPLAIN and FT.EXPLAINCLI.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_index::{Index, plan};

use super::ask::with_index;
use super::question::{Question, is_wanted};
use super::{READS, index_of, of_arguments, refusal, service};
use crate::command::options::Expander;
use crate::command::small::parse_explain;
use crate::query::{Expand, Expansion};

pub(super) const EXPLAIN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.explain",
        summary: "Shows how a query is read",
        complexity: "O(N) with N parts of the query",
        args: &[
            Arg::string("index"),
            Arg::string("query"),
            Arg::integer("dialect").token("DIALECT").optional(),
        ],
        ..READS
    },
    handler: |ctx, args, out| {
        let text = explain(ctx, args, "FT.EXPLAIN")?;
        out.bulk(text.as_bytes());
        Ok(())
    },
};

pub(super) const EXPLAINCLI: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.explaincli",
        summary: "Shows how a query is read, line by line",
        ..EXPLAIN.facts
    },
    handler: |ctx, args, out| {
        let text = explain(ctx, args, "FT.EXPLAINCLI")?;
        let lines: Vec<_> = text.split('\n').collect();
        out.array(lines.len());
        lines.iter().for_each(|line| super::write_word(out, line));
        Ok(())
    },
};

fn explain(ctx: &mut Ctx<'_>, args: &[&[u8]], name: &'static str) -> CommandResult<String> {
    let service = service(ctx)?;
    let asked = parse_explain(name, &args[1..]).map_err(of_arguments)?;
    let declaration = index_of(ctx, &service, &asked.index, || {
        refusal(format_args!("{}: no such index", kora_core::text::of(&asked.index)))
    })?;
    let settings = service.state().settings.clone();
    let question = Question::new(ctx, &service, declaration, &settings, &asked.query, &asked.options)?;
    let declaration = &question.declaration;
    let language = asked.options.language.as_ref().map(|language| &*language.0);
    let expander = asked.options.expander;
    with_index(ctx, declaration.number, |part| {
        question.query.explain(&declaration.schema, &Expanding { index: &part.index, language, expander })
    })
}

/// What else stands for words, as the index has it.
struct Expanding<'a> {
    index: &'a Index,
    language: Option<&'a str>,
    expander: Expander,
}

impl Expand for Expanding<'_> {
    fn expansions(&self, word: &str, fields: Option<&[String]>, is_phonetic: Option<bool>) -> Vec<Expansion> {
        let by_sound = match self.expander {
            Expander::Default => is_phonetic != Some(false) && self.index.has_sounds(fields),
            other => other == Expander::Phonetic,
        };
        let found = self.index.expansions(word, self.language, by_sound).unwrap_or_default();
        // Groups of synonyms come first.
        let is_group = |expansion: &&plan::Expansion| matches!(expansion, plan::Expansion::Synonym(_));
        let (groups, others): (Vec<_>, Vec<_>) = found.iter().partition(is_group);
        let all = groups.into_iter().chain(others);
        let is_asked = |expansion: &&plan::Expansion| is_wanted(self.expander, expansion);
        all.filter(is_asked).map(|expansion| Expansion(expansion.text().to_owned())).collect()
    }
}
