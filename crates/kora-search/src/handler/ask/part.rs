//! What a query sees of one store: its part of the index, and documents as they were when the query began.

use std::collections::HashMap;
use std::sync::Arc;

use kora_core::entry::Entry;
use kora_core::store::ShardStore;
use kora_index::Snapshot;
use kora_index::plan::Distance;
use kora_index::score::Explanation;
use kora_index::search::{Flow, Match, Search, SearchScoring};
use kora_index::statistics::Statistics;

use super::super::question::Question;
use crate::companion::{DB, IndexPart};

/// Steps of a search for one document.
const STEPS: usize = 1 << 13;

/// See the module.
pub(in crate::handler) struct PartSearch<'a> {
    pub(in crate::handler) part: &'a IndexPart,
    pub(super) store: &'a ShardStore,
    pub(super) snapshot: &'a Snapshot,
    pub(super) statistics: &'a Arc<Statistics>,
    pub(super) question: &'a Question,
    pub(super) distances: &'a [Distance],
    /// Documents that have changed since.
    pub(super) kept: Option<&'a HashMap<Box<[u8]>, Entry>>,
}

impl<'a> PartSearch<'a> {
    /// What is asked.
    pub(in crate::handler) fn question(&self) -> &'a Question {
        self.question
    }

    /// The distances of a document that was found, with their places among those of the plan.
    pub(in crate::handler) fn distances(
        &self,
        document: u32,
    ) -> impl Iterator<Item = (usize, f64)> + use<'_> {
        let (plan, index) = (&self.question.plan, &self.part.index);
        let all = self.distances.iter().enumerate();
        all.filter_map(move |(place, of)| Some((place, plan.distance(index, document, of)?)))
    }

    /// The key of a document that was found.
    pub(in crate::handler) fn key(&self, document: u32) -> &'a [u8] {
        self.part.index.key(self.snapshot, document)
    }

    /// What a document that was found held when the query began.
    pub(in crate::handler) fn entry(&self, document: u32) -> Option<&'a Entry> {
        self.entry_of(self.key(document))
    }

    /// The same by its key.
    pub(in crate::handler) fn entry_of(&self, key: &[u8]) -> Option<&'a Entry> {
        match self.kept.filter(|kept| !kept.is_empty()).and_then(|kept| kept.get(key)) {
            Some(entry) => Some(entry),
            None => self.store.peek(DB, key),
        }
    }

    /// How the score of a document that was found came about.
    pub(in crate::handler) fn explain(&self, document: u32) -> Option<Explanation> {
        self.look_at(document, |found: &Match<'_>| found.explain())
    }

    /// The words of the query that a document that was found has, with their rarities; values of tags are not among them.
    pub(in crate::handler) fn terms(&self, document: u32) -> Vec<(String, f64)> {
        let words = |found: &Match<'_>| {
            let words = found.terms().into_iter().filter(|term| !term.is_value);
            words.map(|term| (term.text.to_owned(), term.rarity)).collect()
        };
        self.look_at(document, words).unwrap_or_default()
    }

    /// Finds a document again, since only few of what a search matches is kept.
    fn look_at<T>(&self, document: u32, look: impl Fn(&Match<'_>) -> T) -> Option<T> {
        let (plan, statistics) = (Arc::clone(&self.question.plan), Arc::clone(self.statistics));
        let search = Search::new(&self.part.index, plan, statistics, self.snapshot.clone());
        let mut search = search.among(vec![document]);
        let mut seen = None;
        let scoring = scoring(self.question);
        let mut visit = |found: &Match<'_>| {
            seen = Some(look(found));
            Flow::Continue
        };
        while !search.step(&self.part.index, STEPS, &scoring, &mut visit) {}
        seen
    }
}

/// How matches are scored.
pub(super) fn scoring(question: &Question) -> SearchScoring<'_> {
    SearchScoring { scorer: question.scorer, payload: question.payload.as_deref(), is_unasked: false }
}
