-- Folding: what several puts of one key hold together.

-- Sorted by version, a later arrival after its equals; nothing older than the newest full payload is kept.
local function fold_payload(fragments, new)
  local at = #fragments + 1
  while at > 1 and fragments[at - 1][VERSION] > new[VERSION] do at = at - 1 end
  table.insert(fragments, at, new)
  for index = #fragments, 2, -1 do
    if fragments[index][TAG] == 'F' then
      for _ = 1, index - 1 do table.remove(fragments, 1) end
      return
    end
  end
end

-- An item's other fields (`*acknowledge`, `*disconnect`) go with its links: once the last one is wished otherwise, they
-- would be an item that links nothing.
local function drop_bare_item(fragments, tag)
  local item
  for index, fragment in ipairs(fragments) do
    if fragment[TAG] == tag then
      if string.sub(fragment[LINK], 1, 1) ~= '*' then return end
      item = index
    end
  end
  if item then table.remove(fragments, item) end
end

-- In order of arrival; per link only the newest wish is kept. A changed mind goes to the end.
local function fold_link(fragments, new)
  for index, old in ipairs(fragments) do
    if old[LINK] == new[LINK] then
      if new[VERSION] < old[VERSION] then return end
      if new[TAG] == old[TAG] then
        fragments[index] = new
      else
        table.remove(fragments, index)
        drop_bare_item(fragments, old[TAG])
        fragments[#fragments + 1] = new
      end
      return
    end
  end
  fragments[#fragments + 1] = new
end

local function fold(fragments, newer)
  for _, new in ipairs(newer) do
    if KIND_OF_TAG[new[TAG]] then fold_link(fragments, new) else fold_payload(fragments, new) end
  end
end

local function fold_content(job, content)
  fold(job[FRAGMENTS], content[FRAGMENTS])
  if content[LANE] == 'high' then job[LANE] = 'high' end
  count('folded')
end

-- The version of the full payload at the base of a content, or nil.
local function full_version(fragments)
  local first = fragments[1]
  return first and first[TAG] == 'F' and first[VERSION] or nil
end
