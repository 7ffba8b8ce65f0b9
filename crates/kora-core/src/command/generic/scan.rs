//! Commands that look for keys: KEYS, SCAN and RANDOMKEY.
//!
//! A SCAN cursor is the position in one shard's table, followed by [`CURSOR_SHARD_BITS`] bits that name the shard. The
//! handler runs on that shard; where its table ends, what is left of COUNT is spent on the next shard's: the command goes on
//! there with what it has found. So a call costs what COUNT says, however many shards there are. One with a large COUNT lets others
//! run after each slice, and replies early if it has found much. Table positions have 43 bits, so cursors stay below 2^53 and survive clients that keep them in doubles.

use super::FAMILY;
use crate::command::scan_options::write_scan;
use crate::command::spec::{Arg, ArgType, Categories, CommandSpec, Facts, Flags, Merge, Route, Traits};
use crate::command::texts::Texts;
use crate::context::{Ctx, Onward, Slice};
use crate::entry::Entry;
use crate::error::{CommandError, CommandResult};
use crate::glob;
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::slot::ShardId;
use crate::store::Keyspace;
use crate::types::type_of;

/// Number of low bits of a SCAN cursor that name the shard.
pub(crate) const CURSOR_SHARD_BITS: u32 = 10;

/// Keys that one slice of a command looks at: a quarter of a millisecond, or one if all of them have expired and are deleted.
pub(crate) const SLICE_KEYS: usize = 2048;

/// Entries that SCAN visits unless told otherwise.
const SCAN_COUNT: usize = 10;

/// Which keys are wanted.
#[derive(Debug, Default)]
struct Filter<'a> {
    pattern: Option<&'a [u8]>,
    kind: Option<&'a [u8]>,
}

impl<'a> Filter<'a> {
    /// `*` alone is no pattern: unlike any other it takes the empty key too.
    fn set_pattern(&mut self, pattern: &'a [u8]) {
        self.pattern = Some(pattern).filter(|pattern| *pattern != b"*");
    }

    /// Redis takes any word for the name of a type, and finds nothing of a type it does not know.
    fn takes(&self, entry: &Entry) -> bool {
        self.pattern.is_none_or(|pattern| glob::matches(pattern, entry.key()))
            && self.kind.is_none_or(|kind| kind.eq_ignore_ascii_case(type_of(entry).name.as_bytes()))
    }
}

/// A SCAN that has found so many bytes of keys replies, and does not carry them to another shard.
const CARRIED_BYTES_MAX: usize = 1024 * 1024;

/// A SCAN that has looked at a slice of a shard goes on with the next slice while it has found few keys.
const CARRIED_TO_NEXT_SLICE_MAX: usize = 16 * 1024;

/// Scans `keyspace` from `cursor` for keys to give to `take`, and takes those that it visits off `count`. Returns the next cursor,
/// 0 at the end.
fn find_keys(
    keyspace: &mut Keyspace<'_>,
    cursor: u64,
    count: &mut usize,
    filter: &Filter<'_>,
    take: &mut dyn FnMut(&[u8]),
) -> u64 {
    let now = keyspace.now();
    keyspace.scan(cursor, *count, &mut |entry| {
        *count = count.saturating_sub(1);
        if filter.takes(entry) && !entry.is_expired(now) {
            take(entry.key());
        }
    })
}

pub(super) const KEYS: CommandSpec = CommandSpec {
    facts: Facts {
        name: "keys",
        arity: 2,
        flags: Flags::READONLY,
        traits: Traits::IN_SLICES,
        categories: Categories::KEYSPACE.with(Categories::DANGEROUS),
        route: Route::AllShards(Merge::Concat),
        since: "1.0.0",
        summary: "Lists all keys that match a pattern",
        complexity: "O(N) with N keys in the database",
        args: &[Arg::new("pattern", ArgType::Pattern)],
        tips: &["request_policy:all_shards", "nondeterministic_output_order"],
        ..FAMILY
    },
    handler: keys,
};

