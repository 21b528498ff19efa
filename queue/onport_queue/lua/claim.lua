-- claim: the gate, the choice of lane and stream, and the taking of a batch, in one step.
--
-- ARGV  lane asked for (high|low: low takes high work first), ceiling (requests/s), burst (requests),
--       low lane's floor: one token in this many (0: none), most items and most bytes of a batch,
--       lease id, lease term in ms, then the fingerprints the worker can send with (see prints_from)
-- Reply {'granted', stream, more work in the lane (0|1), fingerprint to send with, items}, item: {key, attempts,
--          ms since the first attempt less pauses, ms since the put, {tag, link id, body, tag, link id, body, ...}}
--       {'wait', microseconds until the next token}
--       {'paused', ms until it may be worth asking again (-1: until resumed)}
--       {'empty'}

local lane, ceiling, burst, floor = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local most_items, most_bytes = tonumber(ARGV[5]), tonumber(ARGV[6])
local lease, term = ARGV[7], tonumber(ARGV[8])
local prints = prints_from(ARGV, 9)
local RECORDS_AT_A_TIME = 10
local ATTENDED_INTERVALS, ATTENDED_AT_MOST = 3, 1000 -- ms

local now, wall = clock()
mark_format()
promote_expired(now)
promote_later(now, wall)
local gate = load_gate()
local standing = pauses_at(now)

