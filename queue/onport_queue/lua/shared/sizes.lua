-- What refused batches taught about the size of a batch.
--
--   splits  hash, split -> {kind, left, most, least, guilty}: a batch that was refused and is halved until the culprit
--           stands alone: jobs still in it, the largest part accepted, the smallest refused, whether a culprit was found
--   sizes   hash, kind -> {items, good, bytes, clean, need}: the most that was accepted where more was refused
--
-- A split without a culprit was refused for its size. A learnt size grows by a tenth after `need` full batches without a
-- refusal; each time it has to be learnt again, `need` doubles.

local FIRST_NEED, LONGEST_NEED = 10, 1280
local SMALLEST_BYTES = 1000

local function relearn(kind, change, now)
  local size = load(SIZES, kind) or { need = FIRST_NEED }
  change(size)
  size.clean, size.need = 0, math.min(2 * size.need, LONGEST_NEED)
  save(SIZES, kind, size)
  event(now, 'size_learned', { kind = kind, items = size.items, bytes = size.bytes })
end

local function learn_items(kind, split, now)
  relearn(kind, function(size)
    local good = size.good and size.good < split.least and size.good or 0
    size.items = math.max(split.most, good)
    size.good = size.items
  end, now)
end

-- 413 for more than one item.
local function learn_bytes(kind, bytes, now)
  relearn(kind, function(size) size.bytes = math.max(SMALLEST_BYTES, math.floor(bytes / 2)) end, now)
end

local function begin_split(flight) return { kind = kind_of(flight.stream), left = #flight.keys, most = 0, least = #flight.keys } end

-- A job has left its split: delivered, or dead and so a culprit.
local function leave_split(split, guilty)
  split.left = split.left - 1
  split.guilty = split.guilty or guilty
end

local function save_split(id, split, now)
  if split.left > 0 then return save(SPLITS, id, split) end
  redis.call('HDEL', SPLITS, id)
  -- A 413 has taught its bytes already.
  if not split.guilty and not split.bytes and split.most > 0 then learn_items(split.kind, split, now) end
end

-- A batch was accepted.
local function note_size(flight)
  local kind = kind_of(flight.stream)
  local size = load(SIZES, kind)
  if not size then return end
  local full = size.items and #flight.keys >= size.items
  if full then size.good = math.max(size.good or 0, #flight.keys) end
  if not (full or size.bytes and flight.bytes > size.bytes / 2) then return end
  size.clean = size.clean + 1
  if size.clean >= size.need then
    size.clean = 0
    if size.items then size.items = size.items + math.max(1, math.floor(size.items / 10)) end
    if size.bytes then size.bytes = math.floor(size.bytes * 1.1) end
  end
  save(SIZES, kind, size)
end
