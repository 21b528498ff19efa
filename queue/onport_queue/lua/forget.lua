-- forget: erase one job, and that it was ever delivered; counted as discarded.
--
-- ARGV  job key
-- Reply {state it was in, more (1: call again)}: pending, delayed, dead, in flight (then nothing is changed: it is being
--       sent), or '' if the queue held nothing of it but, perhaps, the version that was delivered

local AT_A_TIME = 500

local now, key = clock(), ARGV[1]
local state = state_of(key)
if state == 'in flight' then return { state, 0 } end

local later = later_of(key, AT_A_TIME)
if #later > 0 then
  drop_later(later)
  count('discarded', #later)
end

if state then
  local tries = load(TRIES, key)
  local split = tries and tries.split and load(SPLITS, tries.split)
  if split then
    leave_split(split, false)
    save_split(tries.split, split, now)
  end
  if state == 'pending' then leave(stream_of(key, load(JOBS, key)), key) end
  redis.call('ZREM', DELAYED, key)
  redis.call('ZREM', DEAD, key)
  redis.call('HDEL', TRIES, key)
  redis.call('HDEL', JOBS, key)
  count('discarded')
end
redis.call('HDEL', name('history'), key)
redis.call('HDEL', name('history:old'), key)
clear_digests({ key })
return { state or (#later > 0 and 'delayed' or ''), #later == AT_A_TIME and 1 or 0 }
