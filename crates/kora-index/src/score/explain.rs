//! How a score came about, in the oracle's words (EXPLAINSCORE).

use super::{Scorer, Scoring, hamming};
use crate::matcher::{Matcher, distance};
use crate::table::Facts;

/// An explanation: a text, or one with the explanations of what it is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explanation {
    /// A text.
    Line(String),
    /// A text and its parts: a reply of two elements, the second of which is an array of them.
    Group(String, Vec<Explanation>),
}

/// What explanations of one document have in common.
struct Explainer<'a> {
    scoring: &'a Scoring<'a>,
    facts: &'a Facts,
}

impl Scoring<'_> {
    /// Explains the score of the document that a matcher stands at.
    pub(crate) fn explain(
        &self,
        matcher: &Matcher<'_>,
        facts: &Facts,
        payload: Option<&[u8]>,
    ) -> Explanation {
        let explainer = Explainer { scoring: self, facts };
        let (own, apart) = (facts.score, distance(matcher));
        let head = match self.scorer {
            Scorer::TfIdf | Scorer::TfIdfDocNorm if own == 0.0 => {
                return Explanation::Line("Document score is 0".to_owned());
            }
            Scorer::TfIdf | Scorer::TfIdfDocNorm => {
                let norm = if self.scorer == Scorer::TfIdf { facts.frequency_max } else { facts.length };
                let words = self.tf_idf(matcher);
                format!(
                    "Final TFIDF : words TFIDF {words:.2} * document score {own:.2} / norm {norm} / slop {apart}"
                )
            }
            Scorer::Bm25 => {
                let words = self.bm25(matcher);
                format!("Final BM25 : words BM25 {words:.2} * document score {own:.2} / slop {apart}")
            }
            Scorer::Bm25Std => {
                let words = self.bm25_std(matcher, facts);
                format!("Final BM25 : words BM25 {words:.2} * document score {own:.2}")
            }
            Scorer::DisMax => return explainer.part(matcher),
            Scorer::DocScore => return Explanation::Line(format!("Document's score is {own:.2}")),
            Scorer::Hamming => return explain_hamming(self.payload, payload),
        };
        Explanation::Group(head, vec![explainer.part(matcher)])
    }
}

fn explain_hamming(one: Option<&[u8]>, other: Option<&[u8]>) -> Explanation {
    let score = hamming(one, other);
    if score <= 0.0 {
        return Explanation::Line("Payloads provided to scorer vary in length".to_owned());
    }
    let (length, bits) = (one.map_or(0, <[u8]>::len), 1.0 / score - 1.0);
    Explanation::Line(format!(
        "String length is {length}. Bit count is {bits:.0}. Result is (1 / count + 1) = {score:.2}"
    ))
}

