//! A query made ready for an index, with how it is to be scored.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_index::Index;
use kora_index::plan::{Expansion, Options as PlanOptions, Plan};
use kora_index::profile::Profile;
use kora_index::query::{Attributes, Node, NodeKind};
use kora_index::score::Scorer;

use super::ask::with_index;
use super::refusal;
use crate::command::options::{Expander, QueryOptions};
use crate::query::{Dialect, Options, Query};
use crate::service::{Asked, Declaration, Ready, Service, Settings};
use crate::stop_words::StopWords;

/// See the module.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) declaration: Arc<Declaration>,
    pub(super) query: Arc<Query>,
    pub(super) plan: Arc<Plan>,
    /// What else is asked of the index: the nearest vectors of this plan.
    pub(super) nearest: Option<Arc<Plan>>,
    pub(super) dialect: Dialect,
    pub(super) scorer: Scorer,
    pub(super) payload: Option<Vec<u8>>,
    pub(super) deadline: Deadline,
    /// What its parts do, if that is asked for.
    pub(super) profile: Profiling,
    /// Whether it has taken too long, and its reply is what was found until then.
    pub(super) is_cut: AtomicBool,
}

/// Whether it is noted what a query does.
#[derive(Clone, Debug)]
pub(super) enum Profiling {
    No,
    /// It is asked for.
    Asked,
    /// It is noted here.
    Noted(Arc<Profile>),
}

/// When a query has taken too long.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline {
    at: Option<(fn() -> Instant, Instant)>,
    /// What was found until then is replied.
    returns: bool,
}

/// What becomes of a query that takes too long.
pub(super) const TIMEOUT: &str = "Timeout limit was reached";

impl Deadline {
    /// As the command says, or else the settings, by the clock that searches have, if they have one.
    fn new(service: &Service, settings: &Settings, options: &QueryOptions) -> Self {
        let timeout_ms = options.timeout_ms.unwrap_or(settings.timeout_ms);
        let clock = service.clock().filter(|_| timeout_ms > 0);
        let at =
            clock.and_then(|clock| Some((clock, clock().checked_add(Duration::from_millis(timeout_ms))?)));
        Self { at, returns: settings.returns_on_timeout() }
    }

    /// Whether what was found until then is replied.
    pub(super) fn returns(self) -> bool {
        self.returns
    }

    /// Whether it is past.
    pub(super) fn is_past(self) -> bool {
        self.at.is_some_and(|(clock, at)| clock() > at)
    }

    /// Refuses if it is past.
    ///
    /// # Errors
    /// In the words of RediSearch.
    pub(super) fn check(self) -> CommandResult {
        if self.is_past() { Err(CommandError::text(TIMEOUT)) } else { Ok(()) }
    }
}

impl Question {
    /// Whether the query has to end with what was found until now.
    pub(super) fn must_end(&self) -> bool {
        let must_end = self.deadline.returns && self.deadline.is_past();
        if must_end {
            self.is_cut.store(true, Ordering::Release);
        }
        must_end
    }

    /// What replies of RESP3 warn of.
    pub(super) fn warning(&self) -> Option<&'static str> {
        self.is_cut.load(Ordering::Acquire).then_some(TIMEOUT)
    }

    /// Reads a query and makes it ready.
    ///
    /// # Errors
    /// In the words of RediSearch.
    pub(super) fn new(
        ctx: &mut Ctx<'_>,
        service: &Service,
        declaration: Arc<Declaration>,
        settings: &Settings,
        text: &[u8],
        options: &QueryOptions,
    ) -> CommandResult<Self> {
        let dialect = options.dialect.unwrap_or_else(|| default_dialect(settings));
        let Settings { prefix_bytes_min, expansions_max, .. } = *settings;
        let asked = Asked { text, dialect, prefix_bytes_min, expansions_max };
        let asked = Some(asked).filter(|_| options.are_plain());
        let before = asked.and_then(|asked| declaration.asked_before.find(&asked));
        let Ready { query, plan } = match before {
            Some(ready) => ready,
            None => {
                let ready = ready(ctx, &declaration, settings, (text, dialect), options)?;
                if let Some(asked) = asked {
                    declaration.asked_before.note(&asked, &ready);
                }
                ready
            }
        };
        declaration.counters.note_dialect(dialect);
        let scorer = options.scorer.unwrap_or(Scorer::TfIdf);
        let (payload, deadline) = (options.payload.clone(), Deadline::new(service, settings, options));
        let profile = Profiling::No;
        let is_cut = AtomicBool::new(false);
        let nearest = None;
        Ok(Self { declaration, query, plan, nearest, dialect, scorer, payload, deadline, profile, is_cut })
    }
}

