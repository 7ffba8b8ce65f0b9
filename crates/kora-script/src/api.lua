-- The `redis` table, and the functions that see errors.
--
-- `native` holds functions of Rust. Those that fail return the marker and what to raise: what Rust raises itself would be
-- userdata to a script. A script that is at its end raises the marker itself, which no function of the script's may
-- catch.
local native = ...
local END = native.at_end
local FAILED = native.failed
local error, select, type = error, select, type
local pcall, xpcall = pcall, xpcall
local resume = coroutine.resume
local translate = native.translate

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

redis = {}
for name, value in pairs(native.redis) do
  redis[name] = type(value) == "function" and raising(value) or value
end

-- What a script may see of an error: the text of one of the API's. Goes on raising what no script may catch.
local function caught(problem)
  if type(problem) ~= "string" then
    problem = translate(problem)
    if problem == END then
      error(END, 0)
    end
  end
  return problem
end

local function after(ok, ...)
  if ok then
    return ok, ...
  end
  return ok, caught((...))
end

function _G.pcall(...)
  return after(pcall(...))
end

local function unless_ended(ok, ...)
  if not ok and (...) == END then
    error(END, 0)
  end
  return ok, ...
end

function _G.xpcall(...)
  local handler = select(2, ...)
  return unless_ended(xpcall((...), function(problem)
    if translate(problem) == END then
      return END
    end
    return handler(caught(problem))
  end))
end

coroutine.resume = function(...)
  return after(resume(...))
end

-- Runs a script: whether it came to its end, and what it returned or, as a table, what it raised.
return function(body)
  return xpcall(body, native.explain)
end
