-- show: one job, whole.
--
-- ARGV  job key
-- Reply {} if the queue holds nothing of it, else {state, lane, ms since the put, ms until due (0: not delayed),
--       JSON of what earlier requests taught, fragments, waiting fragments, puts ahead of their time: {ms until due,
--       fragments} each, the first hundred}; fragments are {version, tag, link id, body, ...}

local now, wall = clock()
local key = ARGV[1]
local LATER_SHOWN = 100

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

local later, ids = {}, later_of(key, LATER_SHOWN)
for index, id in ipairs(ids) do
  local left = math.max(0, math.ceil(redis.call('ZSCORE', LATER, id) - wall))
  later[index] = { left, flat(load(LATER_PUTS, id)) }
end
table.sort(later, function(one, other) return one[1] < other[1] end)

local job = load(JOBS, key)
if not job then
  if #later == 0 then return {} end
  local put = load(LATER_PUTS, ids[1])
  return {
    'delayed', put[LANE], math.floor(now - put[PUT_AT]), later[1][1], cjson.encode({ attempts = 0, crashes = 0 }), {}, {}, later,
  }
end
local due = redis.call('ZSCORE', DELAYED, key)
local tries = load(TRIES, key) or { attempts = 0, crashes = 0 }
return {
  state_of(key), job[LANE], math.floor(now - job[PUT_AT]), due and math.max(0, math.ceil(due - now)) or 0,
  cjson.encode(tries), flat(job), flat(load(WAITING, key)), later,
}