-- What a worker needs of a job to send it, and its size.
local function item_of(key, job, tries, stream)
  local kind, fragments, size = kind_of(stream), {}, 0
  for _, fragment in ipairs(job[FRAGMENTS]) do
    if not KIND_OF_TAG[fragment[TAG]] or KIND_OF_TAG[fragment[TAG]] == kind then
      fragments[#fragments + 1] = fragment[TAG]
      fragments[#fragments + 1] = fragment[LINK] or ''
      fragments[#fragments + 1] = fragment[BODY]
      size = size + #fragment[BODY]
    end
  end
  local first_ago = 0
  if tries.first then
    first_ago = math.floor(math.max(0, now - tries.first - (paused_for(stream, standing, now) - tries.held)))
  end
  return { key, tries.attempts, first_ago, math.floor(now - job[PUT_AT]), fragments }, size
end

-- A client repeats a claim whose reply was lost, under the same lease: it is answered the same, whichever of the two
-- comes first, else the lease would hold other jobs than those that are sent.
local granted = load(FLIGHTS, lease)
if granted then
  local items = {}
  for index, key in ipairs(granted.keys) do
    items[index] = item_of(key, load(JOBS, key), load(TRIES, key) or { attempts = 0 }, granted.stream)
  end
  return { 'granted', granted.stream, 0, granted.print, items }
end
-- A copy of a claim that its client gave up may arrive once the repeat was granted, sent and settled: nobody would send
-- what it took.
if redis.call('ZSCORE', SETTLED, lease) then return { 'empty' } end

local stopped = stops(standing)
if stopped['account'] then return { 'paused', soonest_end(standing, now) } end
local is_open = gate.outage.openings > 0
if is_open and is_held(gate.outage.probe, now) then return { 'paused', PROBE_AWAITED } end

local print_of = {} -- stream -> fingerprint to send with
local function is_claimable(stream)
  if stopped_by(stopped, stream) then return false end
  print_of[stream] = print_for(stream, prints, standing, now)
  return print_of[stream] ~= nil
end

-- Strict priority, with the low lane's floor: after floor-1 high requests in a row the next token is the low lane's,
-- whoever asks.
local function choose()
  local low = floor > 0 and gate.highs >= floor - 1 and next_stream('low', is_claimable)
  return low or next_stream('high', is_claimable) or (lane == 'low' and next_stream('low', is_claimable)) or nil
end

if may_retry(gate.outage, is_claimable, now) then promote_due(now) end
local stream = choose()
if not stream then
  local work = redis.call('EXISTS', turns('high')) == 1 or (lane == 'low' and redis.call('EXISTS', turns('low')) == 1)
  if work then return { 'paused', soonest_end(standing, now) } end
  return { 'empty' }
end

-- GCRA: `tat` is the theoretical arrival time of the next request. It never lies further ahead than a full burst: one
-- left from a lower rate, or from a pause that was ended early, must not stall the gate.
ceiling = gate.set or ceiling
local interval = 1000 / allowed_rate(gate, ceiling, now)
local tat = math.min(math.max(gate.tat, now), now + burst * interval)
local wait = tat + interval - burst * interval - now
if wait > 0.0005 then
  if tat < gate.tat then redis.call('HSET', GATE, 'tat', string.format('%.3f', tat)) end
  return { 'wait', math.ceil(wait * 1000) }
end

local kind, print = kind_of(stream), print_of[stream]
local most = kind == 'sale' and 1 or most_items
local learnt_size = kind ~= 'sale' and load(SIZES, kind)
if learnt_size then
  most = math.min(most, learnt_size.items or most)
  most_bytes = math.min(most_bytes, learnt_size.bytes or most_bytes)
  if most == most_items and most_bytes == tonumber(ARGV[6]) then redis.call('HDEL', SIZES, kind) end
end
local keys, items, bytes, first = {}, {}, 0, nil
local versions, digests = {}, {} -- what a settle needs to know of most jobs, which then need not be read again
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
  local item, size = item_of(key, job, tries, stream)
  if not first then
    first = tries
    most = tries.alone and 1 or math.min(most, tries.limit or most)
  -- The parts of a halved batch stay apart, from each other and from what comes after them.
  elseif tries.alone or tries.split ~= first.split or tries.limit ~= first.limit or bytes + size > most_bytes then
    break
  end
  bytes = bytes + size
  keys[#keys + 1] = key
  items[#items + 1] = item
  versions[#versions + 1] = full_version(job[FRAGMENTS]) or false
  digests[#digests + 1] = kind == 'product' and digest_of(job[FRAGMENTS])
  if #keys >= most then break end
end

redis.call('ZREMRANGEBYRANK', pending(stream), 0, #keys - 1)
leave_turns_if_empty(stream)
local turn = redis.call('HINCRBY', META, 'turn', 1)
redis.call('ZADD', turns(lane_of(stream)), 'XX', turn, stream)
local held_keys = {}
for _, key in ipairs(keys) do
  held_keys[#held_keys + 1] = key
  held_keys[#held_keys + 1] = lease
end
redis.call('HSET', INFLIGHT, unpack(held_keys))
if kind == 'product' then clear_digests(keys) end
redis.call('ZADD', LEASES, whole(now + term), lease)
save(FLIGHTS, lease, {
  stream = stream, keys = keys, alone = first.alone or false, split = first.split, print = print,
  at = now, bytes = bytes, term = term, versions = versions, digests = digests,
})
count('requests')
note_probe(stream, print, standing, lease, now)
if is_open then
  gate.outage.probe = lease
  save_outage(gate)
end
if gate.learnt.limit then
  use_rate(gate.learnt, now - gate.last, interval)
  if adapted_rate(gate.learnt, ceiling) >= ceiling then
    event(now, 'rate_restored', { to = ceiling })
    gate.learnt = { refused_at = gate.learnt.refused_at }
  end
  save_learnt(gate)
end

local more = next_stream('high', is_claimable) or (lane == 'low' and next_stream('low', is_claimable))
-- With more work, this drain or one it has called is back at the gate for the next token: see unattended in put.lua.
local attended = more and not is_open and now + math.min(ATTENDED_INTERVALS * interval, ATTENDED_AT_MOST) or 0
redis.call('HSET', GATE,
  'tat', string.format('%.3f', tat + interval), 'last', string.format('%.3f', now), 'ceiling', ARGV[2],
  'highs', lane_of(stream) == 'high' and math.min(gate.highs + 1, math.max(floor - 1, 0)) or 0,
  'attended:' .. lane, string.format('%.3f', attended))
return { 'granted', stream, more and 1 or 0, print, items }
