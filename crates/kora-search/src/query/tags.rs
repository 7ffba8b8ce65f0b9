//! `@field:{ tag | tag }`.

use super::classic::word_list;
use super::modern::{affixed, wildcard};
use super::parser::{Parser, Result};
use super::part::{Affixed, Part, PartKind, Tag, TagWord, unescape};
use super::token::{Kind, Token};
use crate::stop_words::lower;

/// The tags of the later dialects; the brace is the current piece.
pub(super) fn modern(parser: &mut Parser<'_>, field: String) -> Result<Part> {
    parser.take();
    let mut tags = Vec::new();
    loop {
        tags.push(tag(parser)?);
        if parser.take_if(Kind::RightBrace) {
            return Ok(Part::new(PartKind::Tags(field, tags)));
        }
        parser.expect(Kind::Bar)?;
    }
}

fn tag(parser: &mut Parser<'_>) -> Result<Tag> {
    match parser.current.kind {
        Kind::Affix(affix) => {
            let text = parser.take().text;
            Ok(Tag::Affix(affixed(parser, affix, text)))
        }
        Kind::Wildcard => {
            let text = parser.take().text;
            Ok(Tag::Wildcard(wildcard(parser, text)))
        }
        kind if is_word(kind) => {
            let mut tokens = vec![parser.take()];
            while is_word(parser.current.kind) {
                tokens.push(parser.take());
            }
            let is_one = tokens.len() == 1;
            Ok(Tag::Words(tokens.into_iter().map(|token| word(parser, token, is_one)).collect()))
        }
        _ => Err(parser.unexpected()),
    }
}

fn is_word(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Word
            | Kind::StopWord
            | Kind::Number
            | Kind::Dollar
            | Kind::Quoted
            | Kind::Empty
            | Kind::Missing
    )
}

/// A word of a tag. One that is not alone is in lower case and has no escapes.
fn word(parser: &mut Parser<'_>, token: Token<'_>, is_alone: bool) -> TagWord {
    let text = match token.kind {
        Kind::Dollar => parser.parameter(token.text),
        _ => token.text.to_owned(),
    };
    if is_alone {
        return TagWord { text, is_escaped: true };
    }
    TagWord { text: lower(&unescape(&text)).into_owned(), is_escaped: false }
}

/// The tags of dialect 1, where braces need not be closed and end where nothing more fits; the first brace is the current piece.
pub(super) fn classic(parser: &mut Parser<'_>, field: String) -> Result<Part> {
    parser.take();
    let mut tags = vec![classic_tag(parser)?];
    loop {
        while parser.take_if(Kind::RightBrace) {}
        if !parser.take_if(Kind::Bar) {
            return Ok(Part::new(PartKind::Tags(field, tags)));
        }
        tags.push(classic_tag(parser)?);
    }
}

fn classic_tag(parser: &mut Parser<'_>) -> Result<Tag> {
    match parser.current.kind {
        Kind::Affix(affix) => {
            let text = unescape(parser.take().text);
            Ok(Tag::Affix(Affixed {
                text,
                is_open_before: affix.is_open_before,
                is_open_behind: affix.is_open_behind,
            }))
        }
        Kind::StopWord => Ok(Tag::Words(vec![word_alone(parser.take())])),
        Kind::Word | Kind::Number => {
            let tokens = word_list(parser, true);
            if let [token] = tokens[..] {
                return Ok(Tag::Words(vec![word_alone(token)]));
            }
            let words = tokens.into_iter().map(|token| word(parser, token, false)).collect();
            Ok(Tag::Words(words))
        }
        _ => Err(parser.unexpected()),
    }
}

fn word_alone(token: Token<'_>) -> TagWord {
    TagWord { text: token.text.to_owned(), is_escaped: true }
}
