//! What a query means to an index.

use kora_index::query::{self, NearestWay, Node, NodeKind, Pattern, Policy, Radius, TagMatch};

use super::part::{Affixed, Circle, Part, PartKind, Tag, TagWord, VectorQuery, unescape};
use crate::stop_words::lower;

/// No point of the world is as far from another one, whatever a query asks for: infinity, or what is no number.
const EVERYWHERE_METRES: f64 = 1e9;

/// The meaning of a query.
pub(super) fn node(root: Option<&Part>, is_verbatim: bool) -> Node {
    root.map_or_else(|| Node::new(NodeKind::Nothing), |root| part(root, !is_verbatim))
}

fn part(from: &Part, is_expandable: bool) -> Node {
    Node { kind: kind(&from.kind, is_expandable), attributes: from.attributes.clone() }
}

/// What is excluded or optional, or what the nearest are sought among, is meant as written: no other words stand for its words.
fn kind(from: &PartKind, is_expandable: bool) -> NodeKind {
    let boxed = |inner: &Part, is_expandable| Box::new(part(inner, is_expandable));
    let all = |parts: &[Part]| parts.iter().map(|inner| part(inner, is_expandable)).collect();
    match from {
        PartKind::All => NodeKind::All,
        PartKind::Word { text, is_expandable: itself } => {
            NodeKind::Word { text: text.clone(), is_expandable: is_expandable && *itself }
        }
        PartKind::Exact(words) => NodeKind::Phrase(words.clone()),
        PartKind::Affix(affixed) => NodeKind::Pattern(lower_case(affix(affixed))),
        PartKind::Wildcard(pattern) => NodeKind::Pattern(Pattern::Wildcard(lower(pattern).into_owned())),
        PartKind::Fuzzy(word, distance) => NodeKind::Pattern(Pattern::Fuzzy(word.clone(), *distance)),
        PartKind::And(parts) => NodeKind::And(all(parts)),
        PartKind::Or(parts) => NodeKind::Or(all(parts)),
        PartKind::Not(inner) => NodeKind::Not(boxed(inner, false)),
        PartKind::Optional(inner) => NodeKind::Optional(boxed(inner, false)),
        PartKind::Within(names, inner) => NodeKind::Within(names.clone(), boxed(inner, is_expandable)),
        PartKind::Tags(field, tags) => NodeKind::Tags(field.clone(), tags.iter().map(tag).collect()),
        PartKind::Range(_, range) if range.from.value.is_nan() || range.to.value.is_nan() => {
            NodeKind::Nothing
        }
        PartKind::Range(field, range) => NodeKind::Range(field.clone(), *range),
        PartKind::Radius(_, circle) if circle.longitude.is_nan() || circle.latitude.is_nan() => {
            NodeKind::Nothing
        }
        PartKind::Radius(field, circle) => NodeKind::Radius(field.clone(), radius(*circle)),
        PartKind::Missing(field) => NodeKind::Missing(field.clone()),
        PartKind::Near(near) => NodeKind::Near(query::Near {
            field: near.query.field.clone(),
            vector: near.query.vector.clone(),
            radius: near.radius,
            epsilon: near.query.option("epsilon").and_then(|text| text.parse().ok()),
            distance: near.query.distance.clone(),
        }),
        PartKind::Nearest(nearest) => NodeKind::Nearest(Box::new(query::Nearest {
            field: nearest.query.field.clone(),
            vector: nearest.query.vector.clone(),
            count: usize::try_from(nearest.count).unwrap_or(usize::MAX),
            distance: nearest.distance(),
            filter: nearest
                .filter
                .as_ref()
                .map_or_else(|| Node::new(NodeKind::All), |filter| part(filter, false)),
            way: way(&nearest.query),
        })),
    }
}

/// How the nearest are to be searched for. What is no number was refused before, if the field has a graph.
fn way(query: &VectorQuery) -> NearestWay {
    let number = |name: &str| query.option(name).and_then(|text| text.parse::<usize>().ok());
    // A buffer keeps candidates beyond the window.
    let window = number("search_window_size").max(number("search_buffer_capacity"));
    let batch = number("batch_size");
    let policy = match query.option("hybrid_policy") {
        Some(policy) if policy.eq_ignore_ascii_case("adhoc_bf") => Some(Policy::Exact),
        Some(_) => Some(Policy::Graph(batch)),
        None => batch.map(|batch| Policy::Graph(Some(batch))),
    };
    NearestWay { candidates: number("ef_runtime").or(window), policy }
}

fn affix(affixed: &Affixed) -> Pattern {
    let text = affixed.text.clone();
    match (affixed.is_open_before, affixed.is_open_behind) {
        (true, true) => Pattern::Infix(text),
        (true, false) => Pattern::Suffix(text),
        _ => Pattern::Prefix(text),
    }
}

/// A pattern of words, which are in lower case in an index. Tags are not: their index does it.
fn lower_case(pattern: Pattern) -> Pattern {
    match pattern {
        Pattern::Prefix(text) => Pattern::Prefix(lower(&text).into_owned()),
        Pattern::Suffix(text) => Pattern::Suffix(lower(&text).into_owned()),
        Pattern::Infix(text) => Pattern::Infix(lower(&text).into_owned()),
        other => other,
    }
}

fn tag(from: &Tag) -> TagMatch {
    match from {
        Tag::Words(words) => {
            let plain =
                |word: &TagWord| if word.is_escaped { unescape(&word.text) } else { word.text.clone() };
            let words: Vec<_> = words.iter().map(plain).collect();
            TagMatch::Value(words.join(" "))
        }
        Tag::Affix(affixed) => TagMatch::Pattern(affix(affixed)),
        Tag::Wildcard(pattern) => TagMatch::Pattern(Pattern::Wildcard(pattern.clone())),
    }
}

fn radius(circle: Circle) -> Radius {
    let Circle { longitude, latitude, radius, unit } = circle;
    let metres = radius * unit.metres();
    Radius {
        longitude,
        latitude,
        metres: if metres < EVERYWHERE_METRES { metres } else { EVERYWHERE_METRES },
    }
}
