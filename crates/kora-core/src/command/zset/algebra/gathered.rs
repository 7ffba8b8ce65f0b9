//! Members copied out of their keyspace, with scores.

use hashbrown::HashTable;

use crate::hash::{KeyHasher, hash_key};

/// Members behind each other in one buffer.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    bytes: Vec<u8>,
    entries: Vec<GatheredEntry>,
}

#[derive(Clone, Copy, Debug)]
struct GatheredEntry {
    start: usize,
    end: usize,
    score: f64,
}

impl Gathered {
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn push(&mut self, member: &[u8], score: f64) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(member);
        self.entries.push(GatheredEntry { start, end: self.bytes.len(), score });
    }

    fn member(&self, at: usize) -> &[u8] {
        &self.bytes[self.entries[at].start..self.entries[at].end]
    }

    /// Keeps the members that `decide` has a score for, with that score.
    pub(super) fn keep(&mut self, mut decide: impl FnMut(&[u8], f64) -> Option<f64>) {
        let bytes = &self.bytes;
        self.entries.retain_mut(|entry| {
            let decided = decide(&bytes[entry.start..entry.end], entry.score);
            entry.score = decided.unwrap_or(entry.score);
            decided.is_some()
        });
    }

    /// Puts the members in the order of a sorted set.
    pub(super) fn sort(&mut self) {
        let bytes = &self.bytes;
        self.entries.sort_unstable_by(|a, b| {
            let by_score = a.score.partial_cmp(&b.score).expect("scores are never NaN");
            by_score.then_with(|| bytes[a.start..a.end].cmp(&bytes[b.start..b.end]))
        });
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&[u8], f64)> {
        self.entries.iter().map(|entry| (&self.bytes[entry.start..entry.end], entry.score))
    }
}

/// Finds gathered members by their bytes.
#[derive(Debug)]
pub(super) struct Places {
    table: HashTable<usize>,
    hasher: KeyHasher,
}

impl Places {
    pub(super) fn new(hasher: KeyHasher) -> Self {
        Self { table: HashTable::new(), hasher }
    }

    /// The score of `member` if it was gathered before; else it is now, with `score`.
    pub(super) fn find_or_add<'g>(
        &mut self,
        gathered: &'g mut Gathered,
        member: &[u8],
        score: f64,
    ) -> Option<&'g mut f64> {
        let hash = hash_key(&self.hasher, member);
        if let Some(at) = self.table.find(hash, |at| gathered.member(*at) == member) {
            return Some(&mut gathered.entries[*at].score);
        }
        gathered.push(member, score);
        let hash_of = |at: &usize| hash_key(&self.hasher, gathered.member(*at));
        self.table.insert_unique(hash, gathered.len() - 1, hash_of);
        None
    }
}
