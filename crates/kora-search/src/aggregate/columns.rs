//! Which column a name means at each step, and what is to be loaded for it.

use std::collections::HashMap;

use kora_index::schema::Schema;

use super::plan::Loaded;

/// A value of a document that a row begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The field's name, or a path.
    pub field: String,
    /// Its name in replies.
    pub name: String,
    /// The column that it fills.
    pub column: usize,
}

/// Columns while steps are compiled.
pub(super) struct Columns<'a> {
    schema: &'a Schema,
    names: Vec<String>,
    /// Columns by the names that mean them now.
    known: HashMap<String, usize>,
    sources: Vec<Source>,
    /// Whether rows are still documents, so that their fields can be loaded.
    are_documents: bool,
    /// LOAD * of hashes: every name is a field. JSON values are loaded whole.
    has_all: bool,
}

impl<'a> Columns<'a> {
    pub(super) fn new(schema: &'a Schema) -> Self {
        Self {
            schema,
            names: Vec::new(),
            known: HashMap::new(),
            sources: Vec::new(),
            are_documents: true,
            has_all: false,
        }
    }

    /// The column that a name means.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.known.get(name).copied()
    }

    /// The column that a name means from now on: the one that it means now, or else a new one.
    pub(super) fn define(&mut self, name: &str) -> usize {
        if let Some(column) = self.find(name) {
            return column;
        }
        let column = self.names.len();
        self.names.push(name.to_owned());
        self.known.insert(name.to_owned(), column);
        column
    }

    /// LOAD of a field.
    pub(super) fn load(&mut self, loaded: &Loaded) {
        if self.find(&loaded.name).is_some() {
            return;
        }
        let column = self.define(&loaded.name);
        self.sources.push(Source { field: loaded.field.clone(), name: loaded.name.clone(), column });
    }

    /// LOAD *.
    pub(super) fn load_all(&mut self) {
        match self.schema.source {
            kora_index::schema::Source::Hash => self.has_all = true,
            kora_index::schema::Source::Json => {
                self.load(&Loaded { field: "$".to_owned(), name: "$".to_owned() });
            }
        }
    }

    /// The column of a name, which is loaded if it is a field of the index.
    pub(super) fn find_or_load(&mut self, name: &str) -> Option<usize> {
        let is_field = self.has_all || self.schema.fields.iter().any(|field| field.name == name);
        if self.find(name).is_none() && self.are_documents && is_field {
            self.load(&Loaded { field: name.to_owned(), name: name.to_owned() });
        }
        self.find(name)
    }

    /// The column of a name in an expression: of a field only if its value is kept with the document.
    pub(super) fn find_or_sortable(&mut self, name: &str) -> Option<usize> {
        let is_sortable =
            |name: &str| self.schema.fields.iter().any(|field| field.name == name && field.sortable);
        if self.find(name).is_none() && !self.has_all && !is_sortable(name) {
            return None;
        }
        self.find_or_load(name)
    }

    /// GROUPBY: from now on there are only these names.
    pub(super) fn regroup(&mut self, names: impl IntoIterator<Item = String>) {
        self.are_documents = false;
        self.known.clear();
        self.names.clear();
        for name in names {
            self.define(&name);
        }
    }

    /// The names of the columns, and the columns in which documents are loaded.
    pub(super) fn finish(self) -> (Vec<String>, Vec<Source>) {
        (self.names, self.sources)
    }
}
