//! Paths into a value, in RedisJSON's two dialects: those that begin with `$` find any number of values; legacy ones, `.a.b` or `a[0]`, are
//! the same path to find one.
//!
//! A path is parsed once and evaluated over the packed form, in place. What it finds are places, for reading and for
//! [edits](crate::edit).

mod error;
mod filter;
mod find;
mod parse;
mod syntax;
#[cfg(test)]
mod tests;

pub use error::{PathError, TooMuch};
pub use find::Budget;
pub(crate) use find::{Found, outermost};
use syntax::Step;

use crate::packed::Value;

/// Bytes of the values that a path may find together, and of those that a command may put in their places: as many as a string may have.
/// A path may find one value any number of times.
pub(crate) const BYTES_MAX: usize = 512 << 20;

/// A path.
#[derive(Clone, Debug)]
pub struct Path {
    steps: Vec<Step>,
    /// As it was given.
    text: Box<str>,
    is_legacy: bool,
}

impl Path {
    /// Parses a path of either dialect. Complexity: O(bytes).
    ///
    /// # Errors
    /// If it is not one, with the place and what could stand there.
    pub fn parse(text: &str) -> Result<Self, PathError> {
        let is_legacy = Self::is_legacy_text(text);
        let steps = if is_legacy { parse::steps(&modern(text))? } else { parse::steps(text)? };
        Ok(Self { steps, text: text.into(), is_legacy })
    }

    /// Whether a text is a path of the legacy dialect, if it is a path.
    #[must_use]
    pub fn is_legacy_text(text: &str) -> bool {
        text != "$" && !text.starts_with("$.") && !text.starts_with("$[")
    }

    /// Whether it is of the legacy dialect: it stands for one value.
    #[must_use]
    pub fn is_legacy(&self) -> bool {
        self.is_legacy
    }

    /// Whether it is the value as a whole.
    #[must_use]
    pub fn is_root(&self) -> bool {
        self.steps.is_empty()
    }

    /// As it was given.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// As it is written in the dialect of `$`.
    #[must_use]
    pub fn modern_text(&self) -> String {
        if self.is_legacy { modern(&self.text) } else { self.text.to_string() }
    }

    /// The values that it finds in one, each time in the order of the text.
    ///
    /// # Errors
    /// If it goes to more places than a path may.
    pub fn find<'a>(&self, root: Value<'a>) -> Result<Vec<Value<'a>>, TooMuch> {
        self.find_within(root, &mut budget_of(root))
    }

    /// The same, as one of several paths of a command.
    ///
    /// # Errors
    /// If they go to more places than they may together.
    pub fn find_within<'a>(&self, root: Value<'a>, budget: &mut Budget) -> Result<Vec<Value<'a>>, TooMuch> {
        let places = find::find(root, &self.steps, budget)?;
        let mut bytes: usize = 0;
        let mut found = Vec::with_capacity(places.len());
        for place in places {
            let value = place.value(root);
            bytes = bytes.saturating_add(value.end() - value.place());
            found.push(value);
        }
        if bytes > BYTES_MAX { Err(TooMuch) } else { Ok(found) }
    }

    /// The first value that it finds in one.
    ///
    /// # Errors
    /// If it goes to more places than a path may.
    pub fn first<'a>(&self, root: Value<'a>) -> Result<Option<Value<'a>>, TooMuch> {
        self.first_within(root, &mut budget_of(root))
    }

    /// The same, as one of several paths of a command.
    ///
    /// # Errors
    /// If they go to more places than they may together.
    pub fn first_within<'a>(
        &self,
        root: Value<'a>,
        budget: &mut Budget,
    ) -> Result<Option<Value<'a>>, TooMuch> {
        match find::direct(root, &self.steps, budget)? {
            Some(found) => Ok(found),
            None => self.find_within(root, budget).map(|found| found.first().copied()),
        }
    }

    /// The places that it finds.
    pub(crate) fn places(&self, root: Value<'_>) -> Result<Vec<Found>, TooMuch> {
        find::find(root, &self.steps, &mut budget_of(root))
    }

    /// What the last step names, and the path before it, if no step can find more than one value.
    pub(crate) fn last_static(&self) -> Option<(Target<'_>, Self)> {
        let (last, before) = self.steps.split_last()?;
        let target = match last {
            Step::Name(name) => Target::Member(name.as_bytes()),
            Step::Index(_) => Target::Element,
            _ => return None,
        };
        let is_static = before.iter().all(|step| matches!(step, Step::Name(_) | Step::Index(_)));
        is_static.then(|| (target, Self { steps: before.to_vec(), text: "".into(), is_legacy: false }))
    }
}

/// What a path may visit that is alone in its command.
fn budget_of(root: Value<'_>) -> Budget {
    let mut budget = Budget::default();
    budget.allow_for(root);
    budget
}

/// What the last step of a path names that finds one value at most.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Target<'a> {
    /// A member of an object.
    Member(&'a [u8]),
    /// An element of an array.
    Element,
}

/// A legacy path in the dialect of `$`.
fn modern(text: &str) -> String {
    match text.strip_prefix('.') {
        Some("") => "$".into(),
        Some(_) => format!("${text}"),
        None => format!("$.{text}"),
    }
}
