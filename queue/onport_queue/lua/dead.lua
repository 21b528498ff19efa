-- dead: a page of dead letters, those that died first first. Changes nothing but the clock.
--
-- ARGV  earliest time of death in ms before now ('' = any), the cursor: score and key of the last letter seen
--       ('' and '' = none; it then takes the place of the time), most to read (at most 500)
-- Reply {score and key of the last letter read ('' and '' = there are no more), letters}, letter: {key, stream,
--       ms since the death, ms since the put, JSON of what earlier requests taught}

local now = clock()
local score, seen, most = ARGV[2], ARGV[3], tonumber(ARGV[4])
if score == '' then score = ARGV[1] == '' and '-inf' or whole(now - tonumber(ARGV[1])) end

-- Letters come and go between two pages: after the last one seen, or if it has gone, from its time on.
local rank = seen ~= '' and redis.call('ZRANK', DEAD, seen)
local stands = rank and redis.call('ZSCORE', DEAD, seen) == score
local from = stands and rank + 1 or redis.call('ZCOUNT', DEAD, '-inf', '(' .. score)
local page = redis.call('ZRANGE', DEAD, from, from + most - 1, 'WITHSCORES')
local letters, last_score, last_key = {}, '', ''
for index = 1, #page, 2 do
  local key, died = page[index], page[index + 1]
  local job = load(JOBS, key)
  if died ~= score or key > seen then
    letters[#letters + 1] = {
      key, stream_of(key, job), math.floor(now - tonumber(died)), math.floor(now - job[PUT_AT]),
      cjson.encode(load(TRIES, key)),
    }
  end
  last_score, last_key = died, key
end
return { last_score, last_key, letters }
