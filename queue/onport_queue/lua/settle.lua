-- settle: end a flight, job by job. Fenced: a lease that is gone or over its term settles nothing.
--
-- ARGV  lease id, sent (1: a request was made, 0: none), status of the answer ('' = none), its text,
--       pause of the account in ms (0: none), its reason, then per job in the order of the claim:
--       verdict (delivered|retry|released|halve|dead), delay in ms (retry; else 0)
-- Reply {'settled', woken lanes} or {'fenced'}

local lease, sent, status, text = ARGV[1], tonumber(ARGV[2]), ARGV[3], ARGV[4]
local pause_ms, pause_reason = tonumber(ARGV[5]), ARGV[6]

local now = clock()
local ends = redis.call('ZSCORE', LEASES, lease)
if not ends or tonumber(ends) <= now then
  count('fenced')
  return { 'fenced' }
end
local flight = load(FLIGHTS, lease)
if #ARGV ~= 6 + 2 * #flight.keys then
  return redis.error_reply('settle needs ' .. #flight.keys .. ' verdicts, got ' .. (#ARGV - 6) / 2)
end

local function verdict_of(index)
  local verdict = ARGV[5 + 2 * index]
  if verdict == 'retry' or verdict == 'released' then count(verdict == 'retry' and 'retried' or 'released') end
  return verdict, tonumber(ARGV[6 + 2 * index])
end

land_flight(lease, flight, verdict_of, { sent = sent, status = status, text = text }, now)
if pause_ms > 0 then -- never shortens what stands: an operator's pause must survive a 429
  local standing, ends_at = pauses_at(now)['account'], now + pause_ms
  if not standing or (standing['until'] > 0 and standing['until'] < ends_at) then
    pause('account', ends_at, pause_reason, now)
  end
end
return { 'settled', woken_lanes() }
