//! Turns the text of a script into text that LuaJIT reads as Lua 5.1 would.
//!
//! LuaJIT knows more than Lua 5.1: bytecode, a `#!` line, a byte order mark, more escapes in strings, numbers of its foreign
//! function interface (`1LL`, `2i`), operators (`!=`, `+=`, `&`, `?.`), labels, `const`, `continue` and `goto`. The text is cut
//! into tokens by Lua 5.1's rules, and what LuaJIT would take otherwise is rewritten so that it reports the error Lua
//! 5.1 reports. Lines stay where they are. A text that needs no change is not copied.
//!
//! LuaJIT also drops the frame of a function that ends in `return f(...)` before it calls `f`, where Lua 5.1 keeps it
//! if `f` is a C function; without the frame an error of `f` cannot say where in the script it happened. Of a
//! script's results only the first is used, so its own `return f(...)` can be read as `return (f(...))`, which is no
//! tail call; and so can `return redis.call(...)` in its functions, since that has one result.

mod token;

use std::borrow::Cow;

use mlua::{Function, Lua, Value};

use self::token::{Kind, Token, Tokens};
use super::native;

/// Where a text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The body of a script, of whose results only the first is used.
    Script,
    /// A text that a script loads.
    Loaded,
}

/// A text for LuaJIT.
#[derive(Debug)]
pub(super) struct Translation<'a> {
    pub(super) text: Cow<'a, [u8]>,
    /// The first of the bytes that [`STAND_IN`] stands for.
    pub(super) foreign: Option<u8>,
}

/// Put in place of a byte that LuaJIT knows and Lua 5.1 does not: a byte neither knows.
const STAND_IN: &[u8] = b"\x01";

/// How LuaJIT's messages about the stand-in end.
const NEAR_STAND_IN: &[u8] = b"near 'char(1)'";

/// A number that Lua 5.1 cannot read.
#[derive(Debug)]
pub(super) struct Malformed {
    line: usize,
    number: Vec<u8>,
}

impl Malformed {
    /// The error as Lua words it, for the chunk called `name`.
    pub(super) fn text(&self, name: &[u8]) -> Vec<u8> {
        let mut text = chunk_id(name);
        text.extend_from_slice(format!(":{}: malformed number near '", self.line).as_bytes());
        text.extend_from_slice(&self.number);
        text.push(b'\'');
        text
    }
}

/// Translates a whole text.
pub(super) fn translate(source: &[u8], scope: Scope) -> Result<Translation<'_>, Malformed> {
    let mut edits = Vec::new();
    // At the start of a text these mean bytecode, a line to skip and a byte order mark.
    if matches!(source.first(), Some(0x1B | b'#' | 0xEF)) {
        edits.push(Edit::insert(0, b" "));
    }
    let mut foreign = None;
    let mut returns = (scope == Scope::Script).then(Returns::default);
    let mut words = SoftKeywords::default();
    for token in Tokens::new(source) {
        if let Some((start, end)) = returns.as_mut().and_then(|returns| returns.see(&token, source)) {
            edits.push(Edit::insert(start, b"("));
            edits.push(Edit::insert(end, b")"));
        }
        if let Some(end) = words.see(&token, source) {
            edits.push(Edit::insert(end, b"_"));
        }
        match token.kind {
            Kind::Text => drop_unknown_escapes(&token, source, &mut edits),
            Kind::Number if !token::is_number(token.bytes(source)) => {
                return Err(Malformed { line: token.line, number: token.bytes(source).to_vec() });
            }
            Kind::Symbol => edits.extend(split(&token, source)),
            Kind::Foreign => {
                foreign = foreign.or(source.get(token.start).copied());
                edits.push(Edit { at: token.start, left_out: 1, put: STAND_IN });
            }
            _ => {}
        }
    }
    Ok(Translation { text: apply(source, edits), foreign })
}

/// The message of LuaJIT's compiler, as Lua 5.1 would word it.
pub(super) fn reword(message: &[u8], foreign: Option<u8>) -> Vec<u8> {
    const ESCAPE: &[u8] = b"invalid escape sequence near";
    if let (Some(start), Some(byte)) = (message.strip_suffix(NEAR_STAND_IN), foreign) {
        return [start, b"near '", &[byte], b"'"].concat();
    }
    let escape = message.windows(ESCAPE.len()).position(|window| window == ESCAPE);
    match escape {
        // The unknown escapes are gone, so what is left is a number above 255.
        Some(at) => {
            let (start, end) = message.split_at(at);
            [start, b"escape sequence too large near", &end[ESCAPE.len()..]].concat()
        }
        None => message.to_vec(),
    }
}

