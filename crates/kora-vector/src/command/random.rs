//! VRANDMEMBER: elements chosen at random.

use kora_core::command::repeats::{Lot, repeat, repeats, wants_copy};
use kora_core::command::spec::{Arg, CommandSpec, Facts, Traits};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::hash::splitmix64;
use kora_core::number::parse_i64;
use kora_core::reply::Reply;

use super::{READS, between, read};
use crate::set::VectorSet;

/// Numbers that are tried before one is searched for.
const TRIES: u32 = 64;
/// A choice of more than a set's size divided by this goes through the whole set once.
const SPARSE_SHARE: usize = 3;

pub(super) const VRANDMEMBER: CommandSpec = CommandSpec {
    facts: Facts {
        name: "vrandmember",
        summary: "Gives elements of a vector set chosen at random",
        complexity: "O(N) for N elements returned",
        args: &[Arg::key("key"), Arg::integer("count").optional()],
        tips: &["nondeterministic_output"],
        traits: Traits::STANDS_ASIDE,
        ..READS
    },
    handler: vrandmember,
};

fn vrandmember(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    between(args, 2, 3, "VRANDMEMBER")?;
    let wanted = match args.get(2) {
        None => None,
        Some(count) => Some(parse_i64(count).ok_or(CommandError::text("ERR COUNT value is not an integer"))?),
    };
    if wanted == Some(0) {
        // As in Redis, nobody is asked what the key holds.
        out.array(0);
        return Ok(());
    }
    let mut random = ctx.random();
    let mut keyspace = ctx.keyspace(args[1]);
    let set = read(&mut keyspace, args[1])?;
    match (set, wanted) {
        (None, None) => out.null(),
        (None, Some(_)) => out.array(0),
        (Some(set), None) => out.bulk(set.name(one(set, &mut random))),
        (Some(set), Some(wanted)) if wanted >= 0 => {
            let chosen = some(set, usize::try_from(wanted).unwrap_or(usize::MAX), &mut random);
            out.array(chosen.len());
            chosen.iter().for_each(|number| out.bulk(set.name(*number)));
        }
        (Some(set), Some(wanted)) => {
            let count = repeats(wanted);
            let bytes = || set.names().iter().map(|(_, name)| name.len()).sum();
            if wants_copy(count, set.len(), bytes)? {
                let mut lot = Lot::default();
                set.names().iter().for_each(|(_, name)| lot.push(name));
                let shard = keyspace.shard();
                return repeat(ctx, shard, (lot, count), out);
            }
            out.array(count);
            for _ in 0..count {
                if out.is_full() {
                    break;
                }
                out.bulk(set.name(one(set, &mut random)));
            }
        }
    }
    Ok(())
}

/// A number below a bound. The bound is at least 1.
fn below(bound: u32, random: &mut u64) -> u32 {
    u32::try_from((u128::from(splitmix64(random)) * u128::from(bound)) >> 64)
        .expect("it is below a bound of 32 bits")
}

/// One element. Complexity: O(1), unless nearly all numbers are free.
fn one(set: &VectorSet, random: &mut u64) -> u32 {
    let bound = set.graph().bound();
    let tried = (0..TRIES).map(|_| below(bound, random)).find(|number| set.graph().contains(*number));
    tried.unwrap_or_else(|| {
        let from = below(bound, random);
        let mut numbers = (from..bound).chain(0..from);
        numbers.find(|number| set.graph().contains(*number)).expect("no set at a key is empty")
    })
}

/// So many different elements, at most all.
fn some(set: &VectorSet, wanted: usize, random: &mut u64) -> Vec<u32> {
    if wanted < set.len() / SPARSE_SHARE {
        let mut chosen = Vec::with_capacity(wanted);
        let mut seen = std::collections::HashSet::with_capacity(wanted);
        while chosen.len() < wanted {
            let number = one(set, random);
            if seen.insert(number) {
                chosen.push(number);
            }
        }
        return chosen;
    }
    let mut numbers: Vec<u32> = set.numbers().collect();
    let wanted = wanted.min(numbers.len());
    for at in 0..wanted {
        let left = u32::try_from(numbers.len() - at).unwrap_or(u32::MAX);
        numbers.swap(at, at + below(left, random) as usize);
    }
    numbers.truncate(wanted);
    numbers
}
