//! redis.call(), redis.pcall() and redis.acl_check_cmd().

use std::rc::Rc;

use kora_protocol::encode_double;
use mlua::{IntoLuaMulti as _, Lua, LuaString, MultiValue, Table, Value};
use smallvec::SmallVec;

use super::{AT_END, FAILED, Shared, error_table, failed};
use crate::host::NoCallee;
use crate::run::Refusal;
use crate::sink::{LuaSink, Replied};
use crate::vm::{lift_limit, set_limit};

/// Adds the functions to the `redis` table.
pub(super) fn add(lua: &Lua, redis: &Table, run: &Shared) -> mlua::Result<()> {
    for (name, raises) in [("call", true), ("pcall", false)] {
        let run = Rc::clone(run);
        let call = lua.create_function(move |lua, args: MultiValue| {
            lift_limit(lua)?;
            let returned = call(lua, &run, &args, raises);
            set_limit(lua)?;
            returned
        })?;
        redis.raw_set(name, call)?;
    }
    let run = Rc::clone(run);
    let check = lua.create_function(move |lua, args: MultiValue| may_call(lua, &run, &args))?;
    redis.raw_set("acl_check_cmd", check)
}

fn call(lua: &Lua, run: &Shared, args: &MultiValue, raises: bool) -> mlua::Result<MultiValue> {
    let fail = |text: &str| {
        let error = error_table(lua, text.as_bytes())?;
        if raises { (FAILED, error).into_lua_multi(lua) } else { error.into_lua_multi(lua) }
    };
    let words = match words(lua, args)? {
        Ok(words) => words,
        Err(text) => return fail(text),
    };
    let bytes: SmallVec<[_; 8]> = words.iter().map(LuaString::as_bytes).collect();
    let args: SmallVec<[&[u8]; 8]> = bytes.iter().map(|bytes| &bytes[..]).collect();
    let mut run = run.borrow_mut();
    let mut sink = LuaSink::new(lua, run.is_resp3);
    match run.call(&args, &mut sink) {
        Ok(()) => match sink.finish()? {
            Replied::Value(value) => value.into_lua_multi(lua),
            Replied::Error(text) => fail(&text),
        },
        Err(Refusal::Error(error)) => fail(&error.to_string()),
        Err(Refusal::End) => (FAILED, AT_END).into_lua_multi(lua),
    }
}

/// The words of a command: strings, and numbers as Redis writes them.
fn words(lua: &Lua, args: &MultiValue) -> mlua::Result<Result<SmallVec<[LuaString; 8]>, &'static str>> {
    if args.is_empty() {
        return Ok(Err("ERR Please specify at least one argument for this redis lib call"));
    }
    let mut words = SmallVec::with_capacity(args.len());
    for arg in args {
        words.push(match arg {
            Value::String(text) => text.clone(),
            Value::Integer(number) => lua.create_string(itoa::Buffer::new().format(*number))?,
            Value::Number(number) => lua.create_string(encode_double(*number).as_str())?,
            _ => return Ok(Err("ERR Lua redis lib command arguments must be strings or integers")),
        });
    }
    Ok(Ok(words))
}

/// Whether the client may call a command: there is only the user `default`, who may call each.
fn may_call(lua: &Lua, run: &Shared, args: &MultiValue) -> mlua::Result<MultiValue> {
    let words = match words(lua, args)? {
        Ok(words) => words,
        Err(text) => return failed(lua, text),
    };
    let bytes: SmallVec<[_; 8]> = words.iter().map(LuaString::as_bytes).collect();
    let args: SmallVec<[&[u8]; 8]> = bytes.iter().map(|bytes| &bytes[..]).collect();
    let resolved = run.borrow().host().resolve(&args);
    match resolved {
        Ok(_) => true.into_lua_multi(lua),
        Err(NoCallee::Unknown) => failed(lua, "ERR Invalid command passed to redis.acl_check_cmd()"),
        Err(NoCallee::Arity) => failed(lua, "ERR Wrong number of args for redis.acl_check_cmd()"),
    }
}
