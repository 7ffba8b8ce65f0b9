//! A naive model of documents: what a condition says of one, and in which order they come.

use std::cmp::Ordering;

use kora_json::{Json, Node, Number};

/// A document as the model sees it.
#[derive(Clone, Debug)]
pub struct Document {
    /// Its id.
    pub id: String,
    /// Its text.
    pub text: String,
    root: Plain,
}

/// A JSON value.
#[derive(Clone, Debug)]
pub enum Plain {
    /// Null.
    Null,
    /// A truth value.
    Bool(bool),
    /// A whole number.
    Integer(i128),
    /// Another number.
    Double(f64),
    /// A text.
    Text(String),
    /// An array.
    Array(Vec<Plain>),
    /// An object.
    Object(Vec<(String, Plain)>),
}

impl Document {
    /// None if the text is no object.
    ///
    /// # Panics
    /// If the text is no JSON.
    #[must_use]
    pub fn new(id: &str, text: &str) -> Option<Self> {
        let json = Json::parse_all(text).expect("what is stored is JSON");
        let root = plain(json.root());
        matches!(root, Plain::Object(_)).then(|| Self { id: id.to_owned(), text: text.to_owned(), root })
    }

    /// The value of a field.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Plain> {
        let mut value = &self.root;
        for step in path.split('.') {
            value = match value {
                Plain::Object(members) => &members.iter().find(|(name, _)| name == step)?.1,
                Plain::Array(elements) => elements.get(step.parse::<usize>().ok()?)?,
                _ => return None,
            };
        }
        Some(value)
    }
}

fn plain(value: kora_json::Value<'_>) -> Plain {
    let text = |text: &[u8]| String::from_utf8(text.to_vec()).expect("texts are UTF-8");
    match value.node() {
        Node::Null => Plain::Null,
        Node::Bool(is_true) => Plain::Bool(is_true),
        Node::Number(Number::Integer(number)) => Plain::Integer(number.into()),
        Node::Number(Number::Unsigned(number)) => Plain::Integer(number.into()),
        Node::Number(Number::Double(number)) => Plain::Double(number),
        Node::Text(bytes) => Plain::Text(text(bytes)),
        Node::Array(array) => Plain::Array(array.elements().map(plain).collect()),
        Node::Object(object) => {
            Plain::Object(object.members().map(|(name, value)| (text(name), plain(value))).collect())
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the doubles of the model are small")]
fn truncated(double: f64) -> i128 {
    double as i128
}

impl Plain {
    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Integer(_) | Self::Double(_) => 2,
            Self::Text(_) => 3,
            Self::Array(_) | Self::Object(_) => 4,
        }
    }

    /// Whether it is neither an array nor an object.
    #[must_use]
    pub fn is_scalar(&self) -> bool {
        self.rank() < 4
    }

    /// The order of scalars: types in an order of their own, numbers by value. The model's doubles are far from the limits.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        let mixed = |integer: i128, double: f64| {
            let whole = double.floor();
            integer.cmp(&truncated(whole)).then(if double > whole { Ordering::Less } else { Ordering::Equal })
        };
        match (self, other) {
            (Self::Bool(one), Self::Bool(other)) => one.cmp(other),
            (Self::Integer(one), Self::Integer(other)) => one.cmp(other),
            (Self::Double(one), Self::Double(other)) => one.partial_cmp(other).expect("no number is NaN"),
            (Self::Integer(one), Self::Double(other)) => mixed(*one, *other),
            (Self::Double(one), Self::Integer(other)) => mixed(*other, *one).reverse(),
            (Self::Text(one), Self::Text(other)) => one.cmp(other),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    /// Whether two scalars are equal.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        self.is_scalar() && other.is_scalar() && self.compare(other).is_eq()
    }

    /// As it is written in a condition.
    ///
    /// # Panics
    /// If it is no scalar.
    #[must_use]
    pub fn literal(&self) -> String {
        match self {
            Self::Null => "null".to_owned(),
            Self::Bool(is_true) => is_true.to_string(),
            Self::Integer(number) => number.to_string(),
            Self::Double(number) => format!("{number:?}"),
            Self::Text(text) => format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'")),
            _ => panic!("only scalars are written in conditions"),
        }
    }

    /// As it is written in JSON.
    #[must_use]
    pub fn json(&self) -> String {
        match self {
            Self::Text(text) => format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")),
            Self::Array(elements) => {
                format!("[{}]", elements.iter().map(Self::json).collect::<Vec<_>>().join(","))
            }
            Self::Object(members) => {
                let members: Vec<_> =
                    members.iter().map(|(name, value)| format!("\"{name}\":{}", value.json())).collect();
                format!("{{{}}}", members.join(","))
            }
            scalar => scalar.literal(),
        }
    }
}

