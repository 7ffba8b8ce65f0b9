//! Between what the facts of documents lie, so that a search can tell that a score will not be beaten without a look at documents.

use super::chunk::Facts;

/// See the module. They hold for all documents that were put since the table was empty, so for more than there are.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bounds {
    /// The least length of a document.
    pub(crate) length_min: u32,
    /// The greatest score that a document has in itself.
    pub(crate) score_max: f32,
    /// Documents without words.
    wordless: u32,
    /// Whether places among equals ascend with the documents' numbers.
    pub(crate) orders_ascend: bool,
    order_last: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { length_min: u32::MAX, score_max: 0.0, wordless: 0, orders_ascend: true, order_last: 0 }
    }
}

impl Bounds {
    pub(super) fn insert(&mut self, facts: &Facts) {
        self.length_min = self.length_min.min(facts.length);
        if facts.score > self.score_max || facts.score.is_nan() {
            self.score_max = if facts.score.is_nan() { f32::INFINITY } else { facts.score };
        }
        self.wordless += u32::from(facts.frequency_max == 0);
        self.orders_ascend &= facts.order >= self.order_last;
        self.order_last = facts.order;
    }

    /// Of a document that is forgotten.
    pub(super) fn remove(&mut self, facts: &Facts) {
        self.wordless -= u32::from(facts.frequency_max == 0);
    }

    /// Whether every document has a word: else scores may be infinite.
    pub(crate) fn all_have_words(&self) -> bool {
        self.wordless == 0
    }
}
