//! What is asked: how it is written, and of which documents it holds.

use super::document::Document;
use super::schema::{Field, Kind, Schema};
use crate::simulation::random::Random;

/// Words of texts, none of which is a stem of another.
pub(super) const WORDS: [&str; 8] = ["apple", "plum", "tree", "stone", "river", "cloud", "applet", "strike"];
/// Tags.
pub(super) const TAGS: [&str; 5] = ["red", "Blue", "green", "dark red", "reddish"];
/// Places as they are written in documents.
pub(super) const POINTS: [(f64, f64); 5] =
    [(0.0, 0.0), (1.0, 1.0), (13.4, 52.5), (2.35, 48.85), (179.5, -10.0)];
/// Metres of the earth's radius, as the geographic commands have it.
const EARTH_METRES: f64 = 6_372_797.560_856;

/// A part of a tag that is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pattern {
    Whole,
    Start,
    End,
    Within,
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) enum Question {
    All,
    Word(&'static str),
    /// Two words, one behind the other.
    Phrase(&'static str, &'static str),
    /// A word that begins, ends, or both, with anything.
    Part(Pattern, &'static str),
    /// A word at most one letter away from this.
    Fuzzy(String),
    Tags(Vec<(Pattern, &'static str)>),
    /// From and to; whether without the ends themselves.
    Range((i32, i32), (bool, bool)),
    Above(i32),
    /// Within kilometres of a place.
    Around((f64, f64), f64),
    /// Within a distance of the vector of the query.
    Near(f32),
    /// No tag.
    Missing,
    Not(Box<Question>),
    Every(Vec<Question>),
    Any(Vec<Question>),
    /// Leaves out nothing.
    Maybe(Box<Question>),
}

impl Question {
    /// A question to an index, so many levels deep at most.
    pub(super) fn draw(schema: &Schema, depth: usize, random: &mut Random) -> Self {
        let below = |random: &mut Random| Self::draw(schema, depth - 1, random);
        if depth > 0 && random.one_in(2) {
            let several =
                |random: &mut Random| (0..2 + random.below(2)).map(|_| below(random)).collect::<Vec<_>>();
            return match random.below(6) {
                0 => Self::Not(Box::new(below(random))),
                1 | 2 => Self::Any(several(random)),
                3 => Self::Every(vec![below(random), Self::Maybe(Box::new(below(random)))]),
                _ => Self::Every(several(random)),
            };
        }
        Self::of_field(schema, *random.choose(&schema.fields), random)
    }

    fn of_field(schema: &Schema, field: Field, random: &mut Random) -> Self {
        let word = *random.choose(&WORDS);
        let number = |random: &mut Random| i32::try_from(random.below(45)).unwrap_or(0) - 3;
        match field {
            Field::Text => match random.below(7) {
                0 => Self::Part(Pattern::Start, &word[..2 + random.below(2)]),
                1 => Self::Part(Pattern::End, &word[word.len() - 2..]),
                2 => Self::Part(Pattern::Within, &word[1..3]),
                // One word twice is found where it stands once.
                3 => match *random.choose(&WORDS) {
                    other if other == word => Self::Word(word),
                    other => Self::Phrase(word, other),
                },
                4 => Self::Fuzzy(word[1..].to_owned()),
                _ => Self::Word(word),
            },
            // Whether a null is missing is another matter.
            Field::Tag if schema.has_missing && schema.kind == Kind::Hash && random.one_in(4) => {
                Self::Missing
            }
            Field::Tag => Self::Tags((0..1 + random.below(2)).map(|_| Self::tag(random)).collect()),
            Field::Number if random.one_in(4) => Self::Above(number(random)),
            Field::Number => {
                let (one, other) = (number(random), number(random));
                let ends = (random.one_in(3), random.one_in(3));
                Self::Range((one.min(other), one.max(other)), ends)
            }
            Field::Point => {
                Self::Around(*random.choose(&POINTS), *random.choose(&[0.5, 200.0, 900.0, 9000.0]))
            }
            Field::Vector => Self::Near(*random.choose(&[0.5, 2.5, 9.5, 30.5])),
        }
    }

    fn tag(random: &mut Random) -> (Pattern, &'static str) {
        let tag = *random.choose(&TAGS);
        match random.below(6) {
            0 => (Pattern::Start, &tag[..3]),
            1 => (Pattern::End, &tag[tag.len() - 3..]),
            2 => (Pattern::Within, &tag[1..3]),
            _ => (Pattern::Whole, tag),
        }
    }

    /// As it is written in dialect 2.
    pub(super) fn text(&self) -> String {
        let joined = |parts: &[Self], with: &str| {
            let parts: Vec<_> = parts.iter().map(Self::text).collect();
            format!("({})", parts.join(with))
        };
        match self {
            Self::All => "*".to_owned(),
            Self::Word(word) => (*word).to_owned(),
            Self::Phrase(one, other) => format!("\"{one} {other}\""),
            // A minus takes what begins with a star or a percent sign for its own, unless that is in parentheses.
            Self::Part(pattern, part) => format!("({})", pattern.text(part)),
            Self::Fuzzy(word) => format!("(%{word}%)"),
            Self::Tags(tags) => {
                let written: Vec<_> =
                    tags.iter().map(|(pattern, tag)| pattern.text(&tag.replace(' ', "\\ "))).collect();
                format!("@g:{{{}}}", written.join("|"))
            }
            Self::Range((from, to), (without_from, without_to)) => {
                let open = |is_open: &bool| if *is_open { "(" } else { "" };
                format!("@n:[{}{from} {}{to}]", open(without_from), open(without_to))
            }
            Self::Above(number) => format!("@n:[({number} +inf]"),
            Self::Around((longitude, latitude), km) => format!("@p:[{longitude} {latitude} {km} km]"),
            Self::Near(radius) => format!("@v:[VECTOR_RANGE {radius} $b]"),
            Self::Missing => "ismissing(@g)".to_owned(),
            Self::Not(part) => format!("-({})", part.text()),
            Self::Every(parts) => joined(parts, " "),
            // Behind two alternatives without fields no others can follow.
            Self::Any(parts) => {
                let mut parts: Vec<_> = parts.iter().map(Self::text).collect();
                parts.sort_by_key(|part| !part.contains('@'));
                format!("({})", parts.join(" | "))
            }
            Self::Maybe(part) => format!("~({})", part.text()),
        }
    }

    /// Whether it holds of a document in an index; `at` is the vector of the query.
    pub(super) fn holds(&self, document: &Document, schema: &Schema, at: [f32; 2]) -> bool {
        match self {
            Self::All | Self::Maybe(_) => true,
            Self::Word(word) => document.has_word(|own| own == *word),
            Self::Phrase(one, other) => {
                let is_there = |pair: &[String]| pair[0] == *one && pair[1] == *other;
                document.texts.values().iter().any(|words| words.windows(2).any(is_there))
            }
            Self::Part(pattern, part) => document.has_word(|own| pattern.holds(own, part)),
            Self::Fuzzy(word) => document.has_word(|own| is_near(own.as_bytes(), word.as_bytes())),
            Self::Tags(tags) => {
                let is = |own: &str, (pattern, tag): &(Pattern, &str)| {
                    if schema.is_case_sensitive {
                        pattern.holds(own, tag)
                    } else {
                        pattern.holds(&own.to_lowercase(), &tag.to_lowercase())
                    }
                };
                document.tags.values().iter().any(|own| tags.iter().any(|tag| is(own, tag)))
            }
            Self::Range((from, to), (without_from, without_to)) => {
                let (from, to) = (f64::from(*from), f64::from(*to));
                document.numbers.values().iter().any(|&own| {
                    (own > from || own >= from && !without_from) && (own < to || own <= to && !without_to)
                })
            }
            Self::Above(number) => document.numbers.values().iter().any(|own| *own > f64::from(*number)),
            Self::Around(place, km) => {
                document.points.values().iter().any(|own| metres(*own, *place) <= km * 1000.0)
            }
            Self::Near(radius) => document.vectors.values().iter().any(|own| distance(*own, at) <= *radius),
            Self::Missing => matches!(document.tags, super::document::Held::Nothing),
            Self::Not(part) => !part.holds(document, schema, at),
            Self::Every(parts) => parts.iter().all(|part| part.holds(document, schema, at)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(document, schema, at)),
        }
    }
}

impl Pattern {
    fn text(self, part: &str) -> String {
        match self {
            Self::Whole => part.to_owned(),
            Self::Start => format!("{part}*"),
            Self::End => format!("*{part}"),
            Self::Within => format!("*{part}*"),
        }
    }

    fn holds(self, whole: &str, part: &str) -> bool {
        match self {
            Self::Whole => whole == part,
            Self::Start => whole.starts_with(part),
            Self::End => whole.ends_with(part),
            Self::Within => whole.contains(part),
        }
    }
}

/// Whether at most one letter was added, left out or changed.
fn is_near(one: &[u8], other: &[u8]) -> bool {
    let start = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    let (one, other) = (&one[start..], &other[start..]);
    match (one, other) {
        ([], []) => true,
        ([_, rest @ ..], []) | ([], [_, rest @ ..]) => rest.is_empty(),
        ([_, one_rest @ ..], [_, other_rest @ ..]) => {
            one_rest == other_rest || one_rest == other || one == other_rest
        }
    }
}

/// Squared, as the metric L2 has it.
pub(super) fn distance(one: [f32; 2], other: [f32; 2]) -> f32 {
    (one[0] - other[0]).powi(2) + (one[1] - other[1]).powi(2)
}

/// The haversine formula.
fn metres(one: (f64, f64), other: (f64, f64)) -> f64 {
    let (latitude, other_latitude) = (one.1.to_radians(), other.1.to_radians());
    let across = ((other_latitude - latitude) / 2.0).sin().powi(2)
        + latitude.cos() * other_latitude.cos() * ((other.0 - one.0).to_radians() / 2.0).sin().powi(2);
    2.0 * EARTH_METRES * across.sqrt().asin()
}
