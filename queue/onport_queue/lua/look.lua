-- look: promote due and expired work, and say which lanes have work that may be claimed.
--
-- ARGV  shortest time between two looks in ms, who looks ('' = nobody to be noted), what it says of itself (JSON), its
--       time of day in ms ('' = unknown), how many lanes, the lanes, then the fingerprints it can send with (see prints_from)
-- Reply the lanes with claimable work. A lane that another worker has looked at just now is left out, unless that one left
--       work there which it cannot send with the fingerprints it has.

local every, worker, many = tonumber(ARGV[1]), ARGV[2], tonumber(ARGV[5])
local prints = prints_from(ARGV, 6 + many)

local now, wall = clock()
if worker ~= '' then
  note_worker(worker, ARGV[3], tonumber(ARGV[4]) or wall, now, wall)
end

local to_look = {}
for index = 6, 5 + many do
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
local function is_left_to_others(stream)
  return not stopped_by(stopped, stream) and print_for(stream, prints, standing, now) == nil
end
local lanes = {}
for _, lane in ipairs(to_look) do
  if next_stream(lane, is_claimable) then lanes[#lanes + 1] = lane end
  -- Else a worker that could send it, but always looks second, would never find it.
  if next_stream(lane, is_left_to_others) then redis.call('HDEL', META, 'looked:' .. lane) end
end
return lanes
