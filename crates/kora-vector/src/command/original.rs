//! VECSET, VECQUERY and VECDEL: vectors without names, compared by their Euclidean distance. Their ids are hashes of their elements.
//!
//! The forms are those of earlier programs. A key of theirs holds a vector set whose elements are named by their ids in decimal. Other commands on
//! vector sets refuse it.

#[cfg(test)]
mod tests;

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::hash::splitmix64;
use kora_core::number::parse_f64;
use kora_core::reply::Reply;
use kora_core::store::Keyspace;
use kora_hnsw::{DIMENSIONS_MAX, Hit, Metric};

use super::add::refused;
use super::aside::{Purpose, Readiness, Row, find, prepare};
use super::{CHANGES, INSERTS, SEARCHES, changed, positive, refusal};
use crate::set::{Quantization, Shape, VectorSet, Wanted};

const M: usize = 16;
const EF_CONSTRUCTION: usize = 200;
/// Vectors that a search keeps in mind at least.
const EF: usize = 50;
/// Bits of an id: a number of double precision, which scripts have, tells it.
const ID_BITS: u32 = 53;
/// Length of a vector at most: distances of longer ones may be out of the range of single precision.
const LENGTH_MAX: f64 = f32::MAX as f64 / 2.0;

const TOO_LONG: CommandError = CommandError::text("ERR the vector is too long: its length is out of range");

pub(super) const VECSET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "vecset",
        arity: -4,
        summary: "Adds a vector to an index, and gives its id",
        complexity: "O(log(N)) where N is the number of vectors in the index",
        since: "1.0.0",
        args: &[Arg::key("key"), Arg::integer("dim"), Arg::double("value").multiple()],
        ..INSERTS
    },
    handler: vecset,
};

pub(super) const VECQUERY: CommandSpec = CommandSpec {
    facts: Facts {
        name: "vecquery",
        arity: -4,
        summary: "Gives ids and distances of the vectors of an index that are nearest to one",
        complexity: "O(log(N)) where N is the number of vectors in the index",
        since: "1.0.0",
        args: &[Arg::key("key"), Arg::integer("k"), Arg::double("value").multiple()],
        ..SEARCHES
    },
    handler: vecquery,
};

pub(super) const VECDEL: CommandSpec = CommandSpec {
    facts: Facts {
        name: "vecdel",
        arity: 2,
        summary: "Deletes an index",
        complexity: "O(1)",
        since: "1.0.0",
        args: &[Arg::key("key")],
        ..CHANGES
    },
    handler: vecdel,
};

#[expect(clippy::cast_possible_truncation, reason = "elements are kept in single precision")]
fn vector(values: &[&[u8]]) -> CommandResult<Vec<f32>> {
    let element = |value: &&[u8]| {
        // There is one zero only.
        let element = parse_f64(value).map(|value| value as f32 + 0.0);
        element.filter(|element| element.is_finite()).ok_or(CommandError::NotFloat)
    };
    let vector: Vec<f32> = values.iter().map(element).collect::<CommandResult<_>>()?;
    let square: f64 = vector.iter().map(|one| f64::from(*one).powi(2)).sum();
    if square.sqrt() > LENGTH_MAX { Err(TOO_LONG) } else { Ok(vector) }
}

/// A vector of another number of elements than it should have.
fn other_dimensions(wanted: usize, given: usize) -> CommandError {
    refusal(format!("ERR vector dimension mismatch: expected {wanted}, got {given}"))
}

/// The ids that a vector may have, the one that it has in an empty index first.
fn ids(vector: &[f32]) -> impl Iterator<Item = i64> + use<> {
    let mut state = vector.len() as u64;
    for element in vector {
        state ^= u64::from(element.to_bits());
        state = splitmix64(&mut state);
    }
    let first = std::iter::once(state);
    let others = std::iter::from_fn(move || Some(splitmix64(&mut state)));
    first.chain(others).map(|id| (id >> (u64::BITS - ID_BITS)).cast_signed())
}

