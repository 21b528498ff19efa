-- The gate's memory: what the account's answers taught about its rate, and whether the endpoint answers at all.
--
--   tat       theoretical arrival time of the next request (GCRA);  last  when the last one was granted
--   highs     high requests in a row;  attended:<lane>  until when a drain is expected at the gate
--   ceiling   the configured requests/s, as the last claim said;  set  an operator's, which wins
--   learnt    the adaptive rate (rate.lua);  unasked  429s in a row that named no time to wait
--   outage    the breaker: {failures, keys, at, openings, until, since, probe, closed_at}; closed while openings is 0

local FAILURES_IN_A_ROW, FAILED_JOBS = 5, 3 -- open the breaker
local LONGEST_PAUSE = 60000                 -- ms: where a doubling pause ends
local LONGEST_ASKED_PAUSE = 3600000         -- ms: where what a 429 asks for ends

local function load_gate()
  local fields = redis.call('HMGET', GATE, 'tat', 'last', 'highs', 'ceiling', 'set', 'learnt', 'unasked', 'outage')
  return {
    tat = tonumber(fields[1] or 0), last = tonumber(fields[2] or 0), highs = tonumber(fields[3] or 0),
    ceiling = tonumber(fields[4] or nil), set = tonumber(fields[5] or nil),
    learnt = fields[6] and cmsgpack.unpack(fields[6]) or {}, unasked = tonumber(fields[7] or 0),
    outage = fields[8] and cmsgpack.unpack(fields[8]) or { failures = 0, keys = {}, openings = 0 },
  }
end

local function save_learnt(gate) redis.call('HSET', GATE, 'learnt', cmsgpack.pack(gate.learnt)) end
local function save_outage(gate) redis.call('HSET', GATE, 'outage', cmsgpack.pack(gate.outage)) end

-- Requests/s now, by all that limits it.
local function allowed_rate(gate, ceiling, now)
  return recovering_rate(adapted_rate(gate.learnt, ceiling), gate.outage.closed_at, now)
end

local function doubling(times) return math.min(LONGEST_PAUSE, 1000 * 2 ^ (times - 1)) end

-- A 429. asked_ms: what it asked to wait for, or -1.
local function throttle(gate, flight, asked_ms, now)
  local ceiling = gate.set or gate.ceiling
  local rate = refuse_rate(gate.learnt, flight.at, now, ceiling)
  local ms = math.min(asked_ms, LONGEST_ASKED_PAUSE)
  if rate then
    gate.unasked = asked_ms < 0 and gate.unasked + 1 or 0
    redis.call('HSET', GATE, 'unasked', gate.unasked)
    event(now, 'rate_lowered', { from_ = rate, to = gate.learnt.from, limit = gate.learnt.limit })
  end
  if asked_ms < 0 then ms = doubling(math.max(1, gate.unasked)) end
  save_learnt(gate)
  local standing = redis.call('HGET', PAUSES, 'account|throttled')
  local ends = math.max(now + ms, standing and cjson.decode(standing)['until'] or 0)
  pause('account', 'throttled', ends, 'answered 429', now)
  -- The endpoint's bucket has just been empty: what ours saved up meanwhile is not for a burst.
  redis.call('HSET', GATE, 'tat', string.format('%.3f', ends + 1000 / adapted_rate(gate.learnt, ceiling)))
end

-- No answer, or one that says that the endpoint is not well. Why: the status answered, or what kept the answer away.
local function note_failure(gate, lease, keys, status, text, now)
  local answered = string.match(status, '^%d+$')
  local outage = gate.outage
  if outage.openings > 0 then
    if outage.probe ~= lease then return end -- sent before the breaker opened: nothing new
  else
    outage.failures, outage.at = outage.failures + 1, now
    for _, key in ipairs(keys) do
      if #outage.keys < FAILED_JOBS and key ~= outage.keys[1] and key ~= outage.keys[2] then
        outage.keys[#outage.keys + 1] = key
      end
    end
    if outage.failures < FAILURES_IN_A_ROW or #outage.keys < FAILED_JOBS then return save_outage(gate) end
    outage.since = now
    event(now, 'outage_began', { failures = outage.failures, status = answered, cause = not answered and text or nil })
  end
  outage.openings = outage.openings + 1
  outage['until'] = now + doubling(outage.openings)
  outage.probe = nil
  save_outage(gate)
  local why = answered and 'answers ' .. answered or 'does not answer' .. (text ~= '' and ': ' .. text or '')
  pause('account', 'outage', outage['until'], 'the endpoint ' .. why, now)
end

-- Any other answer.
local function note_life(gate, lease, now)
  local outage = gate.outage
  if outage.openings > 0 then
    if outage.probe ~= lease then return end
    event(now, 'outage_ended', { seconds = (now - outage.since) / 1000 })
    gate.outage = { failures = 0, keys = {}, openings = 0, closed_at = now }
    return save_outage(gate)
  end
  if outage.failures > 0 then
    outage.failures, outage.keys = 0, {}
    save_outage(gate)
  end
end

-- From the first failure on, and while the breaker is open, a job that has failed is tried again only if nothing else
-- waits, in any lane. If nobody who could take the other work comes, the failed one is better than none.
local OTHERS_UNCLAIMED = 2000 -- ms
local function may_retry(outage, is_claimable, now)
  if outage.openings == 0 and outage.failures == 0 then return true end
  if is_held(outage.probe, now) then return false end
  local others = next_stream('high', is_claimable) or next_stream('low', is_claimable)
  return not others or now - math.max(outage.at, outage['until'] or 0) > OTHERS_UNCLAIMED
end
