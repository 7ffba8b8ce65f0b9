-- Makes LuaJIT's libraries those of Redis's Lua 5.1, and freezes them.
--
-- Called once per state with the functions written in Rust. It runs before any script and keeps what it needs in locals,
-- so nothing a script does can reach it. Wrappers end in tail calls: they leave no frame, so that an error raised by
-- the function behind them carries the position of the script's call and the name the script called it by.
local native = ...
local globals = _G
local collectgarbage, error, getmetatable, ipairs, next, pairs = collectgarbage, error, getmetatable, ipairs, next, pairs
local rawget, rawset, select, setmetatable, tostring, type = rawget, rawset, select, setmetatable, tostring, type
local load, tonumber, unpack, xpcall = load, tonumber, unpack, xpcall
local concat, insert, foreach = table.concat, table.insert, table.foreach
local find, format, gmatch = string.find, string.format, string.gmatch
local log, gsub, rep, sort, tohex = math.log, string.gsub, string.rep, table.sort, bit.tohex
local create, resume, running, wrap = coroutine.create, coroutine.resume, coroutine.running, coroutine.wrap
local FAILED = native.failed
local READONLY = "Attempt to modify a readonly table"

-- A frozen table -> the table that holds its fields. Scripts only ever see the frozen one, which stays empty: so every
-- assignment meets __newindex and every read falls through to the fields, without leaving the interpreter.
local fields_of = {}

-- A table with a metatable -> what getmetatable shows of it instead.
local shown_metatable = {}

local function refuse_assignment()
  error(READONLY, 2)
end

local function freeze(fields)
  local frozen = {}
  fields_of[frozen] = fields
  return setmetatable(frozen, { __index = fields, __newindex = refuse_assignment, __metatable = false })
end

-- Functions of Rust return FAILED and the text, position included, instead of raising: what Rust raises would reach
-- pcall as userdata, not as a string.
local function finish(first, ...)
  if first == FAILED then
    error((...), 0)
  end
  return first, ...
end

local function guard(raw)
  return function(...)
    return finish(raw(...))
  end
end

local function guard_all(raws)
  local guarded = {}
  for name, value in pairs(raws) do
    guarded[name] = type(value) == "function" and guard(value) or value
  end
  return guarded
end

-- Leaves of `library` the named members only.
local function keep(library, names)
  local kept = {}
  for name in names:gmatch("%S+") do
    kept[name] = true
  end
  for name in pairs(library) do
    if not kept[name] then
      library[name] = nil
    end
  end
end

local function expected(n, name, wanted, ...)
  local got = select("#", ...) == 0 and "no value" or type((...))
  error("bad argument #" .. n .. " to '" .. name .. "' (" .. wanted .. " expected, got " .. got .. ")", 3)
end

-- Base library ---------------------------------------------------------------------------------------------------

globals.next = function(...)
  local fields = fields_of[(...)]
  if fields then
    return next(fields, (select(2, ...)))
  end
  return next(...)
end

globals.pairs = function(...)
  local frozen = (...)
  if fields_of[frozen] then
    return globals.next, frozen, nil
  end
  return pairs(...)
end

globals.rawget = function(...)
  local fields = fields_of[(...)]
  if fields then
    return rawget(fields, (select(2, ...)))
  end
  return rawget(...)
end

globals.rawset = function(...)
  if fields_of[(...)] then
    error(READONLY, 0)
  end
  return rawset(...)
end

globals.getmetatable = function(...)
  local object = (...)
  if fields_of[object] then
    return shown_metatable[object]
  elseif type(object) == "string" then
    return shown_metatable.string
  end
  return getmetatable(...)
end

globals.setmetatable = function(...)
  if fields_of[(...)] then
    error(READONLY, 0)
  end
  return setmetatable(...)
end

-- Lua 5.1 passes no arguments on.
globals.xpcall = function(...)
  if select("#", ...) > 2 then
    return xpcall((...), (select(2, ...)))
  end
  return xpcall(...)
end

-- LuaJIT's own has no room for a few of the 7999 values that Lua 5.1 gives.
globals.unpack = function(...)
  local list, first, last = ...
  if type(list) == "table" then
    first, last = first or 1, last or #list
    if type(first) == "number" and type(last) == "number" and last - first > 7980 and last - first < 7999 then
      local second, third, fourth, fifth = rawget(list, first + 1), rawget(list, first + 2), rawget(list, first + 3), rawget(list, first + 4)
      return rawget(list, first), second, third, fourth, fifth, unpack(list, first + 5, last)
    end
  end
  return unpack(...)
