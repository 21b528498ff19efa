-- compact: replace a run of partial fragments of a pending or delayed job by the one they fold into.
--
-- ARGV  job key, position of the first fragment (from 1), how many, sha1 of their bodies joined, the folded body
-- Reply 1 if replaced, 0 if the job has changed or moved since it was read.

local key, first, many = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local state = state_of(key)
if state ~= 'pending' and state ~= 'delayed' then return 0 end
local job = load(JOBS, key)
local fragments, bodies = job[FRAGMENTS], {}
for index = first, first + many - 1 do
  if not fragments[index] or fragments[index][TAG] ~= 'P' then return 0 end
  bodies[#bodies + 1] = fragments[index][BODY]
end
if redis.sha1hex(table.concat(bodies)) ~= ARGV[4] then return 0 end
local folded = { fragments[first + many - 1][VERSION], 'P', ARGV[5] }
for _ = 1, many do table.remove(fragments, first) end
table.insert(fragments, first, folded)
save(JOBS, key, job)
return 1
