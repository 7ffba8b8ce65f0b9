//! What commands read is noted for the clients that keep copies: every key of a command that only reads, be it there or not, as soon as
//! the command has run, with the key's store still in hand.

use crate::command::keys::extract_keys;
use crate::command::spec::{Facts, Flags, KeyFlags};
use crate::context::Ctx;
use crate::reader::Reader;

impl Facts {
    /// Whether the keys of the command are what its client reads. Those of a script are not: the commands that it runs are asked.
    fn reads_keys(&self) -> bool {
        self.flags.has(Flags::READONLY) && !self.flags.has(Flags::PUBSUB) && !self.may_pause()
    }
}

/// Notes the keys of the command `args`, which has run, for the client of `ctx`, if that keeps copies of what it reads.
#[inline]
pub fn note_reads(ctx: &mut Ctx<'_>, facts: &Facts, args: &[&[u8]]) {
    if let Some(reader) = ctx.reader {
        note(ctx, facts, args, reader);
    }
}

#[cold]
fn note(ctx: &mut Ctx<'_>, facts: &Facts, args: &[&[u8]], reader: Reader) {
    if !reader.is_noted || !facts.reads_keys() {
        return;
    }
    // A command whose keys can't be told has refused its arguments.
    let Ok(keys) = extract_keys(facts, args) else { return };
    for at in keys {
        let key = args[at.index as usize];
        // One that has put itself off runs again, with all the stores it needs.
        if !at.flags(facts, args).has(KeyFlags::NOT_KEY) && ctx.has_store_of(key) {
            let shard = ctx.shard_of(key);
            if let Some(store) = ctx.stores.of_shard(shard) {
                store.note_reader(ctx.journal, key, reader.id);
            }
        }
    }
}

#[cfg(test)]
mod tests;