/// The id of a vector in an index, and whether it is there: equal ones have the same, and others have other ones.
fn id_in(set: &VectorSet, vector: &[f32], mut ids: impl Iterator<Item = i64>) -> (i64, bool) {
    let known = ids.find_map(|id| match set.number(id.to_string().as_bytes()) {
        None => Some((id, false)),
        Some(number) => (set.vector(number)? == vector).then_some((id, true)),
    });
    known.expect("there are more ids than vectors")
}

/// Whether a set is one of these commands.
fn check(set: &VectorSet, given: usize) -> CommandResult {
    let shape = set.shape();
    if !set.is_index() {
        return Err(CommandError::WrongType);
    }
    if shape.dimensions == given { Ok(()) } else { Err(other_dimensions(shape.dimensions, given)) }
}

fn vecset(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let dimensions = positive(args[2]).ok_or(CommandError::NotInteger)?;
    let vector = vector(&args[3..])?;
    if vector.len() != dimensions || dimensions > DIMENSIONS_MAX {
        return Err(other_dimensions(dimensions, vector.len()));
    }
    let begin = |set: &VectorSet| {
        check(set, dimensions)?;
        set.insertion(&vector, EF_CONSTRUCTION).map_err(refused)
    };
    let Readiness::Now(prepared) = prepare(ctx, args[1], begin, out)? else { return Ok(()) };
    let mut keyspace = ctx.keyspace(args[1]);
    let id = if let Some(mut set) = keyspace.write_extension::<VectorSet>(args[1])? {
        check(&set, dimensions)?;
        let (id, is_there) = id_in(&set, &vector, ids(&vector));
        if is_there {
            out.integer(id);
            return Ok(());
        }
        let insertion = prepared.map_or_else(|| begin(&set), |insertion| Ok(*insertion))?;
        set.put(id.to_string().as_bytes(), insertion).map_err(refused)?;
        id
    } else {
        let shape = Shape { dimensions, quantization: Quantization::None, m: M, metric: Metric::Euclidean };
        let set = VectorSet::new(shape, keyspace.table_seed());
        let mut set = set.map_err(refused)?;
        let insertion = begin(&set)?;
        let (id, _) = id_in(&set, &vector, ids(&vector));
        set.put(id.to_string().as_bytes(), insertion).map_err(refused)?;
        keyspace.add_object(args[1], Box::new(set));
        id
    };
    changed(&mut keyspace, args[1]);
    out.integer(id);
    Ok(())
}

/// What VECQUERY replies: how far vectors are from this one.
#[derive(Debug)]
struct Distances(Vec<f32>);

impl Purpose for Distances {
    fn distance(&self, set: &VectorSet, hit: &Hit) -> f64 {
        let vector = set.vector(hit.id).unwrap_or_default();
        let squares = vector.iter().zip(&self.0).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
        squares.sum::<f64>().sqrt()
    }

    fn reply(&self, rows: &mut dyn ExactSizeIterator<Item = Row<'_>>, out: &mut dyn Reply) {
        out.array(rows.len());
        for row in rows {
            let id = std::str::from_utf8(row.name).ok().and_then(|name| name.parse().ok());
            out.array(2);
            out.integer(id.unwrap_or_default());
            out.double(row.distance);
        }
    }
}

fn vecquery(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let count = positive(args[2]).ok_or(CommandError::NotInteger)?;
    let vector = vector(&args[3..])?;
    let ask = |set: &VectorSet| {
        check(set, vector.len())?;
        let query = set.query(&vector).map_err(refused)?;
        let wanted =
            Wanted { count, ef: count.max(EF), visits_max: usize::MAX, is_exact: false, is_filtered: false };
        Ok((Distances(vector.clone()), set.search(query, wanted)))
    };
    find(ctx, args[1], ask, out)
}

fn vecdel(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let mut keyspace = ctx.keyspace(args[1]);
    let is_there = delete(&mut keyspace, args[1])?;
    out.integer(i64::from(is_there));
    Ok(())
}

fn delete(keyspace: &mut Keyspace<'_>, key: &[u8]) -> CommandResult<bool> {
    match keyspace.write_extension::<VectorSet>(key)? {
        None => return Ok(false),
        Some(set) if !set.is_index() => return Err(CommandError::WrongType),
        Some(_) => {}
    }
    keyspace.journal().changed(1);
    keyspace.delete_emptied(key);
    keyspace.touched(key);
    Ok(true)
}
