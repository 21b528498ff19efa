-- alerts: what somebody was told of, and when; several processes tell it once.
--
-- ARGV  'read'
--       'replace', alert, its record as it was read ('' = none), the record from now on ('' = none)
-- Reply {alert, record, ...}; 1 if it was replaced, 0 if somebody else has been faster
--
-- Records, JSON in the hash `alerts`, are the worker's; it alone reads them.

local ALERTS = name('alerts')
if ARGV[1] == 'read' then return redis.call('HGETALL', ALERTS) end
if (redis.call('HGET', ALERTS, ARGV[2]) or '') ~= ARGV[3] then return 0 end
if ARGV[4] == '' then
  redis.call('HDEL', ALERTS, ARGV[2])
else
  redis.call('HSET', ALERTS, ARGV[2], ARGV[4])
end
return 1
