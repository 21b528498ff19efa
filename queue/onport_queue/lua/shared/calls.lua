-- Calls: a script is loaded once and called many times, so what belongs to a call is begun anew here.

local scripts = {} -- by name
local ARGV         -- arguments of the call

local function begin(keys, arguments)
  speak_of(keys[1])
  ARGV, events, woken, fresh, fresh_keys, stored = arguments, {}, {}, {}, {}, {}
  return read_format()
end

local function register(function_name, flags, run)
  redis.register_function({
    function_name = function_name,
    callback = function(keys, arguments) return begin(keys, arguments) or run() end,
    flags = flags,
  })
end
