//! NEAREST: the documents whose vectors are the nearest to one, among those that fulfil the condition.

use kora_core::error::{CommandError, CommandResult};
use kora_core::number::parse_i64;

use super::project::path_of;
use super::{is_word, refusal};
use crate::change::json_of;
use crate::collection::Collection;
use crate::path::Path;
use crate::query::nearest::Nearest;
use crate::vector::{self, CANDIDATES};

/// The clause as it was sent.
#[derive(Debug)]
pub(super) struct Clause {
    path: Path,
    count: usize,
    vector: Given,
    candidates: Option<usize>,
}

/// A vector as it was sent.
#[derive(Debug)]
enum Given {
    /// An array of numbers, as documents have it.
    Json(Vec<u8>),
    /// Elements in single precision, little-endian.
    Singles(Vec<u8>),
}

impl Clause {
    /// `path count (array | FP32 bytes) [EF n]`.
    ///
    /// # Errors
    /// If it is none.
    pub(super) fn parse(rest: &mut &[&[u8]]) -> CommandResult<Self> {
        let mut next = || rest.split_off_first().copied().ok_or(CommandError::Syntax);
        let path = path_of(super::find::unquoted(next()?))?;
        let count = parse_i64(next()?).ok_or(CommandError::NotInteger)?;
        let count = usize::try_from(count).ok().filter(|count| *count > 0);
        let count = count.ok_or(CommandError::text("ERR NEAREST asks for one document at least"))?;
        let vector = match next()? {
            word if is_word(word, "FP32") => Given::Singles(next()?.to_vec()),
            array => Given::Json(array.to_vec()),
        };
        let has_candidates = rest.split_off_first_if(|arg| is_word(arg, "EF"));
        let candidates = if has_candidates { Some(candidates(rest)?) } else { None };
        Ok(Self { path, count, vector, candidates })
    }

    /// What it asks of a collection.
    ///
    /// # Errors
    /// If the collection has no such index, or the vector is none of it.
    pub(super) fn ask(self, collection: &Collection) -> CommandResult<Nearest> {
        let path = self.path.text().escape_debug();
        let index = collection.index_on(&self.path);
        let index = index.filter(|at| collection.indexes[*at].kind.vector().is_some());
        let Some(kind) = index.and_then(|at| collection.indexes[at].kind.vector()) else {
            return Err(refusal(format_args!("ERR there is no vector index on '{path}'")));
        };
        if self.candidates.is_some() && kind.algorithm.graph().is_none() {
            return Err(refusal(format_args!("ERR EF is for HNSW: the index on '{path}' is FLAT")));
        }
        let vector = match &self.vector {
            Given::Json(text) => vector::of_json(kind, json_of(text)?.root()),
            Given::Singles(bytes) => vector::of_singles(kind, bytes),
        };
        let vector = vector.map_err(|misfit| {
            refusal(format_args!("ERR the vector of NEAREST is none of the index on '{path}': {misfit}"))
        })?;
        let kind = kind.clone();
        Ok(Nearest { path: self.path, kind, vector, count: self.count, candidates: self.candidates })
    }
}

fn candidates(rest: &mut &[&[u8]]) -> CommandResult<usize> {
    let number = parse_i64(rest.split_off_first().ok_or(CommandError::Syntax)?);
    let (least, most) = CANDIDATES;
    let number = number.filter(|number| (least..=most).contains(number));
    let number = number.and_then(|number| usize::try_from(number).ok());
    number.ok_or_else(|| refusal(format_args!("ERR EF is a number from {least} to {most}")))
}

/// Arguments of which the next may be a word.
trait Next {
    /// Takes the next one if it is this, and says whether it was.
    fn split_off_first_if(&mut self, is_it: impl Fn(&[u8]) -> bool) -> bool;
}

impl Next for &[&[u8]] {
    fn split_off_first_if(&mut self, is_it: impl Fn(&[u8]) -> bool) -> bool {
        let is_next = self.first().is_some_and(|arg| is_it(arg));
        is_next && self.split_off_first().is_some()
    }
}
