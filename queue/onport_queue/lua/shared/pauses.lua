-- Pauses: <scope>|<cause> -> {until (ms, 0: until resumed), since, reason, ...}.
--
-- Scopes: account, lane:<lane>, channel:<channel>, endpoint:<channel>:<kind>.
-- Causes: operator, throttled (429), outage (the breaker), refused (by its answers; see refusals.lua).
-- Each cause has a pause of its own: none shortens or ends another's.

-- What a job's age leaves out: ms that each scope has been paused for, in all.
local function end_pause(pause, now)
  redis.call('HDEL', PAUSES, pause.scope .. '|' .. pause.cause)
  local ended = pause['until'] > 0 and math.min(pause['until'], now) or now
  redis.call('HINCRBY', PAUSED, pause.scope, whole(math.max(0, ended - pause.since)))
end

local function pauses_at(now)
  local standing, fields = {}, redis.call('HGETALL', PAUSES)
  for index = 1, #fields, 2 do
    local pause = cjson.decode(fields[index + 1])
    pause.scope, pause.cause = string.match(fields[index], '^(.*)|(%l+)$')
    if pause['until'] ~= 0 and pause['until'] <= now then
      end_pause(pause, now)
    else
      standing[#standing + 1] = pause
    end
  end
  return standing
end

local function save_pause(scope, cause, pause)
  redis.call('HSET', PAUSES, scope .. '|' .. cause, cjson.encode(pause))
end

-- Begin a pause, or give the one that stands another end; 0 is until resumed.
local function pause(scope, cause, until_ms, reason, now)
  local standing = redis.call('HGET', PAUSES, scope .. '|' .. cause)
  local since = standing and cjson.decode(standing).since or math.floor(now)
  save_pause(scope, cause, { ['until'] = math.ceil(until_ms), reason = reason, since = since })
end

local function endpoint_of(stream) return 'endpoint:' .. channel_of(stream) .. ':' .. kind_of(stream) end

-- The scopes that are stopped for every worker, and the account's among them.
local function stops(standing)
  local stopped = {}
  for _, pause in ipairs(standing) do
    if pause.cause ~= 'refused' then stopped[pause.scope] = true end
  end
  return stopped
end

local function stopped_by(stopped, stream)
  return stopped['lane:' .. lane_of(stream)] or stopped['channel:' .. channel_of(stream)] or stopped[endpoint_of(stream)]
end

local PROBE_AWAITED = 1000 -- ms: how often to ask what became of a probe

-- Ms until something that stands in the way may end by itself, or -1.
local function soonest_end(standing, now)
  local soonest
  for _, pause in ipairs(standing) do
    local ends = pause.cause == 'refused' and pause.probe_at or pause['until']
    if is_held(pause.probe, now) then ends = now + PROBE_AWAITED end
    if ends > 0 then soonest = math.min(soonest or math.huge, ends) end
  end
  return soonest and math.max(1, math.ceil(soonest - now)) or -1
end

-- For how long, in all, what is in the way of a stream has been paused.
local function paused_for(stream, standing, now)
  local scopes = { 'account', 'lane:' .. lane_of(stream), 'channel:' .. channel_of(stream), endpoint_of(stream) }
  local sum = 0
  for index, ms in ipairs(redis.call('HMGET', PAUSED, unpack(scopes))) do
    sum = sum + tonumber(ms or 0)
    for _, pause in ipairs(standing) do
      if pause.scope == scopes[index] then sum = sum + math.max(0, now - pause.since) end
    end
  end
  return sum
end
