-- The adaptive rate: CUBIC-like. Pure functions over what was learnt: {limit, from, clean, refused_at} or {}.
--
--   limit       requests/s: just under the rate at which the endpoint last refused; absent: nothing was refused yet
--   from        requests/s: where the climb to it began
--   clean       ms of work at the allowed rate since then without a refusal
--   refused_at  when that was; a request claimed before it teaches nothing new
--
-- From `from` it climbs to `limit` within CLIMB s, stays about there, and then accelerates: at CLIMB + STRETCH s it is
-- twice the limit. What these figures reach is simulated in tests/queue/test_rate.py.

local SLOWEST = 1 -- requests/s: the vendor's documented synchronous limit
local CLIMB, STRETCH, POWER = 8, 22, 5
-- A refusal comes when the endpoint's burst is used up, so its limit is about the rate of a moment before.
local A_MOMENT, JUST_UNDER = 2, 0.99
-- A refusal within that moment means that the limit lies far below.
local LIMIT_AFTER_REPEATED, FROM_AFTER_REPEATED = 0.9, 0.5

local function rate_after(learnt, clean_s)
  if clean_s < CLIMB then return learnt.limit - (learnt.limit - learnt.from) * (1 - clean_s / CLIMB) ^ 3 end
  return learnt.limit * (1 + ((clean_s - CLIMB) / STRETCH) ^ POWER)
end

-- Requests/s that are allowed now.
local function adapted_rate(learnt, ceiling)
  if not learnt.limit then return ceiling end
  return math.min(ceiling, rate_after(learnt, learnt.clean / 1000))
end

-- A request was granted `passed` ms after the one before. A rate that is not used teaches nothing about the limit.
local function use_rate(learnt, passed, interval)
  if learnt.limit and passed <= 3 * interval then learnt.clean = learnt.clean + passed end
end

-- A request claimed at `claimed_at` was refused. Returns the rate it was refused at, or nil if that is known already.
local function refuse_rate(learnt, claimed_at, now, ceiling)
  if learnt.refused_at and claimed_at <= learnt.refused_at then return nil end
  local rate, slowest = adapted_rate(learnt, ceiling), math.min(SLOWEST, ceiling)
  if learnt.limit and learnt.clean < A_MOMENT * 1000 then
    learnt.limit = math.max(slowest, LIMIT_AFTER_REPEATED * rate)
    learnt.from = math.max(slowest, FROM_AFTER_REPEATED * rate)
  else
    local before = learnt.limit and math.min(rate, rate_after(learnt, learnt.clean / 1000 - A_MOMENT)) or rate
    learnt.limit = math.max(slowest, JUST_UNDER * before)
    learnt.from = learnt.limit
  end
  learnt.clean, learnt.refused_at = 0, now
  return rate
end

-- After an outage: a tenth of the rate, doubled every second. `closed_at` is nil if there was none.
local RECOVERS_FROM = 0.1
local function recovering_rate(rate, closed_at, now)
  if not closed_at then return rate end
  return math.min(rate, rate * RECOVERS_FROM * 2 ^ math.floor(math.max(0, now - closed_at) / 1000))
end
