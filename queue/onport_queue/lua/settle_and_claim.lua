-- settle_and_claim: end a flight and claim the next one, in one round trip and one wait for the disk.
--
-- ARGV  how many arguments of settle follow, these, then those of claim
-- Reply {reply of settle, reply of claim}; each as if it had been called alone, settle first.

local given, many = ARGV, tonumber(ARGV[1])
local keys = { base }
begin(keys, { unpack(given, 2, many + 1) })
local settled = scripts.settle()
if settled.err then return settled end
begin(keys, { unpack(given, many + 2) })
return { settled, scripts.claim() }
