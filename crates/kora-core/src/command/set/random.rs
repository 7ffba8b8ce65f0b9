//! SRANDMEMBER and SPOP: members chosen at random, each with equal probability.

use hashbrown::HashSet;

use super::{FAMILY, READS_KEY, len_of};
use crate::command::repeats::{Lot, repeat, repeats, wants_copy};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec, Traits};
use crate::command::texts::Texts;
use crate::context::Ctx;
use crate::db::DbIndex;
use crate::entry::Encoding;
use crate::error::{CommandError, CommandResult};
use crate::hash::{key_hasher, splitmix64};
use crate::journal::EventClass;
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::store::Keyspace;
use crate::table::EntryMut;
use crate::types::set::{self, SetLimits, SetRef, SetValue, below};

/// A choice of more than a set's size divided by this goes through the whole set once.
const SPARSE_SHARE: usize = 3;
/// SPOP makes a new set of what stays where that is less than what goes, divided by this.
const REMAINDER_SHARE: usize = 5;
/// Members in one effect of SPOP.
const EFFECT_MEMBERS: usize = 1024;

pub(super) const SRANDMEMBER: CommandSpec = CommandSpec {
    facts: Facts {
        name: "srandmember",
        arity: -2,
        flags: Flags::READONLY,
        keys: READS_KEY,
        since: "1.0.0",
        summary: "Gives members of a set chosen at random",
        complexity: "O(N) for N members returned",
        args: &[Arg::key("key"), Arg::integer("count").since("2.6.0").optional()],
        history: &[("2.6.0", "Takes a count")],
        tips: &["nondeterministic_output"],
        traits: Traits::STANDS_ASIDE,
        ..FAMILY
    },
    handler: srandmember,
};

fn srandmember(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let mut random = generator(ctx);
    let count = match args {
        [_, _] => None,
        [_, _, count] => Some(parse_signed_count(count)?),
        _ => return Err(CommandError::Syntax),
    };
    let mut keyspace = ctx.keyspace(key);
    let set = keyspace.read_set(key)?;
    match (set, count) {
        (Some(set), None) => set.random(random).expect("no set at a key is empty").reply(out),
        (None, None) => out.null(),
        (None, Some(_)) => out.array(0),
        (Some(set), Some(count)) if count >= 0 => {
            let count = usize::try_from(count).unwrap_or(usize::MAX).min(set.len());
            out.array(count);
            choose(set, count, random, |member| out.bulk(member));
        }
        (Some(set), Some(count)) => {
            let count = repeats(count);
            let bytes = || {
                let mut bytes = 0;
                set.for_each(|member| member.with(|text| bytes += text.len()));
                bytes
            };
            if wants_copy(count, set.len(), bytes)? {
                let mut lot = Lot::default();
                set.for_each(|member| member.with(|text| lot.push(text)));
                let shard = keyspace.shard();
                return repeat(ctx, shard, (lot, count), out);
            }
            out.array(count);
            for _ in 0..count {
                if out.is_full() {
                    break;
                }
                set.random(&mut random).expect("no set at a key is empty").reply(out);
            }
        }
    }
    Ok(())
}

fn parse_signed_count(text: &[u8]) -> CommandResult<i64> {
    match parse_i64(text).ok_or(CommandError::NotInteger)? {
        i64::MIN => Err(CommandError::text(
            "ERR value is out of range, value must between -9223372036854775807 and 9223372036854775807",
        )),
        count => Ok(count),
    }
}

/// Random numbers for one command, while its keyspaces are borrowed.
fn generator(ctx: &mut Ctx<'_>) -> impl FnMut() -> u64 + use<> {
    let mut state = ctx.random();
    move || splitmix64(&mut state)
}

/// Lends `count` different members, at most all, to `take`; each choice of so many has equal probability.
/// Complexity: O(count) of a large set, O(n) of a small one.
fn choose(set: SetRef<'_>, count: usize, mut random: impl FnMut() -> u64, mut take: impl FnMut(&[u8])) {
    if let SetRef::Table(table) = set
        && count < table.len() / SPARSE_SHARE
    {
        let mut chosen = HashSet::with_capacity_and_hasher(count, key_hasher(random()));
        while chosen.len() < count {
            let position = table.random(&mut random).expect("a set of more than none");
            if chosen.insert(position) {
                take(table.record(position).key);
            }
        }
        return;
    }
    // Selection sampling: each member is taken with the probability of what is wanted over what is left.
    let (mut wanted, mut left) = (count, set.len());
    set.for_each(|member| {
        if wanted > 0 && below(random(), left) < wanted {
            member.with(&mut take);
            wanted -= 1;
        }
        left -= 1;
    });
}

