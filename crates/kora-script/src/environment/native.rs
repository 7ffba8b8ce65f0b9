//! How functions written in Rust take arguments and fail like functions of the Lua C API.
//!
//! mlua would raise an `Err` as userdata, which a script's `pcall` could tell from a string. So a function returns
//! [`FAILED`] and the text instead, and its wrapper in the prelude raises the text. The text is complete, with the
//! position of the call in the script and, for arguments, the name the script called the function by: those are looked
//! up here, two frames above the Rust function (the wrapper is between them).

use std::ffi::c_void;

use mlua::{Function, IntoLua, LightUserData, Lua, MultiValue, Value};

use super::number;

/// The first result of a function that failed; no library hands out this pointer.
pub(super) const FAILED: LightUserData = LightUserData(std::ptr::without_provenance_mut::<c_void>(1));

/// How many values a C function may have on Lua's stack: the limit of nesting and of results in the C libraries.
///
/// It is 8000 there. Here every value that Rust holds needs a place on a stack of that size, which has other users too.
pub(super) const STACK_MAX: usize = 7900;

/// Lua's own words.
pub(super) const OUT_OF_MEMORY: &str = "not enough memory";

/// Why a function failed.
#[derive(Debug)]
pub(super) enum Failure {
    /// `luaL_argerror`: the argument's position, counted from 1, and what is wrong with it.
    Argument(usize, String),
    /// The same, with bytes of the caller's in the text.
    ArgumentBytes(usize, Vec<u8>),
    /// `luaL_error`: a message that gets the position of the call in front.
    Message(Vec<u8>),
    /// An error of Lua itself: no position.
    Bare(&'static str),
    /// What Lua reported while values were made: memory.
    Lua(mlua::Error),
}

impl From<mlua::Error> for Failure {
    fn from(error: mlua::Error) -> Self {
        Self::Lua(error)
    }
}

impl Failure {
    pub(super) fn argument(index: usize, problem: &str) -> Self {
        Self::Argument(index, problem.to_owned())
    }

    pub(super) fn message(text: impl Into<Vec<u8>>) -> Self {
        Self::Message(text.into())
    }
}

/// What a function returns to Lua.
pub(super) type Outcome = Result<MultiValue, Failure>;

/// Makes a Lua function of `body`, for the prelude to wrap.
pub(super) fn function<F>(lua: &Lua, body: F) -> mlua::Result<Function>
where
    F: Fn(&Lua, Arguments) -> Outcome + 'static,
{
    lua.create_function(move |lua, values: MultiValue| match body(lua, Arguments(values)) {
        Ok(results) => Ok(results),
        Err(failure) => failed(lua, failure),
    })
}

/// One result.
pub(super) fn one(lua: &Lua, value: impl IntoLua) -> Outcome {
    let mut results = MultiValue::with_capacity(1);
    results.push_back(value.into_lua(lua)?);
    Ok(results)
}

fn failed(lua: &Lua, failure: Failure) -> mlua::Result<MultiValue> {
    let text = match failure {
        Failure::Argument(index, problem) => located(lua, &argument_text(lua, index, problem.as_bytes())),
        Failure::ArgumentBytes(index, problem) => located(lua, &argument_text(lua, index, &problem)),
        Failure::Message(text) => located(lua, &text),
        Failure::Bare(text) => text.as_bytes().to_vec(),
        Failure::Lua(error) => super::error_text(&error).into_bytes(),
    };
    let mut results = MultiValue::with_capacity(2);
    results.push_back(Value::LightUserData(FAILED));
    results.push_back(Value::String(lua.create_string(text)?));
    Ok(results)
}

/// `text` behind the position of the script's call, as `luaL_where` has it.
fn located(lua: &Lua, text: &[u8]) -> Vec<u8> {
    let position = lua.inspect_stack(2, |frame| {
        let line = frame.current_line()?;
        let source = frame.source().short_src?.into_owned();
        Some(format!("{source}:{line}: "))
    });
    let mut located = position.flatten().unwrap_or_default().into_bytes();
    located.extend_from_slice(text);
    located
}

/// `luaL_argerror`: called as a method, a function's first argument is the object and does not count.
fn argument_text(lua: &Lua, index: usize, problem: &[u8]) -> Vec<u8> {
    let names = lua.inspect_stack(1, |frame| {
        let names = frame.names();
        (names.name.map(std::borrow::Cow::into_owned), names.name_what == Some("method"))
    });
    let (name, is_method) = names.unwrap_or((None, false));
    let name = name.unwrap_or_else(|| "?".to_owned());
    let start = match index {
        1 if is_method => format!("calling '{name}' on bad self ("),
        index => format!("bad argument #{} to '{name}' (", index.saturating_sub(usize::from(is_method))),
    };
    [start.as_bytes(), problem, b")"].concat()
}

/// How many frames of the running coroutine are calls of one of the functions given.
///
/// To look at a frame takes as long as it is deep, so a stack deeper than the look-out counts as full.
pub(super) fn count_calls(lua: &Lua) -> mlua::Result<Function> {
    const FRAMES_MAX: usize = 400;
    lua.create_function(|lua, functions: mlua::Variadic<Function>| {
        let mut count = 0;
        for level in 1..=FRAMES_MAX {
            match lua.inspect_stack(level, |frame| functions.contains(&frame.function())) {
                Some(found) => count += usize::from(found),
                None => return Ok(count),
            }
        }
        Ok(FRAMES_MAX)
    })
}

/// The number in `value`, without conversion.
pub(super) fn number_of(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => Some(*number),
        Value::Integer(number) => Some(number::from_integer(*number)),
        _ => None,
    }
}

