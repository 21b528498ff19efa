-- states: where jobs are.
--
-- ARGV  job keys, at most 500
-- Reply the state of each, '' if the queue holds nothing of it

local states = {}
for index, key in ipairs(ARGV) do states[index] = state_of(key) or '' end
return states
