//! Which indexes answer a condition.
//!
//! A test that an index answers becomes a part of a query; what no index answers is tried on each document that the rest finds. Of a conjunction the part that
//! finds least is taken, and those others that find not so many more that it is cheaper to look at the documents; all parts of a disjunction are united,
//! if indexes answer all of them.

#[cfg(test)]
mod tests;

use std::ops::Bound;

use kora_index::query::{Node, NodeKind};
use kora_index::scalar::ScalarRange;

use crate::collection::{Collection, IndexKind};
use crate::condition::{Comparison, Condition, Literal, Term, Test};

/// Entries of an index that are collected in the time in which one document is looked at.
pub(crate) const ENTRIES_PER_LOOK: u64 = 32;

/// What an index says of a test.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Answer {
    /// Place of the index in the collection.
    pub(crate) index: usize,
    /// Documents with a scalar in one of these pass.
    pub(crate) ranges: Vec<ScalarRange>,
    /// Or just those do not.
    pub(crate) is_negated: bool,
    /// How many scalars are in the ranges.
    pub(crate) count: u64,
}

/// A test in a plan.
#[derive(Clone, Debug)]
pub(crate) struct TermPlan {
    pub(crate) text: Box<str>,
    pub(crate) answer: Option<Answer>,
    /// What is looked for together with other tests of a conjunction that are about the same field.
    together: Option<Together>,
    /// Whether the answer is used to find documents.
    pub(crate) is_used: bool,
}

/// Tests of a conjunction by one index, as `a > 1` and `a < 5`.
#[derive(Clone, Debug)]
enum Together {
    /// The first of them: what all of them ask for.
    First(Answer),
    /// Another one: it is looked for with the first, whose place this is.
    Other(usize),
}

/// How a condition is answered.
#[derive(Debug)]
pub(crate) struct Plan {
    /// Its tests, in the order in which they were written.
    pub(crate) terms: Vec<TermPlan>,
    /// What is searched for; none: all documents are looked at.
    pub(crate) node: Option<Node>,
    /// Whether what the search finds fulfils the condition without a look.
    pub(crate) is_exact: bool,
    /// Documents that the search finds at most.
    pub(crate) estimate: u64,
}

impl Plan {
    /// The tests of a condition and which index answers each. What is counted is to be filled in, then comes [`Plan::decide`].
    pub(crate) fn new(condition: Option<&Condition>, collection: &Collection) -> Self {
        let mut terms = Vec::new();
        if let Some(condition) = condition {
            condition.terms(&mut terms);
        }
        let plan = |term: &&Term| TermPlan {
            text: term.text.clone(),
            answer: answer(term, collection),
            together: None,
            is_used: false,
        };
        let mut terms: Vec<TermPlan> = terms.iter().map(plan).collect();
        if let Some(condition) = condition {
            join(condition, collection, &mut terms, &mut 0);
        }
        Self { terms, node: None, is_exact: condition.is_none(), estimate: 0 }
    }

    /// All that is to be counted.
    pub(crate) fn answers(&mut self) -> impl Iterator<Item = &mut Answer> {
        self.terms.iter_mut().flat_map(|term| {
            let together = match &mut term.together {
                Some(Together::First(answer)) => Some(answer),
                _ => None,
            };
            term.answer.iter_mut().chain(together)
        })
    }

    /// Chooses, once all is counted.
    pub(crate) fn decide(&mut self, condition: Option<&Condition>, collection: &Collection, documents: u64) {
        self.estimate = documents;
        let Some(condition) = condition else { return };
        let mut deciding = Deciding { terms: &mut self.terms, next: 0, collection, documents };
        let part = deciding.part(condition);
        (self.node, self.is_exact, self.estimate) = (part.node, part.is_exact, part.estimate.min(documents));
    }

