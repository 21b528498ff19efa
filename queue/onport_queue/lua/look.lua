-- look: promote due and expired work, and say which lanes have work that may be claimed.
--
-- ARGV  shortest time between two looks in ms, then the lanes to look at
-- Reply the lanes with claimable work. A lane that another worker has looked at just now is left out.

local now = clock()
local lanes, paused = {}, nil
for index = 2, #ARGV do
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
