//! Where members are: from the hash of a member to the leaf that holds it, in eight bytes.
//!
//! A cell is the hash and the number of the leaf; the member itself is compared in the leaf. Cells lie in segments of
//! at most [`SEGMENT_CELLS`], ordered by hash, and a directory finds the segment by the hash's first bits: extendible
//! hashing (Fagin, Nievergelt, Pippenger and Strong 1979), so no insertion pays for more than one segment. Hashes
//! are spread evenly, so a cell lies near the place that its hash is in proportion to.
//!
//! The order of hashes is also the order of a scan: a cursor is a hash, and nothing that happens between two steps
//! moves a member from one side of it to the other.

use super::leaf::LeafId;
use crate::entry::size_class;
use crate::table::prefetch;

/// Most cells of a segment.
const SEGMENT_CELLS: usize = 256;

/// Two segments with fewer cells than this together become one.
const JOINED_CELLS_MAX: usize = SEGMENT_CELLS / 4;

/// Beyond this the directory does not grow; segments do.
const DEPTH_MAX: u32 = 26;

const HASH_BITS: u32 = 32;

#[derive(Clone, Copy, Debug)]
struct Cell(u64);

impl Cell {
    #[inline]
    fn new(hash: u32, leaf: LeafId) -> Self {
        Self(u64::from(hash) << 32 | u64::from(leaf.0))
    }

    #[inline]
    fn hash(self) -> u32 {
        u32::try_from(self.0 >> 32).expect("32 bits")
    }

    #[inline]
    fn leaf(self) -> LeafId {
        LeafId(u32::try_from(self.0 & u64::from(u32::MAX)).expect("32 bits"))
    }
}

/// Cells of the hashes that share their first `depth` bits, ascending by hash.
#[derive(Clone, Debug, Default)]
struct Segment {
    cells: Vec<Cell>,
    depth: u32,
}

impl Segment {
    /// Where a hash is to be expected, as hashes are spread evenly.
    #[inline]
    fn guess(&self, hash: u32) -> usize {
        let offset = (u64::from(hash) << self.depth) & u64::from(u32::MAX);
        let guess = (offset * self.cells.len() as u64) >> HASH_BITS;
        usize::try_from(guess).expect("less than the number of cells")
    }

    /// Number of cells with a smaller hash.
    #[inline]
    fn lower(&self, hash: u32) -> usize {
        let mut at = self.guess(hash);
        while at > 0 && self.cells[at - 1].hash() >= hash {
            at -= 1;
        }
        while at < self.cells.len() && self.cells[at].hash() < hash {
            at += 1;
        }
        at
    }

    /// The place of a cell.
    fn find(&self, cell: Cell) -> Option<usize> {
        let start = self.lower(cell.hash());
        let same = self.cells[start..].iter().take_while(|other| other.hash() == cell.hash());
        same.map(|other| other.0).position(|other| other == cell.0).map(|at| start + at)
    }
}

/// The look-up table.
///
/// Invariant: directory places whose first `depth` bits are those of a segment name that segment, no others do.
#[derive(Clone, Debug)]
pub(super) struct Locator {
    /// Segments by the first `depth` bits of a hash.
    directory: Vec<u32>,
    segments: Vec<Segment>,
    free: Vec<u32>,
    depth: u32,
}

impl Default for Locator {
    fn default() -> Self {
        Self { directory: vec![0], segments: vec![Segment::default()], free: Vec::new(), depth: 0 }
    }
}

impl Locator {
    #[inline]
    fn place(&self, hash: u32) -> usize {
        usize::try_from(u64::from(hash) >> (HASH_BITS - self.depth)).expect("32 bits")
    }

    #[inline]
    fn segment(&self, hash: u32) -> &Segment {
        &self.segments[self.directory[self.place(hash)] as usize]
    }

    #[inline]
    fn segment_mut(&mut self, hash: u32) -> &mut Segment {
        let at = self.directory[self.place(hash)];
        &mut self.segments[at as usize]
    }

    /// Leaves that may hold a member of this hash.
    #[inline]
    pub(super) fn candidates(&self, hash: u32) -> impl Iterator<Item = LeafId> {
        let segment = self.segment(hash);
        let cells = segment.cells[segment.lower(hash)..].iter();
        cells.take_while(move |cell| cell.hash() == hash).map(|cell| cell.leaf())
    }

    /// Fetches the cells of this hash into the cache.
    #[inline]
    pub(super) fn prefetch(&self, hash: u32) {
        let segment = self.segment(hash);
        prefetch::line(segment.cells.as_ptr().wrapping_add(segment.guess(hash)));
    }

    /// Adds a cell.
    pub(super) fn insert(&mut self, hash: u32, leaf: LeafId) {
        while self.segment(hash).cells.len() >= SEGMENT_CELLS && self.split(hash) {}
        let segment = self.segment_mut(hash);
        let at = segment.lower(hash);
        if segment.cells.len() == segment.cells.capacity() {
            let room = size_class((segment.cells.len() + 1) * size_of::<Cell>()) / size_of::<Cell>();
            segment.cells.reserve_exact(room - segment.cells.len());
        }
        segment.cells.insert(at, Cell::new(hash, leaf));
    }