/// Keeps LuaJIT from reading two tokens of Lua 5.1 as one of its own: `<<`, `->`, `::`, `+=`.
fn split(token: &Token, source: &[u8]) -> Option<Edit> {
    let next = *source.get(token.end)?;
    let joined = match token.bytes(source) {
        b"<" => next == b'<',
        b">" => next == b'>',
        b":" => next == b':',
        b"-" => matches!(next, b'>' | b'='),
        b"+" | b"*" | b"/" | b"%" | b".." => next == b'=',
        _ => false,
    };
    joined.then(|| Edit::insert(token.end, b" "))
}

/// Looks for names that LuaJIT reads as keywords where a statement starts.
///
/// Lua 5.1 then always finds an error at the token behind the name. It finds the same one behind any other name.
#[derive(Default)]
struct SoftKeywords {
    /// Whether the previous token can only be followed by a part of an expression or a declared name.
    expression: bool,
    /// The end of such a name, and the name, if it was the previous token.
    candidate: Option<(usize, &'static [u8])>,
}

impl SoftKeywords {
    /// Takes the next token; the end of the name before it, if the two would be a statement of LuaJIT.
    fn see(&mut self, token: &Token, source: &[u8]) -> Option<usize> {
        const WORDS: [&[u8]; 3] = [b"const", b"continue", b"goto"];
        let text = token.bytes(source);
        let found = self.candidate.take().filter(|(_, word)| match *word {
            b"continue" => token.kind == Kind::End || is_block_end(token, text),
            _ => token.kind == Kind::Name,
        });
        if token.kind == Kind::Name && !self.expression {
            self.candidate = WORDS.into_iter().find(|word| *word == text).map(|word| (token.end, word));
        }
        self.expression = match token.kind {
            Kind::Name => matches!(
                text,
                b"and"
                    | b"or"
                    | b"not"
                    | b"return"
                    | b"in"
                    | b"if"
                    | b"while"
                    | b"until"
                    | b"elseif"
                    | b"local"
                    | b"for"
                    | b"function"
            ),
            Kind::Symbol => !matches!(text, b")" | b"]" | b"}" | b";" | b"..."),
            _ => false,
        };
        found.map(|(end, _)| end)
    }
}

fn is_block_end(token: &Token, text: &[u8]) -> bool {
    token.kind == Kind::Name && matches!(text, b"end" | b"else" | b"elseif" | b"until")
}

/// A change to the text: bytes left out at a place, bytes put there instead.
struct Edit {
    at: usize,
    left_out: usize,
    put: &'static [u8],
}

impl Edit {
    fn insert(at: usize, put: &'static [u8]) -> Self {
        Self { at, left_out: 0, put }
    }
}

fn apply(source: &[u8], mut edits: Vec<Edit>) -> Cow<'_, [u8]> {
    if edits.is_empty() {
        return Cow::Borrowed(source);
    }
    edits.sort_by_key(|edit| edit.at);
    let mut text = Vec::with_capacity(source.len() + edits.len());
    let mut copied = 0;
    for edit in edits {
        text.extend_from_slice(source.get(copied..edit.at).unwrap_or_default());
        text.extend_from_slice(edit.put);
        copied = edit.at + edit.left_out;
    }
    text.extend_from_slice(source.get(copied..).unwrap_or_default());
    Cow::Owned(text)
}

/// Lua 5.1 reads `\x` as `x` unless it knows the escape; LuaJIT knows more and refuses the rest.
fn drop_unknown_escapes(token: &Token, source: &[u8], edits: &mut Vec<Edit>) {
    let mut bytes = token.bytes(source).iter().enumerate();
    while let Some((offset, &byte)) = bytes.next() {
        if byte != b'\\' {
            continue;
        }
        if let Some((_, escaped)) = bytes.next()
            && !matches!(escaped, b'a' | b'b' | b'f' | b'n' | b'r' | b't' | b'v' | b'0'..=b'9')
            && !matches!(escaped, b'\\' | b'"' | b'\'' | b'\n' | b'\r')
        {
            edits.push(Edit { at: token.start + offset, left_out: 1, put: b"" });
        }
    }
}

/// Looks for the `return`s of a script's own body that give the results of one call.
#[derive(Default)]
struct Returns {
    /// For each open block whether it is a function.
    blocks: Vec<bool>,
    functions: usize,
    brackets: usize,
    open: Option<Open>,
}

/// A `return` whose expressions are being read.
struct Open {
    depth: usize,
    brackets: usize,
    start: Option<usize>,
    end: usize,
    ends_like_call: bool,
    /// Inside a function only calls of `redis.call` and `redis.pcall`, which have one result, may be read otherwise.
    is_in_function: bool,
    /// Whether the tokens so far are those of such a call, and how many there are.
    is_api: bool,
    token_count: usize,
}

impl Returns {
    /// Takes the next token; the range of an expression that has ended before it and could be a tail call.
    fn see(&mut self, token: &Token, source: &[u8]) -> Option<(usize, usize)> {
        let text = token.bytes(source);
        let ended = self.ended(token, text);
        match token.kind {
            Kind::Name => self.word(text),
            Kind::Symbol => match text {
                b"(" | b"[" | b"{" => self.brackets += 1,
                b")" | b"]" | b"}" => self.brackets = self.brackets.saturating_sub(1),
                _ => {}
            },
            _ => {}
        }
        ended
    }

