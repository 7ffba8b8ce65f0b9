//! What a question finds.

use std::ops::Bound;
use std::sync::Arc;

use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::store::ShardStore;
use kora_index::plan::{Options, Plan as IndexPlan};
use kora_index::scalar::ScalarRange;
use kora_index::search::{Direction, Flow, Search, SearchScoring};
use kora_index::statistics::{Gathering, Statistics};
use kora_json::Value;

use super::Question;
use super::order::{First, Hit, Position, compare};
use super::plan::{ENTRIES_PER_LOOK, Plan, TermPlan};
use crate::collection::{Collection, IndexKind};
use crate::companion::{self, CollectionPart, DB, root_of, scalars_of};
use crate::condition::Condition;
use crate::condition::evaluate::scalar_of;
use crate::key;

/// Steps of a search in one go.
const STEPS: usize = 1 << 16;

/// How documents come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Those that indexes find, or all, in the order in which they were written.
    AsWritten,
    /// By the index on the first field that is sorted by.
    InOrder,
}

/// A question that is ready to be asked.
pub(crate) struct Ready<'q> {
    pub(crate) collection: Arc<Collection>,
    pub(crate) question: &'q Question,
    pub(crate) plan: Plan,
    pub(crate) way: Way,
    /// Documents of the collection.
    pub(crate) documents: u64,
    /// Stores that have parts of it.
    part_count: u64,
}

/// Figures of an answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// Documents that were looked at, to try the condition on them or to sort them.
    pub(crate) examined: u64,
    /// Documents that fulfil the condition, as far as was looked.
    pub(crate) matched: u64,
}

/// Calls with the part of a collection in each store, in the order of shards.
pub(crate) fn each_part(
    ctx: &mut Ctx<'_>,
    collection: &Collection,
    mut body: impl FnMut(usize, &mut CollectionPart, &ShardStore),
) {
    let mut place = 0;
    ctx.each_store(|store, _| {
        companion::with_part(store, |part, store| {
            if let Some(part) = part.find(&collection.escaped) {
                body(place, part, store);
            }
        });
        place += 1;
    });
}

/// Has everything deleted that is due in any store.
pub(crate) fn settle(ctx: &mut Ctx<'_>) {
    let now = ctx.now;
    ctx.each_store(|store, journal| companion::settle(store, journal, now));
}

/// What says which parts orders are of: see [`CollectionPart::seed`].
pub(crate) fn seed(ctx: &mut Ctx<'_>, collection: &Collection) -> u64 {
    let mut seed = 0_u64;
    each_part(ctx, collection, |_, part, _| seed = seed.wrapping_mul(31).wrapping_add(part.seed));
    seed
}

impl<'q> Ready<'q> {
    /// Counts, and chooses how the question is answered.
    pub(crate) fn new(ctx: &mut Ctx<'_>, collection: Arc<Collection>, question: &'q Question) -> Self {
        settle(ctx);
        let condition = question.condition.as_ref();
        let mut plan = Plan::new(condition, &collection);
        let (mut documents, mut part_count) = (0, 0);
        each_part(ctx, &collection, |_, part, _| {
            documents += part.index.document_count() as u64;
            part_count += 1;
            for answer in plan.answers() {
                answer.count += part.index.count_scalars(answer.index, &answer.ranges);
            }
        });
        plan.decide(condition, &collection, documents);
        let mut ready = Self { collection, question, plan, way: Way::AsWritten, documents, part_count };
        ready.choose();
        ready
    }

    /// Chooses between what the plan finds and a way that ends early. Costs are counted in looks at documents.
    fn choose(&mut self) {
        let Some(limit) = self.question.limit else { return };
        let (documents, estimate) = (self.documents.max(1), self.plan.estimate.max(1));
        // So many have to be looked at until enough of them match in each store, if they lie evenly.
        let looks =
            (limit as u64).saturating_mul(documents.div_ceil(estimate)).saturating_mul(self.part_count);
        let looks = looks.min(documents);
        let collected = estimate / ENTRIES_PER_LOOK + 1;
        if let Some((path, _)) = self.question.order.first() {
            let sorted = self.collection.index_on(path);
            let has_order = sorted.is_some_and(|at| self.collection.indexes[at].kind != IndexKind::Array);
            // Each match is looked at to be sorted.
            if has_order && looks < collected.saturating_add(estimate) {
                self.way = Way::InOrder;
                self.plan.look_at_all(self.documents);
            }
        } else if self.plan.node.is_some() && looks < collected {
            self.plan.look_at_all(self.documents);
        }
    }

