//! `[VECTOR_RANGE radius $vector]` behind a field, and `=>[KNN count @field $vector ...]` behind a query.

use super::error::QueryError;
use super::numeric;
use super::parser::{Parser, Result};
use super::part::{Near, Nearest, Part, PartKind, VectorQuery};
use super::token::{Kind, Token};

/// What may be said about a search of vectors, besides the name of the distance.
const OPTIONS: [&str; 7] = [
    "ef_runtime",
    "epsilon",
    "hybrid_policy",
    "batch_size",
    "search_window_size",
    "search_buffer_capacity",
    "use_search_history",
];

/// `[VECTOR_RANGE radius $vector]` or `[WITHIN $shape]`, the latter of which is not built; the word is the current piece.
pub(super) fn near(parser: &mut Parser<'_>, field: String) -> Result<Part> {
    let command = parser.take();
    let shapes = ["within", "contains", "intersects", "disjoint"];
    let is_shape = shapes.iter().any(|name| name.eq_ignore_ascii_case(command.text));
    let offset = parser.current.offset;
    let is_parameter = parser.current.kind == Kind::Dollar;
    let is_negated = parser.take_if(Kind::Minus);
    let radius = numeric::operand(parser, false)?;
    match parser.current.kind {
        Kind::RightBracket if is_parameter && is_shape => return Err(QueryError::Shape),
        Kind::RightBracket if is_parameter => return Err(QueryError::NotAShape(offset)),
        _ => {}
    }
    let parameter = parser.expect(Kind::Dollar)?.text.to_owned();
    parser.expect(Kind::RightBracket)?;
    if !command.text.eq_ignore_ascii_case("vector_range") {
        return Err(QueryError::NotNear { offset: command.offset, near: command.text.to_owned() });
    }
    let radius = radius.plain(parser);
    let radius = if is_negated { -radius } else { radius };
    let vector = parser.bytes(&parameter);
    let query = VectorQuery { field, parameter, vector, options: Vec::new(), distance: None };
    Ok(Part::new(PartKind::Near(Near { query, radius })))
}

/// The nearest of what a query matches, and what is said about them; the bracket is the current piece.
pub(super) fn nearest(parser: &mut Parser<'_>, filter: Option<Part>) -> Result<Part> {
    parser.expect(Kind::LeftBracket)?;
    let command = word(parser)?;
    let count = count(parser)?;
    let field = super::part::unescape(parser.expect(Kind::Modifier)?.text);
    let parameter = parser.expect(Kind::Dollar)?.text.to_owned();
    if !command.text.eq_ignore_ascii_case("knn") {
        return Err(QueryError::NotNearest { offset: command.offset, near: command.text.to_owned() });
    }
    let vector = parser.bytes(&parameter);
    let mut query = VectorQuery { field, parameter, vector, options: Vec::new(), distance: None };
    while parser.current.kind != Kind::RightBracket {
        let name = word(parser)?.text.to_owned();
        let value = parser.attribute_value()?;
        if name.eq_ignore_ascii_case("as") {
            query.distance = Some(value);
            break;
        }
        query.options.push((name, value));
    }
    parser.expect(Kind::RightBracket)?;
    let is_named = query.distance.is_some();
    let filter = filter.filter(|filter| filter.kind != PartKind::All);
    let mut part = Some(Part::new(PartKind::Nearest(Box::new(Nearest { query, count, is_named, filter }))));
    while parser.take_if(Kind::Arrow) {
        parser.attributes(&mut part)?;
    }
    part.ok_or_else(|| parser.unexpected())
}

fn word<'a>(parser: &mut Parser<'a>) -> Result<Token<'a>> {
    match parser.current.kind {
        Kind::Word | Kind::StopWord | Kind::Quoted | Kind::Empty | Kind::Missing => Ok(parser.take()),
        _ => Err(parser.unexpected()),
    }
}

/// A whole number, of more digits than are counted the greatest.
fn count(parser: &mut Parser<'_>) -> Result<u64> {
    let is_whole = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = match parser.current.kind {
        Kind::Number if is_whole(parser.current.text) => parser.take().text.to_owned(),
        Kind::Dollar => {
            let name = parser.take().text;
            let value = parser.parameter(name);
            let number = value.trim_ascii_start();
            let number = number.strip_prefix('+').unwrap_or(number);
            // As in RediSearch, an empty text is zero.
            let count =
                if number.is_empty() { Some(0) } else { number.parse().ok().filter(|_| is_whole(number)) };
            return Ok(count.unwrap_or_else(|| {
                parser.keep(QueryError::InvalidNumber { value: value.clone(), name: name.to_owned() });
                0
            }));
        }
        _ => return Err(parser.unexpected()),
    };
    Ok(text.parse().unwrap_or(u64::MAX))
}

/// Keeps what `=>{ $name: value }` says about vectors; whether the name is about them and the part has some.
///
/// # Errors
///
/// The distance has a name already.
pub(super) fn set(part: &mut PartKind, name: &str, value: &str) -> Result<bool> {
    let (query, is_named) = match part {
        PartKind::Near(near) => (&mut near.query, false),
        PartKind::Nearest(nearest) => (&mut nearest.query, nearest.is_named),
        _ => return Ok(false),
    };
    if name.eq_ignore_ascii_case("yield_distance_as") {
        if value.is_empty() {
            return Err(QueryError::InvalidValue { value: String::new(), name: "yield_distance_as" });
        }
        if let Some(first) = query.distance.take().filter(|_| is_named) {
            return Err(QueryError::DistanceTwice(first, value.to_owned()));
        }
        query.distance = Some(value.to_owned());
        return Ok(true);
    }
    let Some(known) = OPTIONS.iter().find(|option| option.eq_ignore_ascii_case(name)) else {
        return Ok(false);
    };
    if value.is_empty() {
        return Err(QueryError::InvalidValue { value: String::new(), name: known });
    }
    query.options.push((name.to_owned(), value.to_owned()));
    Ok(true)
}
