//! What an index is given of a document: the values of its fields, already extracted from a hash or a JSON value.

/// A document as an index sees it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document<'a> {
    /// One for each field of the schema, in its order; those past the end are missing.
    pub fields: Vec<Values<'a>>,
    /// Language of its words; none given: the index's, or else English.
    pub language: Option<&'a str>,
    /// Score that it has in itself, 0 to 1; none given: the index's, or else 1.
    pub score: Option<f64>,
    /// Payload, kept with it.
    pub payload: Option<&'a [u8]>,
    /// Its length, in place of the number of its words.
    pub length: Option<u32>,
    /// Place among documents whose scores or sort keys are equal: the least comes first. A number that grows with each write, whichever shard it
    /// is on, gives one order over all shards.
    pub order: u64,
}

/// A field's values in one document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values<'a> {
    /// What is indexed.
    pub content: Content<'a>,
    /// What documents are sorted by, if the field is sortable.
    pub sort: Option<SortValue>,
}

/// Values to index. An array in JSON gives several.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Content<'a> {
    /// The document has no such field.
    #[default]
    Missing,
    /// Texts.
    Text(Vec<&'a [u8]>),
    /// Tags, before they are separated and trimmed.
    Tags(Vec<&'a [u8]>),
    /// Numbers; not-a-number is left out.
    Numbers(Vec<f64>),
    /// Points: longitude and latitude in degrees.
    Points(Vec<(f64, f64)>),
    /// Vectors: the elements of each, little-endian, of the field's type.
    Vectors(Vec<&'a [u8]>),
    /// Scalars, as [`crate::scalar::Scalar::encode`] makes them.
    Scalars(Vec<&'a [u8]>),
}

/// What documents are sorted by.
#[derive(Clone, Debug, PartialEq)]
pub enum SortValue {
    /// A number.
    Number(f64),
    /// Text.
    Text(Vec<u8>),
}

/// A kept sort value, borrowed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum SortKey<'a> {
    /// The document has none.
    Missing,
    /// The document has null.
    Null,
    /// A number.
    Number(f64),
    /// Text, in lower case unless the field is UNF.
    Text(&'a [u8]),
}
