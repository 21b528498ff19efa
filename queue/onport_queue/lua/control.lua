-- control: pause, resume and rate, effective with the next claim of any worker.
--
-- ARGV  'pause', scope, ms (0: until resumed), reason
--       'resume', scope ('' = all): ends what stands in the way, whatever its cause
--       'rate', requests/s ('' = back to the configured ceiling); what was learnt about the limit is forgotten
--       'salt', a random text: kept if there is none yet
--       'epoch', the epoch the caller knew before ('' = none), a random text: kept if there is none yet
--       'accept_loss': an operator has dealt with a broker that came back empty
--       'leave', worker: it stops looking
-- Reply the number of pauses, rates, losses or workers changed; the salt; the epoch.
-- Scopes: account, lane:<lane>, channel:<channel>, endpoint:<channel>:<kind>.

local now = clock()
if ARGV[1] == 'pause' then
  local term = tonumber(ARGV[3])
  pause(ARGV[2], 'operator', term > 0 and now + term or 0, ARGV[4], now)
  event(now, 'paused', { scope = ARGV[2], cause = 'operator' })
  return 1
elseif ARGV[1] == 'resume' then
  local lifted = 0
  for _, standing in ipairs(pauses_at(now)) do
    if ARGV[2] == '' or ARGV[2] == standing.scope then
      end_pause(standing, now)
      event(now, 'resumed', { scope = standing.scope, cause = standing.cause })
      lifted = lifted + 1
    end
  end
  return lifted
elseif ARGV[1] == 'rate' then
  local gate = load_gate()
  redis.call('HDEL', GATE, 'learnt', 'unasked')
  if ARGV[2] == '' then
    if not gate.set then return 0 end
    redis.call('HDEL', GATE, 'set')
  else
    redis.call('HSET', GATE, 'set', ARGV[2])
  end
  event(now, 'rate_set', { to = tonumber(ARGV[2]) })
  return 1
elseif ARGV[1] == 'salt' then
  redis.call('HSETNX', META, 'salt', ARGV[2])
  return redis.call('HGET', META, 'salt')
elseif ARGV[1] == 'epoch' then
  redis.call('HSETNX', META, 'epoch', ARGV[3])
  local epoch = redis.call('HGET', META, 'epoch')
  local dealt_with = redis.call('HGET', META, 'loss_accepted')
  if ARGV[2] ~= '' and ARGV[2] ~= epoch and ARGV[2] ~= dealt_with and redis.call('HGET', META, 'lost') ~= ARGV[2] then
    redis.call('HSET', META, 'lost', ARGV[2], 'lost_at', whole(now))
    event(now, 'emptied', {})
  end
  return epoch
elseif ARGV[1] == 'accept_loss' then
  local lost = redis.call('HGET', META, 'lost')
  if not lost then return 0 end
  redis.call('HSET', META, 'loss_accepted', lost)
  return redis.call('HDEL', META, 'lost', 'lost_at') - 1
elseif ARGV[1] == 'leave' then
  return forget_worker(ARGV[2])
end
return redis.error_reply('control knows no ' .. ARGV[1])
