//! How much a document is worth to a query: the scorers of RediSearch 2.10, to the digit.
//!
//! Frequencies and counts come from the match, everything else from [`Statistics`], so a score is the same in whichever part of an index the
//! document is. Constants and some intermediate values are single floats, because the oracle's are.

mod bound;
mod explain;
#[cfg(test)]
mod tests;

pub(crate) use bound::Ceiling;
pub use explain::Explanation;

use crate::error::QueryError;
use crate::matcher::{Matcher, distance};
use crate::statistics::Statistics;
use crate::table::Facts;

/// How documents are scored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scorer {
    /// Frequencies by inverse document frequencies, over the document's greatest frequency.
    #[default]
    TfIdf,
    /// The same over the document's length.
    TfIdfDocNorm,
    /// RediSearch's BM25, which takes the average length where the document's belongs.
    Bm25,
    /// BM25 as the field knows it.
    Bm25Std,
    /// Frequencies: the sum over parts of a conjunction, the greatest of alternatives.
    DisMax,
    /// The document's own score.
    DocScore,
    /// The inverse of one plus the number of bits that the document's payload and the query's differ in.
    Hamming,
}

impl Scorer {
    /// By its name, which is in the case that commands have it in.
    ///
    /// # Errors
    /// [`QueryError::UnknownScorer`].
    pub fn from_name(name: &str) -> Result<Self, QueryError> {
        Ok(match name {
            "TFIDF" => Self::TfIdf,
            "TFIDF.DOCNORM" => Self::TfIdfDocNorm,
            "BM25" => Self::Bm25,
            "BM25STD" => Self::Bm25Std,
            "DISMAX" => Self::DisMax,
            "DOCSCORE" => Self::DocScore,
            "HAMMING" => Self::Hamming,
            other => return Err(QueryError::UnknownScorer(other.to_owned())),
        })
    }
}

/// `k1` of BM25, as the single float that the oracle has.
const K1: f64 = 1.2_f32 as f64;
/// `b` of BM25.
const B: f64 = 0.5;

/// What scores of a search have in common.
pub(crate) struct Scoring<'a> {
    pub(crate) scorer: Scorer,
    pub(crate) average_length: f64,
    /// The query's payload.
    pub(crate) payload: Option<&'a [u8]>,
}

impl<'a> Scoring<'a> {
    pub(crate) fn new(scorer: Scorer, statistics: &Statistics, payload: Option<&'a [u8]>) -> Self {
        Self { scorer, average_length: statistics.average_length(), payload }
    }

    /// The score of the document that a matcher stands at. Complexity: O(parts of the query), and O(positions) where distances count.
    #[expect(clippy::cast_precision_loss, reason = "distances are small")]
    pub(crate) fn score(&self, matcher: &Matcher<'_>, facts: &Facts, payload: Option<&[u8]>) -> f64 {
        let own = f64::from(facts.score);
        match self.scorer {
            Scorer::TfIdf | Scorer::TfIdfDocNorm => {
                let norm = if self.scorer == Scorer::TfIdf { facts.frequency_max } else { facts.length };
                // A document without words has no norm: its score is infinite, or not a number.
                own * self.tf_idf(matcher) / f64::from(norm) / distance(matcher) as f64
            }
            Scorer::Bm25 => own * self.bm25(matcher) / distance(matcher) as f64,
            Scorer::Bm25Std => own * self.bm25_std(matcher, facts),
            Scorer::DisMax => dis_max(matcher),
            Scorer::DocScore => own,
            Scorer::Hamming => hamming(self.payload, payload),
        }
    }

    /// Whether scores depend on where words stand.
    pub(crate) fn measures_distances(&self, matcher: &Matcher<'_>) -> bool {
        let is_one = matches!(matcher, Matcher::Term { .. } | Matcher::Set { .. } | Matcher::All { .. });
        matches!(self.scorer, Scorer::TfIdf | Scorer::TfIdfDocNorm | Scorer::Bm25) && !is_one
    }

    fn tf_idf(&self, part: &Matcher<'_>) -> f64 {
        match part {
            Matcher::Term { cursor, weight, idf, .. } => weight * f64::from(cursor.entry().frequency) * idf.0,
            Matcher::And(and) => and.weight * and.parts.iter().map(|part| self.tf_idf(part)).sum::<f64>(),
            Matcher::Or(or) => or.weight * or.matching().map(|part| self.tf_idf(part)).sum::<f64>(),
            Matcher::Optional { inner, at, .. } if inner.at() == *at => self.tf_idf(inner),
            Matcher::Counted(counted) => self.tf_idf(&counted.inner),
            Matcher::Missing { weight, .. } => *weight,
            Matcher::Optional { missed, .. } => *missed,
            Matcher::Near { .. } | Matcher::Not { .. } | Matcher::Nothing => 0.0,
            Matcher::All { .. } | Matcher::Set { .. } => 1.0,
        }
    }

