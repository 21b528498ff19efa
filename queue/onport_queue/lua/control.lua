-- control: pause, resume and rate, effective with the next claim of any worker.
--
-- ARGV  'pause', scope, ms (0: until resumed), reason
--       'resume', scope ('' = all): ends what stands in the way, whatever its cause
--       'rate', requests/s ('' = back to the configured ceiling); what was learnt about the limit is forgotten
--       'salt', a random text: kept if there is none yet
-- Reply the number of pauses or rates changed; the salt.
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
end
return redis.error_reply('control knows pause, resume, rate and salt, not ' .. ARGV[1])
