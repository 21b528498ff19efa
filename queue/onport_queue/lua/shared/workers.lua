-- Workers: who looks for work, and when each did so last: by the queue's clock, and by Redis's time of day, since that of
-- the queue stands still while nobody calls, and then nobody looks either.

local WORKER_ALIVE = 5000
-- One that ended without taking leave was killed: an operator wants to know for a while.
local WORKER_FORGOTTEN = 3600000

-- What a worker says of itself, and by how many ms its clock is ahead of Redis's.
local function note_worker(worker, about, its_wall, now, wall)
  redis.call('ZADD', WORKERS, whole(now), worker)
  redis.call('HSET', CREW, worker, string.format('%.0f %.0f %s', its_wall - wall, wall, about))
  local forgotten = redis.call('ZRANGE', WORKERS, '-inf', whole(now - WORKER_FORGOTTEN), 'BYSCORE', 'LIMIT', 0, PROMOTIONS)
  if #forgotten > 0 then
    redis.call('ZREM', WORKERS, unpack(forgotten))
    redis.call('HDEL', CREW, unpack(forgotten))
  end
end

local function forget_worker(worker)
  redis.call('HDEL', CREW, worker)
  return redis.call('ZREM', WORKERS, worker)
end

-- Names of those that look, and what is known of each, also of those that have stopped looking.
local function workers_at(now, wall)
  local alive, crew = {}, {}
  local looked = redis.call('ZRANGE', WORKERS, 0, -1, 'WITHSCORES')
  for index = 1, #looked, 2 do
    local skew, looked_wall, about = string.match(redis.call('HGET', CREW, looked[index]) or '', '^(%S+) (%S+) (.*)$')
    local ago = math.floor(math.max(0, now - tonumber(looked[index + 1]), wall - tonumber(looked_wall or wall)))
    if ago <= WORKER_ALIVE then alive[#alive + 1] = looked[index] end
    crew[#crew + 1] = {
      name = looked[index], looked_ms = ago, is_alive = ago <= WORKER_ALIVE, skew_ms = tonumber(skew or 0), about = about,
    }
  end
  return alive, crew
end
