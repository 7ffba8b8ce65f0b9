//! A naive model: whether a row matches a query, by the words of the definition.

use std::ops::Bound as StdBound;

use proptest::prelude::*;

use crate::analysis::{self, Stemmer};
use crate::document::{Content, Document, SortValue, Values};
use crate::geo;
use crate::query::{Bound, Node, NodeKind, Pattern, Radius, Range, TagMatch};
use crate::scalar::{Scalar, ScalarRange};
use crate::schema::{Field, FieldKind, Schema};

/// Place of the number field in the schema.
pub(super) const NUMBER_FIELD: usize = 3;

const TEXTS: [(&str, f64, bool); 3] = [("t", 1.0, false), ("b", 3.0, false), ("z", 0.5, true)];

pub(super) fn schema() -> Schema {
    let field = |name: &str, kind: FieldKind| Field {
        identifier: name.to_owned(),
        name: name.to_owned(),
        kind,
        sortable: name == "n",
        un_normalised: false,
        no_index: false,
        index_missing: name == "z",
        index_empty: false,
    };
    let mut fields: Vec<Field> = TEXTS
        .iter()
        .map(|(name, weight, no_stem)| {
            let kind = FieldKind::Text {
                weight: *weight,
                no_stem: *no_stem,
                phonetic: None,
                with_suffixes: *name == "b",
            };
            field(name, kind)
        })
        .collect();
    fields.push(field("n", FieldKind::Numeric));
    fields.push(field(
        "g",
        FieldKind::Tag { separator: Some(','), case_sensitive: false, with_suffixes: false },
    ));
    fields.push(field("p", FieldKind::Geo));
    fields.push(field("s", FieldKind::Scalar));
    Schema { fields, ..Schema::default() }
}

/// A document of the model.
#[derive(Clone, Debug)]
pub(super) struct Row {
    texts: [Option<String>; 3],
    pub(super) number: Option<i32>,
    tags: Option<String>,
    point: Option<(f64, f64)>,
    /// Encoded scalars.
    scalars: Vec<Vec<u8>>,
}

impl Row {
    /// With texts and a number only.
    pub(super) fn of_texts(texts: [Option<String>; 3], number: Option<i32>) -> Self {
        Self { texts, number, tags: None, point: None, scalars: Vec::new() }
    }
}

fn scalar() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        (0..6_i128).prop_map(|number| Scalar::Integer(number).encoded()),
        "[ab]{0,2}".prop_map(|text| Scalar::Text(text.as_bytes()).encoded()),
    ]
}

const WORDS: [&str; 12] =
    ["run", "runs", "running", "runner", "nation", "national", "hello", "hellos", "foo", "bar", "baz", "the"];
/// One of the words of texts; the last one for all numbers past it.
pub(super) fn word(number: usize) -> &'static str {
    WORDS[number.min(WORDS.len() - 1)]
}

const TAGS: [&str; 5] = ["red", "Blue", "green sea", "grey", "gold"];

fn text() -> impl Strategy<Value = Option<String>> {
    prop::option::of(
        prop::collection::vec(prop::sample::select(&WORDS[..]), 1..6).prop_map(|words| words.join(" ")),
    )
}

fn coordinate() -> impl Strategy<Value = f64> {
    (-10_i32..10).prop_map(|number| f64::from(number) / 10.0)
}

pub(super) fn row() -> impl Strategy<Value = Row> {
    (
        [text(), text(), text()],
        prop::option::of(0_i32..10),
        prop::option::of(
            prop::collection::vec(prop::sample::select(&TAGS[..]), 1..4).prop_map(|tags| tags.join(" , ")),
        ),
        prop::option::of((coordinate(), coordinate())),
        prop::collection::vec(scalar(), 0..3),
    )
        .prop_map(|(texts, number, tags, point, scalars)| Row { texts, number, tags, point, scalars })
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let part = "[a-z]{2,3}|ru|na|el|on|ed|gre";
    prop_oneof![
        part.prop_map(Pattern::Prefix),
        part.prop_map(Pattern::Suffix),
        part.prop_map(Pattern::Infix),
        "[rnhg*?][a-z*?]{0,3}\\*?".prop_map(Pattern::Wildcard),
    ]
}

