//! Who is linked with whom, in each layer, in rows of fixed length.
//!
//! A node has one row in the lowest layer. For each layer above, it has a block of its own in a second arena; blocks of a node are chained
//! from its lowest layer up. Free nodes and free blocks are chained, too, and used first.
//!
//! Invariants: links are mutual, without repetition, none to the node itself; a row has its links first and `NONE` after them.

#[cfg(test)]
mod tests;

use crate::arena::Arena;

/// No node.
pub(crate) const NONE: u32 = u32::MAX;
/// Set in the state of a node that is free; the other bits are the next free one.
const FREE: u32 = 1 << 31;
/// The end of a chain.
const END: u32 = FREE - 1;

/// Links of all nodes.
#[derive(Clone, Debug)]
pub(crate) struct Links {
    base: Arena<u32>,
    /// For each node its first block above, or what tells that it is free.
    states: Arena<u32>,
    /// The next block of the node, then links.
    blocks: Arena<u32>,
    /// The first free node and the first free block.
    free_node: u32,
    free_block: u32,
    /// Numbers that were given out once.
    nodes: u32,
    block_count: u32,
}

impl Links {
    pub(crate) fn new(m: usize) -> Self {
        Self {
            base: Arena::new(m * 2),
            states: Arena::new(1),
            blocks: Arena::new(m + 1),
            free_node: END,
            free_block: END,
            nodes: 0,
            block_count: 0,
        }
    }

    /// Numbers of nodes are below this.
    #[inline]
    pub(crate) fn bound(&self) -> u32 {
        self.nodes
    }

    /// Whether a node is there. Complexity: O(1).
    #[inline]
    pub(crate) fn is_live(&self, id: u32) -> bool {
        id < self.nodes && self.states.row(id)[0] & FREE == 0
    }

    /// Whether another node has room.
    pub(crate) fn has_room(&self) -> bool {
        self.free_node != END || self.nodes < END
    }

    /// Adds a node without links: a free one, or else the next. Complexity: O(levels).
    pub(crate) fn add(&mut self, level: usize) -> u32 {
        let id = if self.free_node == END {
            let id = self.nodes;
            self.nodes += 1;
            self.states.reserve(id);
            self.base.reserve(id);
            id
        } else {
            let id = self.free_node;
            self.free_node = self.states.row(id)[0] & !FREE;
            id
        };
        self.base.row_mut(id).fill(NONE);
        let mut first = END;
        for _ in 0..level {
            let block = self.take_block();
            let row = self.blocks.row_mut(block);
            row.fill(NONE);
            row[0] = first;
            first = block;
        }
        self.states.row_mut(id)[0] = first;
        id
    }

    fn take_block(&mut self) -> u32 {
        if self.free_block == END {
            let block = self.block_count;
            self.block_count += 1;
            self.blocks.reserve(block);
            return block;
        }
        let block = self.free_block;
        self.free_block = self.blocks.row(block)[0];
        block
    }

    /// Makes a node free, that no other one is linked with any more. Complexity: O(levels).
    pub(crate) fn release(&mut self, id: u32) {
        let mut block = self.states.row(id)[0];
        while block != END {
            let next = std::mem::replace(&mut self.blocks.row_mut(block)[0], self.free_block);
            self.free_block = block;
            block = next;
        }
        self.states.row_mut(id)[0] = FREE | self.free_node;
        self.free_node = id;
    }

    /// The highest layer of a node. Complexity: O(levels).
    pub(crate) fn level(&self, id: u32) -> usize {
        let (mut level, mut block) = (0, self.states.row(id)[0]);
        while block != END {
            level += 1;
            block = self.blocks.row(block)[0];
        }
        level
    }

    /// The block of a node for a layer above the lowest; none if the node is not in it.
    fn block(&self, level: usize, id: u32) -> Option<u32> {
        let mut block = self.states.row(id)[0];
        for _ in 1..level {
            if block == END {
                return None;
            }
            block = self.blocks.row(block)[0];
        }
        (block != END).then_some(block)
    }

