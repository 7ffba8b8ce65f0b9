//! The elements that are nearest to a vector, at once or aside.

use std::cell::Cell;
use std::fmt::Debug;
use std::sync::Arc;

use kora_core::context::Ctx;
use kora_core::context::errand::{Answer, Effort, Errand, Next, Share};
use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_core::store::ShardStore;
use kora_hnsw::{Hit, Search};
use kora_locks::{RankedMutex, rank};

use super::{PIECE_FILTERED, go_on, go_on_reading};
use crate::filter::Filter;
use crate::pacing::Pacing;
use crate::set::{self, VectorSet};

/// An element that was found.
pub(in crate::command) struct Row<'a> {
    pub(in crate::command) name: &'a [u8],
    pub(in crate::command) distance: f64,
    pub(in crate::command) attributes: Option<&'a [u8]>,
}

/// What is asked for beside the vector.
pub(in crate::command) trait Purpose: Debug + Send + Sync + 'static {
    /// What elements have to pass.
    fn filter(&self) -> Option<&Filter> {
        None
    }

    /// How far an element is, by all that is known of it.
    fn distance(&self, _: &VectorSet, hit: &Hit) -> f64 {
        f64::from(hit.distance)
    }

    /// Whether an element so far away is near enough.
    fn is_told(&self, _: f64) -> bool {
        true
    }

    /// Writes the reply: the elements, nearest first.
    fn reply(&self, rows: &mut dyn ExactSizeIterator<Item = Row<'_>>, out: &mut dyn Reply);
}

/// Replies with what a search finds in the set of a key; `ask` makes it.
///
/// # Errors
/// Those of `ask`; if the key holds something else.
pub(in crate::command) fn find<P: Purpose>(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    ask: impl FnOnce(&VectorSet) -> CommandResult<(P, Search)>,
    out: &mut dyn Reply,
) -> CommandResult {
    let pacing = Pacing::of(ctx);
    let mut effort = if ctx.may_defer() { pacing.whole() } else { Effort::ENDLESS };
    let mut keyspace = ctx.keyspace(key);
    let shard = keyspace.shard();
    let Some(set) = keyspace.read_extension::<VectorSet>(key)? else {
        out.array(0);
        return Ok(());
    };
    let (purpose, mut search) = ask(set)?;
    if advance(set, &purpose, &mut search, &mut effort) {
        let near = finish(set, &purpose, search);
        purpose.reply(&mut near.iter().map(|near| row(set, near)), out);
        if set.wants_care() {
            keyspace.tend_later(key);
        }
        return Ok(());
    }
    let view = Box::new(set.view());
    let finding = Arc::new(Finding { purpose, pacing, found: RankedMutex::default() });
    let share = Part { finding: Arc::clone(&finding), going: Some((view, search)) };
    let errand: Arc<dyn Errand> = finding;
    let _ = ctx.run_errand(&errand, vec![(shard, Box::new(share))], Effort::steps(0), out)?;
    Ok(())
}

/// How far an element is, and its number.
type Near = (f64, u32);

fn row<'s>(set: &'s VectorSet, (distance, number): &Near) -> Row<'s> {
    Row { name: set.name(*number), distance: *distance, attributes: set.attributes(*number) }
}

fn advance<P: Purpose>(set: &VectorSet, purpose: &P, search: &mut Search, effort: &mut Effort) -> bool {
    let filter = purpose.filter();
    let Some(filter) = filter else {
        return go_on(set, effort, |piece| search.advance(set.graph(), piece, |_| true));
    };
    let read = Cell::new(0);
    let passes = |number| {
        set.attributes(number).is_some_and(|attributes| {
            read.set(read.get() + attributes.len());
            filter.matches(attributes)
        })
    };
    let advance = |piece| search.advance(set.graph(), piece, passes);
    go_on_reading(set, effort, (PIECE_FILTERED, &read), advance)
}

/// The elements that are to be told, nearest first.
fn finish<P: Purpose>(set: &VectorSet, purpose: &P, search: Search) -> Vec<Near> {
    let (hits, scratch) = search.finish(set.graph());
    set::give_back(scratch);
    let near = hits.iter().map(|hit| (purpose.distance(set, hit), hit.id));
    let mut near: Vec<Near> = near.filter(|(distance, _)| purpose.is_told(*distance)).collect();
    // They were in order by what is known in single precision.
    near.sort_by(|one, other| one.0.total_cmp(&other.0));
    near
}

/// An element that was found, by itself.
#[derive(Debug)]
struct Found {
    name: Box<[u8]>,
    distance: f64,
    attributes: Option<Box<[u8]>>,
}

/// A search that goes on aside.
#[derive(Debug)]
struct Finding<P> {
    purpose: P,
    pacing: Pacing,
    found: RankedMutex<{ rank::QUERY }, Vec<Found>>,
}

impl<P: Purpose> Errand for Finding<P> {
    fn slice(&self) -> Effort {
        self.pacing.slice()
    }

    fn next(self: Arc<Self>, _: bool) -> Next {
        Next { answer: Some(Answer::Reply), shares: Vec::new() }
    }

    fn reply(&self, out: &mut dyn Reply) -> CommandResult {
        let found = std::mem::take(&mut *self.found.lock());
        self.purpose.reply(&mut found.iter().map(Found::row), out);
        Ok(())
    }
}

impl Found {
    fn row(&self) -> Row<'_> {
        Row { name: &self.name, distance: self.distance, attributes: self.attributes.as_deref() }
    }
}

/// Its share: the set as it was when the command began, and the search over it.
#[derive(Debug)]
struct Part<P> {
    finding: Arc<Finding<P>>,
    going: Option<(Box<VectorSet>, Search)>,
}

impl<P: Purpose> Share for Part<P> {
    fn step(&mut self, store: &mut ShardStore, effort: &mut Effort) -> bool {
        let Some((view, mut search)) = self.going.take() else { return true };
        let purpose = &self.finding.purpose;
        if !advance(&view, purpose, &mut search, effort) {
            self.going = Some((view, search));
            return false;
        }
        let found = |near: &Near| {
            let Row { name, distance, attributes } = row(&view, near);
            Found { name: name.into(), distance, attributes: attributes.map(Box::from) }
        };
        *self.finding.found.lock() = finish(&view, purpose, search).iter().map(found).collect();
        // What the set does not share any more is freed elsewhere.
        store.throw_away(view, 0);
        true
    }
}
