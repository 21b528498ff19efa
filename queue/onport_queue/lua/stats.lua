-- stats: everything an operator asks, in one consistent look. Changes nothing but the clock and pauses that are over.
--
-- ARGV  none
-- Reply one JSON object; times in ms of the queue's clock.

local now, wall = clock()
local gate, standing = load_gate(), pauses_at(now)
local streams, pending_total = {}, 0
for _, lane in ipairs({ 'high', 'low' }) do
  for _, stream in ipairs(redis.call('ZRANGE', turns(lane), 0, -1)) do
    local head = redis.call('ZRANGE', pending(stream), 0, 0)[1]
    local size = redis.call('ZCARD', pending(stream))
    pending_total = pending_total + size
    streams[#streams + 1] = {
      lane = lane, channel = channel_of(stream), kind = kind_of(stream), pending = size,
      oldest_ms = math.floor(now - load(JOBS, head)[PUT_AT]), name = stream,
    }
  end
end

-- Whoever looks takes back what has expired; not to have done so for a while is not to have looked.
local OVERDUE_AFTER = 3000

local ledger, fields = {}, redis.call('HGETALL', LEDGER)
for index = 1, #fields, 2 do ledger[fields[index]] = tonumber(fields[index + 1]) end

local function behind(scope)
  local sum = 0
  for _, stream in ipairs(streams) do
    if scope == 'account' or stopped_by({ [scope] = true }, stream.name) then sum = sum + stream.pending end
  end
  return sum
end

local function known(prints)
  local list = {}
  for print in pairs(prints or {}) do list[#list + 1] = print end
  return #list > 0 and list or nil
end

local pauses = {}
for _, found in ipairs(standing) do
  local ends = found.cause == 'refused' and found.probe_at or found['until']
  pauses[#pauses + 1] = {
    scope = found.scope, cause = found.cause, reason = found.reason, behind = behind(found.scope),
    left_ms = ends > 0 and math.max(0, math.floor(ends - now)) or -1, since_ms = math.floor(now - found.since),
    prints = known(found.prints),
  }
end

local sizes, learnt = {}, redis.call('HGETALL', SIZES)
for index = 1, #learnt, 2 do
  local size = cmsgpack.unpack(learnt[index + 1])
  sizes[#sizes + 1] = { kind = learnt[index], items = size.items, bytes = size.bytes }
end

local told = {}
for index, encoded in ipairs(redis.call('LRANGE', EVENTS, 0, -1)) do
  local found = cjson.decode(encoded)
  found.ago_ms, found.at = math.floor(now - found.at), nil
  told[index] = found
end

local workers, crew = workers_at(now, wall)

local ceiling = gate.set or gate.ceiling
local outage = gate.outage.openings > 0 and {
  openings = gate.outage.openings, since_ms = math.floor(now - gate.outage.since),
  probing = is_held(gate.outage.probe, now) and true or false,
} or nil
local due = redis.call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')[2]
local later = redis.call('ZRANGE', LATER, 0, 0, 'WITHSCORES')[2]
local next_due = math.min(due and due - now or math.huge, later and later - wall or math.huge)
local lost_at = redis.call('HGET', META, 'lost_at')
return cjson.encode({
  streams = #streams > 0 and streams or nil, pauses = #pauses > 0 and pauses or nil, ledger = ledger,
  pending = pending_total, waiting = redis.call('HLEN', WAITING),
  delayed = redis.call('ZCARD', DELAYED) + redis.call('ZCARD', LATER),
  in_flight = redis.call('HLEN', INFLIGHT), dead = redis.call('ZCARD', DEAD), flights = redis.call('ZCARD', LEASES),
  next_due_ms = next_due < math.huge and math.max(0, math.ceil(next_due)) or nil,
  workers = #workers > 0 and workers or nil, crew = #crew > 0 and crew or nil,
  overdue = redis.call('ZCOUNT', LEASES, '-inf', whole(now - OVERDUE_AFTER)),
  rate_set = gate.set, rate_allowed = ceiling and allowed_rate(gate, ceiling, now) or nil, rate_limit = gate.learnt.limit,
  emptied_ms = lost_at and math.floor(now - lost_at) or nil,
  outage = outage, sizes = #sizes > 0 and sizes or nil, events = #told > 0 and told or nil,
})
