//! Paths as text. Spaces may stand between all parts.
//!
//! ```text
//! path    = "$" step*
//! step    = (".." | ".") (name | "*" | bracket) | bracket
//! bracket = "[" (text ("," text)* | number ("," number)* | [number] ":" [number] [":" [number]] | "*" | "?" filter) "]"
//! filter  = and ("||" and)*
//! and     = single ("&&" single)*
//! single  = "(" filter ")" | operand [comparison operand]
//! operand = "null" | "true" | "false" | number ["." digits] | text | ("@" | "$") [name] step*
//! ```

use super::error::PathError;
use super::syntax::{Comparison, Filter, Literal, Operand, Pattern, Slice, Step};
use crate::number::Number;

/// Conditions within each other, at most.
const NESTED_MAX: usize = 64;
/// Filters within each other, at most: while one is evaluated, those around it wait in the midst of the value.
const FILTERS_MAX: usize = 4;

/// Regular expressions in a path, at most.
const PATTERNS_MAX: usize = 32;

const STEP: &str = "<string>, '*'";
const BRACKET: &str = "'<string>[,<string>,...]', '<number>', ['start:end:steps'], '*'";
const NUMBER: &str = "'<number>'";
const BEHIND_NUMBERS: &str = "['start:end:steps']";
const BEHIND_TEXTS: &str = "'<number>', ['start:end:steps']";
/// What could stand in a place where `*` does not end a bracket.
const NOT_ALL: &str = "'<string>[,<string>,...]', '<number>', ['start:end:steps']";
const SLICE_STEP: &str = "pos_number";
const END: &str = "EOI, '..'";
const SINGLE: &str = "single_filter";
const OPERAND: &str = "decimal, from_current, from_root, boolean_true, boolean_false, null";
const BEHIND_LITERAL: &str = "ge, gt, le, lt, eq, ne, re, and, or";
const BEHIND_PATH: &str = "ge, gt, le, lt, eq, ne, re, and, or, '..'";
const BEHIND_COMPARISON: &str = "and, or";
const BEHIND_COMPARED_PATH: &str = "and, or, '..'";

type Parsed<T> = Result<T, PathError>;

/// The steps of a path that begins with `$`.
pub(super) fn steps(text: &str) -> Parsed<Vec<Step>> {
    let mut parser = Parser { text, at: 1, nested: 0, filters: 0, patterns: 0, behind: SINGLE };
    let steps = parser.steps()?;
    if parser.at == text.len() { Ok(steps) } else { Err(parser.error(END)) }
}

/// The only condition, or all of them together.
fn one_or(mut all: Vec<Filter>, together: fn(Box<[Filter]>) -> Filter) -> Filter {
    if all.len() == 1 { all.remove(0) } else { together(all.into()) }
}

struct Parser<'t> {
    text: &'t str,
    at: usize,
    /// Conditions that are open.
    nested: usize,
    /// Filters that are open.
    filters: usize,
    /// Regular expressions so far: to compile one takes long.
    patterns: usize,
    /// What could stand behind the part of a condition that was taken last.
    behind: &'static str,
}