pub(super) const SPOP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "spop",
        arity: -2,
        flags: Flags::WRITE.with(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RW.access().delete(), 1)],
        since: "1.0.0",
        summary: "Takes members chosen at random out of a set, which is deleted when it is empty",
        complexity: "O(N) for N members returned",
        args: &[Arg::key("key"), Arg::integer("count").since("3.2.0").optional()],
        history: &[("3.2.0", "Takes a count")],
        tips: &["nondeterministic_output"],
        ..FAMILY
    },
    handler: spop,
};

fn spop(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    match args {
        [_, key] => pop_one(ctx, key, out),
        [_, key, count] => {
            let count = parse_i64(count).and_then(|count| usize::try_from(count).ok());
            let count = count.ok_or(CommandError::text("ERR value is out of range, must be positive"))?;
            pop_many(ctx, key, count, out)
        }
        _ => Err(CommandError::Syntax),
    }
}

fn pop_one(ctx: &mut Ctx<'_>, key: &[u8], out: &mut dyn Reply) -> CommandResult {
    let random = generator(ctx);
    let mut popped = Popped::new(ctx);
    let mut keyspace = ctx.keyspace(key);
    let Some(mut entry) = keyspace.write_set(key)? else {
        out.null();
        return Ok(());
    };
    set::pop(&mut entry, random, |member| {
        out.bulk(member);
        popped.push(member);
    });
    let is_emptied = len_of(&entry) == 0;
    drop(entry);
    keyspace.changed(EventClass::SET, "spop", key);
    popped.write_effects(&mut keyspace, key);
    if is_emptied {
        keyspace.delete_emptied(key);
    }
    Ok(())
}

fn pop_many(ctx: &mut Ctx<'_>, key: &[u8], count: usize, out: &mut dyn Reply) -> CommandResult {
    let mut random = generator(ctx);
    let mut popped = Popped::new(ctx);
    let mut keyspace = ctx.keyspace(key);
    let limits = keyspace.set_limits();
    let Some(mut entry) = keyspace.write_set(key)? else {
        out.set(0);
        return Ok(());
    };
    let len = len_of(&entry);
    let count = count.min(len);
    out.set(count);
    if count == 0 {
        return Ok(());
    }
    if count == len {
        SetRef::of(&entry).expect("it is a set").for_each(|member| member.reply(out));
    } else {
        pop_some(&mut entry, count, &limits, &mut random, |member| {
            out.bulk(member);
            popped.push(member);
        });
    }
    drop(entry);
    keyspace.changed(EventClass::SET, "spop", key);
    keyspace.journal().changed(count as u64 - 1);
    if count == len {
        keyspace.delete_emptied(key);
        keyspace.journal().effect(popped.db, &[b"DEL", key]);
    } else {
        popped.write_effects(&mut keyspace, key);
    }
    Ok(())
}

/// Takes `count` members out, fewer than all.
fn pop_some(
    entry: &mut EntryMut<'_>,
    count: usize,
    limits: &SetLimits,
    random: &mut impl FnMut() -> u64,
    mut take: impl FnMut(&[u8]),
) {
    let set = SetRef::of(entry).expect("it is a set");
    let remaining = set.len() - count;
    if remaining * REMAINDER_SHARE > count {
        for _ in 0..count {
            set::pop(entry, &mut *random, &mut take);
        }
        return;
    }
    let encoding = if set.encoding() == Encoding::IntSet { Encoding::IntSet } else { Encoding::ListPack };
    let mut rest = SetValue::empty(encoding, limits);
    for _ in 0..remaining {
        set::pop(entry, &mut *random, |member| {
            set::add(&mut rest, member, limits);
        });
    }
    SetRef::of(entry).expect("it is a set").for_each(|member| member.with(&mut take));
    rest.put(entry);
}

/// Members that SPOP took out, for its effects.
struct Popped {
    db: DbIndex,
    is_recording: bool,
    members: Texts,
}

impl Popped {
    fn new(ctx: &Ctx<'_>) -> Self {
        Self { db: ctx.db, is_recording: ctx.journal.is_recording(), members: Texts::default() }
    }

    fn push(&mut self, member: &[u8]) {
        if self.is_recording {
            self.members.push(member);
        }
    }

    /// Records the removal of the members from the set at `key`.
    fn write_effects(&self, keyspace: &mut Keyspace<'_>, key: &[u8]) {
        let members: Vec<&[u8]> = self.members.iter().collect();
        for members in members.chunks(EFFECT_MEMBERS) {
            let args: Vec<&[u8]> = [&b"SREM"[..], key].into_iter().chain(members.iter().copied()).collect();
            keyspace.journal().effect(self.db, &args);
        }
    }
}