/// A condition.
#[derive(Clone, Debug)]
pub enum Meaning {
    /// A field is compared with a value.
    Compare(&'static str, &'static str, Plain),
    /// It is one of these.
    In(&'static str, Vec<Plain>),
    /// It is there.
    Exists(&'static str),
    /// It is an array with this.
    Contains(&'static str, Plain),
    /// It is a text that begins so.
    StartsWith(&'static str, String),
    /// The contrary.
    Not(Box<Meaning>),
    /// All of these.
    All(Vec<Meaning>),
    /// One of these.
    Any(Vec<Meaning>),
}

impl Meaning {
    /// Whether it holds of a document.
    #[must_use]
    pub fn holds(&self, document: &Document) -> bool {
        match self {
            Self::Compare(path, "!=", literal) => !document.get(path).is_some_and(|value| value.is(literal)),
            Self::Compare(path, op, literal) => document.get(path).is_some_and(|value| {
                let order = value.compare(literal);
                value.is_scalar()
                    && value.rank() == literal.rank()
                    && match *op {
                        "=" => order.is_eq(),
                        "<" => order.is_lt(),
                        "<=" => order.is_le(),
                        ">" => order.is_gt(),
                        _ => order.is_ge(),
                    }
            }),
            Self::In(path, literals) => {
                document.get(path).is_some_and(|value| literals.iter().any(|literal| value.is(literal)))
            }
            Self::Exists(path) => document.get(path).is_some(),
            Self::Contains(path, literal) => match document.get(path) {
                Some(Plain::Array(elements)) => elements.iter().any(|element| element.is(literal)),
                _ => false,
            },
            Self::StartsWith(path, start) => match document.get(path) {
                Some(Plain::Text(text)) => text.starts_with(start),
                _ => false,
            },
            Self::Not(part) => !part.holds(document),
            Self::All(parts) => parts.iter().all(|part| part.holds(document)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(document)),
        }
    }

    /// As it is written.
    #[must_use]
    pub fn text(&self) -> String {
        let joined = |parts: &[Self], with: &str| {
            parts.iter().map(|part| format!("({})", part.text())).collect::<Vec<_>>().join(with)
        };
        match self {
            Self::Compare(path, op, literal) => format!("{path} {op} {}", literal.literal()),
            Self::In(path, literals) => {
                format!("{path} IN ({})", literals.iter().map(Plain::literal).collect::<Vec<_>>().join(", "))
            }
            Self::Exists(path) => format!("`{path}` exists"),
            Self::Contains(path, literal) => format!("{path} contains {}", literal.literal()),
            Self::StartsWith(path, start) => {
                format!("{path} STARTSWITH {}", Plain::Text(start.clone()).literal())
            }
            Self::Not(part) => format!("NOT ({})", part.text()),
            Self::All(parts) => joined(parts, " AND "),
            Self::Any(parts) => joined(parts, " or "),
        }
    }
}

/// Sorts documents by fields, those without a scalar last, and then by their ids.
pub fn sort(documents: &mut [&Document], order: &[(&str, bool)]) {
    documents.sort_by(|one, other| {
        for (path, is_descending) in order {
            let key = |document: &'_ Document| document.get(path).filter(|value| value.is_scalar()).cloned();
            let keys = match (key(one), key(other)) {
                (None, None) => Ordering::Equal,
                (None, Some(_)) => Ordering::Greater,
                (Some(_), None) => Ordering::Less,
                (Some(one), Some(other)) if *is_descending => other.compare(&one),
                (Some(one), Some(other)) => one.compare(&other),
            };
            if keys.is_ne() {
                return keys;
            }
        }
        one.id.as_bytes().cmp(other.id.as_bytes())
    });
}
