//! The `redis` table of scripts: what its functions do, and what they raise.
//!
//! Source: Redis documentation, "Redis Lua API reference".

mod call;
pub(crate) mod register;

use std::cell::RefCell;
use std::rc::Rc;

use kora_core::text;
use mlua::chunk::ChunkMode;
use mlua::{Function, IntoLuaMulti as _, Lua, MultiValue, Table, Value, VmState};

use crate::bodies::Bodies;
use crate::commons::{MemoryLimit, StateKind};
use crate::environment::{self, error_text, of_c};
use crate::host::LogLevel;
use crate::pause::stand_aside;
use crate::render::line;
use crate::run::{End, Run, Watch};
use crate::script::Sha;

/// The first result of a function that has failed; the second is what it raises. No script gets hold of it.
const FAILED: mlua::LightUserData = mlua::LightUserData(std::ptr::without_provenance_mut(1));

/// What a script raises that is at its end. No script gets hold of it.
const AT_END: mlua::LightUserData = mlua::LightUserData(std::ptr::without_provenance_mut(2));

/// The field of errors that commands gave, which Redis shows to scripts.
const IS_COUNTED: &str = "ignore_error_stats_update";

/// What the client of a script is told that was ended.
pub(crate) const KILLED: &str = "ERR Script killed by user with SCRIPT KILL...";

type Shared = Rc<RefCell<Run>>;

/// What a script raised and did not catch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The text, prefix included.
    pub(crate) text: String,
    /// The chunk that raised it.
    pub(crate) source: String,
    /// The line there; 0 if it is not known.
    pub(crate) line: usize,
}

/// What a state with the `redis` table has for those who run scripts in it.
pub(crate) struct Installed {
    /// Runs a function by its number: whether it came to its end, and what it returned or raised.
    pub(crate) protect: Function,
    /// The same for a script, by its number, the number of its keys, and its keys and arguments.
    pub(crate) protect_with: Function,
    pub(crate) bodies: Rc<Bodies>,
}

/// Adds the tables `redis` and `server` to a state that is not frozen yet.
pub(crate) fn install(
    lua: &Lua,
    run: &Shared,
    (kind, limit): (StateKind, MemoryLimit),
) -> mlua::Result<Installed> {
    let redis = lua.create_table()?;
    call::add(lua, &redis, run, limit)?;
    add_replies(lua, &redis)?;
    add_settings(lua, &redis, run, kind)?;
    add_log(lua, &redis, run)?;
    let version = run.borrow().host().version();
    redis.raw_set("REDIS_VERSION", version)?;
    redis.raw_set("REDIS_VERSION_NUM", version_number(version))?;
    let native = lua.create_table()?;
    native.raw_set("failed", FAILED)?;
    native.raw_set("at_end", AT_END)?;
    native.raw_set("redis", redis)?;
    native.raw_set("server", server_names(lua)?)?;
    native.raw_set("globals", environment::fields(lua)?)?;
    native.raw_set("with_many", call::with_many(lua, run, limit)?)?;
    native.raw_set("translate", translator(lua, run)?)?;
    native.raw_set("explain", explainer(lua, run)?)?;
    native.raw_set("is_ended_now", watcher(lua, run)?)?;
    let api = lua.load(include_str!("api.lua")).set_name("=api").set_mode(ChunkMode::Text);
    let (protect, protect_with, raising, bodies): (Function, Function, Function, Table) = api.call(native)?;
    let bodies = Bodies::new(lua, bodies);
    if kind == StateKind::Functions {
        lua.set_app_data(Rc::clone(&bodies));
        register::add(lua, &raising, run)?;
    }
    Ok(Installed { protect, protect_with, bodies })
}

/// What Valkey's table `server` has beside what `redis` has.
fn server_names(lua: &Lua) -> mlua::Result<Table> {
    /// Whose scripts run here.
    const VALKEY_VERSION: &str = "8.1.1";
    let names = lua.create_table()?;
    names.raw_set("SERVER_NAME", "kora")?;
    names.raw_set("VALKEY_VERSION", VALKEY_VERSION)?;
    names.raw_set("VALKEY_VERSION_NUM", version_number(VALKEY_VERSION))?;
    Ok(names)
}

