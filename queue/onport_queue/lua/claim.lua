-- claim: the gate, the choice of lane and stream, and the taking of a batch, in one step.
--
-- ARGV  lane asked for (high|low: low takes high work first), ceiling (requests/s), burst (requests),
--       low lane's floor: one token in this many (0: none), most items and most bytes of a batch,
--       lease id, lease term in ms
-- Reply {'granted', stream, more work in the lane (0|1), items}, item: {key, attempts, ms since the first attempt,
--          ms since the put, {tag, link id, body, tag, link id, body, ...}}
--       {'wait', microseconds until the next token}
--       {'paused', ms until the first pause in the way ends (-1: until resumed)}
--       {'empty'}

local lane, ceiling, burst, floor = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local most_items, most_bytes = tonumber(ARGV[5]), tonumber(ARGV[6])
local lease, term = ARGV[7], tonumber(ARGV[8])
local RECORDS_AT_A_TIME = 10
local ATTENDED_INTERVALS, ATTENDED_AT_MOST = 3, 1000 -- ms

local now = clock()
promote(now)

-- What a worker needs of a job to send it, and its size.
local function item_of(key, job, tries, kind)
  local fragments, size = {}, 0
  for _, fragment in ipairs(job[FRAGMENTS]) do
    if not KIND_OF_TAG[fragment[TAG]] or KIND_OF_TAG[fragment[TAG]] == kind then
      fragments[#fragments + 1] = fragment[TAG]
      fragments[#fragments + 1] = fragment[LINK] or ''
      fragments[#fragments + 1] = fragment[BODY]
      size = size + #fragment[BODY]
    end
  end
  local first_ago = tries.first and math.floor(now - tries.first) or 0
  return { key, tries.attempts, first_ago, math.floor(now - job[PUT_AT]), fragments }, size
end

-- A client repeats a claim whose reply was lost, under the same lease: it is answered the same, whichever of the two
-- comes first, else the lease would hold other jobs than those that are sent.
local granted = load(FLIGHTS, lease)
if granted then
  local items = {}
  for index, key in ipairs(granted.keys) do
    items[index] = item_of(key, load(JOBS, key), load(TRIES, key) or { attempts = 0 }, kind_of(granted.stream))
  end
  return { 'granted', granted.stream, 0, items }
end

local paused = pauses_at(now)
local gate = redis.call('HMGET', GATE, 'tat', 'highs', 'rate')
local highs = tonumber(gate[2] or 0)

local function shortest_pause()
  local ends
  for _, found in pairs(paused) do
    if found['until'] > 0 then ends = math.min(ends or math.huge, found['until']) end
  end
  return ends and math.ceil(ends - now) or -1
end

if paused['account'] then
  local ends = paused['account']['until']
  return { 'paused', ends > 0 and math.ceil(ends - now) or -1 }
end

-- Strict priority, with the low lane's floor: after floor-1 high requests in a row the next token is the low lane's,
-- whoever asks.
local stream
if floor > 0 and highs >= floor - 1 then stream = next_stream('low', paused) end
stream = stream or next_stream('high', paused)
if not stream and lane == 'low' then stream = next_stream('low', paused) end
if not stream then
  local work = redis.call('EXISTS', turns('high')) == 1 or (lane == 'low' and redis.call('EXISTS', turns('low')) == 1)
  if work then return { 'paused', shortest_pause() } end
  return { 'empty' }
end

-- GCRA: `tat` is the theoretical arrival time of the next request. It is never taken to lie further ahead than a full
-- burst, so a lowered rate or a clock that stood still cannot stall the gate.
local interval = 1000 / math.min(tonumber(gate[3] or ceiling), ceiling)
local tat = math.min(math.max(tonumber(gate[1] or 0), now), now + burst * interval)
local wait = tat + interval - burst * interval - now
if wait > 0.0005 then return { 'wait', math.ceil(wait * 1000) } end

local kind = kind_of(stream)
local most = kind == 'sale' and 1 or most_items
local keys, items, bytes, alone = {}, {}, 0, false
local candidates = redis.call('ZRANGE', pending(stream), 0, most - 1)
local records, any_tries = {}, redis.call('EXISTS', TRIES) == 1
for index, key in ipairs(candidates) do
  if not records[index] then -- a few at a time: payloads may be large, and the batch full after the first
    local last = math.min(index + RECORDS_AT_A_TIME - 1, #candidates)
    for offset, record in ipairs(redis.call('HMGET', JOBS, unpack(candidates, index, last))) do
      records[index + offset - 1] = record
    end
  end
  local job = cmsgpack.unpack(records[index])
  local tries = any_tries and load(TRIES, key) or { attempts = 0 }
  local limit = tries.alone and 1 or tries.limit or most
  local item, size = item_of(key, job, tries, kind)
  if #keys > 0 and (#keys >= limit or bytes + size > most_bytes) then break end
  most = math.min(most, limit)
  bytes = bytes + size
  alone = tries.alone or false
  keys[#keys + 1] = key
  items[#items + 1] = item
  if #keys >= most then break end
end

redis.call('ZREMRANGEBYRANK', pending(stream), 0, #keys - 1)
leave_turns_if_empty(stream)
local turn = redis.call('HINCRBY', META, 'turn', 1)
redis.call('ZADD', turns(lane_of(stream)), 'XX', turn, stream)
local held = {}
for _, key in ipairs(keys) do
  held[#held + 1] = key
  held[#held + 1] = lease
end
redis.call('HSET', INFLIGHT, unpack(held))
redis.call('ZADD', LEASES, string.format('%.0f', now + term), lease)
save(FLIGHTS, lease, { stream = stream, keys = keys, alone = alone })
highs = lane_of(stream) == 'high' and math.min(highs + 1, math.max(floor - 1, 0)) or 0
count('requests')

local more = next_stream('high', paused) or (lane == 'low' and next_stream('low', paused))
-- With more work, this drain or one it has called is back at the gate for the next token: see unattended.
local attended = more and now + math.min(ATTENDED_INTERVALS * interval, ATTENDED_AT_MOST) or 0
redis.call('HSET', GATE,
  'tat', string.format('%.3f', tat + interval), 'highs', highs, 'attended:' .. lane, string.format('%.3f', attended))
return { 'granted', stream, more and 1 or 0, items }
