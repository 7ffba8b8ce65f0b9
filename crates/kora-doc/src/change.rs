//! What DOC.UPDATE does to a document: operations one after the other, all or none of them.

#[cfg(test)]
mod tests;

use kora_core::error::{CommandError, CommandResult};
use kora_json::tree::Tree;
use kora_json::{Json, Number, Value, are_equal};

use crate::condition::evaluate::scalar_of;
use crate::path::{Path, index_of};

/// A path goes through what is no object, or behind the end of an array.
const NO_PLACE: CommandError = CommandError::text(
    "ERR there is no place for this path: it goes through what is no object, or past the end of an array",
);

/// An operation on a document.
#[derive(Debug)]
pub(crate) struct Operation {
    path: Path,
    action: Action,
}

#[derive(Debug)]
enum Action {
    Set(Json),
    Delete,
    Increment(Amount),
    Push(Json),
    Pull(Json),
}

/// What a field is incremented by.
#[derive(Clone, Copy, Debug)]
enum Amount {
    Whole(i128),
    Double(f64),
}

impl From<Number> for Amount {
    fn from(number: Number) -> Self {
        match number {
            Number::Integer(number) => Self::Whole(number.into()),
            Number::Unsigned(number) => Self::Whole(number.into()),
            Number::Double(number) => Self::Double(number),
        }
    }
}

impl Amount {
    #[expect(clippy::cast_precision_loss, reason = "a sum with a double is one")]
    fn as_f64(self) -> f64 {
        match self {
            Self::Whole(number) => number as f64,
            Self::Double(number) => number,
        }
    }
}

/// Reads operations: `SET path json`, `DEL path`, `INCR path number`, `PUSH path json`, `PULL path json`.
///
/// # Errors
/// If they are none.
pub(crate) fn parse(args: &[&[u8]]) -> CommandResult<Vec<Operation>> {
    let mut operations = Vec::new();
    let mut rest = args;
    while let [name, path, behind @ ..] = rest {
        let path = Path::parse(path).map_err(|error| CommandError::Other(format!("ERR {error}").into()))?;
        let is = |word: &str| name.eq_ignore_ascii_case(word.as_bytes());
        let (action, behind) = if is("DEL") {
            (Action::Delete, behind)
        } else {
            let [value, behind @ ..] = behind else { return Err(CommandError::Syntax) };
            let action = if is("SET") {
                Action::Set(json_of(value)?)
            } else if is("INCR") {
                Action::Increment(amount_of(value)?)
            } else if is("PUSH") {
                Action::Push(json_of(value)?)
            } else if is("PULL") {
                Action::Pull(json_of(value)?)
            } else {
                return Err(CommandError::Syntax);
            };
            (action, behind)
        };
        operations.push(Operation { path, action });
        rest = behind;
    }
    if operations.is_empty() || !rest.is_empty() { Err(CommandError::Syntax) } else { Ok(operations) }
}

/// A text as a JSON value.
///
/// # Errors
/// If it is none.
pub(crate) fn json_of(text: &[u8]) -> CommandResult<Json> {
    let refusal = |words: &str| {
        CommandError::Other(format!("ERR invalid JSON: {words}").replace(['\r', '\n'], " ").into())
    };
    let text = std::str::from_utf8(text).map_err(|_| refusal("it is not UTF-8"))?;
    Json::parse_all(text).map_err(|error| refusal(&error.to_string()))
}

/// An amount as JSON has it: what is written as an integer is exact.
fn amount_of(text: &[u8]) -> CommandResult<Amount> {
    let json = json_of(text).map_err(|_| CommandError::NotFloat)?;
    let number = Tree::Kept(json.root()).as_number().ok_or(CommandError::NotFloat)?;
    let text = text.trim_ascii();
    let is_integer = text.iter().all(|byte| byte.is_ascii_digit() || *byte == b'-');
    if !is_integer {
        return Ok(number.into());
    }
    let exact = std::str::from_utf8(text).ok().and_then(|text| text.parse().ok());
    exact.map(Amount::Whole).ok_or(CommandError::IncrementOverflow)
}

/// The document after all operations. Complexity: O(bytes, for each operation the members on its way).
///
/// # Errors
/// If one of them can't be done.
pub(crate) fn changed(root: Value<'_>, operations: &[Operation]) -> CommandResult<Json> {
    let mut tree = Tree::Kept(root);
    for operation in operations {
        operation.run(&mut tree)?;
    }
    tree.finish().map_err(|error| CommandError::Other(format!("ERR {error}").into()))
}

