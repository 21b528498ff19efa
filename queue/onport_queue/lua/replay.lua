-- replay: dead letters become pending again, after the live work of their lane, with fresh attempts.
--
-- ARGV  job keys (at most 500)
-- Reply {how many were dead and are no longer, lanes to wake}

clock()
local replayed = 0
for _, key in ipairs(ARGV) do
  if redis.call('ZREM', DEAD, key) == 1 then
    local job = load(JOBS, key)
    redis.call('HDEL', TRIES, key)
    job[PLACE] = REPLAYED + new_place()
    save(JOBS, key, job)
    enter(key, job)
    replayed = replayed + 1
  end
end
return { replayed, woken_lanes() }
