//! redis.call(), redis.pcall() and redis.acl_check_cmd().

use std::rc::Rc;

use kora_protocol::encode_double;
use mlua::{IntoLuaMulti as _, Lua, LuaString, MultiValue, Table, Value};
use smallvec::SmallVec;

use super::{AT_END, Shared, error_table, failed};
use crate::commons::MemoryLimit;
use crate::host::NoCallee;
use crate::run::CallError;
use crate::sink::{LuaSink, Replied};

/// The functions that run a command, and whether they raise its errors.
const FUNCTIONS: [(&str, bool); 2] = [("call", true), ("pcall", false)];

const NO_WORDS: &str = "ERR Please specify at least one argument for this redis lib call";
const NO_WORD: &str = "ERR Lua redis lib command arguments must be strings or integers";

/// Adds the functions to the `redis` table.
pub(super) fn add(lua: &Lua, redis: &Table, run: &Shared, limit: MemoryLimit) -> mlua::Result<()> {
    for (name, raises) in FUNCTIONS {
        let run = Rc::clone(run);
        let call = lua.create_function(move |lua, args: MultiValue| {
            MemoryLimit::lift(lua)?;
            let returned = call(lua, &run, args, raises);
            limit.set(lua)?;
            returned
        })?;
        redis.raw_set(name, call)?;
    }
    let run = Rc::clone(run);
    let check = lua.create_function(move |lua, args: MultiValue| may_call(lua, &run, args))?;
    redis.raw_set("acl_check_cmd", check)
}

/// The functions that run a command, for more words than Lua's stack has room for twice: they take the number of
/// words and a table of them.
pub(super) fn with_many(lua: &Lua, run: &Shared, limit: MemoryLimit) -> mlua::Result<Table> {
    let table = lua.create_table()?;
    for (name, raises) in FUNCTIONS {
        let run = Rc::clone(run);
        let call = lua.create_function(move |lua, (count, words): (usize, Table)| {
            MemoryLimit::lift(lua)?;
            let returned = call_with_many(lua, &run, (count, &words), raises);
            limit.set(lua)?;
            returned
        })?;
        table.raw_set(name, call)?;
    }
    Ok(table)
}

/// What a function that runs a command gives to Lua: the reply, or nil and what to raise.
type Returned = Result<Value, Value>;

fn call(lua: &Lua, run: &Shared, args: MultiValue, raises: bool) -> mlua::Result<Returned> {
    let words = match words(lua, args)? {
        Ok(words) => words,
        Err(text) => return fail(lua, text, raises),
    };
    let bytes: SmallVec<[_; 8]> = words.iter().map(LuaString::as_bytes).collect();
    let args: SmallVec<[&[u8]; 8]> = bytes.iter().map(|bytes| &bytes[..]).collect();
    run_command(lua, run, &args, raises)
}

fn call_with_many(
    lua: &Lua,
    run: &Shared,
    (count, words): (usize, &Table),
    raises: bool,
) -> mlua::Result<Returned> {
    let (mut bytes, mut ends) = (Vec::new(), Vec::with_capacity(count));
    for index in 1..=count {
        match words.raw_get(index)? {
            Value::String(text) => bytes.extend_from_slice(&text.as_bytes()),
            Value::Integer(number) => {
                bytes.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
            }
            Value::Number(number) => bytes.extend_from_slice(encode_double(number).as_str().as_bytes()),
            _ => return fail(lua, NO_WORD, raises),
        }
        ends.push(bytes.len());
    }
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let args: Vec<&[u8]> = starts.zip(&ends).map(|(start, &end)| &bytes[start..end]).collect();
    run_command(lua, run, &args, raises)
}

/// An error with this text, to be raised or returned.
fn fail(lua: &Lua, text: &str, raises: bool) -> mlua::Result<Returned> {
    let error = Value::Table(error_table(lua, &kora_core::text::bytes(text))?);
    Ok(if raises { Err(error) } else { Ok(error) })
}

#[inline]
fn run_command(lua: &Lua, run: &Shared, args: &[&[u8]], raises: bool) -> mlua::Result<Returned> {
    let mut run = run.borrow_mut();
    let mut sink = LuaSink::new(lua, run.is_resp3);
    match run.call(args, &mut sink) {
        Ok(place) => match sink.finish()? {
            Replied::Value(value) => Ok(Ok(value)),
            Replied::Error(text) => {
                run.tally.failed(place, &text);
                fail(lua, &text, raises)
            }
        },
        Err(CallError::Error(error)) => fail(lua, &error.to_string(), raises),
        Err(CallError::End) => Ok(Err(Value::LightUserData(AT_END))),
    }
}

/// The words of a command: strings, and numbers as Redis writes them.
fn words(lua: &Lua, args: MultiValue) -> mlua::Result<Result<SmallVec<[LuaString; 8]>, &'static str>> {
    if args.is_empty() {
        return Ok(Err(NO_WORDS));
    }
    let mut words = SmallVec::with_capacity(args.len());
    for arg in args {
        words.push(match arg {
            Value::String(text) => text,
            Value::Integer(number) => lua.create_string(itoa::Buffer::new().format(number))?,
            Value::Number(number) => lua.create_string(encode_double(number).as_str())?,
            _ => return Ok(Err(NO_WORD)),
        });
    }
    Ok(Ok(words))
}

/// Whether the client may call a command.
fn may_call(lua: &Lua, run: &Shared, args: MultiValue) -> mlua::Result<MultiValue> {
    let words = match words(lua, args)? {
        Ok(words) => words,
        Err(text) => return failed(lua, text),
    };
    let bytes: SmallVec<[_; 8]> = words.iter().map(LuaString::as_bytes).collect();
    let args: SmallVec<[&[u8]; 8]> = bytes.iter().map(|bytes| &bytes[..]).collect();
    let resolved = run.borrow().host().resolve(&args);
    match resolved {
        Ok(callee) => run.borrow().would_permit(callee.facts, &args).into_lua_multi(lua),
        Err(NoCallee::Unknown) => failed(lua, "ERR Invalid command passed to redis.acl_check_cmd()"),
        Err(NoCallee::Arity(_)) => failed(lua, "ERR Wrong number of args for redis.acl_check_cmd()"),
    }
}
