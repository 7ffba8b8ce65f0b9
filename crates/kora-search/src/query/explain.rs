//! What FT.EXPLAIN prints of a query.

use std::fmt::Write;
use std::rc::Rc;

use kora_index::query::{Attributes, Range};
use kora_index::schema::{Field, FieldKind, Schema};

use super::part::{Affixed, Circle, Near, Nearest, Part, PartKind, Tag, TagWord, VectorQuery};
use crate::number::{fixed, general};

/// What else stands for a word, as FT.EXPLAIN shows it: stems begin with `+`, groups of synonyms with `~`, sounds with `<`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expansion(pub String);

/// Knows what else stands for words; an index does.
pub trait Expand {
    /// What stands for a word in these fields (none: in all), in the order in which the index looks them up; `is_phonetic` is what
    /// the query says about sounds.
    fn expansions(&self, word: &str, fields: Option<&[String]>, is_phonetic: Option<bool>) -> Vec<Expansion>;
}

/// Prints a query. Without `expand` nothing else stands for words.
pub(super) fn explain(root: Option<&Part>, schema: &Schema, expand: Option<&dyn Expand>) -> String {
    let Some(root) = root else { return "<empty>\n".to_owned() };
    let is_text = |field: &&Field| matches!(field.kind, FieldKind::Text { .. }) && !field.no_index;
    let text_fields = schema.fields.iter().filter(is_text);
    let text_fields = text_fields.map(|field| field.name.as_str()).collect();
    let mut printer = Printer { out: String::new(), text_fields, expand };
    printer.part(root, &Place { depth: 0, fields: None, is_expandable: expand.is_some() });
    printer.out
}

struct Printer<'a> {
    out: String,
    text_fields: Vec<&'a str>,
    expand: Option<&'a dyn Expand>,
}

/// Where a part stands.
#[derive(Clone)]
struct Place {
    depth: usize,
    /// The fields that it matches in; none: all.
    fields: Option<Rc<[String]>>,
    is_expandable: bool,
}

impl Place {
    fn deeper(&self) -> Self {
        Self { depth: self.depth + 1, ..self.clone() }
    }
}

impl Printer<'_> {
    fn line(&mut self, place: &Place, text: &str) {
        self.open(place);
        self.out.push_str(text);
        self.out.push('\n');
    }

    /// Ends a part with parts, which names no fields.
    fn close(&mut self, place: &Place, attributes: &Attributes) {
        self.indent(place);
        let _ = writeln!(self.out, "}}{}", said(attributes));
    }

    fn indent(&mut self, place: &Place) {
        for _ in 0..place.depth {
            self.out.push_str("  ");
        }
    }

    /// Indents, and names the fields.
    fn open(&mut self, place: &Place) {
        self.indent(place);
        match &place.fields {
            None => (),
            Some(fields) if fields.is_empty() => self.out.push_str("@NULL:"),
            Some(fields) => {
                self.out.push('@');
                self.out.push_str(&fields.join("|"));
                self.out.push(':');
            }
        }
    }

    fn part(&mut self, part: &Part, place: &Place) {
        match &part.kind {
            PartKind::Within(names, inner) => self.part(inner, &self.within(names, place)),
            PartKind::Word { text, is_expandable } => self.word(part, text, *is_expandable, place),
            _ => self.other(part, place),
        }
    }

    fn within(&self, names: &[String], place: &Place) -> Place {
        let is_in = |field: &&&str| {
            let is_admitted =
                place.fields.as_ref().is_none_or(|fields| fields.iter().any(|name| name == **field));
            is_admitted && names.iter().any(|name| name == **field)
        };
        let fields = self.text_fields.iter().filter(is_in).map(|field| (*field).to_owned()).collect();
        Place { fields: Some(fields), ..place.clone() }
    }

    fn word(&mut self, part: &Part, text: &str, is_expandable: bool, place: &Place) {
        let shown = if text.is_empty() { "\"\"" } else { text };
        let weight = match part.attributes.weight {
            Some(weight) if weight != 1.0 => format!(" => {{$weight: {};}}", general(weight, 6)),
            _ => String::new(),
        };
        let word = format!("{shown}{weight}");
        let expansions = match self.expand.filter(|_| is_expandable && place.is_expandable) {
            Some(expand) => expand.expansions(text, place.fields.as_deref(), part.attributes.phonetic),
            None => Vec::new(),
        };
        if expansions.is_empty() {
            return self.line(place, &word);
        }
        self.line(place, "UNION {");
        let inner = place.deeper();
        self.line(&inner, &word);
        for Expansion(expansion) in expansions {
            self.line(&inner, &format!("{expansion}(expanded)"));
        }
        self.close(place, &Attributes::default());
    }

    fn other(&mut self, part: &Part, place: &Place) {
        match &part.kind {
            PartKind::And(parts) => self.group(part, "INTERSECT {", parts, place),
            PartKind::Or(parts) => self.group(part, "UNION {", parts, place),
            PartKind::Not(inner) => self.unexpanded(part, "NOT{", inner, place),
            PartKind::Optional(inner) => self.unexpanded(part, "OPTIONAL{", inner, place),
            PartKind::Exact(words) => {
                let plain =
                    |text: &String| Part::new(PartKind::Word { text: text.clone(), is_expandable: false });
                let words: Vec<_> = words.iter().map(plain).collect();
                self.group(part, "EXACT {", &words, place);
            }
            PartKind::Tags(field, tags) => self.tags(part, field, tags, place),
            PartKind::Nearest(nearest) => self.nearest(part, nearest, place),
            _ => {
                let text = format!("{}{}", leaf(&part.kind), said(&part.attributes));
                // What has a field of its own names no others, unless there are none.
                let fields = place.fields.clone().filter(|fields| fields.is_empty());
                match part.kind {
                    PartKind::Range(..) | PartKind::Radius(..) => {
                        self.line(&Place { fields, ..place.clone() }, &text);
                    }
                    _ => self.line(place, &text),
                }
            }
        }
    }

    fn group(&mut self, part: &Part, head: &str, parts: &[Part], place: &Place) {
        self.line(place, head);
        let inner = place.deeper();
        for part in parts {
            self.part(part, &inner);
        }
        self.close(place, &part.attributes);
    }

    fn unexpanded(&mut self, part: &Part, head: &str, inner: &Part, place: &Place) {
        self.line(place, head);
        self.part(inner, &Place { is_expandable: false, ..place.deeper() });
        self.close(place, &part.attributes);
    }

    fn tags(&mut self, part: &Part, field: &str, tags: &[Tag], place: &Place) {
        self.line(place, &format!("TAG:@{field} {{"));
        let inner = place.deeper();
        for tag in tags {
            match tag {
                Tag::Words(words) => self.tag_words(words, &inner),
                Tag::Affix(affixed) => self.line(&inner, &affix(affixed)),
                Tag::Wildcard(pattern) => self.line(&inner, &format!("WILDCARD{{{pattern}}}")),
            }
        }
        self.close(place, &part.attributes);
    }

    fn nearest(&mut self, part: &Part, nearest: &Nearest, place: &Place) {
        let query = VectorQuery { distance: Some(nearest.distance()), ..nearest.query.clone() };
        let count = nearest.count;
        let text =
            format!("{{K={count} nearest vectors to {}}}{}", of_vectors(&query), said(&part.attributes));
        let Some(filter) = &nearest.filter else { return self.line(place, &format!("VECTOR {text}")) };
        self.line(place, "VECTOR {");
        self.part(filter, &Place { is_expandable: false, ..place.deeper() });
        self.line(place, &format!("}} => {text}"));
    }

    fn tag_words(&mut self, words: &[TagWord], place: &Place) {
        let shown = |word: &TagWord| if word.text.is_empty() { "\"\"".to_owned() } else { word.text.clone() };
        if let [word] = words {
            return self.line(place, &shown(word));
        }
        self.line(place, "INTERSECT {");
        let inner = place.deeper();
        for word in words {
            self.line(&inner, &shown(word));
        }
        self.close(place, &Attributes::default());
    }
}