/// Looks at all keys in hand, or at a slice of them.
fn keys(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let mut filter = Filter::default();
    filter.set_pattern(args[1]);
    if let Some(mut slice) = ctx.slice() {
        ctx.each_keyspace(|mut keyspace| {
            let Slice { cursor, elements } = &mut slice;
            *cursor = find_keys(&mut keyspace, *cursor, &mut { SLICE_KEYS }, &filter, &mut |key| {
                *elements += 1;
                out.bulk(key);
            });
        });
        ctx.end_slice(slice);
        return Ok(());
    }
    let mut found = Texts::default();
    ctx.each_keyspace(|mut keyspace| {
        let mut cursor = 0;
        loop {
            let take = &mut |key: &[u8]| found.push(key);
            cursor = find_keys(&mut keyspace, cursor, &mut { SLICE_KEYS }, &filter, take);
            if cursor == 0 {
                break;
            }
        }
    });
    found.write_array(out);
    Ok(())
}

pub(super) const SCAN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "scan",
        arity: -2,
        flags: Flags::READONLY,
        route: Route::Cursor,
        since: "2.8.0",
        summary: "Lists the keys of the database, some at a time",
        complexity: "O(1) per call with a constant count, O(N) for all N keys",
        args: &[
            Arg::integer("cursor"),
            Arg::new("pattern", ArgType::Pattern).token("MATCH").optional(),
            Arg::integer("count").token("COUNT").optional(),
            Arg::string("type").token("TYPE").optional().since("6.0.0"),
        ],
        history: &[("6.0.0", "Option `TYPE`")],
        tips: &["nondeterministic_output", "request_policy:special", "response_policy:special"],
        ..FAMILY
    },
    handler: scan,
};

fn scan(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let cursor = parse_cursor(args[1]).ok_or(CommandError::InvalidCursor)?;
    let (_, count) = parse_scan_options(&args[2..])?;
    scan_on(ctx, Walk { cursor, count, options: &args[2..], found: Texts::default() }, out)
}

/// A SCAN that goes on with the next slice or shard: `SCAN cursor count option-count [option ...] [key found ...]`.
fn scan_further(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let number = |arg: &[u8]| parse_i64(arg).and_then(|number| usize::try_from(number).ok());
    let cursor = parse_cursor(args[1]).ok_or(CommandError::InvalidCursor)?;
    let (count, option_count) = number(args[2]).zip(number(args[3])).ok_or(CommandError::Syntax)?;
    let (options, carried) = args[4..].split_at(option_count);
    let mut found = Texts::default();
    carried.iter().for_each(|key| found.push(key));
    scan_on(ctx, Walk { cursor, count, options, found }, out)
}

/// How far a SCAN has come.
struct Walk<'a> {
    cursor: u64,
    /// Entries that are left to be visited.
    count: usize,
    options: &'a [&'a [u8]],
    found: Texts,
}

fn scan_on(ctx: &mut Ctx<'_>, mut walk: Walk<'_>, out: &mut dyn Reply) -> CommandResult {
    let (filter, _) = parse_scan_options(walk.options)?;
    let shard_count = ctx.shard_count();
    // Who has the stores to himself, as a script has, stops nobody by looking at all at once.
    let slice_max = if ctx.may_defer() { SLICE_KEYS } else { usize::MAX };
    ctx.each_keyspace(|mut keyspace| {
        let Walk { cursor, count, found, .. } = &mut walk;
        let shard = cursor_shard_of(*cursor);
        if keyspace.shard() == shard && *count > 0 {
            let position = *cursor >> CURSOR_SHARD_BITS;
            let whole = (*count).min(slice_max);
            let (mut left, take) = (whole, &mut |key: &[u8]| found.push(key));
            *cursor = match find_keys(&mut keyspace, position, &mut left, &filter, take) {
                0 => u64::from(shard.0) + 1,
                next => next << CURSOR_SHARD_BITS | u64::from(shard.0),
            };
            *count -= whole - left;
        }
    });
    let is_at_beginning = walk.cursor >> CURSOR_SHARD_BITS == 0;
    let carried_max = if is_at_beginning { CARRIED_BYTES_MAX } else { CARRIED_TO_NEXT_SLICE_MAX };
    let shard = cursor_shard_of(walk.cursor);
    if shard.0 >= shard_count {
        walk.cursor = 0;
    } else if walk.count > 0
        && walk.found.byte_count() <= carried_max
        && ctx.go_on(|| Onward { shard, handler: scan_further, args: walk.to_args() })
    {
        return Ok(());
    }
    write_scan(walk.cursor, &walk.found, out);
    Ok(())
}

