//! The grammar of dialects 2 to 4.
//!
//! ```text
//! query   = "" | star | union | (star | item) "=>[" KNN count @field $vector { name value } [ AS name ] "]"
//! star    = "*" | "(" star ")"
//! union   = both [ "|" both { "|" both } ]       see `union_of` for what may follow what
//! both    = unary { tight }
//! tight   = unary [ tight ]        if a number, word*, w'...', %word% or $name comes next
//! unary   = "-" tight | "~" tight | item { "=>{" attributes "}" }
//! item    = word | "..." | word* | w'...' | %word% | $name | "(" union ")"
//!         | @field:{ tags } | @field:[ range ] | @field OP number | @f1|f2: tight | ismissing(@field)
//! ```
//!
//! Within a field there are no fields: the last line is left out there.

use super::numeric;
use super::parser::{Parser, Result};
use super::part::{Affixed, Part, PartKind, and, or, unescape};
use super::phrase;
use super::tags;
use super::token::{Affix, Kind, Token};
use super::vectors;
use crate::number::leading_number;
use crate::stop_words::lower;

/// What parts may occur.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Anything.
    Free,
    /// Behind `@field:`, where only words can stand.
    InField,
    /// Behind two alternatives without fields, where only words can stand.
    InTexts,
}

/// Parses a query to its end.
pub(super) fn query(parser: &mut Parser<'_>) -> Result<Option<Part>> {
    let mut part = match star(parser)? {
        Some(part) => {
            parser.is_before_nearest = parser.take_if(Kind::Arrow);
            Some(part)
        }
        None if parser.current.kind == Kind::End => None,
        None => union(parser, Place::Free)?,
    };
    if parser.is_before_nearest {
        part = Some(vectors::nearest(parser, part)?);
    }
    parser.expect(Kind::End)?;
    Ok(part)
}

/// `*`, in any parentheses, which is only a whole query.
fn star(parser: &mut Parser<'_>) -> Result<Option<Part>> {
    let mut ahead = parser.clone();
    let mut paren_count = 0;
    while ahead.take_if(Kind::LeftParen) {
        paren_count += 1;
    }
    if !ahead.take_if(Kind::Star) {
        return Ok(None);
    }
    *parser = ahead;
    for _ in 0..paren_count {
        parser.expect(Kind::RightParen)?;
    }
    Ok(Some(Part::new(PartKind::All)))
}

fn union(parser: &mut Parser<'_>, place: Place) -> Result<Option<Part>> {
    if place != Place::Free {
        let first = both(parser, place)?;
        return texts(parser, first, place);
    }
    let first = member(parser)?;
    union_of(parser, first)
}

/// An alternative of a union.
struct Member {
    part: Option<Part>,
    /// Whether nothing in it names a field.
    is_text: bool,
}

fn member(parser: &mut Parser<'_>) -> Result<Member> {
    let before = parser.field_count;
    let part = both(parser, Place::Free)?;
    Ok(Member { part, is_text: parser.field_count == before })
}

/// What begins with an alternative. RediSearch's grammar tells alternatives with fields from those without, and decides early: behind two without
/// only such can follow, and a field next to the last of them is next to all of them; behind one with, those without are a union of their own
/// with all that follows.
fn union_of(parser: &mut Parser<'_>, first: Member) -> Result<Option<Part>> {
    if !parser.take_if(Kind::Bar) {
        return Ok(first.part);
    }
    let second = member(parser)?;
    let are_texts = first.is_text && second.is_text;
    let mut left = or(first.part, second.part);
    if are_texts {
        left = texts(parser, left, Place::InTexts)?;
        if !begins(parser.current.kind, Place::Free) {
            return Ok(left);
        }
        let part = beside(parser, left, Place::Free)?;
        return union_of(parser, Member { part, is_text: false });
    }
    while parser.take_if(Kind::Bar) {
        let next = member(parser)?;
        let right = if next.is_text && parser.current.kind == Kind::Bar {
            parser.nested(|parser| union_of(parser, next))?
        } else {
            next.part
        };
        left = or(left, right);
    }
    Ok(left)
}

