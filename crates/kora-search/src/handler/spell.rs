//! FT.SPELLCHECK.

use std::collections::{BTreeMap, BTreeSet};

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_index::query::{Node, NodeKind};
use kora_index::search::{Flow, Search, SearchScoring};

use super::ask::{each_index, gather};
use super::build::{self, Readiness};
use super::question::{Deadline, Question, default_dialect, parse};
use super::search::count;
use super::{SEARCHES, UNKNOWN_INDEX, index_of, of_arguments, refusal, service};
use crate::command::options::QueryOptions;
use crate::command::words::SpellCheck;
use crate::service::{Declaration, Service, Settings};
use crate::words::{Candidate, Dictionary, Spelled, SpelledWord, Vocabulary, check, within};

/// Said of a word that documents have.
const EXISTS: &str = "term exists in index";
/// Steps of a search at once.
const STEPS: usize = 1 << 13;

pub(super) const SPELLCHECK: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.spellcheck",
        since: "1.4.0",
        summary: "Suggests words for those of a query that no document has",
        complexity: "O(N) with N words of the index",
        args: &[Arg::string("index"), Arg::string("query"), Arg::string("option").optional().multiple()],
        ..SEARCHES
    },
    handler: spell_check,
};

fn spell_check(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let service = service(ctx)?;
    let asked = SpellCheck::parse(&args[1..]).map_err(of_arguments)?;
    let declaration = index_of(ctx, &service, &asked.index, || UNKNOWN_INDEX)?;
    let settings = service.state().settings.clone();
    let dialect = asked.dialect.unwrap_or_else(|| default_dialect(&settings));
    let words = parse(&declaration, dialect, &asked.query, &QueryOptions::default())?.words();
    if build::finish(ctx, &service, &declaration, out)? == Readiness::Later {
        return Ok(());
    }
    let known = Known::gather(ctx, &declaration, &settings, &words, asked.distance)?;
    let included = dictionaries(&service, &asked.included)?;
    let excluded = dictionaries(&service, &asked.excluded)?;
    let (included, excluded): (Vec<_>, Vec<_>) = (included.iter().collect(), excluded.iter().collect());
    let spelled = check(&words, asked.distance, &known, &included, &excluded, asked.full_score_info);
    write(&spelled, asked.full_score_info.then_some(known.documents), out);
    Ok(())
}

fn dictionaries(service: &Service, names: &[Vec<u8>]) -> CommandResult<Vec<Dictionary>> {
    let state = service.state();
    let find = |name: &Vec<u8>| {
        let dictionary = state.dictionaries.get(&**name).cloned();
        let name = kora_core::text::of(name);
        dictionary.ok_or_else(|| refusal(format_args!("Dict does not exist: {name}")))
    };
    names.iter().map(find).collect()
}

/// What all parts of an index know of the words that are checked.
struct Known {
    documents: u64,
    /// Words that documents have.
    there: BTreeSet<String>,
    /// For each word and its fields, what is near to it.
    near: BTreeMap<Asked, Vec<Candidate>>,
}

type Asked = (String, Option<Vec<String>>);

impl Known {
    fn gather(
        ctx: &mut Ctx<'_>,
        declaration: &std::sync::Arc<Declaration>,
        settings: &Settings,
        words: &[SpelledWord],
        distance: u8,
    ) -> CommandResult<Self> {
        let mut known = Self { documents: 0, there: BTreeSet::new(), near: BTreeMap::new() };
        each_index(ctx, declaration.number, |part, _| known.documents += part.index.document_count() as u64);
        for SpelledWord { word, fields } in words {
            let mut all: BTreeMap<String, (usize, u64)> = BTreeMap::new();
            each_index(ctx, declaration.number, |part, _| {
                part.index.words_near(word, distance, |other, count| {
                    // Stems and groups of synonyms have marks.
                    if !other.starts_with(['+', '~'])
                        && let Some(found) = within(other, word, usize::from(distance))
                    {
                        all.entry(other.to_owned()).or_insert((found, 0)).1 += count;
                    }
                });
            });
            let is_there = all.contains_key(word);
            let mut near = Vec::new();
            for (other, (found, count)) in all {
                let is_in_fields = match fields {
                    Some(fields) => count_in(ctx, declaration, settings, &other, fields)? > 0,
                    None => true,
                };
                if is_in_fields {
                    near.push(Candidate { word: other, document_count: count, distance: found });
                }
            }
            known.there.extend(is_there.then(|| word.clone()));
            known.near.insert((word.clone(), fields.clone()), near);
        }
        Ok(known)
    }
}

/// How many documents have a word in these fields.
fn count_in(
    ctx: &mut Ctx<'_>,
    declaration: &std::sync::Arc<Declaration>,
    settings: &Settings,
    word: &str,
    fields: &[String],
) -> CommandResult<u64> {
    let word = Node::new(NodeKind::Word { text: word.to_owned(), is_expandable: false });
    let node = Node::new(NodeKind::Within(fields.to_vec(), Box::new(word)));
    let question =
        Question::of_node(ctx, std::sync::Arc::clone(declaration), settings, &node, Deadline::NONE)?;
    let statistics = gather(ctx, declaration.number, &question.plan);
    let mut count = 0;
    each_index(ctx, declaration.number, |part, _| {
        let snapshot = part.index.snapshot();
        let (plan, statistics) = (std::sync::Arc::clone(&question.plan), std::sync::Arc::clone(&statistics));
        let mut search = Search::new(&part.index, plan, statistics, snapshot);
        while !search.step(&part.index, STEPS, &SearchScoring::NONE, |_| Flow::Above(f64::INFINITY)) {}
        count += search.matched();
    });
    Ok(count)
}

impl Vocabulary for Known {
    fn contains(&self, word: &str) -> bool {
        self.there.contains(word)
    }

    fn near(&self, word: &str, _: u8, fields: Option<&[String]>) -> Vec<Candidate> {
        self.near.get(&(word.to_owned(), fields.map(<[_]>::to_vec))).cloned().unwrap_or_default()
    }

    fn document_count(&self) -> u64 {
        self.documents
    }
}

fn write(spelled: &[Spelled], documents: Option<u64>, out: &mut dyn Reply) {
    if out.is_resp3() {
        out.map(1 + usize::from(documents.is_some()));
        if let Some(documents) = documents {
            out.simple("total_docs");
            out.integer(count(documents));
        }
        out.simple("results");
        out.map(spelled.len());
        for word in spelled {
            out.bulk(word.word.as_bytes());
            let Some(suggestions) = &word.suggestions else {
                out.error(EXISTS);
                continue;
            };
            out.array(suggestions.len());
            for (suggestion, score) in suggestions {
                out.map(1);
                out.bulk(suggestion.as_bytes());
                out.double(*score);
            }
        }
        return;
    }
    out.array(spelled.len() + usize::from(documents.is_some()));
    if let Some(documents) = documents {
        out.integer(count(documents));
    }
    for word in spelled {
        out.array(3);
        out.simple("TERM");
        out.bulk(word.word.as_bytes());
        let Some(suggestions) = &word.suggestions else {
            out.simple(EXISTS);
            continue;
        };
        out.array(suggestions.len());
        for (suggestion, score) in suggestions {
            out.array(2);
            out.double(*score);
            out.bulk(suggestion.as_bytes());
        }
    }
}