    /// Takes a cell away.
    pub(super) fn remove(&mut self, hash: u32, leaf: LeafId) {
        let segment = self.segment_mut(hash);
        let at = segment.find(Cell::new(hash, leaf)).expect("every entry of a leaf has its cell");
        segment.cells.remove(at);
        if segment.cells.len() < segment.cells.capacity() / 4 {
            segment.cells.shrink_to(segment.cells.len() * 2);
        }
        if segment.cells.len() < JOINED_CELLS_MAX / 2 {
            self.join(hash);
        }
    }

    /// Notes that the member of a cell is in another leaf now.
    pub(super) fn relocate(&mut self, hash: u32, from: LeafId, to: LeafId) {
        let segment = self.segment_mut(hash);
        let at = segment.find(Cell::new(hash, from)).expect("every entry of a leaf has its cell");
        segment.cells[at] = Cell::new(hash, to);
    }

    /// The first hash from `from` on that has cells, and the leaves they name.
    pub(super) fn next(&self, from: u32) -> Option<(u32, Vec<LeafId>)> {
        let mut place = self.place(from);
        while place < self.directory.len() {
            let segment = &self.segments[self.directory[place] as usize];
            let start = segment.cells.partition_point(|cell| cell.hash() < from);
            if let Some(first) = segment.cells.get(start) {
                let mut leaves: Vec<_> = self.candidates(first.hash()).collect();
                leaves.sort_unstable_by_key(|leaf| leaf.0);
                leaves.dedup();
                return Some((first.hash(), leaves));
            }
            let width = 1 << (self.depth - segment.depth);
            place = (place / width + 1) * width;
        }
        None
    }

    /// Splits the segment of a hash in two; `false` if the directory would have to grow too large for it.
    fn split(&mut self, hash: u32) -> bool {
        let depth = self.segment(hash).depth;
        if depth == self.depth {
            if depth == DEPTH_MAX {
                return false;
            }
            self.directory = self.directory.iter().flat_map(|&segment| [segment, segment]).collect();
            self.depth += 1;
        }
        let segment = self.segment_mut(hash);
        segment.depth += 1;
        let bit = 1 << (HASH_BITS - segment.depth);
        let middle = segment.cells.partition_point(|cell| cell.hash() & bit == 0);
        let upper = Segment { cells: segment.cells[middle..].to_vec(), depth: segment.depth };
        segment.cells.truncate(middle);
        segment.cells.shrink_to_fit();
        let number = self.add(upper);
        let places = self.places(hash | bit, depth + 1);
        self.directory[places].fill(number);
        true
    }

    /// Joins the segment of a hash and the one it was split from, if both are nearly empty.
    fn join(&mut self, hash: u32) {
        let depth = self.segment(hash).depth;
        if depth == 0 {
            return;
        }
        let bit = 1 << (HASH_BITS - depth);
        let [lower, upper] = [hash & !bit, hash | bit].map(|hash| self.directory[self.place(hash)]);
        let [first, second] = [lower, upper].map(|number| &self.segments[number as usize]);
        if first.depth != second.depth || first.cells.len() + second.cells.len() > JOINED_CELLS_MAX {
            return;
        }
        let places = self.places(hash | bit, depth);
        self.directory[places].fill(lower);
        let moved = std::mem::take(&mut self.segments[upper as usize]).cells;
        self.free.push(upper);
        let joined = &mut self.segments[lower as usize];
        joined.cells.extend_from_slice(&moved);
        joined.depth -= 1;
    }

    /// Directory places of the hashes that share their first `depth` bits with `hash`.
    fn places(&self, hash: u32, depth: u32) -> std::ops::Range<usize> {
        let width = 1 << (self.depth - depth);
        let start = self.place(hash) / width * width;
        start..start + width
    }

    fn add(&mut self, segment: Segment) -> u32 {
        if let Some(number) = self.free.pop() {
            self.segments[number as usize] = segment;
            return number;
        }
        self.segments.push(segment);
        u32::try_from(self.segments.len() - 1).expect("no more than directory places")
    }

    /// Bytes allocated for it, as far as a sample of `samples` segments tells.
    pub(super) fn memory_bytes(&self, samples: usize) -> usize {
        let sampled = self.segments.iter().take(samples);
        let bytes: usize =
            sampled.map(|segment| size_class(segment.cells.capacity() * size_of::<Cell>())).sum();
        let count = self.segments.len();
        size_class(self.directory.capacity() * 4)
            + size_class(count * size_of::<Segment>())
            + bytes * count / samples.min(count)
    }

    /// Frees up to `count` segments of a table that is no longer used; says how many.
    pub(super) fn free_some(&mut self, count: usize) -> usize {
        let kept = self.segments.len().saturating_sub(count);
        let freed = self.segments.len() - kept;
        self.segments.truncate(kept);
        freed
    }

    pub(super) fn segments(&self) -> usize {
        self.segments.len()
    }
}