end

-- LuaJIT reads binary numbers, too.
globals.tonumber = function(...)
  local value, base = ...
  if type(value) == "string" and (base == nil or base == 10) and find(value, "^%s*[-+]?0[bB]") then
    return nil
  end
  return tonumber(...)
end

local function compile(source, name)
  local text, foreign, shown = finish(native.translate(source, name))
  if not text then
    return nil, foreign
  end
  local loaded, problem = load(text, shown, "t")
  if loaded then
    return loaded
  end
  return nil, finish(native.reword(problem, foreign))
end

globals.loadstring = function(...)
  local source, name = ...
  if type(source) == "number" then
    source = tostring(source)
  elseif type(source) ~= "string" then
    expected(1, "loadstring", "string", ...)
  end
  if name == nil then
    name = source
  elseif type(name) == "number" then
    name = tostring(name)
  elseif type(name) ~= "string" then
    expected(2, "loadstring", "string", name)
  end
  return compile(source, name)
end

local function pass(problem)
  return problem
end

local function read_all(reader)
  local pieces, count = {}, 0
  while true do
    local piece = reader()
    if piece == nil or piece == "" then
      return concat(pieces)
    elseif type(piece) ~= "string" and type(piece) ~= "number" then
      error("reader function must return a string", 0)
    end
    count = count + 1
    pieces[count] = piece
  end
end

globals.load = function(...)
  local reader, name = ...
  if type(reader) ~= "function" then
    expected(1, "load", "function", ...)
  end
  if name == nil then
    name = "=(load)"
  elseif type(name) == "number" then
    name = tostring(name)
  elseif type(name) ~= "string" then
    expected(2, "load", "string", name)
  end
  -- The one that scripts see: it goes on raising what no script may catch.
  local ok, source = globals.xpcall(function()
    return read_all(reader)
  end, pass)
  if not ok then
    return nil, source
  end
  return compile(source, name)
end

-- A script must not be able to stop the collector for the scripts after it; the tuning calls report what was set.
local tuning = { setpause = 200, setstepmul = 200 }

globals.collectgarbage = function(...)
  local what, value = ...
  if what == "stop" or what == "restart" then
    return 0
  elseif tuning[what] and (value == nil or type(value) == "number") then
    local before = tuning[what]
    tuning[what] = value or 0
    return before
  end
  return collectgarbage(...)
end

globals._G = globals

-- Libraries ------------------------------------------------------------------------------------------------------

table.insert = function(...)
  if fields_of[(...)] then
    error(READONLY, 0)
  end
  return insert(...)
end

table.foreach = function(...)
  local fields = fields_of[(...)]
  if fields then
    return foreach(fields, (select(2, ...)))
  end
  return foreach(...)
end

table.setn = function(...)
  if type((...)) ~= "table" then
    expected(1, "setn", "table", ...)
  end
  error("'setn' is obsolete", 2)
end

-- Lua 5.1's logarithm takes no base, and its rep no separator.
math.log = function(...)
  if select("#", ...) > 1 then
    return log((...))
  end
  return log(...)
end

string.rep = function(...)
  if select("#", ...) > 2 then
    return rep((...), (select(2, ...)))
  end
  return rep(...)
end

-- LuaJIT writes as many digits as asked for; there are eight.
bit.tohex = function(...)
  local digits = tonumber((select(2, ...)))
  if digits and (digits > 8 or digits < -8) then
    return tohex((...), digits > 0 and 8 or -8)
  end
  return tohex(...)
end

-- A coroutine runs on the stack of the thread that resumes it, and so do the functions that gsub and sort call. LuaJIT
-- does not guard that stack. So coroutines nest as deep as Lua 5.1 lets them, and calls of gsub and sort less deep (one
-- of gsub takes 8 KiB). Nothing runs when such a call is left by an error, so `calls` only grows, until it reaches
-- the limit and the calls are counted.
local NESTING_MAX, CALLS_MAX, CALLS_TRUSTED = 200, 60, 30
local calls = 0
local nesting_of = setmetatable({}, { __mode = "k" })
local calls_below = setmetatable({}, { __mode = "k" })

local function count_calls()
  calls = native.count_calls(gsub, sort) + (calls_below[running() or 0] or 0)
end

local function enter_call()
  calls = calls + 1
  if calls > CALLS_MAX then
    count_calls()
    if calls >= CALLS_MAX then
      error("C stack overflow", 3)
    end
  end
