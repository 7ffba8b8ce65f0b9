//! The grammar of dialect 1.
//!
//! Words next to each other are one item; a union binds tighter than a field, a field tighter than a conjunction of other items, and
//! `-` and `~` reach as far as they can: a `-` to the next quoted text, `-` or `~`, a `~` to the next `~`.

use super::error::QueryError;
use super::numeric;
use super::parser::{Parser, Result};
use super::part::{Affixed, Part, PartKind, and, or, unescape};
use super::tags;
use super::token::{Kind, Token};
use crate::stop_words::lower;

/// What an item stands under, which decides where a conjunction ends.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Under {
    Nothing,
    Not,
    Optional,
}

/// Parses a query to its end.
pub(super) fn query(parser: &mut Parser<'_>) -> Result<Option<Part>> {
    let part = match parser.current.kind {
        Kind::End => None,
        Kind::Star => {
            parser.take();
            Some(Part::new(PartKind::All))
        }
        _ => both(parser, Under::Nothing)?,
    };
    parser.expect(Kind::End)?;
    Ok(part)
}

fn both(parser: &mut Parser<'_>, under: Under) -> Result<Option<Part>> {
    let mut left = union(parser)?;
    while begins(parser.current.kind) && !ends(parser.current.kind, under) {
        let right = union(parser)?;
        left = and(left, right);
    }
    Ok(left)
}

fn begins(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Number
            | Kind::Word
            | Kind::StopWord
            | Kind::Quote
            | Kind::Modifier
            | Kind::LeftParen
            | Kind::Tilde
            | Kind::Minus
            | Kind::Percent
            | Kind::Affix(_)
    )
}

fn ends(kind: Kind, under: Under) -> bool {
    match under {
        Under::Nothing => false,
        Under::Not => matches!(kind, Kind::Quote | Kind::Minus | Kind::Tilde),
        Under::Optional => kind == Kind::Tilde,
    }
}

fn union(parser: &mut Parser<'_>) -> Result<Option<Part>> {
    let mut left = item(parser)?;
    while parser.take_if(Kind::Bar) {
        let right = item(parser)?;
        left = or(left, right);
    }
    Ok(left)
}

fn item(parser: &mut Parser<'_>) -> Result<Option<Part>> {
    parser.nested(|parser| {
        let mut part = match parser.current.kind {
            Kind::Minus => {
                parser.take();
                let part = both(parser, Under::Not)?;
                return Ok(part.map(|part| Part::new(PartKind::Not(Box::new(part)))));
            }
            Kind::Tilde => {
                parser.take();
                let part = both(parser, Under::Optional)?;
                return Ok(part.map(|part| Part::new(PartKind::Optional(Box::new(part)))));
            }
            Kind::LeftParen => {
                parser.take();
                let part = both(parser, Under::Nothing)?;
                parser.expect(Kind::RightParen)?;
                part
            }
            Kind::Modifier => field(parser)?,
            Kind::Percent => Some(fuzzy(parser)?),
            Kind::Quote => Some(phrase(parser)?),
            Kind::Word | Kind::Number => Some(words(parser)),
            Kind::StopWord => {
                parser.take();
                None
            }
            Kind::Affix(affix) => {
                let text = unescape(parser.take().text);
                let (is_open_before, is_open_behind) = (affix.is_open_before, affix.is_open_behind);
                Some(Part::new(PartKind::Affix(Affixed { text, is_open_before, is_open_behind })))
            }
            _ => return Err(parser.unexpected()),
        };
        while parser.take_if(Kind::Arrow) {
            parser.attributes(&mut part)?;
        }
        Ok(part)
    })
}

fn plain(token: Token<'_>) -> String {
    lower(&unescape(token.text)).into_owned()
}

/// Words next to each other; the first is the current piece. A stop word is left out if it stands behind two others. Outside of tags
/// and phrases (`is_enclosed`), where a number can only belong here, it is one of the first two.
pub(super) fn word_list<'a>(parser: &mut Parser<'a>, is_enclosed: bool) -> Vec<Token<'a>> {
    let mut words = vec![parser.take()];
    if matches!(parser.current.kind, Kind::Word | Kind::Number) {
        words.push(parser.take());
        loop {
            match parser.current.kind {
                Kind::Word => words.push(parser.take()),
                Kind::Number if is_enclosed => words.push(parser.take()),
                Kind::StopWord => _ = parser.take(),
                _ => break,
            }
        }
    }
    words
}

fn words(parser: &mut Parser<'_>) -> Part {
    let mut parts: Vec<_> =
        word_list(parser, false).into_iter().map(|token| Part::word(plain(token))).collect();
    match parts.pop() {
        Some(part) if parts.is_empty() => part,
        last => {
            parts.extend(last);
            Part::new(PartKind::And(parts))
        }
    }
}

/// `"..."`, where a single word is only a word that nothing else stands for.
fn phrase(parser: &mut Parser<'_>) -> Result<Part> {
    parser.take();
    if !matches!(parser.current.kind, Kind::Word | Kind::Number) {
        return Err(parser.unexpected());
    }
    let mut words: Vec<_> = word_list(parser, true).into_iter().map(plain).collect();
    parser.expect(Kind::Quote)?;
    Ok(Part::new(match words.pop() {
        Some(text) if words.is_empty() => PartKind::Word { text, is_expandable: false },
        last => {
            words.extend(last);
            PartKind::Exact(words)
        }
    }))
}

fn fuzzy(parser: &mut Parser<'_>) -> Result<Part> {
    let (token, distance) =
        parser.fuzzy(|kind| matches!(kind, Kind::Word | Kind::Number | Kind::StopWord))?;
    Ok(Part::new(PartKind::Fuzzy(plain(token), distance)))
}

/// What begins with `@`.
fn field(parser: &mut Parser<'_>) -> Result<Option<Part>> {
    let name = unescape(parser.take().text);
    if parser.current.kind == Kind::Bar {
        let mut names = vec![name];
        while parser.take_if(Kind::Bar) {
            match parser.current.kind {
                Kind::Word | Kind::Number => names.push(unescape(parser.take().text)),
                _ => return Err(parser.unexpected()),
            }
        }
        parser.expect(Kind::Colon)?;
        return within(parser, names);
    }
    parser.expect(Kind::Colon)?;
    match parser.current.kind {
        Kind::LeftBrace => tags::classic(parser, name).map(Some),
        Kind::LeftBracket => numeric::classic(parser, name).map(Some),
        _ => within(parser, vec![name]),
    }
}

fn within(parser: &mut Parser<'_>, names: Vec<String>) -> std::result::Result<Option<Part>, QueryError> {
    let part = union(parser)?;
    Ok(part.map(|part| Part::new(PartKind::Within(names, Box::new(part)))))
}
