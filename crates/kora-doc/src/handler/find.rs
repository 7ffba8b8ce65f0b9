//! DOC.FIND and DOC.COUNT, and the clauses that they share with others.

use kora_core::command::spec::{Arg, CommandSpec, Facts};
use kora_core::context::Ctx;
use kora_core::error::{CommandError, CommandResult};
use kora_core::number::parse_i64;
use kora_core::reply::Reply;
use kora_index::search::Direction;
use kora_json::{Value, text};

use super::ask::{Answered, Purpose, ask};
use super::nearest;
use super::project::{self, path_of};
use super::{ASKS_LONG, COLLECTION, PATH, collection_of, count, is_word, refusal, service};
use crate::collection::Collection;
use crate::condition::{BYTES_MAX, Condition, ConditionError, Quotes};
use crate::path::Path;
use crate::query::Question;
use crate::query::cursor;
use crate::query::find::{Ready, seed};
use crate::query::nearest::distance;
use crate::query::order::Hit;
use crate::query::work::Stage;

/// Documents of a reply with a cursor, unless it is said how many.
const PAGE: usize = 100;

pub(super) const WHERE: Arg = Arg::string("condition").token("WHERE").multiple();

pub(super) const FIND: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.find",
        arity: -2,
        summary: "Finds the documents that fulfil a condition, or those of them whose vectors are the nearest to one",
        complexity: "O(log N + M) with M documents that indexes find among N, or O(N) without; O(log N + L) for the first L in the order of an index, or the nearest L by a graph",
        args: CLAUSES,
        ..ASKS_LONG
    },
    handler: find,
};

pub(super) const CLAUSES: &[Arg] = &[
    COLLECTION,
    WHERE.optional(),
    Arg::block(
        "order",
        &[PATH, Arg::one_of("direction", &[Arg::word("asc", "ASC"), Arg::word("desc", "DESC")]).optional()],
    )
    .token("ORDER BY")
    .multiple()
    .optional(),
    Arg::block(
        "nearest",
        &[
            PATH,
            Arg::integer("count"),
            Arg::one_of("vector", &[Arg::string("array"), Arg::string("blob").token("FP32")]),
            Arg::integer("candidates").token("EF").optional(),
        ],
    )
    .token("NEAREST")
    .optional(),
    PATH.token("PROJECT").multiple().optional(),
    Arg::integer("count").token("LIMIT").optional(),
    Arg::integer("offset").token("OFFSET").optional(),
    Arg::word("withids", "WITHIDS").optional(),
    Arg::word("withdistances", "WITHDISTANCES").optional(),
    Arg::string("cursor").token("CURSOR").optional(),
];

/// What stands behind the collection.
#[derive(Debug, Default)]
pub(super) struct Clauses {
    pub(super) condition: Option<Condition>,
    /// The condition as it was sent.
    pub(super) text: Vec<u8>,
    pub(super) order: Vec<(Path, Direction)>,
    nearest: Option<nearest::Clause>,
    project: Vec<Path>,
    pub(super) limit: Option<usize>,
    pub(super) offset: usize,
    with_ids: bool,
    with_distances: bool,
    cursor: Option<Vec<u8>>,
}

const NAMES: [&str; 9] =
    ["WHERE", "ORDER", "NEAREST", "PROJECT", "LIMIT", "OFFSET", "WITHIDS", "WITHDISTANCES", "CURSOR"];

fn is_clause(arg: &[u8]) -> bool {
    NAMES.iter().any(|name| is_word(arg, name))
}

impl Clauses {
    /// Reads clauses, which come in any order, each once.
    ///
    /// # Errors
    /// If they are none.
    pub(super) fn parse(args: &[&[u8]]) -> CommandResult<Self> {
        let mut clauses = Self::default();
        let mut seen = [false; NAMES.len()];
        let mut rest = args;
        while let Some(name) = rest.split_off_first() {
            let at = NAMES.iter().position(|known| is_word(name, known)).ok_or(CommandError::Syntax)?;
            if std::mem::replace(&mut seen[at], true) {
                return Err(CommandError::Syntax);
            }
            match NAMES[at] {
                "WHERE" => clauses.text = condition_text(&mut rest)?,
                "ORDER" => clauses.order = order(&mut rest)?,
                "NEAREST" => clauses.nearest = Some(nearest::Clause::parse(&mut rest)?),
                "PROJECT" => clauses.project = project_paths(&mut rest)?,
                "LIMIT" => clauses.limit = Some(number(&mut rest)?),
                "OFFSET" => clauses.offset = number(&mut rest)?,
                "WITHIDS" => clauses.with_ids = true,
                "WITHDISTANCES" => clauses.with_distances = true,
                _ => clauses.cursor = Some(rest.split_off_first().ok_or(CommandError::Syntax)?.to_vec()),
            }
        }
        if seen[0] {
            clauses.condition = Some(Condition::parse(&clauses.text).map_err(refusal)?);
        }
        clauses.check()?;
        Ok(clauses)
    }

