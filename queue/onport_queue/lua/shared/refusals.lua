-- Refusals that speak of the channel's hash or of the address, not of a job: pauses with the cause `refused`.
--
-- Such a pause holds {status, prints, probe_at, probe}: the fingerprints (of hash and address, salted) that were refused,
-- by the time of their last refusal; when one of them may be tried again; the lease that tries now. A worker with another
-- fingerprint may try at once; one success ends the pause.
--   streaks  hash, <channel>:<kind> -> {status, keys}: different jobs refused in a row
--   trusted  hash, channel -> {prints, trial_at}: after one fingerprint ended the pause of another, only those that
--            were accepted are used; a worker without such a one may try its own once in PROBE_EVERY

local PROBE_EVERY = 300000 -- ms
local PRINTS_KEPT = 8
local REFUSED_IN_A_ROW = 20

local function refusal_scopes(stream) return { 'channel:' .. channel_of(stream), endpoint_of(stream) } end

local function refusals_of(stream, standing)
  local found = {}
  for _, pause in ipairs(standing) do
    if pause.cause == 'refused' and (pause.scope == 'channel:' .. channel_of(stream) or pause.scope == endpoint_of(stream)) then
      found[#found + 1] = pause
    end
  end
  return found
end

-- What a worker can send with, of arguments from `first` on: channel, fingerprint, channel, fingerprint, ...; the
-- preferred ones first. Channels that it has no hash of are left to others.
local function prints_from(arguments, first)
  local prints = {}
  for index = first, #arguments, 2 do
    local of = prints[arguments[index]] or {}
    prints[arguments[index]] = of
    of[#of + 1] = arguments[index + 1]
  end
  return prints
end

-- Of a worker's fingerprints the one to send with, or nil if the stream is closed to it.
local function print_for(stream, prints_of, standing, now)
  local prints = prints_of[channel_of(stream)]
  if not prints then return nil end
  local refusals = refusals_of(stream, standing)
  if #refusals == 0 then
    local trusted = load(TRUSTED, channel_of(stream))
    if not trusted then return prints[1] end
    for _, print in ipairs(prints) do
      if trusted.prints[print] then return print end
    end
    return now >= trusted.trial_at and prints[1] or nil
  end
  local again, longest_ago
  for _, print in ipairs(prints) do
    local refused_at = 0
    for _, refusal in ipairs(refusals) do
      if is_held(refusal.probe, now) then return nil end
      local at = refusal.prints[print] or 0
      if at > 0 and now < refusal.probe_at then at = math.huge end
      refused_at = math.max(refused_at, at)
    end
    if refused_at < (longest_ago or math.huge) then again, longest_ago = print, refused_at end
  end
  return again
end

local function note_probe(stream, print, standing, lease, now)
  for _, refusal in ipairs(refusals_of(stream, standing)) do
    refusal.probe = lease
    save_pause(refusal.scope, 'refused', refusal)
  end
  local trusted = load(TRUSTED, channel_of(stream))
  if trusted and not trusted.prints[print] then
    trusted.trial_at = now + PROBE_EVERY
    save(TRUSTED, channel_of(stream), trusted)
  end
end

local function standing_refusal(scope)
  local found = redis.call('HGET', PAUSES, scope .. '|refused')
  if not found then return nil end
  local refusal = cjson.decode(found)
  refusal.scope, refusal.cause = scope, 'refused'
  return refusal
end

-- Begin the pause, or note that a probe was in vain.
local function pause_refused(scope, status, print, now)
  local refusal = standing_refusal(scope)
  if not refusal then
    event(now, 'paused', { scope = scope, cause = 'refused', status = status })
    refusal = { ['until'] = 0, since = math.floor(now), prints = {} }
  end
  refusal.status, refusal.reason = status, 'answered ' .. status
  refusal.prints[print], refusal.probe_at, refusal.probe = math.floor(now), math.ceil(now + PROBE_EVERY), nil
  local many, oldest = 0, nil
  for known, at in pairs(refusal.prints) do
    many = many + 1
    if not oldest or at < refusal.prints[oldest] then oldest = known end
  end
  if many > PRINTS_KEPT then refusal.prints[oldest] = nil end
  save_pause(scope, 'refused', refusal)
end

-- Whether a refusal says no more than that this worker has a hash that was replaced.
local function is_outdated(flight)
  local trusted = load(TRUSTED, channel_of(flight.stream))
  return trusted and not trusted.prints[flight.print]
end

-- 401, 403: the channel's hash.
local function deny(flight, status, now)
  if is_outdated(flight) then return end
  local channel = channel_of(flight.stream)
  local trusted = load(TRUSTED, channel)
  if trusted then
    trusted.prints[flight.print] = nil
    if next(trusted.prints) then save(TRUSTED, channel, trusted) else redis.call('HDEL', TRUSTED, channel) end
  end
  pause_refused('channel:' .. channel, status, flight.print, now)
end

-- 3xx, 404, 405: the address.
local function misdirect(flight, status, now)
  if not is_outdated(flight) then pause_refused(endpoint_of(flight.stream), status, flight.print, now) end
end

local function undo_death(key)
  if redis.call('ZREM', DEAD, key) == 0 then return end
  local tries = load(TRIES, key)
  tries.attempts = math.max(0, tries.attempts - 1)
  save(TRIES, key, tries)
  enter(key, load(JOBS, key))
  count('died', -1)
end

-- Any other 4xx, once its flight has landed. When everything is refused alike, it was not the jobs.
local function note_refused(flight, status, now)
  local scope = endpoint_of(flight.stream)
  local stands = standing_refusal(scope)
  if stands or is_outdated(flight) then
    for _, key in ipairs(flight.keys) do undo_death(key) end
    if stands then pause_refused(scope, status, flight.print, now) end
    return
  end
  if #flight.keys > 1 then return end
  local field = channel_of(flight.stream) .. ':' .. kind_of(flight.stream)
  local streak = load(STREAKS, field)
  if not streak or streak.status ~= status then streak = { status = status, keys = {} } end
  for _, key in ipairs(streak.keys) do
    if key == flight.keys[1] then return end
  end
  streak.keys[#streak.keys + 1] = flight.keys[1]
  if #streak.keys < REFUSED_IN_A_ROW then return save(STREAKS, field, streak) end
  redis.call('HDEL', STREAKS, field)
  for _, key in ipairs(streak.keys) do undo_death(key) end
  pause_refused(scope, status, flight.print, now)
end

-- 2xx: whatever was refused before is so no longer.
local function accept(flight, now)
  local channel = channel_of(flight.stream)
  redis.call('HDEL', STREAKS, channel .. ':' .. kind_of(flight.stream))
  if redis.call('EXISTS', PAUSES) == 1 then
    for _, scope in ipairs(refusal_scopes(flight.stream)) do
      local refusal = standing_refusal(scope)
      if refusal then
        end_pause(refusal, now)
        event(now, 'resumed', { scope = scope, cause = 'refused' })
        if not refusal.prints[flight.print] then save(TRUSTED, channel, { prints = {}, trial_at = now + PROBE_EVERY }) end
      end
    end
  end
  local trusted = load(TRUSTED, channel)
  if trusted and not trusted.prints[flight.print] then
    trusted.prints[flight.print] = true
    save(TRUSTED, channel, trusted)
  end
end
