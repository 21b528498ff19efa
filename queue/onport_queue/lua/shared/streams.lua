-- Streams: the pending jobs of one (lane, channel, kind), and the turns they take.

local woken -- lanes in which a stream got its first pending job during this call

-- Places from here on are those of replayed jobs: after live work of their lane, whenever that came.
local REPLAYED = 2 ^ 52

local function stream_of(key, job)
  local family, channel = string.match(key, '^(%l+):([^:]+):')
  return job[LANE] .. ':' .. channel .. ':' .. (KIND_OF_TAG[job[FRAGMENTS][1][TAG]] or family)
end

local function lane_of(stream) return string.match(stream, '^(%l+):') end
local function channel_of(stream) return string.match(stream, '^%l+:([^:]+):') end
local function kind_of(stream) return string.match(stream, ':(%l+)$') end
local function pending(stream) return name('pending:' .. stream) end
local function turns(lane) return name('turns:' .. lane) end

local function any_pending() return redis.call('EXISTS', turns('high'), turns('low')) > 0 end

-- A stream that has got pending work takes part in its lane's turns, after those that wait already.
local function take_turns(stream)
  local lane = lane_of(stream)
  if redis.call('ZADD', turns(lane), 'NX', redis.call('HGET', META, 'turn') or '0', stream) == 1 then woken[lane] = true end
end

-- Into its stream, at its place: a job that comes back stands where it stood.
local function enter(key, job)
  local stream = stream_of(key, job)
  redis.call('ZADD', pending(stream), whole(job[PLACE]), key)
  take_turns(stream)
end

local function new_place() return redis.call('HINCRBY', META, 'seq', 1) end

local function leave_turns_if_empty(stream)
  if redis.call('EXISTS', pending(stream)) == 0 then redis.call('ZREM', turns(lane_of(stream)), stream) end
end

local function leave(stream, key)
  redis.call('ZREM', pending(stream), key)
  leave_turns_if_empty(stream)
end

local function woken_lanes()
  local lanes = {}
  for lane in pairs(woken) do lanes[#lanes + 1] = lane end
  return lanes
end

-- The stream of a lane whose turn it is, of those that are open(stream), or nil. One with nothing but replayed jobs
-- comes after all others.
local function next_stream(lane, open)
  local replayed
  for _, stream in ipairs(redis.call('ZRANGE', turns(lane), 0, -1)) do
    if open(stream) then
      local place = tonumber(redis.call('ZRANGE', pending(stream), 0, 0, 'WITHSCORES')[2])
      if place < REPLAYED then return stream end
      replayed = replayed or stream
    end
  end
  return replayed
end