impl Explainer<'_> {
    fn part(&self, part: &Matcher<'_>) -> Explanation {
        match part {
            Matcher::Term { cursor, weight, idf, text, .. } => {
                Explanation::Line(self.term(text, *weight, *idf, cursor.entry().frequency))
            }
            Matcher::And(and) => self.group(part, and.weight, and.parts.iter()),
            Matcher::Or(or) => self.group(part, or.weight, or.matching()),
            Matcher::Optional { inner, at, .. } if inner.at() == *at => self.part(inner),
            Matcher::Counted(counted) => self.part(&counted.inner),
            Matcher::Optional { missed, .. } => Explanation::Line(self.other(*missed, 1, false)),
            Matcher::Missing { weight, .. } => Explanation::Line(self.other(*weight, 1, *weight > 0.0)),
            Matcher::Near { .. } | Matcher::Not { .. } | Matcher::Nothing => {
                Explanation::Line(self.other(1.0, 0, false))
            }
            Matcher::All { .. } => Explanation::Line(self.other(1.0, 1, true)),
            Matcher::Set { .. } => Explanation::Line(self.other(1.0, 1, false)),
        }
    }

    fn group<'m, 'a: 'm>(
        &self,
        whole: &Matcher<'_>,
        weight: f64,
        parts: impl Iterator<Item = &'m Matcher<'a>>,
    ) -> Explanation {
        let total = match self.scoring.scorer {
            Scorer::TfIdf | Scorer::TfIdfDocNorm => self.scoring.tf_idf(whole),
            Scorer::Bm25 => self.scoring.bm25(whole),
            Scorer::Bm25Std => self.scoring.bm25_std(whole, self.facts),
            Scorer::DisMax | Scorer::DocScore | Scorer::Hamming => super::dis_max(whole),
        };
        let children = if weight == 0.0 { 0.0 } else { total / weight };
        let head = match self.scoring.scorer {
            Scorer::TfIdf | Scorer::TfIdfDocNorm => {
                format!("(Weight {weight:.2} * total children TFIDF {children:.2})")
            }
            Scorer::Bm25 | Scorer::Bm25Std => format!("(Weight {weight:.2} * children BM25 {children:.2})"),
            Scorer::DisMax | Scorer::DocScore | Scorer::Hamming => {
                format!("{total:.2} = Weight {weight:.2} * children DISMAX {children:.2}")
            }
        };
        Explanation::Group(head, parts.map(|part| self.part(part)).collect())
    }

    fn term(&self, text: &str, weight: f64, (idf, idf_std): (f64, f64), frequency: u32) -> String {
        let count = f64::from(frequency);
        match self.scoring.scorer {
            Scorer::TfIdf | Scorer::TfIdfDocNorm => {
                let total = weight * count * idf;
                format!("(TFIDF {total:.2} = Weight {weight:.2} * TF {frequency} * IDF {idf:.2})")
            }
            Scorer::Bm25 => self.bm25(self.scoring.bm25_of(idf, count), &format!("IDF {idf:.2}"), frequency),
            Scorer::Bm25Std => self.bm25_std(text, idf_std, count),
            Scorer::DisMax | Scorer::DocScore | Scorer::Hamming => {
                format!("DISMAX {:.2} = Weight {weight:.2} * Frequency {frequency}", weight * count)
            }
        }
    }

    /// A part that is not of words; `is_any` if it is `*`.
    fn other(&self, weight: f64, frequency: u32, is_any: bool) -> String {
        let total = weight * f64::from(frequency);
        match self.scoring.scorer {
            Scorer::TfIdf | Scorer::TfIdfDocNorm => {
                format!("(TFIDF {total:.2} = Weight {weight:.2} * Frequency {frequency})")
            }
            Scorer::Bm25 if frequency == 0 => "Frequency 0 -> value 0".to_owned(),
            Scorer::Bm25 => {
                let score = self.scoring.bm25_of(weight, f64::from(frequency));
                self.bm25(score, &format!("Weight {weight:.2}"), frequency)
            }
            Scorer::Bm25Std if is_any => self.bm25_std("*", 1.0, 1.0),
            Scorer::Bm25Std => "Irrelevant token -> score is 0".to_owned(),
            Scorer::DisMax | Scorer::DocScore | Scorer::Hamming => {
                format!("DISMAX {total:.2} = Weight {weight:.2} * Frequency {frequency}")
            }
        }
    }

    fn bm25(&self, score: f64, factor: &str, frequency: u32) -> String {
        let length = self.scoring.average_length;
        format!(
            "({score:.2} = {factor} * F {frequency} / (F {frequency} + k1 1.2 * (1 - b 0.5 + b 0.5 * Average Len {length:.2})))"
        )
    }

    fn bm25_std(&self, text: &str, idf: f64, count: f64) -> String {
        let (length, average) = (self.facts.length, self.scoring.average_length);
        let score = self.scoring.bm25_std_of(idf, count, length);
        format!(
            "{text}: ({score:.2} = IDF {idf:.2} * (F {count:.2} * (k1 1.2 + 1)) / (F {count:.2} + k1 1.2 * (1 - b 0.5 + b 0.5 * Doc Len {length} / Average Doc Len {average:.2})))"
        )
    }
}