    /// How many documents are expected to pass a test: all, if no index says.
    pub(crate) fn estimate_of(&self, term: &TermPlan) -> u64 {
        term.answer.as_ref().map_or(self.documents, |answer| {
            let negated = self.documents.saturating_sub(answer.count);
            if answer.is_negated { negated } else { answer.count.min(self.documents) }
        })
    }

    fn condition(&self) -> Option<&'q Condition> {
        self.question.condition.as_ref().filter(|_| !self.plan.is_exact)
    }

    /// How many documents match.
    ///
    /// # Errors
    /// None that its arguments have not.
    pub(crate) fn count(&self, ctx: &mut Ctx<'_>, figures: &mut Figures) -> CommandResult<u64> {
        if self.question.condition.is_none() {
            return Ok(self.documents);
        }
        if self.plan.is_counted() {
            figures.matched = self.plan.estimate;
            return Ok(self.plan.estimate);
        }
        self.each_match(ctx, figures, |_| Ok(Flow::Continue))?;
        Ok(figures.matched)
    }

    /// The first documents that match, in the order that was asked for.
    ///
    /// # Errors
    /// None that its arguments have not.
    pub(crate) fn find(&self, ctx: &mut Ctx<'_>, figures: &mut Figures) -> CommandResult<Vec<Hit>> {
        let directions: Vec<Direction> =
            self.question.order.iter().map(|(_, direction)| *direction).collect();
        let mut first = First::new(directions.clone(), self.question.limit);
        if self.question.limit == Some(0) {
            return Ok(Vec::new());
        }
        if self.way == Way::InOrder {
            self.walk(ctx, figures, &directions, &mut first);
            return Ok(first.finish());
        }
        let after = self.question.after.as_ref();
        let mut taken = (0, 0);
        self.each_match(ctx, figures, |found| {
            let position = self.position(found);
            if after.is_some_and(|after| compare(&directions, &position, after).is_le()) {
                return Ok(Flow::Continue);
            }
            first.offer(Hit { place: found.place, position });
            if !directions.is_empty() {
                return Ok(Flow::Continue);
            }
            // They come in the order in which they were written.
            taken = if taken.0 == found.place { (found.place, taken.1 + 1) } else { (found.place, 1) };
            let is_enough = self.question.limit.is_some_and(|limit| taken.1 >= limit);
            Ok(if is_enough { Flow::Stop } else { Flow::Continue })
        })?;
        Ok(first.finish())
    }

    fn position(&self, found: &Found<'_>) -> Position {
        let order = &self.question.order;
        let root = if order.is_empty() { None } else { found.root() };
        let key = |path: &crate::path::Path| {
            let scalar = path.find(root?).and_then(scalar_of)?;
            Some(scalar.encoded().into())
        };
        Position {
            keys: order.iter().map(|(path, _)| key(path)).collect(),
            order: found.part.index.order_and_length(found.document).0,
            id: found.part.index.current_key(found.document).into(),
        }
    }

    /// Calls with each match: in each store in the order in which they were written. A call may end the search in its store.
    ///
    /// # Errors
    /// What the call returns first.
    pub(crate) fn each_match(
        &self,
        ctx: &mut Ctx<'_>,
        figures: &mut Figures,
        mut visit: impl FnMut(&Found<'_>) -> CommandResult<Flow>,
    ) -> CommandResult {
        let plan = self.index_plan(ctx)?;
        let condition = self.condition();
        let after = self.question.after.as_ref().filter(|_| self.question.order.is_empty());
        let mut result = Ok(());
        each_part(ctx, &self.collection, |place, part, store| {
            if result.is_err() {
                return;
            }
            let first = after.map_or(1, |after| part.index.first_behind(after.order));
            let snapshot = part.index.snapshot();
            let part = &*part;
            let mut look = |document: u32| {
                let found = Found { place, part, store, document };
                if let Some(condition) = condition {
                    figures.examined += 1;
                    if !found.root().is_some_and(|root| condition.holds(root)) {
                        return Flow::Continue;
                    }
                }
                figures.matched += 1;
                visit(&found).unwrap_or_else(|error| {
                    result = Err(error);
                    Flow::Stop
                })
            };
            match &plan {
                None => {
                    let mut documents = part.index.documents().filter(|document| *document >= first);
                    documents.all(|document| look(document) == Flow::Continue);
                }
                Some((plan, statistics)) => {
                    let search = Search::new(&part.index, Arc::clone(plan), Arc::clone(statistics), snapshot);
                    let mut search = search.from(first);
                    let scoring = SearchScoring::default();
                    while !search.step(&part.index, STEPS, &scoring, |one| look(one.document)) {}
                }
            }
        });
        result
    }

    /// The plan of the indexes' engine and what it has to know of all parts.
    fn index_plan(&self, ctx: &mut Ctx<'_>) -> CommandResult<Option<(Arc<IndexPlan>, Arc<Statistics>)>> {
        let Some(node) = &self.plan.node else { return Ok(None) };
        let mut plan: Option<Result<Arc<IndexPlan>, CommandError>> = None;
        let mut statistics = Statistics::default();
        each_part(ctx, &self.collection, |_, part, _| {
            let plan = plan.get_or_insert_with(|| {
                let plan = IndexPlan::new(&part.index, node, &Options::default());
                plan.map(Arc::new).map_err(|error| CommandError::Other(format!("ERR {error}").into()))
            });
            if let Ok(plan) = plan {
                statistics.merge(Gathering::all(&part.index, plan), plan);
            }
        });
        let plan = plan.transpose()?;
        Ok(plan.map(|plan| (plan, Arc::new(statistics))))
    }

    /// Goes through the documents in the order of the index on the first field that is sorted by, in each store until enough match.
    fn walk(&self, ctx: &mut Ctx<'_>, figures: &mut Figures, directions: &[Direction], first: &mut First) {
        let (Some((path, direction)), Some(limit)) = (self.question.order.first(), self.question.limit)
        else {
            return;
        };
        let Some(index) = self.collection.index_on(path) else { return };
        let after = self.question.after.as_ref();
        let range = after.map_or_else(|| Some(ScalarRange::all()), |after| rest_of_order(after, *direction));
        let mut found_count = 0;
        let look = |found: &Found<'_>, figures: &mut Figures, first: &mut First| {
            figures.examined += 1;
            let holds = self
                .question
                .condition
                .as_ref()
                .is_none_or(|condition| found.root().is_some_and(|root| condition.holds(root)));
            if !holds {
                return false;
            }
            let position = self.position(found);
            if after.is_some_and(|after| compare(directions, &position, after).is_le()) {
                return false;
            }
            figures.matched += 1;
            first.offer(Hit { place: found.place, position });
            true
        };
        each_part(ctx, &self.collection, |place, part, store| {
            let part = &*part;
            let mut taken = 0;
            let mut last: Option<Vec<u8>> = None;
            let Some(range) = &range else { return };
            part.index.walk_scalars(index, range, *direction, |value, document| {
                // Those that are equal come in any order, so all of them are looked at.
                if taken >= limit && last.as_deref() != Some(value) {
                    return Flow::Stop;
                }
                if look(&Found { place, part, store, document }, figures, first) {
                    taken += 1;
                    if last.as_deref() != Some(value) {
                        last = Some(value.to_vec());
                    }
                }
                Flow::Continue
            });
            found_count += taken;
        });
        if found_count >= limit {
            return;
        }
        // Behind all others come those that the index does not have.
        each_part(ctx, &self.collection, |place, part, store| {
            let part = &*part;
            let figures_of_index = part.index.scalar_figures(index);
            if figures_of_index.entries == part.index.document_count() as u64 {
                return;
            }
            for document in part.index.documents() {
                let found = Found { place, part, store, document };
                let declared = &self.collection.indexes[index];
                if found.root().is_some_and(|root| scalars_of(declared, root).is_empty()) {
                    look(&found, figures, first);
                }
            }
        });
    }
}

