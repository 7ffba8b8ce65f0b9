//! Words a few edits away from another one, character by character.
//!
//! Of the table of distances between the beginnings of two words, a row has no more than `2 x edits + 1` cells that may be few edits, those beside the
//! diagonal. A [`Row`] is these, so what has been read of a text is eight bytes, and nothing is prepared for a word but its characters: a query may
//! have many fuzzy words, long ones among them.

/// Most edits of a fuzzy word.
pub(crate) const EDITS_MAX: u8 = 3;

/// Cells of a row.
const CELLS: usize = 2 * EDITS_MAX as usize + 1;

/// A word and how many edits a text may be away from it.
pub(super) struct Fuzzy {
    characters: Vec<char>,
    edits: u8,
}

/// What is known of a text of which so many characters were read.
#[derive(Clone, Copy)]
pub(super) struct Row {
    read: usize,
    /// The least edits from what was read to the word's first `read - edits + place` characters, one more than may be if it is more.
    cells: [u8; CELLS],
}

impl Fuzzy {
    /// Complexity: O(length).
    pub(super) fn new(word: &str, edits: u8) -> Self {
        Self { characters: word.chars().collect(), edits: edits.min(EDITS_MAX) }
    }

    /// Of the empty text.
    pub(super) fn start(&self) -> Row {
        let mut row = Row { read: 0, cells: [self.edits + 1; CELLS] };
        for deleted in 0..=self.edits {
            if usize::from(deleted) <= self.characters.len() {
                row.cells[usize::from(self.edits + deleted)] = deleted;
            }
        }
        row
    }

    /// Reads one more character. Complexity: O(edits).
    pub(super) fn read(&self, row: &Row, character: char) -> Row {
        let (edits, many) = (usize::from(self.edits), self.edits + 1);
        let mut next = Row { read: row.read + 1, cells: [many; CELLS] };
        let mut before = many;
        for place in 0..=2 * edits {
            let Some(length) = (next.read + place).checked_sub(edits) else { continue };
            if length > self.characters.len() {
                break;
            }
            let inserted = if place < 2 * edits { row.cells[place + 1] + 1 } else { many };
            let changed = match length.checked_sub(1).map(|last| self.characters[last]) {
                Some(wanted) => row.cells[place] + u8::from(wanted != character),
                None => many,
            };
            before = changed.min(inserted).min(before + 1).min(many);
            next.cells[place] = before;
        }
        next
    }

    /// Whether what was read is few edits away.
    pub(super) fn fits(&self, row: &Row) -> bool {
        let place = (self.characters.len() + usize::from(self.edits)).checked_sub(row.read);
        place.and_then(|place| row.cells.get(place)).is_some_and(|cell| *cell <= self.edits)
    }

    /// Whether no text that begins with what was read is few edits away.
    pub(super) fn is_lost(&self, row: &Row) -> bool {
        row.cells.iter().all(|cell| *cell > self.edits)
    }
}
