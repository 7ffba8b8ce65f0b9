//! Which nodes a search has met: a bit for each node, cleared one by one after the search, so that a search costs what it meets.

/// A set of nodes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Visited {
    words: Vec<u64>,
    met: Vec<u32>,
}

impl Visited {
    /// Forgets all, and makes room for nodes below `nodes`. Complexity: O(what was met), and O(nodes / 64) when there are more than before.
    pub(crate) fn reset(&mut self, nodes: usize) {
        if self.met.len() * 8 > self.words.len() {
            self.words.fill(0);
        } else {
            for id in &self.met {
                self.words[*id as usize / 64] = 0;
            }
        }
        self.met.clear();
        self.fit(nodes);
    }

    /// Makes room for nodes below `nodes`.
    pub(crate) fn fit(&mut self, nodes: usize) {
        if self.words.len() * 64 < nodes {
            self.words.resize(nodes.div_ceil(64).next_power_of_two(), 0);
        }
    }

    /// Adds a node; false if it was there.
    #[inline]
    pub(crate) fn insert(&mut self, id: u32) -> bool {
        let (word, bit) = (&mut self.words[id as usize / 64], 1_u64 << (id % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        if is_new {
            self.met.push(id);
        }
        is_new
    }

    /// Whether a node is in it.
    #[inline]
    pub(crate) fn contains(&self, id: u32) -> bool {
        self.words[id as usize / 64] & 1 << (id % 64) != 0
    }

    /// Takes a node out.
    pub(crate) fn remove(&mut self, id: u32) {
        if let Some(word) = self.words.get_mut(id as usize / 64) {
            *word &= !(1 << (id % 64));
        }
    }

    /// How many nodes were met.
    pub(crate) fn len(&self) -> usize {
        self.met.len()
    }

    /// Bytes on the heap.
    pub(crate) fn memory(&self) -> usize {
        self.words.capacity() * 8 + self.met.capacity() * 4
    }
}
