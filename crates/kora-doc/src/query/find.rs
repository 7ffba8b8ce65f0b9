//! What a question finds.

use std::sync::Arc;

use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::store::ShardStore;
use kora_index::plan::{Options, Plan as IndexPlan};
use kora_index::query::{Node, NodeKind};
use kora_index::search::Direction;
use kora_index::statistics::{Gathering, Statistics};

use super::Question;
use super::order::{First, Position};
use super::plan::{ENTRIES_PER_LOOK, Plan, TermPlan};
use super::view::Found;
use super::work::Stage;
use crate::collection::Collection;
use crate::companion::{self, CollectionPart, Indexed};
use crate::condition::evaluate::scalar_of;
use crate::condition::{Condition, Term};

/// How documents come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Those that indexes find, or all, in the order in which they were written.
    AsWritten,
    /// By the index on the first field that is sorted by.
    InOrder,
}

/// A plan of the indexes' engine and what it has to know of all parts.
pub(crate) type Engine = (Arc<IndexPlan>, Arc<Statistics>);

/// A plan for each layout that parts have: mostly one.
#[derive(Debug, Default)]
pub(crate) struct Engines(Vec<(Arc<Collection>, Engine)>);

impl Engines {
    /// The one for a part.
    pub(crate) fn of(&self, indexed: &Indexed) -> Option<&Engine> {
        let mut own = self.0.iter().filter(|(layout, _)| layout.indexes == indexed.layout().indexes);
        own.next().map(|(_, engine)| engine)
    }
}

/// A question that is ready to be asked.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) collection: Arc<Collection>,
    pub(crate) question: Question,
    pub(crate) plan: Plan,
    pub(crate) way: Way,
    /// Documents of the collection.
    pub(crate) documents: u64,
    /// Stores that have parts of it.
    part_count: u64,
    /// Finds what indexes find; none: all are looked at.
    matches: Option<Engines>,
    all: Engines,
    /// Finds the nearest of what indexes find.
    nearest: Option<Engines>,
}

/// Figures of an answer.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Figures {
    /// Documents that were looked at, to try the condition on them or to sort them.
    pub(crate) examined: u64,
    /// Documents that fulfil the condition, as far as was looked.
    pub(crate) matched: u64,
    /// Parts in which the nearest were found through a graph.
    pub(crate) walks: u64,
}

impl Figures {
    /// Adds those of another part.
    pub(crate) fn add(&mut self, other: Self) {
        self.examined += other.examined;
        self.matched += other.matched;
        self.walks += other.walks;
    }
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

impl Ready {
    /// Counts, and chooses how the question is answered.
    ///
    /// # Errors
    /// None that its arguments have not.
    pub(crate) fn new(
        ctx: &mut Ctx<'_>,
        collection: Arc<Collection>,
        question: Question,
    ) -> CommandResult<Self> {
        settle(ctx);
        let condition = question.condition.as_ref();
        let mut plan = Plan::new(condition, &collection);
        let (mut documents, mut part_count) = (0, 0);
        each_part(ctx, &collection, |_, part, _| {
            documents += part.indexed.index.document_count() as u64;
            part_count += 1;
            for answer in plan.answers() {
                let field = part.indexed.field(&collection.indexes[answer.index].path);
                let count = field.map(|field| part.indexed.index.count_scalars(field, &answer.ranges));
                answer.count += count.unwrap_or(0);
            }
        });
        plan.decide(condition, &collection, documents);
        let all = engines(ctx, &collection, &Node::new(NodeKind::All))?;
        let way = Way::AsWritten;
        let (matches, nearest) = (None, None);
        let mut ready =
            Self { collection, question, plan, way, documents, part_count, matches, all, nearest };
        ready.choose();
        let node = ready.plan.node.as_ref();
        let nearest = ready.question.nearest.as_ref().map(|nearest| nearest.node(node));
        ready.matches = node.map(|node| engines(ctx, &ready.collection, node)).transpose()?;
        ready.nearest = nearest.map(|node| engines(ctx, &ready.collection, &node)).transpose()?;
        Ok(ready)
    }