/// The arguments of a call. Positions count from 1, as in error texts.
#[derive(Debug)]
pub(super) struct Arguments(MultiValue);

impl Arguments {
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn push_nil(&mut self) {
        self.0.push_back(Value::Nil);
    }

    pub(super) fn get(&self, index: usize) -> Option<&Value> {
        index.checked_sub(1).and_then(|index| self.0.get(index))
    }

    /// Whether an argument is nil or was not given.
    pub(super) fn is_none(&self, index: usize) -> bool {
        matches!(self.get(index), None | Some(Value::Nil))
    }

    /// `luaL_typerror`.
    pub(super) fn expected(&self, index: usize, wanted: &str) -> Failure {
        let got = self.get(index).map_or("no value", type_name);
        Failure::Argument(index, format!("{wanted} expected, got {got}"))
    }

    /// `luaL_checknumber`.
    pub(super) fn number(&self, index: usize) -> Result<f64, Failure> {
        let number = match self.get(index) {
            Some(Value::Number(number)) => Some(*number),
            Some(Value::Integer(number)) => Some(number::from_integer(*number)),
            Some(Value::String(text)) => number::parse(&text.as_bytes()),
            _ => None,
        };
        number.ok_or_else(|| self.expected(index, "number"))
    }

    /// `luaL_checkinteger`.
    pub(super) fn integer(&self, index: usize) -> Result<i64, Failure> {
        self.number(index).map(number::to_i64)
    }

    /// `luaL_checkint`.
    pub(super) fn int(&self, index: usize) -> Result<i32, Failure> {
        self.number(index).map(number::to_i32)
    }

    /// `luaL_checklstring`: numbers become their text.
    pub(super) fn bytes(&self, index: usize) -> Result<Bytes, Failure> {
        match self.get(index) {
            Some(Value::String(text)) => Ok(Bytes::Lua(text.as_bytes())),
            Some(Value::Number(number)) => Ok(Bytes::Own(number::to_text(*number))),
            Some(Value::Integer(number)) => Ok(Bytes::Own(number::to_text(number::from_integer(*number)))),
            _ => Err(self.expected(index, "string")),
        }
    }
}

/// The bytes of a string argument.
pub(super) enum Bytes {
    Lua(mlua::BorrowedBytes),
    Own(Vec<u8>),
}

impl std::ops::Deref for Bytes {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match self {
            Self::Lua(bytes) => bytes,
            Self::Own(bytes) => bytes,
        }
    }
}

/// Lua's name for the type of `value`.
pub(super) fn type_name(value: &Value) -> &'static str {
    match value {
        Value::Nil => "nil",
        Value::Boolean(_) => "boolean",
        Value::LightUserData(_) | Value::UserData(_) | Value::Error(_) => "userdata",
        Value::Integer(_) | Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Table(_) => "table",
        Value::Function(_) => "function",
        Value::Thread(_) => "thread",
        Value::Other(_) => "cdata",
    }
}