/// What the function that [`install`] returned has returned.
pub(crate) fn outcome(returned: (bool, Value)) -> mlua::Result<Result<Value, Failure>> {
    match returned {
        (true, value) => Ok(Ok(value)),
        (false, Value::Table(table)) => Ok(Err(Failure {
            text: text_of(&table, "err")?,
            source: text_of(&table, "source")?,
            line: table.raw_get("line")?,
        })),
        // An error while the error was looked at: no memory, no stack.
        (false, Value::String(text)) => Ok(Err(Failure {
            text: format!("ERR {}", line(&text.as_bytes())),
            source: String::new(),
            line: 0,
        })),
        (false, _) => {
            Ok(Err(Failure { text: "ERR the script was ended".into(), source: String::new(), line: 0 }))
        }
    }
}

fn text_of(table: &Table, field: &str) -> mlua::Result<String> {
    Ok(match table.raw_get(field)? {
        Value::String(text) => line(of_c(&text.as_bytes())),
        _ => String::new(),
    })
}

/// `8.0.2` as 0x00080002.
fn version_number(version: &str) -> u32 {
    version.split('.').take(3).fold(0, |number, part| number << 8 | part.parse::<u32>().unwrap_or(0))
}

/// The marker and an error with this text, as `{err = text}`.
fn failed(lua: &Lua, text: &str) -> mlua::Result<MultiValue> {
    (FAILED, error_table(lua, text.as_bytes())?).into_lua_multi(lua)
}

/// The text of an error of a command, which was counted when it came.
pub(crate) fn counted_error(table: &Table) -> Option<Vec<u8>> {
    let is_counted = matches!(table.raw_get(IS_COUNTED), Ok(Value::Boolean(true)));
    match table.raw_get("err") {
        Ok(Value::String(text)) if is_counted => Some(text.as_bytes().to_vec()),
        _ => None,
    }
}

fn error_table(lua: &Lua, text: &[u8]) -> mlua::Result<Table> {
    let table = lua.create_table_with_capacity(0, 2)?;
    table.raw_set("err", lua.create_string(text)?)?;
    table.raw_set(IS_COUNTED, true)?;
    Ok(table)
}

/// redis.error_reply(), redis.status_reply(), redis.sha1hex().
fn add_replies(lua: &Lua, redis: &Table) -> mlua::Result<()> {
    const WRONG: &[u8] = b"ERR wrong number or type of arguments";
    let only_text = |args: &MultiValue| match args.iter().collect::<Vec<_>>()[..] {
        [Value::String(text)] => Some(text.clone()),
        _ => None,
    };
    redis.raw_set(
        "error_reply",
        lua.create_function(move |lua, args: MultiValue| match only_text(&args) {
            Some(text) => field(lua, "err", &with_code(&text.as_bytes())),
            None => field(lua, "err", WRONG),
        })?,
    )?;
    redis.raw_set(
        "status_reply",
        lua.create_function(move |lua, args: MultiValue| match only_text(&args) {
            Some(text) => field(lua, "ok", &text.as_bytes()),
            None => field(lua, "err", WRONG),
        })?,
    )?;
    let digest = |lua: &Lua, args: MultiValue| {
        let [value] = &args.iter().collect::<Vec<_>>()[..] else {
            return failed(lua, "ERR wrong number of arguments");
        };
        // What is neither a string nor a number counts as nothing.
        let text = lua.coerce_string((*value).clone()).ok().flatten();
        let sha = text.map_or_else(|| Sha::of(b""), |text| Sha::of(&text.as_bytes()));
        sha.to_string().into_lua_multi(lua)
    };
    redis.raw_set("sha1hex", lua.create_function(digest)?)
}

fn field(lua: &Lua, name: &str, text: &[u8]) -> mlua::Result<Table> {
    let table = lua.create_table_with_capacity(0, 1)?;
    table.raw_set(name, lua.create_string(text)?)?;
    Ok(table)
}

