//! Which shards a command needs, and how it joins a request.

use smallvec::SmallVec;

use super::operation::Request;
use crate::command::generic::scan::cursor_shard;
use crate::command::keys::extract_keys;
use crate::command::sort::reads_patterns;
use crate::command::spec::{Facts, Merge, Route};
use crate::context::CoreHandler;
use crate::slot::{ShardId, Slot};

/// Where a command runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// It has no keys: on any shard.
    Anywhere,
    /// On this shard.
    One(ShardId),
    /// Independent parts on several shards.
    Spread(Merge),
    /// With the stores of these shards in one hand, ascending.
    Together(SmallVec<[ShardId; 8]>),
}

impl Placement {
    /// Whether a command so placed must be an operation of its own: it needs several stores at once, may put itself off, or runs
    /// in slices.
    #[inline]
    #[must_use]
    pub fn is_alone(&self, facts: &Facts) -> bool {
        matches!(self, Self::Together(_)) || facts.may_defer() || facts.runs_in_slices()
    }
}

/// The shards that the command `args` needs among `shard_count`.
///
/// A command whose keys can't be told (it will refuse its arguments) runs anywhere.
/// Complexity: O(number of keys), O(1) with one shard.
#[inline]
#[must_use]
pub fn place(facts: &Facts, args: &[&[u8]], shard_count: u16) -> Placement {
    if shard_count == 1 && !facts.runs_in_slices() {
        return Placement::One(ShardId(0));
    }
    match facts.route {
        Route::Keys | Route::Script => place_keys(facts, args, shard_count),
        Route::Made => place_made(facts, args, shard_count),
        Route::Split(merge) => place_split(facts, args, shard_count, merge),
        Route::AllShards(merge) => Placement::Spread(merge),
        Route::Patterns if !reads_patterns(args) => place_keys(facts, args, shard_count),
        Route::LendAll | Route::Patterns => Placement::Together((0..shard_count).map(ShardId).collect()),
        Route::Cursor => place_cursor(args, shard_count),
        Route::Anywhere => Placement::Anywhere,
    }
}

fn place_keys(facts: &Facts, args: &[&[u8]], shard_count: u16) -> Placement {
    if let Some(at) = facts.only_key() {
        return args
            .get(at)
            .map_or(Placement::Anywhere, |key| Placement::One(Slot::of(key).shard(shard_count)));
    }
    let Ok(keys) = extract_keys(facts, args) else { return Placement::Anywhere };
    place_together(keys.iter().map(|key| Slot::of(args[key.index as usize]).shard(shard_count)).collect())
}

fn place_made(facts: &Facts, args: &[&[u8]], shard_count: u16) -> Placement {
    let mut shards = SmallVec::new();
    if let Some(slots) = facts.slots {
        slots(args, &mut |slot| shards.push(slot.shard(shard_count)));
    }
    place_together(shards)
}

fn place_together(mut shards: SmallVec<[ShardId; 8]>) -> Placement {
    shards.sort_unstable();
    shards.dedup();
    match shards[..] {
        [] => Placement::Anywhere,
        [shard] => Placement::One(shard),
        _ => Placement::Together(shards),
    }
}

fn place_split(facts: &Facts, args: &[&[u8]], shard_count: u16, merge: Merge) -> Placement {
    let Some((first, step)) = facts.keys_to_end() else { return Placement::Anywhere };
    let Some(keys) = args.get(first..) else { return Placement::Anywhere };
    if keys.is_empty() || !keys.len().is_multiple_of(step) {
        return Placement::Anywhere;
    }
    let mut shards = keys.iter().step_by(step).map(|key| Slot::of(key).shard(shard_count));
    match shards.next() {
        None => Placement::Anywhere,
        Some(shard) if shards.all(|other| other == shard) => Placement::One(shard),
        Some(_) => Placement::Spread(merge),
    }
}

/// The shards of a command that is split by keys, if it is to run whole with all their stores.
#[must_use]
pub fn place_whole(facts: &Facts, args: &[&[u8]], shard_count: u16) -> Placement {
    Placement::Together(shards_of_whole(facts, args, shard_count))
}

/// The shards that a command needs if it runs whole, ascending.
#[must_use]
pub fn shards_of_whole(facts: &Facts, args: &[&[u8]], shard_count: u16) -> SmallVec<[ShardId; 8]> {
    let mut request = Request::default();
    add_shards_of_whole(facts, args, shard_count, &mut request);
    request.shards
}