    /// Refuses clauses that do not go together.
    fn check(&self) -> CommandResult {
        let refusals = [
            (
                self.cursor.is_some() && self.offset > 0,
                "ERR a CURSOR goes on where it was: it takes no OFFSET",
            ),
            (
                self.nearest.is_some() && !self.order.is_empty(),
                "ERR NEAREST gives documents in the order of their distances: it takes no ORDER BY",
            ),
            (
                self.nearest.is_some() && self.cursor.is_some(),
                "ERR NEAREST takes no CURSOR: LIMIT and OFFSET go through what it finds",
            ),
            (self.with_distances && self.nearest.is_none(), "ERR WITHDISTANCES is for NEAREST"),
        ];
        match refusals.into_iter().find(|(is_refused, _)| *is_refused) {
            Some((_, words)) => Err(CommandError::text(words)),
            None => Ok(()),
        }
    }

    /// What is asked of a collection, with so many more documents than are wanted.
    ///
    /// # Errors
    /// If the collection has no index that the clauses need.
    pub(super) fn question(self, collection: &Collection, more: usize) -> CommandResult<Question> {
        let nearest = self.nearest.map(|nearest| nearest.ask(collection)).transpose()?;
        let limit = self.limit.map(|limit| limit.saturating_add(self.offset).saturating_add(more));
        let limit = match &nearest {
            Some(nearest) => Some(limit.unwrap_or(usize::MAX).min(nearest.count)),
            None => limit,
        };
        Ok(Question { condition: self.condition, order: self.order, limit, after: None, nearest })
    }

    /// Refuses all clauses but WHERE.
    ///
    /// # Errors
    /// If there are others.
    pub(super) fn condition_only(self) -> CommandResult<Option<Condition>> {
        let has_others = !self.order.is_empty()
            || !self.project.is_empty()
            || self.limit.is_some()
            || self.offset > 0
            || self.with_ids
            || self.nearest.is_some()
            || self.with_distances
            || self.cursor.is_some();
        if has_others { Err(CommandError::Syntax) } else { Ok(self.condition) }
    }

    /// What tells a question from others, for cursors: also from one about a collection that had the name before.
    fn checksum(&self, collection: &Collection) -> u64 {
        let (number, created) = (collection.number.to_le_bytes(), collection.created.to_le_bytes());
        let order = self.order.iter().flat_map(|(path, direction)| {
            let direction: &[u8] = if *direction == Direction::Ascending { b"+" } else { b"-" };
            [path.text().as_bytes(), direction]
        });
        let about: [&[u8]; 4] = [&collection.name, &number, &created, &self.text];
        cursor::checksum(about.into_iter().chain(order))
    }
}

/// The arguments of a condition, with a space between them. It ends where another clause begins outside of quotes.
fn condition_text(rest: &mut &[&[u8]]) -> CommandResult<Vec<u8>> {
    let mut text = Vec::new();
    let mut quotes = Quotes::default();
    let mut is_first = true;
    while let Some(arg) = rest.first() {
        if !is_first && !quotes.are_open() && is_clause(arg) {
            break;
        }
        if text.len() + arg.len() > BYTES_MAX {
            return Err(refusal(ConditionError::TooLong));
        }
        if !is_first {
            text.push(b' ');
            quotes.read(b" ");
        }
        text.extend_from_slice(arg);
        quotes.read(arg);
        is_first = false;
        rest.split_off_first();
    }
    if is_first { Err(CommandError::Syntax) } else { Ok(text) }
}

/// `BY path [ASC | DESC] ...`, with or without commas.
fn order(rest: &mut &[&[u8]]) -> CommandResult<Vec<(Path, Direction)>> {
    if !rest.split_off_first().is_some_and(|word| is_word(word, "BY")) {
        return Err(CommandError::Syntax);
    }
    let mut order: Vec<(Path, Direction)> = Vec::new();
    while let Some(arg) = rest.split_off_first_unless(is_clause) {
        for part in arg.split(|byte| matches!(byte, b',' | b' ')).filter(|part| !part.is_empty()) {
            let direction = if is_word(part, "DESC") { Direction::Descending } else { Direction::Ascending };
            let is_direction = is_word(part, "ASC") || is_word(part, "DESC");
            match order.last_mut() {
                Some(last) if is_direction => last.1 = direction,
                None if is_direction => return Err(CommandError::Syntax),
                _ => order.push((path_of(unquoted(part))?, Direction::Ascending)),
            }
        }
    }
    if order.is_empty() { Err(CommandError::Syntax) } else { Ok(order) }
}

fn project_paths(rest: &mut &[&[u8]]) -> CommandResult<Vec<Path>> {
    let mut paths = Vec::new();
    while let Some(arg) = rest.split_off_first_unless(is_clause) {
        paths.push(path_of(unquoted(arg))?);
    }
    if paths.is_empty() { Err(CommandError::Syntax) } else { Ok(paths) }
}

/// What stands between backticks, if it is all of it.
pub(super) fn unquoted(arg: &[u8]) -> &[u8] {
    arg.strip_prefix(b"`").and_then(|arg| arg.strip_suffix(b"`")).unwrap_or(arg)
}

