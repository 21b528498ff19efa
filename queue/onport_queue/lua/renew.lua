-- renew: give leases a new term.
--
-- ARGV  lease term in ms, then lease ids
-- Reply the ids that were still held, with the new term; the others are gone for good.

local now = clock()
local expiry = whole(now + tonumber(ARGV[1]))
local kept = {}
for index = 2, #ARGV do
  local ends = redis.call('ZSCORE', LEASES, ARGV[index])
  if ends and tonumber(ends) > now then
    redis.call('ZADD', LEASES, expiry, ARGV[index])
    kept[#kept + 1] = ARGV[index]
  end
end
return kept