    /// Links of a node, `NONE` after them; nothing if the node is not in the layer.
    #[inline]
    pub(crate) fn row(&self, level: usize, id: u32) -> &[u32] {
        if level == 0 {
            return self.base.row(id);
        }
        self.block(level, id).map_or(&[], |block| &self.blocks.row(block)[1..])
    }

    #[inline]
    fn row_mut(&mut self, level: usize, id: u32) -> &mut [u32] {
        if level == 0 {
            return self.base.row_mut(id);
        }
        match self.block(level, id) {
            Some(block) => &mut self.blocks.row_mut(block)[1..],
            None => &mut [],
        }
    }

    /// Links of a node. Complexity: O(M).
    #[inline]
    pub(crate) fn of(&self, level: usize, id: u32) -> &[u32] {
        let row = self.row(level, id);
        &row[..count(row)]
    }

    /// Number of links of a node. Complexity: O(M).
    #[inline]
    pub(crate) fn degree(&self, level: usize, id: u32) -> usize {
        count(self.row(level, id))
    }

    /// Whether a node could have one link more.
    #[inline]
    pub(crate) fn has_place(&self, level: usize, id: u32) -> bool {
        self.row(level, id).last().is_some_and(|last| *last == NONE)
    }

    /// Whether two nodes are linked. Complexity: O(M).
    #[inline]
    pub(crate) fn linked(&self, level: usize, a: u32, b: u32) -> bool {
        self.row(level, a).contains(&b)
    }

    /// Links two different nodes that are not linked and have room both. Complexity: O(M).
    pub(crate) fn link(&mut self, level: usize, a: u32, b: u32) {
        self.push(level, a, b);
        self.push(level, b, a);
    }

    /// Adds a link in one direction; false if there is no room.
    pub(crate) fn push(&mut self, level: usize, from: u32, to: u32) -> bool {
        let row = self.row_mut(level, from);
        let at = count(row);
        let Some(place) = row.get_mut(at) else { return false };
        *place = to;
        true
    }

    /// Sets all links of a node in one direction; false if there is no room for them or the node is not in the layer.
    pub(crate) fn set(&mut self, level: usize, id: u32, links: &[u32]) -> bool {
        let row = self.row_mut(level, id);
        let Some((head, tail)) = row.split_at_mut_checked(links.len()) else { return false };
        head.copy_from_slice(links);
        tail.fill(NONE);
        level == 0 || self.block(level, id).is_some()
    }

    /// Ends the link of two nodes. Complexity: O(M).
    pub(crate) fn unlink(&mut self, level: usize, a: u32, b: u32) {
        self.take(level, a, b);
        self.take(level, b, a);
    }

    /// Takes a link out in one direction.
    pub(crate) fn take(&mut self, level: usize, from: u32, to: u32) {
        let row = self.row_mut(level, from);
        let last = count(row).saturating_sub(1);
        if let Some(at) = row.iter().position(|other| *other == to) {
            row[at] = row[last];
            row[last] = NONE;
        }
    }

    /// Bytes on the heap. Complexity: O(1).
    pub(crate) fn memory(&self) -> usize {
        self.base.memory() + self.states.memory() + self.blocks.memory()
    }

    /// Frees a chunk of each arena; false if nothing is left. There are no nodes any more.
    pub(crate) fn drop_chunk(&mut self) -> bool {
        (self.nodes, self.block_count, self.free_node, self.free_block) = (0, 0, END, END);
        let base = self.base.drop_chunk();
        let states = self.states.drop_chunk();
        let blocks = self.blocks.drop_chunk();
        base || states || blocks
    }

    /// Asks for the memory of a node's links in the lowest layer.
    #[inline]
    pub(crate) fn prefetch(&self, id: u32) {
        crate::kernels::prefetch(self.base.row(id));
    }
}

/// Links at the beginning of a row.
#[inline]
fn count(row: &[u32]) -> usize {
    row.iter().filter(|link| **link != NONE).count()
}