impl Question {
    /// Has values of tags add nothing to scores.
    ///
    /// # Errors
    /// In the words of RediSearch.
    pub(super) fn unscore_tags(
        &mut self,
        ctx: &mut Ctx<'_>,
        settings: &Settings,
        options: &QueryOptions,
    ) -> CommandResult {
        let mut node = self.query.node();
        if !unscore(&mut node) {
            return Ok(());
        }
        self.plan = self.plan_of(ctx, settings, options, &node)?;
        Ok(())
    }

    /// Asks for the nearest vectors, too.
    ///
    /// # Errors
    /// In the words of RediSearch.
    pub(super) fn ask_nearest(
        &mut self,
        ctx: &mut Ctx<'_>,
        settings: &Settings,
        node: &Node,
    ) -> CommandResult {
        self.nearest = Some(self.plan_of(ctx, settings, &QueryOptions::default(), node)?);
        Ok(())
    }

    fn plan_of(
        &self,
        ctx: &mut Ctx<'_>,
        settings: &Settings,
        options: &QueryOptions,
        node: &Node,
    ) -> CommandResult<Arc<Plan>> {
        let options = plan_options(settings, options);
        let plan = with_index(ctx, self.declaration.number, |part| Plan::new(&part.index, node, &options))?;
        plan.map(Arc::new).map_err(refusal)
    }

    /// How many of the nearest are asked for, if some are.
    pub(super) fn nearest_count(&self) -> Option<usize> {
        self.nearest.as_ref().unwrap_or(&self.plan).nearest_count()
    }
}

/// Reads a query of a dialect and makes it ready.
fn ready(
    ctx: &mut Ctx<'_>,
    declaration: &Declaration,
    settings: &Settings,
    (text, dialect): (&[u8], Dialect),
    options: &QueryOptions,
) -> CommandResult<Ready> {
    let query = parse(declaration, dialect, text, options)?;
    // Other expanders do not look at what is said of sounds.
    let has_sounds = options.expander == Expander::Default;
    query.check(&declaration.schema, has_sounds).map_err(refusal)?;
    let plan_options = plan_options(settings, options);
    let plan = with_index(ctx, declaration.number, |part| {
        let mut node = query.node();
        if options.expander != Expander::Default {
            expand(&mut node, &part.index, options);
        }
        Plan::new(&part.index, &filtered(node, options), &plan_options)
    })?;
    let plan = Arc::new(plan.map_err(refusal)?);
    check_distances(&plan, declaration)?;
    Ok(Ready { query: Arc::new(query), plan })
}

/// The dialect of queries that name none.
pub(super) fn default_dialect(settings: &Settings) -> Dialect {
    i64::try_from(settings.dialect).ok().and_then(Dialect::new).unwrap_or(Dialect::DEFAULT)
}

/// Reads a query of an index.
///
/// # Errors
/// In the words of RediSearch.
pub(super) fn parse(
    declaration: &Declaration,
    dialect: Dialect,
    text: &[u8],
    options: &QueryOptions,
) -> CommandResult<Query> {
    let stop_words = match &declaration.schema.stop_words {
        _ if options.no_stop_words => StopWords::None,
        None => StopWords::Default,
        Some(words) => StopWords::Declared(words),
    };
    let options =
        Options { dialect, stop_words, parameters: &options.parameters, is_verbatim: options.verbatim };
    Query::parse(text, options).map_err(refusal)
}

/// Whether an expander has this stand for a word.
pub(super) fn is_wanted(expander: Expander, expansion: &Expansion) -> bool {
    match expander {
        Expander::Default => true,
        Expander::Stem => matches!(expansion, Expansion::StemOf(_) | Expansion::Stem(_)),
        Expander::Synonym => matches!(expansion, Expansion::Synonym(_)),
        Expander::Phonetic => matches!(expansion, Expansion::Sound(_)),
    }
}

/// Has values of tags add nothing to scores; whether there are any. Parts lie in each other no deeper than a query is read.
fn unscore(node: &mut Node) -> bool {
    match &mut node.kind {
        NodeKind::Tags(..) => {
            let tags = std::mem::replace(node, Node::new(NodeKind::Nothing));
            let attributes = Attributes { weight: Some(0.0), ..Attributes::default() };
            *node = Node { kind: NodeKind::And(vec![tags]), attributes };
            true
        }
        NodeKind::And(parts) | NodeKind::Or(parts) => {
            parts.iter_mut().fold(false, |any, part| unscore(part) | any)
        }
        NodeKind::Not(part) | NodeKind::Optional(part) | NodeKind::Within(_, part) => unscore(part),
        _ => false,
    }
}