/// A part without parts.
fn leaf(kind: &PartKind) -> String {
    match kind {
        PartKind::All => "<WILDCARD>".to_owned(),
        PartKind::Affix(affixed) => affix(affixed),
        PartKind::Wildcard(pattern) => format!("WILDCARD{{{pattern}}}"),
        PartKind::Fuzzy(word, _) => format!("FUZZY{{{word}}}"),
        PartKind::Range(field, range) => numeric(field, *range),
        PartKind::Radius(field, circle) => radius(field, *circle),
        PartKind::Near(vectors) => near(vectors),
        PartKind::Missing(field) => format!("ISMISSING{{{field}}}"),
        _ => unreachable!("parts with parts are printed elsewhere"),
    }
}

fn affix(affixed: &Affixed) -> String {
    let text = &affixed.text;
    match (affixed.is_open_before, affixed.is_open_behind) {
        (true, true) => format!("INFIX{{*{text}*}}"),
        (true, false) => format!("SUFFIX{{*{text}}}"),
        _ => format!("PREFIX{{{text}*}}"),
    }
}

fn numeric(field: &str, range: Range) -> String {
    let sign = |is_exclusive| if is_exclusive { "<" } else { "<=" };
    let (from, to) = (fixed(range.from.value, 6), fixed(range.to.value, 6));
    let (lower, upper) = (sign(range.from.is_exclusive), sign(range.to.is_exclusive));
    format!("NUMERIC {{{from} {lower} @{field} {upper} {to}}}")
}

fn near(near: &Near) -> String {
    let radius = general(near.radius, 6);
    format!("VECTOR {{Vectors that are within {radius} distance radius from {}}}", of_vectors(&near.query))
}

/// The vector, its field, and what is said about the search.
fn of_vectors(query: &VectorQuery) -> String {
    let VectorQuery { parameter, field, options, distance, .. } = query;
    let mut text = format!("`${parameter}` in vector index associated with field @{field}");
    for (name, value) in options {
        let _ = write!(text, ", {name} = {value}");
    }
    if let Some(distance) = distance {
        let _ = write!(text, ", yields distance as `{distance}`");
    }
    text
}

fn radius(field: &str, circle: Circle) -> String {
    let (longitude, latitude, radius) =
        (fixed(circle.longitude, 6), fixed(circle.latitude, 6), fixed(circle.radius, 6));
    format!("GEO {field}:{{{longitude},{latitude} --> {radius} {}}}", circle.unit.name())
}

/// What was said about a part, unless it is what holds anyway.
fn said(attributes: &Attributes) -> String {
    let mut said = String::new();
    if let Some(weight) = attributes.weight.filter(|weight| *weight != 1.0) {
        let _ = write!(said, " $weight: {};", general(weight, 6));
    }
    let slop = attributes.slop.filter(|slop| *slop != -1);
    if let Some(slop) = slop {
        let _ = write!(said, " $slop: {slop};");
    }
    let in_order = attributes.in_order.unwrap_or(false);
    if slop.is_some() || in_order {
        let _ = write!(said, " $inorder: {in_order};");
    }
    if said.is_empty() { said } else { format!(" => {{{said} }}") }
}
