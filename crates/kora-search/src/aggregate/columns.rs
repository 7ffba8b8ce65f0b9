//! Which column a name means at each step, and what is to be loaded for it.

use std::collections::HashMap;

use kora_index::schema::{Field, Schema};

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
    /// Where the value is from.
    pub origin: Origin,
}

/// Where a value is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// What the index keeps of a sortable field, which no LOAD has asked for: a text is folded unless the field is UNF.
    Index,
    /// The document.
    Document,
    /// The document, by LOAD *: the value of a hash's field is a text, whatever the index takes it for.
    AsItIs,
}

/// Columns while steps are compiled.
pub(super) struct Columns<'a> {
    schema: &'a Schema,
    /// Names in the order in which they came up.
    names: Vec<String>,
    /// Columns by the names that mean them now.
    known: HashMap<String, usize>,
    count: usize,
    sources: Vec<Source>,
    /// Whether rows are still documents, so that their fields can be loaded.
    are_documents: bool,
    /// LOAD * of hashes.
    has_all: bool,
}

impl<'a> Columns<'a> {
    pub(super) fn new(schema: &'a Schema) -> Self {
        Self {
            schema,
            names: Vec::new(),
            known: HashMap::new(),
            count: 0,
            sources: Vec::new(),
            are_documents: true,
            has_all: false,
        }
    }

    /// The column that a name means.
    pub(super) fn find(&self, name: &str) -> Option<usize> {
        self.known.get(name).copied()
    }

    /// The column that a name means from now on: the one that it means now, or else a new one. What the index keeps has a column of its own.
    pub(super) fn define(&mut self, name: &str) -> usize {
        let own = self.find(name).filter(|column| !self.is_kept(*column));
        own.unwrap_or_else(|| self.add(name))
    }

    /// Whether a column has what the index keeps.
    fn is_kept(&self, column: usize) -> bool {
        let is_it = |source: &Source| source.column == column && source.origin == Origin::Index;
        self.are_documents && self.sources.iter().any(is_it)
    }

    /// A new column, which the name means from now on.
    fn add(&mut self, name: &str) -> usize {
        let column = self.count;
        self.count += 1;
        if self.known.insert(name.to_owned(), column).is_none() {
            self.names.push(name.to_owned());
        }
        column
    }

    /// LOAD of a field: a column that has what the index keeps gives way to it.
    pub(super) fn load(&mut self, loaded: &Loaded) {
        self.load_from(loaded, Origin::Document);
    }

    fn load_from(&mut self, loaded: &Loaded, origin: Origin) {
        if self.find(&loaded.name).is_some_and(|column| origin == Origin::Index || !self.is_kept(column)) {
            return;
        }
        let column = self.add(&loaded.name);
        self.sources.push(Source { field: loaded.field.clone(), name: loaded.name.clone(), column, origin });
    }

    /// LOAD *. Of JSON values that is the value as a whole, and no field of it.
    pub(super) fn load_all(&mut self) {
        if self.schema.source == kora_index::schema::Source::Json {
            return;
        }
        self.has_all = true;
        for name in self.names.clone() {
            if self.field(&name).is_some() {
                self.load_from(&Loaded { field: name.clone(), name }, Origin::AsItIs);
            }
        }
    }

    fn field(&self, name: &str) -> Option<&Field> {
        self.schema.fields.iter().find(|field| field.name == name)
    }

    /// The column of a name, which is loaded if it is a field of the index.
    pub(super) fn find_or_load(&mut self, name: &str) -> Option<usize> {
        let origin = self.field(name).map(|field| match field.sortable {
            _ if self.has_all => Origin::AsItIs,
            true => Origin::Index,
            false => Origin::Document,
        });
        if let Some(origin) = origin.filter(|_| self.are_documents && self.find(name).is_none()) {
            self.load_from(&Loaded { field: name.to_owned(), name: name.to_owned() }, origin);
        }
        self.find(name)
    }

    /// The column of a name in an expression: of a field only if its value is kept with the document, or all of a hash is loaded.
    pub(super) fn find_or_sortable(&mut self, name: &str) -> Option<usize> {
        let is_sortable = self.field(name).is_some_and(|field| field.sortable);
        if self.find(name).is_none() && !self.has_all && !is_sortable {
            return None;
        }
        self.find_or_load(name)
    }

    /// GROUPBY: from now on there are only these names.
    pub(super) fn regroup(&mut self, names: impl IntoIterator<Item = String>) {
        self.are_documents = false;
        self.known.clear();
        self.names.clear();
        self.count = 0;
        for name in names {
            self.define(&name);
        }
    }

    /// Names with the columns that they mean in the end, and the columns in which documents are loaded.
    pub(super) fn finish(self) -> (Vec<(String, usize)>, Vec<Source>) {
        let known = self.known;
        let shown = self.names.into_iter().filter_map(|name| known.get(&name).copied().map(|at| (name, at)));
        (shown.collect(), self.sources)
    }
}
