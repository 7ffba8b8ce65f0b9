//! Insertion, in two steps: a search for neighbours, in slices if wanted, that changes nothing, and a short step that links the node.

#[cfg(test)]
mod tests;

use crate::beam::Walk;
use crate::choose::{candidates_max, choose};
use crate::config::Error;
use crate::graph::{Graph, Scratch};
use crate::losses::Moment;
use crate::order;
use crate::vectors::Query;

/// A vector on its way into a graph. It may be made ready beside other readers, or on another thread with a shared reference; the graph
/// may change meanwhile.
#[derive(Debug)]
pub struct Insertion {
    query: Query,
    level: usize,
    /// Candidates that the search keeps.
    ef: usize,
    /// Nodes near the vector, by layer, from the lowest up; nearest first.
    found: Vec<Vec<u64>>,
    /// The layer whose walk goes on, if one has begun.
    walking: Option<usize>,
    is_ready: bool,
    scratch: Scratch,
    seen: Moment,
}

impl Insertion {
    /// Begins. Complexity: O(dimensions).
    ///
    /// # Errors
    /// If the vector has another number of elements.
    pub fn new(graph: &Graph, vector: &[f32], scratch: Scratch) -> Result<Self, Error> {
        let query = graph.query(vector)?;
        let level = graph.draw_level(&query);
        let seen = graph.losses.now();
        let ef = graph.config.ef_construction;
        Ok(Self { query, level, ef, found: Vec::new(), walking: None, is_ready: false, scratch, seen })
    }

    /// Keeps so many candidates in its search, instead of as many as the configuration says; at least one.
    #[must_use]
    pub fn with_ef(mut self, ef: usize) -> Self {
        self.ef = ef.max(1);
        self
    }

    /// Searches on for about `budget` distances. Returns whether all is found, so that [`Graph::commit`] is short.
    pub fn advance(&mut self, graph: &Graph, budget: usize) -> bool {
        if !graph.vectors.fits(&self.query) {
            return true;
        }
        let mut left = budget;
        while !self.is_ready {
            if let Some(level) = self.walking {
                if !self.scratch.beam.sync(graph) {
                    self.walking = None;
                    continue;
                }
                let walk = Walk::new(level, self.ef);
                let probe = graph.vectors.probe_of(&self.query);
                if !self.scratch.beam.run(graph, &walk, &probe, &mut left, &mut |_| true) {
                    return false;
                }
                self.scratch.beam.take_best(candidates_max(&graph.config), &mut self.found[level]);
                self.next_layer(graph, level);
            } else {
                self.restart(graph);
            }
        }
        true
    }

    /// Begins at the top.
    fn restart(&mut self, graph: &Graph) {
        self.seen = graph.losses.now();
        let level = self.level.min(graph.top);
        self.found.clear();
        let probe = graph.vectors.probe_of(&self.query);
        match graph.descend(&probe, level, &mut self.scratch) {
            Some(nearest) => {
                self.found.resize(level + 1, Vec::new());
                self.walk_from(graph, level, &[order::pack(0.0, nearest)]);
            }
            None => self.is_ready = true,
        }
    }

    fn walk_from(&mut self, graph: &Graph, level: usize, seeds: &[u64]) {
        let walk = Walk::new(level, self.ef);
        let probe = graph.vectors.probe_of(&self.query);
        self.scratch.beam.begin(graph);
        for seed in seeds {
            self.scratch.beam.seed(graph, &walk, &probe, order::id(*seed), &mut |_| true);
        }
        self.walking = Some(level);
    }

    fn next_layer(&mut self, graph: &Graph, level: usize) {
        if level == 0 {
            self.walking = None;
            self.is_ready = true;
        } else if self.found[level].is_empty() {
            self.walking = None;
        } else {
            let seeds = std::mem::take(&mut self.found[level]);
            self.walk_from(graph, level - 1, &seeds);
            self.found[level] = seeds;
        }
    }

    /// Takes nodes out that were lost since they were found; false if what is left is of no use, so that [`Graph::commit`] would search again.
    pub fn is_current(&mut self, graph: &Graph) -> bool {
        if !self.is_ready || self.found.is_empty() != graph.is_empty() {
            return false;
        }
        if self.seen == graph.losses.now() {
            return true;
        }
        let Some(lost) = graph.losses.since(self.seen) else { return false };
        let lost: std::collections::HashSet<u32> = lost.collect();
        for keys in &mut self.found {
            keys.retain(|key| !lost.contains(&order::id(*key)));
        }
        self.seen = graph.losses.now();
        self.found.iter().all(|keys| !keys.is_empty())
    }
}

impl Graph {
    /// Adds a vector and returns its number: a free one, or else the next. Complexity: O(ef_construction * M) distances, about. What a view or a copy shares is copied
    /// first: a chunk of 64 KB for each of the M nodes that are linked, at most.
    ///
    /// # Errors
    /// If the vector has another number of elements, or the index is full.
    pub fn insert(&mut self, vector: &[f32], scratch: &mut Scratch) -> Result<u32, Error> {
        let insertion = Insertion::new(self, vector, std::mem::take(scratch))?;
        let (id, used) = self.commit(insertion);
        *scratch = used;
        id
    }

