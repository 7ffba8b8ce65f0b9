//! What a query asks of fields and they do not have.

use kora_index::schema::{Field, FieldKind, Schema};

mod vectors;

use super::error::QueryError;
use super::part::{Part, PartKind, Tag};

/// Where a part stands.
#[derive(Clone)]
struct Place<'a> {
    /// The texts that it matches in; none: all.
    texts: Option<Vec<&'a Field>>,
    /// Whether words may be replaced by others that sound alike.
    is_expandable: bool,
}

/// Checks a part and all parts of it.
pub(super) fn check(root: &Part, schema: &Schema, has_sounds: bool) -> Result<(), QueryError> {
    let texts = schema.fields.iter().filter(|field| matches!(field.kind, FieldKind::Text { .. }));
    let checker = Checker { has_suffixes: texts.clone().any(has_suffixes), schema };
    checker.part(root, &Place { texts: None, is_expandable: has_sounds })
}

fn has_suffixes(field: &Field) -> bool {
    matches!(field.kind, FieldKind::Text { with_suffixes: true, .. })
}

fn is_phonetic(field: &&Field) -> bool {
    matches!(field.kind, FieldKind::Text { phonetic: Some(_), .. })
}

struct Checker<'a> {
    schema: &'a Schema,
    /// Whether a text of the index has WITHSUFFIXTRIE.
    has_suffixes: bool,
}

impl<'a> Checker<'a> {
    fn part(&self, part: &Part, place: &Place<'a>) -> Result<(), QueryError> {
        match &part.kind {
            PartKind::Within(names, inner) => self.part(inner, &self.within(names, place)),
            PartKind::And(parts) | PartKind::Or(parts) => {
                parts.iter().try_for_each(|part| self.part(part, place))
            }
            PartKind::Not(inner) | PartKind::Optional(inner) => {
                self.part(inner, &Place { is_expandable: false, ..place.clone() })
            }
            PartKind::Word { text, .. } if text.is_empty() => Self::empty_word(place),
            PartKind::Word { is_expandable, .. } => {
                let asks = part.attributes.phonetic.is_some() && *is_expandable && place.is_expandable;
                let lacks = match &place.texts {
                    Some(texts) => !texts.iter().any(is_phonetic),
                    None => !self.schema.fields.iter().any(|field| is_phonetic(&field)),
                };
                if asks && lacks { Err(QueryError::NotPhonetic) } else { Ok(()) }
            }
            PartKind::Affix(affixed) if affixed.is_open_before => self.suffixes(&affixed.text, place),
            PartKind::Wildcard(pattern) => self.suffixes(pattern, place),
            PartKind::Tags(name, tags) => self.tags(name, tags),
            PartKind::Missing(name) => match self.field(name) {
                Some(field) if !field.index_missing => Err(QueryError::MissingNotIndexed(name.clone())),
                _ => Ok(()),
            },
            PartKind::Near(near) => {
                vectors::check(&near.query, self.field(&near.query.field), vectors::Asked::Range)
            }
            PartKind::Nearest(nearest) => {
                let asked = match &nearest.filter {
                    Some(_) => vectors::Asked::Filtered,
                    None => vectors::Asked::All,
                };
                vectors::check(&nearest.query, self.field(&nearest.query.field), asked)?;
                nearest.filter.as_ref().map_or(Ok(()), |filter| self.part(filter, place))
            }
            _ => Ok(()),
        }
    }

    fn field(&self, name: &str) -> Option<&'a Field> {
        self.schema.fields.iter().find(|field| field.name == name)
    }

    fn within(&self, names: &[String], place: &Place<'a>) -> Place<'a> {
        let is_text = |field: &&Field| matches!(field.kind, FieldKind::Text { .. });
        let named = names.iter().filter_map(|name| self.field(name)).filter(is_text);
        let is_admitted = |field: &&Field| {
            place.texts.as_ref().is_none_or(|texts| texts.iter().any(|text| text.name == field.name))
        };
        Place { texts: Some(named.filter(is_admitted).collect()), ..place.clone() }
    }

    fn empty_word(place: &Place<'_>) -> Result<(), QueryError> {
        match &place.texts {
            Some(texts) if !texts.is_empty() && !texts.iter().any(|field| field.index_empty) => {
                Err(QueryError::EmptyNotIndexed)
            }
            _ => Ok(()),
        }
    }

    /// Fields without suffixes cannot be asked where others have them, unless for one letter, which finds nothing.
    fn suffixes(&self, text: &str, place: &Place<'_>) -> Result<(), QueryError> {
        let lacks = |texts: &Vec<&Field>| texts.iter().any(|field| !has_suffixes(field));
        if text.len() > 1 && self.has_suffixes && place.texts.as_ref().is_some_and(lacks) {
            return Err(QueryError::NoSuffixes);
        }
        Ok(())
    }

    fn tags(&self, name: &str, tags: &[Tag]) -> Result<(), QueryError> {
        let is_empty =
            |tag: &Tag| matches!(tag, Tag::Words(words) if words.iter().any(|word| word.text.is_empty()));
        let admits_empty = self.field(name).is_some_and(|field| field.index_empty);
        if !admits_empty && tags.iter().any(is_empty) {
            return Err(QueryError::EmptyNotIndexed);
        }
        Ok(())
    }
}