/// An error's text with a code before it: its own first word, or ERR if it has only one. What follows the code is rid of line ends around it.
fn with_code(text: &[u8]) -> Vec<u8> {
    let text = of_c(text);
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let (code, mut rest) = match text.iter().position(|byte| *byte == b' ') {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (&b"ERR"[..], text),
    };
    while let [b'\r' | b'\n', inner @ ..] | [inner @ .., b'\r' | b'\n'] = rest {
        rest = inner;
    }
    [code, b" ", rest].concat()
}

/// redis.setresp(), redis.set_repl(), redis.replicate_commands(), and what belongs to a debugger.
fn add_settings(lua: &Lua, redis: &Table, run: &Shared, kind: StateKind) -> mlua::Result<()> {
    let run = Rc::clone(run);
    let setresp = lua.create_function(move |lua, args: MultiValue| {
        let [value] = &args.iter().collect::<Vec<_>>()[..] else {
            return failed(lua, "ERR redis.setresp() requires one argument.");
        };
        match lua.coerce_integer((*value).clone())? {
            Some(version @ (2 | 3)) => {
                run.borrow_mut().is_resp3 = version == 3;
                ().into_lua_multi(lua)
            }
            _ => failed(lua, "ERR RESP version must be 2 or 3."),
        }
    })?;
    redis.raw_set("setresp", setresp)?;
    for (name, value) in [("NONE", 0), ("AOF", 1), ("SLAVE", 2), ("REPLICA", 2), ("ALL", 3)] {
        redis.raw_set(format!("REPL_{name}"), value)?;
    }
    let set_repl = lua.create_function(|lua, args: MultiValue| {
        let [value] = &args.iter().collect::<Vec<_>>()[..] else {
            return failed(lua, "ERR redis.set_repl() requires one argument.");
        };
        // As in C: what is no number counts as 0, and a fraction is cut off.
        let number = lua.coerce_number((*value).clone())?.unwrap_or(0.0);
        match number.trunc() {
            3.0 => ().into_lua_multi(lua),
            // What is in memory and not in the log would be lost: no such script is worth that.
            0.0 | 1.0 | 2.0 => {
                failed(lua, "ERR redis.set_repl() can only choose REPL_ALL: effects are always recorded.")
            }
            _ => failed(
                lua,
                "ERR Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.",
            ),
        }
    })?;
    redis.raw_set("set_repl", set_repl)?;
    if kind == StateKind::Functions {
        return Ok(());
    }
    redis.raw_set("replicate_commands", lua.create_function(|_, _: MultiValue| Ok(true))?)?;
    for name in ["breakpoint", "debug"] {
        let refuse = move |lua: &Lua, _: MultiValue| {
            failed(lua, &format!("ERR redis.{name}() is not available: there is no debugger of scripts."))
        };
        redis.raw_set(name, lua.create_function(refuse)?)?;
    }
    Ok(())
}

/// redis.log().
fn add_log(lua: &Lua, redis: &Table, run: &Shared) -> mlua::Result<()> {
    const LEVELS: [(&str, LogLevel); 4] = [
        ("DEBUG", LogLevel::Debug),
        ("VERBOSE", LogLevel::Verbose),
        ("NOTICE", LogLevel::Notice),
        ("WARNING", LogLevel::Warning),
    ];
    for (number, (name, _)) in LEVELS.iter().enumerate() {
        redis.raw_set(format!("LOG_{name}"), number)?;
    }
    let host = std::sync::Arc::clone(run.borrow().host());
    let log = lua.create_function(move |lua, args: MultiValue| {
        let args: Vec<Value> = args.into_iter().collect();
        let [level, pieces @ ..] = &args[..] else {
            return failed(lua, "ERR redis.log() requires two arguments or more.");
        };
        if pieces.is_empty() {
            return failed(lua, "ERR redis.log() requires two arguments or more.");
        }
        if !level.is_number() && !level.is_integer() {
            return failed(lua, "ERR First argument must be a number (log level).");
        }
        let number = lua.coerce_integer(level.clone())?.and_then(|level| usize::try_from(level).ok());
        let Some((_, level)) = number.and_then(|number| LEVELS.get(number)) else {
            return failed(lua, "ERR Invalid log level.");
        };
        let texts = pieces.iter().filter_map(|piece| lua.coerce_string(piece.clone()).ok().flatten());
        let texts: Vec<Vec<u8>> = texts.map(|text| of_c(&text.as_bytes()).to_vec()).collect();
        host.log(*level, &text::of(&texts.join(&b' ')));
        ().into_lua_multi(lua)
    })?;
    redis.raw_set("log", log)
}

