//! How much memory an index takes, and in what.

use super::{Index, Indexed};

/// Bytes of the parts of an index, and counts that describe it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// Postings of words, values and missing fields, positions included.
    pub inverted_bytes: usize,
    /// The dictionary of words, without what finds suffixes.
    pub word_bytes: usize,
    /// The dictionaries of tag fields, likewise.
    pub tag_bytes: usize,
    /// What finds suffixes.
    pub suffix_bytes: usize,
    /// Numbers and points in order.
    pub number_bytes: usize,
    /// Scalars in order.
    pub scalar_bytes: usize,
    /// Vectors.
    pub vector_bytes: usize,
    /// The table of documents.
    pub document_bytes: usize,
    /// Records: keys, sort values, payloads, and what each document has in the index.
    pub record_bytes: usize,
    /// The table of keys.
    pub key_bytes: usize,
    /// Distinct words.
    pub word_count: u64,
    /// Entries of words: one for each distinct word of each document.
    pub record_count: u64,
    /// Greatest number that a document got.
    pub last_document: u32,
}

impl Memory {
    /// All bytes.
    #[must_use]
    pub fn total_bytes(&self) -> usize {
        self.inverted_bytes
            + self.word_bytes
            + self.tag_bytes
            + self.suffix_bytes
            + self.number_bytes
            + self.vector_bytes
            + self.scalar_bytes
            + self.document_bytes
            + self.record_bytes
            + self.key_bytes
    }
}

impl Index {
    /// What it takes. Complexity: O(fields).
    #[must_use]
    pub fn memory(&self) -> Memory {
        let mut memory = Memory {
            inverted_bytes: usize::try_from(self.posting_bytes).unwrap_or(0),
            word_bytes: self.terms.memory_bytes() - self.terms.suffix_bytes(),
            suffix_bytes: self.terms.suffix_bytes(),
            document_bytes: self.table.chunk_bytes(),
            record_bytes: self.table.record_bytes(),
            key_bytes: self.table.key_table_bytes(),
            word_count: self.terms.len() as u64,
            record_count: self.records,
            last_document: self.table.last_number(),
            ..Memory::default()
        };
        for field in &self.fields {
            memory.number_bytes += field.dying.memory_bytes();
            match &field.indexed {
                Indexed::Nothing | Indexed::Text(_) => {}
                Indexed::Tags(dictionary) => {
                    memory.tag_bytes += dictionary.memory_bytes() - dictionary.suffix_bytes();
                    memory.suffix_bytes += dictionary.suffix_bytes();
                }
                Indexed::Numbers(numbers) | Indexed::Points(numbers) => {
                    memory.number_bytes += numbers.memory_bytes()
                }
                Indexed::Scalars(held) => {
                    memory.scalar_bytes += held.all.memory_bytes() + held.dying.memory_bytes();
                }
                Indexed::Vectors(vectors) => memory.vector_bytes += vectors.memory_bytes(),
            }
        }
        memory
    }

    /// All bytes that it takes. Complexity: O(fields).
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.memory().total_bytes()
    }

    /// Bytes and number of the blocks of postings' positions. Complexity: O(all postings): for FT.INFO, not for each change.
    #[must_use]
    pub fn position_bytes(&self) -> usize {
        self.terms.iter_from(b"").map(|(_, _, held)| held.postings.position_bytes(self.layout)).sum()
    }

    /// Number of blocks of postings. Complexity: O(words and values).
    #[must_use]
    pub fn block_count(&self) -> usize {
        let words: usize = self.terms.iter_from(b"").map(|(_, _, held)| held.postings.block_count()).sum();
        let tags: usize = self
            .fields
            .iter()
            .map(|field| match &field.indexed {
                Indexed::Tags(dictionary) => {
                    dictionary.iter_from(b"").map(|(_, _, held)| held.postings.block_count()).sum()
                }
                _ => 0,
            })
            .sum();
        words + tags
    }
}
