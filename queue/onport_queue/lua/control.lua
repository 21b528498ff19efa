-- control: pause, resume and rate, effective with the next claim of any worker.
--
-- ARGV  'pause', scope, ms (0: until resumed), reason
--       'resume', scope ('' = all)
--       'rate', requests/s ('' = back to the configured ceiling)
-- Reply the number of pauses or rates changed.
-- Scopes: account, lane:<lane>, channel:<channel>, stream:<lane>:<channel>:<kind>.

local now = clock()
if ARGV[1] == 'pause' then
  local term = tonumber(ARGV[3])
  pause(ARGV[2], term > 0 and now + term or 0, ARGV[4], now)
  return 1
elseif ARGV[1] == 'resume' then
  if ARGV[2] ~= '' then return redis.call('HDEL', PAUSES, ARGV[2]) end
  local lifted = redis.call('HLEN', PAUSES)
  redis.call('DEL', PAUSES)
  return lifted
elseif ARGV[1] == 'rate' then
  if ARGV[2] == '' then return redis.call('HDEL', GATE, 'rate') end
  redis.call('HSET', GATE, 'rate', ARGV[2])
  return 1
end
return redis.error_reply('control knows pause, resume and rate, not ' .. ARGV[1])
