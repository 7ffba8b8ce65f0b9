//! The words of a query that FT.SPELLCHECK checks.

use super::part::{Part, PartKind, Tag};
use crate::words::SpelledWord;

/// Appends the words of a part that matches in these fields.
pub(super) fn collect(part: &Part, fields: Option<&[String]>, words: &mut Vec<SpelledWord>) {
    let mut push =
        |word: &str| words.push(SpelledWord { word: word.to_owned(), fields: fields.map(<[_]>::to_vec) });
    match &part.kind {
        PartKind::Word { text, .. } => push(text),
        PartKind::Exact(texts) => texts.iter().for_each(|text| push(text)),
        PartKind::And(parts) | PartKind::Or(parts) => {
            parts.iter().for_each(|part| collect(part, fields, words))
        }
        PartKind::Not(inner) | PartKind::Optional(inner) => collect(inner, fields, words),
        PartKind::Within(names, inner) => collect(inner, Some(names), words),
        // The oracle looks words of tags up among the words of all texts, with their escapes.
        PartKind::Tags(_, tags) => {
            let texts = tags.iter().filter_map(|tag| match tag {
                Tag::Words(words) => Some(words.iter().map(|word| word.text.clone())),
                Tag::Affix(_) | Tag::Wildcard(_) => None,
            });
            words.extend(texts.flatten().map(|word| SpelledWord { word, fields: None }));
        }
        PartKind::Nearest(nearest) => {
            nearest.filter.iter().for_each(|filter| collect(filter, fields, words));
        }
        _ => (),
    }
}
