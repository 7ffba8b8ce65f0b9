//! FT.SPELLCHECK.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::context::errand::{Answer, Effort, Errand, Next, Share, ShareOf};
use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_core::store::ShardStore;
use kora_index::plan::{Options as PlanOptions, Plan};
use kora_index::query::{Node, NodeKind};
use kora_index::search::{Flow, Search, SearchScoring};
use kora_index::statistics::Gathering;
use kora_index::{Index, WordsNear};
use kora_locks::{RankedMutex, rank};

use super::ask::{DROPPED, each_index};
use super::build::{self, Readiness};
use super::question::{default_dialect, parse};
use super::search::count;
use super::{SEARCHES, UNKNOWN_INDEX, index_of, of_arguments, refusal, service};
use crate::command::options::QueryOptions;
use crate::command::words::SpellCheck;
use crate::companion;
use crate::service::Service;
use crate::words::{Candidate, Dictionary, Spelled, SpelledWord, Vocabulary, check, near};

/// Said of a word that documents have.
const EXISTS: &str = "term exists in index";
/// Words that are looked at between two looks at what is left of a slice.
const STEPS: usize = 1024;
/// What a look at the fields of a word counts, in steps.
const STEPS_PER_LOOK: usize = 64;

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
    let options = QueryOptions { no_stop_words: true, ..QueryOptions::default() };
    let words = parse(&declaration, dialect, &asked.query, &options)?.words();
    if build::finish(ctx, &service, &declaration, out)? == Readiness::Later {
        return Ok(());
    }
    let (included, excluded) =
        (dictionaries(&service, &asked.included)?, dictionaries(&service, &asked.excluded)?);
    let mut documents = 0;
    each_index(ctx, declaration.number, |part, _| documents += part.index.document_count() as u64);
    let mut shards = Vec::new();
    ctx.each_store(|store, _| shards.push(store.id()));
    let (number, whole) = (declaration.number, service.pace().whole(service.clock()));
    let found = RankedMutex::new(Some(Vec::new()));
    let spelling = Arc::new(Spelling { service, number, asked, words, included, excluded, documents, found });
    let share = |shard| -> ShareOf { (shard, Box::new(PartSpelling::new(Arc::clone(&spelling)))) };
    let shares = shards.into_iter().map(share).collect();
    let errand: Arc<dyn Errand> = spelling.clone();
    ctx.run_errand(&errand, shares, whole, out).map(|_| ())
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

/// A check that has begun. It goes through the words of all parts in slices, and finds them as they are then.
#[derive(Debug)]
struct Spelling {
    service: Arc<Service>,
    /// Of the index.
    number: u64,
    asked: SpellCheck,
    words: Vec<SpelledWord>,
    included: Vec<Dictionary>,
    excluded: Vec<Dictionary>,
    documents: u64,
    /// What each part has found. None: the index was deleted.
    found: RankedMutex<{ rank::QUERY }, Option<Vec<Vec<NearWords>>>>,
}

/// Words near to another one.
type NearWords = BTreeMap<String, Near>;

/// What one part, or all, know of a word near to another one.
#[derive(Debug)]
struct Near {
    distance: usize,
    document_count: u64,
    /// Whether a document has it in one of the fields that are asked for.
    is_in_fields: bool,
}

impl Errand for Spelling {
    fn slice(&self) -> Effort {
        self.service.pace().slice(self.service.clock())
    }

    fn next(self: Arc<Self>, _: bool) -> Next {
        Next { answer: Some(Answer::Reply), shares: Vec::new() }
    }

    fn reply(&self, out: &mut dyn Reply) -> CommandResult {
        let found = self.found.lock().take().ok_or(DROPPED)?;
        let known = Known::new(self, found);
        let (included, excluded): (Vec<_>, Vec<_>) =
            (self.included.iter().collect(), self.excluded.iter().collect());
        let SpellCheck { distance, full_score_info, .. } = self.asked;
        let spelled = check(&self.words, distance, &known, &included, &excluded, full_score_info);
        write(&spelled, full_score_info.then_some(known.documents), out);
        Ok(())
    }
}

/// One part's share: for each word that is checked the words near to it.
#[derive(Debug)]
struct PartSpelling {
    spelling: Arc<Spelling>,
    done: Vec<NearWords>,
    walk: Option<WordsNear>,
    near: NearWords,
    /// Words whose fields are to be looked at yet.
    unseen: Vec<String>,
}

