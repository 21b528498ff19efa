-- discard: drop dead letters for good; they are counted.
--
-- ARGV  job keys (at most 500)
-- Reply how many were dead and are no longer

clock()
local discarded = 0
for _, key in ipairs(ARGV) do
  if redis.call('ZREM', DEAD, key) == 1 then
    redis.call('HDEL', JOBS, key)
    redis.call('HDEL', TRIES, key)
    discarded = discarded + 1
  end
end
if discarded > 0 then count('discarded', discarded) end
return discarded
