//! From text to a run, without a tree between: serde_json reads, a visitor builds.
//!
//! serde_json refuses more than 127 containers in each other, which is RedisJSON's limit, and words its errors as RedisJSON does.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, MapAccess, SeqAccess, Visitor};

use crate::number::Number;
use crate::packed::{Builder, Value, text_at};

/// Members up to which an object is searched for a name; above, names are looked up.
const SEARCHED_MAX: usize = 16;
/// Most of a document's bytes that are reserved before it is read.
const RESERVED_MAX: usize = 1 << 16;

/// Why a text is no JSON value, as serde_json words it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(String);

/// The run of the value that a text begins with; what stands behind it is passed over, as RedisJSON does.
/// Complexity: O(bytes), and O(n log n) in the members of one object.
///
/// # Errors
/// If it does not begin with a value, or with one that is nested too deep.
pub(crate) fn parse(text: &str) -> Result<Vec<u8>, ParseError> {
    read(text, false)
}

/// The run of the value that a text is.
///
/// # Errors
/// If it is not, or one that is nested too deep.
pub(crate) fn parse_all(text: &str) -> Result<Vec<u8>, ParseError> {
    read(text, true)
}

fn read(text: &str, to_the_end: bool) -> Result<Vec<u8>, ParseError> {
    let mut builder = Builder::with_capacity(text.len().min(RESERVED_MAX));
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let read = Into(&mut builder).deserialize(&mut deserializer);
    let read = if to_the_end { read.and_then(|()| deserializer.end()) } else { read };
    read.map_err(|error| ParseError(error.to_string()))?;
    Ok(builder.finish())
}

/// Where the next value goes.
struct Into<'b>(&'b mut Builder);

impl<'de> DeserializeSeed<'de> for Into<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Into<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any valid JSON value")
    }
    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.0.bool(value);
        Ok(())
    }
    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.0.number(Number::Integer(value));
        Ok(())
    }
    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.0.number(Number::Unsigned(value));
        Ok(())
    }
    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.0.number(Number::Double(value));
        Ok(())
    }
    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.0.text(value.as_bytes());
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        self.0.null();
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        let open = self.0.open(false);
        let mut count = 0;
        while elements.next_element_seed(Into(self.0))?.is_some() {
            count += 1;
        }
        self.0.close(&open, count);
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        let open = self.0.open(true);
        let mut names = Names { body: open.body(), count: 0, has_doubles: false, large: None };
        loop {
            let start = self.0.built().len();
            if members.next_key_seed(Name(self.0))?.is_none() {
                break;
            }
            names.note(self.0.built(), start);
            members.next_value_seed(Into(self.0))?;
        }
        if names.has_doubles {
            names.keep_last_values(self.0);
        }
        self.0.close(&open, names.count);
        Ok(())
    }
}

/// Where the next name goes.
struct Name<'b>(&'b mut Builder);

impl<'de> DeserializeSeed<'de> for Name<'_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Name<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }
    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.0.text(value.as_bytes());
        Ok(())
    }
}

/// The names of an object that is being built, to find those that come twice.
struct Names {
    body: usize,
    count: usize,
    has_doubles: bool,
    /// The names so far, once they are many.
    large: Option<std::collections::BTreeSet<Box<[u8]>>>,
}

impl Names {
    /// A name was built at `start`.
    fn note(&mut self, built: &[u8], start: usize) {
        let (name, _) = text_at(built, start);
        self.count += 1;
        if let Some(names) = &mut self.large {
            self.has_doubles |= !names.insert(name.into());
            return;
        }
        let before = || members_of(built, self.body, start);
        self.has_doubles |= before().any(|(found, _)| found == name);
        if self.count > SEARCHED_MAX {
            let names = before().map(|(name, _)| name.into()).chain([name.into()]);
            self.large = Some(names.collect());
        }
    }

    /// Leaves each name once, where it came first, with the value that came last.
    fn keep_last_values(&mut self, builder: &mut Builder) {
        let built = builder.built();
        let mut order: Vec<&[u8]> = Vec::new();
        let mut values: BTreeMap<&[u8], Value<'_>> = BTreeMap::new();
        for (name, value) in members_of(built, self.body, built.len()) {
            if values.insert(name, value).is_none() {
                order.push(name);
            }
        }
        let mut kept = Builder::with_capacity(built.len() - self.body);
        for name in &order {
            kept.text(name);
            kept.copy(values[name]);
        }
        self.count = order.len();
        builder.truncate(self.body);
        builder.copy_bytes(&kept.finish());
    }
}

/// The members between two places of what is being built.
fn members_of(built: &[u8], from: usize, to: usize) -> impl Iterator<Item = (&[u8], Value<'_>)> {
    let mut at = from;
    std::iter::from_fn(move || {
        if at == to {
            return None;
        }
        let (name, behind) = text_at(built, at);
        let value = Value::at_place(built, behind);
        at = value.end();
        Some((name, value))
    })
}
