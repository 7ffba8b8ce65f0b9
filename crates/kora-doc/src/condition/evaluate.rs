//! Whether a document fulfils a condition.

use kora_index::scalar::{Class, Scalar, class_of};
use kora_json::{Node, Number, Value};

use super::{Comparison, Condition, Literal, Term, Test};
use crate::path::Path;

/// A scalar of a JSON value; `None` for arrays and objects.
#[must_use]
pub(crate) fn scalar_of(value: Value<'_>) -> Option<Scalar<'_>> {
    Some(match value.node() {
        Node::Null => Scalar::Null,
        Node::Bool(is_true) => Scalar::Bool(is_true),
        Node::Number(Number::Integer(number)) => Scalar::Integer(number.into()),
        Node::Number(Number::Unsigned(number)) => Scalar::Integer(number.into()),
        Node::Number(Number::Double(number)) => Scalar::Double(number),
        Node::Text(text) => Scalar::Text(text),
        Node::Array(_) | Node::Object(_) => return None,
    })
}

/// What the path that was looked for last finds in a document: tests of one field mostly stand beside each other.
type Last<'c, 'v> = Option<(&'c Path, Option<Value<'v>>)>;

impl Condition {
    /// Whether a document fulfils it. Complexity: O(parts, each with the members before what its path finds).
    #[must_use]
    pub fn holds(&self, root: Value<'_>) -> bool {
        self.holds_after(root, &mut None)
    }

    fn holds_after<'c, 'v>(&'c self, root: Value<'v>, last: &mut Last<'c, 'v>) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.holds_after(root, last)),
            Self::Or(parts) => parts.iter().any(|part| part.holds_after(root, last)),
            Self::Not(part) => !part.holds_after(root, last),
            Self::Term(term) => {
                let found = match last {
                    Some((path, found)) if **path == term.path => *found,
                    _ => {
                        let found = term.path.find(root);
                        *last = Some((&term.path, found));
                        found
                    }
                };
                term.passes(found)
            }
        }
    }
}

impl Term {
    /// Whether a document passes the test.
    #[must_use]
    pub fn holds(&self, root: Value<'_>) -> bool {
        self.passes(self.path.find(root))
    }

    /// Whether what its path finds passes the test.
    fn passes(&self, found: Option<Value<'_>>) -> bool {
        match &self.test {
            Test::Exists => found.is_some(),
            Test::Compare(Comparison::NotEqual, literal) => !found.is_some_and(|value| is(value, literal)),
            Test::Compare(Comparison::Equal, literal) => found.is_some_and(|value| is(value, literal)),
            Test::Compare(comparison, literal) => {
                found.and_then(scalar_of).is_some_and(|scalar| is_in_order(scalar, *comparison, literal))
            }
            Test::In(literals) => {
                let encoded = found.and_then(scalar_of).map(|scalar| scalar.encoded());
                encoded.is_some_and(|encoded| {
                    literals.binary_search_by(|literal| (*literal.0).cmp(&encoded)).is_ok()
                })
            }
            Test::Contains(literal) => match found.map(Value::node) {
                Some(Node::Array(array)) => array.elements().any(|element| is(element, literal)),
                _ => false,
            },
            Test::StartsWith(start) => {
                matches!(found.map(Value::node), Some(Node::Text(text)) if text.starts_with(start))
            }
        }
    }
}

fn is(value: Value<'_>, literal: &Literal) -> bool {
    match scalar_of(value) {
        // No copy of a long text is made.
        Some(Scalar::Text(text)) => literal.class() == Class::Text && *text == literal.0[1..],
        Some(scalar) => *scalar.encoded() == *literal.0,
        None => false,
    }
}

fn is_in_order(scalar: Scalar<'_>, comparison: Comparison, literal: &Literal) -> bool {
    let encoded = scalar.encoded();
    let order = (*encoded).cmp(&literal.0);
    class_of(&encoded) == literal.class()
        && match comparison {
            Comparison::Equal => order.is_eq(),
            Comparison::NotEqual => order.is_ne(),
            Comparison::Less => order.is_lt(),
            Comparison::LessOrEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            Comparison::GreaterOrEqual => order.is_ge(),
        }
}
