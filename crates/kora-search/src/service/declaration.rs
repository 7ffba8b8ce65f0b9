//! What an index is declared to hold, with all that is derived from it once.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, AtomicUsize, Ordering};

use kora_core::time::UnixMs;
use kora_index::schema::{Schema, Source};
use kora_json::Path;

use super::AskedBefore;
use crate::expression::Expression;
use crate::query::Dialect;
use crate::words::Synonyms;

/// Arguments of a command, as they were sent.
pub(crate) type Arguments = Vec<Box<[u8]>>;

/// A declared index. It does not change: a changed index has another one with the same number.
#[derive(Debug)]
pub(crate) struct Declaration {
    /// What tells it from an index that had its name before.
    pub(crate) number: u64,
    pub(crate) name: Box<[u8]>,
    pub(crate) schema: Schema,
    pub(crate) synonyms: Synonyms,
    /// The path of each field, for JSON.
    pub(crate) paths: Vec<Option<Path>>,
    pub(crate) filter: Option<Filter>,
    /// The arguments of FT.CREATE, and of each FT.ALTER, that declare it.
    pub(crate) arguments: Vec<Arguments>,
    /// Shared with what it is changed to.
    pub(crate) counters: Arc<Counters>,
    /// Queries that were read with it.
    pub(crate) asked_before: AskedBefore,
}

/// What is counted of an index.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    /// How often commands have looked at it.
    pub(crate) uses: AtomicU64,
    /// Queries by their dialects.
    pub(crate) dialects: [AtomicU64; 4],
    /// Parts that are not whole: keys are there that they do not have yet.
    pub(crate) building: AtomicUsize,
    /// When a command last looked at it, in milliseconds; none yet in this life of the server if it is not above zero, which is the time of a replay.
    used_ms: AtomicI64,
    /// It was left alone for too long, and is on its way out: no use saves it.
    pub(crate) is_leaving: AtomicBool,
}

impl Counters {
    /// A command looks at it.
    pub(crate) fn note_use(&self, now: UnixMs) {
        self.uses.fetch_add(1, Ordering::Relaxed);
        self.renew(now);
    }

    /// A temporary index is not left alone.
    pub(crate) fn renew(&self, now: UnixMs) {
        self.used_ms.fetch_max(now.0, Ordering::Relaxed);
    }

    /// A query of a dialect.
    pub(crate) fn note_dialect(&self, dialect: Dialect) {
        self.dialects[usize::from(dialect.number()) - 1].fetch_add(1, Ordering::Relaxed);
    }
}

/// FILTER of an index.
#[derive(Debug)]
pub(crate) struct Filter {
    pub(crate) expression: Expression,
    /// The field or path in each column.
    pub(crate) columns: Vec<Column>,
}

/// What a name in a filter means.
#[derive(Debug)]
pub(crate) enum Column {
    /// `@__key`.
    Key,
    /// A field of a hash.
    Field(String),
    /// A path in a JSON value.
    Path(Path),
    /// A path that is none: it has no value.
    Nothing,
}

impl Declaration {
    /// Declares an index.
    ///
    /// # Errors
    /// In the words of RediSearch, if a path of a field is none or the filter is none.
    pub(crate) fn new(
        number: u64,
        name: &[u8],
        schema: Schema,
        synonyms: Synonyms,
        arguments: Vec<Arguments>,
    ) -> Result<Self, String> {
        let mut paths = Vec::new();
        for field in &schema.fields {
            paths.push(match schema.source {
                Source::Hash => None,
                Source::Json => Some(path(&field.identifier).ok_or_else(|| {
                    format!(
                        "Invalid JSONPath '{}' in attribute '{}' in index '{}'",
                        field.identifier,
                        field.name,
                        String::from_utf8_lossy(name)
                    )
                })?),
            });
        }
        let filter = schema.filter.as_deref().map(|text| Filter::new(text, &schema)).transpose()?;
        Ok(Self {
            number,
            name: name.into(),
            schema,
            synonyms,
            paths,
            filter,
            arguments,
            counters: Arc::default(),
            asked_before: AskedBefore::default(),
        })
    }

    /// The same as a change of another index: what was counted stays.
    pub(crate) fn instead_of(self, other: &Self) -> Self {
        Self { counters: Arc::clone(&other.counters), ..self }
    }

    /// When it goes if nobody uses it, for a temporary index. Its time begins anew at `now` with a life of the server.
    pub(crate) fn deadline(&self, now: UnixMs) -> Option<UnixMs> {
        let idle_ms_max = i64::from(self.schema.temporary_seconds?) * 1000;
        if self.counters.used_ms.load(Ordering::Relaxed) <= 0 {
            self.counters.renew(now);
        }
        Some(UnixMs(self.counters.used_ms.load(Ordering::Relaxed).saturating_add(idle_ms_max)))
    }

    /// Whether it was left alone for too long.
    pub(crate) fn is_due(&self, now: UnixMs) -> bool {
        let is_leaving = self.counters.is_leaving.load(Ordering::Relaxed);
        is_leaving || self.deadline(now).is_some_and(|deadline| deadline <= now)
    }

    /// The place of a field, by its name.
    pub(crate) fn place(&self, name: &str) -> Option<usize> {
        self.schema.fields.iter().position(|field| field.name == name)
    }

    /// Words with the groups that they are in.
    pub(crate) fn groups(&self) -> BTreeMap<String, Vec<String>> {
        self.synonyms
            .words()
            .map(|(word, groups)| (word.to_owned(), groups.map(str::to_owned).collect()))
            .collect()
    }

    /// Whether a key begins as its documents do.
    pub(crate) fn admits(&self, key: &[u8]) -> bool {
        let prefixes = &self.schema.prefixes;
        prefixes.is_empty() || prefixes.iter().any(|prefix| key.starts_with(prefix))
    }
}

/// The path of an identifier; one without `$` is a member of the root, as in RedisJSON's legacy paths.
pub(crate) fn path(identifier: &str) -> Option<Path> {
    Path::parse(identifier).ok()
}

impl Filter {
    fn new(text: &str, schema: &Schema) -> Result<Self, String> {
        let mut columns = Vec::new();
        let expression = Expression::parse(text, |name| {
            let field = schema.fields.iter().find(|field| field.name == name);
            let identifier = field.map_or(name, |field| &field.identifier);
            columns.push(match schema.source {
                _ if name == "__key" => Column::Key,
                Source::Hash => Column::Field(identifier.to_owned()),
                Source::Json => path(identifier).map_or(Column::Nothing, Column::Path),
            });
            Some(columns.len() - 1)
        });
        let expression = expression.map_err(|error| error.to_string())?;
        Ok(Self { expression, columns })
    }
}
