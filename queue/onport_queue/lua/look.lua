-- look: promote due and expired work, and say which lanes have work that may be claimed.
--
-- ARGV  shortest time between two looks in ms, who looks ('' = nobody to be noted), how many lanes, the lanes,
--       then the fingerprints the worker can send with (see prints_from)
-- Reply the lanes with claimable work. A lane that another worker has looked at just now is left out.

local every, worker, many = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[3])
local prints = prints_from(ARGV, 4 + many)
local WORKER_FORGOTTEN = 60000

local now, wall = clock()
if worker ~= '' then
  redis.call('ZADD', WORKERS, whole(now), worker)
  redis.call('ZREMRANGEBYSCORE', WORKERS, '-inf', whole(now - WORKER_FORGOTTEN))
end

local to_look = {}
for index = 4, 3 + many do
  local looked = redis.call('HGET', META, 'looked:' .. ARGV[index])
  if not looked or now - looked >= every then
    redis.call('HSET', META, 'looked:' .. ARGV[index], string.format('%.3f', now))
    to_look[#to_look + 1] = ARGV[index]
  end
end
if #to_look == 0 then return {} end

for channel, its in pairs(prints) do note_prints(channel, its) end
promote_expired(now)
promote_later(now, wall)
local outage, standing = load_gate().outage, pauses_at(now)
local stopped = stops(standing)
local function is_claimable(stream)
  return not stopped_by(stopped, stream) and print_for(stream, prints, standing, now) ~= nil
end
if may_retry(outage, is_claimable, now) then promote_due(now) end
if stopped['account'] or outage.openings > 0 and is_held(outage.probe, now) then return {} end
local lanes = {}
for _, lane in ipairs(to_look) do
  if next_stream(lane, is_claimable) then lanes[#lanes + 1] = lane end
end
return lanes