/// Further alternatives without fields.
fn texts(parser: &mut Parser<'_>, first: Option<Part>, place: Place) -> Result<Option<Part>> {
    let mut left = first;
    while parser.take_if(Kind::Bar) {
        let right = both(parser, place)?;
        left = or(left, right);
    }
    Ok(left)
}

fn both(parser: &mut Parser<'_>, place: Place) -> Result<Option<Part>> {
    let first = unary(parser, place)?;
    beside(parser, first, place)
}

/// What stands next to a part, without bars between.
fn beside(parser: &mut Parser<'_>, first: Option<Part>, place: Place) -> Result<Option<Part>> {
    let mut left = first;
    while begins(parser.current.kind, place) {
        let right = tight(parser, place)?;
        left = and(left, right);
    }
    Ok(left)
}

/// What is next to each other so that it holds together before anything else does: all but the first of it binds to what stands
/// before it.
fn tight(parser: &mut Parser<'_>, place: Place) -> Result<Option<Part>> {
    let first = unary(parser, place)?;
    if !binds_backwards(parser.current.kind) {
        return Ok(first);
    }
    let rest = parser.nested(|parser| tight(parser, place))?;
    Ok(and(first, rest))
}

/// Whether a piece binds to the item before it rather than to all that stands before it.
fn binds_backwards(kind: Kind) -> bool {
    matches!(kind, Kind::Number | Kind::Affix(_) | Kind::Wildcard | Kind::Dollar | Kind::Percent)
}

fn begins(kind: Kind, place: Place) -> bool {
    match kind {
        Kind::Number
        | Kind::Word
        | Kind::StopWord
        | Kind::Empty
        | Kind::Quoted
        | Kind::Quote
        | Kind::Dollar
        | Kind::LeftParen
        | Kind::Tilde
        | Kind::Minus
        | Kind::Percent
        | Kind::Affix(_)
        | Kind::Missing
        | Kind::Wildcard => true,
        Kind::Modifier => place == Place::Free,
        _ => false,
    }
}

fn unary(parser: &mut Parser<'_>, place: Place) -> Result<Option<Part>> {
    parser.nested(|parser| {
        if parser.take_if(Kind::Minus) {
            let part = tight(parser, place)?;
            return Ok(part.map(|part| Part::new(PartKind::Not(Box::new(part)))));
        }
        if parser.take_if(Kind::Tilde) {
            let part = tight(parser, place)?;
            return Ok(part.map(|part| Part::new(PartKind::Optional(Box::new(part)))));
        }
        let start = parser.current.offset;
        let mut part = item(parser, place)?;
        while !is_behind_whole_field(parser, place) && parser.take_if(Kind::Arrow) {
            if parser.current.kind == Kind::LeftBracket && parser.depth == 1 && start == parser.start {
                parser.is_before_nearest = true;
                break;
            }
            parser.attributes(&mut part)?;
        }
        Ok(part)
    })
}

/// Whether the arrow that comes next is one of `=>[KNN ...]`, and so behind what `@field:` begins rather than behind the words there.
fn is_behind_whole_field(parser: &Parser<'_>, place: Place) -> bool {
    if place != Place::InField || parser.depth != 2 || parser.current.kind != Kind::Arrow {
        return false;
    }
    let mut ahead = parser.clone();
    ahead.take();
    ahead.current.kind == Kind::LeftBracket
}

fn item(parser: &mut Parser<'_>, place: Place) -> Result<Option<Part>> {
    if !begins(parser.current.kind, place) {
        return Err(parser.unexpected());
    }
    match parser.current.kind {
        Kind::LeftParen => {
            parser.take();
            let part = union(parser, place)?;
            parser.expect(Kind::RightParen)?;
            Ok(part)
        }
        Kind::Percent => fuzzy(parser).map(Some),
        Kind::Quote => {
            // It stands alone: the text that it begins has no end, and may only begin with a parameter.
            parser.take();
            parser.take_if(Kind::Dollar);
            Err(parser.unexpected())
        }
        Kind::Modifier => field(parser),
        Kind::Missing if place == Place::Free => missing(parser).map(Some),
        _ => {
            let token = parser.take();
            Ok(word(parser, token))
        }
    }
}

