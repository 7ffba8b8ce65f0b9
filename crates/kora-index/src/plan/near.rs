//! What a plan says of vectors, and the distances that its matches have.

use super::{Part, Plan};
use crate::index::{Index, Indexed};
use crate::query::NearestWay;
use crate::statistics::Statistics;
use crate::vectors::{Target, Vectors};

/// What else is asked for leaves so small a share of the documents that those are measured, rather than a graph searched.
const SMALL_SHARE: u64 = 16;

/// Vectors around another one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct NearTo {
    pub(crate) field: usize,
    pub(crate) target: Target,
    pub(crate) radius: f64,
    pub(crate) epsilon: Option<f64>,
    /// The name of the distance, if a match is to give it.
    pub(crate) distance: Option<String>,
}

/// The nearest vectors of what a plan matches.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Nearest {
    pub(crate) field: usize,
    pub(crate) target: Target,
    pub(crate) count: usize,
    pub(crate) distance: String,
    pub(crate) way: NearestWay,
}

impl NearTo {
    /// The distance of a document, if it is near.
    pub(crate) fn distance_of(&self, vectors: &Vectors, document: u32) -> Option<f64> {
        vectors.distance(document, &self.target).filter(|distance| *distance <= self.radius)
    }
}

/// A distance that matches of a plan may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Distance {
    /// Its name.
    pub name: String,
    /// The place of what it is from; none: what the nearest are searched for.
    near: Option<usize>,
}

impl Part {
    /// Whether many documents are asked whether they are near, rather than the few that something else selects.
    fn asks_many(&self, place: usize, statistics: &Statistics) -> bool {
        match self {
            Self::Near(near) => *near == place,
            Self::And { parts, .. } => {
                let Some(asking) = parts.iter().find(|part| part.asks_many(place, statistics)) else {
                    return false;
                };
                let others = parts.iter().filter(|part| !std::ptr::eq(*part, asking));
                let least = others.map(|part| part.estimate(statistics)).min().unwrap_or(u64::MAX);
                least > statistics.documents / SMALL_SHARE
            }
            Self::Or { parts, .. } => parts.iter().any(|part| part.asks_many(place, statistics)),
            Self::Not(part) | Self::Optional { part, .. } => part.asks_many(place, statistics),
            _ => false,
        }
    }
}

impl Plan {
    /// Whether it is worth the while to find what is near beforehand.
    pub(crate) fn asks_many(&self, near: usize, statistics: &Statistics) -> bool {
        self.root.asks_many(near, statistics)
    }

    /// Whether all documents are asked for the nearest.
    pub(crate) fn is_of_all(&self) -> bool {
        let is_all = match &self.root {
            Part::All => true,
            Part::Not(part) => matches!(**part, Part::Nothing),
            _ => false,
        };
        is_all && self.keys.is_none()
    }

    /// How many of its matches, those with the least distances, are asked for; none: all.
    #[must_use]
    pub fn nearest_count(&self) -> Option<usize> {
        self.nearest.as_ref().map(|nearest| nearest.count)
    }

    /// The distance that the nearest are chosen by.
    pub(crate) fn nearest_distance(&self) -> Option<Distance> {
        self.nearest.as_ref().map(|nearest| Distance { name: nearest.distance.clone(), near: None })
    }

    /// The distances that its matches may have, that of the nearest first.
    #[must_use]
    pub fn distances(&self) -> Vec<Distance> {
        let nears =
            self.nears.iter().enumerate().filter_map(|(place, near)| {
                Some(Distance { name: near.distance.clone()?, near: Some(place) })
            });
        self.nearest_distance().into_iter().chain(nears).collect()
    }

    /// A document's distance; none if it has no vector, or is not within the radius that it is asked for. What is not a number comes out as one
    /// that follows all others. Complexity: O(elements of its vectors).
    #[must_use]
    pub fn distance(&self, index: &Index, document: u32, distance: &Distance) -> Option<f64> {
        let of = |field: usize| match &index.fields().get(field)?.indexed {
            Indexed::Vectors(vectors) => Some(vectors),
            _ => None,
        };
        match distance.near {
            None => {
                let nearest = self.nearest.as_ref()?;
                let found = of(nearest.field)?.distance(document, &nearest.target)?;
                Some(if found.is_nan() { f64::NAN } else { found })
            }
            Some(place) => {
                let near = self.nears.get(place)?;
                near.distance_of(of(near.field)?, document)
            }
        }
    }

    /// Elements of the vectors that are compared for each document that it is asked of.
    pub(crate) fn elements_compared(&self, index: &Index) -> usize {
        let nears = self.nears.iter().map(|near| near.field);
        let fields = nears.chain(self.nearest.iter().map(|nearest| nearest.field));
        let dimensions = fields.map(|field| match &index.fields()[field].indexed {
            Indexed::Vectors(vectors) => vectors.dimensions(),
            _ => 0,
        });
        dimensions.sum()
    }
}
