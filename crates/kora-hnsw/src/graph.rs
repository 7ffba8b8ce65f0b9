//! The graph: what it holds, and what is asked of it without a search.

#[cfg(test)]
pub(crate) mod tests;

use crate::beam::{Beam, Walk};
use crate::config::{Config, Error, LEVEL_MAX};
use crate::links::{Links, NONE};
use crate::losses::Losses;
use crate::vectors::{Encoded, Probe, Query, Vectors};
use crate::{order, random};

/// Candidates in layers above the one that is wanted. With one alone, walks over vectors in clusters end in a wrong one at times: with four, recall with 64
/// candidates after half of 100,000 was replaced three times is 0.999 instead of 0.989.
const DESCENT_EF: usize = 4;

/// An index of vectors under numbers that it gives them.
///
/// Invariants: the lowest layer is connected, so that whatever a filter lets through is found; links are mutual; the node to begin with is
/// in the layer `top`.
#[derive(Clone, Debug)]
pub struct Graph {
    pub(crate) config: Config,
    pub(crate) vectors: Vectors,
    pub(crate) links: Links,
    pub(crate) entry: u32,
    pub(crate) top: usize,
    pub(crate) len: usize,
    pub(crate) inserted: u64,
    /// The node that is looked after next.
    pub(crate) tended: u32,
    pub(crate) losses: Losses,
}

/// Memory that searches, insertions and removals use again. One for each thread is enough.
#[derive(Clone, Debug, Default)]
pub struct Scratch {
    pub(crate) beam: Beam,
    pub(crate) keys: Vec<u64>,
    pub(crate) distances: Vec<f32>,
    pub(crate) row: Vec<f32>,
    pub(crate) chosen: Vec<u32>,
    pub(crate) spare: Vec<u32>,
}

impl Scratch {
    /// Bytes on the heap. Complexity: O(1).
    pub fn memory(&self) -> usize {
        let floats = self.distances.capacity() + self.row.capacity();
        let ids = self.chosen.capacity() + self.spare.capacity();
        self.beam.memory() + self.keys.capacity() * 8 + (floats + ids) * 4
    }
}

impl Graph {
    /// An index without vectors.
    ///
    /// # Errors
    /// Numbers of the configuration that are out of range.
    pub fn new(config: Config) -> Result<Self, Error> {
        config.check()?;
        Ok(Self {
            vectors: Vectors::new(&config),
            links: Links::new(config.m),
            config,
            entry: NONE,
            top: 0,
            len: 0,
            inserted: 0,
            tended: 0,
            losses: Losses::new(),
        })
    }

    /// What it is at this moment, for searches that go on while it changes. It shares memory with it: see [`Graph::insert`] for what that costs.
    /// An insertion that was made ready with it can be committed to the graph itself. Complexity: O(vectors / 100), about.
    #[must_use]
    pub fn view(&self) -> Self {
        Self { losses: self.losses.view(), ..self.clone() }
    }

    /// What it is declared to be.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Number of vectors. Complexity: O(1).
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether it has no vectors.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// All numbers of vectors are below this; others below it are free. Complexity: O(1).
    pub fn bound(&self) -> u32 {
        self.links.bound()
    }

    /// Whether a vector is under this number. Complexity: O(1).
    pub fn contains(&self, id: u32) -> bool {
        self.links.is_live(id)
    }