fn leaf() -> impl Strategy<Value = NodeKind> {
    let bound = || {
        (-1_i32..11, any::<bool>())
            .prop_map(|(value, is_exclusive)| Bound { value: f64::from(value), is_exclusive })
    };
    let word = || prop::sample::select(&WORDS[..]).prop_map(str::to_owned);
    prop_oneof![
        1 => Just(NodeKind::All),
        6 => (word(), any::<bool>()).prop_map(|(text, is_expandable)| NodeKind::Word { text, is_expandable }),
        2 => prop::sample::subsequence(WORDS[..11].to_vec(), 2..4).prop_shuffle()
            .prop_map(|words| NodeKind::Phrase(words.into_iter().map(str::to_owned).collect())),
        2 => pattern().prop_map(NodeKind::Pattern),
        3 => prop::collection::vec(prop_oneof![
            prop::sample::select(&TAGS[..]).prop_map(|tag| TagMatch::Value(tag.to_owned())),
            pattern().prop_map(TagMatch::Pattern),
        ], 1..4).prop_map(|tags| NodeKind::Tags("g".to_owned(), tags)),
        3 => (bound(), bound()).prop_map(|(from, to)| NodeKind::Range("n".to_owned(), Range { from, to })),
        2 => (coordinate(), coordinate(), 0_u32..120).prop_map(|(longitude, latitude, kilometres)| {
            NodeKind::Radius("p".to_owned(), Radius { longitude, latitude, metres: f64::from(kilometres) * 1000.0 })
        }),
        1 => (scalar(), scalar()).prop_map(|(from, to)| {
            let range = ScalarRange { from: StdBound::Included(from.into()), to: StdBound::Excluded(to.into()) };
            NodeKind::Scalars("s".to_owned(), vec![range])
        }),
        2 => prop::collection::btree_set(scalar(), 1..3).prop_map(|values| {
            NodeKind::Scalars("s".to_owned(), values.iter().map(|value| ScalarRange::only(value)).collect())
        }),
        1 => Just(NodeKind::Missing("z".to_owned())),
        1 => Just(NodeKind::Range("g".to_owned(), Range {
            from: Bound { value: 0.0, is_exclusive: false }, to: Bound { value: 9.0, is_exclusive: false },
        })),
    ]
}

pub(super) fn node() -> impl Strategy<Value = Node> {
    leaf().prop_map(Node::new).prop_recursive(4, 24, 4, |inner| {
        let kind = prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(NodeKind::And),
            prop::collection::vec(inner.clone(), 2..12).prop_map(NodeKind::Or),
            inner.clone().prop_map(|node| NodeKind::Not(Box::new(node))),
            inner.clone().prop_map(|node| NodeKind::Optional(Box::new(node))),
            (prop::sample::subsequence(vec!["t", "b", "z", "n", "zz"], 1..3), inner).prop_map(
                |(names, node)| {
                    NodeKind::Within(names.into_iter().map(str::to_owned).collect(), Box::new(node))
                }
            ),
        ];
        (kind, prop::option::of(0.5_f64..4.0)).prop_map(|(kind, weight)| {
            let mut node = Node::new(kind);
            node.attributes.weight = weight;
            node
        })
    })
}

/// A word of a row: its text, its field, its position.
struct Placed {
    word: String,
    field: usize,
    position: usize,
}

