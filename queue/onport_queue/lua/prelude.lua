-- Put before every script by scripts.py. What all of them share: names, clock, records, folding, streams.
--
-- KEYS[1]  the account's base key, e.g. onport-relay:{default}. Every other name is derived from it and shares its hash
--          tag, so an account lives in one slot.
--
-- A job's state is the structure that holds it; nothing else says it:
--   pending:<lane>:<channel>:<kind>  sorted set, key -> place     pending
--   waiting                          hash, key -> content         put while its key is in flight
--   delayed                          sorted set, key -> due ms    a retry
--   inflight                         hash, key -> lease           claimed, not yet settled
--   dead                             sorted set, key -> died ms   dead
-- and beside it
--   jobs      hash, key -> {lane, place, put_at, fragments}   content of pending, delayed, in flight and dead jobs
--   tries     hash, key -> what earlier requests of the job taught (absent for most)
--   leases    sorted set, lease -> expiry ms;  flights  hash, lease -> {stream, keys, alone}
--   turns:<lane>  sorted set, stream with pending work -> the turn it was last served in
--   gate, pauses, ledger, meta       hashes
--   workers                          sorted set, worker -> its last look
--   history, puts                    two generations each (see rotate)
--
-- A fragment is {version, tag, body, id}: tag F (full) or P (partial) for sales and products, A (acknowledge) or
-- D (disconnect) for one variant link, whose id the fourth field is. Bodies are never parsed here.

local base = KEYS[1]
local function name(suffix) return base .. ':' .. suffix end

local JOBS, WAITING, TRIES, DELAYED, DEAD = name('jobs'), name('waiting'), name('tries'), name('delayed'), name('dead')
local INFLIGHT, LEASES, FLIGHTS = name('inflight'), name('leases'), name('flights')
local GATE, PAUSES, LEDGER, META = name('gate'), name('pauses'), name('ledger'), name('meta')
local WORKERS = name('workers')

local LANE, PLACE, PUT_AT, FRAGMENTS = 1, 2, 3, 4 -- fields of a job and of a waiting content
local VERSION, TAG, BODY, LINK = 1, 2, 3, 4       -- fields of a fragment
local KIND_OF_TAG = { A = 'acknowledge', D = 'disconnect' }
local PROMOTIONS = 100                            -- bound of every loop over due or expired work

-- Time -------------------------------------------------------------------------------------------------------------

-- Longer silence than this, or time running backwards, is a stepped clock or an outage: the queue's clock stands still
-- over it, so that leases do not expire at once and the gate neither bursts nor stalls.
local LONGEST_SILENCE = 10000
-- The clock's last reading is stored this often: a claim that only waits must not cost a write.
local CLOCK_GRAIN = 250

local function wall_clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + time[2] / 1000
end

-- The queue's clock, ms: Redis time that never jumps.
local function clock()
  local wall = wall_clock()
  local last = redis.call('HMGET', META, 'wall', 'now')
  if not last[1] then
    redis.call('HSET', META, 'wall', string.format('%.3f', wall), 'now', string.format('%.3f', wall))
    return wall
  end
  local passed = wall - tonumber(last[1])
  local stepped = passed < 0 or passed > LONGEST_SILENCE
  if stepped then passed = 0 end
  local now = tonumber(last[2]) + passed
  if stepped or passed >= CLOCK_GRAIN then
    redis.call('HSET', META, 'wall', string.format('%.3f', wall), 'now', string.format('%.3f', now))
  end
  return now
end

-- Two generations of a growing hash: the current one is written, both are read, and the older one is dropped when the
-- current one is `retention` ms old. An entry lives between one and two retentions.
local function rotate(what, retention, now)
  local since = redis.call('HGET', META, what .. '_since')
  if since and now - since < retention then return end
  if since then
    redis.call('UNLINK', name(what .. ':old'))
    if redis.call('EXISTS', name(what)) == 1 then redis.call('RENAME', name(what), name(what .. ':old')) end
  end
  redis.call('HSET', META, what .. '_since', string.format('%.0f', now))