/// One word, or what stands for words; none for a stop word.
fn word(parser: &mut Parser<'_>, token: Token<'_>) -> Option<Part> {
    let fixed = |text: &str| PartKind::Word { text: text.to_owned(), is_expandable: false };
    let kind = match token.kind {
        Kind::StopWord => return None,
        Kind::Number | Kind::Empty => fixed(token.text),
        Kind::Quoted => PartKind::Exact(phrase::words(token.text)),
        Kind::Dollar => {
            let value = parser.parameter(token.text);
            let is_expandable = leading_number(&value).1 != value.len();
            PartKind::Word { text: lower(&unescape(&value)).into_owned(), is_expandable }
        }
        Kind::Affix(affix) => {
            let mut affixed = affixed(parser, affix, token.text);
            if affix.is_parameter {
                affixed.text = lower(&affixed.text).into_owned();
            }
            PartKind::Affix(affixed)
        }
        Kind::Wildcard => PartKind::Wildcard(wildcard(parser, token.text)),
        _ => return Some(Part::word(lower(&unescape(token.text)).into_owned())),
    };
    Some(Part::new(kind))
}

/// A word with open ends, or the value of the parameter that stands there.
pub(super) fn affixed(parser: &mut Parser<'_>, affix: Affix, text: &str) -> Affixed {
    let text = if affix.is_parameter { unescape(&parser.parameter(text)) } else { unescape(text) };
    Affixed { text, is_open_before: affix.is_open_before, is_open_behind: affix.is_open_behind }
}

/// The pattern between the quotes, or the value of the parameter that stands there.
pub(super) fn wildcard(parser: &mut Parser<'_>, text: &str) -> String {
    match text.strip_prefix('$') {
        Some(name) if !name.is_empty() => unescape(&parser.parameter(name)),
        _ => unescape(text),
    }
}

fn fuzzy(parser: &mut Parser<'_>) -> Result<Part> {
    let (token, distance) = parser.fuzzy(|kind| {
        matches!(
            kind,
            Kind::Word
                | Kind::Number
                | Kind::StopWord
                | Kind::Dollar
                | Kind::Quoted
                | Kind::Empty
                | Kind::Missing
        )
    })?;
    let value = (token.kind == Kind::Dollar).then(|| parser.parameter(token.text));
    let text = unescape(value.as_deref().unwrap_or(token.text));
    Ok(Part::new(PartKind::Fuzzy(lower(&text).into_owned(), distance)))
}

fn missing(parser: &mut Parser<'_>) -> Result<Part> {
    parser.field_count += 1;
    parser.take();
    parser.expect(Kind::LeftParen)?;
    let field = parser.expect(Kind::Modifier)?.text;
    parser.expect(Kind::RightParen)?;
    Ok(Part::new(PartKind::Missing(unescape(field))))
}

/// What begins with `@`.
fn field(parser: &mut Parser<'_>) -> Result<Option<Part>> {
    parser.field_count += 1;
    let name = unescape(parser.take().text);
    match parser.current.kind {
        Kind::Compare(comparison) => {
            parser.take();
            numeric::compared(parser, name, comparison).map(Some)
        }
        Kind::Bar => {
            let mut names = vec![name];
            while parser.take_if(Kind::Bar) {
                names.push(other_name(parser)?);
            }
            parser.expect(Kind::Colon)?;
            within(parser, names)
        }
        _ => {
            parser.expect(Kind::Colon)?;
            match parser.current.kind {
                Kind::LeftBrace => tags::modern(parser, name).map(Some),
                Kind::LeftBracket => numeric::modern(parser, name).map(Some),
                _ => within(parser, vec![name]),
            }
        }
    }
}

fn other_name(parser: &mut Parser<'_>) -> Result<String> {
    match parser.current.kind {
        Kind::Word | Kind::StopWord | Kind::Number | Kind::Quoted | Kind::Empty | Kind::Missing => {
            Ok(unescape(parser.take().text))
        }
        _ => Err(parser.unexpected()),
    }
}

fn within(parser: &mut Parser<'_>, names: Vec<String>) -> Result<Option<Part>> {
    let part = tight(parser, Place::InField)?;
    Ok(part.map(|part| Part::new(PartKind::Within(names, Box::new(part)))))
}
