//! The reply of FT.PROFILE, behind that of what is profiled.

use std::time::{Duration, Instant};

use kora_core::reply::Reply;
use kora_index::profile::{Kind, ProfiledPart, UnionOf};
use kora_index::query::{Pattern, Range};

use super::super::question::{Profiling, Question};
use super::super::search::count;
use super::super::write_word;
use super::{Processor, Stopwatch, Taken};
use crate::number::display;

/// Writes what was done.
pub(super) fn write(
    question: &Question,
    stopwatch: &Stopwatch,
    taken: &Taken,
    processors: &[Processor],
    out: &mut dyn Reply,
) {
    let between = |from: Option<Instant>, to: Option<Instant>| match (from, to) {
        (Some(from), Some(to)) => to.saturating_duration_since(from),
        _ => Duration::ZERO,
    };
    let root = match &question.profile {
        Profiling::Noted(profile) => profile.parts(&question.plan, taken.matched),
        Profiling::No | Profiling::Asked => ProfiledPart::default(),
    };
    let walk = root.taken;
    let writer = Writer { is_resp3: out.is_resp3(), is_limited: stopwatch.is_limited };
    writer.pairs(6, out);
    let times = [
        ("Total profile time", between(stopwatch.begun, stopwatch.now())),
        ("Parsing time", between(stopwatch.begun, stopwatch.read)),
        ("Pipeline creation time", between(stopwatch.read, stopwatch.made)),
    ];
    for (name, time) in times {
        writer.name(name, 1, out);
        write_time(time, out);
    }
    if writer.is_resp3 {
        out.simple("Warning");
        out.simple(question.warning().unwrap_or("None"));
    } else {
        let warning = question.warning();
        writer.name("Warning", usize::from(warning.is_some()), out);
        if let Some(warning) = warning {
            out.simple(warning);
        }
    }
    writer.name("Iterators profile", 1, out);
    if writer.is_resp3 {
        out.array(1);
    }
    writer.part(&root, out);
    writer.name("Result processors profile", 1 + processors.len(), out);
    if writer.is_resp3 {
        out.array(1 + processors.len());
    }
    writer.processor("Index", taken.matched, walk, out);
    for Processor { name, rows, taken } in processors {
        writer.processor(name, *rows, *taken, out);
    }
}

/// Milliseconds.
fn write_time(time: Duration, out: &mut dyn Reply) {
    out.double(time.as_secs_f64() * 1000.0);
}

/// What the shape of the reply depends on.
struct Writer {
    is_resp3: bool,
    is_limited: bool,
}

impl Writer {
    /// Begins so many pairs: in RESP2, an array with one array for each.
    fn pairs(&self, count: usize, out: &mut dyn Reply) {
        if self.is_resp3 {
            out.map(count);
        } else {
            out.array(count);
        }
    }

    /// Writes the name of such a pair, which so many values follow.
    fn name(&self, name: &str, values: usize, out: &mut dyn Reply) {
        if !self.is_resp3 {
            out.array(1 + values);
        }
        out.simple(name);
    }

    fn processor(&self, name: &str, rows: u64, taken: Duration, out: &mut dyn Reply) {
        out.map(3);
        out.simple("Type");
        write_word(out, name);
        out.simple("Time");
        write_time(taken, out);
        out.simple("Counter");
        out.integer(count(rows));
    }

    /// Parts lie in each other no deeper than those of a plan.
    fn part(&self, part: &ProfiledPart, out: &mut dyn Reply) {
        let shown = Shown::of(&part.kind);
        let hides = self.is_limited && matches!(part.kind, Kind::Or(UnionOf::Values | UnionOf::Pattern(_)));
        let facts =
            [shown.term.is_some(), shown.query.is_some(), shown.size.is_some(), !part.parts.is_empty()];
        let pairs = 3 + facts.into_iter().filter(|is_there| *is_there).count();
        // In RESP2 the children stand one behind the other.
        let is_open = !self.is_resp3 && !hides && part.parts.len() > 1;
        let extra = if is_open { part.parts.len() - 1 } else { 0 };
        if self.is_resp3 {
            out.map(pairs);
        } else {
            out.array(2 * pairs + extra);
        }
        out.simple("Type");
        out.simple(shown.name);
        if let Some(query) = &shown.query {
            out.simple("Query type");
            write_word(out, query);
        }
        if let Some(term) = &shown.term {
            out.simple("Term");
            write_word(out, term);
        }
        out.simple("Time");
        write_time(part.taken, out);
        out.simple("Counter");
        out.integer(count(part.documents));
        if let Some(size) = shown.size {
            out.simple("Size");
            out.integer(count(size));
        }
        if part.parts.is_empty() {
            return;
        }
        let has_many = matches!(part.kind, Kind::And | Kind::Or(_));
        out.simple(if has_many { "Child iterators" } else { "Child iterator" });
        if hides {
            write_word(out, &format!("The number of iterators in the union is {}", part.parts.len()));
            return;
        }
        if self.is_resp3 && has_many {
            out.array(part.parts.len());
        }
        part.parts.iter().for_each(|part| self.part(part, out));
    }
}

/// What is shown of a part besides what it did.
#[derive(Default)]
struct Shown {
    name: &'static str,
    query: Option<String>,
    term: Option<String>,
    size: Option<u64>,
}

impl Shown {
    fn of(kind: &Kind) -> Self {
        let named = |name| Self { name, ..Self::default() };
        let leaf = |name, term: String, size: u64| Self { term: Some(term), size: Some(size), ..named(name) };
        match kind {
            Kind::Nothing => named("EMPTY"),
            Kind::All => named("WILDCARD"),
            Kind::Word { text, size } => leaf("TEXT", text.clone(), *size),
            Kind::Value { text, size } => leaf("TAG", text.clone(), *size),
            Kind::Numbers { range, size, .. } => leaf("NUMERIC", shown_range(range), *size),
            Kind::Points { radius, size, .. } => {
                let numbers = [radius.longitude, radius.latitude, radius.metres].map(display);
                leaf("GEO", format!("{},{} {} m", numbers[0], numbers[1], numbers[2]), *size)
            }
            Kind::Scalars { size, .. } => Self { size: Some(*size), ..named("SCALAR") },
            Kind::Near => named("METRIC - VECTOR DISTANCE"),
            Kind::Nearest => named("VECTOR"),
            Kind::Missing(field) => Self { term: Some(field.clone()), ..named("MISSING") },
            Kind::Keys => named("ID-LIST"),
            Kind::And => named("INTERSECT"),
            Kind::Or(of) => Self { query: Some(shown_union(of)), ..named("UNION") },
            Kind::Not => named("NOT"),
            Kind::Optional => named("OPTIONAL"),
        }
    }
}

fn shown_range(range: &Range) -> String {
    format!("{} - {}", display(range.from.value), display(range.to.value))
}

fn shown_union(of: &UnionOf) -> String {
    match of {
        UnionOf::Parts => "UNION".to_owned(),
        UnionOf::Values => "TAG".to_owned(),
        UnionOf::Pattern(Pattern::Prefix(text) | Pattern::Suffix(text) | Pattern::Infix(text)) => {
            format!("PREFIX - {text}")
        }
        UnionOf::Pattern(Pattern::Wildcard(text)) => format!("WILDCARD - {text}"),
        UnionOf::Pattern(Pattern::Fuzzy(text, _)) => format!("FUZZY - {text}"),
    }
}
