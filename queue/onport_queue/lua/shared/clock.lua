-- The queue's clock, and what lives for a time.

-- Longer silence than this, or time running backwards, is a stepped clock or an outage: the queue's clock stands still
-- over it, so that leases do not expire at once and the gate neither bursts nor stalls.
local LONGEST_SILENCE = 10000
-- The clock's last reading is stored this often: a claim that only waits must not cost a write.
local CLOCK_GRAIN = 250
local LEASES_REFRESHED = 500

-- After a silence every lease gets a fresh term: nobody could renew it, so nobody may lose it.
local function refresh_leases(now)
  for _, lease in ipairs(redis.call('ZRANGE', LEASES, 0, LEASES_REFRESHED - 1)) do
    redis.call('ZADD', LEASES, 'XX', whole(now + load(FLIGHTS, lease).term), lease)
  end
end

-- Ms of Redis time that never jumps, and Redis's time of day in ms.
local function clock()
  local time = redis.call('TIME')
  local wall = time[1] * 1000 + time[2] / 1000
  local last = redis.call('HMGET', META, 'wall', 'now')
  if not last[1] then
    redis.call('HSET', META, 'wall', string.format('%.3f', wall), 'now', string.format('%.3f', wall))
    return wall, wall
  end
  local passed = wall - tonumber(last[1])
  local silent = passed > LONGEST_SILENCE
  local stepped = passed < 0 or silent
  if stepped then passed = 0 end
  local now = tonumber(last[2]) + passed
  if stepped or passed >= CLOCK_GRAIN then
    redis.call('HSET', META, 'wall', string.format('%.3f', wall), 'now', string.format('%.3f', now))
  end
  if silent then refresh_leases(now) end
  return now, wall
end

local function is_held(lease, now)
  local ends = lease and redis.call('ZSCORE', LEASES, lease)
  return ends and tonumber(ends) > now
end

-- Two generations of a growing hash, or of several: the current one is written, both are read, and the older one is
-- dropped when the current one is `retention` ms old. An entry lives between one and two retentions.
local function rotate(what, retention, now, also)
  local since = redis.call('HGET', META, what .. '_since')
  if since and now - since < retention then return end
  for _, hash in ipairs(since and { what, also } or {}) do
    redis.call('UNLINK', name(hash .. ':old'))
    if redis.call('EXISTS', name(hash)) == 1 then redis.call('RENAME', name(hash), name(hash .. ':old')) end
  end
  redis.call('HSET', META, what .. '_since', whole(now))
end

-- One answer per field: its value, or false.
local function remembered_all(what, fields)
  local found = {}
  for _, generation in ipairs({ name(what .. ':old'), name(what) }) do
    if redis.call('EXISTS', generation) == 1 then
      for index, value in ipairs(redis.call('HMGET', generation, unpack(fields))) do
        found[index] = value or found[index]
      end
    end
  end
  return found
end

local function remembered(what, field)
  return redis.call('HGET', name(what), field) or redis.call('HGET', name(what .. ':old'), field)
end
