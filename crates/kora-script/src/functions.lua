-- Where the text of libraries runs: it sees little more than redis.register_function() while it is loaded, and all that
-- scripts see when its functions run.
local native = ...
local error, setmetatable, type = error, setmetatable, type
local globals = _G

local function refuse_assignment()
  error("Attempt to modify a readonly table", 2)
end

local function refuse_missing(_, name)
  error("Script attempted to access nonexistent global variable '" .. tostring(name) .. "'", 2)
end

local function frozen(fields)
  setmetatable(fields, { __index = refuse_missing, __metatable = false })
  return setmetatable({}, { __index = fields, __newindex = refuse_assignment, __metatable = false })
end

local redis = { register_function = native.raising(native.register), log = globals.redis.log }
for _, name in ipairs { "LOG_DEBUG", "LOG_VERBOSE", "LOG_NOTICE", "LOG_WARNING", "REDIS_VERSION", "REDIS_VERSION_NUM" } do
  redis[name] = globals.redis[name]
end
local server = { register_function = redis.register_function, log = redis.log }
for _, name in ipairs { "SERVER_NAME", "VALKEY_VERSION", "VALKEY_VERSION_NUM" } do
  server[name] = globals.server[name]
end
for name, value in pairs(redis) do
  server[name] = value
end
local while_loading = frozen { redis = frozen(redis), server = frozen(server) }

local meta = { __index = while_loading, __newindex = refuse_assignment, __metatable = false }

return setmetatable({}, meta), function(is_loading, all)
  meta.__index = is_loading and while_loading or all
end
