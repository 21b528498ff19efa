-- schedule: what beats and workers do with one schedule, of which any number may be at work.
--
-- ARGV  operation, schedule, then
--         meet    its timing, its newest tick
--         tick    its newest tick
--         begin   the tick to run ('' = by hand), lease, term in ms
--         renew   lease, term in ms, items accepted so far
--         finish  lease, outcome, '1' to run the tick again, what to record (JSON object)
-- Reply meet: ''. tick: the tick a worker is to be told of, or ''. begin: begun, busy (another run goes on) or gone (the
--       tick is not due, or no longer). renew, finish: 1, or 0 if the run is another's by now or was given up
--
-- Ticks are ms of wall time. A schedule's record, JSON in the hash `schedules`:
--   timing, seen  as met; the newest tick that was taken notice of: a tick not newer than it is nobody's any more
--   due           {tick, attempt, told, again}: to be run; told so often, to be told again at
--   run           {tick, attempt, by_hand, lease, ends, began, accepted}: going on
-- and in the list `runs:<schedule>` what became of each tick, the newest first.

local operation, schedule = ARGV[1], ARGV[2]
local RUNS_KEPT = 100
local ATTEMPTS = 3
local TOLD_AGAIN, TOLD_SELDOM = 5000, 300000
-- A beat's clock may be ahead of the broker's by so much without its ticks waiting for that.
local AHEAD = 1000

local SCHEDULES, RUNS = name('schedules'), name('runs:' .. schedule)
local now, wall = clock()
local stored = redis.call('HGET', SCHEDULES, schedule)
local state = stored and cjson.decode(stored) or {}
local is_changed = operation ~= 'tick' -- a beat that only looks must not cost a write

local function record(outcome, tick, facts)
  facts.outcome, facts.tick, facts.ended = outcome, tick, math.floor(wall)
  redis.call('LPUSH', RUNS, cjson.encode(facts))
  redis.call('LTRIM', RUNS, 0, RUNS_KEPT - 1)
end

local function make_due(tick, attempt) state.due = { tick = tick, attempt = attempt, told = 0, again = 0 } end

-- What a run says of itself, whatever its end.
local function facts_of(run)
  return { attempt = run.attempt, by_hand = run.by_hand, began = run.began, accepted = run.accepted }
end

-- Its worker was killed, or lost the broker for long. By hand, whoever ran it sees to it.
local function give_up_lost()
  local run = state.run
  if not run or run.ends > now then return end
  record('lost', run.tick, facts_of(run))
  state.run, is_changed = nil, true
  if not run.by_hand and not state.due and run.attempt < ATTEMPTS then make_due(run.tick, run.attempt + 1) end
end

local function is_ours(lease) return state.run and state.run.lease == lease end

local reply = ''
if operation == 'meet' then
  -- Changed, it begins anew: what would have been due by the new timing was not missed.
  if state.timing ~= ARGV[3] then state.timing, state.seen, state.due = ARGV[3], tonumber(ARGV[4]), nil end
elseif operation == 'tick' then
  local newest = tonumber(ARGV[3])
  give_up_lost()
  if newest > (state.seen or 0) and newest <= wall + AHEAD then
    state.seen, is_changed = newest, true
    if state.run then
      record('skipped', newest, {})
    else
      if state.due and state.due.attempt == 1 then record('missed', state.due.tick, {}) end
      make_due(newest, 1)
    end
  end
  local due = state.due
  if due and not state.run and due.again <= now then
    due.again = math.floor(now + math.min(TOLD_AGAIN * 2 ^ due.told, TOLD_SELDOM))
    due.told, is_changed = math.min(due.told + 1, 10), true
    reply = whole(due.tick)
  end
elseif operation == 'begin' then
  local by_hand, due = ARGV[3] == '', state.due
  give_up_lost()
  if is_ours(ARGV[4]) then
    reply = 'begun' -- asked again, since the answer was lost
  elseif state.run then
    reply = 'busy'
  elseif by_hand or due and due.tick == tonumber(ARGV[3]) then
    state.run = {
      tick = by_hand and math.floor(wall) or due.tick, attempt = by_hand and 1 or due.attempt, by_hand = by_hand,
      lease = ARGV[4], ends = math.floor(now + ARGV[5]), began = math.floor(wall), accepted = 0,
    }
    if not by_hand then state.due = nil end
    reply = 'begun'
  else
    reply = 'gone'
  end
elseif operation == 'renew' then
  reply = is_ours(ARGV[3]) and 1 or 0
  if reply == 1 then state.run.ends, state.run.accepted = math.floor(now + ARGV[4]), tonumber(ARGV[5]) end
elseif operation == 'finish' then
  reply = is_ours(ARGV[3]) and 1 or 0
  if reply == 1 then
    local run, facts = state.run, facts_of(state.run)
    for fact, value in pairs(cjson.decode(ARGV[6])) do facts[fact] = value end
    record(ARGV[4], run.tick, facts)
    state.run = nil
    local again = ARGV[5] == '1' and not run.by_hand and not state.due
    -- Who was told to stop has not failed.
    local attempt = run.attempt + (ARGV[4] == 'stopped' and 0 or 1)
    if again and attempt <= ATTEMPTS then make_due(run.tick, attempt) end
  end
end

if is_changed then redis.call('HSET', SCHEDULES, schedule, cjson.encode(state)) end
return reply