end

-- One answer per field: its value, or false.
local function remembered_all(what, fields)
  local found = {}
  for _, generation in ipairs({ name(what .. ':old'), name(what) }) do
    if redis.call('EXISTS', generation) == 1 then
      for index, value in ipairs(redis.call('HMGET', generation, unpack(fields))) do
        found[index] = value or found[index]
      end
    end
  end
  return found
end

local function remembered(what, field)
  return redis.call('HGET', name(what), field) or redis.call('HGET', name(what .. ':old'), field)
end

-- Records ----------------------------------------------------------------------------------------------------------

local function load(hash, key)
  local packed = redis.call('HGET', hash, key)
  return packed and cmsgpack.unpack(packed)
end

local function save(hash, key, record) redis.call('HSET', hash, key, cmsgpack.pack(record)) end

local function count(term, by) redis.call('HINCRBY', LEDGER, term, by or 1) end

local function state_of(key)
  if redis.call('HEXISTS', JOBS, key) == 0 then return nil end
  if redis.call('HEXISTS', INFLIGHT, key) == 1 then return 'in flight' end
  if redis.call('ZSCORE', DELAYED, key) then return 'delayed' end
  if redis.call('ZSCORE', DEAD, key) then return 'dead' end
  return 'pending'
end

-- Folding ----------------------------------------------------------------------------------------------------------

-- Sorted by version, a later arrival after its equals; nothing older than the newest full payload is kept.
local function fold_payload(fragments, new)
  local at = #fragments + 1
  while at > 1 and fragments[at - 1][VERSION] > new[VERSION] do at = at - 1 end
  table.insert(fragments, at, new)
  for index = #fragments, 2, -1 do
    if fragments[index][TAG] == 'F' then
      for _ = 1, index - 1 do table.remove(fragments, 1) end
      return
    end
  end
end

