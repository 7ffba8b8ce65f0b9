//! Documents that could not be indexed, as FT.INFO tells of them.

use kora_index::error::PutError;
use kora_index::schema::Schema;

/// Why a document is not indexed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// In the words of RediSearch.
    pub(crate) text: String,
    /// The place of the field that is the cause, if one is.
    pub(crate) field: Option<usize>,
}

impl Failure {
    pub(super) fn new(text: impl Into<String>, field: Option<usize>) -> Self {
        Self { text: text.into(), field }
    }

    /// What an index refuses.
    pub(super) fn of_index(error: &PutError, schema: &Schema) -> Self {
        let place = |name: &String| schema.fields.iter().position(|field| field.name == *name);
        match error {
            PutError::PointOutOfRange(name) => Self::new("Invalid geo coordinates", place(name)),
            PutError::VectorLength { field, .. } => Self::new(error.to_string(), place(field)),
            PutError::WrongContent(name) | PutError::NotANumber(name) => {
                Self::new(error.to_string(), place(name))
            }
            _ => Self::new(error.to_string(), None),
        }
    }
}

/// Failures of an index or a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Count {
    pub(crate) count: u64,
    pub(crate) last: Option<LastFailure>,
}

/// The last failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LastFailure {
    /// Of the write that brought the document, among all writes.
    order: u64,
    pub(crate) text: String,
    pub(crate) key: Box<[u8]>,
}

impl Count {
    fn note(&mut self, (key, order): (&[u8], u64), text: &str) {
        self.count += 1;
        self.last = Some(LastFailure { order, text: text.to_owned(), key: key.into() });
    }

    /// Adds those of another part.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.count += other.count;
        let order = |last: &Option<LastFailure>| last.as_ref().map(|last| last.order);
        if order(&other.last) >= order(&self.last) {
            self.last.clone_from(&other.last);
        }
    }
}

/// Failures of an index, and of each of its fields.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failures {
    pub(crate) all: Count,
    pub(crate) fields: Vec<Count>,
}

impl Failures {
    pub(crate) fn new(field_count: usize) -> Self {
        Self { all: Count::default(), fields: vec![Count::default(); field_count] }
    }

    /// There are so many fields now.
    pub(super) fn resize(&mut self, field_count: usize) {
        self.fields.resize(field_count, Count::default());
    }

    /// The document of this key, which the write of this order brought, is not indexed.
    pub(super) fn note(&mut self, document: (&[u8], u64), failure: &Failure) {
        self.all.note(document, &failure.text);
        if let Some(field) = failure.field.and_then(|field| self.fields.get_mut(field)) {
            field.note(document, &failure.text);
        }
    }

    /// Adds those of another part of the same index.
    pub(crate) fn merge(&mut self, other: &Self) {
        self.all.merge(&other.all);
        self.resize(other.fields.len().max(self.fields.len()));
        self.fields.iter_mut().zip(&other.fields).for_each(|(field, more)| field.merge(more));
    }
}
