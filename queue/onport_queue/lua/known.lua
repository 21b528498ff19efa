-- known: of these jobs, which the relay holds or has delivered. Changes nothing.
--
-- ARGV  job keys, at most 500
-- Reply 1 or 0 per key in order: 1 if it is pending, in flight, delayed or dead, or was delivered within the retention
--       of the history

local delivered, known = remembered_all('history', ARGV), {}
for index, key in ipairs(ARGV) do
  known[index] = (delivered[index] or redis.call('HEXISTS', JOBS, key) == 1) and 1 or 0
end
return known
