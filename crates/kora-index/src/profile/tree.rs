//! The parts of a query as they are carried out.

use std::time::Duration;

use crate::index::Index;
use crate::matcher::Matcher;
use crate::plan::{Leaf, Part, Plan, SetOf};
use crate::query::{Pattern, Radius, Range};
use crate::statistics::{LeafStatistics, Statistics};

/// A part of a query, and what it did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProfiledPart {
    /// What it is.
    pub kind: Kind,
    /// Documents that it came to.
    pub documents: u64,
    /// How long it took, with what lies in it.
    pub taken: Duration,
    /// What lies in it.
    pub parts: Vec<Self>,
    pub(super) number: Option<usize>,
}

/// What a part of a query is.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Kind {
    /// It matches nothing.
    #[default]
    Nothing,
    /// All documents.
    All,
    /// A word, which is in so many documents.
    Word {
        /// The word.
        text: String,
        /// The documents.
        size: u64,
    },
    /// A value of a tag field, which is in so many documents.
    Value {
        /// The value.
        text: String,
        /// The documents.
        size: u64,
    },
    /// A range of numbers, of which there are so many.
    Numbers {
        /// The range.
        range: Range,
        /// The numbers.
        size: u64,
        /// Its place among the sets of the plan.
        set: usize,
    },
    /// A circle, with so many points in the ranges around it.
    Points {
        /// The circle.
        radius: Radius,
        /// The points.
        size: u64,
        /// Its place among the sets of the plan.
        set: usize,
    },
    /// Ranges of scalars, of which there are so many.
    Scalars {
        /// The scalars.
        size: u64,
        /// Their place among the sets of the plan.
        set: usize,
    },
    /// Vectors around another one.
    Near,
    /// The nearest vectors.
    Nearest,
    /// Documents without a field.
    Missing(String),
    /// Documents that the query names.
    Keys,
    /// All of its parts.
    And,
    /// Any of its parts.
    Or(UnionOf),
    /// All but its part.
    Not,
    /// All, its part among them.
    Optional,
}

/// What a union is of.
#[derive(Clone, Debug, PartialEq)]
pub enum UnionOf {
    /// Parts of a query.
    Parts,
    /// Values of a tag field.
    Values,
    /// What a pattern stands for.
    Pattern(Pattern),
}

/// Parts lie in each other no deeper than those of the plan.
pub(super) fn describe(
    matcher: &Matcher<'_>,
    plan: &Plan,
    statistics: &Statistics,
    index: &Index,
) -> ProfiledPart {
    let Matcher::Counted(counted) = matcher else { return ProfiledPart::default() };
    let describe = |inner: &Matcher<'_>| describe(inner, plan, statistics, index);
    let parts = match &*counted.inner {
        Matcher::And(and) => and.parts.iter().map(describe).collect(),
        Matcher::Or(or) => or.parts.iter().map(describe).collect(),
        Matcher::Not { inner, .. } | Matcher::Optional { inner, .. } => vec![describe(inner)],
        _ => Vec::new(),
    };
    let kind = match (&*counted.inner, counted.part) {
        (Matcher::All { .. }, _) => Kind::All,
        (Matcher::Term { text, .. }, part) => term(text, part, statistics),
        (Matcher::Set { .. }, Part::Set(set)) => collected(*set, plan, statistics),
        (Matcher::Near { .. }, _) => Kind::Near,
        (Matcher::Missing { .. }, Part::Missing { field, .. }) => {
            Kind::Missing(index.schema().fields[*field].name.clone())
        }
        (Matcher::And(_), _) => Kind::And,
        (Matcher::Or(_), part) => Kind::Or(union_of(part, plan)),
        (Matcher::Not { .. }, _) => Kind::Not,
        (Matcher::Optional { .. }, _) => Kind::Optional,
        // Neither is counted, and sets and missing fields are parts of a plan.
        (Matcher::Nothing | Matcher::Counted(_) | Matcher::Set { .. } | Matcher::Missing { .. }, _) => {
            Kind::Nothing
        }
    };
    ProfiledPart { kind, parts, number: Some(counted.number), ..ProfiledPart::default() }
}

fn term(text: &str, part: &Part, statistics: &Statistics) -> Kind {
    let size = |leaf: usize| match statistics.leaves.get(leaf) {
        Some(LeafStatistics::Count(count)) => *count,
        Some(LeafStatistics::Expansions(all)) => {
            all.iter().find(|(other, _)| &**other == text).map_or(0, |(_, count)| *count)
        }
        None => 0,
    };
    let text = text.to_owned();
    match part {
        Part::Value { leaf, .. } | Part::Values { leaf, .. } => Kind::Value { text, size: size(*leaf) },
        Part::Word { leaf, .. } | Part::Words { leaf, .. } => Kind::Word { text, size: size(*leaf) },
        _ => Kind::Nothing,
    }
}

fn collected(set: usize, plan: &Plan, statistics: &Statistics) -> Kind {
    let size = statistics.sets.get(set).copied().unwrap_or(0);
    match &plan.sets[set] {
        SetOf::Range { range, .. } => Kind::Numbers { range: *range, size, set },
        SetOf::Radius { radius, .. } => Kind::Points { radius: *radius, size, set },
        SetOf::Scalars { .. } => Kind::Scalars { size, set },
    }
}

fn union_of(part: &Part, plan: &Plan) -> UnionOf {
    match part {
        Part::Words { leaf, .. } | Part::Values { leaf, .. } => match &plan.leaves[*leaf] {
            Leaf::Words(pattern) | Leaf::Values(_, pattern) => UnionOf::Pattern(pattern.clone()),
            Leaf::Word(_) | Leaf::Value(..) => UnionOf::Parts,
        },
        Part::Or { is_of_values: true, .. } => UnionOf::Values,
        _ => UnionOf::Parts,
    }
}
