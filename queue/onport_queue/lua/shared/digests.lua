-- Digests of delivered product payloads: what an import puts again unchanged is skipped.
--
--   digests  key -> the first 16 digits of its last delivered payload's SHA-1, then the fingerprint it was sent with;
--            only of a single full payload, only from its delivery to the start of the next request
--   prints   channel -> the fingerprints (of hash and address) that workers send with now: what another account or
--            another address was sent is not what this one has

local DIGITS = 16

local function digest_of(fragments)
  local only = #fragments == 1 and fragments[1]
  return only and only[TAG] == 'F' and string.sub(redis.sha1hex(only[BODY]), 1, DIGITS)
end

local function note_prints(channel, prints)
  local now = table.concat(prints, ' ')
  if redis.call('HGET', PRINTS, channel) ~= now then redis.call('HSET', PRINTS, channel, now) end
end

-- {digests by place, prints}, or nil if no worker has looked yet.
local function digests_of(channel, keys)
  local prints = redis.call('HGET', PRINTS, channel)
  if not prints then return nil end
  local known = {}
  for print in string.gmatch(prints .. ' ', '(%S*) ') do known[print] = true end
  return { by_place = remembered_all('digests', keys), prints = known }
end

local function is_delivered(digests, place, fragments)
  local noted = digests.by_place[place]
  return noted and string.sub(noted, 1, DIGITS) == digest_of(fragments)
    and digests.prints[string.sub(noted, DIGITS + 1)]
end

local function clear_digests(keys)
  for _, generation in ipairs({ 'digests', 'digests:old' }) do
    if redis.call('EXISTS', name(generation)) == 1 then redis.call('HDEL', name(generation), unpack(keys)) end
  end
end
