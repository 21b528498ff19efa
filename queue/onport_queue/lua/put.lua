-- put: take jobs in, all of one kind, channel, lane and mode.
--
-- ARGV  put id, kind, channel, lane (high|low), mode (full|partial; sales and products only),
--       retention of put ids in ms, retention of the history in ms, the latest version that Redis time may give, as the
--       caller guesses it ('' = any), kept (1: it was made long ago), versioned (0|1), then per job
--         sales, products:  key, version, body
--         variant links:    key, version, number of links, then per link: link id, body
--       The version is there only in a versioned put; '' is Redis time, as in one that is not.
-- Reply {outcomes, lanes to wake, pending high, pending low, places of jobs with many fragments, Redis time in ms, epoch}
--       outcome: pending, folded, waiting, revived, superseded or duplicate, one per job in order.
-- Run without allow-oom on purpose: at the memory limit Redis refuses it before it has changed anything; but the last of
-- the memory is for those who take jobs out, and for wake-ups, so puts are refused before.

local PUTS_MAY_USE = 0.85 -- of maxmemory
local memory = redis.pcall('INFO', 'memory') -- an error where it is forbidden
if type(memory) == 'string' then
  local used, limit = tonumber(string.match(memory, '\nused_memory:(%d+)')), tonumber(string.match(memory, '\nmaxmemory:(%d+)'))
  if used and limit and limit > 0 and used > PUTS_MAY_USE * limit then
    return redis.error_reply(string.format('OOM %d of %d bytes are used; puts may use 85 %%', used, limit))
  end
end

local put_id, kind, channel, lane, mode = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local TAG_OF_KIND = { acknowledge = 'A', disconnect = 'D' }
local latest, kept, versioned = tonumber(ARGV[8]), ARGV[9] == '1', ARGV[10] == '1'
local tag = TAG_OF_KIND[kind] or (mode == 'partial' and 'P' or 'F')
local prefix = (TAG_OF_KIND[kind] and 'variant' or kind) .. ':' .. channel .. ':'
local MANY_FRAGMENTS = 16
local LONGEST_LATE = 600000 -- ms

local now = clock()
rotate('puts', tonumber(ARGV[6]), now)
rotate('history', tonumber(ARGV[7]), now)

-- Redis time, but never less than one given before: after a backward step a newer put must not look older.
local redis_version = math.max(math.floor(wall_clock()), tonumber(redis.call('HGET', META, 'version') or 0))
redis.call('HSET', META, 'version', whole(redis_version))
-- Whoever made this put may have given it up, and made others since: it must not look newer than those. But one that
-- seems to come later than any connection lives is not late: Redis's clock was stepped, and the caller does not know yet.
local default_version = redis_version
if latest and latest < redis_version and (kept or redis_version - latest < LONGEST_LATE) then default_version = latest end

local repeated = remembered('puts', put_id)

local function new_fragments(index, version)
  if not TAG_OF_KIND[kind] then return { { version, tag, ARGV[index + 1] } }, index + 2 end
  local links, fragments = tonumber(ARGV[index + 1]), {}
  index = index + 2
  for _ = 1, links do
    fold_link(fragments, { version, tag, ARGV[index + 1], ARGV[index] })
    index = index + 2
  end
  return fragments, index
end

-- New keys are by far the most, and a bulk put has hundreds: they are stored together, in three calls.
local fresh, fresh_keys = {}, {}

local function store_fresh()
  if #fresh_keys == 0 then return end
  local records, places = {}, {}
  local place = redis.call('HINCRBY', META, 'seq', #fresh_keys) - #fresh_keys
  local put_at, slot = math.floor(now), 1
  for index, key in ipairs(fresh_keys) do
    records[slot], records[slot + 1] = key, cmsgpack.pack({ lane, place + index, put_at, fresh[key] })
    places[slot], places[slot + 1] = place + index, key
    slot = slot + 2
  end
  redis.call('HSET', JOBS, unpack(records))
  local stream = lane .. ':' .. channel .. ':' .. kind
  redis.call('ZADD', pending(stream), unpack(places))
  take_turns(stream)
  fresh, fresh_keys = {}, {}
end

local function put_waiting(key, fragments)
  local content = load(WAITING, key)
  if content then
    fold_content(content, { lane, nil, nil, fragments })
    save(WAITING, key, content)
    return 'folded', content
  end
  store_fresh() -- places follow the order of the put
  save(WAITING, key, { lane, new_place(), math.floor(now), fragments })
  return 'waiting'
end

local function put_known(key, job, fragments)
  local state = state_of(key)
  if state == 'in flight' then return put_waiting(key, fragments) end
  local before = state == 'pending' and stream_of(key, job)
  fold_content(job, { lane, nil, nil, fragments })
  local replayed = state == 'pending' and job[PLACE] >= REPLAYED -- and now it is live work again
  if state == 'dead' or replayed then
    store_fresh()
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

local keys, contents, index = {}, {}, 11
while index <= #ARGV do
  keys[#keys + 1] = prefix .. ARGV[index]
  local version = default_version
  if versioned then
    index = index + 1
    if ARGV[index] ~= '' then version = tonumber(ARGV[index]) end
  end
  contents[#keys], index = new_fragments(index, version)
end

local outcomes, many, seen = {}, {}, {}
if repeated or #keys == 0 then
  for place = 1, #keys do outcomes[place] = 'duplicate' end
  count('accepted', #keys)
  count('duplicate', #keys)
else
  local known = redis.call('HMGET', JOBS, unpack(keys))
  local delivered = tag == 'F' and remembered_all('history', keys) or {}
  -- Only now: had something above gone wrong, this put must not pass for one that was taken.
  redis.call('HSET', name('puts'), put_id, '')
  count('accepted', #keys)
  for place, key in ipairs(keys) do
    local fragments, folded = contents[place], nil
    if fresh[key] then store_fresh() end -- the same key twice in one put
    if delivered[place] and fragments[1][VERSION] < tonumber(delivered[place]) then
      outcomes[place] = 'superseded'
      count('superseded')
    elseif known[place] or seen[key] then
      outcomes[place], folded = put_known(key, load(JOBS, key), fragments)
    else
      outcomes[place] = 'pending'
      seen[key] = true
      fresh[key] = fragments
      fresh_keys[#fresh_keys + 1] = key
    end
    if folded and tag == 'P' and #folded[FRAGMENTS] > MANY_FRAGMENTS then many[#many + 1] = place - 1 end
  end
  store_fresh()
end

-- Of the lanes with new work, those at whose gate no drain is expected anyhow. A drain of the low lane takes high work
-- first, so it attends both. A wake-up costs Celery five writes; one that was not sent and missed costs a second.
local function unattended()
  local lanes, gate = {}, redis.call('HMGET', GATE, 'attended:high', 'attended:low')
  for _, of in ipairs(woken_lanes()) do
    local attended = tonumber(gate[2] or 0)
    if of == 'high' then attended = math.max(attended, tonumber(gate[1] or 0)) end
    if attended < now then lanes[#lanes + 1] = of end
  end
  return lanes
end

local function depth(of)
  local sum = 0
  for _, stream in ipairs(redis.call('ZRANGE', turns(of), 0, -1)) do sum = sum + redis.call('ZCARD', pending(stream)) end
  return sum
end

return {
  outcomes, unattended(), depth('high'), depth('low'), many, redis_version, redis.call('HGET', META, 'epoch') or '',
}
