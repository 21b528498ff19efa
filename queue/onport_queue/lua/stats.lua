-- stats: everything an operator asks, in one consistent look. Changes nothing but the clock.
--
-- ARGV  none
-- Reply one JSON object; times in ms of the queue's clock.

local now = clock()
local streams, pending_total = {}, 0
for _, lane in ipairs({ 'high', 'low' }) do
  for _, stream in ipairs(redis.call('ZRANGE', turns(lane), 0, -1)) do
    local head = redis.call('ZRANGE', pending(stream), 0, 0)[1]
    local size = redis.call('ZCARD', pending(stream))
    pending_total = pending_total + size
    streams[#streams + 1] = {
      lane = lane, channel = channel_of(stream), kind = kind_of(stream), pending = size,
      oldest_ms = math.floor(now - load(JOBS, head)[PUT_AT]),
    }
  end
end

local ledger, fields = {}, redis.call('HGETALL', LEDGER)
for index = 1, #fields, 2 do ledger[fields[index]] = tonumber(fields[index + 1]) end

local pauses = {}
for scope, found in pairs(pauses_at(now)) do
  local left = found['until'] > 0 and math.ceil(found['until'] - now) or -1
  pauses[#pauses + 1] = { scope = scope, reason = found.reason, left_ms = left, since_ms = math.floor(now - found.since) }
end

local WORKER_ALIVE = 5000
local workers = redis.call('ZRANGEBYSCORE', WORKERS, string.format('%.0f', now - WORKER_ALIVE), '+inf')

local due = redis.call('ZRANGE', DELAYED, 0, 0, 'WITHSCORES')[2]
return cjson.encode({
  streams = #streams > 0 and streams or nil, pauses = #pauses > 0 and pauses or nil, ledger = ledger,
  pending = pending_total, waiting = redis.call('HLEN', WAITING), delayed = redis.call('ZCARD', DELAYED),
  in_flight = redis.call('HLEN', INFLIGHT), dead = redis.call('ZCARD', DEAD), flights = redis.call('ZCARD', LEASES),
  next_due_ms = due and math.max(0, math.ceil(due - now)) or nil,
  workers = #workers > 0 and workers or nil,
  rate = tonumber(redis.call('HGET', GATE, 'rate') or nil),
})