impl Operation {
    fn run<'a>(&'a self, tree: &mut Tree<'a>) -> CommandResult {
        match &self.action {
            Action::Set(json) => *place(tree, &self.path)?.0 = Tree::Kept(json.root()),
            Action::Delete => delete(tree, &self.path),
            Action::Increment(by) => {
                let (place, is_there) = place(tree, &self.path)?;
                let before = if is_there { place.as_number() } else { Some(Number::Integer(0)) };
                *place = Tree::Number(sum(before.ok_or_else(|| self.wrong_type("number"))?, *by)?);
            }
            Action::Push(json) => {
                let (place, is_there) = place(tree, &self.path)?;
                if !is_there {
                    *place = Tree::Array(Vec::new());
                }
                match place.open() {
                    Tree::Array(elements) => elements.push(Tree::Kept(json.root())),
                    _ => return Err(self.wrong_type("array")),
                }
            }
            Action::Pull(json) => {
                let Some(place) = existing(tree, self.path.steps()) else { return Ok(()) };
                let Tree::Array(elements) = place.open() else { return Err(self.wrong_type("array")) };
                elements.retain(|element| !is_equal(element, json.root()));
            }
        }
        Ok(())
    }

    fn wrong_type(&self, expected: &str) -> CommandError {
        CommandError::Other(
            format!("ERR the field '{}' is no {expected}", self.path.text().escape_debug()).into(),
        )
    }
}

/// The sum of a number and an amount: exact if both are integers.
fn sum(one: Number, other: Amount) -> CommandResult<Number> {
    let one = Amount::from(one);
    if let (Amount::Whole(one), Amount::Whole(other)) = (one, other) {
        let sum = one.checked_add(other).ok_or(CommandError::IncrementOverflow)?;
        let signed = i64::try_from(sum).map(Number::Integer);
        let number = signed.or_else(|_| u64::try_from(sum).map(Number::Unsigned));
        return number.map_err(|_| CommandError::IncrementOverflow);
    }
    let sum = one.as_f64() + other.as_f64();
    if sum.is_finite() { Ok(Number::Double(sum)) } else { Err(CommandError::IncrementNotFinite) }
}

/// What a path finds, or a place that is made for it, with the objects around it; and whether it was there.
fn place<'t, 'a>(tree: &'t mut Tree<'a>, path: &'a Path) -> CommandResult<(&'t mut Tree<'a>, bool)> {
    let (mut at, mut is_there) = (tree, true);
    for step in path.steps() {
        at = match at.open() {
            Tree::Object(members) => {
                let found = members.iter().position(|(name, _)| *name == step);
                is_there &= found.is_some();
                let place = found.unwrap_or_else(|| {
                    members.push((step, Tree::object()));
                    members.len() - 1
                });
                &mut members[place].1
            }
            Tree::Array(elements) => {
                let index = index_of(step).filter(|index| *index < elements.len()).ok_or(NO_PLACE)?;
                &mut elements[index]
            }
            _ => return Err(NO_PLACE),
        };
    }
    Ok((at, is_there))
}

/// What steps find, if they find something.
fn existing<'t, 'a, 's>(
    tree: &'t mut Tree<'a>,
    steps: impl Iterator<Item = &'s [u8]>,
) -> Option<&'t mut Tree<'a>> {
    let mut at = tree;
    for step in steps {
        at = match at.open() {
            Tree::Object(members) => {
                let place = members.iter().position(|(name, _)| *name == step)?;
                &mut members[place].1
            }
            Tree::Array(elements) => elements.get_mut(index_of(step)?)?,
            _ => return None,
        };
    }
    Some(at)
}

fn delete(tree: &mut Tree<'_>, path: &Path) {
    let steps: Vec<&[u8]> = path.steps().collect();
    let Some((last, before)) = steps.split_last() else { return };
    match existing(tree, before.iter().copied()).map(Tree::open) {
        Some(Tree::Object(members)) => members.retain(|(name, _)| name != last),
        Some(Tree::Array(elements)) => {
            if let Some(index) = index_of(last).filter(|index| *index < elements.len()) {
                elements.remove(index);
            }
        }
        _ => {}
    }
}

/// Whether an element is equal to a value: numbers by their values, whatever they are written as.
fn is_equal(element: &Tree<'_>, value: Value<'_>) -> bool {
    let Ok(json) = element.finish() else { return false };
    match (scalar_of(json.root()), scalar_of(value)) {
        (Some(one), Some(other)) => one.encoded() == other.encoded(),
        (None, None) => are_equal(json.root(), value),
        _ => false,
    }
}