impl Row {
    pub(super) fn document(&self, order: u64) -> Document<'_> {
        let mut fields: Vec<Values<'_>> = self
            .texts
            .iter()
            .map(|text| Values { content: content_of(text.as_deref()), sort: None })
            .collect();
        fields.push(Values {
            content: self.number.map_or(Content::Missing, |number| Content::Numbers(vec![f64::from(number)])),
            sort: self.number.map(|number| SortValue::Number(f64::from(number))),
        });
        let tags = self.tags.as_ref().map_or(Content::Missing, |tags| Content::Tags(vec![tags.as_bytes()]));
        fields.push(Values { content: tags, sort: None });
        let point = self.point.map_or(Content::Missing, |point| Content::Points(vec![point]));
        fields.push(Values { content: point, sort: None });
        let scalars = Content::Scalars(self.scalars.iter().map(Vec::as_slice).collect());
        fields.push(Values { content: scalars, sort: None });
        Document { fields, order, ..Document::default() }
    }

    pub(super) fn matches(&self, node: &Node) -> bool {
        self.holds(node, &[0, 1, 2], true)
    }

    fn words(&self) -> Vec<Placed> {
        let mut placed = Vec::new();
        for (field, text) in self.texts.iter().enumerate() {
            analysis::words(text.as_deref().unwrap_or("").as_bytes(), |word| {
                if !analysis::DEFAULT_STOP_WORDS.contains(&word) {
                    placed.push(Placed { word: word.to_owned(), field, position: placed.len() });
                }
            });
        }
        placed
    }

    fn holds(&self, node: &Node, fields: &[usize], expands: bool) -> bool {
        match &node.kind {
            NodeKind::All => true,
            NodeKind::Nothing => false,
            NodeKind::Word { text, is_expandable } => self.has_word(text, fields, *is_expandable && expands),
            NodeKind::Phrase(words) => self.has_phrase(words, fields),
            NodeKind::Pattern(pattern) => self
                .words()
                .iter()
                .filter(|placed| fields.contains(&placed.field))
                .any(|placed| forms(placed).iter().any(|form| fits(pattern, form))),
            NodeKind::And(nodes) => nodes.iter().all(|node| self.holds(node, fields, expands)),
            NodeKind::Or(nodes) => nodes.iter().any(|node| self.holds(node, fields, expands)),
            NodeKind::Not(node) => !self.holds(node, fields, false),
            NodeKind::Optional(_) => true,
            NodeKind::Within(names, node) => {
                let within: Vec<usize> = fields
                    .iter()
                    .copied()
                    .filter(|field| names.iter().any(|name| name == TEXTS[*field].0))
                    .collect();
                self.holds(node, &within, expands)
            }
            NodeKind::Tags(_, matches) => matches.iter().any(|one| self.has_tag(one)),
            NodeKind::Range(name, range) => {
                name == "n"
                    && self.number.is_some_and(|number| {
                        let number = f64::from(number);
                        let (from, to) = (range.from, range.to);
                        (number > from.value || (number == from.value && !from.is_exclusive))
                            && (number < to.value || (number == to.value && !to.is_exclusive))
                    })
            }
            NodeKind::Radius(_, radius) => self.point.is_some_and(|point| {
                let kept = geo::decode(geo::encode(point.0, point.1).unwrap());
                geo::distance((radius.longitude, radius.latitude), kept) <= radius.metres
            }),
            NodeKind::Missing(_) => self.texts[2].is_none(),
            NodeKind::Scalars(_, ranges) => {
                self.scalars.iter().any(|scalar| ranges.iter().any(|range| range.contains(scalar)))
            }
            NodeKind::Near(_) | NodeKind::Nearest(_) => unreachable!("this model has no vectors"),
        }
    }

    fn has_word(&self, text: &str, fields: &[usize], expands: bool) -> bool {
        let stem = stem_of(text);
        self.words().iter().filter(|placed| fields.contains(&placed.field)).any(|placed| {
            placed.word == text
                || (expands && placed.word == stem)
                || (expands && !TEXTS[placed.field].2 && stem_of(&placed.word) == stem)
        })
    }

    fn has_phrase(&self, words: &[String], fields: &[usize]) -> bool {
        let placed = self.words();
        let stands = |word: &str, position: usize| {
            placed.iter().any(|one| one.position == position && one.word == word)
        };
        let is_in_fields =
            |word: &String| placed.iter().any(|one| one.word == *word && fields.contains(&one.field));
        words.iter().all(is_in_fields)
            && (0..placed.len())
                .any(|start| words.iter().enumerate().all(|(at, word)| stands(word, start + at)))
    }

    fn has_tag(&self, one: &TagMatch) -> bool {
        let tags: Vec<String> =
            self.tags.iter().flat_map(|tags| tags.split(',')).map(|tag| tag.trim().to_lowercase()).collect();
        match one {
            TagMatch::Value(value) => tags.contains(&value.to_lowercase()),
            TagMatch::Pattern(pattern) => tags.iter().any(|tag| fits(pattern, tag)),
        }
    }
}

fn content_of(text: Option<&str>) -> Content<'_> {
    text.map_or(Content::Missing, |text| Content::Text(vec![text.as_bytes()]))
}

fn stem_of(word: &str) -> String {
    Stemmer::new("english").unwrap().stem(word).map_or_else(|| word.to_owned(), std::borrow::Cow::into_owned)
}

/// A word as the dictionary has it: itself and its stem, which has a mark before it.
fn forms(placed: &Placed) -> Vec<String> {
    let stem = stem_of(&placed.word);
    let mut forms = vec![placed.word.clone()];
    if stem != placed.word && !TEXTS[placed.field].2 {
        forms.push(format!("+{stem}"));
    }
    forms
}

fn fits(pattern: &Pattern, text: &str) -> bool {
    match pattern {
        Pattern::Prefix(part) => text.starts_with(&**part),
        Pattern::Suffix(part) => text.ends_with(&**part),
        Pattern::Infix(part) => text.contains(&**part),
        Pattern::Wildcard(tokens) => fits_tokens(tokens.as_bytes(), text.as_bytes()),
        Pattern::Fuzzy(..) => unreachable!("the model has none"),
    }
}

/// All texts of the model are ASCII.
fn fits_tokens(tokens: &[u8], text: &[u8]) -> bool {
    match (tokens.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((b'*', rest)), _) => (0..=text.len()).any(|skip| fits_tokens(rest, &text[skip..])),
        (Some((b'?', rest)), Some((_, after))) => fits_tokens(rest, after),
        (Some((token, rest)), Some((byte, after))) => token == byte && fits_tokens(rest, after),
        _ => false,
    }
}
