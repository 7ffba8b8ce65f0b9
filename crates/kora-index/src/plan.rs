//! A query made ready for an index of some schema: names resolved to fields, words with their stems, and checked.
//!
//! A plan holds for all parts of an index, whichever shard they are on, since it depends on the schema alone. Its leaves are the words, values
//! and patterns whose numbers of documents are to be collected from all shards before scores can be given ([`crate::statistics`]).

mod compile;
mod estimate;
mod near;
#[cfg(test)]
mod tests;

use crate::error::QueryError;
use crate::index::{HeldScalars, Index, Indexed, is_phonetic};
use crate::numbers::Numbers;
use crate::query::{Bound, Node, Pattern, Radius, Range};
use crate::scalar::ScalarRange;
use crate::{analysis, geo};
pub use near::Distance;
pub(crate) use near::{NearTo, Nearest};

/// Least characters of a prefix, suffix or inner part that is looked for, as Redis has it.
pub const PREFIX_BYTES_MIN: usize = 2;
/// Most words that a pattern stands for, as Redis has it.
pub const EXPANSIONS_MAX: usize = 200;
/// Most words that all patterns of a query stand for together, each as often as the query has it: as many as two hundred patterns have. A search opens
/// each of them in each of its slices.
pub const WORDS_MAX: usize = 200 * EXPANSIONS_MAX;
/// Most parts within parts.
pub const DEPTH_MAX: usize = 512;

/// What is said about a whole query.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// Language that its words are stemmed by; none given: the index's, or else English.
    pub language: Option<String>,
    /// Words that may stand between its words at most.
    pub slop: Option<i64>,
    /// Whether its words must stand in its order.
    pub in_order: bool,
    /// Fields that its words are to be found in; none given: all. Unknown ones are left out.
    pub fields: Option<Vec<String>>,
    /// Keys that it is about; none given: all.
    pub keys: Option<Vec<Vec<u8>>>,
    /// Least bytes of a prefix, suffix or inner part; shorter ones find nothing.
    pub prefix_bytes_min: usize,
    /// Most words that a pattern stands for.
    pub expansions_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            language: None,
            slop: None,
            in_order: false,
            fields: None,
            keys: None,
            prefix_bytes_min: PREFIX_BYTES_MIN,
            expansions_max: EXPANSIONS_MAX,
        }
    }
}

/// A query made ready.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub(crate) root: Part,
    pub(crate) leaves: Vec<Leaf>,
    /// How often the query has each of the leaves, if they are patterns; those behind the last pattern are left out.
    pub(crate) uses: Vec<usize>,
    /// Ranges and radii, whose documents are collected before the search.
    pub(crate) sets: Vec<SetOf>,
    /// Vectors that others are to be near to.
    pub(crate) nears: Vec<NearTo>,
    /// Of what it matches, only the nearest.
    pub(crate) nearest: Option<Nearest>,
    pub(crate) keys: Option<Vec<Vec<u8>>>,
    pub(crate) expansions_max: usize,
}

/// A part of a plan.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Part {
    All,
    Nothing,
    /// A word, in fields with these bits.
    Word {
        leaf: usize,
        weight: f64,
        fields: u128,
    },
    /// A value of a tag field.
    Value {
        leaf: usize,
        weight: f64,
        field: usize,
    },
    /// The words that fit a pattern.
    Words {
        leaf: usize,
        weight: f64,
        fields: u128,
    },
    /// The values that fit a pattern.
    Values {
        leaf: usize,
        weight: f64,
        field: usize,
    },
    /// A range or radius: its place among the sets.
    Set(usize),
    /// Vectors around another one: its place among those.
    Near(usize),
    /// Documents without a field. They score nothing, unless within an optional part.
    Missing {
        field: usize,
        weight: f64,
    },
    And {
        parts: Vec<Part>,
        weight: f64,
        slop: Option<u64>,
        in_order: bool,
    },
    /// Any of several: values of one tag field, or else parts of which a single one that is left stands for all.
    Or {
        parts: Vec<Part>,
        weight: f64,
        is_of_values: bool,
    },
    Not(Box<Part>),
    /// What the part does not match has the weight `missed`: 0, but in an optional part.
    Optional {
        part: Box<Part>,
        missed: f64,
    },
}

/// What has to be counted in all parts of an index.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Leaf {
    Word(String),
    Value(usize, String),
    Words(Pattern),
    Values(usize, Pattern),
}

/// Documents by their numbers, points or scalars.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SetOf {
    Range { field: usize, range: Range },
    Radius { field: usize, radius: Radius },
    Scalars { field: usize, ranges: Vec<ScalarRange> },
}

impl SetOf {
    fn field(&self) -> usize {
        let (Self::Range { field, .. } | Self::Radius { field, .. } | Self::Scalars { field, .. }) = self;
        *field
    }