end

string.gsub = function(...)
  local _, _, replacement = ...
  local kind = type(replacement)
  if kind == "function" or kind == "table" then
    enter_call()
  end
  return gsub(...)
end

table.sort = function(...)
  enter_call()
  return sort(...)
end

local function resume_nested(...)
  local thread = (...)
  if type(thread) == "thread" then
    local nesting = (nesting_of[running() or 0] or 0) + 1
    if nesting > NESTING_MAX then
      return false, "C stack overflow"
    end
    if calls > CALLS_TRUSTED then
      count_calls()
    end
    nesting_of[thread], calls_below[thread] = nesting, calls
  end
  return resume(...)
end

coroutine.resume = resume_nested

local function raise_or_return(ok, first, ...)
  if ok then
    return first, ...
  end
  error(first, 2)
end

coroutine.wrap = function(...)
  if type((...)) ~= "function" then
    return wrap(...)
  end
  local thread = create((...))
  return function(...)
    return raise_or_return(resume_nested(thread, ...))
  end
end

-- Lua 5.1 formats strings and numbers only. LuaJIT would call __tostring, on the stack that nothing guards.
local function check_formatted(format_text, ...)
  local position = 0
  for directive in gmatch(format_text, "%%[^%a%%]*([%a%%])") do
    if directive ~= "%" then
      position = position + 1
      local value = (select(position, ...))
      local kind = type(value)
      if (directive == "s" or directive == "q") and position <= select("#", ...) and kind ~= "string" and kind ~= "number" then
        error("bad argument #" .. position + 1 .. " to 'format' (string expected, got " .. kind .. ")", 3)
      end
    end
  end
end

string.format = function(...)
  local format_text = (...)
  for position = 2, select("#", ...) do
    local kind = type((select(position, ...)))
    if kind ~= "string" and kind ~= "number" then
      if type(format_text) == "number" or type(format_text) == "string" then
        check_formatted(...)
      end
      return format(...)
    end
  end
  return format(...)
end

string.gfind = string.gmatch
math.mod = math.fmod
math.random = guard(native.random.random)
math.randomseed = guard(native.random.randomseed)

globals.struct = guard_all(native.struct)
globals.cmsgpack = guard_all(native.cmsgpack)
local pack, refuse_many = native.cmsgpack.pack, native.cmsgpack.refuse_many
globals.cmsgpack.refuse_many = nil
globals.cmsgpack.pack = function(...)
  if select("#", ...) > 4000 then
    return finish(refuse_many())
  end
  return finish(pack(...))
end

-- cjson.new makes a library with settings of its own.
local new_cjson
function new_cjson()
  local cjson = guard_all(native.cjson())
  cjson.new = new_cjson
  return cjson
end
globals.cjson = new_cjson()

keep(globals, [[ _G _VERSION assert bit cjson cmsgpack collectgarbage coroutine error gcinfo getmetatable ipairs load loadstring math next
  os pairs pcall rawequal rawget rawset select setmetatable string struct table tonumber
  tostring type unpack xpcall ]])
keep(bit, "arshift band bnot bor bswap bxor lshift rol ror rshift tobit tohex")
keep(coroutine, "create resume running status wrap yield")
keep(math, [[ abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min mod modf pi pow
  rad random randomseed sin sinh sqrt tan tanh ]])
keep(os, "clock")
keep(string, "byte char dump find format gfind gmatch gsub len lower match rep reverse sub upper")
keep(table, "concat foreach foreachi getn insert maxn remove setn sort")

local entry = {}

-- Replaces every table among the globals by a frozen one, the globals themselves last; returns the frozen globals.
function entry.freeze()
  local done = {}
  for name, value in pairs(globals) do
    if type(value) == "table" and value ~= globals and not fields_of[value] then
      done[value] = done[value] or freeze(value)
      globals[name] = done[value]
    end
  end
  local frozen = freeze(globals)
  globals._G = frozen
  local function refuse_missing(_, name)
    if type(name) ~= "string" and type(name) ~= "number" then
      error("Second argument to luaProtectedTableError must be a string or number", 2)
    end
    error("Script attempted to access nonexistent global variable '" .. name .. "'", 2)
  end
  setmetatable(globals, { __index = refuse_missing, __metatable = false })
  shown_metatable[frozen] = freeze({ __index = refuse_missing })
  shown_metatable.string = freeze({ __index = globals.string })
  return frozen
end

return entry