    /// Whether the estimate is the number of documents that fulfil the condition: an index has counted just what is asked for.
    pub(crate) fn is_counted(&self) -> bool {
        let is_one = |node: &Node| matches!(node.kind, NodeKind::Scalars(..));
        self.is_exact
            && self.node.as_ref().is_some_and(|node| match &node.kind {
                NodeKind::Not(inner) => is_one(inner),
                _ => is_one(node),
            })
    }

    /// Looks at all documents instead.
    pub(crate) fn look_at_all(&mut self, documents: u64) {
        self.terms.iter_mut().for_each(|term| term.is_used = false);
        (self.node, self.is_exact, self.estimate) = (None, self.terms.is_empty(), documents);
    }
}

/// What answers a test, if an index does.
fn answer(term: &Term, collection: &Collection) -> Option<Answer> {
    let index = collection.index_on(&term.path)?;
    let kind = &collection.indexes[index].kind;
    let is_array = *kind == IndexKind::Array;
    if !(is_array || kind.has_order()) {
        return None;
    }
    let (ranges, is_negated) = match (&term.test, is_array) {
        (Test::Contains(literal), true) => (vec![ScalarRange::only(&literal.0)], false),
        (Test::Compare(comparison, literal), false) => {
            (vec![range(*comparison, literal)], *comparison == Comparison::NotEqual)
        }
        (Test::In(literals), false) => {
            (literals.iter().map(|literal| ScalarRange::only(&literal.0)).collect(), false)
        }
        (Test::StartsWith(start), false) => (vec![ScalarRange::prefix(start)], false),
        _ => return None,
    };
    Some(Answer { index, ranges, is_negated, count: 0 })
}

/// Has ranges of one field that stand beside each other in a conjunction looked for together. Conditions are nested only as deep as they may be.
fn join(condition: &Condition, collection: &Collection, terms: &mut [TermPlan], next: &mut usize) {
    match condition {
        Condition::Term(_) => *next += 1,
        Condition::Not(part) => join(part, collection, terms, next),
        Condition::Or(parts) => parts.iter().for_each(|part| join(part, collection, terms, next)),
        Condition::And(parts) => {
            // The first test by each index.
            let mut firsts: Vec<(usize, usize)> = Vec::new();
            for part in parts {
                let at = *next;
                join(part, collection, terms, next);
                let Condition::Term(_) = part else { continue };
                let Some(Answer { index, ranges, is_negated: false, .. }) = terms[at].answer.clone() else {
                    continue;
                };
                let [range] = &ranges[..] else { continue };
                if collection.indexes[index].kind == IndexKind::Array {
                    continue;
                }
                match firsts.iter().find(|(of, _)| *of == index) {
                    Some((_, first)) => join_with(terms, *first, at, range),
                    None => firsts.push((index, at)),
                }
            }
        }
    }
}

fn join_with(terms: &mut [TermPlan], first: usize, other: usize, range: &ScalarRange) {
    let own = match &terms[first].together {
        Some(Together::First(answer)) => Some(answer),
        _ => terms[first].answer.as_ref(),
    };
    let Some(own) = own.cloned() else { return };
    let ranges = own.ranges.iter().map(|own| own.intersection(range)).collect();
    terms[first].together = Some(Together::First(Answer { ranges, ..own }));
    terms[other].together = Some(Together::Other(first));
}

fn range(comparison: Comparison, literal: &Literal) -> ScalarRange {
    let whole = ScalarRange::class(literal.class());
    match comparison {
        Comparison::Equal | Comparison::NotEqual => ScalarRange::only(&literal.0),
        Comparison::Less => ScalarRange { to: Bound::Excluded(literal.0.clone()), ..whole },
        Comparison::LessOrEqual => ScalarRange { to: Bound::Included(literal.0.clone()), ..whole },
        Comparison::Greater => ScalarRange { from: Bound::Excluded(literal.0.clone()), ..whole },
        Comparison::GreaterOrEqual => ScalarRange { from: Bound::Included(literal.0.clone()), ..whole },
    }
}

struct Deciding<'p> {
    terms: &'p mut [TermPlan],
    /// The test that comes next.
    next: usize,
    collection: &'p Collection,
    documents: u64,
}

