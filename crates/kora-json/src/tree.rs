//! A value that is open for changes: containers are taken apart as far as somebody looks into them, and the rest stays as it lies in its run.

use crate::data_type::Json;
use crate::number::Number;
use crate::packed::{Builder, DEPTH_MAX, Node, Value};

/// See the module.
#[derive(Clone, Debug)]
pub enum Tree<'a> {
    /// A value as it is.
    Kept(Value<'a>),
    /// A number that was calculated.
    Number(Number),
    /// An array that was taken apart, or made.
    Array(Vec<Tree<'a>>),
    /// An object that was taken apart, or made; its members have distinct names, in UTF-8.
    Object(Vec<(&'a [u8], Tree<'a>)>),
}

/// A value would be nested too deep.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the value would be nested deeper than 127 levels")]
pub struct TooDeep;

impl<'a> Tree<'a> {
    /// An object without members.
    #[must_use]
    pub fn object() -> Self {
        Self::Object(Vec::new())
    }

    /// Takes it apart, if it is an array or an object. Complexity: O(elements or members).
    pub fn open(&mut self) -> &mut Self {
        if let Self::Kept(value) = self {
            match value.node() {
                Node::Array(array) => *self = Self::Array(array.elements().map(Self::Kept).collect()),
                Node::Object(object) => {
                    *self = Self::Object(
                        object.members().map(|(name, value)| (name, Self::Kept(value))).collect(),
                    );
                }
                _ => {}
            }
        }
        self
    }

    /// The number that it is.
    #[must_use]
    pub fn as_number(&self) -> Option<Number> {
        match self {
            Self::Number(number) => Some(*number),
            Self::Kept(value) => match value.node() {
                Node::Number(number) => Some(number),
                _ => None,
            },
            _ => None,
        }
    }

    /// The value as a whole. Complexity: O(bytes).
    ///
    /// # Errors
    /// If it is nested too deep.
    pub fn finish(&self) -> Result<Json, TooDeep> {
        let mut builder = Builder::default();
        self.build(&mut builder, 0)?;
        Ok(Json::of_run(builder.finish()))
    }

    /// Adds it where it stands in so many containers.
    fn build(&self, builder: &mut Builder, depth: usize) -> Result<(), TooDeep> {
        match self {
            Self::Kept(value) if depth > 0 && depth + value.depth() > DEPTH_MAX => return Err(TooDeep),
            Self::Kept(value) => builder.copy(*value),
            Self::Number(number) => builder.number(*number),
            Self::Array(_) | Self::Object(_) if depth >= DEPTH_MAX => return Err(TooDeep),
            Self::Array(elements) => {
                let open = builder.open(false);
                elements.iter().try_for_each(|element| element.build(builder, depth + 1))?;
                builder.close(&open, elements.len());
            }
            Self::Object(members) => {
                let open = builder.open(true);
                for (name, value) in members {
                    builder.text(name);
                    value.build(builder, depth + 1)?;
                }
                builder.close(&open, members.len());
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_taken_apart_is_put_together() {
        let json = Json::parse(r#"{"a":[1,{"b":2}],"c":"x"}"#).unwrap();
        let more = Json::parse("[true]").unwrap();
        let mut tree = Tree::Kept(json.root());
        let Tree::Object(members) = tree.open() else { panic!("it is an object") };
        let Tree::Array(elements) = members[0].1.open() else { panic!("it is an array") };
        elements.push(Tree::Kept(more.root()));
        assert_eq!(elements[0].as_number(), Some(Number::Integer(1)));
        elements[0] = Tree::Number(Number::Double(1.5));
        members.remove(1);
        members.push((b"d", Tree::object()));
        let text = tree.finish().unwrap().text();
        assert_eq!(String::from_utf8(text).unwrap(), r#"{"a":[1.5,{"b":2},[true]],"d":{}}"#);
    }

    #[test]
    fn depth_is_limited() {
        let deep = Json::parse(&format!("{}1{}", "[".repeat(126), "]".repeat(126))).unwrap();
        let one = Tree::Array(vec![Tree::Kept(deep.root())]);
        assert!(one.finish().is_ok());
        assert_eq!(Tree::Array(vec![one]).finish().unwrap_err(), TooDeep);
        let mut made = Tree::object();
        for _ in 0..200 {
            made = Tree::Object(vec![(b"a", made)]);
        }
        assert_eq!(made.finish().unwrap_err(), TooDeep);
    }
}
