//! Commands that pop from an end of a list or a sorted set: they share how they parse arguments, look through several keys, wait and
//! reply. Each type says by [`PopEnd`] what its ends are and how it pops.

use crate::command::options::timeout_seconds;
use crate::command::spec::{Arg, ArgType, BeginSearch, FindKeys, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::entry::Kind;
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::store::waiters::{Topic, WaitRequest};
use crate::time::UnixMs;

/// The timeout of a command that waits.
pub(super) const TIMEOUT: Arg = Arg::new("timeout", ArgType::Double);
/// The history of that argument.
pub(super) const TIMEOUT_HISTORY: &[(&str, &str)] = &[("6.0.0", "`timeout` may be a fraction.")];

/// The keys of LPOP and ZPOPMIN and their kin.
pub(super) const POP_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RW.access().delete(), 1)];
/// The keys of BLPOP and BZPOPMIN and their kin.
pub(super) const POP_KEYS: &[KeySpec] = &[KeySpec::range(KeyFlags::RW.access().delete(), 1, -2, 1)];
/// The keys of LMPOP and ZMPOP.
pub(super) const MULTI_POP_KEYS: &[KeySpec] = &[counted_keys(1)];
/// The keys of BLMPOP and BZMPOP.
pub(super) const BLOCKING_MULTI_POP_KEYS: &[KeySpec] = &[counted_keys(2)];

const fn counted_keys(number_at: usize) -> KeySpec {
    KeySpec {
        flags: KeyFlags::RW.access().delete(),
        begin: BeginSearch::Index(number_at),
        find: FindKeys::KeyNum { number_at: 0, first: 1, step: 1 },
        notes: None,
    }
}

/// An end of a collection.
pub(super) trait PopEnd: Copy {
    /// The data type.
    const KIND: Kind;

    /// Reads the word for an end.
    ///
    /// # Errors
    /// `Syntax` if it is none.
    fn parse(word: &[u8]) -> CommandResult<Self>;

    /// The command that takes elements from this end: the effect of all that do.
    fn command(self) -> &'static [u8];

    /// Takes up to `count` elements, at least one, off the collection at `key` and answers with them; `None`, and nothing written, if
    /// there is none.
    ///
    /// # Errors
    /// `WrongType`.
    fn pop(
        self,
        ctx: &mut Ctx<'_>,
        key: &[u8],
        count: usize,
        layout: PopReply,
        out: &mut dyn Reply,
    ) -> CommandResult<Option<usize>>;
}

/// How elements stand in a reply that names their key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PopReply {
    /// One element behind the key: BLPOP, BZPOPMIN.
    Flat,
    /// All in an array behind the key: LMPOP, ZMPOP.
    Nested,
}

/// Reads the count of a command that takes elements off one key.
///
/// # Errors
/// If it is negative or no number.
pub(super) fn parse_count(text: &[u8]) -> CommandResult<usize> {
    let count = parse_i64(text).and_then(|count| usize::try_from(count).ok());
    count.ok_or(CommandError::text("ERR value is out of range, must be positive"))
}

/// LMPOP and ZMPOP.
pub(super) fn multi_pop<E: PopEnd>(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let request = MultiPop::<E>::parse(&args[1..])?;
    if !request.pop_first(ctx, PopReply::Nested, out)? {
        out.null_array();
    }
    Ok(())
}

/// BLMPOP and BZMPOP.
pub(super) fn multi_pop_or_wait<E: PopEnd>(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    out: &mut dyn Reply,
) -> CommandResult {
    let request = MultiPop::<E>::parse(&args[2..])?;
    let until = timeout_seconds(args[1], ctx.now)?;
    request.pop_or_wait(ctx, until, PopReply::Nested, out)
}

/// BLPOP, BZPOPMIN and their kin: one element of the first of the keys that exists.
pub(super) fn pop_or_wait<E: PopEnd>(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    end: E,
    out: &mut dyn Reply,
) -> CommandResult {
    let (keys, timeout) = (&args[1..args.len() - 1], args[args.len() - 1]);
    let until = timeout_seconds(timeout, ctx.now)?;
    MultiPop { keys, end, count: 1 }.pop_or_wait(ctx, until, PopReply::Flat, out)
}

/// Waits for a collection of this kind at one of `keys`; `false` if the command may not wait.
pub(super) fn wait(ctx: &mut Ctx<'_>, kind: Kind, keys: &[&[u8]], until: Option<UnixMs>) -> bool {
    ctx.block(|| WaitRequest::of(keys, Topic::Elements(kind), until))
}

/// Records that `count` elements were taken, for commands that may look at several keys or wait.
pub(super) fn record_pop<E: PopEnd>(ctx: &mut Ctx<'_>, key: &[u8], end: E, count: usize) {
    let mut digits = itoa::Buffer::new();
    ctx.journal.effect(ctx.db, &[end.command(), key, digits.format(count).as_bytes()]);
}

/// A pop from the first of several keys that exists.
#[derive(Clone, Copy, Debug)]
struct MultiPop<'s, 'a, E> {
    keys: &'s [&'a [u8]],
    end: E,
    /// Most elements to take; at least 1.
    count: usize,
}

impl<'s, 'a, E: PopEnd> MultiPop<'s, 'a, E> {
    /// Reads `numkeys key ... END [COUNT count]`.
    ///
    /// # Errors
    /// `Syntax`, and a wording for each number that is not positive.
    fn parse(args: &'s [&'a [u8]]) -> CommandResult<Self> {
        let key_count = positive(args[0], "ERR numkeys should be greater than 0")?;
        let (keys, rest) = args[1..].split_at_checked(key_count).ok_or(CommandError::Syntax)?;
        let (end, options) = rest.split_first().ok_or(CommandError::Syntax)?;
        let end = E::parse(end)?;
        let count = match options {
            [] => 1,
            [word, count, rest @ ..] if word.eq_ignore_ascii_case(b"COUNT") => {
                let count = positive(count, "ERR count should be greater than 0")?;
                if !rest.is_empty() {
                    return Err(CommandError::Syntax);
                }
                count
            }
            _ => return Err(CommandError::Syntax),
        };
        Ok(Self { keys, end, count })
    }

    /// Takes from the first of the keys that exists, and answers; `false`, and nothing written, if none does. The effect is a pop from
    /// that key.
    ///
    /// # Errors
    /// `WrongType` if the first key that exists holds something else.
    fn pop_first(&self, ctx: &mut Ctx<'_>, layout: PopReply, out: &mut dyn Reply) -> CommandResult<bool> {
        for &key in self.keys {
            if let Some(popped) = self.end.pop(ctx, key, self.count, layout, out)? {
                record_pop(ctx, key, self.end, popped);
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Takes as [`MultiPop::pop_first`] does, or waits until it can, or answers that there is nothing.
    fn pop_or_wait(
        &self,
        ctx: &mut Ctx<'_>,
        until: Option<UnixMs>,
        layout: PopReply,
        out: &mut dyn Reply,
    ) -> CommandResult {
        if !self.pop_first(ctx, layout, out)? && !wait(ctx, E::KIND, self.keys, until) {
            out.null_array();
        }
        Ok(())
    }
}

fn positive(text: &[u8], error: &'static str) -> CommandResult<usize> {
    let number = parse_i64(text).and_then(|number| usize::try_from(number).ok());
    number.filter(|&number| number > 0).ok_or(CommandError::text(error))
}