impl Walk<'_> {
    /// The arguments of [`scan_further`].
    fn to_args(&self) -> Vec<Box<[u8]>> {
        let number = |number: u64| Box::from(itoa::Buffer::new().format(number).as_bytes());
        let head = [number(self.cursor), number(self.count as u64), number(self.options.len() as u64)];
        let rest = self.options.iter().copied().chain(self.found.iter()).map(Box::from);
        std::iter::once(Box::from(&b"SCAN"[..])).chain(head).chain(rest).collect()
    }
}

fn cursor_shard_of(cursor: u64) -> ShardId {
    let shard = cursor & ((1 << CURSOR_SHARD_BITS) - 1);
    ShardId(u16::try_from(shard).expect("the shard has ten bits"))
}

/// The shard that a SCAN cursor names; the first if it is malformed, since any shard can refuse it.
pub(crate) fn cursor_shard(text: &[u8]) -> ShardId {
    cursor_shard_of(parse_cursor(text).unwrap_or(0))
}

/// A cursor as Redis reads it: as `strtoull` does, but up to the end. So leading spaces, leading zeros and a `+` are
/// fine, and a negative number that is not plainly written wraps.
pub(crate) fn parse_cursor(text: &[u8]) -> Option<u64> {
    if let Some(plain) = parse_i64(text) {
        return u64::try_from(plain).ok();
    }
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t'..=b'\r');
    let start = text.iter().position(|byte| !is_space(byte))?;
    let (is_negative, digits) = match &text[start..] {
        [b'-', digits @ ..] => (true, digits),
        [b'+', digits @ ..] | digits => (false, digits),
    };
    if !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let magnitude: u64 = std::str::from_utf8(digits).ok()?.parse().ok()?;
    Some(if is_negative { magnitude.wrapping_neg() } else { magnitude })
}

fn parse_scan_options<'a>(mut options: &[&'a [u8]]) -> CommandResult<(Filter<'a>, usize)> {
    let mut filter = Filter::default();
    let mut count = SCAN_COUNT;
    while let [option, rest @ ..] = options {
        if option.eq_ignore_ascii_case(b"NOVALUES") {
            return Err(CommandError::text("ERR NOVALUES option can only be used in HSCAN"));
        }
        let [value, rest @ ..] = rest else { return Err(CommandError::Syntax) };
        match option.to_ascii_uppercase().as_slice() {
            b"MATCH" => filter.set_pattern(value),
            b"TYPE" => filter.kind = Some(value),
            b"COUNT" => {
                let wanted = parse_i64(value).ok_or(CommandError::NotInteger)?;
                count =
                    usize::try_from(wanted).ok().filter(|&count| count > 0).ok_or(CommandError::Syntax)?;
            }
            _ => return Err(CommandError::Syntax),
        }
        options = rest;
    }
    Ok((filter, count))
}

pub(super) const RANDOMKEY: CommandSpec = CommandSpec {
    facts: Facts {
        name: "randomkey",
        arity: 1,
        flags: Flags::READONLY,
        route: Route::LendAll,
        since: "1.0.0",
        summary: "Names a key chosen at random",
        tips: &["request_policy:all_shards", "response_policy:special", "nondeterministic_output"],
        ..FAMILY
    },
    handler: randomkey,
};

/// Chooses a shard by its share of the keys, then one of its keys. Where all keys of the shard turn out to be expired,
/// it goes on with the others.
fn randomkey(ctx: &mut Ctx<'_>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let mut total = 0;
    ctx.each_keyspace(|keyspace| total += keyspace.len() as u64);
    let mut chosen = None;
    if total > 0 {
        for first in [ctx.random() % total, 0] {
            let mut ahead = first;
            ctx.each_keyspace(|mut keyspace| {
                let len = keyspace.len() as u64;
                if chosen.is_none() && ahead < len {
                    chosen = keyspace.random_key();
                }
                ahead = ahead.saturating_sub(len);
            });
        }
    }
    match &chosen {
        Some(key) => out.bulk(key),
        None => out.null(),
    }
    Ok(())
}
