//! ZRANDMEMBER: members chosen at random.

use super::{FAMILY, READS_KEY, read, write_head, write_member};
use crate::command::repeats::{Lot, repeat, repeats, wants_copy};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, Traits};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::hash::{Map, key_hasher, splitmix64};
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::types::zset::ZSetRef;

pub(super) const ZRANDMEMBER: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zrandmember",
        arity: -2,
        flags: Flags::READONLY,
        keys: READS_KEY,
        since: "6.2.0",
        summary: "Gives members of a sorted set chosen at random",
        complexity: "O(M*log(N)) for M members given of N",
        args: &[
            Arg::key("key"),
            Arg::block("options", &[Arg::integer("count"), Arg::word("withscores", "WITHSCORES").optional()])
                .optional(),
        ],
        tips: &["nondeterministic_output"],
        traits: Traits::STANDS_ASIDE,
        ..FAMILY
    },
    handler: zrandmember,
};

fn zrandmember(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let wanted = parse(&args[2..])?;
    let mut random = Random(ctx.random());
    let mut keyspace = ctx.keyspace(args[1]);
    let set = read(&mut keyspace, args[1])?;
    match (wanted, set) {
        (None, None) => out.null(),
        (None, Some(set)) => {
            set.walk(random.below(set.len()), 1, false, |member, _| {
                out.bulk(member);
                true
            });
        }
        (Some(_), None) | (Some(Wanted { count: 0, .. }), _) => out.array(0),
        (Some(wanted), Some(set)) => {
            if wanted.may_repeat && wants_copy(wanted.count, set.len(), || bytes_of(set))? {
                let lot = wanted.lot(set);
                let shard = keyspace.shard();
                return repeat(ctx, shard, (lot, wanted.count), out);
            }
            wanted.write(out, set, &mut random);
        }
    }
    Ok(())
}

/// How many, and how.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    count: usize,
    /// The same member may be given several times.
    may_repeat: bool,
    with_scores: bool,
}

fn parse(args: &[&[u8]]) -> CommandResult<Option<Wanted>> {
    let [number, rest @ ..] = args else { return Ok(None) };
    let number = parse_i64(number).ok_or(CommandError::NotInteger)?;
    if number == i64::MIN {
        return Err(CommandError::text(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        ));
    }
    let with_scores = match rest {
        [] => false,
        [word] if word.eq_ignore_ascii_case(b"WITHSCORES") => true,
        _ => return Err(CommandError::Syntax),
    };
    if with_scores && number.unsigned_abs() > i64::MAX.unsigned_abs() / 2 {
        return Err(CommandError::text("ERR value is out of range"));
    }
    let count = repeats(number);
    Ok(Some(Wanted { count, may_repeat: number < 0, with_scores }))
}

impl Wanted {
    /// All members, to be drawn from.
    fn lot(self, set: ZSetRef<'_>) -> Lot {
        let mut lot = Lot::default();
        set.for_each(|member, score| {
            if self.with_scores {
                lot.push_scored(member, score);
            } else {
                lot.push(member);
            }
        });
        lot
    }

    fn write(self, out: &mut dyn Reply, set: ZSetRef<'_>, random: &mut Random) {
        let Self { count, may_repeat, with_scores } = self;
        let len = set.len();
        if !may_repeat && count >= len {
            write_head(out, len, with_scores);
            set.for_each(|member, score| write_member(out, member, score, with_scores));
            return;
        }
        let choice = Choice::new(set);
        write_head(out, count, with_scores);
        let mut moved = Map::with_hasher(key_hasher(random.0));
        for chosen in 0..count {
            if out.is_full() {
                break;
            }
            let rank = if may_repeat { random.below(len) } else { draw(&mut moved, chosen, len, random) };
            choice.visit(rank, |member, score| write_member(out, member, score, with_scores));
        }
    }
}

/// Bytes of all members.
fn bytes_of(set: ZSetRef<'_>) -> usize {
    let mut bytes = 0;
    set.for_each(|member, _| bytes += member.len());
    bytes
}

/// The next of `len` ranks, each of which is drawn once: a shuffle that keeps only what it has moved.
fn draw(moved: &mut Map<usize, usize>, chosen: usize, len: usize, random: &mut Random) -> usize {
    let from = chosen + random.below(len - chosen);
    let here = moved.get(&chosen).copied().unwrap_or(chosen);
    if from == chosen { here } else { moved.insert(from, here).unwrap_or(from) }
}

/// Access by rank: a packed set, which has no quick way to a rank, is read once.
enum Choice<'a> {
    Index(ZSetRef<'a>),
    Entries(Vec<(Box<[u8]>, f64)>),
}

impl<'a> Choice<'a> {
    fn new(set: ZSetRef<'a>) -> Self {
        if !set.is_packed() {
            return Self::Index(set);
        }
        let mut entries = Vec::with_capacity(set.len());
        set.for_each(|member, score| entries.push((member.into(), score)));
        Self::Entries(entries)
    }

    fn visit(&self, rank: usize, mut visit: impl FnMut(&[u8], f64)) {
        match self {
            Self::Entries(entries) => visit(&entries[rank].0, entries[rank].1),
            Self::Index(set) => set.walk(rank, 1, false, |member, score| {
                visit(member, score);
                true
            }),
        }
    }
}

/// The random numbers of one command.
struct Random(u64);

impl Random {
    /// A number below `end`.
    fn below(&mut self, end: usize) -> usize {
        let scaled = u128::from(splitmix64(&mut self.0)) * end as u128;
        usize::try_from(scaled >> 64).expect("below a number that fits")
    }
}
