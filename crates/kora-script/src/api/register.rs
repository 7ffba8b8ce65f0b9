//! redis.register_function(), which only the text of libraries sees, and only while it is loaded.

use std::rc::Rc;
use std::sync::atomic::AtomicBool;

use mlua::chunk::ChunkMode;
use mlua::{Function, IntoLuaMulti as _, Lua, MultiValue, Table, Value};

use super::{Shared, failed};
use crate::bodies::{Bodies, Body};
use crate::flags::ScriptFlags;
use crate::library::{BAD_NAME, FunctionFacts, is_name};
use crate::run::Registered;

/// Where the text of libraries runs.
#[derive(Clone)]
pub(crate) struct Loading {
    /// The globals of libraries.
    pub(crate) globals: Table,
    switch: Function,
}

impl Loading {
    /// Shows the globals of loading, or those of running functions.
    pub(crate) fn show(&self, lua: &Lua, is_loading: bool) -> mlua::Result<()> {
        self.switch.call((is_loading, lua.globals()))
    }
}

/// Makes the place where the text of libraries runs; the state keeps it.
pub(super) fn add(lua: &Lua, raising: &Function, run: &Shared) -> mlua::Result<()> {
    let run = Rc::clone(run);
    let register = lua.create_function(move |lua, args: MultiValue| match registration(lua, &args) {
        Ok(Ok(registered)) => match keep(&run, registered) {
            Ok(()) => ().into_lua_multi(lua),
            Err(text) => failed(lua, text),
        },
        Ok(Err(text)) => failed(lua, &format!("ERR {text}")),
        Err(error) => Err(error),
    })?;
    let native = lua.create_table()?;
    native.raw_set("register", register)?;
    native.raw_set("raising", raising)?;
    let place = lua.load(include_str!("../functions.lua")).set_name("=functions").set_mode(ChunkMode::Text);
    let (globals, switch) = place.call(native)?;
    lua.set_app_data(Loading { globals, switch });
    Ok(())
}

fn keep(run: &Shared, registered: Registered) -> Result<(), &'static str> {
    let mut run = run.borrow_mut();
    let Some(functions) = run.registered() else {
        return Err("ERR redis.register_function can only be called on FUNCTION LOAD command");
    };
    if !is_name(&registered.facts.name) {
        return Err(BAD_NAME);
    }
    if functions.iter().any(|known| known.facts.name.eq_ignore_ascii_case(&registered.facts.name)) {
        return Err("ERR Function already exists in the library");
    }
    functions.push(registered);
    Ok(())
}

type Read<T> = mlua::Result<Result<T, &'static str>>;

/// What the arguments of redis.register_function() ask for.
fn registration(lua: &Lua, args: &MultiValue) -> Read<Registered> {
    match &args.iter().collect::<Vec<_>>()[..] {
        [Value::Table(named)] => by_name(lua, named),
        [_] => {
            Ok(Err("calling redis.register_function with a single argument is only applicable to Lua table \
                       (representing named arguments)."))
        }
        [name, callback] => {
            let Some(name) = text(lua, name)? else {
                return Ok(Err("first argument to redis.register_function must be a string"));
            };
            let Value::Function(callback) = callback else {
                return Ok(Err("second argument to redis.register_function must be a function"));
            };
            Ok(Ok(registered(name, None, ScriptFlags::default(), body(lua, callback)?)))
        }
        _ => Ok(Err("wrong number of arguments to redis.register_function")),
    }
}

fn registered(name: Box<[u8]>, description: Option<Box<[u8]>>, flags: ScriptFlags, body: Body) -> Registered {
    let wanders = AtomicBool::new(false);
    Registered { facts: FunctionFacts { name, description, flags, wanders }, body }
}

/// Keeps a function that was registered.
fn body(lua: &Lua, callback: &Function) -> mlua::Result<Body> {
    let bodies = lua.app_data_ref::<Rc<Bodies>>().map(|bodies| Rc::clone(&bodies));
    bodies.ok_or_else(|| mlua::Error::runtime("not a state for functions"))?.keep(callback)
}

fn by_name(lua: &Lua, named: &Table) -> Read<Registered> {
    let (mut name, mut description, mut callback) = (None, None, None);
    let mut flags = ScriptFlags::default();
    for pair in named.pairs::<Value, Value>() {
        let (key, value) = pair?;
        let Some(key) = text(lua, &key)? else {
            return Ok(Err("named argument key given to redis.register_function is not a string"));
        };
        match &*key {
            b"function_name" => match text(lua, &value)? {
                Some(text) => name = Some(text),
                None => {
                    return Ok(Err(
                        "function_name argument given to redis.register_function must be a string",
                    ));
                }
            },
            b"description" => match text(lua, &value)? {
                Some(text) => description = Some(text),
                None => {
                    return Ok(Err("description argument given to redis.register_function must be a string"));
                }
            },
            b"callback" => match value {
                Value::Function(function) => callback = Some(function),
                _ => return Ok(Err("callback argument given to redis.register_function must be a function")),
            },
            b"flags" => match value {
                Value::Table(list) => match flags_of(&list)? {
                    Some(all) => flags = all,
                    None => return Ok(Err("unknown flag given")),
                },
                _ => {
                    return Ok(Err(
                        "flags argument to redis.register_function must be a table representing function flags",
                    ));
                }
            },
            _ => return Ok(Err("unknown argument given to redis.register_function")),
        }
    }
    let Some(name) = name else {
        return Ok(Err("redis.register_function must get a function name argument"));
    };
    let Some(callback) = callback else {
        return Ok(Err("redis.register_function must get a callback argument"));
    };
    Ok(Ok(registered(name, description, flags, body(lua, &callback)?)))
}

/// The flags that a list names; `None` if one is unknown.
fn flags_of(list: &Table) -> mlua::Result<Option<ScriptFlags>> {
    let mut flags = ScriptFlags::default();
    for index in 1.. {
        let flag = match list.raw_get(index)? {
            Value::Nil => break,
            Value::String(name) => ScriptFlags::named(&name.as_bytes()),
            _ => None,
        };
        let Some(flag) = flag else { return Ok(None) };
        flags = flags.with(flag);
    }
    Ok(Some(flags))
}

/// A string, or a number as one.
fn text(lua: &Lua, value: &Value) -> mlua::Result<Option<Box<[u8]>>> {
    let is_text = value.is_string() || value.is_number() || value.is_integer();
    let text = if is_text { lua.coerce_string(value.clone())? } else { None };
    Ok(text.map(|text| text.as_bytes().to_vec().into()))
}
