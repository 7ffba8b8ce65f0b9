//! Changing the values that a path finds, each by itself: what the commands on numbers, strings and arrays share.

use std::collections::BTreeMap;

use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::journal::EventClass;
use kora_core::reply::Reply;

use super::{NO_KEY, write};
use crate::edit::{Splice, apply};
use crate::packed::{DEPTH_MAX, Value};
use crate::path::{BYTES_MAX, Found, Path, TooMuch};

/// A value that a path has found, to be changed.
#[derive(Clone, Copy)]
pub(super) struct Place<'v> {
    root: Value<'v>,
    found: Found,
}

impl<'v> Place<'v> {
    pub(super) fn value(self) -> Value<'v> {
        self.found.value(self.root)
    }

    /// Puts another value in its place.
    pub(super) fn replace(self, with: Vec<u8>) -> Splice {
        Splice::replace(&self.found, self.root, with)
    }

    /// Makes sure that there may be values in it in which so many arrays and objects are in each other.
    pub(super) fn check_depth_in(self, depth: usize) -> CommandResult {
        check_depth(self.found.depth() + 1 + depth)
    }
}

/// Makes sure that a value may be nested so deep.
pub(super) fn check_depth(depth: usize) -> CommandResult {
    if depth > DEPTH_MAX {
        return Err(CommandError::text("ERR the value would be nested deeper than 127 levels"));
    }
    Ok(())
}

/// Makes sure that a command may put so many bytes in the places that a path finds.
pub(super) fn check_size(bytes: usize) -> CommandResult {
    if bytes > BYTES_MAX { Err(TooMuch.into()) } else { Ok(()) }
}

/// Changes each value that a path finds in the one at `key`. `change` adds what is to be changed, and returns the result; `None` if the value
/// is of another type. If it refuses one, nothing is changed. Who follows the key is told if something has changed.
///
/// # Errors
/// If there is no such key, if the path goes too far, and what `change` refuses.
pub(super) fn update<T: Clone>(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    path: &Path,
    event: &'static str,
    mut change: impl FnMut(Place<'_>, &mut Vec<Splice>) -> CommandResult<Option<T>>,
) -> CommandResult<Vec<Option<T>>> {
    let mut keyspace = ctx.keyspace(key);
    let Some(mut json) = write(&mut keyspace, key)? else { return Err(NO_KEY) };
    let mut splices = Vec::new();
    let mut results = Vec::new();
    let mut added = 0;
    // A path may find a value twice. It is changed once.
    let mut done: BTreeMap<usize, Option<T>> = BTreeMap::new();
    let root = json.root();
    let places = path.places(root)?;
    let may_repeat = places.len() > 1;
    for found in places {
        if let Some(result) = done.get(&found.at) {
            results.push(result.clone());
            continue;
        }
        let before = splices.len();
        let result = change(Place { root, found }, &mut splices)?;
        added += splices[before..].iter().map(Splice::added).sum::<usize>();
        check_size(added)?;
        if may_repeat {
            done.insert(found.at, result.clone());
        }
        results.push(result);
    }
    let has_changed = !splices.is_empty();
    if has_changed {
        json.change(|run| apply(run, splices));
    }
    drop(json);
    if has_changed {
        keyspace.changed(EventClass::MODULE, event, key);
    }
    Ok(results)
}

/// The result of a legacy path: the last one; `none` if no value was of the type.
pub(super) fn last<T>(results: Vec<Option<T>>, none: impl FnOnce() -> CommandError) -> CommandResult<T> {
    results.into_iter().flatten().next_back().ok_or_else(none)
}

/// Answers integers, for each value of a path or for the last one.
pub(super) fn answer_integers(
    out: &mut dyn Reply,
    path: &Path,
    results: Vec<Option<i64>>,
    none: impl FnOnce() -> CommandError,
) -> CommandResult {
    if path.is_legacy() {
        out.integer(last(results, none)?);
        return Ok(());
    }
    out.array(results.len());
    for result in results {
        match result {
            Some(number) => out.integer(number),
            None => out.null(),
        }
    }
    Ok(())
}
