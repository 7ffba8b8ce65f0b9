//! FT.PROFILE: the reply of FT.SEARCH or FT.AGGREGATE, and what was done for it.
//!
//! What is profiled is carried out as it is without a profile: in slices, on all cores. Counts and times are those of all shards together.

mod reply;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_index::search::{Flow, Match};
use kora_index::tally::{Clock, Tally};

use super::ask::{self, Found, PartSearch, Purpose, Rows};
use super::question::{Profiling, Question};
use super::{SEARCHES, aggregate, of_arguments, search, service};
use crate::command::profile::{Profile, Profiled as Of};
use crate::service::Service;

pub(super) const PROFILE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ft.profile",
        since: "2.2.0",
        summary: "Carries out a search or an aggregation, and tells what was done for it",
        complexity: "O(N) with N documents that match",
        args: &[
            Arg::string("index"),
            Arg::string("querytype"),
            Arg::word("limited", "LIMITED").optional(),
            Arg::string("query").token("QUERY"),
            Arg::string("option").optional().multiple(),
        ],
        ..SEARCHES
    },
    handler: profile,
};

fn profile(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let clock = service(ctx)?.clock();
    let begun = clock.map(|clock| clock());
    let asked = Profile::parse(&args[1..]).map_err(of_arguments)?;
    let stopwatch = Stopwatch { is_limited: asked.is_limited, clock, begun, read: begun, made: begun };
    match asked.of {
        Of::Search(asked) => search::run(ctx, &asked, Some(stopwatch), out),
        Of::Aggregate(asked) => aggregate::run(ctx, asked, Some(stopwatch), out),
    }
}

/// How a profile is shown, and when its stages were over.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stopwatch {
    is_limited: bool,
    clock: Clock,
    begun: Option<Instant>,
    /// The query was read.
    read: Option<Instant>,
    /// What is to be done with its matches was made ready.
    made: Option<Instant>,
}

impl Stopwatch {
    /// The query was read at this moment.
    pub(super) fn read_at(self, read: Option<Instant>) -> Self {
        Self { read, ..self }
    }

    fn now(&self) -> Option<Instant> {
        self.clock.map(|clock| clock())
    }
}

/// What was done with the matches of a query.
#[derive(Debug)]
pub(super) struct Taken {
    /// Documents that matched.
    pub(super) matched: u64,
    /// Rows of the reply.
    pub(super) rows: u64,
    /// Time to take matches, in all parts.
    pub(super) offering: Duration,
    /// Time to put together what the parts have come to.
    pub(super) merging: Duration,
    /// Time to complete the rows of the reply.
    pub(super) loading: Duration,
}

/// A stage behind the search, as profiles show it.
#[derive(Debug)]
pub(super) struct Processor {
    name: String,
    /// Rows that came out of it.
    rows: u64,
    taken: Duration,
}

impl Processor {
    pub(super) fn new(name: &str, rows: u64, taken: Duration) -> Self {
        Self { name: name.to_owned(), rows, taken }
    }
}

/// What can be profiled.
pub(super) trait Profilable: Purpose {
    /// Writes the five pairs of its reply in RESP3.
    fn write_pairs(&self, question: &Question, rows: Rows<Self::Row>, out: &mut dyn Reply);

    /// The stages behind the search.
    fn processors(&self, taken: &Taken) -> Vec<Processor>;
}

/// A purpose whose stages are timed.
#[derive(Debug)]
struct Timed<P> {
    inner: P,
    stopwatch: Stopwatch,
    matched: AtomicU64,
    offering: Tally,
    merging: Tally,
    loading: Tally,
}

/// Carries a query out, and replies what was done with what was found.
///
/// # Errors
/// In the words of RediSearch.
pub(super) fn ask<P: Profilable>(
    ctx: &mut Ctx<'_>,
    service: &Arc<Service>,
    question: Question,
    purpose: P,
    stopwatch: Stopwatch,
    out: &mut dyn Reply,
) -> CommandResult {
    let question = Question { profile: Profiling::Asked, ..question };
    let timed = Timed {
        inner: purpose,
        stopwatch: Stopwatch { made: stopwatch.now(), ..stopwatch },
        matched: AtomicU64::new(0),
        offering: Tally::default(),
        merging: Tally::default(),
        loading: Tally::default(),
    };
    ask::ask(ctx, service, question, timed, out)
}

impl<P: Profilable> Purpose for Timed<P> {
    type Found = P::Found;
    type Row = P::Row;

    fn begin(&self) -> P::Found {
        self.inner.begin()
    }

    fn asks_scores(&self) -> bool {
        self.inner.asks_scores()
    }

    fn offer(&self, found: &mut P::Found, part: &PartSearch<'_>, one: &Match<'_>) -> Flow {
        self.offering.time(self.stopwatch.clock, || self.inner.offer(found, part, one))
    }

    fn merge(&self, parts: Vec<Found<P::Found>>) -> CommandResult<Rows<P::Row>> {
        self.matched.store(parts.iter().map(|part| part.matched).sum(), Ordering::Relaxed);
        self.merging.time(self.stopwatch.clock, || self.inner.merge(parts))
    }

    fn load(&self, part: &PartSearch<'_>, row: &mut P::Row) {
        self.loading.time(self.stopwatch.clock, || self.inner.load(part, row));
    }

    fn reads_documents(&self) -> bool {
        self.inner.reads_documents()
    }

    fn reply(
        &self,
        service: &Service,
        question: &Question,
        rows: Rows<P::Row>,
        out: &mut dyn Reply,
    ) -> CommandResult {
        let taken = Taken {
            matched: self.matched.load(Ordering::Relaxed),
            rows: rows.rows.len() as u64,
            offering: self.offering.taken(),
            merging: self.merging.taken(),
            loading: self.loading.taken(),
        };
        let processors = self.inner.processors(&taken);
        if out.is_resp3() {
            out.map(6);
            self.inner.write_pairs(question, rows, out);
            out.simple("profile");
        } else {
            out.array(2);
            self.inner.reply(service, question, rows, out)?;
        }
        reply::write(question, &self.stopwatch, &taken, &processors, out);
        Ok(())
    }
}
