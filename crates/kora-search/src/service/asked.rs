//! Queries that were read before: who asks the same again has it ready, as clients do whose queries differ in little.
//!
//! What a text means depends on the declaration of its index, on the dialect and on a few settings. A declaration does not change, and has its own memory;
//! the rest is compared. A query that options, parameters or filters have a part in is not remembered.
//!
//! The memory has a fixed number of places, one for each hash, and a query takes a place when it is asked for twice in succession there: those that are
//! asked for once cost it nothing.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use kora_index::plan::Plan;
use kora_locks::{RankedMutex, rank};

use crate::query::{Dialect, Query};

/// Places of an index.
const PLACES: usize = 256;
/// Bytes of a text that is remembered at most.
const TEXT_BYTES_MAX: usize = 256;

/// What a query is read from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Asked<'a> {
    pub(crate) text: &'a [u8],
    pub(crate) dialect: Dialect,
    pub(crate) prefix_bytes_min: u64,
    pub(crate) expansions_max: u64,
}

/// What it has come to.
#[derive(Clone, Debug)]
pub(crate) struct Ready {
    pub(crate) query: Arc<Query>,
    pub(crate) plan: Arc<Plan>,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct AskedBefore {
    hasher: RandomState,
    /// None before the first query.
    places: RankedMutex<{ rank::ASKED_BEFORE }, Vec<Place>>,
}

#[derive(Clone, Debug, Default)]
struct Place {
    /// The hash of the last query that was not found here.
    last: u64,
    kept: Option<Box<Kept>>,
}

#[derive(Clone, Debug)]
struct Kept {
    text: Box<[u8]>,
    dialect: Dialect,
    prefix_bytes_min: u64,
    expansions_max: u64,
    ready: Ready,
}

impl Kept {
    fn asked(&self) -> Asked<'_> {
        let Self { text, dialect, prefix_bytes_min, expansions_max, .. } = self;
        Asked {
            text,
            dialect: *dialect,
            prefix_bytes_min: *prefix_bytes_min,
            expansions_max: *expansions_max,
        }
    }
}

impl AskedBefore {
    /// What a query has come to, if it is remembered. Complexity: O(bytes of the text).
    pub(crate) fn find(&self, asked: &Asked<'_>) -> Option<Ready> {
        let place = place_of(self.hasher.hash_one(asked));
        let places = self.places.lock();
        let kept = places.get(place)?.kept.as_ref()?;
        (kept.asked() == *asked).then(|| kept.ready.clone())
    }

    /// Has it remembered, if it was the last one at its place that was not. Complexity: O(bytes of the text).
    pub(crate) fn note(&self, asked: &Asked<'_>, ready: &Ready) {
        if asked.text.len() > TEXT_BYTES_MAX {
            return;
        }
        let hash = self.hasher.hash_one(asked);
        let mut places = self.places.lock();
        if places.is_empty() {
            *places = vec![Place::default(); PLACES];
        }
        let place = &mut places[place_of(hash)];
        if std::mem::replace(&mut place.last, hash) == hash {
            let Asked { text, dialect, prefix_bytes_min, expansions_max } = *asked;
            let (text, ready) = (text.into(), ready.clone());
            place.kept = Some(Box::new(Kept { text, dialect, prefix_bytes_min, expansions_max, ready }));
        }
    }
}

fn place_of(hash: u64) -> usize {
    usize::try_from(hash % PLACES as u64).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use kora_index::Index;
    use kora_index::plan::Options as PlanOptions;
    use kora_index::schema::Schema;

    use super::*;
    use crate::query::Options;
    use crate::stop_words::StopWords;

    fn ready(text: &[u8]) -> Ready {
        let options = Options {
            dialect: Dialect::DEFAULT,
            stop_words: StopWords::None,
            parameters: &[],
            is_verbatim: false,
        };
        let query = Query::parse(text, options).unwrap();
        let index = Index::new(&Schema::default(), 1).unwrap();
        let plan = Plan::new(&index, &query.node(), &PlanOptions::default()).unwrap();
        Ready { query: Arc::new(query), plan: Arc::new(plan) }
    }

    #[test]
    fn what_is_asked_for_twice_is_remembered() {
        let before = AskedBefore::default();
        let asked = |text, expansions_max| Asked {
            text,
            dialect: Dialect::DEFAULT,
            prefix_bytes_min: 2,
            expansions_max,
        };
        let one = ready(b"one");
        assert!(before.find(&asked(b"one", 200)).is_none());
        before.note(&asked(b"one", 200), &one);
        assert!(before.find(&asked(b"one", 200)).is_none());
        before.note(&asked(b"one", 200), &one);
        assert!(Arc::ptr_eq(&before.find(&asked(b"one", 200)).unwrap().plan, &one.plan));
        assert!(before.find(&asked(b"one", 100)).is_none());
        let long = vec![b'x'; TEXT_BYTES_MAX + 1];
        before.note(&asked(&long, 200), &one);
        before.note(&asked(&long, 200), &one);
        assert!(before.find(&asked(&long, 200)).is_none());
    }

    #[test]
    fn however_many_are_asked_for_places_stay_as_many() {
        let before = AskedBefore::default();
        let one = ready(b"one");
        for number in 0..2000_u32 {
            let text = number.to_string();
            let asked = Asked {
                text: text.as_bytes(),
                dialect: Dialect::DEFAULT,
                prefix_bytes_min: 2,
                expansions_max: 200,
            };
            before.note(&asked, &one);
            before.note(&asked, &one);
            assert!(before.find(&asked).is_some());
        }
        assert_eq!(before.places.lock().len(), PLACES);
    }
}