    /// Numbers of all vectors, ascending. Complexity: O(1) each, about.
    pub fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.links.bound()).filter(|id| self.links.is_live(*id))
    }

    /// The highest layer; 0 without vectors.
    pub fn top(&self) -> usize {
        self.top
    }

    /// Where searches begin.
    pub fn entry(&self) -> Option<u32> {
        (self.entry != NONE).then_some(self.entry)
    }

    /// The highest layer of a vector. Complexity: O(layers).
    pub fn level(&self, id: u32) -> Option<usize> {
        self.contains(id).then(|| self.links.level(id))
    }

    /// Numbers that a vector is linked with in a layer. Complexity: O(M).
    pub fn links(&self, id: u32, level: usize) -> &[u32] {
        if self.contains(id) { self.links.of(level, id) } else { &[] }
    }

    /// A vector as it lies in memory, for snapshots.
    pub fn encoded(&self, id: u32) -> Option<Encoded<'_>> {
        self.contains(id).then(|| self.vectors.encoded(id))
    }

    /// The length of a vector as it was given, if the metric is the cosine; otherwise 1.
    pub fn norm(&self, id: u32) -> Option<f32> {
        self.contains(id).then(|| self.vectors.norm(id))
    }

    /// The vector that `Config::keeps_original` keeps beside; with length 1 if the metric is the cosine.
    pub fn original(&self, id: u32) -> Option<&[f32]> {
        if self.contains(id) { self.vectors.original(id) } else { None }
    }

    /// A vector as it was given, as exactly as it is kept. Complexity: O(dimensions).
    pub fn vector(&self, id: u32) -> Option<Vec<f32>> {
        let mut vector = self.unit_vector(id)?;
        let norm = self.vectors.norm(id);
        vector.iter_mut().for_each(|one| *one *= norm);
        Some(vector)
    }

    /// A vector as it is compared: with length 1 if the metric is the cosine. Complexity: O(dimensions).
    pub fn unit_vector(&self, id: u32) -> Option<Vec<f32>> {
        let mut out = Vec::new();
        self.contains(id).then(|| self.vectors.decode(id, &mut out))?;
        Some(out)
    }

    /// Makes a vector ready to be searched for. Complexity: O(dimensions).
    ///
    /// # Errors
    /// If it has another number of elements.
    pub fn query(&self, vector: &[f32]) -> Result<Query, Error> {
        self.vectors.query(vector)
    }

    /// The distance of two stored vectors, as the graph compares them. Complexity: O(dimensions).
    pub fn distance(&self, a: u32, b: u32) -> Option<f32> {
        let mut buffer = Vec::new();
        (self.contains(a) && self.contains(b))
            .then(|| self.vectors.distance(&self.vectors.probe(a, &mut buffer), b))
    }

    /// The distance of a stored vector from another one, as exactly as possible. Complexity: O(dimensions).
    pub fn distance_from(&self, query: &Query, id: u32) -> Option<f32> {
        self.contains(id).then(|| self.vectors.exact(query, id))
    }

    /// Writes the distances of several vectors from another one, as exactly as possible. All of them are to be there. Complexity: O(numbers * dimensions).
    pub fn distances_from(&self, query: &Query, ids: &[u32], out: &mut Vec<f32>) {
        if self.vectors.refines() {
            out.clear();
            out.extend(ids.iter().map(|id| self.vectors.exact(query, *id)));
        } else {
            self.vectors.distances(&self.vectors.probe_of(query), ids, out);
        }
    }

    /// Bytes on the heap, exactly. Complexity: O(1).
    pub fn memory(&self) -> usize {
        self.vectors.memory() + self.links.memory() + self.losses.memory()
    }

    /// Takes all vectors out and frees part of the memory: `chunks` times a chunk of each arena (64 KB). Returns whether something is left, so
    /// that a big index is freed without a pause; it has no vectors from the first call on, and can be used again after the last.
    pub fn clear_some(&mut self, chunks: usize) -> bool {
        (self.entry, self.top, self.len, self.tended) = (NONE, 0, 0, 0);
        self.losses.add_all();
        for _ in 0..chunks {
            let links = self.links.drop_chunk();
            let vectors = self.vectors.drop_chunk();
            if !links && !vectors {
                self.clear();
                return false;
            }
        }
        true
    }

    /// Takes all vectors out and frees their memory. Complexity: O(chunks).
    pub fn clear(&mut self) {
        self.vectors = Vectors::new(&self.config);
        self.links = Links::new(self.config.m);
        (self.entry, self.top, self.len, self.tended) = (NONE, 0, 0, 0);
        self.losses.add_all();
    }

    /// The highest layer of a new node: each layer has an M-th of the nodes of the one below.
    pub(crate) fn draw_level(&self, query: &Query) -> usize {
        let mut state = self.config.seed ^ random::mix(self.inserted) ^ query.fingerprint();
        let mut level = 0;
        let share = u64::MAX / self.config.m as u64;
        while level < LEVEL_MAX && random::next(&mut state) < share {
            level += 1;
        }
        level
    }

    pub(crate) fn note_insertion(&mut self) {
        self.inserted += 1;
    }

    /// From the entry down to a layer, by the nearest nodes.
    pub(crate) fn descend(&self, probe: &Probe<'_>, level: usize, scratch: &mut Scratch) -> Option<u32> {
        let mut nearest = self.entry()?;
        for above in (level + 1..=self.top).rev() {
            let (walk, mut budget) = (Walk::new(above, DESCENT_EF), usize::MAX);
            scratch.beam.begin(self);
            scratch.beam.seed(self, &walk, probe, nearest, &mut |_| true);
            scratch.beam.run(self, &walk, probe, &mut budget, &mut |_| true);
            nearest = scratch.beam.best.iter().min().map_or(nearest, |key| order::id(*key));
        }
        Some(nearest)
    }
}
