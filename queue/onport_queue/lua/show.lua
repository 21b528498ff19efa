-- show: one job, whole.
--
-- ARGV  job key
-- Reply {} if the queue holds nothing of it, else {state, lane, ms since the put, ms until due (0: not delayed),
--       JSON of what earlier requests taught, fragments, waiting fragments}, both {version, tag, link id, body, ...}

local now, key = clock(), ARGV[1]
local job = load(JOBS, key)
if not job then return {} end

local function flat(content)
  local out = {}
  for _, fragment in ipairs(content and content[FRAGMENTS] or {}) do
    out[#out + 1] = whole(fragment[VERSION])
    out[#out + 1] = fragment[TAG]
    out[#out + 1] = fragment[LINK] or ''
    out[#out + 1] = fragment[BODY]
  end
  return out
end

local due = redis.call('ZSCORE', DELAYED, key)
local tries = load(TRIES, key) or { attempts = 0, crashes = 0 }
return {
  state_of(key), job[LANE], math.floor(now - job[PUT_AT]), due and math.max(0, math.ceil(due - now)) or 0,
  cjson.encode(tries), flat(job), flat(load(WAITING, key)),
}
