//! What can be wrong with a document or a query, in the words that commands reply.

use thiserror::Error;

/// Why there is no such index.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SchemaError {
    /// No stemmer for its language.
    #[error("Unknown language: `{0}`")]
    UnknownLanguage(String),
    /// More text fields than a word's entry has bits for.
    #[error("Schema is limited to {0} TEXT fields")]
    TooManyTextFields(u32),
}

/// Why a document is not indexed. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum PutError {
    /// No stemmer for its language.
    #[error("Unknown language: `{0}`")]
    UnknownLanguage(String),
    /// A field's content is of another kind than the field, or there are more of them than fields.
    #[error("Content of another kind than field `{0}`")]
    WrongContent(String),
    /// Not a number.
    #[error("Invalid numeric value in field `{0}`")]
    NotANumber(String),
    /// A point that is not on the map: 180 degrees of longitude, 85.05112878 of latitude.
    #[error("Invalid geo coordinates in field `{0}`")]
    PointOutOfRange(String),
    /// A vector of another length than the field's.
    #[error("Could not add vector with blob size {size} (expected size {expected})")]
    VectorLength {
        /// The field.
        field: String,
        /// Its bytes.
        size: usize,
        /// Bytes of the field's vectors.
        expected: usize,
    },
    /// All numbers of documents were given: the index has to be built anew.
    #[error("The index has no numbers left for documents")]
    NoNumbersLeft,
}

/// Why a query can't be evaluated.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QueryError {
    /// `ismissing` of a field that does not index missing values.
    #[error("'ismissing' requires field '{0}' to be defined with 'INDEXMISSING'")]
    MissingNotIndexed(String),
    /// An empty word or value in fields that do not index empty values.
    #[error("Use `INDEXEMPTY` in field creation in order to index and query for empty strings")]
    EmptyNotIndexed,
    /// A point that is not on the map.
    #[error("Invalid GeoFilter lat/lon")]
    PointOutOfRange,
    /// A radius that is none.
    #[error("Invalid GeoFilter radius")]
    InvalidRadius,
    /// A scorer that there is not.
    #[error("No such scorer {0}")]
    UnknownScorer(String),
    /// A language without stemmer.
    #[error("No such language")]
    UnknownLanguage,
    /// A field to sort by that the index does not keep.
    #[error("Property `{0}` not loaded nor in schema")]
    NotSortable(String),
    /// A vector of another length than the field's.
    #[error(
        "Error parsing vector similarity query: query vector blob size ({size}) does not match index's expected \
         size ({expected})."
    )]
    VectorLength {
        /// Its bytes.
        size: usize,
        /// Bytes of the field's vectors.
        expected: usize,
    },
    /// A radius around a vector that is none.
    #[error("Error parsing vector similarity query: negative radius ({0}) given in a range query")]
    NegativeRadius(String),
    /// The nearest vectors of a part of a query only.
    #[error("Nearest vectors are found for a whole query only")]
    NearestWithin,
    /// Parts within parts.
    #[error("The query is nested too deeply")]
    TooDeep,
}
