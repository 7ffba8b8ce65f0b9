-- The `redis` table, and the functions that see errors.
--
-- `native` holds functions of Rust. Those that fail return the marker and what to raise: what Rust raises itself would be
-- userdata to a script. A script that is at its end raises the marker itself, which no function of the script's may
-- catch.
local native = ...
local END = native.at_end
local FAILED = native.failed
local error, rawget, select, type = error, rawget, select, type
local pcall, xpcall = pcall, xpcall
local resume = coroutine.resume
local is_ended_now, translate = native.is_ended_now, native.translate
local with_many = native.with_many

-- Calls with more arguments are given to Rust as a table: there is not room for so many values on Lua's stack twice.
local MANY = 1000

local function finish(first, ...)
  if first == FAILED then
    error((...), 0)
  end
  return first, ...
end

local function raising(raw)
  return function(...)
    return finish(raw(...))
  end
end

-- A function that runs a command: it returns the reply, or nil and what to raise.
local function calling(raw, many)
  return function(...)
    local count = select("#", ...)
    local reply, problem
    if count > MANY then
      reply, problem = many(count, { ... })
    else
      reply, problem = raw(...)
    end
    if problem ~= nil then
      error(problem, 0)
    end
    return reply
  end
end

redis = {}
for name, value in pairs(native.redis) do
  if with_many[name] then
    value = calling(value, with_many[name])
  elseif type(value) == "function" then
    value = raising(value)
  end
  redis[name] = value
end

-- Scripts written for Valkey.
server = {}
for _, names in ipairs { redis, native.server } do
  for name, value in pairs(names) do
    server[name] = value
  end
end

-- Lua's hook looks at the clock. Where the stack is nearly full it has no room, and raises an error that a script can catch,
-- for ever. So one in so many errors that are caught looks at the clock, too. Where there is no room for that either, what
-- it raises goes out to the next function that catches errors, which looks again.
local CAUGHT_UNSEEN_MAX = 64
local caught_unseen = 0

-- What a script may see of an error. Goes on raising what no script may catch.
local function caught(problem)
  if problem == END then
    error(END, 0)
  end
  caught_unseen = caught_unseen + 1
  if caught_unseen > CAUGHT_UNSEEN_MAX then
    if is_ended_now() then
      error(END, 0)
    end
    caught_unseen = 0
  end
  if type(problem) ~= "string" then
    problem = translate(problem)
    if problem == END then
      error(END, 0)
    end
  end
  return problem
end

local function unless_ended(ok, ...)
  if ok then
    return ok, ...
  end
  return ok, caught((...))
end

-- As in Redis, pcall gives the text of the errors that redis.call() raises, which are tables.
local function with_text(ok, ...)
  if ok then
    return ok, ...
  end
  local problem = caught((...))
  if type(problem) == "table" then
    local text = rawget(problem, "err")
    if type(text) == "string" then
      return ok, text
    end
  end
  return ok, problem
end

function _G.pcall(...)
  return with_text(pcall(...))
end

function _G.xpcall(...)
  local handler = select(2, ...)
  return unless_ended(xpcall((...), function(problem)
    problem = translate(problem)
    if problem == END then
      return END
    end
    return handler(problem)
  end))
end

coroutine.resume = function(...)
  return unless_ended(resume(...))
end

local explain = native.explain

-- The functions that Rust knows by their numbers.
local bodies = {}

-- Runs a script, or a function with its keys and arguments: whether it came to its end, and what it returned or, as a
-- table, what it raised.
local function protect(number, keys, args)
  local body = bodies[number]
  if keys == nil then
    return xpcall(body, explain)
  end
  return xpcall(function()
    return body(keys, args)
  end, explain)
end

local globals = native.globals

local function split_first(key, ...)
  return { key }, { ... }
end

-- The keys and the other arguments of a script, as tables.
local function split(count, ...)
  if count == 0 then
    return {}, { ... }
  elseif count == 1 then
    return split_first(...)
  end
  local keys, args = { ... }, {}
  for at = count + 1, #keys do
    args[at - count], keys[at] = keys[at], nil
  end
  return keys, args
end

-- Runs a script that is given so many keys, and other arguments, as globals.
local function protect_with(number, count, ...)
  globals.KEYS, globals.ARGV = split(count, ...)
  return xpcall(bodies[number], explain)
end

return protect, protect_with, raising, bodies