fn number(rest: &mut &[&[u8]]) -> CommandResult<usize> {
    let number = rest.split_off_first().ok_or(CommandError::Syntax)?;
    let number = parse_i64(number).ok_or(CommandError::NotInteger)?;
    usize::try_from(number).map_err(|_| CommandError::text("ERR a number of documents can't be negative"))
}

/// Arguments that are read one after the other.
trait Rest<'a> {
    /// Takes the next one, unless it is something else.
    fn split_off_first_unless(&mut self, is_other: impl Fn(&[u8]) -> bool) -> Option<&'a [u8]>;
}

impl<'a> Rest<'a> for &[&'a [u8]] {
    fn split_off_first_unless(&mut self, is_other: impl Fn(&[u8]) -> bool) -> Option<&'a [u8]> {
        if is_other(self.first()?) { None } else { self.split_off_first().copied() }
    }
}

fn find(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let mut clauses = Clauses::parse(&args[2..])?;
    let collection = collection_of(ctx, args[1])?;
    let checksum = clauses.checksum(&collection);
    let has_cursor = clauses.cursor.is_some();
    let seed = if has_cursor { seed(ctx, &collection) } else { 0 };
    if has_cursor {
        clauses.limit.get_or_insert(PAGE);
    }
    let after = match clauses.cursor.as_deref() {
        None | Some(cursor::END) => None,
        Some(token) => Some(cursor::read(token, checksum, seed, clauses.order.len()).map_err(refusal)?),
    };
    let page = Page {
        offset: clauses.offset,
        project: std::mem::take(&mut clauses.project),
        with_ids: clauses.with_ids,
        with_distances: clauses.with_distances,
        cursor: clauses.limit.filter(|_| has_cursor).map(|size| CursorPage { checksum, seed, size }),
    };
    // One more tells whether there are more.
    let question = Question { after, ..clauses.question(&collection, usize::from(has_cursor))? };
    let ready = Ready::new(ctx, collection, question)?;
    ask(ctx, service(ctx)?, ready, Box::new(page), out)
}

/// What is replied of the documents that were found.
#[derive(Debug)]
struct Page {
    offset: usize,
    project: Vec<Path>,
    with_ids: bool,
    with_distances: bool,
    cursor: Option<CursorPage>,
}

/// A page with a cursor behind it.
#[derive(Debug)]
struct CursorPage {
    checksum: u64,
    seed: u64,
    size: usize,
}

impl Purpose for Page {
    fn stage(&self, ready: &Ready) -> Option<Stage> {
        (ready.question.limit != Some(0)).then(|| ready.stage())
    }

    fn cut(&self, hits: &mut Vec<Hit>) -> CommandResult<Option<Vec<u8>>> {
        hits.drain(..self.offset.min(hits.len()));
        let Some(CursorPage { checksum, seed, size }) = &self.cursor else { return Ok(None) };
        let has_more = hits.len() > *size;
        hits.truncate(*size);
        let last = hits.last().filter(|_| has_more);
        last.map(|hit| cursor::write(*checksum, *seed, &hit.position)).transpose().map_err(refusal)
    }

    fn shows_documents(&self) -> bool {
        true
    }

    fn text(&self, root: Value<'_>) -> Vec<u8> {
        if self.project.is_empty() { text::of(root) } else { project::text(root, &self.project) }
    }

    fn reply(&self, _: &Ready, answer: Answered, out: &mut dyn Reply) -> CommandResult {
        if self.cursor.is_some() {
            out.array(2);
            out.bulk(answer.cursor.as_deref().unwrap_or(cursor::END));
        }
        out.array(answer.hits.len());
        for (hit, text) in answer.hits.iter().zip(answer.texts) {
            let parts = usize::from(self.with_ids) + usize::from(self.with_distances);
            if parts > 0 {
                out.array(parts + 1);
            }
            if self.with_ids {
                out.bulk(&hit.position.id);
            }
            match text {
                Some(text) => out.bulk_owned(text),
                None => out.null(),
            }
            if self.with_distances {
                let key = hit.position.keys.first().and_then(Option::as_deref);
                out.double(key.and_then(distance).unwrap_or(f64::NAN));
            }
        }
        Ok(())
    }
}

pub(super) const COUNT: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.count",
        arity: -2,
        summary: "Counts the documents that fulfil a condition",
        complexity: "O(log N) if an index answers the only test, else as DOC.FIND",
        args: &[COLLECTION, WHERE.optional()],
        ..ASKS_LONG
    },
    handler: count_documents,
};

fn count_documents(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let condition = Clauses::parse(&args[2..])?.condition_only()?;
    let collection = collection_of(ctx, args[1])?;
    let ready = Ready::new(ctx, collection, Question { condition, ..Question::default() })?;
    ask(ctx, service(ctx)?, ready, Box::new(Number), out)
}

/// Replies how many documents match.
#[derive(Debug)]
struct Number;

impl Purpose for Number {
    fn stage(&self, ready: &Ready) -> Option<Stage> {
        ready.counted().is_none().then_some(Stage::Count)
    }

    fn reply(&self, ready: &Ready, answer: Answered, out: &mut dyn Reply) -> CommandResult {
        out.integer(count(ready.counted().unwrap_or(answer.figures.matched)));
        Ok(())
    }
}
