//! VECSET, VECQUERY and VECDEL: vectors without names, compared by their Euclidean distance. Their ids are hashes of their bytes.
//!
//! The forms are those of earlier programs. A key of theirs holds a vector set whose elements are named by their ids in decimal.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::hash::splitmix64;
use kora_core::number::parse_f64;
use kora_core::reply::Reply;
use kora_core::store::Keyspace;
use kora_hnsw::{DIMENSIONS_MAX, Metric};

use super::add::refused;
use super::aside::{Purpose, Readiness, Row, find, prepare};
use super::{CHANGES, INSERTS, SEARCHES, changed, positive, refusal};
use crate::set::{Quantization, Shape, VectorSet, Wanted};

const M: usize = 16;
const EF_CONSTRUCTION: usize = 200;
/// Vectors that a search keeps in mind at least.
const EF: usize = 50;

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
        let element = parse_f64(value).map(|value| value as f32);
        element.filter(|element| element.is_finite()).ok_or(CommandError::NotFloat)
    };
    values.iter().map(element).collect()
}

/// A vector of another number of elements than it should have.
fn other_dimensions(wanted: usize, given: usize) -> CommandError {
    refusal(format!("ERR vector dimension mismatch: expected {wanted}, got {given}"))
}

/// The id of a vector: equal ones have the same.
fn id_of(vector: &[f32]) -> i64 {
    let mut state = vector.len() as u64;
    for element in vector {
        state ^= u64::from(element.to_bits());
        state = splitmix64(&mut state);
    }
    (state >> 1).cast_signed()
}

/// Whether a set is one of these commands.
fn check(set: &VectorSet, given: usize) -> CommandResult {
    let shape = set.shape();
    if shape.metric != Metric::L2 {
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
    let id = id_of(&vector);
    let name = id.to_string();
    let begin = |set: &VectorSet| {
        check(set, dimensions)?;
        set.insertion(&vector, EF_CONSTRUCTION).map_err(refused)
    };
    let Readiness::Now(prepared) = prepare(ctx, args[1], begin, out)? else { return Ok(()) };
    let mut keyspace = ctx.keyspace(args[1]);
    if let Some(mut set) = keyspace.write_extension::<VectorSet>(args[1])? {
        let insertion = prepared.map_or_else(|| begin(&set), |insertion| Ok(*insertion))?;
        set.put(name.as_bytes(), insertion).map_err(refused)?;
    } else {
        let shape = Shape { dimensions, quantization: Quantization::None, m: M, metric: Metric::L2 };
        let set = VectorSet::new(shape, keyspace.table_seed());
        let mut set = set.map_err(refused)?;
        let insertion = begin(&set)?;
        set.put(name.as_bytes(), insertion).map_err(refused)?;
        keyspace.add_object(args[1], Box::new(set));
    }
    changed(&mut keyspace, args[1]);
    out.integer(id);
    Ok(())
}

/// What VECQUERY replies.
#[derive(Debug)]
struct Distances;

impl Purpose for Distances {
    fn reply(&self, rows: &mut dyn ExactSizeIterator<Item = Row<'_>>, out: &mut dyn Reply) {
        out.array(rows.len());
        for row in rows {
            let id = std::str::from_utf8(row.name).ok().and_then(|name| name.parse().ok());
            out.array(2);
            out.integer(id.unwrap_or_default());
            out.double(f64::from(row.distance).sqrt());
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
        Ok((Distances, set.search(query, wanted)))
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
        Some(set) if set.shape().metric != Metric::L2 => return Err(CommandError::WrongType),
        Some(_) => {}
    }
    keyspace.journal().changed(1);
    keyspace.delete_emptied(key);
    keyspace.touched(key);
    Ok(true)
}
