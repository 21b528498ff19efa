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

local ids, due_at = later_of(key, LATER_SHOWN), {}
for _, id in ipairs(ids) do due_at[id] = tonumber(redis.call('ZSCORE', LATER, id)) end
-- By id what is due together: ids are in the order of the puts, and table.sort keeps no order.
table.sort(ids, function(one, other)
  if due_at[one] ~= due_at[other] then return due_at[one] < due_at[other] end
  return one < other
end)
local later = {}
for index, id in ipairs(ids) do
  later[index] = { math.max(0, math.ceil(due_at[id] - wall)), flat(load(LATER_PUTS, id)) }
end

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
