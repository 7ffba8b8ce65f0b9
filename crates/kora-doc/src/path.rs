//! Dotted paths: `address.city` names members, `tags.0` an element of an array.

use std::fmt;

use kora_json::{Node, Value};

/// Bytes of a path at most.
const BYTES_MAX: usize = 1024;
/// Steps of a path at most: as many as values may be nested.
const STEPS_MAX: usize = 127;

/// A path.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Path {
    text: Box<str>,
}

/// Why a text is no path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// It is empty, or begins or ends with a dot, or has two dots in a row.
    #[error("a path is names or indexes with a dot between them")]
    EmptyStep,
    /// It is too long.
    #[error("a path has at most 1024 bytes and 127 steps")]
    TooLong,
    /// It is not UTF-8.
    #[error("a path is UTF-8")]
    NotText,
}

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// If it is none.
    pub fn parse(text: &[u8]) -> Result<Self, PathError> {
        if text.len() > BYTES_MAX {
            return Err(PathError::TooLong);
        }
        let text = std::str::from_utf8(text).map_err(|_| PathError::NotText)?;
        if text.split('.').any(str::is_empty) {
            return Err(PathError::EmptyStep);
        }
        if text.split('.').count() > STEPS_MAX {
            return Err(PathError::TooLong);
        }
        Ok(Self { text: text.into() })
    }

    /// As it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its steps.
    pub fn steps(&self) -> impl Iterator<Item = &[u8]> {
        self.text.split('.').map(str::as_bytes)
    }

    /// What it finds. Complexity: O(members and elements before it, of each step).
    #[must_use]
    pub fn find<'v>(&self, root: Value<'v>) -> Option<Value<'v>> {
        let mut value = root;
        for step in self.steps() {
            value = match value.node() {
                Node::Object(object) => object.member(step)?,
                Node::Array(array) => array.element(index_of(step)?)?,
                _ => return None,
            };
        }
        Some(value)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The index that a step is: digits only.
pub(crate) fn index_of(step: &[u8]) -> Option<usize> {
    if !step.iter().all(u8::is_ascii_digit) {
        return None;
    }
    std::str::from_utf8(step).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use kora_json::Json;

    use super::*;

    #[test]
    fn members_and_elements_are_found() {
        let json = Json::parse(r#"{"a":{"b":[1,{"c":2}],"0":3},"é":4,"x":5}"#).unwrap();
        let find = |path: &str| {
            let found = Path::parse(path.as_bytes()).unwrap();
            found.find(json.root()).map(|value| String::from_utf8(kora_json::text::of(value)).unwrap())
        };
        assert_eq!(find("a.b.0").as_deref(), Some("1"));
        assert_eq!(find("a.b.1.c").as_deref(), Some("2"));
        assert_eq!(find("a.0").as_deref(), Some("3"));
        assert_eq!(find("é").as_deref(), Some("4"));
        assert_eq!(find("a.b").as_deref(), Some(r#"[1,{"c":2}]"#));
        for none in ["a.b.2", "a.b.+1", "a.b.99999999999999999999999", "x.y", "y", "a.b.c"] {
            assert_eq!(find(none), None, "{none}");
        }
    }

    #[test]
    fn paths_are_checked() {
        for bad in ["", ".", "a.", ".a", "a..b"] {
            assert_eq!(Path::parse(bad.as_bytes()), Err(PathError::EmptyStep), "{bad}");
        }
        assert_eq!(Path::parse(&[b'a'; 1025]), Err(PathError::TooLong));
        assert_eq!(Path::parse("a.".repeat(127).as_bytes()), Err(PathError::EmptyStep));
        assert_eq!(Path::parse(format!("{}a", "a.".repeat(127)).as_bytes()), Err(PathError::TooLong));
        assert_eq!(Path::parse(b"\xff"), Err(PathError::NotText));
    }
}