/// A function that makes of an error of Rust's its text, or [`AT_END`] if that ends the script.
fn translator(lua: &Lua, run: &Shared) -> mlua::Result<Function> {
    let run = Rc::clone(run);
    lua.create_function(move |lua, problem: Value| match problem {
        Value::Error(_) if run.borrow().end.is_some() => Ok(Value::LightUserData(AT_END)),
        Value::Error(error) => Ok(Value::String(lua.create_string(text::bytes(&error_text(&error)))?)),
        other => Ok(other),
    })
}

/// What Lua's hook does.
pub(crate) fn watch(run: &Shared) -> mlua::Result<VmState> {
    let ended = || mlua::Error::runtime("the script is at its end");
    let (watch, seat) = {
        let mut run = run.borrow_mut();
        (run.watch(), run.seat())
    };
    match watch {
        Watch::GoOn => Ok(VmState::Continue),
        Watch::End => Err(ended()),
        Watch::LoadingTimeout => Err(mlua::Error::runtime("FUNCTION LOAD timeout")),
        Watch::StandAside => {
            stand_aside(seat);
            if run.borrow_mut().watch() == Watch::End { Err(ended()) } else { Ok(VmState::Continue) }
        }
    }
}

/// A function that does what Lua's hook does: whether the script is at its end then. An error of Rust's would cost a walk
/// through the stack at each function that catches it.
fn watcher(lua: &Lua, run: &Shared) -> mlua::Result<Function> {
    let run = Rc::clone(run);
    lua.create_function(move |_, ()| match watch(&run) {
        Err(_) if run.borrow().end.is_some() => Ok(true),
        watched => watched.map(|_| false),
    })
}

/// A function that makes of an error that nobody caught a table: text, chunk and line.
fn explainer(lua: &Lua, run: &Shared) -> mlua::Result<Function> {
    let run = Rc::clone(run);
    lua.create_function(move |lua, problem: Value| {
        let end = run.borrow().end;
        let text = match &problem {
            _ if end == Some(End::Killed) => KILLED.into(),
            _ if end.is_some() => return Ok(Value::LightUserData(AT_END)),
            Value::Error(error) => [b"ERR ", &*text::bytes(&error_text(error))].concat(),
            Value::Table(table) => match table.raw_get("err")? {
                Value::String(text) => {
                    if let Some(text) = counted_error(table) {
                        run.borrow_mut().tally.take_back(&text);
                    }
                    text.as_bytes().to_vec()
                }
                _ => b"ERR unknown error".to_vec(),
            },
            other => {
                let text = lua.coerce_string(other.clone())?;
                let text = text.map_or_else(
                    || other.to_string().unwrap_or_default().into_bytes(),
                    |text| text.as_bytes().to_vec(),
                );
                [&b"ERR "[..], &text].concat()
            }
        };
        let table = lua.create_table()?;
        table.raw_set("err", lua.create_string(text)?)?;
        let (source, line) = position(lua).unwrap_or_default();
        table.raw_set("source", source)?;
        table.raw_set("line", line)?;
        Ok(Value::Table(table))
    })
}

/// The chunks that are no scripts'.
const OWN_CHUNKS: [&str; 3] = ["=api", "=environment", "=functions"];

/// The chunk and the line of the innermost function of a script.
fn position(lua: &Lua) -> Option<(String, usize)> {
    (1..)
        .map_while(|level| {
            lua.inspect_stack(level, |frame| {
                let line = frame.current_line()?;
                let source = frame.source().source?.into_owned();
                (!OWN_CHUNKS.contains(&source.as_str())).then_some((source, line))
            })
        })
        .flatten()
        .next()
}
