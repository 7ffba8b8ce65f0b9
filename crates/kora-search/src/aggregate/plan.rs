//! The steps of an aggregation, as they are asked for.

use crate::command::options::Limit;

/// One step.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// LOAD.
    Load(Load),
    /// GROUPBY.
    Group(Group),
    /// SORTBY and LIMIT, which together are one step.
    Arrange(Arrange),
    /// APPLY expression AS name.
    Apply {
        /// The expression.
        expression: String,
        /// The column that it fills.
        name: String,
    },
    /// FILTER expression.
    Filter(String),
}

/// LOAD n field ... or LOAD *.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Load {
    /// All fields of a document.
    All,
    /// These.
    Fields(Vec<Loaded>),
}

/// A field to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    /// The field's name, or a path.
    pub field: String,
    /// The column that it fills: AS, or its name.
    pub name: String,
}

/// GROUPBY n property ... REDUCE ...
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Rows with equal values of these are one group.
    pub properties: Vec<String>,
    /// What is computed of a group.
    pub reducers: Vec<Reducer>,
}

/// REDUCE function n argument ... AS name.
#[derive(Clone, Debug, PartialEq)]
pub struct Reducer {
    /// What is computed.
    pub function: Reduction,
    /// The column that it fills.
    pub name: String,
}

/// What is computed of the rows of a group.
#[derive(Clone, Debug, PartialEq)]
pub enum Reduction {
    /// How many there are.
    Count,
    /// How many values a property has.
    CountDistinct(String),
    /// About as many.
    CountDistinctish(String),
    /// The sum of its numbers.
    Sum(String),
    /// The least of its numbers.
    Min(String),
    /// The greatest of its numbers.
    Max(String),
    /// The mean of its numbers.
    Avg(String),
    /// The standard deviation of a sample of its numbers.
    StdDev(String),
    /// The number that a part of its numbers is below.
    Quantile {
        /// The property.
        property: String,
        /// The part, 0 to 1.
        part: f64,
    },
    /// Its values, each once.
    ToList(String),
    /// Its value in the first row, or the first by another property.
    FirstValue {
        /// The property.
        property: String,
        /// By which property, and whether by the greatest of its values.
        by: Option<(String, bool)>,
    },
    /// Some of its values by chance.
    RandomSample {
        /// The property.
        property: String,
        /// How many.
        size: u64,
    },
}

/// SORTBY n property [ASC | DESC] ... [MAX n] and LIMIT offset n.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arrange {
    /// Properties, and whether the greatest comes first; none: the order stays.
    pub keys: Option<Vec<(String, bool)>>,
    /// MAX: how many rows are kept while sorting.
    pub max: Option<u64>,
    /// LIMIT.
    pub limit: Option<Limit>,
}
