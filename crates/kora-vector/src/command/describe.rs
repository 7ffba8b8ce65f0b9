//! What a set and its elements are: VCARD, VDIM, VEMB, VINFO, VISMEMBER.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;
use kora_hnsw::Encoded;

use super::{READS, READS_FAST, between, count, read};
use crate::file::range_of;
use crate::set::VectorSet;

pub(super) const VCARD: CommandSpec = CommandSpec {
    facts: Facts {
        name: "vcard",
        summary: "Gives the number of elements in a vector set",
        complexity: "O(1)",
        args: &[Arg::key("key")],
        ..READS_FAST
    },
    handler: vcard,
};

pub(super) const VDIM: CommandSpec = CommandSpec {
    facts: Facts {
        name: "vdim",
        summary: "Gives the number of dimensions of the vectors in a vector set",
        complexity: "O(1)",
        args: &[Arg::key("key")],
        ..READS_FAST
    },
    handler: vdim,
};

pub(super) const VEMB: CommandSpec = CommandSpec {
    facts: Facts {
        name: "vemb",
        summary: "Gives the vector of an element",
        complexity: "O(D) with D dimensions",
        args: &[Arg::key("key"), Arg::string("element"), Arg::word("raw", "RAW").optional()],
        ..READS_FAST
    },
    handler: vemb,
};

pub(super) const VINFO: CommandSpec = CommandSpec {
    facts: Facts {
        name: "vinfo",
        summary: "Tells about a vector set: how vectors are kept, their dimensions, the graph",
        complexity: "O(1)",
        args: &[Arg::key("key")],
        ..READS_FAST
    },
    handler: vinfo,
};

pub(super) const VISMEMBER: CommandSpec = CommandSpec {
    facts: Facts {
        name: "vismember",
        summary: "Tells whether an element is in a vector set",
        complexity: "O(1)",
        args: &[Arg::key("key"), Arg::string("element")],
        since: "8.0.0",
        ..READS
    },
    handler: vismember,
};

fn vcard(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    between(args, 2, 2, "VCARD")?;
    let mut keyspace = ctx.keyspace(args[1]);
    out.integer(count(read(&mut keyspace, args[1])?.map_or(0, VectorSet::len)));
    Ok(())
}

fn vdim(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    between(args, 2, 2, "VDIM")?;
    let mut keyspace = ctx.keyspace(args[1]);
    let set = read(&mut keyspace, args[1])?.ok_or(CommandError::text("ERR key does not exist"))?;
    out.integer(count(set.shape().dimensions));
    Ok(())
}

fn vismember(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    between(args, 3, 3, "VISMEMBER")?;
    let mut keyspace = ctx.keyspace(args[1]);
    let set = read(&mut keyspace, args[1])?;
    out.boolean(set.is_some_and(|set| set.number(args[2]).is_some()));
    Ok(())
}

fn vinfo(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    between(args, 2, 2, "VINFO")?;
    let mut keyspace = ctx.keyspace(args[1]);
    let Some(set) = read(&mut keyspace, args[1])? else {
        out.null_array();
        return Ok(());
    };
    let shape = set.shape();
    let numbers = [
        ("hnsw-m", shape.m),
        ("vector-dim", shape.dimensions),
        ("projection-input-dim", set.projection().map_or(0, |projection| projection.input())),
        ("size", set.len()),
        ("max-level", set.graph().top()),
        ("attributes-count", set.attributes_count()),
        ("vset-uid", usize::try_from(set.uid()).unwrap_or(usize::MAX)),
        ("hnsw-max-node-uid", usize::try_from(set.inserted()).unwrap_or(usize::MAX)),
    ];
    out.map(numbers.len() + 1);
    out.simple("quant-type");
    out.simple(shape.quantization.name());
    for (name, number) in numbers {
        out.simple(name);
        out.integer(count(number));
    }
    Ok(())
}

fn vemb(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    between(args, 3, usize::MAX, "VEMB")?;
    let is_raw = args.len() > 3;
    if !args[3..].iter().all(|option| option.eq_ignore_ascii_case(b"RAW")) {
        return Err(CommandError::text("ERR invalid option"));
    }
    let mut keyspace = ctx.keyspace(args[1]);
    let set = read(&mut keyspace, args[1])?;
    let Some((set, number)) = set.and_then(|set| Some((set, set.number(args[2])?))) else {
        out.null();
        return Ok(());
    };
    if is_raw {
        reply_raw(set, number, out);
        return Ok(());
    }
    let vector = set.vector(number).unwrap_or_default();
    out.array(vector.len());
    vector.iter().for_each(|element| out.double(f64::from(*element)));
    Ok(())
}

/// Answers how a vector is kept, its bytes, its length, and the largest element where that is kept, too.
fn reply_raw(set: &VectorSet, number: u32, out: &mut dyn Reply) {
    let (bytes, range): (Vec<u8>, _) = match set.graph().encoded(number) {
        Some(Encoded::Float32(elements)) => {
            (elements.iter().flat_map(|element| element.to_le_bytes()).collect(), None)
        }
        Some(Encoded::Int8 { scale, codes }) => (codes.to_vec(), Some(range_of(scale))),
        Some(Encoded::Binary(words)) => (words.iter().flat_map(|word| word.to_le_bytes()).collect(), None),
        Some(Encoded::Half(_)) | None => (Vec::new(), None),
    };
    out.array(if range.is_some() { 4 } else { 3 });
    out.simple(set.shape().quantization.name());
    out.bulk_owned(bytes);
    // The length of a vector of zeros is told as 1, with which it was normalised.
    let norm = set.graph().norm(number).filter(|norm| *norm > 0.0).unwrap_or(1.0);
    out.double(f64::from(norm));
    if let Some(range) = range {
        out.double(f64::from(range));
    }
}
