-- delivered: a page of the history. Changes nothing.
--
-- ARGV  generation (history|history:old), cursor (0: begin), about how many
-- Reply {cursor of the next page (0: none), key, noted, key, noted, ...}; of the older generation only what the newer one
--       does not have

local generation, cursor = ARGV[1], ARGV[2]
local page = redis.call('HSCAN', name(generation), cursor, 'COUNT', ARGV[3])
local found = { page[1] }
for index = 1, #page[2], 2 do
  if generation == 'history' or redis.call('HEXISTS', name('history'), page[2][index]) == 0 then
    found[#found + 1] = page[2][index]
    found[#found + 1] = page[2][index + 1]
  end
end
return found
