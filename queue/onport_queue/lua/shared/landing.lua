-- The end of a flight: delivered, retry, released, halve, dead, or its lease expired.

-- So many leases lost by a job that flew alone, in a process that had nothing else under way, make it dead; and so many
-- lost at all, since a process under load is never without company.
local CRASHES_ALONE, CRASHES = 3, 20
local COMPANIONS = 500 -- leases looked at

local function note_answer(tries, status, text, now)
  if status ~= '' then tries.last = { at = math.floor(now), status = status, text = text } end
end

local function die(key, job, tries, now)
  redis.call('ZADD', DEAD, whole(now), key)
  save(JOBS, key, job)
  tries.split, tries.limit = nil, nil
  save(TRIES, key, tries)
  count('died')
end

-- Of what was put while the key flew, that which the delivered one has not overtaken.
local function not_overtaken(content, job)
  local full, links = full_version(job[FRAGMENTS]), {}
  for _, fragment in ipairs(job[FRAGMENTS]) do
    if fragment[LINK] then links[fragment[LINK]] = fragment[VERSION] end
  end
  local newer = {}
  for _, fragment in ipairs(content[FRAGMENTS]) do
    local newest = fragment[TAG] == 'F' and full or fragment[LINK] and links[fragment[LINK]]
    if not newest or fragment[VERSION] >= newest then newer[#newer + 1] = fragment end
  end
  return newer
end

local function land_delivered(key, job, content, landing, attempts)
  local flight = landing.flight
  local kind = kind_of(flight.stream)
  if content then
    content[FRAGMENTS] = not_overtaken(content, job)
    if #content[FRAGMENTS] == 0 then
      content = nil
      count('superseded')
    end
  end
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
  local noted = remembered('history', key)
  local version = full_version(job[FRAGMENTS]) or (noted and version_of(noted)) or 0
  redis.call('HSET', name('history'), key, delivery(version, landing.at, landing.status, attempts))
  local digest = kind == 'product' and digest_of(job[FRAGMENTS])
  if digest then redis.call('HSET', name('digests'), key, digest .. flight.print) end
  if not content then return redis.call('HDEL', JOBS, key) end
  save(JOBS, key, content)
  enter(key, content)
end

-- How long the flight's stream has been paused for, looked up once.
local function held(landing)
  landing.held = landing.held or paused_for(landing.flight.stream, pauses_at(landing.now), landing.now)
  return landing.held
end

-- One job ends. landing: {flight, lease, size, now, sent, status, text, at, split}; delay in ms (retry only).
local function land(key, job, content, verdict, delay, landing)
  local now = landing.now
  if content then redis.call('HDEL', WAITING, key) end
  local tries = load(TRIES, key) or { attempts = 0, crashes = 0 }
  if verdict == 'delivered' then
    redis.call('HDEL', TRIES, key)
    if tries.split and landing.split then leave_split(landing.split, false) end
    return land_delivered(key, job, content, landing, tries.attempts + landing.sent)
  end

  if landing.sent == 1 then
    tries.attempts = tries.attempts + 1
    if not tries.first then tries.first, tries.held = math.floor(now), held(landing) end
  end
  if landing.sent == 1 or verdict == 'dead' then note_answer(tries, landing.status, landing.text, now) end
  if verdict == 'expired' then
    local flight = landing.flight
    if flight.alone and not flight.company then tries.crashes = tries.crashes + 1 end
    tries.alone = true
    tries.lost = (tries.lost or 0) + 1
    if tries.crashes >= CRASHES_ALONE or tries.lost >= CRASHES then
      verdict = 'dead'
      local crashes = string.format('%d times, %d of them while nothing else was sent', tries.lost, tries.crashes)
      note_answer(tries, 'poison', 'its lease expired ' .. crashes, now)
    end
  elseif verdict == 'halve' then
    tries.limit, tries.split = math.ceil(landing.size / 2), landing.flight.split or landing.lease
  end

  if content then fold_content(job, content) end
  if verdict == 'dead' then
    if tries.split and landing.split then leave_split(landing.split, true) end
    if not content then return die(key, job, tries, now) end
    redis.call('HDEL', TRIES, key) -- the newer put revives it at once
  else
    save(TRIES, key, tries)
  end
  if content then save(JOBS, key, job) end
  if verdict == 'retry' then
    redis.call('ZADD', DELAYED, whole(now + delay), key)
  else
    enter(key, job)
  end
end

-- A delivered full payload, nothing waiting, nothing left of it: by far the most, so a batch of them ends in four calls.
local function land_plain(keys, versions, digests)
  redis.call('HDEL', JOBS, unpack(keys))
  redis.call('HSET', name('history'), unpack(versions))
  if #digests > 0 then redis.call('HSET', name('digests'), unpack(digests)) end
  count('delivered', #keys)
end

-- verdicts(index) gives verdict and delay of the flight's index-th job; answer: {sent, status, text, at}, at: the time of day.
local function land_flight(lease, flight, verdicts, answer, now)
  local keys = flight.keys
  redis.call('HDEL', FLIGHTS, lease)
  redis.call('ZREM', LEASES, lease)
  redis.call('HDEL', INFLIGHT, unpack(keys))
  local contents = redis.call('EXISTS', WAITING) == 1 and redis.call('HMGET', WAITING, unpack(keys)) or {}
  local known = redis.call('EXISTS', TRIES) == 1 and redis.call('HMGET', TRIES, unpack(keys)) or {}
  local landing = {
    flight = flight, lease = lease, size = #keys, now = now,
    sent = answer.sent, status = answer.status, text = answer.text, at = answer.at,
    split = flight.split and load(SPLITS, flight.split),
  }
  if landing.split then
    if answer.kind == 'accepted' then landing.split.most = math.max(landing.split.most, #keys) end
    if answer.kind == 'refused' then landing.split.least = math.min(landing.split.least, #keys) end
  end
  local plain, versions, digests = {}, {}, {}
  for index, key in ipairs(keys) do
    local verdict, delay = verdicts(index)
    if verdict == 'halve' and not landing.split then landing.split = begin_split(flight) end
    local version = flight.versions and flight.versions[index] -- a flight of an older release has none
    if verdict == 'delivered' and version and not contents[index] and not known[index] then
      plain[#plain + 1] = key
      versions[#versions + 1] = key
      versions[#versions + 1] = delivery(version, answer.at, answer.status, answer.sent)
      local digest = flight.digests[index]
      if digest then
        digests[#digests + 1] = key
        digests[#digests + 1] = digest .. flight.print
      end
    else
      land(key, load(JOBS, key), contents[index] and cmsgpack.unpack(contents[index]), verdict, delay, landing)
    end
  end
  if #plain > 0 then land_plain(plain, versions, digests) end
  if landing.split then
    if answer.status == '413' then landing.split.bytes = true end
    save_split(flight.split or lease, landing.split, now)
  end
end

-- Due retries become pending again, at most PROMOTIONS.
local function promote_due(now)
  local due = redis.call('ZRANGEBYSCORE', DELAYED, '-inf', string.format('%.3f', now), 'LIMIT', 0, PROMOTIONS)
  for _, key in ipairs(due) do
    redis.call('ZREM', DELAYED, key)
    enter(key, load(JOBS, key))
  end
end

-- The process that holds a lease, whose id is `<process>:<random>`; without a `:` it is a process of its own.
local function process_of(lease) return string.match(lease, '^(.*):') or lease end

-- A process died with several requests under way: which of them killed it nobody can say. Noted with each of them, before
-- any is given back.
local function note_company(expired)
  local leases = {}
  for _, lease in ipairs(redis.call('ZRANGE', LEASES, 0, COMPANIONS - 1)) do
    local process = process_of(lease)
    leases[process] = leases[process] or {}
    table.insert(leases[process], lease)
  end
  for _, lease in ipairs(expired) do
    local together = leases[process_of(lease)] or {}
    if #together > 1 then
      for _, each in ipairs(together) do
        local flight = load(FLIGHTS, each)
        if not flight.company then
          flight.company = true
          save(FLIGHTS, each, flight)
        end
      end
      leases[process_of(lease)] = nil
    end
  end
end

-- Expired leases give their jobs back, about PROMOTIONS jobs.
local function promote_expired(now)
  local promoted = 0
  local expired = redis.call('ZRANGEBYSCORE', LEASES, '-inf', string.format('%.3f', now), 'LIMIT', 0, PROMOTIONS)
  if #expired == 0 then return end
  note_company(expired)
  for _, lease in ipairs(expired) do
    local flight = load(FLIGHTS, lease)
    promoted = promoted + #flight.keys
    if promoted > PROMOTIONS and promoted > #flight.keys then return end
    count('expired')
    land_flight(lease, flight, function() return 'expired', 0 end, { sent = 0, status = '', text = '' }, now)
  end
end
