//! VSIM: the elements whose vectors are most similar to one.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::number::parse_f64;
use kora_core::reply::Reply;
use kora_hnsw::Query;

use super::add::{other_dimensions, other_input};
use super::aside::{Purpose, Row, find};
use super::{SEARCHES, between, check_named, positive, refusal, score, vector};
use crate::filter::Filter;
use crate::set::{VectorSet, Wanted};

/// Elements that are wanted.
const COUNT: usize = 10;
/// Elements that a search keeps in mind at least, unless it is told how many.
const EF: usize = 100;
/// Elements that a search keeps in mind at most.
const EF_MAX: usize = 1_000_000;

const SYNTAX: CommandError = CommandError::text("ERR syntax error in VSIM command");

pub(super) const VSIM: CommandSpec = CommandSpec {
    facts: Facts {
        name: "vsim",
        summary: "Gives the elements of a vector set that are most similar to a vector or to an element",
        complexity: "O(log(N)) where N is the number of elements in the vector set",
        args: &[
            Arg::key("key"),
            Arg::one_of(
                "format",
                &[
                    Arg::string("ele").token("ELE"),
                    Arg::string("fp32").token("FP32"),
                    Arg::block(
                        "values",
                        &[Arg::integer("num").token("VALUES"), Arg::double("value").multiple()],
                    ),
                ],
            ),
            Arg::word("withscores", "WITHSCORES").optional(),
            Arg::word("withattribs", "WITHATTRIBS").optional(),
            Arg::integer("count").token("COUNT").optional(),
            Arg::double("max_distance").token("EPSILON").optional(),
            Arg::integer("search-exploration-factor").token("EF").optional(),
            Arg::string("expression").token("FILTER").optional(),
            Arg::integer("max-filtering-effort").token("FILTER-EF").optional(),
            Arg::word("truth", "TRUTH").optional(),
            Arg::word("nothread", "NOTHREAD").optional(),
        ],
        ..SEARCHES
    },
    handler: vsim,
};

/// What is asked for beside the vector.
#[derive(Debug)]
struct Options {
    wanted: Wanted,
    /// The least score of what is told.
    epsilon: Option<f64>,
    filter: Option<Filter>,
    has_scores: bool,
    has_attributes: bool,
}

impl Options {
    fn parse(args: &[&[u8]]) -> CommandResult<Self> {
        let mut ef = None;
        let wanted =
            Wanted { count: COUNT, ef: EF, visits_max: usize::MAX, is_exact: false, is_filtered: false };
        let mut options =
            Self { wanted, epsilon: None, filter: None, has_scores: false, has_attributes: false };
        let mut args = args.iter().copied();
        while let Some(arg) = args.next() {
            let is = |word: &[u8]| arg.eq_ignore_ascii_case(word);
            if is(b"WITHSCORES") {
                options.has_scores = true;
            } else if is(b"WITHATTRIBS") {
                options.has_attributes = true;
            } else if is(b"TRUTH") {
                options.wanted.is_exact = true;
            } else if is(b"NOTHREAD") {
                // Searches run on the workers anyway.
            } else {
                let value = args.next().ok_or(SYNTAX)?;
                options.parse_value(arg, value, &mut ef)?;
            }
        }
        options.wanted.ef = ef.unwrap_or(EF).min(EF_MAX).max(options.wanted.count);
        Ok(options)
    }

    fn parse_value(&mut self, arg: &[u8], value: &[u8], ef: &mut Option<usize>) -> CommandResult {
        let is = |word: &[u8]| arg.eq_ignore_ascii_case(word);
        if is(b"COUNT") {
            self.wanted.count = positive(value).ok_or(CommandError::text("ERR invalid COUNT"))?;
        } else if is(b"EPSILON") {
            let epsilon = parse_f64(value).filter(|epsilon| *epsilon > 0.0);
            self.epsilon = Some(epsilon.ok_or(CommandError::text("ERR invalid EPSILON"))?);
        } else if is(b"EF") {
            *ef = Some(positive(value).ok_or(CommandError::text("ERR invalid EF"))?);
        } else if is(b"FILTER-EF") {
            self.wanted.visits_max = positive(value).ok_or(CommandError::text("ERR invalid FILTER-EF"))?;
        } else if is(b"FILTER") {
            let filter = Filter::compile(value).map_err(|error| {
                let near = kora_core::text::of(&error.near);
                let near = near.trim_end_matches(['\r', '\n']).replace(['\r', '\n'], " ");
                refusal(format!("ERR syntax error in FILTER expression near: {near}"))
            })?;
            self.filter = Some(filter);
        } else {
            return Err(SYNTAX);
        }
        Ok(())
    }

    /// What the search is to find.
    fn wanted(&self) -> Wanted {
        match self.filter {
            Some(_) => Wanted { is_filtered: true, ..self.wanted },
            None => Wanted { visits_max: usize::MAX, ..self.wanted },
        }
    }
}

impl Purpose for Options {
    fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    fn is_told(&self, distance: f64) -> bool {
        self.epsilon.is_none_or(|epsilon| score(distance) >= 1.0 - epsilon)
    }

    fn reply(&self, rows: &mut dyn ExactSizeIterator<Item = Row<'_>>, out: &mut dyn Reply) {
        let parts = usize::from(self.has_scores) + usize::from(self.has_attributes);
        if parts == 0 {
            out.array(rows.len());
        } else if out.is_resp3() {
            out.map(rows.len());
        } else {
            out.array(rows.len() * (1 + parts));
        }
        for row in rows {
            out.bulk(row.name);
            if parts == 2 && out.is_resp3() {
                out.array(2);
            }
            if self.has_scores {
                out.double(score(row.distance));
            }
            if self.has_attributes {
                match row.attributes {
                    Some(attributes) => out.bulk(attributes),
                    None => out.null(),
                }
            }
        }
    }
}

/// The vector that is searched for, and how many arguments it takes.
fn query_of(set: &VectorSet, args: &[&[u8]]) -> CommandResult<(Query, usize)> {
    if args[0].eq_ignore_ascii_case(b"ELE") {
        let number = set.number(args[1]);
        let query = number.and_then(|number| set.query_of(number));
        return Ok((query.ok_or(CommandError::text("ERR element not found in set"))?, 2));
    }
    let (vector, taken) = vector::parse(args)?;
    let given = vector.len();
    if given == set.shape().dimensions {
        return Ok((set.query(&vector).map_err(|_| vector::NO_VECTOR)?, taken));
    }
    let Some(projection) = set.projection() else { return Err(other_dimensions(given, set)) };
    if given != projection.input() {
        return Err(other_input(given, projection));
    }
    Ok((set.query(&projection.apply(&vector)).map_err(|_| vector::NO_VECTOR)?, taken))
}

fn vsim(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    between(args, 4, usize::MAX, "VSIM")?;
    let ask = |set: &VectorSet| {
        check_named(set)?;
        let (query, taken) = query_of(set, &args[2..])?;
        let options = Options::parse(&args[2 + taken..])?;
        let search = set.search(query, options.wanted());
        Ok((options, search))
    };
    find(ctx, args[1], ask, out)
}