-- In order of arrival; per link only the newest wish is kept. A changed mind goes to the end.
local function fold_link(fragments, new)
  for index, old in ipairs(fragments) do
    if old[LINK] == new[LINK] then
      if new[VERSION] < old[VERSION] then return end
      if new[TAG] == old[TAG] then
        fragments[index] = new
      else
        table.remove(fragments, index)
        fragments[#fragments + 1] = new
      end
      return
    end
  end
  fragments[#fragments + 1] = new
end

local function fold(fragments, newer)
  for _, new in ipairs(newer) do
    if KIND_OF_TAG[new[TAG]] then fold_link(fragments, new) else fold_payload(fragments, new) end
  end
end

local function fold_content(job, content)
  fold(job[FRAGMENTS], content[FRAGMENTS])
  if content[LANE] == 'high' then job[LANE] = 'high' end
  count('folded')
end

-- The version of the full payload at the base of a content, or nil.
local function full_version(fragments)
  local first = fragments[1]
  return first and first[TAG] == 'F' and first[VERSION] or nil
end

-- Streams ----------------------------------------------------------------------------------------------------------

local woken = {} -- lanes in which a stream got its first pending job during this script

local function stream_of(key, job)
  local family, channel = string.match(key, '^(%l+):([^:]+):')
  return job[LANE] .. ':' .. channel .. ':' .. (KIND_OF_TAG[job[FRAGMENTS][1][TAG]] or family)
end

local function lane_of(stream) return string.match(stream, '^(%l+):') end
local function channel_of(stream) return string.match(stream, '^%l+:([^:]+):') end
local function kind_of(stream) return string.match(stream, ':(%l+)$') end
local function pending(stream) return name('pending:' .. stream) end
local function turns(lane) return name('turns:' .. lane) end

-- A stream that has got pending work takes part in its lane's turns, after those that wait already.
local function take_turns(stream)
  local lane = lane_of(stream)
  if redis.call('ZADD', turns(lane), 'NX', redis.call('HGET', META, 'turn') or '0', stream) == 1 then woken[lane] = true end
end

-- Into its stream, at its place: a job that comes back stands where it stood.
local function enter(key, job)
  local stream = stream_of(key, job)
  redis.call('ZADD', pending(stream), string.format('%.0f', job[PLACE]), key)
  take_turns(stream)
end

local function leave_turns_if_empty(stream)
  if redis.call('EXISTS', pending(stream)) == 0 then redis.call('ZREM', turns(lane_of(stream)), stream) end
end

local function leave(stream, key)
  redis.call('ZREM', pending(stream), key)
  leave_turns_if_empty(stream)
end

local function woken_lanes()
  local lanes = {}
  for lane in pairs(woken) do lanes[#lanes + 1] = lane end
  return lanes
end

-- Pauses -----------------------------------------------------------------------------------------------------------

-- scope -> {until (ms, 0: until resumed), reason}. Scopes: account, lane:<lane>, channel:<channel>, stream:<stream>.
local function pauses_at(now)
  local found, fields = {}, redis.call('HGETALL', PAUSES)
  for index = 1, #fields, 2 do
    local pause = cjson.decode(fields[index + 1])
    if pause['until'] ~= 0 and pause['until'] <= now then
      redis.call('HDEL', PAUSES, fields[index])
    else
      found[fields[index]] = pause
    end
  end
  return found
end

local function pause(scope, until_ms, reason, now)
  redis.call('HSET', PAUSES, scope, cjson.encode({
    ['until'] = math.ceil(until_ms), reason = reason, since = math.floor(now),
  }))
end

-- The stream of a lane whose turn it is, passing over what is paused, or nil.
local function next_stream(lane, paused)
  if paused['lane:' .. lane] then return nil end
  for _, stream in ipairs(redis.call('ZRANGE', turns(lane), 0, -1)) do
    if not (paused['channel:' .. channel_of(stream)] or paused['stream:' .. stream]) then return stream end
  end
  return nil
end

-- Ends of a flight -------------------------------------------------------------------------------------------------

local CRASHES_ALONE = 3 -- this many leases lost by a job that flew alone make it dead

local function note_answer(tries, status, text, now)
  if status ~= '' then tries.last = { at = math.floor(now), status = status, text = text } end
end

local function die(key, job, tries, now)
  redis.call('ZADD', DEAD, string.format('%.0f', now), key)
  save(JOBS, key, job)
  save(TRIES, key, tries)
  count('died')
end

-- What was put while the key flew becomes the job, less full payloads that the delivered one has overtaken.
local function start_waiting(key, content, delivered)
  local fresh = {}
  for _, fragment in ipairs(content[FRAGMENTS]) do
    if not (fragment[TAG] == 'F' and delivered and fragment[VERSION] < delivered) then fresh[#fresh + 1] = fragment end
  end
  if #fresh == 0 then
    redis.call('HDEL', JOBS, key)
    return count('superseded')
  end
  content[FRAGMENTS] = fresh
  save(JOBS, key, content)
  enter(key, content)
end

local function land_delivered(key, job, kind, content)
  local rest = {}
  for _, fragment in ipairs(job[FRAGMENTS]) do
    if KIND_OF_TAG[fragment[TAG]] and KIND_OF_TAG[fragment[TAG]] ~= kind then rest[#rest + 1] = fragment end
  end
  if #rest > 0 then -- a variant with wishes of the other kind left: not delivered yet
    job[FRAGMENTS] = rest
    if content then fold_content(job, content) end
    save(JOBS, key, job)
    return enter(key, job)
  end
  count('delivered')
  local delivered = full_version(job[FRAGMENTS])
  if delivered then redis.call('HSET', name('history'), key, string.format('%.0f', delivered)) end
  if content then return start_waiting(key, content, delivered) end
  redis.call('HDEL', JOBS, key)
end

-- One job of a flight ends. verdict: delivered, retry, released, halve, dead, expired.
-- landing: {kind, size, alone, now, status, text}; delay in ms (retry only); sent: 1 if a request was made.
local function land(key, job, content, verdict, delay, sent, landing)
  local now = landing.now
  if content then redis.call('HDEL', WAITING, key) end
  if verdict == 'delivered' then
    redis.call('HDEL', TRIES, key)
    return land_delivered(key, job, landing.kind, content)
  end

  local tries = load(TRIES, key) or { attempts = 0, crashes = 0 }
  if sent == 1 then
    tries.attempts = tries.attempts + 1
    tries.first = tries.first or math.floor(now)
    note_answer(tries, landing.status, landing.text, now)
  end
  if verdict == 'expired' then
    if landing.alone then tries.crashes = tries.crashes + 1 end
    tries.alone = true
    if tries.crashes >= CRASHES_ALONE then
      verdict = 'dead'
      note_answer(tries, 'poison', 'its lease expired ' .. CRASHES_ALONE .. ' times while it was sent alone', now)
    end
  elseif verdict == 'halve' then
    tries.limit = math.max(1, math.floor(landing.size / 2))
  end

  if content then fold_content(job, content) end
  if verdict == 'dead' then
    if not content then return die(key, job, tries, now) end
    redis.call('HDEL', TRIES, key) -- the newer put revives it at once
  else
    save(TRIES, key, tries)
  end
  if content then save(JOBS, key, job) end
  if verdict == 'retry' then
    redis.call('ZADD', DELAYED, string.format('%.0f', now + delay), key)
  else
    enter(key, job)
  end
end

-- A delivered full payload, nothing waiting, nothing left of it: by far the most, so a batch of them ends in three calls.
local function land_plain(keys, versions)
  redis.call('HDEL', JOBS, unpack(keys))
  redis.call('HSET', name('history'), unpack(versions))
  if redis.call('EXISTS', TRIES) == 1 then redis.call('HDEL', TRIES, unpack(keys)) end
  count('delivered', #keys)
end

-- A flight ends. verdicts(index) gives verdict and delay of its index-th job; answer: {sent, status, text}.
local function land_flight(lease, flight, verdicts, answer, now)
  local keys = flight.keys
  redis.call('HDEL', FLIGHTS, lease)
  redis.call('ZREM', LEASES, lease)
  redis.call('HDEL', INFLIGHT, unpack(keys))
  local jobs = redis.call('HMGET', JOBS, unpack(keys))
  local contents = redis.call('HMGET', WAITING, unpack(keys))
  local landing = {
    kind = kind_of(flight.stream), size = #keys, alone = flight.alone, now = now,
    status = answer.status, text = answer.text,
  }
  local plain, versions = {}, {}
  for index, key in ipairs(keys) do
    local verdict, delay = verdicts(index)
    local job = cmsgpack.unpack(jobs[index])
    local content = contents[index] and cmsgpack.unpack(contents[index])
    local version = full_version(job[FRAGMENTS])
    if verdict == 'delivered' and version and not content then
      plain[#plain + 1] = key
      versions[#versions + 1] = key
      versions[#versions + 1] = string.format('%.0f', version)
    else
      land(key, job, content, verdict, delay, answer.sent, landing)
    end
  end
  if #plain > 0 then land_plain(plain, versions) end
end

-- Due retries and expired leases become pending again, at most PROMOTIONS of each.
local function promote(now)
  local due = redis.call('ZRANGEBYSCORE', DELAYED, '-inf', string.format('%.3f', now), 'LIMIT', 0, PROMOTIONS)
  for _, key in ipairs(due) do
    redis.call('ZREM', DELAYED, key)
    enter(key, load(JOBS, key))
  end
  local promoted = 0
  local expired = redis.call('ZRANGEBYSCORE', LEASES, '-inf', string.format('%.3f', now), 'LIMIT', 0, PROMOTIONS)
  for _, lease in ipairs(expired) do
    local flight = load(FLIGHTS, lease)
    promoted = promoted + #flight.keys
    if promoted > PROMOTIONS and promoted > #flight.keys then return end
    count('expired')
    land_flight(lease, flight, function() return 'expired', 0 end, { sent = 0, status = '', text = '' }, now)
  end
end
