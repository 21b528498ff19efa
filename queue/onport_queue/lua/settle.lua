-- settle: end a flight, job by job. Fenced: a lease that is gone or over its term settles nothing.
--
-- ARGV  lease id, what was answered (none|accepted|throttled|failed|refused|denied|misdirected),
--       sent (1: the request counts as an attempt), status of the answer ('' = none), its text,
--       ms that a 429 asked to wait for (-1: it did not say), then per job in the order of the claim:
--         verdict (delivered|retry|released|halve|dead), delay in ms (retry; else 0)
--       or for all: 'all', verdict, delay, how many jobs ('' = however many there are)
-- Reply {'settled', woken lanes, events} or {'fenced'}. Repeated after its reply was lost: {'settled', {}, {}}.

local lease, kind, sent, status, text = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local asked_ms = tonumber(ARGV[6])
local SETTLED_REMEMBERED = 60000 -- ms

local now, wall = clock()
local ends = redis.call('ZSCORE', LEASES, lease)
if not ends and redis.call('ZSCORE', SETTLED, lease) then return { 'settled', {}, {} } end
if not ends or tonumber(ends) <= now then
  -- A release of what was never granted, or never sent, loses no outcome.
  if kind ~= 'none' or sent == 1 then count('fenced') end
  return { 'fenced' }
end
local flight = load(FLIGHTS, lease)
local for_all = ARGV[7] == 'all'
local given = for_all and (tonumber(ARGV[10]) or #flight.keys) or (#ARGV - 6) / 2
if given ~= #flight.keys then
  return redis.error_reply('settle needs ' .. #flight.keys .. ' verdicts, got ' .. given)
end

local function verdict_of(index)
  local at = for_all and 8 or 5 + 2 * index
  local verdict = ARGV[at]
  if verdict == 'retry' or verdict == 'released' then count(verdict == 'retry' and 'retried' or 'released') end
  return verdict, tonumber(ARGV[at + 1])
end

land_flight(lease, flight, verdict_of, { kind = kind, sent = sent, status = status, text = text, at = wall }, now)
redis.call('ZADD', SETTLED, whole(now), lease)
redis.call('ZREMRANGEBYSCORE', SETTLED, '-inf', whole(now - SETTLED_REMEMBERED))

local gate = load_gate()
if kind == 'failed' then
  note_failure(gate, lease, flight.keys, status, text, now)
elseif kind ~= 'none' then
  note_life(gate, lease, now)
end
if kind == 'accepted' then
  if gate.unasked > 0 then redis.call('HSET', GATE, 'unasked', 0) end
  accept(flight, now)
  note_size(flight)
elseif kind == 'throttled' then
  throttle(gate, flight, asked_ms, now)
elseif kind == 'denied' then
  deny(flight, status, now)
elseif kind == 'misdirected' then
  misdirect(flight, status, now)
elseif kind == 'refused' then
  if status == '413' and #flight.keys > 1 then learn_bytes(kind_of(flight.stream), flight.bytes, now) end
  note_refused(flight, status, now)
end
return { 'settled', woken_lanes(), events }
