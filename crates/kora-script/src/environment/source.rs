//! Turns the text of a script into text that LuaJIT reads as Lua 5.1 would.
//!
//! LuaJIT knows more than Lua 5.1: bytecode, a `#!` line, a byte order mark, numbers of its foreign function interface.

use std::borrow::Cow;

use mlua::{Function, Lua, Value};

use super::native;

/// Where a text comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// The body of a script, of whose results only the first is used.
    Script,
    /// A text that a script loads.
    Loaded,
}

/// The text for LuaJIT, or the syntax error.
pub(super) fn translate<'a>(source: &'a [u8], _name: &[u8], _scope: Scope) -> Result<Cow<'a, [u8]>, Vec<u8>> {
    match source.first() {
        // At the start of a text these mean bytecode, a line to skip and a byte order mark.
        Some(0x1B | b'#' | 0xEF) => {
            let mut text = Vec::with_capacity(source.len() + 1);
            text.push(b' ');
            text.extend_from_slice(source);
            Ok(Cow::Owned(text))
        }
        _ => Ok(Cow::Borrowed(source)),
    }
}

/// `message` as mlua reports errors of syntax.
pub(super) fn syntax_error(message: &[u8]) -> mlua::Error {
    mlua::Error::SyntaxError {
        message: String::from_utf8_lossy(message).into_owned(),
        incomplete_input: false,
    }
}

/// The translation of loaded texts, for the prelude: the text, or nil and the error.
pub(super) fn function(lua: &Lua) -> mlua::Result<Function> {
    native::function(lua, |lua, arguments| {
        let (source, name) = (arguments.bytes(1)?, arguments.bytes(2)?);
        match translate(&source, &name, Scope::Loaded) {
            Ok(Cow::Borrowed(_)) => native::one(lua, arguments.get(1).cloned()),
            Ok(Cow::Owned(text)) => native::one(lua, lua.create_string(text)?),
            Err(message) => {
                Ok([Value::Nil, Value::String(lua.create_string(message)?)].into_iter().collect())
            }
        }
    })
}