impl PartSpelling {
    fn new(spelling: Arc<Spelling>) -> Self {
        Self { spelling, done: Vec::new(), walk: None, near: BTreeMap::new(), unseen: Vec::new() }
    }

    /// Goes on; returns whether the share is done.
    fn go_on(&mut self, index: &mut Index, effort: &mut Effort) -> bool {
        let spelling = Arc::clone(&self.spelling);
        let distance = spelling.asked.distance;
        while let Some(SpelledWord { word, fields }) = spelling.words.get(self.done.len()) {
            let folded = word.to_ascii_lowercase();
            let walk = self.walk.get_or_insert_with(|| WordsNear::new(&folded, distance));
            let steps = STEPS.min(effort.left());
            let is_through = walk.step(index, steps, |other, document_count| {
                if let Some(distance) = near(other, &folded, usize::from(distance)) {
                    let near = Near { distance, document_count, is_in_fields: fields.is_none() };
                    self.near.insert(other.to_owned(), near);
                    self.unseen.extend(fields.is_some().then(|| other.to_owned()));
                }
            });
            effort.spend(steps);
            while let (Some(fields), false) = (fields, effort.is_spent()) {
                let Some(other) = self.unseen.pop() else { break };
                let is_there = is_in(index, &other, fields);
                effort.spend(STEPS_PER_LOOK);
                if let Some(near) = self.near.get_mut(&other) {
                    near.is_in_fields = is_there;
                }
            }
            if is_through && self.unseen.is_empty() {
                self.done.push(std::mem::take(&mut self.near));
                self.walk = None;
            }
            if effort.is_spent() {
                break;
            }
        }
        self.done.len() == spelling.words.len()
    }
}

impl Share for PartSpelling {
    fn step(&mut self, store: &mut ShardStore, effort: &mut Effort) -> bool {
        let number = self.spelling.number;
        let stepped = companion::with_part(store, |part, _| {
            let part = part.find(number)?;
            Some(self.go_on(&mut part.index, effort))
        });
        let mut found = self.spelling.found.lock();
        match stepped.flatten() {
            Some(false) => return false,
            Some(true) => {
                if let Some(found) = &mut *found {
                    found.push(std::mem::take(&mut self.done));
                }
            }
            None => *found = None,
        }
        true
    }
}

/// Whether a document of a part has a word in one of these fields.
fn is_in(index: &mut Index, word: &str, fields: &[String]) -> bool {
    let word = Node::new(NodeKind::Word { text: word.to_owned(), is_expandable: false });
    let node = Node::new(NodeKind::Within(fields.to_vec(), Box::new(word)));
    let Ok(plan) = Plan::new(index, &node, &PlanOptions::default()) else { return false };
    let statistics = Arc::new(Gathering::all(index, &plan));
    let snapshot = index.snapshot();
    let mut search = Search::new(index, Arc::new(plan), statistics, snapshot);
    let mut is_there = false;
    while !is_there
        && !search.step(index, STEPS, &SearchScoring::NONE, |_| {
            is_there = true;
            Flow::Stop
        })
    {}
    is_there
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
    fn new(spelling: &Spelling, parts: Vec<Vec<NearWords>>) -> Self {
        let mut known = Self { documents: spelling.documents, there: BTreeSet::new(), near: BTreeMap::new() };
        let mut all: Vec<NearWords> = spelling.words.iter().map(|_| BTreeMap::new()).collect();
        for part in parts {
            for (all, near) in all.iter_mut().zip(part) {
                merge(all, near);
            }
        }
        for (SpelledWord { word, fields }, all) in spelling.words.iter().zip(all) {
            let folded = word.to_ascii_lowercase();
            known.there.extend(all.contains_key(&folded).then(|| word.clone()));
            let wanted = all.into_iter().filter(|(_, near)| near.is_in_fields);
            let candidates = wanted.map(|(word, near)| Candidate {
                word,
                document_count: near.document_count,
                distance: near.distance,
            });
            known.near.insert((word.clone(), fields.clone()), candidates.collect());
        }
        known
    }
}

/// Adds what another part knows.
fn merge(all: &mut NearWords, part: NearWords) {
    for (word, Near { distance, document_count, is_in_fields }) in part {
        let known = all.entry(word).or_insert(Near { distance, document_count: 0, is_in_fields: false });
        known.document_count += document_count;
        known.is_in_fields |= is_in_fields;
    }
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
