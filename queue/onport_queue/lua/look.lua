-- look: promote due and expired work, and say which lanes have work that may be claimed.
--
-- ARGV  shortest time between two looks in ms, who looks ('' = nobody to be noted), then the lanes to look at
-- Reply the lanes with claimable work. A lane that another worker has looked at just now is left out.

local WORKER_FORGOTTEN = 60000

local now = clock()
if ARGV[2] ~= '' then
  redis.call('ZADD', WORKERS, string.format('%.0f', now), ARGV[2])
  redis.call('ZREMRANGEBYSCORE', WORKERS, '-inf', string.format('%.0f', now - WORKER_FORGOTTEN))
end

local lanes, paused = {}, nil
for index = 3, #ARGV do
  local lane = ARGV[index]
  local looked = redis.call('HGET', META, 'looked:' .. lane)
  if not looked or now - looked >= tonumber(ARGV[1]) then
    redis.call('HSET', META, 'looked:' .. lane, string.format('%.3f', now))
    if not paused then
      promote(now)
      paused = pauses_at(now)
    end
    if not paused['account'] and next_stream(lane, paused) then lanes[#lanes + 1] = lane end
  end
end
return lanes