fn place_cursor(args: &[&[u8]], shard_count: u16) -> Placement {
    match args.get(1).map(|cursor| cursor_shard(cursor)) {
        Some(shard) if shard.0 < shard_count => Placement::One(shard),
        _ => Placement::Anywhere,
    }
}

/// Adds to a request's shards those whose stores the command `args` needs to run whole, as in a transaction.
///
/// A command that may run anywhere adds none.
pub(super) fn add_shards_of_whole(facts: &Facts, args: &[&[u8]], shard_count: u16, request: &mut Request) {
    if facts.may_need_all() {
        // It can't be run again with more stores once the commands before it have run.
        return (0..shard_count).for_each(|shard| request.add_shard(ShardId(shard)));
    }
    match place(facts, args, shard_count) {
        // It can't go on with another shard's store from within.
        Placement::One(first) if facts.route == Route::Cursor => {
            (first.0..shard_count).for_each(|shard| request.add_shard(ShardId(shard)));
        }
        Placement::Anywhere => {}
        Placement::One(shard) => request.add_shard(shard),
        Placement::Together(shards) => shards.iter().for_each(|&shard| request.add_shard(shard)),
        Placement::Spread(_) => match facts.keys_to_end() {
            Some((first, step)) => {
                let keys = args[first..].iter().step_by(step);
                keys.for_each(|key| request.add_shard(Slot::of(key).shard(shard_count)));
            }
            None => (0..shard_count).for_each(|shard| request.add_shard(ShardId(shard))),
        },
    }
}

impl Request {
    /// Adds a command at its `placement`; `home` runs commands that may run anywhere.
    ///
    /// A command that needs several stores together must be the only one of its request.
    pub fn push(
        &mut self,
        (facts, handler): (&'static Facts, CoreHandler),
        args: &[&[u8]],
        placement: &Placement,
        shard_count: u16,
        home: ShardId,
    ) {
        match placement {
            Placement::Anywhere => self.push_whole(facts, handler, args, home),
            Placement::One(shard) => self.push_whole(facts, handler, args, *shard),
            Placement::Together(shards) => self.push_lend(facts, handler, args, shards),
            Placement::Spread(merge) if matches!(facts.route, Route::AllShards(_)) => {
                self.push_on_all(facts, handler, args, shard_count, *merge);
            }
            Placement::Spread(merge) => {
                let shard_of = |key: &[u8]| Slot::of(key).shard(shard_count);
                let keys =
                    facts.keys_to_end().expect("only a command with keys to its end is spread by keys");
                self.push_split(facts, handler, args, keys, *merge, shard_of);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::spec::Traits;

    /// Keys that are made of all arguments.
    const MADE: Facts = Facts {
        route: Route::Made,
        slots: Some(|args, visit| {
            args[1..].iter().for_each(|arg| visit(Slot::of(&[b"made:", *arg].concat())))
        }),
        ..Facts::NONE
    };

    #[test]
    fn a_command_may_make_its_keys() {
        let shard_of = |arg: &[u8]| Slot::of(&[b"made:", arg].concat()).shard(7);
        assert_eq!(place(&MADE, &[b"x", b"a"], 7), Placement::One(shard_of(b"a")));
        assert_eq!(place(&MADE, &[b"x"], 7), Placement::Anywhere, "it will refuse its arguments");
        assert_eq!(place(&MADE, &[b"x", b"a", b"b"], 1), Placement::One(ShardId(0)));
        let mut both = vec![shard_of(b"a"), shard_of(b"b"), shard_of(b"c")];
        both.sort_unstable();
        both.dedup();
        assert_eq!(place(&MADE, &[b"x", b"a", b"b", b"c"], 7), Placement::Together(both.into()));
        assert!(!MADE.may_defer());
        let shards = shards_of_whole(&MADE, &[b"x", b"a"], 7);
        assert_eq!(&shards[..], [shard_of(b"a")]);
    }

    /// Within a transaction it can't ask for more stores.
    #[test]
    fn what_may_need_all_stores_has_them_in_a_transaction() {
        let facts = Facts { traits: Traits::MAY_NEED_ALL, ..MADE };
        assert!(facts.may_defer());
        assert_eq!(shards_of_whole(&facts, &[b"x", b"a"], 5).len(), 5);
    }
}
