//! HIGHLIGHT and SUMMARIZE: which texts of a result are shown otherwise than they are, and how.

use kora_core::entry::Entry;
use kora_core::error::{CommandError, CommandResult};
use kora_index::schema::{FieldKind, Source};

use super::super::load::Wanted;
use super::super::refusal;
use crate::command::create::language;
use crate::command::search::{Output, Style};
use crate::companion::IndexPart;
use crate::excerpt::{self, FoundWord};
use crate::query::Dialect;
use crate::service::Declaration;
use crate::value::Value;

/// A word of the query that a document has, as the dictionary has it, with its rarity.
pub(super) type Term = (String, f64);

/// Refuses fields that cannot be shown otherwise.
///
/// # Errors
/// In the words of RediSearch.
pub(super) fn check(declaration: &Declaration, output: &Output) -> CommandResult {
    let shown = &output.shown;
    if shown.is_plain() || output.no_content {
        return Ok(());
    }
    if declaration.schema.no_highlighting {
        return Err(CommandError::text(
            "Cannot use highlight/summarize because NOOFSETS was specified at index level",
        ));
    }
    let is_there = |name: &str| declaration.place(name).is_some();
    let Some(returned) = &output.returned else {
        // All that is loaded of a JSON value is `$`.
        let is_loaded = |name: &str| is_there(name) && declaration.schema.source == Source::Hash;
        return match shown.fields.iter().find(|(name, _)| !is_loaded(name)) {
            Some((name, _)) => Err(refusal(format_args!("No such property `{name}`"))),
            None => Ok(()),
        };
    };
    for field in returned {
        let name = field.alias.as_ref().unwrap_or(&field.field);
        let is_named = || shown.fields.iter().any(|(named, _)| named == name);
        if !is_there(&field.field) || (!is_there(name) && is_named()) {
            return Err(refusal(format_args!("Property `{name}` is not in schema")));
        }
    }
    Ok(())
}

/// Shows the fields of a result as is asked for. Fields that are named come first, but behind so many others.
///
/// Complexity: O(length of the texts).
pub(super) fn show(
    output: &Output,
    part: &IndexPart,
    entry: &Entry,
    terms: &[Term],
    first: usize,
    fields: &mut [(Vec<u8>, Value)],
) {
    let shown = &output.shown;
    let place = |name: &[u8]| shown.fields.iter().position(|(field, _)| field.as_bytes() == name);
    if let Some(others) = fields.get_mut(first..) {
        others.sort_by_key(|(name, _)| place(name).unwrap_or(usize::MAX));
    }
    let language = language_of(&part.declaration, entry);
    for (name, value) in fields {
        let style = shown.style(name, output.returned.is_some());
        // The numbers of a whole hash are texts.
        let is_typed = output.returned.is_some() || place(name).is_some();
        if let Value::Text(text) = value
            && !(is_typed && is_number(&part.declaration, name))
            && let Some(other) = styled(part, &style, name, language.as_deref(), terms, text)
        {
            *value = Value::text(other);
        }
    }
}

/// Whether a field holds numbers.
fn is_number(declaration: &Declaration, name: &[u8]) -> bool {
    let fields = &declaration.schema.fields;
    fields.iter().any(|field| field.name.as_bytes() == name && matches!(field.kind, FieldKind::Numeric))
}

/// A text as it is shown, if that is otherwise than it is.
fn styled(
    part: &IndexPart,
    style: &Style,
    name: &[u8],
    language: Option<&str>,
    terms: &[Term],
    text: &[u8],
) -> Option<Vec<u8>> {
    let schema = &part.declaration.schema;
    let place = schema.fields.iter().position(|field| field.name.as_bytes() == name);
    if let Some(place) = place {
        let words = found_words(part, place, language, terms, text);
        match (&style.pieces, &style.tags) {
            _ if words.is_empty() => {}
            (Some(pieces), tags) => {
                let rarities: Vec<f64> = terms.iter().map(|(_, rarity)| *rarity).collect();
                return Some(excerpt::summarize(text, &words, &rarities, pieces, tags.as_ref()));
            }
            (None, Some(tags)) => return Some(excerpt::highlight(text, &words, tags)),
            (None, None) => {}
        }
    }
    // Words that are not there would have been marked: then the text stays.
    let pieces = style.pieces.as_ref().filter(|_| style.tags.is_none())?;
    Some(excerpt::trim(text, pieces))
}

/// The words of a field's text that the query found.
fn found_words(
    part: &IndexPart,
    field: usize,
    language: Option<&str>,
    terms: &[Term],
    text: &[u8],
) -> Vec<FoundWord> {
    let mut words: Vec<FoundWord> = Vec::new();
    part.index.each_form(field, language, text, |place, bytes, form| {
        let Some(term) = terms.iter().position(|(text, _)| text == form) else { return };
        match words.last_mut() {
            Some(last) if last.place == place => last.term = last.term.min(term),
            _ => words.push(FoundWord { place, bytes, term }),
        }
    });
    words
}

/// The language that a document says it is in.
fn language_of(declaration: &Declaration, entry: &Entry) -> Option<String> {
    let field = declaration.schema.language_field.as_ref()?;
    let value = Wanted::new(declaration, field, Dialect::DEFAULT).read(entry, Dialect::DEFAULT)?;
    let Value::Text(text) = value else { return None };
    language(&text).map(|language| language.0)
}