    fn bm25(&self, part: &Matcher<'_>) -> f64 {
        match part {
            Matcher::Term { cursor, idf, .. } => self.bm25_of(idf.0, f64::from(cursor.entry().frequency)),
            Matcher::And(and) => and.weight * and.parts.iter().map(|part| self.bm25(part)).sum::<f64>(),
            Matcher::Or(or) => or.weight * or.matching().map(|part| self.bm25(part)).sum::<f64>(),
            Matcher::Optional { inner, at, .. } if inner.at() == *at => self.bm25(inner),
            Matcher::Counted(counted) => self.bm25(&counted.inner),
            Matcher::Missing { weight, .. } => self.bm25_of(*weight, 1.0),
            Matcher::Optional { missed, .. } => missed * self.bm25_of(1.0, 1.0),
            Matcher::Near { .. } | Matcher::Not { .. } | Matcher::Nothing => 0.0,
            Matcher::All { .. } | Matcher::Set { .. } => self.bm25_of(1.0, 1.0),
        }
    }

    fn bm25_std(&self, part: &Matcher<'_>, facts: &Facts) -> f64 {
        match part {
            Matcher::Term { cursor, idf, .. } => {
                self.bm25_std_of(idf.1, f64::from(cursor.entry().frequency), facts.length)
            }
            Matcher::And(and) => {
                and.weight * and.parts.iter().map(|part| self.bm25_std(part, facts)).sum::<f64>()
            }
            Matcher::Or(or) => or.weight * or.matching().map(|part| self.bm25_std(part, facts)).sum::<f64>(),
            Matcher::Optional { inner, at, .. } if inner.at() == *at => self.bm25_std(inner, facts),
            Matcher::Counted(counted) => self.bm25_std(&counted.inner, facts),
            Matcher::All { .. } => self.bm25_std_of(1.0, 1.0, facts.length),
            Matcher::Missing { weight, .. } => weight * self.bm25_std_of(1.0, 1.0, facts.length),
            Matcher::Near { .. } | Matcher::Optional { .. } | Matcher::Not { .. } => 0.0,
            Matcher::Nothing | Matcher::Set { .. } => 0.0,
        }
    }

    /// BM25 of one word, with the average length of documents.
    fn bm25_of(&self, idf: f64, frequency: f64) -> f64 {
        idf * frequency / (frequency + K1 * (1.0 - B + B * self.average_length))
    }

    /// BM25 of one word in this document.
    fn bm25_std_of(&self, idf: f64, frequency: f64, length: u32) -> f64 {
        bm25_std(idf, frequency, self.length_norm(length))
    }

    /// What a document's length adds to frequencies.
    fn length_norm(&self, length: u32) -> f64 {
        let length = f64::from(length) / self.average_length;
        K1 * (1.0 - B + B * length)
    }
}

/// Inverse document frequency of something that is in so many of all documents, whole bits of it.
#[expect(clippy::cast_precision_loss, reason = "counts of documents are exact as floats")]
pub(crate) fn idf(all: u64, documents: u64) -> f64 {
    let ratio = 1.0 + (all + 1) as f64 / documents.max(1) as f64;
    // The exponent of the float: the greatest power of two in it.
    f64::from(u16::try_from(ratio.to_bits() >> 52 & 0x7ff).unwrap_or(1023)) - 1023.0
}

/// Inverse document frequency of BM25, computed in single floats up to the logarithm.
#[expect(clippy::cast_precision_loss, reason = "as the oracle computes")]
pub(crate) fn idf_std(all: u64, documents: u64) -> f64 {
    let without = all.saturating_sub(documents) as f32;
    f64::from(1.0 + (without + 0.5) / (documents as f32 + 0.5)).ln()
}

fn bm25_std(idf: f64, frequency: f64, norm: f64) -> f64 {
    idf * frequency * (K1 + 1.0) / (frequency + norm)
}

fn dis_max(part: &Matcher<'_>) -> f64 {
    match part {
        Matcher::Term { cursor, weight, .. } => weight * f64::from(cursor.entry().frequency),
        Matcher::And(and) => and.weight * and.parts.iter().map(dis_max).sum::<f64>(),
        Matcher::Or(or) => or.weight * or.matching().map(dis_max).fold(0.0, f64::max),
        Matcher::Optional { inner, at, .. } if inner.at() == *at => dis_max(inner),
        Matcher::Counted(counted) => dis_max(&counted.inner),
        Matcher::Missing { weight, .. } => *weight,
        Matcher::Optional { missed, .. } => *missed,
        Matcher::Near { .. } | Matcher::Not { .. } | Matcher::Nothing => 0.0,
        Matcher::All { .. } | Matcher::Set { .. } => 1.0,
    }
}

fn hamming(one: Option<&[u8]>, other: Option<&[u8]>) -> f64 {
    match (one, other) {
        (Some(one), Some(other)) if one.len() == other.len() && !one.is_empty() => {
            let differing: u32 = one.iter().zip(other).map(|(one, other)| (one ^ other).count_ones()).sum();
            1.0 / (f64::from(differing) + 1.0)
        }
        _ => 0.0,
    }
}
