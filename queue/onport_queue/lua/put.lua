-- put: take jobs in, all of one kind, channel, lane and mode.
--
-- ARGV  put id, kind, channel, lane (high|low; '' = high for a key of which the queue knows nothing yet, that is: neither
--       holds it nor remembers that it was delivered; low for any other), mode (full|partial; sales and products only),
--       retention of put ids in ms, retention of the history in ms, the latest version that Redis time may give, as the
--       caller guesses it ('' = any), kept (1: it was made long ago), due ('' = now; ms of Redis's time of day, and
--       then the version too), unchanged (1: skip what was delivered last), versioned (0|1), then per job
--         sales, products:  key, version, body
--         variant links:    key, version, number of links, then per link: link id, body
--       The version is there only in a versioned put; '' is Redis time, as in one that is not.
-- Reply {outcomes, lanes to wake, pending high, pending low, places of jobs with many fragments, Redis time in ms, epoch,
--       places of the jobs put in the low lane where '' was asked for}
--       outcome: pending, folded, waiting, revived, superseded, unchanged, delayed or duplicate, one per job in order.
-- Run without allow-oom on purpose: at the memory limit Redis refuses it before it has changed anything, and before that
-- memory_fault does.

local put_id, kind, channel, lane, mode = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local TAG_OF_KIND = { acknowledge = 'A', disconnect = 'D' }
local latest, kept, due = tonumber(ARGV[8]), ARGV[9] == '1', tonumber(ARGV[10])
local skips_unchanged, versioned = ARGV[11] == '1', ARGV[12] == '1'
local tag = TAG_OF_KIND[kind] or (mode == 'partial' and 'P' or 'F')
local prefix = (TAG_OF_KIND[kind] and 'variant' or kind) .. ':' .. channel .. ':'
local MANY_FRAGMENTS = 16
local LONGEST_LATE = 600000 -- ms

local now, wall = clock()
local full = memory_fault(wall)
if full then return full end
mark_format()
rotate('puts', tonumber(ARGV[6]), now)
rotate('history', tonumber(ARGV[7]), now, 'digests')

-- Redis time, but never less than one given before: after a backward step a newer put must not look older.
local redis_version = math.max(math.floor(wall), tonumber(redis.call('HGET', META, 'version') or 0))
redis.call('HSET', META, 'version', whole(redis_version))
-- Whoever made this put may have given it up, and made others since: it must not look newer than those. But one that
-- seems to come later than any connection lives is not late: Redis's clock was stepped, and the caller does not know yet.
local default_version = due or redis_version
if not due and latest and latest < redis_version and (kept or redis_version - latest < LONGEST_LATE) then default_version = latest end

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

local keys, contents, index = {}, {}, 13
while index <= #ARGV do
  keys[#keys + 1] = prefix .. ARGV[index]
  local version = default_version
  if versioned then
    index = index + 1
    if ARGV[index] ~= '' then version = tonumber(ARGV[index]) end
  end
  contents[#keys], index = new_fragments(index, version)
end

local outcomes, many, lowered = {}, {}, {}

-- Not before all else has been read: had something gone wrong, this put must not pass for one that was taken.
local function note_taken()
  redis.call('HSET', name('puts'), put_id, '')
  count('accepted', #keys)
end

-- The lane of a job, given what the queue knew of its key before this put.
local function lane_at(place, held, delivered)
  if lane ~= '' then return lane end
  if not (held or delivered) then return 'high' end
  lowered[#lowered + 1] = place - 1
  return 'low'
end

local function put_ahead(known, delivered)
  note_taken()
  for place, key in ipairs(keys) do
    put_later(key, lane_at(place, known[place], delivered[place]), contents[place], due, now)
    outcomes[place] = 'delayed'
  end
end

local function put_now(known, delivered)
  local digests = skips_unchanged and digests_of(channel, keys)
  local unchanged, skipped = {}, 0
  note_taken()
  for place, key in ipairs(keys) do
    local fragments, folded = contents[place], nil
    if digests and is_new(key, known[place]) and is_delivered(digests, place, fragments) then
      outcomes[place] = 'unchanged'
      skipped = skipped + 1
      local noted = delivered[place]
      if noted and fragments[1][VERSION] > version_of(noted) then
        unchanged[#unchanged + 1] = key
        unchanged[#unchanged + 1] = with_version(noted, fragments[1][VERSION])
      end
    else
      outcomes[place], folded = put_one(key, known[place], lane_at(place, known[place], delivered[place]), fragments, delivered[place], now)
    end
    if folded and tag == 'P' and #folded[FRAGMENTS] > MANY_FRAGMENTS then many[#many + 1] = place - 1 end
  end
  store_fresh(now)
  if skipped > 0 then count('unchanged', skipped) end
  -- What is older than what was skipped is superseded all the same.
  if #unchanged > 0 then redis.call('HSET', name('history'), unpack(unchanged)) end
end

if repeated or #keys == 0 then
  for place = 1, #keys do outcomes[place] = 'duplicate' end
  count('accepted', #keys)
  count('duplicate', #keys)
else
  local known = redis.call('HMGET', JOBS, unpack(keys))
  local delivered = (tag == 'F' or lane == '') and remembered_all('history', keys) or {}
  if due and due > wall then
    put_ahead(known, delivered)
  else
    put_now(known, delivered)
  end
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
  lowered,
}