    /// The field's scalars in an index.
    pub(crate) fn scalars<'a>(&self, index: &'a Index) -> Option<&'a HeldScalars> {
        match &index.fields()[self.field()].indexed {
            Indexed::Scalars(held) => Some(held),
            _ => None,
        }
    }

    /// The field's numbers in an index.
    pub(crate) fn numbers<'a>(&self, index: &'a Index) -> Option<&'a Numbers> {
        match &index.fields()[self.field()].indexed {
            Indexed::Numbers(numbers) | Indexed::Points(numbers) => Some(numbers),
            _ => None,
        }
    }

    /// The ranges of numbers that it may be in.
    pub(crate) fn ranges(&self) -> Vec<Range> {
        match self {
            Self::Range { range, .. } => vec![*range],
            Self::Radius { radius, .. } => geo::ranges(radius),
            Self::Scalars { .. } => Vec::new(),
        }
    }

    /// Numbers in the whole field, of documents that live.
    pub(crate) fn total(&self, index: &Index) -> usize {
        let Some(numbers) = self.numbers(index) else { return 0 };
        let bound = |value| Bound { value, is_exclusive: false };
        let all = Range { from: bound(f64::NEG_INFINITY), to: bound(f64::INFINITY) };
        numbers.count_in(&all) - index.fields()[self.field()].dying.count_in(&all)
    }

    /// Numbers or scalars in those ranges, of documents that live.
    pub(crate) fn count(&self, index: &Index) -> usize {
        if let Self::Scalars { ranges, .. } = self {
            let held = self.scalars(index);
            let count = held.map_or(0, |held| held.count_in(ranges));
            return usize::try_from(count).unwrap_or(usize::MAX);
        }
        let Some(numbers) = self.numbers(index) else { return 0 };
        let dying = &index.fields()[self.field()].dying;
        self.ranges().iter().map(|range| numbers.count_in(range) - dying.count_in(range)).sum()
    }
}

/// What a word also matches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expansion {
    /// Words with this stem: the text is the stem with a `+` before it.
    StemOf(String),
    /// The stem itself.
    Stem(String),
    /// Words that sound alike: the text is how they sound with a `<` before it.
    Sound(String),
    /// Words of a group of synonyms: the text is the group's name with a `~` before it.
    Synonym(String),
}

impl Expansion {
    /// The text as the dictionary has it.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::StemOf(text) | Self::Stem(text) | Self::Sound(text) | Self::Synonym(text) => text,
        }
    }
}

impl Plan {
    /// Whether it is about keys that it names only.
    #[must_use]
    pub fn has_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// Whether it has patterns, for which many words may have to be looked at. Complexity: O(leaves).
    #[must_use]
    pub fn has_patterns(&self) -> bool {
        self.leaves.iter().any(|leaf| matches!(leaf, Leaf::Words(_) | Leaf::Values(..)))
    }

    /// Most words that its patterns may stand for together: [`WORDS_MAX`], or as many as one of them may.
    #[must_use]
    pub fn words_max(&self) -> usize {
        WORDS_MAX.max(self.expansions_max)
    }

    /// How often the query has a pattern.
    pub(crate) fn uses_of(&self, leaf: usize) -> usize {
        self.uses.get(leaf).copied().unwrap_or(0)
    }

    /// Makes a query ready. Complexity: O(size of the query).
    ///
    /// # Errors
    /// [`QueryError`].
    pub fn new(index: &Index, node: &Node, options: &Options) -> Result<Self, QueryError> {
        compile::compile(index, node, options)
    }
}

impl Index {
    /// Whether words of a query also match words that sound alike, in these fields or in all. Complexity: O(fields).
    #[must_use]
    pub fn has_sounds(&self, fields: Option<&[String]>) -> bool {
        let is_asked = |name: &String| fields.is_none_or(|fields| fields.contains(name));
        self.schema().fields.iter().any(|field| is_asked(&field.name) && is_phonetic(field))
    }

    /// What a word of a query also matches, in the order in which the oracle's EXPLAIN shows it; words that sound alike among it if asked for.
    /// Complexity: O(length).
    ///
    /// # Errors
    /// If the language has no stemmer.
    pub fn expansions(
        &self,
        word: &str,
        language: Option<&str>,
        by_sound: bool,
    ) -> Result<Vec<Expansion>, QueryError> {
        let language =
            language.or(self.schema().language.as_ref().map(|language| &*language.0)).unwrap_or("english");
        let stemmer = analysis::Stemmer::new(language).ok_or(QueryError::UnknownLanguage)?;
        let groups = self.synonyms().get(word).into_iter().flatten();
        let mut found: Vec<Expansion> =
            groups.map(|group| Expansion::Synonym(format!("{}{group}", analysis::SYNONYM_MARK))).collect();
        let sound = if by_sound { analysis::sound(word) } else { None };
        found.extend(sound.map(|sound| Expansion::Sound(format!("{}{sound}", analysis::SOUND_MARK))));
        match stemmer.stem(word) {
            Some(stem) => {
                found.push(Expansion::StemOf(format!("{}{stem}", analysis::STEM_MARK)));
                found.push(Expansion::Stem(stem.into_owned()));
            }
            None => found.push(Expansion::StemOf(format!("{}{word}", analysis::STEM_MARK))),
        }
        Ok(found)
    }
}
