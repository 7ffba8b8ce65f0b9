//! What scores of a search cannot be above, told without a look at documents: so a search that keeps the best ones leaves most of the others alone.
//!
//! A document's greatest frequency is no less than that of any word in it, and its length no less than the least of all. Scores are computed by the
//! same steps from these, and each step rounds monotonically, so no score is above its bound by rounding either. TFIDF divides where its bound
//! cancels: there this holds for whole numbers, and [`SLACK`] covers the rest.

use super::{K1, Scorer, Scoring, bm25_std};
use crate::matcher::Matcher;
use crate::postings::Best;
use crate::table::Bounds;

/// Factor of bounds that rounding could take a score above.
const SLACK: f64 = 1.0 + 1e-9;

/// What the bounds of a search have in common.
pub(crate) struct Ceiling<'a> {
    scoring: &'a Scoring<'a>,
    bounds: &'a Bounds,
    /// Greatest score of a document in itself, with what rounding needs; infinite if nothing is known of scores.
    factor: f64,
    /// What the least length adds to frequencies.
    least_norm: f64,
}

/// Which documents a bound is for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum For {
    /// All.
    Any,
    /// Those where all occurs once.
    Singles,
    /// The one that the matcher stands at.
    This,
}

impl<'a> Ceiling<'a> {
    pub(crate) fn new(scoring: &'a Scoring<'a>, matcher: &Matcher<'_>, bounds: &'a Bounds) -> Self {
        let is_known = match scoring.scorer {
            Scorer::DocScore => true,
            Scorer::TfIdf | Scorer::Bm25 | Scorer::Bm25Std => {
                bounds.all_have_words() && has_plain_weights(matcher)
            }
            Scorer::TfIdfDocNorm | Scorer::DisMax | Scorer::Hamming => false,
        };
        let own = f64::from(bounds.score_max);
        let needs_slack = scoring.scorer == Scorer::TfIdf && own != 1.0;
        let factor = if needs_slack { own * SLACK } else { own };
        let least_norm = scoring.length_norm(bounds.length_min);
        Self { scoring, bounds, factor: if is_known { factor } else { f64::INFINITY }, least_norm }
    }

    /// No document that it matches scores more. Complexity: O(parts of the query).
    pub(crate) fn of_all(&self, matcher: &Matcher<'_>) -> f64 {
        self.of(matcher, For::Any)
    }

    /// Whether bounds of single documents depend on frequencies, which have to be read before.
    pub(crate) fn needs_frequencies(&self) -> bool {
        matches!(self.scoring.scorer, Scorer::Bm25 | Scorer::Bm25Std)
    }

    /// The document that it stands at does not score more. Complexity: O(parts of the query).
    #[inline]
    pub(crate) fn of_this(&self, matcher: &Matcher<'_>) -> f64 {
        self.of(matcher, For::This)
    }

    /// No document scores more in which no word that it has of the query occurs more than once. Complexity: O(parts of the query).
    pub(crate) fn of_singles(&self, matcher: &Matcher<'_>) -> f64 {
        self.of(matcher, For::Singles)
    }

    /// No document with an entry of a block scores more, if the block's word is all that is asked for.
    pub(crate) fn of_block(&self, idf: (f64, f64), best: Best) -> f64 {
        if self.factor == f64::INFINITY {
            return f64::INFINITY;
        }
        let frequency = if best.frequency_max == u16::MAX { u32::MAX } else { best.frequency_max.into() };
        match self.scoring.scorer {
            Scorer::Bm25 => self.factor * self.scoring.bm25_of(idf.0, f64::from(frequency)),
            Scorer::Bm25Std => {
                let length = u32::from(best.length_min).max(self.bounds.length_min);
                self.factor * self.scoring.bm25_std_of(idf.1, f64::from(frequency), length)
            }
            _ => f64::INFINITY,
        }
    }

    fn of(&self, matcher: &Matcher<'_>, which: For) -> f64 {
        if self.factor == f64::INFINITY {
            return f64::INFINITY;
        }
        match self.scoring.scorer {
            Scorer::DocScore => self.factor,
            _ => self.factor * self.part(matcher, which),
        }
    }

    fn part(&self, part: &Matcher<'_>, which: For) -> f64 {
        match part {
            Matcher::Term { cursor, idf, .. } => {
                let frequency = match which {
                    For::Any => u32::MAX,
                    For::Singles => 1,
                    For::This => cursor.entry().frequency,
                };
                self.term(*idf, f64::from(frequency))
            }
            Matcher::And(and) => and.parts.iter().map(|part| self.part(part, which)).sum(),
            Matcher::Or(or) if which == For::This => or.matching().map(|part| self.part(part, which)).sum(),
            Matcher::Or(or) if or.first_only => {
                or.parts.iter().map(|part| self.part(part, which)).fold(0.0, f64::max)
            }
            Matcher::Or(or) => or.parts.iter().map(|part| self.part(part, which)).sum(),
            Matcher::Optional { inner, missed, .. } => self.part(inner, For::Any).max(self.other(*missed)),
            Matcher::Missing { weight, .. } => self.other(*weight),
            Matcher::Counted(counted) => self.part(&counted.inner, which),
            Matcher::Near { .. } | Matcher::Not { .. } | Matcher::Nothing => 0.0,
            Matcher::All { .. } | Matcher::Set { .. } => self.other(1.0),
        }
    }

    /// Of a word. A weight is 1, as was made sure before.
    fn term(&self, idf: (f64, f64), frequency: f64) -> f64 {
        match self.scoring.scorer {
            // The document's greatest frequency divides by as much at least.
            Scorer::TfIdf => idf.0,
            Scorer::Bm25 => self.scoring.bm25_of(idf.0, frequency),
            _ => bm25_std(idf.1, frequency, self.least_norm),
        }
    }

    /// Of what is no word.
    fn other(&self, weight: f64) -> f64 {
        let weight = weight.max(0.0);
        match self.scoring.scorer {
            Scorer::TfIdf => weight,
            Scorer::Bm25 => (weight * self.scoring.bm25_of(1.0, 1.0)).max(self.scoring.bm25_of(weight, 1.0)),
            _ => weight.max(1.0) * (K1 + 1.0),
        }
    }
}

/// Whether nothing counts more or less than once.
fn has_plain_weights(matcher: &Matcher<'_>) -> bool {
    let is_plain = |weight: f64| weight == 1.0;
    match matcher {
        Matcher::Term { weight, .. } => is_plain(*weight),
        Matcher::And(and) => is_plain(and.weight) && and.parts.iter().all(has_plain_weights),
        Matcher::Or(or) => is_plain(or.weight) && or.parts.iter().all(has_plain_weights),
        Matcher::Optional { inner, .. } => has_plain_weights(inner),
        Matcher::Counted(counted) => has_plain_weights(&counted.inner),
        Matcher::Nothing
        | Matcher::All { .. }
        | Matcher::Set { .. }
        | Matcher::Near { .. }
        | Matcher::Missing { .. }
        | Matcher::Not { .. } => true,
    }
}