    /// Chooses between what the plan finds and a way that ends early. Costs are counted in looks at documents.
    fn choose(&mut self) {
        let Some(limit) = self.question.limit.filter(|_| self.question.nearest.is_none()) else { return };
        let (documents, estimate) = (self.documents.max(1), self.plan.estimate.max(1));
        // So many have to be looked at until enough of them match in each store, if they lie evenly.
        let looks =
            (limit as u64).saturating_mul(documents.div_ceil(estimate)).saturating_mul(self.part_count);
        let looks = looks.min(documents);
        let collected = estimate / ENTRIES_PER_LOOK + 1;
        if let Some((path, _)) = self.question.order.first() {
            let sorted = self.collection.index_on(path);
            let has_order = sorted.is_some_and(|at| self.collection.indexes[at].kind.has_order());
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

    /// What is tried on each document that is found.
    pub(crate) fn condition(&self) -> Option<&Condition> {
        self.question.condition.as_ref().filter(|_| !self.plan.is_exact)
    }

    /// The tests of the condition, in the order in which they were written.
    pub(crate) fn tests(&self) -> Vec<&Term> {
        let mut tests = Vec::new();
        if let Some(condition) = &self.question.condition {
            condition.terms(&mut tests);
        }
        tests
    }

    /// Whether there are tests that no index answers.
    pub(crate) fn has_open_tests(&self) -> bool {
        self.plan.terms.iter().any(|term| term.answer.is_none())
    }

    /// Whether documents themselves are looked at, to try the condition on them or to sort them.
    pub(crate) fn reads_documents(&self) -> bool {
        self.condition().is_some() || !self.question.order.is_empty()
    }

    /// How many documents match, if that is known without a look.
    pub(crate) fn counted(&self) -> Option<u64> {
        if self.question.condition.is_none() {
            return Some(self.documents);
        }
        self.plan.is_counted().then_some(self.plan.estimate)
    }

    /// The index on the first field that is sorted by.
    pub(crate) fn sorted(&self) -> Option<usize> {
        self.collection.index_on(&self.question.order.first()?.0)
    }

    /// Room for the first documents in the order that is asked for.
    pub(crate) fn first(&self) -> First {
        let directions = self.question.order.iter().map(|(_, direction)| *direction);
        let directions = directions.chain(self.nearest.iter().map(|_| Direction::Ascending)).collect();
        First::new(directions, self.question.limit)
    }

    /// The stage in which it finds its documents.
    pub(crate) fn stage(&self) -> Stage {
        match self.way {
            _ if self.nearest.is_some() => Stage::Nearest,
            Way::InOrder => Stage::InOrder,
            Way::AsWritten => Stage::AsWritten,
        }
    }

    /// A search for what indexes find, or for all documents.
    pub(crate) fn matches(&self) -> &Engines {
        self.matches.as_ref().unwrap_or(&self.all)
    }

    /// A search for the nearest.
    pub(crate) fn nearest(&self) -> Option<&Engines> {
        self.nearest.as_ref()
    }

    /// Stores that have parts of the collection.
    pub(crate) fn part_count(&self) -> u64 {
        self.part_count
    }

    /// A search for all documents.
    pub(crate) fn all(&self) -> &Engines {
        &self.all
    }

    /// Where a document is in the order that is asked for.
    pub(crate) fn position(&self, found: &Found<'_, '_>) -> Position {
        let order = &self.question.order;
        let root = if order.is_empty() { None } else { found.root() };
        let key = |path: &crate::path::Path| {
            let scalar = path.find(root?).and_then(scalar_of)?;
            Some(scalar.encoded().into())
        };
        Position {
            keys: order.iter().map(|(path, _)| key(path)).collect(),
            order: found.view.index().order_and_length(found.document).0,
            id: found.id().into(),
        }
    }
}

/// The plans of the indexes' engine for all layouts that parts have, and what they have to know of those.
fn engines(ctx: &mut Ctx<'_>, collection: &Collection, node: &Node) -> CommandResult<Engines> {
    let mut found: Vec<(Arc<Collection>, Arc<IndexPlan>, Statistics)> = Vec::new();
    let mut failure = None;
    each_part(ctx, collection, |_, part, _| {
        let (layout, index) = (part.indexed.layout(), &part.indexed.index);
        let known = found.iter().position(|(known, ..)| known.indexes == layout.indexes);
        let at = known.unwrap_or(found.len());
        if known.is_none() {
            match IndexPlan::new(index, node, &Options::default()) {
                Ok(plan) => found.push((Arc::clone(layout), Arc::new(plan), Statistics::default())),
                Err(error) => failure = Some(error),
            }
        }
        if let Some((_, plan, statistics)) = found.get_mut(at) {
            statistics.merge(Gathering::all(index, plan), plan);
        }
    });
    match failure {
        Some(error) => Err(CommandError::Other(format!("ERR {error}").into())),
        None if found.is_empty() => Err(CommandError::text("ERR no store has a part of the collection")),
        None => Ok(Engines(
            found.into_iter().map(|(layout, plan, known)| (layout, (plan, Arc::new(known)))).collect(),
        )),
    }
}