/// A part of a condition, decided upon.
struct Part {
    node: Option<Node>,
    is_exact: bool,
    estimate: u64,
    /// Its tests.
    terms: std::ops::Range<usize>,
}

impl Deciding<'_> {
    /// Conditions are nested only as deep as they may be.
    fn part(&mut self, condition: &Condition) -> Part {
        let first = self.next;
        match condition {
            Condition::Term(_) => self.term(),
            Condition::Not(inner) => {
                let inner = self.part(inner);
                if !inner.is_exact {
                    return self.nothing(first);
                }
                let node = inner.node.map(|node| Node::new(NodeKind::Not(Box::new(node))));
                Part { node, estimate: self.documents.saturating_sub(inner.estimate), ..inner }
            }
            Condition::And(parts) => {
                let parts: Vec<Part> = parts.iter().map(|part| self.part(part)).collect();
                self.all(first, parts)
            }
            Condition::Or(parts) => {
                let parts: Vec<Part> = parts.iter().map(|part| self.part(part)).collect();
                if parts.iter().any(|part| part.node.is_none()) {
                    return self.nothing(first);
                }
                Part {
                    is_exact: parts.iter().all(|part| part.is_exact),
                    estimate: parts.iter().fold(0, |sum: u64, part| sum.saturating_add(part.estimate)),
                    node: Some(Node::new(NodeKind::Or(
                        parts.into_iter().filter_map(|part| part.node).collect(),
                    ))),
                    terms: first..self.next,
                }
            }
        }
    }

    fn term(&mut self) -> Part {
        let at = self.next;
        self.next += 1;
        let term = &mut self.terms[at];
        let answer = match &term.together {
            Some(Together::First(answer)) => Some(answer),
            // The first of them stands for it.
            Some(Together::Other(_)) => {
                term.is_used = true;
                return Part { node: None, is_exact: true, estimate: self.documents, terms: at..at + 1 };
            }
            None => term.answer.as_ref(),
        };
        let Some(answer) = answer else { return self.nothing(at) };
        term.is_used = true;
        let path = self.collection.indexes[answer.index].path.text();
        let node = Node::new(NodeKind::Scalars(path.to_owned(), answer.ranges.clone()));
        let (node, estimate) = if answer.is_negated {
            (Node::new(NodeKind::Not(Box::new(node))), self.documents.saturating_sub(answer.count))
        } else {
            (node, answer.count)
        };
        Part { node: Some(node), is_exact: true, estimate, terms: at..at + 1 }
    }

    /// No index answers what begins with this test.
    fn nothing(&mut self, first: usize) -> Part {
        self.terms[first..self.next].iter_mut().for_each(|term| term.is_used = false);
        Part { node: None, is_exact: false, estimate: self.documents, terms: first..self.next }
    }

    fn all(&mut self, first: usize, mut parts: Vec<Part>) -> Part {
        let mut is_exact = parts.iter().all(|part| part.is_exact);
        parts.retain(|part| part.node.is_some());
        parts.sort_by_key(|part| part.estimate);
        let Some(least) = parts.first().map(|part| part.estimate) else { return self.nothing(first) };
        let worth = least.saturating_mul(ENTRIES_PER_LOOK);
        let mut nodes = Vec::new();
        for (place, part) in parts.into_iter().enumerate() {
            if place == 0 || part.estimate <= worth {
                nodes.extend(part.node);
            } else {
                is_exact = false;
                self.terms[part.terms].iter_mut().for_each(|term| term.is_used = false);
            }
        }
        for place in first..self.next {
            if let Some(Together::Other(with)) = self.terms[place].together {
                self.terms[place].is_used = self.terms[with].is_used;
            }
        }
        let node = if nodes.len() == 1 { nodes.remove(0) } else { Node::new(NodeKind::And(nodes)) };
        Part { node: Some(node), is_exact, estimate: least, terms: first..self.next }
    }
}
