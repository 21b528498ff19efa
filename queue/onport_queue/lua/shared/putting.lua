-- Putting: what a key becomes when something is put to it, at once or when it is due.

-- The last of the memory is for those who take jobs out, and for wake-ups. INFO costs as much as a dozen other calls, so
-- memory that was enough a moment ago is enough.
local PUTS_MAY_USE = 0.85 -- of maxmemory
local A_MEMORY_LOOK = 100 -- ms
local enough_at

-- An error if puts have used their share.
local function memory_fault(wall)
  if enough_at and math.abs(wall - enough_at) < A_MEMORY_LOOK then return nil end
  enough_at = wall
  local memory = redis.pcall('INFO', 'memory') -- an error where it is forbidden
  if type(memory) ~= 'string' then return nil end
  local used, limit = tonumber(string.match(memory, '\nused_memory:(%d+)')), tonumber(string.match(memory, '\nmaxmemory:(%d+)'))
  if not used or not limit or limit == 0 or used <= PUTS_MAY_USE * limit then return nil end
  enough_at = nil
  return redis.error_reply(string.format('OOM %d of %d bytes are used; puts may use 85 %%', used, limit))
end

-- New keys are by far the most, and a bulk put has hundreds: they are stored together, in three calls.
local fresh, fresh_keys -- key -> job, but for its place and time
local stored            -- key -> true: new in this call

local function store_fresh(now)
  if #fresh_keys == 0 then return end
  local records, streams = {}, {}
  local place = redis.call('HINCRBY', META, 'seq', #fresh_keys) - #fresh_keys
  for index, key in ipairs(fresh_keys) do
    local job = fresh[key]
    job[PLACE], job[PUT_AT] = place + index, math.floor(now)
    records[2 * index - 1], records[2 * index] = key, cmsgpack.pack(job)
    local stream = stream_of(key, job)
    local places = streams[stream] or {}
    streams[stream] = places
    places[#places + 1] = place + index
    places[#places + 1] = key
    stored[key] = true
  end
  redis.call('HSET', JOBS, unpack(records))
  for stream, places in pairs(streams) do
    redis.call('ZADD', pending(stream), unpack(places))
    take_turns(stream)
  end
  fresh, fresh_keys = {}, {}
end

local function put_waiting(key, lane, fragments, now)
  local content = load(WAITING, key)
  if content then
    fold_content(content, { lane, nil, nil, fragments })
    save(WAITING, key, content)
    return 'folded', content
  end
  store_fresh(now) -- places follow the order of the put
  save(WAITING, key, { lane, new_place(), math.floor(now), fragments })
  return 'waiting'
end

local function put_known(key, lane, fragments, now)
  local job, state = load(JOBS, key), state_of(key)
  if state == 'in flight' then return put_waiting(key, lane, fragments, now) end
  local before = state == 'pending' and stream_of(key, job)
  fold_content(job, { lane, nil, nil, fragments })
  local replayed = state == 'pending' and job[PLACE] >= REPLAYED -- and now it is live work again
  if state == 'dead' or replayed then
    store_fresh(now)
    job[PLACE] = new_place()
  end
  save(JOBS, key, job)
  if state == 'dead' then
    redis.call('ZREM', DEAD, key)
    redis.call('HDEL', TRIES, key)
    enter(key, job)
    return 'revived', job
  end
  if before and (replayed or before ~= stream_of(key, job)) then -- or raised to high, or its oldest wish changed kind
    leave(before, key)
    enter(key, job)
  end
  return 'folded', job
end

-- Known: whether the queue had the key before this call.
local function is_new(key, known) return not (known or fresh[key] or stored[key]) end

-- Delivered: what the history notes of the key, or nil. Returns the outcome, and the content it was
-- folded into, if any. Call store_fresh after the last one.
local function put_one(key, known, lane, fragments, delivered, now)
  local first = fragments[1]
  if delivered and first[TAG] == 'F' and first[VERSION] < version_of(delivered) then
    count('superseded')
    return 'superseded'
  end
  if fresh[key] then store_fresh(now) end -- the same key twice
  if known or stored[key] then return put_known(key, lane, fragments, now) end
  fresh[key] = { lane, 0, 0, fragments }
  fresh_keys[#fresh_keys + 1] = key
  return 'pending'
end

-- What was put ahead of its time stands outside its key, as <key>\0<16 digits>, the digits in the order of the puts.
local function put_later(key, lane, fragments, due, now)
  local id = key .. '\0' .. string.format('%016.0f', new_place())
  save(LATER_PUTS, id, { lane, 0, math.floor(now), fragments })
  redis.call('ZADD', LATER, whole(due), id)
  redis.call('ZADD', LATER_KEYS, 0, id)
end

-- The names of what was put ahead for a key, at most so many, in the order of the puts.
local function later_of(key, most)
  local found, size = {}, #key + 17
  for _, id in ipairs(redis.call('ZRANGEBYLEX', LATER_KEYS, '[' .. key .. '\0', '(' .. key .. '\1', 'LIMIT', 0, most)) do
    if #id == size then found[#found + 1] = id end -- a key may itself hold a \0
  end
  return found
end

local function drop_later(ids)
  redis.call('ZREM', LATER, unpack(ids))
  redis.call('ZREM', LATER_KEYS, unpack(ids))
  redis.call('HDEL', LATER_PUTS, unpack(ids))
end

-- What is due is put now, at most PROMOTIONS.
local function promote_later(now, wall)
  local ids = redis.call('ZRANGEBYSCORE', LATER, '-inf', string.format('%.3f', wall), 'LIMIT', 0, PROMOTIONS)
  if #ids == 0 then return end
  local keys = {}
  for index, id in ipairs(ids) do keys[index] = string.sub(id, 1, -18) end
  local known, delivered = redis.call('HMGET', JOBS, unpack(keys)), remembered_all('history', keys)
  local newest = tonumber(redis.call('HGET', META, 'version') or 0)
  for index, id in ipairs(ids) do
    local content = load(LATER_PUTS, id)
    put_one(keys[index], known[index], content[LANE], content[FRAGMENTS], delivered[index], now)
    newest = math.max(newest, content[FRAGMENTS][1][VERSION])
  end
  store_fresh(now)
  drop_later(ids)
  redis.call('HSET', META, 'version', whole(newest)) -- also after a backward step a put from now on is newer
end