/// Has only what the expander says stand for words. Parts lie in each other no deeper than a query is read.
fn expand(node: &mut Node, index: &Index, options: &QueryOptions) {
    let language = options.language.as_ref().map(|language| &*language.0);
    match &mut node.kind {
        NodeKind::Word { text, is_expandable: true } => {
            let by_sound = options.expander == Expander::Phonetic;
            let found = index.expansions(text, language, by_sound).unwrap_or_default();
            let is_wanted = |one: &&Expansion| is_wanted(options.expander, one);
            let texts = found.iter().filter(is_wanted).map(Expansion::text);
            let word = |text: &str| NodeKind::Word { text: text.to_owned(), is_expandable: false };
            let words: Vec<_> =
                std::iter::once(text.as_str()).chain(texts).map(|text| Node::new(word(text))).collect();
            node.kind = if words.len() == 1 { word(text) } else { NodeKind::Or(words) };
        }
        NodeKind::And(parts) | NodeKind::Or(parts) => {
            parts.iter_mut().for_each(|part| expand(part, index, options));
        }
        NodeKind::Not(part) | NodeKind::Optional(part) | NodeKind::Within(_, part) => {
            expand(part, index, options);
        }
        _ => {}
    }
}

/// The query and what FILTER and GEOFILTER ask for besides.
fn filtered(node: Node, options: &QueryOptions) -> Node {
    let ranges =
        options.numeric_filters.iter().map(|filter| NodeKind::Range(filter.field.clone(), filter.range));
    let radii =
        options.geo_filters.iter().map(|filter| NodeKind::Radius(filter.field.clone(), filter.radius));
    // The index knows which keys are asked for. They are a part of the query nevertheless, which counts for what is near.
    let keys = options.keys.as_ref().map(|_| NodeKind::Not(Box::new(Node::new(NodeKind::Nothing))));
    let keys = keys.filter(|_| !matches!(node.kind, NodeKind::Nearest(_)));
    let filters: Vec<_> = keys.into_iter().chain(ranges).chain(radii).map(Node::new).collect();
    if filters.is_empty() {
        return node;
    }
    let both = |node: Node| with_filters(node, filters);
    match node {
        // The nearest are sought among what the filters leave.
        Node { kind: NodeKind::Nearest(mut nearest), attributes } => {
            nearest.filter = both(nearest.filter);
            Node { kind: NodeKind::Nearest(nearest), attributes }
        }
        node => both(node),
    }
}

/// A query and further parts that all of its matches fulfil: before its own ones, if it is a conjunction.
fn with_filters(node: Node, filters: Vec<Node>) -> Node {
    let Node { kind, attributes } = node;
    match kind {
        NodeKind::And(parts) => {
            Node { kind: NodeKind::And(filters.into_iter().chain(parts).collect()), attributes }
        }
        // What has no words is the same within fields.
        NodeKind::Within(names, inner) if matches!(inner.kind, NodeKind::And(_)) => {
            Node { kind: NodeKind::Within(names, Box::new(with_filters(*inner, filters))), attributes }
        }
        kind => Node::new(NodeKind::And(filters.into_iter().chain([Node { kind, attributes }]).collect())),
    }
}

/// Refuses names of distances that mean something else already.
fn check_distances(plan: &Plan, declaration: &Declaration) -> CommandResult {
    let mut names: Vec<String> = Vec::new();
    for distance in plan.distances() {
        if declaration.place(&distance.name).is_some() {
            return Err(refusal(format_args!("Property `{}` already exists in schema", distance.name)));
        }
        if names.contains(&distance.name) {
            return Err(refusal(format_args!("Property `{}` specified more than once", distance.name)));
        }
        names.push(distance.name);
    }
    Ok(())
}

fn plan_options(settings: &Settings, options: &QueryOptions) -> PlanOptions {
    let size = |number: u64| usize::try_from(number).unwrap_or(usize::MAX);
    PlanOptions {
        language: options.language.as_ref().map(|language| language.0.clone()),
        slop: options.slop.and_then(|slop| i64::try_from(slop).ok()),
        in_order: options.in_order,
        fields: options.fields.clone().filter(|fields| !fields.is_empty()),
        keys: options.keys.clone(),
        prefix_bytes_min: size(settings.prefix_bytes_min),
        expansions_max: size(settings.expansions_max),
    }
}
