//! HRANDFIELD: fields chosen at random.

use super::{FAMILY, READS_KEY};
use crate::command::repeats::{Lot, repeat, repeats, wants_copy};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, Traits};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::hash::{Map, key_hasher, splitmix64};
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::types::hash::{Due, Field, HashRef};

/// Distinct fields are found by drawing until they differ while the hash has more than so many times as many; beyond,
/// one pass over all of them is cheaper.
const SPARSE: usize = 3;
const OUT_OF_RANGE: CommandError = CommandError::text("ERR value is out of range");

pub(super) const HRANDFIELD: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hrandfield",
        arity: -2,
        flags: Flags::READONLY,
        keys: READS_KEY,
        since: "6.2.0",
        summary: "Gives fields of a hash chosen at random",
        complexity: "O(N) with N fields given back",
        args: &[
            Arg::key("key"),
            Arg::block("options", &[Arg::integer("count"), Arg::word("withvalues", "WITHVALUES").optional()])
                .optional(),
        ],
        tips: &["nondeterministic_output"],
        traits: Traits::STANDS_ASIDE,
        ..FAMILY
    },
    handler: hrandfield,
};

fn hrandfield(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let mut state = ctx.random();
    let random = move || splitmix64(&mut state);
    let choice = Choice::parse(&args[2..])?;
    let mut keyspace = ctx.keyspace(key);
    let hash = keyspace.read_hash(key, Due::Every)?;
    match (hash, choice) {
        (None, None) => out.null(),
        (None, Some(_)) => out.array(0),
        (Some(hash), None) => hash.random(random).expect("a hash has fields").name.reply(out),
        (Some(hash), Some(choice)) => {
            if choice.may_repeat && wants_copy(choice.count, hash.len(), || choice.bytes(hash))? {
                let lot = choice.lot(hash);
                let shard = keyspace.shard();
                return repeat(ctx, shard, (lot, choice.count), out);
            }
            choice.write(hash, random, out);
        }
    }
    Ok(())
}

/// How many fields are wanted.
#[derive(Clone, Copy, Debug)]
struct Choice {
    count: usize,
    /// Whether a field may be given more than once: the count was negative.
    may_repeat: bool,
    with_values: bool,
}

impl Choice {
    fn parse(options: &[&[u8]]) -> CommandResult<Option<Self>> {
        let Some((count, options)) = options.split_first() else { return Ok(None) };
        let count = parse_i64(count).ok_or(CommandError::NotInteger)?;
        if count == i64::MIN {
            return Err(CommandError::text(
                "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
            ));
        }
        let with_values = match options {
            [] => false,
            [word] if word.eq_ignore_ascii_case(b"WITHVALUES") => true,
            _ => return Err(CommandError::Syntax),
        };
        if with_values && !(-i64::MAX / 2..=i64::MAX / 2).contains(&count) {
            return Err(OUT_OF_RANGE);
        }
        let may_repeat = count < 0;
        let count = repeats(count);
        Ok(Some(Self { count, may_repeat, with_values }))
    }

    /// Bytes of all fields.
    fn bytes(self, hash: HashRef<'_>) -> usize {
        let mut bytes = 0;
        hash.for_each(|Field { name, value, .. }| {
            name.with(|name| bytes += name.len());
            if self.with_values {
                value.with(|value| bytes += value.len());
            }
        });
        bytes
    }

    /// All fields, to be drawn from.
    fn lot(self, hash: HashRef<'_>) -> Lot {
        let mut lot = Lot::default();
        hash.for_each(|Field { name, value, .. }| {
            name.with(|name| {
                if self.with_values {
                    value.with(|value| lot.push_pair(name, value));
                } else {
                    lot.push(name);
                }
            });
        });
        lot
    }

    fn write(self, hash: HashRef<'_>, mut random: impl FnMut() -> u64, out: &mut dyn Reply) {
        let len = hash.len();
        if self.may_repeat {
            self.write_head(self.count, out);
            for _ in 0..self.count {
                if out.is_full() {
                    break;
                }
                self.write_field(hash.random(&mut random).expect("a hash has fields"), out);
            }
        } else if self.count >= len {
            self.write_head(len, out);
            hash.for_each(|field| self.write_field(field, out));
        } else {
            self.write_head(self.count, out);
            match hash {
                HashRef::Table(_) if self.count < len / SPARSE => self.write_drawn(hash, random, out),
                _ => self.write_sampled(hash, random, out),
            }
        }
    }

    /// Distinct fields, drawn one by one.
    fn write_drawn(self, hash: HashRef<'_>, mut random: impl FnMut() -> u64, out: &mut dyn Reply) {
        let mut drawn: Map<Vec<u8>, ()> = Map::with_hasher(key_hasher(random()));
        while drawn.len() < self.count {
            let field = hash.random(&mut random).expect("a hash has fields");
            if drawn.insert(field.name.to_vec(), ()).is_none() {
                self.write_field(field, out);
            }
        }
    }

    /// Distinct fields in one pass: each is taken with the probability that leaves all choices equally likely.
    /// Source: Knuth, "The Art of Computer Programming", volume 2, 3.4.2, algorithm S.
    fn write_sampled(self, hash: HashRef<'_>, mut random: impl FnMut() -> u64, out: &mut dyn Reply) {
        let (mut wanted, mut left) = (self.count as u128, hash.len() as u128);
        hash.for_each(|field| {
            if (u128::from(random()) * left) >> u64::BITS < wanted {
                self.write_field(field, out);
                wanted -= 1;
            }
            left -= 1;
        });
    }

    /// The head of the reply: pairs are arrays of two in RESP3, and flat in RESP2.
    fn write_head(self, len: usize, out: &mut dyn Reply) {
        out.array(if self.with_values && !out.is_resp3() { len * 2 } else { len });
    }

    fn write_field(self, field: Field<'_>, out: &mut dyn Reply) {
        if self.with_values && out.is_resp3() {
            out.array(2);
        }
        field.name.reply(out);
        if self.with_values {
            field.value.reply(out);
        }
    }
}