/// What is left of an order by its first key.
fn rest_of_order(after: &Position, direction: Direction) -> Option<ScalarRange> {
    let key = after.keys.first()?.clone()?;
    Some(match direction {
        Direction::Ascending => ScalarRange { from: Bound::Included(key), to: Bound::Unbounded },
        Direction::Descending => ScalarRange { from: Bound::Unbounded, to: Bound::Included(key) },
    })
}

/// A document that was found.
pub(crate) struct Found<'s> {
    /// Which of the stores in hand it is in.
    pub(crate) place: usize,
    pub(crate) part: &'s CollectionPart,
    pub(crate) store: &'s ShardStore,
    pub(crate) document: u32,
}

impl<'s> Found<'s> {
    /// What it is. Complexity: a look-up of its key.
    pub(crate) fn root(&self) -> Option<Value<'s>> {
        self.part.root(self.store, self.document)
    }
}

/// What documents that were found are, in the order of the hits.
pub(crate) fn load<T>(
    ctx: &mut Ctx<'_>,
    collection: &Collection,
    hits: &[Hit],
    mut make: impl FnMut(Value<'_>) -> T,
) -> Vec<Option<T>> {
    let mut made: Vec<Option<T>> = hits.iter().map(|_| None).collect();
    each_part(ctx, collection, |place, _, store| {
        for (hit, made) in hits.iter().zip(&mut made).filter(|(hit, _)| hit.place == place) {
            let key = key::of(&collection.name, &hit.position.id);
            *made = store.peek(DB, &key).and_then(root_of).map(&mut make);
        }
    });
    made
}