impl Parser<'_> {
    fn error(&self, expected: &'static str) -> PathError {
        PathError { text: self.text.to_owned(), at: self.at, expected }
    }

    fn rest(&self) -> &[u8] {
        &self.text.as_bytes()[self.at..]
    }

    fn skip_spaces(&mut self) {
        self.at += self.rest().iter().take_while(|&&byte| byte == b' ').count();
    }

    /// Takes these characters, if they come next behind spaces.
    fn take(&mut self, word: &str) -> bool {
        self.skip_spaces();
        let is_there = self.rest().starts_with(word.as_bytes());
        if is_there {
            self.at += word.len();
        }
        is_there
    }

    /// All steps that follow. What comes behind them is the caller's business.
    fn steps(&mut self) -> Parsed<Vec<Step>> {
        let mut steps = Vec::new();
        loop {
            if self.take("..") {
                steps.push(Step::Descend);
                steps.push(self.step_behind_dot()?);
            } else if self.take(".") {
                steps.push(self.step_behind_dot()?);
            } else if self.take("[") {
                steps.push(self.bracket()?);
            } else {
                return Ok(steps);
            }
        }
    }

    fn step_behind_dot(&mut self) -> Parsed<Step> {
        if self.take("*") {
            return Ok(Step::All);
        }
        if self.take("[") {
            return self.bracket();
        }
        let len = self.rest().iter().take_while(|&&byte| is_of_name(byte)).count();
        if len == 0 {
            return Err(self.error(STEP));
        }
        let name = &self.text[self.at..self.at + len];
        self.at += len;
        Ok(Step::Name(name.into()))
    }

    /// What stands behind an opening bracket, the closing one included.
    fn bracket(&mut self) -> Parsed<Step> {
        let open = self.at - 1;
        self.skip_spaces();
        match self.rest().first() {
            Some(b'*') => {
                self.at += 1;
                if self.take("]") {
                    return Ok(Step::All);
                }
                self.at = open + 1;
                self.skip_spaces();
                Err(self.error(NOT_ALL))
            }
            Some(b'?') => {
                self.at += 1;
                if self.filters == FILTERS_MAX {
                    return Err(self.error(SINGLE));
                }
                self.filters += 1;
                let filter = self.filter()?;
                self.filters -= 1;
                if self.take("]") { Ok(Step::Filter(Box::new(filter))) } else { Err(self.error(self.behind)) }
            }
            Some(b'\'' | b'"') => self.names(),
            Some(b'-' | b':' | b'0'..=b'9') => self.numbers(open),
            _ => Err(self.error(BRACKET)),
        }
    }

    fn names(&mut self) -> Parsed<Step> {
        let start = self.at;
        let mut names = Vec::new();
        loop {
            self.skip_spaces();
            let Some(name) = self.quoted() else {
                self.at = start;
                return Err(self.error(if names.is_empty() { BRACKET } else { BEHIND_TEXTS }));
            };
            names.push(name);
            if !self.take(",") {
                break;
            }
        }
        if !self.take("]") {
            self.at = start;
            return Err(self.error(BEHIND_TEXTS));
        }
        Ok(match names.len() {
            1 => Step::Name(names.remove(0)),
            _ => Step::Names(names.into()),
        })
    }

    /// Numbers between commas, or a slice.
    fn numbers(&mut self, open: usize) -> Parsed<Step> {
        let start = self.at;
        let first = self.integer();
        if self.take(":") {
            return self.slice(first, open);
        }
        let Some(first) = first else { return Err(self.error(BRACKET)) };
        let mut numbers = vec![first];
        while self.take(",") {
            self.skip_spaces();
            match self.integer() {
                Some(number) => numbers.push(number),
                None => return Err(self.error(NUMBER)),
            }
        }
        if !self.take("]") {
            self.at = start;
            return Err(self.error(BEHIND_NUMBERS));
        }
        Ok(match numbers[..] {
            [number] => Step::Index(number),
            _ => Step::Indexes(numbers.into()),
        })
    }

    fn slice(&mut self, from: Option<i64>, open: usize) -> Parsed<Step> {
        self.skip_spaces();
        let to = self.integer();
        if to.is_none() && !matches!(self.rest().first(), Some(b':' | b']')) {
            return Err(self.error(NUMBER));
        }
        let mut step = 1;
        if self.take(":") {
            self.skip_spaces();
            match self.rest().first() {
                Some(b']') => {}
                Some(b'1'..=b'9') => {
                    step = self.integer().and_then(|step| usize::try_from(step).ok()).unwrap_or(usize::MAX);
                }
                _ => return Err(self.error(SLICE_STEP)),
            }
        }
        if !self.take("]") {
            self.at = open;
            return Err(self.error(END));
        }
        Ok(Step::Slice(Slice { from, to, step }))
    }

    /// An integer without needless zeros; beyond 64 bits, the nearest that fits, which no array reaches.
    fn integer(&mut self) -> Option<i64> {
        let rest = self.rest();
        let sign = usize::from(rest.first() == Some(&b'-'));
        let digits = match rest.get(sign)? {
            b'0' => 1,
            b'1'..=b'9' => rest[sign..].iter().take_while(|byte| byte.is_ascii_digit()).count(),
            _ => return None,
        };
        let text = &self.text[self.at..self.at + sign + digits];
        self.at += text.len();
        Some(text.parse().unwrap_or(if sign == 1 { i64::MIN } else { i64::MAX }))
    }

    /// A text in quotes of either kind; a backslash stands before itself and before the quotes of that kind.
    fn quoted(&mut self) -> Option<Box<str>> {
        let quote = self.rest().first().copied().filter(|byte| matches!(byte, b'\'' | b'"'))?;
        let mut text = Vec::new();
        let mut bytes = self.rest()[1..].iter().enumerate();
        while let Some((at, &byte)) = bytes.next() {
            match byte {
                b'\\' => match bytes.next() {
                    Some((_, &escaped)) if escaped == b'\\' || escaped == quote => text.push(escaped),
                    _ => return None,
                },
                _ if byte == quote => {
                    self.at += at + 2;
                    return Some(String::from_utf8(text).expect("it was UTF-8 before").into());
                }
                _ => text.push(byte),
            }
        }
        None
    }

    fn filter(&mut self) -> Parsed<Filter> {
        let first = self.conjunction()?;
        let mut all = vec![first];
        while self.take("||") {
            all.push(self.conjunction()?);
        }
        Ok(one_or(all, Filter::Or))
    }

    fn conjunction(&mut self) -> Parsed<Filter> {
        let first = self.single()?;
        let mut all = vec![first];
        while self.take("&&") {
            all.push(self.single()?);
        }
        Ok(one_or(all, Filter::And))
    }

    fn single(&mut self) -> Parsed<Filter> {
        self.skip_spaces();
        if self.nested == NESTED_MAX {
            return Err(self.error(SINGLE));
        }
        self.nested += 1;
        let filter = if self.take("(") { self.in_parentheses() } else { self.comparison() };
        self.nested -= 1;
        filter
    }

    fn in_parentheses(&mut self) -> Parsed<Filter> {
        let filter = self.filter()?;
        if self.take(")") {
            self.behind = BEHIND_COMPARISON;
            return Ok(filter);
        }
        Err(self.error(self.behind))
    }

    fn comparison(&mut self) -> Parsed<Filter> {
        let Some(left) = self.operand()? else { return Err(self.error(SINGLE)) };
        const COMPARISONS: [(&str, Comparison); 7] = [
            (">=", Comparison::GreaterOrEqual),
            (">", Comparison::Greater),
            ("<=", Comparison::LessOrEqual),
            ("<", Comparison::Less),
            ("==", Comparison::Equal),
            ("!=", Comparison::NotEqual),
            ("=~", Comparison::Matches),
        ];
        self.behind = if matches!(left, Operand::Literal(_)) { BEHIND_LITERAL } else { BEHIND_PATH };
        let Some((_, comparison)) = COMPARISONS.into_iter().find(|(word, _)| self.take(word)) else {
            return Ok(Filter::Exists(left));
        };
        self.skip_spaces();
        let Some(right) = self.operand()? else { return Err(self.error(OPERAND)) };
        let is_literal = matches!(right, Operand::Literal(_));
        self.behind = if is_literal { BEHIND_COMPARISON } else { BEHIND_COMPARED_PATH };
        Ok(match (comparison, right) {
            (Comparison::Matches, Operand::Literal(Literal::Text(text))) => {
                if self.patterns == PATTERNS_MAX {
                    return Err(self.error(OPERAND));
                }
                self.patterns += 1;
                Filter::Matches(left, Pattern::new(&text))
            }
            (_, right) => Filter::Compare(left, comparison, right),
        })
    }

    fn operand(&mut self) -> Parsed<Option<Operand>> {
        let literal = match self.rest().first().copied() {
            Some(b'@') => {
                self.at += 1;
                return Ok(Some(Operand::Current(self.steps_of_operand()?)));
            }
            Some(b'$') => {
                self.at += 1;
                return Ok(Some(Operand::Root(self.steps_of_operand()?)));
            }
            Some(b'\'' | b'"') => self.quoted().map(Literal::Text),
            Some(b'-' | b'0'..=b'9') => self.decimal().map(Literal::Number),
            _ if self.take("null") => Some(Literal::Null),
            _ if self.take("true") => Some(Literal::Bool(true)),
            _ if self.take("false") => Some(Literal::Bool(false)),
            _ => None,
        };
        Ok(literal.map(Operand::Literal))
    }

    /// The steps behind `@` or `$`: the first may be a name without a point.
    fn steps_of_operand(&mut self) -> Parsed<Vec<Step>> {
        self.skip_spaces();
        if !self.rest().first().copied().is_some_and(is_of_name) {
            return self.steps();
        }
        let first = self.step_behind_dot()?;
        let mut steps = self.steps()?;
        steps.insert(0, first);
        Ok(steps)
    }

    fn decimal(&mut self) -> Option<Number> {
        let start = self.at;
        self.integer()?;
        let rest = self.rest();
        let fraction = match rest.first() {
            Some(b'.') => rest[1..].iter().take_while(|byte| byte.is_ascii_digit()).count(),
            _ => 0,
        };
        if fraction > 0 {
            self.at += 1 + fraction;
        }
        let text = &self.text[start..self.at];
        match text.parse() {
            Ok(integer) => Some(Number::Integer(integer)),
            Err(_) => text.parse().ok().filter(|number: &f64| number.is_finite()).map(Number::Double),
        }
    }
}

/// Whether a name may have this byte without quotes.
fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"!\"&'()*,.;<=>?@[\\]{|}".contains(&byte)
}
