-- What all scripts share, in files put before them by scripts.py. This one: the structures and the records in them.
--
-- base     the account's base key, KEYS[1] of a call, e.g. onport-relay:{default}. Every other name is derived from it
--          and shares its hash tag, so an account lives in one slot.
--
-- A job's state is the structure that holds it; nothing else says it:
--   pending:<lane>:<channel>:<kind>  sorted set, key -> place     pending
--   waiting                          hash, key -> content         put while its key is in flight
--   delayed                          sorted set, key -> due ms    a retry
--   later                            sorted set, id -> due ms of Redis's time of day   put ahead of its time (putting.lua)
--   inflight                         hash, key -> lease           claimed, not yet settled
--   dead                             sorted set, key -> died ms   dead
-- and beside it
--   jobs      hash, key -> {lane, place, put_at, fragments}   content of pending, delayed, in flight and dead jobs
--   tries     hash, key -> what earlier requests of the job taught (absent for most)
--   leases    sorted set, lease -> expiry ms;  flights  hash, lease -> {stream, keys, alone, split, print, at, bytes, term,
--             versions, digests}: of full payloads, else false
--   settled   sorted set, lease -> when it was settled, for a while: it is neither settled nor claimed again
--   turns:<lane>  sorted set, stream with pending work -> the turn it was last served in
--   gate      hash: the rate and what the account's answers taught (gate.lua)
--   pauses, paused, streaks, trusted  hashes (pauses.lua, refusals.lua);  splits, sizes  hashes (sizes.lua)
--   ledger, meta                      hashes;  events  list, the newest first
--   workers, crew                     sorted set, worker -> its last look;  hash, worker -> what is known of it (workers.lua)
--   schedules, runs:<schedule>, beat  hash, list (schedule.lua);  text with an expiry: a beat is at work
--   later:puts  hash, id -> content;  later:keys  sorted set, all scores 0: those ids, to be found by key
--   history, puts, digests            two generations each (see rotate);  prints  hash (digests.lua)
--
-- A fragment is {version, tag, body, id}: tag F (full) or P (partial) for sales and products, A (acknowledge) or
-- D (disconnect) for one variant link, whose id the fourth field is. Bodies are never parsed here.

local base
local function name(suffix) return base .. ':' .. suffix end

local JOBS, WAITING, TRIES, DELAYED, DEAD, INFLIGHT, LEASES, FLIGHTS, SETTLED, GATE, PAUSES, PAUSED, LEDGER, META
local STREAKS, TRUSTED, SPLITS, SIZES, EVENTS, WORKERS, CREW, LATER, LATER_PUTS, LATER_KEYS, PRINTS

-- All names are those of one account, until they are those of another.
local function speak_of(account)
  if base == account then return end
  base = account
  JOBS, WAITING, TRIES, DELAYED, DEAD = name('jobs'), name('waiting'), name('tries'), name('delayed'), name('dead')
  INFLIGHT, LEASES, FLIGHTS, SETTLED = name('inflight'), name('leases'), name('flights'), name('settled')
  GATE, PAUSES, PAUSED, LEDGER, META = name('gate'), name('pauses'), name('paused'), name('ledger'), name('meta')
  STREAKS, TRUSTED, SPLITS, SIZES = name('streaks'), name('trusted'), name('splits'), name('sizes')
  EVENTS, WORKERS, CREW = name('events'), name('workers'), name('crew')
  LATER, LATER_PUTS, LATER_KEYS, PRINTS = name('later'), name('later:puts'), name('later:keys'), name('prints')
end

local LANE, PLACE, PUT_AT, FRAGMENTS = 1, 2, 3, 4 -- fields of a job and of a waiting content
local VERSION, TAG, BODY, LINK = 1, 2, 3, 4       -- fields of a fragment
local KIND_OF_TAG = { A = 'acknowledge', D = 'disconnect' }
local PROMOTIONS = 100                            -- bound of every loop over due or expired work
local EVENTS_KEPT = 100

-- What is stored is of this format; without a mark it is 1. A release reads every older one, and refuses a newer one before
-- it has changed anything. Whoever stores records (put, claim) marks them as theirs; who only looks does not, for an
-- older release may still be at work.
local FORMAT = 1
local stored_format
local function read_format()
  stored_format = tonumber(redis.call('HGET', META, 'format') or nil)
  if (stored_format or 1) > FORMAT then
    return redis.error_reply(string.format(
      'NEWERFORMAT the queue in Redis is of format %d, this release of the relay reads %d: upgrade it here; nothing was changed',
      stored_format, FORMAT))
  end
end

local function mark_format()
  if stored_format ~= FORMAT then redis.call('HSET', META, 'format', FORMAT) end
end

local function whole(number) return string.format('%.0f', number) end

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

local events -- of this call

-- Something an operator wants to know; facts only, the wording is the reader's.
local function event(now, what, facts)
  facts.at, facts.name = math.floor(now), what
  events[#events + 1] = cjson.encode(facts)
  redis.call('LPUSH', EVENTS, events[#events])
  redis.call('LTRIM', EVENTS, 0, EVENTS_KEPT - 1)
end