    /// Ends an insertion: links the vector, searching first for what was not found yet or is gone. Returns its number.
    /// Complexity: O(M^3) distances at most, usually O(M^2).
    ///
    /// # Errors
    /// If the index is full, or the insertion was begun for one that is declared otherwise.
    pub fn commit(&mut self, mut insertion: Insertion) -> (Result<u32, Error>, Scratch) {
        if let Err(error) = self.check_fits(&insertion) {
            return (Err(error), insertion.scratch);
        }
        if !self.links.has_room() {
            return (Err(Error::Full), insertion.scratch);
        }
        if !insertion.is_current(self) {
            if insertion.is_ready {
                (insertion.is_ready, insertion.walking) = (false, None);
            }
            insertion.advance(self, usize::MAX);
            insertion.is_current(self);
        }
        let Insertion { query, level, found, mut scratch, .. } = insertion;
        // Layers that were added or lost meanwhile were not searched: the node stays below them.
        let searched = found.len().saturating_sub(1);
        let level =
            if found.is_empty() || level <= searched || self.top == searched { level } else { searched };
        let id = self.links.add(level);
        self.vectors.put(id, &query);
        self.len += 1;
        self.note_insertion();
        for (layer, keys) in found.iter().enumerate().take(level + 1).rev() {
            self.attach(layer, id, keys, &mut scratch);
        }
        if self.entry == crate::links::NONE || level > self.top {
            (self.entry, self.top) = (id, level);
        }
        self.tend(&mut scratch);
        (Ok(id), scratch)
    }

    /// Puts another vector under a number that is there. Complexity: as a removal and an insertion.
    ///
    /// # Errors
    /// If the vector has another number of elements, or there is none under this number.
    pub fn update(&mut self, id: u32, vector: &[f32], scratch: &mut Scratch) -> Result<(), Error> {
        let insertion = Insertion::new(self, vector, std::mem::take(scratch))?;
        let (result, used) = self.commit_update(id, insertion);
        *scratch = used;
        result
    }

    /// Ends an insertion by putting the vector under a number that is there. Complexity: as a removal, and as [`Graph::commit`].
    ///
    /// # Errors
    /// As for [`Graph::commit`], or if there is no vector under this number.
    pub fn commit_update(&mut self, id: u32, mut insertion: Insertion) -> (Result<(), Error>, Scratch) {
        if let Err(error) = self.check_fits(&insertion) {
            return (Err(error), insertion.scratch);
        }
        if !self.contains(id) {
            return (Err(Error::Missing), insertion.scratch);
        }
        if self.len == 1 {
            self.vectors.put(id, &insertion.query);
            self.losses.add(id);
            return (Ok(()), insertion.scratch);
        }
        self.remove(id, &mut insertion.scratch);
        // The number was freed last, so that it is the next to be given out.
        let (again, scratch) = self.commit(insertion);
        debug_assert_eq!(again, Ok(id), "the number freed last is given out first");
        (again.map(|_| ()), scratch)
    }

    fn check_fits(&self, insertion: &Insertion) -> Result<(), Error> {
        if self.vectors.fits(&insertion.query) { Ok(()) } else { Err(Error::Config("the vector's form")) }
    }

    /// Links a new node with the best of its candidates, and with one of them at least.
    fn attach(&mut self, level: usize, id: u32, candidates: &[u64], scratch: &mut Scratch) {
        let wanted = self.config.m;
        let mut chosen = std::mem::take(&mut scratch.spare);
        choose(&self.vectors, candidates, wanted, &mut scratch.row, &mut chosen);
        let distance = |other: u32| {
            let key = candidates.iter().find(|key| order::id(**key) == other);
            order::distance(*key.expect("what is chosen is a candidate"))
        };
        for other in &chosen {
            self.offer(level, id, *other, distance(*other), scratch);
        }
        scratch.spare = chosen;
        let needed = (wanted / 2).max(1);
        for key in candidates {
            if self.links.degree(level, id) >= needed {
                break;
            }
            let other = order::id(*key);
            if self.links.has_place(level, other) && !self.links.linked(level, id, other) {
                self.links.link(level, id, other);
            }
        }
        if self.links.degree(level, id) == 0
            && let Some(nearest) = candidates.first()
        {
            self.squeeze(level, id, order::id(*nearest), scratch);
        }
    }

    /// Links a node that has room for two links with a full one, between that and a link of it that the node is not linked with: the nearest to the node.
    /// False if there is none.
    pub(crate) fn squeeze(&mut self, level: usize, id: u32, full: u32, scratch: &mut Scratch) -> bool {
        let probe = self.vectors.probe(id, &mut scratch.row);
        let ends = self
            .links
            .of(level, full)
            .iter()
            .filter(|end| **end != id && !self.links.linked(level, id, **end));
        let Some(key) = ends.map(|end| order::pack(self.vectors.distance(&probe, *end), *end)).min() else {
            return false;
        };
        let end = order::id(key);
        self.links.unlink(level, full, end);
        self.links.link(level, full, id);
        self.links.link(level, id, end);
        true
    }
}