    fn ended(&mut self, token: &Token, text: &[u8]) -> Option<(usize, usize)> {
        let open = self.open.as_mut()?;
        let outermost = open.depth == self.blocks.len() && open.brackets == self.brackets;
        if token.kind == Kind::End || (outermost && (is_block_end(token, text) || text == b";")) {
            let open = self.open.take()?;
            let is_call =
                if open.is_in_function { open.is_api && open.token_count > 4 } else { open.ends_like_call };
            return open.start.filter(|_| is_call).map(|start| (start, open.end));
        }
        if outermost && text == b"," {
            self.open = None;
            return None;
        }
        open.start.get_or_insert(token.start);
        open.token_count += 1;
        open.is_api &= match open.token_count {
            1 => matches!(text, b"redis" | b"server"),
            2 => text == b".",
            3 => matches!(text, b"call" | b"pcall"),
            4 => text == b"(",
            // Only what closes the call may follow behind its arguments.
            _ => !outermost,
        };
        open.end = token.end;
        open.ends_like_call =
            matches!(token.kind, Kind::Text | Kind::LongText) || matches!(text, b")" | b"}");
        None
    }

    fn word(&mut self, word: &[u8]) {
        match word {
            b"function" => {
                self.blocks.push(true);
                self.functions += 1;
            }
            b"if" | b"do" | b"repeat" => self.blocks.push(false),
            b"end" | b"until" if self.blocks.pop() == Some(true) => self.functions -= 1,
            b"return" if self.functions == 0 || self.open.is_none() => {
                self.open = Some(Open {
                    depth: self.blocks.len(),
                    brackets: self.brackets,
                    start: None,
                    end: 0,
                    ends_like_call: false,
                    is_in_function: self.functions > 0,
                    is_api: true,
                    token_count: 0,
                });
            }
            _ => {}
        }
    }
}

/// What Lua calls the chunk `name` in messages: `luaO_chunkid`.
fn chunk_id(name: &[u8]) -> Vec<u8> {
    const LENGTH_MAX: usize = 59;
    if let Some((b'=' | b'@', name)) = name.split_first() {
        return name.get(..LENGTH_MAX).unwrap_or(name).to_vec();
    }
    let first_line = name.split(|&byte| byte == b'\n' || byte == b'\r').next().unwrap_or_default();
    let length_max = LENGTH_MAX - "[string \"...\"]".len();
    let shown = first_line.get(..length_max).unwrap_or(first_line);
    let cut = shown.len() < name.len();
    let dots: &[u8] = if cut { b"..." } else { b"" };
    [b"[string \"", shown, dots, b"\"]"].concat()
}

/// The name to give to a chunk, that messages call it what Lua 5.1 does: here a name that is a text would be cut at any control character.
fn shown_name(name: &[u8]) -> Cow<'_, [u8]> {
    let name = super::of_c(name);
    let first_line = name.split(|&byte| byte == b'\n' || byte == b'\r').next().unwrap_or_default();
    if matches!(name.first(), Some(b'=' | b'@')) || !first_line.iter().any(u8::is_ascii_control) {
        return Cow::Borrowed(name);
    }
    Cow::Owned([b"=", &chunk_id(name)[..]].concat())
}

/// `message` as mlua reports errors of syntax; see [`kora_core::text`].
pub(super) fn syntax_error(message: &[u8]) -> mlua::Error {
    mlua::Error::SyntaxError { message: kora_core::text::of(message).into_owned(), incomplete_input: false }
}

/// The translation of texts that scripts load, for the prelude: the text, the foreign byte and the name for Lua, or nil and the error.
pub(super) fn translate_function(lua: &Lua) -> mlua::Result<Function> {
    native::function(lua, |lua, arguments| {
        let (source, name) = (arguments.bytes(1)?, arguments.bytes(2)?);
        let results = match translate(&source, Scope::Loaded) {
            Ok(Translation { text, foreign }) => {
                let foreign = foreign.map_or(Value::Nil, |byte| Value::Integer(i64::from(byte)));
                let shown = Value::String(lua.create_string(shown_name(&name))?);
                [Value::String(lua.create_string(text)?), foreign, shown]
            }
            Err(malformed) => {
                [Value::Nil, Value::String(lua.create_string(malformed.text(&name))?), Value::Nil]
            }
        };
        Ok(results.into_iter().collect())
    })
}

/// [`reword`] for the prelude.
pub(super) fn reword_function(lua: &Lua) -> mlua::Result<Function> {
    native::function(lua, |lua, arguments| {
        let message = arguments.bytes(1)?;
        let foreign = arguments.get(2).and_then(|value| u8::try_from(value.as_integer()?).ok());
        native::one(lua, lua.create_string(reword(&message, foreign))?)
    })
}
