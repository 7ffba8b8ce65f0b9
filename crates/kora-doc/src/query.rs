//! Questions about a collection: how they are answered ([`plan`]), what they find ([`find`]), in which order ([`order`]), and how one goes on where another has
//! ended ([`cursor`]), and by distances of vectors ([`nearest`]).
//!
//! A question is made ready with all stores in hand, so that it is of one moment. Then each part has its share of it ([`work`]), which can be left and taken up
//! again, and sees its store as it was then ([`view`]).

pub(crate) mod cursor;
pub(crate) mod find;
pub(crate) mod nearest;
pub(crate) mod order;
pub(crate) mod plan;
pub(crate) mod view;
pub(crate) mod work;

use crate::condition::Condition;
use crate::path::Path;
use kora_index::search::Direction;
use nearest::Nearest;
use order::Position;

/// What is asked of a collection.
#[derive(Debug, Default)]
pub(crate) struct Question {
    pub(crate) condition: Option<Condition>,
    /// What documents are sorted by; nothing: the order in which they were written.
    pub(crate) order: Vec<(Path, Direction)>,
    /// Documents wanted, those included that are passed over.
    pub(crate) limit: Option<usize>,
    /// What was found last.
    pub(crate) after: Option<Position>,
    /// Only those of the documents whose vectors are the nearest to one; they are in the order of their distances.
    pub(crate) nearest: Option<Nearest>,
}
