//! Effects of a round, one behind the other in one run of bytes: recording one costs no allocation of its own.

use crate::shard::store::DbIndex;

/// Bytes of an argument's length before it.
const LEN_BYTES: usize = 4;

/// Bytes kept for the next round.
const KEPT_BYTES: usize = 256 * 1024;

/// One effect: a command that reproduces a change, whenever and wherever it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effect {
    /// The database it applies to.
    pub db: DbIndex,
    /// Effects with the same number belong to one operation and are applied together.
    pub operation: u64,
    /// Whether no command made it: a key or a field expired, or a key was evicted.
    pub is_incidental: bool,
    /// Command name and arguments.
    pub args: Box<[Box<[u8]>]>,
}

/// An effect where it was recorded.
#[derive(Clone, Copy, Debug)]
pub struct EffectRef<'a> {
    /// See [`Effect::db`].
    pub db: DbIndex,
    /// See [`Effect::operation`].
    pub operation: u64,
    /// See [`Effect::is_incidental`].
    pub is_incidental: bool,
    arg_count: usize,
    bytes: &'a [u8],
}

impl<'a> EffectRef<'a> {
    /// Number of arguments, the command's name included.
    #[must_use]
    pub fn arg_count(&self) -> usize {
        self.arg_count
    }

    /// The command's name and arguments.
    pub fn args(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let mut rest = self.bytes;
        std::iter::from_fn(move || {
            let (len, behind) = rest.split_first_chunk::<LEN_BYTES>()?;
            let (arg, behind) = behind.split_at(u32::from_ne_bytes(*len) as usize);
            rest = behind;
            Some(arg)
        })
    }

    /// A copy that stands alone.
    #[must_use]
    pub fn to_owned(&self) -> Effect {
        let Self { db, operation, is_incidental, .. } = *self;
        Effect { db, operation, is_incidental, args: self.args().map(Box::from).collect() }
    }
}

#[derive(Clone, Copy, Debug)]
struct Head {
    operation: u64,
    /// Where its bytes end.
    end: usize,
    arg_count: usize,
    db: DbIndex,
    is_incidental: bool,
}

/// That a shard has run its part of an operation which every shard in it runs by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartMark {
    /// The operation, as its effects name it.
    pub operation: u64,
    /// How many shards run a part of it.
    pub parts: u16,
}

/// Effects in the order they came about, and which operations they are a part of.
#[derive(Debug, Default)]
pub struct Effects {
    heads: Vec<Head>,
    bytes: Vec<u8>,
    parts: Vec<PartMark>,
}

impl Effects {
    /// Number of effects.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.heads.len()
    }

    /// Whether there is nothing to hand over: no effect, and no part of an operation.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.heads.is_empty() && self.parts.is_empty()
    }

    /// Bytes of all arguments, with what divides them.
    #[must_use]
    pub fn byte_count(&self) -> usize {
        self.bytes.len()
    }

    /// The effects.
    pub fn iter(&self) -> impl Iterator<Item = EffectRef<'_>> {
        let mut begin = 0;
        self.heads.iter().map(move |head| {
            let bytes = &self.bytes[begin..head.end];
            begin = head.end;
            let Head { operation, arg_count, db, is_incidental, .. } = *head;
            EffectRef { db, operation, is_incidental, arg_count, bytes }
        })
    }

    /// The operations on several shards of which a part was run here, whether it changed anything or not.
    #[must_use]
    pub fn parts(&self) -> &[PartMark] {
        &self.parts
    }

    /// Forgets all, and keeps some memory for what comes next.
    pub fn clear(&mut self) {
        self.heads.clear();
        self.bytes.clear();
        self.parts.clear();
        self.bytes.shrink_to(KEPT_BYTES);
    }

    pub(super) fn push(&mut self, db: DbIndex, operation: u64, is_incidental: bool, args: &[&[u8]]) {
        for arg in args {
            let len = u32::try_from(arg.len()).expect("arguments are shorter than 4 GiB");
            self.bytes.extend_from_slice(&len.to_ne_bytes());
            self.bytes.extend_from_slice(arg);
        }
        let (end, arg_count) = (self.bytes.len(), args.len());
        self.heads.push(Head { operation, end, arg_count, db, is_incidental });
    }

    pub(super) fn push_part(&mut self, mark: PartMark) {
        self.parts.push(mark);
    }

    /// Drops the effects from the `from`th on that commands made; incidental ones stay.
    pub(super) fn retain_incidental(&mut self, from: usize) {
        let kept: Vec<Effect> = self
            .iter()
            .skip(from)
            .filter(|effect| effect.is_incidental)
            .map(|effect| effect.to_owned())
            .collect();
        self.heads.truncate(from);
        self.bytes.truncate(self.heads.last().map_or(0, |head| head.end));
        for Effect { db, operation, is_incidental, args } in kept {
            self.push(db, operation, is_incidental, &args.iter().map(|arg| &arg[..]).collect::<Vec<_>>());
        }
    }
}
